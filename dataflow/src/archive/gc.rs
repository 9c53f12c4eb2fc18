//! Removes what nobody names: files that a crash left before their manifest, and those that others have replaced.
//!
//! A job that is about to commit has written files that no manifest names yet, and a reader that has listed an archive reads
//! what was current then: so nothing is touched that was written, or replaced, within a time of grace. Manifests,
//! generations, layouts, settings and snapshots are never removed.

use super::dataset::Dataset;
use super::open::Archive;
use super::protocol::LayoutNumber;
use super::store::Listed;
use std::collections::HashSet;
use std::time::{Duration, SystemTime};

/// Files of datasets that no manifest or layout names, or that have been replaced or have expired, all of it longer ago than
/// `grace`.
pub fn unnamed(archive: &Archive, now: SystemTime, grace: Duration) -> Result<Vec<Listed>, String> {
    let store = &archive.store;
    let is_old = |written| now.duration_since(written).is_ok_and(|age| age >= grace);
    let layouts = store.wait(store.list("layouts"))?;
    let young: HashSet<LayoutNumber> = layouts
        .iter()
        .filter(|listed| !is_old(listed.written))
        .filter_map(|listed| LayoutNumber::of_path(&listed.path))
        .collect();
    // As it was for a reader that listed it before the time of grace.
    let mut then = archive.clone();
    then.layouts.retain(|layout| !young.contains(&layout.number));
    let files = |archive: &Archive| Dataset::ALL.map(|dataset| archive.files(dataset)).into_iter().flatten().collect();
    let named: [Vec<_>; 2] = [files(archive), files(&then)];
    let named: HashSet<String> = named.into_iter().flatten().map(|file| file.path).collect();
    let mut unnamed = Vec::new();
    for dataset in Dataset::ALL {
        let listed = store.wait(store.list(dataset.name()))?;
        unnamed.extend(listed.into_iter().filter(|file| !named.contains(&file.path) && is_old(file.written)));
    }
    Ok(unnamed)
}

/// Removes them.
pub fn remove(archive: &Archive, files: &[Listed]) -> Result<(), String> {
    files.iter().try_for_each(|file| archive.store.wait(archive.store.remove(&file.path)))
}
