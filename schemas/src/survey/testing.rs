//! Real packets for tests, where they are.

use std::path::{Path, PathBuf};

/// The folder of real data: `SKYDIFF_DATA`, else beside the workspace. Where it is not, says so.
pub(crate) fn data() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let folder = std::env::var_os("SKYDIFF_DATA").map_or(beside, PathBuf::from);
    let found = folder.join("INDEX.md").exists();
    if !found {
        println!("skipped: no real packets at {}", folder.display());
    }
    found.then_some(folder)
}

/// All files under a folder of the real data, with their contents, in order of their names.
pub(crate) fn packets(data: &Path, under: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let (mut folders, mut found) = (vec![data.join(under)], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            match entry.is_dir() {
                true => folders.push(entry),
                false => found.push((entry.clone(), std::fs::read(&entry).unwrap())),
            }
        }
    }
    found.sort();
    found
}
