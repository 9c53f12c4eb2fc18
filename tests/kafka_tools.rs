//! The tools around Kafka on a real broker: what is sent is what is read, and what is wrong is said once, and soon.

mod common;

use common::kafka::Kafka;
use common::registry::Registry;
use common::{Folder, complaint, printed, skydiff};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// What is wrong is said within so long, on a machine that others use too.
const SOON: Duration = Duration::from_secs(15);

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// A small simulated night.
const NIGHT: &str = "--nights 1 --visits 8 --alerts 15 --no-weather";

/// The bytes of a tar's entries, sorted.
fn entries(tar: &Path) -> Vec<Vec<u8>> {
    let mut archive = tar::Archive::new(std::fs::File::open(tar).unwrap());
    let mut entries: Vec<Vec<u8>> = archive
        .entries()
        .unwrap()
        .map(|entry| std::io::Read::bytes(entry.unwrap()).collect::<Result<_, _>>().unwrap())
        .collect();
    entries.sort();
    entries
}

/// The bytes of a folder's files, sorted, and how many of them each partition has (by the names of the files).
fn saved(folder: &Path) -> (Vec<Vec<u8>>, BTreeMap<String, usize>) {
    let (mut bytes, mut partitions) = (Vec::new(), BTreeMap::new());
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        *partitions.entry(name.split_once('-').unwrap().0.to_owned()).or_default() += 1;
        bytes.push(std::fs::read(path).unwrap());
    }
    bytes.sort();
    (bytes, partitions)
}

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
        let sent = entries(&tar);
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

