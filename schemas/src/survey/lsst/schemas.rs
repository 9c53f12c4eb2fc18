//! LSST's writer schemas, so that packets can be read without asking the observatory's registry.
//!
//! LSST packets carry only the id of their schema. The official texts are GPL; what is here is a table of our own
//! (`schemas.txt`) of what a reader must know of them, names, types, order and versions, expanded to Avro JSON on demand.

use serde_json::{Value, json};

const TABLE: &str = include_str!("schemas.txt");

/// The Confluent ids of the schemas that are built in: 100 · major + minor.
pub fn schema_ids() -> impl Iterator<Item = u32> {
    versions().filter_map(id_of)
}

/// The writer schema of a Confluent id, as Avro JSON without documentation; `None` if it is not built in.
pub fn writer_schema(id: u32) -> Option<String> {
    let version = versions().position(|version| id_of(version) == Some(id))?;
    let name = versions().nth(version)?.replace('.', "_");
    let mut expansion = Expansion { version, namespace: format!("lsst.v{name}"), defined: Vec::new() };
    let packet = TABLE.lines().find_map(|line| line.strip_prefix("record "))?;
    expansion.record(packet).map(|schema| schema.to_string())
}

fn versions() -> impl Iterator<Item = &'static str> {
    TABLE.lines().find_map(|line| line.strip_prefix("versions ")).unwrap_or_default().split_whitespace()
}

fn id_of(version: &str) -> Option<u32> {
    let (major, minor) = version.split_once('.')?;
    Some(major.parse::<u32>().ok()? * 100 + minor.parse::<u32>().ok()?)
}

/// One version being expanded.
struct Expansion {
    /// Its place among the versions.
    version: usize,
    namespace: String,
    /// Records that have been written out; after that a name stands for each.
    defined: Vec<&'static str>,
}

impl Expansion {
    fn record(&mut self, name: &'static str) -> Option<Value> {
        let full = format!("{}.{name}", self.namespace);
        if self.defined.contains(&name) {
            return Some(Value::String(full));
        }
        self.defined.push(name);
        let lines = TABLE.lines().skip_while(|line| line.strip_prefix("record ") != Some(name)).skip(1);
        let mut fields = Vec::new();
        for line in lines.take_while(|line| !line.starts_with("record ")) {
            let mut words = line.split_whitespace().peekable();
            let held = words.next_if(|word| word.starts_with(|first: char| first == '-' || first.is_ascii_digit()));
            if held.is_none_or(|span| self.is_in(span)) {
                let Some(kind) = words.next() else { continue };
                for field in words {
                    fields.push(self.field(field, kind)?);
                }
            }
        }
        Some(json!({"type": "record", "name": full, "fields": fields}))
    }

    fn field(&mut self, name: &str, kind: &'static str) -> Option<Value> {
        Some(match kind.strip_suffix('?') {
            Some(kind) => json!({"name": name, "type": ["null", self.kind(kind)?], "default": null}),
            None => json!({"name": name, "type": self.kind(kind)?}),
        })
    }

    fn kind(&mut self, kind: &'static str) -> Option<Value> {
        Some(match kind {
            "boolean" | "int" | "long" | "float" | "double" | "bytes" | "string" => json!(kind),
            "micros" => json!({"type": "long", "logicalType": "timestamp-micros"}),
            _ => match kind.strip_prefix('[').and_then(|kind| kind.strip_suffix(']')) {
                Some(items) => json!({"type": "array", "items": self.kind(items)?}),
                None => self.record(kind)?,
            },
        })
    }

    /// Whether this version lies in a span such as `8.0-`, `-7.4`, `8.0-9.0` or `7.3`.
    fn is_in(&self, span: &str) -> bool {
        let place = |version: &str| versions().position(|known| known == version);
        let (first, last) = span.split_once('-').unwrap_or((span, span));
        place(first).is_none_or(|first| first <= self.version) && place(last).is_none_or(|last| self.version <= last)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing;
    use super::*;

    #[test]
    fn every_version_expands() {
        assert_eq!(schema_ids().collect::<Vec<_>>(), [701, 703, 704, 800, 900, 1000, 1100, 1101]);
        for id in schema_ids() {
            let schema = writer_schema(id).unwrap();
            apache_avro::Schema::parse_str(&schema).unwrap_or_else(|error| panic!("{id}: {error}"));
        }
        assert_eq!(writer_schema(12_345), None);
        assert_eq!(writer_schema(0), None);
    }

    /// Everything that a reader can tell: names, types, order, defaults. Docs and registry remarks are left out.
    fn structure(schema: &Value) -> Value {
        match schema {
            Value::Array(parts) => parts.iter().map(structure).collect(),
            Value::Object(object) => {
                let kept = object.iter().filter(|(key, _)| !matches!(key.as_str(), "doc" | "confluent:version"));
                let kept: serde_json::Map<_, _> = kept.map(|(key, value)| (key.clone(), structure(value))).collect();
                match kept.get("type") {
                    Some(inner) if kept.len() == 1 => inner.clone(),
                    _ => Value::Object(kept),
                }
            }
            scalar => scalar.clone(),
        }
    }

    #[test]
    fn they_are_the_official_ones_in_structure() {
        let Some(data) = testing::data() else { return };
        for id in schema_ids() {
            let path = data.join(format!("schemas/lsst/lsst.v{}_{}.resolved.json", id / 100, id % 100));
            let official: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
            let ours: Value = serde_json::from_str(&writer_schema(id).unwrap()).unwrap();
            assert_eq!(structure(&ours), structure(&official), "{id}");
        }
    }
}
