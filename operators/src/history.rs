//! The exact history of every object, arranged once, by (pixel, object) in time order.
//!
//! One operator takes the orders of an epoch (put, hand over, note), settles what stands, derives the
//! object's pixel from its standing source of least (time, id), and seals one batch an epoch into a
//! shared trace, as differential's `arrange_from_upsert` does. A standing value that is replaced is
//! retracted; a repeated one changes nothing; when the pixel changes, the object's rows move with it.
//!
//! A source that goes to another object leaves through the second output and comes back, at the same
//! epoch, through the second input of the worker that holds that object. There is no cycle in time:
//! what comes back is never sent on, which the operator's connections say.

use crate::flow::{Batch, Reader, Spine, Stash, Trace, batch, passed};
use crate::membership::ContextRow;
use crate::route::by_object;
use crate::settle::{Histories, Touched};
use crate::{Epoch, Tally};
use differential_dataflow::operators::arrange::TraceAgent;
use differential_dataflow::trace::{Trace as _, TraceReader};
use serde::{Deserialize, Serialize};
use skydiff_schemas::{Kind, Measurement, ObjectId, Pixel, SourceId};
use std::rc::Rc;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::core::Concat;
use timely::dataflow::operators::generic::{OutputBuilder, builder_rc::OperatorBuilder};
use timely::dataflow::operators::{Capability, ConnectLoop, Feedback};
use timely::progress::Antichain;

/// What histories are keyed by: neighbours on the sky lie together.
pub type Place = (Pixel, ObjectId);

/// What a copy is up against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Against {
    /// Nothing stands: the identity is new.
    Nothing,
    /// A copy of a lesser version.
    Lesser,
    /// A copy of the same version: the greater value stands.
    Equal,
}

/// What an object's history is told to do. At most one of put and hand over comes for an identity, object and epoch.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Order {
    /// A copy whose version is not below that of what stands.
    Put {
        /// Whose.
        object: ObjectId,
        /// The copy.
        measurement: Measurement,
        /// What stands so far.
        against: Against,
    },
    /// The source belongs to another object now.
    HandOver {
        /// Who had it.
        object: ObjectId,
        /// Of which kind.
        kind: Kind,
        /// Which.
        id: SourceId,
        /// Who has it now.
        to: ObjectId,
    },
    /// The context of a trigger; the copy of the greatest version stands.
    Note {
        /// Whose.
        object: ObjectId,
        /// The copy.
        context: Box<ContextRow>,
        /// Whether it is the first of its source.
        first: bool,
    },
}

impl Order {
    fn object(&self) -> &ObjectId {
        match self {
            Order::Put { object, .. } | Order::HandOver { object, .. } | Order::Note { object, .. } => object,
        }
    }
}

/// A source on its way from one object to another, with the context that it triggered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Handed {
    /// Who has it now.
    pub to: ObjectId,
    /// Its standing value.
    pub measurement: Measurement,
    /// Its context, if it was a trigger.
    pub context: Option<ContextRow>,
}

/// The histories, as traces to read and as one batch of changes an epoch.
pub struct History<'scope> {
    /// Changes of measurements.
    pub measurements: StreamVec<'scope, Epoch, Batch<Place, Measurement>>,
    /// Standing measurements.
    pub measurement_trace: Trace<Place, Measurement>,
    /// Changes of contexts.
    pub contexts: StreamVec<'scope, Epoch, Batch<ObjectId, ContextRow>>,
    /// Standing contexts.
    pub context_trace: Trace<ObjectId, ContextRow>,
    /// What became of the rows.
    pub tallies: StreamVec<'scope, Epoch, Tally>,
    /// Sources that came from another object.
    pub joined: StreamVec<'scope, Epoch, (ObjectId, Kind, SourceId)>,
}

