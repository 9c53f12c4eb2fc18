//! From a writer schema and a selection to a plan.
//!
//! First every wanted path is looked up in the schema, aliases included, so that what is missing is named; then the
//! schema is written out as operations, with the wishes that remain carried along the way.

use super::capture::SYMBOL;
use super::plan::{Op, Plan};
use super::schema::{Schema, Type, TypeId};
use super::segment::{Prim, Segment, Step, slice_word};
use super::selection::{Selection, Slot};
use super::wish::{self, Wish};
use crate::PacketReject;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// A schema with its records written out may have this many types: records that name each other can make it
/// exponentially many.
const MAX_WRITTEN_OUT: usize = 1 << 16;
/// A fixed of more bytes is a blob.
const BLOB: usize = 64;

pub(super) struct Compiler<'s> {
    schema: &'s Schema,
    ops: Vec<Op>,
    segments: Vec<Segment>,
    symbols: Vec<u8>,
    enums: FxHashMap<TypeId, Arc<[u64]>>,
    /// The last operation is a segment that may go on.
    open: bool,
    /// Records that are being written out.
    within: Vec<TypeId>,
    written: usize,
    skips: bool,
}

impl<'s> Compiler<'s> {
    pub fn new(schema: &'s Schema) -> Self {
        Compiler {
            schema,
            ops: Vec::new(),
            segments: Vec::new(),
            symbols: Vec::new(),
            enums: FxHashMap::default(),
            open: false,
            within: Vec::new(),
            written: 0,
            skips: false,
        }
    }

    pub fn plan(mut self, selection: &Selection) -> Result<Plan, PacketReject> {
        let wishes = wish::resolve(self.schema, selection)?;
        self.emit(self.schema.root, &wishes.tree)?;
        Ok(Plan {
            ops: self.ops,
            segments: self.segments,
            symbols: self.symbols,
            root_stride: selection.root.stride.max(1),
            strides: selection.arrays.iter().map(|array| array.row.stride).collect(),
            provided: wishes.provided,
            provided_in: wishes.provided_in,
            schema: self.skips.then(|| Box::new(self.schema.clone())),
        })
    }

    fn emit(&mut self, of: TypeId, wish: &Wish) -> Result<(), PacketReject> {
        self.written += 1;
        if self.written > MAX_WRITTEN_OUT {
            return Err(PacketReject::Schema("schema is too large with its records written out".into()));
        }
        if let Some(prim) = self.prim(of) {
            self.step(of, prim, None, &wish.slots);
            return Ok(());
        }
        match self.schema.of(of) {
            Type::Record { fields, .. } => {
                if wish.is_none() && self.within.contains(&of) {
                    self.skips = true;
                    self.op(Op::Skip(of));
                    return Ok(());
                }
                self.within.push(of);
                for field in fields {
                    let wish = if field.shadowed { Wish::none() } else { wish.below(&field.name) };
                    self.emit(field.of, wish)?;
                }
                self.within.pop();
                Ok(())
            }
            Type::Union { branches } => self.union(branches, wish),
            Type::Array { items } => {
                let at = self.op(Op::Jump(0));
                let (rows, wish) = match &wish.rows {
                    Some((rows, wish)) => (Some(*rows), &**wish),
                    None => (None, Wish::none()),
                };
                self.emit(*items, wish)?;
                self.ops[at] = Op::Array { end: self.here(), rows };
                Ok(())
            }
            Type::Map { values } => {
                let at = self.op(Op::Jump(0));
                self.emit(*values, Wish::none())?;
                self.ops[at] = Op::Map { end: self.here() };
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn union(&mut self, branches: &[TypeId], wish: &Wish) -> Result<(), PacketReject> {
        let null = branches.iter().position(|of| matches!(self.schema.of(*of), Type::Null));
        if let (2, Some(null)) = (branches.len(), null) {
            let other = branches[1 - null];
            let null = null as u8;
            if let Some(prim) = self.prim(other) {
                self.step(other, prim, Some(null), &wish.slots);
                return Ok(());
            }
            let at = self.op(Op::Jump(0));
            self.emit(other, wish)?;
            self.ops[at] = Op::Optional { null, to: self.here() };
            return Ok(());
        }
        let at = self.op(Op::Jump(0));
        let (mut starts, mut ends) = (Vec::new(), Vec::new());
        for branch in branches {
            starts.push(self.here());
            self.emit(*branch, wish)?;
            ends.push(self.op(Op::Jump(0)));
        }
        let end = self.here();
        ends.into_iter().for_each(|at| self.ops[at] = Op::Jump(end));
        self.ops[at] = Op::Union { branches: starts.into() };
        Ok(())
    }

    /// Where the next operation will be; a segment does not go on across it.
    fn here(&mut self) -> u32 {
        self.open = false;
        self.ops.len() as u32
    }

    fn op(&mut self, op: Op) -> usize {
        self.open = false;
        self.ops.push(op);
        self.ops.len() - 1
    }

    fn step(&mut self, of: TypeId, prim: Prim, null: Option<u8>, slots: &[Slot]) {
        let (blob, empty) = match self.schema.of(of) {
            Type::Bytes => (true, false),
            Type::Fixed { size } => (*size > BLOB, *size == 0 && null.is_none()),
            _ => (false, false),
        };
        // Nothing on the wire, nothing wanted: no step, so that a walk's cost is bounded by its bytes.
        if empty && slots.is_empty() {
            return;
        }
        // Blobs (stamps) make every segment that they are in too long to learn, and never look the same twice.
        if blob {
            self.open = false;
        }
        if !self.open {
            self.op(Op::Segment(self.segments.len() as u32));
            self.segments.push(Segment::default());
        }
        self.open = !blob;
        if let Some(segment) = self.segments.last_mut() {
            let prim = match (prim, self.enums.get(&of)) {
                (Prim::Enum(_), Some(words)) => {
                    segment.enums.push(words.clone());
                    Prim::Enum((segment.enums.len() - 1) as u32)
                }
                _ => prim,
            };
            let from = segment.slots.len() as u32;
            segment.slots.extend(slots.iter().filter(|slot| wish::usable(self.schema.of(of), slot.wanted)));
            segment.steps.push(Step { prim, null, slots: (from, segment.slots.len() as u32) });
        }
    }

    /// The primitive that a type is on the wire, if it is one.
    fn prim(&mut self, of: TypeId) -> Option<Prim> {
        Some(match self.schema.of(of) {
            Type::Boolean => Prim::Boolean,
            Type::Int => Prim::Int,
            Type::Long => Prim::Long,
            Type::Float => Prim::Float,
            Type::Double => Prim::Double,
            Type::Bytes | Type::Text => Prim::Bytes,
            Type::Fixed { size } => Prim::Fixed(*size as u32),
            Type::Enum { symbols } => {
                let heap = &mut self.symbols;
                self.enums.entry(of).or_insert_with(|| {
                    let words = symbols.iter().map(|symbol| {
                        heap.extend_from_slice(symbol.as_bytes());
                        SYMBOL | slice_word(heap.len() - symbol.len(), symbol.len())
                    });
                    words.collect()
                });
                Prim::Enum(0)
            }
            Type::Null | Type::Record { .. } | Type::Array { .. } | Type::Map { .. } | Type::Union { .. } => {
                return None;
            }
        })
    }
}
