//! Which writer schema a packet is of, told from its frame alone: what `max_reject` watches apart.

use rustc_hash::FxHasher;
use serde::{Deserialize, Serialize};
use skydiff_schemas::avro::{Header, MAGIC, confluent};
use std::collections::BTreeMap;
use std::hash::Hasher;

/// A writer schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Writer {
    /// Of an Avro container: a hash of the schema's text.
    Container(u64),
    /// By its Confluent id.
    Confluent(u32),
    /// None that can be read.
    Unreadable,
}

/// Recognises writer schemas; keeps the last header, since packets of one schema come in runs, and their names, since a
/// schema is long to read.
#[derive(Debug, Default)]
pub struct Writers {
    last: Option<(Vec<u8>, Writer)>,
    names: BTreeMap<Writer, String>,
}

/// Names that are kept: more schemas than surveys have, and few if they are noise.
const NAMES: usize = 64;

impl Writers {
    /// The schema of a packet.
    pub fn of(&mut self, packet: &[u8]) -> Writer {
        if !packet.starts_with(&MAGIC) {
            return confluent(packet).map_or(Writer::Unreadable, |(id, _)| Writer::Confluent(id));
        }
        if let Some((header, writer)) = &self.last
            && packet.starts_with(header)
        {
            return *writer;
        }
        let Ok(header) = Header::parse(packet) else { return Writer::Unreadable };
        let mut hasher = FxHasher::default();
        hasher.write(header.schema);
        let writer = Writer::Container(hasher.finish());
        self.last = Some((packet[..header.len].to_vec(), writer));
        writer
    }

    /// What people are told of the schema of a packet ([`describe`]).
    pub fn name(&mut self, packet: &[u8]) -> String {
        let writer = self.of(packet);
        if writer == Writer::Unreadable {
            return describe(packet);
        }
        if self.names.len() >= NAMES {
            self.names.clear();
        }
        self.names.entry(writer).or_insert_with(|| describe(packet)).clone()
    }
}

/// What comes before a Confluent id when people are told of it.
const CONFLUENT: &str = "schema id ";

/// The Confluent id in what people are told of a schema, if it has one.
pub fn confluent_id(told: &str) -> Option<u32> {
    told.strip_prefix(CONFLUENT)?.parse().ok()
}

/// What people are told of the schema of a packet: its full name, or its id.
pub fn describe(packet: &[u8]) -> String {
    if !packet.starts_with(&MAGIC) {
        return confluent(packet).map_or("unreadable".into(), |(id, _)| format!("{CONFLUENT}{id}"));
    }
    let Ok(header) = Header::parse(packet) else { return "unreadable".into() };
    let schema = serde_json::from_slice::<serde_json::Value>(header.schema).unwrap_or_default();
    let text = |key: &str| schema.get(key).and_then(|value| value.as_str());
    match (text("namespace"), text("name"), text("version")) {
        (_, None, _) => "a schema without a name".into(),
        (space, Some(name), version) => {
            let space = space.map_or(String::new(), |space| format!("{space}."));
            let version = version.map_or(String::new(), |version| format!(" {version}"));
            format!("{space}{name}{version}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(schema: &str) -> Vec<u8> {
        let length = |n: usize| [(n * 2 % 128) as u8 | 0x80, (n * 2 / 128) as u8];
        [&MAGIC[..], &[2, 22], b"avro.schema", &length(schema.len()), schema.as_bytes(), &[0], &[7; 16]].concat()
    }

    #[test]
    fn schemas_are_told_apart_and_named() {
        let mut writers = Writers::default();
        let one = container(r#"{"name": "alert", "namespace": "ztf", "version": "4.02"}"#);
        let two = container(r#"{"name": "alert"}"#);
        assert_eq!(writers.of(&one), writers.of(&one));
        assert_ne!(writers.of(&one), writers.of(&two));
        assert_eq!(writers.of(&one), Writers::default().of(&one));
        assert_eq!(writers.of(&[0, 0, 0, 3, 132, 1]), Writer::Confluent(900));
        assert_eq!(writers.of(b"Obj\x01garbage"), Writer::Unreadable);
        assert_eq!(writers.of(b""), Writer::Unreadable);
        let described = [describe(&one), describe(&two), describe(&[0, 0, 0, 3, 132, 1]), describe(b"x")];
        assert_eq!(described, ["ztf.alert 4.02", "alert", "schema id 900", "unreadable"]);
        for _ in 0..2 {
            let named = [&one[..], &two, &[0, 0, 0, 3, 132, 1], b"x"].map(|packet| writers.name(packet));
            assert_eq!(named, described);
        }
    }
}
