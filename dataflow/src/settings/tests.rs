//! Files, variables and their mistakes.

use super::keys::{KEYS, about, known};
use super::*;
use crate::source::{Packets, Place};
use std::path::Path;

fn job(text: &str, variables: &[(&str, &str)]) -> Result<Job, String> {
    static COUNT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("skydiff-job-{}-{count}.toml", std::process::id()));
    std::fs::write(&path, text).unwrap();
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let job = load(Some(&path), variables).map_err(|error| error.to_string());
    std::fs::remove_file(&path).unwrap();
    job
}

#[test]
fn the_printed_job_is_the_default_and_explains_every_key() {
    let text = print_job();
    let mut printed = job(&text, &[]).unwrap();
    assert_eq!(printed.source.len(), 1);
    printed.source.clear();
    assert_eq!(printed, Job::default());
    for path in known() {
        assert!(about(&path).is_some(), "{path} is not explained");
    }
    for (pattern, _) in KEYS {
        assert!(
            known().iter().any(|path| about(path) == about(pattern)) || pattern.contains('*'),
            "{pattern} is no key"
        );
    }
}

#[test]
fn every_key_of_the_settings_is_known() {
    let mut everything = Job { schemas: Some("x".into()), ..Job::default() };
    everything.run.received = Some(Time::Mjd(60000.0));
    everything.sink.to = Some("x".into());
    everything.source = vec![SourceSettings {
        path: "x".into(),
        rank: 1,
        received: Some(Time::Text("2026-01-01".into())),
        ..SourceSettings::default()
    }];
    let text = toml::to_string(&everything).unwrap();
    assert_eq!(job(&text, &[]), Ok(everything));
}

#[test]
fn a_part_of_a_table_keeps_the_rest_of_its_defaults() {
    let job =
        job("[survey.ztf.errors]\nfactor = 1.2\n[survey.ztf.quality]\nrb = 0.3\n[timescales]\nflare_z = 7\n", &[])
            .unwrap();
    assert_eq!(job.survey["ztf"].errors, Errors { factor: 1.2, floor: 0.02 });
    assert_eq!(job.survey["ztf"].quality["rb"], 0.3);
    assert_eq!(job.survey["ztf"].quality["nbad"], 0);
    assert_eq!((job.timescales.flare_z, job.timescales.trend_z), (7.0, 5.0));
    assert!(job.decoder().is_ok() && job.options().errors.len() == 3);
}

#[test]
fn unknown_keys_are_refused_with_the_nearest_known_one() {
    for (text, near) in [
        ("[run]\nworker = 2", "run.workers"),
        ("max_reject = 0.1", "run.max_reject"),
        ("[timescales]\ntrendz = 3", "timescales.trend_z"),
        ("[survey.ztf.quality]\nrbb = 3", "survey.ztf.quality.rb"),
        ("[survey.zft.errors]\nfloor = 0.1", "survey.ztf.errors.floor"),
        ("[[source]]\npat = \"x\"", "source.path"),
    ] {
        let error = job(text, &[]).unwrap_err();
        assert!(error.contains(&format!("did you mean `{near}`?")), "{text}: {error}");
    }
    let far = job("[qqqq]\nzzzz = 1", &[]).unwrap_err();
    assert!(far.contains("`qqqq.zzzz` is not a key of a job (`skydiff job`"), "{far}");
}

#[test]
fn values_are_checked() {
    for (text, says) in [
        ("[run]\nmax_reject = 5", "give a share from 0 to 1"),
        ("[run]\nworkers = 0", "run.workers: must be greater than 0"),
        ("[run]\nbytes_in_flight = \"lots\"", "write a number of bytes"),
        ("[epochs]\ncut = \"night\"", "write packets=1000"),
        ("[timescales]\ntimescales = [7, 2]", "ascending"),
        ("[sink]\nformats = [\"csv\"]", "jsonl"),
        ("[run]\nworkers = \"two\"", "run.workers: expected a whole number, got string \"two\""),
        ("[timescales]\nflare_z = \"abc\"", "timescales.flare_z: expected a number, got string \"abc\""),
        ("[source]\npath = \"x\"", "source: is a list: write [[ ]]"),
        ("[run]\nworkers = 100000", "run.workers = 100000: give at most 1024"),
        ("[records]\narchival_days = nan", "records.archival_days"),
        ("[survey.ztf.errors]\nfactor = inf", "survey.ztf.errors.factor = inf"),
        ("[survey.lsst.errors]\nfloor = -1", "survey.lsst.errors.floor = -1"),
    ] {
        let error = job(text, &[]).unwrap_err();
        assert!(error.contains(says), "{text}: {error}");
    }
}

#[test]
fn the_environment_overrides_the_file() {
    let text = "[run]\nworkers = 2\n[[source]]\npath = \"x\"\n";
    let set =
        job(text, &[("SKYDIFF__RUN__WORKERS", "4"), ("SKYDIFF__SINK__TO", "out"), ("SKYDIFF__SOURCE__0__RANK", "3")])
            .unwrap();
    assert_eq!((set.run.workers, set.sink.to.as_deref(), set.source[0].rank), (4, Some(Path::new("out")), 3));
    let inf = job("", &[("SKYDIFF__TIMESCALES__TIMESCALES", "[2, inf]")]).unwrap();
    assert_eq!(inf.timescales.timescales, [2.0, f64::INFINITY]);
    let dates =
        job("[[source]]\npath = \"x\"\nreceived = 2026-03-09", &[("SKYDIFF__RUN__RECEIVED", "2026-03-09T12:00:00Z")])
            .unwrap();
    assert_eq!(dates.source[0].received, Some(Time::Text("2026-03-09".into())));
    assert_eq!(dates.run.received, Some(Time::Text("2026-03-09T12:00:00Z".into())));
    let wrong = job("", &[("SKYDIFF__RUN__WORKES", "4")]).unwrap_err();
    assert!(wrong.contains("SKYDIFF__RUN__WORKES") && wrong.contains("run.workers"), "{wrong}");
    assert!(job(text, &[("SKYDIFF__SOURCE__7__RANK", "3")]).unwrap_err().contains("there are 1 of source"));
}

#[test]
fn sources_are_looked_for() {
    let job =
        |path: &str| Job { source: vec![SourceSettings { path: path.into(), ..Default::default() }], ..Job::default() };
    assert_eq!(job("-").inputs().unwrap()[0].packets, Packets::At(Place::Stdin));
    assert!(matches!(job("/").inputs().unwrap()[0].packets, Packets::At(Place::Folder(_))));
    assert!(job("/no/such/place").inputs().unwrap_err().contains("/no/such/place"));
    let mut early = job("/");
    early.run.received = Some(Time::Mjd(60000.0));
    early.source[0].received = Some(Time::Text("2023-02-26".into()));
    assert_eq!(early.inputs().unwrap()[0].received, MicroDays(60_001_000_000));
}
