//! What it costs to write the archive's datasets and to read them, on one core.
//!
//! `cargo bench -p skydiff-dataflow --bench archive [-- FOLDER...]`. Measurements are made up: a survey's nights, each object
//! visited now and then. Packets are those of the folders, each once, because copies of few cutouts would compress as no survey does.

use bytes::Bytes;
use skydiff_dataflow::archive::dataset::{
    File, MeasurementRow, PacketRow, Reader, Row, Select, Writer, fold_measurements,
};
use skydiff_operators::Epoch;
use skydiff_schemas::{
    Band, Kind, Measurement, MicroDays, ObjectClass, ObjectId, PicoJansky, Position, Quality, SourceId, SurveyId,
    Version,
};
use std::cmp::Reverse;
use std::path::{Path, PathBuf};
use std::time::Instant;

fn main() {
    let folders: Vec<PathBuf> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).map(Into::into).collect();
    let folders = if folders.is_empty() {
        vec!["/work/shared/data/ztf".into(), "/work/shared/data/lsst".into()]
    } else {
        folders
    };
    let rows: Vec<MeasurementRow> = (0..2_000_000).map(measurement).collect();
    let file = bench("measurements", &rows, |_| 0);
    let started = Instant::now();
    let folded = fold_measurements(Epoch(0), read::<MeasurementRow>(&file, &Select::default()));
    println!("  fold            {:8.2} M rows/s ({} rows left)", rate(rows.len(), started), folded.len());
    for folder in folders {
        let mut packets = vec![];
        gather(&folder, &mut packets);
        if packets.is_empty() {
            println!("{}: no packets", folder.display());
            continue;
        }
        println!("{}:", folder.display());
        bench("packets", &packets, |row| row.bytes.len());
    }
}

fn rate(count: usize, started: Instant) -> f64 {
    count as f64 / 1e6 / started.elapsed().as_secs_f64()
}

fn read<R: Row>(file: &File, select: &Select) -> Vec<R> {
    let reader = Reader::<R>::whole(&file.bytes, &file.descriptor, select).unwrap();
    reader.flat_map(Result::unwrap).collect()
}

fn bench<R: Row + Clone + PartialEq>(name: &str, rows: &[R], raw: impl Fn(&R) -> usize) -> File {
    let started = Instant::now();
    let mut writer = Writer::new().unwrap();
    for row in rows {
        writer.push(row.clone()).unwrap();
    }
    let file = writer.finish().unwrap().unwrap();
    let (count, bytes) = (rows.len(), file.bytes.len());
    let raw: usize = rows.iter().map(raw).sum();
    println!("{name}: {count} rows, {bytes} bytes, {:.1} a row, raw {raw}", bytes as f64 / count as f64);
    let megabytes = |started: Instant| raw as f64 / 1e6 / started.elapsed().as_secs_f64();
    println!("  write           {:8.2} M rows/s, {:6.0} MB/s", rate(count, started), megabytes(started));
    let started = Instant::now();
    file.descriptor.check(&file.bytes).unwrap();
    println!("  hash            {:8.2} M rows/s", rate(count, started));
    let started = Instant::now();
    let reader = Reader::<R>::whole(&file.bytes, &file.descriptor, &Select::default()).unwrap();
    let seen: usize = reader.map(|batch| batch.unwrap().len()).sum();
    println!("  read, verified  {:8.2} M rows/s, {:6.0} MB/s", rate(seen, started), megabytes(started));
    assert!(seen == count);
    file
}

/// LSST-like: 10,000 visits' worth of epochs, 200 rows each, of 100,000 objects.
fn measurement(number: u64) -> MeasurementRow {
    let noise = |salt: u64| {
        let mut x = (number ^ (salt << 40)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        x ^= x >> 32;
        x.wrapping_mul(0xd6e8_feb8_6659_fd93) >> 11
    };
    let (visit, within) = (number / 200, noise(0) % 50);
    let object = visit % 2_000 * 50 + within;
    let cell = (object.wrapping_mul(0x9e37_79b9_7f4a_7c15) % (12 << 16)) << 42;
    let time = MicroDays(61_000_000_000 + visit as i64 * 450);
    let flux = 1_000_000 + (noise(1) % 100_000_000) as i64;
    let source = noise(2) % 4 == 0;
    let measurement = Measurement {
        time,
        id: SourceId((visit << 32) | (noise(3) % (1 << 31))),
        visit: 2_025_000_000 + visit,
        flux: PicoJansky(flux),
        sigma: PicoJansky(100_000 + (noise(4) % 50_000) as i64),
        total: if source { PicoJansky(flux + (noise(5) % 1_000_000) as i64) } else { Measurement::NO_TOTAL },
        position: if source { Position(cell | (noise(6) % (1 << 20))) } else { Position::UNKNOWN },
        reference: 0,
        quality: Quality(if noise(7) % 3 == 0 { 2 } else { 0 }),
        kind: if source { Kind::Source } else { Kind::Forced },
        band: Band((visit % 6) as u8),
    };
    let version = Version { rank: 0, processed: time, packet: Reverse(time), trigger: source };
    let object = ObjectId { survey: SurveyId(1), class: ObjectClass::Sidereal, id: 170_000_000_000_000_000 + object };
    let (epoch, pixel) = (Epoch(visit), Position(cell).pixel());
    MeasurementRow { epoch, pixel, object, measurement, change: 1, version: Some(version), global: true }
}

fn gather(folder: &Path, packets: &mut Vec<PacketRow>) {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            gather(&path, packets);
            continue;
        }
        let Ok(bytes) = std::fs::read(&path) else { continue };
        packets.push(PacketRow {
            epoch: Epoch(packets.len() as u64 / 100),
            alerts: vec![],
            topic: folder.display().to_string(),
            partition: 0,
            number: packets.len() as u64,
            name: path.file_name().map_or(String::new(), |name| name.to_string_lossy().into_owned()),
            received: MicroDays(61_000_000_000),
            rank: 0,
            schema: "bench".into(),
            records: 1,
            left_out: 0,
            bytes: Bytes::from(bytes),
        });
    }
}
