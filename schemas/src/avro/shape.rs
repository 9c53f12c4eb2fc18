//! The short cut through a segment that looks like one seen before.
//!
//! The layout of a segment follows from a few of its bytes: union tags, the continuation bits of integers, the
//! lengths of texts. A shape remembers them as a masked template. Where a template matches, every value is at a
//! known offset, nothing depends on what came before, and validity is a constant. The template also pins what else
//! the walk would check (booleans are 0 or 1, ints have 32 bits), so a match reads exactly what the walk would have
//! read; everything else is left to the walk. A shape can make a packet faster, never different.

use super::offset::{At, Short};
use super::segment::{Place, Prim, Segment, Step, slice_word};
use super::selection::{Slot, Wanted};
use super::template::Template;
use super::wire::Bad;

/// Longer segments are not learned: offsets are 16 bits.
const MAX_LEN: usize = 1 << 13;
/// Nor are shorter ones, which an integer's eight bytes would not fit in.
const MIN_LEN: usize = 8;
/// Shapes kept for a segment.
const MAX_SHAPES: usize = 24;
#[derive(Clone, Debug, Default)]
struct Shape {
    template: Template,
    /// Bytes of the segment.
    len: usize,
    /// Validity bits, by the word that holds them.
    valid: Vec<(u16, u64)>,
    floats: Vec<At>,
    doubles: Vec<At>,
    shorts: Vec<Short>,
    longs: Vec<At>,
    /// Slices that must be UTF-8.
    texts: Vec<At>,
    /// Whether there is any of what follows.
    rare: bool,
    /// Integers that are wanted as floats.
    counts: Vec<At>,
    booleans: Vec<At>,
    slices: Vec<At>,
    /// Enum symbols, which the template pins.
    symbols: Vec<(u16, u64)>,
}

/// The shapes of one segment, likeliest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Shapes {
    #[expect(clippy::vec_box, reason = "they change places all the time")]
    known: Vec<Box<Shape>>,
    misses: u32,
    off: bool,
}

impl Shapes {
    /// Without shapes, or with them again.
    pub fn switch(&mut self, on: bool) {
        *self = Shapes { off: !on, ..Shapes::default() };
    }

    /// Counts a miss; true when it should be learned from. After a while only one in sixteen is, so that a segment
    /// that never looks the same twice costs little more than its walk.
    pub fn wants_more(&mut self) -> bool {
        self.misses = self.misses.wrapping_add(1);
        !self.off && (self.misses < 512 || self.misses.is_multiple_of(16))
    }

    /// Reads the segment at `at` by a shape that it has; false, with `at` as it was, when it has none.
    #[inline(always)]
    pub fn apply(&mut self, bytes: &[u8], at: &mut usize, row: &mut [u64]) -> Result<bool, Bad> {
        let Some(rest) = bytes.get(*at..) else { return Ok(false) };
        for which in 0..self.known.len() {
            let shape = &self.known[which];
            let Some(segment) = rest.get(..shape.len) else { continue };
            if !shape.template.matches(rest) {
                continue;
            }
            shape.capture(segment, *at, row)?;
            *at += shape.len;
            if which > 0 {
                self.known.swap(which, which - 1);
            }
            return Ok(true);
        }
        Ok(false)
    }

    /// Remembers the layout of the segment that lies at `start` and ends where `bytes` do.
    #[cold]
    pub fn learn(&mut self, segment: &Segment, bytes: &[u8], start: usize) {
        let Some(shape) = Shape::of(segment, bytes, start) else { return };
        self.known.truncate(MAX_SHAPES - 1);
        // Halfway: not before what has proved itself, not where the next one to come would push it out.
        self.known.insert(self.known.len() / 2, Box::new(shape));
    }
}

impl Shape {
    #[inline(always)]
    fn capture(&self, segment: &[u8], base: usize, row: &mut [u64]) -> Result<(), Bad> {
        for at in &self.floats {
            if let Some(float) = at.float(segment) {
                put(row, at.slot, f64::from(float).to_bits());
            }
        }
        for at in &self.doubles {
            if let Some(word) = at.word(segment) {
                put(row, at.slot, word);
            }
        }
        for short in &self.shorts {
            put(row, short.slot, short.read(segment) as u64);
        }
        for at in &self.longs {
            put(row, at.slot, at.integer(segment) as u64);
        }
        for at in &self.texts {
            let text = at.bytes(segment);
            if !text.is_ascii() && std::str::from_utf8(text).is_err() {
                return Err(Bad::Text);
            }
            put(row, at.slot, slice_word(base + usize::from(at.offset), text.len()));
        }
        if self.rare {
            self.capture_rare(segment, base, row);
        }
        for (at, bits) in &self.valid {
            if let Some(valid) = row.get_mut(usize::from(*at)) {
                *valid |= bits;
            }
        }
        Ok(())
    }

