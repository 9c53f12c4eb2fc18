//! `skydiff replay`: recorded nights once more, by the same graph.

use crate::run::Run;
use crate::topics_of::Kafka;
use clap::{Args, ValueEnum};
use skydiff_dataflow::archive::open::Archive;
use skydiff_dataflow::archive::recall::{From, Granularity, captured};
use skydiff_dataflow::cone::Cone;
use skydiff_dataflow::kafka::settings::Enclose;
use skydiff_dataflow::run::{Replay as Request, open_job};
use skydiff_dataflow::settings::{Job, load, of_record};
use skydiff_dataflow::source::Night;
use skydiff_dataflow::source::night::parse_time;
use skydiff_operators::Epoch;
use skydiff_schemas::MicroDays;
use std::path::PathBuf;
use std::process::ExitCode;

const HELP: &str = "\
    Examples:\n  \
    skydiff replay --archive arch --digest\n  \
    skydiff replay --archive arch --nights 2026-01-01..2026-03-31 --to again\n  \
    skydiff replay --archive arch lower.toml --to lower        (with other thresholds)\n  \
    skydiff replay --archive arch --nights 2026-01-01 --to kafka --kafka broker:9092 --publish again --name again
  \
    skydiff replay --archive arch --between 2026-01-02T03:00 2026-01-02T04:30 --to kafka --publish hour --name hour
  \
    skydiff replay --archive arch --epoch 41 --digest          (what was known at epoch 41)\n  \
    skydiff replay --archive arch --cone 210.8,54.3,0.5 --to m101\n\n\
    A night is that in which packets were received; a file that names a night was received in it.\n\
    Exit codes are those of `skydiff run`.";

