//! Commits groups of epochs, on worker 0: each as one manifest, one after the other, and nothing is told before.
//!
//! What this says downstream is nothing but its frontier: an epoch that it has passed is durable.

use crate::archive::keep::Keeper;
use crate::archive::protocol::{Bound, Generation, Manifest, Sum, Verdict, WriterId};
use crate::archive::store::Store;
use crate::fault;
use crate::flow::clock::{Judged, Stop, Stopped};
use crate::flow::file::Files;
use crate::flow::group::OnTheWay;
use crate::watch::{Stage, Watch};
use bytes::Bytes;
use skydiff_operators::Epoch;
use skydiff_operators::flow::{Stash, passed};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use timely::container::CapacityContainerBuilder;
use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::dataflow::operators::vec::Broadcast;

/// What manifests are made of, beside their epochs. Worker 0 has it.
pub struct Binder {
    /// The archive.
    pub store: Store,
    /// Under which generation.
    pub generation: Generation,
    /// By whom.
    pub writer: WriterId,
    /// The bytes of the last manifest.
    pub head: Option<Sum>,
    /// What is in force.
    pub settings: Sum,
    /// Digest of the state before the first epoch that this job adds; grown by what the operators say.
    pub digest: u128,
    /// Epochs before this are durable.
    pub since: Epoch,
    /// What lets old nights expire.
    pub keeper: Keeper,
    /// A newer generation has been seen.
    pub fenced: Arc<AtomicBool>,
    /// Who hears of it.
    pub watch: Watch,
}

type Answer = Result<Verdict, String>;

/// Commits; the first stream has the frontier of what is durable, the second says on every worker that the job must stop.
pub fn bind<'s>(
    judged: StreamVec<'s, Epoch, Judged>,
    files: StreamVec<'s, Epoch, Files>,
    digests: StreamVec<'s, Epoch, u128>,
    mut binder: Option<Binder>,
    on_the_way: OnTheWay,
) -> (StreamVec<'s, Epoch, ()>, StreamVec<'s, Epoch, Stopped>) {
    let scope = judged.scope();
    let mut builder = OperatorBuilder::new("Bind".to_owned(), scope);
    let wake = scope.worker().sync_activator_for(builder.operator_info().address.to_vec());
    let mut judged = builder.new_input(judged, Exchange::new(|_: &Judged| 0));
    let mut files = builder.new_input(files, Exchange::new(|_: &Files| 0));
    let mut digests = builder.new_input(digests, Exchange::new(|_: &u128| 0));
    let (durable, durable_stream) = builder.new_output::<Vec<()>>();
    let (stops, stop_stream) = builder.new_output::<Vec<Stopped>>();
    let _durable = OutputBuilder::<_, CapacityContainerBuilder<Vec<()>>>::from(durable);
    let mut stops = OutputBuilder::<_, CapacityContainerBuilder<Vec<Stopped>>>::from(stops);
    builder.build(move |_| {
        let mut filed = Stash::<Files>::default();
        let mut epochs = BTreeMap::<Epoch, (Capability<Epoch>, Capability<Epoch>, Bound)>::new();
        let mut added = BTreeMap::<Epoch, u128>::new();
        let mut asked: Option<(Manifest, Bytes, Receiver<Answer>)> = None;
        let mut broken = false;
        move |frontiers| {
            let since = binder.as_ref().map_or(Epoch(0), |binder| binder.since);
            judged.for_each(|capability, data| {
                for judged in data.drain(..).filter(|judged| judged.binding.epoch >= since) {
                    let bound = Bound { binding: judged.binding, clocks: judged.clocks, read: judged.counts };
                    epochs.insert(bound.binding.epoch, (capability.retain(0), capability.retain(1), bound));
                }
            });
            files.for_each(|capability, data| filed.put(&capability, &[], data));
            digests.for_each(|capability, data| {
                let sum = added.entry(*capability.time()).or_default();
                *sum = data.iter().fold(*sum, |sum, part| sum.wrapping_add(*part));
            });
            let Some(binder) = &mut binder else { return };
            let mut stops = stops.activate();
            while !broken {
                if asked.is_none() {
                    let next = filed.first().filter(|last| frontiers.iter().all(|frontier| passed(frontier, *last)));
                    let Some((last, (_, parts))) = next.and_then(|last| Some((last, filed.take(last)?))) else {
                        return;
                    };
                    let later = added.split_off(&last.next());
                    let sums = std::mem::replace(&mut added, later);
                    binder.digest = sums.values().fold(binder.digest, |sum, part| sum.wrapping_add(*part));
                    let first = epochs.first_key_value().map_or(last, |(epoch, _)| *epoch);
                    binder.watch.reached(Stage::Filed, first, last);
                    let bounds = epochs.range(..=last).map(|(_, (_, _, bound))| bound.clone()).collect();
                    let made = binder.manifest(bounds, parts).and_then(|manifest| {
                        let bytes = Bytes::from(manifest.encode().map_err(Stop::Internal)?);
                        Ok((manifest, bytes))
                    });
                    fault::at("files-written");
                    asked = match made {
                        Ok((manifest, bytes)) => {
                            let answer = binder.ask(&manifest, bytes.clone(), wake.clone());
                            Some((manifest, bytes, answer))
                        }
                        Err(why) => {
                            broken = stop(&epochs, why, &mut |capability, stopped| {
                                stops.session(capability).give(stopped);
                            });
                            continue;
                        }
                    };
                }
                let Some((manifest, bytes, answer)) = asked.take() else { return };
                let why = match answer.try_recv() {
                    Err(TryRecvError::Empty) => {
                        asked = Some((manifest, bytes, answer));
                        return;
                    }
                    Ok(Ok(Verdict::Committed)) => {
                        fault::at("manifest-put");
                        binder.head = Some(Sum::of(&bytes));
                        binder.watch.reached(Stage::Durable, manifest.first, manifest.last);
                        on_the_way.committed();
                        binder.keeper.committed(&manifest);
                        epochs = epochs.split_off(&manifest.last.next());
                        continue;
                    }
                    Err(TryRecvError::Disconnected) => Stop::Internal("the thread that commits has ended".into()),
                    Ok(Err(why)) => Stop::Sink(why),
                    Ok(Ok(verdict)) => explain(verdict, &manifest),
                };
                broken = stop(&epochs, why, &mut |capability, stopped| stops.session(capability).give(stopped));
            }
        }
    });
    (durable_stream, stop_stream.broadcast())
}

