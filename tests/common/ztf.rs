//! ZTF-like packets made here, so that the laws hold where no real packet is: ten nights of a small sky, told as ZTF tells
//! it, with histories that repeat, and packets that come late.

use apache_avro::types::Value;
use apache_avro::{Schema, Writer};

/// MJD UTC of the first night's date, 2024-01-01.
const FIRST: f64 = 60310.0;
pub const NIGHTS: usize = 10;

const SCHEMA: &str = r#"{"type": "record", "name": "alert", "namespace": "ztf", "fields": [
    {"name": "objectId", "type": "string"},
    {"name": "candidate", "type": {"type": "record", "name": "candidate", "fields": [
        {"name": "jd", "type": "double"}, {"name": "fid", "type": "int"}, {"name": "pid", "type": "long"},
        {"name": "field", "type": "int"}, {"name": "rcid", "type": "int"},
        {"name": "candid", "type": ["long", "null"]}, {"name": "isdiffpos", "type": ["string", "null"]},
        {"name": "ra", "type": ["double", "null"]}, {"name": "dec", "type": ["double", "null"]},
        {"name": "magpsf", "type": ["float", "null"]}, {"name": "sigmapsf", "type": ["float", "null"]},
        {"name": "diffmaglim", "type": "float"}, {"name": "rb", "type": ["float", "null"]}]}},
    {"name": "prv_candidates", "type": {"type": "array", "items": "candidate"}}]}"#;

/// A generator of numbers (splitmix64).
pub struct Random(pub u64);

impl Random {
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let bits = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.bits() % n as u64) as usize
    }

    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        (1..list.len()).rev().for_each(|at| list.swap(at, self.below(at + 1)));
    }
}

/// What one visit saw of one object: a detection, or nothing.
#[derive(Clone, Copy)]
struct Seen {
    jd: f64,
    band: i32,
    visit: i64,
    source: Option<(i64, f32)>,
}

fn row(seen: &Seen, object: usize) -> Value {
    let some = |value| Value::Union(0, Box::new(value));
    let value = |of: fn(i64, f32, usize) -> Value| match seen.source {
        Some((candid, magnitude)) => some(of(candid, magnitude, object)),
        None => Value::Union(1, Box::new(Value::Null)),
    };
    let fields = [
        ("jd", Value::Double(seen.jd)),
        ("fid", Value::Int(seen.band)),
        ("pid", Value::Long(seen.visit)),
        ("field", Value::Int(600)),
        ("rcid", Value::Int(7)),
        ("candid", value(|candid, _, _| Value::Long(candid))),
        ("isdiffpos", value(|candid, _, _| Value::String(if candid % 5 == 0 { "f" } else { "t" }.into()))),
        ("ra", value(|_, _, object| Value::Double(10.0 + 8.0 * object as f64))),
        ("dec", value(|_, _, object| Value::Double(-30.0 + 2.0 * object as f64))),
        ("magpsf", value(|_, magnitude, _| Value::Float(magnitude))),
        ("sigmapsf", value(|_, magnitude, _| Value::Float(0.02 + (magnitude - 16.0) * 0.01))),
        ("diffmaglim", Value::Float(20.5)),
        ("rb", value(|candid, _, _| Value::Float(if candid % 7 == 0 { 0.3 } else { 0.9 }))),
    ];
    Value::Record(fields.map(|(name, value)| (name.to_owned(), value)).to_vec())
}

fn packet(object: usize, trigger: &Seen, history: &[Seen]) -> Vec<u8> {
    let schema = Schema::parse_str(SCHEMA).unwrap();
    let letters: String = [26 * 26, 26, 1].iter().map(|place| char::from(b'a' + (object / place % 26) as u8)).collect();
    let mut writer = Writer::new(&schema, Vec::new()).unwrap();
    let fields = vec![
        ("objectId".to_owned(), Value::String(format!("ZTF24aaaa{letters}"))),
        ("candidate".to_owned(), row(trigger, object)),
        ("prv_candidates".to_owned(), Value::Array(history.iter().map(|seen| row(seen, object)).collect())),
    ];
    writer.append_value(Value::Record(fields)).unwrap();
    writer.into_inner().unwrap()
}

/// The packets of each night, in order; some come a night or two late.
pub fn nights(seed: u64, objects: usize) -> Vec<Vec<Vec<u8>>> {
    let mut random = Random(seed);
    let mut nights = vec![Vec::new(); NIGHTS];
    for object in 0..objects {
        let mut history: Vec<Seen> = Vec::new();
        let (base, trend) = (17.0 + 2.5 * random.unit(), 0.3 * (random.unit() - 0.5));
        for night in 0..NIGHTS {
            for visit in 0..2 + random.below(2) {
                let jd = 2_400_000.5 + FIRST + night as f64 + 0.15 + 0.03 * visit as f64;
                let id = (night * 1000 + visit * 100) as i64 * 10_000_000_000 + object as i64;
                let magnitude = base + trend * night as f64 + 0.1 * random.unit();
                let source = (random.unit() < 0.6).then_some((id + 1, magnitude as f32));
                let seen = Seen { jd, band: 1 + (visit % 2) as i32, visit: id + 1, source };
                if source.is_some() {
                    let from = history.len().saturating_sub(8);
                    let late = if random.unit() < 0.1 { 1 + random.below(2) } else { 0 };
                    nights[(night + late).min(NIGHTS - 1)].push(packet(object, &seen, &history[from..]));
                }
                history.push(seen);
            }
        }
    }
    nights
}

/// A packet that claims to be of the year 2099.
pub fn from_the_future(object: usize) -> Vec<u8> {
    packet(object, &Seen { jd: 2_487_800.5, band: 1, visit: 1, source: Some((1, 18.0)) }, &[])
}

/// The name of the file of a night: it says when it was received.
pub fn name(night: usize) -> String {
    format!("ztf_public_202401{:02}", night + 1)
}

/// A tar of packets.
pub fn tar(packets: &[Vec<u8>]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (number, bytes) in packets.iter().enumerate() {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, format!("{number:06}.avro"), &bytes[..]).unwrap();
    }
    builder.into_inner().unwrap()
}
