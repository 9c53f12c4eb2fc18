//! Conversions against values worked out by hand, one packet each.

use super::super::testing::{container, decode, decode_with, record};
use super::*;
use crate::decoder::Settings;
use crate::{MicroDays, PicoJansky, SourceId};
use serde_json::{Value, json};

const ROW: &str = "
    jd double
    fid int
    pid long
    field null int
    rcid null int
    diffmaglim null float
    distnr null float
    magnr null float
    rb null float
    nbad null int
    fwhm null float
    elong null float
";

/// Both unions of the candidate's columns, as 4.x, and of its history's, as 3.x, occur.
fn schema() -> Value {
    let trigger = record(
        "candidate",
        &format!(
            "{ROW} candid long \n isdiffpos string \n ra double \n dec double \n magpsf float \n sigmapsf float
        exptime null float \n drb null float \n jdstarthist null double \n ndethist int \n ncovhist int \n programid int
        sgscore1 null float \n distpsnr1 null float \n srmag1 null float \n ssdistnr null float \n ssmagnr null float"
        ),
    );
    let previous = record(
        "prv_candidate",
        &format!(
            "{ROW} candid long null \n isdiffpos string null \n ra double null \n dec double null
        magpsf float null \n sigmapsf float null"
        ),
    );
    let forced = record(
        "fp_hist",
        &format!(
            "{ROW} exptime null float \n forcediffimflux null float \n forcediffimfluxunc null float
        magzpsci null float \n procstatus null string"
        ),
    );
    let cutout = record("cutout", "fileName string \n stampData bytes");
    let arrays = [
        ("candidate", trigger),
        ("prv", json!({"type": "array", "items": previous})),
        ("fp", json!({"type": "array", "items": forced})),
    ];
    let [candidate, previous, forced] = arrays.map(|(_, schema)| schema.to_string().replace(' ', ""));
    record("ztf.alert", &format!("objectId string \n candid long \n candidate {candidate} \n prv_candidates {previous} null \n fp_hists null {forced}
        cutoutScience {} null", cutout.to_string().replace(' ', "")))
}

/// 2023-02-25 0 h UTC (MJD 60000), g, 18.9 ± 0.1 mag, positive, nothing near, good.
fn candidate() -> Value {
    json!({
        "jd": 2_460_000.5, "fid": 1, "pid": 2_200_123_451_215_i64, "field": 500, "rcid": 12, "candid": 2_200_123_451_215_010_001_i64,
        "isdiffpos": "t", "ra": 10.0, "dec": 20.0, "magpsf": 18.9, "sigmapsf": 0.1, "exptime": 30.0, "rb": 0.9, "nbad": 0,
        "fwhm": 2.0, "elong": 1.1, "ndethist": 3, "ncovhist": 40, "programid": 1,
    })
}

fn with(mut base: Value, columns: Value) -> Value {
    for (name, value) in columns.as_object().unwrap() {
        base[name] = value.clone();
    }
    base
}

fn packet(candidate: Value, previous: Value, forced: Value) -> Vec<u8> {
    let alert = json!({
        "objectId": "ZTF17aaaedmd", "candid": candidate["candid"], "candidate": candidate,
        "prv_candidates": previous, "fp_hists": forced, "cutoutScience": {"fileName": "a", "stampData": "SIMPLE"},
    });
    container(&schema(), &[alert])
}

fn trigger(columns: Value) -> Measurement {
    decode(&packet(with(candidate(), columns), json!([]), json!(null))).unwrap().rows[0].measurement
}

/// A history row at the trigger's own time, with these columns.
fn previous(columns: Value) -> Result<Measurement, RowReject> {
    let row = json!({"jd": 2_460_000.5, "fid": 1, "pid": 2_200_123_451_215_i64, "field": 500, "rcid": 12, "diffmaglim": 18.9});
    let alert = decode(&packet(candidate(), json!([with(row, columns)]), json!(null))).unwrap();
    alert.rejects.first().map_or_else(|| Ok(alert.rows[1].measurement), |reject| Err(*reject))
}

fn forced(columns: Value) -> Measurement {
    let row = json!({
        "jd": 2_460_000.5, "fid": 2, "pid": 2_200_123_451_215_i64, "field": 500, "rcid": 12, "exptime": 30.0,
        "forcediffimflux": -200.0, "forcediffimfluxunc": 20.0, "magzpsci": 26.4, "procstatus": "0",
    });
    decode(&packet(candidate(), json!([]), json!([with(row, columns)]))).unwrap().rows[1].measurement
}

/// 37 s + 15 s = 601.85 microdays after 0 h; 10⁵ nJy; 0.1 mag are 9.2103 %, but 0.1 and 18.9 are the f32 nearest to them.
#[test]
fn a_trigger() {
    let alert = decode(&packet(candidate(), json!([]), json!(null))).unwrap();
    assert_eq!(super::super::object_name(alert.object), "ZTF17aaaedmd");
    let row = alert.rows[0];
    assert_eq!(alert.rows.len(), 1);
    assert_eq!((alert.time, alert.visit), (MicroDays(60_000_000_602), 2_200_123_451_215));
    assert_eq!(
        row.version,
        Version { rank: 0, processed: Version::UNPROCESSED, packet: Reverse(alert.time), trigger: true }
    );
    let measured = row.measurement;
    assert_eq!((measured.id, row.global), (SourceId(2_200_123_451_215_010_001), true));
    let (flux, sigma) = (measured.flux.0, measured.sigma.0);
    assert!((flux - 100_000_000).abs() < 50 && (sigma - 9_210_340).abs() < 5, "{flux} {sigma}");
    assert_eq!((measured.total, measured.quality), (Measurement::NO_TOTAL, Quality::GOOD));
    assert_eq!((measured.reference, measured.band.name()), (500 << 8 | 12, "g"));
    assert_eq!(Some(measured.position), Position::from_degrees(10.0, 20.0));
}

#[test]
fn the_middle_of_the_exposure() {
    assert_eq!(trigger(json!({"exptime": 300.0})).time, MicroDays(60_000_002_164)); // 187 s
    assert_eq!(trigger(json!({"exptime": null})).time, MicroDays(60_000_000_602));
    assert_eq!(trigger(json!({"jd": 2_457_754.499_999})).time, MicroDays(57_753_999_999 + 590)); // 36 + 15 s
    assert_eq!(trigger(json!({"jd": 2_457_754.5})).time, MicroDays(57_754_000_602)); // leap second behind
}

#[test]
fn the_sign_is_of_the_subtraction() {
    for (written, positive) in [("t", true), ("1", true), ("f", false), ("0", false)] {
        assert_eq!(trigger(json!({"isdiffpos": written})).flux.0 > 0, positive, "{written}");
    }
    assert_eq!(trigger(json!({"isdiffpos": "?"})).quality, Quality::NO_FLUX);
}

/// AB 17.65 is 10^5.5 nJy = 316,228 nJy.
#[test]
fn a_total_needs_a_reference_source_within_1_5_arcsec() {
    let total = |columns| trigger(columns).total().map(|total| (total.nanojansky() / 10.0).round());
    assert_eq!(total(json!({"distnr": 1.48, "magnr": 17.65})), Some(41_623.0)); // 1.498 arcsec
    assert_eq!(total(json!({"distnr": 1.48, "magnr": 17.65, "isdiffpos": "f"})), Some(21_623.0));
    assert_eq!(total(json!({"distnr": 1.49, "magnr": 17.65})), None); // 1.508 arcsec
    assert_eq!(total(json!({"distnr": -999.0, "magnr": 17.65})), None);
    assert_eq!(total(json!({"distnr": 0.1, "magnr": -999.0})), None);
    assert_eq!(total(json!({"distnr": null, "magnr": 17.65})), None);
}

#[test]
fn quality_by_the_columns_that_are_there() {
    let quality = |columns| trigger(columns).quality.reasons().collect::<Vec<_>>();
    assert_eq!(quality(json!({"rb": 0.649})), ["score"]);
    assert_eq!(quality(json!({"rb": 0.1, "drb": 0.51})), [""; 0]);
    assert_eq!(quality(json!({"rb": 0.9, "drb": 0.49})), ["score"]);
    assert_eq!(quality(json!({"nbad": 1})), ["pixels"]);
    assert_eq!(quality(json!({"fwhm": 5.0, "elong": 1.19})), [""; 0]);
    assert_eq!(quality(json!({"fwhm": 5.1, "elong": 1.3})), ["width", "shape"]);
    assert_eq!(quality(json!({"rb": null, "nbad": null, "fwhm": null, "elong": null})), [""; 0]);
    assert_eq!(quality(json!({"sigmapsf": 0.0})), ["no_flux"]);
    assert_eq!(quality(json!({"magpsf": "NaN", "rb": 0.1})), ["score", "no_flux"]);
}

#[test]
fn quality_by_the_job_file() {
    let settings = json!({"surveys": {"ztf": {"quality": {"rb": 0.95, "nbad": 4}}}});
    let settings: Settings = serde_json::from_value(settings).unwrap();
    let packet = packet(with(candidate(), json!({"nbad": 4})), json!([]), json!(null));
    let alert = decode_with(&settings, &packet).unwrap();
    assert_eq!(alert.rows[0].measurement.quality, Quality::SCORE);
}

#[test]
fn a_copy_of_a_source() {
    let columns =
        json!({"candid": 77, "isdiffpos": "0", "ra": 10.0, "dec": 20.0, "magpsf": 18.9, "sigmapsf": 0.1, "rb": 0.9});
    let copy = previous(columns).unwrap();
    let original = Measurement { id: SourceId(77), ..trigger(json!({"isdiffpos": "f"})) };
    assert_eq!(copy, original);
}

/// Five sigma: AB 18.9 is 10⁵ nJy.
#[test]
fn an_upper_limit() {
    let limit = previous(json!({})).unwrap();
    assert_eq!((limit.kind, limit.id), (Kind::Limit, SourceId(2_200_123_451_215)));
    assert!((limit.flux.0 - 100_000_000).abs() < 50 && (limit.sigma.0 - 20_000_000).abs() < 10);
    assert_eq!((limit.position, limit.reference), (Position::UNKNOWN, 500 << 8 | 12));
    assert_eq!(previous(json!({"field": null, "rcid": null})).unwrap().reference, Measurement::ANY_REFERENCE);
    assert_eq!(previous(json!({"rcid": null})).unwrap().reference, 500 << 8 | 12);
    let unusable = previous(json!({"diffmaglim": -1006.9})).unwrap();
    assert_eq!((unusable.flux, unusable.sigma, unusable.quality), (PicoJansky(0), PicoJansky(0), Quality::NO_FLUX));
}

#[test]
fn rows_that_cannot_be_used() {
    assert_eq!(previous(json!({"jd": 2_460_000.500_001})).unwrap_err(), RowReject::Future);
    assert_eq!(previous(json!({"jd": "NaN"})).unwrap_err(), RowReject::Time);
    assert_eq!(previous(json!({"jd": -1.0})).unwrap_err(), RowReject::Time);
    assert_eq!(previous(json!({"fid": 4})).unwrap_err(), RowReject::Band);
    assert_eq!(previous(json!({"pid": -1})).unwrap_err(), RowReject::Identity);
    assert_eq!(previous(json!({"candid": -1})).unwrap_err(), RowReject::Identity);
}

/// A shorter exposure than the 30 s that its history is taken to have does not make that later.
#[test]
fn rows_of_the_triggers_own_exposure_are_not_later() {
    let short = with(candidate(), json!({"exptime": 10.0}));
    let row = json!({"jd": 2_460_000.5, "fid": 1, "pid": 5, "diffmaglim": 18.9});
    let alert = decode(&packet(short, json!([row]), json!(null))).unwrap();
    assert_eq!((alert.rows.len(), alert.rejects.len()), (2, 0));
}

/// Zero point 26.4: a count is 100 nJy. AB 21.4 is 10⁴ nJy.
#[test]
fn forced_photometry() {
    let found = forced(json!({}));
    assert_eq!((found.kind, found.id, found.band.name()), (Kind::Forced, SourceId(2_200_123_451_215), "r"));
    assert!((found.flux.0 + 20_000_000).abs() < 20 && (found.sigma.0 - 2_000_000).abs() < 2, "{found:?}");
    assert_eq!(
        (found.quality, found.total, found.time),
        (Quality::GOOD, Measurement::NO_TOTAL, MicroDays(60_000_000_602))
    );
    let total = |columns| forced(columns).total().map(|total| (total.nanojansky() / 10.0).round());
    assert_eq!(total(json!({"distnr": 1.5, "magnr": 21.4})), Some(-1000.0));
    assert_eq!(total(json!({"distnr": 1.51, "magnr": 21.4})), None);
    assert_eq!(total(json!({"distnr": -99_999.0, "magnr": -99_999.0})), None);
    let absent = forced(json!({"forcediffimflux": -99_999.0, "forcediffimfluxunc": -99_999.0, "procstatus": "61"}));
    assert_eq!((absent.flux, absent.quality), (PicoJansky(0), Quality(Quality::NO_FLUX.0 | Quality::PROCESSING.0)));
    assert_eq!(forced(json!({"procstatus": "0,56"})).quality, Quality::PROCESSING);
    assert_eq!(forced(json!({"procstatus": null})).quality, Quality::GOOD);
    assert_eq!(forced(json!({"magzpsci": null})).quality, Quality::NO_FLUX);
}

#[test]
fn context_without_sentinels() {
    let context = |columns| decode(&packet(with(candidate(), columns), json!([]), json!(null))).unwrap().context;
    let none = context(
        json!({"ssdistnr": -999.0, "ssmagnr": -999.0, "sgscore1": -999.0, "distpsnr1": -999.0, "srmag1": -999.0}),
    );
    let blank = Context {
        ra: 10f64.to_bits(),
        dec: 20f64.to_bits(),
        real_bogus: Real::new(Some(f64::from(0.9f32))),
        detections: 3,
        coverage: 40,
        program: 1,
        ..Context::BLANK
    };
    assert_eq!(none, blank);
    assert_eq!(context(json!({"ssdistnr": 60.0, "ssmagnr": -999.0})).solar_system_distance, Real::ABSENT);
    let some = context(
        json!({"ssdistnr": 0.0, "ssmagnr": 19.5, "sgscore1": 0.0, "distnr": 2.0, "magnr": 17.0, "drb": 0.99, "jdstarthist": 2_459_000.5}),
    );
    assert_eq!(
        [some.solar_system_distance, some.solar_system_magnitude, some.star],
        [0.0, 19.5, 0.0].map(|value| Real::new(Some(value)))
    );
    assert_eq!([some.reference_distance, some.reference_magnitude], [2.024, 17.0].map(|value| Real::new(Some(value))));
    assert_eq!(some.real_bogus, Real::new(Some(f64::from(0.99f32))));
    assert_eq!(some.first_detection, MicroDays(59_000_000_602));
}

#[test]
fn packets_that_cannot_be_used_say_which_value() {
    let reject = |columns| decode(&packet(with(candidate(), columns), json!([]), json!(null))).unwrap_err().to_string();
    assert_eq!(reject(json!({"jd": "NaN"})), "candidate.jd is None");
    assert_eq!(reject(json!({"fid": 9})), "candidate.fid is Some(9)");
    assert_eq!(reject(json!({"pid": -4})), "candidate.pid is Some(-4)");
    assert_eq!(reject(json!({"candid": -4})), "candidate.candid is Some(-4)");
    assert_eq!(reject(json!({"dec": 91.0})), "candidate.(ra, dec) is (Some(10.0), Some(91.0))");
    let alert = json!({"objectId": "ZTF1", "candid": 1, "candidate": candidate()});
    let container = container(&schema(), &[with(alert, json!({"cutoutScience": null}))]);
    assert_eq!(decode(&container).unwrap_err(), PacketReject::Value("objectId is Some(\"ZTF1\")".into()));
}

#[test]
fn an_exposure_is_a_visit_without_channel_and_processing_number() {
    assert_eq!(Ztf.exposure(1_095_578_115_815), 109_557_811);
}
