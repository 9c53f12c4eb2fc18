//! The record's schema in the forms that others read: Avro, and Markdown for people.

use super::column::{Column, Shape, Table, Value};
use super::{Enclosed, Record};
use serde_json::{Value as Json, json};

/// Namespace of the types of a record.
const NAMESPACE: &str = "skydiff";

/// The Avro schema of a record, as JSON: `skydiff.Record`. Units are in each field's `unit`.
pub fn avro_schema() -> Json {
    let mut schema = avro(&Record::shape());
    schema["namespace"] = json!(NAMESPACE);
    schema
}

pub(super) fn avro(shape: &Shape) -> Json {
    match shape {
        Shape::Text | Shape::Words(_) => json!("string"),
        Shape::Bytes => json!("bytes"),
        Shape::Integer => json!("long"),
        Shape::Real => json!("double"),
        Shape::Single => json!("float"),
        Shape::Flag => json!("boolean"),
        Shape::Maybe(inner) => json!(["null", avro(inner)]),
        Shape::List(inner) => json!({"type": "array", "items": avro(inner)}),
        Shape::Table(table) => {
            let fields: Vec<Json> = table.columns.iter().map(avro_field).collect();
            json!({"type": "record", "name": table.name, "doc": table.doc, "fields": fields})
        }
    }
}

fn avro_field(column: &Column) -> Json {
    let mut field = json!({"name": column.name, "type": avro(&column.shape), "doc": about(column)});
    if !column.unit.is_empty() {
        field["unit"] = json!(column.unit);
    }
    match column.shape {
        Shape::Maybe(_) => field["default"] = Json::Null,
        Shape::List(_) => field["default"] = json!([]),
        _ => {}
    }
    field
}

/// The documentation of a column, with the words that it may hold.
fn about(column: &Column) -> String {
    match column.shape {
        Shape::Words(words) => format!("{} One of: {}.", column.doc, words.join(", ")),
        _ => column.doc.clone(),
    }
}

/// The schema as Markdown: a table for each of its tables, columns in the order in which they are written.
pub fn markdown() -> String {
    let mut text = String::new();
    let mut tables = vec![];
    collect(&Record::shape(), &mut tables);
    collect(&Enclosed::shape(), &mut tables);
    for (depth, table) in tables.iter().enumerate() {
        let mark = if depth == 0 { "#" } else { "##" };
        text += &format!(
            "{mark} {}\n{}\n\n| column | type | unit | what it is |\n|---|---|---|---|\n",
            table.name, table.doc
        );
        for column in &table.columns {
            let cell = about(column).replace('|', "\\|");
            text += &format!("| `{}` | {} | {} | {cell} |\n", column.name, type_name(&column.shape), column.unit);
        }
        text += "\n";
    }
    text.truncate(text.trim_end().len());
    text + "\n"
}

fn collect(shape: &Shape, tables: &mut Vec<Table>) {
    match shape {
        Shape::Maybe(inner) | Shape::List(inner) => collect(inner, tables),
        Shape::Table(table) if tables.iter().all(|known| known.name != table.name) => {
            tables.push(table.clone());
            table.columns.iter().for_each(|column| collect(&column.shape, tables));
        }
        _ => {}
    }
}

fn type_name(shape: &Shape) -> String {
    match shape {
        Shape::Text | Shape::Words(_) => "text".into(),
        Shape::Bytes => "bytes".into(),
        Shape::Integer => "integer".into(),
        Shape::Real => "double".into(),
        Shape::Single => "float".into(),
        Shape::Flag => "boolean".into(),
        Shape::Maybe(inner) => format!("{} or null", type_name(inner)),
        Shape::List(inner) => format!("list of {}", type_name(inner)),
        Shape::Table(table) => table.name.into(),
    }
}
