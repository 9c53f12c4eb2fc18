//! Any bytes end as alerts or as a reject with its reason, and every real packet ends as the former.

use super::*;
use crate::survey::{survey, testing};
use crate::{Kind, Row};
use serde_json::json;

#[derive(Default, Debug)]
struct Count {
    packets: usize,
    alerts: usize,
    rows: BTreeMap<&'static str, usize>,
    rejects: BTreeMap<&'static str, usize>,
    quality: BTreeMap<&'static str, usize>,
    good: usize,
}

/// Every packet under a folder: one alert each, whose first row is its trigger.
fn count(decoder: &mut Decoder, data: &std::path::Path, under: &str) -> Count {
    let mut count = Count::default();
    for (path, packet) in testing::packets(data, under) {
        count.packets += 1;
        decoder.decode(&packet, |place, decoded| {
            let alert = decoded.unwrap_or_else(|reject| panic!("{}: {reject}", path.display()));
            assert_eq!(place, 0);
            let trigger = alert.rows[0];
            assert!(trigger.version.trigger && trigger.measurement.kind == Kind::Source);
            assert_eq!((trigger.measurement.id, trigger.measurement.time), (alert.trigger, alert.time));
            assert!(alert.rows[1..].iter().all(|row| !row.version.trigger && row.measurement.time <= alert.time));
            count.alerts += 1;
            for Row { measurement, .. } in &alert.rows {
                *count.rows.entry(measurement.kind.name()).or_default() += 1;
                count.good += usize::from(measurement.quality.is_good());
                measurement.quality.reasons().for_each(|reason| *count.quality.entry(reason).or_default() += 1);
            }
            alert.rejects.iter().for_each(|reject| *count.rejects.entry(reject.name()).or_default() += 1);
        });
    }
    println!("{under}: {count:?}");
    count
}

/// The counts of rows are those of INDEX.md and of fastavro over the same files.
#[test]
fn every_real_packet_decodes() {
    let Some(data) = testing::data() else { return };
    let mut decoder = Decoder::new(&Settings::default()).unwrap();
    let mut check = |under, packets, rows: [usize; 3], rejects: usize| {
        let count = count(&mut decoder, &data, under);
        assert_eq!((count.packets, count.alerts), (packets, packets), "{under}");
        let found = ["source", "forced", "limit"].map(|kind| count.rows.get(kind).copied().unwrap_or(0));
        assert_eq!(found, rows, "{under}");
        assert_eq!(count.rejects.values().sum::<usize>(), rejects, "{under}: {:?}", count.rejects);
        assert!(rejects == 0 || count.rejects.len() == 1 && count.rejects.contains_key("row_future"));
    };
    check("ztf/exposure-v3.3", 50, [50, 0, 148], 0);
    check("ztf/histories", 776, [11_488, 0, 4_972], 0);
    check("ztf/v4", 36, [234, 629, 794], 0);
    check("ztf/spark-rewritten-v4.02", 63, [563, 0, 853], 200);
    check("lsst/kafka-v7-v9", 3, [5, 3, 0], 0);
    check("lsst/v9.0", 40, [40, 0, 0], 0);
    check("lsst/v10.0", 27, [29, 0, 0], 0);
    check("lsst/production-v10.0", 20, [10_476, 12_916, 0], 0);
    check("other/winter.alert", 3, [7, 0, 0], 0);
}

/// Packets of one exposure begin at one time, of different ones at others, whichever channel they are of.
#[test]
fn an_exposure_is_what_begins_at_once() {
    let Some(data) = testing::data() else { return };
    let mut decoder = Decoder::new(&Settings::default()).unwrap();
    let mut begins = BTreeMap::new();
    for folder in ["ztf/exposure-v3.3", "ztf/histories", "ztf/v4", "lsst"] {
        for (_, packet) in testing::packets(&data, folder) {
            decoder.decode(&packet, |_, decoded| {
                let alert = decoded.unwrap();
                let exposure = survey(alert.survey).unwrap().exposure(alert.visit);
                let begun = begins.entry((alert.survey, exposure)).or_insert(alert.time);
                assert_eq!(*begun, alert.time, "{exposure}");
            });
        }
    }
    let mut times: Vec<_> = begins.iter().map(|((survey, _), time)| (survey, time)).collect();
    times.sort();
    assert!(times.windows(2).all(|pair| pair[0] != pair[1]));
    assert!(begins.len() > 500, "{}", begins.len());
}

