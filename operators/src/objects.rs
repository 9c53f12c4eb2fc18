//! What one worker keeps of its objects, and how an epoch changes it: the part of [`crate::timescales`] that knows no dataflow.

use crate::analyse::{Noted, Rules, answer};
use crate::answer::Trigger;
use crate::causes::{causes, context_causes};
use crate::curve::LightCurve;
use crate::flow::{Batch, Reader, Trace};
use crate::history::Place;
use crate::membership::ContextRow;
use crate::said::{alive, deadline, held_states};
use crate::tally::Tallies;
use crate::touch::{Touch, Touches};
use crate::transients::Options;
use crate::wheel::Wheel;
use crate::{Answer, Cause, Change, Clocks, Counter, Epoch, Said, digest};
use differential_dataflow::trace::{BatchReader, Cursor, Navigable, TraceReader};
use rustc_hash::FxHashMap;
use skydiff_schemas::{Kind, Measurement, MicroDays, ObjectId, Pixel, Quality, SourceId};
use std::collections::BTreeSet;
use timely::progress::Antichain;

/// Histories of more rows than this are kept as light curves.
pub const LONG_HISTORY: usize = 48;

/// What is kept of an object between epochs.
struct Held {
    pixel: Pixel,
    rows: u32,
    /// Which timescales were alive when it was last told, by bit.
    alive: u16,
    newest: Option<MicroDays>,
    noted: Noted,
    /// Standing sources that are withdrawn: their context does not count.
    withdrawn: Vec<SourceId>,
    curve: Option<Box<LightCurve>>,
    /// States and Z levels by timescale, alive or not.
    states: Box<[(u16, u32)]>,
    hash: u128,
}

impl Held {
    /// What was told last.
    fn said(&self) -> Said {
        let living = |(at, states): (usize, &(u16, u32))| if self.alive >> at & 1 == 1 { *states } else { (0, 0) };
        let alive = self.newest.map(|_| self.states.iter().enumerate().map(living).collect());
        Said { newest: self.newest, alive: alive.unwrap_or_default() }
    }
}

/// The state of one worker, which outlives its operator so that it can be looked at afterwards.
pub struct Objects {
    rules: Rules,
    measurements: Trace<Place, Measurement>,
    contexts: Trace<ObjectId, ContextRow>,
    /// Boxed, because a table keeps room for up to twice what it holds.
    held: FxHashMap<ObjectId, Box<Held>>,
    clocks: Clocks,
    wheel: Wheel,
    /// Whether what time alone does is told too.
    expiry: bool,
    long: usize,
    /// Before this epoch nothing is told.
    since: Epoch,
}

/// What came of looking at an object.
struct Answered {
    /// The answer, where anybody asked.
    after: Option<Answer>,
    /// Why, where anybody is told.
    why: Option<Vec<Cause>>,
    /// Whether anything changed but what time does.
    looked_at: bool,
}

/// What is told of an epoch.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) changes: Vec<Change>,
    pub(crate) tallies: Tallies,
    pub(crate) digest: u128,
}

impl Objects {
    pub(crate) fn new(
        rules: Rules,
        measurements: Trace<Place, Measurement>,
        contexts: Trace<ObjectId, ContextRow>,
        options: &Options,
    ) -> Objects {
        Objects {
            rules,
            measurements,
            contexts,
            held: FxHashMap::default(),
            clocks: Clocks::default(),
            wheel: Wheel::default(),
            expiry: options.expiry,
            long: options.long_history,
            since: options.since,
        }
    }

    /// Nothing before `upper` is asked for any more.
    pub(crate) fn compact(&mut self, upper: &Antichain<Epoch>) {
        self.measurements.set_logical_compaction(upper.borrow());
        self.measurements.set_physical_compaction(upper.borrow());
        self.contexts.set_logical_compaction(upper.borrow());
        self.contexts.set_physical_compaction(upper.borrow());
    }

    /// What an epoch's batches and clocks change.
    pub(crate) fn epoch(
        &mut self,
        epoch: Epoch,
        batches: &[Batch<Place, Measurement>],
        notes: &[Batch<ObjectId, ContextRow>],
        names: Vec<(ObjectId, Kind, SourceId)>,
        clocks: &[Clocks],
    ) -> Told {
        clocks.iter().flat_map(Clocks::iter).for_each(|(survey, clock)| self.clocks.advance(survey, clock));
        let touches = Touches::new(batches, notes, names);
        let mut told = Told::default();
        let due: BTreeSet<ObjectId> =
            self.wheel.due(&self.clocks).into_iter().filter(|object| !touches.has(object)).collect();
        self.answer_touched(epoch, &touches, &mut told);
        self.expire(epoch, due, &mut told);
        told
    }

