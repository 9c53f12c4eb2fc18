//! A file of one dataset to rows.

use super::column::schema;
use super::prune::row_groups;
use super::{DataError, Descriptor, Names, Row, Select, writer};
use arrow_array::BooleanArray;
use arrow_array::cast::AsArray;
use arrow_array::types::UInt64Type;
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowPredicateFn, ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder, RowFilter,
};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::ChunkReader;
use std::marker::PhantomData;

/// Rows that are read at once.
const BATCH: usize = 8_192;
/// The same where rows are long.
const LONG_BATCH: usize = 64;

/// So many names are looked for before their rows are.
const FEW: usize = 10_000;

/// The wanted rows of a file, some at a time, in order of their epochs.
pub struct Reader<R: Row> {
    batches: ParquetRecordBatchReader,
    select: Select,
    rows: u64,
    groups: (usize, usize),
    row: PhantomData<R>,
}

impl<R: Row> Reader<R> {
    /// Opens a file of which all bytes are there, once they are known to be those that were written.
    pub fn whole(bytes: &Bytes, descriptor: &Descriptor, select: &Select) -> Result<Reader<R>, DataError> {
        descriptor.check(bytes)?;
        Reader::open(bytes.clone(), select)
    }

    /// Opens a file: `Bytes` of all of it, a `std::fs::File`, or [`super::Ranges`].
    ///
    /// What was altered in the store is found by [`Reader::whole`] and by `Ranges`; Parquet itself would panic or read other rows.
    pub fn open(file: impl ChunkReader + 'static, select: &Select) -> Result<Reader<R>, DataError> {
        let lean = |name: &&str| !(R::SHOWN.contains(name) || select.lean && R::LONG == Some(name));
        let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).map_err(corrupt)?;
        check::<R>(metadata.metadata())?;
        // What the file says of its types is held against what they are here.
        let columns = R::columns();
        let options = ArrowReaderOptions::new().with_schema(schema(&columns));
        let metadata = ArrowReaderMetadata::try_new(metadata.metadata().clone(), options).map_err(corrupt)?;
        let names: Vec<&str> = columns.iter().map(|column| column.name).filter(lean).collect();
        let mask = ProjectionMask::columns(metadata.metadata().file_metadata().schema_descr(), names);
        let mut groups = row_groups(metadata.metadata(), select);
        let rows = metadata.metadata().file_metadata().num_rows().max(0) as u64;
        let of = metadata.metadata().num_row_groups();
        let long = R::LONG.is_some() && !select.lean;
        let filter = select.names.as_ref().map(|names| by_name(&metadata, names));
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
        if let Some(names) = &select.names {
            let mut found = Vec::new();
            for group in groups {
                if may_have(&builder, group, names)? {
                    found.push(group);
                }
            }
            groups = found;
        }
        let taken = (groups.len(), of);
        let batches = builder
            .with_projection(mask)
            .with_row_filter(filter.unwrap_or(RowFilter::new(Vec::new())))
            .with_row_groups(groups)
            .with_batch_size(if long { LONG_BATCH } else { BATCH })
            .build()
            .map_err(corrupt)?;
        Ok(Reader { batches, select: select.clone(), rows, groups: taken, row: PhantomData })
    }

    /// Rows in the file, wanted or not.
    pub fn rows_in_file(&self) -> u64 {
        self.rows
    }

    /// How many row groups are read, and how many the file has.
    pub fn row_groups(&self) -> (usize, usize) {
        self.groups
    }
}

impl<R: Row> Iterator for Reader<R> {
    type Item = Result<Vec<R>, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.batches.next()?.map_err(|error| DataError::Corrupt(error.to_string()));
        Some(batch.and_then(|batch| {
            let mut rows = R::rows(&batch)?;
            if !self.select.is_everything() {
                rows.retain(|row| self.select.wants(row));
            }
            Ok(rows)
        }))
    }
}

/// Whether a row group may have one of the names, by what the file says of those that it cannot have.
fn may_have<F: ChunkReader + 'static>(
    file: &ParquetRecordBatchReaderBuilder<F>,
    group: usize,
    names: &Names,
) -> Result<bool, DataError> {
    let numbers = names.numbers();
    let columns = file.metadata().row_group(group).columns();
    let column =
        columns.iter().position(|column| column.column_path().parts().last().is_some_and(|n| n == names.column()));
    // Of many names one is nearly always there.
    let Some(column) = column.filter(|_| numbers.len() <= FEW) else { return Ok(true) };
    let filter = file.get_row_group_column_bloom_filter(group, column).map_err(corrupt)?;
    Ok(filter.is_none_or(|filter| numbers.iter().any(|number| filter.check(&number.cast_signed()))))
}

/// Looks at the column of the names first, so that the others are unpacked for the rows that have one of them.
fn by_name(metadata: &ArrowReaderMetadata, names: &Names) -> RowFilter {
    let (column, numbers) = (names.column(), names.numbers());
    let mask = ProjectionMask::columns(metadata.metadata().file_metadata().schema_descr(), [column]);
    let predicate = ArrowPredicateFn::new(mask, move |batch| {
        let all = batch.columns().first().and_then(|column| column.as_primitive_opt::<UInt64Type>());
        // What is no such column is looked at row by row.
        let Some(all) = all else { return Ok(BooleanArray::from(vec![true; batch.num_rows()])) };
        Ok(BooleanArray::from_iter(all.values().iter().map(|number| Some(numbers.contains(number)))))
    });
    RowFilter::new(vec![Box::new(predicate)])
}

fn corrupt(error: parquet::errors::ParquetError) -> DataError {
    match error {
        parquet::errors::ParquetError::External(error) => DataError::Read(error.to_string()),
        error => DataError::Corrupt(error.to_string()),
    }
}

fn check<R: Row>(metadata: &ParquetMetaData) -> Result<(), DataError> {
    let said = |key: &str| {
        let values = metadata.file_metadata().key_value_metadata()?;
        values.iter().find(|value| value.key == key)?.value.as_deref()
    };
    match (said("skydiff.dataset"), said("skydiff.layout")) {
        (Some(dataset), Some(writer::LAYOUT)) if dataset == R::DATASET.name() => Ok(()),
        (Some(dataset), Some(layout)) if dataset == R::DATASET.name() => Err(DataError::Corrupt(format!(
            "it is of layout {layout}, and this program reads layout {}: use the program that wrote it, or a later one",
            writer::LAYOUT
        ))),
        (Some(dataset), _) => {
            Err(DataError::Corrupt(format!("it holds {dataset}, and {} were looked for", R::DATASET.name())))
        }
        (None, _) => Err(DataError::Corrupt("it was not written by skydiff".into())),
    }
}
