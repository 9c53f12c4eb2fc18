//! A worker's operators, from timely's own logs: how long each ran, what it holds, and how large arrangements are.
//!
//! Events are added up on the worker's own thread and put where others see them a few times a second. Nothing is registered
//! for a worker that is not watched.

use super::{OperatorState, Watch, WorkerState};
use differential_dataflow::logging::{DifferentialEvent, DifferentialEventBuilder};
use skydiff_operators::Epoch;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::time::{Duration, Instant};
use timely::dataflow::ProbeHandle;
use timely::logging::{StartStop, TimelyEvent, TimelyEventBuilder, TimelyProgressEvent, TimelyProgressEventBuilder};
use timely::worker::Worker;

/// How often a worker's state is put where others see it.
const TICK: Duration = Duration::from_millis(200);

/// What a worker's operators have come to.
#[derive(Debug, Default)]
struct Sums {
    operators: BTreeMap<usize, Operator>,
    /// Capabilities that this worker holds, by output (operator within the dataflow, port), as it has told the others.
    held: BTreeMap<(usize, usize), BTreeMap<Epoch, i64>>,
    /// Messages sent less messages taken, by operator within the dataflow: of one worker this may be less than none.
    inbox: BTreeMap<(usize, Epoch), i64>,
    /// The dataflow that is watched, which is the one whose times are epochs.
    dataflow: Option<usize>,
    channels: Vec<(Vec<usize>, (usize, usize))>,
    parked: Option<Duration>,
    idle: Duration,
}

#[derive(Debug, Default)]
struct Operator {
    address: Vec<usize>,
    name: String,
    busy: Duration,
    activations: u64,
    started: Option<Duration>,
    updates: i64,
}

impl Sums {
    fn event(&mut self, time: Duration, event: &TimelyEvent) {
        match event {
            TimelyEvent::Operates(operates) => {
                let operator = self.operators.entry(operates.id).or_default();
                (operator.address, operator.name) = (operates.addr.clone(), operates.name.clone());
            }
            TimelyEvent::Channels(channel) => self.channels.push((channel.scope_addr.clone(), channel.source)),
            TimelyEvent::Schedule(schedule) => {
                let operator = self.operators.entry(schedule.id).or_default();
                match (schedule.start_stop, operator.started.take()) {
                    (StartStop::Start, _) => operator.started = Some(time),
                    (StartStop::Stop, Some(started)) => {
                        operator.busy += time.saturating_sub(started);
                        operator.activations += 1;
                    }
                    (StartStop::Stop, None) => {}
                }
            }
            TimelyEvent::Park(park) => match (park, self.parked.take()) {
                (timely::logging::ParkEvent::Park(_), _) => self.parked = Some(time),
                (timely::logging::ParkEvent::Unpark, Some(parked)) => self.idle += time.saturating_sub(parked),
                (timely::logging::ParkEvent::Unpark, None) => {}
            },
            _ => {}
        }
    }

    fn progress(&mut self, event: &TimelyProgressEvent<Epoch>) {
        if !event.is_send {
            return;
        }
        let Some(address) = self.operators.get(&event.identifier).map(|scope| scope.address.clone()) else { return };
        // Of nested scopes, whose operators have numbers of their own, nothing is shown.
        if address.len() != 1 {
            return;
        }
        if self.dataflow.is_none() {
            self.dataflow = Some(address[0]);
            // Every output begins with one capability at the first epoch, which nobody tells.
            for (scope, source) in &self.channels {
                if *scope == address && source.0 != 0 {
                    self.held.entry(*source).or_insert_with(|| [(Epoch(0), 1)].into());
                }
            }
        }
        for (node, port, epoch, change) in &event.internal {
            let held = self.held.entry((*node, *port)).or_insert_with(|| [(Epoch(0), 1)].into());
            let count = held.entry(*epoch).or_default();
            *count += change;
            if *count == 0 {
                held.remove(epoch);
            }
        }
        for (node, _, epoch, change) in &event.messages {
            let count = self.inbox.entry((*node, *epoch)).or_default();
            *count += change;
            if *count == 0 {
                self.inbox.remove(&(*node, *epoch));
            }
        }
    }

