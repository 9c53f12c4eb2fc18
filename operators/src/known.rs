//! At the object's worker: drops the rows that are known already and do not win.
//!
//! Every packet repeats its object's history, so nearly all rows end here, at the cost of one
//! comparison of versions. What passes is, per identity and epoch, the best copy offered, if its
//! version is not below the best this object was ever offered. Rows whose id belongs to the object
//! go to its history at once; the others, and context columns, go to the owner of the source id.
//!
//! State: 24 bytes for each identity that each object was offered.

use crate::flow::{Stash, passed};
use crate::history::{Against, Order};
use crate::membership::Claim;
use crate::route::{by_object, by_source};
use crate::stamp::{Stamp, Tagged};
use crate::tally::Tallies;
use crate::{Counter, Epoch, Kept, KeptRows, Offer, Tally};
use rustc_hash::FxHashMap;
use skydiff_schemas::{Kind, Measurement, ObjectId, Row, SourceId};
use timely::container::CapacityContainerBuilder;
use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::generic::{OutputBuilder, builder_rc::OperatorBuilder};

/// Room for so many rows is kept from one epoch to the next.
const KEEP: usize = 1 << 16;

/// What passes.
pub struct Passed<'scope> {
    /// To the history of the same worker's objects.
    pub orders: StreamVec<'scope, Epoch, Order>,
    /// To the owners of source ids.
    pub claims: StreamVec<'scope, Epoch, Claim>,
    /// Both as the objects were offered them: all that an archive has to keep.
    pub offered: StreamVec<'scope, Epoch, (ObjectId, Row)>,
    /// Rows received and rows dropped.
    pub tallies: StreamVec<'scope, Epoch, Tally>,
}

/// The best version that an object was offered of each identity: sorted, and grown by a quarter, because there are many.
#[derive(Default)]
struct Known(Vec<(SourceId, Tagged)>);

impl Known {
    /// Makes room for so many, if they are the first: a history that comes at once grows in one step.
    fn expect(&mut self, rows: usize) {
        if self.0.is_empty() {
            self.0.reserve_exact(rows);
        }
    }

    /// What a copy that may win is up against; remembers it.
    fn offer(&mut self, kind: Kind, id: SourceId, stamp: Stamp) -> Option<Against> {
        match self.0.binary_search_by_key(&(id, kind as u64), |(id, known)| (*id, known.kind())) {
            Ok(at) if self.0[at].1.stamp() > stamp => None,
            Ok(at) => {
                let against = if self.0[at].1.stamp() < stamp { Against::Lesser } else { Against::Equal };
                self.0[at].1 = stamp.tagged(kind);
                Some(against)
            }
            Err(at) => {
                if self.0.len() == self.0.capacity() {
                    self.0.reserve_exact(self.0.len() / 4 + 4);
                }
                self.0.insert(at, (id, stamp.tagged(kind)));
                Some(Against::Nothing)
            }
        }
    }
}

