//! LSST packets: Confluent framing, schema 10.0 as it is built in.

use super::avro::confluent;
use super::sky::{Kind, Seen, Shot};
use apache_avro::Schema;
use serde_json::{Value as Json, json};

/// Schema 10.0.
pub const SCHEMA_ID: u32 = 1000;

/// The writer schema.
pub fn schema() -> Schema {
    let text = skydiff_schemas::survey::lsst::writer_schema(SCHEMA_ID).expect("10.0 is built in");
    Schema::parse_str(&text).expect("a schema")
}

/// The packet of a shot. An object whose name begins with `ss:` is of the solar system.
pub fn packet(schema: &Schema, shot: &Shot) -> Vec<u8> {
    let (sidereal, solar_system) = match shot.object.strip_prefix("ss:") {
        Some(number) => (0, number.parse::<i64>().expect("a number")),
        None => (shot.object.parse::<i64>().expect("a number"), 0),
    };
    let owned = |seen: &Seen, id: &str| {
        let mut row = row(seen, id);
        (row["diaObjectId"], row["ssObjectId"]) = (json!(sidereal), json!(solar_system));
        row
    };
    let of = |kind: Kind| shot.history.iter().filter(move |seen| seen.kind == kind);
    let sources: Vec<Json> = of(Kind::Source).map(|seen| owned(seen, "diaSourceId")).collect();
    let forced: Vec<Json> = of(Kind::Forced).map(|seen| owned(seen, "diaForcedSourceId")).collect();
    let object = json!({"diaObjectId": sidereal, "firstDiaSourceMjdTai": shot.first, "nDiaSources": 1 + sources.len()});
    let list = |rows: Vec<Json>| if rows.is_empty() { Json::Null } else { json!(rows) };
    confluent(
        SCHEMA_ID,
        schema,
        &json!({
            "diaSourceId": shot.trigger.id, "diaSource": owned(&shot.trigger, "diaSourceId"),
            "prvDiaSources": list(sources), "prvDiaForcedSources": list(forced),
            "diaObject": if sidereal == 0 { Json::Null } else { object },
            "cutoutDifference": "SIMPLE  = tiny", "cutoutScience": "SIMPLE  = tiny", "cutoutTemplate": "SIMPLE  = tiny",
        }),
    )
}

fn row(seen: &Seen, id: &str) -> Json {
    json!({
        id: seen.id, "visit": seen.visit, "detector": 42, "midpointMjdTai": seen.mjd, "band": seen.band,
        "ra": seen.ra, "dec": seen.dec, "psfFlux": seen.flux, "psfFluxErr": seen.sigma,
        "scienceFlux": seen.total, "reliability": seen.score,
        "timeProcessedMjdTai": seen.processed, "timeWithdrawnMjdTai": seen.withdrawn,
    })
}