    fn differential(&mut self, event: &DifferentialEvent) {
        let (operator, change) = match event {
            DifferentialEvent::Batch(batch) => (batch.operator, batch.length as i64),
            DifferentialEvent::Drop(dropped) => (dropped.operator, -(dropped.length as i64)),
            DifferentialEvent::Merge(merge) => match merge.complete {
                Some(length) => (merge.operator, length as i64 - (merge.length1 + merge.length2) as i64),
                None => return,
            },
            _ => return,
        };
        self.operators.entry(operator).or_default().updates += change;
    }

    fn state(&self, worker: usize, through: Option<Epoch>) -> WorkerState {
        let held: HashMap<usize, Epoch> = self.held.iter().fold(HashMap::new(), |mut held, ((node, _), epochs)| {
            if let Some((epoch, _)) = epochs.iter().find(|(_, count)| **count > 0) {
                held.entry(*node).and_modify(|least: &mut Epoch| *least = (*least).min(*epoch)).or_insert(*epoch);
            }
            held
        });
        let of_dataflow = |operator: &&Operator| match operator.address[..] {
            [dataflow, _] => self.dataflow == Some(dataflow),
            _ => false,
        };
        let operators = self.operators.values().filter(of_dataflow).map(|operator| {
            let node = operator.address[1];
            OperatorState {
                node,
                name: operator.name.clone(),
                busy_seconds: operator.busy.as_secs_f64(),
                activations: operator.activations,
                holds: held.get(&node).map(|epoch| epoch.0),
                inbox: self.inbox.iter().filter(|((to, _), _)| *to == node).map(|((_, at), n)| (at.0, *n)).collect(),
                updates: operator.updates,
            }
        });
        let mut operators: Vec<OperatorState> = operators.collect();
        operators.sort_unstable_by_key(|operator| operator.node);
        WorkerState {
            worker,
            silent_seconds: 0.0,
            idle_seconds: self.idle.as_secs_f64(),
            through: through.map(|epoch| epoch.0),
            operators,
        }
    }
}

/// Watches a worker; does nothing for one that is not watched.
#[derive(Debug)]
pub struct Observer {
    watch: Watch,
    worker: usize,
    sums: Option<Rc<RefCell<Sums>>>,
    told: Instant,
}

impl Watch {
    /// Begins to watch a worker, before its dataflow is built: operators announce themselves once.
    pub fn observe(&self, worker: &Worker) -> Observer {
        super::set_worker(worker.index());
        let sums = self.is_on().then(|| register(worker)).flatten();
        Observer { watch: self.clone(), worker: worker.index(), sums, told: Instant::now() }
    }
}

fn register(worker: &Worker) -> Option<Rc<RefCell<Sums>>> {
    let sums = Rc::new(RefCell::new(Sums::default()));
    let mut logs = worker.log_register()?;
    let to = sums.clone();
    logs.insert::<TimelyEventBuilder, _>("timely", move |_, events| {
        let mut sums = to.borrow_mut();
        events.iter_mut().flat_map(|events| events.drain(..)).for_each(|(time, event)| sums.event(time, &event));
    });
    let (to, name) = (sums.clone(), format!("timely/progress/{}", std::any::type_name::<Epoch>()));
    logs.insert::<TimelyProgressEventBuilder<Epoch>, _>(&name, move |_, events| {
        let mut sums = to.borrow_mut();
        events.iter_mut().flat_map(|events| events.drain(..)).for_each(|(_, event)| sums.progress(&event));
    });
    let to = sums.clone();
    logs.insert::<DifferentialEventBuilder, _>("differential/arrange", move |_, events| {
        let mut sums = to.borrow_mut();
        events.iter_mut().flat_map(|events| events.drain(..)).for_each(|(_, event)| sums.differential(&event));
    });
    Some(sums)
}

impl Observer {
    /// For how long a worker that has nothing to do may park.
    pub fn park(&self) -> Option<Duration> {
        self.sums.is_some().then_some(TICK)
    }

