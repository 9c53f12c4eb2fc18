//! The tools around Kafka on a real broker: what is sent is what is read, and what is wrong is said once, and soon.

mod common;

use common::archive::entries;
use common::kafka::Kafka;
use common::verbs::{saved, words, wrong};
use common::{Folder, printed, skydiff};
use rdkafka::config::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::Value as Json;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A small simulated night.
const NIGHT: &str = "--nights 1 --visits 8 --alerts 15 --no-weather";

#[test]
fn a_broker_that_was_killed_comes_back_with_its_topics() {
    let Some(kafka) = Kafka::start("back", 1) else { return };
    kafka.topic("night", 3);
    kafka.kill(1);
    kafka.restart(1);
    let listed = kafka.script("topic list", ["night"]);
    assert!(listed.contains("PartitionCount: 3"), "{listed}");
}

#[test]
fn what_is_read_is_what_was_sent_to_the_byte() {
    let Some(kafka) = Kafka::shared() else { return };
    let folder = Folder::new("kafka-bytes");
    for (survey, topic) in [("ztf", "ztf_20260101_programid1"), ("lsst", "lsst_20260101")] {
        let nights = folder.0.join(survey);
        printed(skydiff(words(&format!("simulate --survey {survey} {NIGHT} --to {}", nights.display()))));
        let tar = nights.join(format!("skydiff_{survey}_20260101.tar"));
        let mut sent = entries(&tar);
        sent.sort();
        assert!(sent.len() > 50, "{}", sent.len());
        // From the tar, and from the simulation itself: the same packets, spoiled ones included.
        for (form, what) in
            [("tar", format!("--from {}", tar.display())), ("live", format!("--survey {survey} {NIGHT}"))]
        {
            let name = format!("{form}_{topic}");
            let flags = format!(
                "produce --brokers {} --topic {form}_{} --flat-out --json {what}",
                kafka.plaintext,
                topic.replace("20260101", "{date}")
            );
            let told: Json = serde_json::from_str(&printed(skydiff(words(&flags)))).unwrap();
            assert_eq!(told["topics"][&name], sent.len(), "{told}");
            let to = folder.0.join(&name);
            let flags = format!("consume {name} --brokers {} --to-end --save {}", kafka.plaintext, to.display());
            let output = skydiff(words(&flags));
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let (read, partitions) = saved(&to.join(&name));
            assert!(read == sent, "{name}: {} were read, {} sent", read.len(), sent.len());
            assert_eq!(partitions.len(), 16, "{partitions:?}");
            let lines = String::from_utf8(output.stdout).unwrap();
            assert_eq!(lines.lines().count(), sent.len());
        }
    }
}

#[test]
fn a_message_larger_than_what_is_asked_for_at_once_holds_nothing_up() {
    let Some(kafka) = Kafka::shared() else { return };
    kafka.topic_with("large", 2, &["max.message.bytes=30000000"]);
    let mut config = ClientConfig::new();
    let config = config.set("bootstrap.servers", &kafka.plaintext).set("message.max.bytes", "30000000");
    let producer: BaseProducer = config.create().unwrap();
    let sizes = [10, 3_000_000, 10, 12_000_000, 10];
    for (size, partition) in sizes.iter().flat_map(|size| [(size, 0), (size, 1)]) {
        let bytes = vec![b'x'; *size];
        producer.send(BaseRecord::<(), _>::to("large").partition(partition).payload(&bytes)).unwrap();
        producer.flush(Duration::from_secs(10)).unwrap();
    }
    let flags = format!("run --kafka {} --topic large --until-end --max-reject 1 --json", kafka.plaintext);
    let told: Json = serde_json::from_str(printed(skydiff(words(&flags))).lines().last().unwrap()).unwrap();
    assert_eq!(told["report"]["packets"]["received"], 2 * sizes.len(), "{told}");
}