#[test]
fn real_cutouts_are_fits() {
    let Some(data) = testing::data() else { return };
    let mut decoder = Decoder::new(&Settings::default()).unwrap();
    for (folder, gzip) in [("ztf", true), ("lsst", false), ("other/winter.alert", true)] {
        let mut images = 0;
        for (path, packet) in testing::packets(&data, folder) {
            let found = decoder.cutouts(&packet, |_, cutouts| {
                for cutout in cutouts.into_iter().flatten() {
                    assert!(packet.as_ptr_range().contains(&cutout.bytes.as_ptr()), "a slice of the packet");
                    assert_eq!(cutout.is_gzip(), gzip, "{}", path.display());
                    let mut card = [0; 6];
                    let mut inflated = flate2::read::MultiGzDecoder::new(cutout.bytes);
                    match gzip {
                        true => std::io::Read::read_exact(&mut inflated, &mut card).unwrap(),
                        false => card.copy_from_slice(&cutout.bytes[..6]),
                    }
                    assert_eq!(&card, b"SIMPLE");
                    images += 1;
                }
            });
            assert_eq!(found, Ok(()));
        }
        println!("{folder}: {images} images");
        assert!(images > 0);
    }
}

#[test]
fn packets_of_other_surveys_are_said_to_be() {
    let Some(data) = testing::data() else { return };
    for (folder, schema) in
        [("askap", "askap"), ("desirt", "desirt"), ("pgir", "pgir"), ("rapid.v00_02", "rapid.v00_02")]
    {
        for (path, packet) in testing::packets(&data, &format!("other/{folder}.alert")) {
            let reject = testing::decode(&packet).unwrap_err();
            let reason = format!("no survey here sends packets of schema `{schema}.alert`");
            assert_eq!(reject, PacketReject::UnknownSurvey(reason), "{}", path.display());
        }
    }
}

/// One LSST packet, of a schema that is built in.
fn lsst() -> serde_json::Value {
    let source = json!({
        "diaSourceId": 1, "diaObjectId": 2, "midpointMjdTai": 61_000.0, "ra": 1.0, "dec": 2.0, "band": "r", "psfFlux": 5.0, "psfFluxErr": 1.0,
    });
    json!({"diaSourceId": 1, "diaSource": source, "cutoutTemplate": "SIMPLE"})
}

fn built_in(id: u32) -> String {
    SURVEYS.iter().find_map(|survey| survey.writer_schema(id)).unwrap()
}

/// Everything that `each` is told.
fn told(packet: &[u8]) -> Vec<(usize, Result<u64, &'static str>)> {
    let mut told = Vec::new();
    Decoder::new(&Settings::default()).unwrap().decode(packet, |place, decoded| {
        told.push((place, decoded.map(|alert| alert.trigger.0).map_err(|reject| reject.reason())));
    });
    told
}

#[test]
fn a_schema_id_is_built_in_or_supplied_or_named() {
    let packet = testing::confluent(12_345, &built_in(1000), &lsst());
    let reject = testing::decode(&packet).unwrap_err();
    assert_eq!(
        (&reject, reject.to_string()),
        (&PacketReject::UnknownSchema(12_345), "schema id 12345 is not known".into())
    );
    let supplied = Settings { schemas: BTreeMap::from([(12_345, built_in(1000))]), ..Settings::default() };
    assert_eq!(testing::decode_with(&supplied, &packet).unwrap().trigger.0, 1);
    let nonsense = Settings { schemas: BTreeMap::from([(9, "{}".to_owned())]), ..Settings::default() };
    let error = Decoder::new(&nonsense).err().unwrap().to_string();
    assert!(error.starts_with("the schema supplied for id 9: "), "{error}");
}

#[test]
fn settings_are_of_known_surveys() {
    let settings: Settings = serde_json::from_value(json!({"surveys": {"ztff": {}}})).unwrap();
    let error = Decoder::new(&settings).err().unwrap().to_string();
    assert_eq!(error, "survey.ztff: no such survey; there are ztf, lsst, winter");
    assert!(serde_json::from_value::<Settings>(json!({"surveys": {"ztf": {"cuts": {}}}})).is_err());
}

