//! Which row groups of a file can have a row that is wanted, by their statistics.

use super::Select;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::statistics::Statistics;
use skydiff_operators::Epoch;
use skydiff_schemas::{MicroDays, Pixel};

/// Their numbers, in order.
pub(super) fn row_groups(metadata: &ParquetMetaData, select: &Select) -> Vec<usize> {
    let groups = metadata.row_groups().iter().enumerate();
    groups.filter(|(_, group)| may_have(group, select)).map(|(number, _)| number).collect()
}

fn may_have(group: &RowGroupMetaData, select: &Select) -> bool {
    let epochs = bounds(group, "epoch").and_then(integers);
    let epochs = epochs.map(|(least, greatest)| (Epoch(least as u64), Epoch(greatest as u64)));
    let times = bounds(group, "mjd_tai").and_then(integers);
    let times = times.map(|(least, greatest)| (MicroDays(least), MicroDays(greatest)));
    // Without statistics anything may be there.
    epochs.is_none_or(|range| select.meets_epochs(range))
        && times.is_none_or(|range| select.meets_times(Some(range)))
        && bounds(group, "pixel").is_none_or(|pixels| meets_pixels(pixels, select))
}

/// Rows without a pixel are not in the range; they are counted beside it.
fn meets_pixels(pixels: &Statistics, select: &Select) -> bool {
    let none = pixels.null_count_opt().is_none_or(|nulls| nulls > 0);
    let range = match pixels {
        Statistics::Int32(range) => range.min_opt().zip(range.max_opt()),
        _ => return true,
    };
    let known =
        range.is_some_and(|(least, greatest)| select.meets_pixels((Pixel(*least as u32), Pixel(*greatest as u32))));
    known || (none && select.meets_pixels((Pixel::NONE, Pixel::NONE)))
}

fn bounds<'a>(group: &'a RowGroupMetaData, name: &str) -> Option<&'a Statistics> {
    group.columns().iter().find(|column| column.column_path().string() == name)?.statistics()
}

fn integers(statistics: &Statistics) -> Option<(i64, i64)> {
    match statistics {
        Statistics::Int64(range) => Some((*range.min_opt()?, *range.max_opt()?)),
        _ => None,
    }
}
