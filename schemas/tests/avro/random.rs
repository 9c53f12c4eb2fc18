//! Random schemas × random datums: written by apache-avro, read by ours, with and without shapes.

use crate::everything::{self, Everything};
use crate::{oracle, writer};
use apache_avro::types::Value as Their;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use skydiff_schemas::avro::{Schema, Scratch, Value};

/// What a type is, and how its values are made.
#[derive(Clone, Debug)]
enum Kind {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    Text,
    Fixed(usize),
    Enum(usize),
    Record(Vec<Kind>),
    Array(Box<Kind>),
    Map(Box<Kind>),
    Nullable(Box<Kind>, bool),
    Union(Vec<Kind>),
    /// The root record again, or null.
    Root,
}

fn kinds() -> impl Strategy<Value = Kind> {
    let leaf = prop_oneof![
        1 => Just(Kind::Null),
        2 => Just(Kind::Boolean),
        3 => Just(Kind::Int),
        3 => Just(Kind::Long),
        3 => Just(Kind::Float),
        3 => Just(Kind::Double),
        2 => Just(Kind::Bytes),
        3 => Just(Kind::Text),
        1 => (0usize..20).prop_map(Kind::Fixed),
        1 => (1usize..5).prop_map(Kind::Enum),
        1 => Just(Kind::Root),
    ];
    leaf.prop_recursive(4, 60, 12, |inner| {
        prop_oneof![
            3 => vec(inner.clone(), 0..12).prop_map(Kind::Record),
            3 => inner.clone().prop_map(|kind| Kind::Array(Box::new(kind))),
            // As surveys have it: rows of many plain and nullable fields.
            3 => vec(inner.clone(), 3..12).prop_map(|fields| Kind::Array(Box::new(Kind::Record(fields)))),
            1 => inner.clone().prop_map(|kind| Kind::Map(Box::new(kind))),
            6 => (inner.clone(), any::<bool>()).prop_map(|(kind, first)| Kind::Nullable(Box::new(kind), first)),
            1 => vec(inner, 1..4).prop_map(Kind::Union),
        ]
    })
}

impl Kind {
    /// Its JSON; `names` counts the named types.
    fn json(&self, names: &mut usize) -> Json {
        let mut name = |stem: &str| {
            *names += 1;
            format!("{stem}{names}")
        };
        match self {
            Kind::Null => json!("null"),
            Kind::Boolean => json!("boolean"),
            Kind::Int => json!("int"),
            Kind::Long => json!({"type": "long"}),
            Kind::Float => json!("float"),
            Kind::Double => json!("double"),
            Kind::Bytes => json!("bytes"),
            Kind::Text => json!("string"),
            Kind::Fixed(size) => json!({"type": "fixed", "name": name("some.fixed"), "size": size}),
            Kind::Enum(count) => {
                let symbols: Vec<String> = (0..*count).map(|at| format!("s{at}")).collect();
                json!({"type": "enum", "name": name("enum"), "symbols": symbols})
            }
            Kind::Record(fields) => {
                let name = name("some.space.record");
                json!({"type": "record", "name": name, "fields": fields_json(fields, names)})
            }
            Kind::Array(items) => json!({"type": "array", "items": items.json(names)}),
            Kind::Map(values) => json!({"type": "map", "values": values.json(names)}),
            Kind::Nullable(kind, true) => json!(["null", kind.json(names)]),
            Kind::Nullable(kind, false) => json!([kind.json(names), "null"]),
            Kind::Union(branches) => branches.iter().map(|branch| branch.json(names)).collect(),
            Kind::Root => json!(["null", "top.alert"]),
        }
    }

    /// Whether Avro allows it here: unions hold no unions, and no kind twice but of names.
    fn allowed(&self) -> bool {
        let union = |kind: &Kind| matches!(kind, Kind::Nullable(..) | Kind::Union(_) | Kind::Root);
        match self {
            Kind::Nullable(kind, _) => !union(kind) && !matches!(**kind, Kind::Null) && kind.allowed(),
            Kind::Union(branches) => {
                let named = |kind: &Kind| matches!(kind, Kind::Fixed(_) | Kind::Enum(_) | Kind::Record(_));
                let again = branches.iter().enumerate().any(|(at, kind)| {
                    let same = |other: &Kind| std::mem::discriminant(other) == std::mem::discriminant(kind);
                    !named(kind) && branches[..at].iter().any(same)
                });
                !again && branches.iter().all(|kind| !union(kind) && kind.allowed())
            }
            Kind::Array(kind) | Kind::Map(kind) => kind.allowed(),
            Kind::Record(fields) => fields.iter().all(Kind::allowed),
            _ => true,
        }
    }

