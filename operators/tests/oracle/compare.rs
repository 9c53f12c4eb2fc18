//! Whether two answers are the same but for the last digits of their floats.
//!
//! Floats may differ by a relative 1e-9 of themselves or of their natural scale, whichever is greater: a slope or a
//! rate of its error, a mean of its error, χ² of 1. Everything else must be equal, unless the oracle says that it
//! hangs on a comparison too close to call.

use super::answer::{Expected, WindowDoubt};
use skydiff_operators::{Answer, Colour, SeriesFeatures, Window};

const RELATIVE: f64 = 1e-9;

/// What differs, in words, one line each.
pub type Disagreement = Vec<String>;

/// Every way in which `got` is not what was expected.
pub fn compare(expected: &Expected, got: &Answer) -> Result<(), Disagreement> {
    let want = &expected.answer;
    let mut said = Said::default();
    said.same("object", &want.object, &got.object);
    said.same("position", &want.position, &got.position);
    said.same("newest", &want.newest, &got.newest);
    said.same("oldest", &want.oldest, &got.oldest);
    said.same("detections", &want.detections, &got.detections);
    said.same("first_detection", &want.first_detection, &got.first_detection);
    before_first(expected, got, &mut said);
    said.same("trigger", &want.trigger, &got.trigger);
    said.same("latest", &want.latest, &got.latest);
    said.same("number of windows", &want.windows.len(), &got.windows.len());
    for (at, (want, got)) in want.windows.iter().zip(&got.windows).enumerate() {
        said.place = format!("window {at}: ");
        window(want, got, &expected.doubts[at], &mut said);
    }
    if said.lines.is_empty() { Ok(()) } else { Err(said.lines) }
}

#[derive(Default)]
struct Said {
    place: String,
    lines: Disagreement,
}

impl Said {
    fn say(&mut self, what: &str, want: &dyn std::fmt::Debug, got: &dyn std::fmt::Debug) {
        self.lines.push(format!("{}{what}: {got:?} instead of {want:?}", self.place));
    }

    fn same<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, want: &T, got: &T) {
        if want != got {
            self.say(what, want, got);
        }
    }

    fn close(&mut self, what: &str, want: f64, got: f64, scale: f64) {
        if !near(want, got, scale) {
            self.say(what, &want, &got);
        }
    }

    fn close_option(&mut self, what: &str, want: Option<f64>, got: Option<f64>, scale: f64) {
        let agree = match (want, got) {
            (Some(want), Some(got)) => near(want, got, scale),
            (want, got) => want.is_none() && got.is_none(),
        };
        if !agree {
            self.say(what, &want, &got);
        }
    }
}

fn near(want: f64, got: f64, scale: f64) -> bool {
    (want - got).abs() <= RELATIVE * want.abs().max(scale)
}

fn before_first(expected: &Expected, got: &Answer, said: &mut Said) {
    let (want, got) = (&expected.answer.before_first, &got.before_first);
    let agree = match (want, got) {
        (Some(want), Some(got)) => {
            // The depth is five times a float, as an integer: either neighbour is right.
            (want.time, want.band) == (got.time, got.band) && (want.depth.0 - got.depth.0).abs() <= 1
        }
        (want, got) => want == got,
    };
    if !agree && !expected.doubtful_first {
        said.say("before_first", want, got);
    }
}

fn window(want: &Window, got: &Window, doubt: &WindowDoubt, said: &mut Said) {
    said.same("valid_until", &want.valid_until, &got.valid_until);
    said.same("alive", &want.alive, &got.alive);
    if !doubt.states && doubt.rounded.is_empty() {
        states(want, got, said);
        said.same("bands_disagree", &want.bands_disagree, &got.bands_disagree);
    }
    let names = |window: &Window| window.series.iter().map(|s| (s.band, s.reference, s.n)).collect::<Vec<_>>();
    said.same("series", &names(want), &names(got));
    for (want, got) in want.series.iter().zip(&got.series) {
        let place = std::mem::take(&mut said.place);
        said.place = format!("{place}{}/{}: ", want.band.name(), want.reference);
        fluxes(want, got, said);
        if !doubt.rounded.contains(&(want.band, want.reference)) {
            slots(want, got, doubt.rise_limits, said);
        }
        said.place = place;
    }
    colours(&want.colours, &got.colours, said);
}

fn states(want: &Window, got: &Window, said: &mut Said) {
    let agree = want.states.iter().count() == got.states.iter().count()
        && want.states.iter().zip(got.states.iter()).all(|(a, b)| a.0 == b.0 && near(a.1, b.1, 1.0));
    if !agree {
        said.say("states", &want.states, &got.states);
    }
}

fn fluxes(want: &SeriesFeatures, got: &SeriesFeatures, said: &mut Said) {
    let sigma = want.weighted_mean_err;
    said.close("weighted_mean", want.weighted_mean, got.weighted_mean, sigma);
    said.close("weighted_mean_err", want.weighted_mean_err, got.weighted_mean_err, 0.0);
    said.close("chi2", want.chi2, got.chi2, 1.0);
    // The square is χ² in other units: near zero the root amplifies what it lost.
    let n = f64::from(want.n);
    let chi2 = |excess: f64| excess * excess / (sigma * sigma) * (n - 1.0) / n;
    said.close_option(
        "excess_scatter²",
        want.excess_scatter.map(chi2),
        got.excess_scatter.map(chi2),
        want.chi2.max(1.0),
    );
    said.close("amplitude", want.amplitude, got.amplitude, 0.0);
    said.close("amplitude_z", want.amplitude_z, got.amplitude_z, 0.0);
}

fn slots(want: &SeriesFeatures, got: &SeriesFeatures, doubtful_limits: bool, said: &mut Said) {
    let sigma = want.linear_fit_slope_sigma.unwrap_or(0.0);
    said.close_option("linear_fit_slope", want.linear_fit_slope, got.linear_fit_slope, sigma);
    said.close_option("linear_fit_slope_sigma", want.linear_fit_slope_sigma, got.linear_fit_slope_sigma, 0.0);
    // The operators take it as the difference of two sums as large as the square of the slope's Z, in f64.
    let z = want.linear_fit_slope.unwrap_or(0.0) / sigma.max(f64::MIN_POSITIVE);
    said.close_option(
        "reduced_chi2",
        want.linear_fit_reduced_chi2,
        got.linear_fit_reduced_chi2,
        (1e-5 * z * z).max(1.0),
    );
    said.close_option("rate", want.rate, got.rate, want.rate_sigma.unwrap_or(0.0));
    said.close_option("rate_sigma", want.rate_sigma, got.rate_sigma, 0.0);
    if !doubtful_limits {
        said.close_option("rise_limit", want.rise_limit, got.rise_limit, 0.0);
        said.close_option("rise_limit_z", want.rise_limit_z, got.rise_limit_z, 1.0);
        said.close_option("trend_z", want.trend_z, got.trend_z, 1.0);
    }
}

fn colours(want: &[Colour], got: &[Colour], said: &mut Said) {
    let names = |colours: &[Colour]| colours.iter().map(|colour| colour.bands).collect::<Vec<_>>();
    said.same("colours", &names(want), &names(got));
    for (want, got) in want.iter().zip(got) {
        said.close("colour", want.colour, got.colour, 1.0);
        said.close("colour_err", want.colour_err, got.colour_err, 0.0);
        // Per day, between pairs that may be a microday apart: the last digits of the magnitudes count.
        said.close_option("colour change", want.change, got.change, 100.0);
    }
}
