//! What process 0 prepares before the dataflow: the archive, what is recalled of it, what is new, and the books.

use super::lanes::{Publishes, publishes, said};
use super::live::live;
use super::retell::retell;
use super::{Request, RunError};
use crate::archive::cone::{Cone, objects_of};
use crate::archive::dataset::Names;
use crate::archive::open::{Archive, Claimed};
use crate::archive::protocol::{Bound, Generation, Manifest, resume};
use crate::archive::recall::{From, Granularity, Recalled, Step, night_of, steps};
use crate::archive::snapshot::Snapshot;
use crate::event::Event;
use crate::flow::bind::Binder;
use crate::flow::clock::Stop;
use crate::flow::feed::Tap;
use crate::kafka::live::Live;
use crate::kafka::positions::Positions;
use crate::ledger::{DigestAt, Ledger, Past};
use crate::settings::{Format, Job, differences, in_force, of_record};
use crate::sink::{Sinks, spare};
use crate::source::{Mint, Night, Probe, Taken};
use serde::{Deserialize, Serialize};
use skydiff_operators::Epoch;
use skydiff_schemas::{Decoder, MicroDays, decoder};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, sync_channel};
use std::sync::{Arc, Mutex};
use timely::scheduling::SyncActivator;

/// How many messages may lie between the mint and the dataflow.
const AHEAD: usize = 8;

/// What every worker must know of the archive.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Begin {
    /// The first epoch that is new: those before it are durable.
    pub since: Epoch,
    /// The first epoch that is told: what every lane has published is not.
    pub told: Epoch,
    /// How records are published, if they are.
    pub publishes: Option<Publishes>,
    /// Under which generation the archive is written, if it is.
    pub generation: Option<Generation>,
}

/// Recorded epochs that are to be read.
#[derive(Clone, Debug)]
pub struct Replay {
    /// Of which archive.
    pub url: String,
    /// Those received in these nights, both included; `None`: all.
    pub nights: Option<(Night, Night)>,
    /// None after this epoch.
    pub until: Option<Epoch>,
    /// None received after this (MJD UTC).
    pub as_of: Option<MicroDays>,
    /// Whether what was known before the nights is left out.
    pub cold: bool,
    /// Only the objects of this cone, and those that contend with them for a source.
    pub cone: Option<Cone>,
    /// How epochs are put together.
    pub granularity: Granularity,
    /// From what they are read.
    pub from: From,
}

/// The job that was in force at the end of an archive, and the archive.
pub fn open_job(url: &str) -> Result<(Job, Archive), String> {
    let archive = Archive::open(url)?;
    let Some(last) = archive.chain.manifests().last() else {
        return Err(format!("archive {url} is empty: nothing was committed to it yet"));
    };
    let job = of_record(&archive.settings(&last.settings)?)?;
    Ok((job, archive))
}

/// What worker 0 has and no other.
pub(super) struct Head {
    pub source: Source,
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
        if let Some(folder) = &job.sink.to {
            spare(folder, &inputs).map_err(RunError::Settings)?;
        }
        let text = in_force(job).map_err(RunError::Settings)?;
        let begun = match (&request.replay, &job.archive.url) {
            (Some(replay), _) => Begun::replay(replay, &text, job),
            (None, Some(url)) => Begun::go_on(url, &text, request.take_over, job),
            (None, None) if job.sink.kafka.topic.is_some() => {
                let text = "records are sent to Kafka exactly once, and only what is durable can be: name an archive \
                            (--archive URL, or archive.url in the job file)";
                Err(RunError::Settings(text.into()))
            }
            (None, None) => Ok(Begun::default()),
        };
        let Begun { recalled, past, taken, positions, told, publishes, binder, claimed } = begun?;
        let wanted = |format| job.sink.formats.contains(&format);
        let sinks = match &job.sink.to {
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
        let begin = Begin { since: past.since, told, publishes, generation };
        let timescales = job.timescales.timescales.clone();
        let (gauges, events) = (request.gauges.clone(), request.events.clone());
        let ledger = Ledger::new(timescales, request.digest_at, sinks, gauges, events.clone(), past);
        let source = Source { recalled, mint, live, events, stop: request.stop.clone(), failed: Arc::default() };
        Ok(Head { source, ledger, binder, claimed, begin })
    }
}

