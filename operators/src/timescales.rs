//! Keeps the answer about every object current: windows, features, states, and what is alive.
//!
//! Once an epoch is complete and its sky clocks are known, each object whose rows or context changed
//! is read and answered anew; an object whose deadline the clock has passed only loses what was alive.
//! A short history is read from the arrangement; a long one is kept as a light curve, so that a change
//! costs what changed, not what is known. Nothing else costs anything, however much history there is.
//!
//! What was said is kept in small: a [`Said`], a hash of the whole answer. A [`Change`] leaves only when
//! one of them differs, so nothing is said twice.

use crate::analyse::{Noted, Rules, answer};
use crate::answer::Trigger;
use crate::causes::causes;
use crate::curve::LightCurve;
use crate::flow::{Batch, Reader, Stash, Trace, passed};
use crate::history::{History, Place};
use crate::membership::ContextRow;
use crate::said::{alive, deadline, held_states};
use crate::tally::Tallies;
use crate::wheel::Wheel;
use crate::{Answer, Cause, Change, Clocks, Counter, Epoch, Said, Tally, digest};
use differential_dataflow::consolidation::consolidate;
use differential_dataflow::trace::{BatchReader, Cursor, Navigable, TraceReader};
use rustc_hash::FxHashMap;
use skydiff_schemas::{Kind, Measurement, ObjectId, Pixel, Quality, SourceId};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::{OutputBuilder, builder_rc::OperatorBuilder};
use timely::progress::Antichain;

/// Histories of more rows than this are kept as light curves.
pub const LONG_HISTORY: usize = 48;

/// What is kept of an object between epochs.
struct Held {
    pixel: Pixel,
    rows: usize,
    noted: Noted,
    /// Standing sources that are withdrawn: their context does not count.
    withdrawn: Vec<SourceId>,
    curve: Option<Box<LightCurve>>,
    /// States and Z levels by timescale, alive or not.
    states: Vec<(u16, u32)>,
    said: Said,
    hash: u128,
}

/// The state of one worker, which outlives its operator so that it can be looked at afterwards.
pub struct Objects {
    rules: Rules,
    measurements: Trace<Place, Measurement>,
    contexts: Trace<ObjectId, ContextRow>,
    held: FxHashMap<ObjectId, Held>,
    clocks: Clocks,
    wheel: Wheel,
    /// Whether what time alone does is told too.
    expiry: bool,
    long: usize,
}

/// What touches an object in an epoch.
#[derive(Default)]
struct Touch {
    rows: Vec<(Measurement, isize)>,
    pixel: Option<Pixel>,
    contexts: Vec<(ContextRow, isize)>,
    joined: Vec<(Kind, SourceId)>,
}

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
    expiry: bool,
    long: usize,
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
    let objects = Rc::new(RefCell::new(Objects {
        rules,
        measurements: history.measurement_trace,
        contexts: history.context_trace,
        held: FxHashMap::default(),
        clocks: Clocks::default(),
        wheel: Wheel::default(),
        expiry,
        long,
    }));
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
                clocks.iter().flat_map(Clocks::iter).for_each(|(survey, clock)| objects.clocks.advance(survey, clock));
                let mut told = objects.epoch(epoch, &batches, &notes, names);
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
                objects.measurements.set_logical_compaction(upper.borrow());
                objects.measurements.set_physical_compaction(upper.borrow());
                objects.contexts.set_logical_compaction(upper.borrow());
                objects.contexts.set_physical_compaction(upper.borrow());
            }
        }
    });
    Followed { changes: change_stream, tallies: tally_stream, digests: digest_stream, objects }
}

/// What is told of an epoch.
#[derive(Default)]
struct Told {
    changes: Vec<Change>,
    tallies: Tallies,
    digest: u128,
}

impl Objects {
    fn epoch(
        &mut self,
        epoch: Epoch,
        batches: &[Batch<Place, Measurement>],
        notes: &[Batch<ObjectId, ContextRow>],
        names: Vec<(ObjectId, Kind, SourceId)>,
    ) -> Told {
        let mut touched: BTreeMap<ObjectId, Touch> = BTreeMap::new();
        for batch in batches {
            each(batch, |(pixel, object), row, net| {
                let touch = touched.entry(*object).or_default();
                touch.rows.push((*row, net));
                if net > 0 {
                    touch.pixel = Some(*pixel);
                }
            });
        }
        for batch in notes {
            each(batch, |object, row, net| touched.entry(*object).or_default().contexts.push((*row, net)));
        }
        for (object, kind, id) in names {
            touched.entry(object).or_default().joined.push((kind, id));
        }
        let mut told = Told::default();
        let due: BTreeSet<ObjectId> =
            self.wheel.due(&self.clocks).into_iter().filter(|object| !touched.contains_key(object)).collect();
        self.answer_touched(epoch, touched, &mut told);
        self.expire(epoch, due, &mut told);
        told
    }

