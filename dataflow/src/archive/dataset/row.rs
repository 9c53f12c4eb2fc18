//! What every dataset has in common: a row that knows its place, and its columns.

use super::column::Column;
use super::{DataError, Dataset, Names};
use arrow_array::{ArrayRef, RecordBatch};
use skydiff_operators::Epoch;
use skydiff_schemas::{MicroDays, Pixel};

/// A row of a dataset.
pub trait Row: Sized {
    /// Which dataset.
    const DATASET: Dataset;

    /// The column that is long, and that a lean reader does without.
    const LONG: Option<&'static str> = None;

    /// Columns that are there for people: rows follow from the others, and no reader here unpacks them.
    const SHOWN: &'static [&'static str] = &[];

    /// Columns of numbers by which rows are looked for: a file says of each row group which ones it cannot have.
    const FOUND_BY: &'static [&'static str] = &[];

    /// When it came to be known.
    fn epoch(&self) -> Epoch;

    /// Where it lies.
    fn pixel(&self) -> Pixel;

    /// When it was observed.
    fn time(&self) -> Option<MicroDays>;

    /// Whether it is one of these. A dataset that has not the column of such names has none of them.
    fn is_of(&self, _names: &Names) -> bool {
        false
    }

    /// About how many bytes it holds.
    fn size(&self) -> usize;

    /// Brings rows of one epoch into the order of the file: a function of their set.
    fn sort(rows: &mut [Self]);

    /// Its columns, in order. Those that prune are called `epoch`, `pixel` and `mjd_tai`.
    fn columns() -> Vec<Column>;

    /// The columns of rows, in that order.
    fn arrays(rows: &[Self]) -> Result<Vec<ArrayRef>, DataError>;

    /// The rows of columns.
    fn rows(batch: &RecordBatch) -> Result<Vec<Self>, DataError>;
}
