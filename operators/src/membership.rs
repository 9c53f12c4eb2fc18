//! At the owner of a source id: which object has the source.
//!
//! Membership is decided apart from the value. Of the objects that claim a source, after rank and
//! processing time, the one whose *first* claiming packet is newest has it, so a re-association by
//! the survey stands once its packets say so, and a late copy of an old packet does not undo it.
//! An object that loses a source hands it, with its context, to the one that gains it, in the same epoch.
//!
//! State: 32 bytes and a table's slack for each source id, and a list only for those that several objects claimed.

use crate::flow::Stash;
use crate::history::{Against, Order};
use crate::known::claim_owner;
use crate::stamp::Stamp;
use crate::tally::Tallies;
use crate::{Counter, Epoch, Offer, Tally};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use skydiff_schemas::{Context, Kind, Measurement, MicroDays, ObjectId, Row, SourceId, SurveyId, Version};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::generic::{OutputBuilder, builder_rc::OperatorBuilder};

/// The context columns of one trigger copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ContextRow {
    /// Time of the trigger.
    pub time: MicroDays,
    /// The triggering source.
    pub source: SourceId,
    /// Which copy this is; the greatest stands.
    pub version: Version,
    /// The columns.
    pub context: Context,
}

/// An object's claim of a source: a copy of the source, or the context that came with it as a trigger.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Claim {
    pub(crate) object: ObjectId,
    pub(crate) kind: Kind,
    pub(crate) id: SourceId,
    copy: Copy,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Copy {
    Row(Version, Measurement),
    Context(Box<ContextRow>),
}

impl Claim {
    /// By a row.
    pub fn row(object: ObjectId, row: Row) -> Claim {
        let Measurement { kind, id, .. } = row.measurement;
        Claim { object, kind, id, copy: Copy::Row(row.version, row.measurement) }
    }

    /// By a context that an archive kept.
    pub fn kept(object: ObjectId, context: Box<ContextRow>) -> Claim {
        Claim { object, kind: Kind::Source, id: context.source, copy: Copy::Context(context) }
    }

    /// By the trigger of a packet, for its context.
    pub fn context(offer: &Offer, version: Version) -> Claim {
        let context = ContextRow { time: offer.time, source: offer.trigger, version, context: offer.context };
        Claim { object: offer.object, kind: Kind::Source, id: offer.trigger, copy: Copy::Context(Box::new(context)) }
    }
}

/// The best version of a source so far, which may have come in another object's packet, and who has it.
#[derive(Clone, Copy)]
struct Source {
    best: Stamp,
    owner: u32,
    /// Whether it was a trigger of some packet.
    noted: bool,
}

type Identity = (SurveyId, Kind, SourceId);

#[derive(Default)]
struct Owners {
    /// One table for each survey and kind, so that an entry is 32 bytes.
    sources: BTreeMap<(SurveyId, Kind), FxHashMap<SourceId, Source>>,
    /// Each claimant's best, once there are two.
    contested: FxHashMap<Identity, Vec<(u32, Stamp)>>,
    objects: Vec<ObjectId>,
    numbers: FxHashMap<ObjectId, u32>,
}

impl Owners {
    fn number(&mut self, object: ObjectId) -> u32 {
        *self.numbers.entry(object).or_insert_with(|| {
            self.objects.push(object);
            self.objects.len() as u32 - 1
        })
    }

    /// Takes an object's claim; answers what was known of the source before, if anything.
    fn claim(&mut self, (survey, kind, id): Identity, object: ObjectId, stamp: Stamp) -> Option<Source> {
        let claimant = self.number(object);
        let sources = self.sources.entry((survey, kind)).or_default();
        let Some(source) = sources.get_mut(&id) else {
            sources.insert(id, Source { best: stamp, owner: claimant, noted: false });
            return None;
        };
        let before = *source;
        source.best = source.best.max(stamp);
        if before.owner == claimant && !self.contested.contains_key(&(survey, kind, id)) {
            return Some(before);
        }
        // Until now the only claimant's best was the best of all.
        let claims = self.contested.entry((survey, kind, id)).or_insert_with(|| vec![(before.owner, before.best)]);
        match claims.iter_mut().find(|(known, _)| *known == claimant) {
            Some((_, claimed)) => *claimed = stamp.max(*claimed),
            None => claims.push((claimant, stamp)),
        }
        let first = |(owner, stamp): &&(u32, Stamp)| (stamp.standing(), stamp.packet(), self.objects[*owner as usize]);
        source.owner = claims.iter().max_by_key(first).map_or(claimant, |(owner, _)| *owner);
        Some(before)
    }

