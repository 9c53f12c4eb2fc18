//! apache-avro as the oracle: its value of the same datum.

use apache_avro::Schema as Theirs;
use apache_avro::types::Value as Their;
use serde_json::Value as Json;
use skydiff_schemas::avro::Value;

/// Theirs refuses a record with two fields of one name, which WINTER has: the earlier ones are renamed for it.
const AGAIN: &str = "__again";

/// Their schema, with what has no part in the wire format (and what real schemas have wrong) left out.
pub fn schema(json: &[u8]) -> Theirs {
    let mut json: Json = serde_json::from_slice(json).unwrap();
    strip(&mut json);
    Theirs::parse(&json).unwrap()
}

fn strip(json: &mut Json) {
    match json {
        Json::Array(values) => values.iter_mut().for_each(strip),
        Json::Object(object) => {
            for key in ["logicalType", "default", "doc"] {
                object.remove(key);
            }
            if let Some(Json::Array(fields)) = object.get_mut("fields") {
                let names: Vec<String> = fields.iter().map(|field| field["name"].as_str().unwrap().into()).collect();
                for (at, name) in names.iter().enumerate() {
                    if names[at + 1..].contains(name) {
                        fields[at]["name"] = format!("{name}{AGAIN}{at}").into();
                    }
                }
            }
            object.values_mut().for_each(strip);
        }
        _ => {}
    }
}

/// Their value of a datum; `None` where they reject it or do not use all of it.
pub fn value(schema: &Theirs, mut datum: &[u8]) -> Option<Their> {
    let reader = apache_avro::reader::datum::GenericDatumReader::builder(schema).build().ok()?;
    let value = reader.read_value(&mut datum).ok()?;
    datum.is_empty().then_some(value)
}

/// Where two values differ; `None` where they are the same to the bit.
pub fn difference(ours: &Value, theirs: &Their) -> Option<String> {
    let all = |pairs: &mut dyn Iterator<Item = (String, &Value, &Their)>| {
        let mut differences =
            pairs.filter_map(|(name, ours, theirs)| difference(ours, theirs).map(|inner| format!("{name}.{inner}")));
        differences.next()
    };
    let same = match (ours, theirs) {
        (Value::Null, Their::Null) => true,
        (Value::Boolean(a), Their::Boolean(b)) => a == b,
        (Value::Int(a), Their::Int(b) | Their::Date(b) | Their::TimeMillis(b)) => a == b,
        (Value::Long(a), Their::Long(b) | Their::TimestampMillis(b) | Their::TimestampMicros(b)) => a == b,
        (Value::Float(a), Their::Float(b)) => a.to_bits() == b.to_bits(),
        (Value::Double(a), Their::Double(b)) => a.to_bits() == b.to_bits(),
        (Value::Bytes(a), Their::Bytes(b)) => a == b,
        (Value::Text(a), Their::String(b)) => a == b,
        (Value::Fixed(a), Their::Fixed(len, b)) => a == b && a.len() == *len,
        (Value::Enum(a, name), Their::Enum(b, theirs)) => *a == *b as usize && name == theirs,
        (Value::Union(a, ours), Their::Union(b, theirs)) if *a == *b as usize => return difference(ours, theirs),
        (Value::Record(a), Their::Record(b)) if a.len() == b.len() => {
            if let Some(at) = a.iter().zip(b).position(|(a, b)| a.0 != b.0.split(AGAIN).next().unwrap()) {
                return Some(format!("{} is called {}", b[at].0, a[at].0));
            }
            return all(&mut a.iter().zip(b).map(|(a, b)| (a.0.to_owned(), &a.1, &b.1)));
        }
        (Value::Array(a), Their::Array(b)) if a.len() == b.len() => {
            return all(&mut a.iter().zip(b).enumerate().map(|(at, (a, b))| (at.to_string(), a, b)));
        }
        (Value::Map(a), Their::Map(b)) => {
            // Of a key that comes twice, theirs keeps the last.
            let ours: std::collections::BTreeMap<_, _> = a.iter().map(|(key, value)| (*key, value)).collect();
            if ours.len() == b.len() && ours.keys().all(|key| b.contains_key(*key)) {
                return all(&mut ours.iter().map(|(key, value)| ((*key).to_owned(), *value, &b[*key])));
            }
            false
        }
        _ => false,
    };
    (!same).then(|| format!(" {ours:?} is not {theirs:?}").chars().take(400).collect())
}
