//! The dataflow's only source: takes from the mint what an epoch is made of, and hands the shares round.
//!
//! Every worker has the operator, because all must build the same graph; only worker 0's has a mint. Queues behind it are
//! without bound, so it holds back: no more epochs are open at once than `epochs`, and no more bytes of packets are with
//! the readers than `bytes`. What they have read they acknowledge ([`InFlight`]).

use crate::counts::Counts;
use crate::source::{Feed, Marks, Origin, Share};
use crate::watch::Watch;
use serde::{Deserialize, Serialize};
use skydiff_operators::{Clocks, Epoch};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};
use timely::container::CapacityContainerBuilder;
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::dataflow::{ProbeHandle, Scope, StreamVec};
use timely::scheduling::SyncActivator;

/// How long a blocked source waits before it looks again.
const AGAIN: Duration = Duration::from_micros(100);
/// How often a source looks whether the job is to stop.
const LOOK: Duration = Duration::from_millis(50);
/// How long a mint that is asked to stop may take; one that waits for standard input may never answer.
const PATIENCE: Duration = Duration::from_millis(500);

/// What an epoch is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// Which epoch.
    pub epoch: Epoch,
    /// Where its packets are from; `None` if it has none.
    pub origin: Option<Origin>,
    /// Number of its first packet within the bundle.
    pub first: u64,
    /// How many packets of the bundle it has from there on.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What ends with it.
    pub marks: Marks,
    /// That it was bound before, if it was.
    pub recorded: Option<Recall>,
}

/// What is known of an epoch that was bound before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recall {
    /// The sky clocks at it.
    pub clocks: Clocks,
    /// What was made of its packets, where they are not read again.
    pub read: Option<Counts>,
}

impl Binding {
    /// Of an epoch that has nothing yet.
    pub fn new(epoch: Epoch) -> Binding {
        Binding { epoch, origin: None, first: 0, packets: 0, bytes: 0, marks: Marks::default(), recorded: None }
    }

    fn add(&mut self, share: &Share) {
        if self.recorded.is_some() {
            return;
        }
        if self.origin.is_none() {
            (self.origin, self.first) = (Some(share.origin.clone()), share.first);
        }
        self.packets += share.parcels.len() as u64;
        self.bytes += share.bytes();
    }
}

/// Bytes that have been handed out and not been read yet; shared by the source and who collects the readings, on worker 0.
#[derive(Clone, Debug, Default)]
pub struct InFlight(Arc<AtomicU64>);

impl InFlight {
    /// Counted there, for those who watch.
    pub fn counted(by: Arc<AtomicU64>) -> InFlight {
        InFlight(by)
    }

    /// So many bytes have been read.
    pub fn done(&self, bytes: u64) {
        self.0.store(self.get().saturating_sub(bytes), Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How much may be on its way at once.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Epochs that are not through.
    pub epochs: u64,
    /// Bytes of packets that are not read.
    pub bytes: u64,
}

/// The mint's end of the source.
pub struct Tap {
    /// What the mint hands on.
    pub feed: Receiver<Feed>,
    /// Someone wants the job to end.
    pub stop: Arc<AtomicBool>,
}

/// Shares, and the binding of each epoch when it is complete. `open` is called on worker 0 with what wakes the source up.
pub fn feed<'s>(
    scope: Scope<'s, Epoch>,
    through: ProbeHandle<Epoch>,
    limits: Limits,
    (in_flight, watch): (InFlight, Watch),
    open: Option<impl FnOnce(SyncActivator) -> Tap>,
) -> (StreamVec<'s, Epoch, Share>, StreamVec<'s, Epoch, Binding>) {
    let mut builder = OperatorBuilder::new("Feed".to_owned(), scope);
    let info = builder.operator_info();
    let again = scope.activator_for(info.address.clone());
    let tap = open.map(|open| open(scope.worker().sync_activator_for(info.address.to_vec())));
    let (shares, share_stream) = builder.new_output::<Vec<Share>>();
    let (bindings, binding_stream) = builder.new_output::<Vec<Binding>>();
    let mut shares = OutputBuilder::<_, CapacityContainerBuilder<Vec<Share>>>::from(shares);
    let mut bindings = OutputBuilder::<_, CapacityContainerBuilder<Vec<Binding>>>::from(bindings);
    builder.build(move |capabilities| {
        let mut held = tap.zip(<[Capability<Epoch>; 2]>::try_from(capabilities).ok());
        let mut binding = Binding::new(Epoch(0));
        let mut stopping: Option<Instant> = None;
        move |_| {
            let (mut shares, mut bindings) = (shares.activate(), bindings.activate());
            while let Some((tap, capabilities)) = &mut held {
                let behind = binding.epoch.0.checked_sub(limits.epochs);
                if behind.is_some_and(|epoch| through.less_equal(&Epoch(epoch))) || in_flight.get() >= limits.bytes {
                    again.activate_after(AGAIN);
                    return;
                }
                let ended = match tap.feed.try_recv() {
                    Ok(Feed::Share(share)) => {
                        binding.add(&share);
                        in_flight.0.fetch_add(share.bytes(), Ordering::Relaxed);
                        shares.session(&capabilities[0]).give(share);
                        continue;
                    }
                    Ok(Feed::Recall(recalled)) => {
                        binding = *recalled;
                        capabilities.iter_mut().for_each(|capability| capability.downgrade(&binding.epoch));
                        continue;
                    }
                    Ok(Feed::Seal(marks)) => {
                        if binding.recorded.is_none() {
                            binding.marks = marks;
                        }
                        false
                    }
                    Err(TryRecvError::Disconnected) => true,
                    Err(TryRecvError::Empty) => {
                        let waited = tap.stop.load(Ordering::Relaxed)
                            && stopping.get_or_insert_with(Instant::now).elapsed() > PATIENCE;
                        if !waited {
                            again.activate_after(LOOK);
                            return;
                        }
                        true
                    }
                };
                // What a mint that hung up has begun is complete too: it was handed out.
                if !ended || (binding.packets > 0 && binding.recorded.is_none()) {
                    watch.sealed(binding.epoch);
                    let next = Binding::new(binding.epoch.next());
                    bindings.session(&capabilities[1]).give(std::mem::replace(&mut binding, next));
                    capabilities.iter_mut().for_each(|capability| capability.downgrade(&binding.epoch));
                }
                if ended {
                    held = None;
                }
            }
        }
    });
    (share_stream, binding_stream)
}
