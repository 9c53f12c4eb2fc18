//! What stands after an epoch's orders: the part of [`crate::history`] that knows no dataflow.

use crate::flow::Reader;
use crate::history::{Against, Handed, Order, Place};
use crate::membership::ContextRow;
use crate::tally::Tallies;
use crate::{Counter, Epoch};
use rustc_hash::FxHashMap;
use skydiff_schemas::{
    Context, Kind, Measurement, MicroDays, ObjectClass, ObjectId, Pixel, Position, Quality, SourceId,
};
use std::cmp::Reverse;
use std::collections::BTreeMap;

type Measurements = Reader<Place, Measurement>;
type Contexts = Reader<ObjectId, ContextRow>;
type Identity = (Kind, SourceId);
type Update = ((Place, Measurement), Epoch, isize);

/// Where an object is kept, and the source that says so.
#[derive(Clone, Copy)]
struct Home {
    pixel: Pixel,
    first: Option<(MicroDays, SourceId)>,
    rows: u32,
}

/// What stood and what stands of one identity.
#[derive(Default)]
struct Fate {
    before: Option<Measurement>,
    after: Option<Measurement>,
    put: Option<(Measurement, Against)>,
}

/// How an identity is touched. At most one of each kind comes for an object and epoch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum How {
    Left,
    Handed,
    Put,
}

/// What the orders of one epoch touch, by object.
#[derive(Default)]
pub(crate) struct Touched {
    puts: Vec<(ObjectId, Measurement, Against)>,
    left: Vec<(ObjectId, Measurement)>,
    left_contexts: Vec<(ObjectId, ContextRow)>,
    handed: Vec<(ObjectId, Measurement)>,
    notes: BTreeMap<ObjectId, Vec<(ContextRow, bool)>>,
}

/// What happened to a measurement of an object, and its place among them.
type Moved = (ObjectId, Identity, How, u32);

impl Touched {
    /// Takes what other objects handed over.
    pub(crate) fn arrive(&mut self, handed: Vec<Handed>) {
        for Handed { to, measurement, context } in handed {
            self.handed.push((to, measurement));
            if let Some(context) = context {
                self.notes.entry(to).or_default().push((context, true));
            }
        }
    }
}

/// The changes of an epoch, ready to be arranged.
#[derive(Default)]
pub(crate) struct Settled {
    pub(crate) measurements: Vec<Update>,
    pub(crate) contexts: Vec<((ObjectId, ContextRow), Epoch, isize)>,
    pub(crate) tallies: Tallies,
}

/// Where this worker's objects are kept. 40 bytes an object.
#[derive(Default)]
pub(crate) struct Histories {
    homes: FxHashMap<ObjectId, Home>,
}

impl Histories {
    /// Sorts orders by object and takes out what is handed over, which stands in the traces as they are.
    pub(crate) fn sort_out(
        &self,
        orders: Vec<Order>,
        measurements: &mut Measurements,
        contexts: &mut Contexts,
    ) -> (Touched, Vec<Handed>) {
        let (mut touched, mut leaving) = (Touched::default(), Vec::new());
        for order in orders {
            match order {
                Order::Put { object, measurement, against } => touched.puts.push((object, measurement, against)),
                Order::Note { object, context, first } => {
                    touched.notes.entry(object).or_default().push((*context, first))
                }
                Order::HandOver { object, kind, id, to } => leaving.push((self.place(object), kind, id, to)),
            }
        }
        // A reader goes forward only.
        leaving.sort_unstable();
        let mut handed = Vec::with_capacity(leaving.len());
        for (place, kind, id, to) in &leaving {
            let found = whole(measurements, place).find(|known| (known.kind, known.id) == (*kind, *id));
            if let Some(measurement) = found {
                touched.left.push((place.1, measurement));
                handed.push(Handed { to: *to, measurement, context: None });
            }
        }
        leaving.sort_unstable_by_key(|((_, object), ..)| *object);
        for ((_, object), kind, id, to) in leaving {
            if kind == Kind::Source
                && let Some(context) = noted(contexts, object).find(|known| known.source == id)
            {
                touched.left_contexts.push((object, context));
                let same = |handed: &&mut Handed| {
                    handed.to == to && (handed.measurement.kind, handed.measurement.id) == (kind, id)
                };
                if let Some(handed) = handed.iter_mut().find(same) {
                    handed.context = Some(context);
                }
            }
        }
        (touched, handed)
    }

