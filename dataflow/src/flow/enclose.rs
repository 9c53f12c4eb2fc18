//! Packets to the records that they caused, on the worker that has the lane: where a sink redistributes them.
//!
//! Which packet a record carries is a function of the packets that were bound to its epoch: not of their order, of workers, or
//! of whether they are live or recalled. So what is sent once more is what was sent.

use crate::archive::dataset::PacketRow;
use crate::flow::tell::Told;
use crate::kafka::enclosure::{Packer, Parcel, is_caused};
use skydiff_operators::flow::{Stash, passed};
use skydiff_operators::{Epoch, lane};
use skydiff_schemas::ObjectId;
use skydiff_schemas::record::Enclosed;
use std::collections::BTreeMap;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::{Exchange, Pipeline};
use timely::dataflow::operators::Operator;

/// Gives the records of epochs from `since` on their packets.
pub fn enclose<'s>(
    told: StreamVec<'s, Epoch, Told>,
    packets: StreamVec<'s, Epoch, PacketRow>,
    since: Epoch,
    lanes: u32,
    mut packer: Packer,
) -> StreamVec<'s, Epoch, Told> {
    let packed = packets.unary::<CapacityContainerBuilder<Vec<Parcel>>, _, _, _>(Pipeline, "Pack", |_, _| {
        move |input, output| {
            input.for_each(|capability, rows| {
                if *capability.time() >= since {
                    let mut session = output.session(&capability);
                    rows.iter().for_each(|row| packer.pack(row, &mut |parcel| session.give(parcel)));
                }
            });
        }
    });
    let route = Exchange::new(move |parcel: &Parcel| u64::from(lane(&parcel.object, lanes)));
    told.binary_frontier::<_, CapacityContainerBuilder<Vec<Told>>, _, _, _, _>(
        packed,
        Pipeline,
        route,
        "Enclose",
        |_, _| {
            let (mut told, mut parcels) = (Stash::<Told>::default(), Stash::<Parcel>::default());
            move |(tells, tell_frontier), (packets, packet_frontier), output| {
                tells.for_each(|capability, data| told.put(&capability, &[0], data));
                packets.for_each(|capability, data| parcels.put(&capability, &[], data));
                let frontiers = [tell_frontier, packet_frontier];
                while let Some((epoch, capabilities, lanes)) = told.take_complete(&frontiers) {
                    let mut latest = latest(parcels.take(epoch).map_or(Vec::new(), |(_, parcels)| parcels));
                    let mut session = output.session(&capabilities[0]);
                    for mut lane in lanes {
                        for encoded in lane.records.iter_mut().filter(|encoded| is_caused(&encoded.record)) {
                            encoded.packet = latest.remove(&encoded.object).map(Box::new);
                        }
                        session.give(lane);
                    }
                }
                // In what else is complete nothing was told.
                while let Some(epoch) = parcels.first().filter(|first| frontiers.iter().all(|of| passed(of, *first))) {
                    parcels.take(epoch);
                }
            }
        },
    )
}

/// The packet of each object that is carried.
fn latest(parcels: Vec<Parcel>) -> BTreeMap<ObjectId, Enclosed> {
    let mut latest = BTreeMap::<ObjectId, Parcel>::new();
    for parcel in parcels {
        if latest.get(&parcel.object).is_none_or(|known| known.order() < parcel.order()) {
            latest.insert(parcel.object, parcel);
        }
    }
    latest.into_iter().map(|(object, parcel)| (object, parcel.packet)).collect()
}