/// What an archive makes of a job's begin.
#[derive(Default)]
struct Begun {
    recalled: Vec<Recalled>,
    past: Past,
    taken: Taken,
    positions: Positions,
    told: Epoch,
    publishes: Option<Publishes>,
    binder: Option<Binder>,
    claimed: Option<Claimed>,
}

impl Begun {
    /// Goes on behind the last manifest, with what is known loaded as one epoch.
    fn go_on(url: &str, text: &str, take_over: bool, job: &Job) -> Result<Begun, RunError> {
        let claimed = Claimed::open(url, take_over).map_err(RunError::Settings)?;
        let (archive, chain) = (claimed.archive.clone(), &claimed.archive.chain);
        let settings = claimed.put_settings(text).map_err(RunError::Settings)?;
        if let Some(last) = chain.manifests().last().filter(|last| last.settings != settings) {
            let before = archive.settings(&last.settings).map_err(RunError::Settings)?;
            let _ = claimed.end();
            return Err(RunError::Settings(format!(
                "archive {url} was written with other settings, and what it says would not be what a replay says:\n  {}\n\
                 use those (`skydiff archive settings --archive {url}` prints them), or another archive",
                differences(&before, text).join("\n  ")
            )));
        }
        let lanes = said(job)?;
        let lanes = lanes.as_ref().map_or(Vec::new(), |said| said.lanes.clone());
        let resume =
            resume(chain.last(), &lanes, &archive.snapshots).map_err(|error| RunError::Settings(error.to_string()))?;
        let snapshot = resume.snapshot.map(|epoch| Snapshot::read(&archive, epoch)).transpose();
        let snapshot = snapshot.map_err(RunError::Settings)?;
        let recalled = resume.loaded.map(|last| Recalled {
            archive: archive.clone(),
            steps: vec![Step { first: Epoch(0), last }],
            from: From::Measurements,
            snapshot,
            only: None,
        });
        // From the packets: what was rejected is told by its lane.
        let steps = (resume.replayed.0..resume.live.0).map(|epoch| Step { first: Epoch(epoch), last: Epoch(epoch) });
        let replayed = (resume.replayed < resume.live).then(|| Recalled {
            archive: archive.clone(),
            steps: steps.collect(),
            from: From::Packets,
            snapshot: None,
            only: None,
        });
        let bindings = chain.manifests().iter().flat_map(|m| &m.epochs).map(|bound| &bound.binding);
        let past = Past { since: resume.live, digests: chain.manifests().last().map(digest).into_iter().collect() };
        let binder = Binder {
            store: archive.store.clone(),
            generation: claimed.generation,
            writer: claimed.writer.clone(),
            head: chain.head().cloned(),
            settings,
            digest: 0,
            since: past.since,
            fenced: claimed.fenced.clone(),
        };
        let publishes = publishes(job, claimed.generation.0, Some(resume.live))?;
        let recalled = recalled.into_iter().chain(replayed).collect();
        let (taken, positions) = (Taken::of(bindings.clone()), Positions::of(bindings));
        let told = resume.replayed;
        let (binder, claimed) = (Some(binder), Some(claimed));
        Ok(Begun { recalled, past, taken, positions, told, publishes, binder, claimed })
    }

