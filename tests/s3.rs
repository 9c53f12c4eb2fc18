//! The archive on a real S3 server: everything that it does on a disk, over a line that is slow, cut or full of errors, with
//! the server killed meanwhile; and what a person is told who cannot use it.

mod common;

use common::archive::{bytes, digest, entries, hosts, input, text};
use common::s3::{Line, Server, bad_line, client, skydiff_at};
use common::{Folder, printed, skydiff};
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

const ARCHIVE: &str = "s3://nights/survey/archive";

/// What the same packets come to without an archive.
fn plain(from: &Folder) -> String {
    digest(skydiff(["run", "--from", text(&from.0), "--digest", "--max-reject", "1"]))
}

fn run<'a>(from: &'a Folder, epoch: &'a str) -> Vec<&'a str> {
    let archive = ["--archive", ARCHIVE, "--digest", "--max-reject", "1", "--epoch", epoch];
    [&["run", "--from", text(&from.0)], &archive[..]].concat()
}

/// Everything is there, and a replay of it is what was read.
fn holds(port: u16, expected: &str) {
    let verified = printed(skydiff_at(port, &["archive", "verify", "--archive", ARCHIVE]));
    assert!(verified.contains("Everything is there and whole"), "{verified}");
    for of in ["measurements", "packets"] {
        let replay = ["replay", "--archive", ARCHIVE, "--from", of, "--digest", "--workers", "2"];
        assert_eq!(digest(skydiff_at(port, &replay)), expected, "{of}");
    }
}

#[test]
fn an_archive_in_a_bucket_is_one_on_a_disk() {
    let Some(server) = Server::start("s3-whole") else { return };
    let (port, from, out) = (server.port, input("s3-whole-in", 51, 12), Folder::new("s3-whole-out"));
    let expected = plain(&from);
    assert_eq!(digest(skydiff_at(port, &[&run(&from, "packets=7")[..], &["--workers", "2"]].concat())), expected);
    holds(port, &expected);
    let tar = out.0.join("all.tar");
    printed(skydiff_at(port, &["archive", "export", "--archive", ARCHIVE, "--to", text(&tar)]));
    let (mut exported, mut made) = (entries(&tar), Vec::new());
    for night in std::fs::read_dir(&from.0).unwrap() {
        made.extend(entries(&night.unwrap().path()));
    }
    exported.sort();
    made.sort();
    assert!(exported == made, "every packet, byte for byte");
    assert!(printed(skydiff_at(port, &["archive", "snapshot", "--archive", ARCHIVE])).contains("rows"));
    let compacted = printed(skydiff_at(port, &["archive", "compact", "--archive", ARCHIVE]));
    assert!(compacted.contains("replaced by 5"), "{compacted}");
    let gone = printed(skydiff_at(port, &["archive", "gc", "--grace", "0", "--archive", ARCHIVE]));
    assert!(gone.lines().count() > 5, "{gone}");
    holds(port, &expected);
    assert_eq!(digest(skydiff_at(port, &run(&from, "packets=7"))), expected, "a start from the snapshot");
}

#[test]
fn a_server_that_is_killed_under_load_loses_nothing() {
    let Some(mut server) = Server::start("s3-kill") else { return };
    let (port, from) = (server.port, input("s3-kill-in", 52, 30));
    let expected = plain(&from);
    let arguments = [&run(&from, "packets=1")[..], &["--workers", "2"]].concat();
    let mut job = client(port, &arguments).env("SKYDIFF__ARCHIVE__COMMIT_SECONDS", "0").spawn().unwrap();
    let (mut kills, manifests) = (0, server.folder.0.join("nights/survey/archive/manifests"));
    let written = || std::fs::read_dir(&manifests).map_or(0, Iterator::count);
    while job.try_wait().unwrap().is_none() {
        // Between two kills there must be some work.
        let (before, mut waited) = (written(), 0);
        while written() < before + 2 && waited < 200 && job.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(5));
            waited += 1;
        }
        server.restart(&[], Duration::from_millis(200));
        kills += 1;
    }
    assert_eq!(digest(job.wait_with_output().unwrap()), expected);
    assert!(kills >= 3, "it was over after {kills} kills");
    holds(port, &expected);
}

#[test]
fn three_requests_of_ten_may_fail() {
    let Some(server) = Server::start("s3-503") else { return };
    let from = input("s3-503-in", 53, 12);
    let (line, failed) = bad_line(server.port);
    let expected = plain(&from);
    let mut job = client(line, &run(&from, "packets=20"));
    assert_eq!(digest(job.env("SKYDIFF__ARCHIVE__COMMIT_SECONDS", "0").output().unwrap()), expected);
    holds(line, &expected);
    assert!(failed.load(std::sync::atomic::Ordering::Relaxed) > 20);
}

