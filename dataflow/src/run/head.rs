//! What process 0 prepares before the dataflow: the archive, what is recalled of it, what is new, and the books.

use super::go_on::Restates;
use super::lanes::Publishes;
use super::live::live;
use super::probe::OneByOne;
use super::retell::retell;
use super::{Request, RunError};
use crate::archive::open::Claimed;
use crate::archive::protocol::Generation;
use crate::archive::recall::Recalled;
use crate::event::Event;
use crate::flow::bind::Binder;
use crate::flow::clock::Stop;
use crate::flow::feed::Tap;
use crate::kafka::live::Live;
use crate::kafka::positions::Positions;
use crate::ledger::{DigestAt, Ledger, Past};
use crate::settings::{Format, Job, in_force};
use crate::sink::{Sinks, spare};
use crate::source::{Mint, Probe, Refused, Taken};
use serde::{Deserialize, Serialize};
use skydiff_operators::Epoch;
use skydiff_schemas::{Decoder, decoder};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, sync_channel};
use std::sync::{Arc, Mutex};
use timely::scheduling::SyncActivator;

/// How many messages may lie between the mint and the dataflow.
const AHEAD: usize = 8;

/// What every worker must know of the archive.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Begin {
    /// The first epoch that is new: those before it are durable.
    pub since: Epoch,
    /// The first epoch that is told: what every lane has published is not.
    pub told: Epoch,
    /// How records are published, if they are.
    pub publishes: Option<Publishes>,
    /// Under which generation the archive is written, if it is.
    pub generation: Option<Generation>,
    /// Whether other settings take effect at the first epoch.
    pub restates: Option<Restates>,
}

/// What worker 0 has and no other.
pub(super) struct Head {
    pub source: Source,
    /// What was known, where other settings take effect.
    pub before: Option<Source>,
    pub ledger: Ledger,
    pub binder: Option<Binder>,
    pub claimed: Option<Claimed>,
    pub begin: Begin,
}

/// Where epochs come from: what is recalled first, then what is new.
pub(super) struct Source {
    recalled: Vec<Recalled>,
    mint: Mint,
    live: Option<Live>,
    events: Sender<Event>,
    stop: Arc<AtomicBool>,
    refuse: Refused,
    one_by_one: Option<OneByOne>,
    /// Why what was to be recalled could not be.
    pub failed: Arc<Mutex<Option<String>>>,
}

