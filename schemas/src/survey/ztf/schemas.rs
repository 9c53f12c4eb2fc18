//! ZTF's writer schema, for whoever writes packets: readers find it in every packet.
//!
//! A table of our own (`schemas.txt`) of names, types and order, expanded to Avro JSON without documentation.

use super::super::table::SchemaTable;

const TABLE: SchemaTable = SchemaTable(include_str!("schemas.txt"));

/// The writer schema of a version (`4.02`), as Avro JSON without documentation; `None` if it is not built in.
pub fn writer_schema(version: &str) -> Option<String> {
    TABLE.expand(version, "ztf.alert", "ztf.alert").map(|schema| schema.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::super::testing;
    use super::*;
    use serde_json::{Value, json};

    /// Everything that a reader can tell, with the full name of every record.
    fn structure(schema: &Value, namespace: &str) -> Value {
        match schema {
            Value::Array(parts) => parts.iter().map(|part| structure(part, namespace)).collect(),
            Value::Object(object) if object.contains_key("fields") => {
                let name = object["name"].as_str().unwrap();
                let full = match object.get("namespace").and_then(Value::as_str) {
                    Some(own) => format!("{own}.{name}"),
                    None if name.contains('.') => name.to_owned(),
                    None => format!("{namespace}.{name}"),
                };
                let inner = full.rsplit_once('.').unwrap().0.to_owned();
                let fields = object["fields"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|field| json!([field["name"], structure(&field["type"], &inner), field.get("default")]));
                json!({"name": full, "fields": fields.collect::<Vec<_>>()})
            }
            Value::Object(object) if object.contains_key("items") => json!([structure(&object["items"], namespace)]),
            Value::Object(object) => structure(&object["type"], namespace),
            scalar => scalar.clone(),
        }
    }

    #[test]
    fn it_expands_and_no_other_does() {
        let schema = writer_schema("4.02").unwrap();
        apache_avro::Schema::parse_str(&schema).unwrap();
        assert_eq!(writer_schema("4.01"), None);
    }

    #[test]
    fn it_is_the_one_in_the_packets_in_structure() {
        let Some(data) = testing::data() else { return };
        let path = data.join("schemas/ztf/ztf.schemavsn_4.02.avsc_4.02.446c7258.json");
        let official: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let ours: Value = serde_json::from_str(&writer_schema("4.02").unwrap()).unwrap();
        assert_eq!(structure(&ours, ""), structure(&official, ""));
    }
}
