//! An archive as it grows by nights: what writing it costs, what it holds, how fast it is replayed, how long a start takes.
//!
//! `cargo bench --bench nights`; SKYDIFF_BENCH_NIGHTS (30), SKYDIFF_BENCH_VISITS (60) and SKYDIFF_BENCH_ALERTS (60, a visit)
//! change its size, SKYDIFF_BENCH_SURVEY=lsst the survey; SKYDIFF__EPOCHS__CUT and SKYDIFF__ARCHIVE__COMMIT_SECONDS, as for any
//! job, how many manifests a night has; SKYDIFF_BENCH_ROUNDS (3) how often all is written to compare. Nights are written once,
//! without stamps. Each figure is a process of its own, so that CPU seconds and the greatest memory are its own too; with and
//! without an archive take turns.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What a process took.
#[derive(Clone, Copy, Debug, Default)]
struct Took {
    wall: f64,
    cpu: f64,
    /// Greatest memory, bytes.
    memory: u64,
}

/// What a process took, and what it printed.
fn skydiff(arguments: &[&str]) -> (Took, String) {
    let (begun, before) = (Instant::now(), cpu_of_children());
    let mut command = Command::new(env!("CARGO_BIN_EXE_skydiff"));
    let out = std::env::temp_dir().join(format!("skydiff-nights-{}.out", std::process::id()));
    let file = std::fs::File::create(&out).unwrap();
    let mut child = command.args(arguments).stdin(Stdio::null()).stdout(file).stderr(Stdio::null()).spawn().unwrap();
    let mut memory = 0;
    let ended = loop {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let peak =
            status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
        memory = memory.max(peak.unwrap_or(0_u64) * 1024);
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    assert!(ended.success(), "{arguments:?}: {ended}");
    let took = Took { wall: begun.elapsed().as_secs_f64(), cpu: cpu_of_children() - before, memory };
    (took, std::fs::read_to_string(&out).unwrap())
}

/// CPU seconds of all processes that this one has waited for.
fn cpu_of_children() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = text.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(13).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

fn number(name: &str, default: u32) -> u32 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// A count out of a report on standard output.
fn count(report: &str, name: &str) -> f64 {
    let of = |line: &str| line.strip_prefix(name)?.split_whitespace().last()?.replace(',', "").parse().ok();
    report.lines().rev().find_map(of).unwrap_or(f64::NAN)
}

fn bytes_in(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let size =
        |path: PathBuf| if path.is_dir() { bytes_in(&path) } else { path.metadata().map_or(0, |file| file.len()) };
    entries.map(|entry| size(entry.path())).sum()
}

fn main() {
    let nights = number("SKYDIFF_BENCH_NIGHTS", 30);
    let folder = std::env::temp_dir().join(format!("skydiff-nights-{}", std::process::id()));
    let (input, arch) = (folder.join("nights"), folder.join("arch"));
    let part = folder.join("part");
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let survey = std::env::var("SKYDIFF_BENCH_SURVEY").unwrap_or("ztf".into());
    let (count_of, visits, alerts) = (
        nights.to_string(),
        number("SKYDIFF_BENCH_VISITS", 60).to_string(),
        number("SKYDIFF_BENCH_ALERTS", 60).to_string(),
    );
    let simulate =
        ["simulate", "--no-cutouts", "--no-weather", "--survey", &survey, "--nights", &count_of, "--visits", &visits];
    skydiff(&[&simulate[..], &["--alerts", &alerts, "--to", &text(&input)]].concat());
    let mut files: Vec<PathBuf> = std::fs::read_dir(&input).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "tar"));
    files.sort();
    std::fs::create_dir_all(&part).unwrap();
    for file in &files {
        std::os::unix::fs::symlink(file, part.join(file.file_name().unwrap())).unwrap();
    }
    let rounds = number("SKYDIFF_BENCH_ROUNDS", 3);
    println!("writing, all {} nights, 2 workers, {rounds} rounds in turn:", files.len());
    let mut best = [Took { cpu: f64::MAX, ..Took::default() }; 2];
    for _ in 0..rounds {
        let _ = std::fs::remove_dir_all(&arch);
        let (arch, part) = (text(&arch), text(&part));
        let run = ["run", "--max-reject", "1", "-w", "2", "--from", &part];
        for (best, more) in best.iter_mut().zip([&[][..], &["--archive", &arch]]) {
            let (took, _) = skydiff(&[&run[..], more].concat());
            if took.cpu < best.cpu {
                *best = took;
            }
        }
    }
    let [without, with] = best;
    if rounds > 0 {
        println!("  without {:7.2} CPU s, with {:7.2} CPU s: x {:.2}", without.cpu, with.cpu, with.cpu / without.cpu);
    }
    let _ = std::fs::remove_dir_all(&arch);
    std::fs::remove_dir_all(&part).unwrap();
    std::fs::create_dir_all(&part).unwrap();
    let (arch_url, mut taken) = (text(&arch), 0);
    let sizes = [1, 3, 10, 30, 100, 365].into_iter().filter(|size| *size <= files.len());
    for size in sizes {
        for file in &files[taken..size] {
            std::os::unix::fs::symlink(file, part.join(file.file_name().unwrap())).unwrap();
        }
        taken = size;
        let run =
            ["run", "--max-reject", "1", "--archive", &arch_url, "--from", &text(&part), "-w", "2"].map(str::to_owned);
        let run: Vec<&str> = run.iter().map(String::as_str).collect();
        skydiff(&run);
        let raw: u64 = files[..size].iter().map(|file| file.metadata().unwrap().len()).sum();
        let (took, said) = skydiff(&["replay", "--archive", &arch_url, "-w", "2"]);
        let (packets, rows) = (count(&said, "packets received"), count(&said, "measurements"));
        let manifests = std::fs::read_dir(arch.join("manifests")).map_or(0, Iterator::count);
        let objects = count(&said, "objects  ");
        println!("{size} nights: {packets} packets, {rows} measurements, {objects} objects, {manifests} manifests");
        let of = |folder: &str| bytes_in(&arch.join(folder)) as f64 / packets;
        println!(
            "  bytes a packet: raw {:.0}, packets/ {:.0}, measurements/ {:.0}, contexts/ {:.0}, changes/ {:.0}",
            raw as f64 / packets,
            of("packets"),
            of("measurements"),
            of("contexts"),
            of("changes")
        );
        let line = |what: &str, took: Took| {
            let (rate, of_rows) = (packets / took.cpu, rows / took.cpu / 1e6);
            let memory = took.memory >> 20;
            println!(
                "  {what:24} {:6.2} s, {:6.2} CPU s, {rate:7.0} packets and {of_rows:5.2} M rows a CPU s, {memory} MiB",
                took.wall, took.cpu
            );
        };
        line("replay", took);
        line("replay, by night", skydiff(&["replay", "--archive", &arch_url, "-w", "2", "--granularity", "night"]).0);
        line("replay, from packets", skydiff(&["replay", "--archive", &arch_url, "-w", "2", "--from", "packets"]).0);
        // Nothing is new: what is left is to know again what was known.
        line("start", skydiff(&run).0);
        line("making a snapshot", skydiff(&["archive", "snapshot", "--archive", &arch_url]).0);
        line("start, with a snapshot", skydiff(&run).0);
        std::fs::remove_dir_all(arch.join("summaries")).unwrap();
        line("start, without summary", skydiff(&run).0);
        std::fs::remove_dir_all(arch.join("snapshots")).unwrap();
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
