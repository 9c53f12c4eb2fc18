//! The smallest run of the operators: one object, one source an epoch, the last claimed by another object.
use skydiff_operators::*;
use skydiff_schemas::*;
use std::cmp::Reverse;
use timely::dataflow::operators::{Input, Inspect, Probe, vec::Broadcast};

fn row(id: u64, time: i64, packet: i64, flux: i64) -> Row {
    let measurement = Measurement {
        time: MicroDays(time),
        id: SourceId(id),
        visit: id,
        flux: PicoJansky(flux),
        sigma: PicoJansky(1_000_000),
        total: Measurement::NO_TOTAL,
        position: Position::from_degrees(10.0, 10.0).unwrap(),
        reference: 0,
        quality: Quality::GOOD,
        kind: Kind::Source,
        band: Band(1),
    };
    Row {
        measurement,
        version: Version {
            rank: 0,
            processed: Version::UNPROCESSED,
            packet: Reverse(MicroDays(packet)),
            trigger: time == packet,
        },
        global: true,
    }
}

#[test]
fn smoke() {
    for workers in [1, 2] {
        timely::execute(timely::Config::process(workers), move |worker| {
            let (mut offers, mut clocks, probe) = worker.dataflow::<Epoch, _, _>(|scope| {
                let (offers, offer_stream) = scope.new_input::<Vec<Offer>>();
                let (clocks, clock_stream) = scope.new_input::<Vec<Clocks>>();
                let out =
                    transients(offer_stream, clock_stream.broadcast(), Options { expiry: true, ..Options::default() });
                out.tallies.inspect(|t| println!("{t:?}"));
                let probe = out.changes.inspect(|c| println!("{:?} {:?} {:?}", c.object, c.said, c.causes)).probe().0;
                (offers, clocks, probe)
            });
            let object = |id| ObjectId { survey: SurveyId(0), class: ObjectClass::Sidereal, id };
            let context = Context {
                ra: 0,
                dec: 0,
                received: MicroDays(0),
                first_detection: Context::NEVER,
                ra_err: Real::ABSENT,
                dec_err: Real::ABSENT,
                real_bogus: Real::ABSENT,
                star: Real::ABSENT,
                reference_distance: Real::ABSENT,
                reference_magnitude: Real::ABSENT,
                neighbour_distance: Real::ABSENT,
                neighbour_magnitude: Real::ABSENT,
                solar_system_distance: Real::ABSENT,
                solar_system_magnitude: Real::ABSENT,
                detections: -1,
                coverage: -1,
                program: -1,
            };
            for e in 0..5u64 {
                if worker.index() == 0 {
                    let t = 60_000_000_000 + e as i64 * 1_000_000;
                    let o = if e == 4 { object(2) } else { object(1) };
                    let rows = (0..=e)
                        .rev()
                        .map(|k| row(k + 1, 60_000_000_000 + k as i64 * 1_000_000, t, 10_000_000 * (1 + k as i64)))
                        .collect();
                    offers.send(Offer { object: o, trigger: SourceId(e + 1), time: MicroDays(t), rows, context });
                    let mut c = Clocks::default();
                    c.advance(SurveyId(0), MicroDays(t));
                    clocks.send(c);
                }
                offers.advance_to(Epoch(e + 1));
                clocks.advance_to(Epoch(e + 1));
                while probe.less_than(&Epoch(e + 1)) {
                    worker.step();
                }
                println!("--- {e}");
            }
        })
        .unwrap()
        .join()
        .into_iter()
        .for_each(|r| r.unwrap());
    }
}
