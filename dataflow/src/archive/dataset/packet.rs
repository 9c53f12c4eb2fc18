//! `packets/`: the bytes of every packet as the survey sent them, with what says where they came from and what they hold.

use super::column::{Column, Packing, TIME, common, maybe_times, objects, pixels, positions, schema, times};
use super::take::{Long, Objects, column, every, numbers, position, texts, values};
use super::{DataError, Dataset, Names, Row};
use arrow_array::builder::BinaryBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal64Type, Int16Type, Int32Type, UInt64Type};
use arrow_array::{
    ArrayRef, BinaryArray, Int16Array, Int32Array, ListArray, RecordBatch, StringArray, StructArray, UInt64Array,
};
use arrow_schema::{DataType, Field};
use bytes::Bytes;
use skydiff_operators::Epoch;
use skydiff_schemas::{MicroDays, ObjectId, Pixel, Position, SourceId};
use std::sync::Arc;

/// A packet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PacketRow {
    /// Where it was bound.
    pub epoch: Epoch,
    /// The alerts that were accepted of it, in its order: one, but in containers of many, and none of a rejected packet.
    pub alerts: Vec<PacketAlert>,
    /// Kafka topic, or path of the bundle.
    pub topic: String,
    /// Partition of the topic; 0 of a bundle.
    pub partition: i32,
    /// Offset in the partition, or number within the bundle.
    pub number: u64,
    /// Its own name in the bundle; empty where it has none.
    pub name: String,
    /// When it was received: MJD UTC.
    pub received: MicroDays,
    /// Rank of its source in the job.
    pub rank: i16,
    /// The writer schema: a Confluent id, or as people are told.
    pub schema: String,
    /// How many records its frame claims.
    pub records: u64,
    /// How many more bytes it had: of a long run of noise only the first are kept.
    pub left_out: u64,
    /// As it was sent.
    pub bytes: Bytes,
}

/// An accepted alert of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PacketAlert {
    /// Of which object.
    pub object: ObjectId,
    /// The triggering source.
    pub trigger: SourceId,
    /// Its time.
    pub time: MicroDays,
    /// Where the trigger was measured.
    pub position: Position,
}

/// The columns of an alert, within the list that a packet has of them.
fn alert_columns() -> Vec<Column> {
    let own = vec![
        Column::new("trigger", DataType::UInt64, ""),
        Column::new("mjd_tai", TIME, ""),
        Column::new("_healpix_29", DataType::UInt64, "").maybe(),
    ];
    [super::column::object(), own].concat()
}

fn alert_item() -> Arc<Field> {
    Arc::new(Field::new("element", DataType::Struct(schema(&alert_columns()).fields.clone()), false))
}

impl Row for PacketRow {
    const DATASET: Dataset = Dataset::Packets;
    const LONG: Option<&'static str> = Some("bytes");
    const FOUND_BY: &'static [&'static str] = &["alerts.list.element.object_id"];

    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn pixel(&self) -> Pixel {
        self.alerts.first().map_or(Pixel::NONE, |alert| alert.position.pixel())
    }

    fn time(&self) -> Option<MicroDays> {
        self.alerts.first().map(|alert| alert.time)
    }

    fn is_of(&self, names: &Names) -> bool {
        self.alerts.iter().any(|alert| match names {
            Names::Objects(objects) => objects.contains(&alert.object),
            Names::Sources(sources) => sources.contains(&alert.trigger),
        })
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.bytes.len() + self.name.len() + self.alerts.len() * size_of::<PacketAlert>()
    }

    fn sort(rows: &mut [Self]) {
        rows.sort_unstable_by(|a, b| a.pixel().cmp(&b.pixel()).then_with(|| a.cmp(b)));
    }

    fn columns() -> Vec<Column> {
        let new = Column::new;
        let alerts = DataType::List(alert_item());
        let own = vec![
            Column::time(
                "mjd_tai",
                "Mid-exposure of the first alert that was accepted, MJD (TAI); null where none was",
            )
            .maybe(),
            new("topic", DataType::Utf8, "Kafka topic, or path of the bundle").packed(Packing::Dictionary),
            new("partition", DataType::Int32, "Partition of the topic; 0 of a bundle").packed(Packing::Dictionary),
            new("number", DataType::UInt64, "Offset in the partition, or number within the bundle")
                .packed(Packing::Delta),
            new("name", DataType::Utf8, "Its own name in the bundle; empty where it has none"),
            Column::time("received_mjd_utc", "When it was received, MJD (UTC)"),
            new("rank", DataType::Int16, "Rank of its source in the job").packed(Packing::Dictionary),
            new("schema", DataType::Utf8, "Its writer schema").packed(Packing::Dictionary),
            new("records", DataType::UInt64, "Records that its frame claims").packed(Packing::Dictionary),
            new("left_out", DataType::UInt64, "Further bytes that were not kept, of a long run of noise")
                .packed(Packing::Dictionary),
            new("alerts", alerts, "The alerts that were accepted of it: object, triggering source, time, place"),
            new("bytes", DataType::Binary, "As it was sent").packed(Packing::Opaque),
        ];
        [common(), own].concat()
    }

    fn arrays(rows: &[Self]) -> Result<Vec<ArrayRef>, DataError> {
        let number = |value: fn(&Self) -> u64| Arc::new(UInt64Array::from_iter_values(rows.iter().map(value)));
        let text = |value: fn(&Self) -> &str| Arc::new(StringArray::from_iter_values(rows.iter().map(value)));
        Ok(vec![
            number(|row| row.epoch.0),
            pixels(rows.iter().map(Row::pixel)),
            maybe_times("mjd_tai", rows.iter().map(Row::time))?,
            text(|row| &row.topic),
            Arc::new(Int32Array::from_iter_values(rows.iter().map(|row| row.partition))),
            number(|row| row.number),
            text(|row| &row.name),
            times("received_mjd_utc", rows.iter().map(|row| row.received))?,
            Arc::new(Int16Array::from_iter_values(rows.iter().map(|row| row.rank))),
            text(|row| &row.schema),
            number(|row| row.records),
            number(|row| row.left_out),
            Arc::new(alert_lists(rows)?),
            Arc::new(packed(rows)),
        ])
    }

    fn rows(batch: &RecordBatch) -> Result<Vec<Self>, DataError> {
        let epochs = values::<UInt64Type>(batch, "epoch")?;
        let (topics, names, schemas) = (texts(batch, "topic")?, texts(batch, "name")?, texts(batch, "schema")?);
        let partitions = values::<Int32Type>(batch, "partition")?;
        let numbers = values::<UInt64Type>(batch, "number")?;
        let received = values::<Decimal64Type>(batch, "received_mjd_utc")?;
        let ranks = values::<Int16Type>(batch, "rank")?;
        let (records, left_out) = (values::<UInt64Type>(batch, "records")?, values::<UInt64Type>(batch, "left_out")?);
        let alerts = Alerts::of(batch)?;
        let long = Long::of(batch, "bytes")?;
        let row = |row: usize| {
            Ok(PacketRow {
                epoch: Epoch(epochs[row]),
                alerts: alerts.get(row),
                topic: topics.value(row).to_owned(),
                partition: partitions[row],
                number: numbers[row],
                name: names.value(row).to_owned(),
                received: MicroDays(received[row]),
                rank: ranks[row],
                schema: schemas.value(row).to_owned(),
                records: records[row],
                left_out: left_out[row],
                bytes: long.get(row).map_or(Bytes::new(), Bytes::copy_from_slice),
            })
        };
        every(batch, row)
    }
}

