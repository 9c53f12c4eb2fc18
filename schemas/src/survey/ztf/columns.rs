//! Which fields of a ZTF packet are read, and what says when and where on the sky and the sensor a row was taken.

use super::super::tai;
use crate::avro::{ArrayId, Need, Selection, Slot, Values, Wanted};
use crate::{Band, Kind, Measurement, MicroDays, PicoJansky, Position, Quality, RowReject, SourceId};
use Need::{Optional, Required};
use Wanted::{Float, Integer, Text};

/// Seconds of an exposure that does not say: the public survey's.
const EXPOSURE: f64 = 30.0;

/// JD of MJD 0.
const MJD_ZERO: f64 = 2_400_000.5;

/// What stands for the field, in a series, of a source or forced source that names none.
const NO_FIELD: u32 = 0xff_ffff;

/// The start (MJD UTC) and the middle (MJD TAI) of an exposure of `exptime` seconds that began at `jd` (UTC).
///
/// The start is rounded once and the rest is integers, so every copy of a `jd` gives the same microday. (The difference
/// to 2,400,000.5 is exact: the two are within a factor of two.)
pub(super) fn times(jd: Option<f64>, exptime: Option<f64>) -> Option<(MicroDays, MicroDays)> {
    let start = MicroDays::from_days(jd.filter(|jd| *jd > MJD_ZERO)? - MJD_ZERO)?;
    let exptime = exptime.filter(|seconds| (0.0..86_400.0).contains(seconds)).unwrap_or(EXPOSURE);
    Some((start, tai::after_utc(start, exptime / 2.0)))
}

pub(super) struct Columns {
    pub object: Slot,
    pub trigger: SourceColumns,
    pub exptime: Slot,
    pub context: ContextColumns,
    pub cutouts: [Slot; 3],
    pub history: ArrayId,
    pub previous: SourceColumns,
    pub forced: ArrayId,
    pub forced_row: ForcedColumns,
}

/// Columns that the trigger and its history share.
pub(super) struct SourceColumns {
    pub visit: VisitColumns,
    pub candid: Slot,
    pub isdiffpos: Slot,
    pub ra: Slot,
    pub dec: Slot,
    pub magpsf: Slot,
    pub sigmapsf: Slot,
    pub diffmaglim: Slot,
    pub distnr: Slot,
    pub magnr: Slot,
    pub drb: Slot,
    pub rb: Slot,
    pub nbad: Slot,
    pub fwhm: Slot,
    pub elong: Slot,
}

/// When, with what filter, on which reference image: of every row.
pub(super) struct VisitColumns {
    pub jd: Slot,
    pub fid: Slot,
    pub pid: Slot,
    pub field: Slot,
    pub rcid: Slot,
}

pub(super) struct ForcedColumns {
    pub visit: VisitColumns,
    pub exptime: Slot,
    pub flux: Slot,
    pub error: Slot,
    pub magzpsci: Slot,
    pub procstatus: Slot,
    pub distnr: Slot,
    pub magnr: Slot,
}

pub(super) struct ContextColumns {
    pub jdstarthist: Slot,
    pub ndethist: Slot,
    pub ncovhist: Slot,
    pub programid: Slot,
    pub sgscore1: Slot,
    pub distpsnr1: Slot,
    pub srmag1: Slot,
    pub ssdistnr: Slot,
    pub ssmagnr: Slot,
}

impl Columns {
    pub fn new(selection: &mut Selection) -> Columns {
        let object = selection.want("objectId", Text, Required);
        let mut candidate = |name: &str, wanted, need| selection.want(&format!("candidate.{name}"), wanted, need);
        let trigger = SourceColumns::new(&mut candidate);
        let exptime = candidate("exptime", Float, Optional);
        let context = ContextColumns {
            jdstarthist: candidate("jdstarthist", Float, Optional),
            ndethist: candidate("ndethist", Integer, Optional),
            ncovhist: candidate("ncovhist", Integer, Optional),
            programid: candidate("programid", Integer, Optional),
            sgscore1: candidate("sgscore1", Float, Optional),
            distpsnr1: candidate("distpsnr1", Float, Optional),
            srmag1: candidate("srmag1", Float, Optional),
            ssdistnr: candidate("ssdistnr", Float, Optional),
            ssmagnr: candidate("ssmagnr", Float, Optional),
        };
        let cutouts = ["cutoutScience", "cutoutTemplate", "cutoutDifference"]
            .map(|name| selection.want(&format!("{name}.stampData"), Wanted::Bytes, Optional));
        let history = selection.array("prv_candidates", Required);
        let previous = SourceColumns::new(&mut |name, wanted, need| selection.want_in(history, name, wanted, need));
        let forced = selection.array("fp_hists", Optional);
        let forced_row = ForcedColumns::new(&mut |name, wanted, need| selection.want_in(forced, name, wanted, need));
        Columns { object, trigger, exptime, context, cutouts, history, previous, forced, forced_row }
    }
}

