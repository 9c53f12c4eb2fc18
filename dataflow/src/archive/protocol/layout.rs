//! Which files stand for others: what compaction has replaced, and what has expired.
//!
//! A layout is put if absent under the next number and adds to those before it, so a reader that lists layouts once sees
//! each replacement whole or not at all. Files that were replaced stay until `gc` takes them.

use super::manifest::{Filed, Manifest};
use super::names::LayoutNumber;
use crate::archive::dataset::Dataset;
use serde::{Deserialize, Serialize};
use skydiff_operators::Epoch;
use std::collections::HashSet;

/// One change of how rows lie in files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// Its place among them.
    pub number: LayoutNumber,
    /// Files that hold the rows of others.
    pub replaced: Vec<Replaced>,
    /// What is no longer kept.
    pub expired: Vec<Expired>,
}

/// Files that hold the rows of others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replaced {
    /// Paths of those that are no longer read.
    pub old: Vec<String>,
    /// Those that are.
    pub new: Vec<Filed>,
}

/// A dataset's rows up to an epoch are no longer kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expired {
    /// Of which dataset.
    pub dataset: Dataset,
    /// Files whose last epoch is this or before.
    pub through: Epoch,
}

/// The files of `dataset` that count, in order of their first epoch, and up to which epoch it has expired.
pub fn current(manifests: &[Manifest], layouts: &[Layout], dataset: Dataset) -> (Vec<Filed>, Option<Epoch>) {
    let of = |file: &&Filed| file.descriptor.dataset == dataset;
    let gone: HashSet<&str> =
        layouts.iter().flat_map(|layout| &layout.replaced).flat_map(|one| &one.old).map(String::as_str).collect();
    let expired = layouts.iter().flat_map(|layout| &layout.expired);
    let through = expired.filter(|one| one.dataset == dataset).map(|one| one.through).max();
    let listed = manifests.iter().flat_map(|manifest| &manifest.files);
    let listed = listed.chain(layouts.iter().flat_map(|layout| &layout.replaced).flat_map(|one| &one.new));
    let mut files: Vec<Filed> = listed
        .filter(of)
        .filter(|file| !gone.contains(file.path.as_str()) && Some(file.descriptor.epochs.1) > through)
        .cloned()
        .collect();
    files.sort_by(|a, b| (a.descriptor.epochs, &a.path).cmp(&(b.descriptor.epochs, &b.path)));
    (files, through)
}

#[cfg(test)]
mod tests {
    use super::super::manifest::tests::manifest;
    use super::*;
    use crate::archive::dataset::Descriptor;
    use skydiff_schemas::Pixel;

    fn file(path: &str, epochs: (u64, u64), dataset: Dataset) -> Filed {
        let descriptor = Descriptor {
            dataset,
            rows: 1,
            bytes: 1,
            sha256: String::new(),
            parts: Vec::new(),
            epochs: (Epoch(epochs.0), Epoch(epochs.1)),
            pixels: (Pixel(0), Pixel(0)),
            times: None,
        };
        Filed { path: path.into(), descriptor }
    }

    #[test]
    fn files_are_replaced_and_expire() {
        let (packets, changes) = (Dataset::Packets, Dataset::Changes);
        let mut manifests = [manifest(0..=1, 1, None), manifest(2..=3, 1, None)];
        manifests[0].files = vec![file("a", (0, 1), packets), file("x", (0, 1), changes)];
        manifests[1].files = vec![file("b", (2, 3), packets)];
        let paths = |layouts: &[Layout]| {
            let (files, through) = current(&manifests, layouts, packets);
            (files.into_iter().map(|file| file.path).collect::<Vec<_>>(), through)
        };
        assert_eq!(paths(&[]), (vec!["a".into(), "b".into()], None));
        let old = vec!["a".to_owned(), "b".into()];
        let replaced = vec![Replaced { old, new: vec![file("c", (0, 3), packets)] }];
        let one = Layout { number: LayoutNumber(0), replaced, expired: vec![] };
        assert_eq!(paths(std::slice::from_ref(&one)), (vec!["c".into()], None));
        let expired = vec![Expired { dataset: packets, through: Epoch(3) }];
        let two = Layout { number: LayoutNumber(1), replaced: vec![], expired };
        assert_eq!(paths(&[one, two.clone()]), (vec![], Some(Epoch(3))));
        assert_eq!(current(&manifests, &[two], changes).0.len(), 1, "of other datasets nothing has expired");
    }
}
