//! What process 0 prepares before the dataflow: the archive, what is recalled of it, what is new, and the books.

use super::lanes::{Publishes, begin, publishes, said};
use super::live::live;
use super::probe::OneByOne;
use super::retell::retell;
use super::{Request, RunError};
use crate::archive::cone::objects_of;
use crate::archive::dataset::Names;
use crate::archive::keep::Keeper;
use crate::archive::open::{Archive, Claimed, Unclaimed};
use crate::archive::protocol::{Bound, Generation, Manifest, Progress, Resume, ResumeError, Sum, resume};
use crate::archive::recall::{From, Granularity, Recalled, Step, Visits, captured, night_of, steps, visits};
use crate::archive::snapshot::Snapshot;
use crate::cone::Cone;
use crate::event::Event;
use crate::flow::bind::Binder;
use crate::flow::clock::Stop;
use crate::flow::feed::Tap;
use crate::kafka::live::Live;
use crate::kafka::positions::Positions;
use crate::ledger::{DigestAt, Ledger, Past};
use crate::settings::{Format, Job, differences, in_force, of_record};
use crate::sink::{Sinks, spare};
use crate::source::{Mint, Night, Probe, Refused, Taken};
use serde::{Deserialize, Serialize};
use skydiff_operators::Epoch;
use skydiff_schemas::record::Reason;
use skydiff_schemas::{Decoder, MicroDays, decoder};
use std::collections::BTreeMap;
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

/// Other settings than before take effect.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Restates {
    /// Those of before.
    pub before: String,
    /// What consumers are told of it.
    pub reason: Reason,
    /// The epoch at which they do.
    pub at: Epoch,
}

impl Restates {
    /// From one text of settings to another.
    fn new(before: String, now: &str, at: Epoch) -> Restates {
        let code = differences(&before, now).iter().any(|line| line.starts_with("semantics "));
        Restates { before, reason: if code { Reason::Code } else { Reason::Config }, at }
    }
}

