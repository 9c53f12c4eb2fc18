//! How long packets take to write and how large they are: `cargo run --release -p skydiff-simulate --example pace [FOLDER]`.
//!
//! With a folder, leaves fifty packets of each survey there for other readers (`tests/python/simulated_packets.py`).

#[path = "../tests/shots/mod.rs"]
mod shots;

use shots::{Made, Survey, made};
use skydiff_simulate::{Format, Writer};

/// Seconds that this process was on a processor: others use the machine too.
fn on_processor() -> f64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").expect("Linux");
    text.split(' ').next().and_then(|nanoseconds| nanoseconds.parse::<f64>().ok()).expect("nanoseconds") / 1e9
}

fn main() {
    let folder = std::env::args().nth(1);
    for (survey, format, name) in [(Survey::Ztf, Format::Ztf402, "ztf"), (Survey::Lsst, Format::Lsst(1000), "lsst")] {
        let shots: Vec<Made> =
            (0..200).map(|seed| made(survey, seed, 20, 30)).filter(|made| !made.target.moves).collect();
        for cutouts in [false, true] {
            let mut writer = Writer::new(format, cutouts).expect("a writer");
            let (mut out, mut bytes, mut count) = (Vec::new(), 0, 0);
            let start = on_processor();
            for _ in 0..if cutouts { 40 } else { 400 } {
                for made in &shots {
                    out.clear();
                    writer.write(&made.shot(), &mut out);
                    (bytes, count) = (bytes + out.len(), count + 1);
                }
            }
            let each = (on_processor() - start) / f64::from(count);
            println!("{name} cutouts {cutouts}: {:.1} µs, {} bytes a packet", each * 1e6, bytes / count as usize);
        }
        if let Some(folder) = &folder {
            let mut writer = Writer::new(format, true).expect("a writer");
            for (seed, made) in (0..50).map(|seed| made(survey, seed, 20, 30)).enumerate() {
                let mut out = Vec::new();
                writer.write(&made.shot(), &mut out);
                std::fs::write(format!("{folder}/{name}-{seed}.avro"), &out).expect("a file can be written");
            }
        }
    }
}
