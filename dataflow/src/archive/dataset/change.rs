//! `changes/`: every record as it was decided, before it is published.
//!
//! The record is there whole, as the Avro datum that is published; beside it stand the columns that people ask by.

use super::column::{Column, Packing, common, object, objects, pixels};
use super::take::{Long, Objects, numbers, pixel, values};
use super::{DataError, Dataset, Row};
use arrow_array::types::{UInt32Type, UInt64Type};
use arrow_array::{
    ArrayRef, BinaryArray, Float64Array, Int64Array, ListArray, RecordBatch, StringArray, StructArray, UInt64Array,
};
use arrow_schema::{ArrowError, DataType, Field};
use skydiff_operators::Epoch;
use skydiff_schemas::record::{Record, StateHeld, Timescale, Value};
use skydiff_schemas::{MicroDays, ObjectId, Pixel};
use std::sync::Arc;

/// A record. Its epoch, lane and rank are its own.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangeRow {
    /// The epoch of the change.
    pub epoch: Epoch,
    /// Where its object is kept.
    pub pixel: Pixel,
    /// Which object.
    pub object: ObjectId,
    /// What is told; `None` where a lean reader did without.
    pub record: Option<Box<Record>>,
}

impl ChangeRow {
    fn held(&self) -> impl Iterator<Item = (&Timescale, &StateHeld)> + Clone {
        let scales = self.record.iter().flat_map(|record| &record.timescales);
        scales.flat_map(|scale| scale.states.iter().map(move |state| (scale, state)))
    }
}

fn state_columns() -> Vec<Column> {
    vec![
        Column::new("timescale", DataType::Float64, "").maybe(),
        Column::new("state", DataType::Utf8, ""),
        Column::new("z", DataType::Float64, ""),
    ]
}

fn state_item() -> Arc<Field> {
    Arc::new(Field::new("element", DataType::Struct(super::column::schema(&state_columns()).fields.clone()), false))
}

impl Row for ChangeRow {
    const DATASET: Dataset = Dataset::Changes;
    const LONG: Option<&'static str> = Some("record");

    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn pixel(&self) -> Pixel {
        self.pixel
    }

    fn time(&self) -> Option<MicroDays> {
        self.record.as_ref().and_then(|record| record.mjd_tai).and_then(MicroDays::from_days)
    }

    fn size(&self) -> usize {
        // A record is about 3 kB of small vectors.
        size_of::<Self>() + 3_000
    }

    fn sort(rows: &mut [Self]) {
        let message = |row: &Self| row.record.as_ref().map(|record| (record.lane, record.rank));
        rows.sort_by_key(|row| (row.pixel, row.object, message(row)));
    }

    fn columns() -> Vec<Column> {
        let new = Column::new;
        let word = |name, doc| new(name, DataType::Utf8, doc).packed(Packing::Dictionary);
        let own = vec![
            new("lane", DataType::Int64, "Lane of the object").packed(Packing::Dictionary),
            new("rank", DataType::Int64, "Rank of the record among those of its epoch and lane").packed(Packing::Delta),
            new("object", DataType::Utf8, "The survey's name of the object"),
            word("alert_type", "initial, subsequent, update or retraction"),
            word("reason", "Why it changed"),
            new("alert", DataType::Utf8, "Id of the triggering alert").maybe(),
            Column::time("mjd_tai", "Mid-exposure of the triggering source, MJD (TAI)").maybe(),
            new("ra", DataType::Float64, "Right ascension (ICRS)").maybe().unit("deg"),
            new("dec", DataType::Float64, "Declination (ICRS)").maybe().unit("deg"),
            new("detections", DataType::Int64, "Good detections").packed(Packing::Dictionary),
            new(
                "states",
                DataType::List(state_item()),
                "States that hold and are alive, with timescale (null is all of history) and significance",
            ),
            new("record", DataType::Binary, "The record as an Avro datum of schema skydiff.Record"),
        ];
        [common(), object(), own].concat()
    }

