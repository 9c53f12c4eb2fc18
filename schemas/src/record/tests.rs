//! One declaration, four forms: JSON, Avro, the Avro schema and its documentation must agree.

use super::*;
use std::process::Command;

fn full() -> Record {
    Record {
        job: "night".into(),
        epoch: 12,
        lane: 3,
        rank: 0,
        survey: "lsst".into(),
        object: "170063990240706645".into(),
        alert_type: AlertType::Update,
        reason: Reason::LateData,
        alert_tense: AlertTense::Archival,
        causes: vec![CausingMeasurement {
            id: u64::MAX.to_string(),
            kind: "forced".into(),
            what: Happening::Late,
            mjd_tai: 61_000.125,
        }],
        alert: Some("170063990240706645".into()),
        ra: Some(53.123_456_789_012),
        dec: Some(-28.25),
        ra_err: Some(0.1),
        dec_err: None,
        _healpix_29: Some(2_400_000_000_000_000_001),
        mjd_tai: Some(61_001.5),
        utc: Some("2025-11-22T11:59:23.000Z".into()),
        newest_mjd_tai: Some(61_001.5),
        newest_utc: None,
        received: None,
        latest: vec![LatestInBand {
            band: "r".into(),
            kind: "source".into(),
            mjd_tai: 61_001.5,
            flux: -1234.567,
            flux_err: 12.5,
            total_flux: None,
            difference_magnitude: Some(23.671_2),
            difference_magnitude_err: Some(0.011),
            magnitude: None,
            magnitude_err: None,
        }],
        context: Some(AlertContext {
            real_bogus: Some(0.75),
            star: None,
            reference_distance: Some(1.5),
            reference_magnitude: None,
            neighbour_distance: None,
            neighbour_magnitude: None,
            solar_system_distance: None,
            solar_system_magnitude: None,
            first_detection_mjd_tai: Some(60_990.0),
            detections: Some(4),
            coverage: None,
            program: None,
            quality: vec!["score".to_owned(), "width".to_owned()],
        }),
        detections: 300,
        first_detection_mjd_tai: Some(60_990.0),
        last_non_detection: Some(LastNonDetection {
            mjd_tai: 60_980.0,
            band: "g".into(),
            limiting_flux: 200.0,
            limiting_magnitude: Some(25.65),
        }),
        timescales: vec![Timescale {
            timescale: None,
            states: vec![StateHeld { state: "rising".into(), z: 12.5 }],
            entered: vec!["rising".into()],
            left: vec!["candidate".into(), "new".into()],
            crossed: vec![],
            bands_disagree: true,
            alive: true,
            valid_until_mjd_tai: None,
            series: vec![Series {
                band: "r".into(),
                reference: 4_294_967_294,
                n: 17,
                weighted_mean: 1.0,
                weighted_mean_err: 2.0,
                chi2: 3.0,
                excess_scatter: Some(4.0),
                linear_fit_slope: Some(5.0),
                linear_fit_slope_sigma: Some(6.0),
                linear_fit_reduced_chi2: None,
                amplitude: 7.0,
                amplitude_z: 8.0,
                rate: None,
                rate_sigma: None,
                rise_limit: Some(9.0),
                rise_limit_z: Some(10.0),
                trend_z: Some(-11.0),
            }],
            colours: vec![ColourOfPair {
                blue: "g".into(),
                red: "r".into(),
                colour: 0.3,
                colour_err: 0.02,
                change: Some(-0.01),
            }],
        }],
    }
}

/// A record with nothing that can be absent.
fn empty() -> Record {
    let empty = Record {
        causes: vec![],
        latest: vec![],
        timescales: vec![],
        context: None,
        last_non_detection: None,
        ..full()
    };
    let empty =
        Record { alert: None, ra: None, dec: None, ra_err: None, _healpix_29: None, mjd_tai: None, utc: None, ..empty };
    Record { newest_mjd_tai: None, first_detection_mjd_tai: None, detections: 0, rank: i64::MAX, ..empty }
}

fn container(codec: Codec, records: &[Record]) -> Vec<u8> {
    let mut writer = ContainerWriter::new(Vec::new(), codec).unwrap();
    records.iter().for_each(|record| writer.append(record).unwrap());
    writer.finish().unwrap()
}

