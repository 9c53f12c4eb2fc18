//! Files that are cut short, altered, far away or of another dataset.

use super::given::{measurement_rows, packet_rows, trigger_rows};
use super::{in_order, write};
use crate::archive::dataset::{
    ChangeRow, DataError, File, MeasurementRow, PacketRow, Ranged, Ranges, Reader, Row, Select, TriggerRow, Writer,
};
use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use std::io;
use std::ops::Range;
use std::sync::Arc;

fn some<R: Row + Clone + std::fmt::Debug>(rows: impl Strategy<Value = R>, count: usize) -> Vec<R> {
    in_order(&vec(rows, count).new_tree(&mut TestRunner::deterministic()).unwrap().current())
}

fn open<R: Row>(bytes: Bytes) -> Result<Vec<R>, DataError> {
    let batches: Result<Vec<Vec<R>>, _> = Reader::open(bytes, &Select::default())?.collect();
    Ok(batches?.into_iter().flatten().collect())
}

/// Bytes that were altered are found by the descriptor, before Parquet sees them (which then panics here and there).
fn altered<R: Row + Clone + std::fmt::Debug>(rows: &[R]) {
    let file = write(rows);
    let File { descriptor, bytes } = &file;
    for at in (0..bytes.len()).step_by(3) {
        let mut damaged = bytes.to_vec();
        damaged[at] ^= 1 << (at % 8);
        assert!(descriptor.check(&damaged).is_err());
        assert!(Reader::<R>::whole(&damaged.clone().into(), descriptor, &Select::default()).is_err());
    }
    for length in (0..bytes.len()).step_by(11) {
        assert!(descriptor.check(&bytes[..length]).is_err());
        assert!(open::<R>(bytes.slice(..length)).is_err(), "{length} of {} bytes", bytes.len());
    }
    assert!(Reader::<R>::whole(bytes, descriptor, &Select::default()).is_ok());
}

#[test]
fn altered_bytes_are_found() {
    altered(&some(measurement_rows(), 30));
    altered(&some(trigger_rows(), 10));
    altered(&some(packet_rows(), 10));
}

#[test]
fn another_dataset_is_named() {
    let bytes = write(&some(measurement_rows(), 3)).bytes;
    let error = open::<ChangeRow>(bytes).unwrap_err();
    assert!(error.to_string().contains("holds measurements, and changes were looked for"), "{error}");
    assert!(open::<TriggerRow>(Bytes::from_static(b"PAR1 and then nothing")).is_err());
    assert!(open::<TriggerRow>(Bytes::new()).is_err());
}

#[test]
fn a_writer_refuses_what_it_cannot_keep() {
    let rows = some(measurement_rows(), 1);
    let mut writer = Writer::<MeasurementRow>::new().unwrap();
    let mut row = MeasurementRow { epoch: skydiff_operators::Epoch(5), ..rows[0] };
    writer.push(row).unwrap();
    row.epoch.0 = 4;
    assert_eq!(writer.push(row), Err(DataError::Row("epoch 4 after epoch 5".into())));
    row.epoch.0 = 5;
    row.measurement.flux.0 = i64::MAX;
    writer.push(row).unwrap();
    assert!(matches!(writer.finish(), Err(DataError::Row(why)) if why.contains("more than 18 digits")));
    assert_eq!(Writer::<MeasurementRow>::new().unwrap().finish(), Ok(None));
}

struct Far {
    bytes: Bytes,
    fails: bool,
}

impl Ranged for Far {
    fn length(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read(&self, range: Range<u64>) -> io::Result<Bytes> {
        if self.fails && range.start < self.length() / 2 {
            return Err(io::Error::other("the line is down"));
        }
        Ok(self.bytes.slice(range.start as usize..range.end as usize))
    }
}

#[test]
fn a_far_file_is_read_in_parts_or_says_that_it_cannot_be() {
    // Incompressible and longer than a block.
    let mut rows = some(packet_rows(), 40);
    let mut state = 1u64;
    for row in &mut rows {
        let noise = (0..40_000).flat_map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state.to_le_bytes()
        });
        row.bytes = noise.collect::<Vec<u8>>().into();
    }
    let rows = in_order(&rows);
    let File { bytes, descriptor } = write(&rows);
    assert!(bytes.len() > 3 * (4 << 20));
    let read = |bytes: Bytes, fails| -> Result<Vec<Vec<PacketRow>>, DataError> {
        let far = Ranges::new(Arc::new(Far { bytes, fails }), &descriptor)?;
        Reader::open(far, &Select::default())?.collect()
    };
    assert!(read(bytes.clone(), false).unwrap().concat() == rows);
    let why = read(bytes.clone(), true).unwrap_err().to_string();
    assert!(why.contains("line is down"), "{why}");
    let mut damaged = bytes.to_vec();
    damaged[1_000_000] ^= 1;
    let why = read(damaged.into(), false).unwrap_err().to_string();
    assert!(why.contains("part 0 of the file"), "{why}");
    assert!(read(bytes.slice(1..), false).is_err());
}
