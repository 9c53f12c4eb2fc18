//! What whoever is on duty can see of a job that runs: whether it lives, what it does, and what holds it up.
//!
//! | file | what it owns |
//! |---|---|
//! | `worker` | a worker's operators, from timely's own logs: time, activations, what each holds, arrangements |
//! | `books` | packets, rejects, records, sky clocks, latencies, from the ledger |
//! | `stages` | how long epochs take, stage by stage |
//! | `state` | all of it at one moment, and what follows: health, and who holds the frontier |
//! | `metrics` | that as Prometheus reads it |
//! | `serve` | that over HTTP |
//!
//! Nothing is watched, and nothing costs anything, unless somebody asks for it ([`Watch::start`]).

mod books;
mod metrics;
mod serve;
mod stages;
mod state;
mod worker;

pub use books::{Books, Histogram};
pub use serve::serve;
pub use stages::{Stage, Step};
pub use state::{Health, Held, OperatorState, Partition, State, Status, WorkerState};
pub use worker::Observer;

use skydiff_operators::Epoch;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// After how long a frontier that does not move, while input waits, is a failure.
pub const STALL: Duration = Duration::from_secs(120);
/// The epoch of a job that has none.
const NONE: u64 = u64::MAX;

/// How many connections were refused, by reason. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Strangers(Arc<Mutex<BTreeMap<String, u64>>>);

impl Strangers {
    /// One more.
    pub fn count(&self, reason: &str) {
        *lock(&self.0).entry(reason.to_owned()).or_default() += 1;
    }

    /// All of them.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        lock(&self.0).clone()
    }
}

/// A process that is watched, or is not. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Watch(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    on: AtomicBool,
    about: Mutex<About>,
    workers: Mutex<BTreeMap<usize, (Instant, WorkerState)>>,
    books: Mutex<Option<Books>>,
    stages: Mutex<stages::Stages>,
    /// Other processes, as they said they are.
    others: Mutex<BTreeMap<usize, (Instant, State)>>,
    partitions: Mutex<BTreeMap<(String, i32), Partition>>,
    moved: Mutex<Option<Moved>>,
    bytes_in_flight: Arc<AtomicU64>,
    generation: AtomicU64,
    strangers: Strangers,
}

/// What a process says of itself.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// Name of the job.
    pub job: String,
    /// Which process.
    pub process: usize,
    /// Of how many.
    pub processes: usize,
    /// Bytes of input that are known, and that were read.
    pub progress: Arc<crate::source::Progress>,
    /// After how long a stall is a failure; zero: [`STALL`].
    pub stall: Duration,
}

