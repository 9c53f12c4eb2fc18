//! `contexts/`: the log of what surveys say beside the light curve, by triggering source.

use super::column::{Column, Packing, common, maybe_times, object, objects, pixels, times};
use super::take::{Objects, every, maybe, numbers, pixel, time, values};
use super::version::{self, Versions};
use super::{DataError, Dataset, Names, Row};
use arrow_array::types::{
    Decimal64Type, Float32Type, Float64Type, Int8Type, Int32Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{ArrayRef, Float32Array, Float64Array, Int8Array, Int32Array, RecordBatch, UInt16Array, UInt64Array};
use arrow_schema::DataType;
use skydiff_operators::{ContextRow, Epoch};
use skydiff_schemas::{Context, MicroDays, ObjectId, Pixel, Quality, Real, SourceId};
use std::sync::Arc;

/// A change of the standing context of a trigger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TriggerRow {
    /// When it came to be known.
    pub epoch: Epoch,
    /// Where its object is kept; it prunes, and means nothing.
    pub pixel: Pixel,
    /// Whose.
    pub object: ObjectId,
    /// The trigger, the version of the copy, and its columns.
    pub context: ContextRow,
    /// +1 where it comes to stand, −1 where it no longer does.
    pub change: i8,
}

/// A number that is shown and never computed with.
struct Shown {
    name: &'static str,
    unit: &'static str,
    doc: &'static str,
    get: fn(&Context) -> Real,
    set: fn(&mut Context, Real),
}

macro_rules! shown {
    ($($name:ident [$unit:literal] $doc:literal,)*) => {
        [$(Shown {
            name: stringify!($name),
            unit: $unit,
            doc: $doc,
            get: |context| context.$name,
            set: |context, value| context.$name = value,
        },)*]
    };
}

const SHOWN: [Shown; 10] = shown! {
    ra_err ["arcsec"] "Error of the right ascension, on the sky",
    dec_err ["arcsec"] "Error of the declination",
    real_bogus [""] "Real/bogus score, 0 bogus to 1 real: ZTF drb, else rb; LSST reliability",
    star [""] "Star/galaxy score, 1 star, 0 galaxy: ZTF sgscore1; LSST 1 - extendedness",
    reference_distance ["arcsec"] "Distance to the nearest source of the reference image",
    reference_magnitude ["mag"] "Its magnitude",
    neighbour_distance ["arcsec"] "Distance to the nearest catalogued neighbour",
    neighbour_magnitude ["mag"] "Its r magnitude",
    solar_system_distance ["arcsec"] "Distance to the nearest known solar-system object",
    solar_system_magnitude ["mag"] "Its predicted magnitude",
};

/// A count that is −1 where the survey does not say.
struct Counted {
    name: &'static str,
    doc: &'static str,
    get: fn(&Context) -> i32,
    set: fn(&mut Context, i32),
}

const COUNTED: [Counted; 3] = [
    Counted {
        name: "detections",
        doc: "Detections of the object by the survey's own count",
        get: |context| context.detections,
        set: |context, count| context.detections = count,
    },
    Counted {
        name: "coverage",
        doc: "Visits that covered the object by the survey's own count",
        get: |context| context.coverage,
        set: |context, count| context.coverage = count,
    },
    Counted {
        name: "program",
        doc: "The survey's programme: ZTF programid",
        get: |context| context.program,
        set: |context, count| context.program = count,
    },
];

