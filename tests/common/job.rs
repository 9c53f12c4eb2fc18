//! A live job for tests: its broker, its topics, its archive; what it has committed, and what a replay says that it must have.

use super::kafka::Kafka;
use super::{Folder, printed, skydiff};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Headers, Message as _};
use rdkafka::{Offset, TopicPartitionList};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

/// Lanes of every job here.
pub const LANES: i32 = 4;

/// One live job.
pub struct Job<'k> {
    pub kafka: &'k Kafka,
    pub folder: Folder,
    pub name: String,
    /// Topics that are read, or patterns.
    pub from: Vec<String>,
    /// Length of epochs …
    pub seconds: f64,
    /// … and their bytes.
    pub bytes: &'static str,
    /// Share of packets that may fail.
    pub max_reject: f64,
    /// More lines of `[source.kafka]`.
    pub source: String,
    /// More lines of `[sink.kafka]`.
    pub sink: String,
    /// More tables.
    pub tables: String,
}

impl<'k> Job<'k> {
    pub fn new(kafka: &'k Kafka, name: &str, from: &str) -> Job<'k> {
        Job {
            kafka,
            folder: Folder::new(name),
            name: name.into(),
            from: vec![from.into()],
            seconds: 0.05,
            bytes: "64MB",
            max_reject: 1.0,
            source: String::new(),
            sink: String::new(),
            tables: String::new(),
        }
    }

    pub fn archive(&self) -> String {
        self.folder.0.join("archive").to_str().unwrap().to_owned()
    }

    /// Its file, as it is now.
    pub fn file(&self) -> String {
        let Job { name, from, seconds, bytes, max_reject, source, sink, tables, .. } = self;
        let (brokers, archive) = (&self.kafka.plaintext, self.archive());
        let text = format!(
            "name = \"{name}\"\n[archive]\nurl = \"{archive}\"\n[epochs]\nlive_seconds = {seconds:?}\nlive_bytes = \"{bytes}\"\n\
             [run]\nmax_reject = {max_reject:?}\n[sink]\nlanes = {LANES}\n\
             [sink.kafka]\ntopic = \"{name}\"\ncurrent = \"{name}.current\"\n{sink}\n\
             [sink.kafka.login]\nbrokers = \"{brokers}\"\npatience = 60\n{tables}\n\
             [[source]]\nkind = \"kafka\"\n[source.kafka]\ntopics = {from:?}\n{source}\n\
             [source.kafka.login]\nbrokers = \"{brokers}\"\npatience = 60\n"
        );
        self.folder.write("job.toml", text.as_bytes()).to_str().unwrap().to_owned()
    }

    pub fn command(&self, more: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_skydiff"));
        command
            .args(["run", &self.file(), "--take-over", "--digest"])
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub fn start(&self, more: &[&str], die: Option<&str>) -> Child {
        let mut command = self.command(more);
        if let Some(step) = die {
            command.env("SKYDIFF_DIE", step);
        }
        command.spawn().unwrap()
    }

    /// Runs it to the end of what is there; the digest.
    pub fn finish(&self, workers: &str) -> String {
        digest(self.command(&["--until-end", "-w", workers]).output().unwrap())
    }

    /// Messages that are bound, of all topics.
    pub fn bound(&self) -> u64 {
        let output = skydiff(["lag", "--archive", &self.archive(), "--json", "--brokers", &self.kafka.plaintext]);
        let told: Json = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let partitions = told["partitions"].as_array().into_iter().flatten();
        partitions.map(|partition| partition["position"].as_u64().unwrap_or(0)).sum()
    }

    /// What a replay of the archive says, by lane, and the digest that it comes to.
    pub fn replayed(&self) -> (BTreeMap<i32, Vec<Json>>, String) {
        let to = self.folder.0.join("replayed");
        let archive = self.archive();
        let of = digest(skydiff(["replay", "--archive", &archive, "--digest", "--to", to.to_str().unwrap()]));
        let text = std::fs::read_to_string(to.join("records.jsonl")).unwrap();
        let mut lanes = BTreeMap::<i32, Vec<_>>::new();
        for line in text.lines() {
            let record: Json = serde_json::from_str(line).unwrap();
            lanes.entry(record["lane"].as_i64().unwrap() as i32).or_default().push(record);
        }
        (lanes, of)
    }

    /// What a consumer of what is committed sees of a topic, by partition.
    pub fn committed(&self, topic: &str) -> BTreeMap<i32, Vec<(String, Option<Json>)>> {
        let mut lanes = committed(self.kafka, topic);
        lanes.retain(|_, messages| !messages.is_empty());
        lanes
    }

    /// Committed records, packets aside, are those of a replay, by lane and in order; the archive is whole. Gives the digest.
    pub fn holds(&self) -> String {
        let (expected, of) = self.replayed();
        let committed = self.committed(&self.name);
        let said: BTreeMap<i32, Vec<_>> = committed
            .into_iter()
            .map(|(lane, messages)| (lane, messages.into_iter().filter_map(|(_, value)| value).map(alone).collect()))
            .collect();
        for (lane, expected) in &expected {
            let said = said.get(lane).map_or(&[][..], |said| said);
            let ids = |records: &[Json]| {
                records.iter().map(|record| (record["epoch"].as_i64(), record["rank"].as_i64())).collect::<Vec<_>>()
            };
            assert_eq!(ids(said), ids(expected), "lane {lane}");
            assert!(said == expected.as_slice(), "lane {lane} says something else");
        }
        assert_eq!(said.len(), expected.len());
        printed(skydiff(["archive", "verify", "--archive", &self.archive()]));
        of
    }
}

/// A record without the packet that goes along.
fn alone(mut record: Json) -> Json {
    record.as_object_mut().map(|record| record.remove("packet"));
    record
}

/// The digest that a run has printed.
pub fn digest(output: Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text.lines().rev().find_map(|line| line.strip_prefix("digest ")).expect(&text).to_owned()
}

/// A message as a consumer of what is committed has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Sent {
    pub key: String,
    pub headers: BTreeMap<String, String>,
    pub value: Option<Vec<u8>>,
}

/// What is committed to a topic, by partition.
pub fn messages(kafka: &Kafka, topic: &str) -> BTreeMap<i32, Vec<Sent>> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &kafka.plaintext)
        .set("group.id", "tests")
        .set("isolation.level", "read_committed")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .create()
        .unwrap();
    let metadata = consumer.fetch_metadata(Some(topic), Duration::from_secs(10)).unwrap();
    let partitions: Vec<i32> = metadata.topics()[0].partitions().iter().map(|partition| partition.id()).collect();
    let mut list = TopicPartitionList::new();
    partitions.iter().for_each(|id| list.add_partition_offset(topic, *id, Offset::Beginning).unwrap());
    consumer.assign(&list).unwrap();
    let mut lanes: BTreeMap<i32, Vec<_>> = partitions.iter().map(|id| (*id, Vec::new())).collect();
    let mut open = partitions.len();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    while open > 0 {
        match consumer.poll(Duration::from_secs(20)).expect("Kafka answers") {
            Ok(message) => {
                let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
                let headers = headers.map(|header| (header.key.to_owned(), text(header.value.unwrap_or_default())));
                lanes.get_mut(&message.partition()).unwrap().push(Sent {
                    key: text(message.key().unwrap_or_default()),
                    headers: headers.collect(),
                    value: message.payload().map(<[u8]>::to_vec),
                });
            }
            Err(KafkaError::PartitionEOF(_)) => open -= 1,
            Err(error) => panic!("{error}"),
        }
    }
    lanes
}

/// Keys and values, which are JSON, of what is committed to a topic.
pub fn committed(kafka: &Kafka, topic: &str) -> BTreeMap<i32, Vec<(String, Option<Json>)>> {
    let one = |sent: Sent| (sent.key, sent.value.map(|value| serde_json::from_slice(&value).unwrap()));
    messages(kafka, topic).into_iter().map(|(lane, all)| (lane, all.into_iter().map(one).collect())).collect()
}

/// Waits until it is so.
pub fn wait_for(mut done: impl FnMut() -> bool) {
    for _ in 0..300 {
        if done() {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("waited in vain");
}

/// Asks a process to end in good order.
pub fn terminate(child: &Child) {
    signal(child, "TERM");
}

/// Sends a signal to a process.
pub fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([format!("-{name}"), child.id().to_string()]).status().unwrap().success());
}
