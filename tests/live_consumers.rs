//! Those who read what a job says: one that stops and goes on, one that rewinds, one that joins late, one that can take no
//! correction.

mod common;

use common::job::{Job, digest, messages, terminate, wait_for};
use common::kafka::Kafka;
use common::{printed, skydiff};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Sends nights to a topic; gives how many packets.
fn produce(kafka: &Kafka, topic: &str, flags: &str) -> u64 {
    let words = format!("produce --brokers {} --topic {topic} --flat-out --no-cutouts --json {flags}", kafka.plaintext);
    let told: Json = serde_json::from_str(&printed(skydiff(words.split_whitespace()))).unwrap();
    told["packets"].as_u64().unwrap()
}

/// Where a record stands in its lane: its epoch and its rank.
fn place(record: &Json) -> (u64, u64) {
    (record["epoch"].as_u64().unwrap(), record["rank"].as_u64().unwrap())
}

fn holds(record: &Json) -> bool {
    record["timescales"].as_array().unwrap().iter().any(|one| one["states"] != serde_json::json!([]))
}

/// What is true after records in their order: of each object the last, if a state is left.
fn truth<'r>(records: impl IntoIterator<Item = &'r (String, Json)>) -> BTreeMap<String, Json> {
    let mut truth = BTreeMap::new();
    for (key, record) in records {
        match holds(record) {
            true => drop(truth.insert(key.clone(), record.clone())),
            false => drop(truth.remove(key)),
        }
    }
    truth
}

/// All records, by lane.
fn all(kafka: &Kafka, topic: &str) -> BTreeMap<i32, Vec<(String, Json)>> {
    let lanes = messages(kafka, topic).into_iter();
    let json = |sent: common::job::Sent| (sent.key, serde_json::from_slice(&sent.value.unwrap()).unwrap());
    lanes.map(|(lane, sent)| (lane, sent.into_iter().map(json).collect())).collect()
}

fn consumer(kafka: &Kafka, group: &str) -> BaseConsumer {
    ClientConfig::new()
        .set("bootstrap.servers", &kafka.plaintext)
        .set("group.id", group)
        .set("isolation.level", "read_committed")
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "earliest")
        .set("session.timeout.ms", "6000")
        .create()
        .unwrap()
}

/// What a member of a group reads, each message after `pause`, until `done` says so; every tenth it commits.
fn member(
    kafka: &Kafka,
    topic: &str,
    pause: Duration,
    mut done: impl FnMut(&BTreeMap<i32, Vec<Json>>) -> bool,
) -> BTreeMap<i32, Vec<Json>> {
    let consumer = consumer(kafka, "followers");
    consumer.subscribe(&[topic]).unwrap();
    let (mut read, mut count, begun) = (BTreeMap::<i32, Vec<Json>>::new(), 0, Instant::now());
    while !done(&read) {
        assert!(begun.elapsed() < Duration::from_secs(60), "it waits for ever");
        let Some(message) = consumer.poll(Duration::from_millis(100)) else { continue };
        let message = message.unwrap();
        let record = serde_json::from_slice(message.payload().unwrap()).unwrap();
        read.entry(message.partition()).or_default().push(record);
        count += 1;
        if count % 10 == 0 {
            consumer.commit_message(&message, CommitMode::Sync).unwrap();
        }
        std::thread::sleep(pause);
    }
    read
}

#[test]
fn who_stops_goes_on_and_who_joins_late_is_right() {
    let Some(kafka) = Kafka::shared() else { return };
    kafka.topic("watched", 4);
    let job = Job::new(kafka, "followed", "watched");
    let first = produce(kafka, "watched", "--nights 1 --visits 8 --alerts 40 --no-weather --seed 41");
    let child = job.start(&["-w", "2"], None);
    wait_for(|| job.bound() == first);
    // A slow one reads a little and is gone, without having committed the last that it read.
    let count = |read: &BTreeMap<i32, Vec<Json>>| read.values().map(Vec::len).sum::<usize>();
    let before = member(kafka, "followed", Duration::from_millis(5), |read| count(read) >= 45);
    // One that joins late notes where records end, and reads what is true; then it follows.
    let late = consumer(kafka, "late");
    let partitions: Vec<i32> = (0..common::job::LANES).collect();
    let mut noted = TopicPartitionList::new();
    for partition in &partitions {
        let (_, end) = late.fetch_watermarks("followed", *partition, Duration::from_secs(10)).unwrap();
        noted.add_partition_offset("followed", *partition, Offset::Offset(end)).unwrap();
    }
    let mut known = BTreeMap::new();
    for sent in messages(kafka, "followed.current").into_values().flatten() {
        match sent.value {
            Some(value) => drop(known.insert(sent.key, serde_json::from_slice::<Json>(&value).unwrap())),
            None => drop(known.remove(&sent.key)),
        }
    }
    assert!(known.len() > 20, "{}", known.len());
    let second = produce(kafka, "watched", "--nights 2 --visits 8 --alerts 40 --no-weather --seed 41");
    wait_for(|| job.bound() == first + second);
    terminate(&child);
    assert!(child.wait_with_output().unwrap().status.success());
    job.finish("1");
    job.holds();
    let said = all(kafka, "followed");
    let total: usize = said.values().map(Vec::len).sum();
    assert!(total > 200, "{total}");

    // The newcomer follows from where it noted. What it knows already is not newer than what it has.
    late.assign(&noted).unwrap();
    let mut followed = 0;
    while let Some(message) = late.poll(Duration::from_secs(5)) {
        let message = message.unwrap();
        let key = String::from_utf8(message.key().unwrap().to_vec()).unwrap();
        let record: Json = serde_json::from_slice(message.payload().unwrap()).unwrap();
        followed += 1;
        if known.get(&key).is_some_and(|known| place(known) >= place(&record)) {
            continue;
        }
        match holds(&record) {
            true => drop(known.insert(key, record)),
            false => drop(known.remove(&key)),
        }
    }
    assert!(followed > 50 && followed < total, "{followed} of {total}");
    assert!(known == truth(said.values().flatten()), "who joined late knows something else");

    // The slow one's group goes on with what was not committed: all is read, in order, and twice only what it can tell.
    let places = |records: &[Json]| records.iter().map(place).collect::<Vec<_>>();
    let is_whole = |after: &BTreeMap<i32, Vec<Json>>| {
        said.iter().all(|(lane, said)| {
            let mut read: Vec<Json> = before.get(lane).into_iter().chain(after.get(lane)).flatten().cloned().collect();
            read.sort_by_key(place);
            read.dedup_by_key(|record| place(record));
            read.len() == said.len()
        })
    };
    let after = member(kafka, "followed", Duration::ZERO, is_whole);
    assert!(count(&before) + count(&after) > total, "what was not committed comes again");
    for (lane, said) in &said {
        let said: Vec<Json> = said.iter().map(|(_, record)| record.clone()).collect();
        for read in [before.get(lane), after.get(lane)].into_iter().flatten() {
            assert!(places(read).is_sorted(), "lane {lane}");
            let from = said.iter().position(|record| record == &read[0]).expect("what was read was said");
            assert!(said[from..from + read.len()] == read[..], "lane {lane}");
        }
    }
    // Rewound to the beginning, it is told the same once more.
    assert!(all(kafka, "followed") == said);
}