    /// A value. Few distinct layouts, so that shapes are met again; wide values now and then, so that they are not.
    fn value(&self, root: &[Kind], dice: &mut Dice, depth: usize) -> Their {
        match self {
            Kind::Null => Their::Null,
            Kind::Boolean => Their::Boolean(dice.roll(2) == 1),
            Kind::Int => Their::Int(dice.integer() as i32),
            Kind::Long => Their::Long(dice.integer()),
            Kind::Float => Their::Float(f32::from_bits(dice.next() as u32)),
            Kind::Double => Their::Double(f64::from_bits(dice.next())),
            Kind::Bytes => Their::Bytes(vec![dice.next() as u8; dice.length()]),
            Kind::Text => Their::String(["a", "é", "\u{1f52d}"][dice.roll(3)].repeat(dice.length())),
            Kind::Fixed(size) => Their::Fixed(*size, vec![dice.next() as u8; *size]),
            Kind::Enum(count) => {
                let at = dice.roll(*count);
                Their::Enum(at as u32, format!("s{at}"))
            }
            Kind::Record(fields) => record(fields, root, dice, depth),
            Kind::Array(items) => {
                Their::Array((0..dice.count(depth)).map(|_| items.value(root, dice, depth + 1)).collect())
            }
            Kind::Map(values) => {
                let entries = (0..dice.count(depth)).map(|at| (format!("k{at}"), values.value(root, dice, depth + 1)));
                Their::Map(entries.collect())
            }
            Kind::Nullable(kind, null_first) => {
                let null = dice.roll(4) == 0;
                let branch = u32::from(null != *null_first);
                let value = if null { Their::Null } else { kind.value(root, dice, depth) };
                Their::Union(branch, Box::new(value))
            }
            Kind::Union(branches) => {
                let branch = dice.roll(branches.len());
                Their::Union(branch as u32, Box::new(branches[branch].value(root, dice, depth)))
            }
            Kind::Root if depth < 3 && dice.roll(3) == 0 => {
                Their::Union(1, Box::new(record(root, root, dice, depth + 1)))
            }
            Kind::Root => Their::Union(0, Box::new(Their::Null)),
        }
    }
}

fn fields_json(fields: &[Kind], names: &mut usize) -> Json {
    fields.iter().enumerate().map(|(at, kind)| json!({"name": format!("f{at}"), "type": kind.json(names)})).collect()
}

fn record(fields: &[Kind], root: &[Kind], dice: &mut Dice, depth: usize) -> Their {
    let fields = fields.iter().enumerate();
    Their::Record(fields.map(|(at, kind)| (format!("f{at}"), kind.value(root, dice, depth))).collect())
}

/// Numbers that follow from a seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ x >> 31
    }

    fn roll(&mut self, sides: usize) -> usize {
        (self.next() % sides as u64) as usize
    }

    /// Of any width; mostly of few.
    fn integer(&mut self) -> i64 {
        let shift = [63, 60, 57, 56, 50, 36, 33, 32, 29, 0][if self.roll(4) == 0 { self.roll(10) } else { 2 }];
        (self.next() as i64) >> shift
    }

    fn length(&mut self) -> usize {
        if self.roll(6) == 0 { self.roll(300) } else { self.roll(2) }
    }

    fn count(&mut self, depth: usize) -> usize {
        [self.roll(12), self.roll(4), self.roll(2)][depth.min(2)]
    }
}

/// Schemas whose records make sense together.
fn schemas() -> impl Strategy<Value = Vec<Kind>> {
    vec(kinds(), 1..14).prop_filter("no schema", |fields| fields.iter().all(Kind::allowed))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_apache_avro_writes_is_read(fields in schemas(), seed in any::<u64>()) {
        let json = json!({"type": "record", "name": "top.alert", "fields": fields_json(&fields, &mut 0)}).to_string();
        let theirs = oracle::schema(json.as_bytes());
        let schema = Schema::parse(json.as_bytes()).unwrap();
        let all = Everything::of(json.as_bytes());
        let mut plans = everything::plans(&all, &schema);
        let (mut dice, mut scratch) = (Dice(seed), Scratch::new());
        let writer = apache_avro::writer::datum::GenericDatumWriter::builder(&theirs).build().unwrap();
        for _ in 0..12 {
            let value = record(&fields, &fields, &mut dice, 0);
            let datum = writer.write_value_to_vec(value.clone()).unwrap();
            let mut end = 0;
            let ours = Value::read(&schema, &datum, &mut end).unwrap();
            prop_assert_eq!((oracle::difference(&ours, &value), end), (None, datum.len()));
            everything::check(&all, &mut plans, &schema, &datum, &mut scratch);
            // As other writers may write it.
            let mut blocks = Vec::new();
            writer::write(&ours, 3, &mut blocks);
            let again = Value::read(&schema, &blocks, &mut 0).unwrap();
            prop_assert_eq!(oracle::difference(&again, &value), None);
            everything::check(&all, &mut plans, &schema, &blocks, &mut scratch);
            // And damaged, behind the shapes that it has taught.
            for _ in 0..4 {
                let mut bad = datum.clone();
                if let Some(byte) = (!bad.is_empty()).then(|| dice.roll(bad.len())) {
                    bad[byte] = if dice.roll(2) == 0 { dice.next() as u8 } else { bad[byte] ^ 1 << dice.roll(8) };
                }
                everything::check(&all, &mut plans, &schema, &bad, &mut scratch);
            }
        }
    }
}
