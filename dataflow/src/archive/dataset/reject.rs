//! `rejects/`: what was not accepted, with its bytes, so that it can be put through again.

use super::column::{CLASSES, Column, Packing, common, pixels, surveys, words};
use super::take::{Long, Objects, Words, texts, values};
use super::{DataError, Dataset, Row};
use crate::reject::{At, Reason, Reject, RowRejects};
use arrow_array::types::UInt64Type;
use arrow_array::{ArrayRef, BinaryArray, RecordBatch, StringArray, UInt64Array};
use arrow_schema::DataType;
use skydiff_operators::Epoch;
use skydiff_schemas::{MicroDays, ObjectId, Pixel, RowReject};
use std::sync::Arc;

/// What was not accepted in an epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectRow {
    /// In which epoch.
    pub epoch: Epoch,
    /// What.
    pub rejected: Rejected,
}

/// A packet, or rows of a packet that stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejected {
    /// A packet, or a record of one.
    Packet(Reject),
    /// Rows of one packet, for one reason.
    Rows(RowRejects),
}

const ROW_REASONS: [RowReject; 4] = [RowReject::Future, RowReject::Time, RowReject::Identity, RowReject::Band];

/// The words for reasons: those of packets, then those of rows.
fn reasons() -> Vec<&'static str> {
    Reason::ALL.iter().map(|reason| reason.name()).chain(ROW_REASONS.iter().map(|reason| reason.name())).collect()
}

impl RejectRow {
    fn at(&self) -> &At {
        match &self.rejected {
            Rejected::Packet(reject) => &reject.at,
            Rejected::Rows(rows) => &rows.at,
        }
    }

    fn packet(&self) -> Option<&Reject> {
        match &self.rejected {
            Rejected::Packet(reject) => Some(reject),
            Rejected::Rows(_) => None,
        }
    }

    fn rows_left_out(&self) -> Option<&RowRejects> {
        match &self.rejected {
            Rejected::Packet(_) => None,
            Rejected::Rows(rows) => Some(rows),
        }
    }

    fn object(&self) -> Option<ObjectId> {
        self.rows_left_out().map(|rows| rows.object)
    }

    /// Place of its reason among [`reasons`].
    fn reason(&self) -> Option<usize> {
        match &self.rejected {
            Rejected::Packet(reject) => Reason::ALL.iter().position(|reason| *reason == reject.reason),
            Rejected::Rows(rows) => {
                let place = ROW_REASONS.iter().position(|reason| *reason == rows.reason);
                place.map(|place| place + Reason::ALL.len())
            }
        }
    }
}

impl Row for RejectRow {
    const DATASET: Dataset = Dataset::Rejects;
    const LONG: Option<&'static str> = Some("bytes");

    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn pixel(&self) -> Pixel {
        Pixel::NONE
    }

    fn time(&self) -> Option<MicroDays> {
        None
    }

    fn size(&self) -> usize {
        let kept = self.packet().map_or(0, |reject| reject.detail.len() + reject.bytes.as_ref().map_or(0, |b| b.len()));
        size_of::<Self>() + self.at().file.len() + self.at().name.len() + kept
    }

    fn sort(rows: &mut [Self]) {
        let rest = |row: &Self| {
            let packet = row.packet().map(|reject| (reject.schema.clone(), reject.detail.clone(), reject.packets));
            let left_out = row.rows_left_out().map(|rows| (rows.survey, rows.object, rows.rows));
            (row.reason(), packet, left_out)
        };
        rows.sort_by(|a, b| {
            let bytes = |row: &Self| row.packet().and_then(|reject| reject.bytes.clone());
            a.at().cmp(b.at()).then_with(|| rest(a).cmp(&rest(b))).then_with(|| bytes(a).cmp(&bytes(b)))
        });
    }