/// Routes offers, and what an archive kept of earlier ones, to their objects' workers and lets pass what may change something.
///
/// What passes before the epoch `since` is not offered to an archive: it was.
pub fn known<'scope>(
    offers: StreamVec<'scope, Epoch, Offer>,
    kept: StreamVec<'scope, Epoch, KeptRows>,
    since: Epoch,
) -> Passed<'scope> {
    let mut builder = OperatorBuilder::new("Known".to_owned(), offers.scope());
    let mut input = builder.new_input(offers, Exchange::new(|offer: &Offer| by_object(&offer.object)));
    let mut kept = builder.new_input(kept, Exchange::new(|kept: &KeptRows| kept.worker));
    let (orders, order_stream) = builder.new_output();
    let (claims, claim_stream) = builder.new_output();
    let (offered, offered_stream) = builder.new_output();
    let (tallies, tally_stream) = builder.new_output();
    let mut orders = OutputBuilder::<_, CapacityContainerBuilder<Vec<Order>>>::from(orders);
    let mut claims = OutputBuilder::<_, CapacityContainerBuilder<Vec<Claim>>>::from(claims);
    let mut offered = OutputBuilder::<_, CapacityContainerBuilder<Vec<(ObjectId, Row)>>>::from(offered);
    let mut tallies = OutputBuilder::<_, CapacityContainerBuilder<Vec<Tally>>>::from(tallies);
    builder.build(move |_| {
        let (mut stash, mut stored) = (Stash::<Offer>::default(), Stash::<KeptRows>::default());
        let mut objects: FxHashMap<ObjectId, Known> = FxHashMap::default();
        let (mut rows, mut counts) = (Vec::<(ObjectId, Row)>::new(), Tallies::default());
        let mut names = Vec::<(ObjectId, SourceId, Kind, u32)>::new();
        move |frontiers| {
            let (mut orders, mut claims) = (orders.activate(), claims.activate());
            let (mut offered, mut tallies) = (offered.activate(), tallies.activate());
            input.for_each(|capability, offers| stash.put(&capability, &[0, 1, 2, 3], offers));
            kept.for_each(|capability, kept| stored.put(&capability, &[0, 1, 2, 3], kept));
            while let Some(epoch) = stash.first().into_iter().chain(stored.first()).min()
                && frontiers.iter().all(|frontier| passed(frontier, epoch))
            {
                let (by_offers, mut offers) = stash.take(epoch).unwrap_or_default();
                let (by_kept, kept) = stored.take(epoch).unwrap_or_default();
                let capabilities = if by_offers.is_empty() { by_kept } else { by_offers };
                let (mut orders, mut claims) = (orders.session(&capabilities[0]), claims.session(&capabilities[1]));
                let mut offered = offered.session(&capabilities[2]);
                for kept in kept.into_iter().flat_map(|share| share.rows) {
                    match kept {
                        Kept::Row(object, row) => {
                            counts.add(object.survey, Counter::Rows, 1);
                            counts.add(object.survey, Counter::Known, 1);
                            rows.push((object, row));
                        }
                        Kept::Context(object, context) => claims.give(Claim::kept(object, context)),
                    }
                }
                for offer in offers.drain(..) {
                    counts.add(offer.object.survey, Counter::Rows, offer.rows.len() as i64);
                    counts.add(offer.object.survey, Counter::Known, offer.rows.len() as i64);
                    let version = offer.rows.first().map(|row| row.version);
                    rows.extend(offer.rows.iter().map(|row| (offer.object, *row)));
                    if let Some(version) = version {
                        claims.give(Claim::context(&offer, version));
                    }
                }
                // Names are sorted, not rows: these are long, and a start puts all that is kept at once.
                names.extend((0_u32..).zip(&rows).map(|(at, (object, row))| {
                    let Measurement { id, kind, .. } = row.measurement;
                    (*object, id, kind, at)
                }));
                names.sort_unstable();
                for of_object in names.chunk_by(|a, b| a.0 == b.0) {
                    let object = of_object[0].0;
                    let known = objects.entry(object).or_default();
                    known.expect(of_object.len());
                    for copies in of_object.chunk_by(|a, b| (a.1, a.2) == (b.1, b.2)) {
                        let copies = copies.iter().filter_map(|(.., at)| rows.get(*at as usize));
                        // The best copy alone is held against what is known.
                        let best = copies.map(|(_, row)| row).max_by_key(|row| (row.version, row.measurement));
                        let Some(row) = best.copied() else { continue };
                        let (kind, id) = (row.measurement.kind, row.measurement.id);
                        let Some(against) = known.offer(kind, id, Stamp::new(&row.version)) else { continue };
                        // What passes is counted where it is decided.
                        counts.add(object.survey, Counter::Known, -1);
                        if epoch >= since {
                            offered.give((object, row));
                        }
                        match row.global {
                            true => claims.give(Claim::row(object, row)),
                            false => orders.give(Order::Put { object, measurement: row.measurement, against }),
                        }
                    }
                }
                // What held a whole archive once is not kept for an epoch's few.
                rows.clear();
                rows.shrink_to(KEEP);
                names.clear();
                names.shrink_to(KEEP);
                tallies.session(&capabilities[3]).give_iterator(counts.drain());
            }
        }
    });
    Passed { orders: order_stream, claims: claim_stream, offered: offered_stream, tallies: tally_stream }
}

/// Where a claim is decided.
pub(crate) fn claim_owner(claim: &Claim) -> u64 {
    by_source(claim.object.survey, claim.kind, claim.id)
}