    fn answer_touched(&mut self, epoch: Epoch, touched: BTreeMap<ObjectId, Touch>, told: &mut Told) {
        // The reader goes forward only, and rows lie by pixel; objects are told in that order and sorted in the end.
        let mut order: Vec<(Place, Touch)> = touched
            .into_iter()
            .map(|(object, touch)| {
                let known = self.held.get(&object).map_or(Pixel::NONE, |held| held.pixel);
                ((touch.pixel.unwrap_or(known), object), touch)
            })
            .collect();
        order.sort_by_key(|(place, _)| *place);
        let mut reader = Reader::new(&mut self.measurements, epoch.next());
        let mut changes = Vec::with_capacity(order.len());
        for (place, mut touch) in order {
            consolidate(&mut touch.rows);
            for (row, net) in &touch.rows {
                let one = digest::of_measurement(&place.1, row);
                told.digest = if *net > 0 { told.digest.wrapping_add(one) } else { told.digest.wrapping_sub(one) };
            }
            changes.extend(self.answer_one(epoch, place, touch, &mut reader, told));
        }
        changes.sort_by_key(|change| change.object);
        told.changes = changes;
    }

    fn answer_one(
        &mut self,
        epoch: Epoch,
        place: Place,
        touch: Touch,
        reader: &mut Reader<Place, Measurement>,
        told: &mut Told,
    ) -> Option<Change> {
        let object = place.1;
        let mut held = self.held.remove(&object).unwrap_or_else(|| Held {
            pixel: place.0,
            rows: 0,
            noted: Noted::default(),
            withdrawn: Vec::new(),
            curve: None,
            states: Vec::new(),
            said: Said::default(),
            hash: 0,
        });
        held.pixel = place.0;
        held.rows = held.rows.saturating_add_signed(touch.rows.iter().map(|(_, net)| *net).sum());
        let mut looked_at = self.note(epoch, object, &mut held, &touch);
        let mut transient = None;
        let curve = match held.curve.as_mut() {
            Some(curve) => {
                touch.rows.iter().filter(|(_, net)| *net < 0).for_each(|(row, _)| curve.remove(row));
                touch.rows.iter().filter(|(_, net)| *net > 0).for_each(|(row, _)| curve.insert(row));
                curve
            }
            None => {
                let mut curve = Box::new(self.rules.curve(object.survey));
                reader
                    .range(&place, None, |_| true)
                    .iter()
                    .filter(|(_, net)| *net > 0)
                    .for_each(|(row, _)| curve.insert(row));
                if held.rows > self.long { held.curve.insert(curve) } else { transient.insert(curve) }
            }
        };
        let clock = self.clocks.get(object.survey);
        let mut after = answer(object, curve, &held.noted, clock, &self.rules);
        let before = std::mem::take(&mut held.said);
        let causes = causes(&touch.rows, before.newest, |kind, id| touch.joined.contains(&(kind, id)));
        let hash = if held.rows == 0 { 0 } else { digest::of_answer(&mut after) };
        looked_at |= hash != held.hash;
        told.digest = told.digest.wrapping_add(hash).wrapping_sub(held.hash);
        held.hash = hash;
        held.states = held_states(&after, &self.rules);
        let gone = held.rows == 0;
        self.say(object, held, &before, told, gone, Some((after, causes, looked_at)))
    }

    /// Keeps what the context columns say current. Answers whether anything of it changed.
    fn note(&mut self, epoch: Epoch, object: ObjectId, held: &mut Held, touch: &Touch) -> bool {
        let before = held.noted;
        let withdrawn = |row: &Measurement| row.kind == Kind::Source && row.quality.has(Quality::WITHDRAWN);
        let mut again = false;
        for (row, net) in touch.rows.iter().filter(|(row, _)| withdrawn(row)) {
            match *net > 0 {
                true => held.withdrawn.push(row.id),
                false => held.withdrawn.retain(|id| *id != row.id),
            }
            again = true;
        }
        again |= touch.contexts.iter().any(|(row, net)| *net < 0 || held.withdrawn.contains(&row.source));
        let trigger = |row: &ContextRow| Trigger { source: row.source, time: row.time, context: row.context };
        if again {
            held.noted = Noted::default();
            let mut reader = Reader::new(&mut self.contexts, epoch.next());
            for (row, _) in reader.range(&object, None, |_| true).iter().filter(|(_, net)| *net > 0) {
                if !held.withdrawn.contains(&row.source) {
                    held.noted.add(trigger(row));
                }
            }
        } else {
            touch.contexts.iter().for_each(|(row, _)| held.noted.add(trigger(row)));
        }
        before != held.noted
    }

