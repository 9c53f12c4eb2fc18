//! A simulation against what it promises: each packet is what its truth says, and nothing depends on what came before.

use super::*;
use crate::settings::{Noise, Trouble};
use skydiff_schemas::decoder;
use skydiff_schemas::{Decoder, PacketReject, Quality};

fn small(survey: Survey) -> Settings {
    Settings { survey, visits: 12, alerts: 30.0, nights: 5, cutouts: false, weather: false, ..Settings::default() }
}

/// Every packet of a simulation with its truth, and what must come of all.
fn all(settings: &Settings) -> (Vec<(Vec<u8>, Told)>, Ledger) {
    let mut simulation = Simulation::new(settings).expect("settings that can be meant");
    let mut packets = Vec::new();
    while simulation.next_night().is_some() {
        let _ = simulation.night(&mut |bytes, told| {
            packets.push((bytes.to_vec(), told));
            ControlFlow::Continue(())
        });
    }
    let ledger = simulation.ledger();
    (packets, ledger)
}

fn troubled(survey: Survey) -> Settings {
    let trouble = Trouble {
        late: 0.1,
        duplicate: 0.1,
        corrupt: 0.1,
        remeasured: 0.2,
        withdrawn: 0.2,
        moved: 0.2,
        ..Trouble::default()
    };
    Settings { trouble, ..small(survey) }
}

#[test]
fn a_decoder_makes_of_each_packet_what_its_truth_says() {
    for survey in [Survey::Ztf, Survey::Lsst] {
        let (packets, ledger) = all(&troubled(survey));
        assert!(packets.len() > 300, "{survey:?}: {}", packets.len());
        let mut decoder = Decoder::new(&decoder::Settings::default()).expect("a decoder");
        let mut rejected = 0;
        for (bytes, told) in &packets {
            let mut records = 0;
            decoder.decode(bytes, |_, alert| {
                records += 1;
                match (alert, told.reject) {
                    (Ok(alert), None) => {
                        assert_eq!((alert.object.id, alert.trigger.0), (told.id, told.alert));
                        assert_eq!(alert.rows.len(), told.rows as usize, "{told:?}");
                        assert!(alert.rejects.is_empty(), "{:?}", alert.rejects);
                        assert!(
                            (alert.time.days() - told.mjd_tai).abs() < 2e-6,
                            "{} {}",
                            alert.time.days(),
                            told.mjd_tai
                        );
                        let row = &alert.rows[0].measurement;
                        let error = (row.flux.0 as f64 / 1e3 - told.flux) / (row.sigma.0 as f64 / 1e3);
                        let unusual = told.object.class() == crate::sky::Class::Bogus || told.object.factor() > 1.0;
                        assert!(unusual || told.object.lasting() > 0.0 || error.abs() < 6.0, "{error} {told:?}");
                    }
                    (Ok(alert), Some("future")) => assert!(alert.time.days() > 80_000.0),
                    (Err(reject), Some(reason)) => {
                        rejected += 1;
                        assert_eq!(reject.reason(), reason, "{reject}");
                    }
                    (Ok(_), Some(reason)) => panic!("{reason} is accepted: {told:?}"),
                    (Err(PacketReject::UnknownSchema(id)), None) => panic!("schema {id}"),
                    (Err(reject), None) => panic!("{reject}: {told:?}"),
                }
            });
            assert_eq!(records, 1, "{told:?}");
        }
        let future = ledger.rejected.get("future").copied().unwrap_or_default();
        assert_eq!(rejected + future, ledger.sent - ledger.accepted());
        assert!(ledger.rejected.len() >= 3 && ledger.repeated > 0, "{ledger:?}");
        assert!(ledger.moved > 0 && (survey == Survey::Ztf || ledger.withdrawn > 0), "{ledger:?}");
    }
}

#[test]
fn equal_settings_give_equal_bytes_and_another_seed_gives_others() {
    let settings = small(Survey::Ztf);
    let bytes = |settings: &Settings| all(settings).0.into_iter().map(|(bytes, _)| bytes).collect::<Vec<_>>();
    let first = bytes(&settings);
    assert!(first == bytes(&settings));
    assert!(first != bytes(&Settings { seed: settings.seed + 1, ..settings.clone() }));
    // What is fated to happen on a later day says nothing about the days before.
    let shorter = bytes(&Settings { nights: 3, trouble: Trouble::NONE, ..settings.clone() });
    let longer = bytes(&Settings { nights: 4, trouble: Trouble::NONE, ..settings });
    assert!(shorter[..] == longer[..shorter.len()]);
}

#[test]
fn packets_come_in_order_of_delivery_and_within_their_night() {
    let settings = troubled(Survey::Lsst);
    let mut simulation = Simulation::new(&settings).expect("settings");
    let mut last = 0.0;
    while let Some(night) = simulation.next_night() {
        let _ = simulation.night(&mut |_, told| {
            assert!(told.delivered >= last && told.delivered < (night + 1) as f64);
            assert!(told.delivered > told.mjd_tai - 37.0 / DAY, "nothing comes before it was seen");
            last = told.delivered;
            ControlFlow::Continue(())
        });
    }
}

#[test]
fn what_is_remembered_does_not_grow_with_nights() {
    let settings = Settings { nights: 60, before: 40, ..small(Survey::Ztf) };
    let mut simulation = Simulation::new(&settings).expect("settings");
    let mut sizes = Vec::new();
    while simulation.next_night().is_some() {
        let _ = simulation.night(&mut |_, _| ControlFlow::Continue(()));
        sizes.push(simulation.patches.size());
    }
    // Fields come into season; after a cycle of them nothing is added any more but what goes again.
    assert!(sizes[59] < sizes[29] * 13 / 10, "{sizes:?}");
}

#[test]
fn noise_is_what_the_survey_says_it_is() {
    let noise = Noise { correlated: 0.0, underestimated: 0.0, factor: 1.0 };
    let settings = Settings {
        classes: vec![crate::sky::Class::Constant],
        noise,
        trouble: Trouble::NONE,
        nights: 20,
        ..small(Survey::Ztf)
    };
    // Detections alone are biased towards the bright: the forced rows are not, so these are looked at.
    let (packets, _) = all(&settings);
    let mut decoder = Decoder::new(&decoder::Settings::default()).expect("a decoder");
    let (mut n, mut squares) = (0.0, 0.0);
    for (bytes, told) in packets.iter().filter(|(_, told)| !told.curve.is_empty()) {
        decoder.decode(bytes, |_, alert| {
            let Ok(alert) = alert else { return };
            for point in &told.curve {
                let same = |row: &&skydiff_schemas::Row| {
                    (row.measurement.time.days() - point.mjd_tai).abs() < 1e-5
                        && row.measurement.kind == Kind::Forced
                        && row.measurement.quality == Quality::GOOD
                };
                let Some(row) = alert.rows.iter().find(same) else { continue };
                let z = (row.measurement.flux.0 as f64 / 1e3 - point.flux) / point.sigma;
                n += 1.0;
                squares += z * z;
            }
        });
    }
    // 1 and the reference's own noise, a twentieth.
    let variance = squares / n;
    assert!(n > 300.0 && (0.85..1.25).contains(&variance), "{n} {variance}");
}