/// Recorded epochs that are to be read.
#[derive(Clone, Debug)]
pub struct Replay {
    /// Of which archive.
    pub url: String,
    /// Those received in these nights, both included; `None`: all.
    pub nights: Option<(Night, Night)>,
    /// Those received from the first of these times on and before the second (MJD UTC); `None`: whenever.
    pub between: Option<(MicroDays, MicroDays)>,
    /// None before this epoch is told.
    pub from_epoch: Epoch,
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
    /// Whether what was known before must be read from packets too: what is captured of them has changed.
    pub again: bool,
    /// Whether the job is the one that was in force at these epochs.
    pub in_force: bool,
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

impl Begun {
    /// Goes on behind the last manifest, with what is known loaded as one epoch.
    fn go_on(url: &str, job: &Job, text: &str, request: &Request) -> Result<Begun, RunError> {
        let keep = job.keep().map_err(RunError::Settings)?;
        let mut claimed = Claimed::open(url, request.take_over).map_err(|error| match error {
            Unclaimed::Refused(why) => RunError::Settings(why),
            Unclaimed::Failed(why) => RunError::Stop(Stop::Sink(why)),
        })?;
        let settings = claimed.put_settings(text).map_err(RunError::Settings)?;
        // What was said is told once more in files, and other settings take effect on all that is known.
        if job.sink.to.is_some() || claimed.archive.chain.manifests().iter().any(|one| one.settings != settings) {
            claimed.read_all().map_err(RunError::Settings)?;
        }
        let last = claimed.archive.chain.manifests().last().filter(|last| last.settings != settings);
        let before = last.map(|last| claimed.archive.settings(&last.settings)).transpose();
        let before = before.map_err(RunError::Settings)?;
        if let Some(why) = before.as_ref().and_then(|before| refused(before, text, request.restate)) {
            let _ = claimed.end();
            return Err(RunError::Settings(format!("archive {url} {why}")));
        }
        let lanes = said(job)?;
        let lanes = lanes.as_ref().map_or(Vec::new(), |said| said.lanes.clone());
        let resume = resumed(&mut claimed, &lanes)?;
        let (archive, chain) = (claimed.archive.clone(), &claimed.archive.chain);
        let mut restates = before.map(|before| Restates::new(before, text, chain.next()));
        let begun = chain.last().map_or(Epoch(0), |last| chain.begin(last));
        if restates.is_none() && begun > Epoch(0) && resume.replayed == begun && begun < resume.live {
            let sum = chain.settings(Epoch(begun.0 - 1)).cloned().unwrap_or_else(|| settings.clone());
            let before = archive.settings(&sum).map_err(RunError::Settings)?;
            restates = Some(Restates::new(before, text, begun));
        }
        let useful = resume.loaded.and_then(|loaded| archive.useful(loaded).max());
        let snapshot = useful.map(|epoch| Snapshot::read(&archive, epoch)).transpose();
        let snapshot = snapshot.map_err(RunError::Settings)?;
        let known = resume.loaded.map(|last| Recalled {
            archive: archive.clone(),
            steps: vec![Step { first: chain.begin(last), last }],
            from: From::Measurements,
            snapshot,
            only: None,
            restated: None,
        });
        // From the packets: what was rejected is told by its lane.
        let lagging = resume.replayed < resume.live;
        let mut replayed = resume.replayed;
        let (known, recalled) = match &mut restates {
            None => (None, known),
            // Others may lag behind what was restated, but none behind what was before: it waited for them.
            Some(restates) if restates.at < resume.live => {
                replayed = restates.at.next();
                let step = Step { first: restates.at, last: restates.at };
                let again = Recalled {
                    archive: archive.clone(),
                    steps: vec![step],
                    from: From::Measurements,
                    snapshot: None,
                    only: None,
                    restated: None,
                };
                (known, Some(again))
            }
            Some(_) if lagging => {
                let _ = claimed.end();
                let text = "the settings cannot change while a lane is behind the last manifest: start once with those of \
                            before, and end it (Ctrl-C) when all is published";
                return Err(RunError::Settings(text.into()));
            }
            Some(restates) => {
                let again = known.clone().map(|known| restates.again(known, text)).transpose();
                (known, again.map_err(RunError::Settings)?)
            }
        };
        let steps = (replayed.0..resume.live.0).map(|epoch| Step { first: Epoch(epoch), last: Epoch(epoch) });
        let replayed = (replayed < resume.live).then(|| Recalled {
            archive: archive.clone(),
            steps: steps.collect(),
            from: From::Packets,
            snapshot: None,
            only: None,
            restated: None,
        });
        let digests = match &restates {
            Some(restates) if restates.at == resume.live => BTreeMap::new(),
            _ => chain.manifests().last().map(digest).into_iter().collect(),
        };
        let now = restates.as_ref().is_some_and(|restates| restates.at == resume.live);
        let past = Past { since: resume.live, restates: now, digests };
        let keeper = Keeper::new(archive.store.clone(), keep, chain.night());
        let binder = Binder {
            store: archive.store.clone(),
            generation: claimed.generation,
            writer: claimed.writer.clone(),
            head: chain.head().cloned(),
            settings,
            digest: 0,
            since: past.since,
            keeper,
            fenced: claimed.fenced.clone(),
            watch: request.gauges.watch.clone(),
        };
        let publishes = publishes(job, claimed.generation.0, Some(resume.live))?;
        if let Some(publishes) = &publishes {
            begin(job, &lanes, publishes, resume.replayed)?;
        }
        let recalled = recalled.into_iter().chain(replayed).collect();
        let (taken, positions) = (chain.taken(), chain.positions());
        let told = resume.replayed;
        let (binder, claimed) = (Some(binder), Some(claimed));
        Ok(Begun { recalled, known, restates, past, taken, positions, told, publishes, binder, claimed })
    }

