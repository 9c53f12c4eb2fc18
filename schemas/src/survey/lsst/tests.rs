//! Conversions against values worked out by hand, in packets of the built-in schemas.

use super::super::testing::{confluent, decode, decode_with};
use super::*;
use crate::PicoJansky;
use crate::decoder::Settings;
use serde_json::{Value, json};

/// MJD TAI 61000, i, 1 ± 0.1 µJy, good.
fn source() -> Value {
    json!({
        "diaSourceId": 11, "visit": 2_025_123_100_239_i64, "detector": 3, "diaObjectId": 5, "ssObjectId": 0,
        "midpointMjdTai": 61_000.0, "ra": 10.0, "dec": -20.0, "psfFlux": 1000.0, "psfFluxErr": 100.0, "band": "i",
        "scienceFlux": 2500.0, "reliability": 0.75, "timeProcessedMjdTai": 61_000.5, "timeWithdrawnMjdTai": null,
    })
}

fn forced() -> Value {
    with(source(), json!({"diaForcedSourceId": 12, "psfFlux": -3.5, "psfFluxErr": 0.5}))
}

fn with(mut base: Value, columns: Value) -> Value {
    for (name, value) in columns.as_object().unwrap() {
        base[name] = value.clone();
    }
    base
}

fn packet(id: u32, columns: Value) -> Vec<u8> {
    let alert = json!({"diaSourceId": 11, "alertId": 11, "diaSource": source(), "prvDiaSources": null});
    confluent(id, &writer_schema(id).unwrap(), &with(alert, columns))
}

fn trigger(columns: Value) -> Row {
    decode(&packet(1000, json!({"diaSource": with(source(), columns)}))).unwrap().rows[0]
}

fn previous(columns: Value) -> Result<Row, RowReject> {
    let alert = decode(&packet(1101, json!({"prvDiaSources": [with(source(), columns)]}))).unwrap();
    alert.rejects.first().map_or_else(|| Ok(alert.rows[1]), |reject| Err(*reject))
}

fn previous_forced(columns: Value) -> Row {
    decode(&packet(900, json!({"prvDiaForcedSources": [with(forced(), columns)]}))).unwrap().rows[1]
}

#[test]
fn a_trigger_in_every_version() {
    for id in schema_ids() {
        let alert = decode(&packet(id, json!({}))).unwrap_or_else(|reject| panic!("{id}: {reject}"));
        assert_eq!(alert.object, ObjectId { survey: Lsst.id(), class: ObjectClass::Sidereal, id: 5 });
        let measured = alert.rows[0].measurement;
        assert_eq!(
            (alert.time, alert.visit, alert.trigger),
            (MicroDays(61_000_000_000), 2_025_123_100_239, SourceId(11))
        );
        assert_eq!((measured.flux, measured.sigma), (PicoJansky(1_000_000), PicoJansky(100_000)));
        let total = (id >= 800).then_some(PicoJansky(2_500_000));
        assert_eq!((measured.total(), measured.reference, measured.band.name()), (total, 0, "i"));
        assert_eq!((measured.quality, alert.rows[0].global), (Quality::GOOD, true));
        assert_eq!(Some(measured.position), Position::from_degrees(10.0, -20.0));
    }
}

#[test]
fn the_surveys_own_order() {
    let processed = |columns| trigger(columns).version.processed;
    assert_eq!(processed(json!({})), MicroDays(61_000_500_000));
    assert_eq!(processed(json!({"timeProcessedMjdTai": "NaN"})), Version::UNPROCESSED);
    assert_eq!(processed(json!({"timeProcessedMjdTai": 0.0})), Version::UNPROCESSED);
    assert_eq!(processed(json!({"timeWithdrawnMjdTai": 61_002.0})), MicroDays(61_002_000_000));
    assert_eq!(processed(json!({"timeWithdrawnMjdTai": "NaN"})), MicroDays(61_000_500_000));
    // 2025-12-31 0 h UTC is MJD 61040, 20,453 days after 1970; TAI is 37 s ahead.
    let micros = 20_453_i64 * 86_400_000_000;
    let alert = decode(&packet(800, json!({"diaSource": with(source(), json!({"time_processed": micros}))}))).unwrap();
    assert_eq!(alert.rows[0].version.processed, MicroDays(61_040_000_428));
}

