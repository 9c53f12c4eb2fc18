//! Which states hold in a window, and how significantly: DESIGN §4.4, one function a row of its table.

use crate::curve::{Detection, Extreme, LightCurve, Reading, Visit};
use crate::{SeriesFeatures, State, States, TimescaleSettings};
use skydiff_schemas::{Band, MicroDays, ObjectClass, ObjectId};

/// What does not depend on the window.
pub struct Known<'a> {
    /// Thresholds.
    pub settings: &'a TimescaleSettings,
    /// Which object.
    pub object: ObjectId,
    /// The newest good source: where all windows end.
    pub newest: Detection,
    /// The oldest.
    pub oldest: Detection,
    /// Visits with a good source.
    pub detections: u32,
    /// First detection, the survey's own record included.
    pub first_detection: MicroDays,
    /// Distance of the standing trigger to a known solar-system object, arcsec.
    pub solar_system: Option<f32>,
    /// Newest detection after a silence.
    pub reappeared: Option<Detection>,
    /// Newest flux visit, with its series.
    pub last_visit: Option<(Band, u32, Visit)>,
}

/// One series in one window.
#[derive(Clone)]
pub struct Piece {
    /// Its newest visit.
    newest: Option<Visit>,
    /// Its least and greatest flux.
    extremes: [Option<Extreme>; 2],
    /// Weighted mean of the total flux, pJy.
    mean_total: Option<f64>,
    /// Its features.
    pub features: SeriesFeatures,
}

impl Piece {
    /// Of what was read.
    pub fn new(reading: &Reading, features: SeriesFeatures) -> Piece {
        let Reading { sums, newest, .. } = reading;
        let extremes = [sums.least, sums.greatest];
        Piece { newest: *newest, extremes, mean_total: sums.mean_total(), features }
    }
}

/// What series say together in a window, wherever it ends.
#[derive(Clone, Copy)]
pub struct Judgement {
    trend: Option<(State, f64)>,
    /// Against what was before the window.
    flare: Option<(State, f64)>,
    variability: Option<(f64, bool)>,
    bands_disagree: bool,
}

