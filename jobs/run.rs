//! `skydiff run`: the main job, from packets to records.

use crate::output::say;
use crate::screen::{Screen, Style};
use crate::topics_of::Kafka;
use clap::Args;
use skydiff_dataflow::cluster::{Cluster, end_with_peers};
use skydiff_dataflow::event::Gauges;
use skydiff_dataflow::flow::clock::Stop;
use skydiff_dataflow::ledger::DigestAt;
use skydiff_dataflow::run::{Outcome, Replay, Request, RunError, run};
use skydiff_dataflow::settings::{Job, SourceSettings, Time, load};
use skydiff_dataflow::source::night::parse_time;
use skydiff_dataflow::source::{EpochCut, Progress};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::channel;
use std::time::Duration;

const HELP: &str = "\
    Examples:\n  \
    skydiff run --from ztf_public_20180601.tar.gz --to out\n  \
    skydiff run --from night1/ night2/ --to out --workers 4 --digest\n  \
    skydiff run --from nights/ --archive s3://bucket/archive --to out     (again, to go on where it ended)\n  \
    skydiff run --kafka broker:9092 --topic '^ztf_.*_programid1$' --archive arch --publish sky
  \
    zcat packets.avro.gz | skydiff run --from - --to out\n  \
    skydiff run JOB.toml --epoch visit          (skydiff job > JOB.toml writes one to begin with)\n  \
    skydiff run --from out/rejects.tar --to again --max-reject 1\n  \
    two processes, on two machines that see the same files:\n  \
    skydiff run JOB.toml --process 0 --hosts a:2101,b:2101\n  \
    skydiff run JOB.toml --process 1 --hosts a:2101,b:2101\n\nExit codes:\n  \
    0    done, or drained after Ctrl-C\n  \
    1    an output cannot be written, another process cannot be reached, or the books do not balance\n  \
    2    the command line, the job file or a path in it cannot be used\n  \
    3    too much is wrong with the packets (--max-reject)\n  \
    4    another process of the job has ended\n  \
    5    a newer generation of the job writes the archive: do not start again\n  \
    6    an older one's last manifest arrived late: start again\n  \
    130  a second Ctrl-C";

/// Reads alert packets, keeps an exact history of every object, and writes what changed.
///
/// Sources are folders, .tar and .tar.gz files of packets, files of one or many packets, or - for standard input. What was
/// read, rejected and found is told at the end and written to the folder of --to with the records.
///
/// Ctrl-C finishes what has been taken and ends with 0; a second one ends at once.
#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub struct Run {
    /// The job: sources, thresholds, sinks. It goes before --from, which takes every path after it
    #[arg(value_name = "JOB.toml")]
    job: Option<PathBuf>,
    /// Where packets are; more than once, or several after one another
    #[arg(long, value_name = "PATH", num_args = 1..)]
    from: Vec<PathBuf>,
    /// Folder for records, rejects and reports (made if need be; files of an earlier run in it are replaced)
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// Worker threads of each process
    #[arg(long, short = 'w', value_name = "N")]
    workers: Option<usize>,
    /// How many processes the job has
    #[arg(long, value_name = "N", requires = "hosts")]
    processes: Option<usize>,
    /// Which of them this is, from 0; process 0 mints and writes
    #[arg(long, value_name = "I", default_value_t = 0, requires = "hosts")]
    process: usize,
    /// host:port of every process, in order, separated by commas
    #[arg(long, value_name = "HOST:PORT,...", value_delimiter = ',')]
    hosts: Vec<String>,
    /// What an epoch is: packets=1000, bytes=64MB, visit, file (the rows of an epoch are held in memory)
    #[arg(long, value_name = "CUT")]
    epoch: Option<EpochCut>,
    /// Stop when more than this share of any 1,000 packets of one schema fail for one reason; 1 never stops
    #[arg(long, value_name = "SHARE")]
    max_reject: Option<f64>,
    /// When the packets were received, where no file name says it: MJD or UTC date. Default: now
    #[arg(long, value_name = "TIME", value_parser = |text: &str| parse_time(text).map(|_| text.to_owned()))]
    received: Option<String>,
    /// Print, last, the digest of the state: equal for equal states, whatever led there
    #[arg(long)]
    digest: bool,
    /// Print digests on the way: at the end of each file, of each night, or every N packets
    #[arg(long, value_name = "file|night|N")]
    digest_at: Option<DigestAt>,
    /// Write the state at the end as sorted text, to see what differs
    #[arg(long, value_name = "FILE")]
    dump: Option<PathBuf>,
    /// Archive of everything that is read and said: a folder, or file://, s3://. One that exists is gone on with
    #[arg(long, value_name = "URL")]
    archive: Option<String>,
    /// Take the archive over from a job that may still be alive
    #[arg(long)]
    take_over: bool,
    /// Go on where Kafka no longer holds what was to be read; what is missing is recorded
    #[arg(long)]
    accept_gap: bool,
    /// Name of the job: begins every message id and transactional id
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    kafka: Kafka,
    /// One line of JSON for everything that happens, for machines
    #[arg(long)]
    json: bool,
    /// Recorded epochs in the place of sources: `skydiff replay` says which
    #[arg(skip)]
    replay: Option<Replay>,
}

