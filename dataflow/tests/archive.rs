//! A job with an archive, in this process: what it leaves is what a replay says, and what goes on behind it.

use skydiff_dataflow::archive::compact::compact;
use skydiff_dataflow::archive::open::Archive;
use skydiff_dataflow::archive::recall::{From, Granularity};
use skydiff_dataflow::archive::snapshot::Snapshot;
use skydiff_dataflow::archive::verify::verify;
use skydiff_dataflow::cluster::Cluster;
use skydiff_dataflow::event::Gauges;
use skydiff_dataflow::run::{Outcome, Replay, Request, run};
use skydiff_dataflow::settings::{Job, SourceSettings};
use skydiff_dataflow::source::EpochCut;
use skydiff_operators::Epoch;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;

fn folder(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("skydiff-dataflow-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

/// The nights of the sample, in order.
fn nights() -> Vec<PathBuf> {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/sample");
    let mut nights: Vec<_> = std::fs::read_dir(sample).unwrap().map(|entry| entry.unwrap().path()).collect();
    nights.retain(|path| path.to_str().is_some_and(|name| name.ends_with(".tar.gz")));
    nights.sort();
    nights
}

fn job(from: &[PathBuf], archive: Option<&Path>, to: Option<&Path>, workers: usize) -> Job {
    let source = from.iter().map(|path| SourceSettings { path: path.clone(), ..SourceSettings::default() });
    let mut job = Job { source: source.collect(), ..Job::default() };
    job.archive.url = archive.map(|path| path.to_str().unwrap().to_owned());
    job.sink.to = to.map(Path::to_owned);
    (job.run.workers, job.run.max_reject) = (workers, 1.0);
    job.epochs.cut = EpochCut::Packets(7);
    job
}

fn outcome(job: &Job, replay: Option<Replay>) -> Outcome {
    let (events, _heard) = channel();
    let cluster = Cluster::alone(job.run.workers);
    let request = Request {
        cluster,
        digest_at: None,
        dump: false,
        take_over: false,
        restate: false,
        append: false,
        accept_gap: false,
        refuse: Default::default(),
        probe: None,
        replay,
        stop: Default::default(),
        progress: Default::default(),
        gauges: Gauges::default(),
        events,
    };
    run(job, request).unwrap_or_else(|error| panic!("{error:?}"))
}

fn replay(archive: &Path, from: From, granularity: Granularity, until: Option<Epoch>) -> Replay {
    let url = archive.to_str().unwrap().to_owned();
    Replay { until, granularity, from, ..Replay::all(&url) }
}

fn records(to: &Path) -> String {
    std::fs::read_to_string(to.join("records.jsonl")).unwrap()
}

#[test]
fn what_is_archived_is_replayed() {
    let (arch, to, nights) = (folder("arch"), folder("arch-to"), nights());
    let plain = outcome(&job(&nights, None, None, 1), None).digest;
    let archived = outcome(&job(&nights, Some(&arch), Some(&to), 2), None);
    assert_eq!(archived.digest, plain);
    let archive = Archive::open(arch.to_str().unwrap()).unwrap();
    let wrong = verify(&archive, &mut |_, _| {}).wrong;
    assert!(wrong.is_empty(), "{wrong:?}");
    for (from, granularity, workers) in [
        (From::Measurements, Granularity::Epoch, 1),
        (From::Measurements, Granularity::Epoch, 3),
        (From::Packets, Granularity::Epoch, 2),
        (From::Measurements, Granularity::Night, 2),
        (From::Packets, Granularity::Night, 1),
    ] {
        let again = folder("arch-again");
        let done = outcome(&job(&[], None, Some(&again), workers), Some(replay(&arch, from, granularity, None)));
        assert_eq!(done.digest, plain, "{from:?} {granularity:?} {workers}");
        if granularity == Granularity::Epoch {
            assert!(records(&again) == records(&to), "{from:?} {workers}");
        }
        std::fs::remove_dir_all(again).unwrap();
    }
    for folder in [arch, to] {
        std::fs::remove_dir_all(folder).unwrap();
    }
}

#[test]
fn a_job_goes_on_where_it_ended() {
    let (arch, to, whole, nights) = (folder("on"), folder("on-to"), folder("on-whole"), nights());
    let expected = outcome(&job(&nights, None, Some(&whole), 1), None).digest;
    for upto in 1..=nights.len() {
        let done = outcome(&job(&nights[..upto], Some(&arch), Some(&to), 1 + upto % 3), None);
        if upto % 4 == 2 {
            let archive = Archive::open(arch.to_str().unwrap()).unwrap();
            assert_eq!(compact(&archive).unwrap().new, 5);
            let archive = Archive::open(arch.to_str().unwrap()).unwrap();
            assert!(Snapshot::take(&archive).unwrap().is_some());
            let last = archive.chain.last();
            let then = outcome(&job(&[], None, None, 2), Some(replay(&arch, From::Packets, Granularity::Epoch, last)));
            assert_eq!(then.digest, done.digest, "after {upto} nights");
        }
        if upto == nights.len() {
            assert_eq!(done.digest, expected);
        }
    }
    for name in ["records.jsonl", "records.avro", "bindings.jsonl"] {
        let [one, two] = [&to, &whole].map(|folder| std::fs::read(folder.join(name)).unwrap());
        assert!(one == two, "{name}");
    }
    for folder in [arch, to, whole] {
        std::fs::remove_dir_all(folder).unwrap();
    }
}