#[test]
fn who_can_take_no_correction_is_sent_none() {
    let Some(kafka) = Kafka::shared() else { return };
    kafka.topic("corrected", 4);
    let trouble = "--remeasured 0.3 --withdrawn 0.3 --moved 0.2 --late 0.2";
    let flags = format!("--survey lsst --nights 4 --visits 8 --alerts 30 --no-weather --seed 42 {trouble}");
    produce(kafka, "corrected", &flags);
    let job = Job {
        tables: "[[sink.kafka.route]]\ntopic = \"added\"\nappend_only = true\n".into(),
        // However fast it is read: of what comes in one epoch nothing is corrected.
        bytes: "500kB",
        ..Job::new(kafka, "corrects", "corrected")
    };
    let died = job.start(&["--until-end"], Some("lane-drained:4")).wait_with_output().unwrap();
    assert!(String::from_utf8_lossy(&died.stderr).contains("dies at"));
    let of = job.finish("2");
    assert_eq!(job.holds(), of);
    let (said, added) = (all(kafka, "corrects"), all(kafka, "added"));
    let is_addition = |record: &Json| matches!(record["alert_type"].as_str(), Some("initial" | "subsequent"));
    let count = |wanted: &dyn Fn(&Json) -> bool| said.values().flatten().filter(|(_, record)| wanted(record)).count();
    let (additions, corrections) = (count(&is_addition), count(&|record| !is_addition(record)));
    println!("{additions} additions, {corrections} corrections");
    assert!(additions > 50 && corrections > 5, "{additions} {corrections}");
    for (lane, said) in &said {
        let expected: Vec<_> = said.iter().filter(|(_, record)| is_addition(record)).cloned().collect();
        assert!(added[lane] == expected, "lane {lane}");
    }
    // A whole job in that form: nothing else is said anywhere, and a replay says the same.
    let job = Job {
        tables: "[records]\nappend_only = true\n".into(),
        bytes: "500kB",
        ..Job::new(kafka, "appends", "corrected")
    };
    assert_eq!(job.finish("1"), of, "it is the same state");
    assert_eq!(job.holds(), of);
    assert!(all(kafka, "appends").values().flatten().all(|(_, record)| is_addition(record)));
}

#[test]
fn what_was_received_in_a_time_is_sent_once_more() {
    let Some(kafka) = Kafka::shared() else { return };
    kafka.topic("range", 4);
    let job = Job::new(kafka, "ranges", "range");
    let night = |date: &str| {
        let flags = format!("--nights 1 --start {date} --visits 8 --alerts 30 --no-weather --no-trouble --seed 43");
        produce(kafka, "range", &flags);
        job.finish("1")
    };
    night("2026-01-01");
    let first = all(kafka, "ranges");
    let of = night("2026-01-02");
    let said = all(kafka, "ranges");
    let archive = job.archive();
    let replay = |from: &str, to: &str| {
        let words = ["replay", "--archive", &archive, "--to", "kafka", "--publish", "resaid", "--name", "resaid"];
        skydiff(words.iter().chain(&["--kafka", &kafka.plaintext, "--digest", "--between", from, to]))
    };
    let nothing = replay("2027-01-01", "2027-01-02");
    assert_eq!(nothing.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&nothing.stderr).contains("no epoch is of these nights or times"));
    assert_eq!(digest(replay("2026-01-02", "2026-01-03T00:00")), of);
    let again = all(kafka, "resaid");
    let mut told = 0;
    for (lane, said) in &said {
        let since = first[lane].len();
        let expected = said[since..].iter().map(|(key, record)| {
            let mut record = record.clone();
            record["job"] = "resaid".into();
            (key.clone(), record)
        });
        assert!(again[lane] == expected.collect::<Vec<_>>(), "lane {lane}");
        told += said.len() - since;
    }
    assert!(told > 50, "{told}");
}
