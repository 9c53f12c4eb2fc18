//! Catalogues of an archive, appended night by night: the same as all of it published at once, to the byte of every pixel of
//! `objects/`, in a folder and in a bucket, and after kills.

mod common;

use common::archive::{digest, hosts, text};
use common::s3::{Server, skydiff_at};
use common::ztf::Random;
use common::{Folder, printed, skydiff};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const TROUBLE: [&str; 12] = [
    "--late",
    "0.05",
    "--duplicate",
    "0.05",
    "--corrupt",
    "0.03",
    "--moved",
    "0.15",
    "--remeasured",
    "0.15",
    "--withdrawn",
    "0.15",
];

/// Six nights with every trouble.
fn simulate(folder: &Folder, survey: &str) -> Vec<PathBuf> {
    let sky = folder.0.join("sky");
    let made =
        ["simulate", "--survey", survey, "--to", text(&sky), "--visits", "10", "--alerts", "30", "--nights", "6"];
    printed(skydiff([&made[..], &["--no-cutouts"], &TROUBLE].concat()));
    let tars = std::fs::read_dir(&sky).unwrap().map(|entry| entry.unwrap().path());
    let mut tars: Vec<PathBuf> = tars.filter(|path| path.extension().is_some_and(|end| end == "tar")).collect();
    tars.sort();
    tars
}

/// The edition that readers go by, and what it says of itself.
fn edition(collection: &Path) -> (PathBuf, Value) {
    let properties = std::fs::read_to_string(collection.join("collection.properties")).unwrap();
    let folder = properties.lines().find_map(|line| line.strip_prefix("hats_primary_table_url=")).unwrap();
    let folder = collection.join(folder);
    let own = serde_json::from_slice(&std::fs::read(folder.join("skydiff.json")).unwrap()).unwrap();
    (folder, own)
}

/// By pixel, its rows, and the bytes of its files; each file is there, whole.
fn pixels(collection: &Path) -> BTreeMap<u64, (u64, Vec<Vec<u8>>)> {
    let (folder, own) = edition(collection);
    let mut pixels = BTreeMap::<u64, (u64, Vec<Vec<u8>>)>::new();
    for tile in own["tiles"].as_array().unwrap() {
        let bytes = std::fs::read(folder.join(tile["path"].as_str().unwrap())).unwrap();
        assert_eq!(bytes.len() as u64, tile["bytes"].as_u64().unwrap());
        let pixel = pixels.entry(tile["pixel"].as_u64().unwrap()).or_default();
        pixel.0 += tile["rows"].as_u64().unwrap();
        pixel.1.push(bytes);
    }
    pixels
}

fn rows(collection: &Path) -> BTreeMap<u64, u64> {
    pixels(collection).into_iter().map(|(pixel, (rows, _))| (pixel, rows)).collect()
}

