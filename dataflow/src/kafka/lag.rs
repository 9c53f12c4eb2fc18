//! How far behind a job or a consumer group is: its positions against what the cluster holds.
//!
//! A job's positions are those of its archive's manifests and no others: what is not in one has not been read.

use super::reach::{Cluster, Span};
use crate::archive::open::Archive;
use crate::archive::protocol::Manifest;
use std::collections::BTreeMap;

/// A topic's partition.
pub type Partition = (String, i32);

/// How far a reader is in a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lag {
    /// The topic.
    pub topic: String,
    /// Its partition.
    pub partition: i32,
    /// What it reads next; none where it has read nothing yet.
    pub position: Option<i64>,
    /// What is there.
    pub held: Span,
}

impl Lag {
    /// Offsets that are still to be read.
    pub fn behind(&self) -> u64 {
        let from = self.position.unwrap_or(self.held.low).max(self.held.low);
        u64::try_from(self.held.high - from).unwrap_or(0)
    }

    /// Offsets that were deleted before they were read.
    pub fn gone(&self) -> u64 {
        u64::try_from(self.held.low - self.position.unwrap_or(self.held.low)).unwrap_or(0)
    }
}

/// The positions behind everything that an archive's manifests have bound.
pub fn bound(archive: &Archive) -> BTreeMap<Partition, i64> {
    of_manifests(archive.chain.manifests())
}

fn of_manifests(manifests: &[Manifest]) -> BTreeMap<Partition, i64> {
    let bindings = manifests.iter().flat_map(|manifest| &manifest.epochs).map(|bound| &bound.binding);
    let ranges = bindings.flat_map(|binding| &binding.marks.ranges);
    ranges.map(|range| ((range.topic.clone(), range.partition), i64::try_from(range.to).unwrap_or(i64::MAX))).collect()
}

/// The lag in every partition of these topics that a position is known of, and in those beside it. `label` is what a job
/// puts before topics' names.
pub fn lag(cluster: &Cluster, positions: &BTreeMap<Partition, i64>, label: &str) -> Result<Vec<Lag>, String> {
    let own = |topic: &str| match label {
        "" => Some(topic.to_owned()),
        label => topic.strip_prefix(label)?.strip_prefix(':').map(str::to_owned),
    };
    let positions: BTreeMap<Partition, i64> =
        positions.iter().filter_map(|((topic, partition), at)| Some(((own(topic)?, *partition), *at))).collect();
    let mut lags = Vec::new();
    let mut names: Vec<&String> = positions.keys().map(|(topic, _)| topic).collect();
    names.dedup();
    for name in names {
        // A topic of a night that is long over may be deleted: there is nothing left in it to be read.
        let Some(topic) = cluster.topic(name)? else { continue };
        for (partition, ..) in topic.partitions {
            let held = cluster.span(name, partition)?;
            let position = positions.get(&(name.clone(), partition)).copied();
            lags.push(Lag { topic: name.clone(), partition, position, held });
        }
    }
    Ok(lags)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::protocol::testing::manifest;
    use crate::source::Range;

    #[test]
    fn positions_are_those_behind_the_last_binding() {
        let mut manifests = vec![manifest(0..=1, 1, None), manifest(2..=2, 1, None)];
        let range = |partition, from, to| Range { topic: "night".into(), partition, from, to, gap: 0 };
        manifests[0].epochs[0].binding.marks.ranges = vec![range(0, 0, 5), range(1, 3, 3)];
        manifests[1].epochs[0].binding.marks.ranges = vec![range(0, 5, 9)];
        let expected = [(("night".to_owned(), 0), 9), (("night".to_owned(), 1), 3)];
        assert_eq!(of_manifests(&manifests), expected.into());
    }

    #[test]
    fn lag_counts_what_is_there_and_what_is_gone() {
        let lag = |position, low, high| Lag { topic: "t".into(), partition: 0, position, held: Span { low, high } };
        assert_eq!((lag(Some(7), 0, 10).behind(), lag(Some(7), 0, 10).gone()), (3, 0));
        assert_eq!((lag(Some(2), 5, 10).behind(), lag(Some(2), 5, 10).gone()), (5, 3));
        assert_eq!((lag(None, 5, 10).behind(), lag(None, 5, 10).gone()), (5, 0));
        assert_eq!(lag(Some(10), 0, 10).behind(), 0);
    }
}