/// Keeps the histories of this worker's objects.
pub fn history<'scope>(
    local: StreamVec<'scope, Epoch, Order>,
    decided: StreamVec<'scope, Epoch, Order>,
) -> History<'scope> {
    let scope = local.scope();
    let (loop_handle, handed) = scope.feedback::<Vec<Handed>>(Epoch::default());
    let mut builder = OperatorBuilder::new("History".to_owned(), scope);
    let info = builder.operator_info();
    let orders = local.concat(decided);
    let mut orders = builder.new_input(orders, Exchange::new(|order: &Order| by_object(order.object())));
    let mut returned = builder.new_input_connection(handed, Exchange::new(|handed: &Handed| by_object(&handed.to)), []);
    let at_once = Antichain::from_elem(Epoch::default());
    let both = [(0, at_once.clone()), (1, at_once.clone())];
    let (measurements, measurement_stream) = builder.new_output_connection(both.clone());
    let (contexts, context_stream) = builder.new_output_connection(both.clone());
    let (tallies, tally_stream) = builder.new_output_connection(both);
    let (joined, joined_stream) = builder.new_output_connection([(1, at_once.clone())]);
    let (leaving, leaving_stream) = builder.new_output_connection([(0, at_once)]);
    let mut measurements = OutputBuilder::<_, CapacityContainerBuilder<Vec<_>>>::from(measurements);
    let mut contexts = OutputBuilder::<_, CapacityContainerBuilder<Vec<_>>>::from(contexts);
    let mut tallies = OutputBuilder::<_, CapacityContainerBuilder<Vec<Tally>>>::from(tallies);
    let mut joined = OutputBuilder::<_, CapacityContainerBuilder<Vec<_>>>::from(joined);
    let mut leaving = OutputBuilder::<_, CapacityContainerBuilder<Vec<Handed>>>::from(leaving);

    let logger = || {
        scope
            .worker()
            .logger_for::<differential_dataflow::logging::DifferentialEventBuilder>("differential/arrange")
            .map(Into::into)
    };
    let activator = || Some(scope.activator_for(Rc::clone(&info.address)));
    let empty = Spine::<Place, Measurement>::new(info.clone(), logger(), activator());
    let (measurement_trace, mut measurement_writer) = TraceAgent::new(empty, info.clone(), logger());
    let empty = Spine::<ObjectId, ContextRow>::new(info.clone(), logger(), activator());
    let (context_trace, mut context_writer) = TraceAgent::new(empty, info.clone(), logger());

    let (mut own_measurements, mut own_contexts) = (measurement_trace.clone(), context_trace.clone());
    builder.build(move |_| {
        let (mut ordered, mut arrived) = (Stash::default(), Stash::default());
        // Orders of an epoch whose hand-overs are sent, waiting for those of others.
        let mut open: Option<(Epoch, Vec<Capability<Epoch>>, Touched)> = None;
        let mut histories = Histories::default();
        let mut sealed = Epoch::default();
        move |frontiers| {
            let (mut measurements, mut contexts) = (measurements.activate(), contexts.activate());
            let (mut tallies, mut joined, mut leaving) = (tallies.activate(), joined.activate(), leaving.activate());
            orders.for_each(|capability, orders| ordered.put(&capability, &[0, 1, 2, 4], orders));
            returned.for_each(|capability, handed| arrived.put(&capability, &[0, 1, 2, 3], handed));
            loop {
                if open.is_none() {
                    let Some((epoch, mut capabilities, orders)) = next(&mut ordered, &arrived, frontiers) else {
                        break;
                    };
                    let mut reader = Reader::new(&mut own_measurements, sealed);
                    let mut context_reader = Reader::new(&mut own_contexts, sealed);
                    let (touched, handed) = histories.sort_out(orders, &mut reader, &mut context_reader);
                    if capabilities.len() > 3 {
                        leaving.session(&capabilities[3]).give_iterator(handed.into_iter());
                        capabilities.truncate(3);
                    }
                    open = Some((epoch, capabilities, touched));
                }
                let Some((epoch, mut capabilities, mut touched)) = open.take() else { break };
                if !passed(&frontiers[1], epoch) {
                    open = Some((epoch, capabilities, touched));
                    break;
                }
                if let Some((returned, handed)) = arrived.take(epoch) {
                    let names = handed.iter().map(|handed| (handed.to, handed.measurement.kind, handed.measurement.id));
                    joined.session(&returned[3]).give_iterator(names);
                    touched.arrive(handed);
                    capabilities = returned;
                }
                let mut reader = Reader::new(&mut own_measurements, sealed);
                let mut context_reader = Reader::new(&mut own_contexts, sealed);
                let mut settled = histories.settle(touched, epoch, &mut reader, &mut context_reader);
                // A batch with updates covers its own epoch only, so that a reader may stand at any epoch.
                measurement_writer.seal(Antichain::from_elem(epoch));
                context_writer.seal(Antichain::from_elem(epoch));
                sealed = epoch.next();
                let sealed_batch = batch(&mut settled.measurements, epoch);
                measurement_writer.insert(sealed_batch.clone(), Some(epoch));
                measurements.session(&capabilities[0]).give(sealed_batch);
                let sealed_batch = batch(&mut settled.contexts, epoch);
                context_writer.insert(sealed_batch.clone(), Some(epoch));
                contexts.session(&capabilities[1]).give(sealed_batch);
                tallies.session(&capabilities[2]).give_iterator(settled.tallies.drain());
            }
            // Nothing open, nothing stashed below the frontiers: the traces may say so.
            if open.is_none() {
                let upper = [frontiers[0].frontier().first().copied(), frontiers[1].frontier().first().copied()];
                let stashed = [ordered.first(), arrived.first()];
                let upper = upper.into_iter().chain(stashed).flatten().min();
                if let Some(upper) = upper.filter(|upper| *upper > sealed) {
                    measurement_writer.seal(Antichain::from_elem(upper));
                    context_writer.seal(Antichain::from_elem(upper));
                    sealed = upper;
                }
            }
            let upper = Antichain::from_elem(sealed);
            own_measurements.set_logical_compaction(upper.borrow());
            own_measurements.set_physical_compaction(upper.borrow());
            own_contexts.set_logical_compaction(upper.borrow());
            own_contexts.set_physical_compaction(upper.borrow());
            measurement_writer.exert();
            context_writer.exert();
        }
    });
    leaving_stream.connect_loop(loop_handle);
    History {
        measurements: measurement_stream,
        measurement_trace,
        contexts: context_stream,
        context_trace,
        tallies: tally_stream,
        joined: joined_stream,
    }
}

/// The next epoch to open: one with orders once they are complete, or one for which only hand-overs arrived. Not before
/// the hand-overs of the epochs before it are all there, even where nothing was ordered: what it reads is their result.
fn next(
    ordered: &mut Stash<Order>,
    arrived: &Stash<Handed>,
    frontiers: &[timely::progress::frontier::MutableAntichain<Epoch>],
) -> Option<(Epoch, Vec<Capability<Epoch>>, Vec<Order>)> {
    let epoch = ordered.first().into_iter().chain(arrived.first()).min()?;
    let earlier = epoch.0.checked_sub(1).map(Epoch);
    if !passed(&frontiers[0], epoch) || earlier.is_some_and(|earlier| !passed(&frontiers[1], earlier)) {
        return None;
    }
    let (capabilities, orders) = ordered.take(epoch).unwrap_or_default();
    Some((epoch, capabilities, orders))
}
