//! A whole datum, without loss: for people who look at one packet, and for tests that compare with another decoder.
//!
//! Nothing here is fast; the hot path is `run`.

use super::schema::{Schema, Type, TypeId};
use super::skip::MAX_DEPTH;
use super::wire::{self, Bad, Block, Budget};
use crate::PacketReject;

/// A value of any type. Names and symbols are the schema's, texts and bytes are slices of the packet.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "these are Avro's own words")]
pub enum Value<'a> {
    Null,
    Boolean(bool),
    Int(i32),
    Long(i64),
    Float(f32),
    Double(f64),
    Bytes(&'a [u8]),
    Text(&'a str),
    Fixed(&'a [u8]),
    /// The symbol and its place.
    Enum(usize, &'a str),
    /// Fields by name, in the writer's order.
    Record(Vec<(&'a str, Value<'a>)>),
    Array(Vec<Value<'a>>),
    /// Entries by key, in the packet's order.
    Map(Vec<(&'a str, Value<'a>)>),
    /// Which branch, and its value.
    Union(usize, Box<Value<'a>>),
}

impl<'a> Value<'a> {
    /// Reads the datum that begins at `at` and moves `at` behind it. Rejected as `datum`: bytes that do not follow
    /// the schema, texts that are not UTF-8, values nested more than 128 deep.
    pub fn read(schema: &'a Schema, bytes: &'a [u8], at: &mut usize) -> Result<Value<'a>, PacketReject> {
        let mut reader = Reader { schema, bytes, at: *at, budget: Budget::of(bytes) };
        let value = reader.value(schema.root, 0);
        *at = reader.at;
        value.map_err(|bad| PacketReject::Datum(format!("datum {} at byte {at}", bad.text())))
    }

    /// The field of that name (the last of them), through a union's branch.
    pub fn get(&self, name: &str) -> Option<&Value<'a>> {
        match self {
            Value::Union(_, value) => value.get(name),
            Value::Record(fields) | Value::Map(fields) => {
                fields.iter().rfind(|(known, _)| *known == name).map(|(_, value)| value)
            }
            _ => None,
        }
    }
}

struct Reader<'a> {
    schema: &'a Schema,
    bytes: &'a [u8],
    at: usize,
    budget: Budget,
}

impl<'a> Reader<'a> {
    fn value(&mut self, of: TypeId, depth: usize) -> Result<Value<'a>, Bad> {
        let depth = if depth < MAX_DEPTH { depth + 1 } else { return Err(Bad::Depth) };
        let schema = self.schema;
        let (bytes, at) = (self.bytes, &mut self.at);
        Ok(match schema.of(of) {
            Type::Null => {
                self.budget.empty()?;
                Value::Null
            }
            Type::Boolean => Value::Boolean(wire::boolean(bytes, at)?),
            Type::Int => Value::Int(wire::int(bytes, at)?),
            Type::Long => Value::Long(wire::long(bytes, at)?),
            Type::Float => Value::Float(f32::from_le_bytes(wire::array(bytes, at)?)),
            Type::Double => Value::Double(f64::from_le_bytes(wire::array(bytes, at)?)),
            Type::Bytes => Value::Bytes(wire::bytes(bytes, at)?),
            Type::Text => Value::Text(wire::text(bytes, at)?),
            Type::Fixed { size } => Value::Fixed(wire::take(bytes, at, *size)?),
            Type::Enum { symbols } => {
                let which = wire::branch(bytes, at, symbols.len())?;
                Value::Enum(which, &symbols[which])
            }
            Type::Record { fields, .. } => {
                self.budget.empty()?;
                let fields = fields.iter().map(|field| Ok((field.name.as_str(), self.value(field.of, depth)?)));
                Value::Record(fields.collect::<Result<_, Bad>>()?)
            }
            Type::Union { branches } => {
                let which = wire::branch(bytes, at, branches.len())?;
                Value::Union(which, Box::new(self.value(branches[which], depth)?))
            }
            Type::Array { items } => {
                let mut values = Vec::new();
                self.blocks(|reader| {
                    values.push(reader.value(*items, depth)?);
                    Ok(())
                })?;
                Value::Array(values)
            }
            Type::Map { values } => {
                let mut entries = Vec::new();
                self.blocks(|reader| {
                    let key = wire::text(reader.bytes, &mut reader.at)?;
                    entries.push((key, reader.value(*values, depth)?));
                    Ok(())
                })?;
                Value::Map(entries)
            }
        })
    }

    fn blocks(&mut self, mut item: impl FnMut(&mut Self) -> Result<(), Bad>) -> Result<(), Bad> {
        while let Some(block) = Block::next(self.bytes, &mut self.at, &mut self.budget)? {
            for _ in 0..block.items {
                item(self)?;
            }
            block.close(self.at)?;
        }
        Ok(())
    }
}