impl Known<'_> {
    /// The states in the window of length `tau` that begins after `bound`, and whether bands disagree.
    pub fn states(&self, tau: Option<MicroDays>, bound: MicroDays, judgement: &Judgement) -> (States, bool) {
        let Judgement { trend, flare, variability, bands_disagree } = *judgement;
        let mut states = States::default();
        if let Some(state) = self.novelty(tau, bound) {
            states.add(state, self.newest.significance());
        }
        if let Some(detection) = self.reappeared.filter(|detection| detection.time > bound) {
            states.add(State::Reappeared, detection.significance());
        }
        if let Some((state, z)) = trend {
            states.add(state, z);
        }
        let flare = tau.and(flare);
        if let Some((state, z)) = flare {
            states.add(state, z);
        }
        if let Some((freedom_z, variable)) = variability {
            if variable {
                states.add(State::Variable, freedom_z);
            } else if trend.is_none() && flare.is_none() {
                states.add(State::Steady, freedom_z);
            }
        }
        (states, bands_disagree)
    }

    /// What all series of a window say; `baseline` is what was read of the last visit's series.
    pub fn judge(&self, pieces: &[Piece], baseline: Option<&Reading>) -> Judgement {
        let beyond = |sign: f64| {
            pieces.iter().any(|piece| piece.features.trend_z.is_some_and(|z| z * sign > self.settings.disagree_z))
        };
        Judgement {
            trend: self.trend(pieces),
            flare: baseline.and_then(|baseline| self.flare(baseline)),
            variability: self.variability(pieces),
            bands_disagree: beyond(1.0) && beyond(-1.0),
        }
    }

    fn novelty(&self, tau: Option<MicroDays>, bound: MicroDays) -> Option<State> {
        let settings = self.settings;
        let short = tau.is_some_and(|tau| tau.days() <= settings.new_max_days);
        let moving = self.object.class == ObjectClass::SolarSystem
            || self.solar_system.is_some_and(|arcsec| f64::from(arcsec) <= settings.solar_system_arcsec);
        if !short || moving || self.first_detection <= bound {
            return None;
        }
        let span = (self.newest.time - self.oldest.time).days() * 1440.0;
        let confirmed = self.detections >= settings.new_detections && span >= settings.new_span_minutes;
        Some(if confirmed { State::New } else { State::Candidate })
    }

    fn trend(&self, pieces: &[Piece]) -> Option<(State, f64)> {
        let trends = pieces.iter().filter_map(|piece| Some((piece.features.trend_z?, piece)));
        let (mut count, mut best) = (0, None::<(f64, &Piece)>);
        for (z, piece) in trends {
            count += 1;
            best = best.filter(|(best, _)| best.abs() >= z.abs()).or(Some((z, piece)));
        }
        let (z, piece) = best?;
        // The leading term of a Bonferroni correction: m·exp(−Z²/2) = exp(−Z′²/2).
        let size = (z * z - 2.0 * libm::log(f64::from(count))).max(0.0).sqrt();
        if size < self.settings.trend_z {
            return None;
        }
        let newest = piece.newest?;
        let rising = z > 0.0;
        let extreme = piece.extremes[usize::from(rising)]?;
        let from_extreme = (extreme.flux - newest.flux.0).abs() as f64;
        let state = match from_extreme <= self.settings.turned_sigma * newest.sigma.hypot(extreme.sigma) {
            false => State::Turned,
            true if rising => State::Rising,
            true => State::Fading,
        };
        Some((state, size.copysign(z)))
    }

    fn flare(&self, baseline: &Reading) -> Option<(State, f64)> {
        let (_, _, last) = self.last_visit?;
        let base = &baseline.earlier;
        if base.n < self.settings.baseline_visits.max(1) {
            return None;
        }
        let variance = last.sigma * last.sigma + 1.0 / base.weight() + base.excess_variance().unwrap_or(0.0);
        let z = (last.flux.0 as f64 - base.mean()) / variance.sqrt();
        match () {
            _ if z >= self.settings.flare_z => Some((State::Flaring, z)),
            _ if z <= -self.settings.flare_z => Some((State::Dipping, z)),
            _ => None,
        }
    }

    /// The Wilson–Hilferty Z (1931) of Σχ², and whether it makes the object variable; `None` with too few degrees of freedom.
    fn variability(&self, pieces: &[Piece]) -> Option<(f64, bool)> {
        let many = || pieces.iter().filter(|piece| piece.features.n > 1);
        let freedom: u32 = many().map(|piece| piece.features.n - 1).sum();
        if freedom < self.settings.variable_freedom.max(1) {
            return None;
        }
        let chi2: f64 = many().map(|piece| piece.features.chi2).sum();
        let freedom = f64::from(freedom);
        let term = 2.0 / (9.0 * freedom);
        let z = (libm::cbrt(chi2 / freedom) - (1.0 - term)) / term.sqrt();
        let scatters = many().any(|piece| match (piece.features.excess_scatter, piece.mean_total) {
            (Some(scatter), Some(total)) => scatter * 1e3 >= self.settings.variable_scatter * total.abs(),
            _ => true,
        });
        Some((z, z >= self.settings.variable_z && scatters))
    }
}

/// Everything of [`Known`] that comes from the light curve; `None` without a good source.
pub fn known<'a>(
    curve: &LightCurve,
    settings: &'a TimescaleSettings,
    object: ObjectId,
    first_by_survey: Option<MicroDays>,
    solar_system: Option<f32>,
) -> Option<Known<'a>> {
    let (newest, oldest) = (curve.newest()?, curve.oldest()?);
    Some(Known {
        settings,
        object,
        newest,
        oldest,
        detections: curve.detections(),
        first_detection: first_by_survey.map_or(oldest.time, |first| first.min(oldest.time)),
        solar_system,
        reappeared: curve.reappeared(settings.reappeared_visits as usize),
        last_visit: curve.newest_before(MicroDays(newest.time.0 + 1), None),
    })
}