#[test]
fn what_was_withdrawn_is_the_same_in_every_copy() {
    let first = trigger(json!({"timeWithdrawnMjdTai": 61_002.0})).measurement;
    let second =
        trigger(json!({"timeWithdrawnMjdTai": 61_003.0, "psfFlux": 1.0, "ra": 11.0, "reliability": 0.1})).measurement;
    assert_eq!(first, second);
    assert_eq!((first.flux, first.quality, first.position), (PicoJansky(0), Quality::WITHDRAWN, Position::UNKNOWN));
    assert_eq!(trigger(json!({"timeWithdrawnMjdTai": "NaN"})).measurement.quality, Quality::GOOD);
    let row = previous_forced(json!({"timeWithdrawnMjdTai": 61_002.0}));
    assert_eq!((row.measurement.quality, row.version.processed), (Quality::WITHDRAWN, MicroDays(61_002_000_000)));
}

#[test]
fn whose_a_packet_is() {
    let owner = |columns, others| decode(&packet(1000, with(json!({"diaSource": with(source(), columns)}), others)));
    let solar_system = |id| ObjectId { survey: Lsst.id(), class: ObjectClass::SolarSystem, id };
    let of = |columns| owner(columns, json!({})).map(|alert| alert.object);
    assert_eq!(of(json!({"diaObjectId": 0, "ssObjectId": 7})), Ok(solar_system(7)));
    assert_eq!(of(json!({"diaObjectId": null, "ssObjectId": 7})), Ok(solar_system(7)));
    let none = json!({"diaObjectId": 0, "ssObjectId": null});
    let matched = json!({"ssSource": {"ssObjectId": 8, "ephOffset": 0.25, "ephVmag": 0.0}});
    let alert = owner(none.clone(), matched).unwrap();
    assert_eq!(alert.object, solar_system(8));
    assert_eq!(alert.context.solar_system_distance, Real::new(Some(0.25)));
    assert_eq!(alert.context.solar_system_magnitude, Real::ABSENT);
    assert!(matches!(of(none), Err(PacketReject::Value(_))));
}

/// 3″ and 4″ make 5″.
#[test]
fn residuals_were_degrees() {
    let residual =
        json!({"ssObjectId": 8, "residualRa": -3.0 / 3600.0, "residualDec": 4.0 / 3600.0, "predictedVMagnitude": 20.5});
    let context = decode(&packet(900, json!({"ssSource": residual}))).unwrap().context;
    assert_eq!(context.solar_system_distance, Real::new(Some(5.0)));
    assert_eq!(context.solar_system_magnitude, Real::new(Some(20.5)));
}

#[test]
fn quality_by_the_columns_that_are_there() {
    let quality = |columns| trigger(columns).measurement.quality.reasons().collect::<Vec<_>>();
    assert_eq!(quality(json!({"reliability": 0.499})), ["score"]);
    assert_eq!(quality(json!({"reliability": null})), [""; 0]);
    assert_eq!(quality(json!({"isDipole": true, "pixelFlags_saturated": true})), ["pixels", "dipole"]);
    assert_eq!(quality(json!({"centroid_flag": true, "glint_trail": true})), ["shape", "flux"]);
    assert_eq!(quality(json!({"apFlux_flag": true, "shape_flag": true, "isNegative": true})), [""; 0]);
    assert_eq!(quality(json!({"psfFluxErr": "NaN", "pixelFlags_bad": false})), ["no_flux"]);
    assert_eq!(trigger(json!({"forced_PsfFlux_flag": true})).measurement.total(), None);
    let settings = json!({"surveys": {"lsst": {"quality": {"reliability": 0.8, "shape_flags": ["shape_flag"]}}}});
    let settings: Settings = serde_json::from_value(settings).unwrap();
    let packet = packet(1000, json!({"diaSource": with(source(), json!({"shape_flag": true, "glint_trail": true}))}));
    let row = decode_with(&settings, &packet).unwrap().rows[0];
    assert_eq!(row.measurement.quality.reasons().collect::<Vec<_>>(), ["score", "shape"]);
}

