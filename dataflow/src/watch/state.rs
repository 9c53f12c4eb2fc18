//! A process at one moment, and what follows from it: whether it is well, and who holds the frontier up.

use super::{Books, Histogram, Stage, Step};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// A process at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Of skydiff.
    pub version: String,
    /// Name of the job.
    pub job: String,
    /// Which process.
    pub process: usize,
    /// Of how many.
    pub processes: usize,
    /// Its number on its machine.
    pub pid: u32,
    /// Under which generation the archive is written; process 0 knows.
    pub generation: Option<u64>,
    /// For how long it has run.
    pub up_seconds: f64,
    /// When this was, in seconds since 1970.
    pub time: f64,
    /// Its workers.
    pub workers: Vec<WorkerState>,
    /// The ledger; process 0 has it.
    pub books: Option<Books>,
    /// How long epochs took from their seal, by stage; process 0 knows.
    pub stages: BTreeMap<Stage, Histogram>,
    /// How long this process's lanes took for their transactions, by step.
    pub transactions: BTreeMap<Step, Histogram>,
    /// Bytes of packets that have been handed out and not been read yet.
    pub bytes_in_flight: u64,
    /// Bytes of input that were read.
    pub bytes_read: u64,
    /// Bytes of input that are known.
    pub bytes_known: u64,
    /// Partitions of the input.
    pub partitions: Vec<Partition>,
    /// Connections that were refused, by reason.
    pub strangers: BTreeMap<String, u64>,
    /// Processor time that it has used.
    pub cpu_seconds: f64,
    /// Memory that it uses.
    pub resident_bytes: u64,
    /// For how long nothing has moved.
    pub still_seconds: f64,
    /// Whether it is well.
    pub health: Health,
}

/// A partition of the input.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Partition {
    /// Of which topic.
    pub topic: String,
    /// Its number.
    pub partition: i32,
    /// The next offset that is to be read.
    pub position: i64,
    /// The offset after its last.
    pub end: i64,
}

/// A worker.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WorkerState {
    /// Its number in the job.
    pub worker: usize,
    /// For how long it has said nothing.
    pub silent_seconds: f64,
    /// For how long it has waited for something to do, in all.
    pub idle_seconds: f64,
    /// The first epoch that is not through, as far as it knows; `None`: all are.
    pub through: Option<u64>,
    /// Its operators, in the order of the graph.
    pub operators: Vec<OperatorState>,
}

/// An operator on a worker.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OperatorState {
    /// Its place in the graph.
    pub node: usize,
    /// Its name.
    pub name: String,
    /// For how long it has worked.
    pub busy_seconds: f64,
    /// How often.
    pub activations: u64,
    /// The oldest epoch that it may still say something of.
    pub holds: Option<u64>,
    /// By epoch, messages to it that this worker has sent, less those that it has taken.
    pub inbox: Vec<(u64, i64)>,
    /// Updates in its arrangements.
    pub updates: i64,
}

/// Whether a process is well.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Health {
    /// It is.
    pub well: bool,
    /// What is the matter, or that nothing is.
    pub why: String,
}

/// Who holds the frontier.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Held {
    /// At this epoch.
    pub epoch: u64,
    /// This operator, the first of those in the graph that do.
    pub operator: String,
    /// On these workers; none: messages to it are on their way.
    pub workers: Vec<usize>,
}

/// A job at one moment: what `/status` says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Who holds the oldest epoch that is not through; `None` when all are.
    pub held: Option<Held>,
    /// Its processes, this one first.
    pub processes: Vec<State>,
}

impl State {
    /// The first epoch that is not through.
    pub fn through(&self) -> Option<u64> {
        self.workers.iter().filter_map(|worker| worker.through).min()
    }

    /// The epoch that is being put together: the newest that any operator holds.
    pub fn newest(&self) -> Option<u64> {
        self.workers.iter().flat_map(|worker| &worker.operators).filter_map(|operator| operator.holds).max()
    }

    /// Whether something was taken that is not through.
    pub fn waits(&self) -> bool {
        self.bytes_in_flight > 0
            || self.through().zip(self.newest()).is_some_and(|(through, newest)| through < newest)
            || self.partitions.iter().any(|partition| partition.position < partition.end)
    }

