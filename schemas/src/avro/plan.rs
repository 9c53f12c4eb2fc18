//! How to walk packets of one writer schema for one selection.
//!
//! A plan is a flat list of operations: a run of primitive fields is one operation, records are inlined. It is made
//! once for each writer schema (`compile`) and walked for each packet (`run`).

use super::capture::{Captured, Scratch};
use super::compile::Compiler;
use super::run::Run;
use super::schema::{Schema, TypeId};
use super::segment::Segment;
use super::selection::{ArrayId, Selection, Slot};
use crate::PacketReject;

/// One operation. Jumps go forward only, so a walk ends.
#[derive(Clone, Debug)]
pub(super) enum Op {
    /// A run of primitive fields.
    Segment(u32),
    /// A nullable type: behind `null`'s tag, on at `to`.
    Optional { null: u8, to: u32 },
    /// Any other union: on at the branch's operation.
    Union { branches: Box<[u32]> },
    /// On at another operation.
    Jump(u32),
    /// The items' operations follow, up to `end`; `rows` is the table that takes a row for each.
    Array { end: u32, rows: Option<u16> },
    /// The values' operations follow, up to `end`.
    Map { end: u32 },
    /// A record that contains itself, and of which nothing is wanted.
    Skip(TypeId),
}

/// A writer schema and a selection, compiled.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(super) ops: Vec<Op>,
    pub(super) segments: Vec<Segment>,
    /// Symbols of enums, which captured texts may point to.
    pub(super) symbols: Vec<u8>,
    /// Words of the root, and of a row of each array.
    pub(super) root_stride: u16,
    pub(super) strides: Vec<u16>,
    /// Which slots the writer schema fills, of the root and of each array; `None` for an array that it lacks.
    pub(super) provided: Vec<Slot>,
    pub(super) provided_in: Vec<Option<Vec<Slot>>>,
    /// For `Op::Skip`.
    pub(super) schema: Option<Box<Schema>>,
}

impl Plan {
    /// Compiles. Rejected as `schema`, with the field's name: a required field that the writer does not have or has
    /// in an unusable type; also a schema whose records, written out, are too many.
    pub fn compile(schema: &Schema, selection: &Selection) -> Result<Plan, PacketReject> {
        Compiler::new(schema).plan(selection)
    }

    /// Whether this writer's packets can have a value for this slot of the root.
    pub fn provides(&self, slot: Slot) -> bool {
        self.provided.contains(&slot)
    }

    /// Whether this writer's packets can have this array.
    pub fn provides_array(&self, array: ArrayId) -> bool {
        matches!(self.provided_in.get(usize::from(array.0)), Some(Some(_)))
    }

    /// Whether this writer's packets can have a value for this slot of the array's rows.
    pub fn provides_in(&self, array: ArrayId, slot: Slot) -> bool {
        matches!(self.provided_in.get(usize::from(array.0)), Some(Some(slots)) if slots.contains(&slot))
    }

    /// Reads the datum that begins at `at` and moves `at` behind it. Texts and bytes of the result are slices of
    /// `bytes`.
    ///
    /// Rejected as `datum`: bytes that do not follow the schema. Values that are not wanted are only walked over: a
    /// text among them may be no UTF-8.
    #[inline]
    pub fn read<'a>(
        &'a mut self,
        bytes: &'a [u8],
        at: &mut usize,
        scratch: &'a mut Scratch,
    ) -> Result<Captured<'a>, PacketReject> {
        // A slice's word has 31 bits for where it begins.
        if bytes.len() > i32::MAX as usize {
            return Err(PacketReject::Datum(format!("datum of {} bytes: too long", bytes.len())));
        }
        scratch.reset(usize::from(self.root_stride), &self.strides);
        Run::of(self, bytes, at, scratch)?;
        Ok(Captured { bytes, symbols: &self.symbols, scratch })
    }

    /// Reads a datum that must be all of `bytes`.
    #[inline]
    pub fn read_all<'a>(&'a mut self, bytes: &'a [u8], scratch: &'a mut Scratch) -> Result<Captured<'a>, PacketReject> {
        let mut at = 0;
        let captured = self.read(bytes, &mut at, scratch)?;
        match bytes.len() - at {
            0 => Ok(captured),
            left => Err(PacketReject::Datum(format!("{left} bytes follow the datum"))),
        }
    }

    /// Switches the shape cache, which makes no difference but of speed, on (as it is at first) or off.
    pub fn set_shapes(&mut self, on: bool) {
        self.segments.iter_mut().for_each(|segment| segment.shapes.switch(on));
    }
}
