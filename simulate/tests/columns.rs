//! Packets as another implementation reads them: `apache-avro` finds what skydiff's decoder finds, a history repeats what
//! was sent, and columns are null exactly where they are in real packets.

mod shots;

use apache_avro::types::Value;
use apache_avro::{Reader, Schema};
use shots::{Survey, made};
use skydiff_schemas::Kind;
use skydiff_schemas::survey::lsst::writer_schema;
use skydiff_simulate::{Format, Seen, Shot, Writer};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn packet(format: Format, cutouts: bool, shot: &Shot) -> Vec<u8> {
    let mut out = Vec::new();
    Writer::new(format, cutouts).unwrap().write(shot, &mut out);
    out
}

/// The only record of a packet, and nothing behind it.
fn read(packet: &[u8]) -> Value {
    if packet.starts_with(b"Obj\x01") {
        let mut records: Vec<Value> = Reader::new(packet).unwrap().map(Result::unwrap).collect();
        assert_eq!(records.len(), 1);
        return records.remove(0);
    }
    let id = u32::from_be_bytes(packet[1..5].try_into().unwrap());
    let schema = Schema::parse_str(&writer_schema(id).unwrap()).unwrap();
    let mut rest = &packet[5..];
    let reader = apache_avro::reader::datum::GenericDatumReader::builder(&schema).build().unwrap();
    let value = reader.read_value(&mut rest).unwrap();
    assert!(rest.is_empty(), "{} bytes behind the record", rest.len());
    value
}

/// Without the union around it.
fn plain(value: &Value) -> &Value {
    match value {
        Value::Union(_, inner) => plain(inner),
        other => other,
    }
}

fn field<'a>(record: &'a Value, name: &str) -> &'a Value {
    let Value::Record(fields) = plain(record) else { panic!("no record: {record:?}") };
    plain(&fields.iter().find(|(known, _)| known == name).unwrap_or_else(|| panic!("no {name}")).1)
}

fn rows<'a>(record: &'a Value, name: &str) -> &'a [Value] {
    match field(record, name) {
        Value::Array(rows) => rows,
        Value::Null => &[],
        other => panic!("{name} is {other:?}"),
    }
}

fn number(record: &Value, name: &str) -> f64 {
    match field(record, name) {
        Value::Float(value) => f64::from(*value),
        Value::Double(value) => *value,
        Value::Int(value) => f64::from(*value),
        Value::Long(value) => *value as f64,
        other => panic!("{name} is {other:?}"),
    }
}

#[test]
fn ztf_packets_are_read_and_say_what_was_seen() {
    for seed in 0..40 {
        let made = made(Survey::Ztf, seed, 8, 8);
        let record = read(&packet(Format::Ztf402, seed % 4 == 0, &made.shot()));
        let candidate = field(&record, "candidate");
        let check = |row: &Value, seen: &Seen| {
            let (magnitude, sign) = (number(row, "magpsf"), if seen.flux > 0.0 { "t" } else { "f" });
            assert!((10f64.powf((31.4 - magnitude) / 2.5) / seen.flux.abs() - 1.0).abs() < 6e-5);
            assert_eq!(field(row, "isdiffpos"), &Value::String(sign.to_owned()));
            assert_eq!(field(row, "candid"), &Value::Long(seen.id as i64));
            assert!((number(row, "jd") - 2_400_000.5 - seen.visit.start_utc).abs() < 1e-6);
            assert!(
                (number(row, "ra") - seen.place.ra).abs() < 1e-6 && (number(row, "dec") - seen.place.dec).abs() < 1e-6
            );
            let good = number(row, "nbad") == 0.0 && number(row, "fwhm") <= 5.0 && number(row, "elong") <= 1.2;
            assert_eq!(good, !seen.bad);
            assert_eq!(number(row, "rb") >= 0.65, seen.score >= 0.5);
            let sum = number(row, "magap") - number(row, "magpsf") - number(row, "magdiff");
            assert!(sum.abs() < 2e-4, "{sum}");
        };
        check(candidate, &made.trigger);
        let previous = rows(&record, "prv_candidates");
        assert_eq!(previous.len(), made.history.len());
        for (row, seen) in previous.iter().zip(&made.history) {
            match seen.kind {
                Kind::Limit => assert_eq!(field(row, "candid"), &Value::Null),
                _ => check(row, seen),
            }
        }
        let forced = rows(&record, "fp_hists");
        assert_eq!(forced.len(), made.forced.len());
        for (row, seen) in forced.iter().zip(&made.forced) {
            let scale = 10f64.powf((31.4 - number(row, "magzpsci")) / 2.5);
            assert!((number(row, "forcediffimflux") * scale / seen.flux - 1.0).abs() < 2e-5);
            assert_eq!(field(row, "procstatus"), &Value::String(if seen.bad { "56" } else { "0" }.to_owned()));
        }
    }
}

