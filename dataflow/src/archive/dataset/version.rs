//! The columns that say which copy a row is.

use super::DataError;
use super::column::{Column, Packing, maybe_times};
use super::take::{flags, maybe, numbers, time};
use arrow_array::types::{Decimal64Type, Int16Type};
use arrow_array::{Array, ArrayRef, BooleanArray, Decimal64Array, Int16Array, RecordBatch};
use arrow_schema::DataType;
use skydiff_schemas::{MicroDays, Version};
use std::cmp::Reverse;
use std::sync::Arc;

/// Rank, processing time, packet, and whether it is the trigger.
pub(super) fn columns() -> Vec<Column> {
    vec![
        Column::new(
            "version_rank",
            DataType::Int16,
            "Rank of the source of the packet that offered it; null where none did",
        )
        .maybe()
        .packed(Packing::Dictionary),
        Column::time("version_processed_mjd", "The survey's processing time of this copy; null where it does not say")
            .maybe(),
        Column::time("version_packet_mjd_tai", "Time of the trigger of the packet that offered it, MJD (TAI)").maybe(),
        Column::new("version_trigger", DataType::Boolean, "Whether it is that trigger").maybe(),
    ]
}

/// The columns of versions.
pub(super) fn arrays(versions: impl Iterator<Item = Option<Version>> + Clone) -> Result<[ArrayRef; 4], DataError> {
    let known = |time: MicroDays| (time != Version::UNPROCESSED).then_some(time);
    let all = || versions.clone();
    Ok([
        Arc::new(all().map(|version| Some(version?.rank)).collect::<Int16Array>()),
        maybe_times("version_processed_mjd", all().map(|version| known(version?.processed)))?,
        maybe_times("version_packet_mjd_tai", all().map(|version| Some(version?.packet.0)))?,
        Arc::new(all().map(|version| Some(version?.trigger)).collect::<BooleanArray>()),
    ])
}

/// The versions of rows.
pub(super) struct Versions<'a> {
    ranks: &'a Int16Array,
    processed: &'a Decimal64Array,
    packets: &'a Decimal64Array,
    triggers: &'a BooleanArray,
}

impl<'a> Versions<'a> {
    pub(super) fn of(batch: &'a RecordBatch) -> Result<Versions<'a>, DataError> {
        Ok(Versions {
            ranks: numbers::<Int16Type>(batch, "version_rank")?,
            processed: numbers::<Decimal64Type>(batch, "version_processed_mjd")?,
            packets: numbers::<Decimal64Type>(batch, "version_packet_mjd_tai")?,
            triggers: flags(batch, "version_trigger")?,
        })
    }

    pub(super) fn maybe(&self, row: usize) -> Result<Option<Version>, DataError> {
        let Some(rank) = maybe(self.ranks, row) else { return Ok(None) };
        let missing = || DataError::Corrupt("a version without the time of its packet".into());
        Ok(Some(Version {
            rank,
            processed: time(self.processed, row).unwrap_or(Version::UNPROCESSED),
            packet: Reverse(time(self.packets, row).ok_or_else(missing)?),
            trigger: self.triggers.is_valid(row) && self.triggers.value(row),
        }))
    }
}
