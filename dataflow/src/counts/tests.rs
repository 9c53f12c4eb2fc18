//! A reconciliation that does not add up must say which sum is wrong.

use super::*;
use skydiff_schemas::RowReject;

fn survey() -> SurveyCounts {
    SurveyCounts {
        accepted: 3,
        repeated: 1,
        rows_read: 12,
        rows_rejected: [(RowReject::Future.name().to_owned(), 2)].into(),
        rows: 10,
        known: 4,
        new: 3,
        superseded: 1,
        confirmed: 1,
        withdrawn: 1,
        moved: 1,
        measurements_before: 2,
        measurements: 5,
        bad: [("score".to_owned(), 5)].into(),
        objects: 2,
        alive: [((0, 1), 2), ((7, 9), 1)].into(),
        changes: 4,
        records: [((AlertType::Initial, Reason::NewData), 2), ((AlertType::Update, Reason::Withdrawn), 1)].into(),
        silent: 1,
    }
}

fn counts() -> Counts {
    Counts {
        received: 5,
        rejected: [("datum".to_owned(), 1), ("future".to_owned(), 1)].into(),
        surveys: [(SurveyId(0), survey())].into(),
        written: [("records.jsonl".to_owned(), 3)].into(),
    }
}

type Spoil = fn(&mut SurveyCounts);

#[test]
fn every_sum_is_checked_by_name() {
    assert_eq!(counts().check(), Ok(()));
    let one = |counts: &mut Counts, spoil: Spoil| counts.surveys.values_mut().for_each(spoil);
    let spoiled: [(&str, Spoil); 10] = [
        ("packets received =", |c| c.accepted += 1),
        ("rows read =", |c| c.rows_read += 1),
        ("rows offered =", |c| c.known += 1),
        ("changes =", |c| c.silent += 1),
        ("repeated packets ≤", |c| c.repeated = 4),
        ("measurements before + new ≤", |c| c.measurements = 4),
        ("measurements ≤", |c| c.measurements = 7),
        ("objects ≤", |c| c.objects = 6),
        ("measurements that are bad (score) ≤", |c| *c.bad.get_mut("score").unwrap() = 6),
        ("objects in a state ≤", |c| *c.alive.get_mut(&(0, 1)).unwrap() = 3),
    ];
    for (sum, spoil) in spoiled {
        let mut counts = counts();
        one(&mut counts, spoil);
        let wrong = counts.check().unwrap_err();
        assert!(wrong.contains(sum), "{sum}: {wrong}");
    }
    let mut unwritten = counts();
    unwritten.written.insert("records.avro".into(), 2);
    assert_eq!(unwritten.check().unwrap_err(), "records written by records.avro = records by type and reason: 2 ≠ 3");
}

#[test]
fn what_readers_operators_and_sinks_count() {
    let mut counts = Counts::default();
    let tally = |counter, change| Tally { survey: SurveyId(1), counter, change };
    for (counter, change) in [
        (Counter::Rows, 3),
        (Counter::Known, 1),
        (Counter::New, 2),
        (Counter::Measurements, 2),
        (Counter::Bad(1), 2),
        (Counter::Bad(1), -1),
        (Counter::Objects, 1),
        (Counter::Alive(0, 3), 1),
        (Counter::Changes, 2),
    ] {
        counts.tally(&tally(counter, change));
    }
    counts.reject("framing");
    counts.decide(SurveyId(1), Some((AlertType::Initial, Reason::NewData)));
    counts.decide(SurveyId(1), None);
    counts.write("records.jsonl");
    let survey = counts.surveys.get_mut(&SurveyId(1)).unwrap();
    (survey.rows_read, survey.accepted) = (3, 0);
    assert_eq!(counts.check(), Ok(()));
    assert_eq!(counts.all().bad, [("score".to_owned(), 1)].into());
    assert_eq!(counts.rejected, [("framing".to_owned(), 1)].into());
}

#[test]
fn a_night_is_the_difference_and_still_adds_up() {
    let first = counts();
    let mut both = counts();
    let mut later = counts();
    later.surveys.get_mut(&SurveyId(0)).unwrap().measurements_before = 0;
    later.surveys.get_mut(&SurveyId(0)).unwrap().measurements = 3;
    later.surveys.get_mut(&SurveyId(0)).unwrap().bad.clear();
    both.merge(&later);
    let night = both.since(&first);
    assert_eq!(night.check(), Ok(()));
    assert_eq!((night.received, night.all().rows, night.all().measurements_before), (5, 10, 5));
    assert_eq!((night.all().measurements, night.all().objects), (8, 4), "stocks are those of now");
    assert_eq!(both.since(&both).all().told(), 0);
}
