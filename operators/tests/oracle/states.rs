//! The states of one object in one window, each as DESIGN §4.4's table has it.

use super::answer::Object;
use super::features::{Series, extremes, mean};
use super::judge::Judge;
use super::visits::{Visit, believed_sigma};
use skydiff_operators::{State, States, TimescaleSettings};
use skydiff_schemas::{Measurement, MicroDays, ObjectClass};

/// What a state is decided from.
pub struct View<'a> {
    pub object: &'a Object<'a>,
    pub settings: &'a TimescaleSettings,
    /// Newest good source.
    pub newest: MicroDays,
    /// The window's length; `None` is all of history.
    pub length: Option<MicroDays>,
    /// The series of the window.
    pub series: &'a [Series<'a>],
}

impl View<'_> {
    fn holds(&self, time: MicroDays) -> bool {
        time <= self.newest && self.start().is_none_or(|start| time > start)
    }

    fn start(&self) -> Option<MicroDays> {
        self.length.map(|length| MicroDays(self.newest.0 - length.0))
    }

    fn z_of(&self, row: &Measurement) -> f64 {
        row.flux.0.abs() as f64 / believed_sigma(row, self.object.errors)
    }
}

/// Every state that holds, with its Z, and whether two bands disagree.
pub fn states(view: &View, judge: &mut Judge) -> (States, bool) {
    let mut held: Vec<(State, f64)> = Vec::new();
    held.extend(first(view, judge));
    held.extend(reappeared(view, judge));
    held.extend(trend(view, judge));
    held.extend(outburst(view, judge));
    let scatter = scatter(view);
    if let Some(scatter) = &scatter {
        held.extend(variable(view, scatter, judge));
        let restless = |state: State| (State::Rising..=State::Variable).contains(&state);
        if !held.iter().any(|(state, _)| restless(*state)) {
            held.push((State::Steady, scatter.z));
        }
    }
    held.sort_by_key(|(state, _)| *state);
    let mut states = States::default();
    held.into_iter().for_each(|(state, z)| states.add(state, z));
    (states, disagree(view, judge))
}

/// `candidate` or `new`: the first detection ever lies in the window.
fn first(view: &View, judge: &mut Judge) -> Option<(State, f64)> {
    let View { object, settings, .. } = view;
    let short = view.length.is_some() && view.length.is_some_and(|length| length.days() <= settings.new_max_days);
    let near = object.trigger().and_then(|trigger| trigger.context.solar_system_distance.get());
    let moving = near.is_some_and(|arcsec| f64::from(arcsec) <= settings.solar_system_arcsec);
    let since = view.start().is_none_or(|start| object.first_detection.is_some_and(|first| first > start));
    if !short || moving || !since || object.id.class != ObjectClass::Sidereal {
        return None;
    }
    let (oldest, newest) = (object.good.first()?, object.good.last()?);
    let span = (newest.time.0 - oldest.time.0) as f64;
    let enough = object.detections >= settings.new_detections;
    // Two microdays are within rounding of the span as minutes.
    judge.doubtful |= enough && (span - settings.new_span_minutes * 1e6 / 1440.0).abs() < 0.5;
    let confirmed = enough && span >= settings.new_span_minutes * 1e6 / 1440.0;
    Some((if confirmed { State::New } else { State::Candidate }, view.z_of(newest)))
}

/// `reappeared`: a detection after a silence in which it would have been seen.
fn reappeared(view: &View, judge: &mut Judge) -> Option<(State, f64)> {
    let View { object, settings, .. } = view;
    let returns = object.good.iter().filter(|row| view.holds(row.time)).filter(|row| {
        let before = object.sources.iter().filter(|source| source.time < row.time).map(|source| source.time).max();
        before.is_some_and(|before| {
            let silent = (row.time.0 - before.0) as f64 >= settings.reappeared_days * 1e6;
            let seen = row.flux.0.abs() as f64;
            let between = object.visits.iter().filter(|visit| before < visit.time() && visit.time() < row.time);
            let deep = between.filter(|visit| match visit.is_flux() {
                false => visit.flux() <= seen,
                true => visit.is_forced() && judge.at_most(5.0 * visit.sigma, seen),
            });
            let deep = deep.count();
            silent && deep >= settings.reappeared_visits as usize
        })
    });
    returns.max_by_key(|row| (row.time, row.id)).map(|row| (State::Reappeared, view.z_of(row)))
}

