//! A value as JSON, for people and for their scripts.
//!
//! Every number is printed in the fewest digits that read back to it: integers in full, also beyond 2^53 (scripts
//! must read them as integers), floats as the 32 or 64 bits that they are. What JSON has no word for is a string:
//! `"NaN"`, `"Infinity"`, `"-Infinity"`. A union is the value of its branch.

use super::value::Value;
use serde::ser::{Serialize, SerializeMap, Serializer};

/// How bytes and fixed are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BytesAs {
    /// In base64 (RFC 4648, padded): nothing is lost.
    Base64,
    /// As `{"bytes": 12345}`: how many there are.
    Length,
}

/// A value to be serialized, by `serde_json::to_writer_pretty` or another serializer.
#[derive(Clone, Copy, Debug)]
pub struct Json<'v> {
    value: &'v Value<'v>,
    bytes: BytesAs,
}

impl<'a> Value<'a> {
    /// As JSON.
    pub fn json(&self, bytes: BytesAs) -> Json<'_> {
        Json { value: self, bytes }
    }
}

impl<'v> Json<'v> {
    pub(super) fn new(value: &'v Value<'v>, bytes: BytesAs) -> Json<'v> {
        Json { value, bytes }
    }
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.value {
            Value::Null => to.serialize_unit(),
            Value::Boolean(value) => to.serialize_bool(*value),
            Value::Int(value) => to.serialize_i32(*value),
            Value::Long(value) => to.serialize_i64(*value),
            Value::Float(value) if value.is_finite() => to.serialize_f32(*value),
            Value::Float(value) => to.serialize_str(special(f64::from(*value))),
            Value::Double(value) if value.is_finite() => to.serialize_f64(*value),
            Value::Double(value) => to.serialize_str(special(*value)),
            Value::Bytes(value) | Value::Fixed(value) => match self.bytes {
                BytesAs::Base64 => to.serialize_str(&base64(value)),
                BytesAs::Length => to.collect_map([("bytes", value.len())]),
            },
            Value::Text(value) | Value::Enum(_, value) => to.serialize_str(value),
            Value::Record(fields) | Value::Map(fields) => {
                let mut map = to.serialize_map(Some(fields.len()))?;
                fields.iter().try_for_each(|(name, value)| map.serialize_entry(name, &value.json(self.bytes)))?;
                map.end()
            }
            Value::Array(values) => to.collect_seq(values.iter().map(|value| value.json(self.bytes))),
            Value::Union(_, value) => value.json(self.bytes).serialize(to),
        }
    }
}

fn special(value: f64) -> &'static str {
    match value {
        f64::INFINITY => "Infinity",
        f64::NEG_INFINITY => "-Infinity",
        _ => "NaN",
    }
}

/// In base64 (RFC 4648, padded).
pub fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let bits = three.iter().fold(0, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for at in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * at) & 63) as usize];
            text.push(if at <= three.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_rfc_4648() {
        let cases = ["", "f", "fo", "foo", "foob", "fooba", "foobar"];
        let expect = ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"];
        assert_eq!(cases.map(|case| base64(case.as_bytes())), expect);
        assert_eq!(base64(&[0xfb, 0xff, 0xfe]), "+//+");
    }

    #[test]
    fn what_json_cannot_say_is_said_in_words() {
        let value = Value::Array(vec![
            Value::Long(i64::MIN),
            Value::Long((1 << 53) + 1),
            Value::Float(0.1),
            Value::Double(0.1),
            Value::Float(f32::NAN),
            Value::Double(f64::NEG_INFINITY),
            Value::Union(1, Box::new(Value::Bytes(&[0; 5]))),
            Value::Union(0, Box::new(Value::Null)),
        ]);
        let text = |bytes| serde_json::to_string(&value.json(bytes)).unwrap();
        let numbers = r#"-9223372036854775808,9007199254740993,0.1,0.1,"NaN","-Infinity""#;
        assert_eq!(text(BytesAs::Length), format!(r#"[{numbers},{{"bytes":5}},null]"#));
        assert_eq!(text(BytesAs::Base64), format!(r#"[{numbers},"AAAAAAA=",null]"#));
    }
}
