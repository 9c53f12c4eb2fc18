//! Two stories that are the same differ in nothing; every kind of difference is found.

use super::{Kind, Story, differences, each_record};
use skydiff_schemas::record::{AlertTense, AlertType, Codec, ContainerWriter, Reason, Record, StateHeld, Timescale};

fn record(object: &str, epoch: i64, mjd: f64, states: &[&str]) -> Record {
    let held = |state: &&str| StateHeld { state: (*state).into(), z: 6.0 };
    let scale = Timescale {
        timescale: Some(7.0),
        states: states.iter().map(held).collect(),
        entered: vec![],
        left: vec![],
        crossed: vec![],
        bands_disagree: false,
        alive: true,
        valid_until_mjd_tai: None,
        series: vec![],
        colours: vec![],
    };
    Record {
        job: "job".into(),
        epoch,
        lane: 0,
        rank: 0,
        survey: "ztf".into(),
        object: object.into(),
        alert_type: AlertType::Initial,
        reason: Reason::LateData,
        alert_tense: AlertTense::Current,
        causes: vec![],
        alert: None,
        ra: None,
        dec: None,
        ra_err: None,
        dec_err: None,
        _healpix_29: None,
        mjd_tai: None,
        utc: None,
        newest_mjd_tai: Some(mjd),
        newest_utc: None,
        received: None,
        latest: vec![],
        context: None,
        detections: 1,
        first_detection_mjd_tai: None,
        last_non_detection: None,
        timescales: vec![scale],
    }
}

fn story(records: &[Record]) -> Story {
    let mut story = Story::default();
    records.iter().for_each(|record| story.hear(record));
    story
}

#[test]
fn a_story_differs_in_nothing_from_itself() {
    let told =
        story(&[record("a", 0, 1.0, &["new"]), record("a", 1, 2.0, &[]), record("b", 1, 2.0, &["rising", "new"])]);
    assert_eq!(differences(&told, &told), []);
    assert_eq!((told.records(), told.objects()), (3, 2));
}

#[test]
fn every_kind_of_difference_is_found() {
    let a = story(&[
        record("early", 0, 5.0, &["rising"]),
        record("late", 0, 5.0, &["rising"]),
        record("left", 0, 5.0, &["rising"]),
        record("lost", 0, 5.0, &["rising"]),
        record("kept", 0, 5.0, &["rising"]),
        record("kept", 1, 6.0, &[]),
    ]);
    let b = story(&[
        record("early", 7, 4.5, &["rising"]),
        record("late", 7, 6.0, &["rising"]),
        record("entered", 7, 5.0, &["rising"]),
        record("lost", 7, 5.0, &["rising"]),
        record("lost", 8, 5.0, &[]),
        record("kept", 7, 5.0, &["rising"]),
    ]);
    let found = differences(&a, &b);
    let found: Vec<_> = found.iter().map(|d| (d.place.object.as_str(), d.kind, d.days, d.night())).collect();
    assert_eq!(
        found,
        [
            ("early", Kind::Earlier, Some(-0.5), 4),
            ("entered", Kind::Entered, None, 5),
            ("kept", Kind::Kept, Some(0.0), 5),
            ("late", Kind::Later, Some(1.0), 6),
            ("left", Kind::Left, None, 5),
            ("lost", Kind::Lost, Some(0.0), 5),
        ]
    );
}

#[test]
fn records_are_read_from_either_file() {
    let folder = std::env::temp_dir().join(format!("skydiff-compare-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let records: Vec<Record> = (0..3_000).map(|n| record(&n.to_string(), n, n as f64 / 3.0, &["new"])).collect();
    let read = || {
        let mut read = vec![];
        each_record(folder.to_str().unwrap(), |record| read.push(record)).map(|_| read)
    };
    assert!(read().unwrap_err().contains("--to"));
    let mut writer = ContainerWriter::new(vec![], Codec::Deflate).unwrap();
    records.iter().for_each(|record| writer.append(record).unwrap());
    let bytes = writer.finish().unwrap();
    std::fs::write(folder.join("records.avro"), &bytes).unwrap();
    assert_eq!(read().unwrap(), records);
    std::fs::write(folder.join("records.avro"), &bytes[..bytes.len() - 9]).unwrap();
    assert!(read().unwrap_err().contains("records.avro cannot be read"));
    let mut lines = vec![];
    records.iter().for_each(|record| record.write_json(&mut lines));
    std::fs::write(folder.join("records.jsonl"), lines).unwrap();
    assert_eq!(read().unwrap().len(), records.len());
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(read().unwrap_err().contains("is not there"));
}