#[test]
fn nights_that_are_appended_are_all_of_them() {
    for survey in ["ztf", "lsst"] {
        let folder = Folder::new(&format!("append-{survey}"));
        let [arch, part, nightly, whole, packets] =
            ["arch", "part", "nightly", "whole", "packets"].map(|name| folder.0.join(name));
        std::fs::create_dir_all(&part).unwrap();
        let publish =
            |to: &Path| printed(skydiff(["publish", "--archive", text(&arch), "--to", text(to), "--order", "1"]));
        let tars = simulate(&folder, survey);
        let mut made = Vec::new();
        for tar in &tars {
            std::fs::copy(tar, part.join(tar.file_name().unwrap())).unwrap();
            let ingest = ["archive", "ingest", "--archive", text(&arch), "--from", text(&part), "--max-reject", "1"];
            printed(skydiff([&ingest[..], &["--epoch", "visit", "--workers", "2"]].concat()));
            made.push(publish(&nightly));
        }
        assert!(made[1..].iter().all(|line| !line.contains("(0 of them new)")), "{made:?}");
        publish(&whole);
        assert_eq!(rows(&nightly.join("alerts")), rows(&whole.join("alerts")), "{survey}");
        assert!(pixels(&nightly.join("objects")) == pixels(&whole.join("objects")), "{survey}: objects, to the byte");
        let nothing = publish(&nightly);
        assert!(nothing.contains("(0 of them new)") && nothing.contains("(0 of"), "{nothing}");
        // What the packets themselves give, in one piece.
        printed(skydiff(["publish", "--from", text(&part), "--to", text(&packets), "--order", "1"]));
        assert_eq!(rows(&packets.join("alerts")), rows(&whole.join("alerts")), "{survey}: alerts of packets");
        assert!(pixels(&packets.join("objects")).keys().eq(pixels(&whole.join("objects")).keys()), "{survey}");
        for (pixel, (_, bytes)) in pixels(&packets.join("objects")) {
            assert!(pixels(&whole.join("objects"))[&pixel].1 == bytes, "{survey}: objects of packets in pixel {pixel}");
        }
        // Other thresholds are other objects, and the same alerts.
        let job = folder.write("job.toml", b"[timescales]\ntrend_z = 2.0\n");
        let other = ["publish", "--archive", text(&arch), "--to", text(&nightly), "--job", text(&job)];
        assert!(printed(skydiff(other)).contains("(0 of them new)"));
        assert!(pixels(&nightly.join("objects")) != pixels(&whole.join("objects")));
        assert_eq!(rows(&nightly.join("objects")), rows(&whole.join("objects")));
    }
}

#[test]
fn whoever_is_killed_has_published_nothing_by_halves() {
    let folder = Folder::new("append-kill");
    let [arch, part, to, whole] = ["arch", "part", "to", "whole"].map(|name| folder.0.join(name));
    std::fs::create_dir_all(&part).unwrap();
    let (tars, mut random) = (simulate(&folder, "ztf"), Random(3));
    for tar in &tars {
        std::fs::copy(tar, part.join(tar.file_name().unwrap())).unwrap();
        printed(skydiff(["archive", "ingest", "--archive", text(&arch), "--from", text(&part), "--max-reject", "1"]));
        for _ in 0..4 {
            let mut command = Command::new(env!("CARGO_BIN_EXE_skydiff"));
            command.args(["publish", "--archive", text(&arch), "--to", text(&to), "--order", "1"]);
            let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            std::thread::sleep(Duration::from_millis(random.below(120) as u64));
            let _ = child.kill();
            child.wait().unwrap();
            for name in ["alerts", "objects"] {
                if to.join(name).join("collection.properties").exists() {
                    // Reads every file that is named, and its length.
                    rows(&to.join(name));
                }
            }
        }
    }
    for to in [&to, &whole] {
        printed(skydiff(["publish", "--archive", text(&arch), "--to", text(to), "--order", "1"]));
    }
    assert_eq!(rows(&to.join("alerts")), rows(&whole.join("alerts")));
    assert!(pixels(&to.join("objects")) == pixels(&whole.join("objects")));
}

/// Two processes of one job.
fn pair(arguments: &[&str]) -> [Child; 2] {
    let hosts = hosts();
    ["0", "1"].map(|process| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_skydiff"));
        command.args(arguments).args(["--process", process, "--hosts", &hosts]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    })
}

