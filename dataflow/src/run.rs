//! A job from its settings to its end: the graph, put together in the order in which data flows, on every worker.

use crate::archive::open::Claimed;
use crate::archive::schemas::Used;
use crate::archive::store::Store;
use crate::cluster::{Cluster, Link};
use crate::event::{Event, Gauges, Summary};
use crate::flow::bind::{Binder, bind};
use crate::flow::clock::{Stop, Stopped, clock};
use crate::flow::commit::{Books, Ends, commit};
use crate::flow::enclose::enclose;
use crate::flow::feed::{InFlight, feed};
use crate::flow::file::{Archived, Desk, file};
use crate::flow::group::{OnTheWay, group};
use crate::flow::publish::{Press, publish};
use crate::flow::read::read;
use crate::flow::restate::{Before, restate};
use crate::flow::tell::{TellSettings, tell};
use crate::kafka::enclosure::Packer;
use crate::kafka::message::Mailer;
use crate::kafka::settings::Form;
use crate::ledger::DigestAt;
use crate::reading::{ReadSettings, Reader};
use crate::settings::{Format, Job, of_record};
use crate::source::{Progress, Refused, Spot};
use crate::watch::Watch;
use head::{Begin, Head, Source};
use skydiff_operators::{Epoch, Objects, Options, seal, transients_with};
use skydiff_schemas::{Decoder, MicroDays, decoder};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use timely::dataflow::ProbeHandle;
use timely::dataflow::operators::generic::operator::empty;
use timely::dataflow::operators::vec::Broadcast;
use timely::dataflow::operators::{Concat, Exchange, Input, Inspect, Probe as _};
use timely::worker::Worker;

/// So long lanes are waited for when a job has stopped itself.
const LANES_END: Duration = Duration::from_secs(10);

mod head;
mod lanes;
mod live;
mod probe;
mod retell;

pub use head::{Replay, open_job};

/// What a run is asked for beside its job.
#[derive(Debug)]
pub struct Request {
    /// Where this process stands.
    pub cluster: Cluster,
    /// At which frontiers digests are told.
    pub digest_at: Option<DigestAt>,
    /// Whether the state is wanted, as sorted lines of text.
    pub dump: bool,
    /// Takes an archive over from a writer that may be alive.
    pub take_over: bool,
    /// Lets other settings take effect on an archive, at an epoch of its own.
    pub restate: bool,
    /// Goes on with the files of a run that has ended, in its folder.
    pub append: bool,
    /// Goes on where Kafka no longer holds what was to be read.
    pub accept_gap: bool,
    /// Packets that are not to be read.
    pub refuse: Refused,
    /// Writes nothing, and looks at what would be read next.
    pub probe: Option<Probing>,
    /// Recorded epochs to be read, in the place of what the job names.
    pub replay: Option<Replay>,
    /// Set to drain: no more packets are taken, what was taken is finished.
    pub stop: Arc<AtomicBool>,
    /// Bytes of input, as they are found and read.
    pub progress: Arc<Progress>,
    /// What is through.
    pub gauges: Gauges,
    /// What happens.
    pub events: Sender<Event>,
}

/// How packets are looked at one by one.
#[derive(Clone, Copy, Debug)]
pub struct Probing {
    /// How many at most.
    pub packets: u64,
    /// Hears where each is before anyone reads it.
    pub say: fn(&Spot),
}

/// What a job came to. Only process 0 has a summary.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The reconciliation, and what to look at.
    pub summary: Option<Summary>,
    /// Of the state at the end.
    pub digest: u128,
    /// The state, where it was asked for.
    pub dump: Vec<String>,
    /// Whether the job was asked to stop before it had read everything.
    pub drained: bool,
}

/// Why a job did not come to its end.
#[derive(Clone, Debug)]
pub enum RunError {
    /// The settings, or the paths in them, cannot be used.
    Settings(String),
    /// The other processes cannot be reached.
    Cluster(String),
    /// The job stopped itself.
    Stop(Stop),
}