#[test]
fn messages_bear_the_time_of_receipt_and_say_what_they_hold() {
    let Some(kafka) = Kafka::shared() else { return };
    let sent = format!(
        "produce --brokers {} --topic times --partitions 2 --flat-out --limit 20 --no-trouble {NIGHT}",
        kafka.plaintext
    );
    printed(skydiff(words(&sent)));
    let consume = |flags: &str| {
        let printed =
            printed(skydiff(words(&format!("consume times --brokers {} --to-end --json {flags}", kafka.plaintext))));
        printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Json>>()
    };
    let all = consume("");
    assert_eq!(all.len(), 20);
    for message in &all {
        let time = message["time"].as_str().unwrap();
        assert!(time.starts_with("2026-01-01T"), "{time}");
        assert!(message["packet"]["candidate"]["magpsf"].is_f64(), "{message}");
        assert!(message["packet"]["cutoutScience"]["stampData"]["bytes"].as_u64().unwrap() > 1000, "{message}");
    }
    assert_eq!(consume("--start latest").len(), 0);
    assert_eq!(consume("--start last=3").len(), 6);
    assert_eq!(consume("--start offset=8").len(), 4);
    assert_eq!(consume("--limit 7").len(), 7);
    // By time: none before it, and none left out that is not.
    let mut times: Vec<&str> = all.iter().map(|message| message["time"].as_str().unwrap()).collect();
    times.sort_unstable();
    let middle = times[10];
    let later = consume(&format!("--start {middle}"));
    assert_eq!(later.len(), times.iter().filter(|time| **time >= middle).count(), "{times:?}");
    // The stamps of packets that were saved.
    let folder = Folder::new("kafka-stamps");
    let stamps = format!("consume times --brokers {} --limit 1 --stamps {}", kafka.plaintext, folder.0.display());
    let names: Vec<PathBuf> = printed(skydiff(words(&stamps))).lines().map(PathBuf::from).collect();
    assert_eq!(names.len(), 6, "{names:?}");
    assert!(names.iter().all(|name| std::fs::metadata(name).unwrap().len() > 100), "{names:?}");
    // What topics says of it.
    let topics = format!("topics times --json --brokers {}", kafka.plaintext);
    let topics: Json = serde_json::from_str(&printed(skydiff(words(&topics)))).unwrap();
    assert_eq!((&topics[0]["messages"], topics[0]["partitions"].as_array().unwrap().len()), (&Json::from(20), 2));
    let topics = format!("topics times --json --sizes --brokers {}", kafka.plaintext);
    let topics: Json = serde_json::from_str(&printed(skydiff(words(&topics)))).unwrap();
    let bytes: u64 = all.iter().map(|message| message["bytes"].as_u64().unwrap()).sum();
    let about = topics[0]["bytes_about"].as_u64().unwrap();
    assert!(about.abs_diff(bytes) <= 20, "all of them were looked at: {about} {bytes}");
}

/// Seconds of the day that a time has (`2026-01-01T03:27:23.328Z`).
fn seconds(time: &str) -> f64 {
    let clock = time.split_once('T').unwrap().1.trim_end_matches('Z');
    clock.split(':').fold(0.0, |all, part| all * 60.0 + part.parse::<f64>().unwrap())
}

#[test]
fn packets_are_sent_at_their_cadence() {
    let Some(kafka) = Kafka::shared() else { return };
    // How many were sent, and the seconds from the time of the first message to that of the last.
    let sent = |topic: &str, flags: &str| -> (usize, f64) {
        // Long enough for more than an hour between its first visit and its last.
        let night = NIGHT.replace("--visits 8", "--visits 100").replace("--alerts 15", "--alerts 3");
        let at = format!("--brokers {}", kafka.plaintext);
        let flags = format!("produce {at} --topic {topic} --partitions 1 --no-trouble {night} {flags}");
        printed(skydiff(words(&flags)));
        let read = printed(skydiff(words(&format!("consume {topic} --to-end --json {at}"))));
        let message = |line: &str| serde_json::from_str::<Json>(line).unwrap();
        let times: Vec<f64> = read.lines().map(|line| seconds(message(line)["time"].as_str().unwrap())).collect();
        // Midnight may be between them.
        (times.len(), (times.last().unwrap() - times[0]).rem_euclid(86_400.0))
    };
    let (packets, night) = sent("pace_flat", "--flat-out");
    assert!(night > 3600.0, "{night}");
    let (count, even) = sent("pace_even", &format!("--times now --rate {}", packets as f64 / 3.0));
    assert_eq!(count, packets);
    // Late it may be, where others use the machine; early never.
    assert!(even > 2.9 * (packets - 1) as f64 / packets as f64, "{even}");
    let speed = (night / 3.0).round();
    let (count, fast) = sent("pace_fast", &format!("--times now --speed {speed}"));
    assert_eq!(count, packets);
    assert!(fast > 2.8 && fast < 30.0, "{night} s at {speed} times the speed in {fast} s");
}

