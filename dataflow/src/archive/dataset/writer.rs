//! Rows of one dataset to the bytes of one file.
//!
//! Rows come in order of their epochs; those of an epoch are sorted here. What is held is one epoch, one row group in the
//! making, and the file so far.

use super::column::{Column, Packing, schema};
use super::ranges::BLOCK;
use super::{DataError, Descriptor, File, Row};
use arrow_array::RecordBatch;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{BloomFilterPosition, EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use serde_json::json;
use sha2::{Digest, Sha256};
use skydiff_operators::Epoch;
use skydiff_schemas::{MicroDays, Pixel};

/// Rows that are turned into columns at once.
const BATCH: usize = 8_192;
/// Rows of a row group: what pruning by statistics leaves out or takes.
const GROUP_ROWS: usize = 1 << 17;
/// Bytes of a row group, compressed: what a reader holds of it.
const GROUP_BYTES: usize = 32 << 20;
/// How often a row group is looked at that has none of the names.
const MISTAKEN: f64 = 0.01;
/// Changes when a file of before can no longer be read as one of now.
pub(super) const LAYOUT: &str = "1";

/// Writes rows of one dataset.
pub struct Writer<R: Row> {
    out: ArrowWriter<Vec<u8>>,
    columns: std::sync::Arc<arrow_schema::Schema>,
    /// In order up to `sorted`; those behind are of one epoch.
    rows: Vec<R>,
    sorted: usize,
    held: usize,
    written: u64,
    epochs: Option<(Epoch, Epoch)>,
    pixels: Option<(Pixel, Pixel)>,
    times: Option<(MicroDays, MicroDays)>,
}

impl<R: Row> Writer<R> {
    /// An empty file.
    pub fn new() -> Result<Writer<R>, DataError> {
        let columns = R::columns();
        let options =
            ArrowWriterOptions::new().with_properties(properties::<R>(&columns)).with_skip_arrow_metadata(true);
        let columns = schema(&columns);
        let out = ArrowWriter::try_new_with_options(Vec::new(), columns.clone(), options).map_err(failed)?;
        Ok(Writer {
            out,
            columns,
            rows: vec![],
            sorted: 0,
            held: 0,
            written: 0,
            epochs: None,
            pixels: None,
            times: None,
        })
    }

    /// Adds a row. Its epoch is not before that of the row before it.
    pub fn push(&mut self, row: R) -> Result<(), DataError> {
        let epoch = row.epoch();
        match self.epochs {
            Some((_, last)) if epoch < last => {
                return Err(DataError::Row(format!("epoch {epoch} after epoch {last}")));
            }
            Some((_, last)) if epoch > last => self.end_epoch()?,
            _ => {}
        }
        self.epochs = Some((self.epochs.map_or(epoch, |(first, _)| first), epoch));
        widen(&mut self.pixels, row.pixel());
        if let Some(time) = row.time() {
            widen(&mut self.times, time);
        }
        self.held += row.size();
        self.rows.push(row);
        Ok(())
    }

    /// About how many bytes the file will have, were it finished now; more rather than less.
    pub fn pending(&self) -> usize {
        self.out.bytes_written() + self.out.in_progress_size() + self.held
    }

    /// Rows so far.
    pub fn count(&self) -> u64 {
        self.written + self.rows.len() as u64
    }

    /// The file; `None` where there was no row.
    pub fn finish(mut self) -> Result<Option<File>, DataError> {
        self.end_epoch()?;
        self.write()?;
        let Some((epochs, pixels)) = self.epochs.zip(self.pixels) else { return Ok(None) };
        self.make_room();
        let bytes = Bytes::from(self.out.into_inner().map_err(failed)?);
        let descriptor = Descriptor {
            dataset: R::DATASET,
            rows: self.written,
            bytes: bytes.len() as u64,
            sha256: sha256(&bytes),
            parts: parts(&bytes),
            epochs,
            pixels,
            times: self.times,
        };
        Ok(Some(File { descriptor, bytes }))
    }

    fn end_epoch(&mut self) -> Result<(), DataError> {
        R::sort(&mut self.rows[self.sorted..]);
        self.sorted = self.rows.len();
        if self.rows.len() >= BATCH || self.held >= GROUP_BYTES { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> Result<(), DataError> {
        let mut from = 0;
        while from < self.rows.len() {
            let batch = self.batch_from(from);
            let arrays = R::arrays(&self.rows[from..from + batch])?;
            let columns = RecordBatch::try_new(self.columns.clone(), arrays);
            self.out.write(&columns.map_err(|error| DataError::Row(error.to_string()))?).map_err(failed)?;
            if self.out.in_progress_size() >= GROUP_BYTES {
                self.make_room();
                self.out.flush().map_err(failed)?;
            }
            from += batch;
        }
        self.written += self.rows.len() as u64;
        self.rows.clear();
        (self.sorted, self.held) = (0, 0);
        Ok(())
    }

    /// Room for the row group in the making at once: a file that grows by doubling is copied again and again.
    fn make_room(&mut self) {
        let more = self.out.in_progress_size();
        self.out.inner_mut().reserve(more);
    }

    /// How many rows make the next columns: not so many long ones that a row group outgrows its bound by much.
    fn batch_from(&self, from: usize) -> usize {
        let mut bytes = 0;
        let fits = |row: &&R| {
            bytes += row.size();
            bytes <= GROUP_BYTES / 4
        };
        self.rows[from..].iter().take(BATCH).take_while(fits).count().max(1)
    }
}

fn failed(error: parquet::errors::ParquetError) -> DataError {
    DataError::Row(error.to_string())
}

fn widen<T: Ord + Copy>(range: &mut Option<(T, T)>, value: T) {
    *range = Some(range.map_or((value, value), |(least, greatest)| (least.min(value), greatest.max(value))));
}

/// SHA-256 in hexadecimal, as `sha256sum` prints it.
pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn parts(bytes: &[u8]) -> Vec<String> {
    let blocks = bytes.chunks(BLOCK as usize);
    if blocks.len() > 1 { blocks.map(sha256).collect() } else { vec![] }
}

fn properties<R: Row>(columns: &[Column]) -> WriterProperties {
    let about = columns.iter().map(|column| {
        let mut about = json!({"doc": column.doc});
        if !column.unit.is_empty() {
            about["unit"] = json!(column.unit);
        }
        (column.name.to_owned(), about)
    });
    let about = serde_json::Value::Object(about.collect());
    let key_values = [
        ("skydiff.dataset", R::DATASET.name().into()),
        ("skydiff.layout", LAYOUT.into()),
        ("skydiff.columns", about.to_string()),
    ];
    let key_values = key_values.map(|(key, value): (_, String)| KeyValue::new(key.into(), value));
    let level = ZstdLevel::try_new(1).unwrap_or_default();
    let mut properties = WriterProperties::builder()
        .set_created_by("skydiff".into())
        .set_key_value_metadata(Some(key_values.into()))
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_compression(Compression::ZSTD(level))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_bloom_filter_position(BloomFilterPosition::End)
        .set_dictionary_enabled(true);
    for column in columns {
        let path = ColumnPath::from(column.name);
        properties = match column.packing {
            Packing::Dictionary => properties,
            Packing::Plain => properties.set_column_dictionary_enabled(path, false),
            Packing::Delta => properties
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED),
            Packing::Opaque => properties
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_statistics_enabled(path.clone(), EnabledStatistics::None)
                .set_column_compression(path.clone(), Compression::ZSTD(level)),
        };
    }
    for path in R::FOUND_BY {
        let path = ColumnPath::new(path.split('.').map(str::to_owned).collect());
        properties = properties
            .set_column_bloom_filter_enabled(path.clone(), true)
            .set_column_bloom_filter_fpp(path.clone(), MISTAKEN)
            .set_column_bloom_filter_max_ndv(path, GROUP_ROWS as u64);
    }
    properties.build()
}
