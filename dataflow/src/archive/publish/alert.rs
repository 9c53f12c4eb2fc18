//! `alerts/`: one row for each alert: its source as the survey measured it, and what the survey said with it. No cutouts.

use super::tile::{CatalogueColumn, CatalogueRow};
use crate::archive::dataset::DataError;
use crate::names::{object_name, survey_name};
use arrow_array::{ArrayRef, Float32Array, Float64Array, Int32Array, Int64Array, StringArray};
use arrow_schema::DataType;
use skydiff_operators::Offer;
use skydiff_schemas::{Context, Measurement, MicroDays, ObjectId, Position, Real, SourceId};
use std::sync::Arc;

/// An alert.
#[derive(Clone, Debug)]
pub struct AlertRow {
    survey: String,
    object: String,
    alert: SourceId,
    source: Measurement,
    context: Context,
    degrees: (f64, f64),
}

impl AlertRow {
    /// Of a trigger with its context. `None` where neither says where it was.
    pub fn new(object: ObjectId, alert: SourceId, source: Measurement, context: Context) -> Option<AlertRow> {
        let sent = (f64::from_bits(context.ra), f64::from_bits(context.dec));
        let sent = Some(sent).filter(|(ra, dec)| Position::from_degrees(*ra, *dec).is_some() && sent != (0.0, 0.0));
        let degrees = sent.or_else(|| source.position.degrees())?;
        Some(AlertRow {
            survey: survey_name(object.survey),
            object: object_name(object),
            alert,
            source,
            context,
            degrees,
        })
    }

    /// Of an accepted packet.
    pub fn of_offer(offer: &Offer) -> Option<AlertRow> {
        AlertRow::new(offer.object, offer.trigger, offer.rows.first()?.measurement, offer.context)
    }
}

