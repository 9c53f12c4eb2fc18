//! Writer schemas as tables of names and types, expanded to Avro JSON on demand.
//!
//! What a reader or a writer must know of a survey's schema are facts: names, types, order and versions of its fields. A table
//! (`lsst/schemas.txt`, `ztf/schemas.txt`; the notation is at its head) has those of every version in a page or two, and no
//! documentation.

use serde_json::{Value, json};

/// A table: its text.
#[derive(Clone, Copy)]
pub(super) struct SchemaTable(pub &'static str);

impl SchemaTable {
    /// Its versions, in order.
    pub fn versions(self) -> impl Iterator<Item = &'static str> {
        self.0.lines().find_map(|line| line.strip_prefix("versions ")).unwrap_or_default().split_whitespace()
    }

    /// The schema of a version, its root record called `root` and every other one by its own name in `namespace`; `None` for a
    /// version that is not there.
    pub fn expand(self, version: &str, root: &str, namespace: &str) -> Option<Value> {
        let version = self.versions().position(|known| known == version)?;
        let packet = self.0.lines().find_map(|line| line.strip_prefix("record "))?;
        let mut expansion = Expansion { table: self, version, root, namespace, defined: Vec::new() };
        expansion.record(packet)
    }
}

/// One version being expanded.
struct Expansion<'a> {
    table: SchemaTable,
    /// Its place among the versions.
    version: usize,
    root: &'a str,
    namespace: &'a str,
    /// Records that have been written out, the root first; after that a name stands for each.
    defined: Vec<&'static str>,
}

impl Expansion<'_> {
    fn record(&mut self, name: &'static str) -> Option<Value> {
        let full = if self.defined.is_empty() { self.root.to_owned() } else { format!("{}.{name}", self.namespace) };
        if self.defined.contains(&name) {
            return Some(Value::String(full));
        }
        self.defined.push(name);
        let lines = self.table.0.lines().skip_while(|line| line.strip_prefix("record ") != Some(name)).skip(1);
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
        if let Some(kind) = kind.strip_suffix("?!") {
            return Some(json!({"name": name, "type": ["null", self.kind(kind)?]}));
        }
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
        let place = |version: &str| self.table.versions().position(|known| known == version);
        let (first, last) = span.split_once('-').unwrap_or((span, span));
        place(first).is_none_or(|first| first <= self.version) && place(last).is_none_or(|last| self.version <= last)
    }
}