    /// Puts the worker's state where others see it, if it is time.
    pub fn tick(&mut self, through: &ProbeHandle<Epoch>) {
        if let Some(sums) = &self.sums
            && self.told.elapsed() >= TICK
        {
            self.told = Instant::now();
            let through = through.with_frontier(|frontier| frontier.first().copied());
            if let Some(through) = through {
                super::set_epoch(through.0);
            }
            self.watch.set_worker(sums.borrow().state(self.worker, through));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use differential_dataflow::logging::{BatchEvent, DropEvent, MergeEvent};
    use timely::logging::{ChannelsEvent, OperatesEvent, ScheduleEvent};

    fn operates(id: usize, addr: &[usize], name: &str) -> TimelyEvent {
        OperatesEvent { id, addr: addr.to_vec(), name: name.to_owned() }.into()
    }

    fn progress(
        internal: &[(usize, usize, u64, i64)],
        messages: &[(usize, usize, u64, i64)],
    ) -> TimelyProgressEvent<Epoch> {
        let of = |changes: &[(usize, usize, u64, i64)]| {
            changes.iter().map(|(node, port, epoch, change)| (*node, *port, Epoch(*epoch), *change)).collect()
        };
        let (internal, messages) = (of(internal), of(messages));
        TimelyProgressEvent { is_send: true, source: 0, channel: 0, seq_no: 0, identifier: 10, messages, internal }
    }

    #[test]
    fn what_a_worker_holds_follows_from_its_logs() {
        let mut sums = Sums::default();
        let milliseconds = Duration::from_millis;
        for event in [operates(10, &[2], "Skydiff"), operates(11, &[2, 1], "Feed"), operates(12, &[2, 2], "Read")] {
            sums.event(milliseconds(0), &event);
        }
        let channel = ChannelsEvent { id: 0, scope_addr: vec![2], source: (1, 0), target: (2, 0), typ: String::new() };
        sums.event(milliseconds(0), &channel.into());
        sums.event(milliseconds(5), &ScheduleEvent::start(12).into());
        sums.event(milliseconds(12), &ScheduleEvent::stop(12).into());
        let holds = |sums: &Sums| sums.state(0, None).operators.iter().map(|o| o.holds).collect::<Vec<_>>();
        // Read has dropped what it began with, Feed still has it.
        sums.progress(&progress(&[(2, 0, 0, -1)], &[]));
        assert_eq!(holds(&sums), [Some(0), None]);
        sums.progress(&progress(&[(1, 0, 0, -1), (1, 0, 3, 1), (2, 0, 1, 1), (2, 0, 2, 2)], &[(2, 0, 2, 4)]));
        assert_eq!(holds(&sums), [Some(3), Some(1)]);
        sums.progress(&progress(&[(2, 0, 1, -1)], &[(2, 0, 2, -4)]));
        assert_eq!(holds(&sums), [Some(3), Some(2)]);
        let state = sums.state(7, Some(Epoch(2)));
        assert_eq!((state.worker, state.through, state.operators[1].activations), (7, Some(2), 1));
        assert!((state.operators[1].busy_seconds - 0.007).abs() < 1e-9 && state.operators[1].inbox.is_empty());
        // What the others send is theirs.
        sums.progress(&TimelyProgressEvent { is_send: false, ..progress(&[(2, 0, 2, -2)], &[]) });
        assert_eq!(holds(&sums), [Some(3), Some(2)]);
    }

    #[test]
    fn arrangements_grow_and_shrink() {
        let mut sums = Sums::default();
        let updates = |sums: &Sums| sums.operators[&4].updates;
        sums.differential(&BatchEvent { operator: 4, length: 30 }.into());
        sums.differential(&BatchEvent { operator: 4, length: 20 }.into());
        let merge = MergeEvent { operator: 4, scale: 1, length1: 30, length2: 20, complete: None };
        sums.differential(&DifferentialEvent::Merge(merge.clone()));
        assert_eq!(updates(&sums), 50);
        sums.differential(&DifferentialEvent::Merge(MergeEvent { complete: Some(41), ..merge }));
        assert_eq!(updates(&sums), 41);
        sums.differential(&DropEvent { operator: 4, length: 41 }.into());
        assert_eq!(updates(&sums), 0);
    }
}
