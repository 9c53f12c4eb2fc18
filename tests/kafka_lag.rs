//! Before dusk and during the night: what a job would meet, how far it and its readers are behind.

mod common;

use common::archive::entries;
use common::kafka::Kafka;
use common::registry::Registry;
use common::verbs::{saved, words, wrong};
use common::{Folder, printed, skydiff};
use serde_json::Value as Json;
use std::path::PathBuf;
use std::process::Command;

const NIGHT: &str = "--nights 1 --visits 8 --alerts 15 --no-weather";

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
    let mut of_night = entries(&nights.join("skydiff_ztf_20260101.tar"));
    of_night.sort();
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
