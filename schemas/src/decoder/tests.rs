use super::*;
use crate::survey::testing;
use crate::{Kind, Row};

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
