//! What one update of an object costs as its history grows: DESIGN law 4, cost follows change.
//!
//! `cargo bench --bench updates`. Objects with histories of 10 to 10,000 points, all inside the
//! 365 d window or all before it, are updated by one source each; sizes take turns within one run,
//! so that the ratios hold on a noisy machine. Also: bytes of state for each measurement.

use skydiff_operators::{Clocks, Epoch, Offer, Options, transients};
use skydiff_schemas::{
    Band, Context, Kind, Measurement, MicroDays, ObjectClass, ObjectId, PicoJansky, Position, Quality, Row, SourceId,
    SurveyId, Version,
};
use std::cmp::Reverse;
use std::time::{Duration, Instant};
use timely::dataflow::operators::{Input, Probe};

const SIZES: [usize; 4] = [10, 100, 1_000, 10_000];
const NOW: i64 = 60_000_000_000;
const ROUNDS: i64 = 40;

fn source(object: u64, nth: i64, time: i64) -> Row {
    let id = object << 24 | nth as u64;
    let measurement = Measurement {
        time: MicroDays(time),
        id: SourceId(id),
        visit: id,
        flux: PicoJansky(100_000_000 + (skydiff_operators::mix(id) % 20_000_000) as i64),
        sigma: PicoJansky(8_000_000),
        total: Measurement::NO_TOTAL,
        position: Position::from_degrees((object % 360) as f64, 10.0).expect("on the sky"),
        reference: 0,
        quality: Quality::GOOD,
        kind: Kind::Source,
        band: Band(1 + (nth % 2) as u8),
    };
    let version = Version { rank: 0, processed: Version::UNPROCESSED, packet: Reverse(MicroDays(time)), trigger: true };
    Row { measurement, version, global: true }
}

fn offer(object: u64, rows: Vec<Row>) -> Offer {
    let id = ObjectId { survey: SurveyId(0), class: ObjectClass::Sidereal, id: object };
    let trigger = rows[0].measurement;
    Offer { object: id, trigger: trigger.id, time: trigger.time, rows, context: Context::BLANK }
}

/// Median time of an update, by size.
fn updates(inside: bool) -> Vec<Duration> {
    timely::execute_directly(move |worker| {
        let mut options = Options::default();
        if !inside {
            options.timescales.timescales.retain(|days| days.is_finite());
        }
        let (mut offers, mut clocks, probe) = worker.dataflow::<Epoch, _, _>(|scope| {
            let (offers, offer_stream) = scope.new_input::<Vec<Offer>>();
            let (clocks, clock_stream) = scope.new_input::<Vec<Clocks>>();
            let outputs = transients(offer_stream, clock_stream, options);
            (offers, clocks, outputs.changes.probe().0)
        });
        let mut epoch = Epoch::default();
        let mut give = |rows: Vec<Offer>, time: i64| {
            let mut clock = Clocks::default();
            clock.advance(SurveyId(0), MicroDays(time));
            clocks.send(clock);
            rows.into_iter().for_each(|row| offers.send(row));
            epoch = epoch.next();
            let start = Instant::now();
            offers.advance_to(epoch);
            clocks.advance_to(epoch);
            while probe.less_than(&epoch) {
                worker.step();
            }
            start.elapsed()
        };
        let objects = |size: usize| (size as u64) << 32..((size as u64) << 32) + 20;
        let (from, to) = if inside { (NOW - 360_000_000, NOW) } else { (NOW - 1_500_000_000, NOW - 380_000_000) };
        for size in SIZES {
            let step = (to - from) / size as i64;
            let history = |object| (0..size as i64).map(|nth| source(object, nth, from + nth * step)).rev().collect();
            give(objects(size).map(|object| offer(object, history(object))).collect(), to);
        }
        let mut times = vec![Vec::new(); SIZES.len()];
        for round in 0..ROUNDS {
            for (at, size) in SIZES.into_iter().enumerate() {
                let time = NOW + round * 20_000;
                let one = |object| offer(object, vec![source(object, 1 << 20 | round, time)]);
                times[at].push(give(objects(size).map(one).collect(), time) / 20);
            }
        }
        times
            .iter_mut()
            .map(|times| {
                times.sort_unstable();
                times[times.len() / 4]
            })
            .collect()
    })
}

/// Bytes in use by the process.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = status.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or_default() * 4096
}

/// Bytes of state for each measurement, of objects with `size` points each.
fn memory(size: usize) -> f64 {
    timely::execute_directly(move |worker| {
        let (mut offers, mut clocks, probe) = worker.dataflow::<Epoch, _, _>(|scope| {
            let (offers, offer_stream) = scope.new_input::<Vec<Offer>>();
            let (clocks, clock_stream) = scope.new_input::<Vec<Clocks>>();
            let outputs = transients(offer_stream, clock_stream, Options::default());
            (offers, clocks, outputs.changes.probe().0)
        });
        let before = resident();
        let (objects, mut epoch) = (2_000_000 / size as u64, Epoch::default());
        for first in (0..objects).step_by(1000) {
            for object in first..(first + 1000).min(objects) {
                let rows = (0..size as i64).map(|nth| source(object, nth, NOW - 100_000_000 + nth * 1_000_000)).rev();
                offers.send(offer(object, rows.collect()));
            }
            epoch = epoch.next();
            clocks.send(Clocks::default());
            offers.advance_to(epoch);
            clocks.advance_to(epoch);
            while probe.less_than(&epoch) {
                worker.step();
            }
        }
        for _ in 0..10_000 {
            worker.step();
        }
        (resident() - before) as f64 / (objects * size as u64) as f64
    })
}

fn main() {
    for (inside, name) in [(true, "all inside the 365 d window"), (false, "all outside the windows, without `all`")] {
        let times = updates(inside);
        println!("{name}");
        for (size, time) in SIZES.iter().zip(&times) {
            println!(
                "  {size:>6} points: {time:>9.2?} an update, {:.2} x",
                time.as_secs_f64() / times[0].as_secs_f64()
            );
        }
    }
    for size in [20, 40] {
        println!("{size} points an object: {:.0} bytes of state a measurement", memory(size));
    }
}
