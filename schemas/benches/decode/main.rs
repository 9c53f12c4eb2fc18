//! What reading a packet costs, beside hashing its bytes once and beside other decoders.
//!
//! `cargo bench -p skydiff-schemas --bench decode`, on the real packets (`SKYDIFF_DATA`). All contestants take turns in
//! every round, and the figures are medians over rounds of thread CPU time, so their ratios hold on a busy machine.
//! The goals: ZTF within 1.5 times xxh3, LSST production within 3 times.

mod ours;
mod peers;

use rustix::time::{ClockId, clock_gettime};
use skydiff_schemas::avro::{Header, Inflate, Plan, PlanCache, Schema, Scratch, Selection, confluent};
use std::hint::black_box;
use std::path::{Path, PathBuf};

fn main() {
    let beside = || concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data").into();
    let data = std::env::var_os("SKYDIFF_DATA").map_or_else(beside, PathBuf::from);
    if !data.is_dir() {
        println!("skipped: no packets at {}", data.display());
        return;
    }
    let rounds = std::env::var("ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(31);
    ztf(&read(&data.join("ztf")), rounds);
    lsst("LSST production", &read(&data.join("lsst/production-v10.0")), &data, rounds);
    lsst("LSST v9.0", &read(&data.join("lsst/v9.0")), &data, rounds);
}

fn read(folder: &Path) -> Vec<Vec<u8>> {
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut packets = Vec::new();
    for path in paths {
        if path.is_dir() { packets.extend(read(&path)) } else { packets.push(std::fs::read(path).unwrap()) }
    }
    packets
}

/// One way to read a packet; by its number and bytes.
type Contestant<'c> = (&'static str, Box<dyn FnMut(usize, &[u8]) + 'c>);

fn table(name: &str, packets: &[Vec<u8>], rounds: usize, mut contestants: Vec<Contestant>) {
    // To profile one of them.
    if let Ok(only) = std::env::var("ONLY") {
        contestants.retain(|(name, _)| *name == only);
    }
    let mut times = vec![Vec::new(); contestants.len()];
    for round in 0..rounds {
        for ((_, read), times) in contestants.iter_mut().zip(&mut times) {
            // The slow ones once in a while: they would take most of the time.
            if round % 8 != 0 && times.first().is_some_and(|first| *first > 1e8) {
                continue;
            }
            let start = cpu();
            for (at, packet) in packets.iter().enumerate() {
                read(at, packet);
            }
            times.push(cpu() - start);
        }
    }
    let bytes: usize = packets.iter().map(Vec::len).sum();
    println!("{name}: {} packets, {:.1} MB", packets.len(), bytes as f64 / 1e6);
    println!("{:44}{:>10}{:>10}{:>10}{:>12}", "", "us", "least", "x xxh3", "packets/s");
    let mut hash = None;
    for ((name, _), times) in contestants.iter().zip(&mut times) {
        times.sort_by(f64::total_cmp);
        let each = |time: f64| time / 1e3 / packets.len() as f64;
        let (median, least) = (each(times[times.len() / 2]), each(times[0]));
        let hash = *hash.get_or_insert(median);
        println!("{name:44}{median:10.2}{least:10.2}{:10.2}{:12.0}", median / hash, 1e6 / median);
    }
    println!();
}

/// Nanoseconds that this thread has run.
fn cpu() -> f64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    now.tv_sec as f64 * 1e9 + now.tv_nsec as f64
}

fn hash(_: usize, packet: &[u8]) {
    black_box(xxhash_rust::xxh3::xxh3_64(packet));
}

fn compile(schema: &Schema, selection: &Selection, shapes: bool) -> Plan {
    let mut plan = Plan::compile(schema, selection).unwrap();
    plan.set_shapes(shapes);
    plan
}