#[test]
fn forced_photometry() {
    let row = previous_forced(json!({}));
    let found = row.measurement;
    assert_eq!((found.kind, found.id, row.global), (Kind::Forced, SourceId(12), true));
    assert_eq!((found.flux, found.sigma, found.quality), (PicoJansky(-3500), PicoJansky(500), Quality::GOOD));
    assert_eq!(found.total(), Some(PicoJansky(2_500_000)));
    assert_eq!(row.version, Version { trigger: false, ..trigger(json!({})).version });
    assert_eq!(previous_forced(json!({"psfFlux": 0.0})).measurement.quality, Quality::NO_FLUX);
    assert_eq!(previous_forced(json!({"psfFlux": null})).measurement.quality, Quality::NO_FLUX);
}

/// Noise of 20 nJy, so 100 nJy at five sigma; the id is of the image and the band (i is 3).
#[test]
fn limits_of_7_x() {
    let limit = json!({"ccdVisitId": 59_160_051, "midpointMjdTai": 60_999.0, "band": "i", "diaNoise": 20.0});
    let other = with(limit.clone(), json!({"band": "r"}));
    let alert = decode(&packet(701, json!({"prvDiaNondetectionLimits": [limit, other]}))).unwrap();
    let found = alert.rows[1].measurement;
    assert_eq!((found.kind, alert.rows[1].global, found.visit), (Kind::Limit, false, 59_160_051));
    assert_eq!(
        (found.id, alert.rows[2].measurement.id),
        (SourceId(59_160_051 * 16 + 3), SourceId(59_160_051 * 16 + 2))
    );
    assert_eq!((found.flux, found.sigma), (PicoJansky(100_000), PicoJansky(20_000)));
    assert_eq!((found.reference, found.position), (0, Position::UNKNOWN));
}

#[test]
fn rows_that_cannot_be_used() {
    assert_eq!(previous(json!({"midpointMjdTai": 61_000.000_001})).unwrap_err(), RowReject::Future);
    assert_eq!(previous(json!({"midpointMjdTai": "NaN"})).unwrap_err(), RowReject::Time);
    assert_eq!(previous(json!({"band": "q"})).unwrap_err(), RowReject::Band);
    assert_eq!(previous(json!({"diaSourceId": 0})).unwrap_err(), RowReject::Identity);
    assert_eq!(previous(json!({"diaSourceId": 9, "diaObjectId": 6})).unwrap().measurement.id, SourceId(9));
}

#[test]
fn context() {
    let object = json!({"diaObjectId": 5, "firstDiaSourceMjdTai": 60_990.5, "nDiaSources": 4});
    let columns = json!({"raErr": 1e-4, "extendedness": 0.25});
    let context = |object| {
        decode(&packet(1000, json!({"diaSource": with(source(), columns.clone()), "diaObject": object})))
            .unwrap()
            .context
    };
    let found = context(object.clone());
    assert_eq!((found.first_detection, found.detections), (MicroDays(60_990_500_000), 4));
    assert_eq!((found.ra_err, found.dec_err), (Real::new(Some(f64::from(1e-4f32) * 3600.0)), Real::ABSENT));
    assert_eq!((found.star, found.real_bogus), (Real::new(Some(0.75)), Real::new(Some(0.75))));
    let never = context(with(object, json!({"firstDiaSourceMjdTai": "NaN"})));
    assert_eq!(never.first_detection, Context::NEVER);
}

#[test]
fn packets_that_cannot_be_used_say_which_value() {
    let reject =
        |columns| decode(&packet(1000, json!({"diaSource": with(source(), columns)}))).unwrap_err().to_string();
    assert_eq!(reject(json!({"midpointMjdTai": "NaN"})), "diaSource.midpointMjdTai is None");
    assert_eq!(reject(json!({"band": null})), "diaSource.band is None");
    assert_eq!(reject(json!({"diaSourceId": 0})), "diaSource.(diaSourceId, visit) is (Some(0), Some(2025123100239))");
    assert_eq!(reject(json!({"dec": 100.0})), "diaSource.(ra, dec) is (10.0, 100.0)");
}
