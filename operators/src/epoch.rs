//! The logical time of the dataflow.
//!
//! Totally ordered and dense, minted in one place. It says nothing of the sky: observation times
//! are data, so no measurement is ever late, it only changes an answer at the epoch that brings it.

use differential_dataflow::lattice::Lattice;
use serde::{Deserialize, Serialize};
use timely::order::{PartialOrder, TotalOrder};
use timely::progress::timestamp::{PathSummary, Refines, Timestamp};

/// A run of packets that are taken together; what it is made of is its binding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Epoch(pub u64);

impl Epoch {
    /// The next one.
    pub fn next(self) -> Epoch {
        Epoch(self.0 + 1)
    }
}

impl std::fmt::Display for Epoch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl PartialOrder for Epoch {
    fn less_equal(&self, other: &Self) -> bool {
        self <= other
    }
}

impl TotalOrder for Epoch {}

impl PathSummary<Epoch> for Epoch {
    fn results_in(&self, epoch: &Epoch) -> Option<Epoch> {
        self.0.checked_add(epoch.0).map(Epoch)
    }

    fn followed_by(&self, other: &Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Epoch)
    }
}

impl Timestamp for Epoch {
    type Summary = Epoch;

    fn minimum() -> Self {
        Epoch(0)
    }
}

impl Refines<()> for Epoch {
    fn to_inner(_: ()) -> Self {
        Epoch(0)
    }
    fn to_outer(self) {}
    fn summarize(_: Self) {}
}

impl Lattice for Epoch {
    fn join(&self, other: &Self) -> Self {
        *self.max(other)
    }

    fn meet(&self, other: &Self) -> Self {
        *self.min(other)
    }
}

impl differential_dataflow::lattice::Maximum for Epoch {
    fn maximum() -> Self {
        Epoch(u64::MAX)
    }
}
