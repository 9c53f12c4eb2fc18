//! A run of primitive fields: what most of a packet is made of.
//!
//! Records are inlined and nullable primitives are primitives with a tag, so a whole survey record is usually one
//! segment. It is walked field by field here; `shape` is the short cut.

use super::capture::SYMBOL;
use super::selection::{Slot, Wanted};
use super::shape::Shapes;
use super::wire::{self, Bad};
use std::sync::Arc;

/// A primitive as it lies on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prim {
    Boolean,
    Int,
    Long,
    Float,
    Double,
    /// Bytes or text: a length and that many bytes.
    Bytes,
    Fixed(u32),
    /// By its place in the segment's `enums`.
    Enum(u32),
}

/// One field: a primitive, perhaps nullable, perhaps wanted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub prim: Prim,
    /// Which of the two branches is null, where the field is nullable.
    pub null: Option<u8>,
    /// Its slots, in the segment's `slots`.
    pub slots: (u32, u32),
}

/// Where a field lies. A null has no value: `value == end`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub tag: usize,
    pub value: usize,
    pub end: usize,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Segment {
    pub steps: Vec<Step>,
    pub slots: Vec<Slot>,
    /// For each enum, the words of its symbols as a text.
    pub enums: Vec<Arc<[u64]>>,
    pub shapes: Shapes,
}

/// Sets a value and its validity bit.
#[inline(always)]
pub(super) fn set(row: &mut [u64], at: u16, word: u64) {
    let at = usize::from(at);
    if let Some(place) = row.get_mut(at) {
        *place = word;
    }
    if let Some(valid) = row.get_mut(at & !63) {
        *valid |= 1 << (at & 63);
    }
}

#[inline(always)]
pub(super) fn slice_word(at: usize, len: usize) -> u64 {
    (at as u64) << 32 | len as u64
}

impl Segment {
    /// Reads the segment at `at`, its wanted values into `row`.
    #[inline(always)]
    pub fn run(&mut self, bytes: &[u8], at: &mut usize, row: &mut [u64]) -> Result<(), Bad> {
        if self.shapes.apply(bytes, at, row)? { Ok(()) } else { self.run_unknown(bytes, at, row) }
    }

    #[inline(never)]
    fn run_unknown(&mut self, bytes: &[u8], at: &mut usize, row: &mut [u64]) -> Result<(), Bad> {
        let start = *at;
        self.capture(bytes, at, row)?;
        // A segment of one or two fields is walked as fast as a shape is compared.
        if self.steps.len() > 2 && self.shapes.wants_more() {
            let mut shapes = std::mem::take(&mut self.shapes);
            shapes.learn(self, &bytes[..*at], start);
            self.shapes = shapes;
        }
        Ok(())
    }

    fn capture(&self, bytes: &[u8], at: &mut usize, row: &mut [u64]) -> Result<(), Bad> {
        self.walk(bytes, at, |step, _, word| {
            let Some(word) = word else { return Ok(()) };
            for slot in self.slots_of(step) {
                let word = match (slot.wanted, step.prim) {
                    (Wanted::Float, Prim::Int | Prim::Long) => (word as i64 as f64).to_bits(),
                    (Wanted::Text, Prim::Bytes) => {
                        let (from, len) = ((word >> 32) as usize, word as u32 as usize);
                        std::str::from_utf8(&bytes[from..from + len]).map_err(|_| Bad::Text)?;
                        word
                    }
                    _ => word,
                };
                set(row, slot.at, word);
            }
            Ok(())
        })
    }

    pub fn slots_of(&self, step: &Step) -> &[Slot] {
        self.slots.get(step.slots.0 as usize..step.slots.1 as usize).unwrap_or(&[])
    }

    /// Walks the fields; `see` gets each with its place and its word, which is `None` for a null. A word is the
    /// bits of a float as a double, a long, 0 or 1, or a slice.
    #[inline(always)]
    pub fn walk(
        &self,
        bytes: &[u8],
        at: &mut usize,
        mut see: impl FnMut(&Step, Place, Option<u64>) -> Result<(), Bad>,
    ) -> Result<(), Bad> {
        for step in &self.steps {
            let tag = *at;
            if let Some(null) = step.null
                && wire::branch(bytes, at, 2)? == usize::from(null)
            {
                see(step, Place { tag, value: *at, end: *at }, None)?;
                continue;
            }
            let value = *at;
            let word = match step.prim {
                Prim::Boolean => u64::from(wire::boolean(bytes, at)?),
                Prim::Int => i64::from(wire::int(bytes, at)?) as u64,
                Prim::Long => wire::long(bytes, at)? as u64,
                Prim::Float => f64::from(f32::from_le_bytes(wire::array(bytes, at)?)).to_bits(),
                Prim::Double => u64::from_le_bytes(wire::array(bytes, at)?),
                Prim::Bytes => {
                    let len = wire::bytes(bytes, at)?.len();
                    slice_word(*at - len, len)
                }
                Prim::Fixed(size) => slice_word(value, wire::take(bytes, at, size as usize)?.len()),
                Prim::Enum(which) => {
                    let symbols = self.enums.get(which as usize).map_or(&[][..], |symbols| symbols);
                    SYMBOL | symbols[wire::branch(bytes, at, symbols.len())?]
                }
            };
            see(step, Place { tag, value, end: *at }, Some(word))?;
        }
        Ok(())
    }
}
