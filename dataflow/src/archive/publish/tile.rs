//! Rows of a catalogue to one Parquet file for each HEALPix pixel in which there are some.

use crate::archive::dataset::DataError;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use skydiff_schemas::Position;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Rows of a row group: what a cone search reads at least.
const GROUP_ROWS: usize = 1 << 15;

/// A column of a catalogue.
#[derive(Clone, Debug)]
pub struct CatalogueColumn {
    /// Its name.
    pub name: &'static str,
    /// What it holds; all but the place may be null.
    pub kind: DataType,
    /// Its unit; empty for what has none.
    pub unit: &'static str,
    /// What it means.
    pub doc: &'static str,
}

/// A row of a catalogue.
pub trait CatalogueRow: Sized {
    /// Name of the catalogue.
    const NAME: &'static str;
    /// What HATS calls it: `object` or `source`.
    const PRODUCT: &'static str;
    /// Columns that LSDB loads when it is not asked for others.
    const DEFAULT: &'static [&'static str];

    /// Where it lies: that of its `ra` and `dec`.
    fn position(&self) -> Position;

    /// The sky clock (MJD) up to which it stays as it is, if nothing new comes.
    fn until(&self) -> Option<f64> {
        None
    }

    /// What rows of one place are ordered by.
    fn name(&self) -> (&str, u64);

    /// Its columns, in order: `_healpix_29`, `ra`, `dec`, and others.
    fn columns() -> Vec<CatalogueColumn>;

    /// The columns of rows, in that order.
    fn arrays(rows: &[&Self]) -> Result<Vec<ArrayRef>, DataError>;
}

/// The file of one pixel.
#[derive(Clone, Debug, PartialEq)]
pub struct NewTile {
    /// Of which pixel, at the order of the catalogue.
    pub pixel: u64,
    /// Rows in it.
    pub rows: u64,
    /// All of it.
    pub bytes: Bytes,
    /// The sky clock (MJD) up to which its rows stay as they are.
    pub until: Option<f64>,
}

/// One file for each pixel of `order` in which there are rows, sorted by place. Rows without a place are in none.
pub fn tiles<R: CatalogueRow>(rows: &[R], order: u8) -> Result<Vec<NewTile>, DataError> {
    let mut pixels: BTreeMap<u64, Vec<&R>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.position() != Position::UNKNOWN) {
        pixels.entry(row.position().0 >> (2 * (29 - u32::from(order.min(29))))).or_default().push(row);
    }
    let tile = |(pixel, mut rows): (u64, Vec<&R>)| {
        rows.sort_by(|a, b| (a.position(), a.name()).cmp(&(b.position(), b.name())));
        let until = rows.iter().filter_map(|row| row.until()).min_by(f64::total_cmp);
        Ok(NewTile { pixel, rows: rows.len() as u64, bytes: file(&rows)?, until })
    };
    pixels.into_iter().map(tile).collect()
}

/// A file with the columns of a catalogue and no row, which is where LSDB looks for them.
pub(super) fn schema_only<R: CatalogueRow>() -> Result<Bytes, DataError> {
    file::<R>(&[])
}

fn file<R: CatalogueRow>(rows: &[&R]) -> Result<Bytes, DataError> {
    let columns = R::columns();
    let needed = |name| matches!(name, "_healpix_29" | "ra" | "dec");
    let fields = columns.iter().map(|column| Field::new(column.name, column.kind.clone(), !needed(column.name)));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let about = columns
        .iter()
        .map(|column| (column.name.to_owned(), serde_json::json!({"unit": column.unit, "doc": column.doc})));
    let about = serde_json::Value::Object(about.collect()).to_string();
    let properties = WriterProperties::builder()
        .set_created_by("skydiff".into())
        .set_key_value_metadata(Some(vec![KeyValue::new("skydiff.columns".into(), about)]))
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3).unwrap_or_default()))
        .build();
    let failed = |error: parquet::errors::ParquetError| DataError::Row(error.to_string());
    let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
    let mut out = ArrowWriter::try_new_with_options(Vec::new(), schema.clone(), options).map_err(failed)?;
    for rows in rows.chunks(GROUP_ROWS) {
        let batch = RecordBatch::try_new(schema.clone(), R::arrays(rows)?);
        out.write(&batch.map_err(|error| DataError::Row(error.to_string()))?).map_err(failed)?;
    }
    Ok(Bytes::from(out.into_inner().map_err(failed)?))
}
