//! One consistent set of differences for each epoch, in a total order: what a consumer can be told of, once.
//!
//! Changes go to *lanes* by their object, a fixed number of them whatever the number of workers, so that an object's order
//! can be observed and a job can be run by more workers tomorrow. Once an epoch is complete, each lane that has changes is
//! given out whole, ordered by object. Epoch, lane and place in it name a change for ever.

use crate::flow::Stash;
use crate::route::by_object;
use crate::{Change, Epoch};
use serde::{Deserialize, Serialize};
use skydiff_schemas::ObjectId;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::Operator;

/// The changes of an epoch in one lane.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sealed {
    /// Which epoch.
    pub epoch: Epoch,
    /// Which lane.
    pub lane: u32,
    /// In order of their objects; one for each.
    pub changes: Vec<Change>,
}

/// The lane of an object.
pub fn lane(object: &ObjectId, lanes: u32) -> u32 {
    (by_object(object) % u64::from(lanes.max(1))) as u32
}

/// Seals changes into `lanes` lanes; lane `n` is with worker `n` modulo their number.
pub fn seal<'s>(changes: StreamVec<'s, Epoch, Change>, lanes: u32) -> StreamVec<'s, Epoch, Sealed> {
    let route = Exchange::new(move |change: &Change| u64::from(lane(&change.object, lanes)));
    changes.unary_frontier::<CapacityContainerBuilder<Vec<Sealed>>, _, _, _>(route, "Seal", |_, _| {
        let mut stash = Stash::default();
        move |(input, frontier), output| {
            input.for_each(|capability, changes| stash.put(&capability, &[0], changes));
            while let Some((epoch, capabilities, changes)) = stash.take_complete(&[frontier]) {
                output.session(&capabilities[0]).give_iterator(in_lanes(epoch, changes, lanes).into_iter());
            }
        }
    })
}

fn in_lanes(epoch: Epoch, mut changes: Vec<Change>, lanes: u32) -> Vec<Sealed> {
    changes.sort_by_cached_key(|change| (lane(&change.object, lanes), change.object));
    let mut sealed = Vec::<Sealed>::new();
    for change in changes {
        let lane = lane(&change.object, lanes);
        match sealed.last_mut().filter(|last| last.lane == lane) {
            Some(last) => last.changes.push(change),
            None => sealed.push(Sealed { epoch, lane, changes: vec![change] }),
        }
    }
    sealed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Said;
    use skydiff_schemas::{ObjectClass, SurveyId};
    use std::sync::mpsc::channel;
    use timely::dataflow::operators::{Input, Inspect, Probe};

    fn change(id: u64) -> Change {
        let object = ObjectId { survey: SurveyId(0), class: ObjectClass::Sidereal, id };
        Change {
            object,
            before: Said::default(),
            said: Said::default(),
            features: true,
            after: None,
            causes: Vec::new(),
        }
    }

    /// (epoch, lane, objects) of everything sealed, sorted; changes are fed in by `feed` with a stride.
    fn sealed(workers: usize, stride: u64) -> Vec<(u64, u32, Vec<u64>)> {
        let (send, receive) = channel();
        let send = std::sync::Mutex::new(send);
        let guards = timely::execute(timely::Config::process(workers), move |worker| {
            let send = send.lock().unwrap().clone();
            let (mut input, probe) = worker.dataflow::<Epoch, _, _>(|scope| {
                let (input, changes) = scope.new_input::<Vec<Change>>();
                let told = seal(changes, 4).inspect(move |sealed| send.send(sealed.clone()).unwrap());
                (input, told.probe().0)
            });
            for epoch in 0..3 {
                for n in 0..97u64 {
                    let id = n * stride % 97;
                    if id as usize % worker.peers() == worker.index() {
                        input.send(change(id * 1000 + epoch));
                    }
                }
                input.advance_to(Epoch(epoch + 1));
                while probe.less_than(input.time()) {
                    worker.step();
                }
            }
        });
        guards.unwrap().join().into_iter().for_each(|result| result.unwrap());
        let told =
            receive.into_iter().map(|s: Sealed| (s.epoch.0, s.lane, s.changes.iter().map(|c| c.object.id).collect()));
        let mut told: Vec<(u64, u32, Vec<u64>)> = told.collect();
        told.sort();
        told
    }

    #[test]
    fn every_change_once_in_an_order_of_its_own() {
        let one = sealed(1, 1);
        assert_eq!(one.len(), 12, "three epochs of four lanes, each whole");
        assert_eq!(one.iter().map(|(_, _, objects)| objects.len()).sum::<usize>(), 3 * 97);
        assert!(one.iter().all(|(epoch, _, ids)| ids.is_sorted() && ids.iter().all(|id| id % 1000 == *epoch)));
        assert_eq!(one, sealed(3, 1));
        assert_eq!(one, sealed(2, 35));
    }

    #[test]
    fn lanes_are_all_used() {
        let mut seen = [0; 16];
        (0..1600).for_each(|id| seen[lane(&change(id).object, 16) as usize] += 1);
        assert!(seen.iter().all(|count| (60..140).contains(count)), "{seen:?}");
    }
}