impl Head {
    pub(super) fn open(job: &Job, request: &Request, settings: &decoder::Settings) -> Result<Head, RunError> {
        let mut inputs =
            if request.replay.is_some() { Vec::new() } else { job.inputs().map_err(RunError::Settings)? };
        if inputs.is_empty() && request.replay.is_none() {
            let text = "there is nothing to read: name packets with --from PATH, or a [[source]] in the job file";
            return Err(RunError::Settings(text.into()));
        }
        if job.sink.kafka.is_lost() {
            let text = "sink.kafka.topic: name the topic of the records (or --publish TOPIC), beside which there may be others";
            return Err(RunError::Settings(text.into()));
        }
        if let Some(folder) = &job.sink.to {
            spare(folder, &inputs).map_err(RunError::Settings)?;
        }
        let text = in_force(job).map_err(RunError::Settings)?;
        let begun = match (&request.replay, &job.archive.url) {
            (None, Some(url)) if request.probe.is_some() => Begun::look(url),
            (Some(replay), _) => Begun::replay(replay, &text, job),
            (None, Some(url)) => Begun::go_on(url, job, &text, request),
            (None, None) if job.sink.kafka.topic.is_some() => {
                let text = "records are sent to Kafka exactly once, and only what is durable can be: name an archive \
                            (--archive URL, or archive.url in the job file)";
                Err(RunError::Settings(text.into()))
            }
            (None, None) => Ok(Begun::default()),
        };
        let Begun { recalled, known, restates, past, taken, positions, told, publishes, binder, claimed } = begun?;
        let wanted = |format| job.sink.formats.contains(&format);
        let sinks = match &job.sink.to {
            Some(folder) if request.append => Sinks::append(folder, wanted(Format::Jsonl), wanted(Format::Avro)),
            Some(folder) => Sinks::open(folder, wanted(Format::Jsonl), wanted(Format::Avro)),
            None => Ok(Sinks::default()),
        };
        let failed = |error| RunError::Stop(Stop::Sink(error));
        let mut sinks = sinks.map_err(failed)?;
        if let Some(claimed) = claimed.as_ref().filter(|_| job.sink.to.is_some()) {
            retell(&claimed.archive, &mut sinks)?;
        }
        let every = match request.digest_at {
            Some(DigestAt::Packets(n)) => Some(n),
            _ => None,
        };
        let decoder = Decoder::new(settings).map_err(|error| RunError::Settings(error.to_string()))?;
        let live = live(job, request, &mut inputs, positions, settings, claimed.as_ref())?;
        let mint = Mint {
            inputs,
            cut: job.epochs.cut,
            every,
            taken,
            probe: probe_with(decoder),
            stop: request.stop.clone(),
            progress: request.progress.clone(),
        };
        let generation = claimed.as_ref().map(|claimed| claimed.generation);
        let begin = Begin { since: past.since, told, publishes, generation, restates };
        let timescales = job.timescales.timescales.clone();
        let (gauges, events) = (request.gauges.clone(), request.events.clone());
        let ledger = Ledger::new(timescales, request.digest_at, sinks, gauges, events.clone(), past);
        let before = known.map(|known| Source {
            recalled: vec![known],
            mint: Mint {
                inputs: Vec::new(),
                cut: job.epochs.cut,
                every: None,
                taken: Taken::default(),
                probe: Box::new(|_| None),
                stop: request.stop.clone(),
                progress: request.progress.clone(),
            },
            live: None,
            events: request.events.clone(),
            stop: request.stop.clone(),
            refuse: Refused::default(),
            one_by_one: None,
            failed: Arc::default(),
        });
        let (refuse, one_by_one) = (request.refuse.clone(), OneByOne::of(request));
        let (stop, failed) = (request.stop.clone(), Arc::default());
        let source = Source { recalled, mint, live, events, stop, refuse, one_by_one, failed };
        Ok(Head { source, before, ledger, binder, claimed, begin })
    }
}

/// What an archive makes of a job's begin.
#[derive(Default)]
pub(super) struct Begun {
    pub recalled: Vec<Recalled>,
    /// What was known under the settings of before, where others take effect.
    pub known: Option<Recalled>,
    pub restates: Option<Restates>,
    pub past: Past,
    pub taken: Taken,
    pub positions: Positions,
    pub told: Epoch,
    pub publishes: Option<Publishes>,
    pub binder: Option<Binder>,
    pub claimed: Option<Claimed>,
}

fn probe_with(mut decoder: Decoder) -> Probe {
    Box::new(move |packet| {
        let mut visit = None;
        decoder.decode(packet, |_, alert| visit = visit.or(alert.ok().map(|alert| alert.visit)));
        visit
    })
}

impl Source {
    /// Starts it on a thread of its own, for so many workers.
    pub(super) fn open(self, wake: SyncActivator, workers: u64) -> Tap {
        let Source { recalled, mint, live, events, stop, refuse, one_by_one, failed } = self;
        let (send, feed) = sync_channel(AHEAD);
        let stopped = stop.clone();
        std::thread::spawn(move || {
            let mut out = |feed| {
                let taken = send.send(feed).is_ok();
                // A worker that has ended needs no waking.
                let _ = wake.activate();
                taken && !stopped.load(Ordering::Relaxed)
            };
            let done =
                recalled.iter().try_for_each(|recalled| recalled.run(workers, &mint.progress, &mut out).map(drop));
            let mut given = 0;
            let mut out = |feed| match &one_by_one {
                None => out(refuse.apply(feed)),
                Some(one_by_one) => one_by_one.hand(refuse.apply(feed), &mut given, &mut out),
            };
            let done = done.and_then(|()| {
                mint.run(&mut out, &mut |path| drop(events.send(Event::Beside(path))));
                live.map_or(Ok(()), |live| live.run(&mut out))
            });
            if let Err(why) = done {
                let _ = failed.lock().map(|mut failed| *failed = Some(why));
            }
            drop(send);
            let _ = wake.activate();
        });
        Tap { feed, stop }
    }
}