fn ztf(packets: &[Vec<u8>], rounds: usize) {
    // With the schema at hand and the datum found: what a cache of schemas could save them.
    let headers: Vec<Header> = packets.iter().map(|packet| Header::parse(packet).unwrap()).collect();
    let mut distinct: Vec<&[u8]> = headers.iter().map(|header| header.schema).collect();
    distinct.sort();
    distinct.dedup();
    let which: Vec<usize> =
        headers.iter().map(|header| distinct.iter().position(|known| *known == header.schema).unwrap()).collect();
    let datums: Vec<&[u8]> = packets.iter().zip(&headers).map(|(packet, header)| datum(packet, header)).collect();
    let text = |schema: &&[u8]| String::from_utf8(schema.to_vec()).unwrap();
    let theirs: Vec<_> = distinct.iter().map(|json| apache_avro::Schema::parse_str(&text(json)).unwrap()).collect();
    let readers: Vec<_> = theirs
        .iter()
        .map(|schema| apache_avro::reader::datum::GenericDatumReader::builder(schema).build().unwrap())
        .collect();
    let fast: Vec<serde_avro_fast::Schema> = distinct.iter().map(|json| text(json).parse().unwrap()).collect();
    let selections = [ours::ztf(), ours::ztf(), Selection::new()];
    let mut contestants: Vec<Contestant> = vec![("xxh3 of the packet", Box::new(hash))];
    for (at, name) in ["skydiff", "skydiff without shapes", "skydiff, nothing wanted"].into_iter().enumerate() {
        let (mut cache, mut inflate, mut scratch) = (PlanCache::new(), Inflate::new(), Scratch::new());
        let selection = &selections[at];
        let read = move |_: usize, packet: &[u8]| {
            let (plan, body) = cache.container(packet, |schema| Ok(compile(schema, selection, at != 1))).unwrap();
            let read = body.records(&mut inflate, |bytes, at| {
                black_box(plan.read(bytes, at, &mut scratch)?);
                Ok(())
            });
            assert_eq!(read, Ok(1));
        };
        contestants.push((name, Box::new(read)));
    }
    contestants.push((
        "apache-avro 0.22, Reader",
        Box::new(|_, packet| {
            for value in apache_avro::Reader::new(packet).unwrap() {
                black_box(value.unwrap());
            }
        }),
    ));
    contestants.push((
        "apache-avro 0.22, cached schema",
        Box::new(|at, _| {
            black_box(readers[which[at]].read_value(&mut &*datums[at]).unwrap());
        }),
    ));
    contestants.push((
        "serde_avro_fast 2.1, cached schema, same values",
        Box::new(|at, _| {
            black_box(serde_avro_fast::from_datum_slice::<peers::Ztf>(datums[at], &fast[which[at]]).unwrap());
        }),
    ));
    table("ZTF", packets, rounds, contestants);
}

/// The datum of a container of one record, by the sizes at hand: before it the count and the size, behind it the marker.
fn datum<'p>(packet: &'p [u8], header: &Header) -> &'p [u8] {
    let block = &packet[header.len + 16..packet.len() - 16];
    let longs = block.iter().enumerate().filter(|(_, byte)| **byte < 0x80).nth(1).unwrap().0 + 1;
    &block[longs..]
}

fn lsst(name: &str, packets: &[Vec<u8>], data: &Path, rounds: usize) {
    let id = confluent(&packets[0]).unwrap().0;
    let path = data.join(format!("schemas/lsst/lsst.v{}_{}.resolved.json", id / 100, id % 100));
    let json = std::fs::read_to_string(path).unwrap();
    let theirs = apache_avro::Schema::parse_str(&json).unwrap();
    let reader = apache_avro::reader::datum::GenericDatumReader::builder(&theirs).build().unwrap();
    let fast: serde_avro_fast::Schema = json.parse().unwrap();
    let selections = [ours::lsst(), ours::lsst(), Selection::new()];
    let mut contestants: Vec<Contestant> = vec![("xxh3 of the packet", Box::new(hash))];
    for (at, name) in ["skydiff", "skydiff without shapes", "skydiff, nothing wanted"].into_iter().enumerate() {
        let (mut cache, mut scratch) = (PlanCache::new(), Scratch::new());
        let (selection, json) = (&selections[at], &json);
        let read = move |_: usize, packet: &[u8]| {
            let schema = || Schema::parse(json.as_bytes()).unwrap();
            let (plan, datum) = cache.confluent(packet, |_| Ok(compile(&schema(), selection, at != 1))).unwrap();
            black_box(plan.read_all(datum, &mut scratch).unwrap());
        };
        contestants.push((name, Box::new(read)));
    }
    contestants.push((
        "apache-avro 0.22, cached schema",
        Box::new(|_, packet| {
            black_box(reader.read_value(&mut &packet[5..]).unwrap());
        }),
    ));
    contestants.push((
        "serde_avro_fast 2.1, cached schema, same values",
        Box::new(|_, packet| {
            black_box(serde_avro_fast::from_datum_slice::<peers::Lsst>(&packet[5..], &fast).unwrap());
        }),
    ));
    table(name, packets, rounds, contestants);
}
