//! What a plan promises, case by case, on datums written by hand.

use crate::writer::{bytes, long};
use skydiff_schemas::PacketReject;
use skydiff_schemas::avro::{Need, Plan, Schema, Scratch, Selection, Wanted};

/// A schema of one record with these fields.
pub fn record(fields: &str) -> Schema {
    Schema::parse(format!(r#"{{"type":"record","name":"alert","namespace":"test","fields":[{fields}]}}"#).as_bytes())
        .unwrap()
}

fn rejected(schema: &Schema, selection: &Selection) -> String {
    match Plan::compile(schema, selection) {
        Err(PacketReject::Schema(detail)) => detail,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_missing_required_field_is_named() {
    let schema =
        record(r#"{"name":"candidate","type":{"type":"record","name":"c","fields":[{"name":"jd","type":"string"}]}}"#);
    let mut selection = Selection::new();
    selection.want("candidate.jd", Wanted::Text, Need::Required);
    assert!(Plan::compile(&schema, &selection).is_ok());
    let mut unusable = selection.clone();
    unusable.want("candidate.jd", Wanted::Float, Need::Required);
    let expect = "required field `candidate.jd` is not usable as float (schema `test.alert`)";
    assert_eq!(rejected(&schema, &unusable), expect);
    selection.want("candidate.ra", Wanted::Float, Need::Required);
    let expect = "required field `candidate.ra` is missing; wanted as float (schema `test.alert`)";
    assert_eq!(rejected(&schema, &selection), expect);
    let mut array = Selection::new();
    let rows = array.array("candidate", Need::Optional);
    array.want_in(rows, "jd", Wanted::Float, Need::Required);
    assert!(!Plan::compile(&schema, &array).unwrap().provides_array(rows));
    array.array("candidate", Need::Required);
    let expect = "required field `candidate` is not usable as array of records (schema `test.alert`)";
    assert_eq!(rejected(&schema, &array), expect);
}

#[test]
fn aliases_are_tried_in_order_and_within_rows() {
    let schema = record(
        r#"{"name":"alertId","type":"long"},
           {"name":"prv","type":{"type":"array","items":{"type":"record","name":"r","fields":[{"name":"mjd","type":"double"}]}}}"#,
    );
    let mut selection = Selection::new();
    let id = selection.want("diaSourceId", Wanted::Integer, Need::Required);
    let rows = selection.array("prvDiaSources", Need::Required);
    let time = selection.want_in(rows, "midpointMjdTai", Wanted::Float, Need::Required);
    assert!(selection.alias("diaSourceId", "sourceId") && selection.alias("diaSourceId", "alertId"));
    assert!(selection.alias("prvDiaSources", "prv"));
    assert!(selection.alias("prvDiaSources.midpointMjdTai", "prvDiaSources.mjd"));
    assert!(!selection.alias("nothing", "alertId") && !selection.alias("prvDiaSources.midpointMjdTai", "prv.mjd"));
    let mut plan = Plan::compile(&schema, &selection).unwrap();
    assert!(plan.provides(id) && plan.provides_array(rows) && plan.provides_in(rows, time));
    let mut datum = Vec::new();
    long(i64::MIN, &mut datum);
    long(1, &mut datum);
    datum.extend(60_000.5f64.to_le_bytes());
    datum.push(0);
    let mut scratch = Scratch::new();
    let captured = plan.read_all(&datum, &mut scratch).unwrap();
    assert_eq!(captured.root().integer(id), Some(i64::MIN));
    assert_eq!(captured.rows(rows).map(|row| row.float(time)).collect::<Vec<_>>(), [Some(60_000.5)]);
}

#[test]
fn null_absent_and_nan_are_told_apart() {
    let schema = record(r#"{"name":"a","type":["null","float"]},{"name":"b","type":["double","null"]}"#);
    let mut selection = Selection::new();
    let [a, b, c] = ["a", "b", "c"].map(|name| selection.want(name, Wanted::Float, Need::Optional));
    let mut plan = Plan::compile(&schema, &selection).unwrap();
    let mut scratch = Scratch::new();
    // The sentinel of the prototype, which is a NaN like any other.
    let nan = f64::from_bits(0x7ff8_dead_beef_0001);
    let mut datum = vec![0, 0];
    datum.extend(nan.to_le_bytes());
    let root = plan.read_all(&datum, &mut scratch).unwrap().root();
    assert_eq!([a, b, c].map(|slot| root.is_present(slot)), [false, true, false]);
    assert_eq!([a, b, c].map(|slot| root.float(slot)), [None; 3]);
    let mut datum = vec![2];
    datum.extend(f32::NEG_INFINITY.to_le_bytes());
    datum.push(2);
    let root = plan.read_all(&datum, &mut scratch).unwrap().root();
    assert_eq!([a, b, c].map(|slot| root.float(slot)), [Some(f64::NEG_INFINITY), None, None]);
    // Nothing is left over from a longer packet, shapes or not.
    for _ in 0..3 {
        let root = plan.read_all(&[0, 2], &mut scratch).unwrap().root();
        assert_eq!([a, b, c].map(|slot| root.is_present(slot)), [false; 3]);
    }
}

#[test]
fn a_field_of_several_types_is_wanted_once_for_each() {
    let mut selection = Selection::new();
    let text = selection.want("isdiffpos", Wanted::Text, Need::Optional);
    let flag = selection.want("isdiffpos", Wanted::Boolean, Need::Optional);
    let mut scratch = Scratch::new();
    for (kind, datum, expect) in [
        (r#""string""#, &b"\x02t"[..], (Some("t"), None)),
        (r#""boolean""#, &b"\x01"[..], (None, Some(true))),
        (r#"["null","boolean","string"]"#, &b"\x04\x02f"[..], (Some("f"), None)),
        (r#"["null","boolean","string"]"#, &b"\x02\x00"[..], (None, Some(false))),
        (r#"["null","boolean","string"]"#, &b"\x00"[..], (None, None)),
        (r#"{"type":"enum","name":"e","symbols":["t","f"]}"#, &b"\x02"[..], (Some("f"), None)),
    ] {
        let schema = record(&format!(r#"{{"name":"isdiffpos","type":{kind}}}"#));
        let mut plan = Plan::compile(&schema, &selection).unwrap();
        let root = plan.read_all(datum, &mut scratch).unwrap().root();
        assert_eq!((root.text(text), root.boolean(flag)), expect, "{kind}");
        assert_eq!(plan.provides(flag), kind.contains("boolean"));
    }
}

#[test]
fn more_values_than_a_validity_word_has_bits() {
    let names: Vec<String> = (0..200).map(|at| format!("f{at}")).collect();
    let fields: Vec<String> =
        names.iter().map(|name| format!(r#"{{"name":"{name}","type":["null","long"]}}"#)).collect();
    let mut selection = Selection::new();
    let slots: Vec<_> = names.iter().map(|name| selection.want(name, Wanted::Integer, Need::Required)).collect();
    let mut plan = Plan::compile(&record(&fields.join(",")), &selection).unwrap();
    let mut scratch = Scratch::new();
    for round in 0..4 {
        let present = |at: usize| !at.is_multiple_of(round + 2);
        let mut datum = Vec::new();
        for at in 0..200 {
            long(i64::from(present(at)), &mut datum);
            if present(at) {
                long(at as i64 * 1_000_000_007 * (round as i64 - 2), &mut datum);
            }
        }
        // By the walk, then by a shape.
        for _ in 0..2 {
            let root = plan.read_all(&datum, &mut scratch).unwrap().root();
            for (at, slot) in slots.iter().enumerate() {
                let expect = present(at).then_some(at as i64 * 1_000_000_007 * (round as i64 - 2));
                assert_eq!(root.integer(*slot), expect);
            }
        }
    }
}

#[test]
fn records_that_contain_themselves() {
    let schema = record(
        r#"{"name":"id","type":"int"},
           {"name":"tree","type":["null",{"type":"record","name":"node","fields":[
               {"name":"x","type":"float"},{"name":"below","type":{"type":"array","items":"node"}},
               {"name":"up","type":["null","test.alert"]}]}]},
           {"name":"last","type":"string"}"#,
    );
    let mut selection = Selection::new();
    let last = selection.want("last", Wanted::Text, Need::Required);
    let deep = selection.want("tree.up.tree.up.id", Wanted::Integer, Need::Required);
    let mut plan = Plan::compile(&schema, &selection).unwrap();
    let mut datum = Vec::new();
    for id in 0..6 {
        long(id, &mut datum);
        datum.push(2);
        datum.extend(1f32.to_le_bytes());
        // One node below, which has none.
        datum.extend([2, 0, 0, 0, 0, 0, 0, 0]);
        datum.push(2);
    }
    // The innermost has no tree; then every text on the way back.
    datum.extend([0, 0]);
    for id in 0..7 {
        bytes(format!("text {id}").as_bytes(), &mut datum);
    }
    let mut scratch = Scratch::new();
    let root = plan.read_all(&datum, &mut scratch).unwrap().root();
    assert_eq!((root.text(last), root.integer(deep)), (Some("text 6"), Some(2)));
}

#[test]
fn fields_of_one_name_and_unions_of_records() {
    // WINTER's records have a field twice: the last counts, also when it is null.
    let schema = record(r#"{"name":"a","type":["null","int"]},{"name":"a","type":["null","int"]}"#);
    let mut selection = Selection::new();
    let a = selection.want("a", Wanted::Integer, Need::Required);
    let mut plan = Plan::compile(&schema, &selection).unwrap();
    let mut scratch = Scratch::new();
    assert_eq!(plan.read_all(&[2, 8, 2, 10], &mut scratch).unwrap().root().integer(a), Some(5));
    assert_eq!(plan.read_all(&[2, 8, 0], &mut scratch).unwrap().root().integer(a), None);
    let schema = record(
        r#"{"name":"of","type":["null",{"type":"record","name":"one","fields":[{"name":"a","type":"int"}]},
           {"type":"record","name":"two","fields":[{"name":"b","type":"int"},{"name":"a","type":"long"}]}]}"#,
    );
    let mut selection = Selection::new();
    let [a, b] = ["of.a", "of.b"].map(|path| selection.want(path, Wanted::Integer, Need::Required));
    let mut plan = Plan::compile(&schema, &selection).unwrap();
    for (datum, expect) in [(&[0][..], [None, None]), (&[2, 8], [Some(4), None]), (&[4, 6, 8], [Some(4), Some(3)])] {
        let root = plan.read_all(datum, &mut scratch).unwrap().root();
        assert_eq!([a, b].map(|slot| root.integer(slot)), expect);
    }
    assert!(plan.read_all(&[6, 0], &mut scratch).is_err() && plan.read_all(&[0, 0], &mut scratch).is_err());
}
