//! `objects/`: one row for each object that has a place: its light curves as nested tables, its states at every timescale.
//!
//! Solar-system objects are not in it: they move. (Their alerts are in `alerts/`.)

use super::nested::{nest, nested};
use super::tile::{CatalogueColumn, CatalogueRow};
use crate::archive::dataset::DataError;
use crate::names::{object_name, survey_name};
use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray};
use arrow_schema::DataType;
use skydiff_operators::Answer;
use skydiff_schemas::{Context, Kind, Measurement, MicroDays, ObjectClass, Position};
use std::sync::Arc;

/// An object.
#[derive(Clone, Debug)]
pub struct ObjectRow {
    survey: String,
    object: String,
    degrees: (f64, f64),
    newest: Option<MicroDays>,
    first: Option<MicroDays>,
    detections: u32,
    measurements: Vec<Measurement>,
    context: Option<Context>,
    states: Vec<Held>,
}

/// A state at a timescale.
#[derive(Clone, Debug)]
struct Held {
    timescale: Option<f64>,
    state: &'static str,
    z: f64,
    alive: bool,
    valid_until: Option<f64>,
}

impl ObjectRow {
    /// Of what is known of an object; `timescales` in days, as the answer has them. `None` where it has no place.
    pub fn new(measurements: &[Measurement], answer: &Answer, timescales: &[f64]) -> Option<ObjectRow> {
        if answer.object.class == ObjectClass::SolarSystem {
            return None;
        }
        let degrees = answer.position.degrees()?;
        let windows = timescales.iter().zip(&answer.windows);
        let states = windows.flat_map(|(days, window)| {
            window.states.iter().map(|(state, z)| Held {
                timescale: Some(*days).filter(|days| days.is_finite()),
                state: state.name(),
                z,
                alive: window.alive,
                valid_until: Some(window.valid_until)
                    .filter(|until| *until != MicroDays(i64::MAX))
                    .map(MicroDays::days),
            })
        });
        Some(ObjectRow {
            survey: survey_name(answer.object.survey),
            object: object_name(answer.object),
            degrees,
            newest: answer.newest,
            first: answer.first_detection,
            detections: answer.detections,
            measurements: measurements.to_vec(),
            context: answer.trigger.map(|trigger| trigger.context),
            states: states.collect(),
        })
    }

    fn of(&self, kind: Kind) -> impl Iterator<Item = &Measurement> {
        self.measurements.iter().filter(move |row| row.kind == kind)
    }
}

/// The nested table of a kind of measurements.
fn light_curve() -> DataType {
    let (real, text, number) = (DataType::Float64, DataType::Utf8, DataType::Int64);
    nested(&[
        ("mjd_tai", real.clone()),
        ("band", text.clone()),
        ("flux", real.clone()),
        ("flux_err", real.clone()),
        ("total_flux", real.clone()),
        ("magnitude", real),
        ("quality", text),
        ("id", number.clone()),
        ("visit", number.clone()),
        ("reference", number),
    ])
}

fn states() -> DataType {
    let real = DataType::Float64;
    nested(&[
        ("timescale", real.clone()),
        ("state", DataType::Utf8),
        ("z", real.clone()),
        ("alive", DataType::Boolean),
        ("valid_until_mjd_tai", real),
    ])
}

fn curves(rows: &[&ObjectRow], kind: Kind) -> Result<ArrayRef, DataError> {
    let all = || rows.iter().flat_map(|row| row.of(kind)).collect::<Vec<_>>().into_iter();
    let real =
        |value: fn(&Measurement) -> Option<f64>| Arc::new(all().map(value).collect::<Float64Array>()) as ArrayRef;
    let number = |value: fn(&Measurement) -> i64| Arc::new(Int64Array::from_iter_values(all().map(value))) as ArrayRef;
    let quality = all().map(|row| row.quality.reasons().collect::<Vec<_>>().join(" "));
    let values = vec![
        real(|row| Some(row.time.days())),
        Arc::new(StringArray::from_iter_values(all().map(|row| row.band.name()))) as ArrayRef,
        real(|row| Some(row.flux.nanojansky())),
        real(|row| Some(row.sigma.nanojansky())),
        real(|row| row.total().map(|flux| flux.nanojansky())),
        real(|row| skydiff_schemas::PicoJansky(row.flux.0.saturating_abs()).magnitude()),
        Arc::new(StringArray::from_iter_values(quality)),
        number(|row| row.id.0 as i64),
        number(|row| row.visit as i64),
        number(|row| if row.reference == Measurement::ANY_REFERENCE { -1 } else { i64::from(row.reference) }),
    ];
    nest(&light_curve(), rows.iter().map(|row| row.of(kind).count()), values)
}

