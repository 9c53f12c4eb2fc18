//! At the epoch at which other settings take effect: what is told there is how the answers of now differ from those of before.
//!
//! All that is known comes once more at that epoch, under the settings that are new, so that everything seems new to the
//! operators. Here each change gets the state that was told last, and loses its causes: no measurement brought it about. An
//! object that the new settings know nothing of is told once more too.

use skydiff_operators::flow::passed;
use skydiff_operators::{Answer, Change, Counter, Epoch, Said, Tally, stamp};
use skydiff_schemas::ObjectId;
use std::collections::BTreeMap;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;

/// What was told last of this worker's objects, each with the stamp of its whole answer.
pub type Before = BTreeMap<ObjectId, (Said, u128)>;

/// Holds the changes of epoch `at` against what was told before; all others pass. The second stream counts what is added.
pub fn restate<'s>(
    changes: StreamVec<'s, Epoch, Change>,
    at: Epoch,
    mut before: Before,
) -> (StreamVec<'s, Epoch, Change>, StreamVec<'s, Epoch, Tally>) {
    let mut builder = OperatorBuilder::new("Restate".to_owned(), changes.scope());
    let mut input = builder.new_input(changes, Pipeline);
    let (out, out_stream) = builder.new_output::<Vec<Change>>();
    let (tallies, tally_stream) = builder.new_output::<Vec<Tally>>();
    let mut out = OutputBuilder::<_, CapacityContainerBuilder<Vec<Change>>>::from(out);
    let mut tallies = OutputBuilder::<_, CapacityContainerBuilder<Vec<Tally>>>::from(tallies);
    builder.build(move |mut capabilities| {
        capabilities.iter_mut().for_each(|capability| capability.downgrade(&at));
        let mut held = Some(capabilities);
        move |frontiers| {
            let mut out = out.activate();
            input.for_each(|capability, changes| {
                if *capability.time() == at {
                    changes.iter_mut().for_each(|change| hold_against(change, before.remove(&change.object)));
                }
                out.session(&capability).give_container(changes);
            });
            if passed(&frontiers[0], at)
                && let Some(capabilities) = held.take()
            {
                let gone = std::mem::take(&mut before).into_iter().filter_map(vanished);
                let gone: Vec<Change> = gone.collect();
                let tally =
                    |change: &Change| Tally { survey: change.object.survey, counter: Counter::Changes, change: 1 };
                tallies.activate().session(&capabilities[1]).give_iterator(gone.iter().map(tally));
                out.session(&capabilities[0]).give_iterator(gone.into_iter());
            }
        }
    });
    (out_stream, tally_stream)
}

fn hold_against(change: &mut Change, before: Option<(Said, u128)>) {
    let (said, was) = before.unwrap_or_default();
    let is = change.after.as_deref().map_or(0, |answer: &Answer| stamp(answer));
    change.before = said;
    change.features = was != is;
    change.causes.clear();
}

/// What is told of an object of which nothing is known any more; nothing if nothing was told of it.
fn vanished((object, (before, _)): (ObjectId, (Said, u128))) -> Option<Change> {
    let said = Said::default();
    let causes = Vec::new();
    before.is_present().then_some(Change { object, before, said, features: true, after: None, causes })
}