impl Run {
    /// Of recorded epochs, in the place of what a command line names.
    pub fn replay(replay: Replay, digest: bool, dump: Option<PathBuf>, json: bool) -> Run {
        Run { replay: Some(replay), digest, dump, json, ..Run::of_job() }
    }

    /// Of a job that says it all.
    pub fn of_job() -> Run {
        Run {
            job: None,
            from: Vec::new(),
            to: None,
            workers: None,
            processes: None,
            process: 0,
            hosts: Vec::new(),
            epoch: None,
            max_reject: None,
            received: None,
            digest: false,
            digest_at: None,
            dump: None,
            archive: None,
            take_over: false,
            accept_gap: false,
            name: None,
            kafka: Kafka::default(),
            json: false,
            replay: None,
        }
    }

    /// Into an archive, and nowhere else.
    pub fn ingest(self) -> ExitCode {
        let job = self.job().and_then(|job| match &job.archive.url {
            // What is published from it is told by the job that has the topics, when it goes on.
            Some(_) => Ok(without_topics(job)),
            None => Err((2, "there is no archive: say --archive URL, or archive.url in the job file".to_owned())),
        });
        self.end(job)
    }

    /// Does it.
    pub fn run(self) -> ExitCode {
        let job = self.job();
        self.end(job)
    }

    /// Does it with a job that is known.
    pub fn with(self, job: Job) -> ExitCode {
        self.end(Ok(job))
    }

    fn end(&self, job: Result<Job, (u8, String)>) -> ExitCode {
        let json = self.json;
        match job.and_then(|job| self.start(&job)) {
            Ok(()) => ExitCode::SUCCESS,
            Err((code, why)) => {
                if json {
                    say(&serde_json::json!({ "event": "error", "code": code, "error": why }));
                }
                eprintln!("skydiff: {why}");
                ExitCode::from(code)
            }
        }
    }

    /// The job file, the environment, the flags: each over the one before.
    fn job(&self) -> Result<Job, (u8, String)> {
        let mut job = load(self.job.as_deref(), std::env::vars()).map_err(|error| (2, error.to_string()))?;
        if let Some(file) = self.from.iter().find(|path| path.extension().is_some_and(|end| end == "toml")) {
            let file = file.display();
            let text = format!("--from {file}: a job file is no source: write `skydiff run {file} --from PATH`");
            return Err((2, text));
        }
        if !self.from.is_empty() {
            let source = |path: &PathBuf| SourceSettings { path: path.clone(), ..SourceSettings::default() };
            job.source = self.from.iter().map(source).collect();
        }
        self.kafka.over(&mut job);
        job.name = self.name.clone().unwrap_or(job.name);
        job.sink.to = self.to.clone().or(job.sink.to);
        job.archive.url = self.archive.clone().or(job.archive.url);
        job.run.workers = self.workers.unwrap_or(job.run.workers);
        job.run.max_reject = self.max_reject.unwrap_or(job.run.max_reject);
        job.run.received = self.received.clone().map(Time::Text).or(job.run.received);
        job.epochs.cut = self.epoch.unwrap_or(job.epochs.cut);
        job.check().map(|()| job).map_err(|wrong| (2, wrong))
    }

    fn cluster(&self, workers: usize) -> Result<Cluster, (u8, String)> {
        let hosts = self.hosts.len();
        if let Some(processes) = self.processes.filter(|processes| *processes != hosts) {
            return Err((
                2,
                format!("--hosts names {hosts} processes, --processes says {processes}: give host:port of each"),
            ));
        }
        if self.process >= hosts.max(1) {
            return Err((2, format!("--process {}: there are {hosts} hosts, counted from 0", self.process)));
        }
        Ok(Cluster { workers, process: self.process, hosts: self.hosts.clone(), patience: Duration::from_secs(60) })
    }

