//! `skydiff run` as a person meets it: what it writes, what it refuses, how it stops.

mod common;

use common::ztf::{from_the_future, name, nights, tar};
use common::{Folder, printed, skydiff, skydiff_with};
use serde_json::Value;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

fn run(flags: &[&str]) -> Output {
    skydiff(["run"].iter().chain(flags))
}

fn lines(folder: &Folder, name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.0.join(name)).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn digest(output: Output) -> String {
    printed(output).lines().last().and_then(|line| line.strip_prefix("digest ")).unwrap().to_owned()
}

/// Ended with that code; what it complained of.
fn failed(output: Output, code: i32) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{text}");
    text
}

#[test]
fn records_and_reports_are_written_and_add_up() {
    let (input, out) = (Folder::new("write"), Folder::new("write-out"));
    for (night, packets) in nights(1, 20).into_iter().enumerate() {
        input.write(&format!("{}.tar", name(night)), &tar(&packets));
    }
    let (from, to) = (input.0.to_str().unwrap(), out.0.to_str().unwrap());
    printed(run(&["--from", from, "--to", to, "--workers", "3", "--epoch", "file"]));
    let records = lines(&out, "records.jsonl");
    assert!(records.len() > 20);
    let schema = std::fs::read(out.0.join("records.avro")).unwrap();
    assert_eq!(apache_avro::Reader::new(&schema[..]).unwrap().count(), records.len());
    let order: Vec<_> = records.iter().map(|r| ["epoch", "lane", "rank"].map(|key| r[key].as_i64().unwrap())).collect();
    assert!(order.is_sorted() && order.windows(2).all(|pair| pair[0] != pair[1]), "one place each");
    let summary: Value = serde_json::from_slice(&std::fs::read(out.0.join("summary.json")).unwrap()).unwrap();
    assert_eq!(summary["adds_up"], true);
    assert!(out.0.join("nights/20240103/summary.json").exists());
    assert_eq!(lines(&out, "bindings.jsonl").len(), 10);
    let bytes = |name: &str| std::fs::read(out.0.join(name)).unwrap();
    let before = (bytes("records.jsonl"), bytes("records.avro"));
    printed(run(&["--from", from, "--to", to, "--workers", "1", "--epoch", "file"]));
    assert!(before == (bytes("records.jsonl"), bytes("records.avro")), "to the byte, whatever the workers");
}

#[test]
fn packets_that_repeat_change_nothing() {
    let (input, once, twice) = (Folder::new("repeat"), Folder::new("repeat-once"), Folder::new("repeat-twice"));
    let packets: Vec<_> = nights(2, 15).concat();
    let file = input.write("all.tar", &tar(&packets));
    let file = file.to_str().unwrap();
    let fixed = ["--received", "2024-02-01", "--digest", "--from", file];
    let one = digest(run(&[&fixed[..], &["--to", once.0.to_str().unwrap()]].concat()));
    let two = digest(run(&[&fixed[..], &[file, "--to", twice.0.to_str().unwrap()]].concat()));
    assert_eq!(one, two);
    assert!(lines(&once, "records.jsonl") == lines(&twice, "records.jsonl"), "no record says anything twice");
    let text = std::fs::read_to_string(twice.0.join("reconciliation.csv")).unwrap();
    assert!(
        text.lines().any(|line| line.contains("repeated") && line.ends_with(&format!(",{}", packets.len()))),
        "{text}"
    );
}

#[test]
fn a_packet_of_2099_is_rejected_and_moves_no_clock() {
    let (input, with, without) = (Folder::new("future"), Folder::new("future-with"), Folder::new("future-without"));
    let mut packets: Vec<_> = nights(3, 15).concat();
    let clean = input.write("clean.tar", &tar(&packets));
    let middle = packets.len() / 2;
    packets.insert(middle, from_the_future(3));
    let file = input.write("mixed.tar", &tar(&packets));
    let one = digest(run(&["--from", clean.to_str().unwrap(), "--to", without.0.to_str().unwrap(), "--digest"]));
    let two = digest(run(&["--from", file.to_str().unwrap(), "--to", with.0.to_str().unwrap(), "--digest"]));
    assert_eq!(one, two);
    let rejects = lines(&with, "rejects.jsonl");
    assert_eq!(rejects.len(), 1);
    assert_eq!((&rejects[0]["reason"], &rejects[0]["packet"]), (&"future".into(), &middle.into()));
    assert!(rejects[0]["detail"].as_str().unwrap().contains("2099"), "{}", rejects[0]);
    let clocks = |folder: &Folder| lines(folder, "bindings.jsonl").last().unwrap()["clocks_mjd_tai"].clone();
    assert_eq!(clocks(&with), clocks(&without));
    let again = with.0.join("rejects.tar");
    let later = printed(run(&["--from", again.to_str().unwrap(), "--received", "2100-01-01"]));
    assert!(later.lines().any(|line| line.starts_with("  accepted") && line.ends_with(" 1")), "{later}");
}

