//! What is plotted, as data: `--json` prints it, so that people can plot it themselves.

use super::held::Strip;
use super::truth::TruePoint;
use crate::points::Point;
use serde::Serialize;

/// Everything in a plot.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Plotted {
    /// Survey.
    pub survey: String,
    /// The survey's name of the object.
    pub object: String,
    /// Degrees; none of what moves.
    pub ra: Option<f64>,
    /// Degrees.
    pub dec: Option<f64>,
    /// What it is, where a simulation says so.
    pub class: Option<String>,
    /// Where the states are from: packets (recomputed after each), or records (as they were told).
    pub states_from: &'static str,
    /// Trigger times of its alerts, MJD TAI.
    pub alerts: Vec<f64>,
    /// The measurements, as `skydiff object --json` has them.
    pub points: Vec<Point>,
    /// What is true, where a simulation says so.
    pub truth: Vec<TruePoint>,
    /// When its states held, a strip for each timescale.
    pub timescales: Vec<Strip>,
    /// The records that told of it, where it is plotted from a run.
    pub told: Vec<Told>,
    /// What a reader of the plot should know.
    pub notes: Vec<String>,
}

/// A record, as a mark.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Told {
    /// The survey's clock when it was told, MJD TAI.
    pub mjd_tai: f64,
    /// initial, subsequent, update or retraction.
    pub alert_type: &'static str,
    /// Why.
    pub reason: &'static str,
}

/// What is up on the light curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ordinate {
    /// Magnitudes, brighter up; else nJy.
    pub magnitudes: bool,
    /// The total flux, reference included; else the difference flux.
    pub total: bool,
}

/// How a measurement is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Drawn {
    /// A marker with an error bar.
    Value(f64, f64),
    /// An arrow.
    Limit(f64),
}

/// A flux below this many σ has no magnitude worth a marker.
const MEASURED: f64 = 3.0;
/// Limits are of this many σ, as surveys quote them.
const LIMIT: f64 = 5.0;

impl Ordinate {
    /// Name of the axis, without its unit.
    pub fn name(self) -> &'static str {
        match (self.total, self.magnitudes) {
            (true, false) => "Total flux",
            (false, false) => "Difference flux",
            (true, true) => "Magnitude of the total flux (AB)",
            (false, true) => "Magnitude of the difference flux (AB)",
        }
    }

    /// The value of a flux in nJy; a flux that is not positive has no magnitude.
    pub fn value(self, flux: f64) -> Option<f64> {
        if !self.magnitudes {
            return Some(flux);
        }
        (flux > 0.0).then(|| 31.4 - 2.5 * flux.log10())
    }

    /// How a measurement is drawn, or why it cannot be.
    pub fn drawn(self, point: &Point) -> Result<Drawn, &'static str> {
        if point.kind == "limit" {
            // A limit is of the difference: it says nothing of the total.
            let value = if self.total { None } else { self.value(point.flux) };
            return value.map(Drawn::Limit).ok_or("upper limits are of the difference flux");
        }
        let flux = if self.total { point.total_flux } else { Some(point.flux) }.ok_or("without a total flux")?;
        if !self.magnitudes {
            return Ok(Drawn::Value(flux, point.flux_err));
        }
        if flux < MEASURED * point.flux_err && point.kind == "forced" {
            let limit = self.value(LIMIT * point.flux_err).map(Drawn::Limit);
            return limit.ok_or("without an error");
        }
        let error = 2.5 / std::f64::consts::LN_10 * point.flux_err / flux;
        let value = self.value(flux).map(|value| Drawn::Value(value, error));
        value.ok_or(if self.total { "with a total flux below 0" } else { "fainter than the reference image" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(kind: &'static str, flux: f64, flux_err: f64, total_flux: Option<f64>) -> Point {
        Point { kind, flux, flux_err, total_flux, ..Point::default() }
    }

    #[test]
    fn fluxes_are_as_they_are_and_magnitudes_where_there_is_one() {
        let ordinate = |magnitudes, total| Ordinate { magnitudes, total };
        let dip = point("source", -3631.0, 10.0, Some(3631.0));
        assert_eq!(ordinate(false, false).drawn(&dip), Ok(Drawn::Value(-3631.0, 10.0)));
        assert_eq!(ordinate(true, false).drawn(&dip), Err("fainter than the reference image"));
        let Ok(Drawn::Value(magnitude, error)) = ordinate(true, true).drawn(&dip) else { panic!() };
        assert!((magnitude - 22.5).abs() < 1e-4 && (error - 0.00299).abs() < 1e-5, "{magnitude} {error}");
        let faint = point("forced", 10.0, 10.0, None);
        let Ok(Drawn::Limit(limit)) = ordinate(true, false).drawn(&faint) else { panic!() };
        assert!((limit - (31.4 - 2.5 * 50f64.log10())).abs() < 1e-12);
        assert_eq!(ordinate(false, false).drawn(&point("limit", 50.0, 10.0, None)), Ok(Drawn::Limit(50.0)));
        assert!(ordinate(false, true).drawn(&point("limit", 50.0, 10.0, None)).is_err());
    }
}
