//! The difference of one object's answer between two epochs.

use crate::answer::Answer;
use serde::{Deserialize, Serialize};
use skydiff_schemas::{Kind, MicroDays, ObjectId, SourceId};

/// The part of an answer that decides what a consumer is told; small, and kept for every object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Newest good source.
    pub newest: Option<MicroDays>,
    /// By timescale: the states that are alive (bits of `State`) and the Z level of each (index into `z_levels`, 3 bits a state).
    pub alive: Vec<(u16, u32)>,
}

impl Said {
    /// Whether the object was in the relation.
    pub fn is_present(&self) -> bool {
        self.alive.iter().any(|(states, _)| *states != 0)
    }
}

/// What happened to a measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum CauseKind {
    /// Newer than everything that was known.
    New,
    /// Not known before, but older than what was.
    Late,
    /// Its standing value was replaced.
    Remeasured,
    /// The survey withdrew it.
    Withdrawn,
    /// It came from another object.
    Joined,
    /// It went to another object.
    Left,
}

/// One measurement that changed in the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Cause {
    /// What happened.
    pub what: CauseKind,
    /// Kind of the measurement.
    pub kind: Kind,
    /// Its id.
    pub id: SourceId,
    /// Its time.
    pub time: MicroDays,
}

/// What became of an object in an epoch: what was said before, what is known now, and why it changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Which object.
    pub object: ObjectId,
    /// Before.
    pub before: Said,
    /// After, as far as it decides what is told.
    pub said: Said,
    /// Whether anything but `said` changed too: a feature, a context column.
    pub features: bool,
    /// After, whole. `None` when nothing is known of the object any more (its last measurement left).
    pub after: Option<Box<Answer>>,
    /// The measurements behind it, in order; empty when time alone did it.
    pub causes: Vec<Cause>,
}
