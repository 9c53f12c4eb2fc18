//! The history of ZTF17aaaedmd, point by point, against a reading of its 331 packets that shares nothing with ours: apache-avro
//! decodes them, and what the survey's documentation says is applied to the values in plain floating point.

use apache_avro::types::Value;
use skydiff_schemas::{Alert, Band, Decoder, Kind, Measurement, Quality, survey};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

const OBJECT: &str = "ZTF17aaaedmd";

/// A point of the light curve as an astronomer would read it. NaN where there is none.
#[derive(Clone, Debug)]
struct Point {
    mjd_tai: f64,
    flux: f64,
    sigma: f64,
    total: f64,
    ra: f64,
    dec: f64,
    filter: i64,
    /// Field and readout channel.
    reference: Option<(i64, i64)>,
    pid: i64,
    good: bool,
}

/// By whether it was detected, and `candid` or `pid`.
type Key = (bool, i64);

fn column<'a>(row: &'a Value, name: &str) -> Option<&'a Value> {
    let Value::Record(fields) = row else { panic!("no record: {row:?}") };
    let value = &fields.iter().find(|(field, _)| field == name)?.1;
    match value {
        Value::Union(_, inner) => (**inner != Value::Null).then_some(inner),
        Value::Null => None,
        value => Some(value),
    }
}

fn number(row: &Value, name: &str) -> f64 {
    match column(row, name) {
        Some(Value::Double(value)) => *value,
        Some(Value::Float(value)) => f64::from(*value),
        None => f64::NAN,
        other => panic!("{name} is {other:?}"),
    }
}

fn integer(row: &Value, name: &str) -> Option<i64> {
    match column(row, name)? {
        Value::Int(value) => Some(i64::from(*value)),
        Value::Long(value) => Some(*value),
        other => panic!("{name} is {other:?}"),
    }
}

fn text<'a>(row: &'a Value, name: &str) -> &'a str {
    match column(row, name) {
        Some(Value::String(text)) => text,
        other => panic!("{name} is {other:?}"),
    }
}

/// nJy of an AB magnitude: 3631 Jy is magnitude 0 to within 0.0001 mag of the definition, which is 48.6 in erg/s/cm²/Hz.
fn nanojansky(magnitude: f64) -> f64 {
    1e9 * 1e23 * (10f64).powf(-(magnitude + 48.6) / 2.5)
}

/// `candidate` or a row of `prv_candidates`.
fn point(row: &Value) -> (Key, Point) {
    let pid = integer(row, "pid").unwrap();
    let exposure = if number(row, "exptime").is_nan() { 30.0 } else { number(row, "exptime") };
    let blank = Point {
        // TAI was 37 s ahead of UTC in all of 2017 to 2020.
        mjd_tai: number(row, "jd") - 2_400_000.5 + (37.0 + exposure / 2.0) / 86_400.0,
        flux: nanojansky(number(row, "diffmaglim")),
        sigma: nanojansky(number(row, "diffmaglim")) / 5.0,
        total: f64::NAN,
        ra: f64::NAN,
        dec: f64::NAN,
        filter: integer(row, "fid").unwrap(),
        reference: integer(row, "field").zip(integer(row, "rcid")),
        pid,
        good: number(row, "diffmaglim") > 0.0,
    };
    let Some(candid) = integer(row, "candid") else { return ((false, pid), blank) };
    let difference = nanojansky(number(row, "magpsf"));
    let flux = match text(row, "isdiffpos") {
        "t" | "1" => difference,
        "f" | "0" => -difference,
        other => panic!("isdiffpos is {other}"),
    };
    let beneath = number(row, "distnr") * 1.012 <= 1.5 && number(row, "magnr") > 0.0;
    let real = match number(row, "drb") {
        drb if drb.is_nan() => number(row, "rb") >= 0.65,
        drb => drb >= 0.5,
    };
    let detection = Point {
        flux,
        // σ_m = 2.5 / ln 10 · σ_f / f
        sigma: number(row, "sigmapsf") * difference / (2.5 / std::f64::consts::LN_10),
        total: if beneath { nanojansky(number(row, "magnr")) + flux } else { f64::NAN },
        ra: number(row, "ra"),
        dec: number(row, "dec"),
        good: real && integer(row, "nbad") == Some(0) && number(row, "fwhm") <= 5.0 && number(row, "elong") <= 1.2,
        ..blank
    };
    ((true, candid), detection)
}

