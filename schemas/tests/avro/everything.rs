//! A selection of every value that a schema has and a plan can capture, and what it must yield.

use serde_json::Value as Json;
use skydiff_schemas::avro::{ArrayId, Captured, Need, Plan, Schema, Scratch, Selection, Slot, Value, Values, Wanted};
use std::collections::HashMap;

const ALL: [Wanted; 5] = [Wanted::Float, Wanted::Integer, Wanted::Boolean, Wanted::Text, Wanted::Bytes];

/// Every path of the schema's records, wanted in every way; every array of records likewise.
pub struct Everything {
    pub selection: Selection,
    root: Vec<Leaf>,
    arrays: Vec<(String, ArrayId, Vec<Leaf>)>,
}

type Leaf = (String, Slot, Wanted);

/// Paths of values, and of arrays with their rows' paths.
#[derive(Default)]
struct Paths {
    values: Vec<String>,
    arrays: Vec<(String, Vec<String>)>,
}

impl Everything {
    pub fn of(json: &[u8]) -> Everything {
        let json: Json = serde_json::from_slice(json).unwrap();
        let (mut names, mut paths) = (HashMap::new(), Paths::default());
        define(&json, &mut names);
        walk(&json, &names, "", &mut paths, 0);
        let mut selection = Selection::new();
        let mut root = Vec::new();
        for path in &paths.values {
            for wanted in ALL {
                root.push((path.clone(), selection.want(path, wanted, Need::Optional), wanted));
            }
        }
        let mut arrays = Vec::new();
        for (array, paths) in &paths.arrays {
            let id = selection.array(array, Need::Required);
            let mut slots = Vec::new();
            for path in paths {
                for wanted in ALL {
                    slots.push((path.clone(), selection.want_in(id, path, wanted, Need::Optional), wanted));
                }
            }
            arrays.push((array.clone(), id, slots));
        }
        Everything { selection, root, arrays }
    }

    /// How many values are wanted.
    pub fn len(&self) -> usize {
        self.root.len() + self.arrays.iter().map(|array| array.2.len()).sum::<usize>()
    }

    /// Where what was captured is not what the whole value says.
    pub fn difference(&self, captured: Captured, value: &Value) -> Option<String> {
        let fault = |path: &str, why: String| Some(format!("{path}: {why}"));
        for (path, slot, wanted) in &self.root {
            if let Some(why) = differs(captured.root(), *slot, *wanted, at(value, path)) {
                return fault(path, why);
            }
        }
        for (array, id, slots) in &self.arrays {
            let rows = match at(value, array) {
                Some(Value::Array(rows)) => rows.as_slice(),
                _ => &[],
            };
            let captured = captured.rows(*id);
            if captured.len() != rows.len() {
                return fault(array, format!("{} rows of {}", captured.len(), rows.len()));
            }
            for (captured, row) in captured.zip(rows) {
                for (path, slot, wanted) in slots {
                    if let Some(why) = differs(captured, *slot, *wanted, at(row, path)) {
                        return fault(&format!("{array}.{path}"), why);
                    }
                }
            }
        }
        None
    }
}

/// Reads a datum by a plan with shapes and by one without; both must agree with the whole value, or reject as it
/// does. (A plan may accept what the whole value rejects: a text that is not wanted and is not UTF-8.)
pub fn check(all: &Everything, plans: &mut [Plan; 2], schema: &Schema, datum: &[u8], scratch: &mut Scratch) {
    let whole = Value::read(schema, datum, &mut 0);
    let mut ends = Vec::new();
    for plan in plans {
        let mut end = 0;
        match (plan.read(datum, &mut end, scratch), &whole) {
            (Ok(captured), Ok(value)) => assert_eq!(all.difference(captured, value), None),
            (Ok(_), Err(reject)) => assert!(reject.to_string().contains("UTF-8"), "{reject}"),
            (Err(reject), Ok(_)) => panic!("rejected: {reject}"),
            (Err(_), Err(_)) => end = usize::MAX,
        }
        ends.push(end);
    }
    assert_eq!(ends[0], ends[1], "shapes make a difference");
}

/// With shapes, and without.
pub fn plans(all: &Everything, schema: &Schema) -> [Plan; 2] {
    let with = Plan::compile(schema, &all.selection).unwrap();
    let mut without = with.clone();
    without.set_shapes(false);
    [with, without]
}

