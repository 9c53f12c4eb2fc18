//! A `diaSource` of LSST, triggering or in a history: they are the same rows but for `ssObjectId`.
//!
//! What the survey's quality cuts look at says whether it is bad: a dipole, flagged pixels, a low score. Fits that the
//! survey does not (yet) report are null, as in packets of 2026.

use super::super::numbers::{bell, between, convergence, salt, unit, wrapped};
use super::super::plan::Column::{self, *};
use crate::{Place, Random, Seen, Target};

/// Arcseconds of a pixel.
pub const PIXEL: f64 = 0.2;

/// A source, with what several columns need.
pub struct Row {
    seen: Seen,
    target: Target,
    trigger: bool,
    /// What is drawn of it.
    stream: Random,
    fault: Option<Fault>,
    /// Whether a shape could be fitted.
    shaped: bool,
    template: f64,
    /// Error of its place, pixels.
    spread: f64,
    /// Variance of the PSF, square arcsec.
    psf: f64,
}

/// How the image of a bad source is bad.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Dipole,
    Cosmic,
    Bad,
    Interpolated,
    Streak,
}

impl Fault {
    pub fn of(seen: &Seen, stream: Random) -> Option<Fault> {
        seen.bad.then(|| match stream.of(salt("fault"), 0).below(5) {
            0 => Fault::Cosmic,
            1 => Fault::Bad,
            2 => Fault::Interpolated,
            3 => Fault::Streak,
            _ => Fault::Dipole,
        })
    }
}

impl Row {
    pub fn new(seen: &Seen, target: &Target, trigger: bool) -> Row {
        let stream = Random::new(seen.id);
        // A width at half maximum is 2.355 standard deviations.
        let width = seen.visit.seeing / 2.354_820_045;
        Row {
            seen: *seen,
            target: *target,
            trigger,
            stream,
            fault: Fault::of(seen, stream),
            shaped: unit(stream, salt("shape_flag")) > 0.03,
            template: seen.reference.flux.unwrap_or(0.1 * seen.sigma * bell(stream, salt("templateFlux"))),
            spread: width / PIXEL * seen.sigma / seen.flux.abs().max(seen.sigma).max(1e-9),
            psf: width * width,
        }
    }

    fn bell(&self, name: u64) -> f64 {
        bell(self.stream, name)
    }

    fn dipole(&self) -> bool {
        self.fault == Some(Fault::Dipole)
    }

    fn flagged(&self, flag: usize) -> bool {
        FLAGS.get(flag).is_some_and(|(_, faults)| self.fault.is_some_and(|fault| faults.contains(&fault)))
    }

    /// Of the fit of a trail, where there was one.
    fn trail(&self, value: f64) -> Option<f64> {
        self.shaped.then_some(value)
    }

    /// Of the fit of a dipole, where there was one.
    fn of_dipole(&self, value: f64) -> Option<f64> {
        self.dipole().then_some(value)
    }

    /// A second moment: the PSF's, wider by its error.
    fn moment(&self, name: u64) -> Option<f64> {
        let noise = 0.5 * self.seen.sigma / self.seen.flux.abs().max(self.seen.sigma).max(1e-9);
        self.shaped.then(|| self.psf * (1.05 + noise * self.bell(name)).max(0.1))
    }

    /// Where it is on its detector, pixels across and up.
    pub fn pixel(&self) -> (f64, f64) {
        let Place { ra, dec } = self.seen.place;
        let wrap = |step: f64, degrees: f64, size: f64| {
            10.0 + wrapped(f64::from(self.seen.detector) * step + degrees * 3600.0 / PIXEL, size - 20.0)
        };
        (wrap(977.0, ra * convergence(dec as i8 as f64), 4072.0), wrap(1553.0, dec, 4000.0))
    }
}

