//! Forced photometry of ZTF: the columns of `fp_hists`.

use super::super::numbers::{between, counts, salt, six_digits, to};
use super::super::plan::Column::{self, *};
use super::image::Image;
use super::source::{NearestSource, PIXEL};
use crate::{Random, Seen};

/// What is not there (Masci et al. 2023).
const NONE: f64 = -99_999.0;

/// A forced measurement, with what several columns need.
pub struct Row {
    seen: Seen,
    image: Image,
    /// Counts and their error at the zero point as it is sent; `None` where nothing could be measured.
    counts: Option<(f64, f64)>,
    reference: Option<NearestSource>,
}

impl Row {
    pub fn new(seen: &Seen) -> Row {
        let image = Image::new(seen);
        let measured = seen.flux.is_finite() && seen.sigma.is_finite() && seen.sigma > 0.0;
        let scale = counts(f64::from(six_digits(f64::from(seen.visit.zero_point as f32)) as f32));
        let near = seen.reference.flux.map(|_| NearestSource::new(seen, image.reference()));
        Row {
            counts: measured.then_some((seen.flux * scale, seen.sigma * scale)),
            reference: near.filter(|_| measured),
            image,
            seen: *seen,
        }
    }

    /// 0: measured; 56: bad pixels; 61: no flux (Masci et al. 2023).
    fn status(&self) -> &'static [u8] {
        match self.counts {
            None => b"61",
            Some(_) if self.seen.bad => b"56",
            Some(_) => b"0",
        }
    }

    fn of_reference(&self, name: &str, from: f64, until: f64) -> f64 {
        self.reference.map_or(NONE, |_| to(between(self.image.reference(), salt(name), from, until), 1e3))
    }
}

fn of_image(row: &Row) -> Random {
    row.image.stream
}

/// The column of that name.
pub fn column(name: &str) -> Option<Column<Row>> {
    Some(match name {
        "field" => Integer(|row| row.seen.visit.field.into()),
        "rcid" => Integer(|row| row.image.rcid.into()),
        "fid" => Integer(|row| row.image.fid.into()),
        "pid" => Integer(|row| row.image.pid as i64),
        "rfid" => Integer(|row| row.image.rfid() as i64),
        "sciinpseeing" => Real(|row| row.seen.visit.seeing / PIXEL),
        "scibckgnd" => Real(|row| row.seen.visit.sky),
        // Photons of the sky at 6 electrons a count, and 10 electrons of readout (Dekany et al. 2020).
        "scisigpix" => Real(|row| (row.seen.visit.sky.max(0.0) / 6.0 + 2.8).sqrt()),
        "magzpsci" => Real(|row| row.seen.visit.zero_point),
        "magzpsciunc" => Real(|row| row.image.magzpsciunc()),
        "magzpscirms" => Real(|row| row.image.magzpscirms()),
        "clrcoeff" => Real(|row| row.image.clrcoeff()),
        "clrcounc" => Real(|row| row.image.clrcounc()),
        "exptime" => Real(|row| row.seen.visit.exposure),
        "adpctdif1" => Drawn(of_image, 0.06, 0.12),
        "adpctdif2" => Drawn(of_image, 0.06, 0.12),
        "diffmaglim" => Real(|row| row.image.limit),
        "programid" => Integer(|row| row.seen.visit.program.into()),
        "jd" => Real(|row| row.image.jd),
        "forcediffimflux" => Real(|row| row.counts.map_or(NONE, |counts| counts.0)),
        "forcediffimfluxunc" => Real(|row| row.counts.map_or(NONE, |counts| counts.1)),
        "procstatus" => Text(|row, out| out.extend_from_slice(row.status())),
        "distnr" => Real(|row| row.reference.map_or(NONE, |near| near.distance)),
        "ranr" => Real(|row| row.reference.map_or(NONE, |near| to(near.place.ra, 1e7))),
        "decnr" => Real(|row| row.reference.map_or(NONE, |near| to(near.place.dec, 1e7))),
        "magnr" => Real(|row| row.reference.map_or(NONE, |near| near.magnitude)),
        "sigmagnr" => {
            Real(|row| row.reference.map_or(NONE, |near| to(0.01 + 0.3 * libm::exp2(near.magnitude - 22.5), 1e3)))
        }
        "chinr" => Real(|row| row.of_reference("chinr", 0.3, 1.2)),
        "sharpnr" => Real(|row| row.of_reference("sharpnr", -0.1, 0.06)),
        _ => return None,
    })
}
