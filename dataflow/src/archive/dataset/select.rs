//! Which rows of a dataset are wanted.

use super::{Descriptor, Names, Row};
use skydiff_operators::Epoch;
use skydiff_schemas::{MicroDays, Pixel};
use std::sync::Arc;

/// All by default. Ranges are inclusive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Select {
    /// Of these epochs.
    pub epochs: Option<(Epoch, Epoch)>,
    /// In these pixels. An object without a pixel is at [`Pixel::NONE`], which has to be asked for.
    pub pixels: Option<Vec<(Pixel, Pixel)>>,
    /// Observed in this range of times; rows without a time are left out.
    pub times: Option<(MicroDays, MicroDays)>,
    /// Of these objects or sources.
    pub names: Option<Arc<Names>>,
    /// Without the long column (the bytes of packets and rejects, the record), which then comes back empty.
    pub lean: bool,
}

impl Select {
    /// Whether a row is wanted.
    pub fn wants(&self, row: &impl Row) -> bool {
        let epoch = row.epoch();
        let in_time = |(from, to)| row.time().is_some_and(|time| from <= time && time <= to);
        self.meets_epochs((epoch, epoch))
            && self.meets_pixels((row.pixel(), row.pixel()))
            && self.times.is_none_or(in_time)
            && self.names.as_ref().is_none_or(|names| row.is_of(names))
    }

    /// Whether a file may have a row that is wanted.
    pub fn meets(&self, file: &Descriptor) -> bool {
        self.meets_epochs(file.epochs) && self.meets_pixels(file.pixels) && self.meets_times(file.times)
    }

    /// Whether all rows are.
    pub(super) fn is_everything(&self) -> bool {
        self.epochs.is_none() && self.pixels.is_none() && self.times.is_none() && self.names.is_none()
    }

    pub(super) fn meets_epochs(&self, range: (Epoch, Epoch)) -> bool {
        self.epochs.is_none_or(|wanted| meet(wanted, range))
    }

    pub(super) fn meets_pixels(&self, range: (Pixel, Pixel)) -> bool {
        self.pixels.as_ref().is_none_or(|wanted| wanted.iter().any(|wanted| meet(*wanted, range)))
    }

    pub(super) fn meets_times(&self, range: Option<(MicroDays, MicroDays)>) -> bool {
        self.times.is_none_or(|wanted| range.is_some_and(|range| meet(wanted, range)))
    }
}

fn meet<T: Ord>(a: (T, T), b: (T, T)) -> bool {
    a.0 <= b.1 && b.0 <= a.1
}