#[test]
fn what_is_wrong_is_said_once_and_soon_and_holds_no_secret() {
    let Some(kafka) = Kafka::shared() else { return };
    let folder = Folder::new("kafka-security");
    kafka.topic("open", 2);
    kafka.topic("closed", 2);
    let file = kafka.user("alice", &[]);
    let secret = std::fs::read_to_string(&file).unwrap().trim().to_owned();
    assert!(secret.len() >= 16);
    kafka.script("acl add", ["alice", "--read", "open"]);
    let admin = kafka.password_file("admin");
    let login = |user: &str, file: &Path, ca: &Path| {
        let (brokers, file, ca) = (&kafka.sasl_ssl, file.display(), ca.display());
        format!("--brokers {brokers} --security sasl_ssl --user {user} --password-file {file} --ca {ca}")
    };
    let alice = login("alice", &file, &kafka.ca);
    // She may read what she may read, over TLS; the administrator may write.
    let sent = format!(
        "produce --topic open --partitions 2 --flat-out --limit 30 {NIGHT} {}",
        login("admin", &admin, &kafka.ca)
    );
    printed(skydiff(words(&sent)));
    let read = printed(skydiff(words(&format!("consume open --to-end {alice}"))));
    assert_eq!(read.lines().count(), 30);
    // A forbidden topic, to read and to write, and one that is not there.
    wrong(&format!("consume closed --to-end {alice}"), &secret, &["closed", "may not use the topic", "ACL"]);
    wrong(
        &format!("produce --topic open --limit 3 --flat-out {NIGHT} {alice}"),
        &secret,
        &["open", "may not use the topic", "ACL"],
    );
    wrong(&format!("consume nowhere --brokers {}", kafka.plaintext), "", &["no topic nowhere"]);
    // A group that she may not use.
    wrong(&format!("lag --group theirs --topic open {alice}"), &secret, &["consumer group", "ACL"]);
    // A wrong password, by file and by environment.
    let bad = folder.write("password", b"a wrong secret\n");
    wrong(&format!("topics {}", login("alice", &bad, &kafka.ca)), "a wrong secret", &["refuse this user", "password"]);
    wrong(&format!("topics {}", login("nobody", &bad, &kafka.ca)), "a wrong secret", &["refuse this user", "password"]);
    // A CA that did not sign the broker's certificate, and none at all.
    let key = folder.0.join("other.key");
    let other = folder.0.join("other.pem");
    let made = Command::new("openssl")
        .args(words("req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=another"))
        .args([Path::new("-keyout"), &key, Path::new("-out"), &other])
        .output()
        .unwrap();
    assert!(made.status.success());
    wrong(&format!("topics {}", login("alice", &file, &other)), &secret, &["certificate verify failed", "look at ca"]);
    // A door of another kind.
    let plain = format!(
        "topics --brokers {} --security sasl_ssl --user alice --password-file {}",
        kafka.plaintext,
        file.display()
    );
    wrong(&plain, &secret, &["no secure connection"]);
    // A broker that is not there; a mechanism that it does not know; no password.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    wrong(&format!("topics --brokers {free} --patience 2"), "", &["no broker answers", &free.to_string()]);
    wrong(&format!("topics --mechanism PLAIN {alice}"), &secret, &["mechanism"]);
    wrong(
        &format!("topics --security sasl_ssl --user alice --brokers {}", kafka.sasl_ssl),
        "",
        &["no password", "SKYDIFF_KAFKA_PASSWORD"],
    );
}

#[test]
fn quotas_hold_users_back_and_others_not() {
    let Some(kafka) = Kafka::shared() else { return };
    let file = kafka.user("slow", &["--produce", "100000"]);
    kafka.script("acl add", ["slow", "--write", "quota", "--read", "quota"]);
    kafka.topic("quota", 1);
    let admin = kafka.password_file("admin");
    let listed = kafka.script("user list", []);
    assert!(listed.contains("'slow'") && listed.contains("producer_byte_rate=100000"), "{listed}");
    let send = |user: &str, file: &Path| {
        let flags = format!(
            "produce --topic quota --flat-out --limit 30 --compression none --json {NIGHT} --no-trouble --brokers {} \
             --security sasl_ssl --user {user} --password-file {} --ca {} --patience 60",
            kafka.sasl_ssl,
            file.display(),
            kafka.ca.display()
        );
        let told: Json = serde_json::from_str(&printed(skydiff(words(&flags)))).unwrap();
        (told["seconds"].as_f64().unwrap(), told["bytes"].as_f64().unwrap())
    };
    let (free, bytes) = send("admin", &admin);
    let (held, _) = send("slow", &file);
    println!("{bytes} bytes: {free:.2} s without a quota, {held:.2} s with 100 kB/s");
    assert!(held > free + 2.0, "{free} {held}");
}