    fn source(&mut self, (survey, kind, id): Identity) -> Option<&mut Source> {
        self.sources.get_mut(&(survey, kind))?.get_mut(&id)
    }
}

/// Decides claims and orders histories to put, hand over and note context.
pub fn membership<'scope>(
    claims: StreamVec<'scope, Epoch, Claim>,
) -> (StreamVec<'scope, Epoch, Order>, StreamVec<'scope, Epoch, Tally>) {
    let mut builder = OperatorBuilder::new("Membership".to_owned(), claims.scope());
    let mut input = builder.new_input(claims, Exchange::new(claim_owner));
    let (orders, order_stream) = builder.new_output();
    let (tallies, tally_stream) = builder.new_output();
    let mut orders = OutputBuilder::<_, CapacityContainerBuilder<Vec<Order>>>::from(orders);
    let mut tallies = OutputBuilder::<_, CapacityContainerBuilder<Vec<Tally>>>::from(tallies);
    builder.build(move |_| {
        let mut stash = Stash::default();
        let (mut owners, mut counts) = (Owners::default(), Tallies::default());
        move |frontiers| {
            let (mut orders, mut tallies) = (orders.activate(), tallies.activate());
            input.for_each(|capability, claims| stash.put(&capability, &[0, 1], claims));
            while let Some((_, capabilities, claims)) = stash.take_complete(&[&frontiers[0]]) {
                let mut orders = orders.session(&capabilities[0]);
                // Names are sorted, not claims, which are long.
                let name = |(at, claim): (u32, &Claim)| (claim.object.survey, claim.kind, claim.id, at);
                let mut names: Vec<_> = (0_u32..).zip(&claims).map(name).collect();
                names.sort_unstable();
                for source in names.chunk_by(|a, b| (a.0, a.1, a.2) == (b.0, b.1, b.2)) {
                    let of_source = || source.iter().filter_map(|(.., at)| claims.get(*at as usize));
                    let (survey, kind, id, _) = source[0];
                    let (known, repeated) =
                        decide(&mut owners, (survey, kind, id), of_source, |order| orders.give(order));
                    counts.add(survey, Counter::Known, known);
                    counts.add(survey, Counter::Repeated, repeated);
                }
                tallies.session(&capabilities[1]).give_iterator(counts.drain());
            }
        }
    });
    (order_stream, tally_stream)
}

/// All claims of one source in one epoch. Answers how many rows changed no value, and how many packets had a trigger that
/// one before them had had.
fn decide<'a, C: Iterator<Item = &'a Claim>>(
    owners: &mut Owners,
    identity: Identity,
    claims: impl Fn() -> C,
    mut order: impl FnMut(Order),
) -> (i64, i64) {
    let (mut before, mut rows, mut best) = (None, 0, None::<(Version, Measurement)>);
    for claim in claims() {
        if let Copy::Row(version, measurement) = claim.copy {
            let was = owners.claim(identity, claim.object, Stamp::new(&version));
            if rows == 0 {
                before = was;
            }
            rows += 1;
            best = best.max(Some((version, measurement)));
        }
    }
    // A trigger is the first row of its own packet, so a context without any claim by a row cannot be; it would have no history to be in.
    let Some(source) = owners.source(identity) else { return (rows, 0) };
    let (owner, mut first) = (source.owner, !source.noted);
    source.noted |= claims().any(|claim| matches!(claim.copy, Copy::Context(_)));
    let now = owners.objects[owner as usize];
    if let Some(was) = before.filter(|was| was.owner != owner) {
        let was = owners.objects[was.owner as usize];
        order(Order::HandOver { object: was, kind: identity.1, id: identity.2, to: now });
    }
    let standing = before.map(|was| was.best);
    if let Some((version, measurement)) = best {
        let against = match standing.map(|standing| Stamp::new(&version).cmp(&standing)) {
            None => Some(Against::Nothing),
            Some(Ordering::Greater) => Some(Against::Lesser),
            Some(Ordering::Equal) => Some(Against::Equal),
            Some(Ordering::Less) => None,
        };
        if let Some(against) = against {
            order(Order::Put { object: now, measurement, against });
            rows -= 1;
        }
    }
    let mut repeated = 0;
    for claim in claims() {
        if let Copy::Context(context) = &claim.copy {
            repeated += i64::from(!first);
            order(Order::Note { object: now, context: context.clone(), first: std::mem::take(&mut first) });
        }
    }
    (rows, repeated)
}
