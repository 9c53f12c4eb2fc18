//! A log as one epoch: what a snapshot holds, and what a restart loads.
//!
//! Sorted, not hashed: a year's log is large, and its rows are long.

use super::{MeasurementRow, TriggerRow};
use skydiff_operators::Epoch;
use skydiff_schemas::{ObjectId, Pixel};

/// Of offered rows the greatest of each object and identity, of changes the sum, all of them at `epoch`.
///
/// Order and grouping change nothing: `fold(fold(a) ++ b) = fold(a ++ b)`.
pub fn fold_measurements(epoch: Epoch, rows: impl IntoIterator<Item = MeasurementRow>) -> Vec<MeasurementRow> {
    let mut rows: Vec<MeasurementRow> = rows.into_iter().collect();
    let identity = |row: &MeasurementRow| (row.object, row.measurement.kind, row.measurement.id);
    rows.sort_unstable_by(|a, b| {
        let value = |row: &MeasurementRow| (row.pixel, row.measurement);
        identity(a).cmp(&identity(b)).then_with(|| value(a).cmp(&value(b)))
    });
    let mut folded = vec![];
    for object in rows.chunk_by(|a, b| a.object == b.object) {
        let begin = folded.len();
        object.chunk_by(|a, b| identity(a) == identity(b)).for_each(|copies| fold_copies(epoch, copies, &mut folded));
        let standing = folded[begin..].iter().find(|row| row.change > 0).map(|row| row.pixel);
        let home = standing.unwrap_or(Pixel::NONE);
        folded[begin..].iter_mut().filter(|row| row.change == 0).for_each(|row| row.pixel = home);
    }
    folded.sort_unstable();
    folded
}

/// Folds what was said of one identity of one object; `copies` are in order of pixel and value.
fn fold_copies(epoch: Epoch, copies: &[MeasurementRow], folded: &mut Vec<MeasurementRow>) {
    let begin = folded.len();
    for same in copies.chunk_by(|a, b| (a.pixel, &a.measurement) == (b.pixel, &b.measurement)) {
        let sum: i64 = same.iter().map(|row| i64::from(row.change)).sum();
        if sum != 0 {
            let change = sum.clamp(-127, 127) as i8;
            folded.push(MeasurementRow { epoch, change, version: None, global: false, ..same[0] });
        }
    }
    let offered = copies.iter().filter_map(|row| Some((row.version?, row.measurement, row)));
    let Some((version, value, best)) = offered.max_by_key(|(version, value, _)| (*version, *value)) else { return };
    let enters = |row: &&mut MeasurementRow| row.change > 0 && row.measurement == value;
    match folded[begin..].iter_mut().find(enters) {
        Some(row) => (row.version, row.global) = (Some(version), best.global),
        None => folded.push(MeasurementRow { epoch, change: 0, ..*best }),
    }
}

/// The contexts that stand, all of them at `epoch`; `home` says where an object is kept.
pub fn fold_triggers(
    epoch: Epoch,
    rows: impl IntoIterator<Item = TriggerRow>,
    home: impl Fn(ObjectId) -> Pixel,
) -> Vec<TriggerRow> {
    let mut rows: Vec<TriggerRow> = rows.into_iter().collect();
    rows.sort_unstable_by(|a, b| (a.object, &a.context).cmp(&(b.object, &b.context)));
    let fold = |same: &[TriggerRow]| {
        let sum: i64 = same.iter().map(|row| i64::from(row.change)).sum();
        let change = sum.clamp(-127, 127) as i8;
        (sum != 0).then(|| TriggerRow { epoch, pixel: home(same[0].object), change, ..same[0] })
    };
    let standing = rows.chunk_by(|a, b| (a.object, &a.context) == (b.object, &b.context)).filter_map(fold);
    let mut folded: Vec<TriggerRow> = standing.collect();
    folded.sort_unstable();
    folded
}