    fn arrays(rows: &[Self]) -> Result<Vec<ArrayRef>, DataError> {
        let records: Option<Vec<&Record>> = rows.iter().map(|row| row.record.as_deref()).collect();
        let records = records.ok_or_else(|| DataError::Row("a change without its record".into()))?;
        if rows.iter().zip(&records).any(|(row, record)| row.epoch.0 != record.epoch as u64) {
            return Err(DataError::Row("a change of another epoch than its record".into()));
        }
        let all = || records.iter();
        let text = |value: fn(&&Record) -> &'static str| Arc::new(StringArray::from_iter_values(all().map(value)));
        let number = |value: fn(&&Record) -> i64| Arc::new(Int64Array::from_iter_values(all().map(value)));
        let real = |value: fn(&&Record) -> Option<f64>| Arc::new(all().map(value).collect::<Float64Array>());
        let encoded = all().map(|record| {
            let mut datum = Vec::new();
            record.encode(&mut datum);
            datum
        });
        let mut arrays: Vec<ArrayRef> = vec![
            Arc::new(UInt64Array::from_iter_values(rows.iter().map(|row| row.epoch.0))),
            pixels(rows.iter().map(|row| row.pixel)),
        ];
        arrays.extend(objects(rows.iter().map(|row| row.object))?);
        arrays.extend([
            number(|record| record.lane) as ArrayRef,
            number(|record| record.rank),
            Arc::new(StringArray::from_iter_values(all().map(|record| &record.object))),
            text(|record| record.alert_type.name()),
            text(|record| record.reason.name()),
            Arc::new(all().map(|record| record.alert.as_ref()).collect::<StringArray>()),
            super::column::maybe_times("mjd_tai", rows.iter().map(Row::time))?,
            real(|record| record.ra),
            real(|record| record.dec),
            number(|record| record.detections),
            Arc::new(state_lists(rows)?),
            Arc::new(BinaryArray::from_iter_values(encoded)),
        ]);
        Ok(arrays)
    }

    fn rows(batch: &RecordBatch) -> Result<Vec<Self>, DataError> {
        let epochs = values::<UInt64Type>(batch, "epoch")?;
        let pixels = numbers::<UInt32Type>(batch, "pixel")?;
        let objects = Objects::of(batch)?;
        let long = Long::of(batch, "record")?;
        let decoded = |bytes: &[u8]| {
            let record = Record::decode_whole(bytes).map(Box::new);
            record.ok_or_else(|| DataError::Corrupt("a record that cannot be decoded".into()))
        };
        let row = |row: usize| {
            Ok(ChangeRow {
                epoch: Epoch(epochs[row]),
                pixel: pixel(pixels, row),
                object: objects.get(row)?,
                record: long.get(row).map(decoded).transpose()?,
            })
        };
        (0..batch.num_rows()).map(row).collect()
    }
}

fn state_lists(rows: &[ChangeRow]) -> Result<ListArray, DataError> {
    let held: Vec<_> = rows.iter().flat_map(ChangeRow::held).collect();
    let all = || held.iter();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(all().map(|(scale, _)| scale.timescale).collect::<Float64Array>()),
        Arc::new(StringArray::from_iter_values(all().map(|(_, held)| &held.state))),
        Arc::new(Float64Array::from_iter_values(all().map(|(_, held)| held.z))),
    ];
    let mut lengths = arrow_buffer::OffsetBufferBuilder::new(rows.len());
    rows.iter().for_each(|row| lengths.push_length(row.held().count()));
    let wrong = |error: ArrowError| DataError::Row(error.to_string());
    let fields = super::column::schema(&state_columns()).fields.clone();
    let states = StructArray::try_new(fields, columns, None).map_err(wrong)?;
    ListArray::try_new(state_item(), lengths.finish(), Arc::new(states), None).map_err(wrong)
}
