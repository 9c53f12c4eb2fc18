//! Walks over a value of any type without looking at it: for records that contain themselves, which a plan cannot
//! lay out flat.

use super::schema::{Schema, Type, TypeId};
use super::wire::{self, Bad, Block, Budget};

/// How deeply the values of one datum may nest.
pub(super) const MAX_DEPTH: usize = 128;

/// Moves `at` behind a value of type `of`. Texts are not checked.
pub(super) fn skip(
    schema: &Schema,
    of: TypeId,
    bytes: &[u8],
    at: &mut usize,
    budget: &mut Budget,
    depth: usize,
) -> Result<(), Bad> {
    let depth = if depth < MAX_DEPTH { depth + 1 } else { return Err(Bad::Depth) };
    match schema.of(of) {
        Type::Null => budget.empty(),
        Type::Boolean => wire::boolean(bytes, at).map(drop),
        Type::Int => wire::int(bytes, at).map(drop),
        Type::Long => wire::long(bytes, at).map(drop),
        Type::Float => wire::take(bytes, at, 4).map(drop),
        Type::Double => wire::take(bytes, at, 8).map(drop),
        Type::Bytes | Type::Text => wire::bytes(bytes, at).map(drop),
        Type::Fixed { size } => wire::take(bytes, at, *size).map(drop),
        Type::Enum { symbols } => wire::branch(bytes, at, symbols.len()).map(drop),
        Type::Record { fields, .. } => {
            budget.empty()?;
            fields.iter().try_for_each(|field| skip(schema, field.of, bytes, at, budget, depth))
        }
        Type::Union { branches } => {
            let branch = branches[wire::branch(bytes, at, branches.len())?];
            skip(schema, branch, bytes, at, budget, depth)
        }
        Type::Array { items } => blocks(bytes, at, budget, |at, budget| skip(schema, *items, bytes, at, budget, depth)),
        Type::Map { values } => blocks(bytes, at, budget, |at, budget| {
            wire::bytes(bytes, at)?;
            skip(schema, *values, bytes, at, budget, depth)
        }),
    }
}

/// Every item of an array or a map, block by block.
fn blocks(
    bytes: &[u8],
    at: &mut usize,
    budget: &mut Budget,
    mut item: impl FnMut(&mut usize, &mut Budget) -> Result<(), Bad>,
) -> Result<(), Bad> {
    while let Some(block) = Block::next(bytes, at, budget)? {
        for _ in 0..block.items {
            item(at, budget)?;
        }
        block.close(*at)?;
    }
    Ok(())
}
