//! Whether the manifests that are there follow one another, from the first epoch on.

use super::manifest::{Bound, Manifest};
use super::names::Sum;
use super::summary::Summary;
use crate::flow::feed::Binding;
use crate::kafka::positions::Positions;
use crate::source::{Night, Taken};
use skydiff_operators::Epoch;

/// The manifests of an archive, in order: contiguous, each naming the bytes of the one before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain {
    /// What stands for those before the first that is here, and for that one too.
    summed: Option<Box<Summary>>,
    manifests: Vec<Manifest>,
    head: Option<Sum>,
}

/// Why manifests are no chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChainError {
    /// It cannot be read.
    Damaged(String, String),
    /// One between those that are there is not.
    Missing(Epoch, String),
    /// It covers epochs that the one before it has, or is not named after what it holds.
    Overlap(String),
    /// The one before it is not the one that its writer saw.
    Unchained(String),
}

impl std::fmt::Display for ChainError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ChainError::Damaged(path, why) => write!(f, "{path} is damaged: {why}"),
            ChainError::Missing(epoch, path) => {
                write!(f, "the manifest of epoch {epoch} is missing, and {path} follows it: bring it back")
            }
            ChainError::Overlap(path) => write!(f, "{path} does not begin where the manifest before it ends"),
            ChainError::Unchained(path) => {
                write!(f, "{path} was written after another manifest than the one before it: one of them was altered")
            }
        }
    }
}

impl std::error::Error for ChainError {}

impl Chain {
    /// Of the objects that were listed: (first epoch by name, bytes), in any order.
    pub fn of(mut listed: Vec<(Epoch, Vec<u8>)>) -> Result<Chain, ChainError> {
        listed.sort_unstable_by_key(|(first, _)| *first);
        let mut chain = Chain::default();
        listed.iter().try_for_each(|(first, bytes)| chain.add(*first, bytes))?;
        Ok(chain)
    }

    /// Of a summary and the bytes of the last manifest in it; those behind it are to be added.
    pub fn behind(summary: Summary, last: &[u8]) -> Result<Chain, ChainError> {
        let path = super::names::manifest_path(summary.first);
        if Sum::of(last) != summary.head {
            return Err(ChainError::Unchained(path));
        }
        let manifest = Manifest::decode(last).map_err(|why| ChainError::Damaged(path, why))?;
        let head = Some(summary.head.clone());
        Ok(Chain { summed: Some(Box::new(summary)), manifests: vec![manifest], head })
    }

    /// The manifests up to the one that ends with this epoch. The error says why there is none.
    pub fn upto(&self, last: Epoch) -> Result<Chain, String> {
        let many = self.told().iter().take_while(|manifest| manifest.last <= last).count();
        let (upto, behind) = self.told().split_at(many);
        let ends = upto.last().is_some_and(|manifest| manifest.last == last) && self.summed.is_none();
        let head = behind.first().map_or_else(|| self.head.clone(), |next| next.previous.clone());
        match ends {
            true => Ok(Chain { summed: None, manifests: upto.to_vec(), head }),
            false => Err(format!("no manifest ends with epoch {last}")),
        }
    }

    /// What stands for manifests that were not read.
    pub fn summed(&self) -> Option<&Summary> {
        self.summed.as_deref()
    }

    /// How many manifests there are.
    pub fn len(&self) -> u64 {
        let (before, first) = self.summed().map_or((0, 0), |summed| (summed.manifests, 1));
        before + self.manifests.len() as u64 - first
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.manifests.is_empty()
    }

    /// Adds the manifest that is named after `first`.
    pub fn add(&mut self, first: Epoch, bytes: &[u8]) -> Result<(), ChainError> {
        let path = super::names::manifest_path(first);
        let manifest = Manifest::decode(bytes).map_err(|why| ChainError::Damaged(path.clone(), why))?;
        if first > self.next() {
            return Err(ChainError::Missing(self.next(), path));
        }
        if first < self.next() || manifest.first != first {
            return Err(ChainError::Overlap(path));
        }
        if manifest.previous != self.head {
            return Err(ChainError::Unchained(path));
        }
        self.head = Some(Sum::of(bytes));
        self.manifests.push(manifest);
        Ok(())
    }

    /// In order; of a chain that is summed up, the last of the summary and those behind it.
    pub fn manifests(&self) -> &[Manifest] {
        &self.manifests
    }

    /// Those that no summary stands for.
    fn told(&self) -> &[Manifest] {
        self.manifests.get(usize::from(self.summed.is_some())..).unwrap_or_default()
    }

    /// Every epoch, in order; those of a summary are one, since other settings took effect last.
    pub fn bounds(&self) -> impl Iterator<Item = &Bound> {
        let before = self.summed().map(|summed| &summed.known);
        before.into_iter().chain(self.told().iter().flat_map(|manifest| &manifest.epochs))
    }

    fn bindings(&self) -> impl Iterator<Item = &Binding> {
        self.told().iter().flat_map(|manifest| &manifest.epochs).map(|bound| &bound.binding)
    }