/// `rising`, `fading` or `turned`.
fn trend(view: &View, judge: &mut Judge) -> Option<(State, f64)> {
    let trends: Vec<(&Series, f64)> =
        view.series.iter().filter_map(|series| Some((series, series.features.trend_z?))).collect();
    let mut strongest: Option<(&Series, f64)> = None;
    for (series, z) in &trends {
        if strongest.is_none_or(|(_, greatest)| judge.above(z.abs(), greatest.abs())) {
            strongest = Some((series, *z));
        }
    }
    let (series, z) = strongest?;
    judge.doubtful |= series.rounding;
    let z = z.signum() * (z * z - 2.0 * (trends.len() as f64).ln()).max(0.0).sqrt();

    let newest = series.visits.last().expect("a series has a visit");
    let (brightest, faintest) = extremes(&series.visits);
    if judge.at_least(z, view.settings.trend_z) {
        Some((left(newest, brightest, State::Rising, view.settings, judge), z))
    } else if judge.at_most(z, -view.settings.trend_z) {
        Some((left(newest, faintest, State::Fading, view.settings, judge), z))
    } else {
        None
    }
}

/// `state`, unless the newest visit has left the extreme: then `turned`.
fn left(newest: &Visit, extreme: &Visit, state: State, settings: &TimescaleSettings, judge: &mut Judge) -> State {
    let distance = (extreme.flux() - newest.flux()).abs();
    let near = judge.at_most(distance, settings.turned_sigma * newest.sigma.hypot(extreme.sigma));
    if near { state } else { State::Turned }
}

fn disagree(view: &View, judge: &mut Judge) -> bool {
    let (mut up, mut down) = (false, false);
    for series in view.series {
        let Some(z) = series.features.trend_z else { continue };
        judge.doubtful |= series.rounding;
        up |= judge.above(z, view.settings.disagree_z);
        down |= judge.below(z, -view.settings.disagree_z);
    }
    up && down
}

/// `flaring` or `dipping`: the newest visit against its series before the window.
fn outburst(view: &View, judge: &mut Judge) -> Option<(State, f64)> {
    let start = view.start()?;
    let fluxes = || view.object.visits.iter().filter(|visit| visit.is_flux());
    let last = fluxes().rfind(|visit| visit.time() <= view.newest)?;
    let baseline: Vec<&Visit> =
        fluxes().filter(|visit| visit.series() == last.series() && visit.time() <= start).collect();
    if baseline.is_empty() || baseline.len() < view.settings.baseline_visits as usize {
        return None;
    }
    let base = mean(&baseline);
    let sigma2 = last.sigma.powi(2) + base.err.powi(2) + base.excess2.unwrap_or(0.0);
    let z = (last.flux() - base.mean) / sigma2.sqrt();
    if judge.at_least(z, view.settings.flare_z) {
        Some((State::Flaring, z))
    } else if judge.at_most(z, -view.settings.flare_z) {
        Some((State::Dipping, z))
    } else {
        None
    }
}

struct Scatter {
    z: f64,
}

/// Σχ² over series against its degrees of freedom, by Wilson and Hilferty (1931); `None` with too few of them.
fn scatter(view: &View) -> Option<Scatter> {
    let several = || view.series.iter().filter(|series| series.features.n >= 2);
    let chi2: f64 = several().map(|series| series.features.chi2).sum();
    let freedom: u32 = several().map(|series| series.features.n - 1).sum();
    if freedom == 0 || freedom < view.settings.variable_freedom {
        return None;
    }
    let spread = 2.0 / (9.0 * f64::from(freedom));
    let z = ((chi2 / f64::from(freedom)).cbrt() - (1.0 - spread)) / spread.sqrt();
    Some(Scatter { z })
}

fn variable(view: &View, scatter: &Scatter, judge: &mut Judge) -> Option<(State, f64)> {
    let wide = view.series.iter().filter(|series| series.features.n >= 2).any(|series| {
        let excess = series.features.excess_scatter.expect("of two visits");
        match mean_total(&series.visits) {
            Some(total) => judge.at_least(excess, view.settings.variable_scatter * total.abs()),
            None => true,
        }
    });
    let significant = judge.at_least(scatter.z, view.settings.variable_z);
    (significant && wide).then_some((State::Variable, scatter.z))
}

/// Weighted mean total flux (nJy) of the visits that have one.
fn mean_total(visits: &[&Visit]) -> Option<f64> {
    let with: Vec<(f64, f64)> =
        visits.iter().filter_map(|visit| Some((visit.weight(), visit.row.total()?.0 as f64 / 1e3))).collect();
    let weight: f64 = with.iter().map(|(weight, _)| weight).sum();
    (!with.is_empty()).then(|| with.iter().map(|(weight, total)| weight * total).sum::<f64>() / weight)
}
