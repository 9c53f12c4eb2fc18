//! The flux visits of one series, in time order, summed by chunk.
//!
//! All windows end at the same instant, so they are nested: one pass from there backwards reads every
//! one of them, taking whole chunks by their sums. A window of thousands of visits costs the walk
//! through the chunks that its edges cut, and one addition for each chunk, or block of chunks, between.

use super::sums::{Sums, nearest};
use super::visit::Visit;
use ethnum::I256;
use skydiff_schemas::MicroDays;

/// Visits a chunk aims at; it splits at twice as many.
const CHUNK: usize = 16;
/// Chunks that are summed once more together.
const BLOCK: usize = 16;

#[derive(Debug, Default)]
struct Chunk {
    visits: Vec<Visit>,
    /// Of all its visits, when they were needed last and have not changed since.
    sums: Option<Box<Sums>>,
}

impl Chunk {
    fn oldest(&self) -> MicroDays {
        self.visits.first().map_or(MicroDays(i64::MIN), |visit| visit.time)
    }

    fn newest(&self) -> MicroDays {
        self.visits.last().map_or(MicroDays(i64::MIN), |visit| visit.time)
    }

    fn sums(&mut self, slot: i64) -> &Sums {
        self.sums.get_or_insert_with(|| Box::new(total(&self.visits, slot)))
    }
}

/// The flux visits of a band on one reference image.
#[derive(Debug, Default)]
pub struct Series {
    /// Never empty ones; a slot is never divided between two.
    chunks: Vec<Chunk>,
    /// Sums over each [`BLOCK`] chunks, counted from the oldest, where they were needed and still hold.
    blocks: Vec<Option<Box<Sums>>>,
    /// Number, weight and moments of flux of all visits.
    all: Sums,
}

/// Visits of a series that fall into one slot, averaged.
#[derive(Clone, Copy, Debug)]
pub struct Slot {
    /// Σw, per pJy².
    pub weight: f64,
    /// Weighted mean time.
    pub time: MicroDays,
    /// Weighted mean flux, pJy.
    pub flux: i64,
    /// First visit.
    pub oldest: MicroDays,
    /// Last visit.
    pub newest: MicroDays,
}

/// A window of a series, read; and the next ones after it, where they hold the same visits.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// How many windows it is of.
    pub windows: usize,
    /// Sums over its visits and slots.
    pub sums: Sums,
    /// Its newest visit.
    pub newest: Option<Visit>,
    /// Its newest slot and the one before.
    pub slots: [Option<Slot>; 2],
    /// The visits before it: their number, weight and moments of flux.
    pub earlier: Sums,
}

impl Reading {
    /// Whether it has two slots.
    pub fn has_two_slots(&self) -> bool {
        self.slots[1].is_some()
    }
}

impl Series {
    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Adds a visit. `slot` is the width of a slot in microdays, here and below always the same.
    pub fn insert(&mut self, visit: Visit, slot: i64) {
        self.all.visit(&visit, visit.weight());
        let at = self.chunk_of(visit.time, slot);
        let Some(chunk) = self.chunks.get_mut(at) else {
            self.chunks.push(Chunk { visits: vec![visit], sums: None });
            return;
        };
        chunk.sums = None;
        let place = chunk.visits.partition_point(|known| known.place() < visit.place());
        chunk.visits.insert(place, visit);
        let long = chunk.visits.len() > 2 * CHUNK;
        match if long { cut(&chunk.visits, slot) } else { None } {
            None => self.forget_block(at),
            Some(cut) => {
                let newer = chunk.visits.split_off(cut);
                self.chunks.insert(at + 1, Chunk { visits: newer, sums: None });
                self.blocks.truncate(at / BLOCK);
            }
        }
    }