fn held(rows: &[&ObjectRow]) -> Result<ArrayRef, DataError> {
    let all = || rows.iter().flat_map(|row| &row.states).collect::<Vec<_>>().into_iter();
    let values: Vec<ArrayRef> = vec![
        Arc::new(all().map(|held| held.timescale).collect::<Float64Array>()),
        Arc::new(StringArray::from_iter_values(all().map(|held| held.state))),
        Arc::new(Float64Array::from_iter_values(all().map(|held| held.z))),
        Arc::new(all().map(|held| Some(held.alive)).collect::<BooleanArray>()),
        Arc::new(all().map(|held| held.valid_until).collect::<Float64Array>()),
    ];
    nest(&states(), rows.iter().map(|row| row.states.len()), values)
}

impl CatalogueRow for ObjectRow {
    const NAME: &'static str = "objects";
    const PRODUCT: &'static str = "object";
    const DEFAULT: &'static [&'static str] =
        &["ra", "dec", "survey", "object", "detections", "newest_mjd_tai", "states", "sources"];

    fn position(&self) -> Position {
        Position::from_degrees(self.degrees.0, self.degrees.1).unwrap_or(Position::UNKNOWN)
    }

    fn name(&self) -> (&str, u64) {
        (&self.object, 0)
    }

    fn until(&self) -> Option<f64> {
        let alive = self.states.iter().filter(|held| held.alive);
        alive.filter_map(|held| held.valid_until).min_by(f64::total_cmp)
    }

    fn columns() -> Vec<CatalogueColumn> {
        let column = |name, kind, unit, doc| CatalogueColumn { name, kind, unit, doc };
        let (real, text, number) = (DataType::Float64, DataType::Utf8, DataType::Int64);
        vec![
            column("_healpix_29", number.clone(), "", "HEALPix NESTED cell of order 29 of ra and dec"),
            column("ra", real.clone(), "deg", "Right ascension of its first standing source (ICRS)"),
            column("dec", real.clone(), "deg", "Declination, likewise"),
            column("survey", text.clone(), "", "Survey: ztf, lsst, ..."),
            column("object", text, "", "The survey's name of the object"),
            column("detections", number, "", "Good detections: (band, visit)s with a good source"),
            column(
                "first_detection_mjd_tai",
                real.clone(),
                "d",
                "First detection, the survey's own record of it included",
            ),
            column("newest_mjd_tai", real.clone(), "d", "Newest good source; null where none is good"),
            column("real_bogus", real.clone(), "", "Real/bogus score of the newest alert"),
            column("star", real, "", "Star/galaxy score of the newest alert"),
            column(
                "states",
                states(),
                "",
                "States that hold: timescale (d, null is all of history), significance z, whether alive",
            ),
            column(
                "sources",
                light_curve(),
                "",
                "Sources in order of time: nJy, MJD (TAI); quality is empty where good",
            ),
            column("forced", light_curve(), "", "Forced sources, likewise"),
            column("limits", light_curve(), "", "Visits that saw nothing: flux is the 5 sigma limit"),
        ]
    }

    fn arrays(rows: &[&Self]) -> Result<Vec<ArrayRef>, DataError> {
        let all = || rows.iter().copied();
        let real = |value: fn(&Self) -> Option<f64>| Arc::new(all().map(value).collect::<Float64Array>()) as ArrayRef;
        let text = |value: fn(&Self) -> &str| Arc::new(StringArray::from_iter_values(all().map(value))) as ArrayRef;
        let number = |value: fn(&Self) -> i64| Arc::new(Int64Array::from_iter_values(all().map(value))) as ArrayRef;
        Ok(vec![
            number(|row| row.position().0 as i64),
            real(|row| Some(row.degrees.0)),
            real(|row| Some(row.degrees.1)),
            text(|row| &row.survey),
            text(|row| &row.object),
            number(|row| i64::from(row.detections)),
            real(|row| row.first.map(MicroDays::days)),
            real(|row| row.newest.map(MicroDays::days)),
            real(|row| row.context?.real_bogus.get().map(f64::from)),
            real(|row| row.context?.star.get().map(f64::from)),
            held(rows)?,
            curves(rows, Kind::Source)?,
            curves(rows, Kind::Forced)?,
            curves(rows, Kind::Limit)?,
        ])
    }
}