/// Runs a job to its end.
pub fn run(job: &Job, request: Request) -> Result<Outcome, RunError> {
    let looks = request.probe.map(|_| probe::only_looks(job));
    let job = looks.as_ref().unwrap_or(job);
    let settings = job.decoder().map_err(RunError::Settings)?;
    Decoder::new(&settings).map_err(|error| RunError::Settings(error.to_string()))?;
    let leads = request.cluster.process == 0;
    let head = if leads { Some(Head::open(job, &request, &settings)?) } else { None };
    let watch = request.gauges.watch.clone();
    if let Some(generation) = head.as_ref().and_then(|head| head.begin.generation) {
        watch.set_generation(generation.0);
    }
    let (stop, cluster, dump) = (request.stop.clone(), request.cluster.clone(), request.dump);
    let request_progress = request.progress.clone();
    let archive = (request.replay.is_none() && request.probe.is_none()).then(|| job.archive.url.clone()).flatten();
    let kept = request.replay.as_ref().map(|replay| replay.url.clone()).or_else(|| job.archive.url.clone());
    let link = Link {
        stop: stop.clone(),
        state: Arc::new({
            let watch = watch.clone();
            move || watch.tell()
        }),
        heard: Arc::new({
            let watch = watch.clone();
            move |process, state| watch.hear(process, &state)
        }),
        strangers: watch.strangers(),
    };
    let (builders, threads) =
        cluster.connect(fingerprint(job, &cluster), link).map_err(|error| match error.kind() {
            // Another job, secret or place: trying again does not help.
            std::io::ErrorKind::InvalidInput => RunError::Settings(error.to_string()),
            _ => RunError::Cluster(error.to_string()),
        })?;
    // Who folds and tells does not write: only process 0 knows whether anything is, so all others assume that it is.
    let written = job.sink.to.is_some() || cluster.hosts.len() > 1;
    let progress = leads.then(|| request_progress.clone());
    let plan = Plan {
        job: job.clone(),
        settings,
        written,
        archive,
        kept,
        dump,
        stop,
        watch,
        progress,
        head: Mutex::new(head),
    };
    let guards = timely::execute::execute_from(builders, threads, timely::WorkerConfig::default(), move |worker| {
        plan.work(worker)
    })
    .map_err(RunError::Cluster)?;
    let mut outcome = Outcome::default();
    for result in guards.join() {
        let part = result.map_err(RunError::Cluster)??;
        outcome.dump.extend(part.dump);
        if part.summary.is_some() {
            (outcome.summary, outcome.digest) = (part.summary, part.digest);
        }
        outcome.drained |= part.drained;
    }
    Ok(outcome)
}

/// What all processes must have in common to be one job.
fn fingerprint(job: &Job, cluster: &Cluster) -> u64 {
    use std::hash::Hasher;
    let own = |text: &str| text.to_owned();
    let mut common = job.clone();
    // What only process 0 uses may differ: paths, places, times of receipt.
    (common.source, common.sink.to, common.run.received, common.schemas) = (Vec::new(), None, None, None);
    let mut hasher = rustc_hash::FxHasher::default();
    for part in [
        own(env!("CARGO_PKG_VERSION")),
        format!("{common:?}"),
        cluster.hosts.len().to_string(),
        cluster.workers.to_string(),
    ] {
        hasher.write(part.as_bytes());
    }
    hasher.finish()
}

/// What every worker starts from.
struct Plan {
    job: Job,
    settings: decoder::Settings,
    /// Records are encoded, and the bytes of rejected packets kept, for a process that may write them.
    written: bool,
    /// The archive that is written.
    archive: Option<String>,
    /// The archive that is written, or read.
    kept: Option<String>,
    dump: bool,
    stop: Arc<AtomicBool>,
    watch: Watch,
    /// Of process 0.
    progress: Option<Arc<Progress>>,
    head: Mutex<Option<Head>>,
}

