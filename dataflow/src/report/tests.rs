//! Reports say the same in every form, and fit the screens they are read on.

use super::*;
use crate::counts::SurveyCounts;
use crate::testing::{change, said};
use skydiff_operators::State::{Fading, New, Rising};
use skydiff_operators::{CauseKind, Epoch, State, TimescaleSettings};
use skydiff_schemas::SurveyId;
use skydiff_schemas::record::{AlertType, Reason, Record};

const TIMESCALES: [f64; 8] = [0.1, 2.0, 7.0, 15.0, 30.0, 100.0, 365.0, f64::INFINITY];

fn counts() -> Counts {
    let ztf = SurveyCounts {
        accepted: 925,
        rows_read: 43_219,
        rows_rejected: [("row_future".to_owned(), 200)].into(),
        rows: 43_019,
        known: 13_999,
        new: 29_001,
        superseded: 10,
        confirmed: 9,
        measurements: 29_001,
        bad: [("pixels".to_owned(), 800), ("score".to_owned(), 4321)].into(),
        objects: 2280,
        alive: [((1, State::Rising as u8), 12), ((7, State::Rising as u8), 1234), ((7, State::Steady as u8), 3)].into(),
        changes: 900,
        records: [((AlertType::Initial, Reason::NewData), 300), ((AlertType::Retraction, Reason::Withdrawn), 2)].into(),
        silent: 598,
        ..Default::default()
    };
    let lsst = SurveyCounts {
        accepted: 90,
        rows_read: 5,
        rows: 5,
        new: 4,
        withdrawn: 1,
        measurements: 5,
        objects: 3,
        changes: 3,
        silent: 3,
        ..Default::default()
    };
    Counts {
        received: 1017,
        rejected: [("datum".to_owned(), 2)].into(),
        surveys: [(SurveyId(0), ztf), (SurveyId(1), lsst)].into(),
        written: [("changes.jsonl".to_owned(), 302)].into(),
    }
}

fn highlights() -> Highlights {
    let mut highlights = Highlights::default();
    for (at, state) in [Rising, Fading, New, Rising, Rising, Rising, Rising, Rising].into_iter().enumerate() {
        let change = change(said(None, &[]), said(Some(5), &[(state, 0)]), &[CauseKind::New]);
        let place = crate::record::Place { job: "j", epoch: Epoch(0), lane: 0, rank: 0 };
        let settings = TimescaleSettings { timescales: vec![7.0], ..Default::default() };
        let told = (AlertType::Initial, Reason::NewData);
        let record = crate::record::record(&change, told, place, &settings, 1.0);
        highlights.see(&Record { object: format!("ZTF17aaaaaa{at}"), ..record });
    }
    highlights
}

fn report<'a>(counts: &'a Counts, highlights: &'a Highlights) -> Report<'a> {
    Report { title: "night 2018-06-01", counts, highlights, timescales: &TIMESCALES }
}

#[test]
fn one_screen_that_adds_up() {
    let (counts, highlights) = (counts(), highlights());
    assert_eq!(counts.check(), Ok(()));
    let text = report(&counts, &highlights).text(80);
    println!("{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert!(text.lines().count() <= 60, "{} lines", text.lines().count());
    for line in [
        "  accepted                                 925          90       1,015",
        "  rejected: row_future                     200           0         200",
        "  initial new_data                         300           0         300",
        "records per alert                         0.33        0.00        0.30",
        "It adds up.",
        "rising              0       12        0        0        0        0        0    1,234",
        "ZTF17aaaaaa0             8.0    7 d  g  21.40         -2.0  210.00000  +54.00000",
    ] {
        let spaced = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.lines().any(|of| spaced(of) == spaced(line)), "no line {line:?} in\n{text}");
    }
}

#[test]
fn a_sum_that_is_wrong_is_shouted() {
    let (mut counts, highlights) = (counts(), highlights());
    counts.received += 1;
    let report = report(&counts, &highlights);
    assert!(report.text(80).contains("IT DOES NOT ADD UP: packets received = accepted + rejected: 1018 ≠ 1017"));
    assert_eq!(report.json()["adds_up"], false);
}

#[test]
fn a_narrow_terminal_keeps_the_last_columns() {
    let (counts, highlights) = (counts(), highlights());
    let text = report(&counts, &highlights).text(60);
    let head = text.lines().next().unwrap();
    assert!(head.ends_with("all") && !head.contains(&crate::names::survey_name(SurveyId(0))), "{head}");
}

#[test]
fn nothing_at_all_is_a_report_too() {
    let (counts, highlights) = (Counts::default(), Highlights::default());
    let text = report(&counts, &highlights).text(80);
    assert!(text.contains("It adds up.") && text.contains("No object is in a state."), "{text}");
    assert_eq!(report(&counts, &highlights).json()["records_per_alert"], serde_json::Value::Null);
}

#[test]
fn files_hold_every_number() {
    let (counts, highlights) = (counts(), highlights());
    let report = report(&counts, &highlights);
    let folder = std::env::temp_dir().join(format!("skydiff-report-{}", std::process::id()));
    report.write(&folder).unwrap();
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let survey = crate::names::survey_name(SurveyId(0));
    assert!(read("reconciliation.csv").contains(&format!("{survey},measurements bad,score,4321\n")));
    assert!(read("reconciliation.csv").contains(
        "
,packets rejected,datum,2
"
    ));
    assert!(read("states.csv").contains(&format!("{survey},inf,rising,1234\n")));
    let highlights = read("highlights.csv");
    assert_eq!(highlights.lines().count(), 1 + 8);
    assert!(highlights.lines().all(|line| line.split(',').count() == 14), "{highlights}");
    let summary: serde_json::Value = serde_json::from_str(&read("summary.json")).unwrap();
    assert_eq!(summary["surveys"][&survey]["records_retraction_withdrawn"], 2);
    assert_eq!(summary["highlights"]["risers"]["objects"].as_array().map(Vec::len), Some(6));
    assert_eq!((&summary["packets"]["received"], &summary["adds_up"]), (&1017.into(), &true.into()));
    std::fs::remove_dir_all(&folder).unwrap();
}
