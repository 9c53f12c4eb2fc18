//! Counters: what went in and what became of it, so that a reconciliation can add up.

use serde::{Deserialize, Serialize};
use skydiff_schemas::SurveyId;
use std::collections::BTreeMap;

/// What is counted. Every counter is per survey; each is a change of a count at an epoch.
///
/// For rows: `Rows = Known + New + Superseded + Confirmed + Withdrawn`. A row is counted once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Counter {
    /// Packets whose trigger a packet before them had had.
    Repeated,
    /// Rows of accepted packets that were offered to their object (triggers included, rejected rows not).
    Rows,
    /// Rows that changed nothing: a copy that does not win.
    Known,
    /// Rows that brought a measurement that was not known.
    New,
    /// Rows that replaced the standing value by another.
    Superseded,
    /// Rows that won with an equal value: only the version moved.
    Confirmed,
    /// Rows that withdrew a measurement.
    Withdrawn,
    /// Measurements that left one object for another.
    Moved,
    /// Standing measurements.
    Measurements,
    /// Standing measurements that do not count, by the bit of `Quality` (one may have several).
    Bad(u8),
    /// Objects with at least one standing measurement.
    Objects,
    /// Objects whose answer changed in any way.
    Changes,
    /// Objects in which a state is alive, by index of the timescale and bit of the state.
    Alive(u8, u8),
}

/// A change of a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Tally {
    /// Whose.
    pub survey: SurveyId,
    /// Of what.
    pub counter: Counter,
    /// By how much.
    pub change: i64,
}

/// Changes of counters within an epoch, added up.
#[derive(Default)]
pub(crate) struct Tallies(BTreeMap<(SurveyId, Counter), i64>);

impl Tallies {
    pub(crate) fn add(&mut self, survey: SurveyId, counter: Counter, change: i64) {
        *self.0.entry((survey, counter)).or_default() += change;
    }

    /// Those that are not zero, leaving none.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = Tally> + use<> {
        let counts = std::mem::take(&mut self.0).into_iter().filter(|(_, change)| *change != 0);
        counts.map(|((survey, counter), change)| Tally { survey, counter, change })
    }
}
