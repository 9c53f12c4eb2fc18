//! LSST's writer schemas, so that packets can be read without asking the observatory's registry.
//!
//! LSST packets carry only the id of their schema. The official texts are GPL; what is here is a table of our own
//! (`schemas.txt`) of what a reader must know of them, names, types, order and versions, expanded to Avro JSON on demand.

use super::super::table::SchemaTable;

const TABLE: SchemaTable = SchemaTable(include_str!("schemas.txt"));

/// The Confluent ids of the schemas that are built in: 100 · major + minor.
pub fn schema_ids() -> impl Iterator<Item = u32> {
    TABLE.versions().filter_map(id_of)
}

/// The writer schema of a Confluent id, as Avro JSON without documentation; `None` if it is not built in.
pub fn writer_schema(id: u32) -> Option<String> {
    let version = TABLE.versions().find(|version| id_of(version) == Some(id))?;
    let namespace = format!("lsst.v{}", version.replace('.', "_"));
    TABLE.expand(version, &format!("{namespace}.alert"), &namespace).map(|schema| schema.to_string())
}

fn id_of(version: &str) -> Option<u32> {
    let (major, minor) = version.split_once('.')?;
    Some(major.parse::<u32>().ok()? * 100 + minor.parse::<u32>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing;
    use super::*;
    use serde_json::Value;

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
