//! Shares of packets to offers and readings: every worker reads its own.

use crate::reading::{Reader, Reading};
use crate::source::Share;
use skydiff_operators::{Epoch, Offer};
use std::collections::VecDeque;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::progress::operate::FrontierInterest;

/// Reads shares one at a time, so that between two of them the worker does what else is to be done: worker 0 feeds the others.
pub fn read<'s>(
    shares: StreamVec<'s, Epoch, Share>,
    mut reader: Reader,
) -> (StreamVec<'s, Epoch, Offer>, StreamVec<'s, Epoch, Reading>) {
    let scope = shares.scope();
    let mut builder = OperatorBuilder::new("Read".to_owned(), scope);
    let again = scope.activator_for(builder.operator_info().address.clone());
    let mut input = builder.new_input(shares, Exchange::new(|share: &Share| share.number));
    builder.set_notify_for(0, FrontierInterest::Never);
    let (offers, offer_stream) = builder.new_output::<Vec<Offer>>();
    let (readings, reading_stream) = builder.new_output::<Vec<Reading>>();
    let mut offers = OutputBuilder::<_, CapacityContainerBuilder<Vec<Offer>>>::from(offers);
    let mut readings = OutputBuilder::<_, CapacityContainerBuilder<Vec<Reading>>>::from(readings);
    builder.build(move |_| {
        let mut queue = VecDeque::new();
        move |_| {
            input.for_each(|capability, shares| {
                for share in shares.drain(..) {
                    queue.push_back((capability.retain(0), capability.retain(1), share));
                }
            });
            if let Some((offering, reporting, share)) = queue.pop_front() {
                let mut offers = offers.activate();
                let mut session = offers.session(&offering);
                let reading = reader.read(&share, &mut |offer| session.give(offer));
                drop(session);
                readings.activate().session(&reporting).give(reading);
            }
            if !queue.is_empty() {
                again.activate();
            }
        }
    });
    (offer_stream, reading_stream)
}