    fn start(&self, job: &Job) -> Result<(), (u8, String)> {
        let cluster = self.cluster(job.run.workers)?;
        if cluster.hosts.len() > 1 {
            end_with_peers(4);
        }
        let style = Style::choose(self.json, self.process == 0);
        let orders = Orders {
            cluster,
            digest_at: self.digest_at,
            dump: self.dump.is_some(),
            take_over: self.take_over,
            accept_gap: self.accept_gap,
            replay: self.replay.clone(),
            style,
        };
        let (outcome, screen) = carry_out(job, orders)?;
        self.tell(job, outcome, &screen)
    }

    fn tell(&self, job: &Job, outcome: Outcome, screen: &Screen) -> Result<(), (u8, String)> {
        let cannot = |error: std::io::Error, what: &str| (1, format!("{what}: {error}"));
        let Some(summary) = &outcome.summary else { return Ok(()) };
        if summary.counts.received == 0 && !outcome.drained && job.archive.url.is_none() {
            let paths = job.source.iter().map(|source| source.path.display().to_string());
            eprintln!("skydiff: no packets found in {}", paths.collect::<Vec<_>>().join(", "));
        }
        if let Some(path) = &self.dump {
            let mut text = outcome.dump.join("\n");
            text.push('\n');
            std::fs::write(path, text).map_err(|error| cannot(error, &path.display().to_string()))?;
        }
        screen.summary(summary, outcome.drained);
        if self.digest {
            say(&format_args!("digest {:032x}", outcome.digest));
        }
        std::io::stdout().flush().map_err(|error| cannot(error, "standard output"))
    }
}

/// The same job, but that it publishes nothing.
fn without_topics(mut job: Job) -> Job {
    job.sink.kafka = Default::default();
    job
}

/// How a job is to be carried out.
pub struct Orders {
    /// Where this process stands.
    pub cluster: Cluster,
    /// At which frontiers digests are told.
    pub digest_at: Option<DigestAt>,
    /// Whether the state is wanted as text.
    pub dump: bool,
    /// Whether another writer's lease is overridden.
    pub take_over: bool,
    /// Whether a gap in what Kafka holds is accepted.
    pub accept_gap: bool,
    /// What is replayed instead of read.
    pub replay: Option<Replay>,
    /// For whom it is shown.
    pub style: Style,
}

/// Carries out a job, shows how it goes, and drains it on Ctrl-C. The error is an exit code and a sentence.
pub fn carry_out(job: &Job, orders: Orders) -> Result<(Outcome, Screen), (u8, String)> {
    let stop = Arc::new(AtomicBool::new(false));
    let interrupted = Arc::new(AtomicBool::new(false));
    watch_interrupts(if orders.cluster.process == 0 { &stop } else { &interrupted })
        .map_err(|error| (1, error.to_string()))?;
    let (progress, gauges) = (Arc::new(Progress::default()), Gauges::default());
    let (events, heard) = channel();
    let request = Request {
        cluster: orders.cluster.clone(),
        digest_at: orders.digest_at,
        dump: orders.dump,
        take_over: orders.take_over,
        accept_gap: orders.accept_gap,
        replay: orders.replay,
        stop: stop.clone(),
        progress: progress.clone(),
        gauges: gauges.clone(),
        events,
    };
    let mut screen = Screen::new(orders.style, progress, gauges, stop, interrupted);
    let outcome = std::thread::scope(|scope| {
        let running = scope.spawn(|| run(job, request));
        // Not until all have hung up: a mint that waits for standard input never does.
        screen.show(&heard, || running.is_finished());
        running.join()
    });
    screen.end();
    let outcome = outcome.map_err(|_| (1, "the job has panicked".to_owned()))?.map_err(|error| explain(&error))?;
    Ok((outcome, screen))
}

/// The first Ctrl-C (or SIGTERM) sets `flag`; the second ends the process.
pub fn watch_interrupts(flag: &Arc<AtomicBool>) -> std::io::Result<()> {
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        // In this order: the flag that ends it is looked at before it is set.
        signal_hook::flag::register_conditional_shutdown(signal, 130, flag.clone())?;
        signal_hook::flag::register(signal, flag.clone())?;
    }
    Ok(())
}

fn explain(error: &RunError) -> (u8, String) {
    match error {
        RunError::Settings(why) => (2, why.clone()),
        RunError::Cluster(why) => (1, why.clone()),
        RunError::Stop(Stop::Rejects(why)) => (3, why.clone()),
        RunError::Stop(Stop::Fenced(why)) => (5, why.clone()),
        RunError::Stop(Stop::Again(why)) => (6, why.clone()),
        RunError::Stop(Stop::Sink(why) | Stop::Internal(why)) => (1, why.clone()),
    }
}
