//! Constant stars with Gaussian errors, through the operators: false alarms are as many as the thresholds promise.
//!
//! Promised per window and state: a trend of Z σ on either side with the two-sided tail probability of Z, `flaring`,
//! `dipping` and `variable` with the one-sided one, `bands_disagree` with what two independent trends give. At thresholds
//! of 2 and 3 σ there are enough of them to count; counts must lie within 5 standard deviations of a binomial (one seed in
//! 10⁶ would not, and the seeds are fixed). At the defaults of 5 σ there must be next to none.

#[allow(dead_code, unused_imports)]
mod adapter;
#[allow(dead_code, unused_imports)]
mod generate;
#[allow(dead_code, unused_imports)]
mod hands;
#[allow(dead_code, unused_imports)]
mod oracle;

use adapter::{How, run};
use generate::story::{Story, sidereal};
use generate::{Accumulation, Random};
use hands::{plain, with_timescales};
use oracle::Rules;
use skydiff_operators::State::{Dipping, Fading, Flaring, Reappeared, Rising, Steady, Turned, Variable};
use skydiff_operators::{Answer, Clocks, Epoch, State, Window};
use skydiff_schemas::Kind;

const SIGMA: f64 = 10.0;
const ALL: f64 = f64::INFINITY;

/// Probability that a normal deviate exceeds z.
fn tail(z: f64) -> f64 {
    0.5 * libm::erfc(z / std::f64::consts::SQRT_2)
}

/// One visit of every star.
#[derive(Clone, Copy)]
struct Visit {
    day: f64,
    band: &'static str,
    kind: Kind,
}

/// Sources of one band at these days.
fn sources(band: &'static str, days: impl IntoIterator<Item = f64>) -> Vec<Visit> {
    days.into_iter().map(|day| Visit { day, band, kind: Kind::Source }).collect()
}

/// A star of 1000 nJy, each visit of which scatters by `scatter` where the survey says 10 nJy.
fn star(random: &mut Random, number: u64, plan: &[Visit], scatter: f64) -> Story {
    let mut story = Story::of(sidereal(0, number));
    for visit in plan {
        let flux = 1000.0 + scatter * random.gauss();
        story = match visit.kind {
            Kind::Source => story.source(visit.day, visit.band, flux, SIGMA),
            Kind::Forced => story.forced(visit.day, visit.band, flux, SIGMA),
            // Of a night too poor to see it: a deeper limit would contradict the star.
            Kind::Limit => story.limit(visit.day, visit.band, 1000.0 * (1.1 + random.unit())),
        };
    }
    // Ids of sources belong to the survey.
    story.rows.iter_mut().for_each(|row| {
        row.id.0 += number * 1000;
        row.visit = row.id.0;
    });
    story
}

/// What is known of so many stars.
fn answers(seed: u64, stars: usize, plan: &[Visit], scatter: f64, rules: &Rules) -> Vec<Answer> {
    let mut random = Random::new(seed);
    let stories = (0..stars as u64).map(|number| star(&mut random, number, plan, scatter));
    let packets: Vec<_> = stories.map(|story| (Epoch(0), story.packet())).collect();
    known(packets, rules)
}

fn known(offers: Vec<(Epoch, skydiff_operators::Offer)>, rules: &Rules) -> Vec<Answer> {
    let all = Accumulation { offers, clocks: vec![Clocks::default()], rules: rules.clone() };
    let ran = run(&all, How { workers: 2, ..How::PLAIN }).expect("it runs");
    ran.held.into_values().map(|(_, answer)| answer).collect()
}

fn count(answers: &[Answer], window: usize, holds: impl Fn(&Window) -> bool) -> usize {
    answers.iter().filter(|answer| holds(&answer.windows[window])).count()
}

fn any_of(states: &'static [State]) -> impl Fn(&Window) -> bool {
    move |window| states.iter().any(|state| window.states.z(*state).is_some())
}

const TREND: &[State] = &[Rising, Fading, Turned];

