//! Which copy of a measurement stands: DESIGN §4.1.

use crate::MicroDays;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;

/// Orders the copies of one measurement; the greatest stands. Compared field by field, as declared;
/// copies that are still equal are ordered by their value, so that what stands is a function of the set of packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Version {
    /// Rank of the source that it was read from: a reprocessed night outranks what was sent live.
    pub rank: i16,
    /// The survey's own processing (or withdrawal) time of the row; absent is lowest.
    pub processed: MicroDays,
    /// Time of the trigger of the packet that carries it: the copy in the oldest packet stands.
    pub packet: Reverse<MicroDays>,
    /// Whether it is the packet's trigger rather than a copy in its history.
    pub trigger: bool,
}

impl Version {
    /// What `processed` is when the survey does not say.
    pub const UNPROCESSED: MicroDays = MicroDays(i64::MIN);
}