impl Plan {
    fn work(&self, worker: &mut Worker) -> Result<Outcome, RunError> {
        let head = if worker.index() == 0 { self.head.lock().ok().and_then(|mut head| head.take()) } else { None };
        let begin = shared(worker, head.as_ref().map(|head| head.begin.clone())).unwrap_or_default();
        let Parts { source, before, ledger, binder, claimed, failed } = Parts::of(head);
        let before = self.before(worker, &begin, before)?;
        let (through, stopped) = (ProbeHandle::new(), Rc::new(RefCell::new(None)));
        let keeper = binder.as_ref().map(|binder| binder.keeper.clone());
        let mut observer = self.watch.observe(worker);
        let lanes = Arc::new(());
        let objects =
            self.graph(worker, &begin, (source, binder, before), ledger.clone(), &through, (&stopped, lanes.clone()))?;
        // A job that stops ends when everything before the epoch that it stopped at is written.
        let is_over = || match &*stopped.borrow() {
            None => through.done(),
            Some(Stopped { epoch, .. }) => !through.less_than(epoch),
        };
        while !is_over() {
            worker.step_or_park(observer.park());
            observer.tick(&through);
        }
        if let Some(Stopped { stop, .. }) = stopped.take() {
            for dataflow in worker.installed_dataflows() {
                worker.drop_dataflow(dataflow);
            }
            // Lanes say how far they are when nothing more comes: whoever goes on with other settings must find none behind.
            let begun = Instant::now();
            while matches!(stop, Stop::Rejects(_)) && Arc::strong_count(&lanes) > 1 && begun.elapsed() < LANES_END {
                std::thread::sleep(Duration::from_millis(10));
            }
            // What was written until then is whole; that it could not be would be the second thing to go wrong.
            let ledger = ledger.and_then(|ledger| ledger.take());
            let _ = ledger.map(|ledger| ledger.finish("run, stopped"));
            let _ = claimed.map(Claimed::end);
            return Err(RunError::Stop(stop));
        }
        let failed = failed.and_then(|failed| failed.lock().ok()?.take());
        if let Some(why) = shared(worker, failed) {
            let _ = claimed.map(Claimed::end);
            return Err(RunError::Stop(Stop::Sink(why)));
        }
        let wanted = (worker.index() == 0).then_some(self.dump);
        let dump = match shared(worker, wanted) == Some(true) {
            true => gather(worker, crate::dump::lines(&mut objects.borrow_mut())),
            false => Vec::new(),
        };
        let drained = self.stop.load(Ordering::Relaxed);
        let ledger = ledger.and_then(|ledger| ledger.take());
        let ended = keeper.map(|keeper| keeper.expire()).transpose().and(claimed.map(Claimed::end).transpose());
        ended.map_err(|why| RunError::Stop(Stop::Sink(why)))?;
        match ledger.map(|ledger| ledger.finish("run")).transpose().map_err(RunError::Stop)? {
            Some((summary, digest)) => Ok(Outcome { summary: Some(summary), digest, dump, drained }),
            None => Ok(Outcome { dump, drained, ..Outcome::default() }),
        }
    }

