//! Each state of DESIGN §4.4 on a history small enough to work its Z out on paper.
//!
//! Fluxes in nJy, errors as quoted (factor 1, floor 0), days after the start of the story.

#[allow(dead_code, unused_imports)]
mod adapter;
#[allow(dead_code, unused_imports)]
mod generate;
#[allow(dead_code, unused_imports)]
mod hands;
#[allow(dead_code, unused_imports)]
mod oracle;

use generate::story::{Story, band, day, nano, sidereal, solar_system};
use hands::{answer, close, held, holds, plain, window};
use skydiff_operators::State::{
    Candidate, Dipping, Fading, Flaring, New, Reappeared, Rising, Steady, Turned, Variable,
};
use skydiff_schemas::{MicroDays, Quality, Real};

const ALL: f64 = f64::INFINITY;

fn star() -> Story {
    Story::of(sidereal(0, 1))
}

#[test]
fn one_detection_is_a_candidate() {
    // Z = 100 / 10. The limit of day 9 is the last visit that saw nothing; a forced flux of 30 ± 10 (depth 5 · 10) on
    // day 9.5 would be newer still.
    let rules = plain();
    let story = star().limit(8.0, "g", 70.0).limit(9.0, "r", 80.0).source(10.0, "g", 100.0, 10.0);
    let known = answer(&story, &rules);
    for days in [0.1, 2.0, 100.0] {
        holds(&known, &rules, days, Candidate, 10.0);
        assert_eq!(held(&known, &rules, days), [Candidate]);
    }
    // 365 d is more than 100 d: nothing is new on that scale.
    assert_eq!(held(&known, &rules, 365.0), []);
    assert_eq!(held(&known, &rules, ALL), []);
    let before = known.before_first.unwrap();
    assert_eq!((before.time, before.depth, before.band), (day(9.0), nano(80.0), band("r")));

    let known = answer(&story.clone().forced(9.5, "i", 30.0, 10.0), &rules);
    let before = known.before_first.unwrap();
    assert_eq!((before.time, before.depth, before.band), (day(9.5), nano(50.0), band("i")));
    // A forced flux of 60 ± 10 did see something, so the limit is the last that did not.
    let known = answer(&story.forced(9.5, "i", 60.0, 10.0), &rules);
    assert_eq!(known.before_first.unwrap().time, day(9.0));
}

#[test]
fn never_observed_before_the_first_detection() {
    let known =
        answer(&star().source(10.0, "g", 100.0, 10.0).limit(9.0, "g", 80.0).with(|row| row.time = day(10.0)), &plain());
    assert_eq!(known.before_first, None);
}

#[test]
fn a_survey_that_knew_it_earlier_is_believed() {
    let rules = plain();
    let story = star().source(10.0, "g", 100.0, 10.0).context(|context| context.first_detection = day(7.0));
    let known = answer(&story, &rules);
    assert_eq!(known.first_detection, Some(day(7.0)));
    assert_eq!(held(&known, &rules, 2.0), []);
    // The window is open at its start: 7.0 is within (10 − 7, 10].
    assert_eq!(held(&known, &rules, 7.0), [Candidate]);
    let story = story.context(|context| context.first_detection = day(3.0));
    assert_eq!(held(&answer(&story, &rules), &rules, 7.0), []);
}

#[test]
fn what_moves_is_not_new() {
    let rules = plain();
    let moving = |arcsec: f64| {
        star().source(10.0, "g", 100.0, 10.0).context(|c| c.solar_system_distance = Real::new(Some(arcsec)))
    };
    assert_eq!(held(&answer(&moving(5.0), &rules), &rules, 2.0), []);
    assert_eq!(held(&answer(&moving(5.1), &rules), &rules, 2.0), [Candidate]);
    let asteroid = Story::of(solar_system(1, 1)).source(10.0, "g", 100.0, 10.0);
    assert_eq!(held(&answer(&asteroid, &rules), &rules, 2.0), []);
}

#[test]
fn two_detections_a_quarter_of_an_hour_apart_are_new() {
    // 15 min are 0.010417 d. Z is that of the newest detection, 120 / 8 = 15. Two visits with 20 / √(100 + 64) =
    // 1.56 σ between them make no trend; one degree of freedom neither variable nor steady.
    let rules = plain();
    let pair = |apart: f64| star().source(10.0, "g", 100.0, 10.0).source(10.0 + apart, "g", 120.0, 8.0);
    let known = answer(&pair(0.010_418), &rules);
    holds(&known, &rules, 2.0, New, 15.0);
    assert_eq!(held(&known, &rules, 2.0), [New]);
    assert_eq!(known.detections, 2);
    let known = answer(&pair(0.010_415), &rules);
    holds(&known, &rules, 2.0, Candidate, 15.0);
    // Two sources of one visit are one detection.
    let known = answer(&pair(0.010_418).with(|row| row.visit = 1), &rules);
    assert_eq!((known.detections, held(&known, &rules, 2.0)), (1, vec![Candidate]));
}

