//! Where a group of epochs ends that is committed together, decided on worker 0 and told to all.
//!
//! A manifest for each epoch would be 10⁵ files a night, and a wait for the store each. A group ends when it is old enough,
//! large enough, or when the source, which may only be so many epochs ahead, would have to wait for it. While two groups are
//! on their way to the store already, age ends none: under load groups grow instead of standing in line.

use crate::flow::clock::Judged;
use serde::{Deserialize, Serialize};
use skydiff_operators::Epoch;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};
use timely::container::CapacityContainerBuilder;
use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::dataflow::operators::vec::Broadcast;
use timely::scheduling::Activator;

/// A group of epochs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its first epoch.
    pub first: Epoch,
    /// Its last one, which is when this is told.
    pub last: Epoch,
}

/// When a group ends.
#[derive(Clone, Copy, Debug)]
pub struct GroupLimits {
    /// At this age …
    pub age: Duration,
    /// … with so many bytes of packets, which are held in memory until then …
    pub bytes: u64,
    /// … or with so many epochs.
    pub epochs: u64,
}

/// Groups that are on their way, on worker 0, where what ends groups and what commits them both are.
#[derive(Clone, Debug, Default)]
pub struct OnTheWay(Rc<RefCell<(usize, Option<Activator>)>>);

impl OnTheWay {
    /// A group is committed.
    pub fn committed(&self) {
        let mut groups = self.0.borrow_mut();
        groups.0 = groups.0.saturating_sub(1);
        groups.1.iter().for_each(Activator::activate);
    }

    fn begin(&self) {
        self.0.borrow_mut().0 += 1;
    }

    fn is_full(&self) -> bool {
        self.0.borrow().0 >= 2
    }
}

/// Groups the epochs from `since` on; those before it are durable.
pub fn group<'s>(
    judged: StreamVec<'s, Epoch, Judged>,
    since: Epoch,
    limits: GroupLimits,
    on_the_way: OnTheWay,
) -> StreamVec<'s, Epoch, Group> {
    let scope = judged.scope();
    let mut builder = OperatorBuilder::new("Group".to_owned(), scope);
    let again = scope.activator_for(builder.operator_info().address.clone());
    on_the_way.0.borrow_mut().1 = Some(scope.activator_for(builder.operator_info().address.clone()));
    let mut input = builder.new_input(judged, Pipeline);
    let (groups, group_stream) = builder.new_output::<Vec<Group>>();
    let mut groups = OutputBuilder::<_, CapacityContainerBuilder<Vec<Group>>>::from(groups);
    builder.build(move |_| {
        let mut open = None;
        move |frontiers| {
            let mut groups = groups.activate();
            input.for_each(|capability, data| {
                for judged in data.drain(..).filter(|judged| judged.binding.epoch >= since) {
                    let epoch = judged.binding.epoch;
                    let (first, begun, bytes, _) = open.take().unwrap_or((epoch, Instant::now(), 0, None));
                    let bytes = bytes + judged.binding.bytes;
                    let capability = capability.retain(0);
                    let full = bytes >= limits.bytes || epoch.0 - first.0 + 1 >= limits.epochs;
                    if full || (begun.elapsed() >= limits.age && !on_the_way.is_full()) {
                        on_the_way.begin();
                        groups.session(&capability).give(Group { first, last: epoch });
                    } else {
                        open = Some((first, begun, bytes, Some(capability)));
                    }
                }
            });
            let over = frontiers[0].is_empty();
            if let Some((first, begun, bytes, Some(capability))) = open.take() {
                let age = begun.elapsed();
                if over || (age >= limits.age && !on_the_way.is_full()) {
                    on_the_way.begin();
                    groups.session(&capability).give(Group { first, last: *capability.time() });
                } else {
                    // One that is old enough waits for those before it, whose commit wakes this up.
                    if age < limits.age {
                        again.activate_after(limits.age - age);
                    }
                    open = Some((first, begun, bytes, Some(capability)));
                }
            }
        }
    });
    group_stream.broadcast()
}