/// Columns that are shown as the survey sent them.
type Shown = (&'static str, &'static str, &'static str, fn(&Context) -> Real);

const SHOWN: [Shown; 10] = [
    ("context.ra_err", "arcsec", "Error of the right ascension, on the sky", |context| context.ra_err),
    ("context.dec_err", "arcsec", "Error of the declination", |context| context.dec_err),
    ("context.real_bogus", "", "Real/bogus score, 0 bogus to 1 real", |context| context.real_bogus),
    ("context.star", "", "Star/galaxy score, 1 star, 0 galaxy", |context| context.star),
    ("context.reference_distance", "arcsec", "Distance to the nearest source of the reference image", |context| {
        context.reference_distance
    }),
    ("context.reference_magnitude", "mag", "Its magnitude", |context| context.reference_magnitude),
    ("context.neighbour_distance", "arcsec", "Distance to the nearest catalogued neighbour", |context| {
        context.neighbour_distance
    }),
    ("context.neighbour_magnitude", "mag", "Its r magnitude", |context| context.neighbour_magnitude),
    ("context.solar_system_distance", "arcsec", "Distance to the nearest known solar-system object", |context| {
        context.solar_system_distance
    }),
    ("context.solar_system_magnitude", "mag", "Its predicted magnitude", |context| context.solar_system_magnitude),
];

impl CatalogueRow for AlertRow {
    const NAME: &'static str = "alerts";
    const PRODUCT: &'static str = "source";
    const DEFAULT: &'static [&'static str] =
        &["ra", "dec", "survey", "object", "alert", "source.mjd_tai", "source.band", "source.flux", "source.flux_err"];

    fn position(&self) -> Position {
        Position::from_degrees(self.degrees.0, self.degrees.1).unwrap_or(Position::UNKNOWN)
    }

    fn name(&self) -> (&str, u64) {
        (&self.object, self.alert.0)
    }

    fn columns() -> Vec<CatalogueColumn> {
        let column = |name, kind, unit, doc| CatalogueColumn { name, kind, unit, doc };
        let (real, text, number) = (DataType::Float64, DataType::Utf8, DataType::Int64);
        let mut columns = vec![
            column("_healpix_29", number.clone(), "", "HEALPix NESTED cell of order 29 of ra and dec"),
            column("ra", real.clone(), "deg", "Right ascension of the source as sent (ICRS)"),
            column("dec", real.clone(), "deg", "Declination, likewise"),
            column("survey", text.clone(), "", "Survey: ztf, lsst, ..."),
            column("object", text.clone(), "", "The survey's name of the object that the alert was sent for"),
            column("alert", number.clone(), "", "Id of the alert, which is that of its source"),
            column("received_mjd_utc", real.clone(), "d", "When it was received, MJD (UTC); null where not known"),
            column("source.mjd_tai", real.clone(), "d", "Mid-exposure, MJD (TAI)"),
            column("source.band", text.clone(), "", "Filter: u g r i z y J H K"),
            column("source.visit", number, "", "The survey's visit"),
            column("source.flux", real.clone(), "nJy", "Difference flux"),
            column("source.flux_err", real.clone(), "nJy", "Its error as the survey quotes it"),
            column("source.total_flux", real.clone(), "nJy", "Total flux, reference included, where defined"),
            column("source.magnitude", real.clone(), "mag", "AB magnitude of the size of flux"),
            column("source.quality", text, "", "Why it does not count, words between blanks; empty is good"),
            column("context.first_detection_mjd_tai", real, "d", "The survey's own first detection of the object"),
            column("context.detections", DataType::Int32, "", "Detections of the object by the survey's own count"),
            column("context.coverage", DataType::Int32, "", "Visits that covered it by the survey's own count"),
            column("context.program", DataType::Int32, "", "The survey's programme"),
        ];
        columns.extend(SHOWN.iter().map(|(name, unit, doc, _)| column(name, DataType::Float32, unit, doc)));
        columns
    }

    fn arrays(rows: &[&Self]) -> Result<Vec<ArrayRef>, DataError> {
        let all = || rows.iter().copied();
        let real = |value: fn(&Self) -> f64| Arc::new(Float64Array::from_iter_values(all().map(value))) as ArrayRef;
        let maybe = |value: fn(&Self) -> Option<f64>| Arc::new(all().map(value).collect::<Float64Array>()) as ArrayRef;
        let number = |value: fn(&Self) -> u64| {
            Arc::new(Int64Array::from_iter_values(all().map(|row| value(row) as i64))) as ArrayRef
        };
        let count = |value: fn(&Context) -> i32| {
            let said = |row: &Self| Some(value(&row.context)).filter(|count| *count >= 0);
            Arc::new(all().map(said).collect::<Int32Array>()) as ArrayRef
        };
        let text = |value: fn(&Self) -> &str| Arc::new(StringArray::from_iter_values(all().map(value))) as ArrayRef;
        let quality = all().map(|row| row.source.quality.reasons().collect::<Vec<_>>().join(" "));
        let mut arrays = vec![
            number(|row| row.position().0),
            real(|row| row.degrees.0),
            real(|row| row.degrees.1),
            text(|row| &row.survey),
            text(|row| &row.object),
            number(|row| row.alert.0),
            maybe(|row| Some(row.context.received).filter(|time| *time != MicroDays(0)).map(MicroDays::days)),
            real(|row| row.source.time.days()),
            text(|row| row.source.band.name()),
            number(|row| row.source.visit),
            real(|row| row.source.flux.nanojansky()),
            real(|row| row.source.sigma.nanojansky()),
            maybe(|row| row.source.total().map(|flux| flux.nanojansky())),
            maybe(|row| skydiff_schemas::PicoJansky(row.source.flux.0.saturating_abs()).magnitude()),
            Arc::new(StringArray::from_iter_values(quality)),
            maybe(|row| Some(row.context.first_detection).filter(|time| *time != Context::NEVER).map(MicroDays::days)),
            count(|context| context.detections),
            count(|context| context.coverage),
            count(|context| context.program),
        ];
        for (.., value) in &SHOWN {
            arrays.push(Arc::new(all().map(|row| value(&row.context).get()).collect::<Float32Array>()));
        }
        Ok(arrays)
    }
}