    /// Takes visits, in order of their places, into a series without any.
    pub fn fill(&mut self, visits: impl Iterator<Item = Visit>, slot: i64) {
        let mut open: Option<Chunk> = None;
        for visit in visits {
            self.all.visit(&visit, visit.weight());
            let key = visit.time.0.div_euclid(slot);
            let full = open.take_if(|chunk| chunk.visits.len() >= CHUNK && chunk.newest().0.div_euclid(slot) != key);
            self.chunks.extend(full);
            open.get_or_insert_with(Chunk::default).visits.push(visit);
        }
        self.chunks.extend(open);
    }

    /// Takes a visit away.
    pub fn remove(&mut self, visit: &Visit, slot: i64) {
        let at = self.chunk_of(visit.time, slot);
        let Some(chunk) = self.chunks.get_mut(at) else { return };
        let Some(place) = chunk.visits.iter().position(|known| known.place() == visit.place()) else { return };
        let mut gone = Sums::default();
        gone.visit(visit, visit.weight());
        self.all = self.all.without(&gone);
        chunk.sums = None;
        chunk.visits.remove(place);
        if chunk.visits.is_empty() {
            self.chunks.remove(at);
            self.blocks.truncate(at / BLOCK);
        } else {
            self.forget_block(at);
        }
    }

    fn forget_block(&mut self, chunk: usize) {
        if let Some(block) = self.blocks.get_mut(chunk / BLOCK) {
            *block = None;
        }
    }

    /// The sums of a whole block of chunks.
    fn block(&mut self, block: usize, slot: i64) -> &Sums {
        if self.blocks.len() <= block {
            self.blocks.resize(block + 1, None);
        }
        let chunks = &mut self.chunks[block * BLOCK..(block + 1) * BLOCK];
        self.blocks[block].get_or_insert_with(|| {
            let mut sums = Sums::default();
            chunks.iter_mut().rev().for_each(|chunk| sums.add(chunk.sums(slot)));
            Box::new(sums)
        })
    }

    /// The chunk that a time belongs to: the last that begins in or before its slot.
    fn chunk_of(&self, time: MicroDays, slot: i64) -> usize {
        let key = time.0.div_euclid(slot);
        let begins = |chunk: &Chunk| chunk.visits.first().is_some_and(|first| first.time.0.div_euclid(slot) <= key);
        self.chunks.partition_point(begins).saturating_sub(1)
    }

    /// Visits earlier than `end`, newest first.
    pub fn before(&self, end: MicroDays) -> impl Iterator<Item = &Visit> {
        let chunks = self.chunks.partition_point(|chunk| chunk.visits.first().is_some_and(|first| first.time < end));
        let last = chunks.checked_sub(1).map(|at| &self.chunks[at].visits);
        let in_last = last.map_or(0, |visits| visits.partition_point(|visit| visit.time < end));
        let last = last.into_iter().flat_map(move |visits| visits[..in_last].iter().rev());
        last.chain(self.chunks[..chunks.saturating_sub(1)].iter().rev().flat_map(|chunk| chunk.visits.iter().rev()))
    }

    /// Reads the windows `(bound, last]`, for bounds that fall, into `readings`: in order, one for each that differ.
    pub fn read(&mut self, last: MicroDays, bounds: &[MicroDays], slot: i64, readings: &mut Vec<Reading>) {
        readings.clear();
        let (mut pass, mut beyond) = (Pass::default(), Sums::default());
        let (mut at, mut done) = (self.chunks.len(), 0);
        'pass: while at > 0 {
            let inside = |oldest: &Chunk, newest: &Chunk| {
                newest.newest() <= last && bounds.get(done).is_some_and(|bound| oldest.oldest() > *bound)
            };
            let summed = pass.has_two_slots();
            if summed && at.is_multiple_of(BLOCK) && inside(&self.chunks[at - BLOCK], &self.chunks[at - 1]) {
                at -= BLOCK;
                pass.close();
                pass.sums.add(self.block(at / BLOCK, slot));
                continue;
            }
            at -= 1;
            let chunk = &mut self.chunks[at];
            if summed && inside(chunk, chunk) {
                pass.close();
                pass.sums.add(chunk.sums(slot));
                continue;
            }
            if chunk.oldest() > last {
                beyond.add(chunk.sums(slot));
                continue;
            }
            for visit in chunk.visits.iter().rev() {
                if visit.time > last {
                    beyond.visit(visit, visit.weight());
                    continue;
                }
                let ended = bounds[done..].iter().take_while(|bound| visit.time <= **bound).count();
                if ended > 0 {
                    readings.push(pass.reading(ended));
                    done += ended;
                }
                if done == bounds.len() {
                    break 'pass;
                }
                pass.take(visit, slot);
            }
        }
        if done < bounds.len() {
            readings.push(pass.reading(bounds.len() - done));
        }
        let known = self.all.without(&beyond);
        readings.iter_mut().for_each(|reading| reading.earlier = known.without(&reading.sums));
    }
}

