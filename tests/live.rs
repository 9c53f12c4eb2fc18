//! Live from a real Kafka and to it: what is killed says everything once, and what is replayed is what was said.

mod common;

use common::job::{Job, committed, digest, signal, terminate, wait_for};
use common::kafka::Kafka;
use common::{Folder, printed, skydiff};
use rdkafka::config::ClientConfig;
use rdkafka::{Offset, TopicPartitionList};
use std::collections::BTreeMap;
use std::time::Duration;

/// A topic of its own with nights of packets. Gives the digest of their state.
fn night(kafka: &Kafka, topic: &str, seed: &str) -> String {
    kafka.topic(topic, 8);
    filled(kafka, topic, seed)
}

/// Nights of packets to a topic, with late, doubled and spoiled ones. Gives the digest of their state.
fn filled(kafka: &Kafka, topic: &str, seed: &str) -> String {
    let folder = Folder::new(&format!("night-{topic}"));
    let to = folder.0.join("packets");
    let to = to.to_str().unwrap();
    let simulated =
        ["simulate", "--to", to, "--nights", "2", "--visits", "12", "--alerts", "60", "--no-cutouts", "--seed", seed];
    printed(skydiff(simulated));
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

/// Until all lanes are born none publishes, and nothing is bound: those that are born later lack nothing.
#[test]
fn a_job_that_dies_while_its_lanes_are_born_says_everything_once() {
    let Some(kafka) = Kafka::shared() else { return };
    let undisturbed = night(kafka, "births", "19");
    for (round, step) in ["lane-fenced:1", "lane-sent:2", "lane-drained:3", "lane-committed:4"].iter().enumerate() {
        let job = Job::new(kafka, &format!("born{round}"), "births");
        let output = job.start(&["--until-end"], Some(step)).wait_with_output().unwrap();
        assert!(String::from_utf8_lossy(&output.stderr).contains("dies at"), "{step}");
        assert_eq!(job.finish("2"), undisturbed);
        assert_eq!(job.holds(), undisturbed, "{step}");
    }
}

/// While nights stream in. `SKYDIFF_KILLS=100` is the long form: the broker dies too, every tenth time.
#[test]
fn a_job_that_is_killed_at_any_instant_says_everything_once() {
    let wanted = std::env::var("SKYDIFF_KILLS").ok().and_then(|kills| kills.parse::<u64>().ok());
    let own = wanted.and_then(|_| Kafka::start("kills", 1));
    let Some(kafka) = own.as_ref().or_else(|| Kafka::shared()) else { return };
    let (kills, folder) = (wanted.unwrap_or(8), Folder::new("instants"));
    let to = folder.0.join("packets");
    let to = to.to_str().unwrap();
    let night = ["--nights", "2", "--visits", "12", "--alerts", "60", "--no-cutouts", "--seed", "12"];
    printed(skydiff(["simulate", "--to", to].into_iter().chain(night)));
    let undisturbed = digest(skydiff(["run", "--from", to, "--max-reject", "1", "--digest"]));
    kafka.topic("instants", 8);
    // About as long as all kills take.
    let rate = (500 / kills).max(4).to_string();
    let words = [
        "produce",
        "--from",
        to,
        "--topic",
        "instants",
        "--rate",
        &rate,
        "--patience",
        "60",
        "--brokers",
        &kafka.plaintext,
    ];
    let mut produce = std::process::Command::new(env!("CARGO_BIN_EXE_skydiff"))
        .args(words)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let job = Job::new(kafka, "anytime", "instants");
    let mut seed = 0x5eed;
    for round in 0..kills {
        let mut child = job.start(&["-w", &(1 + round % 2).to_string()], None);
        std::thread::sleep(Duration::from_millis(300 + next(&mut seed) % 1500));
        if wanted.is_some() && round % 10 == 9 {
            kafka.kill(1);
            std::thread::sleep(Duration::from_millis(next(&mut seed) % 500));
            kafka.restart(1);
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(produce.wait().unwrap().success());
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
    let ended = child.try_wait().unwrap();
    terminate(&child);
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(ended.is_none() && output.status.success(), "it waits, and drains: {told}");
    let long = Job { seconds: 5.0, ..Job::new(&kafka, "long", "epochs") };
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

#[test]
fn any_process_of_two_may_be_killed() {
    let Some(kafka) = Kafka::shared() else { return };
    let undisturbed = night(kafka, "processes", "17");
    let job = Job::new(kafka, "pair", "processes");
    let mut seed = 0xfeed;
    for round in 0..4 {
        let ports: Vec<_> = (0..2).map(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let hosts: Vec<_> = ports.iter().map(|port| port.local_addr().unwrap().to_string()).collect();
        drop(ports);
        let hosts = hosts.join(",");
        let start = |process: &str| {
            let mut command = job.command(&["--hosts", &hosts, "--process", process]);
            command.env("SKYDIFF_SECRET", "of the tests, and of nobody else").spawn().unwrap()
        };
        let mut both = [start("0"), start("1")];
        std::thread::sleep(Duration::from_millis(1200 + next(&mut seed) % 1500));
        both[round % 2].kill().unwrap();
        let ended = both[1 - round % 2].wait().unwrap();
        assert!(!ended.success(), "one ends with the other");
        both[round % 2].wait().unwrap();
    }
    assert_eq!(job.finish("2"), undisturbed);
    assert_eq!(job.holds(), undisturbed);
}

#[test]
fn brokers_come_and_go() {
    let Some(kafka) = Kafka::start("three", 3) else { return };
    let words = ["--partitions", "8", "--replication", "3", "--config", "retention.ms=-1"];
    kafka.script("topic create", ["replicated"].into_iter().chain(words));
    let undisturbed = filled(&kafka, "replicated", "18");
    let job = Job { sink: "replication = 3".into(), ..Job::new(&kafka, "rugged", "replicated") };
    let mut child = job.start(&["-w", "2"], None);
    for broker in [2, 3, 1] {
        std::thread::sleep(Duration::from_millis(600));
        kafka.kill(broker);
        std::thread::sleep(Duration::from_millis(600));
        kafka.restart(broker);
    }
    std::thread::sleep(Duration::from_secs(2));
    if child.try_wait().unwrap().is_none() {
        terminate(&child);
    }
    // It may have been told to start again, which is for who launched it to do.
    let ended = child.wait_with_output().unwrap();
    assert!(matches!(ended.status.code(), Some(0 | 6)), "{}", String::from_utf8_lossy(&ended.stderr));
    assert_eq!(job.finish("1"), undisturbed);
    assert_eq!(job.holds(), undisturbed);
}

fn night_again(kafka: &Kafka, topic: &str) {
    let brokers = ["--brokers", &kafka.plaintext];
    let more =
        ["produce", "--nights", "1", "--visits", "6", "--alerts", "40", "--no-cutouts", "--no-weather", "--flat-out"];
    printed(skydiff(more.into_iter().chain(["--topic", topic]).chain(brokers)));
}