fn line(record: &Record) -> String {
    let mut line = vec![];
    record.write_json(&mut line);
    String::from_utf8(line).unwrap()
}

#[test]
fn json_comes_back_one_line_each() {
    for record in [full(), empty()] {
        let line = line(&record);
        assert_eq!(line.find('\n'), Some(line.len() - 1));
        assert_eq!(serde_json::from_str::<Record>(&line).unwrap(), record);
        assert!(line.contains(r#""alert_type":"update","reason":"late_data","alert_tense":"archival""#), "{line}");
    }
    assert!(line(&empty()).contains(r#""ra":null"#), "absent is null, not left out");
}

/// The Avro schema and the JSON are of one declaration: the same names in the same order, all the way down.
#[test]
fn json_has_the_columns_of_the_schema() {
    fn check(value: &serde_json::Value, of: &serde_json::Value) {
        match of {
            serde_json::Value::Array(union) if !value.is_null() => check(value, &union[1]),
            serde_json::Value::Object(of) if of["type"] == "array" => {
                value.as_array().unwrap().iter().for_each(|value| check(value, &of["items"]));
            }
            serde_json::Value::Object(of) => {
                let names: std::collections::BTreeSet<_> =
                    value.as_object().unwrap().keys().map(String::as_str).collect();
                let fields = of["fields"].as_array().unwrap();
                assert_eq!(names, fields.iter().map(|field| field["name"].as_str().unwrap()).collect());
                fields.iter().for_each(|field| check(&value[field["name"].as_str().unwrap()], &field["type"]));
            }
            _ => {}
        }
    }
    check(&serde_json::to_value(full()).unwrap(), &avro_schema());
}

#[test]
fn avro_is_read_by_another_implementation() {
    for codec in [Codec::Null, Codec::Deflate] {
        let bytes = container(codec, &[full(), empty()]);
        let reader = apache_avro::Reader::new(&bytes[..]).unwrap();
        let read: Vec<Record> = reader.map(|value| apache_avro::from_value(&value.unwrap()).unwrap()).collect();
        assert_eq!(read, [full(), empty()], "{codec:?}");
    }
}

#[test]
fn blocks_end_when_full_and_when_asked() {
    let records = vec![full(); 400];
    let bytes = container(Codec::Null, &records);
    assert_eq!(apache_avro::Reader::new(&bytes[..]).unwrap().count(), 400);
    let mut writer = ContainerWriter::new(Vec::new(), Codec::Deflate).unwrap();
    for record in &records[..3] {
        writer.append(record).unwrap();
        writer.flush().unwrap();
    }
    let bytes = writer.finish().unwrap();
    assert_eq!(apache_avro::Reader::new(&bytes[..]).unwrap().count(), 3);
    assert_eq!(bytes, {
        let mut again = ContainerWriter::new(Vec::new(), Codec::Deflate).unwrap();
        records[..3].iter().for_each(|record| {
            again.append(record).unwrap();
            again.flush().unwrap();
        });
        again.finish().unwrap()
    });
}

#[test]
fn fastavro_reads_it_as_the_json_says() {
    let python = "/tmp/venv/bin/python";
    if !std::path::Path::new(python).exists() {
        return println!("skipped: no {python}");
    }
    let folder = std::env::temp_dir().join(format!("skydiff-record-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("r.avro"), container(Codec::Deflate, &[full(), empty()])).unwrap();
    std::fs::write(folder.join("r.jsonl"), line(&full()) + &line(&empty())).unwrap();
    let compare = r#"
import fastavro, json, sys, struct
single = lambda v: struct.unpack('f', struct.pack('f', v))[0]
def same(a, j):
    if isinstance(a, dict): return list(a) == list(j) and all(same(a[k], j[k]) for k in a)
    if isinstance(a, list): return len(a) == len(j) and all(map(same, a, j))
    if isinstance(a, float): return a in (j, single(j))
    return a == j
rows = list(fastavro.reader(open(sys.argv[1] + '/r.avro', 'rb')))
lines = [json.loads(line) for line in open(sys.argv[1] + '/r.jsonl')]
assert len(rows) == len(lines) == 2 and all(map(same, rows, lines)), (rows, lines)
"#;
    let output = Command::new(python).arg("-c").arg(compare).arg(&folder).output().unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn every_column_is_documented() {
    fn check(shape: &Shape) {
        match shape {
            Shape::Maybe(inner) | Shape::List(inner) => check(inner),
            Shape::Table(table) => {
                assert!(!table.doc.is_empty());
                for column in &table.columns {
                    assert!(
                        column.doc.ends_with('.') && !column.doc.contains("  "),
                        "{}: {:?}",
                        column.name,
                        column.doc
                    );
                    check(&column.shape);
                }
            }
            _ => {}
        }
    }
    check(&Record::shape());
    check(&Enclosed::shape());
    let markdown = markdown();
    assert!(markdown.contains("| `ra` | double or null | deg | Right ascension"), "{markdown}");
    assert!(markdown.contains("One of: initial, subsequent, update, retraction."));
    assert_eq!(markdown.matches("## ").count(), 9, "a section for each table: {markdown}");
}

#[test]
fn what_is_encoded_is_decoded_and_nothing_shorter() {
    for record in [full(), empty()] {
        let mut datum = vec![];
        record.encode(&mut datum);
        assert_eq!(Record::decode_whole(&datum).as_ref(), Some(&record));
        for length in 0..datum.len() {
            assert_eq!(Record::decode_whole(&datum[..length]), None);
        }
        datum.push(0);
        assert_eq!(Record::decode_whole(&datum), None);
    }
    let container = |codec| {
        let mut writer = ContainerWriter::new(vec![], codec).unwrap();
        (0..300).for_each(|_| writer.append(&full()).unwrap());
        writer.finish().unwrap()
    };
    for codec in [Codec::Null, Codec::Deflate] {
        let bytes = container(codec);
        let read: Vec<Record> = ContainerReader::new(&bytes[..]).unwrap().map(Result::unwrap).collect();
        assert!(read.len() == 300 && read.iter().all(|record| *record == full()));
        for length in (0..bytes.len()).step_by(97) {
            let whole = ContainerReader::new(&bytes[..length]).and_then(Iterator::collect::<Result<Vec<_>, _>>);
            assert!(whole.map_or(true, |records| records.len() < 300));
        }
    }
}

/// A record whose message carries a packet is read by others with the schema that has one more column, and by us.
#[test]
fn what_carries_a_packet_is_read_by_another_implementation() {
    let packet = |bytes: Option<&[u8]>, fields: Option<&str>| Enclosed {
        alert: "9007199254740993".into(),
        topic: "ztf_20260101_programid1".into(),
        partition: 3,
        offset: 41,
        schema: "ztf.alert 4.02".into(),
        bytes: bytes.map(|bytes| Blob(bytes.to_vec())),
        fields: fields.map(str::to_owned),
    };
    let schema = apache_avro::Schema::parse_str(&enclosing_schema().to_string()).unwrap();
    for packet in [None, Some(packet(Some(b"Obj\x01\xff"), None)), Some(packet(None, Some(r#"{"jd":0.1}"#)))] {
        let mut datum = vec![];
        full().encode(&mut datum);
        packet.encode(&mut datum);
        assert_eq!(Enclosed::decode_with(&datum), Some((full(), packet.clone())));
        let reader = apache_avro::reader::datum::GenericDatumReader::builder(&schema).build().unwrap();
        let read = reader.read_value(&mut &datum[..]).unwrap();
        let apache_avro::types::Value::Record(columns) = read else { panic!("{read:?}") };
        let (name, value) = columns.last().unwrap();
        assert_eq!(name, "packet");
        let text = format!("{value:?}");
        match packet {
            None => assert!(text.contains("Null"), "{text}"),
            Some(Enclosed { bytes: Some(bytes), .. }) => assert!(text.contains(&format!("{:?}", bytes.0)), "{text}"),
            Some(packet) => {
                let mut json = vec![];
                packet.write_json(&mut json);
                let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
                assert_eq!(
                    (&json["fields"]["jd"], &json["bytes"]),
                    (&serde_json::json!(0.1), &serde_json::Value::Null)
                );
                assert!(text.contains("9007199254740993") && json["alert"] == "9007199254740993");
            }
        }
    }
}
