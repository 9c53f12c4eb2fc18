//! The archive through the binary: what a job wrote is what a replay says, to the byte, whatever the workers, the source of
//! the replay, or the kills on the way.

mod common;

use common::archive::{bytes, digest, entries, hosts, input, text};
use common::ztf::{NIGHTS, Random, name};
use common::{Folder, complaint, data, printed, skydiff};
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::Duration;

const OURS: [&str; 4] = ["records.jsonl", "records.avro", "rejects.jsonl", "bindings.jsonl"];

#[test]
fn a_replay_says_what_was_said() {
    let (from, arch, to) = (input("arch-in", 31, 20), Folder::new("arch"), Folder::new("arch-to"));
    let (url, cut) = (text(&arch.0), ["--epoch", "packets=9", "--max-reject", "1"]);
    let plain = digest(skydiff([&["run", "--from", text(&from.0), "--digest"], &cut[..]].concat()));
    let run = ["run", "--from", text(&from.0), "--archive", url, "--to", text(&to.0), "--digest", "--workers", "2"];
    assert_eq!(digest(skydiff([&run[..], &cut].concat())), plain, "an archive changes nothing");
    for (of, workers) in [("measurements", "1"), ("measurements", "3"), ("packets", "1"), ("packets", "2")] {
        let again = Folder::new("arch-again");
        let replay =
            ["replay", "--archive", url, "--from", of, "--workers", workers, "--to", text(&again.0), "--digest"];
        assert_eq!(digest(skydiff(replay)), plain, "from {of} by {workers}");
        for file in &OURS[..2] {
            assert!(bytes(&again, file) == bytes(&to, file), "{file} from {of} by {workers}");
        }
    }
    let of_nights = ["replay", "--archive", url, "--granularity", "night", "--digest", "--workers", "2"];
    assert_eq!(digest(skydiff(of_nights)), plain);
    let verified = printed(skydiff(["archive", "verify", "--archive", url]));
    assert!(verified.contains("whole"), "{verified}");
    let listed: Value = serde_json::from_str(&printed(skydiff(["archive", "ls", "--json", "--archive", url]))).unwrap();
    assert_eq!((&listed["digest"], listed["nights"].as_array().unwrap().len()), (&plain.into(), NIGHTS));
}

#[test]
fn an_epoch_of_a_replay_is_a_visit_where_that_is_asked() {
    let (from, arch, whole) = (Folder::new("visit-in"), Folder::new("visit"), Folder::new("visit-whole"));
    let url = text(&arch.0);
    let sky = ["--no-cutouts", "--no-weather", "--nights", "3", "--visits", "8", "--alerts", "15"];
    printed(skydiff([&["simulate", "--to", text(&from.0)][..], &sky].concat()));
    let run = ["run", "--from", text(&from.0), "--max-reject", "1", "--digest"];
    let plain = digest(skydiff([&run[..], &["--epoch", "visit", "--to", text(&whole.0)]].concat()));
    assert_eq!(digest(skydiff([&run[..], &["--epoch", "packets=4", "--archive", url]].concat())), plain);
    let lines = |folder: &Folder, file: &str| String::from_utf8(bytes(folder, file)).unwrap().lines().count();
    let visits = lines(&whole, "bindings.jsonl");
    let mut counts = std::collections::BTreeSet::new();
    for (of, workers) in [("measurements", "1"), ("measurements", "2"), ("measurements", "3"), ("packets", "2")] {
        let again = Folder::new("visit-again");
        let replay = ["replay", "--archive", url, "--granularity", "visit", "--digest", "--from", of];
        let more = ["--workers", workers, "--to", text(&again.0)];
        assert_eq!(digest(skydiff([&replay[..], &more].concat())), plain, "from {of} by {workers}");
        counts.insert((lines(&again, "bindings.jsonl"), lines(&again, "records.jsonl")));
    }
    assert_eq!(counts.len(), 1, "{counts:?}: whatever the workers and the source");
    let (epochs, _) = counts.pop_first().unwrap();
    assert!(epochs > 12 && epochs <= visits, "{epochs} epochs of {visits} visits");
}

