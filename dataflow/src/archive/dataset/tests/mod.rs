//! What was written comes back to the bit, whatever was written; what was damaged is an error, never other rows.

mod damage;
mod files;
mod fold;
mod given;
mod round_trip;

use super::{File, Reader, Row, Select, Writer};

/// The file of rows, which are in order of their epochs.
fn write<R: Row + Clone>(rows: &[R]) -> File {
    let mut writer = Writer::new().unwrap();
    rows.iter().cloned().for_each(|row| writer.push(row).unwrap());
    writer.finish().unwrap().unwrap()
}

/// The wanted rows of a file.
fn read<R: Row>(file: &File, select: &Select) -> Vec<R> {
    let batches: Result<Vec<Vec<R>>, _> = Reader::open(file.bytes.clone(), select).unwrap().collect();
    batches.unwrap().into_iter().flatten().collect()
}

/// As a file has them: by epoch, and in the dataset's order within one.
fn in_order<R: Row + Clone>(rows: &[R]) -> Vec<R> {
    let mut rows = rows.to_vec();
    rows.sort_by_key(Row::epoch);
    rows.chunk_by_mut(|a, b| a.epoch() == b.epoch()).for_each(R::sort);
    rows
}