    /// What time alone does.
    fn expire(&mut self, epoch: Epoch, due: BTreeSet<ObjectId>, told: &mut Told) {
        for object in due {
            let Some(mut held) = self.held.remove(&object) else { continue };
            let before = std::mem::take(&mut held.said);
            held.said.newest = before.newest;
            let answered = self.expiry.then(|| (self.again(epoch, object, &mut held), Vec::new(), false));
            let change = self.say(object, held, &before, told, false, answered);
            told.changes.extend(change);
        }
        told.changes.sort_by_key(|change| change.object);
    }

    fn again(&mut self, epoch: Epoch, object: ObjectId, held: &mut Held) -> Answer {
        let mut transient = None;
        let curve = match held.curve.as_mut() {
            Some(curve) => curve,
            None => {
                let mut curve = Box::new(self.rules.curve(object.survey));
                let mut reader = Reader::new(&mut self.measurements, epoch.next());
                let rows = reader.range(&(held.pixel, object), None, |_| true);
                rows.iter().filter(|(_, net)| *net > 0).for_each(|(row, _)| curve.insert(row));
                transient.insert(curve)
            }
        };
        answer(object, curve, &held.noted, self.clocks.get(object.survey), &self.rules)
    }

    /// Settles what is alive, counts it, files the next deadline, and puts the object back.
    fn say(
        &mut self,
        object: ObjectId,
        mut held: Held,
        before: &Said,
        told: &mut Told,
        gone: bool,
        answered: Option<(Answer, Vec<Cause>, bool)>,
    ) -> Option<Change> {
        let clock = self.clocks.get(object.survey);
        if let Some((answer, ..)) = &answered {
            held.said.newest = answer.newest;
        }
        held.said.alive = alive(&held.states, held.said.newest, clock, &self.rules);
        let due = |said: &Said, states: &[(u16, u32)]| deadline(states, said, &self.rules);
        // The deadline that was filed is a function of what was said.
        let filed = before.newest.and_then(|_| due(before, &before.alive));
        self.wheel.change(object, filed, due(&held.said, &held.said.alive));
        for (said, sign) in [(before, -1), (&held.said, 1)] {
            if said.newest.is_some() {
                let hash = digest::of_said(&object, said);
                told.digest = if sign > 0 { told.digest.wrapping_add(hash) } else { told.digest.wrapping_sub(hash) };
            }
        }
        count_alive(object, before, &held.said, &mut told.tallies);
        let said = held.said.clone();
        if !gone {
            self.held.insert(object, held);
        }
        let (after, causes, features) = answered?;
        if said == *before && !features {
            return None;
        }
        told.tallies.add(object.survey, Counter::Changes, 1);
        Some(Change { object, before: before.clone(), said, features, after: (!gone).then(|| Box::new(after)), causes })
    }

    /// Looks at every object with its standing measurements and the answer about it, in order, after the dataflow has finished.
    pub fn for_each(&mut self, mut look: impl FnMut(&[Measurement], &Answer)) {
        let mut reader = Reader::last(&self.measurements);
        for place in reader.keys() {
            let rows = reader.range(&place, None, |_| true).iter().filter(|(_, net)| *net > 0);
            let rows: Vec<Measurement> = rows.map(|(row, _)| *row).collect();
            let Some(held) = self.held.get(&place.1).filter(|_| !rows.is_empty()) else { continue };
            let mut curve = self.rules.curve(place.1.survey);
            rows.iter().for_each(|row| curve.insert(row));
            look(&rows, &answer(place.1, &mut curve, &held.noted, self.clocks.get(place.1.survey), &self.rules));
        }
    }
}

fn count_alive(object: ObjectId, before: &Said, after: &Said, tallies: &mut Tallies) {
    let bits = |said: &Said, at: usize| said.alive.get(at).map_or(0, |(states, _)| *states);
    for at in 0..before.alive.len().max(after.alive.len()) {
        let (was, is) = (bits(before, at), bits(after, at));
        for bit in 0..16u8 {
            let change = i64::from(is >> bit & 1) - i64::from(was >> bit & 1);
            if change != 0 {
                tallies.add(object.survey, Counter::Alive(at as u8, bit), change);
            }
        }
    }
}

/// Every update of a batch.
fn each<K, V>(batch: &Batch<K, V>, mut tell: impl FnMut(&K, &V, isize))
where
    K: Ord + Clone + std::fmt::Debug + 'static,
    V: Ord + Clone + std::fmt::Debug + 'static,
{
    debug_assert!(batch.lower() != batch.upper());
    let mut cursor = batch.cursor();
    while let Some(key) = cursor.get_key(batch) {
        while let Some(value) = cursor.get_val(batch) {
            let mut net = 0;
            cursor.map_times(batch, |_, diff| net += *diff);
            tell(key, value, net);
            cursor.step_val(batch);
        }
        cursor.step_key(batch);
    }
}
