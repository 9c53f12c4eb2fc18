//! A writer schema: what the bytes of its packets are, without anything that the wire format ignores.
//!
//! Types are numbered, and a name stands for its number, so a record may contain itself. Documentation, defaults,
//! logical types and unknown attributes are not kept: bad ones (real packets have them) do no harm.

use super::parse;
use crate::PacketReject;

/// A schema's JSON may be this long.
pub const MAX_SCHEMA_BYTES: usize = 1 << 20;

/// A type of a schema, by its place there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct TypeId(pub u32);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    Text,
    Fixed { size: usize },
    Enum { symbols: Vec<String> },
    Record { name: String, fields: Vec<Field> },
    Array { items: TypeId },
    Map { values: TypeId },
    Union { branches: Vec<TypeId> },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub name: String,
    pub of: TypeId,
    /// A later field has the same name (WINTER has such records) and is the one that counts, as in Python's readers.
    pub shadowed: bool,
}

/// What a field is, null aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "these are Avro's own words")]
pub enum Kind {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    Text,
    Fixed,
    Enum,
    Record,
    Array,
    Map,
    /// Of more than one type that is not null.
    Union,
}

/// A parsed writer schema.
#[derive(Clone, Debug)]
pub struct Schema {
    pub(super) types: Vec<Type>,
    pub(super) root: TypeId,
    name: String,
}

impl Schema {
    /// Reads a schema's JSON. A bad one, one of more than [`MAX_SCHEMA_BYTES`], or one that is nested too deeply is
    /// rejected as `schema`.
    pub fn parse(json: &[u8]) -> Result<Schema, PacketReject> {
        if json.len() > MAX_SCHEMA_BYTES {
            return Err(PacketReject::Schema(format!("schema of {} bytes: too long", json.len())));
        }
        // serde_json refuses nesting beyond 128, which bounds every recursion over the parsed text.
        let json =
            serde_json::from_slice(json).map_err(|e| PacketReject::Schema(format!("schema is not JSON: {e}")))?;
        let (types, root, name) = parse::build(&json)?;
        Ok(Schema { types, root, name })
    }

    /// The full name of the root record (`ztf.alert`, `lsst.v10_0.alert`); empty where the root has none.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether there is a field at this path: names joined by dots, through records, arrays and their nullable forms.
    pub fn has(&self, path: &str) -> bool {
        !self.reached(self.root, path, true).is_empty()
    }

    /// What the field at this path is, null aside.
    pub fn kind(&self, path: &str) -> Option<Kind> {
        let mut branches = Vec::new();
        for of in self.reached(self.root, path, true) {
            self.flatten(of, &mut branches);
        }
        branches.dedup_by_key(|of| self.kind_of(*of));
        match branches[..] {
            [] => None,
            [one] => Some(self.kind_of(one)),
            _ => Some(Kind::Union),
        }
    }

    /// The names of the root record's fields in the writer's order; none where the root is no record.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        let fields: &[Field] = match self.of(self.root) {
            Type::Record { fields, .. } => fields,
            _ => &[],
        };
        fields.iter().map(|field| field.name.as_str())
    }

    pub(super) fn of(&self, id: TypeId) -> &Type {
        // Ids are only made by `parse::build`, for types that it made.
        self.types.get(id.0 as usize).unwrap_or(&Type::Null)
    }

    /// The types of the fields that this path reaches from `from`: more than one only through unions of records.
    pub(super) fn reached(&self, from: TypeId, path: &str, through_arrays: bool) -> Vec<TypeId> {
        let mut at = vec![from];
        for name in path.split('.') {
            let mut records = Vec::new();
            at.into_iter().for_each(|of| self.records(of, through_arrays, &mut records));
            records.sort_unstable();
            records.dedup();
            let fields = records.into_iter().flat_map(|of| match self.of(of) {
                Type::Record { fields, .. } => fields.as_slice(),
                _ => &[],
            });
            at = fields.filter(|field| field.name == name && !field.shadowed).map(|field| field.of).collect();
        }
        at
    }

    /// The records that a value of this type can be. (Only records can contain themselves, so this ends.)
    fn records(&self, of: TypeId, through_arrays: bool, into: &mut Vec<TypeId>) {
        match self.of(of) {
            Type::Record { .. } => into.push(of),
            Type::Union { branches } => branches.iter().for_each(|of| self.records(*of, through_arrays, into)),
            Type::Array { items } if through_arrays => self.records(*items, true, into),
            _ => {}
        }
    }

    /// The types other than null that a value of this type can be of.
    pub(super) fn flatten(&self, of: TypeId, into: &mut Vec<TypeId>) {
        match self.of(of) {
            Type::Null => {}
            Type::Union { branches } => branches.iter().for_each(|of| self.flatten(*of, into)),
            _ => into.push(of),
        }
    }

    fn kind_of(&self, of: TypeId) -> Kind {
        match self.of(of) {
            Type::Null => Kind::Null,
            Type::Boolean => Kind::Boolean,
            Type::Int => Kind::Int,
            Type::Long => Kind::Long,
            Type::Float => Kind::Float,
            Type::Double => Kind::Double,
            Type::Bytes => Kind::Bytes,
            Type::Text => Kind::Text,
            Type::Fixed { .. } => Kind::Fixed,
            Type::Enum { .. } => Kind::Enum,
            Type::Record { .. } => Kind::Record,
            Type::Array { .. } => Kind::Array,
            Type::Map { .. } => Kind::Map,
            Type::Union { .. } => Kind::Union,
        }
    }
}
