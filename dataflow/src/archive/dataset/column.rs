//! Columns from rows: what each is called, what it holds, and how it is packed.

use super::DataError;
use arrow_array::types::Int8Type;
use arrow_array::{ArrayRef, Decimal64Array, DictionaryArray, StringArray};
use arrow_schema::{DataType, Field, Schema};
use skydiff_schemas::{MicroDays, ObjectId, PicoJansky, Pixel, Position, SurveyId};
use std::sync::Arc;

/// How a column is packed, before the file's compression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    /// Values that come again and again.
    Dictionary,
    /// Integers near the one before.
    Delta,
    /// As they are.
    Plain,
    /// As they are, and not compressed: they are already. No statistics.
    Opaque,
}

/// A column.
#[derive(Clone, Debug)]
pub struct Column {
    pub(crate) name: &'static str,
    pub(crate) kind: DataType,
    pub(crate) nullable: bool,
    pub(crate) packing: Packing,
    pub(crate) unit: &'static str,
    pub(crate) doc: &'static str,
}

impl Column {
    pub(crate) fn new(name: &'static str, kind: DataType, doc: &'static str) -> Column {
        Column { name, kind, nullable: false, packing: Packing::Plain, unit: "", doc }
    }

    /// A word out of few.
    pub(crate) fn word(name: &'static str, doc: &'static str) -> Column {
        let kind = DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8));
        Column { packing: Packing::Dictionary, ..Column::new(name, kind, doc) }
    }

    /// An instant, exact to the microday.
    pub(crate) fn time(name: &'static str, doc: &'static str) -> Column {
        Column { packing: Packing::Delta, unit: "d", ..Column::new(name, TIME, doc) }
    }

    /// A flux, exact to the picojansky.
    pub(crate) fn flux(name: &'static str, doc: &'static str) -> Column {
        Column { unit: "nJy", ..Column::new(name, FLUX, doc) }
    }

    pub(crate) fn maybe(self) -> Column {
        Column { nullable: true, ..self }
    }

    pub(crate) fn packed(self, packing: Packing) -> Column {
        Column { packing, ..self }
    }

    pub(crate) fn unit(self, unit: &'static str) -> Column {
        Column { unit, ..self }
    }
}

/// The columns that every dataset begins with.
pub(crate) fn common() -> Vec<Column> {
    vec![
        Column::new("epoch", DataType::UInt64, "Epoch in which it came to be known").packed(Packing::Delta),
        Column::new("pixel", DataType::UInt32, "HEALPix NESTED cell of order 8 of the object; null where it has none")
            .maybe()
            .packed(Packing::Delta),
    ]
}

/// The columns that say which object.
pub(crate) fn object() -> Vec<Column> {
    vec![
        Column::word("survey", "Survey: ztf, lsst, ..."),
        Column::word("class", "sidereal, or solar_system for an object that moves over the sky"),
        Column::new("object_id", DataType::UInt64, "The survey's number of the object, or its name as a number")
            .packed(Packing::Delta),
    ]
}

/// An instant in days: 18 digits, 6 of them after the point.
pub(crate) const TIME: DataType = DataType::Decimal64(18, 6);
/// A flux in nJy: 18 digits, 3 of them after the point.
pub(crate) const FLUX: DataType = DataType::Decimal64(18, 3);

/// The schema of columns.
pub(crate) fn schema(columns: &[Column]) -> Arc<Schema> {
    let field = |column: &Column| Field::new(column.name, column.kind.clone(), column.nullable);
    Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
}

fn decimals(
    name: &str,
    scale: i8,
    values: impl Iterator<Item = Option<i64>>,
    nullable: bool,
) -> Result<ArrayRef, DataError> {
    let limit = 10_i64.pow(18);
    let mut beyond = None;
    let mut see = |value: i64| {
        if value <= -limit || value >= limit {
            beyond = Some(value);
        }
        value
    };
    let array = if nullable {
        values.map(|value| value.map(&mut see)).collect::<Decimal64Array>()
    } else {
        Decimal64Array::from_iter_values(values.flatten().map(see))
    };
    if let Some(value) = beyond {
        return Err(DataError::Row(format!("{name} {value} has more than 18 digits")));
    }
    let array =
        array.with_precision_and_scale(18, scale).map_err(|error| DataError::Row(format!("{name}: {error}")))?;
    Ok(Arc::new(array))
}