    fn graph(
        &self,
        worker: &mut Worker,
        begin: &Begin,
        (source, binder, before): (Option<Source>, Option<Binder>, Before),
        ledger: Option<Books>,
        through: &ProbeHandle<Epoch>,
        (stopped, lanes): (&Rc<RefCell<Option<Stopped>>>, Arc<()>),
    ) -> Result<Rc<RefCell<Objects>>, RunError> {
        let job = &self.job;
        let limits = job.limits().map_err(RunError::Settings)?;
        let future = MicroDays::from_days(job.run.future_days).unwrap_or(MicroDays::DAY);
        let decoder = Decoder::new(&self.settings).map_err(|error| RunError::Settings(error.to_string()))?;
        let keep_bytes = self.written || self.archive.is_some();
        let reader = Reader::new(decoder, ReadSettings { future, keep_bytes, programs: job.programs() });
        let tell_settings = TellSettings {
            since: begin.told,
            restated: begin.restates.as_ref().map(|restates| (restates.at, restates.reason)),
            job: job.name.clone(),
            timescales: job.timescales.clone(),
            records: job.records.clone(),
            json: (self.written && job.sink.formats.contains(&Format::Jsonl)) || self.sends(Form::Json),
            avro: (self.written && job.sink.formats.contains(&Format::Avro)) || self.sends(Form::Avro),
        };
        let desk = self.desk(worker.index(), begin)?;
        let press = self.press(worker, begin, lanes);
        let progress = self.progress.clone().filter(|_| worker.index() == 0);
        // What restates is read from packets that are archived.
        let restates = begin.restates.as_ref().is_some_and(|restates| restates.at == begin.since);
        let fresh = if restates { begin.since.next() } else { begin.since };
        // Who publishes packets needs those of the epochs that are told once more, too; they are archived already.
        let packer = self.packer(press.is_some())?;
        let since = match packer {
            Some(_) => Some(if restates { fresh } else { fresh.min(begin.told) }),
            None => desk.as_ref().map(|_| fresh),
        };
        let in_flight = InFlight::counted(self.watch.bytes_in_flight());
        let (workers, watch) = (worker.peers() as u64, self.watch.clone());
        let open = source.map(|source| move |wake| source.open(wake, workers));
        Ok(worker.dataflow_named::<Epoch, _, _>("Skydiff", |scope| {
            let (shares, bindings) = feed(scope, through.clone(), limits, (in_flight.clone(), watch.clone()), open);
            let read = read(shares, reader, since);
            let clocked = clock(read.readings, bindings, job.run.max_reject, (in_flight, watch.clone()));
            let options = Options { since: begin.told, ..job.options() };
            let outputs = transients_with(read.offers, read.kept, clocked.clocks, options);
            let (changes, tallies) = match &begin.restates {
                Some(restates) => restate(outputs.changes, restates.at, before),
                None => (outputs.changes, empty(scope)),
            };
            let tallies = outputs.tallies.concat(tallies);
            let told = tell(seal(changes, job.sink.lanes), tell_settings);
            let enclosed = match packer {
                None => told.clone(),
                Some(packer) => enclose(told.clone(), read.packets.clone(), begin.told, job.sink.lanes, packer),
            };
            let (durable, unbound) = match desk {
                None => (empty(scope), empty(scope)),
                Some(desk) => {
                    let (judged, on_the_way) = (clocked.judged.clone(), OnTheWay::default());
                    let archived = Archived {
                        packets: read.packets,
                        offered: outputs.offered,
                        histories: outputs.histories,
                        contexts: outputs.contexts,
                        told: told.clone(),
                        groups: group(judged.clone(), desk.since, job.groups(), on_the_way.clone()),
                        judged: judged.clone(),
                    };
                    bind(judged, file(archived, desk), outputs.digests.clone(), binder, on_the_way)
                }
            };
            let (published, unpublished) = match press {
                None => (empty(scope), empty(scope)),
                Some(press) => publish(enclosed, clocked.judged.clone(), durable.clone(), press, (progress, watch)),
            };
            let digests = outputs.digests;
            let ends = Ends { judged: clocked.judged, told, tallies, digests, durable, published };
            let stopped = stopped.clone();
            let stops = commit(ends, ledger).concat(clocked.stops).concat(unbound).concat(unpublished);
            stops
                .inspect(move |stop| {
                    let mut first = stopped.borrow_mut();
                    if first.as_ref().is_none_or(|first| stop.epoch < first.epoch) {
                        *first = Some(stop.clone());
                    }
                })
                .probe_with(through);
            outputs.objects
        }))
    }

    /// What was told last of this worker's objects, where other settings are to take effect: all that is known, under those of
    /// before.
    fn before(&self, worker: &mut Worker, begin: &Begin, source: Option<Source>) -> Result<Before, RunError> {
        let Some(restates) = &begin.restates else { return Ok(Before::new()) };
        let job = of_record(&restates.before).map_err(RunError::Settings)?;
        let limits = self.job.limits().map_err(RunError::Settings)?;
        let decoder = job.decoder().map_err(RunError::Settings)?;
        let decoder = Decoder::new(&decoder).map_err(|error| RunError::Settings(error.to_string()))?;
        let reader =
            Reader::new(decoder, ReadSettings { future: MicroDays::DAY, keep_bytes: false, programs: job.programs() });
        let failed = source.as_ref().map(|source| source.failed.clone());
        let workers = worker.peers() as u64;
        let open = source.map(|source| move |wake| source.open(wake, workers));
        let (through, in_flight) = (ProbeHandle::new(), InFlight::default());
        let objects = worker.dataflow_named::<Epoch, _, _>("Before", |scope| {
            let (shares, bindings) = feed(scope, through.clone(), limits, (in_flight.clone(), Watch::default()), open);
            let read = read(shares, reader, None);
            let clocked = clock(read.readings, bindings, 1.0, (in_flight, Watch::default()));
            let outputs = transients_with(read.offers, read.kept, clocked.clocks, job.options());
            outputs.changes.probe_with(&through);
            clocked.judged.probe_with(&through);
            outputs.objects
        });
        while !through.done() {
            worker.step_or_park(None);
        }
        let failed = failed.and_then(|failed| failed.lock().ok()?.take());
        if let Some(why) = shared(worker, failed) {
            return Err(RunError::Stop(Stop::Sink(why)));
        }
        let told = objects.borrow().told().map(|(object, said, stamp)| (object, (said, stamp))).collect();
        Ok(told)
    }

