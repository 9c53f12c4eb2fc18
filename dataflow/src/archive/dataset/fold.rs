//! A log as one epoch: what a snapshot holds, and what a restart loads.

use super::{MeasurementRow, Offered, Settled, TriggerRow, merge};
use skydiff_operators::{ContextRow, Epoch};
use skydiff_schemas::{Kind, Measurement, ObjectId, Pixel, Row as Copy, SourceId};
use std::collections::HashMap;

/// Of offered rows the greatest of each object and identity, of changes the sum, all of them at `epoch`.
///
/// Order and grouping change nothing: `fold(fold(a) ++ b) = fold(a ++ b)`.
pub fn fold_measurements(epoch: Epoch, rows: impl IntoIterator<Item = MeasurementRow>) -> Vec<MeasurementRow> {
    let mut best: HashMap<(ObjectId, Kind, SourceId), Copy> = HashMap::new();
    let mut sums: HashMap<(Pixel, ObjectId, Measurement), i64> = HashMap::new();
    for MeasurementRow { pixel, object, measurement, change, version, global, .. } in rows {
        if let Some(version) = version {
            let copy = Copy { measurement, version, global };
            let known = best.entry((object, measurement.kind, measurement.id)).or_insert(copy);
            if (known.version, known.measurement) < (version, measurement) {
                *known = copy;
            }
        }
        if change != 0 {
            *sums.entry((pixel, object, measurement)).or_default() += i64::from(change);
        }
    }
    sums.retain(|_, sum| *sum != 0);
    let homes: HashMap<ObjectId, Pixel> =
        sums.iter().filter(|(_, sum)| **sum > 0).map(|((pixel, object, _), _)| (*object, *pixel)).collect();
    let settled = sums.into_iter().map(|((pixel, object, measurement), sum)| Settled {
        pixel,
        object,
        measurement,
        change: sum.clamp(-127, 127) as i8,
    });
    let offered = best.into_iter().map(|((object, ..), copy)| Offered { object, copy });
    let mut rows = merge(epoch, offered, settled, |object| homes.get(&object).copied().unwrap_or(Pixel::NONE));
    rows.sort_unstable();
    rows
}

/// The contexts that stand, all of them at `epoch`; `home` says where an object is kept.
pub fn fold_triggers(
    epoch: Epoch,
    rows: impl IntoIterator<Item = TriggerRow>,
    home: impl Fn(ObjectId) -> Pixel,
) -> Vec<TriggerRow> {
    let mut sums: HashMap<(ObjectId, ContextRow), i64> = HashMap::new();
    for row in rows {
        *sums.entry((row.object, row.context)).or_default() += i64::from(row.change);
    }
    let row = |((object, context), sum): ((ObjectId, ContextRow), i64)| TriggerRow {
        epoch,
        pixel: home(object),
        object,
        context,
        change: sum.clamp(-127, 127) as i8,
    };
    let mut rows: Vec<TriggerRow> = sums.into_iter().filter(|(_, sum)| *sum != 0).map(row).collect();
    rows.sort_unstable();
    rows
}
