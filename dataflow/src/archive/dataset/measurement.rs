//! `measurements/`: the log of copies that could win, and of what they changed in the histories.

use skydiff_operators::Epoch;
use skydiff_schemas::{Measurement, ObjectId, Pixel, Version};

/// A copy of a measurement that was offered, a change of a history, or (nearly always) both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MeasurementRow {
    /// When it came to be known.
    pub epoch: Epoch,
    /// Where its object is kept.
    pub pixel: Pixel,
    /// Whose: the object that has it, or that claims it.
    pub object: ObjectId,
    /// What was measured.
    pub measurement: Measurement,
    /// +1 where it enters the object's history, −1 where it leaves, 0 where the history stays as it was.
    pub change: i8,
    /// The copy's version, where a packet of the object offered it.
    pub version: Option<Version>,
    /// Whether its id belongs to the survey rather than to the object.
    pub global: bool,
}