/// Flags, and what sets each.
const FLAGS: [(&str, &[Fault]); 38] = {
    use Fault::*;
    [
        ("centroid_flag", &[]),
        ("apFlux_flag", &[]),
        ("apFlux_flag_apertureTruncated", &[]),
        ("psfFlux_flag", &[]),
        ("psfFlux_flag_edge", &[]),
        ("psfFlux_flag_noGoodPixels", &[]),
        ("trail_flag_edge", &[]),
        ("trail_flag", &[]),
        ("forced_PsfFlux_flag", &[]),
        ("forced_PsfFlux_flag_edge", &[]),
        ("forced_PsfFlux_flag_noGoodPixels", &[]),
        ("shape_flag_no_pixels", &[]),
        ("shape_flag_not_contained", &[]),
        ("shape_flag_parent_source", &[]),
        ("isDipole", &[Dipole]),
        ("dipoleFitAttempted", &[Dipole]),
        ("pixelFlags", &[]),
        ("pixelFlags_bad", &[Bad]),
        ("pixelFlags_cr", &[Cosmic]),
        ("pixelFlags_crCenter", &[Cosmic]),
        ("pixelFlags_edge", &[]),
        ("pixelFlags_nodata", &[]),
        ("pixelFlags_nodataCenter", &[]),
        ("pixelFlags_interpolated", &[Interpolated, Bad, Cosmic]),
        ("pixelFlags_interpolatedCenter", &[Interpolated]),
        ("pixelFlags_offimage", &[]),
        ("pixelFlags_saturated", &[]),
        ("pixelFlags_saturatedCenter", &[]),
        ("pixelFlags_suspect", &[]),
        ("pixelFlags_suspectCenter", &[]),
        ("pixelFlags_streak", &[Streak]),
        ("pixelFlags_streakCenter", &[Streak]),
        ("pixelFlags_injected", &[]),
        ("pixelFlags_injectedCenter", &[]),
        ("pixelFlags_injected_template", &[]),
        ("pixelFlags_injected_templateCenter", &[]),
        ("glint_trail", &[Streak]),
        ("shape_flag", &[]),
    ]
};

fn of_source(row: &Row) -> Random {
    row.stream
}

