//! Live, with the broker on the same machine: how soon a record is committed after its packet came, and how many packets a
//! second are taken, beside a bare consumer that throws the bytes away.
//!
//! `cargo bench --bench live [-- throughput|latency]` (release; needs Java and Maven). One line for each figure; both of a ratio
//! are of one run. A packet is there when the broker appended it, as the broker's own stamp says, to a millisecond.

#[path = "../tests/common/mod.rs"]
mod common;

use common::kafka::Kafka;
use common::{Folder, printed, skydiff};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};
use skydiff_schemas::Decoder;
use std::collections::HashMap;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

fn main() {
    let Some(kafka) = Kafka::start("bench", 1) else { return };
    let only = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    let wanted = |part: &str| only.as_ref().is_none_or(|only| only == part);
    if wanted("throughput") {
        ["ztf", "lsst"].iter().for_each(|survey| throughput(&kafka, survey));
    }
    if !wanted("latency") {
        return;
    }
    // Made beforehand: to simulate a sky takes more of the machine than to tell of it.
    let nights = Folder::new("bench-nights");
    for (name, start, visits) in [("warm.tar", "2026-01-01", "20"), ("night.tar", "2026-01-02", "20")] {
        let to = nights.0.join(name);
        let night = ["--nights", "1", "--start", start, "--visits", visits, "--alerts", "1000"];
        let words = [&["simulate", "--to", to.to_str().unwrap(), "--no-weather", "--no-trouble"], &night[..]];
        printed(skydiff(words.concat()));
    }
    latency(&kafka, &nights, "257 alerts a second", "steady", "257", 257 * 40);
    latency(&kafka, &nights, "a visit of 10,000 alerts in 5 s", "burst", "2000", 10_000);
}

/// Packets a second, of a topic that is full: read and thrown away, read into the job, and with all that a broker keeps.
fn throughput(kafka: &Kafka, survey: &str) {
    let topic = format!("{survey}_full");
    let alerts = if survey == "ztf" { "400" } else { "200" };
    let compression = if survey == "ztf" { "none" } else { "snappy" };
    kafka.topic(&topic, 16);
    printed(skydiff([
        "produce",
        "--brokers",
        &kafka.plaintext,
        "--topic",
        &topic,
        "--survey",
        survey,
        "--nights",
        "1",
        "--visits",
        if survey == "ztf" { "100" } else { "60" },
        "--alerts",
        alerts,
        "--no-weather",
        "--no-trouble",
        "--flat-out",
        "--compression",
        compression,
    ]));
    let folder = Folder::new("bench-live");
    let archive = folder.0.join("archive").to_str().unwrap().to_owned();
    let (packets, bytes, bare) = bare(kafka, &topic);
    println!("{survey}: {packets} packets of {} B, {compression}", bytes / packets.max(1));
    println!("{survey}: bare consumer {:.0}/s", packets as f64 / bare);
    for (what, more) in [
        ("counted only, 2 workers", vec!["-w", "2"]),
        ("with archive, 2 workers", vec!["-w", "2", "--archive", &archive]),
    ] {
        let (begun, cpu) = (Instant::now(), children());
        let words =
            ["run", "--kafka", &kafka.plaintext, "--topic", &topic, "--until-end", "--max-reject", "1", "--json"];
        printed(skydiff(words.into_iter().chain(more)));
        let (seconds, cpu) = (begun.elapsed().as_secs_f64(), children() - cpu);
        println!(
            "{survey}: {what} {:.0}/s, {:.2} of the bare consumer, {:.3} ms CPU an alert",
            packets as f64 / seconds,
            bare / seconds,
            cpu * 1e3 / packets as f64
        );
    }
}

/// Reads a topic to its end: messages, their bytes, seconds.
fn bare(kafka: &Kafka, topic: &str) -> (u64, u64, f64) {
    let consumer = consumer(kafka, topic, Offset::Beginning);
    let partitions = consumer.assignment().unwrap().count();
    let (mut open, mut packets, mut bytes, begun) = (partitions, 0, 0, Instant::now());
    while open > 0 {
        match consumer.poll(Duration::from_secs(20)).expect("Kafka answers") {
            Ok(message) => (packets, bytes) = (packets + 1, bytes + message.payload_len() as u64),
            Err(KafkaError::PartitionEOF(_)) => open -= 1,
            Err(error) => panic!("{error}"),
        }
    }
    (packets, bytes, begun.elapsed().as_secs_f64())
}

fn consumer(kafka: &Kafka, topic: &str, from: Offset) -> BaseConsumer {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &kafka.plaintext)
        .set("group.id", "bench")
        .set("isolation.level", "read_committed")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("fetch.wait.max.ms", "5")
        .create()
        .unwrap();
    let metadata = consumer.fetch_metadata(Some(topic), Duration::from_secs(10)).unwrap();
    let mut list = TopicPartitionList::new();
    for partition in metadata.topics()[0].partitions() {
        list.add_partition_offset(topic, partition.id(), from).unwrap();
    }
    consumer.assign(&list).unwrap();
    consumer
}

