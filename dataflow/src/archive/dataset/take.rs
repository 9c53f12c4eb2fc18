//! Rows from columns: values by name and row, each checked once for the batch.

use super::DataError;
use super::column::{CLASSES, survey_names};
use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowPrimitiveType, Decimal64Type, Int8Type, UInt32Type, UInt64Type};
use arrow_array::{Array, ArrayRef, BinaryArray, BooleanArray, PrimitiveArray, RecordBatch, StringArray};
use skydiff_schemas::{MicroDays, ObjectClass, ObjectId, PicoJansky, Pixel, Position, SurveyId};

fn wrong(name: &str) -> DataError {
    DataError::Corrupt(format!("column `{name}` is missing or is not what it should be"))
}

/// The column of that name.
pub(crate) fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, DataError> {
    batch.column_by_name(name).ok_or_else(|| wrong(name))
}

/// A column of numbers.
pub(crate) fn numbers<'a, T: ArrowPrimitiveType>(
    batch: &'a RecordBatch,
    name: &str,
) -> Result<&'a PrimitiveArray<T>, DataError> {
    column(batch, name)?.as_primitive_opt::<T>().ok_or_else(|| wrong(name))
}

/// A column of numbers of which none is absent.
pub(crate) fn values<'a, T: ArrowPrimitiveType>(
    batch: &'a RecordBatch,
    name: &str,
) -> Result<&'a [T::Native], DataError> {
    let column = numbers::<T>(batch, name)?;
    if column.null_count() > 0 { Err(wrong(name)) } else { Ok(column.values()) }
}

/// A column of flags.
pub(crate) fn flags<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a BooleanArray, DataError> {
    column(batch, name)?.as_boolean_opt().ok_or_else(|| wrong(name))
}

/// A column of texts.
pub(crate) fn texts<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a StringArray, DataError> {
    column(batch, name)?.as_string_opt::<i32>().ok_or_else(|| wrong(name))
}

/// A column of bytes.
pub(crate) fn bytes<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a BinaryArray, DataError> {
    column(batch, name)?.as_binary_opt::<i32>().ok_or_else(|| wrong(name))
}

/// A number that may be absent.
pub(crate) fn maybe<T: ArrowPrimitiveType>(column: &PrimitiveArray<T>, row: usize) -> Option<T::Native> {
    column.is_valid(row).then(|| column.value(row))
}

/// A column of words out of a list of few, as their places in it.
pub(crate) struct Words(Vec<u8>);

/// The place of a word that is absent.
const ABSENT: u8 = u8::MAX;

impl Words {
    /// Those of a column; an unknown word is an error.
    pub(crate) fn of(batch: &RecordBatch, name: &str, words: &[&str]) -> Result<Words, DataError> {
        let column = column(batch, name)?.as_dictionary_opt::<Int8Type>().ok_or_else(|| wrong(name))?;
        let texts = column.values().as_string_opt::<i32>().ok_or_else(|| wrong(name))?;
        let place = |text: &str| words.iter().position(|word| *word == text);
        // A dictionary may hold words that no row of the batch has.
        let place = |text: Option<&str>| text.and_then(place).and_then(|place| u8::try_from(place).ok());
        let places: Vec<u8> = texts.iter().map(|text| place(text).unwrap_or(ABSENT)).collect();
        let keys = column.keys();
        let mut rows = Vec::with_capacity(keys.len());
        for (row, key) in keys.values().iter().enumerate() {
            if keys.is_null(row) {
                rows.push(ABSENT);
                continue;
            }
            let known = usize::try_from(*key).ok().and_then(|key| places.get(key)).filter(|place| **place != ABSENT);
            let unknown = || DataError::Corrupt(format!("an unknown word in column `{name}`"));
            rows.push(*known.ok_or_else(unknown)?);
        }
        Ok(Words(rows))
    }

    /// The place of a row's word.
    pub(crate) fn maybe(&self, row: usize) -> Option<usize> {
        self.0.get(row).filter(|place| **place != ABSENT).map(|place| usize::from(*place))
    }

    /// The place of a row's word, which must be there.
    pub(crate) fn get(&self, row: usize) -> Result<usize, DataError> {
        self.maybe(row).ok_or_else(|| DataError::Corrupt("a word is missing".into()))
    }
}

/// Every row of a batch, in one piece: collecting results would grow it step by step.
pub(crate) fn every<R>(batch: &RecordBatch, row: impl Fn(usize) -> Result<R, DataError>) -> Result<Vec<R>, DataError> {
    let mut rows = Vec::with_capacity(batch.num_rows());
    for at in 0..batch.num_rows() {
        rows.push(row(at)?);
    }
    Ok(rows)
}

/// The objects of rows.
pub(crate) struct Objects<'a> {
    survey: Words,
    class: Words,
    id: &'a PrimitiveArray<UInt64Type>,
}

impl<'a> Objects<'a> {
    pub(crate) fn of(batch: &'a RecordBatch) -> Result<Objects<'a>, DataError> {
        Ok(Objects {
            survey: Words::of(batch, "survey", &survey_names())?,
            class: Words::of(batch, "class", &CLASSES)?,
            id: numbers(batch, "object_id")?,
        })
    }

    pub(crate) fn maybe(&self, row: usize) -> Option<ObjectId> {
        let survey = self.survey.maybe(row).and_then(|survey| u8::try_from(survey).ok())?;
        Some(ObjectId { survey: SurveyId(survey), class: class(self.class.maybe(row)?), id: maybe(self.id, row)? })
    }

    pub(crate) fn get(&self, row: usize) -> Result<ObjectId, DataError> {
        self.maybe(row).ok_or_else(|| wrong("object_id"))
    }
}

fn class(place: usize) -> ObjectClass {
    if place == ObjectClass::SolarSystem as usize { ObjectClass::SolarSystem } else { ObjectClass::Sidereal }
}

/// Pixel of a row.
pub(crate) fn pixel(column: &PrimitiveArray<UInt32Type>, row: usize) -> Pixel {
    maybe(column, row).map_or(Pixel::NONE, Pixel)
}

/// Place of a row.
pub(crate) fn position(column: &PrimitiveArray<UInt64Type>, row: usize) -> Position {
    maybe(column, row).map_or(Position::UNKNOWN, Position)
}

/// Instant of a row.
pub(crate) fn time(column: &PrimitiveArray<Decimal64Type>, row: usize) -> Option<MicroDays> {
    maybe(column, row).map(MicroDays)
}

/// Flux of a row.
pub(crate) fn flux(column: &PrimitiveArray<Decimal64Type>, row: usize) -> Option<PicoJansky> {
    maybe(column, row).map(PicoJansky)
}

/// A long column, which a lean reader does without.
pub(crate) struct Long<'a>(Option<&'a BinaryArray>);

impl<'a> Long<'a> {
    pub(crate) fn of(batch: &'a RecordBatch, name: &str) -> Result<Long<'a>, DataError> {
        let there = batch.schema_ref().index_of(name).is_ok();
        Ok(Long(there.then(|| bytes(batch, name)).transpose()?))
    }

    /// The bytes of a row; `None` where there are none, or they were not wanted.
    pub(crate) fn get(&self, row: usize) -> Option<&'a [u8]> {
        self.0.filter(|column| column.is_valid(row)).map(|column| column.value(row))
    }
}