/// Replays recorded epochs of an archive: what a live job said then, or would have said with other settings.
///
/// What was known before the nights is loaded first, in silence; what is told is of the nights alone. Without JOB.toml each epoch is
/// replayed by the job that was in force at it: where that changed (`skydiff run --restate`), one stretch after another, each with
/// a summary of its own.
#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub struct Replay {
    /// The job: thresholds, sinks. Without one, the settings that the archive was written with
    #[arg(value_name = "JOB.toml")]
    job: Option<PathBuf>,
    /// The archive: a folder, or file://, s3://
    #[arg(long, value_name = "URL")]
    archive: String,
    /// Nights to be told, both included: 2026-01-01..2026-03-31, or one. Default: all
    #[arg(long, value_name = "A..B", value_parser = nights)]
    nights: Option<(Night, Night)>,
    /// Told is what was received from the first of these times on and before the second (MJD UTC or dates)
    #[arg(long, value_names = ["FROM", "TO"], num_args = 2, value_parser = |text: &str| parse_time(text))]
    between: Vec<MicroDays>,
    /// Only what was known after this epoch
    #[arg(long, value_name = "N", conflicts_with = "as_of")]
    epoch: Option<u64>,
    /// Only what had been received by then (MJD UTC or a date)
    #[arg(long, value_name = "TIME", value_parser = |text: &str| parse_time(text).map(|_| text.to_owned()))]
    as_of: Option<String>,
    /// Only the objects of this cone, all in degrees: whole, with those that contend with them for a source
    #[arg(long, value_name = "RA,DEC,R", allow_hyphen_values = true)]
    cone: Option<Cone>,
    /// Leave out what was known before the nights
    #[arg(long)]
    cold: bool,
    /// What is told at once; the state does not depend on it. Epochs are put together, and never parted
    #[arg(long, value_enum, default_value_t = Grain::Epoch)]
    granularity: Grain,
    /// Read what was kept of packets, or the packets. Default: packets only if quality cuts or surveys differ, or if records carry them
    #[arg(long, value_enum)]
    from: Option<Kept>,
    /// Folder for records, rejects and reports; or `kafka`: to the topics of the job file, as a job of its own
    #[arg(long, value_name = "DIR|kafka")]
    to: Option<PathBuf>,
    /// Name of the job: one that publishes needs another than that of the archive
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    kafka: Kafka,
    /// Worker threads
    #[arg(long, short = 'w', value_name = "N")]
    workers: Option<usize>,
    /// Print, last, the digest of the state
    #[arg(long)]
    digest: bool,
    /// Write the state at the end as sorted text
    #[arg(long, value_name = "FILE")]
    dump: Option<PathBuf>,
    /// One line of JSON for everything that happens
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Grain {
    /// Each epoch as it was
    Epoch,
    /// All epochs of a visit: of one exposure
    Visit,
    /// All epochs of a night
    Night,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kept {
    /// What was kept of packets: fast
    Measurements,
    /// The packets as they were sent
    Packets,
}

/// Two dates, both included.
pub fn nights(text: &str) -> Result<(Night, Night), String> {
    let night = |text: &str| {
        let time = parse_time(text)?;
        i32::try_from(time.0.div_euclid(1_000_000)).map(Night).map_err(|_| format!("`{text}` is no date"))
    };
    let (from, to) = text.split_once("..").unwrap_or((text, text));
    let (from, to) = (night(from)?, night(to)?);
    if from <= to { Ok((from, to)) } else { Err(format!("`{text}` ends before it begins")) }
}

/// A stretch of epochs that is replayed by one job.
struct Stretch {
    job: Job,
    first: Epoch,
    last: Option<Epoch>,
}

impl Replay {
    /// Does it.
    pub fn run(self) -> ExitCode {
        let prepared = open_job(&self.archive).and_then(|(recorded, archive)| {
            let stretches = self.stretches(&recorded, &archive)?;
            let runs = stretches.into_iter().map(|stretch| self.request(stretch, &archive));
            Ok((runs.collect::<Result<Vec<_>, _>>()?, archive))
        });
        let (mut runs, archive) = match prepared {
            Ok(prepared) => prepared,
            Err(why) => {
                eprintln!("skydiff: {why}");
                return ExitCode::from(2);
            }
        };
        // If none is wanted, one of them says so.
        if runs.iter().any(|(_, replay)| replay.wants(&archive)) {
            runs.retain(|(_, replay)| replay.wants(&archive));
        } else {
            runs.truncate(1);
        }
        let last = runs.len() - 1;
        for (at, (job, replay)) in runs.into_iter().enumerate() {
            let (digest, dump) = (self.digest && at == last, self.dump.clone().filter(|_| at == last));
            let done = Run::replay(replay, at > 0, digest, dump, self.json).with(job);
            if at == last || done != ExitCode::SUCCESS {
                return done;
            }
        }
        ExitCode::SUCCESS
    }

    /// One, of the job that is given; else one for each job that was in force.
    fn stretches(&self, recorded: &Job, archive: &Archive) -> Result<Vec<Stretch>, String> {
        if let Some(path) = &self.job {
            let job = load(Some(path), std::env::vars()).map_err(|error| error.to_string())?;
            return Ok(vec![Stretch { job, first: Epoch(0), last: None }]);
        }
        let mut begins = vec![Epoch(0)];
        begins.extend(archive.chain.restated());
        if begins.len() == 1 {
            return Ok(vec![Stretch { job: recorded.clone(), first: Epoch(0), last: None }]);
        }
        let stretch = |(at, first): (usize, &Epoch)| {
            let sum = archive.chain.settings(*first).ok_or("the archive is empty")?;
            let last = begins.get(at + 1).map(|next| Epoch(next.0 - 1));
            Ok(Stretch { job: of_record(&archive.settings(sum)?)?, first: *first, last })
        };
        begins.iter().enumerate().map(stretch).collect()
    }

    fn request(&self, stretch: Stretch, archive: &Archive) -> Result<(Job, Request), String> {
        let Stretch { mut job, first, last } = stretch;
        // By another job, all that was captured by any other is captured again.
        let mut again = false;
        if self.job.is_some() {
            for epoch in [Epoch(0)].into_iter().chain(archive.chain.restated()) {
                if let Some(sum) = archive.chain.settings(epoch) {
                    again |= captured(&job) != captured(&of_record(&archive.settings(sum)?)?);
                }
            }
        }
        (job.source, job.archive.url) = (Vec::new(), None);
        let publishes = self.to.as_ref().is_some_and(|to| to.as_os_str() == "kafka");
        job.sink.to = self.to.clone().filter(|_| !publishes);
        self.kafka.over(&mut job);
        job.name = self.name.clone().unwrap_or(job.name);
        if publishes && job.sink.kafka.topic.is_none() {
            return Err("--to kafka: name the topic (--publish TOPIC, or sink.kafka.topic in the job file)".into());
        }
        if !publishes {
            job.sink.kafka = Default::default();
        }
        let encloses = job.sink.kafka.packet != Enclose::None;
        if encloses && (self.from == Some(Kept::Measurements) || self.cone.is_some()) {
            let what = if self.cone.is_some() { "a cone" } else { "what was kept of packets" };
            return Err(format!(
                "records are to carry packets (sink.kafka.packet), and {what} has none: leave out --cone and --from \
                 measurements, or say --packet none"
            ));
        }
        let from = match self.from {
            Some(Kept::Packets) => From::Packets,
            Some(Kept::Measurements) => From::Measurements,
            None if again || encloses => From::Packets,
            None => From::Measurements,
        };
        job.run.workers = self.workers.unwrap_or(job.run.workers);
        let between = match self.between[..] {
            [from, to] if from < to => Some((from, to)),
            [_, _] => return Err("--between: it ends before it begins".into()),
            _ => None,
        };
        let as_of = self.as_of.as_deref().map(parse_time).transpose()?;
        let replay = Request {
            url: self.archive.clone(),
            nights: self.nights,
            between,
            from_epoch: first,
            until: self.epoch.map(Epoch).into_iter().chain(last).min(),
            as_of,
            cold: self.cold,
            cone: self.cone,
            granularity: match self.granularity {
                Grain::Epoch => Granularity::Epoch,
                Grain::Visit => Granularity::Visit,
                Grain::Night => Granularity::Night,
            },
            from,
            again: again && from == From::Packets,
            in_force: self.job.is_none(),
        };
        Ok((job, replay))
    }
}
