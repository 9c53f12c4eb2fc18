//! Which rows of a dataset are wanted.

use skydiff_operators::Epoch;
use skydiff_schemas::{MicroDays, Pixel};

/// All by default. Ranges are inclusive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Select {
    /// Of these epochs.
    pub epochs: Option<(Epoch, Epoch)>,
    /// In these pixels. An object without a pixel is at [`Pixel::NONE`], which has to be asked for.
    pub pixels: Option<Vec<(Pixel, Pixel)>>,
    /// Observed in this range of times; rows without a time are left out.
    pub times: Option<(MicroDays, MicroDays)>,
    /// Without the long column (the bytes of packets and rejects, the record), which then comes back empty.
    pub lean: bool,
}