    /// The wanted epochs, with what was known before them loaded as one.
    fn replay(replay: &Replay, text: &str, job: &Job) -> Result<Begun, RunError> {
        let archive = Archive::open(&replay.url).map_err(RunError::Settings)?;
        let manifests = archive.chain.manifests();
        let bounds: Vec<&Bound> = manifests.iter().flat_map(|manifest| &manifest.epochs).collect();
        let (before, wanted) = replay.choose(&bounds);
        let Some(first) = wanted.first().map(|bound| bound.binding.epoch) else {
            return Err(RunError::Settings(format!("archive {}: no epoch is of these nights or times", replay.url)));
        };
        let end = wanted.last().map_or(first, |last| last.binding.epoch);
        let only = replay.only(&archive, end).map_err(RunError::Settings)?;
        let ours = Sum::of(text.as_bytes());
        let recall = |first, last, from| Recalled {
            archive: archive.clone(),
            steps: vec![Step { first, last }],
            from,
            snapshot: None,
            only: only.clone(),
            restated: None,
        };
        let load = before.last().map(|bound| bound.binding.epoch).filter(|_| !replay.cold);
        let whole = |last| {
            let snapshot = archive.useful(last).max().map(|epoch| Snapshot::read(&archive, epoch)).transpose();
            let snapshot = snapshot.map_err(RunError::Settings)?;
            Ok::<_, RunError>(Recalled { snapshot, ..recall(archive.chain.begin(last), last, From::Measurements) })
        };
        let mut recalled = Vec::new();
        let (mut known, mut restates) = (None, None);
        // Its own settings took effect at the first epoch: what was known then lies there, and what was said before it was
        // said under others.
        let takes_effect =
            archive.chain.restated().any(|restated| restated == first) && replay.in_force && !replay.cold;
        let mut rest = &wanted[..];
        if let Some(last) = load.filter(|_| takes_effect) {
            let sum = archive.chain.settings(last).cloned().unwrap_or_else(|| ours.clone());
            restates = Some(Restates::new(archive.settings(&sum).map_err(RunError::Settings)?, text, first));
            known = Some(whole(last)?);
            recalled.push(recall(first, first, From::Measurements));
            rest = &wanted[1..];
        } else {
            let load = load.map(|last| match replay.again {
                true => Ok(recall(Epoch(0), last, From::Packets)),
                false => whole(last),
            });
            recalled.extend(load.transpose()?);
        }
        // By settings that are not those of then, what was stated once more is nothing new.
        let in_force = |bound: &&&Bound| {
            let epoch = bound.binding.epoch;
            replay.in_force || archive.chain.restated().all(|restated| restated != epoch)
        };
        let rest: Vec<&Bound> = rest.iter().filter(in_force).copied().collect();
        let visits = match replay.granularity {
            Granularity::Visit => visits(&archive, first, end).map_err(RunError::Settings)?,
            Granularity::Epoch | Granularity::Night => Visits::default(),
        };
        let steps = steps(&rest, replay.granularity, &visits);
        // Digests are of all that was known, in the settings of then.
        let complete = (!replay.cold || before.is_empty()) && only.is_none();
        let same = manifests.iter().filter(|manifest| complete && manifest.last >= first && manifest.settings == ours);
        let one = archive.chain.begin(first) == archive.chain.begin(end);
        let digests = if one { same.map(digest).collect() } else { BTreeMap::new() };
        let publishes = publishing(job, &archive)?;
        recalled.push(Recalled { archive, steps, from: replay.from, snapshot: None, only, restated: None });
        let past = Past { since: first, restates: restates.is_some(), digests };
        Ok(Begun { recalled, known, restates, past, told: first, publishes, ..Begun::default() })
    }
}

/// From where lanes that are so far go on. Lists once more where what was listed does not reach.
fn resumed(claimed: &mut Claimed, lanes: &[Option<Progress>]) -> Result<Resume, RunError> {
    let summed = claimed.archive.chain.summed().map(|summed| summed.through);
    let is_before = |lane: &Progress| summed.is_some_and(|through| lane.lacks() <= through);
    if lanes.iter().flatten().any(is_before) {
        claimed.read_all().map_err(RunError::Settings)?;
    }
    let decide = |archive: &Archive| resume(archive.chain.last(), lanes, &archive.snapshots);
    let decided = match decide(&claimed.archive) {
        // A writer that was not fenced yet may have gone on since, and lanes were asked after that.
        Err(ResumeError::Ahead(..)) => {
            claimed.list_again().map_err(RunError::Settings)?;
            decide(&claimed.archive)
        }
        decided => decided,
    };
    decided.map_err(|error| RunError::Settings(error.to_string()))
}

/// How a replay publishes, if it does: as a job of its own.
fn publishing(job: &Job, archive: &Archive) -> Result<Option<Publishes>, RunError> {
    let Some(said) = said(job)? else { return Ok(None) };
    let recorded = archive.chain.manifests().last().map(|last| archive.settings(&last.settings)).transpose();
    let recorded = recorded.and_then(|text| text.as_deref().map(of_record).transpose());
    if recorded.map_err(RunError::Settings)?.is_some_and(|recorded| recorded.name == job.name) {
        return Err(RunError::Settings(format!(
            "a replay that publishes is a job of its own, and `{}` is the one that wrote the archive: give it another name \
             (--name NAME, or `name` in the job file)",
            job.name
        )));
    }
    publishes(job, said.generation + 1, None)
}

/// Why a job may not go on with other settings; nothing if it may.
fn refused(before: &str, now: &str, restate: bool) -> Option<String> {
    let differences = differences(before, now);
    if !restate {
        return Some(format!(
            "was written with other settings, and what it says would not be what a replay says:\n  {}\nuse those (`skydiff \
             archive settings --archive URL` prints them), or another archive; or say --restate: they take effect at an epoch \
             of its own, whose records say so",
            differences.join("\n  ")
        ));
    }
    let fixed = differences.iter().find(|line| line.starts_with("sink.lanes ") || line.starts_with("name "));
    fixed.map(|line| format!("has been told by its name and lanes, which cannot be restated: {line}"))
}

impl Restates {
    /// All that was known, as it is put when other settings take effect: from packets, if these capture other things.
    fn again(&self, known: Recalled, now: &str) -> Result<Recalled, String> {
        let restated = Some(self.at);
        if captured(&of_record(&self.before)?) == captured(&of_record(now)?) {
            return Ok(Recalled { restated, ..known });
        }
        let steps = known.steps.iter().map(|step| Step { first: Epoch(0), last: step.last }).collect();
        Ok(Recalled { steps, from: From::Packets, snapshot: None, restated, ..known })
    }
}

impl Replay {
    /// The objects that are wanted, if not all.
    fn only(&self, archive: &Archive, last: Epoch) -> Result<Option<Arc<Names>>, String> {
        let Some(cone) = self.cone else { return Ok(None) };
        if self.from == From::Packets || self.again {
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

    /// All of an archive, as it was, from what was kept.
    pub fn all(url: &str) -> Replay {
        Replay {
            url: url.to_owned(),
            nights: None,
            between: None,
            from_epoch: Epoch(0),
            until: None,
            as_of: None,
            cold: false,
            cone: None,
            granularity: Granularity::Epoch,
            from: From::Measurements,
            again: false,
            in_force: false,
        }
    }

    /// Whether any epoch of an archive is wanted.
    pub fn wants(&self, archive: &Archive) -> bool {
        let bounds: Vec<&Bound> = archive.chain.manifests().iter().flat_map(|manifest| &manifest.epochs).collect();
        !self.choose(&bounds).1.is_empty()
    }

    /// Epochs before those that are wanted, and those.
    fn choose<'a>(&self, bounds: &[&'a Bound]) -> (Vec<&'a Bound>, Vec<&'a Bound>) {
        let known = |bound: &&&Bound| {
            let received = bound.binding.origin.as_ref().map(|origin| origin.received);
            self.until.is_none_or(|until| bound.binding.epoch <= until)
                && self.as_of.zip(received).is_none_or(|(as_of, received)| received <= as_of)
        };
        let bounds: Vec<&Bound> = bounds.iter().take_while(known).copied().collect();
        let of_nights = |bound: &&Bound| {
            let received = bound.binding.origin.as_ref().map(|origin| origin.received);
            self.nights
                .is_none_or(|(from, to)| night_of(&bound.binding).is_some_and(|night| from <= night && night <= to))
                && self.between.is_none_or(|(from, to)| received.is_some_and(|at| from <= at && at < to))
        };
        // Where the nights began before it, what was told when other settings took effect is of them too.
        let goes_on = bounds.iter().take_while(|bound| bound.binding.epoch < self.from_epoch).any(of_nights);
        let begins = |bound: &&Bound| bound.binding.epoch >= self.from_epoch && (goes_on || of_nights(bound));
        let first = bounds.iter().position(begins).unwrap_or(bounds.len());
        let last = bounds.iter().rposition(of_nights).map_or(first, |last| last + 1).max(first);
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
