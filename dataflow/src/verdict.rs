//! Whether a consumer is told of a change, and as what (DESIGN §4.5): a pure function of before and after.

use serde::{Deserialize, Serialize};
use skydiff_operators::{Answer, CauseKind, Change, Said};
use skydiff_schemas::record::{AlertType, Reason};

/// What consumers are told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RecordSettings {
    /// On which changes.
    pub emit: Emit,
    /// Also when time alone ends a state. Off: `valid_until_mjd_tai` has said it.
    pub emit_expiry: bool,
    /// Only `initial` and `subsequent`, for consumers that cannot take a correction. It promises that nothing comes twice, no more.
    pub append_only: bool,
    /// An alert that was received more than this many days after its observation is `archival`.
    pub archival_days: f64,
}

impl Default for RecordSettings {
    fn default() -> Self {
        RecordSettings { emit: Emit::State, emit_expiry: false, append_only: false, archival_days: 1.0 }
    }
}

/// On which changes of an object that stays in the relation a record is due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Emit {
    /// A state is entered or left, or its Z crosses a level.
    #[default]
    State,
    /// Anything, to the last digit of a feature.
    Features,
}

/// What a change is told as; `None` when it is not told. `restated` is the reason where it was not the sky that changed
/// but the job's settings or its code.
///
/// | before → after | told as | told when |
/// |---|---|---|
/// | absent → present | `initial` | always |
/// | present → present, newer good source | `subsequent` | as `emit` says |
/// | present → present, otherwise | `update` | as `emit` says |
/// | present → absent | `retraction` | always |
/// | absent → absent | | never |
///
/// Any of these that time alone would have brought about is `expired`, and told only with `emit_expiry`.
pub fn verdict(change: &Change, settings: &RecordSettings, restated: Option<Reason>) -> Option<(AlertType, Reason)> {
    let (before, after) = (&change.before, &change.said);
    let states = (0..timescales(change)).any(|at| alive(before, at) != alive(after, at));
    let (kind, due) = match (before.is_present(), after.is_present()) {
        (false, false) => return None,
        (false, true) => (AlertType::Initial, true),
        (true, false) => (AlertType::Retraction, true),
        (true, true) => {
            let kind = if after.newest > before.newest { AlertType::Subsequent } else { AlertType::Update };
            (kind, states || (settings.emit == Emit::Features && change.features))
        }
    };
    let told_anyway = settings.emit == Emit::Features && change.features && after.is_present();
    let by_time = change.causes.is_empty() || (states && only_expired(change) && !told_anyway);
    let reason = match restated {
        Some(restated) => restated,
        None if by_time => Reason::Expired,
        None => reason_of(change),
    };
    let appended = matches!(kind, AlertType::Initial | AlertType::Subsequent);
    let wanted = if reason == Reason::Expired { settings.emit_expiry && states } else { due };
    (wanted && (appended || !settings.append_only)).then_some((kind, reason))
}

/// Whether states have ceased to be alive where the clock has passed the end of the window, and nothing else has changed of them.
fn only_expired(change: &Change) -> bool {
    let windows = change.after.as_deref().map_or(&[][..], |answer: &Answer| &answer.windows);
    let ended = |at: usize| {
        let (was, is) = (alive(&change.before, at), alive(&change.said, at));
        was == is || (is.0 == 0 && windows.get(at).is_some_and(|window| !window.alive))
    };
    change.before.newest == change.said.newest && (0..timescales(change)).all(ended)
}

fn timescales(change: &Change) -> usize {
    change.before.alive.len().max(change.said.alive.len())
}

fn alive(said: &Said, at: usize) -> (u16, u32) {
    said.alive.get(at).copied().unwrap_or_default()
}

/// The first of: withdrawn, reassociated, remeasured, new, late. Corrections of what was said go before additions to it, and
/// a packet that brings the night's source and last night's forced photometry is new data.
fn reason_of(change: &Change) -> Reason {
    let rank = |cause: CauseKind| match cause {
        CauseKind::Withdrawn => Reason::Withdrawn,
        CauseKind::Joined | CauseKind::Left => Reason::Reassociated,
        CauseKind::Remeasured => Reason::Remeasured,
        CauseKind::New => Reason::NewData,
        CauseKind::Late => Reason::LateData,
    };
    change.causes.iter().map(|cause| rank(cause.what)).min().unwrap_or(Reason::Expired)
}

#[cfg(test)]
mod tests;
