//! Other settings on an archive that is gone on with, and nights that expire: what was said stays as it was said, what is
//! said from then on is what a fresh run would say, and a replay says all of it again.

mod common;

use common::archive::{bytes, digest, input, text};
use common::ztf::{NIGHTS, name};
use common::{Folder, printed, skydiff};
use serde_json::Value;
use std::path::Path;
use std::process::Output;

const CUT: [&str; 4] = ["--epoch", "packets=9", "--max-reject", "1"];

fn run(job: &Path, from: &Folder, flags: &[&str]) -> Output {
    skydiff([&["run", text(job), "--from", text(&from.0), "--digest"], &CUT[..], flags].concat())
}

fn records(folder: &Folder) -> Vec<Value> {
    let lines = String::from_utf8(bytes(folder, "records.jsonl")).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Copies nights to a folder, so that there is more to read.
fn receive(from: &Folder, to: &Folder, nights: std::ops::Range<usize>) {
    for night in nights {
        let file = format!("{}.tar", name(night));
        std::fs::copy(from.0.join(&file), to.0.join(&file)).unwrap();
    }
}

#[test]
fn other_settings_take_effect_at_an_epoch_of_their_own() {
    let (from, part) = (input("restate-in", 61, 20), Folder::new("restate-part"));
    let (arch, to) = (Folder::new("restate-arch"), Folder::new("restate-to"));
    let url = text(&arch.0);
    let jobs = [
        ("a", "[timescales]\ntrend_z = 5.0\n"),
        ("b", "[timescales]\ntrend_z = 2.5\nflare_z = 20.0\n"),
        ("c", "[timescales]\ntrend_z = 2.5\n[survey.ztf.quality]\nrb = 0.95\n"),
    ];
    let [a, b, c] = jobs.map(|(name, job)| from.write(&format!("{name}.toml"), job.as_bytes()));
    let into = ["--archive", url, "--to", text(&to.0), "--workers", "2"];
    let restated = [&into[..], &["--restate"]].concat();
    receive(&from, &part, 0..4);
    printed(run(&a, &part, &into));
    let as_told = bytes(&to, "records.jsonl");
    receive(&from, &part, 4..7);
    let refused = run(&b, &part, &into);
    let why = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        refused.status.code() == Some(2) && why.contains("--restate") && why.contains("trend_z = 5.0 → 2.5"),
        "{why}"
    );
    assert_eq!(digest(run(&b, &part, &restated)), digest(run(&b, &part, &[])), "as if it had always been so");
    assert!(bytes(&to, "records.jsonl").starts_with(&as_told), "what was told stays");
    let of_config = |records: &[Value]| {
        let epochs = records.iter().filter(|record| record["reason"] == "config").map(|record| record["epoch"].clone());
        let mut epochs: Vec<i64> = epochs.map(|epoch| epoch.as_i64().unwrap()).collect();
        epochs.dedup();
        epochs
    };
    let told = records(&to);
    let restatement = of_config(&told);
    assert_eq!(restatement.len(), 1, "at one epoch");
    for record in told.iter().filter(|record| record["epoch"] == restatement[0]) {
        assert!(record["reason"] == "config" && record["causes"].as_array().unwrap().is_empty(), "{record}");
    }
    let kinds = |kind: &str| told.iter().any(|record| record["reason"] == "config" && record["alert_type"] == kind);
    assert!(kinds("update"), "a state was entered or left");
    // Quality cuts: what was captured of packets is captured again.
    receive(&from, &part, 7..NIGHTS);
    let fresh = digest(run(&c, &part, &[]));
    assert_eq!(digest(run(&c, &part, &restated)), fresh);
    assert_eq!(of_config(&records(&to)).len(), 2);
    assert_eq!(digest(run(&c, &part, &into)), fresh, "a start goes on from there");
    assert!(printed(skydiff(["archive", "snapshot", "--archive", url])).contains("rows"));
    assert_eq!(digest(run(&c, &part, &into)), fresh, "and from a snapshot");
    assert!(printed(skydiff(["archive", "verify", "--archive", url])).contains("whole"));
    for (of, workers) in [("measurements", "1"), ("measurements", "3"), ("packets", "2")] {
        let again = Folder::new("restate-again");
        let replay =
            ["replay", "--archive", url, "--from", of, "--workers", workers, "--to", text(&again.0), "--digest"];
        assert_eq!(digest(skydiff(replay)), fresh, "{of} by {workers}");
        assert!(bytes(&again, "records.jsonl") == bytes(&to, "records.jsonl"), "{of} by {workers}");
        let (avro, lines) = (again.0.join("records.avro"), again.0.join("records.jsonl"));
        assert!(printed(skydiff(["diff", text(&avro), text(&lines)])).contains(" 0 differences"));
    }
    let other = ["replay", text(&a), "--archive", url, "--digest"];
    assert_eq!(digest(skydiff(other)), digest(run(&a, &part, &[])), "by one job, over all of it");
}

#[test]
fn nights_expire_as_they_go_by() {
    let (from, part, arch) = (input("keep-in", 62, 12), Folder::new("keep-part"), Folder::new("keep"));
    let url = text(&arch.0);
    let job = from.write("keep.toml", b"[archive.keep]\npackets = \"3 nights\"\nrejects = \"1 night\"\n");
    let wrong = from.write("wrong.toml", b"[archive.keep]\npackets = \"3 days\"\n");
    let refused = run(&wrong, &from, &["--archive", url]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("archive.keep.packets = \"3 days\""));
    let mut last = String::new();
    for night in 0..NIGHTS {
        receive(&from, &part, night..night + 1);
        last = digest(run(&job, &part, &["--archive", url]));
    }
    let verified = printed(skydiff(["archive", "verify", "--archive", url]));
    assert!(verified.contains("expired: packets/ up to epoch") && verified.contains("whole"), "{verified}");
    let out = from.0.join("out.exported");
    let export =
        |nights: &str| skydiff(["archive", "export", "--archive", url, "--nights", nights, "--to", text(&out)]);
    assert!(!printed(export("2024-01-08..2024-01-10")).starts_with("0 packets"), "the last three nights are there");
    let gone = export("2024-01-07");
    assert!(String::from_utf8_lossy(&gone.stderr).contains("have expired"), "{gone:?}");
    let gone = skydiff(["replay", "--archive", url, "--from", "packets"]);
    assert!(String::from_utf8_lossy(&gone.stderr).contains("have expired"), "{gone:?}");
    printed(skydiff(["archive", "gc", "--grace", "0", "--archive", url]));
    assert_eq!(
        digest(skydiff(["replay", "--archive", url, "--digest"])),
        last,
        "what was kept of them is all that matters"
    );
    assert!(printed(skydiff(["archive", "verify", "--archive", url])).contains("whole"));
}