/// The column of that name.
pub fn column(name: &str) -> Option<Column<Row>> {
    Some(match name {
        "diaSourceId" => Integer(|row| row.seen.id as i64),
        "visit" => Integer(|row| row.seen.visit.number as i64),
        "detector" => Integer(|row| row.seen.detector.into()),
        "diaObjectId" => Integer(|row| if row.target.moves { 0 } else { row.target.id as i64 }),
        "ssObjectId" => {
            MaybeInteger(|row| row.trigger.then_some(if row.target.moves { row.target.id as i64 } else { 0 }))
        }
        "parentDiaSourceId" => Integer(|_| 0),
        "midpointMjdTai" => Real(|row| row.seen.visit.mid_tai),
        "exposureTime" => Real(|row| row.seen.visit.exposure),
        "ra" => Real(|row| row.seen.place.ra),
        "dec" => Real(|row| row.seen.place.dec),
        "raErr" | "decErr" => Real(|row| row.spread * PIXEL / 3600.0),
        "ra_dec_Cov" => Real(|row| {
            let error = row.spread * PIXEL / 3600.0;
            0.1 * error * error * row.bell(salt("ra_dec_Cov"))
        }),
        "x" => Real(|row| row.pixel().0),
        "y" => Real(|row| row.pixel().1),
        "xErr" | "yErr" => Real(|row| row.spread),
        "apFlux" => Real(|row| row.seen.flux + 0.5 * row.seen.sigma * row.bell(salt("apFlux"))),
        "apFluxErr" => Real(|row| 2.0 * row.seen.sigma),
        "isNegative" => Flag(|row| row.seen.flux < 0.0),
        "snr" => Real(|row| row.seen.flux.abs() / row.seen.sigma.max(1e-9)),
        "psfFlux" => Real(|row| row.seen.flux),
        "psfFluxErr" => Real(|row| row.seen.sigma),
        // 41 by 41 pixels.
        "psfChi2" => {
            Real(|row| 1681.0 * (1.0 + 0.035 * row.bell(salt("psfChi2"))) * if row.seen.bad { 3.0 } else { 1.0 })
        }
        "psfNdata" => Integer(|_| 1681),
        "trailFlux" => MaybeReal(|row| row.trail(row.seen.flux * (1.0 + 0.03 * row.bell(salt("trailFlux"))))),
        "trailFluxErr" => {
            MaybeReal(|row| row.trail(between(row.stream, salt("trailFluxErr"), 0.004, 0.06) * row.seen.sigma))
        }
        "trailRa" => MaybeReal(|row| row.trail(row.seen.place.ra)),
        "trailDec" => MaybeReal(|row| row.trail(row.seen.place.dec)),
        "trailLength" => MaybeReal(|row| row.trail(between(row.stream, salt("trailLength"), 0.5, 1.3))),
        "trailAngle" => MaybeReal(|row| row.trail(between(row.stream, salt("trailAngle"), -180.0, 180.0))),
        "trailNdata" => Integer(|_| 0),
        "trailAlgorithm" => Integer(|_| 0),
        "dipoleMeanFlux" => MaybeReal(|row| row.of_dipole(20.0 * row.seen.sigma + row.seen.flux.abs())),
        "dipoleMeanFluxErr" => MaybeReal(|row| row.of_dipole(0.8 * row.seen.sigma)),
        "dipoleFluxDiff" => MaybeReal(|row| row.of_dipole(0.0)),
        "dipoleFluxDiffErr" => MaybeReal(|row| row.of_dipole(1.6 * row.seen.sigma)),
        "dipoleLength" => MaybeReal(|row| row.of_dipole(between(row.stream, salt("dipoleLength"), 0.005, 0.1))),
        "dipoleAngle" => MaybeReal(|row| row.of_dipole(between(row.stream, salt("dipoleAngle"), -180.0, 180.0))),
        "dipoleChi2" => MaybeReal(|row| row.of_dipole(between(row.stream, salt("dipoleChi2"), 150.0, 2000.0))),
        "dipoleNdata" => Integer(|row| if row.dipole() { 700 } else { 0 }),
        "scienceFlux" => Real(|row| row.template + row.seen.flux),
        "scienceFluxErr" => Real(|row| 0.98 * row.seen.sigma),
        "templateFlux" => Real(|row| row.template),
        "templateFluxErr" => Real(|row| 0.1 * row.seen.sigma),
        "ixx" => MaybeReal(|row| row.moment(salt("ixx"))),
        "iyy" => MaybeReal(|row| row.moment(salt("iyy"))),
        "ixy" => MaybeReal(|row| row.shaped.then(|| 0.05 * row.psf * row.bell(salt("ixy")))),
        "ixxPSF" | "iyyPSF" => Real(|row| row.psf),
        "ixyPSF" => Drawn(of_source, -0.03, 0.03),
        "shape_flag" => Flag(|row| !row.shaped),
        "extendedness" => MaybeReal(|row| {
            let draw = unit(row.stream, salt("extendedness"));
            row.shaped.then_some(draw * draw)
        }),
        "reliability" => Real(|row| row.seen.score),
        "reliabilityVersion" => Text(|_, out| out.extend_from_slice(b"1")),
        "band" => Text(|row, out| out.extend_from_slice(row.seen.visit.band.name().as_bytes())),
        "timeProcessedMjdTai" => Real(|row| row.seen.processed),
        "timeWithdrawnMjdTai" => MaybeReal(|row| row.seen.withdrawn),
        "bboxSize" => Integer(|row| 14 + row.stream.of(salt("bboxSize"), 0).below(25) as i64),
        "psfLnL" | "trailRaErr" | "trailDecErr" | "trailLengthErr" | "trailAngleErr" | "trailChi2" => Never,
        _ => FlagOf(Row::flagged, FLAGS.iter().position(|(flag, _)| *flag == name)?),
    })
}