/// Where a chunk may be divided: the edge of a slot that is nearest to its middle.
fn cut(visits: &[Visit], slot: i64) -> Option<usize> {
    let edge = |at: &usize| visits[at - 1].time.0.div_euclid(slot) != visits[*at].time.0.div_euclid(slot);
    (1..visits.len()).filter(edge).min_by_key(|at| at.abs_diff(visits.len() / 2))
}

fn total(visits: &[Visit], slot: i64) -> Sums {
    let mut pass = Pass::default();
    visits.iter().rev().for_each(|visit| pass.take(visit, slot));
    pass.close();
    pass.sums
}

/// The state of a backward pass.
#[derive(Default)]
struct Pass {
    sums: Sums,
    newest: Option<Visit>,
    slots: [Option<Slot>; 2],
    open: Option<Open>,
}

/// A slot that is being read.
#[derive(Clone, Copy)]
struct Open {
    key: i64,
    visits: u32,
    w: I256,
    wt: I256,
    wf: I256,
    oldest: Visit,
    newest: MicroDays,
}

impl Open {
    fn mean(&self) -> (MicroDays, i64) {
        match self.visits {
            1 => (self.oldest.time, self.oldest.flux.0),
            _ => (MicroDays(nearest(self.wt, self.w).as_i64()), nearest(self.wf, self.w).as_i64()),
        }
    }
}

impl Pass {
    fn take(&mut self, visit: &Visit, slot: i64) {
        let (key, w) = (visit.time.0.div_euclid(slot), visit.weight());
        if self.open.is_some_and(|open| open.key != key) {
            self.close();
        }
        let (time, flux) = (I256::from(visit.time.0), I256::from(visit.flux.0));
        let new =
            Open { key, visits: 0, w: I256::ZERO, wt: I256::ZERO, wf: I256::ZERO, oldest: *visit, newest: visit.time };
        let open = self.open.get_or_insert(new);
        open.visits += 1;
        open.w += w;
        open.wt += w * time;
        open.wf += w * flux;
        open.oldest = *visit;
        self.newest = self.newest.or(Some(*visit));
        self.sums.visit(visit, w);
    }

    fn close(&mut self) {
        let Some(open) = self.open.take() else { return };
        let (time, flux) = open.mean();
        self.sums.slot(open.w, time, flux);
        if let Some(free) = self.slots.iter_mut().find(|slot| slot.is_none()) {
            let weight = open.w.as_f64() / 2f64.powi(super::visit::WEIGHT_PLACES);
            *free = Some(Slot { weight, time, flux, oldest: open.oldest.time, newest: open.newest });
        }
    }

    /// Whether two slots are known, the open one included.
    fn has_two_slots(&self) -> bool {
        self.slots.iter().flatten().count() + usize::from(self.open.is_some()) >= 2
    }

    /// Windows that end here, without ending the pass.
    fn reading(&self, windows: usize) -> Reading {
        let mut now = Pass { sums: self.sums, newest: self.newest, slots: self.slots, open: self.open };
        now.close();
        Reading { windows, sums: now.sums, newest: now.newest, slots: now.slots, earlier: Sums::default() }
    }
}
