//! The end of the graph, on worker 0: everything that an epoch came to, handed to the ledger once it is complete.

use crate::flow::clock::{Judged, Stopped};
use crate::flow::tell::Told;
use crate::ledger::{Closed, Ledger};
use skydiff_operators::flow::{Stash, passed};
use skydiff_operators::{Epoch, Tally};
use std::cell::RefCell;
use std::rc::Rc;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::{Exchange, Pipeline};
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::dataflow::operators::vec::Broadcast;

/// What an epoch's ends bring together.
pub struct Ends<'s> {
    /// Epochs that were read.
    pub judged: StreamVec<'s, Epoch, Judged>,
    /// What is told.
    pub told: StreamVec<'s, Epoch, Told>,
    /// What the operators counted.
    pub tallies: StreamVec<'s, Epoch, Tally>,
    /// What is added to the digest of the state.
    pub digests: StreamVec<'s, Epoch, u128>,
    /// Has passed what is durable, where there is an archive.
    pub durable: StreamVec<'s, Epoch, ()>,
    /// Has passed what is published, where there are topics.
    pub published: StreamVec<'s, Epoch, ()>,
}

/// The ledger, while the job runs.
pub type Books = Rc<RefCell<Option<Ledger>>>;

/// Hands every epoch to the ledger (worker 0 has it), in order. Says to every worker when the job must stop.
pub fn commit<'s>(ends: Ends<'s>, ledger: Option<Books>) -> StreamVec<'s, Epoch, Stopped> {
    let mut builder = OperatorBuilder::new("Commit".to_owned(), ends.judged.scope());
    let mut judged = builder.new_input(ends.judged, Exchange::new(|_: &Judged| 0));
    let mut told = builder.new_input(ends.told, Exchange::new(|_: &Told| 0));
    let mut tallies = builder.new_input(ends.tallies, Exchange::new(|_: &Tally| 0));
    let mut digests = builder.new_input(ends.digests, Exchange::new(|_: &u128| 0));
    let _durable = builder.new_input(ends.durable, Pipeline);
    let _published = builder.new_input(ends.published, Pipeline);
    let (stops, stop_stream) = builder.new_output::<Vec<Stopped>>();
    let mut stops = OutputBuilder::<_, CapacityContainerBuilder<Vec<Stopped>>>::from(stops);
    builder.build(move |_| {
        let mut epochs = Stash::<Judged>::default();
        let (mut records, mut counted, mut added) =
            (Stash::<Told>::default(), Stash::<Tally>::default(), Stash::<u128>::default());
        // Keeps an epoch that could not be written from being through.
        let mut broken = None;
        move |frontiers| {
            judged.for_each(|capability, data| epochs.put(&capability, &[0], data));
            told.for_each(|capability, data| records.put(&capability, &[0], data));
            tallies.for_each(|capability, data| counted.put(&capability, &[0], data));
            digests.for_each(|capability, data| added.put(&capability, &[0], data));
            while broken.is_none()
                && let Some(epoch) =
                    epochs.first().filter(|epoch| frontiers.iter().all(|frontier| passed(frontier, *epoch)))
                && let Some((capabilities, judged)) = epochs.take(epoch)
            {
                let mut told = records.take(epoch).map_or(Vec::new(), |(_, told)| told);
                told.sort_unstable_by_key(|told| told.lane);
                let tallies = counted.take(epoch).map_or(Vec::new(), |(_, tallies)| tallies);
                let digest = added.take(epoch).map_or(0, |(_, parts)| parts.into_iter().fold(0, u128::wrapping_add));
                let Some(mut ledger) = ledger.as_ref().map(|ledger| ledger.borrow_mut()) else { continue };
                let Some(ledger) = ledger.as_mut() else { continue };
                let closed = judged.into_iter().map(|judged| Closed {
                    judged,
                    told: std::mem::take(&mut told),
                    tallies: &tallies,
                    digest,
                });
                if let Err(stop) = closed.into_iter().try_for_each(|closed| ledger.close(closed)) {
                    stops.activate().session(&capabilities[0]).give(Stopped { epoch, stop });
                    broken = Some(capabilities);
                }
            }
        }
    });
    stop_stream.broadcast()
}
