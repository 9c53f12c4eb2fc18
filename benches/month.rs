//! A month of simulated nights through the whole job: packets a second on 1 and 2 workers, and memory as nights pass.
//!
//! `cargo bench --bench month`; SKYDIFF_BENCH_NIGHTS and SKYDIFF_BENCH_ALERTS (a visit) change its size, SKYDIFF_BENCH_SURVEY=lsst
//! the survey. The nights are written once, without stamps; runs on 1 and 2 workers take turns, so that the ratio holds on a
//! noisy machine. Nothing is written, so that what is measured is reading, decoding, and the operators.

use skydiff_dataflow::cluster::Cluster;
use skydiff_dataflow::event::{Event, Gauges};
use skydiff_dataflow::run::{Request, run};
use skydiff_dataflow::settings::{Job, SourceSettings};
use skydiff_dataflow::source::Progress;
use skydiff_dataflow::truth::{To, write_nights};
use skydiff_simulate::{Settings, Survey};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::channel;
use std::time::Instant;

const ROUNDS: usize = 3;

/// What a run took.
struct Took {
    packets: i64,
    wall: f64,
    cpu: f64,
    /// After each night: measurements, objects, bytes in use.
    memory: Vec<(i64, i64, u64)>,
}

fn number(name: &str, default: u32) -> u32 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Bytes in use by the process.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    status.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or_default() * 4096
}

/// CPU seconds of the process so far.
fn cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The command's name may hold spaces; the fields after it do not.
    let fields = text.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

fn month(nights: &[PathBuf], workers: usize) -> Took {
    let source = nights.iter().map(|path| SourceSettings { path: path.clone(), ..SourceSettings::default() });
    let mut job = Job { source: source.collect(), ..Job::default() };
    job.run.workers = workers;
    let (events, heard) = channel();
    let request = Request {
        cluster: Cluster::alone(workers),
        digest_at: None,
        dump: false,
        take_over: false,
        restate: false,
        append: false,
        accept_gap: false,
        refuse: Default::default(),
        probe: None,
        replay: None,
        stop: Arc::new(AtomicBool::new(false)),
        progress: Arc::new(Progress::default()),
        gauges: Gauges::default(),
        events,
    };
    let watch = std::thread::spawn(move || {
        let mut memory = Vec::new();
        for event in heard {
            if let Event::Night(summary) = event {
                let all = summary.counts.all();
                memory.push((all.measurements, all.objects, resident()));
            }
        }
        memory
    });
    let (begun, before) = (Instant::now(), cpu());
    let outcome = run(&job, request).unwrap_or_else(|error| panic!("{error:?}"));
    let (wall, cpu) = (begun.elapsed().as_secs_f64(), cpu() - before);
    let packets = outcome.summary.map_or(0, |summary| summary.counts.received);
    Took { packets, wall, cpu, memory: watch.join().unwrap_or_default() }
}

fn main() {
    let survey =
        if std::env::var("SKYDIFF_BENCH_SURVEY").is_ok_and(|name| name == "lsst") { Survey::Lsst } else { Survey::Ztf };
    let settings = Settings {
        survey,
        nights: number("SKYDIFF_BENCH_NIGHTS", 30),
        alerts: f64::from(number("SKYDIFF_BENCH_ALERTS", 60)),
        cutouts: false,
        ..Settings::default()
    };
    let folder = std::env::temp_dir().join(format!("skydiff-month-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a temporary folder");
    let begun = Instant::now();
    let written = write_nights(&settings, To::Folder(&folder), false, &AtomicBool::new(false), &mut |_, _| {});
    let written = written.expect("nights");
    println!(
        "{} nights of {}, {} packets, {:.0} MB, written at {:.0} packets/s",
        written.nights.len(),
        survey.name(),
        written.ledger.sent,
        written.bytes as f64 / 1e6,
        written.ledger.sent as f64 / begun.elapsed().as_secs_f64()
    );
    // Memory first: what a later run leaves to the allocator is not this one's.
    let before = resident();
    let first = month(&written.nights, 1);
    println!("  night  measurements     objects   MB in use   bytes a measurement");
    for (at, (measurements, objects, bytes)) in first.memory.iter().enumerate() {
        if at % 5 == 4 || at + 1 == first.memory.len() {
            let more = bytes.saturating_sub(before);
            let each = more as f64 / (*measurements).max(1) as f64;
            println!(
                "  {:>5}  {measurements:>12}  {objects:>10}  {:>10.1}   {each:>19.0}",
                at + 1,
                *bytes as f64 / 1e6
            );
        }
    }
    let mut ratios = Vec::new();
    for _ in 0..ROUNDS {
        let [one, two] = [1, 2].map(|workers| month(&written.nights, workers));
        ratios.push(one.wall / two.wall);
        for (workers, took) in [(1, &one), (2, &two)] {
            println!(
                "  {workers} worker(s): {:>8.0} packets/s, {:.3} ms CPU a packet",
                took.packets as f64 / took.wall,
                1e3 * took.cpu / took.packets as f64
            );
        }
    }
    ratios.sort_unstable_by(f64::total_cmp);
    println!("  2 workers over 1: {:.2} x (median of {ROUNDS})", ratios[ROUNDS / 2]);
    let _ = std::fs::remove_dir_all(folder);
}
