//! `changes/`: every record as it was decided, before it is published.

use skydiff_operators::Epoch;
use skydiff_schemas::record::Record;
use skydiff_schemas::{ObjectId, Pixel};

/// A record. Its epoch, lane and rank are its own.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangeRow {
    /// The epoch of the change.
    pub epoch: Epoch,
    /// Where its object is kept.
    pub pixel: Pixel,
    /// Which object.
    pub object: ObjectId,
    /// What is told.
    pub record: Record,
}
