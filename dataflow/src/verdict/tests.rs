//! Every row of the table by which a change is told or kept silent.

use super::*;
use crate::testing::{answer, cause, change, said};
use skydiff_operators::State::{Rising, Steady};

const QUIET: RecordSettings =
    RecordSettings { emit: Emit::State, emit_expiry: false, append_only: false, archival_days: 1.0 };
const CHATTY: RecordSettings = RecordSettings { emit: Emit::Features, ..QUIET };

fn told(change: &Change, settings: &RecordSettings) -> Option<(AlertType, Reason)> {
    verdict(change, settings, None)
}

#[test]
fn absent_then_present_is_initial() {
    let first = change(said(None, &[]), said(Some(5), &[(Rising, 0)]), &[CauseKind::New]);
    assert_eq!(told(&first, &QUIET), Some((AlertType::Initial, Reason::NewData)));
    let again = change(said(Some(1), &[]), said(Some(5), &[(Rising, 0)]), &[CauseKind::New]);
    assert_eq!(told(&again, &QUIET), Some((AlertType::Initial, Reason::NewData)));
    // Late data makes an object that was known, in no state, be in one.
    let late = change(said(Some(5), &[]), said(Some(5), &[(Rising, 0)]), &[CauseKind::Late]);
    assert_eq!(told(&late, &QUIET), Some((AlertType::Initial, Reason::LateData)));
}

#[test]
fn a_newer_source_is_subsequent() {
    let risen = change(said(Some(4), &[(Steady, 0)]), said(Some(5), &[(Rising, 0)]), &[CauseKind::New]);
    assert_eq!(told(&risen, &QUIET), Some((AlertType::Subsequent, Reason::NewData)));
    let same = change(said(Some(4), &[(Rising, 0)]), said(Some(5), &[(Rising, 0)]), &[CauseKind::New]);
    assert_eq!(told(&same, &QUIET), None, "no flag changed and no level was crossed");
    assert_eq!(told(&same, &CHATTY), Some((AlertType::Subsequent, Reason::NewData)));
}

#[test]
fn a_level_crossed_is_told() {
    for (before, after) in [(0, 2), (2, 1)] {
        let crossed = change(said(Some(4), &[(Rising, before)]), said(Some(4), &[(Rising, after)]), &[CauseKind::New]);
        assert_eq!(told(&crossed, &QUIET), Some((AlertType::Update, Reason::NewData)));
    }
}

#[test]
fn known_differently_is_an_update() {
    for newest in [Some(5), Some(3)] {
        let fixed = change(said(Some(5), &[(Rising, 0)]), said(newest, &[(Steady, 0)]), &[CauseKind::Remeasured]);
        assert_eq!(told(&fixed, &QUIET), Some((AlertType::Update, Reason::Remeasured)));
    }
    let same = change(said(Some(5), &[(Rising, 0)]), said(Some(5), &[(Rising, 0)]), &[CauseKind::Late]);
    assert_eq!(told(&same, &QUIET), None);
    assert_eq!(told(&same, &CHATTY), Some((AlertType::Update, Reason::LateData)));
    let nothing = Change { features: false, ..same };
    assert_eq!(told(&nothing, &CHATTY), None, "only what nobody sees changed");
}

#[test]
fn present_then_absent_is_a_retraction() {
    let gone = change(said(Some(5), &[(Rising, 0)]), said(None, &[]), &[CauseKind::Withdrawn]);
    assert_eq!(told(&gone, &QUIET), Some((AlertType::Retraction, Reason::Withdrawn)));
    let left = Change { after: None, ..change(said(Some(5), &[(Rising, 0)]), said(None, &[]), &[CauseKind::Left]) };
    assert_eq!(told(&left, &QUIET), Some((AlertType::Retraction, Reason::Reassociated)));
}

#[test]
fn never_in_the_relation_is_never_told() {
    let bogus = change(said(None, &[]), said(Some(5), &[]), &[CauseKind::New]);
    assert_eq!(told(&bogus, &QUIET), None);
    assert_eq!(told(&bogus, &CHATTY), None);
}

