//! What a consumer would be told of an answer: the flags that are alive and the level of each Z.

use super::Expected;
use skydiff_operators::{Answer, Said, TimescaleSettings};

/// Bits of `State`, and three bits a state for how many Z levels its size has reached.
pub fn said(answer: &Answer, settings: &TimescaleSettings) -> Said {
    let window = |window: &skydiff_operators::Window| {
        let (mut flags, mut levels) = (0u16, 0u32);
        for (state, z) in window.states.iter().filter(|_| window.alive) {
            let bit = state as u32;
            flags |= 1 << bit;
            levels |= (settings.z_levels.iter().filter(|level| z.abs() >= **level).count() as u32) << (3 * bit);
        }
        (flags, levels)
    };
    // Without a good source there is nothing to list.
    let windows = answer.windows.iter().filter(|_| answer.newest.is_some());
    Said { newest: answer.newest, alive: windows.map(window).collect() }
}

/// Whether `got` says what `expected` does, except where rounding could turn a flag or a level round.
pub fn compare_said(expected: &Expected, got: &Said, settings: &TimescaleSettings) -> Result<(), String> {
    let want = said(&expected.answer, settings);
    if want.newest != got.newest || want.alive.len() != got.alive.len() {
        return Err(format!("said: {got:?} instead of {want:?}"));
    }
    for (at, (want, got)) in want.alive.iter().zip(&got.alive).enumerate() {
        let window = &expected.answer.windows[at];
        let near = |z: f64| settings.z_levels.iter().any(|level| (z.abs() - level).abs() < 1e-6 * level);
        let doubtful = expected.doubts[at].states || !expected.doubts[at].rounded.is_empty();
        if want != got && !doubtful && !window.states.iter().any(|(_, z)| near(z)) {
            return Err(format!("said of window {at}: {got:?} instead of {want:?}, where {:?} holds", window.states));
        }
    }
    Ok(())
}