/// What a history repeats is what was sent: to six digits and without some columns (ZTF), or all of it (LSST).
#[test]
fn a_history_repeats_its_triggers() {
    for seed in 0..30 {
        let first = made(Survey::Ztf, seed, 3, 0);
        let mut later = made(Survey::Ztf, seed + 1000, 0, 0);
        later.target = first.target;
        later.history = vec![first.trigger];
        let sent = read(&packet(Format::Ztf402, false, &first.shot()));
        let copy = read(&packet(Format::Ztf402, true, &later.shot()));
        let copy = &rows(&copy, "prv_candidates")[0];
        let Value::Record(columns) = plain(copy) else { panic!("no record") };
        for (name, value) in columns {
            let sent = field(field(&sent, "candidate"), name);
            match (plain(value), sent) {
                (Value::Null, _) => assert!(["ssdistnr", "ssmagnr", "ssnamenr"].contains(&name.as_str()), "{name}"),
                (Value::String(_), _) if name == "pdiffimfilename" => {}
                (Value::Float(copy), Value::Float(sent)) => {
                    assert!((copy - sent).abs() <= 6e-6 * sent.abs(), "{name}: {copy} of {sent}")
                }
                (Value::Double(copy), Value::Double(sent)) => {
                    assert!((copy - sent).abs() <= 6e-6 * sent.abs(), "{name}")
                }
                (copy, sent) => assert_eq!(copy, sent, "{name}"),
            }
        }
        let first = made(Survey::Lsst, seed, 3, 0);
        let mut later = made(Survey::Lsst, seed + 1000, 0, 0);
        (later.target, later.history) = (first.target, vec![first.trigger]);
        let sent = read(&packet(Format::Lsst(1101), false, &first.shot()));
        let copy = read(&packet(Format::Lsst(1101), true, &later.shot()));
        let Value::Record(columns) = plain(&rows(&copy, "prvDiaSources")[0]) else { panic!("no record") };
        for (name, value) in columns.iter().filter(|(name, _)| name != "ssObjectId") {
            assert_eq!(plain(value), field(field(&sent, "diaSource"), name), "{name}");
        }
    }
}

/// The folder of real data: `SKYDIFF_DATA`, else beside the workspace.
fn data() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let folder = std::env::var_os("SKYDIFF_DATA").map_or(beside, PathBuf::from);
    let found = folder.join("INDEX.md").exists();
    if !found {
        println!("skipped: no real packets at {}", folder.display());
    }
    found.then_some(folder)
}

/// How often each column of a record is filled, of how many.
type Filled = BTreeMap<String, (u32, u32)>;

fn count(filled: &mut Filled, name: &str, row: &Value) {
    let Value::Record(columns) = plain(row) else { return };
    for (column, value) in columns {
        let entry = filled.entry(format!("{name}.{column}")).or_default();
        entry.0 += u32::from(*plain(value) != Value::Null);
        entry.1 += 1;
    }
}

fn filled(packets: impl Iterator<Item = Vec<u8>>) -> Filled {
    let mut filled = Filled::new();
    for packet in packets {
        let record = read(&packet);
        let Value::Record(fields) = &record else { continue };
        for (name, value) in fields {
            match plain(value) {
                Value::Record(_) => count(&mut filled, name, value),
                Value::Array(rows) => rows.iter().for_each(|row| {
                    let limit = name == "prv_candidates" && *field(row, "candid") == Value::Null;
                    count(&mut filled, if limit { "limit" } else { name }, row);
                }),
                _ => {}
            }
        }
    }
    filled
}

fn files(folder: PathBuf) -> impl Iterator<Item = Vec<u8>> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|file| std::fs::read(file).unwrap())
}

/// Columns that are null in every real row are so in every simulated one, and the other way round.
#[test]
fn columns_are_filled_as_in_real_packets() {
    let Some(data) = data() else { return };
    let simulated =
        |survey, format| filled((0..60).map(move |seed| packet(format, true, &made(survey, seed, 20, 20).shot())));
    // Triggers of 2026 leave these null, but nothing else says when an object was first seen.
    let deliberate = ["diaObject.firstDiaSourceMjdTai", "diaObject.lastDiaSourceMjdTai"];
    // Real rows here have no withdrawn source, and real history no solar-system neighbours but two.
    let rare = ["timeWithdrawnMjdTai", "ssdistnr", "ssmagnr", "ssnamenr"];
    let ztf = (filled(files(data.join("ztf/v4"))), simulated(Survey::Ztf, Format::Ztf402));
    let of_lsst = files(data.join("lsst/v10.0")).chain(files(data.join("lsst/production-v10.0")));
    let lsst = (filled(of_lsst), simulated(Survey::Lsst, Format::Lsst(1000)));
    for (real, simulated) in [ztf, lsst] {
        assert!(real.keys().eq(simulated.keys()), "not the same columns");
        for (name, (some, all)) in &simulated {
            let (real_some, real_all) = real[name];
            let column = name.split_once('.').unwrap().1;
            let aggregate =
                column.split_once('_').is_some_and(|(band, _)| ["u", "g", "r", "i", "z", "y"].contains(&band));
            if deliberate.contains(&name.as_str()) || rare.contains(&column) || aggregate && !column.contains("fpFlux")
            {
                continue;
            }
            assert_eq!(
                *some == 0,
                real_some == 0,
                "{name}: {some} of {all} filled, {real_some} of {real_all} in real packets"
            );
            // What every real row has (but for orbits, of which half are short) every simulated one has.
            assert!(real_some < real_all || some == all, "{name}: only {some} of {all} filled");
        }
    }
}
