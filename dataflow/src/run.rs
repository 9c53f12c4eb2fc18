//! A job from its settings to its end: the graph, put together in the order in which data flows, on every worker.

use crate::cluster::Cluster;
use crate::event::{Event, Gauges, Summary};
use crate::flow::clock::{Stop, Stopped, clock};
use crate::flow::commit::{Books, Ends, commit};
use crate::flow::feed::{InFlight, Tap, feed};
use crate::flow::read::read;
use crate::flow::tell::{TellSettings, tell};
use crate::ledger::{DigestAt, Ledger};
use crate::reading::{ReadSettings, Reader, decode_with};
use crate::settings::{Format, Job};
use crate::sink::{Sinks, spare};
use crate::source::{Mint, Probe, Progress};
use skydiff_operators::{Epoch, Objects, seal, transients};
use skydiff_schemas::{Decoder, MicroDays, decoder};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, sync_channel};
use std::sync::{Arc, Mutex};
use timely::dataflow::ProbeHandle;
use timely::dataflow::operators::vec::Broadcast;
use timely::dataflow::operators::{Concat, Exchange, Input, Inspect, Probe as _};
use timely::scheduling::SyncActivator;
use timely::worker::Worker;

/// How many messages may lie between the mint and the dataflow.
const AHEAD: usize = 8;

/// What a run is asked for beside its job.
#[derive(Debug)]
pub struct Request {
    /// Where this process stands.
    pub cluster: Cluster,
    /// At which frontiers digests are told.
    pub digest_at: Option<DigestAt>,
    /// Whether the state is wanted, as sorted lines of text.
    pub dump: bool,
    /// Set to drain: no more packets are taken, what was taken is finished.
    pub stop: Arc<AtomicBool>,
    /// Bytes of input, as they are found and read.
    pub progress: Arc<Progress>,
    /// What is through.
    pub gauges: Gauges,
    /// What happens.
    pub events: Sender<Event>,
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
    let settings = job.decoder().map_err(RunError::Settings)?;
    Decoder::new(&settings).map_err(|error| RunError::Settings(error.to_string()))?;
    let leads = request.cluster.process == 0;
    let head = if leads { Some(Head::open(job, &request, &settings)?) } else { None };
    let (stop, cluster, dump) = (request.stop.clone(), request.cluster.clone(), request.dump);
    let (builders, threads) =
        cluster.connect(fingerprint(job, &cluster)).map_err(|error| RunError::Cluster(error.to_string()))?;
    // Who folds and tells does not write: only process 0 knows whether anything is, so all others assume that it is.
    let written = job.sink.to.is_some() || cluster.hosts.len() > 1;
    let plan = Plan { job: job.clone(), settings, written, dump, stop, head: Mutex::new(head) };
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
    for part in
        [own(env!("CARGO_PKG_VERSION")), format!("{common:?}"), cluster.hosts.join(","), cluster.workers.to_string()]
    {
        hasher.write(part.as_bytes());
    }
    hasher.finish()
}

/// What worker 0 has and no other.
struct Head {
    mint: Mint,
    ledger: Ledger,
    events: Sender<Event>,
}

impl Head {
    fn open(job: &Job, request: &Request, settings: &decoder::Settings) -> Result<Head, RunError> {
        let inputs = job.inputs().map_err(RunError::Settings)?;
        if inputs.is_empty() {
            let text = "there is nothing to read: name packets with --from PATH, or a [[source]] in the job file";
            return Err(RunError::Settings(text.into()));
        }
        let wanted = |format| job.sink.formats.contains(&format);
        if let Some(folder) = &job.sink.to {
            spare(folder, &inputs).map_err(RunError::Settings)?;
        }
        let sinks = match &job.sink.to {
            Some(folder) => Sinks::open(folder, wanted(Format::Jsonl), wanted(Format::Avro)),
            None => Ok(Sinks::default()),
        };
        let sinks = sinks.map_err(|error| RunError::Stop(Stop::Sink(error)))?;
        let every = match request.digest_at {
            Some(DigestAt::Packets(n)) => Some(n),
            _ => None,
        };
        let decoder = Decoder::new(settings).map_err(|error| RunError::Settings(error.to_string()))?;
        let mint = Mint {
            inputs,
            cut: job.epochs.cut,
            every,
            probe: probe_with(decoder),
            stop: request.stop.clone(),
            progress: request.progress.clone(),
        };
        let timescales = job.timescales.timescales.clone();
        let ledger = Ledger::new(timescales, request.digest_at, sinks, request.gauges.clone(), request.events.clone());
        Ok(Head { mint, ledger, events: request.events.clone() })
    }
}

fn probe_with(mut decoder: Decoder) -> Probe {
    Box::new(move |packet| {
        let mut visit = None;
        decoder.decode(packet, |_, alert| visit = visit.or(alert.ok().map(|alert| alert.visit)));
        visit
    })
}