/// Also for a field by which the survey's schemas are known.
#[test]
fn a_job_file_may_give_more_names() {
    for field in ["psfFlux", "midpointMjdTai"] {
        let schema = built_in(1000).replace(&format!("\"{field}\""), "\"renamed\"");
        let mut packet = lsst();
        packet["diaSource"]["renamed"] = packet["diaSource"][field].take();
        let packet = testing::confluent(1, &schema, &packet);
        let mut settings = Settings { schemas: BTreeMap::from([(1, schema)]), ..Settings::default() };
        let reject = testing::decode_with(&settings, &packet).unwrap_err();
        let named =
            |detail: &str| detail.contains(&format!("diaSource.{field}")) && detail.contains("lsst.v10_0.alert");
        assert!(matches!(&reject, PacketReject::Schema(detail) if named(detail)), "{reject:?}");
        let arrays = ["diaSource", "prvDiaSources", "prvDiaForcedSources"];
        let aliases = arrays.map(|record| (format!("{record}.{field}"), vec![format!("{record}.renamed")]));
        settings.surveys.insert("lsst".into(), SurveySettings { aliases: aliases.into(), ..SurveySettings::default() });
        let alert = testing::decode_with(&settings, &packet).unwrap();
        assert_eq!((alert.rows[0].measurement.flux.0, alert.time.days()), (5000, 61_000.0));
    }
}

/// The same packets in a container: their schema is recognised by its fields.
fn container(triggers: &[i64]) -> Vec<u8> {
    let of = |id: &i64| {
        let mut packet = lsst();
        packet["diaSource"]["diaSourceId"] = json!(id);
        packet
    };
    testing::container(&serde_json::from_str(&built_in(1101)).unwrap(), &triggers.iter().map(of).collect::<Vec<_>>())
}

#[test]
fn every_record_of_a_container_has_its_result() {
    assert_eq!(told(&container(&[5, 0, 7])), [(0, Ok(5)), (1, Err("value")), (2, Ok(7))]);
    assert_eq!(told(&container(&[0])), [(0, Err("value"))]);
    assert_eq!(told(&container(&[])), [(0, Err("framing"))]);
    let mut decoder = Decoder::new(&Settings::default()).unwrap();
    let mut found = Vec::new();
    decoder
        .cutouts(&container(&[5, 6]), |place, cutouts| {
            found.push((place, cutouts.map(|one| one.map(|one| one.bytes.len()))))
        })
        .unwrap();
    assert_eq!(found, [(0, [None, Some(6), None]), (1, [None, Some(6), None])]);
}

#[test]
fn a_packet_of_one_record_is_all_good_or_all_bad() {
    let good = container(&[5]);
    for cut in 0..good.len() {
        let told = told(&good[..cut]);
        assert!(matches!(told[..], [(0, Err("framing"))]), "{cut}: {told:?}");
    }
    let mut marker = good.clone();
    *marker.last_mut().unwrap() ^= 1;
    assert_eq!(told(&marker), [(0, Err("framing"))]);
    let framed = testing::confluent(1101, &built_in(1101), &lsst());
    assert_eq!(told(&framed), [(0, Ok(1))]);
    assert_eq!(told(&[&framed[..], &[0]].concat()), [(0, Err("datum"))]);
    assert_eq!(told(&framed[..framed.len() - 1]), [(0, Err("datum"))]);
    assert_eq!(told(b""), [(0, Err("framing"))]);
    assert_eq!(told(b"\x01rubbish"), [(0, Err("framing"))]);
}

/// The second record's bytes do not end where the block does: the first, which another record follows, stands.
#[test]
fn what_cannot_be_read_ends_the_container() {
    let schema: serde_json::Value = serde_json::from_str(&built_in(1101)).unwrap();
    let whole = testing::container(&schema, &[lsst(), lsst()]);
    let one = testing::container(&schema, &[lsst()]);
    // Count 1 → 2 (2 → 4 on the wire) in a block of one record: the second has no bytes.
    let at = one.iter().zip(&whole).position(|(one, two)| one != two).unwrap();
    let mut missing = one.clone();
    assert_eq!((missing[at], whole[at]), (2, 4));
    missing[at] = 4;
    assert_eq!(told(&missing), [(0, Ok(1)), (1, Err("datum"))]);
    let mut surplus = whole.clone();
    surplus[at] = 2;
    assert_eq!(told(&surplus), [(0, Err("datum"))]);
}

#[test]
fn a_schema_file_is_named_by_version_or_id() {
    let named = [
        ("lsst.v11_1.alert.avsc", Some(1101)),
        ("lsst.v7_4.resolved.json", Some(704)),
        ("alert.v10_0.json", Some(1000)),
        ("12345.avsc", Some(12_345)),
        ("lsst.v11_100.avsc", None),
        ("lsst.v99999999_1.json", None),
        ("lsst.alert.avsc", None),
        ("1101.txt", None),
        ("v1_2", None),
    ];
    for (name, id) in named {
        assert_eq!(schema_id(name), id, "{name}");
    }
}