fn differs(values: Values, slot: Slot, wanted: Wanted, expect: Option<&Value>) -> Option<String> {
    let bits = |value: f64| (!value.is_nan()).then(|| value.to_bits());
    let same = match (wanted, expect) {
        (Wanted::Float, Some(Value::Int(n))) => values.float(slot) == Some(f64::from(*n)),
        (Wanted::Float, Some(Value::Long(n))) => values.float(slot) == Some(*n as f64),
        (Wanted::Float, Some(Value::Float(x))) => values.float(slot).and_then(bits) == bits(f64::from(*x)),
        (Wanted::Float, Some(Value::Double(x))) => values.float(slot).and_then(bits) == bits(*x),
        (Wanted::Integer, Some(Value::Int(n))) => values.integer(slot) == Some(i64::from(*n)),
        (Wanted::Integer, Some(Value::Long(n))) => values.integer(slot) == Some(*n),
        (Wanted::Boolean, Some(Value::Boolean(b))) => values.boolean(slot) == Some(*b),
        (Wanted::Text, Some(Value::Text(t) | Value::Enum(_, t))) => values.text(slot) == Some(*t),
        (Wanted::Bytes, Some(Value::Text(t))) => values.bytes(slot) == Some(t.as_bytes()),
        (Wanted::Bytes, Some(Value::Bytes(b) | Value::Fixed(b))) => values.bytes(slot) == Some(*b),
        // Null, not there, or of another type than this.
        _ => return values.is_present(slot).then(|| format!("present as {wanted:?}, though it is {expect:?}")),
    };
    (!(same && values.is_present(slot))).then(|| format!("as {wanted:?} not {expect:?}: {values:?}"))
}

/// The value at a path, through the branches of unions.
fn at<'v, 'a>(value: &'v Value<'a>, path: &str) -> Option<&'v Value<'a>> {
    let found = path.split('.').try_fold(value, |value, name| match bare(value) {
        Value::Record(_) => value.get(name),
        _ => None,
    });
    found.map(bare)
}

fn bare<'v, 'a>(value: &'v Value<'a>) -> &'v Value<'a> {
    match value {
        Value::Union(_, value) => bare(value),
        value => value,
    }
}

fn define<'j>(json: &'j Json, names: &mut HashMap<&'j str, &'j Json>) {
    match json {
        Json::Array(values) => values.iter().for_each(|value| define(value, names)),
        Json::Object(object) => {
            if let (Some("record" | "enum" | "fixed"), Some(name)) = (json["type"].as_str(), json["name"].as_str()) {
                names.insert(name, json);
                names.insert(name.rsplit('.').next().unwrap(), json);
            }
            object.values().for_each(|value| define(value, names));
        }
        _ => {}
    }
}

/// The record fields below a type. Real schemas refer to names with or without their namespace; none has two types
/// of one short name that are referred to.
fn walk(json: &Json, names: &HashMap<&str, &Json>, path: &str, into: &mut Paths, depth: usize) {
    if depth > 12 {
        return;
    }
    match json {
        Json::String(name) => match names.get(name.as_str()) {
            Some(json) => walk(json, names, path, into, depth + 1),
            None => into.values.push(path.to_owned()),
        },
        Json::Array(branches) => branches.iter().for_each(|branch| walk(branch, names, path, into, depth + 1)),
        Json::Object(_) => match json["type"].as_str() {
            Some("record") => {
                for field in json["fields"].as_array().unwrap() {
                    let name = field["name"].as_str().unwrap();
                    let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
                    walk(&field["type"], names, &path, into, depth + 1);
                }
            }
            Some("array") => {
                let mut rows = Paths::default();
                walk(&json["items"], names, "", &mut rows, depth + 1);
                rows.values.retain(|path| !path.is_empty());
                // Only records have paths; arrays of other things are walked over.
                if !rows.values.is_empty() && into.arrays.iter().all(|(known, _)| known != path) && !path.is_empty() {
                    rows.values.sort();
                    rows.values.dedup();
                    into.arrays.push((path.to_owned(), rows.values));
                }
            }
            Some("map") => {}
            Some(_) => into.values.push(path.to_owned()),
            None => walk(&json["type"], names, path, into, depth + 1),
        },
        _ => {}
    }
}
