//! Walks one datum by its plan.

use super::capture::{Scratch, Table};
use super::plan::{Op, Plan};
use super::schema::Schema;
use super::segment::Segment;
use super::skip::skip;
use super::wire::{self, Bad, Block, Budget};
use crate::PacketReject;

pub(super) struct Run<'r> {
    ops: &'r [Op],
    segments: &'r mut [Segment],
    schema: Option<&'r Schema>,
    bytes: &'r [u8],
    arrays: &'r mut [Table],
    at: usize,
    budget: Budget,
}

impl<'r> Run<'r> {
    #[inline]
    pub fn of(
        plan: &'r mut Plan,
        bytes: &'r [u8],
        at: &mut usize,
        scratch: &'r mut Scratch,
    ) -> Result<(), PacketReject> {
        let Plan { ops, segments, schema, .. } = plan;
        let Scratch { root, arrays } = scratch;
        let budget = Budget::of(bytes);
        let mut run = Run { ops, segments, schema: schema.as_deref(), bytes, arrays, at: *at, budget };
        let done = run.steps(0, run.ops.len(), root);
        *at = run.at;
        done.map_err(|bad| reject(bad, run.at))
    }

    /// The operations from `pc` to `end`, with wanted values into `row`. Recurses by arrays only, which nest no
    /// deeper than the schema's text.
    fn steps(&mut self, mut pc: usize, end: usize, row: &mut [u64]) -> Result<(), Bad> {
        let ops = self.ops;
        while pc < end {
            let Some(op) = ops.get(pc) else { break };
            pc += 1;
            match op {
                Op::Segment(which) => self.segment(*which, row)?,
                Op::Optional { null, to } => {
                    if wire::branch(self.bytes, &mut self.at, 2)? == usize::from(*null) {
                        pc = *to as usize;
                    }
                }
                Op::Union { branches } => {
                    pc = branches[wire::branch(self.bytes, &mut self.at, branches.len())?] as usize;
                }
                Op::Jump(to) => pc = *to as usize,
                Op::Array { end, rows } => {
                    match rows {
                        Some(rows) => self.rows(pc, *end as usize, usize::from(*rows))?,
                        None => self.items(pc, *end as usize, false, row)?,
                    }
                    pc = *end as usize;
                }
                Op::Map { end } => {
                    self.items(pc, *end as usize, true, row)?;
                    pc = *end as usize;
                }
                Op::Skip(of) => {
                    if let Some(schema) = self.schema {
                        skip(schema, *of, self.bytes, &mut self.at, &mut self.budget, 0)?;
                    }
                }
            }
        }
        Ok(())
    }

    #[inline(always)]
    fn segment(&mut self, which: u32, row: &mut [u64]) -> Result<(), Bad> {
        match self.segments.get_mut(which as usize) {
            Some(segment) => segment.run(self.bytes, &mut self.at, row),
            None => Ok(()),
        }
    }

    /// An array of which rows are wanted.
    fn rows(&mut self, pc: usize, end: usize, rows: usize) -> Result<(), Bad> {
        let Some(table) = self.arrays.get_mut(rows) else { return Ok(()) };
        // Out of the way while its items are walked; back also when they are bad, for the next packet.
        let mut table = std::mem::take(table);
        let done = self.fill(pc, end, &mut table);
        self.arrays[rows] = table;
        done
    }

    fn fill(&mut self, pc: usize, end: usize, table: &mut Table) -> Result<(), Bad> {
        let only = if end - pc == 1 { self.ops.get(pc) } else { None };
        while let Some(block) = Block::next(self.bytes, &mut self.at, &mut self.budget)? {
            for _ in 0..block.items {
                let row = table.push().ok_or(Bad::Items)?;
                match only {
                    Some(Op::Segment(which)) => self.segment(*which, row)?,
                    _ => self.steps(pc, end, row)?,
                }
            }
            block.close(self.at)?;
        }
        Ok(())
    }

    /// An array or a map of which nothing is wanted.
    fn items(&mut self, pc: usize, end: usize, keyed: bool, row: &mut [u64]) -> Result<(), Bad> {
        while let Some(block) = Block::next(self.bytes, &mut self.at, &mut self.budget)? {
            for _ in 0..block.items {
                if keyed {
                    wire::bytes(self.bytes, &mut self.at)?;
                }
                self.steps(pc, end, row)?;
            }
            block.close(self.at)?;
        }
        Ok(())
    }
}

#[cold]
fn reject(bad: Bad, at: usize) -> PacketReject {
    PacketReject::Datum(format!("datum {} at byte {at}", bad.text()))
}
