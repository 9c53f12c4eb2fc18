//! Whatever a packet's bytes are: no panic, one result for each record, and no measurement outside its bounds.

use super::*;
use crate::survey::testing;
use crate::{Measurement, PicoJansky, Quality};
use proptest::prelude::*;

fn plausible(alert: &Alert) {
    for row in &alert.rows {
        let Measurement { flux, sigma, total, quality, .. } = row.measurement;
        assert!(flux.0.abs() <= PicoJansky::LIMIT && (0..=PicoJansky::LIMIT).contains(&sigma.0));
        assert!(row.measurement.total().is_none_or(|total| total.0.abs() <= PicoJansky::LIMIT), "{total:?}");
        let valued = quality.has(Quality::NO_FLUX) || quality.has(Quality::WITHDRAWN);
        assert_eq!(valued, sigma.0 == 0);
    }
}

fn survives(decoder: &mut Decoder, packet: &[u8]) {
    let mut places = Vec::new();
    decoder.decode(packet, |place, decoded| {
        places.push(place);
        decoded.into_iter().for_each(plausible);
    });
    assert!(!places.is_empty() && places.iter().enumerate().all(|(at, place)| at == *place));
    let _ = decoder.cutouts(packet, |_, _| {});
}

/// Of both surveys, and of both framings.
fn made() -> Vec<Vec<u8>> {
    let schema = SURVEYS.iter().find_map(|survey| survey.writer_schema(1101)).unwrap();
    let source = serde_json::json!({
        "diaSourceId": 1, "diaObjectId": 2, "midpointMjdTai": 61_000.0, "ra": 1.0, "dec": 2.0, "band": "r", "psfFlux": 5.0,
        "psfFluxErr": 1.0, "scienceFlux": 8.0, "timeProcessedMjdTai": 61_001.0, "timeWithdrawnMjdTai": "NaN",
    });
    let alert =
        serde_json::json!({"diaSource": source, "prvDiaSources": [source, source], "prvDiaForcedSources": [source]});
    let written = serde_json::from_str(&schema).unwrap();
    vec![testing::confluent(1101, &schema, &alert), testing::container(&written, &[alert.clone(), alert])]
}

proptest! {
    #[test]
    fn made_packets(which in 0..2usize, changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let mut packet = made().swap_remove(which);
        for (at, byte) in changes {
            let len = packet.len();
            // The schema of a container is tested elsewhere; its records are what is meant here.
            let from = if which == 1 { len - 1_500 } else { 0 };
            packet[from + at.index(len - from)] = byte;
        }
        survives(&mut Decoder::new(&Settings::default()).unwrap(), &packet);
    }
}

/// Every real packet, mutated by a fixed sequence: behind the header, where its values are.
#[test]
fn real_packets() {
    let Some(data) = testing::data() else { return };
    let mut decoder = Decoder::new(&Settings::default()).unwrap();
    let mut state = 1u64;
    let mut random = move |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for folder in ["ztf/v4", "ztf/spark-rewritten-v4.02", "ztf/exposure-v3.3", "lsst", "other/winter.alert"] {
        for (_, packet) in testing::packets(&data, folder) {
            let header = crate::avro::Header::parse(&packet).map_or(5, |header| header.len);
            for _ in 0..20 {
                let mut packet = packet.clone();
                for _ in 0..=random(4) {
                    // Values lie before the cutouts, which are most of the bytes.
                    let at = header + random((packet.len() - header).min(6_000));
                    packet[at] = random(256) as u8;
                }
                survives(&mut decoder, &packet);
            }
        }
    }
}
