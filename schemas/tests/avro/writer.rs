//! Writes values as Avro allows and apache-avro never does: arrays and maps in several blocks, with their sizes.

use skydiff_schemas::avro::Value;

/// Zigzag and base 128.
pub fn long(value: i64, into: &mut Vec<u8>) {
    let mut bits = (value << 1 ^ value >> 63) as u64;
    while bits > 0x7f {
        into.push(bits as u8 | 0x80);
        bits >>= 7;
    }
    into.push(bits as u8);
}

pub fn bytes(value: &[u8], into: &mut Vec<u8>) {
    long(value.len() as i64, into);
    into.extend_from_slice(value);
}

/// The value, with at most `block` items in a block, and every other block with its size.
pub fn write(value: &Value, block: usize, into: &mut Vec<u8>) {
    match value {
        Value::Null => {}
        Value::Boolean(value) => into.push(u8::from(*value)),
        Value::Int(value) => long(i64::from(*value), into),
        Value::Long(value) => long(*value, into),
        Value::Float(value) => into.extend(value.to_le_bytes()),
        Value::Double(value) => into.extend(value.to_le_bytes()),
        Value::Bytes(value) => bytes(value, into),
        Value::Text(value) => bytes(value.as_bytes(), into),
        Value::Fixed(value) => into.extend_from_slice(value),
        Value::Enum(at, _) => long(*at as i64, into),
        Value::Record(fields) => fields.iter().for_each(|(_, value)| write(value, block, into)),
        Value::Array(items) => {
            blocks(items.chunks(block), into, |value, into| write(value, block, into));
        }
        Value::Map(entries) => blocks(entries.chunks(block), into, |(key, value), into| {
            bytes(key.as_bytes(), into);
            write(value, block, into);
        }),
        Value::Union(branch, value) => {
            long(*branch as i64, into);
            write(value, block, into);
        }
    }
}

fn blocks<'v, T: 'v>(
    blocks: impl Iterator<Item = &'v [T]>,
    into: &mut Vec<u8>,
    mut item: impl FnMut(&T, &mut Vec<u8>),
) {
    for (at, block) in blocks.enumerate() {
        let mut items = Vec::new();
        block.iter().for_each(|value| item(value, &mut items));
        if at % 2 == 0 {
            long(-(block.len() as i64), into);
            long(items.len() as i64, into);
        } else {
            long(block.len() as i64, into);
        }
        into.extend(items);
    }
    into.push(0);
}

/// A container of one codec: `blocks` of (records, bytes as they are sent).
pub fn container(schema: &str, codec: Option<&str>, sync: [u8; 16], blocks: &[(i64, Vec<u8>)]) -> Vec<u8> {
    let mut into = b"Obj\x01".to_vec();
    long(1 + i64::from(codec.is_some()), &mut into);
    bytes(b"avro.schema", &mut into);
    bytes(schema.as_bytes(), &mut into);
    if let Some(codec) = codec {
        bytes(b"avro.codec", &mut into);
        bytes(codec.as_bytes(), &mut into);
    }
    into.push(0);
    into.extend(sync);
    for (count, block) in blocks {
        long(*count, &mut into);
        bytes(block, &mut into);
        into.extend(sync);
    }
    into
}