#[test]
fn what_was_known_then_is_what_a_job_knew() {
    let (from, arch, to) = (input("then-in", 32, 12), Folder::new("then"), Folder::new("then-to"));
    let url = text(&arch.0);
    let cut = ["--epoch", "file", "--max-reject", "1"];
    printed(skydiff([&["run", "--from", text(&from.0), "--archive", url, "--to", text(&to.0)], &cut[..]].concat()));
    let iso = |night: usize| {
        let date = &name(night)[name(night).len() - 8..];
        format!("{}-{}-{}", &date[..4], &date[4..6], &date[6..])
    };
    let part = Folder::new("then-part");
    for night in 0..NIGHTS {
        let file = format!("{}.tar", name(night));
        std::fs::copy(from.0.join(&file), part.0.join(&file)).unwrap();
        let expected = digest(skydiff([&["run", "--from", text(&part.0), "--digest"], &cut[..]].concat()));
        let epoch = night.to_string();
        assert_eq!(digest(skydiff(["replay", "--archive", url, "--epoch", &epoch, "--digest"])), expected, "{night}");
        // A night's file was received when its night was over.
        let as_of = ["replay", "--archive", url, "--as-of", &iso(night + 1), "--digest", "--workers", "2"];
        assert_eq!(digest(skydiff(as_of)), expected, "as of the end of night {night}");
    }
    let slice = Folder::new("then-slice");
    let range = format!("{}..{}", iso(3), iso(6));
    printed(skydiff(["replay", "--archive", url, "--nights", &range, "--to", text(&slice.0), "--workers", "2"]));
    let all = String::from_utf8(bytes(&to, "records.jsonl")).unwrap();
    let epoch = |line: &str| serde_json::from_str::<Value>(line).unwrap()["epoch"].as_u64().unwrap();
    let expected: Vec<&str> = all.lines().filter(|line| (3..=6).contains(&epoch(line))).collect();
    assert!(expected.len() > 5);
    assert_eq!(String::from_utf8(bytes(&slice, "records.jsonl")).unwrap().lines().collect::<Vec<_>>(), expected);
}

#[test]
fn a_cone_is_replayed_with_its_objects_whole() {
    let (from, arch, to) = (input("cone-in", 39, 30), Folder::new("cone"), Folder::new("cone-to"));
    let url = text(&arch.0);
    let run = ["run", "--from", text(&from.0), "--archive", url, "--to", text(&to.0), "--epoch", "packets=7"];
    printed(skydiff([&run[..], &["--max-reject", "1", "--workers", "2"]].concat()));
    // What is said of an object, but for its place among all that is said.
    let said = |folder: &Folder| {
        let all = String::from_utf8(bytes(folder, "records.jsonl")).unwrap();
        let record = |line: &str| {
            let mut record: Value = serde_json::from_str(line).unwrap();
            let fields = record.as_object_mut().unwrap();
            fields.remove("rank");
            fields.remove("id");
            record
        };
        all.lines().map(record).collect::<Vec<Value>>()
    };
    let name = |record: &Value| record["object"].as_str().unwrap().to_owned();
    let all = said(&to);
    let mut seen = 0;
    for at in [0, all.len() / 2, all.len() - 1] {
        let [ra, dec] = ["ra", "dec"].map(|key| all[at][key].as_f64().unwrap());
        let cone = format!("{ra},{dec},0.01");
        for workers in ["1", "3"] {
            let some = Folder::new("cone-some");
            printed(skydiff([
                "replay",
                "--archive",
                url,
                "--cone",
                &cone,
                "--to",
                text(&some.0),
                "--workers",
                workers,
            ]));
            let some = said(&some);
            let objects: std::collections::BTreeSet<String> = some.iter().map(name).collect();
            assert!(objects.contains(&name(&all[at])), "{cone}: {objects:?}");
            let expected: Vec<Value> = all.iter().filter(|record| objects.contains(&name(record))).cloned().collect();
            assert!(some == expected, "{cone} by {workers}");
            assert!(some.len() < all.len());
            seen += some.len();
        }
    }
    assert!(seen > 6, "objects have more than one record");
    let nowhere = skydiff(["replay", "--archive", url, "--cone", "10,-89,0.001"]);
    assert_eq!(nowhere.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&nowhere.stderr).contains("no object lies in this cone"));
}

#[test]
fn packets_come_out_as_they_went_in() {
    let (from, arch) = (input("out-in", 33, 10), Folder::new("out"));
    let mut sources = vec![from.0.clone()];
    sources.extend(data("ztf"));
    sources.extend(data("lsst"));
    let mut ingest = vec!["archive", "ingest", "--max-reject", "1", "--archive", text(&arch.0), "--from"];
    ingest.extend(sources.iter().map(|path| text(path)));
    printed(skydiff(ingest));
    let out = from.0.join("out.tar.exported");
    printed(skydiff(["archive", "export", "--archive", text(&arch.0), "--to", text(&out)]));
    // What goes in, as the mint of a run hands it out, is what an export brings: each as often as it came.
    let count = |packets: Vec<Vec<u8>>| {
        let mut counts = BTreeMap::<Vec<u8>, usize>::new();
        packets.into_iter().for_each(|packet| *counts.entry(packet).or_default() += 1);
        counts
    };
    let exported = count(entries(&out));
    let mut made = Vec::new();
    for night in 0..NIGHTS {
        made.extend(entries(&from.0.join(format!("{}.tar", name(night)))));
    }
    for (packet, times) in count(made) {
        assert_eq!(exported.get(&packet), Some(&times));
    }
    for folder in &sources[1..] {
        for file in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let is_packet = file.extension().is_some_and(|end| end == "avro");
            let bytes = std::fs::read(&file).unwrap_or_default();
            if is_packet && bytes.len() < 200_000 {
                assert!(exported.contains_key(&bytes) || bytes.is_empty(), "{}", file.display());
            }
        }
    }
}

