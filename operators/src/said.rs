//! The small part of an answer that decides what a consumer is told.

use crate::analyse::Rules;
use crate::{Answer, Said};
use skydiff_schemas::MicroDays;

/// States and Z levels by timescale, whether alive or not.
pub fn held_states(answer: &Answer, rules: &Rules) -> Vec<(u16, u32)> {
    let level = |z: f64| rules.settings.z_levels.iter().take_while(|level| z.abs() >= **level).count() as u32;
    let windows = answer.windows.iter();
    windows
        .map(|window| {
            window.states.iter().fold((0, 0), |(states, levels), (state, z)| {
                let bit = state as u32;
                (states | 1 << bit, levels | level(z) << (3 * bit))
            })
        })
        .collect()
}

/// Which timescales are alive at a sky clock, by bit.
pub fn alive(newest: Option<MicroDays>, clock: Option<MicroDays>, rules: &Rules) -> u16 {
    let Some(newest) = newest else { return 0 };
    let lives = |tau: &Option<MicroDays>| clock.is_none_or(|clock| clock < rules.valid_until(newest, *tau));
    rules.windows.iter().enumerate().filter(|(_, tau)| lives(tau)).fold(0, |alive, (at, _)| alive | 1 << at)
}

/// The next instant at which something that is alive no longer is.
pub fn deadline(alive: &[(u16, u32)], said: &Said, rules: &Rules) -> Option<MicroDays> {
    let newest = said.newest?;
    let living = alive.iter().zip(&rules.windows).filter(|((states, _), tau)| *states != 0 && tau.is_some());
    living.map(|(_, tau)| rules.valid_until(newest, *tau)).min()
}
