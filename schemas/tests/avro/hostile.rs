//! Packets and schemas that are made to hurt: refused, soon, and without memory.

use crate::plan::record;
use crate::writer::{bytes, container, long};
use skydiff_schemas::PacketReject;
use skydiff_schemas::avro::{
    Header, Inflate, MAX_BLOCK_BYTES, Need, Plan, Schema, Scratch, Selection, Value, Wanted, container_len,
};
use std::time::{Duration, Instant};

/// Runs it, and fails if it took long. (What it guards against takes hours.)
fn soon<T>(what: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let done = what();
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    done
}

fn parse(json: &str) -> Result<Schema, PacketReject> {
    Schema::parse(json.as_bytes())
}

fn is_datum<T>(read: Result<T, PacketReject>) -> bool {
    matches!(read, Err(PacketReject::Datum(_)))
}

/// By a plan that wants the rows of `rows` and by one that wants nothing, and whole.
fn refused(schema: &Schema, datum: &[u8]) {
    let mut selection = Selection::new();
    let mut scratch = Scratch::new();
    for _ in 0..2 {
        let mut plan = Plan::compile(schema, &selection).unwrap();
        assert!(soon(|| is_datum(plan.read_all(datum, &mut scratch))));
        let rows = selection.array("rows", Need::Optional);
        selection.want_in(rows, "x", Wanted::Float, Need::Optional);
    }
    assert!(soon(|| is_datum(Value::read(schema, datum, &mut 0))));
}

