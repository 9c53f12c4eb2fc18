//! Packets redistributed with the records that they caused: the bytes that were sent, once, live as in a replay, and nothing where
//! no packet caused it.

mod common;

use common::job::{Job, Sent, digest, messages};
use common::kafka::Kafka;
use common::registry::Registry;
use common::{printed, skydiff};
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// A night with stamps, and with what goes wrong in it, to a topic.
fn night(kafka: &Kafka, topic: &str, survey: &str, date: &str) {
    let night = format!("--survey {survey} --nights 1 --start {date} --visits 8 --alerts 25 --no-weather --seed 31");
    let words = format!("produce --brokers {} --topic {topic} --flat-out {night}", kafka.plaintext);
    printed(skydiff(words.split_whitespace()));
}

/// Bytes of base64.
fn decoded(text: &str) -> Vec<u8> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let digits: Vec<u8> = text.bytes().take_while(|byte| *byte != b'=').map(digit).collect();
    let bits =
        |four: &[u8]| four.iter().enumerate().fold(0u32, |bits, (at, digit)| bits | u32::from(*digit) << (18 - 6 * at));
    digits.chunks(4).flat_map(|four| bits(four).to_be_bytes()[1..four.len()].to_vec()).collect()
}

/// The messages of a job's records, by lane, as JSON without the job's name.
fn records(kafka: &Kafka, topic: &str) -> BTreeMap<i32, Vec<Json>> {
    let json = |sent: Sent| {
        let mut record: Json = serde_json::from_slice(&sent.value.unwrap()).unwrap();
        record["job"] = Json::Null;
        record
    };
    messages(kafka, topic).into_iter().map(|(lane, all)| (lane, all.into_iter().map(json).collect())).collect()
}