/// Starts a job and kills it after a while; whether it had ended by then.
fn killed(arguments: &[&str], after: Duration) -> bool {
    let mut command = Command::new(env!("CARGO_BIN_EXE_skydiff"));
    let mut child =
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(after);
    let ended = child.try_wait().unwrap().is_some_and(|status| status.success());
    let _ = child.kill();
    child.wait().unwrap();
    ended
}

#[test]
fn a_job_that_is_killed_goes_on() {
    let from = input("kill-in", 34, 25);
    let cut = ["--epoch", "packets=5", "--max-reject", "1"];
    let (whole, undisturbed) = (Folder::new("kill-whole"), Folder::new("kill-undisturbed"));
    let run = |arch: &Folder, to: &Folder| {
        ["run", "--from", text(&from.0), "--archive", text(&arch.0), "--to", text(&to.0), "--digest", "--take-over"]
            .map(str::to_owned)
            .into_iter()
            .chain(cut.map(str::to_owned))
            .collect::<Vec<_>>()
    };
    let expected = digest(skydiff(run(&whole, &undisturbed)));
    let (arch, to, mut random) = (Folder::new("kill"), Folder::new("kill-to"), Random(5));
    for round in 0..20 {
        let workers = (1 + round % 3).to_string();
        let mut arguments = run(&arch, &to);
        arguments.extend(["--workers".to_owned(), workers]);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        killed(&arguments, Duration::from_millis(30 + random.below(250) as u64));
    }
    assert_eq!(digest(skydiff(run(&arch, &to))), expected);
    for file in OURS {
        assert!(bytes(&to, file) == bytes(&undisturbed, file), "{file}");
    }
    for of in ["measurements", "packets"] {
        assert_eq!(digest(skydiff(["replay", "--archive", text(&arch.0), "--from", of, "--digest"])), expected);
    }
    assert!(printed(skydiff(["archive", "verify", "--archive", text(&arch.0)])).contains("whole"));
    let gone = printed(skydiff(["archive", "gc", "--grace", "0", "--archive", text(&arch.0)]));
    assert!(gone.contains("removed"), "{gone}");
    assert!(printed(skydiff(["archive", "verify", "--archive", text(&arch.0)])).contains("whole"), "{gone}");
}

#[test]
fn two_processes_write_one_archive() {
    let (from, arch) = (input("two-in", 35, 15), Folder::new("two-arch"));
    let plain = digest(skydiff(["run", "--from", text(&from.0), "--digest", "--max-reject", "1"]));
    let hosts = hosts();
    let children = ["0", "1"].map(|process| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_skydiff"));
        command.args(["run", "--from", text(&from.0), "--archive", text(&arch.0), "--digest", "--max-reject", "1"]);
        command.args(["--epoch", "packets=11", "--process", process, "--hosts", &hosts]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    });
    let [first, second] = children.map(|child| child.wait_with_output().unwrap());
    printed(second);
    assert_eq!(digest(first), plain);
    for of in ["measurements", "packets"] {
        assert_eq!(digest(skydiff(["replay", "--archive", text(&arch.0), "--from", of, "--digest"])), plain, "{of}");
    }
}

#[test]
fn one_writer_at_a_time_with_the_settings_of_before() {
    let (from, arch) = (input("one-in", 36, 5), Folder::new("one"));
    let url = text(&arch.0);
    let run = ["run", "--from", text(&from.0), "--max-reject", "1", "--archive", url];
    printed(skydiff(run));
    let again = printed(skydiff([&run[..], &["--digest"]].concat()));
    assert!(again.lines().any(|line| line.starts_with("digest ")), "all is read, and nothing is new");
    let other = from.0.join("JOB.toml");
    std::fs::write(&other, "[timescales]\nflare_z = 7.0\n").unwrap();
    let refused = skydiff(["run", text(&other), "--from", text(&from.0), "--archive", url]);
    let why = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(why.contains("timescales.flare_z = 5.0 → 7.0"), "{why}");
    // A claim without an end is a writer that may live.
    let generations = arch.0.join("generations");
    let lease = std::fs::read_dir(&generations).unwrap().map(|entry| entry.unwrap().path());
    let lease = lease.filter(|path| path.extension().is_some_and(|end| end == "lease")).max().unwrap();
    let alive = std::fs::read_to_string(&lease).unwrap().replace("true", "false");
    std::fs::write(&lease, alive).unwrap();
    let refused = skydiff(run);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--take-over"));
    printed(skydiff([&run[..], &["--take-over"]].concat()));
}

