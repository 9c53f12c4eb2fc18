//! `contexts/`: the log of what surveys say beside the light curve, by triggering source.

use skydiff_operators::{ContextRow, Epoch};
use skydiff_schemas::{ObjectId, Pixel};

/// A change of the standing context of a trigger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TriggerRow {
    /// When it came to be known.
    pub epoch: Epoch,
    /// Where its object is kept; it prunes, and means nothing.
    pub pixel: Pixel,
    /// Whose.
    pub object: ObjectId,
    /// The trigger, the version of the copy, and its columns.
    pub context: ContextRow,
    /// +1 where it comes to stand, −1 where it no longer does.
    pub change: i8,
}
