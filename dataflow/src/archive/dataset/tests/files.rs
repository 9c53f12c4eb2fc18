//! Files of many rows: row groups, what is pruned, what a lean reader leaves out.

use super::given::{change_rows, packet_rows, reject_rows};
use super::{in_order, read, write};
use crate::archive::dataset::{MeasurementRow, Names, PacketRow, Reader, RejectRow, Rejected, Row, Select, Writer};
use bytes::Bytes;
use proptest::collection::vec;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use skydiff_operators::Epoch;
use skydiff_schemas::{
    Band, Kind, Measurement, MicroDays, ObjectClass, ObjectId, PicoJansky, Pixel, Position, Quality, SourceId, SurveyId,
};
use std::sync::Arc;

fn some<R: std::fmt::Debug>(rows: impl Strategy<Value = R>, count: usize) -> Vec<R> {
    vec(rows, count).new_tree(&mut TestRunner::deterministic()).unwrap().current()
}

fn row(number: u64) -> MeasurementRow {
    let measurement = Measurement {
        time: MicroDays(60_000_000_000 + number as i64),
        id: SourceId(number),
        visit: number / 100,
        flux: PicoJansky(number as i64),
        sigma: PicoJansky(1),
        total: Measurement::NO_TOTAL,
        position: Position::UNKNOWN,
        reference: 1,
        quality: Quality::GOOD,
        kind: Kind::Source,
        band: Band(1),
    };
    let object = ObjectId { survey: SurveyId(0), class: ObjectClass::Sidereal, id: number };
    let (epoch, pixel) = (Epoch(number / 150_000), Pixel((number % 150_000 / 10) as u32));
    MeasurementRow { epoch, pixel, object, measurement, change: 1, version: None, global: true }
}

#[test]
fn row_groups_without_a_wanted_row_are_not_read() {
    let rows: Vec<MeasurementRow> = (0..450_000).map(row).collect();
    let file = write(&rows);
    assert_eq!((file.descriptor.rows, file.descriptor.epochs), (450_000, (Epoch(0), Epoch(2))));
    let groups = |select: &Select| Reader::<MeasurementRow>::open(file.bytes.clone(), select).unwrap().row_groups();
    assert_eq!(groups(&Select::default()), (4, 4));
    let last = Select { epochs: Some((Epoch(2), Epoch(9))), ..Select::default() };
    assert_eq!(groups(&last), (2, 4));
    assert_eq!(read::<MeasurementRow>(&file, &last), &rows[300_000..]);
    let young = Select { times: Some((MicroDays(0), MicroDays(60_000_100_000))), ..Select::default() };
    assert_eq!(groups(&young), (1, 4));
    let nowhere = Select { pixels: Some(vec![(Pixel::NONE, Pixel::NONE)]), ..Select::default() };
    assert_eq!(groups(&nowhere), (0, 4));
}

#[test]
fn row_groups_that_cannot_have_a_name_are_not_read() {
    let rows: Vec<MeasurementRow> = (0..450_000).map(row).collect();
    let file = write(&rows);
    let groups = |select: &Select| Reader::<MeasurementRow>::open(file.bytes.clone(), select).unwrap().row_groups().0;
    let select = |names| Select { names: Some(Arc::new(names)), ..Select::default() };
    let object = |number: u64| select(Names::Objects([row(number).object].into_iter().collect()));
    let source = |number: u64| select(Names::Sources([SourceId(number)].into_iter().collect()));
    for number in [5, 200_000, 449_999] {
        for select in [object(number), source(number)] {
            assert!((1..=2).contains(&groups(&select)), "{number}");
            assert_eq!(read::<MeasurementRow>(&file, &select), [row(number)]);
        }
    }
    let looked_at: usize = (500_000..501_000).map(|number| groups(&object(number))).sum();
    assert!(looked_at < 200, "{looked_at} of 4000 for names that are nowhere");
}

#[test]
fn lean_readers_do_without_what_is_long() {
    let lean = Select { lean: true, ..Select::default() };
    let packets = in_order(&some(packet_rows(), 20));
    let bare: Vec<PacketRow> = packets.iter().map(|row| PacketRow { bytes: Bytes::new(), ..row.clone() }).collect();
    assert_eq!(read::<PacketRow>(&write(&packets), &lean), bare);
    let rejects = in_order(&some(reject_rows(), 20));
    let read_lean = read::<RejectRow>(&write(&rejects), &lean);
    assert_eq!(read_lean.len(), rejects.len());
    assert!(read_lean.iter().all(|row| !matches!(&row.rejected, Rejected::Packet(reject) if reject.bytes.is_some())));
    let changes = in_order(&some(change_rows(), 20));
    let read_lean = read::<crate::archive::dataset::ChangeRow>(&write(&changes), &lean);
    let objects = |rows: &[crate::archive::dataset::ChangeRow]| rows.iter().map(|row| row.object).collect::<Vec<_>>();
    assert_eq!(objects(&read_lean), objects(&changes));
    assert!(read_lean.iter().all(|row| row.record.is_none()));
}

#[test]
fn a_writer_says_how_much_it_holds() {
    let mut writer = Writer::<MeasurementRow>::new().unwrap();
    let empty = writer.pending();
    (0..100).for_each(|number| writer.push(row(number)).unwrap());
    assert!(writer.pending() > empty && writer.count() == 100);
    let file = writer.finish().unwrap().unwrap();
    assert_eq!(file.descriptor.bytes, file.bytes.len() as u64);
    assert_eq!(file.descriptor.pixels, (row(0).pixel(), row(99).pixel()));
}

#[test]
fn real_packets_come_back_byte_for_byte() {
    let mut folders = vec![std::path::PathBuf::from("/work/shared/data/ztf"), "/work/shared/data/lsst".into()];
    let mut packets = vec![];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                _ => packets.push(std::fs::read(entry.path()).unwrap()),
            }
        }
    }
    let template = some(packet_rows(), 1).remove(0);
    let rows = packets.into_iter().enumerate().map(|(number, bytes)| PacketRow {
        epoch: Epoch(number as u64 / 50),
        number: number as u64,
        bytes: bytes.into(),
        ..template.clone()
    });
    let rows: Vec<PacketRow> = rows.collect();
    if rows.is_empty() {
        return eprintln!("no real packets here: skipped");
    }
    assert!(read::<PacketRow>(&write(&rows), &Select::default()) == in_order(&rows));
}