#[test]
fn a_line_may_be_slow_and_cut() {
    let Some(server) = Server::start("s3-slow") else { return };
    let Some(line) = Line::to(server.port) else { return };
    let from = input("s3-slow-in", 54, 12);
    let expected = plain(&from);
    line.make("latency", r#"{"latency":30,"jitter":20}"#);
    line.make("bandwidth", r#"{"rate":4000}"#);
    let mut job = client(line.port, &run(&from, "packets=20")).spawn().unwrap();
    for _ in 0..3 {
        std::thread::sleep(Duration::from_millis(400));
        line.make("reset_peer", r#"{"timeout":0}"#);
        std::thread::sleep(Duration::from_millis(300));
        line.mend("reset_peer");
    }
    assert!(job.try_wait().unwrap().is_none_or(|status| status.success()));
    assert_eq!(digest(job.wait_with_output().unwrap()), expected);
    line.mend("bandwidth");
    line.mend("latency");
    holds(line.port, &expected);
}

#[test]
fn two_processes_write_one_archive_in_a_bucket() {
    let Some(server) = Server::start("s3-two") else { return };
    let (port, from, hosts) = (server.port, input("s3-two-in", 55, 12), hosts());
    let expected = plain(&from);
    let run = run(&from, "packets=11");
    let start = |process| {
        let cluster = ["--processes", "2", "--process", process, "--hosts", &hosts];
        client(port, &[&run[..], &cluster].concat()).spawn().unwrap()
    };
    let [first, second] = [start("0"), start("1")].map(|child| child.wait_with_output().unwrap());
    printed(second);
    assert_eq!(digest(first), expected);
    holds(port, &expected);
}

/// It ended with an error of one sentence that says this; nobody panicked.
fn refused(output: Output, words: &[&str]) {
    let why = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let errors = why.lines().filter(|line| line.starts_with("skydiff: ")).count();
    assert!(errors == 1 && !why.contains("panicked"), "{why}");
    words.iter().for_each(|word| assert!(why.contains(word), "no `{word}` in: {why}"));
}

#[test]
fn who_cannot_use_a_bucket_is_told_why() {
    let Some(mut server) = Server::start("s3-refused") else { return };
    let (port, from) = (server.port, input("s3-refused-in", 56, 6));
    let (run, expected) = (run(&from, "packets=20"), plain(&from));
    let wrong = client(port, &run).env("AWS_SECRET_ACCESS_KEY", "nonsense").output().unwrap();
    refused(wrong, &["archive s3://", "AWS_SECRET_ACCESS_KEY"]);
    let mut nowhere = run.clone();
    nowhere[4] = "s3://nowhere/archive";
    refused(skydiff_at(port, &nowhere), &["s3://nowhere", "no such bucket"]);
    let unreachable = common::archive::free_port();
    let begun = std::time::Instant::now();
    refused(skydiff_at(unreachable, &run), &["archive s3://", "AWS_ENDPOINT_URL"]);
    assert!(begun.elapsed() < Duration::from_secs(45), "{:?}", begun.elapsed());
    server.restart(&["--readonly"], Duration::ZERO);
    refused(skydiff_at(port, &run), &["cannot be written", "may read and write there"]);
    server.restart(&[], Duration::ZERO);
    assert_eq!(digest(skydiff_at(port, &run)), expected, "a later start goes on");
    holds(port, &expected);
}

/// A small file system of its own; none where this user may not mount one, which is said.
struct Disk(Folder);

impl Disk {
    fn mount(label: &str, options: &str) -> Option<Disk> {
        let folder = Folder::new(label);
        let mount = ["-t", "tmpfs", "-o", options, "tmpfs", text(&folder.0)];
        let mounted = Command::new("mount").args(mount).output().is_ok_and(|output| output.status.success());
        if !mounted {
            println!("skipped: a file system cannot be mounted here");
        }
        mounted.then_some(Disk(folder))
    }

    fn again(&self, options: &str) {
        let options = format!("remount,{options}");
        assert!(Command::new("mount").args(["-o", &options, text(&self.0.0)]).status().unwrap().success());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0.0).status();
    }
}

#[test]
fn a_full_or_read_only_disk_ends_a_job_that_a_later_start_goes_on_with() {
    let Some(disk) = Disk::mount("disk", "size=600k") else { return };
    let (from, to, aside) = (input("disk-in", 57, 12), Folder::new("disk-to"), Folder::new("disk-job"));
    let job = aside.write("often.toml", b"[archive]\ncommit_seconds = 0.0\n[epochs]\nin_flight = 4\n");
    let run =
        ["run", text(&job), "--from", text(&from.0), "--archive", text(&disk.0.0), "--to", text(&to.0), "--digest"];
    // On a full disk nobody can say that they have ended.
    let run = [&run[..], &["--max-reject", "1", "--epoch", "packets=5", "--take-over"]].concat();
    refused(skydiff(&run), &["the disk is full: make room"]);
    assert!(Path::new(&disk.0.0.join("manifests")).is_dir(), "some of it was committed");
    disk.again("ro,size=64m");
    refused(skydiff(&run), &["read-only"]);
    disk.again("rw,size=64m");
    assert_eq!(digest(skydiff(&run)), plain(&from));
    let whole = Folder::new("disk-whole");
    let mut undisturbed = run.clone();
    undisturbed.splice(4..6, []);
    undisturbed[5] = text(&whole.0);
    printed(skydiff(&undisturbed));
    assert!(bytes(&to, "records.jsonl") == bytes(&whole, "records.jsonl"), "the same records, once");
    assert!(printed(skydiff(["archive", "verify", "--archive", text(&disk.0.0)])).contains("whole"));
}