    /// What changes, given everything that touches this worker's objects in `epoch`.
    pub(crate) fn settle(
        &mut self,
        touched: Touched,
        epoch: Epoch,
        measurements: &mut Measurements,
        contexts: &mut Contexts,
    ) -> Settled {
        let Touched { puts, left, left_contexts, handed, notes } = touched;
        let mut settled = Settled::default();
        settled.contexts.extend(left_contexts.into_iter().map(|row| (row, epoch, -1)));
        for (object, notes) in notes {
            note(object, notes, epoch, contexts, &mut settled);
        }
        // Names are sorted, not rows: these are long, and there may be a night of them.
        let mut names = Vec::with_capacity(puts.len() + left.len() + handed.len());
        let name = |at: usize, object, row: &Measurement, how| (object, (row.kind, row.id), how, at as u32);
        names.extend(left.iter().enumerate().map(|(at, (object, row))| name(at, *object, row, How::Left)));
        names.extend(handed.iter().enumerate().map(|(at, (object, row))| name(at, *object, row, How::Handed)));
        names.extend(puts.iter().enumerate().map(|(at, (object, row, _))| name(at, *object, row, How::Put)));
        names.sort_unstable();
        let mut objects: Vec<(Place, &[Moved])> =
            names.chunk_by(|a, b| a.0 == b.0).map(|names| (self.place(names[0].0), names)).collect();
        // A reader goes forward only.
        objects.sort_unstable_by_key(|(place, _)| *place);
        let (mut fates, mut runs) = (Vec::<(Identity, Fate)>::new(), Vec::with_capacity(objects.len()));
        settled.measurements.reserve(names.len());
        for (place, names) in objects {
            for identity in names.chunk_by(|a, b| a.1 == b.1) {
                let mut fate = Fate::default();
                for (.., how, at) in identity {
                    match how {
                        How::Left => fate.before = left.get(*at as usize).map(|(_, row)| *row),
                        How::Handed => fate.after = handed.get(*at as usize).map(|(_, row)| *row),
                        How::Put => fate.put = puts.get(*at as usize).map(|(_, row, against)| (*row, *against)),
                    }
                }
                decide(place, identity[0].1, &mut fate, measurements, &mut settled.tallies);
                fates.push((identity[0].1, fate));
            }
            let begin = settled.measurements.len();
            self.rehome(place, &fates, epoch, measurements, &mut settled);
            settled.measurements[begin..].sort_unstable();
            runs.push(begin);
            fates.clear();
        }
        in_order(&mut settled.measurements, &runs);
        settled
    }

    fn place(&self, object: ObjectId) -> Place {
        (self.homes.get(&object).map_or(Pixel::NONE, |home| home.pixel), object)
    }