/// Stops the job before the first epoch that is not durable; capabilities are kept, so that no one passes it.
fn stop(
    epochs: &BTreeMap<Epoch, (Capability<Epoch>, Capability<Epoch>, Bound)>,
    stop: Stop,
    tell: &mut dyn FnMut(&Capability<Epoch>, Stopped),
) -> bool {
    if let Some((epoch, (_, capability, _))) = epochs.first_key_value() {
        tell(capability, Stopped { epoch: *epoch, stop });
    }
    true
}

fn explain(verdict: Verdict, manifest: &Manifest) -> Stop {
    match verdict {
        Verdict::Fenced(by) => Stop::Fenced(format!("generation {by} of the job is at work: this one, older, ends")),
        Verdict::Adopt(of) => Stop::Again(format!(
            "epoch {} was bound by the last request of generation {of}, which arrived late: start again to replay it",
            manifest.first
        )),
        Verdict::Broken(what) => Stop::Internal(format!("{}: {what}", manifest.path())),
        Verdict::Again | Verdict::Committed => Stop::Internal("a manifest was neither put nor refused".into()),
    }
}

impl Binder {
    fn manifest(&self, epochs: Vec<Bound>, parts: Vec<Files>) -> Result<Manifest, Stop> {
        if self.fenced.load(Ordering::Relaxed) {
            return Err(Stop::Fenced("a newer generation of the job is at work: this one, older, ends".into()));
        }
        let (Some(first), Some(last)) = (epochs.first(), epochs.last()) else {
            return Err(Stop::Internal("a group has no epochs, which is an error of skydiff".into()));
        };
        let (first, last) = (first.binding.epoch, last.binding.epoch);
        let mut files = Vec::new();
        for part in parts {
            files.extend(part.files.map_err(Stop::Sink)?);
        }
        files.sort_unstable();
        Ok(Manifest {
            first,
            last,
            generation: self.generation,
            writer: self.writer.clone(),
            previous: self.head.clone(),
            settings: self.settings.clone(),
            epochs,
            files,
            digest: format!("{:032x}", self.digest),
            published: None,
        })
    }

    /// Lets a manifest be committed beside the dataflow.
    fn ask(&self, manifest: &Manifest, bytes: Bytes, wake: timely::scheduling::SyncActivator) -> Receiver<Answer> {
        let (send, receive) = sync_channel(1);
        let (store, path, generation) = (self.store.clone(), manifest.path(), self.generation);
        let at = store.clone();
        store.spawn(async move {
            let _ = send.send(at.commit(&path, &bytes, generation).await);
            let _ = wake.activate();
        });
        receive
    }
}