/// Seen on day 0 and, at 100 ± 5, on day `back`; limits of `depth` on days 20, 40 and 60.
fn silence(back: f64, depth: f64) -> Story {
    let limits = |story: Story| story.limit(20.0, "g", depth).limit(40.0, "r", depth).limit(60.0, "i", depth);
    limits(star().source(0.0, "g", 100.0, 5.0)).source(back, "g", 100.0, 5.0)
}

#[test]
fn a_source_reappears_after_a_silence_that_was_watched() {
    let rules = plain();
    // Z = 100 / 5. In every window: the silence lies before it, or in it.
    let known = answer(&silence(90.0, 100.0), &rules);
    for days in [0.1, 365.0, ALL] {
        holds(&known, &rules, days, Reappeared, 20.0);
    }
    let not = |story: Story| assert_eq!(held(&answer(&story, &rules), &rules, 2.0), []);
    // A little sooner; limits a little brighter than the source; one of three limits missing.
    not(silence(89.999_999, 100.0));
    not(silence(90.0, 100.001));
    not(star().source(0.0, "g", 100.0, 5.0).limit(20.0, "g", 9.0).limit(40.0, "g", 9.0).source(90.0, "g", 100.0, 5.0));
    // A source between, of whatever quality, breaks the silence. A withdrawn one was never there.
    let between = |quality| silence(90.0, 100.0).source(50.0, "g", 7.0, 1.0).with(|row| row.quality = quality);
    not(between(Quality::SCORE));
    holds(&answer(&between(Quality::WITHDRAWN), &rules), &rules, 2.0, Reappeared, 20.0);
    // Silence after a source of bad quality counts as well.
    let mut story = silence(90.0, 100.0);
    story.rows[0].quality = Quality::PIXELS;
    holds(&answer(&story, &rules), &rules, 2.0, Reappeared, 20.0);
}

#[test]
fn forced_photometry_watches_a_silence_as_deep_as_five_sigma() {
    // 5 · 20 = 100 is deep enough to have seen |−100|, 5 · 20.001 is not. Z = 100 / 5.
    let rules = plain();
    let story = |sigma: f64| {
        let story = star().source(0.0, "g", 100.0, 5.0).forced(20.0, "g", 0.0, 19.0).forced(40.0, "g", 0.0, 19.0);
        story.forced(60.0, "g", 0.0, sigma).source(100.0, "r", -100.0, 5.0)
    };
    holds(&answer(&story(19.999), &rules), &rules, 2.0, Reappeared, 20.0);
    assert_eq!(held(&answer(&story(20.001), &rules), &rules, 2.0), []);
}

#[test]
fn two_visits_rise_by_their_difference() {
    // Z = (200 − 100) / √(10² + 10²) = 7.07107; one degree of freedom is neither variable nor steady.
    let rules = plain();
    let known = answer(&star().source(9.0, "g", 100.0, 10.0).source(10.0, "g", 200.0, 10.0), &rules);
    holds(&known, &rules, 2.0, Rising, 7.07107);
    assert_eq!(held(&known, &rules, 2.0), [New, Rising]);
    // The window (9, 10] has one of them only.
    assert_eq!(held(&known, &rules, 0.1), []);
    let features = &window(&known, &rules, 2.0).series[0];
    close(features.linear_fit_slope.unwrap(), 100.0);
    close(features.linear_fit_slope_sigma.unwrap(), 14.1421);
    assert_eq!(features.linear_fit_reduced_chi2, None);
    close(features.rate.unwrap(), 100.0);
    close(features.rate_sigma.unwrap(), 14.1421);
}

#[test]
fn a_difference_that_grows_more_negative_fades() {
    // (−200 − −100) / √200 = −7.07107. Negative fluxes are fluxes.
    let rules = plain();
    let known = answer(&star().source(9.0, "g", -100.0, 10.0).source(10.0, "g", -200.0, 10.0), &rules);
    holds(&known, &rules, 2.0, Fading, -7.07107);
    assert_eq!(held(&known, &rules, 2.0), [New, Fading]);
}

