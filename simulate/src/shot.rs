//! What a packet says, before it is written as its survey writes it.
//!
//! Fluxes are in nJy, times in MJD, angles in degrees unless they say otherwise. What no analysis looks at (aperture
//! magnitudes, moments, calibration terms) is not here: writers of packets make it up from the ids, consistently.

use skydiff_schemas::{Band, Kind};

/// One exposure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Visit {
    /// ZTF: hundred-thousandths of a day since 2017-01-01 UTC, which begin every `pid`. LSST: the visit id.
    pub number: u64,
    /// Nights since 2017-01-01 (ZTF `nid`).
    pub night: u32,
    /// Start of the exposure, UTC.
    pub start_utc: f64,
    /// Its middle, TAI.
    pub mid_tai: f64,
    /// Length in seconds.
    pub exposure: f64,
    /// Filter.
    pub band: Band,
    /// The field that it points at.
    pub field: u32,
    /// Flux of a 5σ detection of a point source.
    pub limit: f64,
    /// Full width at half maximum, arcsec.
    pub seeing: f64,
    /// Background, counts per pixel.
    pub sky: f64,
    /// Magnitude of a source of one count.
    pub zero_point: f64,
    /// The survey's programme (ZTF `programid`).
    pub program: i32,
}

/// A place on the sky.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// Right ascension, ICRS.
    pub ra: f64,
    /// Declination.
    pub dec: f64,
}

/// What the reference image has at the object.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reference {
    /// Its number: with the band, the series (ZTF: field and readout channel).
    pub image: u32,
    /// Flux of the nearest source in it; `None` where there is none within the survey's radius.
    pub flux: Option<f64>,
    /// Distance to that source, arcsec.
    pub distance: f64,
}

/// A measurement as its survey has it now: a source, a forced source, or a visit that saw nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    /// Which.
    pub kind: Kind,
    /// ZTF `candid`, LSST `diaSourceId` or `diaForcedSourceId`; 0 where the survey gives none.
    pub id: u64,
    /// The exposure.
    pub visit: Visit,
    /// Readout channel (ZTF `rcid`, 0 to 63) or detector (LSST, 0 to 188).
    pub detector: u16,
    /// Number of the source within the image.
    pub nth: u32,
    /// Where it was measured.
    pub place: Place,
    /// Difference flux as measured.
    pub flux: f64,
    /// Its error as the survey quotes it.
    pub sigma: f64,
    /// The reference that was subtracted.
    pub reference: Reference,
    /// Real/bogus score, 0 to 1.
    pub score: f64,
    /// Whether its image is bad there: bad pixels, a dipole, a streak; what a bogus detection looks like.
    pub bad: bool,
    /// When the survey processed it, MJD TAI (LSST).
    pub processed: f64,
    /// When the survey withdrew it, MJD TAI (LSST).
    pub withdrawn: Option<f64>,
}

/// A catalogued neighbour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbour {
    /// Arcsec.
    pub distance: f64,
    /// r magnitude.
    pub magnitude: f64,
    /// 1 star, 0 galaxy.
    pub star: f64,
    /// Redshift of a galaxy.
    pub redshift: Option<f64>,
}

/// A known solar-system object at the place of a source.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SolarSystem {
    /// Its catalogue number.
    pub number: u32,
    /// Distance from the source, arcsec.
    pub distance: f64,
    /// Predicted V magnitude.
    pub magnitude: f64,
}

/// Whose a packet is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    /// The survey's id: ZTF's names are spelt from it, LSST's are it.
    pub id: u64,
    /// Where the survey has it.
    pub place: Place,
    /// The nearest catalogued neighbour.
    pub neighbour: Neighbour,
    /// For what moves, or for what happens to lie near one that does.
    pub solar_system: Option<SolarSystem>,
    /// Whether the survey takes it for an object of the solar system (LSST `ssObjectId`).
    pub moves: bool,
}

/// A packet before it is written.
#[derive(Clone, Copy, Debug)]
pub struct Shot<'a> {
    /// Whose.
    pub target: &'a Target,
    /// The triggering source.
    pub trigger: &'a Seen,
    /// Earlier sources and limits that the survey repeats, in order of time.
    pub history: &'a [Seen],
    /// Forced photometry that the survey repeats, in order of time.
    pub forced: &'a [Seen],
    /// Time of the survey's first detection of it: start of the exposure, UTC.
    pub first_utc: f64,
    /// The same: middle of the exposure, TAI.
    pub first_tai: f64,
    /// Detections so far by the survey's own count, this one included.
    pub detections: u32,
    /// Exposures that covered it so far.
    pub coverage: u32,
}
