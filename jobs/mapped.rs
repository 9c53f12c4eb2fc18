//! What skydiff makes of a packet: object, context, measurements.

use crate::points::{Point, points, table};
use serde_json::{Value as Json, json};
use skydiff_operators::Photometry;
use skydiff_schemas::survey::{object_name, survey, tai};
use skydiff_schemas::{Alert, Context, Real, iso_utc};
use std::collections::BTreeMap;

/// Its measurements.
pub fn alert_points(alert: &Alert) -> Vec<Point> {
    let rows: Vec<_> = alert.rows.iter().map(|row| (row.measurement, Some(row.version), 1)).collect();
    points(&rows, Photometry::SourceFirst)
}

fn survey_name(alert: &Alert) -> &'static str {
    survey(alert.survey).map_or("?", |survey| survey.name())
}

fn context(alert: &Alert) -> Vec<(&'static str, Json)> {
    let context = &alert.context;
    let count = |count: i32| if count < 0 { Json::Null } else { json!(count) };
    let first = context.first_detection;
    vec![
        ("ra", json!(f64::from_bits(context.ra))),
        ("dec", json!(f64::from_bits(context.dec))),
        ("ra_err", single(context.ra_err)),
        ("dec_err", single(context.dec_err)),
        ("real_bogus", single(context.real_bogus)),
        ("star", single(context.star)),
        ("reference_distance", single(context.reference_distance)),
        ("reference_magnitude", single(context.reference_magnitude)),
        ("neighbour_distance", single(context.neighbour_distance)),
        ("neighbour_magnitude", single(context.neighbour_magnitude)),
        ("solar_system_distance", single(context.solar_system_distance)),
        ("solar_system_magnitude", single(context.solar_system_magnitude)),
        ("first_detection_mjd_tai", json!((first != Context::NEVER).then(|| first.days()))),
        ("detections", count(context.detections)),
        ("coverage", count(context.coverage)),
        ("program", count(context.program)),
    ]
}

fn rejected(alert: &Alert) -> BTreeMap<&'static str, usize> {
    let mut rejected = BTreeMap::new();
    alert.rejects.iter().for_each(|reject| *rejected.entry(reject.name()).or_default() += 1);
    rejected
}

/// All of it as JSON.
pub fn mapped_json(alert: &Alert) -> Json {
    json!({
        "survey": survey_name(alert),
        "object": object_name(alert.object),
        "alert": alert.trigger.0.to_string(),
        "mjd_tai": alert.time.days(),
        "utc": iso_utc(tai::to_utc(alert.time)),
        "visit": alert.visit.to_string(),
        "context": context(alert).into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<serde_json::Map<_, _>>(),
        "measurements": alert_points(alert),
        "rows_rejected": rejected(alert),
    })
}

/// All of it for people.
pub fn mapped_text(alert: &Alert) -> String {
    let mut text = format!(
        "{} {}  alert {}  {}  (MJD {:.6} TAI)  visit {}\n",
        survey_name(alert),
        object_name(alert.object),
        alert.trigger.0,
        iso_utc(tai::to_utc(alert.time)),
        alert.time.days(),
        alert.visit
    );
    for (name, value) in context(alert).into_iter().filter(|(_, value)| !value.is_null()) {
        text += &format!("  {name:<24} {value}\n");
    }
    for (reason, count) in rejected(alert) {
        text += &format!("  rows left out: {reason:<9} {count}\n");
    }
    text + "\n" + &table(&alert_points(alert))
}

/// In the fewest digits that read back to the 32 bits that were sent.
fn single(value: Real) -> Json {
    value.get().map_or(Json::Null, |value| serde_json::from_str(&value.to_string()).unwrap_or(Json::Null))
}
