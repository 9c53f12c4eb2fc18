//! Which copy of a measurement stands, and to which object it belongs (DESIGN §4.1).

use skydiff_operators::{Offer, Trigger};
use skydiff_schemas::{
    Context, Kind, Measurement, MicroDays, ObjectClass, ObjectId, Pixel, Position, Quality, Row, SourceId, SurveyId,
    Version,
};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// What makes two rows copies of one measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Identity {
    OfSurvey(SurveyId, Kind, SourceId),
    OfObject(ObjectId, Kind, SourceId),
}

impl Identity {
    fn of(object: ObjectId, row: &Row) -> Identity {
        let Measurement { kind, id, .. } = row.measurement;
        match row.global {
            true => Identity::OfSurvey(object.survey, kind, id),
            false => Identity::OfObject(object, kind, id),
        }
    }
}

/// One object's claim on a measurement, as it competes with others': the greatest wins.
type Claim = (i16, MicroDays, MicroDays, ObjectId);

/// What stands at an epoch.
#[derive(Debug, Default, PartialEq)]
pub struct Standing {
    /// By object, sorted; withdrawn values included. No object without one.
    pub measurements: BTreeMap<ObjectId, Vec<Measurement>>,
    /// By object: the triggers whose sources stand there and are not withdrawn, in order of (time, id).
    pub triggers: BTreeMap<ObjectId, Vec<Trigger>>,
}

impl Standing {
    pub fn objects(&self) -> impl Iterator<Item = ObjectId> + '_ {
        self.measurements.keys().copied()
    }

    pub fn of(&self, object: ObjectId) -> &[Measurement] {
        self.measurements.get(&object).map_or(&[], Vec::as_slice)
    }

    pub fn triggers_of(&self, object: ObjectId) -> &[Trigger] {
        self.triggers.get(&object).map_or(&[], Vec::as_slice)
    }

    /// Where the object's oldest source lies that has a place and is not withdrawn.
    pub fn position(&self, object: ObjectId) -> Position {
        let placed = |row: &&Measurement| {
            row.kind == Kind::Source && !row.quality.has(Quality::WITHDRAWN) && row.position != Position::UNKNOWN
        };
        let oldest = self.of(object).iter().filter(placed).min_by_key(|row| (row.time, row.id));
        oldest.map_or(Position::UNKNOWN, |row| row.position)
    }

    /// The pixel that indexes it: that of its position, unless it moves.
    pub fn pixel(&self, object: ObjectId) -> Pixel {
        match object.class {
            ObjectClass::SolarSystem => Pixel::NONE,
            ObjectClass::Sidereal => self.position(object).pixel(),
        }
    }
}

/// What stands after these offers, in whatever order they are given.
pub fn standing<'a>(offers: impl Iterator<Item = &'a Offer>) -> Standing {
    let mut copies: BTreeMap<Identity, Vec<(ObjectId, Row)>> = BTreeMap::new();
    let mut contexts: BTreeMap<Identity, Vec<(Version, Context, MicroDays)>> = BTreeMap::new();
    for offer in offers {
        for row in &offer.rows {
            copies.entry(Identity::of(offer.object, row)).or_default().push((offer.object, *row));
        }
        if let Some(first) = offer.rows.first() {
            let source = Identity::OfSurvey(offer.object.survey, Kind::Source, offer.trigger);
            contexts.entry(source).or_default().push((first.version, offer.context, offer.time));
        }
    }

    let mut result = Standing::default();
    for (identity, copies) in &copies {
        let (owner, value) = (owner(copies), value(copies));
        result.measurements.entry(owner).or_default().push(value);
        if value.quality.has(Quality::WITHDRAWN) {
            continue;
        }
        if let Some((_, context, time)) =
            contexts.get(identity).and_then(|contexts| contexts.iter().max_by_key(|copy| rank(copy)))
        {
            let trigger = Trigger { source: value.id, time: *time, context: *context };
            result.triggers.entry(owner).or_default().push(trigger);
        }
    }
    result.measurements.values_mut().for_each(|rows| rows.sort());
    result.triggers.values_mut().for_each(|triggers| triggers.sort_by_key(|trigger| (trigger.time, trigger.source)));
    result
}

/// The greatest version; of copies that are otherwise equal, the one that was received first.
fn rank((version, context, time): &(Version, Context, MicroDays)) -> (Version, MicroDays, Context, Reverse<MicroDays>) {
    (*version, *time, Context { received: MicroDays(0), ..*context }, Reverse(context.received))
}

/// The value of the greatest copy, whichever object's packet carried it.
fn value(copies: &[(ObjectId, Row)]) -> Measurement {
    let greatest = copies.iter().max_by_key(|(_, row)| (row.version, row.measurement));
    greatest.expect("an identity has copies").1.measurement
}

/// After rank and processing time, the object whose *first* claim is newest.
fn owner(copies: &[(ObjectId, Row)]) -> ObjectId {
    let claims = copies.iter().map(|(object, _)| claim(*object, copies));
    claims.max().expect("an identity has copies").3
}

fn claim(object: ObjectId, copies: &[(ObjectId, Row)]) -> Claim {
    let mine = || copies.iter().filter(|(claimant, _)| *claimant == object).map(|(_, row)| row.version);
    let (rank, processed) = mine().map(|version| (version.rank, version.processed)).max().expect("it has a copy");
    let first = mine().filter(|version| (version.rank, version.processed) == (rank, processed));
    let Reverse(first) = first.map(|version| version.packet).max().expect("it has that copy");
    (rank, processed, first, object)
}
