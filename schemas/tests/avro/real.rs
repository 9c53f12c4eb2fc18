//! Every field of every real packet is what apache-avro says, decoded whole and captured by a plan.

use crate::everything::{self, Everything};
use crate::{oracle, packets};
use skydiff_schemas::avro::{Header, Inflate, Plan, PlanCache, Schema, Scratch, Value, confluent};
use std::collections::BTreeMap;
use std::path::Path;

struct Writer {
    schema: Schema,
    theirs: apache_avro::Schema,
    all: Everything,
    plans: [Plan; 2],
}

impl Writer {
    fn of(json: &[u8]) -> Writer {
        let (schema, all) = (Schema::parse(json).unwrap(), Everything::of(json));
        let plans = everything::plans(&all, &schema);
        Writer { schema, theirs: oracle::schema(json), all, plans }
    }

    fn check(&mut self, path: &Path, datum: &[u8], scratch: &mut Scratch) {
        let mut end = 0;
        let ours = Value::read(&self.schema, datum, &mut end).unwrap();
        let theirs = oracle::value(&self.theirs, datum).unwrap();
        assert_eq!((oracle::difference(&ours, &theirs), end), (None, datum.len()), "{}", path.display());
        // Twice: the second time by the shapes that the first has taught.
        for _ in 0..2 {
            everything::check(&self.all, &mut self.plans, &self.schema, datum, scratch);
        }
    }
}

#[test]
fn containers_are_what_apache_avro_says() {
    let Some(data) = packets::data() else { return };
    let (mut cache, mut inflate, mut scratch) = (PlanCache::new(), Inflate::new(), Scratch::new());
    let mut counts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for (path, packet) in packets::containers(&data) {
        let header = Header::parse(&packet).unwrap();
        let (writer, body) = cache.container(&packet, |_| Ok(Writer::of(header.schema))).unwrap();
        let records = body.records(&mut inflate, |block, at| {
            let mut end = *at;
            Value::read(&writer.schema, block, &mut end)?;
            writer.check(&path, &block[*at..end], &mut scratch);
            *at = end;
            Ok(())
        });
        let count = counts.entry(writer.schema.name().to_owned()).or_default();
        *count = (count.0 + records.unwrap(), writer.all.len());
    }
    println!("records, values wanted: {counts:?}");
    assert!(counts.len() >= 5 && cache.len() >= 12, "{counts:?}, {} headers", cache.len());
}

#[test]
fn lsst_is_what_apache_avro_says() {
    let Some(data) = packets::data() else { return };
    let (mut writers, mut scratch) = (BTreeMap::new(), Scratch::new());
    let mut count = BTreeMap::new();
    for (path, packet) in packets::confluent(&data) {
        let (id, datum) = confluent(&packet).unwrap();
        let writer = writers.entry(id).or_insert_with(|| Writer::of(&packets::lsst_schema(&data, id)));
        writer.check(&path, datum, &mut scratch);
        *count.entry(id).or_insert(0) += 1;
    }
    println!("{count:?}");
    assert_eq!(count.values().sum::<i32>(), 90);
}