    fn capture_rare(&self, segment: &[u8], base: usize, row: &mut [u64]) {
        for at in &self.counts {
            put(row, at.slot, (at.integer(segment) as f64).to_bits());
        }
        for at in &self.booleans {
            put(row, at.slot, at.bytes(segment).first().map_or(0, |byte| u64::from(*byte)));
        }
        for at in &self.slices {
            put(row, at.slot, slice_word(base + usize::from(at.offset), usize::from(at.len)));
        }
        for (slot, word) in &self.symbols {
            put(row, *slot, *word);
        }
    }

    fn of(segment: &Segment, bytes: &[u8], start: usize) -> Option<Shape> {
        let len = bytes.len().checked_sub(start).filter(|len| (MIN_LEN..=MAX_LEN).contains(len))?;
        let mut shape = Shape { len, ..Shape::default() };
        let mut mask = vec![0u8; len];
        let mut learnable = true;
        let walked = segment.walk(bytes, &mut start.clone(), |step, place, word| {
            let place = Place { tag: place.tag - start, value: place.value - start, end: place.end - start };
            learnable &= shape.note(segment, step, place, word, &mut mask);
            Ok(())
        });
        if walked.is_err() || !learnable {
            return None;
        }
        shape.template = Template::of(&mask, &bytes[start..]);
        Some(shape)
    }

    /// Notes one field: what of it the template pins, and where its wanted values are. False if it cannot be pinned.
    fn note(&mut self, segment: &Segment, step: &Step, place: Place, word: Option<u64>, mask: &mut [u8]) -> bool {
        let Place { tag, value, end } = place;
        mask[tag..value].fill(0xff);
        let Some(word) = word else { return true };
        let mut from = value;
        match step.prim {
            Prim::Boolean => mask[value] = 0xfe,
            Prim::Int | Prim::Long => {
                mask[value..end].fill(0x80);
                // The last byte of the longest: no bits beyond those of the type.
                match (step.prim, end - value) {
                    (Prim::Int, 6..) => return false,
                    (Prim::Int, 5) => mask[end - 1] = 0xf0,
                    (Prim::Long, 10..) => mask[end - 1] = 0xfe,
                    _ => {}
                }
            }
            Prim::Bytes => {
                from = end - word as u32 as usize;
                mask[value..from].fill(0xff);
            }
            Prim::Enum(_) => mask[value..end].fill(0xff),
            Prim::Float | Prim::Double | Prim::Fixed(_) => {}
        }
        for slot in segment.slots_of(step) {
            self.place(*slot, step.prim, At { offset: from as u16, slot: slot.at, len: (end - from) as u16 }, word);
        }
        true
    }

    fn place(&mut self, slot: Slot, prim: Prim, at: At, word: u64) {
        self.rare |= !matches!(
            (prim, slot.wanted),
            (Prim::Float | Prim::Double, _) | (Prim::Int | Prim::Long, Wanted::Integer) | (Prim::Bytes, Wanted::Text)
        );
        match (prim, slot.wanted) {
            (Prim::Float, _) => self.floats.push(at),
            (Prim::Double, _) => self.doubles.push(at),
            (Prim::Int | Prim::Long, Wanted::Float) => self.counts.push(at),
            (Prim::Int | Prim::Long, _) => match Short::of(at, self.len) {
                Some(short) => self.shorts.push(short),
                None => self.longs.push(at),
            },
            (Prim::Boolean, _) => self.booleans.push(at),
            (Prim::Bytes, Wanted::Text) => self.texts.push(at),
            (Prim::Bytes | Prim::Fixed(_), _) => self.slices.push(at),
            (Prim::Enum(_), _) => self.symbols.push((slot.at, word)),
        }
        let (block, bit) = (slot.at & !63, 1 << (slot.at & 63));
        match self.valid.iter_mut().find(|(at, _)| *at == block) {
            Some((_, bits)) => *bits |= bit,
            None => self.valid.push((block, bit)),
        }
    }
}

#[inline(always)]
fn put(row: &mut [u64], slot: u16, word: u64) {
    if let Some(place) = row.get_mut(usize::from(slot)) {
        *place = word;
    }
}
