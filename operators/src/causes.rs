//! Why an answer changed: what the differences of an object's rows mean.

use crate::membership::ContextRow;
use crate::{Cause, CauseKind};
use skydiff_schemas::{Kind, Measurement, MicroDays, Quality, SourceId};

/// The causes behind the net changes of one object's rows in an epoch, in order.
/// `newest` is the newest good source before it; `joined` says which came from another object.
pub fn causes(
    changes: &[(Measurement, isize)],
    newest: Option<MicroDays>,
    joined: impl Fn(Kind, SourceId) -> bool,
) -> Vec<Cause> {
    let mut rows: Vec<&(Measurement, isize)> = changes.iter().collect();
    // The value that goes comes before the one that replaces it.
    rows.sort_by_key(|(row, net)| (row.kind, row.id, *net));
    let of_identity = rows.chunk_by(|a, b| (a.0.kind, a.0.id) == (b.0.kind, b.0.id));
    let mut causes: Vec<Cause> = of_identity
        .filter_map(|rows| {
            let (row, net) = rows.last()?;
            let what = match () {
                _ if *net < 0 => CauseKind::Left,
                _ if row.quality.has(Quality::WITHDRAWN) => CauseKind::Withdrawn,
                _ if joined(row.kind, row.id) => CauseKind::Joined,
                _ if rows.len() > 1 => CauseKind::Remeasured,
                _ if newest.is_none_or(|newest| row.time > newest) => CauseKind::New,
                _ => CauseKind::Late,
            };
            Some(Cause { what, kind: row.kind, id: row.id, time: row.time })
        })
        .collect();
    causes.sort_unstable();
    causes
}

/// The causes that context columns add: triggers whose source was known already, so that only what came with them is new.
/// That of a withdrawn source says nothing.
pub fn context_causes(changes: &[(ContextRow, isize)], of_rows: &[Cause], withdrawn: &[SourceId]) -> Vec<Cause> {
    let stood =
        |source: SourceId| changes.iter().find(|(row, net)| *net < 0 && row.source == source).map(|(row, _)| row);
    let told = |source: SourceId| of_rows.iter().any(|cause| (cause.kind, cause.id) == (Kind::Source, source));
    let come = changes.iter().filter(|(row, net)| *net > 0 && !told(row.source) && !withdrawn.contains(&row.source));
    come.filter_map(|(row, _)| {
        let what = match stood(row.source) {
            Some(before) if (before.time, before.context) == (row.time, row.context) => return None,
            Some(_) => CauseKind::Remeasured,
            None => CauseKind::Late,
        };
        Some(Cause { what, kind: Kind::Source, id: row.source, time: row.time })
    })
    .collect()
}
