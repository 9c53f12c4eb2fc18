//! Rows of every dataset come back to the bit, and selected ones are those that a filter finds.

use super::given::{change_rows, measurement_rows, packet_rows, reject_rows, trigger_rows};
use super::{in_order, read, write};
use crate::archive::dataset::{Descriptor, Row, Select};
use proptest::collection::vec;
use proptest::prelude::*;
use skydiff_operators::Epoch;
use skydiff_schemas::{MicroDays, Pixel};

fn comes_back<R: Row + Clone + PartialEq + std::fmt::Debug>(mut rows: Vec<R>) -> Result<(), TestCaseError> {
    rows.sort_by_key(Row::epoch);
    let file = write(&rows);
    let in_order = in_order(&rows);
    prop_assert_eq!(&read::<R>(&file, &Select::default()), &in_order);
    check(&file.descriptor, &in_order)?;
    file.descriptor.check(&file.bytes).unwrap();
    // The same set in another order is the same file.
    rows.reverse();
    rows.sort_by_key(Row::epoch);
    prop_assert_eq!(&write(&rows), &file);
    for select in selections() {
        let wanted: Vec<R> = in_order.iter().filter(|row| select.wants(*row)).cloned().collect();
        prop_assert_eq!(&read::<R>(&file, &select), &wanted);
        prop_assert!(wanted.is_empty() || select.meets(&file.descriptor));
    }
    Ok(())
}

fn check<R: Row>(descriptor: &Descriptor, rows: &[R]) -> Result<(), TestCaseError> {
    let pixels = rows.iter().map(Row::pixel);
    let times: Vec<MicroDays> = rows.iter().filter_map(Row::time).collect();
    prop_assert_eq!(descriptor.rows, rows.len() as u64);
    prop_assert_eq!(descriptor.epochs, (rows[0].epoch(), rows[rows.len() - 1].epoch()));
    prop_assert_eq!(descriptor.pixels, (pixels.clone().min().unwrap(), pixels.max().unwrap()));
    prop_assert_eq!(descriptor.times, times.iter().min().copied().zip(times.iter().max().copied()));
    Ok(())
}

fn selections() -> Vec<Select> {
    let all = Select::default;
    vec![
        Select { epochs: Some((Epoch(1), Epoch(2))), ..all() },
        Select { pixels: Some(vec![(Pixel(0), Pixel(1)), (Pixel::NONE, Pixel::NONE)]), ..all() },
        Select { pixels: Some(vec![(Pixel(100), Pixel(700_000))]), ..all() },
        Select { pixels: Some(vec![]), ..all() },
        Select { times: Some((MicroDays(-1), MicroDays(60_000_000_000))), ..all() },
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn measurements(rows in vec(measurement_rows(), 1..40)) {
        comes_back(rows)?;
    }

    #[test]
    fn contexts(rows in vec(trigger_rows(), 1..20)) {
        comes_back(rows)?;
    }

    #[test]
    fn packets(rows in vec(packet_rows(), 1..20)) {
        comes_back(rows)?;
    }

    #[test]
    fn rejects(rows in vec(reject_rows(), 1..20)) {
        comes_back(rows)?;
    }

    #[test]
    fn changes(rows in vec(change_rows(), 1..20)) {
        let file = write(&in_order(&rows));
        prop_assert_eq!(&read::<crate::archive::dataset::ChangeRow>(&file, &Select::default()), &in_order(&rows));
        check(&file.descriptor, &in_order(&rows))?;
    }
}
