//! One readout channel of one exposure, and the reference image that is subtracted from it.
//!
//! Names of files and numbers of references are spelt as in real packets; calibration terms are drawn in their ranges.

use super::super::numbers::{between, convergence, magnitude, salt, to, wrapped};
use super::super::wire::{civil, digits};
use crate::{Random, Seen, Visit};

/// Pixels of a readout channel, across and up.
const SIZE: (f64, f64) = (3072.0, 3080.0);

/// MJD of day 0 of `nid` and `pid`: 2017-01-01.
const FIRST_NIGHT: i64 = 57_754;

/// One readout channel of one exposure.
#[derive(Clone, Copy)]
pub struct Image {
    pub visit: Visit,
    /// Readout channel.
    pub rcid: u16,
    /// Filter: 1 g, 2 r, 3 i.
    pub fid: u8,
    pub pid: u64,
    pub jd: f64,
    /// AB magnitude of a 5σ source.
    pub limit: f64,
    /// What is drawn of it.
    pub stream: Random,
}

impl Image {
    pub fn new(seen: &Seen) -> Image {
        let (visit, rcid) = (seen.visit, seen.detector % 64);
        let fid = match visit.band.name() {
            "g" => 1,
            "i" => 3,
            _ => 2,
        };
        let pid = visit.number.wrapping_mul(10_000).wrapping_add(u64::from(rcid) * 100 + 15);
        Image {
            visit,
            rcid,
            fid,
            pid,
            jd: to(visit.start_utc + 2_400_000.5, 1e7),
            limit: magnitude(visit.limit),
            stream: Random::new(pid),
        }
    }

    /// The reference's stream: one for field, channel and filter.
    pub fn reference(&self) -> Random {
        Random::new(self.rfid())
    }

    pub fn rfid(&self) -> u64 {
        u64::from(self.visit.field) * 1_000_000 + 120_000 + u64::from(self.fid) * 100 + u64::from(self.rcid)
    }

    pub fn clrcoeff(&self) -> f64 {
        let middle = [-0.05, 0.1, 0.03][usize::from(self.fid - 1)];
        middle + between(self.stream, salt("clrcoeff"), -0.02, 0.02)
    }

    pub fn magzpsciunc(&self) -> f64 {
        between(self.stream, salt("magzpsciunc"), 3e-6, 6e-5)
    }

    pub fn magzpscirms(&self) -> f64 {
        between(self.stream, salt("magzpscirms"), 0.018, 0.06)
    }

    pub fn clrcounc(&self) -> f64 {
        self.magzpsciunc() * 1.2
    }

    /// Where a place falls on the channel, pixels: near places fall near each other, and every one falls on it.
    pub fn pixel(&self, ra: f64, dec: f64) -> (f64, f64) {
        let stretch = convergence(dec as i8 as f64) * 3600.0 / 1.012;
        let reference = self.reference();
        let shift = |name| between(reference, name, 0.0, 3000.0);
        let wrap = |value: f64, size: f64| 10.0 + wrapped(value, size - 20.0);
        (wrap(shift(salt("x")) - ra * stretch, SIZE.0), wrap(shift(salt("y")) + dec * 3600.0 / 1.012, SIZE.1))
    }

    /// Distance of a pixel from the nearest edge.
    pub fn edge(x: f64, y: f64) -> f64 {
        x.min(SIZE.0 - x).min(y).min(SIZE.1 - y)
    }

    /// The difference image's name, without an extension of its packing.
    pub fn file_name(&self, out: &mut Vec<u8>) {
        let (date, fraction) = self.date();
        out.extend_from_slice(b"ztf_");
        digits(date, 8, out);
        digits(fraction, 6, out);
        out.push(b'_');
        digits(u64::from(self.visit.field), 6, out);
        out.extend_from_slice(match self.fid {
            1 => b"_zg_c",
            2 => b"_zr_c",
            _ => b"_zi_c",
        });
        digits(u64::from(self.rcid / 4 + 1), 2, out);
        out.extend_from_slice(b"_o_q");
        digits(u64::from(self.rcid % 4 + 1), 1, out);
        out.extend_from_slice(b"_scimrefdiffimg.fits");
    }

    /// The same, where the archive has it.
    pub fn archive_name(&self, out: &mut Vec<u8>) {
        let (date, fraction) = self.date();
        out.extend_from_slice(b"/ztf/archive/sci/");
        digits(date / 10_000, 4, out);
        out.push(b'/');
        digits(date % 10_000, 4, out);
        out.push(b'/');
        digits(fraction, 6, out);
        out.push(b'/');
        self.file_name(out);
        out.extend_from_slice(b".fz");
    }

    /// YYYYMMDD, and millionths of the day at which the file was opened: a little before the exposure.
    fn date(&self) -> (u64, u64) {
        let (day, fraction) = (self.visit.number / 100_000, self.visit.number % 100_000 * 10);
        let (year, month, day) = civil(FIRST_NIGHT + day.min(1_000_000) as i64);
        (year * 10_000 + month * 100 + day, fraction.saturating_sub(45))
    }
}