impl SourceColumns {
    pub fn new(want: &mut impl FnMut(&str, Wanted, Need) -> Slot) -> Self {
        SourceColumns {
            visit: VisitColumns::new(want),
            candid: want("candid", Integer, Required),
            isdiffpos: want("isdiffpos", Text, Required),
            ra: want("ra", Float, Required),
            dec: want("dec", Float, Required),
            magpsf: want("magpsf", Float, Required),
            sigmapsf: want("sigmapsf", Float, Required),
            diffmaglim: want("diffmaglim", Float, Required),
            distnr: want("distnr", Float, Optional),
            magnr: want("magnr", Float, Optional),
            drb: want("drb", Float, Optional),
            rb: want("rb", Float, Optional),
            nbad: want("nbad", Integer, Optional),
            fwhm: want("fwhm", Float, Optional),
            elong: want("elong", Float, Optional),
        }
    }
}

impl VisitColumns {
    pub fn new(want: &mut impl FnMut(&str, Wanted, Need) -> Slot) -> Self {
        VisitColumns {
            jd: want("jd", Float, Required),
            fid: want("fid", Integer, Required),
            pid: want("pid", Integer, Required),
            field: want("field", Integer, Optional),
            rcid: want("rcid", Integer, Optional),
        }
    }

    /// When and where on the sensor; the series of a row without a field is the caller's to name.
    pub fn read(&self, row: Values<'_>, exptime: Option<f64>) -> Result<Visit, RowReject> {
        let (start, middle) = times(row.float(self.jd), exptime).ok_or(RowReject::Time)?;
        let pid = row.integer(self.pid).and_then(|pid| u64::try_from(pid).ok()).ok_or(RowReject::Identity)?;
        let band = match row.integer(self.fid) {
            Some(1) => "g",
            Some(2) => "r",
            Some(3) => "i",
            _ => return Err(RowReject::Band),
        };
        let band = Band::from_name(band).ok_or(RowReject::Band)?;
        let rcid = row.integer(self.rcid).and_then(|rcid| u8::try_from(rcid).ok());
        let rcid = rcid.map_or((pid / 100 % 100) as u32, u32::from);
        let field =
            row.integer(self.field).and_then(|field| u32::try_from(field).ok()).filter(|field| *field < NO_FIELD);
        Ok(Visit { start, middle, pid, band, field, rcid })
    }
}

/// When, with what filter, on which reference image.
pub(super) struct Visit {
    /// MJD UTC at the start of the exposure: what rows are compared by, since their exposure times are not all known.
    pub start: MicroDays,
    /// MJD TAI at mid-exposure.
    pub middle: MicroDays,
    pub pid: u64,
    pub band: Band,
    pub field: Option<u32>,
    pub rcid: u32,
}

impl Visit {
    /// A measurement at this visit that has everything but its values.
    pub fn measurement(&self, kind: Kind, id: u64) -> Measurement {
        Measurement {
            time: self.middle,
            id: SourceId(id),
            visit: self.pid,
            flux: PicoJansky(0),
            sigma: PicoJansky(0),
            total: Measurement::NO_TOTAL,
            position: Position::UNKNOWN,
            reference: self.field.unwrap_or(NO_FIELD) << 8 | self.rcid,
            quality: Quality::GOOD,
            kind,
            band: self.band,
        }
    }
}

impl ForcedColumns {
    pub fn new(want: &mut impl FnMut(&str, Wanted, Need) -> Slot) -> Self {
        ForcedColumns {
            visit: VisitColumns::new(want),
            exptime: want("exptime", Float, Optional),
            flux: want("forcediffimflux", Float, Required),
            error: want("forcediffimfluxunc", Float, Required),
            magzpsci: want("magzpsci", Float, Required),
            procstatus: want("procstatus", Text, Optional),
            distnr: want("distnr", Float, Optional),
            magnr: want("magnr", Float, Optional),
        }
    }
}