/// The packet's points, the trigger first.
fn read(packet: &[u8]) -> Vec<(Key, Point)> {
    let alert = apache_avro::Reader::new(packet).unwrap().next().unwrap().unwrap();
    assert_eq!(text(&alert, "objectId"), OBJECT);
    let history = match column(&alert, "prv_candidates") {
        Some(Value::Array(rows)) => rows.as_slice(),
        None => &[],
        other => panic!("prv_candidates is {other:?}"),
    };
    assert!(column(&alert, "fp_hists").is_none(), "of 4.x, which this object does not have");
    std::iter::once(column(&alert, "candidate").unwrap()).chain(history).map(point).collect()
}

fn same(ours: &Measurement, theirs: &Point, key: Key) {
    let near = |what: &str, ours: f64, theirs: f64, within: f64| {
        let equal = ours.is_nan() && theirs.is_nan() || (ours - theirs).abs() <= within;
        assert!(equal, "{key:?}: {what} is {ours} for {theirs}");
    };
    let usable = !theirs.flux.is_nan() && theirs.flux.abs() < 1e12;
    // The start and 52 s (601.85 microdays) are rounded apart.
    near("time", ours.time.days(), theirs.mjd_tai, 0.66e-6);
    // Half of the last place of the fixed point, and what two ways of raising to a power differ by.
    let fixed = |value: f64| 0.5e-3 + 1e-12 * value.abs();
    if usable {
        near("flux", ours.flux.nanojansky(), theirs.flux, fixed(theirs.flux));
        near("sigma", ours.sigma.nanojansky(), theirs.sigma, fixed(theirs.sigma));
        near("total", ours.total().map_or(f64::NAN, |total| total.nanojansky()), theirs.total, fixed(theirs.total));
    }
    assert_eq!(ours.quality.has(Quality::NO_FLUX), !usable, "{key:?}");
    assert_eq!(ours.quality.is_good(), theirs.good, "{key:?}: {:?}", ours.quality.reasons().collect::<Vec<_>>());
    let (ra, dec) = ours.position.degrees().unwrap_or((f64::NAN, f64::NAN));
    near("ra", ra, theirs.ra, 0.5 / 3.6e6 / theirs.dec.to_radians().cos().max(0.1));
    near("dec", dec, theirs.dec, 0.5 / 3.6e6);
    assert_eq!(ours.band, Band::from_name(["g", "r", "i"][theirs.filter as usize - 1]).unwrap(), "{key:?}");
    let reference = theirs.reference.map_or(Measurement::ANY_REFERENCE, |(field, rcid)| (field * 256 + rcid) as u32);
    assert_eq!((ours.reference, ours.visit), (reference, theirs.pid as u64), "{key:?}");
}

fn key(measurement: &Measurement) -> Key {
    (measurement.kind == Kind::Source, measurement.id.0 as i64)
}

fn packets() -> Option<Vec<Vec<u8>>> {
    let beside = || concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data").into();
    let data = std::env::var_os("SKYDIFF_DATA").map_or_else(beside, PathBuf::from);
    let Ok(files) = std::fs::read_dir(data.join("ztf/histories")) else {
        println!("skipped: no packets at {}", data.display());
        return None;
    };
    Some(files.map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect())
}

#[test]
fn the_history_of_one_object() {
    let Some(packets) = packets() else { return };
    let mut decoder = Decoder::new(&Default::default()).unwrap();
    // Every copy of a point, ours with its version, theirs with the time of its packet's trigger.
    let mut ours = BTreeMap::<Key, BTreeSet<_>>::new();
    let mut theirs = BTreeMap::<Key, Vec<(f64, Point)>>::new();
    let (mut alerts, mut rows) = (0, 0);
    for packet in &packets {
        let mut alert = Alert::blank();
        decoder.decode(packet, |_, decoded| alert = decoded.unwrap().clone());
        if survey::object_name(alert.object) != OBJECT {
            continue;
        }
        alerts += 1;
        let points = read(packet);
        assert!(alert.rejects.is_empty());
        assert_eq!(alert.rows.len(), points.len());
        let trigger = points[0].1.mjd_tai;
        for (row, (name, point)) in alert.rows.iter().zip(points) {
            assert_eq!(key(&row.measurement), name);
            same(&row.measurement, &point, name);
            ours.entry(name).or_default().insert((row.version, row.measurement));
            theirs.entry(name).or_default().push((trigger, point));
            rows += 1;
        }
    }
    assert_eq!(alerts, 331);
    assert!(ours.keys().eq(theirs.keys()));
    // What stands: the trigger itself where there is one, else the copy in the oldest packet.
    for (name, copies) in &theirs {
        let standing = &ours[name].last().unwrap().1;
        let oldest = copies.iter().min_by(|one, other| one.0.total_cmp(&other.0)).unwrap();
        same(standing, &oldest.1, *name);
    }
    println!("{OBJECT}: {alerts} packets, {rows} rows, {} measurements", theirs.len());
}
