//! `rejects/`: what was not accepted, with its bytes, so that it can be put through again.

use crate::reject::{Reject, RowRejects};
use skydiff_operators::Epoch;

/// What was not accepted in an epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectRow {
    /// In which epoch.
    pub epoch: Epoch,
    /// What.
    pub rejected: Rejected,
}

/// A packet, or rows of a packet that stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejected {
    /// A packet, or a record of one.
    Packet(Reject),
    /// Rows of one packet, for one reason.
    Rows(RowRejects),
}
