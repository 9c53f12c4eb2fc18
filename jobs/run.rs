//! `skydiff run`: the main job, from packets to records.

use crate::log::{Log, complain};
use crate::orders::{Orders, carry_out};
use crate::output::say;
use crate::screen::{Screen, Style};
use crate::topics_of::Kafka;
use clap::Args;
use skydiff_dataflow::cluster::find::places;
use skydiff_dataflow::cluster::{Cluster, PATIENCE, Secret, end_with_peers};
use skydiff_dataflow::ledger::DigestAt;
use skydiff_dataflow::run::{Outcome, Probing, Replay};
use skydiff_dataflow::settings::{Job, SourceSettings, Time, load};
use skydiff_dataflow::source::night::parse_time;
use skydiff_dataflow::source::{EpochCut, Refused, Spot};
use skydiff_dataflow::watch::{STALL, set_process};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
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
    skydiff run JOB.toml --process 0 --hosts a:2101,b:2101 --secret-file secret\n  \
    skydiff run JOB.toml --process 1 --hosts a:2101,b:2101 --secret-file secret\n  \
    (skydiff launch does this, and starts them again when one fails)\n\nExit codes:\n  \
    0    done, or drained after Ctrl-C or SIGTERM, at any process\n  \
    1    an output cannot be written, another process cannot be reached, or the books do not balance\n  \
    2    refused: the command line, the job file or a path in it cannot be used; another writer; other settings\n  \
    3    too much is wrong with the packets (--max-reject)\n  \
    4    another process of the job has ended, or is silent, or whoever launched it has gone\n  \
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
    #[arg(long, value_name = "I", requires = "hosts")]
    process: Option<usize>,
    /// host:port of every process, in order, separated by commas; @FILE, one a line; slurm or kubernetes, by the environment
    #[arg(long, value_name = "HOST:PORT,...")]
    hosts: Option<String>,
    /// Where this process listens to the others, if not at its place in --hosts (tunnels, all interfaces)
    #[arg(long, value_name = "ADDR:PORT", requires = "hosts")]
    bind: Option<String>,
    /// File with the secret by which processes know each other (or SKYDIFF_SECRET); needed between machines
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// How long to wait for the other processes, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = PATIENCE.as_secs())]
    patience: u64,
    /// Serve a page of how the job does, /healthz, /metrics and /status here; a bare port is one of this machine only
    #[arg(long, value_name = "[ADDR:]PORT")]
    listen: Option<String>,
    /// After so many seconds without any progress, while input waits, /healthz fails
    #[arg(long, value_name = "SECONDS", default_value_t = STALL.as_secs(), value_parser = clap::value_parser!(u64).range(1..))]
    stall: u64,
    /// How logs are written, on standard error
    #[arg(long, value_enum, default_value_t)]
    log: Log,
    /// End when standard input closes, drain when it says so: for `skydiff launch`
    #[arg(long, hide = true)]
    tied: bool,
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
    /// Let settings that differ from those of the archive take effect: what is known is told once more where that changes it, as
    /// records of an epoch of their own whose reason is config or code
    #[arg(long)]
    restate: bool,
    /// Go on where Kafka no longer holds what was to be read; what is missing is recorded
    #[arg(long)]
    accept_gap: bool,
    /// A packet that is not to be read, by its topic (or file), partition (of a file 0) and offset: it becomes a reject of reason
    /// poison, with its bytes. `skydiff probe` finds those that end the process that reads them
    #[arg(long, value_name = "TOPIC/PARTITION/OFFSET")]
    refuse: Vec<Spot>,
    /// Write nothing, and look at so many packets one by one: for `skydiff probe`
    #[arg(long, value_name = "N", hide = true)]
    probe: Option<u64>,
    /// Name of the job: begins every message id and transactional id
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    kafka: Kafka,
    /// One line of JSON for everything that happens, for machines
    #[arg(long)]
    json: bool,
    /// Goes on with the files of a replay of the epochs before
    #[arg(skip)]
    append: bool,
    /// Recorded epochs in the place of sources: `skydiff replay` says which
    #[arg(skip)]
    replay: Option<Replay>,
}

impl Run {
    /// Of recorded epochs, in the place of what a command line names.
    pub fn replay(replay: Replay, append: bool, digest: bool, dump: Option<PathBuf>, json: bool) -> Run {
        Run { replay: Some(replay), append, digest, dump, json, ..Run::of_job() }
    }