#[test]
fn a_line_through_three_visits() {
    // t̄ = 9, S_tt = (1 + 0 + 1) / 10² = 0.02 d²/nJy². S_tf = (−1 · 0 + 0 · 40 + 1 · 100) / 10² = 1: slope 50, its error
    // 1 / √0.02 = 7.07107, Z = 7.07107. Residuals about f̄ = 46.6667: 3.3333, −6.6667, 3.3333: χ²/1 = 66.667 / 100.
    let rules = plain();
    let story = star().source(8.0, "g", 0.0, 10.0).source(9.0, "g", 40.0, 10.0).source(10.0, "g", 100.0, 10.0);
    let known = answer(&story, &rules);
    holds(&known, &rules, 7.0, Rising, 7.07107);
    let features = &window(&known, &rules, 7.0).series[0];
    close(features.linear_fit_slope.unwrap(), 50.0);
    close(features.linear_fit_slope_sigma.unwrap(), 7.07107);
    close(features.linear_fit_reduced_chi2.unwrap(), 0.666_667);
    close(features.rate.unwrap(), 60.0);
}

#[test]
fn a_rise_from_below_a_limit() {
    // The limit of 50 on day 9 has σ = 10: rate ≥ (200 − 50) / 1 d, Z = 150 / √(10² + 10²) = 10.6066. The limit of day
    // 8 is older, that of day 9.5 brighter than the source, that of day 9.6 in another band.
    let rules = plain();
    let story = star().limit(8.0, "g", 40.0).limit(9.0, "g", 50.0).limit(9.5, "g", 210.0).limit(9.6, "r", 10.0);
    let known = answer(&story.clone().source(10.0, "g", 200.0, 10.0), &rules);
    holds(&known, &rules, 2.0, Rising, 10.6066);
    let features = &window(&known, &rules, 2.0).series[0];
    close(features.rise_limit.unwrap(), 150.0);
    close(features.rise_limit_z.unwrap(), 10.6066);
    assert_eq!((features.linear_fit_slope, features.rate), (None, None));
    // Seen on day 9.3 already: no limit lies between the two newest detections that is below the newest.
    // The line has Z = 110 / √200 = 7.77817.
    let known = answer(&story.clone().source(9.3, "g", 90.0, 10.0).source(10.0, "g", 200.0, 10.0), &rules);
    assert_eq!(window(&known, &rules, 2.0).series[0].rise_limit, None);
    holds(&known, &rules, 2.0, Rising, 7.77817);
    // A limit that names no reference joins every series of its band; one of another reference does not.
    let of = |reference: u32| {
        let story = star().limit(9.0, "g", 50.0).with(|row| row.reference = reference);
        answer(&story.source(10.0, "g", 200.0, 10.0), &rules)
    };
    assert_eq!(held(&of(7), &rules, 2.0), [Candidate]);
    assert_eq!(held(&of(u32::MAX), &rules, 2.0), [Candidate, Rising]);
}

#[test]
fn the_trend_pays_for_the_number_of_series() {
    // g: Z_s = 7.07107; r: 10 / √200 = 0.707. Z = √(50 − 2 ln 2) = 6.97235. Z² of 25 − and a bit in one of two series
    // is not enough: 73 / √200 = 5.1619, √(26.645 − 1.3863) = 5.02580 is; 72.5 / √200 = 5.12652: √24.8949 = 4.98948 is not.
    let rules = plain();
    let story = |rise: f64| {
        let green = star().source(9.0, "g", 100.0, 10.0).source(10.0, "g", 100.0 + rise, 10.0);
        answer(&green.source(9.1, "r", 100.0, 10.0).source(9.9, "r", 110.0, 10.0), &rules)
    };
    holds(&story(100.0), &rules, 2.0, Rising, 6.97235);
    holds(&story(73.0), &rules, 2.0, Rising, 5.0258);
    assert_eq!(held(&story(72.5), &rules, 2.0), [New]);
}

