//! A lane of a process, as `kafka::lane` works: it fences, reads how far it is, says that it is there, and publishes.

use super::super::{Generation, Progress};
use super::Order;
use super::world::World;
use skydiff_operators::Epoch;

/// What the brokers hold of a lane.
#[derive(Default)]
pub(super) struct Topic {
    /// Who may commit: greater than all before.
    pub(super) fence: u64,
    pub(super) progress: Option<Progress>,
    /// Of whom the progress is.
    generation: Generation,
    pub(super) told: Vec<(Epoch, u64)>,
}

/// What is known of a lane before it is opened.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) said: Option<Progress>,
    /// Where the job begins to publish, and a lane that was never written.
    pub(super) from: Epoch,
    /// The first epoch that was not bound.
    pub(super) live: Epoch,
    pub(super) generation: Generation,
}

#[derive(Clone, Copy)]
enum At {
    Fence,
    Read,
    Birth,
    Open,
    /// Records are committed, and progress is not.
    Told(Epoch),
}

#[derive(Clone)]
pub(super) struct Lane {
    at: At,
    place: Place,
    fence: u64,
    progress: Progress,
}

impl Lane {
    pub(super) fn new(place: Place) -> Lane {
        Lane { at: At::Fence, fence: 0, progress: Progress::Born(place.from), place }
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.at, At::Open | At::Told(_))
    }

    /// The epochs up to `last` that it has not published.
    pub(super) fn lacks(&self, last: Option<Epoch>) -> impl Iterator<Item = Epoch> + use<> {
        let end = last.map_or(0, |last| last.next().0);
        (self.progress.lacks().0..end).map(Epoch)
    }

    /// Does one thing; `told` is what it has to say of what it lacks. `false` when its process must end.
    pub(super) fn step(
        &mut self,
        world: &mut World,
        number: usize,
        last: Option<Epoch>,
        told: Vec<(Epoch, u64)>,
    ) -> bool {
        let order = world.order;
        let topic = &mut world.lanes[number];
        let is_fenced = topic.fence != self.fence;
        match self.at {
            At::Fence => {
                topic.fence += 1;
                (self.fence, self.at) = (topic.fence, At::Read);
            }
            At::Read => {
                let said = if order == Order::ProgressBeforeFence { self.place.said } else { topic.progress };
                if topic.generation > self.place.generation {
                    return false;
                }
                self.progress = said.unwrap_or(self.progress);
                let lacks = self.progress.lacks();
                // Others went on, or began, before they were fenced: the next start knows of it.
                if said.is_some() && (lacks > self.place.live || lacks < self.place.from) {
                    return false;
                }
                self.at = At::Birth;
            }
            _ if is_fenced => return false,
            At::Birth => {
                topic.progress = Some(self.progress);
                topic.generation = self.place.generation;
                self.at = At::Open;
            }
            At::Open => {
                let Some(last) = last.filter(|last| *last >= self.progress.lacks()) else { return true };
                topic.told.extend(told);
                self.progress = Progress::Through(last);
                if order == Order::SeparateProgress {
                    self.at = At::Told(last);
                } else {
                    topic.progress = Some(self.progress);
                }
            }
            At::Told(last) => {
                topic.progress = Some(Progress::Through(last));
                self.at = At::Open;
            }
        }
        true
    }
}