    /// Writes an object's changes where it is kept, and moves all of its rows when that changes.
    fn rehome(
        &mut self,
        place: Place,
        fates: &[(Identity, Fate)],
        epoch: Epoch,
        measurements: &mut Measurements,
        settled: &mut Settled,
    ) {
        let (pixel, object) = place;
        let home = self.homes.get(&object).copied().unwrap_or(Home { pixel: Pixel::NONE, first: None, rows: 0 });
        let (mut first, mut rows, mut lost) = (home.first, i64::from(home.rows), false);
        let (named, fates) = (fates, || fates.iter().map(|(_, fate)| fate));
        for fate in fates() {
            rows += i64::from(fate.after.is_some()) - i64::from(fate.before.is_some());
            lost |= fate.before != fate.after
                && fate.before.is_some_and(|before| Some((before.time, before.id)) == home.first);
        }
        let changed = |measurement: &Measurement| {
            named.binary_search_by_key(&(measurement.kind, measurement.id), |(identity, _)| *identity).is_ok()
        };
        let mut found: Option<Measurement> = None;
        let mut see = |measurement: &Measurement| {
            if leads(measurement)
                && found.is_none_or(|found| (measurement.time, measurement.id) < (found.time, found.id))
            {
                found = Some(*measurement);
            }
        };
        fates().filter_map(|fate| fate.after.as_ref()).for_each(&mut see);
        if lost {
            whole(measurements, &place).filter(|known| !changed(known)).for_each(|known| see(&known));
        }
        let keep = !lost && first.is_some_and(|first| found.is_none_or(|found| first < (found.time, found.id)));
        let moved_to = if keep { pixel } else { found.map_or(Pixel::NONE, |found| found.position.pixel()) };
        let moved_to = if object.class == ObjectClass::SolarSystem { Pixel::NONE } else { moved_to };
        if !keep {
            first = found.map(|found| (found.time, found.id));
        }
        for fate in fates().filter(|fate| fate.before != fate.after || moved_to != pixel) {
            settled.measurements.extend(fate.before.map(|before| ((place, before), epoch, -1)));
            settled.measurements.extend(fate.after.map(|after| (((moved_to, object), after), epoch, 1)));
        }
        if moved_to != pixel && home.rows > 0 {
            for known in whole(measurements, &place).filter(|known| !changed(known)) {
                settled.measurements.push(((place, known), epoch, -1));
                settled.measurements.push((((moved_to, object), known), epoch, 1));
            }
        }
        let objects = i64::from(rows > 0) - i64::from(home.rows > 0);
        if objects != 0 {
            settled.tallies.add(object.survey, Counter::Objects, objects);
        }
        match u32::try_from(rows) {
            Ok(0) | Err(_) => self.homes.remove(&object),
            Ok(rows) => self.homes.insert(object, Home { pixel: moved_to, first, rows }),
        };
    }
}

/// Brings updates into order of their data: `runs` is where each object's begin, which are in order by themselves and lie at
/// one place, or at two when the object moved.
fn in_order(updates: &mut Vec<Update>, runs: &[usize]) {
    if updates.is_sorted_by(|a, b| a.0 <= b.0) {
        return;
    }
    let ends = runs.iter().skip(1).copied().chain([updates.len()]);
    let runs = runs.iter().zip(ends).flat_map(|(begin, end)| {
        let begin = *begin;
        updates[begin..end].chunk_by(|a, b| a.0.0 == b.0.0).scan(begin, |at, run| {
            let from = *at;
            *at += run.len();
            Some((run[0].0.0, from..*at))
        })
    });
    let mut runs: Vec<(Place, std::ops::Range<usize>)> = runs.collect();
    runs.sort_unstable_by_key(|(place, run)| (*place, run.start));
    let mut ordered = Vec::with_capacity(updates.len());
    runs.into_iter().for_each(|(_, run)| ordered.extend_from_slice(&updates[run]));
    *updates = ordered;
}

/// Whether a measurement can say where its object is.
fn leads(measurement: &Measurement) -> bool {
    measurement.kind == Kind::Source
        && measurement.position != Position::UNKNOWN
        && !measurement.quality.has(Quality::WITHDRAWN)
}

/// Settles one identity: finds what stood, decides what stands, counts what became of the row that was put.
fn decide(place: Place, identity: Identity, fate: &mut Fate, measurements: &mut Measurements, tallies: &mut Tallies) {
    let mut count = |counter, change| tallies.add(place.1.survey, counter, change);
    if fate.before.is_some() {
        count(Counter::Moved, 1);
    } else if let Some((put, against)) = fate.put {
        if fate.after.is_none() && against != Against::Nothing {
            fate.before = standing(place, identity, put.time, measurements);
            fate.after = fate.before;
        }
        let stood = fate.after;
        if against == Against::Lesser || stood.is_none_or(|stood| stood < put) {
            fate.after = Some(put);
        }
        let counter = match stood {
            _ if fate.after == stood && against == Against::Lesser => Counter::Confirmed,
            _ if fate.after == stood => Counter::Known,
            _ if put.quality.has(Quality::WITHDRAWN) => Counter::Withdrawn,
            None => Counter::New,
            Some(_) => Counter::Superseded,
        };
        count(counter, 1);
    }
    for (measurement, change) in [(fate.before, -1), (fate.after, 1)] {
        let Some(measurement) = measurement.filter(|_| fate.before != fate.after) else { continue };
        count(Counter::Measurements, change);
        for (bit, (reason, _)) in Quality::REASONS.iter().enumerate() {
            if measurement.quality.has(*reason) {
                count(Counter::Bad(bit as u8), change);
            }
        }
    }
}

