//! What an epoch touches, object by object, without copying what lies together in its batches already.

use crate::flow::Batch;
use crate::history::Place;
use crate::membership::ContextRow;
use crate::objects::each;
use differential_dataflow::consolidation::consolidate;
use skydiff_schemas::{Kind, Measurement, ObjectId, Pixel, SourceId};
use std::borrow::Cow;
use std::ops::Range;

/// What touches one object.
pub(crate) struct Touch<'a> {
    /// Which.
    pub(crate) object: ObjectId,
    /// Its rows that came and went, net and in order.
    pub(crate) rows: Cow<'a, [(Measurement, isize)]>,
    /// Where those lie that came.
    pub(crate) pixel: Option<Pixel>,
    /// Its contexts that came and went, likewise.
    pub(crate) contexts: Cow<'a, [(ContextRow, isize)]>,
    /// Sources that came from another object.
    pub(crate) joined: Vec<(Kind, SourceId)>,
}

/// A run of something of one object.
enum Part {
    Rows(Option<Pixel>, Range<usize>),
    Contexts(Range<usize>),
    Joined(Kind, SourceId),
}

/// What touches objects in an epoch.
#[derive(Default)]
pub(crate) struct Touches {
    rows: Vec<(Measurement, isize)>,
    contexts: Vec<(ContextRow, isize)>,
    /// In order of their objects.
    parts: Vec<(ObjectId, Part)>,
}

impl Touches {
    /// Of an epoch's batches, and of what joined objects in it.
    pub(crate) fn new(
        batches: &[Batch<Place, Measurement>],
        notes: &[Batch<ObjectId, ContextRow>],
        names: Vec<(ObjectId, Kind, SourceId)>,
    ) -> Touches {
        let mut all = Touches::default();
        for batch in batches {
            let mut last = None;
            each(batch, |place, row, net| {
                let (pixel, object) = *place;
                if last.replace(*place) != Some(*place) {
                    all.parts.push((object, Part::Rows(None, all.rows.len()..all.rows.len())));
                }
                all.rows.push((*row, net));
                if let Some((_, Part::Rows(at, range))) = all.parts.last_mut() {
                    range.end += 1;
                    *at = at.or((net > 0).then_some(pixel));
                }
            });
        }
        for batch in notes {
            let mut last = None;
            each(batch, |object, row, net| {
                if last.replace(*object) != Some(*object) {
                    all.parts.push((*object, Part::Contexts(all.contexts.len()..all.contexts.len())));
                }
                all.contexts.push((*row, net));
                if let Some((_, Part::Contexts(range))) = all.parts.last_mut() {
                    range.end += 1;
                }
            });
        }
        all.parts.extend(names.into_iter().map(|(object, kind, id)| (object, Part::Joined(kind, id))));
        all.parts.sort_by_key(|(object, _)| *object);
        all
    }

    /// Whether an object is touched.
    pub(crate) fn has(&self, object: &ObjectId) -> bool {
        self.parts.binary_search_by_key(object, |(object, _)| *object).is_ok()
    }

    /// Each object that is, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Touch<'_>> {
        self.parts.chunk_by(|a, b| a.0 == b.0).map(|parts| {
            let object = parts[0].0;
            let (rows, contexts) = (Cow::Borrowed(&[][..]), Cow::Borrowed(&[][..]));
            let mut touch = Touch { object, rows, pixel: None, contexts, joined: Vec::new() };
            for (_, part) in parts {
                match part {
                    Part::Rows(pixel, range) => {
                        touch.pixel = pixel.or(touch.pixel);
                        add(&mut touch.rows, self.rows.get(range.clone()).unwrap_or_default());
                    }
                    Part::Contexts(range) => {
                        add(&mut touch.contexts, self.contexts.get(range.clone()).unwrap_or_default());
                    }
                    Part::Joined(kind, id) => touch.joined.push((*kind, *id)),
                }
            }
            touch
        })
    }
}

/// A run is net and in order; two of them are brought to it, as of an object that moved.
fn add<'a, D: Ord + Clone>(all: &mut Cow<'a, [(D, isize)]>, run: &'a [(D, isize)]) {
    if all.is_empty() {
        *all = Cow::Borrowed(run);
        return;
    }
    let all = all.to_mut();
    all.extend_from_slice(run);
    consolidate(all);
}