/// When something last moved, and where it stood then.
#[derive(Debug)]
struct Moved {
    at: Instant,
    stood: [u64; 5],
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Watch {
    /// From now on it is watched.
    pub fn start(&self, about: About) {
        *lock(&self.0.about) = about;
        self.0.on.store(true, Ordering::Relaxed);
        begun();
    }

    /// Whether it is.
    pub fn is_on(&self) -> bool {
        self.0.on.load(Ordering::Relaxed)
    }

    /// Who was refused at the door.
    pub fn strangers(&self) -> Strangers {
        self.0.strangers.clone()
    }

    /// Bytes that have been handed out and not been read yet.
    pub fn bytes_in_flight(&self) -> Arc<AtomicU64> {
        self.0.bytes_in_flight.clone()
    }

    /// Under which generation the archive is written.
    pub fn set_generation(&self, generation: u64) {
        self.0.generation.store(generation, Ordering::Relaxed);
    }

    /// How far a partition of the input has been read, and how far it goes.
    pub fn set_partition(&self, topic: &str, partition: i32, position: i64, end: i64) {
        if self.is_on() {
            let said = Partition { topic: topic.to_owned(), partition, position, end };
            lock(&self.0.partitions).insert((topic.to_owned(), partition), said);
        }
    }

    /// An epoch is through; `change` brings the books up to it.
    pub fn book(&self, change: impl FnOnce(&mut Books)) {
        if self.is_on() {
            change(lock(&self.0.books).get_or_insert_default());
        }
    }

    /// All that an epoch is made of has been handed out.
    pub fn sealed(&self, epoch: Epoch) {
        if self.is_on() {
            lock(&self.0.stages).sealed(epoch.0, Instant::now());
        }
    }

    /// Epochs, both included, have come so far.
    pub fn reached(&self, stage: Stage, first: Epoch, last: Epoch) {
        if self.is_on() {
            let (mut stages, now) = (lock(&self.0.stages), Instant::now());
            (first.0..=last.0).for_each(|epoch| stages.reached(stage, epoch, now));
        }
    }

    /// A step of a lane's transaction has taken so long.
    pub fn stepped(&self, step: Step, took: Duration) {
        if self.is_on() {
            lock(&self.0.stages).stepped(step, took.as_secs_f64());
        }
    }

    fn set_worker(&self, state: WorkerState) {
        lock(&self.0.workers).insert(state.worker, (Instant::now(), state));
    }

    /// The state of another process.
    pub fn hear(&self, process: usize, state: &[u8]) {
        // One of another version is not shown; that it lives is all that matters.
        if let Ok(state) = serde_json::from_slice(state) {
            lock(&self.0.others).insert(process, (Instant::now(), state));
        }
    }

    /// The state of this process, for another one; empty if it is not watched.
    pub fn tell(&self) -> Vec<u8> {
        if self.is_on() { serde_json::to_vec(&self.state()).unwrap_or_default() } else { Vec::new() }
    }

    /// This process at this moment.
    pub fn state(&self) -> State {
        let inner = &self.0;
        let About { job, process, processes, progress, stall } = lock(&inner.about).clone();
        let seconds = |at: &Instant| at.elapsed().as_secs_f64();
        let workers: Vec<WorkerState> = lock(&inner.workers)
            .values()
            .map(|(at, state)| WorkerState { silent_seconds: seconds(at), ..state.clone() })
            .collect();
        let load = |gauge: &AtomicU64| gauge.load(Ordering::Relaxed);
        let (cpu_seconds, resident_bytes) = state::usage();
        let (stages, transactions) = lock(&inner.stages).took();
        let mut state = State {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            job,
            process,
            processes,
            pid: std::process::id(),
            generation: Some(load(&inner.generation)).filter(|generation| *generation > 0),
            up_seconds: begun().elapsed().as_secs_f64(),
            time: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64(),
            workers,
            books: lock(&inner.books).clone(),
            stages,
            transactions,
            bytes_in_flight: load(&inner.bytes_in_flight),
            bytes_read: load(&progress.read),
            bytes_known: load(&progress.ahead),
            partitions: lock(&inner.partitions).values().cloned().collect(),
            strangers: inner.strangers.counts(),
            cpu_seconds,
            resident_bytes,
            ..State::default()
        };
        let stood = state.stands();
        let mut moved = lock(&inner.moved);
        let moved = moved.get_or_insert_with(|| Moved { at: Instant::now(), stood });
        if moved.stood != stood {
            *moved = Moved { at: Instant::now(), stood };
        }
        state.still_seconds = moved.at.elapsed().as_secs_f64();
        let stall = if stall.is_zero() { STALL } else { stall };
        state.health = Health::of(&state, stall);
        state
    }

    /// The whole job, as this process knows it.
    pub fn status(&self) -> Status {
        let others = lock(&self.0.others);
        let others = others.values().map(|(at, state)| {
            let silent = at.elapsed().as_secs_f64();
            let mut state = state.clone();
            state.workers.iter_mut().for_each(|worker| worker.silent_seconds += silent);
            state
        });
        Status::of(std::iter::once(self.state()).chain(others).collect())
    }
}

/// When the process began to be watched.
fn begun() -> Instant {
    static BEGUN: OnceLock<Instant> = OnceLock::new();
    *BEGUN.get_or_init(Instant::now)
}

static PROCESS: AtomicU64 = AtomicU64::new(NONE);
static EPOCH: AtomicU64 = AtomicU64::new(NONE);
thread_local! {
    static WORKER: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Where a line of a log comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogPlace {
    /// Of which process; `None` in a job of one.
    pub process: Option<u64>,
    /// Of which worker; `None` beside the dataflow.
    pub worker: Option<u64>,
    /// The first epoch that was not through then.
    pub epoch: Option<u64>,
}

/// Where this thread is.
pub fn place() -> LogPlace {
    let known = |number: &AtomicU64| Some(number.load(Ordering::Relaxed)).filter(|number| *number != NONE);
    LogPlace { process: known(&PROCESS), worker: WORKER.get(), epoch: known(&EPOCH) }
}

/// Lines of this process's logs are of this one.
pub fn set_process(process: usize) {
    PROCESS.store(process as u64, Ordering::Relaxed);
}

/// Lines of this thread's logs are of this worker.
pub fn set_worker(worker: usize) {
    WORKER.set(Some(worker as u64));
}

/// The first epoch that is not through.
pub fn set_epoch(epoch: u64) {
    EPOCH.store(epoch, Ordering::Relaxed);
}

#[cfg(test)]
mod tests;