#[test]
fn a_record_carries_the_packet_that_caused_it_byte_for_byte() {
    let Some(kafka) = Kafka::shared() else { return };
    kafka.topic("stamped", 4);
    night(kafka, "stamped", "ztf", "2026-01-01");
    let job = Job {
        sink: "packet = \"all\"".into(),
        tables: "[records]\nemit = \"features\"\nemit_expiry = true\n".into(),
        seconds: 0.05,
        ..Job::new(kafka, "with_packets", "stamped")
    };
    // Killed between its manifest and its records: those are told when it comes back, with their packets.
    for die in ["manifest-put:1", "lane-sent:6", "lane-drained:6"] {
        let output = job.start(&["--until-end", "-w", "2"], Some(die)).wait_with_output().unwrap();
        assert!(String::from_utf8_lossy(&output.stderr).contains("dies at"), "{die}");
    }
    job.finish("1");
    // The next night's clock lets states of the shortest window expire.
    night(kafka, "stamped", "ztf", "2026-01-02");
    let of = job.finish("2");
    let sent = messages(kafka, "stamped");
    let said = records(kafka, "with_packets");
    let (mut carried, mut bare) = (0, BTreeMap::<String, usize>::new());
    for record in said.values().flatten() {
        let (packet, reason) = (&record["packet"], record["reason"].as_str().unwrap());
        let taken_back = record["alert_type"] == "retraction";
        if packet.is_null() {
            assert!(reason != "new_data" || taken_back, "{record}");
            *bare.entry(reason.to_owned()).or_default() += 1;
            continue;
        }
        carried += 1;
        assert!(!taken_back && reason != "expired", "{record}");
        let at = |key: &str| packet[key].as_u64().unwrap();
        let original = &sent[&(at("partition") as i32)][at("offset") as usize];
        assert!(decoded(packet["bytes"].as_str().unwrap()) == *original.value.as_ref().unwrap());
        assert_eq!((&packet["topic"], &packet["schema"]), (&Json::from("stamped"), &Json::from("ztf.alert")));
        assert_eq!(packet["fields"], Json::Null);
        // Of new data it is that of the newest source.
        let newest = record["causes"].as_array().unwrap().iter().filter(|cause| cause["kind"] == "source");
        let newest = newest.max_by(|a, b| a["mjd_tai"].as_f64().unwrap().total_cmp(&b["mjd_tai"].as_f64().unwrap()));
        if let Some(newest) = newest.filter(|_| reason == "new_data") {
            assert_eq!(packet["alert"], newest["id"], "{}", record["object"]);
        }
    }
    println!("{carried} with their packets; without: {bare:?}");
    assert!(carried > 100 && bare.contains_key("expired"), "{carried} {bare:?}");
    assert_eq!(job.holds(), of, "without them they are what a replay says");
    // One who comes late gets what is true, and no images.
    for current in messages(kafka, "with_packets.current").into_values().flatten().filter_map(|sent| sent.value) {
        let current: Json = serde_json::from_slice(&current).unwrap();
        assert!(current["packet"].is_null() && current.get("packet").is_some());
    }
    let archive = job.archive();
    let replay = |more: &[&str]| {
        let words = [
            "replay",
            "--archive",
            &archive,
            "--to",
            "kafka",
            "--publish",
            "resent",
            "--name",
            "resent",
            "--packet",
            "all",
        ];
        let kafka = ["--kafka", &kafka.plaintext, "--digest"];
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_skydiff"));
        command.args(words).args(kafka).args(more).output().unwrap()
    };
    let refused = replay(&["--from", "measurements"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("what was kept of packets has none"));
    assert_eq!(digest(replay(&["-w", "3"])), of);
    assert!(records(kafka, "resent") == said, "what is sent once more is what was sent");
}

#[test]
fn chosen_fields_and_all_but_the_images_go_along_in_either_form() {
    let Some(kafka) = Kafka::shared() else { return };
    kafka.topic("chosen", 4);
    night(kafka, "chosen", "lsst", "2026-01-01");
    night(kafka, "chosen", "lsst", "2026-01-02");
    let registry = Registry::start();
    let job = |name: &str, sink: &str| Job {
        sink: format!("registry = \"{}\"\n{sink}", registry.url),
        seconds: 1.0,
        ..Job::new(kafka, name, "chosen")
    };
    let fields = job(
        "with_fields",
        r#"format = "avro"
packet = ["diaSource.diaSourceId", "prvDiaSources.midpointMjdTai", "cutoutDifference", "noSuchField"]"#,
    );
    let whole = job("without_cutouts", "packet = \"no-cutouts\"");
    assert_eq!(fields.finish("2"), whole.finish("1"));
    // Another implementation reads it, by the schema that the registry has.
    let subjects: Vec<Sent> = messages(kafka, "with_fields").into_values().flatten().collect();
    let mut carried = 0;
    for sent in &subjects {
        let value = sent.value.as_ref().unwrap();
        let id = u32::from_be_bytes(value[1..5].try_into().unwrap());
        let schema = apache_avro::Schema::parse_str(&registry.schema(id).unwrap()).unwrap();
        let reader = apache_avro::reader::datum::GenericDatumReader::builder(&schema).build().unwrap();
        let apache_avro::types::Value::Record(columns) = reader.read_value(&mut &value[5..]).unwrap() else { panic!() };
        assert_eq!(columns.last().unwrap().0, "packet");
        carried += usize::from(matches!(columns.last().unwrap().1, apache_avro::types::Value::Union(1, _)));
    }
    assert!(carried > 30, "{carried} of {}", subjects.len());
    // And so does `skydiff consume`, which shows what is in it.
    let words = format!("consume with_fields --to-end --json --brokers {}", kafka.plaintext);
    let lines = printed(skydiff(words.split_whitespace()));
    let mut seen = 0;
    for line in lines.lines() {
        let record = &serde_json::from_str::<Json>(line).unwrap()["record"];
        let Some(packet) = record["packet"].as_object() else { continue };
        let fields = packet["fields"].as_object().unwrap();
        assert_eq!(fields.keys().collect::<Vec<_>>(), ["cutoutDifference", "diaSource", "prvDiaSources"]);
        assert_eq!(
            fields["diaSource"].to_string(),
            format!("{{\"diaSourceId\":{}}}", packet["alert"].as_str().unwrap())
        );
        assert!(decoded(fields["cutoutDifference"].as_str().unwrap()).starts_with(b"SIMPLE"), "{packet:?}");
        for row in fields["prvDiaSources"].as_array().into_iter().flatten() {
            assert!(row["midpointMjdTai"].is_f64() && row.as_object().unwrap().len() == 1, "{row}");
        }
        seen += 1;
    }
    assert!(seen > 30 && lines.lines().count() == subjects.len(), "{seen}");
    for record in records(kafka, "without_cutouts").values().flatten() {
        let Some(fields) = record["packet"]["fields"].as_object() else { continue };
        assert!(fields["diaSource"]["psfFlux"].is_f64() && fields.contains_key("prvDiaForcedSources"));
        assert!(!fields.keys().any(|name| name.starts_with("cutout")), "{:?}", fields.keys());
    }
    assert_eq!(whole.holds(), whole.finish("1"));
}