#[test]
fn what_is_damaged_is_named() {
    let (from, arch) = (input("damage-in", 37, 5), Folder::new("damage"));
    let url = text(&arch.0);
    printed(skydiff(["archive", "ingest", "--from", text(&from.0), "--max-reject", "1", "--archive", url]));
    let mut files = Vec::new();
    for folder in std::fs::read_dir(arch.0.join("measurements")).unwrap() {
        files.extend(std::fs::read_dir(folder.unwrap().path()).unwrap().map(|entry| entry.unwrap().path()));
    }
    let victim = files.iter().min().unwrap();
    let mut altered = std::fs::read(victim).unwrap();
    let middle = altered.len() / 2;
    altered[middle] ^= 1;
    std::fs::write(victim, altered).unwrap();
    let file = victim.file_name().unwrap().to_str().unwrap();
    assert!(complaint(skydiff(["archive", "verify", "--archive", url])).contains(file));
    let failed = skydiff(["replay", "--archive", url, "--digest"]);
    assert_eq!(failed.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&failed.stderr).contains(file));
    let manifests = arch.0.join("manifests");
    let first = std::fs::read_dir(&manifests).unwrap().map(|entry| entry.unwrap().path()).min().unwrap();
    std::fs::remove_file(first).unwrap();
    let failed = skydiff(["replay", "--archive", url, "--digest"]);
    let why = String::from_utf8_lossy(&failed.stderr).into_owned();
    assert!(why.contains("epoch 0 is missing") || why.contains("empty"), "{why}");
}

#[test]
fn packets_of_a_cone_are_those_that_lie_in_it() {
    let (from, arch) = (input("cone-in", 39, 8), Folder::new("cone"));
    let url = text(&arch.0);
    printed(skydiff(["archive", "ingest", "--from", text(&from.0), "--max-reject", "1", "--archive", url]));
    let export = |flags: &[&str]| {
        let out = from.0.join("cone.exported");
        printed(skydiff([&["archive", "export", "--archive", url, "--to", text(&out)], flags].concat()));
        let mut packets = entries(&out);
        packets.sort();
        packets
    };
    // The third object is at 26, -26 (see common::ztf), the next is more than 7 degrees away.
    let of_object = export(&["--object", "ZTF24aaaaaac"]);
    assert!(of_object.len() > 3);
    assert!(export(&["--cone", "26,-26,0.001"]) == of_object);
    assert!(export(&["--cone", "26.5,-26,0.5"]) == of_object, "0.45 degrees on the sky");
    assert!(export(&["--cone", "26.5,-26,0.4"]).is_empty());
    assert!(export(&["--cone", "26,-26,7.9"]).len() > of_object.len());
    let night = export(&["--cone", "26,-26,0.001", "--nights", "2024-01-02..2024-01-04"]);
    assert!(
        !night.is_empty() && night.len() < of_object.len() && night.iter().all(|packet| of_object.contains(packet))
    );
    let wrong = skydiff(["archive", "export", "--archive", url, "--to", "x.tar", "--cone", "26,-26"]);
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("is no cone"));
}

#[test]
fn rejects_are_read_once_more() {
    let (from, arch) = (input("redrive-in", 40, 6), Folder::new("redrive"));
    let url = text(&arch.0);
    let future = common::ztf::from_the_future(0);
    from.write("ztf_public_20240111.tar", &common::ztf::tar(&[future]));
    let ingest = ["archive", "ingest", "--from", text(&from.0), "--max-reject", "1", "--archive", url];
    printed(skydiff(ingest));
    let rows = |dataset: &str| {
        let listed: Value =
            serde_json::from_str(&printed(skydiff(["archive", "ls", "--json", "--archive", url]))).unwrap();
        let mut datasets = listed["datasets"].as_array().unwrap().iter();
        datasets.find(|of| of["dataset"] == dataset).unwrap()["rows"].as_u64().unwrap()
    };
    let (packets, rejects) = (rows("packets"), rows("rejects"));
    let redrive = |reason: &str| printed(skydiff(["archive", "redrive", "--archive", url, "--reason", reason]));
    assert!(redrive("future").contains("1 packets were rejected as `future`"));
    assert_eq!((rows("packets"), rows("rejects")), (packets + 1, rejects + 1), "read again, and rejected again");
    assert!(redrive("future").contains("1 packets"), "the same one, which was read");
    assert_eq!(rows("packets"), packets + 1, "twice said is once done");
    assert!(redrive("datum").contains("0 packets"));
    assert_eq!(rows("packets"), packets + 1);
    assert!(printed(skydiff(["archive", "verify", "--archive", url])).contains("whole"));
    let wrong = skydiff(["archive", "redrive", "--archive", url, "--reason", "bad"]);
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("write one of framing"));
}