/// Asserts that a count out of `stars` fits a probability between these two.
#[track_caller]
fn promised(what: &str, found: usize, stars: usize, least: f64, most: f64) {
    let n = stars as f64;
    let spread = |p: f64| 5.0 * (n * p * (1.0 - p)).sqrt() + 1.0;
    println!("{what}: {found} of {stars}, promised {:.1} to {:.1}", n * least, n * most);
    assert!(found as f64 >= n * least - spread(least), "{what}: {found} of {stars} is too few for {least}");
    assert!(found as f64 <= n * most + spread(most), "{what}: {found} of {stars} is too many for {most}");
}

#[test]
fn trends_of_one_series() {
    for (z, visits) in [(2.0, 2), (2.0, 6), (3.0, 6), (3.0, 15)] {
        let mut rules = with_timescales(&plain(), &[365.0, ALL]);
        rules.settings.trend_z = z;
        let plan = sources("g", (0..visits).map(f64::from));
        let answers = answers(visits as u64, 20_000, &plan, SIGMA, &rules);
        for window in 0..2 {
            let found = count(&answers, window, any_of(TREND));
            promised(&format!("a trend of {z} σ in {visits} visits"), found, 20_000, 2.0 * tail(z), 2.0 * tail(z));
            let up = |window: &Window| TREND.iter().any(|state| window.states.z(*state).is_some_and(|z| z > 0.0));
            promised("… upwards", count(&answers, window, up), 20_000, tail(z), tail(z));
        }
    }
}

#[test]
fn trends_of_the_strongest_of_three_series() {
    for z in [2.0, 3.0] {
        let mut rules = with_timescales(&plain(), &[ALL]);
        rules.settings.trend_z = z;
        let days = || (0..4).map(f64::from);
        let plan = [sources("g", days()), sources("r", days().map(|d| d + 0.1)), sources("i", days().map(|d| d + 0.2))];
        let answers = answers(30 + z as u64, 30_000, &plan.concat(), SIGMA, &rules);
        // The greatest of three must exceed √(Z² + 2 ln 3); that is no more often than one exceeds Z.
        let one = 2.0 * tail((z * z + 2.0 * 3f64.ln()).sqrt());
        let three = 1.0 - (1.0 - one).powi(3);
        assert!(three <= 2.0 * tail(z), "{three} is more than was promised");
        promised(&format!("{z} σ in three"), count(&answers, 0, any_of(TREND)), 30_000, three, three);
    }
}

#[test]
fn two_bands_disagree_by_chance() {
    let mut rules = with_timescales(&plain(), &[ALL]);
    rules.settings.disagree_z = 1.5;
    let days = || (0..4).map(f64::from);
    let plan = [sources("g", days()), sources("r", days().map(|day| day + 0.1))].concat();
    let answers = answers(40, 20_000, &plan, SIGMA, &rules);
    let both = 2.0 * tail(1.5) * tail(1.5);
    promised("disagree at 1.5 σ", count(&answers, 0, |window| window.bands_disagree), 20_000, both, both);
}

#[test]
fn flares_out_of_a_baseline() {
    for z in [2.0, 3.0] {
        let mut rules = with_timescales(&plain(), &[2.0]);
        rules.settings.flare_z = z;
        let plan = sources("g", (0..10).map(f64::from).chain([30.0]));
        let answers = answers(50 + z as u64, 30_000, &plan, SIGMA, &rules);
        // Chance scatter of the baseline counts against it, so there are fewer than the tail says; not many fewer.
        for state in [&[Flaring], &[Dipping]] {
            let name = format!("{} at {z} σ", state[0].name());
            promised(&name, count(&answers, 0, any_of(state)), 30_000, 0.3 * tail(z), tail(z));
        }
    }
}

#[test]
fn scatter_that_is_chance() {
    for (z, visits) in [(2.0, 4), (2.0, 11), (3.0, 11), (3.0, 31)] {
        let mut rules = with_timescales(&plain(), &[ALL]);
        rules.settings.variable_z = z;
        rules.settings.trend_z = 99.0;
        let plan = sources("g", (0..visits).map(f64::from));
        let answers = answers(60 + visits as u64, 20_000, &plan, SIGMA, &rules);
        // Wilson and Hilferty's cube root is normal to a tenth in these tails.
        let found = count(&answers, 0, any_of(&[Variable]));
        promised(&format!("variable at {z} σ, {visits} visits"), found, 20_000, 0.9 * tail(z), 1.1 * tail(z));
        assert_eq!(count(&answers, 0, any_of(&[Steady])) + found, 20_000, "what is not variable is steady");
    }
}