/// scripts/check_month in small.
#[test]
fn nights_of_two_processes_that_were_killed_are_those_of_one_job() {
    let folder = Folder::new("month");
    let [sky, part, nightly, killed] = ["both", "part", "nightly", "killed"].map(|name| folder.0.join(name));
    std::fs::create_dir_all(&sky).unwrap();
    std::fs::create_dir_all(&part).unwrap();
    for survey in ["ztf", "lsst"] {
        let of_survey = Folder::new(&format!("month-{survey}"));
        for tar in simulate(&of_survey, survey).iter().take(4) {
            std::fs::copy(tar, sky.join(tar.file_name().unwrap())).unwrap();
        }
    }
    let run = ["run", "--max-reject", "1", "--epoch", "packets=25", "--digest", "--from"];
    let expected = digest(skydiff([&run[..], &[text(&sky)]].concat()));
    let mut tars: Vec<PathBuf> = std::fs::read_dir(&sky).unwrap().map(|entry| entry.unwrap().path()).collect();
    tars.sort();
    let mut last = String::new();
    for (at, tar) in tars.iter().enumerate() {
        std::fs::copy(tar, part.join(tar.file_name().unwrap())).unwrap();
        let workers = (1 + at % 3).to_string();
        let more = [text(&part), "--archive", text(&nightly), "--workers", &workers];
        last = digest(skydiff([&run[..], &more].concat()));
        if at % 3 == 1 {
            printed(skydiff(["archive", "snapshot", "--archive", text(&nightly)]));
        }
        let to = folder.0.join("cat-nightly");
        printed(skydiff(["publish", "--archive", text(&nightly), "--to", text(&to), "--order", "1"]));
    }
    assert_eq!(last, expected, "night after night");
    let both = [&run[..], &[text(&sky), "--archive", text(&killed), "--take-over"]].concat();
    let mut random = Random(11);
    for _ in 0..3 {
        let mut children = pair(&both);
        std::thread::sleep(Duration::from_millis(200 + random.below(600) as u64));
        children.iter_mut().for_each(|child| drop(child.kill()));
        children.into_iter().for_each(|child| drop(child.wait_with_output().unwrap()));
    }
    let [first, second] = pair(&both).map(|child| child.wait_with_output().unwrap());
    printed(second);
    assert_eq!(digest(first), expected, "by two processes, after kills");
    for (archive, from, granularity, workers) in [
        (&killed, "measurements", "visit", "3"),
        (&killed, "packets", "night", "2"),
        (&nightly, "packets", "visit", "1"),
        (&nightly, "measurements", "epoch", "2"),
    ] {
        let replay = ["replay", "--archive", text(archive), "--from", from, "--granularity", granularity];
        let replayed = digest(skydiff([&replay[..], &["--workers", workers, "--digest"]].concat()));
        assert_eq!(replayed, expected, "{from} by {granularity}");
        assert!(printed(skydiff(["archive", "verify", "--archive", text(archive)])).contains("whole"));
    }
    let [appended, whole] = ["cat-nightly", "cat-killed"].map(|name| folder.0.join(name));
    printed(skydiff(["publish", "--archive", text(&killed), "--to", text(&whole), "--order", "1"]));
    assert_eq!(rows(&appended.join("alerts")), rows(&whole.join("alerts")));
    assert!(pixels(&appended.join("objects")) == pixels(&whole.join("objects")), "objects, to the byte");
}

#[test]
fn catalogues_lie_in_buckets_too() {
    let Some(server) = Server::start("s3-publish") else { return };
    let folder = Folder::new("s3-publish-sky");
    let (arch, whole) = ("s3://nights/arch", folder.0.join("whole"));
    for tar in simulate(&folder, "ztf").iter().take(3) {
        let ingest = ["archive", "ingest", "--archive", arch, "--from", text(tar), "--max-reject", "1"];
        printed(skydiff_at(server.port, &ingest));
        printed(skydiff_at(server.port, &["publish", "--archive", arch, "--to", "s3://nights/cat", "--order", "1"]));
    }
    printed(skydiff_at(server.port, &["publish", "--archive", arch, "--to", text(&whole), "--order", "1"]));
    // A bucket is a folder of the server.
    let bucket = server.folder.0.join("nights/cat");
    assert_eq!(rows(&bucket.join("alerts")), rows(&whole.join("alerts")));
    assert!(pixels(&bucket.join("objects")) == pixels(&whole.join("objects")));
}