impl Row for TriggerRow {
    const DATASET: Dataset = Dataset::Contexts;
    const FOUND_BY: &'static [&'static str] = &["object_id"];

    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn pixel(&self) -> Pixel {
        self.pixel
    }

    fn time(&self) -> Option<MicroDays> {
        Some(self.context.time)
    }

    fn is_of(&self, names: &Names) -> bool {
        match names {
            Names::Objects(objects) => objects.contains(&self.object),
            Names::Sources(sources) => sources.contains(&self.context.source),
        }
    }

    fn size(&self) -> usize {
        size_of::<Self>()
    }

    fn sort(rows: &mut [Self]) {
        rows.sort_unstable();
    }

    fn columns() -> Vec<Column> {
        let new = Column::new;
        let own = vec![
            Column::time("mjd_tai", "Mid-exposure of the trigger, MJD (TAI)"),
            new("source_id", DataType::UInt64, "The survey's id of the trigger").packed(Packing::Delta),
            new("change", DataType::Int8, "+1 comes to stand, -1 no longer does").packed(Packing::Dictionary),
            new("ra", DataType::Float64, "Right ascension as sent (ICRS)").unit("deg"),
            new("dec", DataType::Float64, "Declination as sent (ICRS)").unit("deg"),
            Column::time("first_detection_mjd_tai", "The survey's own first detection of the object, MJD (TAI)")
                .maybe(),
            Column::time("received_mjd_utc", "When the packet was received, MJD (UTC)"),
            new("quality", DataType::UInt16, "Why the trigger does not count, by bit as in measurements; 0 is good")
                .packed(Packing::Dictionary),
        ];
        let shown =
            SHOWN.iter().map(|column| new(column.name, DataType::Float32, column.doc).maybe().unit(column.unit));
        let counted = COUNTED
            .iter()
            .map(|column| new(column.name, DataType::Int32, column.doc).maybe().packed(Packing::Dictionary));
        [common(), object(), own, version::columns(), shown.collect(), counted.collect()].concat()
    }

    fn arrays(rows: &[Self]) -> Result<Vec<ArrayRef>, DataError> {
        let noted = || rows.iter().map(|row| &row.context);
        let all = || rows.iter().map(|row| &row.context.context);
        let first = |context: &Context| (context.first_detection != Context::NEVER).then_some(context.first_detection);
        let mut arrays: Vec<ArrayRef> = vec![
            Arc::new(UInt64Array::from_iter_values(rows.iter().map(|row| row.epoch.0))),
            pixels(rows.iter().map(|row| row.pixel)),
        ];
        arrays.extend(objects(rows.iter().map(|row| row.object))?);
        arrays.extend([
            times("mjd_tai", noted().map(|row| row.time))?,
            Arc::new(UInt64Array::from_iter_values(noted().map(|row| row.source.0))),
            Arc::new(Int8Array::from_iter_values(rows.iter().map(|row| row.change))),
            Arc::new(Float64Array::from_iter_values(all().map(|context| f64::from_bits(context.ra)))),
            Arc::new(Float64Array::from_iter_values(all().map(|context| f64::from_bits(context.dec)))),
            maybe_times("first_detection_mjd_tai", all().map(first))?,
            times("received_mjd_utc", all().map(|context| context.received))?,
            Arc::new(UInt16Array::from_iter_values(all().map(|context| context.quality.0))),
        ]);
        arrays.extend(version::arrays(noted().map(|row| Some(row.version)))?);
        for column in &SHOWN {
            arrays.push(Arc::new(all().map(|context| (column.get)(context).get()).collect::<Float32Array>()));
        }
        for column in &COUNTED {
            let said = |context| Some((column.get)(context)).filter(|count| *count != -1);
            arrays.push(Arc::new(all().map(said).collect::<Int32Array>()));
        }
        Ok(arrays)
    }

    fn rows(batch: &RecordBatch) -> Result<Vec<Self>, DataError> {
        let epochs = values::<UInt64Type>(batch, "epoch")?;
        let pixels = numbers::<UInt32Type>(batch, "pixel")?;
        let objects = Objects::of(batch)?;
        let times = values::<Decimal64Type>(batch, "mjd_tai")?;
        let sources = values::<UInt64Type>(batch, "source_id")?;
        let changes = values::<Int8Type>(batch, "change")?;
        let (ra, dec) = (values::<Float64Type>(batch, "ra")?, values::<Float64Type>(batch, "dec")?);
        let firsts = numbers::<Decimal64Type>(batch, "first_detection_mjd_tai")?;
        let received = values::<Decimal64Type>(batch, "received_mjd_utc")?;
        let qualities = values::<UInt16Type>(batch, "quality")?;
        let versions = Versions::of(batch)?;
        let shown = SHOWN.iter().map(|column| numbers::<Float32Type>(batch, column.name));
        let shown = shown.collect::<Result<Vec<_>, _>>()?;
        let counted = COUNTED.iter().map(|column| numbers::<Int32Type>(batch, column.name));
        let counted = counted.collect::<Result<Vec<_>, _>>()?;
        let row = |row: usize| {
            let mut context = Context {
                ra: ra[row].to_bits(),
                dec: dec[row].to_bits(),
                first_detection: time(firsts, row).unwrap_or(Context::NEVER),
                received: MicroDays(received[row]),
                quality: Quality(qualities[row]),
                ..Context::BLANK
            };
            for (column, values) in SHOWN.iter().zip(&shown) {
                (column.set)(&mut context, Real::new(maybe(values, row).map(f64::from)));
            }
            for (column, values) in COUNTED.iter().zip(&counted) {
                (column.set)(&mut context, maybe(values, row).unwrap_or(-1));
            }
            let version =
                versions.maybe(row)?.ok_or_else(|| DataError::Corrupt("a context without a version".into()))?;
            let noted = ContextRow { time: MicroDays(times[row]), source: SourceId(sources[row]), version, context };
            Ok(TriggerRow {
                epoch: Epoch(epochs[row]),
                pixel: pixel(pixels, row),
                object: objects.get(row)?,
                context: noted,
                change: changes[row],
            })
        };
        every(batch, row)
    }
}
