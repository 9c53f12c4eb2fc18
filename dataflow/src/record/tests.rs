//! What a change becomes when people read it: units, absences, and what was entered and left.

use super::*;
use crate::testing::{OBJECT, answer, change, said};
use crate::verdict::{RecordSettings, verdict};
use skydiff_operators::State::{New, Rising, Steady};

const PLACE: Place<'static> = Place { job: "night", epoch: Epoch(12), lane: 3, rank: 4 };

fn settings() -> TimescaleSettings {
    TimescaleSettings { timescales: vec![2.0], ..Default::default() }
}

fn recorded(change: &Change) -> Record {
    let told = verdict(change, &RecordSettings::default(), None).expect("it is told");
    record(change, told, PLACE, &settings(), 1.0)
}

fn risen() -> Change {
    let newest = 59_000_250_000;
    change(
        said(Some(58_999_000_000), &[(New, 1), (Steady, 0)]),
        said(Some(newest), &[(New, 2), (Rising, 1)]),
        &[CauseKind::New],
    )
}

#[test]
fn what_changed_is_said_by_timescale() {
    let record = recorded(&risen());
    assert_eq!((record.alert_type, record.reason), (AlertType::Subsequent, Reason::NewData));
    let [scale] = &record.timescales[..] else { panic!("one timescale") };
    assert_eq!((&scale.entered[..], &scale.left[..]), (&["rising".to_owned()][..], &["steady".to_owned()][..]));
    assert_eq!(scale.crossed, ["new"]);
    let states: Vec<_> = scale.states.iter().map(|held| (held.state.as_str(), held.z)).collect();
    assert_eq!(states, [("new", 28.0), ("rising", 18.0)]);
    assert_eq!((scale.timescale, scale.valid_until_mjd_tai, scale.alive), (Some(2.0), Some(59_002.25), true));
    assert_eq!(record.message_id(), "night/12/3/4");
    assert_eq!(record.causes[0].id, (1u64 << 60).to_string());
}

#[test]
fn places_times_and_fluxes_as_people_read_them() {
    let record = recorded(&risen());
    assert_eq!((record.ra, record.dec), (Some(210.000_000_123_456), Some(54.0)), "as sent, not the centre of a cell");
    let cell = Position::from_degrees(210.000_000_123_456, 54.0).unwrap();
    assert_eq!(record._healpix_29, Some(cell.0 as i64));
    assert_eq!(record.mjd_tai, Some(59_000.25));
    // TAI − UTC is 37 s in 2020.
    assert_eq!(record.utc.as_deref(), Some("2020-05-31T05:59:23.021Z"));
    assert_eq!(record.received.as_deref(), Some("2020-05-31T06:14:24.000Z"));
    let latest = &record.latest[0];
    assert_eq!((latest.flux, latest.flux_err, latest.total_flux), (-1000.0, 100.0, Some(10_000.0)));
    // 1 µJy is AB 23.9, 10 µJy 21.4; 10 % are 0.109 mag.
    let close = |value: Option<f64>, to: f64| value.is_some_and(|value| (value - to).abs() < 1e-9);
    assert!(close(latest.difference_magnitude, 23.9) && close(latest.magnitude, 21.4), "{latest:?}");
    assert!(
        close(latest.difference_magnitude_err, 0.108_573_620_475_812_96)
            && close(latest.magnitude_err, 0.010_857_362_047_581_296)
    );
    let context = record.context.unwrap();
    assert_eq!(
        (context.real_bogus, context.star, context.detections, context.coverage),
        (Some(0.75), None, Some(4), None)
    );
    assert_eq!(context.first_detection_mjd_tai, None);
}

#[test]
fn archival_is_what_came_a_day_late() {
    let mut change = risen();
    let mut received = |days: f64| {
        let trigger = change.after.as_mut().unwrap().trigger.as_mut().unwrap();
        trigger.context.received = names::to_utc(trigger.time) + MicroDays::from_days(days).unwrap();
        recorded(&change).alert_tense
    };
    assert_eq!(received(1.0), AlertTense::Current);
    assert_eq!(received(1.000_001), AlertTense::Archival);
    assert_eq!(received(-59_000.0), AlertTense::Current);
}

#[test]
fn a_retraction_says_what_is_no_longer_true() {
    let gone = Change { after: None, ..change(said(Some(5), &[(Rising, 0)]), said(None, &[]), &[CauseKind::Left]) };
    let record = recorded(&gone);
    assert_eq!((record.alert_type, record.reason), (AlertType::Retraction, Reason::Reassociated));
    assert_eq!(record.timescales[0].left, ["rising"]);
    assert_eq!((record.ra, record.alert, record.newest_mjd_tai, record.timescales[0].alive), (None, None, None, false));
    assert_eq!(record.object, names::object_name(OBJECT));
}

#[test]
fn states_that_are_not_alive_are_not_said_to_hold() {
    let mut change = risen();
    change.said = said(Some(59_000_250_000), &[(New, 2)]);
    let all = said(Some(59_000_250_000), &[(New, 2), (Rising, 1)]);
    change.after = Some(Box::new(answer(&all, true)));
    let scale = &recorded(&change).timescales[0];
    assert_eq!(scale.states.iter().map(|held| held.state.as_str()).collect::<Vec<_>>(), ["new"]);
}

#[test]
fn without_a_trigger_the_place_is_that_of_the_first_source() {
    let mut change = risen();
    let answer = change.after.as_mut().unwrap();
    answer.trigger = None;
    let (ra, dec) = answer.position.degrees().unwrap();
    let record = recorded(&change);
    assert_eq!((record.ra, record.dec, record.alert, record.received), (Some(ra), Some(dec), None, None));
}

#[test]
fn no_good_source_has_no_end() {
    let mut change = risen();
    change.after.as_mut().unwrap().windows[0].valid_until = MicroDays(0);
    assert_eq!(recorded(&change).timescales[0].valid_until_mjd_tai, None);
}