    /// Whether records are sent in this form.
    fn sends(&self, form: Form) -> bool {
        self.job.sink.kafka.topic.is_some() && self.job.sink.kafka.format == form
    }

    /// What makes packets ready to go with records, where they do.
    fn packer(&self, publishes: bool) -> Result<Option<Packer>, RunError> {
        if !publishes {
            return Ok(None);
        }
        let store = self.kept.as_deref().map(Store::open).transpose();
        let store = store.map_err(RunError::Settings)?;
        Ok(Packer::new(&self.job.sink.kafka.packet, self.settings.schemas.clone(), store))
    }

    /// The lanes of this worker, if records are sent.
    fn press(&self, worker: &Worker, begin: &Begin, working: Arc<()>) -> Option<Press> {
        let settings = &self.job.sink.kafka;
        let (topics, publishes) = (settings.topics()?, begin.publishes?);
        let lanes = self.job.sink.lanes;
        let rejects = (worker.index() == 0).then_some(lanes);
        let own = (0..lanes).filter(|lane| *lane as usize % worker.peers() == worker.index());
        let place = |lane| publishes.place(&self.job, lane, begin.told, self.watch.clone());
        let mailer = Mailer::new(settings, &topics, publishes.schema);
        Some(Press { lanes: own.chain(rejects).filter_map(place).collect(), mailer, rejects, working })
    }

    /// Where this worker's files go, if there is an archive.
    fn desk(&self, worker: usize, begin: &Begin) -> Result<Option<Desk>, RunError> {
        let Some((url, generation)) = self.archive.as_ref().zip(begin.generation) else { return Ok(None) };
        let store = Store::open(url).map_err(RunError::Settings)?;
        let schemas = Used::new(self.settings.schemas.clone());
        let watch = if worker == 0 { self.watch.clone() } else { Watch::default() };
        Ok(Some(Desk { store, generation, schemas, worker, since: begin.since, watch }))
    }
}

/// What worker 0 has and no other.
#[derive(Default)]
struct Parts {
    source: Option<Source>,
    /// What is known, to be read once before.
    before: Option<Source>,
    ledger: Option<Books>,
    binder: Option<Binder>,
    claimed: Option<Claimed>,
    failed: Option<Arc<Mutex<Option<String>>>>,
}

impl Parts {
    fn of(head: Option<Head>) -> Parts {
        let Some(Head { source, before, ledger, binder, claimed, .. }) = head else { return Parts::default() };
        let failed = Some(source.failed.clone());
        let ledger = Some(Rc::new(RefCell::new(Some(ledger))));
        Parts { source: Some(source), before, ledger, binder, claimed, failed }
    }
}

/// What worker 0 says, on every worker. All must build the same dataflows, and the others may not have been told.
fn shared<T: timely::ExchangeData + Clone>(worker: &mut Worker, said: Option<T>) -> Option<T> {
    let heard = Rc::new(RefCell::new(None));
    let leads = worker.index() == 0;
    let mut input = worker.dataflow::<u64, _, _>(|scope| {
        let heard = heard.clone();
        let (input, says) = scope.new_input::<Vec<T>>();
        says.broadcast().inspect(move |says| *heard.borrow_mut() = Some(says.clone()));
        input
    });
    said.filter(|_| leads).into_iter().for_each(|said| input.send(said));
    input.close();
    while worker.has_dataflows() {
        worker.step_or_park(None);
    }
    heard.take()
}

/// Every worker's lines, sorted, on worker 0; none elsewhere.
fn gather(worker: &mut Worker, lines: Vec<String>) -> Vec<String> {
    let gathered = Rc::new(RefCell::new(Vec::new()));
    let mut input = worker.dataflow::<u64, _, _>(|scope| {
        let gathered = gathered.clone();
        let (input, lines) = scope.new_input::<Vec<String>>();
        lines.exchange(|_: &String| 0).inspect(move |line: &String| gathered.borrow_mut().push(line.clone()));
        input
    });
    lines.into_iter().for_each(|line| input.send(line));
    input.close();
    while worker.has_dataflows() {
        worker.step_or_park(None);
    }
    let mut lines = gathered.take();
    lines.sort_unstable();
    lines
}
