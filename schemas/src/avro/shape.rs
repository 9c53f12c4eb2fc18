//! The short cut through a segment that looks like one seen before.
//!
//! The layout of a segment follows from a few of its bytes: union tags, the continuation bits of integers, the
//! lengths of texts. A shape remembers them as a masked template. Where a template matches, every value is at a
//! known offset, nothing depends on what came before, and validity is a constant. The template also pins what else
//! the walk would check (booleans are 0 or 1, ints have 32 bits), so a match reads exactly what the walk would have
//! read; everything else is left to the walk. A shape can make a packet faster, never different.

use super::segment::{Place, Prim, Segment, Step, slice_word};
use super::selection::{Slot, Wanted};
use super::wire::{Bad, zigzag};

/// Longer segments are not learned: offsets are 16 bits.
const MAX_LEN: usize = 1 << 13;
/// Shapes kept for a segment.
const MAX_SHAPES: usize = 24;
/// Bytes compared between two branches.
const STRIDE: usize = 64;

/// A value at a known offset, and the slot that it goes to.
#[derive(Clone, Copy, Debug)]
struct At {
    offset: u16,
    slot: u16,
    /// Bytes of an integer or a slice.
    len: u16,
}

#[derive(Clone, Debug, Default)]
struct Shape {
    /// Word by word, trailing words without a mask left out.
    mask: Vec<u64>,
    want: Vec<u64>,
    /// Bytes of the segment.
    len: usize,
    /// Validity bits, by the word that holds them.
    valid: Vec<(u16, u64)>,
    floats: Vec<At>,
    doubles: Vec<At>,
    integers: Vec<At>,
    /// Integers that are wanted as floats.
    counts: Vec<At>,
    booleans: Vec<At>,
    slices: Vec<At>,
    /// Slices that must be UTF-8.
    texts: Vec<At>,
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
            if !shape.matches(rest) {
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

#[inline(always)]
fn word(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

impl Shape {
    /// Whether what begins here has this layout. Reads up to seven bytes beyond the segment, which decide nothing.
    #[inline(always)]
    fn matches(&self, rest: &[u8]) -> bool {
        let Some(head) = rest.get(..self.mask.len() * 8) else { return false };
        let differs = |(bytes, (mask, want)): (&[u8], (&u64, &u64))| match bytes.first_chunk() {
            Some(bytes) => u64::from_le_bytes(*bytes) & mask ^ want,
            None => !0,
        };
        let (blocks, masks, wants) =
            (head.chunks_exact(STRIDE), self.mask.chunks_exact(STRIDE / 8), self.want.chunks_exact(STRIDE / 8));
        let (end, end_mask, end_want) = (blocks.remainder(), masks.remainder(), wants.remainder());
        for (block, (mask, want)) in blocks.zip(masks.zip(wants)) {
            let words = block.chunks_exact(8).zip(mask.iter().zip(want));
            if words.fold(0, |all, word| all | differs(word)) != 0 {
                return false;
            }
        }
        end.chunks_exact(8).zip(end_mask.iter().zip(end_want)).fold(0, |all, word| all | differs(word)) == 0
    }

    #[inline(always)]
    fn capture(&self, segment: &[u8], base: usize, row: &mut [u64]) -> Result<(), Bad> {
        let mut put = |slot: u16, word: u64| {
            if let Some(place) = row.get_mut(usize::from(slot)) {
                *place = word;
            }
        };
        for at in &self.floats {
            if let Some(bytes) = segment.get(usize::from(at.offset)..).and_then(|rest| rest.first_chunk()) {
                put(at.slot, f64::from(f32::from_le_bytes(*bytes)).to_bits());
            }
        }
        for at in &self.doubles {
            if let Some(word) = word(segment, usize::from(at.offset)) {
                put(at.slot, word);
            }
        }
        for at in &self.integers {
            put(at.slot, integer(segment, at) as u64);
        }
        for at in &self.counts {
            put(at.slot, (integer(segment, at) as f64).to_bits());
        }
        for at in &self.booleans {
            put(at.slot, segment.get(usize::from(at.offset)).map_or(0, |byte| u64::from(*byte)));
        }
        for at in &self.slices {
            put(at.slot, slice_word(base + usize::from(at.offset), usize::from(at.len)));
        }
        for at in &self.texts {
            let from = usize::from(at.offset);
            let text = segment.get(from..from + usize::from(at.len)).unwrap_or(&[]);
            if !text.is_ascii() && std::str::from_utf8(text).is_err() {
                return Err(Bad::Text);
            }
            put(at.slot, slice_word(base + from, usize::from(at.len)));
        }
        for (slot, word) in &self.symbols {
            put(*slot, *word);
        }
        for (at, bits) in &self.valid {
            if let Some(valid) = row.get_mut(usize::from(*at)) {
                *valid |= bits;
            }
        }
        Ok(())
    }

    fn of(segment: &Segment, bytes: &[u8], start: usize) -> Option<Shape> {
        let len = bytes.len().checked_sub(start).filter(|len| *len <= MAX_LEN)?;
        let mut shape = Shape { len, ..Shape::default() };
        let mut mask = vec![0u8; len.next_multiple_of(8)];
        let mut learnable = true;
        let walked = segment.walk(bytes, &mut start.clone(), |step, place, word| {
            let place = Place { tag: place.tag - start, value: place.value - start, end: place.end - start };
            learnable &= shape.note(segment, step, place, word, &mut mask);
            Ok(())
        });
        if walked.is_err() || !learnable {
            return None;
        }
        let mut seen = bytes[start..].to_vec();
        seen.resize(mask.len(), 0);
        let words =
            |bytes: &[u8]| -> Vec<u64> { (0..bytes.len()).step_by(8).filter_map(|at| word(bytes, at)).collect() };
        shape.mask = words(&mask);
        let masked = shape.mask.iter().rposition(|mask| *mask != 0).map_or(0, |last| last + 1);
        shape.mask.truncate(masked);
        shape.want = words(&seen).iter().zip(&shape.mask).map(|(word, mask)| word & mask).collect();
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
        match (prim, slot.wanted) {
            (Prim::Float, _) => self.floats.push(at),
            (Prim::Double, _) => self.doubles.push(at),
            (Prim::Int | Prim::Long, Wanted::Float) => self.counts.push(at),
            (Prim::Int | Prim::Long, _) => self.integers.push(at),
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

/// The integer of `at.len` bytes, whose continuation bits are known to be right.
#[inline(always)]
fn integer(segment: &[u8], at: &At) -> i64 {
    let (from, len) = (usize::from(at.offset), usize::from(at.len));
    let low = match word(segment, from) {
        Some(word) => word,
        // Within eight bytes of the segment's end.
        None => {
            let bytes = segment.get(from..from + len).unwrap_or(&[]);
            bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
        }
    };
    let bits = sevens(low & (!0 >> (64 - 8 * len.clamp(1, 8) as u32)));
    let high = segment.get(from + 8..from + len).unwrap_or(&[]).iter().zip([56, 63]);
    zigzag(high.fold(bits, |bits, (byte, shift)| bits | u64::from(byte & 0x7f) << shift))
}

/// The low seven bits of each of eight bytes, put together.
#[inline(always)]
fn sevens(word: u64) -> u64 {
    let word = word & 0x007f_007f_007f_007f | (word & 0x7f00_7f00_7f00_7f00) >> 1;
    let word = word & 0x0000_3fff_0000_3fff | (word & 0x3fff_0000_3fff_0000) >> 2;
    word & 0x0fff_ffff | (word & 0x0fff_ffff_0000_0000) >> 4
}
