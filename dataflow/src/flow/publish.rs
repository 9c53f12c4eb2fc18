//! Records to Kafka: what is durable is handed to the lanes, each on the worker that its objects' records come to.
//!
//! Nothing is published before every lane of the job is open: one that was never written, beside others that were, would be
//! an error. An epoch is handed on when it is complete and durable (manifest first, then output), and is published when every lane that
//! has something of it has committed that. What this says downstream is nothing but its frontier: published is what it has
//! passed. It waits for nothing: lanes work on threads of their own.

use crate::flow::clock::{Judged, Stop, Stopped};
use crate::flow::tell::Told;
use crate::kafka::lane::{self, Heard, Place, Saying, Sheet};
use crate::kafka::message::{Mailer, Out};
use crate::names::survey_name;
use crate::source::Progress;
use crate::watch::{Stage, Watch};
use serde::{Deserialize, Serialize};
use skydiff_operators::Epoch;
use skydiff_operators::flow::passed;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::{Exchange, Pipeline};
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::Operator;
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::dataflow::operators::vec::Broadcast;
use timely::dataflow::{Scope, StreamVec};
use timely::scheduling::SyncActivator;

/// The lanes of this worker.
#[derive(Debug)]
pub struct Press {
    /// Its lanes.
    pub lanes: Vec<Place>,
    /// Makes their messages.
    pub mailer: Mailer,
    /// The lane of rejects, on worker 0.
    pub rejects: Option<u32>,
    /// Held by every lane that works, also when nothing is handed to it any more.
    pub working: Arc<()>,
}

/// What is said of an epoch to every lane.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Of {
    epoch: Epoch,
    said: Saying,
}

/// Publishes; the first stream has the frontier of what is published, the second says on every worker that the job must stop.
pub fn publish<'s>(
    told: StreamVec<'s, Epoch, Told>,
    judged: StreamVec<'s, Epoch, Judged>,
    durable: StreamVec<'s, Epoch, ()>,
    press: Press,
    (progress, watch): (Option<Arc<Progress>>, Watch),
) -> (StreamVec<'s, Epoch, ()>, StreamVec<'s, Epoch, Stopped>) {
    let scope = told.scope();
    let said = say(judged.clone(), progress);
    let (closed, opened) = opened(scope, press.lanes.len());
    let mut builder = OperatorBuilder::new("Publish".to_owned(), scope);
    let wake = scope.worker().sync_activator_for(builder.operator_info().address.to_vec());
    let mut told = builder.new_input(told, Pipeline);
    let mut judged = builder.new_input(judged, Exchange::new(|_: &Judged| 0));
    let mut said = builder.new_input(said, Pipeline);
    let _durable = builder.new_input(durable, Pipeline);
    let _opened = builder.new_input(opened, Pipeline);
    let (published, published_stream) = builder.new_output::<Vec<()>>();
    let (stops, stop_stream) = builder.new_output::<Vec<Stopped>>();
    let _published = OutputBuilder::<_, CapacityContainerBuilder<Vec<()>>>::from(published);
    let mut stops = OutputBuilder::<_, CapacityContainerBuilder<Vec<Stopped>>>::from(stops);
    builder.build(move |capabilities| {
        let Press { lanes, mailer, rejects, working } = press;
        let (tell, heard) = channel();
        let open: BTreeMap<u32, Sender<Sheet>> = lanes
            .into_iter()
            .map(|place| (place.lane, start(place, working.clone(), tell.clone(), wake.clone(), closed.clone())))
            .collect();
        drop(working);
        drop(tell);
        let mut held = <[Capability<Epoch>; 2]>::try_from(capabilities).ok().filter(|_| !open.is_empty());
        let mut desk = Desk { working: open.len(), open, heard, ..Desk::new() };
        let mut broken = false;
        move |frontiers| {
            told.for_each(|capability, data| {
                let mut out = Vec::new();
                for told in data.drain(..) {
                    out.clear();
                    told.records.iter().for_each(|record| mailer.record(record, &mut out));
                    desk.put(*capability.time(), told.lane, &mut out, || [0, 1].map(|port| capability.retain(port)));
                }
            });
            judged.for_each(|capability, data| {
                for judged in data.drain(..) {
                    let Some(lane) = rejects else { continue };
                    let epoch = judged.binding.epoch;
                    let mut out = judged.rejects.iter().map(|reject| mailer.reject(epoch, reject)).collect();
                    desk.put(epoch, lane, &mut out, || [0, 1].map(|port| capability.retain(port)));
                }
            });
            said.for_each(|_, data| {
                data.drain(..).for_each(|of: Of| drop(desk.said.insert(of.epoch, of.said)));
            });
            if broken {
                return;
            }
            let is_over = frontiers.iter().all(|frontier| frontier.is_empty());
            let first = rejects.map(|_| &watch);
            desk.hand_on(|epoch| frontiers.iter().all(|frontier| passed(frontier, epoch)), first);
            let stop = desk.hear();
            if let Some(capabilities) = &mut held {
                // Nothing before what is not complete yet is to be waited for.
                let least = frontiers.iter().filter_map(|frontier| frontier.frontier().first().copied()).min();
                if let Some(least) = least.filter(|least| *capabilities[0].time() < *least) {
                    capabilities.iter_mut().for_each(|capability| capability.downgrade(&least));
                }
            }
            if let Some(stop) = stop {
                broken = true;
                let first = desk.waiting.first_key_value().map(|(_, capabilities)| capabilities);
                let least = first.into_iter().chain(&held).min_by_key(|capabilities| *capabilities[1].time());
                if let Some([_, capability]) = least {
                    let epoch = *capability.time();
                    stops.activate().session(capability).give(Stopped { epoch, stop });
                }
                return;
            }
            if is_over {
                // Lanes come to their end when nothing more can be handed to them.
                desk.open.clear();
                if desk.working == 0 {
                    held = None;
                }
            }
        }
    });
    (published_stream, stop_stream.broadcast())
}