#[test]
fn a_trillion_items() {
    for items in [
        r#""null""#,
        r#"{"type":"record","name":"r","fields":[]}"#,
        r#"{"type":"record","name":"r","fields":[{"name":"x","type":"null"}]}"#,
        r#"{"type":"fixed","name":"f","size":0}"#,
        r#""int""#,
        r#"{"type":"array","items":"null"}"#,
        r#"{"type":"record","name":"r","fields":[{"name":"x","type":["null","float"]}]}"#,
    ] {
        let schema = record(&format!(r#"{{"name":"rows","type":{{"type":"array","items":{items}}}}}"#));
        for count in [1 << 40, i64::MAX, i64::MIN, -(1 << 40)] {
            let mut datum = Vec::new();
            long(count, &mut datum);
            if count < 0 {
                long(100, &mut datum);
            }
            datum.extend([0; 100]);
            refused(&schema, &datum);
        }
    }
    let map = record(r#"{"name":"rows","type":{"type":"map","values":"null"}}"#);
    let mut datum = Vec::new();
    long(1 << 40, &mut datum);
    datum.extend([0; 100]);
    refused(&map, &datum);
}

#[test]
fn many_small_rows_take_bounded_memory() {
    let schema = record(
        r#"{"name":"rows","type":{"type":"array","items":{"type":"record","name":"r","fields":[{"name":"x","type":["null","float"]}]}}}"#,
    );
    let mut selection = Selection::new();
    let rows = selection.array("rows", Need::Required);
    (0..40).for_each(|_| _ = selection.want_in(rows, "x", Wanted::Float, Need::Required));
    let mut datum = Vec::new();
    long(1 << 24, &mut datum);
    datum.extend(vec![0; (1 << 24) + 1]);
    let mut plan = Plan::compile(&schema, &selection).unwrap();
    assert!(soon(|| is_datum(plan.read_all(&datum, &mut Scratch::new()))));
}

#[test]
fn lengths_integers_booleans_and_blocks_that_cannot_be() {
    let wrong = |kind: &str, datum: &[u8]| refused(&record(&format!(r#"{{"name":"rows","type":{kind}}}"#)), datum);
    for kind in [r#""string""#, r#""bytes""#] {
        for len in [-1, i64::MIN, i64::MAX, 1 << 33, 4] {
            let mut datum = Vec::new();
            long(len, &mut datum);
            datum.extend(b"abc");
            wrong(kind, &datum);
        }
    }
    wrong(r#""boolean""#, &[2]);
    wrong(r#""int""#, &[0xfe, 0xff, 0xff, 0xff, 0x1f]);
    wrong(r#""long""#, &[0xff; 11]);
    wrong(r#""long""#, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]);
    wrong(r#"["null","int"]"#, &[4]);
    wrong(r#"["null","int"]"#, &[1]);
    wrong(r#"["null","int","float"]"#, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]);
    wrong("[]", &[0]);
    wrong(r#"{"type":"enum","name":"e","symbols":["a"]}"#, &[2]);
    wrong(r#"{"type":"enum","name":"e","symbols":[]}"#, &[0]);
    // One item of one byte in a block that says two, and in one that says none.
    wrong(r#"{"type":"array","items":"boolean"}"#, &[1, 4, 0, 0, 0]);
    wrong(r#"{"type":"array","items":"boolean"}"#, &[1, 0, 0, 0]);
    // A datum that ends early, or does not end.
    wrong(r#""double""#, &[0; 7]);
    wrong(r#"{"type":"array","items":"boolean"}"#, &[2, 0]);
}

#[test]
fn deep_values() {
    let schema = record(r#"{"name":"rows","type":["null","test.alert"]}"#);
    let datum = |depth: usize| [vec![2; depth], vec![0]].concat();
    let mut plan = Plan::compile(&schema, &Selection::new()).unwrap();
    assert!(plan.read_all(&datum(50), &mut Scratch::new()).is_ok());
    assert!(Value::read(&schema, &datum(50), &mut 0).is_ok());
    refused(&schema, &datum(1_000_000));
}

#[test]
fn schemas_that_are_written_out_without_end() {
    // Each record has two of the next: 2⁶⁰ nulls.
    let mut json = r#""null""#.to_owned();
    for at in 0..60 {
        json = if at == 0 {
            r#"{"type":"record","name":"r0","fields":[]}"#.to_owned()
        } else {
            let (before, this) = (at - 1, at);
            let first = if json.contains(&format!(r#""name":"r{before}""#)) { json } else { format!(r#""r{before}""#) };
            format!(
                r#"{{"type":"record","name":"r{this}","fields":[{{"name":"a","type":{first}}},{{"name":"b","type":"r{before}"}}]}}"#
            )
        };
        // The JSON may nest 128 deep.
        if at == 40 {
            break;
        }
    }
    let schema = parse(&json).unwrap();
    assert!(soon(|| Plan::compile(&schema, &Selection::new())).is_err());
    assert!(soon(|| is_datum(Value::read(&schema, &[], &mut 0))));
    // Behind a record that contains itself, where a plan does not write it out.
    let schema = parse(&format!(
        r#"{{"type":"record","name":"a","fields":[{{"name":"again","type":["null","a"]}},{{"name":"many","type":["null",{json}]}}]}}"#
    ));
    if let Ok(mut plan) = Plan::compile(&schema.unwrap(), &Selection::new()) {
        assert!(soon(|| is_datum(plan.read_all(&[2, 0, 2, 0], &mut Scratch::new()))));
    }
}

#[test]
fn schemas_that_are_none() {
    for json in [
        "",
        "{",
        "1",
        "null",
        r#""nothing""#,
        "[1]",
        r#"{"type":"record"}"#,
        r#"{"type":"record","name":"a"}"#,
        r#"{"type":"record","name":"a","fields":[{"name":"b"}]}"#,
        r#"{"type":"record","name":"a","fields":[{"type":"int"}]}"#,
        r#"{"type":"record","name":"a","fields":{}}"#,
        r#"{"type":"array"}"#,
        r#"{"type":"map","values":"x"}"#,
        r#"{"type":"enum","name":"a"}"#,
        r#"{"type":"enum","name":"a","symbols":[1]}"#,
        r#"{"type":"fixed","name":"a"}"#,
        r#"{"type":"fixed","name":"a","size":-1}"#,
        r#"{"type":"fixed","name":"a","size":9999999999}"#,
        r#"{"name":"a"}"#,
        r#"[{"type":"fixed","name":"a","size":1},{"type":"fixed","name":"a","size":2}]"#,
    ] {
        let parsed = parse(json);
        assert!(matches!(parsed, Err(PacketReject::Schema(_))), "{json}: {parsed:?}");
    }
    let deep = format!("{}\"int\"{}", r#"{"type":"array","items":"#.repeat(5000), "}".repeat(5000));
    assert!(parse(&deep).is_err());
    let long = format!("[{}\"int\"]", "\"int\",".repeat(200_000));
    assert!(soon(|| parse(&long)).is_err());
    let wide = format!("[{}\"int\"]", "\"int\",".repeat(70_000));
    assert!(soon(|| parse(&wide)).is_err());
    assert!(Schema::parse(&[0xff; 10]).is_err());
}

fn inflated(codec: &str, block: Vec<u8>) -> Result<usize, PacketReject> {
    let packet = container(r#""bytes""#, Some(codec), [7; 16], &[(1, block)]);
    let header = Header::parse(&packet).unwrap();
    Header::body(header.codec, header.len, &packet).unwrap().records(&mut Inflate::new(), |block, at| {
        *at = block.len();
        Ok(())
    })
}

#[test]
fn blocks_that_inflate_without_end() {
    use std::io::Write;
    let zeros = vec![0; MAX_BLOCK_BYTES + 1];
    let mut deflate = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    deflate.write_all(&zeros).unwrap();
    let mut snappy = snap::raw::Encoder::new().compress_vec(&zeros).unwrap();
    snappy.extend([0; 4]);
    for (codec, block) in [
        ("deflate", deflate.finish().unwrap()),
        ("snappy", snappy),
        ("zstandard", zstd::encode_all(&zeros[..], 1).unwrap()),
    ] {
        let fault = soon(|| inflated(codec, block)).unwrap_err();
        assert_eq!(fault, PacketReject::Framing(format!("{codec} block: too large")));
    }
    // A claim of 60 MB in ten bytes.
    let fault = inflated("snappy", vec![0x80, 0x80, 0x80, 0x1c, 0, 0, 0, 0, 0, 0]).unwrap_err();
    assert_eq!(fault, PacketReject::Framing("snappy block: claims more than it can hold".into()));
}

#[test]
fn containers_that_claim_too_much() {
    let claims = |count: i64, size: i64| {
        let mut packet = container(r#""null""#, None, [7; 16], &[]);
        long(count, &mut packet);
        long(size, &mut packet);
        packet.extend([7; 16]);
        packet
    };
    for (count, size) in [(1 << 40, 0), (-1, 0), (1, -1), (1, 1 << 40), (1, i64::MAX), (i64::MIN, 0)] {
        let packet = claims(count, size);
        let header = Header::parse(&packet).unwrap();
        let body = Header::body(header.codec, header.len, &packet).unwrap();
        let read = soon(|| body.records(&mut Inflate::new(), |_, _| Ok(())));
        assert!(matches!(read, Err(PacketReject::Framing(_))), "{count} {size}: {read:?}");
    }
    assert!(container_len(&claims(1, 1 << 40)).is_err());
    // A header of a trillion entries, and one with an entry of a terabyte.
    let mut many = b"Obj\x01".to_vec();
    long(1 << 40, &mut many);
    assert!(soon(|| Header::parse(&many)).is_err());
    let mut long_entry = b"Obj\x01".to_vec();
    long(1, &mut long_entry);
    bytes(b"avro.schema", &mut long_entry);
    long(1 << 40, &mut long_entry);
    assert!(Header::parse(&long_entry).is_err() && container_len(&long_entry).is_err());
}
