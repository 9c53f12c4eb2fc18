//! Whole jobs over a line on which three requests of ten fail: same state, same records, nothing twice.

use crate::archive::open::Archive;
use crate::archive::recall::{From, Granularity};
use crate::archive::verify::verify;
use crate::cluster::Cluster;
use crate::event::Gauges;
use crate::run::{Outcome, Replay, Request, RunError, run};
use crate::settings::{Job, SourceSettings};
use crate::source::EpochCut;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;

fn job(archive: Option<String>, workers: usize) -> Job {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/sample");
    let mut job = Job { source: vec![SourceSettings { path: sample, ..Default::default() }], ..Job::default() };
    job.archive.url = archive;
    (job.run.workers, job.run.max_reject, job.epochs.cut) = (workers, 1.0, EpochCut::Packets(40));
    job
}

fn outcome(job: &Job, replay: Option<Replay>) -> Result<Outcome, RunError> {
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
    run(job, request)
}

fn folder(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("skydiff-archive-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    path
}

#[test]
fn a_bad_line_changes_nothing() {
    let folder = folder("line");
    let expected = outcome(&job(None, 1), None).unwrap().digest;
    let url = format!("faulty://7{}", folder.display());
    let done = outcome(&job(Some(url.clone()), 2), None).unwrap();
    assert_eq!(done.digest, expected);
    let archive = Archive::open(folder.to_str().unwrap()).unwrap();
    let wrong = verify(&archive, &mut |_, _| {}).wrong;
    assert!(wrong.is_empty(), "{wrong:?}");
    for from in [From::Measurements, From::Packets] {
        let granularity = Granularity::Epoch;
        let replay = Replay { granularity, from, ..Replay::all(&url) };
        assert_eq!(outcome(&job(None, 2), Some(replay)).unwrap().digest, expected, "{from:?}");
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn an_archive_that_cannot_be_written_ends_the_job_and_a_later_start_goes_on() {
    let folder = folder("full");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("measurements"), b"a file where a folder should be").unwrap();
    let url = Some(folder.to_str().unwrap().to_owned());
    let error = format!("{:?}", outcome(&job(url.clone(), 2), None).unwrap_err());
    assert!(error.contains("measurements/") && error.contains("written"), "{error}");
    std::fs::remove_file(folder.join("measurements")).unwrap();
    let expected = outcome(&job(None, 1), None).unwrap().digest;
    assert_eq!(outcome(&job(url, 1), None).unwrap().digest, expected);
    std::fs::remove_dir_all(folder).unwrap();
}
