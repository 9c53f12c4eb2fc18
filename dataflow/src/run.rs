//! A job from its settings to its end: the graph, put together in the order in which data flows, on every worker.

use crate::archive::open::Claimed;
use crate::cluster::{Cluster, Link};
use crate::event::{Event, Gauges, Summary};
use crate::flow::bind::Binder;
use crate::flow::clock::{Stop, Stopped};
use crate::flow::commit::Books;
use crate::ledger::DigestAt;
use crate::settings::Job;
use crate::source::{Progress, Refused, Spot};
use crate::watch::Watch;
use agree::{gather, shared};
use head::{Head, Source};
use skydiff_schemas::{Decoder, decoder};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use timely::dataflow::ProbeHandle;
use timely::worker::Worker;

/// So long lanes are waited for when a job has stopped itself.
const LANES_END: Duration = Duration::from_secs(10);

mod agree;
mod go_on;
mod graph;
mod head;
mod lanes;
mod live;
mod probe;
mod replay;
mod retell;

pub use replay::{Replay, open_job};

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
