//! How the hand-computed cases ask: one object's packets in, its answer out, from the oracle and from the operators,
//! which must agree before a case looks at the numbers.

use crate::adapter::{How, run};
use crate::generate::Accumulation;
use crate::generate::story::Story;
use crate::oracle::{Rules, compare, known_at};
use skydiff_operators::{Answer, Clocks, Epoch, Errors, Offer, State, TimescaleSettings, Window};

/// Default thresholds and errors as quoted, so that σ is what the case says.
pub fn plain() -> Rules {
    let quoted = Errors { factor: 1.0, floor: 0.0 };
    Rules { settings: TimescaleSettings::default(), errors: vec![quoted, quoted] }
}

/// What is known when the story's packet has come and the clock stands at its trigger.
pub fn answer(story: &Story, rules: &Rules) -> Answer {
    let packet = story.packet();
    let mut clocks = Clocks::default();
    clocks.advance(packet.object.survey, packet.time);
    answer_to(&[packet], &clocks, rules)
}

/// What the operators know of the first packet's object when all have come; the oracle must agree.
#[track_caller]
pub fn answer_to(packets: &[Offer], clocks: &Clocks, rules: &Rules) -> Answer {
    let object = packets[0].object;
    let offers: Vec<(Epoch, Offer)> = packets.iter().map(|packet| (Epoch(0), packet.clone())).collect();
    let known = known_at(&offers, Epoch(0), clocks, rules);
    let all = Accumulation { offers, clocks: vec![clocks.clone()], rules: rules.clone() };
    let ran = run(&all, How::PLAIN).expect("it runs");
    let (_, answer) = &ran.held[&object];
    if let Err(lines) = compare(&known.answers[&object], answer) {
        panic!("operators against oracle:\n{}", lines.join("\n"));
    }
    answer.clone()
}

/// The window of so many days.
pub fn window<'a>(answer: &'a Answer, rules: &Rules, days: f64) -> &'a Window {
    let at = rules.settings.timescales.iter().position(|length| *length == days).expect("a timescale");
    &answer.windows[at]
}

/// The states that hold in the window of so many days.
pub fn held(answer: &Answer, rules: &Rules, days: f64) -> Vec<State> {
    window(answer, rules, days).states.iter().map(|(state, _)| state).collect()
}

/// Asserts that the state holds with that Z, worked out to about six digits.
#[track_caller]
pub fn holds(answer: &Answer, rules: &Rules, days: f64, state: State, z: f64) {
    let states = &window(answer, rules, days).states;
    let Some(got) = states.z(state) else { panic!("{} does not hold over {days} d, but {states:?}", state.name()) };
    close(got, z);
}

/// Asserts equality to the digits that the hand has written down.
#[track_caller]
pub fn close(got: f64, want: f64) {
    assert!((got - want).abs() <= 2e-5 * want.abs().max(0.1), "{got} instead of {want}");
}

/// The same rules over other windows.
pub fn with_timescales(rules: &Rules, days: &[f64]) -> Rules {
    let settings = TimescaleSettings { timescales: days.to_vec(), ..rules.settings.clone() };
    Rules { settings, errors: rules.errors.clone() }
}
