//! What is demanded of a run, law by law.

use crate::adapter::{How, Ran, run};
use crate::generate::Accumulation;
use crate::generate::smaller::{smallest, told};
use crate::oracle::{Known, compare, compare_said, known_at};
use skydiff_operators::{Answer, Change, Epoch, Said};
use skydiff_schemas::ObjectId;
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
        sorted_and_due(changes, before.as_ref(), &now, how).map_err(context)?;
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

/// Nothing is said twice: changes come in order of their objects, and only of objects of which something changed.
fn sorted_and_due(changes: &[Change], before: Option<&Known>, now: &Known, how: How) -> Result<(), String> {
    for change in changes {
        let was = before.and_then(|before| before.answers.get(&change.object)).map(|expected| &expected.answer);
        let is = now.answers.get(&change.object).map(|expected| &expected.answer);
        if was == is {
            return Err(format!("a change of {:?}, of which nothing changed: {:?}", change.object, change.causes));
        }
        if let (Some(was), Some(is), true) = (was, is, change.causes.is_empty() && how.expiry) {
            let quiet = |answer: &Answer| Answer { trigger: None, ..answer.clone() };
            if quiet(was) == quiet(is) && was.trigger == is.trigger {
                return Err(format!("a change of {:?} without a cause", change.object));
            }
        }
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

/// The epoch of an accumulation after which nothing comes.
pub fn last(all: &Accumulation) -> Epoch {
    Epoch(all.clocks.len().saturating_sub(1) as u64)
}
