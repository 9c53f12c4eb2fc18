//! `skydiff demo`: a simulated survey, the job on it, and how what was said compares with the truth.

use crate::orders::{Orders, carry_out, watch_interrupts};
use crate::output::say;
use crate::screen::Style;
use crate::simulate::write;
use crate::survey::Flags;
use crate::sweep::{Sweep, sweep_csv, sweep_text};
use clap::Args;
use skydiff_dataflow::cluster::Cluster;
use skydiff_dataflow::settings::{Job, SourceSettings, load};
use skydiff_dataflow::truth::{Judge, Score, Truth, Written, csv, read_records, text};
use skydiff_operators::Errors;
use skydiff_simulate::Settings;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

const HELP: &str = "\
    Examples:\n  \
    skydiff demo                                       # three ZTF nights, in well under a minute\n  \
    skydiff demo --survey lsst --nights 10 --no-cutouts\n  \
    skydiff demo --sweep Z=3..10 --nights 10           # what another threshold would find, and what it would cost\n  \
    skydiff demo --classes constant --no-trouble       # false alarms of a sky on which nothing happens\n\n\
    Files:\n  \
    skydiff-demo/packets/skydiff_ztf_20260101.tar      packets of a night, and truth/ beside them\n  \
    skydiff-demo/run/                                  what `skydiff run --to` writes: records, summary, rejects\n  \
    skydiff-demo/score.csv                             the table at the end, by class and timescale\n\n\
    Then:\n  \
    skydiff plot OBJECT --from skydiff-demo/packets    an object of records.jsonl, with its true light\n  \
    skydiff object OBJECT --from skydiff-demo/packets";

/// Simulates a few nights, runs the job on them, and holds what it said against the truth.
#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub struct Demo {
    /// The job: thresholds, quality cuts; its sources and sink are not used
    #[arg(value_name = "JOB.toml")]
    job: Option<PathBuf>,
    /// Folder for everything; packets and records of an earlier demo in it are replaced
    #[arg(long, value_name = "DIR", default_value = "skydiff-demo")]
    to: PathBuf,
    /// Worker threads. Default: one a core, at most 4
    #[arg(long, short = 'w', value_name = "N")]
    workers: Option<usize>,
    /// Run once for each threshold instead: Z=FROM..TO or Z=A,B,... sets trend_z, flare_z and variable_z
    #[arg(long, value_name = "Z=FROM..TO")]
    sweep: Option<Sweep>,
    #[command(flatten)]
    survey: Flags,
}

impl Demo {
    /// Does it.
    pub fn run(self) -> ExitCode {
        match self.show() {
            Ok(()) => ExitCode::SUCCESS,
            Err((code, why)) => {
                eprintln!("skydiff: {why}");
                ExitCode::from(code)
            }
        }
    }

    fn show(&self) -> Result<(), (u8, String)> {
        let begun = Instant::now();
        let settings = self.survey.settings().map_err(|wrong| (2, wrong))?;
        let mut job = load(self.job.as_deref(), std::env::vars()).map_err(|error| (2, error.to_string()))?;
        let packets = self.to.join("packets");
        clear(&packets).map_err(|error| (1, format!("{}: {error}", packets.display())))?;
        let stop = Arc::new(AtomicBool::new(false));
        watch_interrupts(&stop).map_err(|error| (1, error.to_string()))?;
        eprintln!("Simulating {} nights of {} ...", settings.nights, settings.survey.name().to_uppercase());
        let written = write(&settings, &packets, true, &stop).map_err(|why| (1, why))?;
        if written.stopped {
            return Err((130, "stopped while it simulated".into()));
        }
        if written.nights.is_empty() {
            let text = "it was cloudy in every night: give more --nights, another --seed, or --no-weather";
            return Err((1, text.into()));
        }
        eprintln!("{} packets, {:.1} MB in {:.1} s", written.ledger.sent, written.bytes as f64 / 1e6, seconds(begun));
        let source = |path: &PathBuf| SourceSettings { path: path.clone(), ..SourceSettings::default() };
        job.source = written.nights.iter().map(source).collect();
        job.run.workers = self.workers.unwrap_or_else(cores);
        job.check().map_err(|wrong| (2, wrong))?;
        match &self.sweep {
            Some(sweep) => self.sweep(sweep, &job, &settings, &written),
            None => self.once(job, &settings, &written),
        }?;
        eprintln!("{:.1} s in all", seconds(begun));
        Ok(())
    }

