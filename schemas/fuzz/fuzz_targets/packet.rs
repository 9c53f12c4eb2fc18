//! Any bytes: a container, or a schema and a datum parted by a byte that no text has. Read whole, by a plan with
//! shapes and by one without, which must agree; nothing may panic, hang or take memory without bound.

#![no_main]

#[path = "../../tests/avro/everything.rs"]
mod everything;

use everything::{Everything, check};
use libfuzzer_sys::fuzz_target;
use skydiff_schemas::avro::{
    BytesAs, Extent, Header, Inflate, MAGIC, Plan, Schema, Scratch, Value, container_extent, container_len,
};

struct Reader {
    schema: Schema,
    all: Everything,
    plans: [Plan; 2],
    scratch: Scratch,
}

impl Reader {
    fn of(json: &[u8]) -> Option<Reader> {
        let schema = Schema::parse(json).ok()?;
        let all = Everything::of(json);
        // Refused where a schema is too large written out, or has an array by a name that means two types.
        Plan::compile(&schema, &all.selection).ok().filter(|_| all.len() < 10_000)?;
        let plans = everything::plans(&all, &schema);
        Some(Reader { schema, all, plans, scratch: Scratch::new() })
    }

    fn read(&mut self, datum: &[u8]) {
        // The second time behind the shapes of the first.
        for _ in 0..2 {
            check(&self.all, &mut self.plans, &self.schema, datum, &mut self.scratch);
        }
        if let Ok(value) = Value::read(&self.schema, datum, &mut 0) {
            serde_json::to_vec(&value.json(BytesAs::Base64)).unwrap();
        }
    }
}

fn container(bytes: &[u8]) {
    match container_extent(bytes) {
        Ok(Extent::Ends(len)) => assert!(container_len(&bytes[..len]) == Ok(len) && bytes[len..].starts_with(&MAGIC)),
        Ok(Extent::Whole) => assert_eq!(container_len(bytes), Ok(bytes.len())),
        Ok(Extent::Cut) | Err(_) => assert!(container_len(bytes).is_err()),
    }
    let Ok(header) = Header::parse(bytes) else { return };
    let Some(mut reader) = Reader::of(header.schema) else { return };
    let Ok(body) = Header::body(header.codec, header.len, bytes) else { return };
    let _ = body.records(&mut Inflate::new(), |block, at| {
        reader.read(&block[*at..]);
        Value::read(&reader.schema, block, at).map(drop)
    });
}

fuzz_target!(|bytes: &[u8]| {
    if bytes.starts_with(b"Obj") {
        return container(bytes);
    }
    let mut parts = bytes.splitn(3, |byte| *byte == 0xff);
    let Some(mut reader) = parts.next().and_then(Reader::of) else { return };
    parts.for_each(|datum| reader.read(datum));
});