    /// Of a job that says it all.
    pub fn of_job() -> Run {
        Run {
            job: None,
            from: Vec::new(),
            to: None,
            workers: None,
            processes: None,
            process: None,
            hosts: None,
            bind: None,
            secret_file: None,
            patience: PATIENCE.as_secs(),
            listen: None,
            stall: STALL.as_secs(),
            log: Log::Text,
            tied: false,
            epoch: None,
            max_reject: None,
            received: None,
            digest: false,
            digest_at: None,
            dump: None,
            archive: None,
            take_over: false,
            restate: false,
            accept_gap: false,
            refuse: Vec::new(),
            probe: None,
            name: None,
            kafka: Kafka::default(),
            json: false,
            append: false,
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
        crate::log::start(self.log);
        match job.and_then(|job| self.start(&job)) {
            Ok(()) => ExitCode::SUCCESS,
            Err((code, why)) => {
                if json {
                    say(&serde_json::json!({ "event": "error", "code": code, "error": why }));
                }
                complain(&why, code);
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
        if self.restate && job.archive.url.is_none() {
            return Err((2, "--restate: there is no archive to be restated: say --archive URL".into()));
        }
        job.check().map(|()| job).map_err(|wrong| (2, wrong))
    }

    fn cluster(&self, workers: usize) -> Result<Cluster, (u8, String)> {
        let said = self.hosts.as_deref().unwrap_or_default();
        let environment =
            std::env::vars_os().filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)));
        let refused = |why: String| (2, why);
        let (process, hosts) = places(said, &environment.collect()).map_err(refused)?;
        if let Some(processes) = self.processes.filter(|processes| *processes != hosts.len()) {
            let text = format!(
                "--hosts names {} processes, --processes says {processes}: give host:port of each",
                hosts.len()
            );
            return Err((2, text));
        }
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let secret = match (&self.secret_file, variable("SKYDIFF_SECRET_FILE"), variable("SKYDIFF_SECRET")) {
            _ if hosts.len() < 2 => Secret::default(),
            (Some(file), ..) => Secret::of_file(file).map_err(refused)?,
            (None, Some(file), _) => Secret::of_file(Path::new(&file)).map_err(refused)?,
            (None, None, Some(text)) => Secret::of(&text).map_err(|why| (2, format!("SKYDIFF_SECRET: {why}")))?,
            (None, None, None) => Secret::default(),
        };
        let run = variable("SKYDIFF_RUN")
            .map(|text| text.parse())
            .transpose()
            .map_err(|why| (2, format!("SKYDIFF_RUN: {why}")))?;
        // A pod's own name may not be known yet when it starts, nor a node's be that of the network it is reached by.
        let everywhere = || format!("0.0.0.0:{}", hosts.get(process?)?.rsplit_once(':')?.1).into();
        let bind =
            self.bind.clone().or_else(|| if matches!(said, "kubernetes" | "slurm") { everywhere() } else { None });
        let process = self.process.or(process).unwrap_or(0);
        let patience = Duration::from_secs(self.patience);
        let cluster = Cluster { workers, process, hosts, bind, patience, run, secret };
        cluster.check().map_err(refused)?;
        Ok(cluster)
    }

    fn start(&self, job: &Job) -> Result<(), (u8, String)> {
        let cluster = self.cluster(job.run.workers)?;
        if cluster.hosts.len() > 1 {
            end_with_peers(4);
            set_process(cluster.process);
        }
        if self.tied && job.source.iter().any(|source| source.path == Path::new("-")) {
            let text =
                "standard input is the launcher's: give packets by a path, or run the job in one process without it";
            return Err((2, text.to_owned()));
        }
        let style = Style::choose(self.json, cluster.process == 0);
        let watch = self.listen.as_ref().map(|at| (at.clone(), Duration::from_secs(self.stall)));
        let orders = Orders {
            cluster,
            digest_at: self.digest_at,
            dump: self.dump.is_some(),
            take_over: self.take_over,
            restate: self.restate,
            append: self.append,
            accept_gap: self.accept_gap,
            refuse: Refused::new(self.refuse.iter().cloned(), "whoever read it was ended by it"),
            probe: self.probe.map(|packets| Probing { packets, say: crate::probe::say_at }),
            replay: self.replay.clone(),
            style,
            tied: self.tied,
            watch,
        };
        let (outcome, screen) = carry_out(job, orders)?;
        if self.probe.is_some() {
            return Ok(());
        }
        self.tell(job, outcome, &screen)
    }

    fn tell(&self, job: &Job, outcome: Outcome, screen: &Screen) -> Result<(), (u8, String)> {
        let cannot = |error: std::io::Error, what: &str| (1, format!("{what}: {error}"));
        let Some(summary) = &outcome.summary else { return Ok(()) };
        if summary.counts.received == 0 && !outcome.drained && job.archive.url.is_none() {
            let paths = job.source.iter().map(|source| source.path.display().to_string());
            tracing::warn!("no packets found in {}", paths.collect::<Vec<_>>().join(", "));
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
