//! Where each partition is read on: pure decisions over what is bound and what Kafka still holds.

use super::settings::Start;
use crate::flow::feed::Binding;
use crate::source::Range;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A partition of a topic, as bundles are named.
pub type Partition = (String, i32);

/// What Kafka holds of a partition: the first offset, and the one behind the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// The oldest that is there.
    pub low: u64,
    /// That of the next message.
    pub high: u64,
}

/// What to do with a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// Read from here on.
    At(u64),
    /// It must be looked up which offset a time has.
    Look,
    /// Messages that were to be read are gone: from the first of these offsets to before the second.
    Gap(u64, u64),
    /// Less is there than was read: the topic is another one of the same name. What was read, what is there.
    Short(u64, u64),
}

/// The offsets behind everything that is bound.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<(Partition, u64)>", into = "Vec<(Partition, u64)>")]
pub struct Positions(BTreeMap<Partition, u64>);

impl From<Vec<(Partition, u64)>> for Positions {
    fn from(positions: Vec<(Partition, u64)>) -> Positions {
        Positions(positions.into_iter().collect())
    }
}

impl From<Positions> for Vec<(Partition, u64)> {
    fn from(positions: Positions) -> Vec<(Partition, u64)> {
        positions.0.into_iter().collect()
    }
}

impl Positions {
    /// By bindings, in their order.
    pub fn of<'a>(bindings: impl IntoIterator<Item = &'a Binding>) -> Positions {
        Positions::default().then(bindings)
    }

    /// With what was bound then.
    pub fn then<'a>(mut self, bindings: impl IntoIterator<Item = &'a Binding>) -> Positions {
        for range in bindings.into_iter().flat_map(|binding| &binding.marks.ranges) {
            self.pass(range);
        }
        self
    }

    /// An epoch has this.
    pub fn pass(&mut self, range: &Range) {
        self.0.insert((range.topic.clone(), range.partition), range.to);
    }

    /// Each partition with its position.
    pub fn iter(&self) -> impl Iterator<Item = (&Partition, u64)> {
        self.0.iter().map(|(partition, position)| (partition, *position))
    }

    /// Where a partition is begun that is met. One that appears while others are known is new: nothing of it is left out.
    pub fn begin(&self, partition: &Partition, held: Held, start: Start) -> Begin {
        if let Some(position) = self.0.get(partition) {
            return match *position {
                position if position < held.low => Begin::Gap(position, held.low),
                position if position > held.high => Begin::Short(position, held.high),
                position => Begin::At(position),
            };
        }
        match start {
            _ if !self.0.is_empty() => Begin::At(held.low),
            Start::Earliest => Begin::At(held.low),
            Start::Latest => Begin::At(held.high),
            Start::Offset(offset) => Begin::At(offset.clamp(held.low, held.high)),
            Start::Time(_) => Begin::Look,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use skydiff_schemas::MicroDays;

    #[test]
    fn where_partitions_are_begun() {
        let held = Held { low: 10, high: 50 };
        let at = |partition: i32| ("ztf".to_owned(), partition);
        let none = Positions::default();
        for (start, expected) in [
            (Start::Earliest, Begin::At(10)),
            (Start::Latest, Begin::At(50)),
            (Start::Offset(3), Begin::At(10)),
            (Start::Offset(30), Begin::At(30)),
            (Start::Offset(99), Begin::At(50)),
            (Start::Time(MicroDays(0)), Begin::Look),
        ] {
            assert_eq!(none.begin(&at(0), held, start), expected, "{start:?}");
        }
        let mut known = Positions::default();
        for (partition, to) in [(0, 10), (1, 50), (2, 9), (3, 51)] {
            known.pass(&Range { topic: "ztf".into(), partition, from: 0, to, gap: 0 });
        }
        let begin = |partition| known.begin(&at(partition), held, Start::Latest);
        assert_eq!(
            [0, 1, 2, 3, 4].map(begin),
            [Begin::At(10), Begin::At(50), Begin::Gap(9, 10), Begin::Short(51, 50), Begin::At(10)]
        );
    }
}