#[test]
fn a_light_curve_that_left_its_extreme_has_turned() {
    // Days 0 to 3, σ = 10: t̄ = 1.5, S_tt = (2.25 + 0.25 + 0.25 + 2.25) / 100 = 0.05. With 0, 100, 200, 150:
    // S_tf = (−50 + 100 + 225) / 100 = 2.75, slope 55, Z = 55 √0.05 = 12.2984; 200 − 150 > 3 √200 = 42.43.
    let rules = plain();
    let story = |last: f64, sign: f64| {
        let fluxes = [0.0, 100.0, 200.0, last];
        let add = |story: Story, (at, flux): (usize, &f64)| story.source(at as f64, "g", sign * flux, 10.0);
        answer(&fluxes.iter().enumerate().fold(star(), add), &rules)
    };
    holds(&story(150.0, 1.0), &rules, 7.0, Turned, 12.2984);
    holds(&story(150.0, -1.0), &rules, 7.0, Turned, -12.2984);
    // With 160: S_tf = 2.9, slope 58, Z = 58 √0.05 = 12.9692; 40 is within 42.43.
    holds(&story(160.0, 1.0), &rules, 7.0, Rising, 12.9692);
    holds(&story(160.0, -1.0), &rules, 7.0, Fading, -12.9692);
    assert_eq!(story(150.0, 1.0).windows[2].states.z(Rising), None);
}

/// Five visits in the baseline, one on day 60.
fn burst(baseline: [f64; 5], last: f64) -> Story {
    let add = |story: Story, (at, flux): (usize, &f64)| story.source(10.0 * at as f64, "g", *flux, 10.0);
    baseline.iter().enumerate().fold(star(), add).source(60.0, "g", last, 10.0)
}

#[test]
fn a_flare_stands_out_of_its_baseline() {
    // base = 100, χ² = 2 < 4: no excess; Σw = 5 / 100. Z = 100 / √(100 + 20) = 9.12871, or −.
    let rules = plain();
    let calm = [90.0, 110.0, 100.0, 100.0, 100.0];
    holds(&answer(&burst(calm, 200.0), &rules), &rules, 2.0, Flaring, 9.12871);
    holds(&answer(&burst(calm, 0.0), &rules), &rules, 2.0, Dipping, -9.12871);
    // The baseline of the 15 d window is the same (45 < t ≤ 60 holds the last only); that of 30 d ends with day 30,
    // its own start, and has four visits; over all of history there is none.
    let known = answer(&burst(calm, 200.0), &rules);
    assert_eq!(held(&known, &rules, 15.0), [Flaring]);
    assert!(!held(&known, &rules, 30.0).contains(&Flaring));
    assert!(!held(&known, &rules, ALL).contains(&Flaring));
    // Start included: the window (40, 60] of 20 d has all five before it.
    let twenty = hands::with_timescales(&rules, &[20.0]);
    holds(&answer(&burst(calm, 200.0), &twenty), &twenty, 20.0, Flaring, 9.12871);
    // Just not: 54.7 / √120 = 4.99340.
    assert_eq!(held(&answer(&burst(calm, 154.7), &rules), &rules, 2.0), []);
}

#[test]
fn a_restless_baseline_makes_no_flare() {
    // χ² = 4 · 100² / 10² = 400, excess² = (400 − 4) · 5 / (4 · 0.05) = 9900. Z = 100 / √(100 + 20 + 9900) = 0.999.
    let rules = plain();
    let restless = [0.0, 200.0, 0.0, 200.0, 100.0];
    assert_eq!(held(&answer(&burst(restless, 200.0), &rules), &rules, 2.0), []);
    // It takes 600: 500 / √10020 = 4.99500 is not enough, 601: 5.00500 is.
    assert_eq!(held(&answer(&burst(restless, 600.0), &rules), &rules, 2.0), []);
    holds(&answer(&burst(restless, 601.0), &rules), &rules, 2.0, Flaring, 5.00499);
}

/// Four visits on days 0 to 3, σ = 10, without a slope.
fn four(fluxes: [f64; 4]) -> Story {
    let add = |story: Story, (at, flux): (usize, &f64)| story.source(at as f64, "g", *flux, 10.0);
    fluxes.iter().enumerate().fold(star(), add)
}

#[test]
fn scatter_beyond_errors_is_variable() {
    // χ² = 4 · 100² / 10² = 400, ν = 3: Z = (133.333^⅓ − (1 − 2/27)) / √(2/27) = (5.10873 − 0.925926) / 0.272166.
    let rules = plain();
    let known = answer(&four([0.0, 200.0, 200.0, 0.0]), &rules);
    holds(&known, &rules, 7.0, Variable, 15.3687);
    assert_eq!(held(&known, &rules, 7.0), [New, Variable]);
    // Excess scatter √((400 − 3) · 4 / (3 · 0.04)) = 115.036: 5 % of 2300.7, not of 2301.
    close(window(&known, &rules, 7.0).series[0].excess_scatter.unwrap(), 115.036);
    let with_total = |total: f64| {
        let mut story = four([0.0, 200.0, 200.0, 0.0]);
        story.rows.iter_mut().for_each(|row| row.total = nano(total));
        answer(&story, &rules)
    };
    assert_eq!(held(&with_total(2300.0), &rules, 7.0), [New, Variable]);
    // It scatters, but too little of what it is: steady, with the same Z.
    assert_eq!(held(&with_total(2301.0), &rules, 7.0), [New, Steady]);
    holds(&with_total(2301.0), &rules, 7.0, Steady, 15.3687);
}