#[test]
fn rises_from_a_limit() {
    // A star of 40 ± 10 nJy is seen when it exceeds 50, the limit of the visits in which it does not.
    let mut rules = with_timescales(&plain(), &[7.0]);
    rules.settings.trend_z = 2.0;
    let mut random = Random::new(70);
    let stars = 20_000;
    let seen = |number: u64| {
        let flux = std::iter::repeat_with(|| 40.0 + SIGMA * random.gauss()).find(|flux| *flux > 50.001);
        let mut story = Story::of(sidereal(0, number)).limit(9.0, "g", 50.0);
        story = story.source(10.0, "g", flux.expect("one in six is"), SIGMA);
        story.rows.iter_mut().for_each(|row| row.id.0 += number * 1000);
        (Epoch(0), story.packet())
    };
    let answers = known((0..stars as u64).map(seen).collect(), &rules);
    assert_eq!(count(&answers, 0, |window| window.series[0].rise_limit_z.is_some()), stars);
    promised("rising from a limit at 2 σ", count(&answers, 0, any_of(TREND)), stars, 0.0, tail(2.0));
}

/// Two seasons in three bands, several visits a night, with forced photometry and limits between.
fn seasons() -> Vec<Visit> {
    let mut plan = Vec::new();
    for night in (0..40).chain(300..330) {
        let night = f64::from(night) + 0.001 * f64::from(night % 7);
        let band = ["g", "r", "i"][night as usize % 3];
        let kind = [Kind::Source, Kind::Source, Kind::Forced, Kind::Limit][night as usize % 4];
        plan.push(Visit { day: night, band, kind });
        plan.push(Visit { day: night + 0.02, band, kind: Kind::Source });
        if (night as usize).is_multiple_of(5) {
            plan.push(Visit { day: night + 0.05, band: "r", kind: Kind::Source });
        }
    }
    plan
}

const FALSE: &[State] = &[Reappeared, Rising, Fading, Turned, Flaring, Dipping, Variable];

#[test]
fn at_the_defaults_next_to_nothing_is_false() {
    let rules = plain();
    let stars = 4_000;
    let answers = answers(80, stars, &seasons(), SIGMA, &rules);
    let mut all = 0;
    for (at, days) in rules.settings.timescales.iter().enumerate() {
        for state in FALSE {
            let found = count(&answers, at, |window| window.states.z(*state).is_some());
            promised(&format!("{} over {days} d", state.name()), found, stars, 0.0, 2.0 * tail(5.0));
            all += found;
        }
        // Each of three pairs of bands at 3 σ.
        let disagree = count(&answers, at, |window| window.bands_disagree);
        promised(&format!("bands that disagree over {days} d"), disagree, stars, 0.0, 6.0 * tail(3.0) * tail(3.0));
    }
    println!("{all} false states in {} windows", stars * rules.settings.timescales.len());
    assert!(all <= 1, "{all} false states");
}

#[test]
fn errors_that_are_quoted_too_small_make_false_states() {
    // 31 visits with 1.5 times the error: χ²/2.25 has ν = 30. 5 σ is χ² = 30 (1 − 2/270 + 5 √(2/270))³ = 86.43, so χ²/2.25
    // must exceed 38.41: Z = ((38.41/30)^⅓ − 0.992593) / 0.0860663 = 1.084, with a tail of 0.139.
    let rules = with_timescales(&plain(), &[ALL]);
    let plan = sources("g", (0..31).map(f64::from));
    let answers = answers(90, 5_000, &plan, 1.5 * SIGMA, &rules);
    promised("variable with errors too small", count(&answers, 0, any_of(&[Variable])), 5_000, 0.134, 0.144);
}