    fn columns() -> Vec<Column> {
        let new = Column::new;
        let own = vec![
            new("file", DataType::Utf8, "Kafka topic, or path of the bundle").packed(Packing::Dictionary),
            new("packet", DataType::UInt64, "Offset, or number within the bundle").packed(Packing::Delta),
            new("name", DataType::Utf8, "Its own name in the bundle; empty where it has none"),
            new("record", DataType::UInt64, "Number of the record within the packet").packed(Packing::Dictionary),
            Column::word(
                "reason",
                "Why: framing, schema, ..., io of packets; row_future, ..., row_band of rows of packets that stand",
            ),
            new("schema", DataType::Utf8, "Writer schema of a packet; null for rows")
                .maybe()
                .packed(Packing::Dictionary),
            new("detail", DataType::Utf8, "Why, in a sentence; null for rows").maybe(),
            new("count", DataType::UInt64, "For how many packets, or rows, it stands").packed(Packing::Dictionary),
            Column::word("survey", "Survey of the rows' packet; null for packets").maybe(),
            Column::word("class", "sidereal or solar_system, of the rows' object; null for packets").maybe(),
            new("object_id", DataType::UInt64, "The rows' object; null for packets").maybe(),
            new("bytes", DataType::Binary, "The packet as it was sent; null for rows, and where it was kept before")
                .maybe()
                .packed(Packing::Opaque),
        ];
        [common(), own].concat()
    }

    fn arrays(rows: &[Self]) -> Result<Vec<ArrayRef>, DataError> {
        let object = || rows.iter().map(Self::object);
        let count = |row: &Self| match &row.rejected {
            Rejected::Packet(reject) => reject.packets,
            Rejected::Rows(rows) => rows.rows,
        };
        let packet = || rows.iter().map(Self::packet);
        let other = |row: &Self| row.rows_left_out().is_some_and(|rows| rows.survey != rows.object.survey);
        if rows.iter().any(other) {
            return Err(DataError::Row("rows of another survey than their object's".into()));
        }
        Ok(vec![
            Arc::new(UInt64Array::from_iter_values(rows.iter().map(|row| row.epoch.0))),
            pixels(rows.iter().map(Row::pixel)),
            Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.at().file))),
            Arc::new(UInt64Array::from_iter_values(rows.iter().map(|row| row.at().packet))),
            Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.at().name))),
            Arc::new(UInt64Array::from_iter_values(rows.iter().map(|row| row.at().record))),
            words("reason", &reasons(), rows.iter().map(Self::reason))?,
            Arc::new(packet().map(|reject| Some(&reject?.schema)).collect::<StringArray>()),
            Arc::new(packet().map(|reject| Some(&reject?.detail)).collect::<StringArray>()),
            Arc::new(UInt64Array::from_iter_values(rows.iter().map(count))),
            surveys(object().map(|object| Some(object?.survey)))?,
            words("class", &CLASSES, object().map(|object| Some(object?.class as usize)))?,
            Arc::new(object().map(|object| Some(object?.id)).collect::<UInt64Array>()),
            Arc::new(packet().map(|reject| reject?.bytes.as_ref().map(|bytes| &bytes[..])).collect::<BinaryArray>()),
        ])
    }

    fn rows(batch: &RecordBatch) -> Result<Vec<Self>, DataError> {
        let epochs = values::<UInt64Type>(batch, "epoch")?;
        let (files, names) = (texts(batch, "file")?, texts(batch, "name")?);
        let (schemas, details) = (texts(batch, "schema")?, texts(batch, "detail")?);
        let (packets, records) = (values::<UInt64Type>(batch, "packet")?, values::<UInt64Type>(batch, "record")?);
        let counts = values::<UInt64Type>(batch, "count")?;
        let reasons = Words::of(batch, "reason", &reasons())?;
        let objects = Objects::of(batch)?;
        let long = Long::of(batch, "bytes")?;
        let row = |row: usize| {
            let at = At {
                file: files.value(row).to_owned(),
                packet: packets[row],
                name: names.value(row).to_owned(),
                record: records[row],
            };
            let reason = reasons.get(row)?;
            let rejected = match Reason::ALL.get(reason) {
                Some(reason) => Rejected::Packet(Reject {
                    at,
                    schema: schemas.value(row).to_owned(),
                    reason: *reason,
                    detail: details.value(row).to_owned(),
                    packets: counts[row],
                    bytes: long.get(row).map(|bytes| bytes.to_vec().into()),
                }),
                None => {
                    let object = objects.get(row)?;
                    let reason = ROW_REASONS[reason - Reason::ALL.len()];
                    Rejected::Rows(RowRejects { at, survey: object.survey, object, reason, rows: counts[row] })
                }
            };
            Ok(RejectRow { epoch: Epoch(epochs[row]), rejected })
        };
        (0..batch.num_rows()).map(row).collect()
    }
}