/// Lanes of this worker that are not open yet.
#[derive(Clone)]
struct Closed {
    lanes: Arc<AtomicUsize>,
    wake: SyncActivator,
}

impl Closed {
    fn open(&self) {
        self.lanes.fetch_sub(1, Ordering::SeqCst);
        let _ = self.wake.activate();
    }
}

/// Has no frontier any more when the lanes of all workers are open.
fn opened<'s>(scope: Scope<'s, Epoch>, lanes: usize) -> (Closed, StreamVec<'s, Epoch, ()>) {
    let mut builder = OperatorBuilder::new("Opened".to_owned(), scope);
    let wake = scope.worker().sync_activator_for(builder.operator_info().address.to_vec());
    let closed = Closed { lanes: Arc::new(AtomicUsize::new(lanes)), wake };
    let (opened, stream) = builder.new_output::<Vec<()>>();
    let _opened = OutputBuilder::<_, CapacityContainerBuilder<Vec<()>>>::from(opened);
    let waiting = closed.lanes.clone();
    builder.build(move |capabilities| {
        let mut held = Some(capabilities);
        move |_| {
            if waiting.load(Ordering::SeqCst) == 0 {
                held = None;
            }
            let _ = &held;
        }
    });
    (closed, stream)
}

/// What is said of each epoch, for every worker.
fn say<'s>(judged: StreamVec<'s, Epoch, Judged>, progress: Option<Arc<Progress>>) -> StreamVec<'s, Epoch, Of> {
    let (mut packets, mut rejected) = (0, 0);
    let said = judged.unary::<CapacityContainerBuilder<Vec<Of>>, _, _, _>(Pipeline, "Say", |_, _| {
        move |input, output| {
            input.for_each(|capability, data| {
                let mut session = output.session(&capability);
                for judged in data.drain(..) {
                    packets += u64::try_from(judged.counts.received).unwrap_or(0);
                    rejected += judged.rejects.iter().map(|reject| reject.packets).sum::<u64>();
                    let clocks = judged.clocks.iter();
                    let sky = clocks.map(|(survey, time)| (survey_name(survey).to_owned(), time.days())).collect();
                    let said = Saying { sky, packets: (packets, rejected), lag: progress.as_ref().map_or(0, behind) };
                    session.give(Of { epoch: judged.binding.epoch, said });
                }
            });
        }
    });
    said.broadcast()
}

/// Messages that are there and not read, as of the last look.
fn behind(progress: &Arc<Progress>) -> u64 {
    progress.lag.lock().map_or(0, |lag| lag.values().map(|(at, high)| high.saturating_sub(*at)).sum())
}