#[test]
fn expiry_is_silent_unless_asked_for() {
    let mut ended = change(said(Some(5), &[(Rising, 0)]), said(Some(5), &[]), &[]);
    ended.after = Some(Box::new(answer(&ended.said, false)));
    let asked = RecordSettings { emit_expiry: true, ..QUIET };
    assert_eq!(told(&ended, &QUIET), None);
    assert_eq!(told(&ended, &CHATTY), None);
    assert_eq!(told(&ended, &asked), Some((AlertType::Retraction, Reason::Expired)));
    let mut partly = change(said(Some(5), &[(Rising, 0), (Steady, 0)]), said(Some(5), &[(Rising, 0)]), &[]);
    assert_eq!(told(&partly, &QUIET), None);
    assert_eq!(told(&partly, &asked), Some((AlertType::Update, Reason::Expired)));
    partly.before.alive = partly.said.alive.clone();
    assert_eq!(told(&partly, &asked), None, "a window without states ended: nothing to say");
}

#[test]
fn expiry_beside_measurements_that_do_not_matter_is_expiry() {
    let mut ended = change(said(Some(5), &[(Rising, 0)]), said(Some(5), &[]), &[CauseKind::Late]);
    ended.after = Some(Box::new(answer(&ended.said, false)));
    assert_eq!(told(&ended, &QUIET), None);
    ended.after = Some(Box::new(answer(&ended.said, true)));
    assert_eq!(
        told(&ended, &QUIET),
        Some((AlertType::Retraction, Reason::LateData)),
        "the window is alive: the data did it"
    );
    ended.said.newest = Some(skydiff_schemas::MicroDays(4));
    ended.after = Some(Box::new(answer(&ended.said, false)));
    assert_eq!(
        told(&ended, &QUIET),
        Some((AlertType::Retraction, Reason::LateData)),
        "the window was moved by the data"
    );
}

#[test]
fn a_restatement_says_so() {
    for (reason, before, after) in [(Reason::Config, Rising, Steady), (Reason::Code, Steady, Rising)] {
        let restated = change(said(Some(5), &[(before, 0)]), said(Some(5), &[(after, 0)]), &[]);
        assert_eq!(verdict(&restated, &QUIET, Some(reason)), Some((AlertType::Update, reason)));
        let gone = change(said(Some(5), &[(before, 0)]), said(Some(5), &[]), &[]);
        assert_eq!(verdict(&gone, &QUIET, Some(reason)), Some((AlertType::Retraction, reason)));
    }
}

#[test]
fn append_only_never_corrects() {
    let settings = RecordSettings { append_only: true, ..CHATTY };
    let all = [
        (said(None, &[]), said(Some(5), &[(Rising, 0)]), Some(AlertType::Initial)),
        (said(Some(4), &[(Steady, 0)]), said(Some(5), &[(Rising, 0)]), Some(AlertType::Subsequent)),
        (said(Some(5), &[(Steady, 0)]), said(Some(5), &[(Rising, 0)]), None),
        (said(Some(5), &[(Steady, 0)]), said(None, &[]), None),
    ];
    for (before, after, kind) in all {
        let told = told(&change(before, after, &[CauseKind::New]), &settings);
        assert_eq!(told.map(|(kind, _)| kind), kind);
    }
}

#[test]
fn of_several_causes_the_gravest() {
    use CauseKind::{Joined, Late, Left, New, Remeasured, Withdrawn};
    let reasons: [(&[CauseKind], Reason); 6] = [
        (&[New, Late, Remeasured, Joined, Withdrawn], Reason::Withdrawn),
        (&[New, Late, Remeasured, Joined], Reason::Reassociated),
        (&[Left, New], Reason::Reassociated),
        (&[New, Late, Remeasured], Reason::Remeasured),
        (&[Late, New], Reason::NewData),
        (&[Late], Reason::LateData),
    ];
    for (causes, reason) in reasons {
        let mut changed = change(said(Some(4), &[(Steady, 0)]), said(Some(5), &[(Rising, 0)]), causes);
        assert_eq!(told(&changed, &QUIET).map(|(_, reason)| reason), Some(reason));
        changed.causes = causes.iter().rev().map(|what| cause(*what)).collect();
        assert_eq!(told(&changed, &QUIET).map(|(_, reason)| reason), Some(reason), "whatever their order");
    }
}
