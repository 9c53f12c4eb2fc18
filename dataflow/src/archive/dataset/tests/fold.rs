//! Folding a log in parts is folding it at once, and what it keeps is what an independent look finds.

use super::given::{measurements, objects, trigger_rows, versions};
use crate::archive::dataset::{MeasurementRow, Offered, Settled, fold_measurements, fold_triggers, merge};
use proptest::collection::vec;
use proptest::prelude::*;
use skydiff_operators::Epoch;
use skydiff_schemas::{Measurement, Pixel, Row as Copy, SourceId};
use std::collections::BTreeSet;

fn few(measurement: Measurement) -> Measurement {
    Measurement { id: SourceId(measurement.id.0 % 3), ..measurement }
}

fn offers() -> impl Strategy<Value = Offered> {
    (objects(), measurements(), versions()).prop_map(|(object, measurement, version)| Offered {
        object,
        copy: Copy { measurement: few(measurement), version, global: true },
    })
}

/// A log in which what was offered entered its object's history, now and then to leave it again.
fn logs() -> impl Strategy<Value = Vec<MeasurementRow>> {
    vec((0u64..9, offers(), 0u8..3), 0..30).prop_map(|entries| {
        let mut seen = BTreeSet::new();
        let mut rows = vec![];
        for (epoch, offered, what) in entries {
            let Offered { object, copy } = offered;
            if !seen.insert((object, copy.measurement)) {
                continue;
            }
            let settled = |change| Settled { pixel: Pixel(7), object, measurement: copy.measurement, change };
            let enters: Vec<Settled> = (what > 0).then(|| settled(1)).into_iter().collect();
            rows.extend(merge(Epoch(epoch), [offered], enters, |_| Pixel::NONE));
            if what == 2 {
                rows.extend(merge(Epoch(epoch + 1), [], [settled(-1)], |_| Pixel::NONE));
            }
        }
        rows
    })
}

proptest! {
    #[test]
    fn in_parts_or_at_once(log in logs(), cut in 0usize..60) {
        let cut = cut.min(log.len());
        let at = Epoch(20);
        let whole = fold_measurements(at, log.iter().copied());
        let begun = fold_measurements(Epoch(3), log[..cut].iter().copied());
        prop_assert_eq!(&fold_measurements(at, begun.into_iter().chain(log[cut..].iter().copied())), &whole);
        let net = |rows: &[MeasurementRow], of: &Measurement| {
            rows.iter().filter(|row| row.measurement == *of).map(|row| i64::from(row.change)).sum::<i64>()
        };
        for row in &log {
            prop_assert_eq!(net(&log, &row.measurement), net(&whole, &row.measurement));
            let same = |other: &&MeasurementRow| {
                let (a, b) = (&row.measurement, &other.measurement);
                (row.object, a.kind, a.id) == (other.object, b.kind, b.id)
            };
            let best = |rows: &[MeasurementRow]| {
                rows.iter().filter(same).filter_map(|row| Some((row.version?, row.measurement))).max()
            };
            prop_assert_eq!(best(&log), best(&whole));
        }
        prop_assert!(whole.iter().all(|row| row.epoch == at && (row.change != 0 || row.version.is_some())));
    }

    #[test]
    fn contexts_in_parts_or_at_once(rows in vec(trigger_rows(), 0..20), cut in 0usize..20) {
        let cut = cut.min(rows.len());
        let log: Vec<_> = rows.iter().copied().chain(rows[..cut].iter().copied()).collect();
        let begun = fold_triggers(Epoch(3), log[..cut].iter().copied(), |_| Pixel(1));
        let rest = begun.into_iter().chain(log[cut..].iter().copied());
        let whole = fold_triggers(Epoch(9), log.iter().copied(), |_| Pixel(1));
        prop_assert_eq!(fold_triggers(Epoch(9), rest, |_| Pixel(1)), whole);
    }
}
