//! Real packets, damaged: read as apache-avro reads them, or rejected, and never anything else.
//!
//! `SKYDIFF_MUTATIONS` says how many (20,000 without it).

use crate::everything::{self, Everything};
use crate::{oracle, packets};
use skydiff_schemas::PacketReject;
use skydiff_schemas::avro::{Extent, Inflate, Plan, PlanCache, Schema, Scratch, Value, container_extent};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

struct Writer {
    schema: Schema,
    theirs: Option<apache_avro::Schema>,
    all: Everything,
    plans: [Plan; 2],
}

impl Writer {
    fn of(json: &[u8], schema: Schema, known: bool) -> Result<Writer, PacketReject> {
        let all = Everything::of(json);
        Plan::compile(&schema, &all.selection)?;
        let plans = everything::plans(&all, &schema);
        Ok(Writer { schema, theirs: known.then(|| oracle::schema(json)), all, plans })
    }

    /// Whole by ours against theirs where `compare`, and by plans against whole; gives where the datum ends.
    fn read(&mut self, bytes: &[u8], at: usize, compare: bool, scratch: &mut Scratch) -> Result<usize, PacketReject> {
        let datum = &bytes[at..];
        everything::check(&self.all, &mut self.plans, &self.schema, datum, scratch);
        let mut end = 0;
        let ours = Value::read(&self.schema, datum, &mut end)?;
        if let (true, Some(theirs)) = (compare, &self.theirs) {
            let theirs = oracle::value(theirs, &datum[..end]).expect("read by ours, rejected by theirs");
            assert_eq!(oracle::difference(&ours, &theirs), None);
        }
        Ok(at + end)
    }
}

/// xorshift64.
fn next(state: &mut u64) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state >> 16) as usize
}

/// One kind of damage, mostly where a datum's values are, not in its stamps.
fn damage(packet: &mut Vec<u8>, state: &mut u64) {
    let len = packet.len();
    let place = match next(state) % 4 {
        0 => next(state) % len,
        1 => next(state) % len.min(40),
        // ZTF: behind the header; LSST: at the start.
        _ => {
            let behind = packet.windows(10).position(|w| w == b"avro.codec").map_or(0, |_| 26_000.min(len - 1));
            (behind + next(state) % 9_000) % len
        }
    };
    match next(state) % 14 {
        0..4 => packet[place] ^= 1 << (next(state) % 8),
        4..8 => packet[place] = [0, 1, 2, 0x7f, 0x80, 0xff][next(state) % 6],
        8 => packet.truncate(place),
        9 => drop(packet.drain(place..(place + 1 + next(state) % 12).min(len))),
        10 => {
            let from = next(state) % len;
            let piece = packet[from..(from + 1 + next(state) % 40).min(len)].to_vec();
            packet.splice(place..place, piece);
        }
        _ => {
            let from = next(state) % len;
            let count = (1 + next(state) % 16).min(len - from).min(len - place);
            packet.copy_within(from..from + count, place);
        }
    }
}

#[test]
fn damaged_packets_are_read_as_apache_avro_does_or_rejected() {
    let Some(data) = packets::data() else { return };
    let count = std::env::var("SKYDIFF_MUTATIONS").ok().and_then(|count| count.parse().ok()).unwrap_or(20_000);
    let whole = [packets::containers(&data), packets::confluent(&data)].concat();
    let mut reader = Reader::new(&data);
    let (mut state, mut outcomes) = (0x5eed_5eed_5eed_5eed, BTreeMap::new());
    for round in 0..count {
        let mut packet = whole[next(&mut state) % whole.len()].1.clone();
        // Deep fields' packets take a hundred times as long: fewer of them.
        if packet.len() > 150_000 && round % 20 != 0 {
            continue;
        }
        for _ in 0..1 + next(&mut state) % 2 {
            if !packet.is_empty() {
                damage(&mut packet, &mut state);
            }
        }
        let start = Instant::now();
        let outcome = reader.read(&packet, round % 8 == 0);
        assert!(start.elapsed() < Duration::from_secs(20), "round {round}: {:?}", start.elapsed());
        *outcomes.entry(outcome.map_or_else(|reject| reject.reason(), |_| "read")).or_insert(0) += 1;
    }
    println!("{outcomes:?}");
    assert!(outcomes["read"] > count / 10 && outcomes["datum"] > count / 20, "{outcomes:?}");
}

struct Reader<'d> {
    data: &'d Path,
    cache: PlanCache<Writer>,
    inflate: Inflate,
    scratch: Scratch,
}

impl<'d> Reader<'d> {
    fn new(data: &'d Path) -> Self {
        Reader { data, cache: PlanCache::new(), inflate: Inflate::new(), scratch: Scratch::new() }
    }

    fn read(&mut self, packet: &[u8], compare: bool) -> Result<(), PacketReject> {
        let Reader { data, cache, inflate, scratch } = self;
        if packet.first() == Some(&0) {
            let (writer, datum) = cache.confluent(packet, |id| {
                let known = [701, 703, 704, 800, 900, 1000, 1100, 1101].contains(&id);
                let json = known.then(|| packets::lsst_schema(data, id)).ok_or(PacketReject::UnknownSchema(id))?;
                Writer::of(&json, Schema::parse(&json)?, true)
            })?;
            let end = writer.read(datum, 0, compare, scratch)?;
            return if end == datum.len() { Ok(()) } else { Err(PacketReject::Datum("longer".into())) };
        }
        if let Ok(Extent::Ends(len)) = container_extent(packet) {
            assert!(len < packet.len() && packet[len..].starts_with(b"Obj\x01"));
        }
        let (writer, body) = cache.container(packet, |schema| {
            let json = skydiff_schemas::avro::Header::parse(packet)?.schema;
            // A damaged schema may be none to theirs, and some of ours are lenient.
            let known = apache_avro::Schema::parse_str(&String::from_utf8_lossy(json)).is_ok();
            Writer::of(json, schema.clone(), known)
        })?;
        body.records(inflate, |bytes, at| {
            *at = writer.read(bytes, *at, compare, scratch)?;
            Ok(())
        })?;
        Ok(())
    }
}
