//! Some of a value as JSON: chosen fields of a packet, or all but its images.

use super::json::{BytesAs, Json};
use super::value::Value;
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::collections::BTreeMap;

/// Which fields of a record are wanted, and what of each; of an array of records, of each of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    #[default]
    Whole,
    /// All but fields of bytes, which are images.
    NoBytes,
    /// These fields.
    Fields(BTreeMap<String, Part>),
}

impl Part {
    /// The fields at these paths: names joined by dots, from the root.
    pub fn of<'p>(paths: impl IntoIterator<Item = &'p str>) -> Part {
        let mut root = Part::Fields(BTreeMap::new());
        for path in paths {
            let mut at = &mut root;
            for name in path.split('.') {
                // What is wanted whole stays so.
                let Part::Fields(fields) = at else { break };
                at = fields.entry(name.to_owned()).or_insert_with(|| Part::Fields(BTreeMap::new()));
            }
            *at = Part::Whole;
        }
        root
    }

    /// The part of a value, as JSON; bytes are base64. A field that the value does not have is left out.
    pub fn json(&self, value: &Value<'_>) -> String {
        // Every key is a text, and memory takes it.
        serde_json::to_string(&Chosen { value, part: self }).unwrap_or_default()
    }
}

struct Chosen<'v> {
    value: &'v Value<'v>,
    part: &'v Part,
}

impl Serialize for Chosen<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let of = |value, part| Chosen { value, part };
        match (self.value, self.part) {
            (value, Part::Whole) => Json::new(value, BytesAs::Base64).serialize(to),
            (Value::Union(_, value), part) => of(value, part).serialize(to),
            (Value::Array(values), part) => to.collect_seq(values.iter().map(|value| of(value, part))),
            (Value::Record(fields) | Value::Map(fields), Part::NoBytes) => {
                let mut map = to.serialize_map(None)?;
                let mut kept = fields.iter().filter(|(_, value)| !is_bytes(value));
                kept.try_for_each(|(name, value)| map.serialize_entry(name, &of(value, self.part)))?;
                map.end()
            }
            (Value::Record(fields) | Value::Map(fields), Part::Fields(wanted)) => {
                let mut map = to.serialize_map(None)?;
                let mut kept = fields.iter().filter_map(|(name, value)| Some((name, value, wanted.get(*name)?)));
                kept.try_for_each(|(name, value, part)| map.serialize_entry(name, &of(value, part)))?;
                map.end()
            }
            (value, _) => Json::new(value, BytesAs::Base64).serialize(to),
        }
    }
}

fn is_bytes(value: &Value<'_>) -> bool {
    match value {
        Value::Union(_, value) => is_bytes(value),
        value => matches!(value, Value::Bytes(_) | Value::Fixed(_)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wanted_is_there_and_nothing_else() {
        let some = |value| Value::Union(1, Box::new(value));
        let stamp = || some(Value::Record(vec![("name", Value::Text("x")), ("data", some(Value::Bytes(b"fits")))]));
        let row = |jd| Value::Record(vec![("jd", Value::Double(jd)), ("band", Value::Text("g"))]);
        let packet = Value::Record(vec![
            ("id", Value::Long((1 << 53) + 1)),
            ("row", row(1.5)),
            ("rows", some(Value::Array(vec![row(0.5), row(0.1)]))),
            ("stamp", stamp()),
            ("none", Value::Union(0, Box::new(Value::Null))),
        ]);
        let of = |paths: &[&str]| Part::of(paths.iter().copied()).json(&packet);
        assert_eq!(of(&["id", "rows.jd"]), r#"{"id":9007199254740993,"rows":[{"jd":0.5},{"jd":0.1}]}"#);
        assert_eq!(of(&["row", "row.jd", "missing"]), r#"{"row":{"jd":1.5,"band":"g"}}"#);
        assert_eq!(of(&["row.jd", "row"]), r#"{"row":{"jd":1.5,"band":"g"}}"#);
        assert_eq!(of(&["stamp.data", "none"]), r#"{"stamp":{"data":"Zml0cw=="},"none":null}"#);
        let rows = r#""row":{"jd":1.5,"band":"g"},"rows":[{"jd":0.5,"band":"g"},{"jd":0.1,"band":"g"}]"#;
        let kept = format!(r#"{{"id":9007199254740993,{rows},"stamp":{{"name":"x"}},"none":null}}"#);
        assert_eq!(Part::NoBytes.json(&packet), kept);
        assert!(Part::Whole.json(&packet).contains(r#""data":"Zml0cw==""#));
    }
}
