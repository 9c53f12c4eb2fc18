//! Timescales and thresholds: what the states mean, as a job file gives it. Defaults are DESIGN §4.4's.

use serde::{Deserialize, Serialize};
use skydiff_schemas::MicroDays;

/// Which photometry of a visit counts first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Photometry {
    /// The source, else the forced source.
    #[default]
    SourceFirst,
    /// The forced source, else the source.
    ForcedFirst,
}

/// How a survey's quoted errors become believed ones: `σ² = (factor·σ)² + (floor·f_total)²`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Errors {
    /// What the quoted error is multiplied by.
    pub factor: f64,
    /// Share of the total flux (of the difference flux where that is not defined) added in quadrature.
    pub floor: f64,
}

/// Everything that a state depends on beside the measurements.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TimescaleSettings {
    /// Window lengths in days, ascending; `f64::INFINITY` ("inf") is all of history. At most 16.
    pub timescales: Vec<f64>,
    /// Which photometry of a visit counts first.
    pub photometry: Photometry,
    /// Visits of a series within one slot of this many minutes are averaged before rates and slopes.
    pub average_minutes: f64,
    /// `new` needs this many good detections.
    pub new_detections: u32,
    /// … that span at least this many minutes.
    pub new_span_minutes: f64,
    /// `candidate` and `new` only for windows of at most this many days.
    pub new_max_days: f64,
    /// … and not within this many arcsec of a known solar-system object.
    pub solar_system_arcsec: f64,
    /// `reappeared` after this many days without a source of any quality.
    pub reappeared_days: f64,
    /// … with at least this many visits deep enough to have seen it.
    pub reappeared_visits: u32,
    /// `rising` and `fading` need a trend of this many σ.
    pub trend_z: f64,
    /// … and a newest visit within this many σ of the window's extreme, else it is `turned`.
    pub turned_sigma: f64,
    /// Two bands disagree when both trends exceed this many σ with opposite signs.
    pub disagree_z: f64,
    /// `flaring` and `dipping` need this many σ from the baseline.
    pub flare_z: f64,
    /// A baseline is the weighted mean of at least this many good visits.
    pub baseline_visits: u32,
    /// `variable` needs this Wilson–Hilferty Z.
    pub variable_z: f64,
    /// … at least this many degrees of freedom (so does `steady`).
    pub variable_freedom: u32,
    /// … and an excess scatter of at least this share of the mean total flux, where that is defined.
    pub variable_scatter: f64,
    /// A colour is of two bands' latest visits within this many days.
    pub colour_days: f64,
    /// Z levels: a record is due when the Z of a state crosses one. Ascending, at most 7.
    pub z_levels: Vec<f64>,
}

impl Default for TimescaleSettings {
    fn default() -> Self {
        TimescaleSettings {
            timescales: vec![0.1, 2.0, 7.0, 15.0, 30.0, 100.0, 365.0, f64::INFINITY],
            photometry: Photometry::SourceFirst,
            average_minutes: 10.0,
            new_detections: 2,
            new_span_minutes: 15.0,
            new_max_days: 100.0,
            solar_system_arcsec: 5.0,
            reappeared_days: 90.0,
            reappeared_visits: 3,
            trend_z: 5.0,
            turned_sigma: 3.0,
            disagree_z: 3.0,
            flare_z: 5.0,
            baseline_visits: 5,
            variable_z: 5.0,
            variable_freedom: 3,
            variable_scatter: 0.05,
            colour_days: 0.5,
            z_levels: vec![7.0, 10.0, 20.0, 50.0, 100.0],
        }
    }
}

impl TimescaleSettings {
    /// The window lengths in microdays; `None` is all of history.
    pub fn windows(&self) -> Vec<Option<MicroDays>> {
        self.timescales.iter().map(|days| MicroDays::from_days(*days)).collect()
    }

    /// What is wrong with these settings, in words that say what to do; `Ok` when nothing is.
    pub fn check(&self) -> Result<(), String> {
        let ascending = |list: &[f64]| list.windows(2).all(|pair| pair[0] < pair[1]);
        if self.timescales.is_empty() || self.timescales.len() > 16 {
            return Err("timescales: give 1 to 16 window lengths in days".into());
        }
        let length = |days: &f64| *days > 0.0 && (*days < 1e9 || *days == f64::INFINITY);
        if !ascending(&self.timescales) || !self.timescales.iter().all(length) {
            return Err("timescales: window lengths must be positive and ascending, each below 1e9 days or inf".into());
        }
        if self.z_levels.len() > 7 || !ascending(&self.z_levels) || !self.z_levels.iter().all(|level| *level > 0.0) {
            return Err("z_levels: give at most 7 levels greater than 0, ascending".into());
        }
        let thresholds = [
            ("average_minutes", self.average_minutes, true),
            ("new_span_minutes", self.new_span_minutes, false),
            ("new_max_days", self.new_max_days, false),
            ("solar_system_arcsec", self.solar_system_arcsec, false),
            ("reappeared_days", self.reappeared_days, true),
            ("trend_z", self.trend_z, true),
            ("turned_sigma", self.turned_sigma, false),
            ("disagree_z", self.disagree_z, false),
            ("flare_z", self.flare_z, true),
            ("variable_z", self.variable_z, true),
            ("variable_scatter", self.variable_scatter, false),
            ("colour_days", self.colour_days, false),
        ];
        for (name, value, above_zero) in thresholds {
            let least = if above_zero { value > 0.0 } else { value >= 0.0 };
            if !least || value >= 1e9 {
                let bound = if above_zero { "greater than 0" } else { "0 or greater" };
                return Err(format!("{name} = {value}: must be a number {bound} and below 1e9"));
            }
        }
        Ok(())
    }
}