/// One line of complaint, soon, with what to do and without the secret.
fn wrong(arguments: &str, secret: &str, says: &[&str]) {
    let begun = Instant::now();
    let output: Output = skydiff(words(arguments));
    let took = begun.elapsed();
    let all = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(secret.is_empty() || !all.contains(secret), "{arguments}");
    let complained = complaint(output);
    println!("{:.1} s: {}", took.as_secs_f64(), complained.trim());
    assert_eq!(complained.lines().count(), 1, "{complained}");
    for word in says {
        assert!(complained.contains(word), "`{word}` is not in: {complained}");
    }
    assert!(took < SOON, "{took:?}: {complained}");
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

#[test]
fn a_group_and_an_archive_say_how_far_they_are() {
    let Some(kafka) = Kafka::shared() else { return };
    let sent =
        format!("produce --brokers {} --topic lag --partitions 2 --flat-out --limit 30 {NIGHT}", kafka.plaintext);
    printed(skydiff(words(&sent)));
    if Command::new("kcat").arg("-V").output().is_err() {
        println!("skipped: no kcat");
        return;
    }
    // Another client, of a group, reads five and says so.
    let read = Command::new("kcat")
        .args(words(&format!("-b {} -G watchers -c 5 -q -o beginning -f %o\\n lag", kafka.plaintext)))
        .args(["-X", "auto.offset.reset=earliest"])
        .output()
        .unwrap();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    let flags = format!("lag --group watchers --topic lag --json --brokers {}", kafka.plaintext);
    let told: Json = serde_json::from_str(&printed(skydiff(words(&flags)))).unwrap();
    assert_eq!((&told["behind"], &told["gone"]), (&Json::from(25), &Json::from(0)), "{told}");
    wrong(
        &format!("lag --group watchers --topic lag --most 3 --brokers {}", kafka.plaintext),
        "",
        &["25", "more than 3"],
    );
    // Of a job that read files only there is nothing to say.
    let folder = Folder::new("kafka-lag");
    let archive = folder.0.join("archive");
    let nights = folder.0.join("nights");
    printed(skydiff(words(&format!("simulate {NIGHT} --to {}", nights.display()))));
    printed(skydiff(words(&format!("archive ingest --archive {} --from {}", archive.display(), nights.display()))));
    wrong(&format!("lag --archive {} --brokers {}", archive.display(), kafka.plaintext), "", &["has read no topic"]);
    // And its packets go to topics of their nights.
    let flags = format!(
        "produce --archive {} --topic again_{{date}} --flat-out --json --brokers {}",
        archive.display(),
        kafka.plaintext
    );
    let told: Json = serde_json::from_str(&printed(skydiff(words(&flags)))).unwrap();
    let of_night = entries(&nights.join("skydiff_ztf_20260101.tar"));
    assert_eq!(told["topics"]["again_20260101"], of_night.len(), "{told}");
    let to = folder.0.join("again");
    printed(skydiff(words(&format!(
        "consume again_20260101 --to-end --save {} --brokers {}",
        to.display(),
        kafka.plaintext
    ))));
    assert!(saved(&to.join("again_20260101")).0 == of_night);
}

/// A job that reads one topic and writes others, as a file.
fn job(folder: &Folder, name: &str, login: &str, topic: &str, more: &str) -> PathBuf {
    let archive = folder.0.join("archive");
    let text = format!(
        "name = \"{name}\"\n[archive]\nurl = \"{}\"\n[sink]\nlanes = 2\n[sink.kafka]\ntopic = \"{name}\"\n{more}\
         [sink.kafka.login]\n{login}\n[[source]]\nkind = \"kafka\"\n[source.kafka]\ntopics = [\"{topic}\"]\nuntil = \"end\"\n\
         [source.kafka.login]\n{login}\n",
        archive.display()
    );
    folder.write(&format!("{name}.toml"), text.as_bytes())
}

#[test]
fn a_job_that_has_read_everything_is_not_behind_until_more_comes() {
    let Some(kafka) = Kafka::shared() else { return };
    let folder = Folder::new("kafka-behind");
    let send = |seed: u32| {
        let flags = format!(
            "produce --brokers {} --topic behind --partitions 2 --flat-out --seed {seed} --limit 40 {NIGHT}",
            kafka.plaintext
        );
        printed(skydiff(words(&flags)));
    };
    send(1);
    let job = job(&folder, "behind_job", &format!("brokers = \"{}\"", kafka.plaintext), "behind", "");
    let run = || printed(skydiff(["run", job.to_str().unwrap(), "--max-reject", "1", "--take-over"]));
    run();
    let archive = folder.0.join("archive");
    let lag = || -> Json {
        let flags = format!("lag --archive {} --json --brokers {}", archive.display(), kafka.plaintext);
        serde_json::from_str(&printed(skydiff(words(&flags)))).unwrap()
    };
    assert_eq!((&lag()["behind"], lag()["partitions"].as_array().unwrap().len()), (&Json::from(0), 2));
    // Its file says the same, without a flag.
    let by_file: Json = serde_json::from_str(&printed(skydiff(["lag", job.to_str().unwrap(), "--json"]))).unwrap();
    assert_eq!(by_file, lag());
    send(2);
    assert_eq!(lag()["behind"], 40);
    let told = printed(skydiff(words(&format!("check {}", job.display()))));
    assert!(told.contains("40 messages behind") && !told.contains("WRONG"), "{told}");
    run();
    assert_eq!(lag()["behind"], 0);
    // What it said is read as what it is.
    let flags = format!("consume behind_job --to-end --json --brokers {}", kafka.plaintext);
    let said: Vec<Json> =
        printed(skydiff(words(&flags))).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(!said.is_empty());
    for message in &said {
        assert_eq!(message["record"]["job"], "behind_job", "{message}");
        assert_eq!(message["headers"]["object"], message["record"]["object"], "{message}");
    }
}

#[test]
fn what_would_be_wrong_at_dusk_is_said_before() {
    let Some(kafka) = Kafka::shared() else { return };
    let folder = Folder::new("kafka-check");
    kafka.topic("dusk", 2);
    let file = kafka.user("operator", &[]);
    let secret = std::fs::read_to_string(&file).unwrap().trim().to_owned();
    let login = format!(
        "brokers = \"{}\"\nsecurity = \"sasl_ssl\"\nuser = \"operator\"\npassword_file = \"{}\"\nca = \"{}\"\npatience = 5.0",
        kafka.sasl_ssl,
        file.display(),
        kafka.ca.display()
    );
    let registry = Registry::start();
    let job = job(&folder, "dusk_job", &login, "dusk", &format!("registry = \"{}\"\n", registry.url));
    let checked = |flags: &str| -> (bool, Vec<(String, bool, String)>) {
        let output = skydiff(words(&format!("check {} --json {flags}", job.display())));
        let all = [&output.stdout[..], &output.stderr[..]].concat();
        assert!(!String::from_utf8_lossy(&all).contains(&secret));
        let told: Vec<Json> = serde_json::from_slice(&output.stdout).unwrap();
        let one = |check: &Json| {
            let text = |key: &str| check[key].as_str().unwrap().to_owned();
            (text("what"), check["ok"].as_bool().unwrap(), text("found"))
        };
        (output.status.success(), told.iter().map(one).collect())
    };
    let wrong = |checks: &[(String, bool, String)]| -> Vec<String> {
        checks.iter().filter(|(_, ok, _)| !ok).map(|(what, _, found)| format!("{what}: {found}")).collect()
    };
    // Nothing is allowed yet.
    let (ok, checks) = checked("");
    let told = wrong(&checks);
    assert!(!ok && told.len() >= 3, "{checks:#?}");
    assert!(told.iter().any(|line| line.starts_with("source 1: topics") && line.contains("ACL")), "{told:#?}");
    assert!(
        told.iter().any(|line| line.starts_with("sink: writing") && line.contains("transactional ids")),
        "{told:#?}"
    );
    // Everything that it needs.
    kafka.script(
        "acl add",
        [
            "operator",
            "--read",
            "dusk",
            "--write",
            "dusk_job*",
            "--create",
            "dusk_job*",
            "--read",
            "dusk_job*",
            "--transactions",
            "dusk_job*",
        ],
    );
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap();
    let (ok, checks) = checked("");
    assert!(ok, "{checks:#?}");
    assert!(
        checks.iter().any(|(what, _, found)| what == "sink: topic dusk_job" && found == "would be made"),
        "{checks:#?}"
    );
    assert!(checks.len() >= 9, "{checks:#?}");
    // Nothing was left behind.
    assert!(!kafka.script("topic list", []).contains("dusk_job"));
    let left = std::fs::read_dir(folder.0.join("archive/checks")).map_or(0, Iterator::count);
    assert_eq!(left, 0);
    // A port that is taken, a registry that is unwell, a topic of another number of partitions.
    registry.unwell(true);
    kafka.topic("dusk_job", 5);
    let (ok, checks) = checked(&format!("--hosts {taken}"));
    let told = wrong(&checks);
    assert!(!ok && told.len() == 3, "{told:#?}");
    for (what, says) in [("port", "another port"), ("sink: registry", "503"), ("sink: topic dusk_job", "5 partitions")]
    {
        assert!(told.iter().any(|line| line.starts_with(what) && line.contains(says)), "{what}: {told:#?}");
    }
}