/// Starts the mint on its thread.
fn open_mint(mint: Mint, events: Sender<Event>, wake: SyncActivator) -> Tap {
    let (send, feed) = sync_channel(AHEAD);
    let stop = mint.stop.clone();
    std::thread::spawn(move || {
        let mut out = |feed| {
            let taken = send.send(feed).is_ok();
            // A worker that has ended needs no waking.
            let _ = wake.activate();
            taken
        };
        mint.run(&mut out, &mut |path| drop(events.send(Event::Beside(path))));
        drop(send);
        let _ = wake.activate();
    });
    Tap { feed, stop }
}

/// What every worker starts from.
struct Plan {
    job: Job,
    settings: decoder::Settings,
    /// Records are encoded, and the bytes of rejected packets kept, for a process that may write them.
    written: bool,
    dump: bool,
    stop: Arc<AtomicBool>,
    head: Mutex<Option<Head>>,
}

impl Plan {
    fn work(&self, worker: &mut Worker) -> Result<Outcome, RunError> {
        let head = if worker.index() == 0 { self.head.lock().ok().and_then(|mut head| head.take()) } else { None };
        let (mint, ledger) =
            head.map(|head| ((head.mint, head.events), Rc::new(RefCell::new(Some(head.ledger))))).unzip();
        let (through, stopped) = (ProbeHandle::new(), Rc::new(RefCell::new(None)));
        let objects = self.graph(worker, mint, ledger.clone(), &through, &stopped)?;
        // A job that stops ends when everything before the epoch that it stopped at is written.
        let is_over = || match &*stopped.borrow() {
            None => through.done(),
            Some(Stopped { epoch, .. }) => !through.less_than(epoch),
        };
        while !is_over() {
            worker.step_or_park(None);
        }
        if let Some(Stopped { stop, .. }) = stopped.take() {
            for dataflow in worker.installed_dataflows() {
                worker.drop_dataflow(dataflow);
            }
            // What was written until then is whole; that it could not be would be the second thing to go wrong.
            let ledger = ledger.and_then(|ledger| ledger.take());
            let _ = ledger.map(|ledger| ledger.finish("run, stopped"));
            return Err(RunError::Stop(stop));
        }
        let dump = match agreed(worker, self.dump) {
            true => gather(worker, crate::dump::lines(&mut objects.borrow_mut())),
            false => Vec::new(),
        };
        let drained = self.stop.load(Ordering::Relaxed);
        let ledger = ledger.and_then(|ledger| ledger.take());
        match ledger.map(|ledger| ledger.finish("run")).transpose().map_err(RunError::Stop)? {
            Some((summary, digest)) => Ok(Outcome { summary: Some(summary), digest, dump, drained }),
            None => Ok(Outcome { dump, drained, ..Outcome::default() }),
        }
    }

    fn graph(
        &self,
        worker: &mut Worker,
        mint: Option<(Mint, Sender<Event>)>,
        ledger: Option<Books>,
        through: &ProbeHandle<Epoch>,
        stopped: &Rc<RefCell<Option<Stopped>>>,
    ) -> Result<Rc<RefCell<Objects>>, RunError> {
        let job = &self.job;
        let limits = job.limits().map_err(RunError::Settings)?;
        let future = MicroDays::from_days(job.run.future_days).unwrap_or(MicroDays::DAY);
        let decoder = Decoder::new(&self.settings).map_err(|error| RunError::Settings(error.to_string()))?;
        let reader = Reader::new(decode_with(decoder), ReadSettings { future, keep_bytes: self.written });
        let tell_settings = TellSettings {
            job: job.name.clone(),
            timescales: job.timescales.clone(),
            records: job.records.clone(),
            json: self.written && job.sink.formats.contains(&Format::Jsonl),
            avro: self.written && job.sink.formats.contains(&Format::Avro),
        };
        let in_flight = InFlight::default();
        let open = mint.map(|(mint, events)| move |wake| open_mint(mint, events, wake));
        Ok(worker.dataflow_named::<Epoch, _, _>("Skydiff", |scope| {
            let (shares, bindings) = feed(scope, through.clone(), limits, in_flight.clone(), open);
            let (offers, readings) = read(shares, reader);
            let clocked = clock(readings, bindings, job.run.max_reject, in_flight);
            let outputs = transients(offers, clocked.clocks, job.options());
            let told = tell(seal(outputs.changes, job.sink.lanes), tell_settings);
            let ends = Ends { judged: clocked.judged, told, tallies: outputs.tallies, digests: outputs.digests };
            let stopped = stopped.clone();
            let stops = commit(ends, ledger).concat(clocked.stops);
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
}

/// What worker 0 wants. All must build the same dataflows, and the others may not have been told.
fn agreed(worker: &mut Worker, wanted: bool) -> bool {
    let agreed = Rc::new(Cell::new(false));
    let leads = worker.index() == 0;
    let mut input = worker.dataflow::<u64, _, _>(|scope| {
        let agreed = agreed.clone();
        let (input, wants) = scope.new_input::<Vec<bool>>();
        wants.broadcast().inspect(move |wants| agreed.set(*wants));
        input
    });
    if leads {
        input.send(wanted);
    }
    input.close();
    while worker.has_dataflows() {
        worker.step_or_park(None);
    }
    agreed.get()
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