#[test]
fn a_break_stops_the_job_before_it_commits() {
    let (input, out) = (Folder::new("break"), Folder::new("break-out"));
    let good: Vec<_> = nights(4, 20).concat();
    let broken: Vec<_> = good.iter().take(51).map(|packet| packet[..packet.len() - 20].to_vec()).collect();
    input.write("a.tar", &tar(&good));
    input.write("b.tar", &tar(&broken));
    let (from, to) = (input.0.to_str().unwrap(), out.0.to_str().unwrap());
    for workers in ["1", "3"] {
        let error = failed(run(&["--from", from, "--to", to, "--epoch", "file", "--workers", workers]), 3);
        assert!(
            error.contains("ztf.alert") && error.contains("`framing`") && error.contains("b.tar packet 0"),
            "{error}"
        );
        assert_eq!(lines(&out, "bindings.jsonl").len(), 1, "what came before is whole, what is broken is not there");
        let avro = std::fs::read(out.0.join("records.avro")).unwrap();
        assert_eq!(apache_avro::Reader::new(&avro[..]).unwrap().count(), lines(&out, "records.jsonl").len());
    }
    for process in two_processes(from, [&[], &[]]) {
        assert!(failed(process, 3).contains("`framing`"), "all end, and say the same");
    }
    let told = printed(run(&["--from", from, "--to", to, "--max-reject", "1"]));
    assert!(told.contains("rejected: framing") && told.contains("It adds up."), "{told}");
    assert_eq!(lines(&out, "rejects.jsonl").len(), 51);
    std::fs::write(input.0.join("b.tar"), tar(&broken[..50])).unwrap();
    printed(run(&["--from", from]));
}

/// A job of two processes, each with flags of its own; what became of each.
fn two_processes(from: &str, own: [&[&str]; 2]) -> [Output; 2] {
    let ports = [(); 2].map(|()| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    let hosts = ports.map(|port| port.local_addr().unwrap().to_string()).join(",");
    let children = [0, 1].map(|process| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_skydiff"));
        command.args(["run", "--from", from, "--process", &process.to_string(), "--hosts", &hosts]).args(own[process]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    });
    children.map(|child| child.wait_with_output().unwrap())
}

#[test]
fn only_the_first_process_needs_the_flags_of_what_is_written() {
    let (input, one, two) = (Folder::new("two"), Folder::new("two-one"), Folder::new("two-two"));
    let mut packets: Vec<_> = nights(8, 20).concat();
    packets.insert(9, b"no packet".to_vec());
    let from = input.write("all.tar", &tar(&packets));
    let dumps = ["a.txt", "b.txt"].map(|name| input.0.join(name));
    let [from, a, b] = [&from, &dumps[0], &dumps[1]].map(|path| path.to_str().unwrap());
    let [to_one, to_two] = [&one, &two].map(|folder| folder.0.to_str().unwrap());
    let same = ["--received", "2024-02-01", "--epoch", "packets=17"];
    printed(run(&[&["--from", from, "--to", to_one, "--workers", "2", "--dump", a], &same[..]].concat()));
    let first = [&["--to", to_two, "--dump", b], &same[..]].concat();
    two_processes(from, [&first, &same]).into_iter().for_each(|process| drop(printed(process)));
    for name in ["records.jsonl", "records.avro", "rejects.jsonl", "rejects.tar"] {
        let [one, two] = [&one, &two].map(|folder| std::fs::read(folder.0.join(name)).unwrap());
        assert!(one == two, "{name}: {} and {} bytes", one.len(), two.len());
    }
    assert!(std::fs::read(a).unwrap() == std::fs::read(b).unwrap());
    let second = [&["--to", to_two, "--dump", b], &same[..]].concat();
    two_processes(from, [&same, &second]).into_iter().for_each(|process| drop(printed(process)));
}

#[test]
fn what_is_read_is_never_written_over() {
    let folder = Folder::new("spare");
    std::fs::create_dir(folder.0.join("nights")).unwrap();
    let packet = folder.write("nights/a.avro", &nights(9, 3).concat()[0]);
    let [nights, to] = [folder.0.join("nights"), folder.0.clone()].map(|path| path.to_str().unwrap().to_owned());
    assert!(failed(run(&["--from", &nights, "--to", &to]), 2).contains("--to"));
    let elsewhere = Folder::new("spare-in");
    let other = elsewhere.write("b.avro", &std::fs::read(&packet).unwrap());
    printed(run(&["--from", other.to_str().unwrap(), "--to", &to]));
    assert!(packet.exists(), "what is not ours stays");
}

#[test]
fn a_night_counts_its_own_packets_only() {
    let (input, out) = (Folder::new("own-night"), Folder::new("own-night-out"));
    let nights = nights(10, 10);
    let before = input.write("before.tar", &tar(&nights[0]));
    let night = input.write(&format!("{}.tar", name(1)), &tar(&nights[1]));
    let [before, night] = [&before, &night].map(|path| path.to_str().unwrap());
    printed(run(&["--from", before, night, "--received", "2024-01-02", "--to", out.0.to_str().unwrap()]));
    let report = std::fs::read(out.0.join("nights/20240102/summary.json")).unwrap();
    let report: Value = serde_json::from_slice(&report).unwrap();
    assert_eq!(report["packets"]["received"], nights[1].len());
    assert_eq!(report["adds_up"], true);
}

#[test]
fn ctrl_c_ends_a_job_whose_input_is_silent() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_skydiff"));
    let command = command.args(["run", "--from", "-", "--digest"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let input = child.stdin.take();
    std::thread::sleep(Duration::from_millis(700));
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() && begun.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(50));
    }
    let ended = child.try_wait().unwrap().is_some();
    drop(input);
    assert!(ended, "it waits for an input that says nothing");
    assert!(printed(child.wait_with_output().unwrap()).contains("It adds up."));
}

