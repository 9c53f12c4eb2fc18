//! JSON as Avro of any schema: what the JSON lacks is null where that is allowed, else zero or empty.

use apache_avro::Writer;
use apache_avro::schema::{Name, Schema};
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use serde_json::Value as Json;
use std::collections::HashMap;

/// Containers end their blocks with it.
pub const SYNC: [u8; 16] = *b"skydiff makes it";

/// The value of `schema` that `json` describes.
pub fn value(schema: &Schema, json: &Json) -> Value {
    fill(schema, json, &mut HashMap::new())
}

fn fill(schema: &Schema, json: &Json, names: &mut HashMap<Name, Schema>) -> Value {
    match schema {
        Schema::Null => Value::Null,
        Schema::Boolean => Value::Boolean(json.as_bool().unwrap_or(false)),
        Schema::Int => Value::Int(json.as_i64().unwrap_or(0) as i32),
        Schema::Long => Value::Long(json.as_i64().unwrap_or(0)),
        Schema::TimestampMicros => Value::TimestampMicros(json.as_i64().unwrap_or(0)),
        Schema::Float => Value::Float(json.as_f64().unwrap_or(0.0) as f32),
        Schema::Double => Value::Double(json.as_f64().unwrap_or(0.0)),
        Schema::String => Value::String(json.as_str().unwrap_or("").to_owned()),
        Schema::Bytes => Value::Bytes(json.as_str().unwrap_or("").as_bytes().to_vec()),
        Schema::Array(array) => {
            let items = json.as_array().map(Vec::as_slice).unwrap_or(&[]);
            Value::Array(items.iter().map(|item| fill(&array.items, item, names)).collect())
        }
        Schema::Union(union) => {
            let fits = |branch: &&Schema| matches!(branch, Schema::Null) == json.is_null();
            let at = union.variants().iter().position(|branch| fits(&branch)).unwrap_or(0);
            Value::Union(at as u32, Box::new(fill(&union.variants()[at], json, names)))
        }
        Schema::Record(record) => {
            names.insert(record.name.clone(), schema.clone());
            let field = |field: &apache_avro::schema::RecordField, names: &mut HashMap<Name, Schema>| {
                (field.name.clone(), fill(&field.schema, &json[&field.name], names))
            };
            Value::Record(record.fields.iter().map(|one| field(one, names)).collect())
        }
        Schema::Ref { name } => {
            let known = names.get(name).unwrap_or_else(|| panic!("{name:?} is not defined")).clone();
            fill(&known, json, names)
        }
        other => panic!("no test writes {other:?}"),
    }
}

/// A container of one record.
pub fn container(schema: &Schema, json: &Json) -> Vec<u8> {
    let mut writer = Writer::builder().schema(schema).writer(Vec::new()).marker(SYNC).build().expect("a writer");
    writer.append_value(value(schema, json)).expect("a value of its schema");
    writer.into_inner().expect("memory takes it")
}

/// A packet in Confluent framing.
pub fn confluent(id: u32, schema: &Schema, json: &Json) -> Vec<u8> {
    let writer = GenericDatumWriter::builder(schema).build().expect("a schema that can be written");
    let datum = writer.write_value_to_vec(value(schema, json)).expect("a value of its schema");
    [&[0][..], &id.to_be_bytes(), &datum].concat()
}
