//! Conversions against values worked out by hand.

use super::super::testing::{container, data, decode, packets, record};
use super::*;
use crate::PicoJansky;
use serde_json::{Value, json};

const ROW: &str = "candid long \n jd double \n fid int \n isdiffpos boolean \n ra double \n dec double \n magpsf float \n sigmapsf float";

/// 2023-02-25 0 h UTC, J 17.99 Vega, which is AB 18.9: 10⁵ nJy.
fn candidate() -> Value {
    json!({
        "candid": 5, "jd": 2_460_000.5, "fid": 1, "isdiffpos": false, "ra": 10.0, "dec": 20.0, "magpsf": 17.99, "sigmapsf": 0.1,
        "field": 700, "exptime": 120.0, "deprecated": false, "rb": null, "nbad": 0, "ndethist": 2, "programid": 1,
    })
}

fn alert(columns: Value) -> Alert {
    let trigger = record(
        "candidate",
        &format!(
            "{ROW} \n field int \n exptime float \n deprecated boolean \n rb float null \n nbad int null
        ndethist int \n programid int"
        ),
    );
    let previous = json!({"type": "array", "items": record("previous", &format!("{ROW} \n fieldid int"))});
    let (trigger, previous) = (trigger.to_string(), previous.to_string());
    let schema = record(
        "winter.alert",
        &format!("objectid string \n candid long \n candidate {trigger} \n prv_candidates {previous} null"),
    );
    let mut candidate = candidate();
    let earlier = json!({
        "candid": 4, "jd": 2_459_999.5, "fid": 2, "isdiffpos": true, "ra": 10.0, "dec": 20.0, "magpsf": 17.51, "sigmapsf": 0.1, "fieldid": 700,
    });
    let later = json!({"candid": 6, "jd": 2_460_001.5, "fid": 2});
    for (name, value) in columns.as_object().unwrap() {
        candidate[name] = value.clone();
    }
    let alert =
        json!({"objectid": "WNTR24auhaa", "candid": 5, "candidate": candidate, "prv_candidates": [earlier, later]});
    decode(&container(&schema, &[alert])).unwrap()
}

/// 37 + 60 s are 1122.7 microdays. H 17.51 Vega is AB 18.9 too.
#[test]
fn a_packet() {
    let alert = alert(json!({}));
    assert_eq!(super::super::object_name(alert.object), "WNTR24auhaa");
    assert_eq!((alert.time, alert.visit), (MicroDays(60_000_001_123), 60_000_000_000));
    let [trigger, earlier] = [0, 1].map(|at| alert.rows[at].measurement);
    assert!((trigger.flux.0 + 100_000_000).abs() < 100 && (trigger.sigma.0 - 9_210_340).abs() < 10, "{trigger:?}");
    assert!((earlier.flux.0 - 100_000_000).abs() < 100, "{earlier:?}");
    assert_eq!([trigger, earlier].map(|row| row.band.name()), ["J", "H"]);
    assert_eq!([trigger, earlier].map(|row| row.reference), [700, 700]);
    assert_eq!([trigger, earlier].map(|row| (row.quality, row.kind)), [(Quality::GOOD, Kind::Source); 2]);
    assert_eq!((alert.rows.len(), &alert.rejects[..]), (2, &[RowReject::Future][..]));
    assert_eq!((alert.context.detections, alert.context.program), (2, 1));
}

#[test]
fn quality_and_withdrawal() {
    let trigger = |columns| alert(columns).rows[0];
    assert_eq!(trigger(json!({"rb": 0.4})).measurement.quality, Quality::SCORE);
    assert_eq!(trigger(json!({"nbad": 1})).measurement.quality, Quality::PIXELS);
    let withdrawn = trigger(json!({"deprecated": true, "rb": 0.1}));
    assert_eq!((withdrawn.measurement.quality, withdrawn.measurement.flux), (Quality::WITHDRAWN, PicoJansky(0)));
    assert!(withdrawn.version > trigger(json!({})).version);
}

#[test]
fn real_packets() {
    let Some(data) = data() else { return };
    for (path, packet) in packets(&data, "other/winter.alert") {
        let alert = decode(&packet).unwrap();
        let triggers = alert.rows.iter().map(|row| row.measurement.id.0).collect::<Vec<_>>();
        assert!(
            matches!(triggers[..], [3_608_701, 3_532_081, 3_563_410] | [3_608_694, 3_563_406] | [3_608_704, 3_563_418]),
            "{path:?}"
        );
        // MJD 60380.5315 UTC at the start, and 37 + 60 s.
        assert_eq!(alert.time, MicroDays(60_380_531_487 + 1123));
        assert_eq!(alert.rows[0].measurement.band.name(), "H");
    }
}