/// The bytes of packets, in one piece that never grows: they are the bulk of an archive.
fn packed(rows: &[PacketRow]) -> BinaryArray {
    let bytes = rows.iter().map(|row| row.bytes.len()).sum();
    let mut packed = BinaryBuilder::with_capacity(rows.len(), bytes);
    rows.iter().for_each(|row| packed.append_value(&row.bytes));
    packed.finish()
}

fn alert_lists(rows: &[PacketRow]) -> Result<ListArray, DataError> {
    let all = || rows.iter().flat_map(|row| &row.alerts);
    let [survey, class, object] = objects(all().map(|alert| alert.object))?;
    let columns = vec![
        survey,
        class,
        object,
        Arc::new(UInt64Array::from_iter_values(all().map(|alert| alert.trigger.0))),
        times("mjd_tai", all().map(|alert| alert.time))?,
        positions(all().map(|alert| alert.position)),
    ];
    let mut lengths = arrow_buffer::OffsetBufferBuilder::new(rows.len());
    rows.iter().for_each(|row| lengths.push_length(row.alerts.len()));
    let wrong = |error: arrow_schema::ArrowError| DataError::Row(error.to_string());
    let alerts = StructArray::try_new(schema(&alert_columns()).fields.clone(), columns, None).map_err(wrong)?;
    ListArray::try_new(alert_item(), lengths.finish(), Arc::new(alerts), None).map_err(wrong)
}

/// The alerts of packets.
struct Alerts<'a> {
    offsets: &'a [i32],
    all: Vec<PacketAlert>,
}

impl<'a> Alerts<'a> {
    fn of(batch: &'a RecordBatch) -> Result<Alerts<'a>, DataError> {
        let wrong = || DataError::Corrupt("column `alerts` is not what it should be".into());
        let lists = column(batch, "alerts")?.as_list_opt::<i32>().ok_or_else(wrong)?;
        let flat = RecordBatch::from(lists.values().as_struct_opt().ok_or_else(wrong)?);
        let objects = Objects::of(&flat)?;
        let triggers = values::<UInt64Type>(&flat, "trigger")?;
        let times = values::<Decimal64Type>(&flat, "mjd_tai")?;
        let positions = numbers::<UInt64Type>(&flat, "_healpix_29")?;
        let alert = |at: usize| {
            Ok(PacketAlert {
                object: objects.get(at)?,
                trigger: SourceId(triggers[at]),
                time: MicroDays(times[at]),
                position: position(positions, at),
            })
        };
        Ok(Alerts { offsets: lists.value_offsets(), all: (0..flat.num_rows()).map(alert).collect::<Result<_, _>>()? })
    }

    fn get(&self, row: usize) -> Vec<PacketAlert> {
        let (from, to) = (self.offsets[row] as usize, self.offsets[row + 1] as usize);
        self.all.get(from..to).unwrap_or_default().to_vec()
    }
}
