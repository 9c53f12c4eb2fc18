//! Lists side by side, one of each for a row: what LSDB takes for a nested table.

use crate::archive::dataset::DataError;
use arrow_array::{Array, ArrayRef, ListArray, StructArray};
use arrow_buffer::OffsetBufferBuilder;
use arrow_schema::{ArrowError, DataType, Field, Fields};
use std::sync::Arc;

/// The type of a nested table of these columns.
pub(super) fn nested(columns: &[(&'static str, DataType)]) -> DataType {
    let list = |kind: &DataType| DataType::List(Arc::new(Field::new("element", kind.clone(), true)));
    DataType::Struct(columns.iter().map(|(name, kind)| Field::new(*name, list(kind), false)).collect())
}

/// A nested table: `lengths` says how many entries each row has, `values` are the entries of all rows, column by column.
pub(super) fn nest(
    kind: &DataType,
    lengths: impl Iterator<Item = usize>,
    values: Vec<ArrayRef>,
) -> Result<ArrayRef, DataError> {
    let wrong = |error: ArrowError| DataError::Row(error.to_string());
    let none = Fields::empty();
    let fields = if let DataType::Struct(fields) = kind { fields } else { &none };
    let mut offsets = OffsetBufferBuilder::new(0);
    lengths.for_each(|length| offsets.push_length(length));
    let offsets = offsets.finish();
    let lists = fields.iter().zip(values).map(|(field, values)| -> Result<ArrayRef, DataError> {
        let item = Arc::new(Field::new("element", values.data_type().clone(), true));
        ListArray::try_new(item, offsets.clone(), values, None)
            .map(|list| Arc::new(list) as ArrayRef)
            .map_err(|error| DataError::Row(format!("{}: {error}", field.name())))
    });
    let lists = lists.collect::<Result<Vec<_>, _>>()?;
    Ok(Arc::new(StructArray::try_new(fields.clone(), lists, None).map_err(wrong)?))
}