    fn once(&self, mut job: Job, settings: &Settings, written: &Written) -> Result<(), (u8, String)> {
        let run = self.to.join("run");
        job.sink.to = Some(run.clone());
        let score = judged(&job, settings, &written.truth, &run, job.timescales.trend_z, true)?;
        let file = self.to.join("score.csv");
        std::fs::write(&file, csv(&score)).map_err(|error| (1, format!("{}: {error}", file.display())))?;
        say(&format_args!("{}", text(&score)));
        say(&"Written:");
        for path in written.nights.iter().chain([&self.to.join("packets/truth"), &run, &file]) {
            say(&format_args!("  {}", path.display()));
        }
        if let Some(object) = first_riser(&run) {
            say(&format_args!("\nLook at one: skydiff plot {object} --from {}", self.to.join("packets").display()));
        }
        Ok(())
    }

    fn sweep(&self, sweep: &Sweep, job: &Job, settings: &Settings, written: &Written) -> Result<(), (u8, String)> {
        let threshold = job.timescales.trend_z;
        let mut scores: Vec<(f64, Score)> = Vec::new();
        for z in &sweep.0 {
            let mut job = job.clone();
            let states = &mut job.timescales;
            (states.trend_z, states.flare_z, states.variable_z) = (*z, *z, *z);
            let run = self.to.join(format!("run-z{z}"));
            job.sink.to = Some(run.clone());
            eprintln!("Z = {z} ...");
            scores.push((*z, judged(&job, settings, &written.truth, &run, threshold, false)?));
        }
        let file = self.to.join("sweep.csv");
        let nights = f64::from(settings.nights);
        let cannot = |error: std::io::Error| (1, format!("{}: {error}", file.display()));
        std::fs::write(&file, sweep_csv(&scores, nights)).map_err(cannot)?;
        say(&format_args!("{}", sweep_text(&scores, nights)));
        say(&format_args!("By class and timescale: {}", file.display()));
        Ok(())
    }
}

/// Runs the job and holds what it said against the truth. An object changes by the same `threshold` whatever the job's is, so
/// that the runs of a sweep compare.
fn judged(
    job: &Job,
    settings: &Settings,
    truth: &BTreeMap<String, Truth>,
    run: &Path,
    threshold: f64,
    show: bool,
) -> Result<Score, (u8, String)> {
    let cluster = Cluster::alone(job.run.workers);
    let style = if show { Style::choose(false, true) } else { Style::Quiet };
    let (outcome, screen) = carry_out(job, Orders::plain(cluster, style))?;
    if outcome.drained {
        return Err((130, "stopped while the job ran".into()));
    }
    if let Some(summary) = &outcome.summary {
        screen.summary(summary, false);
    }
    let said = read_records(&run.join("records.jsonl")).map_err(|why| (1, why))?;
    let table = job.survey.get(settings.survey.name());
    let cut = ["drb", "rb", "reliability"].iter().find_map(|name| table?.quality.get(*name)?.as_f64());
    let judge = Judge {
        timescales: &job.timescales.timescales,
        threshold,
        errors: table.map_or(Errors { factor: 1.0, floor: 0.0 }, |table| table.errors),
        least_score: cut.unwrap_or(0.0),
        begun: f64::from(settings.start),
    };
    Ok(judge.score(truth, &said))
}

/// Removes the nights of an earlier demo.
fn clear(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with("skydiff_") && name.ends_with(".tar") {
            std::fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// The first object of the highlights.
fn first_riser(run: &Path) -> Option<String> {
    let text = std::fs::read_to_string(run.join("highlights.csv")).ok()?;
    let head: Vec<_> = text.lines().next()?.split(',').collect();
    let column = head.iter().position(|name| *name == "object")?;
    text.lines().nth(1)?.split(',').nth(column).map(str::to_owned)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().min(4))
}

fn seconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64()
}