#[test]
fn scatter_within_errors_is_steady() {
    // χ² = (0 + 1 + 1 + 0) = 2, ν = 3: Z = ((2/3)^⅓ − 0.925926) / 0.272166 = (0.873580 − 0.925926) / 0.272166.
    let rules = plain();
    let known = answer(&four([100.0, 110.0, 90.0, 100.0]), &rules);
    holds(&known, &rules, 7.0, Steady, -0.192_330);
    assert_eq!(held(&known, &rules, 7.0), [New, Steady]);
    // Within the last 2 d there are two visits: one degree of freedom is too few.
    assert_eq!(held(&known, &rules, 2.0), []);
}

#[test]
fn degrees_of_freedom_add_over_series() {
    // Two series of two visits and one of one: ν = 2. With a third in one of them, ν = 3: χ² = 0.5 + 2 + 0.
    // g: 100, 110 → 2 · 5² / 100 = 0.5. r: 90, 100, 110 → 2. Z = ((2.5/3)^⅓ − 0.925926) / 0.272166 = 0.055518.
    let rules = plain();
    let story = star().source(0.0, "g", 100.0, 10.0).source(1.0, "g", 110.0, 10.0).source(0.1, "r", 90.0, 10.0);
    let story = story.source(1.1, "r", 100.0, 10.0).source(1.5, "i", 100.0, 10.0);
    assert_eq!(held(&answer(&story, &rules), &rules, 7.0), [New]);
    let known = answer(&story.source(2.1, "r", 110.0, 10.0), &rules);
    assert_eq!(held(&known, &rules, 7.0), [New, Steady]);
    holds(&known, &rules, 7.0, Steady, 0.055_518);
}

#[test]
fn bands_with_opposite_trends_disagree() {
    // g: +7.07107, r: −95 / √200 = −6.71751: the greater gives the trend, √(50 − 2 ln 2) = 6.97235.
    let rules = plain();
    let story = |fall: f64| {
        let green = star().source(9.0, "g", 100.0, 10.0).source(10.0, "g", 200.0, 10.0);
        answer(&green.source(9.1, "r", 200.0, 10.0).source(9.9, "r", 200.0 - fall, 10.0), &rules)
    };
    let known = story(95.0);
    assert!(window(&known, &rules, 2.0).bands_disagree);
    holds(&known, &rules, 2.0, Rising, 6.97235);
    // 42.43 / √200 = 3.00025 disagrees, 42.42 / √200 = 2.99955 does not, and over 0.1 d there is no trend.
    assert!(window(&story(42.43), &rules, 2.0).bands_disagree);
    assert!(!window(&story(42.42), &rules, 2.0).bands_disagree);
    assert!(!window(&known, &rules, 0.1).bands_disagree);
}

#[test]
fn states_are_alive_until_the_clock_passes_their_window() {
    let rules = plain();
    let packet = star().source(10.0, "g", 100.0, 10.0).packet();
    let at = |clock: MicroDays| {
        let mut clocks = skydiff_operators::Clocks::default();
        clocks.advance(packet.object.survey, clock);
        hands::answer_to(std::slice::from_ref(&packet), &clocks, &rules)
    };
    let known = at(MicroDays(day(12.0).0 - 1));
    assert_eq!(
        known.windows.iter().map(|w| w.alive).collect::<Vec<_>>(),
        [false, true, true, true, true, true, true, true]
    );
    assert_eq!(window(&known, &rules, 2.0).valid_until, day(12.0));
    // Valid until 12.0 is no longer valid at 12.0, though the state is still known.
    let known = at(day(12.0));
    assert!(!window(&known, &rules, 2.0).alive);
    holds(&known, &rules, 2.0, Candidate, 10.0);
    assert_eq!(window(&at(day(9999.0)), &rules, ALL).valid_until, MicroDays(i64::MAX));
    assert!(window(&at(day(9999.0)), &rules, ALL).alive);
}
