//! What is demanded of a run, law by law.

use crate::adapter::{How, Ran, run};
use crate::generate::Accumulation;
use crate::generate::smaller::{smallest, told};
use crate::oracle::{Known, compare, compare_said, known_at};
use skydiff_operators::{Answer, Cause, CauseKind, Change, Counter, Epoch, Said, State};
use skydiff_schemas::{Context, Kind, Measurement, MicroDays, ObjectId, Quality, SourceId};
use std::collections::BTreeMap;

/// What a consumer knows who has applied every change so far.
#[derive(Default)]
struct Consumer {
    answers: BTreeMap<ObjectId, Answer>,
    said: BTreeMap<ObjectId, Said>,
}

/// Runs an accumulation and holds every epoch to the oracle.
pub fn equals_oracle(all: &Accumulation, how: How) -> Result<(), String> {
    let ran = run(all, how)?;
    let mut consumer = Consumer::default();
    let mut before: Option<Known> = None;
    for (epoch, clocks) in all.epochs() {
        let now = known_at(&all.offers, epoch, clocks, &all.rules);
        let changes = ran.changes.get(&epoch).map_or(&[][..], Vec::as_slice);
        let context = |what: String| format!("epoch {epoch}: {what}");
        once(changes).map_err(context)?;
        for change in changes {
            consumer.apply(change, how).map_err(context)?;
        }
        consumer.knows(&now, all, how).map_err(context)?;
        due(changes, before.as_ref(), &now, how).map_err(context)?;
        counts(&ran, epoch, &now, all).map_err(context)?;
        before = Some(now);
    }
    if let Some(now) = before {
        holds_at_the_end(&ran, &now)?;
    }
    Ok(())
}

/// At most one change for each object.
fn once(changes: &[Change]) -> Result<(), String> {
    match changes.windows(2).find(|pair| pair[0].object == pair[1].object) {
        Some(pair) => Err(format!("two changes of {:?}", pair[0].object)),
        None => Ok(()),
    }
}

impl Consumer {
    /// Takes a change in; what it says of before must be what was known.
    fn apply(&mut self, change: &Change, how: How) -> Result<(), String> {
        let object = change.object;
        let known = self.said.get(&object).cloned().unwrap_or_default();
        // Where expiry is silent, the operators know of it and the consumer works it out from `valid_until`.
        if how.expiry && blank(&known) != blank(&change.before) {
            return Err(format!("{object:?}: before was {:?}, not {:?}", known, change.before));
        }
        match &change.after {
            Some(answer) => {
                self.answers.insert(object, (**answer).clone());
                self.said.insert(object, change.said.clone());
            }
            None => {
                self.answers.remove(&object);
                self.said.remove(&object);
            }
        }
        Ok(())
    }

    /// Nothing is missed: what was told adds up to what is known.
    fn knows(&self, now: &Known, all: &Accumulation, how: How) -> Result<(), String> {
        let (told, known): (Vec<_>, Vec<_>) = (self.answers.keys().collect(), now.answers.keys().collect());
        if told != known {
            return Err(format!("objects {told:?} instead of {known:?}"));
        }
        for (object, expected) in &now.answers {
            let got = living(&self.answers[object], &expected.answer, how);
            compare(expected, &got).map_err(|lines| format!("{object:?}:\n  {}", lines.join("\n  ")))?;
            if how.expiry {
                compare_said(expected, &self.said[object], &all.rules.settings)
                    .map_err(|line| format!("{object:?}: {line}"))?;
            }
        }
        Ok(())
    }
}

/// Without what is silent about the states of an object that has none.
fn blank(said: &Said) -> Said {
    let alive = if said.alive.iter().all(|alive| *alive == (0, 0)) { Vec::new() } else { said.alive.clone() };
    Said { newest: said.newest, alive }
}

/// Time alone says nothing of a window in which nothing holds, and nothing at all where expiry is silent.
fn living(told: &Answer, expected: &Answer, how: How) -> Answer {
    let mut told = told.clone();
    for (told, expected) in told.windows.iter_mut().zip(&expected.windows) {
        if told.alive && !expected.alive && (told.states.is_empty() || !how.expiry) {
            told.alive = false;
        }
    }
    told
}

/// Nothing is said twice: no change of an object of which nothing changed that anybody is told.
fn due(changes: &[Change], before: Option<&Known>, now: &Known, how: How) -> Result<(), String> {
    for Change { object, causes, .. } in changes {
        let told = |known: &Known| known.answers.get(object).map(|expected| observable(&expected.answer, how));
        let (was, is) = (before.and_then(told), told(now));
        if was == is {
            return Err(format!("a change of {object:?}, of which nothing changed: {causes:?}"));
        }
        why(*object, causes, before, now)?;
    }
    Ok(())
}

/// An answer without what time does to it in silence.
fn observable(answer: &Answer, how: How) -> Answer {
    let mut answer = answer.clone();
    for window in &mut answer.windows {
        window.alive &= how.expiry && !window.states.is_empty();
    }
    answer
}

