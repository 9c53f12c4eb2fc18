//! Wanted paths, looked up in a writer schema.

use super::schema::{Schema, Type, TypeId};
use super::selection::{Need, Selection, Slot, Want, Wanted};
use crate::PacketReject;
use std::collections::BTreeMap;

/// What is wanted of a value and of what is below it.
#[derive(Debug, Default)]
pub(super) struct Wish {
    below: BTreeMap<String, Wish>,
    pub slots: Vec<Slot>,
    /// As an array: the table of its rows, and what is wanted of a row.
    pub rows: Option<(u16, Box<Wish>)>,
}

/// Every wanted path that the schema has.
#[derive(Debug, Default)]
pub(super) struct Wishes {
    pub tree: Wish,
    pub provided: Vec<Slot>,
    pub provided_in: Vec<Option<Vec<Slot>>>,
}

impl Wish {
    /// Nothing.
    pub fn none() -> &'static Wish {
        static NONE: Wish = Wish { below: BTreeMap::new(), slots: Vec::new(), rows: None };
        &NONE
    }

    pub fn is_none(&self) -> bool {
        self.below.is_empty() && self.slots.is_empty() && self.rows.is_none()
    }

    pub fn below(&self, name: &str) -> &Wish {
        self.below.get(name).unwrap_or(Wish::none())
    }

    fn at(&mut self, path: &str) -> &mut Wish {
        path.split('.').fold(self, |wish, name| wish.below.entry(name.to_owned()).or_default())
    }

    /// Adds those of `wants` that one of the types `from` has; gives their slots.
    fn add(
        &mut self,
        schema: &Schema,
        from: &[TypeId],
        within: &str,
        wants: &[Want],
    ) -> Result<Vec<Slot>, PacketReject> {
        let mut provided = Vec::new();
        for want in wants {
            let fits = |of: TypeId| usable(schema.of(of), want.slot.wanted);
            match find(schema, from, &want.paths, fits) {
                Some(path) => {
                    self.at(path).slots.push(want.slot);
                    provided.push(want.slot);
                }
                None if want.need == Need::Optional => {}
                None => {
                    let wanted = format!("{:?}", want.slot.wanted).to_lowercase();
                    return Err(missing(schema, from, &format!("{within}{}", want.paths[0]), &want.paths, &wanted));
                }
            }
        }
        Ok(provided)
    }
}

/// Whether a writer's type can be read as what is wanted.
pub(super) fn usable(of: &Type, wanted: Wanted) -> bool {
    match wanted {
        Wanted::Float => matches!(of, Type::Int | Type::Long | Type::Float | Type::Double),
        Wanted::Integer => matches!(of, Type::Int | Type::Long),
        Wanted::Boolean => matches!(of, Type::Boolean),
        Wanted::Text => matches!(of, Type::Text | Type::Enum { .. }),
        Wanted::Bytes => matches!(of, Type::Bytes | Type::Fixed { .. } | Type::Text),
    }
}

/// Looks every wanted path up.
pub(super) fn resolve(schema: &Schema, selection: &Selection) -> Result<Wishes, PacketReject> {
    let mut wishes = Wishes::default();
    let root = [schema.root];
    wishes.provided = wishes.tree.add(schema, &root, "", &selection.root.wants)?;
    for (rows, array) in selection.arrays.iter().enumerate() {
        let Some(path) = find(schema, &root, &array.paths, |of| !records(schema, of).is_empty()) else {
            if array.need == Need::Required {
                return Err(missing(schema, &root, &array.paths[0], &array.paths, "array of records"));
            }
            wishes.provided_in.push(None);
            continue;
        };
        let from: Vec<TypeId> = reached(schema, &root, path).into_iter().flat_map(|of| records(schema, of)).collect();
        let mut row = Wish::default();
        let provided = row.add(schema, &from, &format!("{}.", array.paths[0]), &array.row.wants)?;
        wishes.provided_in.push(Some(provided));
        if wishes.tree.at(path).rows.replace((rows as u16, Box::new(row))).is_some() {
            return Err(PacketReject::Schema(format!("array `{path}` is wanted twice")));
        }
    }
    Ok(wishes)
}

/// The first of `paths` at which there is a type that fits.
fn find<'p>(schema: &Schema, from: &[TypeId], paths: &'p [String], fits: impl Fn(TypeId) -> bool) -> Option<&'p str> {
    paths.iter().map(String::as_str).find(|path| reached(schema, from, path).into_iter().any(&fits))
}

/// The types other than null at a path.
fn reached(schema: &Schema, from: &[TypeId], path: &str) -> Vec<TypeId> {
    let mut types = Vec::new();
    for of in from.iter().flat_map(|from| schema.reached(*from, path, false)) {
        schema.flatten(of, &mut types);
    }
    types
}

/// The types of the records of an array of records.
fn records(schema: &Schema, of: TypeId) -> Vec<TypeId> {
    let mut types = Vec::new();
    if let Type::Array { items } = schema.of(of) {
        schema.flatten(*items, &mut types);
    }
    types.retain(|of| matches!(schema.of(*of), Type::Record { .. }));
    types
}

fn missing(schema: &Schema, from: &[TypeId], path: &str, paths: &[String], wanted: &str) -> PacketReject {
    let there = paths.iter().any(|path| !reached(schema, from, path).is_empty());
    let fault = if there { "is not usable as" } else { "is missing; wanted as" };
    PacketReject::Schema(format!("required field `{path}` {fault} {wanted} (schema `{}`)", schema.name()))
}