    /// The wanted epochs, with what was known before them loaded as one.
    fn replay(replay: &Replay, text: &str, job: &Job) -> Result<Begun, RunError> {
        let archive = Archive::open(&replay.url).map_err(RunError::Settings)?;
        let archive_of = archive.clone();
        let manifests = archive.chain.manifests();
        let same = manifests.iter().all(|m| m.settings == crate::archive::protocol::Sum::of(text.as_bytes()));
        let bounds: Vec<&Bound> = manifests.iter().flat_map(|manifest| &manifest.epochs).collect();
        let (before, wanted) = replay.choose(&bounds);
        let Some(first) = wanted.first().map(|bound| bound.binding.epoch) else {
            return Err(RunError::Settings(format!("archive {}: no epoch is of these nights", replay.url)));
        };
        let last = wanted.last().map_or(first, |bound| bound.binding.epoch);
        let only = replay.only(&archive, last).map_err(RunError::Settings)?;
        let load = before.last().filter(|_| !replay.cold).map(|bound| {
            let last = bound.binding.epoch;
            let snapshot = archive.snapshots.iter().copied().filter(|epoch| *epoch <= last).max();
            let snapshot = snapshot.map(|epoch| Snapshot::read(&archive, epoch)).transpose()?;
            let steps = vec![Step { first: Epoch(0), last }];
            let (archive, only) = (archive.clone(), only.clone());
            Ok(Recalled { archive, steps, from: From::Measurements, snapshot, only })
        });
        let load = load.transpose().map_err(RunError::Settings)?;
        let steps = steps(&wanted, replay.granularity);
        // Digests are of all that was known, in the settings of then.
        let complete = same && (before.is_empty() || !replay.cold) && replay.cone.is_none();
        let digests = if complete { manifests.iter().map(digest).collect() } else { BTreeMap::new() };
        let recalled = load
            .into_iter()
            .chain([Recalled { archive: archive_of.clone(), steps, from: replay.from, snapshot: None, only }])
            .collect();
        let publishes = match said(job)? {
            None => None,
            Some(said) => {
                let recorded = manifests.last().map(|last| archive_of.settings(&last.settings)).transpose();
                let recorded = recorded.and_then(|text| text.as_deref().map(of_record).transpose());
                if recorded.map_err(RunError::Settings)?.is_some_and(|recorded| recorded.name == job.name) {
                    return Err(RunError::Settings(format!(
                        "a replay that publishes is a job of its own, and `{}` is the one that wrote the archive: give it \
                         another name (--name NAME, or `name` in the job file)",
                        job.name
                    )));
                }
                publishes(job, said.generation + 1, None)?
            }
        };
        Ok(Begun { recalled, past: Past { since: first, digests }, told: first, publishes, ..Begun::default() })
    }
}

impl Replay {
    /// The objects that are wanted, if not all.
    fn only(&self, archive: &Archive, last: Epoch) -> Result<Option<Arc<Names>>, String> {
        let Some(cone) = self.cone else { return Ok(None) };
        if self.from == From::Packets {
            return Err("a cone is replayed from what was kept of packets: leave out --from packets, and keep the \
                        quality cuts that the archive was written with"
                .into());
        }
        let objects = objects_of(archive, cone, last)?;
        match objects.is_empty() {
            true => Err(format!("archive {}: no object lies in this cone", self.url)),
            false => Ok(Some(Arc::new(Names::Objects(objects)))),
        }
    }

    /// Epochs before those that are wanted, and those.
    fn choose<'a>(&self, bounds: &[&'a Bound]) -> (Vec<&'a Bound>, Vec<&'a Bound>) {
        let known = |bound: &&&Bound| {
            let received = bound.binding.origin.as_ref().map(|origin| origin.received);
            self.until.is_none_or(|until| bound.binding.epoch <= until)
                && self.as_of.zip(received).is_none_or(|(as_of, received)| received <= as_of)
        };
        let bounds: Vec<&Bound> = bounds.iter().take_while(known).copied().collect();
        let Some((from, to)) = self.nights else { return (Vec::new(), bounds) };
        let within = |bound: &&Bound| night_of(&bound.binding).is_some_and(|night| from <= night && night <= to);
        let first = bounds.iter().position(&within).unwrap_or(bounds.len());
        let last = bounds.iter().rposition(&within).map_or(first, |last| last + 1);
        (bounds[..first].to_vec(), bounds[first..last].to_vec())
    }
}

fn digest(manifest: &Manifest) -> (Epoch, u128) {
    (manifest.last, u128::from_str_radix(&manifest.digest, 16).unwrap_or_default())
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
        let Source { recalled, mint, live, events, stop, failed } = self;
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