#[test]
fn standard_input_is_a_source() {
    let packets: Vec<_> = nights(5, 10).concat();
    let expected = digest(skydiff_with(&packets.concat(), &["run", "--from", "-", "--digest"]));
    assert_eq!(digest(skydiff_with(&tar(&packets), &["run", "--from", "-", "--digest", "--workers", "2"])), expected);
    let empty = printed(skydiff_with(b"", &["run", "--from", "-"]));
    assert!(empty.contains("packets received") && empty.contains("It adds up."), "{empty}");
}

#[test]
fn ctrl_c_drains_and_ends_well() {
    let packets: Vec<_> = nights(6, 10).concat();
    let mut command = Command::new(env!("CARGO_BIN_EXE_skydiff"));
    let command = command.args(["run", "--from", "-", "--epoch", "packets=5", "--json"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut input, &packets[..40].concat()).unwrap();
    // The input stays open: only the signal ends the job.
    std::thread::sleep(Duration::from_millis(700));
    assert!(child.try_wait().unwrap().is_none(), "it waits for more");
    let begun = Instant::now();
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(10));
    let told: Value = serde_json::from_str(printed(output).lines().last().unwrap()).unwrap();
    assert_eq!((&told["event"], &told["drained"]), (&"done".into(), &true.into()));
    let received = told["report"]["packets"]["received"].as_u64().unwrap();
    assert!(received > 0 && received.is_multiple_of(5) && received <= 40, "whole epochs: {received}");
    drop(input);
}

#[test]
fn jobs_are_files_and_mistakes_are_explained() {
    let folder = Folder::new("job");
    let packets: Vec<_> = nights(7, 5).concat();
    let file = folder.write("all.tar", &tar(&packets));
    let job = format!("[[source]]\npath = {file:?}\n[run]\nworkers = 2\n[timescales]\ntimescales = [2, 7]\n");
    let job = folder.write("job.toml", job.as_bytes());
    assert!(printed(run(&[job.to_str().unwrap()])).contains("packets received"));
    let wrong = folder.write("wrong.toml", b"[timescales]\nflarez = 7\n");
    let error = failed(run(&[wrong.to_str().unwrap()]), 2);
    assert!(error.contains("wrong.toml") && error.contains("did you mean `timescales.flare_z`?"), "{error}");
    assert!(failed(run(&[]), 2).contains("--from PATH"));
    let swallowed = failed(run(&["--from", file.to_str().unwrap(), job.to_str().unwrap()]), 2);
    assert!(swallowed.contains("job.toml --from PATH"), "{swallowed}");
    let empty = Folder::new("job-empty");
    let nothing = run(&["--from", empty.0.to_str().unwrap()]);
    assert!(failed(nothing, 0).contains("no packets found in"));
    assert!(failed(run(&["--from", "/no/such/path"]), 2).contains("/no/such/path"));
    assert!(failed(run(&["--from", "/", "--hosts", "a:1,b:2", "--processes", "3"]), 2).contains("--hosts names 2"));
    let print = printed(skydiff(["job"]));
    assert!(print.contains("[timescales]") && print.contains("flare_z = 5.0"), "{print}");
}
