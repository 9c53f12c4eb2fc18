//! From a schema's JSON to its types.
//!
//! Two passes: the first numbers every named type, so that a name may be used before its definition and within it;
//! the second fills them in. Lenient where the wire format is not in doubt (types wrapped in `{"type": ...}`, names
//! with dots, a name that is only found without its namespace), strict where it is.

use super::schema::{Field, Type, TypeId};
use crate::PacketReject;
use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::{Map, Value as Json};

/// A schema may have this many types. Real ones have a few hundred.
const MAX_TYPES: usize = 1 << 16;

/// The types of a schema, which of them is the root, and its full name.
pub(super) fn build(json: &Json) -> Result<(Vec<Type>, TypeId, String), PacketReject> {
    let mut builder = Builder::default();
    builder.number(json, "")?;
    let root = builder.fill(json, "")?;
    let name = match json.as_object() {
        Some(object) if object.contains_key("name") => full_name(object, "")?.0,
        _ => String::new(),
    };
    Ok((builder.types, root, name))
}

#[derive(Default)]
struct Builder {
    types: Vec<Type>,
    names: FxHashMap<String, TypeId>,
}

impl Builder {
    fn push(&mut self, of: Type) -> Result<TypeId, PacketReject> {
        if self.types.len() >= MAX_TYPES {
            return Err(bad(format!("more than {MAX_TYPES} types")));
        }
        self.types.push(of);
        Ok(TypeId((self.types.len() - 1) as u32))
    }