    /// What moves when anything does.
    pub(super) fn stands(&self) -> [u64; 5] {
        let read = self.partitions.iter().map(|partition| partition.position as u64).fold(0, u64::wrapping_add);
        let packets = self.books.as_ref().map_or(0, |books| books.packets as u64);
        [self.through().unwrap_or(u64::MAX), self.bytes_read, self.bytes_in_flight, read, packets]
    }
}

impl Health {
    /// Decides over a process: nothing has moved for too long while input waits, or a worker does not come back.
    pub fn of(state: &State, stall: Duration) -> Health {
        let stall = stall.as_secs_f64();
        let stuck = state.workers.iter().find(|worker| worker.silent_seconds > stall);
        if let Some(WorkerState { worker, silent_seconds, .. }) = stuck {
            let why = format!("worker {worker} has not come back from an operator for {silent_seconds:.0} s");
            return Health { well: false, why };
        }
        if state.process == 0 && state.still_seconds > stall && state.waits() {
            let held = Status::of(vec![state.clone()]).held;
            let by = held.map_or(String::new(), |held| format!(": {held}"));
            return Health { well: false, why: format!("nothing has moved for {:.0} s{by}", state.still_seconds) };
        }
        Health { well: true, why: "well".into() }
    }
}

impl std::fmt::Display for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Held { epoch, operator, workers } = self;
        let workers: Vec<String> = workers.iter().map(usize::to_string).collect();
        match workers.len() {
            0 => write!(f, "epoch {epoch} is on its way to {operator}"),
            1 => write!(f, "epoch {epoch} is held by {operator} on worker {}", workers[0]),
            _ => write!(f, "epoch {epoch} is held by {operator} on workers {}", workers.join(", ")),
        }
    }
}

impl Status {
    /// Of all processes that are known.
    pub fn of(processes: Vec<State>) -> Status {
        Status { held: held(&processes), processes }
    }
}

/// The oldest epoch that anybody holds, and the first operator in the graph that does: those behind it wait for it.
fn held(processes: &[State]) -> Option<Held> {
    let workers = || processes.iter().flat_map(|process| &process.workers);
    let operators = || workers().flat_map(|w| w.operators.iter().map(move |operator| (w.worker, operator)));
    let mut inboxes: BTreeMap<(u64, usize), (i64, &str)> = BTreeMap::new();
    for (_, operator) in operators() {
        for (epoch, count) in &operator.inbox {
            inboxes.entry((*epoch, operator.node)).or_insert((0, &operator.name)).0 += count;
        }
    }
    let holder = operators().filter_map(|(_, operator)| Some((operator.holds?, operator.node, &operator.name))).min();
    let on_its_way =
        inboxes.iter().find(|(_, (count, _))| *count > 0).map(|((epoch, node), (_, name))| (*epoch, *node, *name));
    match (holder, on_its_way) {
        // Messages of processes that are not known were taken, or not: only older ones than anybody holds say something.
        (Some((epoch, ..)), Some((older, _, name))) if older < epoch => {
            Some(Held { epoch: older, operator: name.to_owned(), workers: Vec::new() })
        }
        (Some((epoch, node, name)), _) => {
            let holds =
                |(_, operator): &(usize, &OperatorState)| operator.node == node && operator.holds == Some(epoch);
            let workers = operators().filter(holds).map(|(worker, _)| worker).collect();
            Some(Held { epoch, operator: name.clone(), workers })
        }
        (None, _) => None,
    }
}

/// Processor seconds and resident bytes of this process; zero where the system does not say.
pub(super) fn usage() -> (f64, u64) {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name of the program may have spaces: what follows its bracket has not.
    let fields: Vec<&str> = stat.rsplit_once(')').map_or(Vec::new(), |(_, rest)| rest.split_whitespace().collect());
    let number = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    // Linux counts in hundredths of a second and pages of 4 KiB on all that skydiff runs on.
    ((number(11) + number(12)) as f64 / 100.0, number(21) * 4096)
}
