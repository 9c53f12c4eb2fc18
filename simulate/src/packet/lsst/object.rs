//! A `diaObject` of LSST: what the sources that its packet repeats come to, band by band.
//!
//! `fpFlux` columns are null as in packets of 2026. `firstDiaSourceMjdTai` and `lastDiaSourceMjdTai` are null there too, but
//! the schema has them and nothing else says when the survey first saw an object: here they are filled.

use super::super::plan::Column::{self, *};
use super::source::PIXEL;
use crate::{Seen, Shot, Target};
use skydiff_schemas::Kind;

/// LSST's bands, in order of wavelength, as `Band` numbers them.
const BANDS: [&str; 6] = ["u", "g", "r", "i", "z", "y"];

/// The sums of one band.
#[derive(Clone, Copy, Default)]
struct Sums {
    count: u32,
    /// Inverse variances, fluxes and total fluxes weighted by them.
    weight: f64,
    flux: f64,
    total: f64,
    /// Unweighted, less the first, for the scatter.
    first: f64,
    shift: f64,
    squares: f64,
    errors: f64,
    least: f64,
    most: f64,
    /// The last flux and its time; the steepest change between two that follow each other, nJy/d.
    last: (f64, f64),
    slope: f64,
}

impl Sums {
    fn add(&mut self, seen: &Seen) {
        let (flux, weight) = (seen.flux, 1.0 / (seen.sigma * seen.sigma));
        if self.count == 0 {
            (self.first, self.least, self.most) = (flux, flux, flux);
        } else if seen.visit.mid_tai > self.last.1 {
            self.slope = self.slope.max(((flux - self.last.0) / (seen.visit.mid_tai - self.last.1)).abs());
        }
        self.count += 1;
        self.weight += weight;
        self.flux += weight * flux;
        self.total += weight * (flux + seen.reference.flux.unwrap_or(0.0));
        self.shift += flux - self.first;
        self.squares += (flux - self.first) * (flux - self.first);
        self.errors += seen.sigma;
        (self.least, self.most) = (self.least.min(flux), self.most.max(flux));
        self.last = (flux, seen.visit.mid_tai);
    }

    /// The standard deviation, of two or more.
    fn scatter(&self) -> Option<f64> {
        let count = f64::from(self.count);
        (self.count > 1).then(|| ((self.squares - self.shift * self.shift / count) / (count - 1.0)).max(0.0).sqrt())
    }
}

/// An object.
pub struct Row {
    target: Target,
    processed: f64,
    first: f64,
    last: f64,
    detections: u32,
    /// Error of its place, degrees.
    spread: f64,
    bands: [Sums; 6],
}

impl Row {
    pub fn new(shot: &Shot) -> Row {
        let mut bands = [Sums::default(); 6];
        let sources = shot.history.iter().filter(|seen| seen.kind == Kind::Source && seen.withdrawn.is_none());
        // Inverse variance of the place, in units of that of one source as bright as its error.
        let mut weight = 0.0;
        for seen in sources.chain([shot.trigger]).filter(|seen| seen.flux.is_finite() && seen.sigma > 0.0) {
            if let Some(band) = bands.get_mut(usize::from(seen.visit.band.0)) {
                band.add(seen);
            }
            let snr = seen.flux / seen.sigma / (seen.visit.seeing / 2.354_820_045);
            weight += snr * snr;
        }
        Row {
            target: *shot.target,
            processed: shot.trigger.processed,
            first: shot.first_tai,
            last: shot.trigger.visit.mid_tai,
            detections: shot.detections,
            spread: (1.0 / weight.max(1e-3)).sqrt().max(0.01 * PIXEL) / 3600.0,
            bands,
        }
    }

    fn band(&self, band: usize) -> Option<&Sums> {
        self.bands.get(band).filter(|sums| sums.count > 0)
    }
}

/// The column of that name.
pub fn column(name: &str) -> Option<Column<Row>> {
    let (band, of) = name.split_once('_').unwrap_or(("", name));
    if let Some(band) = BANDS.iter().position(|known| *known == band) {
        return Some(match of {
            "psfFluxMean" => RealOf(|row, band| row.band(band).map(|sums| sums.flux / sums.weight), band),
            "psfFluxMeanErr" => RealOf(|row, band| row.band(band).map(|sums| (1.0 / sums.weight).sqrt()), band),
            "psfFluxSigma" => RealOf(|row, band| row.band(band)?.scatter(), band),
            "psfFluxNdata" => IntegerOf(|row, band| row.band(band).map_or(0, |sums| sums.count.into()), band),
            "scienceFluxMean" => RealOf(|row, band| row.band(band).map(|sums| sums.total / sums.weight), band),
            "scienceFluxMeanErr" => {
                RealOf(|row, band| row.band(band).map(|sums| 0.98 * (1.0 / sums.weight).sqrt()), band)
            }
            "psfFluxMin" => RealOf(|row, band| row.band(band).map(|sums| sums.least), band),
            "psfFluxMax" => RealOf(|row, band| row.band(band).map(|sums| sums.most), band),
            "psfFluxMaxSlope" => {
                RealOf(|row, band| row.band(band).filter(|sums| sums.count > 1).map(|sums| sums.slope), band)
            }
            "psfFluxErrMean" => {
                RealOf(|row, band| row.band(band).map(|sums| sums.errors / f64::from(sums.count)), band)
            }
            "fpFluxMean" | "fpFluxMeanErr" => Never,
            _ => return None,
        });
    }
    Some(match name {
        "diaObjectId" => Integer(|row| row.target.id as i64),
        "validityStartMjdTai" => Real(|row| row.processed),
        "ra" => Real(|row| row.target.place.ra),
        "dec" => Real(|row| row.target.place.dec),
        "raErr" | "decErr" => Real(|row| row.spread),
        "ra_dec_Cov" => Real(|row| 0.02 * row.spread * row.spread),
        "firstDiaSourceMjdTai" => MaybeReal(|row| Some(row.first)),
        "lastDiaSourceMjdTai" => MaybeReal(|row| Some(row.last)),
        "nDiaSources" => Integer(|row| row.detections.into()),
        _ => return None,
    })
}
