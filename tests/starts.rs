//! Files that are made large and starts that are made short: nothing changes by either.

mod common;

use common::archive::{bytes, digest, input, text};
use common::ztf::{NIGHTS, name};
use common::{Folder, complaint, printed, skydiff};
use serde_json::Value;

#[test]
fn files_are_made_large_and_starts_short_and_nothing_changes() {
    let (from, part, arch, to) =
        (input("large-in", 38, 15), Folder::new("part"), Folder::new("large"), Folder::new("large-to"));
    let (url, cut) = (text(&arch.0), ["--epoch", "packets=3", "--max-reject", "1"]);
    let plain = digest(skydiff([&["run", "--from", text(&from.0), "--digest"], &cut[..]].concat()));
    let run = [&["run", "--from", text(&part.0), "--archive", url, "--digest", "--to", text(&to.0)], &cut[..]].concat();
    let files = |dataset: &str| {
        let listed: Value =
            serde_json::from_str(&printed(skydiff(["archive", "ls", "--json", "--archive", url]))).unwrap();
        let mut datasets = listed["datasets"].as_array().unwrap().iter();
        datasets.find(|of| of["dataset"] == dataset).unwrap()["files"].as_u64().unwrap()
    };
    let mut last = String::new();
    for night in 0..NIGHTS {
        let file = format!("{}.tar", name(night));
        std::fs::copy(from.0.join(&file), part.0.join(&file)).unwrap();
        last = digest(skydiff(&run));
        if night % 4 == 1 {
            assert!(printed(skydiff(["archive", "snapshot", "--archive", url])).contains("rows"));
            assert!(printed(skydiff(["archive", "compact", "--archive", url])).contains("replaced"));
            assert_eq!(files("packets"), 1, "night {night}");
        }
    }
    assert_eq!(last, plain, "each start went on from a snapshot");
    printed(skydiff(["archive", "gc", "--grace", "0", "--archive", url]));
    assert!(printed(skydiff(["archive", "verify", "--archive", url])).contains("whole"));
    for of in ["measurements", "packets"] {
        let again = Folder::new("large-again");
        let replay = ["replay", "--archive", url, "--from", of, "--digest", "--to", text(&again.0)];
        assert_eq!(digest(skydiff(replay)), plain, "{of}");
        assert!(bytes(&again, "records.jsonl") == bytes(&to, "records.jsonl"), "{of}");
    }
    printed(skydiff(["archive", "compact", "--archive", url]));
    let expire = ["archive", "expire", "--dataset", "packets", "--keep", "0", "--archive", url];
    assert!(printed(skydiff(expire)).contains("expired"));
    let refused = skydiff(["replay", "--archive", url, "--from", "packets"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("have expired"), "expired, not missing");
    assert!(printed(skydiff(["archive", "verify", "--archive", url])).contains("expired: packets/"));
    assert_eq!(digest(skydiff(["replay", "--archive", url, "--digest"])), plain);
}

#[test]
fn a_start_reads_only_what_is_behind_a_snapshot() {
    let (from, part, arch) = (input("behind-in", 41, 15), Folder::new("behind-part"), Folder::new("behind"));
    let (url, cut) = (text(&arch.0), ["--epoch", "packets=2", "--max-reject", "1"]);
    let plain = digest(skydiff([&["run", "--from", text(&from.0), "--digest"], &cut[..]].concat()));
    let run = [&["run", "--from", text(&part.0), "--archive", url, "--digest", "--workers", "2"], &cut[..]].concat();
    let goes_on = |nights: std::ops::Range<usize>| {
        for night in nights {
            let file = format!("{}.tar", name(night));
            std::fs::copy(from.0.join(&file), part.0.join(&file)).unwrap();
        }
        digest(skydiff(&run))
    };
    let only = |folder: &str| std::fs::read_dir(arch.0.join(folder)).unwrap().map(|entry| entry.unwrap().path()).min();
    goes_on(0..4);
    let first = only("manifests").unwrap();
    // A start looks at the last that is summed: there must be one before it.
    assert!(std::fs::read_dir(arch.0.join("manifests")).unwrap().count() > 1);
    printed(skydiff(["archive", "snapshot", "--archive", url]));
    goes_on(4..6);
    // Nothing that is in the snapshot is looked at: it might as well be damaged.
    let manifest = std::fs::read(&first).unwrap();
    std::fs::write(&first, "{}").unwrap();
    goes_on(6..8);
    let failed = complaint(skydiff(["archive", "verify", "--archive", url]));
    assert!(failed.contains(first.file_name().unwrap().to_str().unwrap()), "{failed}");
    std::fs::write(&first, &manifest).unwrap();
    assert!(printed(skydiff(["archive", "verify", "--archive", url])).contains("whole"));
    // Of a summary and what is behind it the next is made.
    printed(skydiff(["archive", "snapshot", "--archive", url]));
    assert!(printed(skydiff(["archive", "verify", "--archive", url])).contains("whole"));
    // One that says something else than the manifests is no more than a lost one.
    for entry in std::fs::read_dir(arch.0.join("summaries")).unwrap() {
        let path = entry.unwrap().path();
        let altered = std::fs::read_to_string(&path).unwrap().replacen("\"packets\":", "\"packets\":1", 1);
        std::fs::write(path, altered).unwrap();
    }
    assert!(complaint(skydiff(["archive", "verify", "--archive", url])).contains("it was altered"));
    assert_eq!(goes_on(8..NIGHTS), plain);
    assert_eq!(digest(skydiff(["replay", "--archive", url, "--digest"])), plain);
}
