//! When each state held: from what was known at moments to intervals, a strip for each timescale.
//!
//! A state that is known at a moment holds from then until a later moment at which it is not known, or until it is no
//! longer alive (`valid_until`), whichever comes first: just as a reader of the records would have it.

use serde::Serialize;
use skydiff_operators::{Answer, State};
use skydiff_schemas::MicroDays;
use std::collections::BTreeMap;

/// What holds at a moment at one timescale.
#[derive(Clone, Debug, PartialEq)]
pub struct Holding {
    /// States and their Z.
    pub states: Vec<(State, f64)>,
    /// When they end by themselves; `i64::MAX` is never.
    pub until: MicroDays,
}

/// What holds from a moment on, by timescale; none of it before.
#[derive(Clone, Debug, PartialEq)]
pub struct Moment {
    /// The survey's clock.
    pub time: MicroDays,
    /// In the order of the timescales; fewer where nothing is known of the others.
    pub scales: Vec<Holding>,
}

impl Moment {
    /// Of an answer; without one nothing holds.
    pub fn new(time: MicroDays, answer: Option<&Answer>) -> Moment {
        let windows = answer.map_or(&[][..], |answer| &answer.windows);
        let holding =
            windows.iter().map(|window| Holding { states: window.states.iter().collect(), until: window.valid_until });
        Moment { time, scales: holding.collect() }
    }
}

/// A state from one time to another.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// Which.
    pub state: &'static str,
    /// MJD TAI.
    pub from: f64,
    /// MJD TAI; none is for good.
    pub to: Option<f64>,
    /// Its significance of greatest size meanwhile.
    pub z: f64,
}

/// A timescale and when its states held.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Strip {
    /// Days; none is all of history.
    pub timescale: Option<f64>,
    /// By state, then by time.
    pub intervals: Vec<Interval>,
}

/// The strips of moments that are in order of time.
pub fn strips(timescales: &[f64], moments: &[Moment]) -> Vec<Strip> {
    let strip = |(at, days): (usize, &f64)| Strip {
        timescale: Some(*days).filter(|days| days.is_finite()),
        intervals: intervals(moments.iter().map(|moment| (moment.time, moment.scales.get(at)))),
    };
    timescales.iter().enumerate().map(strip).collect()
}

#[derive(Clone, Copy)]
struct Open {
    from: MicroDays,
    to: MicroDays,
    z: f64,
}

fn intervals<'h>(moments: impl Iterator<Item = (MicroDays, Option<&'h Holding>)>) -> Vec<Interval> {
    let mut open: BTreeMap<State, Open> = BTreeMap::new();
    let mut closed: Vec<(State, Open)> = Vec::new();
    for (time, holding) in moments {
        let holding = holding.filter(|holding| holding.until > time);
        let states = holding.map_or(&[][..], |holding| &holding.states);
        open.retain(|state, span| {
            let goes_on = span.to >= time && states.iter().any(|(held, _)| held == state);
            if !goes_on {
                closed.push((*state, Open { to: span.to.min(time), ..*span }));
            }
            goes_on
        });
        for (state, z) in states {
            let until = holding.map_or(time, |holding| holding.until);
            let span = open.entry(*state).or_insert(Open { from: time, to: until, z: *z });
            span.to = until;
            span.z = if z.abs() > span.z.abs() { *z } else { span.z };
        }
    }
    closed.extend(open);
    closed.retain(|(_, span)| span.to > span.from);
    closed.sort_by_key(|(state, span)| (*state, span.from));
    let interval = |(state, span): (State, Open)| Interval {
        state: state.name(),
        from: span.from.days(),
        to: (span.to < MicroDays(i64::MAX)).then(|| span.to.days()),
        z: span.z,
    };
    closed.into_iter().map(interval).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(day: i64, states: &[(State, f64)], until: i64) -> Moment {
        let until = MicroDays(until.saturating_mul(1_000_000));
        let holding = Holding { states: states.to_vec(), until };
        Moment { time: MicroDays(day * 1_000_000), scales: vec![holding] }
    }

    fn of(moments: &[Moment]) -> Vec<(&'static str, f64, Option<f64>, f64)> {
        let strips = strips(&[2.0], moments);
        strips[0].intervals.iter().map(|one| (one.state, one.from, one.to, one.z)).collect()
    }

    #[test]
    fn a_state_holds_until_it_is_not_known_any_more() {
        let moments = [
            moment(10, &[(State::New, 6.0), (State::Rising, 9.0)], 12),
            moment(11, &[(State::New, 8.0), (State::Rising, 7.0)], 13),
            moment(12, &[(State::New, 7.0), (State::Fading, -5.0)], 14),
        ];
        let expected =
            [("new", 10.0, Some(14.0), 8.0), ("rising", 10.0, Some(12.0), 9.0), ("fading", 12.0, Some(14.0), -5.0)];
        assert_eq!(of(&moments), expected);
    }

    #[test]
    fn a_state_ends_by_itself_and_may_come_back() {
        let moments = [moment(10, &[(State::Flaring, 6.0)], 12), moment(20, &[(State::Flaring, 5.5)], i64::MAX)];
        assert_eq!(of(&moments), [("flaring", 10.0, Some(12.0), 6.0), ("flaring", 20.0, None, 5.5)]);
    }

    #[test]
    fn what_is_over_or_retracted_does_not_hold() {
        let over = moment(10, &[(State::New, 6.0)], 10);
        assert_eq!(of(&[over]), []);
        let retracted = Moment { time: MicroDays(11_000_000), scales: vec![] };
        assert_eq!(of(&[moment(10, &[(State::New, 6.0)], 40), retracted]), [("new", 10.0, Some(11.0), 6.0)]);
    }
}