fn start(
    place: Place,
    working: Arc<()>,
    tell: Sender<(u32, Heard)>,
    wake: SyncActivator,
    closed: Closed,
) -> Sender<Sheet> {
    let (sheets, waiting) = channel();
    std::thread::spawn(move || {
        let lane = place.lane;
        lane::run(place, &waiting, &mut |heard| {
            if matches!(heard, Heard::Open(_)) {
                closed.open();
            }
            // A worker that has ended listens no more, and needs no waking.
            let _ = tell.send((lane, heard));
            let _ = wake.activate();
        });
        drop(working);
    });
    sheets
}

/// What lies between the dataflow and the lanes of this worker.
struct Desk {
    open: BTreeMap<u32, Sender<Sheet>>,
    heard: Receiver<(u32, Heard)>,
    /// Lanes that are not at their end.
    working: usize,
    /// Messages that are not handed on, by epoch and lane.
    ready: BTreeMap<(Epoch, u32), Vec<Out>>,
    said: BTreeMap<Epoch, Saying>,
    /// What was handed on and is not committed.
    sent: BTreeSet<(Epoch, u32)>,
    /// Of lanes that are open, the first epoch that each had not published: it says nothing of those before.
    lacks: BTreeMap<u32, Epoch>,
    /// Holds the epochs that have something that is not committed.
    waiting: BTreeMap<Epoch, [Capability<Epoch>; 2]>,
}

impl Desk {
    fn new() -> Desk {
        Desk {
            open: BTreeMap::new(),
            heard: channel().1,
            working: 0,
            ready: BTreeMap::new(),
            said: BTreeMap::new(),
            sent: BTreeSet::new(),
            lacks: BTreeMap::new(),
            waiting: BTreeMap::new(),
        }
    }

    fn put(&mut self, epoch: Epoch, lane: u32, out: &mut Vec<Out>, hold: impl FnOnce() -> [Capability<Epoch>; 2]) {
        if !out.is_empty() {
            self.ready.entry((epoch, lane)).or_default().append(out);
            self.waiting.entry(epoch).or_insert_with(hold);
        }
    }

    /// Hands epochs that are complete to the lanes, in order; those with nothing to say hear of the last.
    fn hand_on(&mut self, is_complete: impl Fn(Epoch) -> bool, watch: Option<&Watch>) {
        while let Some((epoch, _)) = self.said.first_key_value()
            && is_complete(*epoch)
            && let Some((epoch, said)) = self.said.pop_first()
        {
            watch.iter().for_each(|watch| watch.reached(Stage::Handed, epoch, epoch));
            for (lane, sheets) in &self.open {
                let out = self.ready.remove(&(epoch, *lane)).unwrap_or_default();
                if !out.is_empty() && self.lacks.get(lane).is_none_or(|lacks| epoch >= *lacks) {
                    self.sent.insert((epoch, *lane));
                }
                // A lane that is broken says so itself.
                let _ = sheets.send(Sheet { epoch, out, said: said.clone() });
            }
        }
        self.let_go();
    }

    /// What lanes have told. Answers why the job must stop, if it must.
    fn hear(&mut self) -> Option<Stop> {
        while let Ok((lane, heard)) = self.heard.try_recv() {
            match heard {
                Heard::Open(lacks) => {
                    self.lacks.insert(lane, lacks);
                    self.done(lane, |epoch| epoch < lacks);
                }
                Heard::Through(through) => self.done(lane, |epoch| epoch <= through),
                Heard::Ended => {
                    self.working -= 1;
                    self.done(lane, |_| true);
                }
                Heard::Broken(stop) => return Some(stop),
            }
        }
        None
    }

    fn done(&mut self, lane: u32, is_done: impl Fn(Epoch) -> bool) {
        self.sent.retain(|(epoch, of)| *of != lane || !is_done(*epoch));
        self.let_go();
    }

    /// Holds no epoch of which nothing is to be committed any more.
    fn let_go(&mut self) {
        let open: BTreeSet<Epoch> = self.sent.iter().chain(self.ready.keys()).map(|(epoch, _)| *epoch).collect();
        self.waiting.retain(|epoch, _| open.contains(epoch));
    }
}