/// Instants.
pub(crate) fn times(name: &str, values: impl Iterator<Item = MicroDays>) -> Result<ArrayRef, DataError> {
    decimals(name, 6, values.map(|time| Some(time.0)), false)
}

/// Instants that may be absent.
pub(crate) fn maybe_times(name: &str, values: impl Iterator<Item = Option<MicroDays>>) -> Result<ArrayRef, DataError> {
    decimals(name, 6, values.map(|time| time.map(|time| time.0)), true)
}

/// Fluxes.
pub(crate) fn fluxes(name: &str, values: impl Iterator<Item = PicoJansky>) -> Result<ArrayRef, DataError> {
    decimals(name, 3, values.map(|flux| Some(flux.0)), false)
}

/// Fluxes that may be absent.
pub(crate) fn maybe_fluxes(
    name: &str,
    values: impl Iterator<Item = Option<PicoJansky>>,
) -> Result<ArrayRef, DataError> {
    decimals(name, 3, values.map(|flux| flux.map(|flux| flux.0)), true)
}

/// Words by their places in a list.
pub(crate) fn words(
    name: &str,
    words: &[&str],
    places: impl Iterator<Item = Option<usize>>,
) -> Result<ArrayRef, DataError> {
    let known = |place: usize| i8::try_from(place).ok().filter(|_| place < words.len());
    let mut keys = Vec::with_capacity(places.size_hint().0);
    for place in places {
        match place.map(|place| known(place).ok_or(place)).transpose() {
            Ok(key) => keys.push(key),
            Err(place) => return Err(DataError::Row(format!("{place} is no {name}"))),
        }
    }
    let words = Arc::new(StringArray::from_iter_values(words));
    let array = DictionaryArray::<Int8Type>::try_new(keys.into_iter().collect(), words);
    Ok(Arc::new(array.map_err(|error| DataError::Row(format!("{name}: {error}")))?))
}

/// The names of the surveys, by their numbers.
pub(crate) fn survey_names() -> Vec<&'static str> {
    skydiff_schemas::survey::SURVEYS.iter().map(|survey| survey.name()).collect()
}

/// Surveys by name.
pub(crate) fn surveys(values: impl Iterator<Item = Option<SurveyId>>) -> Result<ArrayRef, DataError> {
    words("survey", &survey_names(), values.map(|survey| survey.map(|survey| usize::from(survey.0))))
}

/// The words for [`skydiff_schemas::ObjectClass`], in its order.
pub(crate) const CLASSES: [&str; 2] = ["sidereal", "solar_system"];

/// The columns of [`object`].
pub(crate) fn objects(values: impl Iterator<Item = ObjectId> + Clone) -> Result<[ArrayRef; 3], DataError> {
    Ok([
        surveys(values.clone().map(|object| Some(object.survey)))?,
        words("class", &CLASSES, values.clone().map(|object| Some(object.class as usize)))?,
        Arc::new(arrow_array::UInt64Array::from_iter_values(values.map(|object| object.id))),
    ])
}

/// Pixels, null for none.
pub(crate) fn pixels(values: impl Iterator<Item = Pixel>) -> ArrayRef {
    let known = values.map(|pixel| (pixel != Pixel::NONE).then_some(pixel.0));
    Arc::new(known.collect::<arrow_array::UInt32Array>())
}

/// Places, null where unknown.
pub(crate) fn positions(values: impl Iterator<Item = Position>) -> ArrayRef {
    let known = values.map(|position| (position != Position::UNKNOWN).then_some(position.0));
    Arc::new(known.collect::<arrow_array::UInt64Array>())
}
