//! Packets say what their shots say: read by skydiff's own decoder, for any shot.

mod shots;

use proptest::prelude::*;
use shots::{Made, Survey, made};
use skydiff_schemas::decoder::Settings;
use skydiff_schemas::{Alert, Decoder, Kind, Measurement, ObjectClass, Quality, Row};
use skydiff_simulate::{Format, Seen, Writer};

fn formats(survey: Survey) -> Vec<Format> {
    match survey {
        Survey::Ztf => vec![Format::Ztf402],
        Survey::Lsst => [1000, 1100, 1101].map(Format::Lsst).to_vec(),
    }
}

fn packet(format: Format, cutouts: bool, made: &Made) -> Vec<u8> {
    let mut out = Vec::new();
    Writer::new(format, cutouts).unwrap().write(&made.shot(), &mut out);
    out
}

fn decoded(packet: &[u8]) -> Alert {
    let mut found = Vec::new();
    Decoder::new(&Settings::default()).unwrap().decode(packet, |_, alert| found.push(alert.cloned()));
    assert_eq!(found.len(), 1);
    found.remove(0).unwrap_or_else(|reject| panic!("{}: {reject}", reject.reason()))
}

fn near(one: f64, other: f64, within: f64, what: &str) {
    assert!((one - other).abs() <= within, "{what}: {one} is not {other}");
}

/// A row is what was seen. Copies of ZTF have six digits, magnitudes too: 5e-5 mag is 5e-5 of the flux.
fn same(row: &Measurement, seen: &Seen, survey: Survey, copy: bool, class: ObjectClass) {
    let ztf = survey == Survey::Ztf;
    let digits = match (ztf, seen.kind) {
        (true, Kind::Source) if copy => 6e-5,
        (true, _) => 1e-5,
        (false, _) => 1e-7,
    };
    assert_eq!(row.kind, seen.kind);
    assert_eq!(row.band, seen.visit.band);
    near(row.time.days(), seen.visit.mid_tai, 1.1e-6, "time");
    if ztf {
        let pid = seen.visit.number * 10_000 + u64::from(seen.detector) * 100 + 15;
        assert_eq!(row.visit, pid);
        assert_eq!(row.id.0, if seen.kind == Kind::Source { seen.id } else { pid });
        assert_eq!(row.reference, seen.visit.field << 8 | u32::from(seen.detector));
    } else {
        assert_eq!((row.visit, row.id.0), (seen.visit.number, seen.id));
    }
    if seen.withdrawn.is_some() {
        assert_eq!(row.quality, Quality::WITHDRAWN);
        return;
    }
    if seen.kind == Kind::Limit {
        return near(row.flux.nanojansky(), seen.visit.limit, 6e-5 * seen.visit.limit, "limit");
    }
    let digits = digits * seen.flux.abs() + 1e-3;
    near(row.flux.nanojansky(), seen.flux, digits, "flux");
    near(row.sigma.nanojansky(), seen.sigma, 1e-4 * seen.sigma + 1e-3, "sigma");
    match (row.total(), seen.reference.flux) {
        (Some(total), reference) => {
            let reference = reference.unwrap_or(0.0);
            near(total.nanojansky(), seen.flux + reference, digits + 1e-3 * reference + 0.4 * seen.sigma, "total");
        }
        (None, None) => assert!(ztf),
        (None, Some(_)) => panic!("no total"),
    }
    let doubtful = seen.kind == Kind::Source && seen.score < 0.5;
    assert_eq!(
        row.quality == Quality::GOOD,
        !(doubtful || seen.bad && (ztf || seen.kind == Kind::Source)),
        "{:?}",
        row.quality
    );
    if seen.kind == Kind::Source {
        let (ra, dec) = row.position.degrees().unwrap();
        let east = ((ra - seen.place.ra + 180.0).rem_euclid(360.0) - 180.0) * seen.place.dec.to_radians().cos();
        near(east.hypot(dec - seen.place.dec), 0.0, 3e-7, "place");
    }
    let _ = class;
}

fn check(survey: Survey, format: Format, made: &Made) {
    let alert = decoded(&packet(format, false, made));
    let class = if made.target.moves { ObjectClass::SolarSystem } else { ObjectClass::Sidereal };
    assert_eq!((alert.object.class, alert.object.id), (class, made.target.id));
    assert_eq!(alert.trigger.0, made.trigger.id);
    assert!(alert.rejects.is_empty(), "{:?}", alert.rejects);
    let seen: Vec<&Seen> = [&made.trigger].into_iter().chain(&made.history).chain(&made.forced).collect();
    assert_eq!(alert.rows.len(), seen.len());
    for (place, (Row { measurement, .. }, seen)) in alert.rows.iter().zip(seen).enumerate() {
        same(measurement, seen, survey, place > 0, class);
    }
    let context = &alert.context;
    if !made.target.moves {
        assert_eq!(context.detections, made.detections as i32);
        near(context.first_detection.days(), made.shot().first_tai, 1.1e-6, "first");
    }
    let body = made.target.solar_system.filter(|_| survey == Survey::Ztf || made.target.moves);
    assert_eq!(context.solar_system_distance.get().is_some(), body.is_some());
    if survey == Survey::Ztf {
        assert_eq!((context.coverage, context.program), (made.detections as i32 + 500, 1));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn ztf_packets_say_what_was_seen(seed: u64, history in 0usize..12, forced in 0usize..12) {
        check(Survey::Ztf, Format::Ztf402, &made(Survey::Ztf, seed, history, forced));
    }

    #[test]
    fn lsst_packets_say_what_was_seen(seed: u64, history in 0usize..12, forced in 0usize..12) {
        for format in formats(Survey::Lsst) {
            check(Survey::Lsst, format, &made(Survey::Lsst, seed, history, forced));
        }
    }
}

#[test]
fn packets_are_a_function_of_their_shots() {
    for survey in [Survey::Ztf, Survey::Lsst] {
        for format in formats(survey) {
            let mut writer = Writer::new(format, true).unwrap();
            for seed in 0..5 {
                let made = made(survey, seed, 5, 5);
                let mut out = b"before".to_vec();
                writer.write(&made.shot(), &mut out);
                assert_eq!(out[6..], packet(format, true, &made));
            }
        }
    }
    assert!(Writer::new(Format::Lsst(900), false).is_err());
}
