//! The rough edges of timely and differential, in one place.
//!
//! Streams here carry messages at exactly the epoch they belong to. [`Stash`] holds them until an
//! epoch is complete, so that operators can work epoch by epoch, each a function of a set.

use crate::Epoch;
use differential_dataflow::operators::arrange::TraceAgent;
use differential_dataflow::trace::implementations::{ValBuilder, ValSpine};
use differential_dataflow::trace::{Builder, Cursor, Description, Navigable, TraceReader};
use std::collections::BTreeMap;
use timely::dataflow::operators::{Capability, InputCapability};
use timely::progress::Antichain;
use timely::progress::frontier::MutableAntichain;

/// A shared, indexed collection of values by key.
pub type Spine<K, V> = ValSpine<K, V, Epoch, isize>;
/// A handle on one.
pub type Trace<K, V> = TraceAgent<Spine<K, V>>;
/// One epoch's changes of one.
pub type Batch<K, V> = <Spine<K, V> as TraceReader>::Batch;

/// What arrived, by epoch, with the capabilities to answer at that epoch.
pub struct Stash<D> {
    epochs: BTreeMap<Epoch, (Vec<Capability<Epoch>>, Vec<D>)>,
}

impl<D> Default for Stash<D> {
    fn default() -> Self {
        Stash { epochs: BTreeMap::new() }
    }
}

impl<D> Stash<D> {
    /// Keeps a message; `outputs` are the ports that may be written to when its epoch is complete.
    pub fn put(&mut self, capability: &InputCapability<Epoch>, outputs: &[usize], data: &mut Vec<D>) {
        let (capabilities, held) = self.epochs.entry(*capability.time()).or_default();
        if capabilities.is_empty() {
            capabilities.extend(outputs.iter().map(|port| capability.retain(*port)));
        }
        held.append(data);
    }

    /// The oldest epoch that holds anything.
    pub fn first(&self) -> Option<Epoch> {
        self.epochs.first_key_value().map(|(epoch, _)| *epoch)
    }

    /// Takes the oldest epoch, if every frontier has passed it.
    pub fn take_complete(
        &mut self,
        frontiers: &[&MutableAntichain<Epoch>],
    ) -> Option<(Epoch, Vec<Capability<Epoch>>, Vec<D>)> {
        let epoch = self.first().filter(|epoch| frontiers.iter().all(|frontier| passed(frontier, *epoch)))?;
        self.take(epoch).map(|(capabilities, held)| (epoch, capabilities, held))
    }

    /// Takes what an epoch holds.
    pub fn take(&mut self, epoch: Epoch) -> Option<(Vec<Capability<Epoch>>, Vec<D>)> {
        self.epochs.remove(&epoch)
    }
}

/// Whether nothing more can come at `epoch`.
pub fn passed(frontier: &MutableAntichain<Epoch>, epoch: Epoch) -> bool {
    !frontier.less_equal(&epoch)
}

/// Builds the batch of one epoch from updates in any order.
pub fn batch<K, V>(updates: &mut Vec<((K, V), Epoch, isize)>, epoch: Epoch) -> Batch<K, V>
where
    K: Ord + Clone + std::fmt::Debug + 'static,
    V: Ord + Clone + std::fmt::Debug + 'static,
{
    differential_dataflow::consolidation::consolidate_updates(updates);
    let mut builder = ValBuilder::<K, V, Epoch, isize>::with_capacity(updates.len(), updates.len(), updates.len());
    builder.push(updates);
    builder.done(Description::new(
        Antichain::from_elem(epoch),
        Antichain::from_elem(epoch.next()),
        Antichain::from_elem(Epoch::default()),
    ))
}

/// Reads a trace at a frontier: one cursor a batch, because in differential 0.25.1 `CursorList::seek_val`
/// also moves, or indexes out of, the batches that do not hold the current key. Keys must be asked for in ascending order.
pub struct Reader<K: Ord + Clone + std::fmt::Debug + 'static, V: Ord + Clone + std::fmt::Debug + 'static> {
    batches: Vec<(BatchCursorOf<K, V>, Batch<K, V>)>,
    found: Vec<(V, isize)>,
}

type BatchCursorOf<K, V> = <Batch<K, V> as Navigable>::Cursor;

impl<K, V> Reader<K, V>
where
    K: Ord + Clone + std::fmt::Debug + 'static,
    V: Ord + Clone + std::fmt::Debug + 'static,
{
    /// A reader of everything before `upper`, which must be a boundary of batches.
    pub fn new(trace: &mut Trace<K, V>, upper: Epoch) -> Self {
        let upper = Antichain::from_elem(upper);
        let batches =
            trace.batches_through(upper.borrow()).expect("one batch an epoch, held apart by physical compaction");
        let batches = batches.into_iter().map(|batch| (batch.cursor(), batch)).collect();
        Reader { batches, found: Vec::new() }
    }

    /// A reader of a trace that will not change any more.
    pub fn last(trace: &Trace<K, V>) -> Self {
        let mut batches = Vec::new();
        trace.map_batches(|batch| batches.push((batch.cursor(), batch.clone())));
        Reader { batches, found: Vec::new() }
    }

    /// Every key, in order.
    pub fn keys(&mut self) -> Vec<K> {
        let mut keys = Vec::new();
        for (cursor, batch) in &mut self.batches {
            cursor.rewind_keys(batch);
            while let Some(key) = cursor.get_key(batch) {
                keys.push(key.clone());
                cursor.step_key(batch);
            }
            cursor.rewind_keys(batch);
        }
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// The values of `key` from `from` on while `wanted` holds, in order, net of retractions.
    pub fn range(&mut self, key: &K, from: Option<&V>, wanted: impl Fn(&V) -> bool) -> &[(V, isize)] {
        self.found.clear();
        for (cursor, batch) in &mut self.batches {
            cursor.seek_key(batch, key);
            if cursor.get_key(batch) != Some(key) {
                continue;
            }
            cursor.rewind_vals(batch);
            if let Some(from) = from {
                cursor.seek_val(batch, from);
            }
            while let Some(value) = cursor.get_val(batch).filter(|value| wanted(value)) {
                let mut net = 0;
                cursor.map_times(batch, |_, diff| net += *diff);
                self.found.push((value.clone(), net));
                cursor.step_val(batch);
            }
        }
        differential_dataflow::consolidation::consolidate(&mut self.found);
        &self.found
    }
}