/// What stands of an identity. A re-measured row nearly always keeps its time, so that is looked at first.
fn standing(place: Place, identity: Identity, time: MicroDays, measurements: &mut Measurements) -> Option<Measurement> {
    let known = |rows: &[(Measurement, isize)]| {
        rows.iter().filter(|(_, net)| *net > 0).map(|(row, _)| *row).find(|row| (row.kind, row.id) == identity)
    };
    known(measurements.range(&place, Some(&first_at(time)), |row| row.time == time))
        .or_else(|| known(measurements.range(&place, None, |_| true)))
}

/// Least measurement of an instant.
pub(crate) fn first_at(time: MicroDays) -> Measurement {
    use skydiff_schemas::{Band, PicoJansky};
    let least = PicoJansky(i64::MIN);
    Measurement {
        time,
        id: SourceId(0),
        visit: 0,
        flux: least,
        sigma: least,
        total: least,
        position: Position(0),
        reference: 0,
        quality: Quality::GOOD,
        kind: Kind::Source,
        band: Band(0),
    }
}

fn whole<'a>(measurements: &'a mut Measurements, place: &Place) -> impl Iterator<Item = Measurement> + use<'a> {
    measurements.range(place, None, |_| true).iter().filter(|(_, net)| *net > 0).map(|(row, _)| *row)
}

fn noted(contexts: &mut Contexts, object: ObjectId) -> impl Iterator<Item = ContextRow> + use<'_> {
    contexts.range(&object, None, |_| true).iter().filter(|(_, net)| *net > 0).map(|(row, _)| *row)
}

/// Of the copies of each trigger's context, the greatest version stands; of copies that are otherwise equal, the one that
/// was received first, so that a packet that is sent again says nothing.
fn note(
    object: ObjectId,
    mut notes: Vec<(ContextRow, bool)>,
    epoch: Epoch,
    contexts: &mut Contexts,
    settled: &mut Settled,
) {
    let rank = |row: &ContextRow| {
        let columns = Context { received: MicroDays(0), ..row.context };
        (row.version, row.time, columns, Reverse(row.context.received))
    };
    notes.sort_unstable_by_key(|(row, _)| (row.source, rank(row)));
    for copies in notes.chunk_by(|(a, _), (b, _)| a.source == b.source) {
        let Some((best, _)) = copies.last() else { continue };
        let first = copies.iter().any(|(_, first)| *first);
        let standing = if first { None } else { standing_context(object, best, contexts) };
        if standing.is_none_or(|standing| rank(&standing) < rank(best)) {
            settled.contexts.extend(standing.map(|standing| ((object, standing), epoch, -1)));
            settled.contexts.push(((object, *best), epoch, 1));
        }
    }
}

/// As with measurements, a copy nearly always has the time of the one that stands.
fn standing_context(object: ObjectId, like: &ContextRow, contexts: &mut Contexts) -> Option<ContextRow> {
    let from = ContextRow { source: SourceId(0), ..*like };
    let known = |rows: &[(ContextRow, isize)]| {
        rows.iter().filter(|(_, net)| *net > 0).map(|(row, _)| *row).find(|row| row.source == like.source)
    };
    known(contexts.range(&object, Some(&from), |row| row.time == like.time))
        .or_else(|| known(contexts.range(&object, None, |_| true)))
}
