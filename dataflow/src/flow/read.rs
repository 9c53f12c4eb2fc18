//! Shares of packets to offers and readings: every worker reads its own.

use crate::archive::dataset::PacketRow;
use crate::reading::{Reader, Reading};
use crate::source::Share;
use skydiff_operators::{Epoch, KeptRows, Offer};
use std::collections::VecDeque;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::progress::operate::FrontierInterest;

/// What becomes of shares.
pub struct Read<'s> {
    /// What accepted packets offer.
    pub offers: StreamVec<'s, Epoch, Offer>,
    /// What an archive kept of packets, in their place.
    pub kept: StreamVec<'s, Epoch, KeptRows>,
    /// Each packet as it is archived, if it is.
    pub packets: StreamVec<'s, Epoch, PacketRow>,
    /// What was decided of each packet.
    pub readings: StreamVec<'s, Epoch, Reading>,
}

/// Reads shares one at a time, so that between two of them the worker does what else is to be done: worker 0 feeds the
/// others. Packets are passed on from epoch `archive` on: those before it are archived, if it is there at all.
pub fn read<'s>(shares: StreamVec<'s, Epoch, Share>, mut reader: Reader, archive: Option<Epoch>) -> Read<'s> {
    let scope = shares.scope();
    let mut builder = OperatorBuilder::new("Read".to_owned(), scope);
    let again = scope.activator_for(builder.operator_info().address.clone());
    let mut input = builder.new_input(shares, Exchange::new(|share: &Share| share.number));
    builder.set_notify_for(0, FrontierInterest::Never);
    let (offers, offer_stream) = builder.new_output::<Vec<Offer>>();
    let (kept, kept_stream) = builder.new_output::<Vec<KeptRows>>();
    let (packets, packet_stream) = builder.new_output::<Vec<PacketRow>>();
    let (readings, reading_stream) = builder.new_output::<Vec<Reading>>();
    let mut offers = OutputBuilder::<_, CapacityContainerBuilder<Vec<Offer>>>::from(offers);
    let mut kept = OutputBuilder::<_, CapacityContainerBuilder<Vec<KeptRows>>>::from(kept);
    let mut packets = OutputBuilder::<_, CapacityContainerBuilder<Vec<PacketRow>>>::from(packets);
    let mut readings = OutputBuilder::<_, CapacityContainerBuilder<Vec<Reading>>>::from(readings);
    builder.build(move |_| {
        let mut queue = VecDeque::new();
        move |_| {
            input.for_each(|capability, shares| {
                for share in shares.drain(..) {
                    queue.push_back(([0, 1, 2, 3].map(|port| capability.retain(port)), share));
                }
            });
            if let Some(([offering, keeping, packing, reporting], mut share)) = queue.pop_front() {
                let epoch = *offering.time();
                let mut rows = archive.filter(|first| epoch >= *first).map(|_| Vec::with_capacity(share.parcels.len()));
                let mut offers = offers.activate();
                let mut session = offers.session(&offering);
                let reading = reader.read_and_keep(&share, &mut |offer| session.give(offer), &mut rows);
                drop(session);
                if !share.kept.is_empty() {
                    let rows = std::mem::take(&mut share.kept);
                    kept.activate().session(&keeping).give(KeptRows { worker: share.number, rows });
                }
                if let Some(rows) = rows {
                    let rows = rows.into_iter().map(|row| PacketRow { epoch, ..row });
                    packets.activate().session(&packing).give_iterator(rows);
                }
                readings.activate().session(&reporting).give(reading);
            }
            if !queue.is_empty() {
                again.activate();
            }
        }
    });
    Read { offers: offer_stream, kept: kept_stream, packets: packet_stream, readings: reading_stream }
}