    /// What is bound of bundles.
    pub fn taken(&self) -> Taken {
        self.summed().map_or_else(Taken::default, |summed| summed.taken.clone()).then(self.bindings())
    }

    /// What is bound of partitions.
    pub fn positions(&self) -> Positions {
        self.summed().map_or_else(Positions::default, |summed| summed.positions.clone()).then(self.bindings())
    }

    /// The newest night in which packets were received.
    pub fn night(&self) -> Option<Night> {
        let of = |binding: &Binding| Night::of_receipt(binding.origin.as_ref()?.received);
        self.bindings().filter_map(of).max().max(self.summed().and_then(|summed| summed.night))
    }

    /// The last epoch that is durable.
    pub fn last(&self) -> Option<Epoch> {
        self.manifests.last().map(|manifest| manifest.last)
    }

    /// The first epoch that is not.
    pub fn next(&self) -> Epoch {
        self.last().map_or(Epoch(0), Epoch::next)
    }

    /// The epochs at which other settings took effect: each holds all that was known then, once more.
    pub fn restated(&self) -> impl Iterator<Item = Epoch> {
        let before = self.summed().into_iter().flat_map(|summed| summed.settings.iter().skip(1));
        let behind = self.manifests.windows(2).filter(|two| two[0].settings != two[1].settings);
        before.map(|(epoch, _)| *epoch).chain(behind.map(|two| two[1].first))
    }

    /// The epoch from which on the log must be read to know the state at `epoch`.
    pub fn begin(&self, epoch: Epoch) -> Epoch {
        self.restated().take_while(|restated| *restated <= epoch).last().unwrap_or_default()
    }

    /// What was in force at an epoch.
    pub fn settings(&self, epoch: Epoch) -> Option<&Sum> {
        if let Some(summed) = self.summed().filter(|summed| epoch <= summed.through) {
            return summed.settings.iter().rev().find(|(first, _)| *first <= epoch).map(|(_, settings)| settings);
        }
        let at = self.manifests.partition_point(|manifest| manifest.last < epoch);
        self.manifests.get(at).map(|manifest| &manifest.settings)
    }

    /// What the next manifest must name as the one before it.
    pub fn head(&self) -> Option<&Sum> {
        self.head.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::super::manifest::tests::manifest;
    use super::*;

    fn three() -> Vec<(Epoch, Vec<u8>)> {
        let mut head = None;
        [0..=3, 4..=4, 5..=9]
            .map(|epochs| {
                let first = Epoch(*epochs.start());
                let bytes = manifest(epochs, 1, head.take()).encode().unwrap();
                head = Some(Sum::of(&bytes));
                (first, bytes)
            })
            .to_vec()
    }

    #[test]
    fn manifests_follow_one_another() {
        let mut listed = three();
        listed.reverse();
        let chain = Chain::of(listed).unwrap();
        assert_eq!((chain.manifests().len(), chain.next()), (3, Epoch(10)));
        assert_eq!(Chain::of(Vec::new()).unwrap().next(), Epoch(0));
    }

    #[test]
    fn other_settings_begin_a_log_of_their_own() {
        let (mut chain, mut head) = (Chain::default(), None);
        for (epochs, settings) in [(0..=3, "a"), (4..=4, "b"), (5..=9, "b"), (10..=12, "a")] {
            let first = Epoch(*epochs.start());
            let one = Manifest { settings: Sum::of(settings.as_bytes()), ..manifest(epochs, 1, head.take()) };
            let bytes = one.encode().unwrap();
            chain.add(first, &bytes).unwrap();
            head = Some(Sum::of(&bytes));
        }
        assert_eq!(chain.restated().collect::<Vec<_>>(), [Epoch(4), Epoch(10)]);
        assert_eq!([0, 3, 4, 9, 10, 99].map(|epoch| chain.begin(Epoch(epoch)).0), [0, 0, 4, 4, 10, 10]);
        assert_eq!(chain.settings(Epoch(7)), Some(&Sum::of(b"b")));
        assert_eq!(chain.settings(Epoch(13)), None);
    }

    #[test]
    fn what_is_missing_altered_or_out_of_place_is_named() {
        let mut lacks = three();
        lacks.remove(1);
        assert!(matches!(Chain::of(lacks), Err(ChainError::Missing(Epoch(4), _))));
        let mut headless = three();
        headless.remove(0);
        assert!(matches!(Chain::of(headless), Err(ChainError::Missing(Epoch(0), _))));
        let mut altered = three();
        altered[1].1 = manifest(4..=4, 2, altered[1].1.is_empty().then(|| Sum::of(b""))).encode().unwrap();
        assert!(matches!(Chain::of(altered), Err(ChainError::Unchained(_))));
        let mut overlaps = three();
        overlaps[2].0 = Epoch(3);
        assert!(matches!(Chain::of(overlaps), Err(ChainError::Overlap(_))));
        let mut cut = three();
        cut[2].1.truncate(9);
        assert!(matches!(Chain::of(cut), Err(ChainError::Damaged(..))));
    }
}
