//! Both collections from packets, by the operators that a job runs.

use super::{AlertRow, CatalogueRow, ObjectRow, begin, carry_out, tiles};
use crate::lookup::{Lookup, LookupError};
use skydiff_operators::{Clocks, Epoch, Kept, KeptRows, Offer, Options, transients_with};
use skydiff_schemas::{ObjectId, SourceId};
use std::collections::{BTreeSet, HashSet};
use std::path::Path;
use timely::dataflow::operators::{Input as _, Probe};

/// What was published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// Packets that were read, and how many of them were rejected.
    pub packets: (i64, i64),
    /// Rows of `alerts/`: a packet that came again is one alert.
    pub alerts: u64,
    /// Rows of `objects/`.
    pub objects: u64,
    /// Objects that have no place, or move.
    pub without_place: u64,
}

/// Puts what the packets say in place of what `folder` held.
pub fn publish_packets(lookup: &Lookup, folder: &Path, order: u8) -> Result<Published, String> {
    let (mut offers, mut alerts) = (vec![], vec![]);
    let mut seen: HashSet<(ObjectId, SourceId)> = HashSet::new();
    let read = lookup.read(|offer| {
        if seen.insert((offer.object, offer.trigger)) {
            alerts.extend(AlertRow::of_offer(&offer));
        }
        offers.push(offer);
    });
    let (clocks, packets) = read.map_err(|error| match error {
        LookupError::Settings(error) => error.to_string(),
        LookupError::Archive(why) => why,
        _ => "give the packets as files: standard input cannot be published".into(),
    })?;
    let (objects, without_place) = known(offers, vec![], clocks, lookup.options.clone());
    replace(&folder.join(AlertRow::NAME), order, &alerts)?;
    replace(&folder.join(ObjectRow::NAME), order, &objects)?;
    Ok(Published { packets, alerts: alerts.len() as u64, objects: objects.len() as u64, without_place })
}

fn replace<R: CatalogueRow>(collection: &Path, order: u8, rows: &[R]) -> Result<(), String> {
    let before = begin(collection, order)?;
    let tiles = tiles(rows, before.order).map_err(|error| error.to_string())?;
    let gone: BTreeSet<u64> = before.tiles.iter().map(|tile| tile.pixel).collect();
    let through = before.through.map_or(Epoch(0), Epoch::next);
    let (_, steps) = before.replace::<R>(through, tiles, &gone).map_err(|error| error.to_string())?;
    carry_out(collection, &steps)
}

/// What is known of every object when all offers, and what was kept of others, have come, in one epoch.
pub(super) fn known(offers: Vec<Offer>, kept: Vec<Kept>, clocks: Clocks, options: Options) -> (Vec<ObjectRow>, u64) {
    let timescales = options.timescales.timescales.clone();
    timely::execute_directly(move |worker| {
        let (mut offer_input, mut kept_input, mut clock_input, probe, objects) =
            worker.dataflow::<Epoch, _, _>(|scope| {
                let (offer_input, offers) = scope.new_input::<Vec<Offer>>();
                let (kept_input, kept) = scope.new_input::<Vec<KeptRows>>();
                let (clock_input, clocks) = scope.new_input::<Vec<Clocks>>();
                let out = transients_with(offers, kept, clocks, options);
                (offer_input, kept_input, clock_input, out.changes.probe().0, out.objects)
            });
        offers.into_iter().for_each(|offer| offer_input.send(offer));
        kept_input.send(KeptRows { worker: 0, rows: kept });
        clock_input.send(clocks);
        offer_input.advance_to(Epoch(1));
        kept_input.advance_to(Epoch(1));
        clock_input.advance_to(Epoch(1));
        worker.step_while(|| probe.less_than(&Epoch(1)));
        let (mut rows, mut without_place) = (vec![], 0);
        objects.borrow_mut().for_each(|measurements, answer| match ObjectRow::new(measurements, answer, &timescales) {
            Some(row) => rows.push(row),
            None => without_place += 1,
        });
        (rows, without_place)
    })
}
