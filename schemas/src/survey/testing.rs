//! Packets for tests: real ones, where they are, and made ones, of a schema and JSON.

use crate::decoder::{Decoder, Settings};
use crate::{Alert, PacketReject};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// The folder of real data: `SKYDIFF_DATA`, else beside the workspace. Where it is not, says so.
pub(crate) fn data() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let folder = std::env::var_os("SKYDIFF_DATA").map_or(beside, PathBuf::from);
    let found = folder.join("INDEX.md").exists();
    if !found {
        println!("skipped: no real packets at {}", folder.display());
    }
    found.then_some(folder)
}

/// All files under a folder of the real data, with their contents, in order of their names.
pub(crate) fn packets(data: &Path, under: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let (mut folders, mut found) = (vec![data.join(under)], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            match entry.is_dir() {
                true => folders.push(entry),
                false => found.push((entry.clone(), std::fs::read(&entry).unwrap())),
            }
        }
    }
    found.sort();
    found
}

/// A record schema from lines of `name type…`: several types are a union. A type is a word or JSON without spaces.
pub(crate) fn record(name: &str, fields: &str) -> Value {
    let of = |word: &str| if word.starts_with('{') { serde_json::from_str(word).unwrap() } else { json!(word) };
    let lines = fields.lines().filter(|line| !line.trim().is_empty());
    let fields: Vec<Value> = lines
        .map(|line| {
            let mut words = line.split_whitespace();
            let name = words.next().unwrap();
            let mut types: Vec<Value> = words.map(of).collect();
            json!({"name": name, "type": if types.len() == 1 { types.remove(0) } else { Value::Array(types) }})
        })
        .collect();
    json!({"type": "record", "name": name, "fields": fields})
}

/// Writes JSON as Avro. What it lacks is null; the text "NaN" is that.
fn write(schema: &Value, names: &mut Map<String, Value>, value: &Value, out: &mut Vec<u8>) {
    let long = |value: i64, out: &mut Vec<u8>| {
        let mut bits = (value << 1 ^ value >> 63) as u64;
        while bits > 0x7f {
            out.push(bits as u8 | 0x80);
            bits >>= 7;
        }
        out.push(bits as u8);
    };
    match schema {
        Value::Array(branches) => {
            let at = branches.iter().position(|branch| (branch == "null") == value.is_null()).unwrap();
            long(at as i64, out);
            write(&branches[at], names, value, out);
        }
        Value::Object(object) => match object["type"].as_str().unwrap() {
            "record" => {
                names.insert(object["name"].as_str().unwrap().to_owned(), schema.clone());
                for field in object["fields"].as_array().unwrap() {
                    write(&field["type"], names, &value[field["name"].as_str().unwrap()], out);
                }
            }
            "array" => {
                let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
                if !items.is_empty() {
                    long(items.len() as i64, out);
                    items.iter().for_each(|item| write(&object["items"], names, item, out));
                }
                out.push(0);
            }
            _ => write(&object["type"], names, value, out),
        },
        Value::String(name) => match name.as_str() {
            "null" => {}
            "boolean" => out.push(u8::from(value.as_bool().unwrap_or_default())),
            "int" | "long" => long(value.as_i64().unwrap_or_default(), out),
            "float" => out.extend((value.as_f64().unwrap_or(f64::NAN) as f32).to_le_bytes()),
            "double" => out.extend(value.as_f64().unwrap_or(f64::NAN).to_le_bytes()),
            "string" | "bytes" => {
                let text = value.as_str().unwrap_or_default();
                long(text.len() as i64, out);
                out.extend(text.as_bytes());
            }
            _ => write(&names[name].clone(), names, value, out),
        },
        _ => panic!("no schema: {schema}"),
    }
}

/// A container of these records, in one block.
pub(crate) fn container(schema: &Value, records: &[Value]) -> Vec<u8> {
    let mut block = Vec::new();
    records.iter().for_each(|record| write(schema, &mut Map::new(), record, &mut block));
    let mut out = b"Obj\x01\x02\x16avro.schema".to_vec();
    let mut put = |kind: &str, value: Value| write(&json!(kind), &mut Map::new(), &value, &mut out);
    put("string", json!(schema.to_string()));
    put("long", json!(0));
    out.extend([7; 16]);
    let mut put = |kind: &str, value: Value| write(&json!(kind), &mut Map::new(), &value, &mut out);
    put("long", json!(records.len()));
    put("long", json!(block.len()));
    out.extend(block);
    out.extend([7; 16]);
    out
}

/// A Confluent packet of this record.
pub(crate) fn confluent(id: u32, schema: &str, record: &Value) -> Vec<u8> {
    let mut packet = vec![0];
    packet.extend(id.to_be_bytes());
    write(&serde_json::from_str(schema).unwrap(), &mut Map::new(), record, &mut packet);
    packet
}

/// The one result of a packet of one record.
pub(crate) fn decode_with(settings: &Settings, packet: &[u8]) -> Result<Alert, PacketReject> {
    let mut found = Vec::new();
    Decoder::new(settings).unwrap().decode(packet, |place, decoded| found.push((place, decoded.cloned())));
    assert_eq!(found.len(), 1);
    found.remove(0).1
}

/// By default settings.
pub(crate) fn decode(packet: &[u8]) -> Result<Alert, PacketReject> {
    decode_with(&Settings::default(), packet)
}
