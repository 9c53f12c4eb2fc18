//! Live from a real Kafka and to it: what is killed says everything once, and what is replayed is what was said.

mod common;

use common::kafka::Kafka;
use common::{Folder, printed, skydiff};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

const LANES: i32 = 4;

/// One live job: its broker, its topics, its archive.
struct Job<'k> {
    kafka: &'k Kafka,
    folder: Folder,
    name: String,
    from: String,
    seconds: &'static str,
}

impl<'k> Job<'k> {
    fn new(kafka: &'k Kafka, name: &str, from: &str) -> Job<'k> {
        Job { kafka, folder: Folder::new(name), name: name.into(), from: from.into(), seconds: "0.05" }
    }

    fn archive(&self) -> String {
        self.folder.0.join("archive").to_str().unwrap().to_owned()
    }

    fn command(&self, more: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_skydiff"));
        let (brokers, archive) = (self.kafka.plaintext.as_str(), self.archive());
        command
            .args(["run", "--kafka", brokers, "--topic", &self.from, "--publish", &self.name, "--name", &self.name])
            .args(["--archive", &archive, "--max-reject", "1", "--take-over", "--digest"])
            .args(more)
            .env("SKYDIFF__EPOCHS__LIVE_SECONDS", self.seconds)
            .env("SKYDIFF__SINK__LANES", LANES.to_string())
            .env("SKYDIFF__SINK__KAFKA__CURRENT", format!("{}.current", self.name))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn start(&self, more: &[&str], die: Option<&str>) -> Child {
        let mut command = self.command(more);
        if let Some(step) = die {
            command.env("SKYDIFF_DIE", step);
        }
        command.spawn().unwrap()
    }

    /// Runs it to the end of what is there; the digest.
    fn finish(&self, workers: &str) -> String {
        digest(self.command(&["--until-end", "-w", workers]).output().unwrap())
    }

    /// What a replay of the archive says, by lane, and the digest that it comes to.
    fn replayed(&self) -> (BTreeMap<i32, Vec<serde_json::Value>>, String) {
        let to = self.folder.0.join("replayed");
        let archive = self.archive();
        let of = digest(skydiff(["replay", "--archive", &archive, "--digest", "--to", to.to_str().unwrap()]));
        let text = std::fs::read_to_string(to.join("records.jsonl")).unwrap();
        let mut lanes = BTreeMap::<i32, Vec<_>>::new();
        for line in text.lines() {
            let record: serde_json::Value = serde_json::from_str(line).unwrap();
            lanes.entry(record["lane"].as_i64().unwrap() as i32).or_default().push(record);
        }
        (lanes, of)
    }

    /// What a consumer of what is committed sees of a topic, by partition.
    fn committed(&self, topic: &str) -> BTreeMap<i32, Vec<(String, Option<serde_json::Value>)>> {
        let mut lanes = committed(self.kafka, topic);
        lanes.retain(|_, messages| !messages.is_empty());
        lanes
    }

    /// Committed records are those of a replay, by lane and in order; the archive is whole. Gives the digest.
    fn holds(&self) -> String {
        let (expected, of) = self.replayed();
        let committed = self.committed(&self.name);
        let said: BTreeMap<i32, Vec<_>> = committed
            .into_iter()
            .map(|(lane, messages)| (lane, messages.into_iter().filter_map(|(_, value)| value).collect()))
            .collect();
        for (lane, expected) in &expected {
            let said = said.get(lane).map_or(&[][..], |said| said);
            let ids = |records: &[serde_json::Value]| {
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

fn digest(output: Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text.lines().rev().find_map(|line| line.strip_prefix("digest ")).expect(&text).to_owned()
}

fn committed(kafka: &Kafka, topic: &str) -> BTreeMap<i32, Vec<(String, Option<serde_json::Value>)>> {
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
    while open > 0 {
        match consumer.poll(Duration::from_secs(20)).expect("Kafka answers") {
            Ok(message) => {
                let key = String::from_utf8(message.key().unwrap_or_default().to_vec()).unwrap();
                let value = message.payload().map(|bytes| serde_json::from_slice(bytes).unwrap());
                lanes.get_mut(&message.partition()).unwrap().push((key, value));
            }
            Err(KafkaError::PartitionEOF(_)) => open -= 1,
            Err(error) => panic!("{error}"),
        }
    }
    lanes
}

/// A night of packets in a topic, with late, doubled and spoiled ones. Gives the digest of their state.
fn night(kafka: &Kafka, topic: &str, seed: &str) -> String {
    let folder = Folder::new(&format!("night-{topic}"));
    let to = folder.0.join("packets");
    let to = to.to_str().unwrap();
    let simulated =
        ["simulate", "--to", to, "--nights", "2", "--visits", "12", "--alerts", "60", "--no-cutouts", "--seed", seed];
    printed(skydiff(simulated));
    kafka.topic(topic, 8);
    let brokers = ["--brokers", &kafka.plaintext];
    printed(skydiff(["produce", "--from", to, "--topic", topic, "--flat-out"].into_iter().chain(brokers)));
    digest(skydiff([
        "run",
        "--kafka",
        &kafka.plaintext,
        "--topic",
        topic,
        "--until-end",
        "--max-reject",
        "1",
        "--digest",
    ]))
}

/// The next of some numbers that look like chance and are the same each time.
fn next(seed: &mut u64) -> u64 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    *seed
}

#[test]
fn a_job_that_is_killed_at_every_step_says_everything_once() {
    let Some(kafka) = Kafka::shared() else { return };
    let undisturbed = night(kafka, "kills", "11");
    let job = Job::new(kafka, "killed", "kills");
    let mut died = 0;
    let steps =
        ["files-written", "manifest-put", "lane-fenced", "lane-begun", "lane-sent", "lane-drained", "lane-committed"];
    for (round, step) in steps.iter().cycle().take(2 * steps.len()).enumerate() {
        let workers = (1 + round % 3).to_string();
        let die = format!("{step}:{}", 1 + round / steps.len() * 4 + round % 2);
        let output = job.start(&["--until-end", "-w", &workers], Some(&die)).wait_with_output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        died += usize::from(told.contains("dies at"));
        assert!(output.status.success() || told.contains("dies at"), "{told}");
    }
    assert!(died >= steps.len(), "only {died} died");
    assert_eq!(job.finish("2"), undisturbed);
    assert_eq!(job.holds(), undisturbed);
}

#[test]
fn a_job_that_is_killed_at_any_instant_says_everything_once() {
    let Some(kafka) = Kafka::shared() else { return };
    let undisturbed = night(kafka, "instants", "12");
    let job = Job::new(kafka, "anytime", "instants");
    let mut seed = 0x5eed;
    for round in 0..8 {
        let mut child = job.start(&["-w", &(1 + round % 2).to_string()], None);
        std::thread::sleep(Duration::from_millis(300 + next(&mut seed) % 1500));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert_eq!(job.finish("1"), undisturbed);
    assert_eq!(job.holds(), undisturbed);
    // One who comes late reads what is true now: of every object the last record, none where no state is left.
    let mut last = BTreeMap::new();
    for (key, record) in job.committed(&job.name).into_values().flatten() {
        let record = record.unwrap();
        let holds = record["timescales"].as_array().unwrap().iter().any(|one| one["states"] != serde_json::json!([]));
        last.insert(key, holds.then_some(record));
    }
    let mut current = BTreeMap::new();
    current.extend(job.committed(&format!("{}.current", job.name)).into_values().flatten());
    assert!(!current.is_empty() && current == last);
}

#[test]
fn the_length_of_epochs_changes_no_state_and_a_broker_that_dies_is_waited_for() {
    let Some(kafka) = Kafka::start("dies", 1) else { return };
    let undisturbed = night(&kafka, "epochs", "13");
    let short = Job::new(&kafka, "short", "epochs");
    let mut child = short.start(&["-w", "2"], None);
    for _ in 0..2 {
        std::thread::sleep(Duration::from_millis(700));
        kafka.kill(1);
        kafka.restart(1);
    }
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(child.try_wait().unwrap(), None, "it waits");
    terminate(&child);
    assert!(child.wait().unwrap().success(), "it drains");
    let long = Job { seconds: "5", ..Job::new(&kafka, "long", "epochs") };
    assert_eq!([short.finish("1"), long.finish("2")], [undisturbed.clone(), undisturbed.clone()]);
    assert_eq!([short.holds(), long.holds()], [undisturbed.clone(), undisturbed]);
}

#[test]
fn an_older_generation_ends_and_says_nothing_more() {
    let Some(kafka) = Kafka::shared() else { return };
    night(kafka, "two", "14");
    let job = Job::new(kafka, "generations", "two");
    let old = job.start(&[], None);
    wait_for(|| kafka.script("topic list", []).contains("generations"));
    std::thread::sleep(Duration::from_millis(1500));
    signal(&old, "STOP");
    let of = job.finish("2");
    signal(&old, "CONT");
    // It has nothing to write until something comes.
    let brokers = ["--brokers", &kafka.plaintext];
    let more = [
        "produce",
        "--nights",
        "1",
        "--visits",
        "3",
        "--alerts",
        "20",
        "--no-cutouts",
        "--no-weather",
        "--topic",
        "two",
        "--flat-out",
    ];
    printed(skydiff(more.into_iter().chain(brokers)));
    let ended = old.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(5), "{}", String::from_utf8_lossy(&ended.stderr));
    assert_ne!(job.finish("1"), of, "more has come");
    job.holds();
}

#[test]
fn a_gap_stops_the_job_unless_it_is_accepted() {
    let Some(kafka) = Kafka::shared() else { return };
    night(kafka, "gap", "15");
    let job = Job::new(kafka, "gaps", "gap");
    job.finish("1");
    night_again(kafka, "gap");
    let config = ClientConfig::new().set("bootstrap.servers", &kafka.plaintext).clone();
    let admin: rdkafka::admin::AdminClient<rdkafka::client::DefaultClientContext> = config.create().unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_offset("gap", 3, Offset::End).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(admin.delete_records(&list, &rdkafka::admin::AdminOptions::new())).unwrap();
    let stopped = job.command(&["--until-end"]).output().unwrap();
    let told = String::from_utf8_lossy(&stopped.stderr);
    assert_eq!(stopped.status.code(), Some(1), "{told}");
    assert!(told.contains("gap partition 3: offsets") && told.contains("--accept-gap"), "{told}");
    let output = job.command(&["--until-end", "--accept-gap"]).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("given up"));
    let of = digest(output);
    assert_eq!(job.finish("2"), of, "it is recorded, and not asked for again");
    assert_eq!(job.holds(), of);
}

#[test]
fn a_replay_publishes_as_a_job_of_its_own() {
    let Some(kafka) = Kafka::shared() else { return };
    let of = night(kafka, "first", "16");
    let job = Job::new(kafka, "said", "first");
    assert_eq!(job.finish("1"), of);
    let replay = |name: &str| {
        let (archive, brokers) = (job.archive(), kafka.plaintext.clone());
        let words = ["replay", "--archive", &archive, "--to", "kafka", "--publish", "again", "--name", name];
        skydiff(words.into_iter().chain(["--kafka", &brokers, "--digest"]))
    };
    let own = replay("said");
    assert_eq!(own.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&own.stderr).contains("a job of its own"));
    assert_eq!(digest(replay("again")), of);
    let records = |topic: &str| {
        let messages = committed(kafka, topic).into_values().flatten();
        let mut records: Vec<_> = messages.map(|(_, value)| value.unwrap()).collect();
        records.iter_mut().for_each(|record| record["job"] = serde_json::Value::Null);
        records
    };
    let once = records("again");
    assert!(once == records("said") && !once.is_empty());
    assert_eq!(digest(replay("again")), of);
    assert!(records("again") == once, "what it has said it does not say again");
}

fn night_again(kafka: &Kafka, topic: &str) {
    let brokers = ["--brokers", &kafka.plaintext];
    let more =
        ["produce", "--nights", "1", "--visits", "6", "--alerts", "40", "--no-cutouts", "--no-weather", "--flat-out"];
    printed(skydiff(more.into_iter().chain(["--topic", topic]).chain(brokers)));
}

fn wait_for(mut done: impl FnMut() -> bool) {
    for _ in 0..300 {
        if done() {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("waited in vain");
}

fn terminate(child: &Child) {
    signal(child, "TERM");
}

fn signal(child: &Child, name: &str) {
    assert!(Path::new("/bin/kill").exists() || Path::new("/usr/bin/kill").exists());
    assert!(Command::new("kill").args([format!("-{name}"), child.id().to_string()]).status().unwrap().success());
}