    fn answer_touched(&mut self, epoch: Epoch, touches: &Touches, told: &mut Told) {
        // The reader goes forward only, and rows lie by pixel; objects are told in that order and sorted in the end.
        let mut order: Vec<(Place, Touch<'_>)> = touches
            .iter()
            .map(|touch| {
                let known = || self.held.get(&touch.object).map_or(Pixel::NONE, |held| held.pixel);
                ((touch.pixel.unwrap_or_else(known), touch.object), touch)
            })
            .collect();
        order.sort_by_key(|(place, _)| *place);
        let mut reader = Reader::new(&mut self.measurements, epoch.next());
        let mut changes = Vec::new();
        for (place, touch) in order {
            for (row, net) in touch.rows.iter() {
                let one = digest::of_measurement(&place.1, row);
                told.digest = if *net > 0 { told.digest.wrapping_add(one) } else { told.digest.wrapping_sub(one) };
            }
            changes.extend(self.answer_one(epoch, place, &touch, &mut reader, told));
        }
        changes.sort_by_key(|change| change.object);
        told.changes = changes;
    }

    fn answer_one(
        &mut self,
        epoch: Epoch,
        place: Place,
        touch: &Touch<'_>,
        reader: &mut Reader<Place, Measurement>,
        told: &mut Told,
    ) -> Option<Change> {
        let object = place.1;
        let mut held = self.held.remove(&object).unwrap_or_else(|| {
            Box::new(Held {
                pixel: place.0,
                rows: 0,
                alive: 0,
                newest: None,
                noted: Noted::default(),
                withdrawn: Vec::new(),
                curve: None,
                states: Box::default(),
                hash: 0,
            })
        });
        held.pixel = place.0;
        held.rows = held.rows.saturating_add_signed(touch.rows.iter().map(|(_, net)| *net as i32).sum());
        let trigger = held.noted.trigger;
        self.note(epoch, object, &mut held, touch);
        let mut looked_at = trigger != held.noted.trigger;
        let mut transient = None;
        let curve = match held.curve.as_mut() {
            Some(curve) => {
                touch.rows.iter().filter(|(_, net)| *net < 0).for_each(|(row, _)| curve.remove(row));
                touch.rows.iter().filter(|(_, net)| *net > 0).for_each(|(row, _)| curve.insert(row));
                curve
            }
            None => {
                let mut curve = Box::new(self.rules.curve(object.survey));
                // Of an object that is new, all that is known has just come.
                let all = held.rows as usize == touch.rows.len() && touch.rows.iter().all(|(_, net)| *net > 0);
                let rows = if all { &touch.rows[..] } else { reader.range(&place, None, |_| true) };
                curve.fill(rows.iter().filter(|(_, net)| *net > 0).map(|(row, _)| row));
                if held.rows as usize > self.long { held.curve.insert(curve) } else { transient.insert(curve) }
            }
        };
        let clock = self.clocks.get(object.survey);
        let mut after = answer(object, curve, &held.noted, clock, &self.rules);
        let before = held.said();
        let hash = if held.rows == 0 { 0 } else { digest::of_answer(&mut after) };
        looked_at |= hash != held.hash;
        told.digest = told.digest.wrapping_add(hash).wrapping_sub(held.hash);
        held.hash = hash;
        held.states = held_states(&after, &self.rules).into_boxed_slice();
        let gone = held.rows == 0;
        // What nobody is told needs no reason.
        let why = (epoch >= self.since).then(|| {
            let mut causes = causes(&touch.rows, before.newest, |kind, id| touch.joined.contains(&(kind, id)));
            causes.extend(context_causes(&touch.contexts, &causes, &held.withdrawn));
            causes.sort_unstable();
            causes
        });
        self.say(object, held, &before, told, gone, Answered { after: Some(after), why, looked_at })
    }

    /// Keeps what the context columns say current.
    fn note(&mut self, epoch: Epoch, object: ObjectId, held: &mut Held, touch: &Touch<'_>) {
        let withdrawn = |row: &Measurement| row.kind == Kind::Source && row.quality.has(Quality::WITHDRAWN);
        let mut again = false;
        let marked = || touch.rows.iter().filter(|(row, _)| withdrawn(row));
        // One withdrawn value may replace another: what goes goes first.
        for (row, _) in marked().filter(|(_, net)| *net < 0) {
            held.withdrawn.retain(|id| *id != row.id);
            again = true;
        }
        for (row, _) in marked().filter(|(_, net)| *net > 0) {
            held.withdrawn.push(row.id);
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
    }

    /// What time alone does.
    fn expire(&mut self, epoch: Epoch, due: BTreeSet<ObjectId>, told: &mut Told) {
        for object in due {
            let Some(mut held) = self.held.remove(&object) else { continue };
            let before = held.said();
            let after = self.expiry.then(|| self.again(epoch, object, &mut held));
            let why = (epoch >= self.since).then(Vec::new);
            let answered = Answered { after, why, looked_at: false };
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
                let rows = reader.range(&(held.pixel, object), None, |_| true).iter().filter(|(_, net)| *net > 0);
                curve.fill(rows.map(|(row, _)| row));
                transient.insert(curve)
            }
        };
        answer(object, curve, &held.noted, self.clocks.get(object.survey), &self.rules)
    }

    /// Settles what is alive, counts it, files the next deadline, and puts the object back.
    fn say(
        &mut self,
        object: ObjectId,
        mut held: Box<Held>,
        before: &Said,
        told: &mut Told,
        gone: bool,
        answered: Answered,
    ) -> Option<Change> {
        let clock = self.clocks.get(object.survey);
        if let Some(answer) = &answered.after {
            held.newest = answer.newest;
        }
        held.alive = alive(held.newest, clock, &self.rules);
        let said = held.said();
        let due = |said: &Said, states: &[(u16, u32)]| deadline(states, said, &self.rules);
        // The deadline that was filed is a function of what was said.
        let filed = before.newest.and_then(|_| due(before, &before.alive));
        self.wheel.change(object, filed, due(&said, &said.alive));
        for (said, sign) in [(before, -1), (&said, 1)] {
            if said.newest.is_some() {
                let hash = digest::of_said(&object, said);
                told.digest = if sign > 0 { told.digest.wrapping_add(hash) } else { told.digest.wrapping_sub(hash) };
            }
        }
        count_alive(object, before, &said, &mut told.tallies);
        if !gone {
            self.held.insert(object, held);
        }
        let Answered { after, why, looked_at: features } = answered;
        let (after, causes) = after.zip(why)?;
        // The same answer at a later clock: time alone did it, if anything.
        if !features && (said == *before || !self.expiry) {
            return None;
        }
        told.tallies.add(object.survey, Counter::Changes, 1);
        Some(Change { object, before: before.clone(), said, features, after: (!gone).then(|| Box::new(after)), causes })
    }

    /// What was told last of every object that has been seen, with the stamp of its whole answer.
    pub fn told(&self) -> impl Iterator<Item = (ObjectId, Said, u128)> {
        self.held.iter().map(|(object, held)| (*object, held.said(), held.hash))
    }

    /// Looks at every object with its standing measurements and the answer about it, in order, after the dataflow has finished.
    pub fn for_each(&mut self, mut look: impl FnMut(&[Measurement], &Answer)) {
        let mut reader = Reader::last(&self.measurements);
        for place in reader.keys() {
            let rows = reader.range(&place, None, |_| true).iter().filter(|(_, net)| *net > 0);
            let rows: Vec<Measurement> = rows.map(|(row, _)| *row).collect();
            let Some(held) = self.held.get(&place.1).filter(|_| !rows.is_empty()) else { continue };
            let mut curve = self.rules.curve(place.1.survey);
            curve.fill(rows.iter());
            look(&rows, &answer(place.1, &mut curve, &held.noted, self.clocks.get(place.1.survey), &self.rules));
        }
    }
}

/// What tells one answer from another: equal for equal ones.
pub fn stamp(answer: &Answer) -> u128 {
    digest::of_answer(&mut answer.clone())
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

/// Every update of a batch, net of its times.
pub fn each<K, V>(batch: &Batch<K, V>, mut tell: impl FnMut(&K, &V, isize))
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
