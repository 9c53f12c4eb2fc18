//! Keeps the answer about every object current: windows, features, states, and what is alive.
//!
//! Once an epoch is complete and its sky clocks are known, each object whose rows or context changed
//! is read and answered anew; an object whose deadline the clock has passed only loses what was alive.
//! A short history is read from the arrangement; a long one is kept as a light curve, so that a change
//! costs what changed, not what is known. Nothing else costs anything, however much history there is.
//!
//! What was said is kept in small: states with their Z levels, a hash of the whole answer. A [`Change`] leaves only when
//! one of them differs, so nothing is said twice.

use crate::analyse::Rules;
use crate::flow::{Batch, Stash, passed};
use crate::history::{History, Place};
use crate::membership::ContextRow;
use crate::objects::Objects;
use crate::transients::Options;
use crate::{Change, Clocks, Epoch, Tally};
use skydiff_schemas::{Measurement, ObjectId};
use std::cell::RefCell;
use std::rc::Rc;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::{OutputBuilder, builder_rc::OperatorBuilder};
use timely::progress::Antichain;

/// What the operator says.
pub struct Followed<'scope> {
    /// Changes, at most one for each object and epoch.
    pub changes: StreamVec<'scope, Epoch, Change>,
    /// Counts.
    pub tallies: StreamVec<'scope, Epoch, Tally>,
    /// What is added to the digest of the state.
    pub digests: StreamVec<'scope, Epoch, u128>,
    /// The worker's state.
    pub objects: Rc<RefCell<Objects>>,
}

/// Follows the histories of this worker's objects. `clocks` gives every worker each epoch's sky clocks.
pub fn timescales<'scope>(
    history: History<'scope>,
    clocks: StreamVec<'scope, Epoch, Clocks>,
    rules: Rules,
    options: &Options,
) -> Followed<'scope> {
    let mut builder = OperatorBuilder::new("Timescales".to_owned(), clocks.scope());
    let mut measurements = builder.new_input(history.measurements, Pipeline);
    let mut contexts = builder.new_input(history.contexts, Pipeline);
    let mut joined = builder.new_input(history.joined, Pipeline);
    let mut clocks = builder.new_input(clocks, Pipeline);
    let (changes, change_stream) = builder.new_output();
    let (tallies, tally_stream) = builder.new_output();
    let (digests, digest_stream) = builder.new_output();
    let mut changes = OutputBuilder::<_, CapacityContainerBuilder<Vec<Change>>>::from(changes);
    let mut tallies = OutputBuilder::<_, CapacityContainerBuilder<Vec<Tally>>>::from(tallies);
    let mut digests = OutputBuilder::<_, CapacityContainerBuilder<Vec<u128>>>::from(digests);
    let traces = (history.measurement_trace, history.context_trace);
    let objects = Rc::new(RefCell::new(Objects::new(rules, traces.0, traces.1, options)));
    let shared = Rc::clone(&objects);
    builder.build(move |_| {
        let (mut rows, mut notes) =
            (Stash::<Batch<Place, Measurement>>::default(), Stash::<Batch<ObjectId, ContextRow>>::default());
        let (mut names, mut times) = (Stash::default(), Stash::<Clocks>::default());
        move |frontiers| {
            measurements.for_each(|capability, batches| rows.put(&capability, &[0, 1, 2], batches));
            contexts.for_each(|capability, batches| notes.put(&capability, &[], batches));
            joined.for_each(|capability, joined| names.put(&capability, &[], joined));
            clocks.for_each(|capability, clocks| times.put(&capability, &[0, 1, 2], clocks));
            let (mut changes, mut tallies, mut digests) = (changes.activate(), tallies.activate(), digests.activate());
            let mut objects = shared.borrow_mut();
            let first = |rows: &Stash<_>, notes: &Stash<_>, times: &Stash<_>| {
                [rows.first(), notes.first(), times.first()].into_iter().flatten().min()
            };
            while let Some(epoch) = first(&rows, &notes, &times) {
                if !frontiers.iter().all(|frontier| passed(frontier, epoch)) {
                    break;
                }
                let (row_capabilities, batches) = rows.take(epoch).unwrap_or_default();
                let (time_capabilities, clocks) = times.take(epoch).unwrap_or_default();
                let notes = notes.take(epoch).map(|(_, batches)| batches).unwrap_or_default();
                let names = names.take(epoch).map(|(_, names)| names).unwrap_or_default();
                let mut told = objects.epoch(epoch, &batches, &notes, names, &clocks);
                let capabilities = if row_capabilities.is_empty() { time_capabilities } else { row_capabilities };
                let [change, tally, digest] = &capabilities[..] else { continue };
                changes.session(change).give_iterator(told.changes.into_iter());
                tallies.session(tally).give_iterator(told.tallies.drain());
                digests.session(digest).give(told.digest);
            }
            // Batches stay apart from the oldest epoch that is still to come.
            let open = first(&rows, &notes, &times)
                .into_iter()
                .chain(frontiers.iter().filter_map(|frontier| frontier.frontier().first().copied()));
            let upper: Antichain<Epoch> = open.min().into_iter().collect();
            if !upper.is_empty() {
                objects.compact(&upper);
            }
        }
    });
    Followed { changes: change_stream, tallies: tally_stream, digests: digest_stream, objects }
}
