//! The rows of an epoch from the two logs that the operators speak.

use super::MeasurementRow;
use rustc_hash::FxHashMap;
use skydiff_operators::Epoch;
use skydiff_schemas::{Kind, Measurement, ObjectId, Pixel, Row as Copy, SourceId};

/// A copy that passed `known`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Offered {
    /// Whose packet brought it.
    pub object: ObjectId,
    /// The copy.
    pub copy: Copy,
}

/// A change of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Settled {
    /// Where the object is kept.
    pub pixel: Pixel,
    /// Whose history.
    pub object: ObjectId,
    /// What enters or leaves.
    pub measurement: Measurement,
    /// +1 or −1.
    pub change: i8,
}

/// The rows of an epoch: one for each copy and for each change, and one for both where a copy entered its object's history.
/// Where a copy changed nothing, `home` says where its object is kept.
pub fn merge(
    epoch: Epoch,
    offered: impl IntoIterator<Item = Offered>,
    settled: impl IntoIterator<Item = Settled>,
    home: impl Fn(ObjectId) -> Pixel,
) -> Vec<MeasurementRow> {
    let row = |Settled { pixel, object, measurement, change }| MeasurementRow {
        epoch,
        pixel,
        object,
        measurement,
        change,
        version: None,
        global: false,
    };
    let mut rows: Vec<MeasurementRow> = settled.into_iter().map(row).collect();
    let entering = rows.iter().enumerate().filter(|(_, row)| row.change > 0);
    // Of an identity, one value at most enters a history in an epoch.
    let identity = |object: ObjectId, row: &Measurement| (object, row.kind, row.id);
    let entered: FxHashMap<(ObjectId, Kind, SourceId), usize> =
        entering.map(|(at, row)| (identity(row.object, &row.measurement), at)).collect();
    for Offered { object, copy } in offered {
        let Copy { measurement, version, global } = copy;
        let entered = entered.get(&identity(object, &measurement)).and_then(|at| rows.get_mut(*at));
        match entered.filter(|row| row.version.is_none() && row.measurement == measurement) {
            Some(row) => (row.version, row.global) = (Some(version), global),
            None => rows.push(MeasurementRow {
                epoch,
                pixel: home(object),
                object,
                measurement,
                change: 0,
                version: Some(version),
                global,
            }),
        }
    }
    rows
}