/// The causes of a change are the object's measurements that are not what they were, each with what happened to it, and the
/// triggers whose context alone is not what it was.
fn why(object: ObjectId, causes: &[Cause], before: Option<&Known>, now: &Known) -> Result<(), String> {
    let rows = |known: Option<&Known>| -> BTreeMap<(Kind, SourceId), Measurement> {
        let rows = known.map_or(&[][..], |known| known.standing.of(object));
        rows.iter().map(|row| ((row.kind, row.id), *row)).collect()
    };
    let (was, is) = (rows(before), rows(Some(now)));
    // Sources, and the second survey's forced sources, have ids that other objects can claim.
    let elsewhere = |(kind, id): (Kind, SourceId)| {
        let claimable = kind == Kind::Source || (kind == Kind::Forced && object.survey.0 == 1);
        let others = before.into_iter().flat_map(|before| &before.standing.measurements);
        let mut others = others.filter(|(other, _)| **other != object && other.survey == object.survey);
        claimable && others.any(|(_, rows)| rows.iter().any(|row| (row.kind, row.id) == (kind, id)))
    };
    let mut want = BTreeMap::new();
    for name in was.keys().chain(is.keys()) {
        let what = match (was.get(name), is.get(name)) {
            (was, is) if was == is => continue,
            (_, None) => "left",
            (_, Some(row)) if row.quality.has(Quality::WITHDRAWN) => "withdrawn",
            (Some(_), Some(_)) => "remeasured",
            (None, Some(_)) if elsewhere(*name) => "joined",
            (None, Some(_)) => "new or late",
        };
        want.insert(*name, what);
    }
    let contexts = |known: Option<&Known>| -> BTreeMap<SourceId, (MicroDays, Context)> {
        let triggers = known.map_or(&[][..], |known| known.standing.triggers_of(object));
        triggers.iter().map(|trigger| (trigger.source, (trigger.time, trigger.context))).collect()
    };
    let (was, is) = (contexts(before), contexts(Some(now)));
    for (source, context) in &is {
        let what = match was.get(source) {
            Some(before) if before == context => continue,
            Some(_) => "remeasured",
            None => "new or late",
        };
        want.entry((Kind::Source, *source)).or_insert(what);
    }
    let word = |what: CauseKind| match what {
        CauseKind::Left => "left",
        CauseKind::Withdrawn => "withdrawn",
        CauseKind::Remeasured => "remeasured",
        CauseKind::Joined => "joined",
        CauseKind::New | CauseKind::Late => "new or late",
    };
    let got: BTreeMap<_, _> = causes.iter().map(|cause| ((cause.kind, cause.id), word(cause.what))).collect();
    if got != want || got.len() != causes.len() {
        return Err(format!("{object:?}: because of {causes:?} instead of {want:?}"));
    }
    Ok(())
}

/// What the workers hold when all is done is what stands.
fn holds_at_the_end(ran: &Ran, now: &Known) -> Result<(), String> {
    let (held, known): (Vec<_>, Vec<_>) = (ran.held.keys().collect(), now.answers.keys().collect());
    if held != known {
        return Err(format!("in the end: objects {held:?} instead of {known:?}"));
    }
    for (object, expected) in &now.answers {
        let (rows, answer) = &ran.held[object];
        if rows != now.standing.of(*object) {
            return Err(format!(
                "in the end: {object:?} has\n  {rows:?}\ninstead of\n  {:?}",
                now.standing.of(*object)
            ));
        }
        compare(expected, answer).map_err(|lines| format!("in the end: {object:?}:\n  {}", lines.join("\n  ")))?;
    }
    Ok(())
}

/// Panics with the smallest accumulation that still fails, if this one does.
#[track_caller]
pub fn explain(all: &Accumulation, how: How, name: &str) {
    let Err(first) = equals_oracle(all, how) else { return };
    let smaller = smallest(all.clone(), |smaller| equals_oracle(smaller, how).is_err());
    let last = equals_oracle(&smaller, how).expect_err("it fails");
    panic!("{name} with {how:?}: {first}\n\nat its smallest: {last}\n{}", told(&smaller));
}

/// What is counted adds up, and counts what is there.
fn counts(ran: &Ran, epoch: Epoch, now: &Known, all: &Accumulation) -> Result<(), String> {
    let mut got: BTreeMap<Counter, i64> = BTreeMap::new();
    for (_, tally) in ran.tallies.iter().filter(|(at, _)| *at <= epoch) {
        *got.entry(tally.counter).or_default() += tally.change;
    }
    let rows = all.offers.iter().filter(|(at, _)| *at <= epoch).map(|(_, offer)| offer.rows.len() as i64).sum();
    let told = ran.changes.range(..=epoch).map(|(_, changes)| changes.len() as i64).sum();
    let standing = || now.standing.measurements.values().flatten();
    let mut want = BTreeMap::from([
        (Counter::Rows, rows),
        (Counter::Changes, told),
        (Counter::Measurements, standing().count() as i64),
        (Counter::Objects, now.answers.len() as i64),
    ]);
    for (bit, (reason, _)) in Quality::REASONS.into_iter().enumerate() {
        let bad = standing().filter(|row| row.quality.has(reason)).count() as i64;
        want.insert(Counter::Bad(bit as u8), bad);
    }
    let doubtful = now.answers.values().any(|expected| expected.doubts.iter().any(|doubt| doubt.states));
    for (window, state) in (0..all.rules.settings.timescales.len()).flat_map(|at| State::ALL.map(|state| (at, state))) {
        let lives = |answer: &Answer| answer.windows[window].alive && answer.windows[window].states.z(state).is_some();
        let alive = now.answers.values().filter(|expected| lives(&expected.answer)).count() as i64;
        want.extend((!doubtful).then_some((Counter::Alive(window as u8, state as u8), alive)));
    }
    for (counter, want) in want {
        let got = got.get(&counter).copied().unwrap_or(0);
        if got != want {
            return Err(format!("{counter:?} is {got} instead of {want}"));
        }
    }
    let of = |counter| got.get(&counter).copied().unwrap_or(0);
    let fates = [Counter::Known, Counter::New, Counter::Superseded, Counter::Confirmed, Counter::Withdrawn].map(of);
    if fates.iter().sum::<i64>() != rows || fates.iter().any(|fate| *fate < 0) {
        return Err(format!("of {rows} rows {fates:?} were known, new, superseded, confirmed, withdrawn"));
    }
    Ok(())
}