/// From the append of a packet to its committed record in a consumer's hands, and from the last packet to the last record. A
/// night of 40 s before it warms up the brokers' code and the lanes' first transactions, and is not counted.
fn latency(kafka: &Kafka, nights: &Folder, what: &str, topic: &str, rate: &str, packets: usize) {
    kafka.topic_with(topic, 16, &["message.timestamp.type=LogAppendTime"]);
    let folder = Folder::new("bench-latency");
    let archive = folder.0.join("archive").to_str().unwrap().to_owned();
    let records = format!("{topic}.records");
    kafka.topic(&records, 4);
    let mut job = Command::new(env!("CARGO_BIN_EXE_skydiff"))
        .args(["run", "--kafka", &kafka.plaintext, "--topic", topic, "--archive", &archive, "--publish", &records])
        .args(["-w", "2", "--name", topic, "--max-reject", "1"])
        .env("SKYDIFF__SINK__LANES", "4")
        .env("SKYDIFF__EPOCHS__LIVE_SECONDS", "0.05")
        .env("SKYDIFF__ARCHIVE__COMMIT_SECONDS", "0")
        .env("SKYDIFF__RECORDS__EMIT", "features")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_secs(3));
    let heard = consumer(kafka, &records, Offset::End);
    let produce = |night: &str, rate: &str, packets: usize| {
        let (night, limit) = (nights.0.join(night), packets.to_string());
        let words = ["produce", "--brokers", &kafka.plaintext, "--topic", topic, "--times", "now", "--rate", rate];
        Command::new(env!("CARGO_BIN_EXE_skydiff"))
            .args(words)
            .args(["--limit", &limit, "--from", night.to_str().unwrap()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    listen(&heard, produce("warm.tar", "257", 257 * 40));
    let told = listen(&heard, produce("night.tar", rate, packets));
    let _ = Command::new("kill").args(["-TERM", &job.id().to_string()]).status();
    let _ = job.wait();
    let came = appended(kafka, topic);
    let mut delays: Vec<f64> =
        told.iter().filter_map(|(alert, told)| Some((*told - came.get(alert)?) as f64 / 1e3)).collect();
    delays.sort_by(f64::total_cmp);
    let at = |share: f64| delays.get(((delays.len() as f64 * share) as usize).min(delays.len().saturating_sub(1)));
    let [p50, p99, max] = [0.5, 0.99, 1.0].map(|share| at(share).copied().unwrap_or(f64::NAN));
    let last = |times: &mut dyn Iterator<Item = i64>| times.max().unwrap_or_default();
    let after = last(&mut told.iter().map(|(_, told)| *told)) - last(&mut came.values().copied());
    println!(
        "{what}: {} records; append to committed record p50 {p50:.3} s, p99 {p99:.3} s, max {max:.3} s; the last of them \
         {:.3} s after the last packet was appended",
        delays.len(),
        after as f64 / 1e3
    );
}

/// Records that come until the producer has ended and nothing more does: the alert of each, and when it was here (ms since 1970).
fn listen(consumer: &BaseConsumer, mut produce: Child) -> Vec<(u64, i64)> {
    let (mut told, mut quiet, mut over) = (Vec::new(), Instant::now(), false);
    loop {
        over |= produce.try_wait().unwrap().is_some();
        match consumer.poll(Duration::from_millis(20)) {
            Some(Ok(message)) => {
                quiet = Instant::now();
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
                let record: serde_json::Value = serde_json::from_slice(message.payload().unwrap_or_default()).unwrap();
                told.extend(record["alert"].as_str().and_then(|id| id.parse().ok()).map(|alert| (alert, now)));
            }
            _ if over && quiet.elapsed() > Duration::from_secs(5) => return told,
            _ => {}
        }
    }
}

/// When the packet of each alert was appended, ms since 1970.
fn appended(kafka: &Kafka, topic: &str) -> HashMap<u64, i64> {
    let consumer = consumer(kafka, topic, Offset::Beginning);
    let mut decoder = Decoder::new(&Default::default()).unwrap();
    let (mut open, mut came) = (consumer.assignment().unwrap().count(), HashMap::new());
    while open > 0 {
        match consumer.poll(Duration::from_secs(20)).expect("Kafka answers") {
            Ok(message) => decoder.decode(message.payload().unwrap_or_default(), |_, alert| {
                came.extend(alert.ok().map(|alert| alert.trigger.0).zip(message.timestamp().to_millis()));
            }),
            Err(KafkaError::PartitionEOF(_)) => open -= 1,
            Err(error) => panic!("{error}"),
        }
    }
    came
}

/// CPU seconds of the children that have ended.
fn children() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |field: usize| fields.get(field).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(13) + ticks(14)) / 100.0
}