    /// Gives every named type its number.
    fn number(&mut self, json: &Json, namespace: &str) -> Result<(), PacketReject> {
        match json {
            Json::Array(branches) => branches.iter().try_for_each(|branch| self.number(branch, namespace)),
            Json::Object(object) => match object.get("type") {
                Some(Json::String(kind)) => match kind.as_str() {
                    "record" | "error" => {
                        let inner = self.name(object, namespace)?;
                        fields(object)?.iter().try_for_each(|field| self.number(&field["type"], &inner))
                    }
                    "enum" | "fixed" => self.name(object, namespace).map(drop),
                    "array" => self.number(part(object, "items")?, namespace),
                    "map" => self.number(part(object, "values")?, namespace),
                    _ => Ok(()),
                },
                Some(wrapped) => self.number(wrapped, namespace),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// Numbers one named type; gives the namespace that holds inside it.
    fn name(&mut self, object: &Map<String, Json>, namespace: &str) -> Result<String, PacketReject> {
        let (name, inner) = full_name(object, namespace)?;
        let id = self.push(Type::Null)?;
        match self.names.insert(name.clone(), id) {
            None => Ok(inner),
            Some(_) => Err(bad(format!("type `{name}` is defined twice"))),
        }
    }

    /// The number of the type that this JSON says.
    fn fill(&mut self, json: &Json, namespace: &str) -> Result<TypeId, PacketReject> {
        match json {
            Json::String(name) => self.named(name, namespace),
            Json::Array(branches) => {
                let branches = branches.iter().map(|branch| self.fill(branch, namespace)).collect::<Result<_, _>>()?;
                self.push(Type::Union { branches })
            }
            Json::Object(object) => match object.get("type") {
                Some(Json::String(kind)) => self.complex(kind, object, namespace),
                Some(wrapped) => self.fill(wrapped, namespace),
                None => Err(bad("a type without `type`".into())),
            },
            other => Err(bad(format!("`{}` is no type", other))),
        }
    }

    fn named(&mut self, name: &str, namespace: &str) -> Result<TypeId, PacketReject> {
        let primitive = match name {
            "null" => Type::Null,
            "boolean" => Type::Boolean,
            "int" => Type::Int,
            "long" => Type::Long,
            "float" => Type::Float,
            "double" => Type::Double,
            "bytes" => Type::Bytes,
            "string" => Type::Text,
            _ => {
                let qualified = || self.names.get(&format!("{namespace}.{name}"));
                let bare = || self.names.get(name);
                let found = if name.contains('.') { bare() } else { qualified().or_else(bare) };
                return found.copied().ok_or_else(|| bad(format!("type `{}` is not defined", name)));
            }
        };
        self.push(primitive)
    }

    fn complex(&mut self, kind: &str, object: &Map<String, Json>, namespace: &str) -> Result<TypeId, PacketReject> {
        match kind {
            "array" => {
                let items = self.fill(part(object, "items")?, namespace)?;
                self.push(Type::Array { items })
            }
            "map" => {
                let values = self.fill(part(object, "values")?, namespace)?;
                self.push(Type::Map { values })
            }
            "record" | "error" | "enum" | "fixed" => {
                let (name, inner) = full_name(object, namespace)?;
                let id = self.names.get(&name).copied().ok_or_else(|| bad(format!("type `{name}` is not defined")))?;
                let of = match kind {
                    "enum" => Type::Enum { symbols: symbols(object, &name)? },
                    "fixed" => Type::Fixed { size: size(object, &name)? },
                    _ => Type::Record { fields: self.record(object, &name, &inner)?, name },
                };
                if let Some(place) = self.types.get_mut(id.0 as usize) {
                    *place = of;
                }
                Ok(id)
            }
            name => self.named(name, namespace),
        }
    }

    fn record(&mut self, object: &Map<String, Json>, name: &str, inner: &str) -> Result<Vec<Field>, PacketReject> {
        let fields = fields(object)?.iter().map(|field| self.field(field, name, inner));
        let mut fields = fields.collect::<Result<Vec<_>, _>>()?;
        let mut seen = FxHashSet::default();
        for field in fields.iter_mut().rev() {
            field.shadowed = !seen.insert(field.name.clone());
        }
        Ok(fields)
    }

    fn field(&mut self, json: &Json, record: &str, namespace: &str) -> Result<Field, PacketReject> {
        let name = json["name"].as_str().ok_or_else(|| bad(format!("a field of `{record}` has no name")))?;
        let of = self.fill(&json["type"], namespace).map_err(|e| bad(format!("{name}: {e}")))?;
        Ok(Field { name: name.to_owned(), of, shadowed: false })
    }
}

/// The full name, and the namespace that holds inside.
fn full_name(object: &Map<String, Json>, namespace: &str) -> Result<(String, String), PacketReject> {
    let name = object.get("name").and_then(Json::as_str).ok_or_else(|| bad("a named type without a name".into()))?;
    if let Some((namespace, _)) = name.rsplit_once('.') {
        return Ok((name.to_owned(), namespace.to_owned()));
    }
    let namespace = object.get("namespace").and_then(Json::as_str).unwrap_or(namespace);
    let full = if namespace.is_empty() { name.to_owned() } else { format!("{namespace}.{name}") };
    Ok((full, namespace.to_owned()))
}

fn part<'j>(object: &'j Map<String, Json>, name: &str) -> Result<&'j Json, PacketReject> {
    object.get(name).ok_or_else(|| bad(format!("a type without `{name}`")))
}

fn fields(object: &Map<String, Json>) -> Result<&[Json], PacketReject> {
    match part(object, "fields")? {
        Json::Array(fields) => Ok(fields),
        _ => Err(bad("`fields` is no list".into())),
    }
}

fn symbols(object: &Map<String, Json>, name: &str) -> Result<Vec<String>, PacketReject> {
    let symbols = part(object, "symbols")?.as_array().and_then(|symbols| {
        symbols.iter().map(|symbol| symbol.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
    });
    symbols.ok_or_else(|| bad(format!("`symbols` of enum `{name}` are no list of names")))
}

fn size(object: &Map<String, Json>, name: &str) -> Result<usize, PacketReject> {
    let size = part(object, "size")?.as_u64().filter(|size| *size <= u64::from(u32::MAX) / 2);
    size.map(|size| size as usize).ok_or_else(|| bad(format!("`size` of fixed `{name}` is no size")))
}

/// The text is the writer's: it may be long.
fn bad(detail: String) -> PacketReject {
    PacketReject::Schema(detail.chars().take(300).collect())
}
