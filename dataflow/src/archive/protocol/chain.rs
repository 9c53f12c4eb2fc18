//! Whether the manifests that are there follow one another, from the first epoch on.

use super::manifest::Manifest;
use super::names::Sum;
use skydiff_operators::Epoch;

/// The manifests of an archive, in order: contiguous, each naming the bytes of the one before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain {
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

    /// In order.
    pub fn manifests(&self) -> &[Manifest] {
        &self.manifests
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
        self.manifests.windows(2).filter(|two| two[0].settings != two[1].settings).map(|two| two[1].first)
    }

    /// The epoch from which on the log must be read to know the state at `epoch`.
    pub fn begin(&self, epoch: Epoch) -> Epoch {
        self.restated().take_while(|restated| *restated <= epoch).last().unwrap_or_default()
    }

    /// What was in force at an epoch.
    pub fn settings(&self, epoch: Epoch) -> Option<&Sum> {
        let of = self.manifests.iter().find(|manifest| manifest.first <= epoch && epoch <= manifest.last);
        of.map(|manifest| &manifest.settings)
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
