//! The real packets, where they are.

use std::path::{Path, PathBuf};

/// `$SKYDIFF_DATA`, else `shared/data` beside the repository; `None`, with a printed line, where there is none.
pub fn data() -> Option<PathBuf> {
    let beside = || concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data").into();
    let data = std::env::var_os("SKYDIFF_DATA").map_or_else(beside, PathBuf::from);
    if data.is_dir() {
        return Some(data);
    }
    println!("skipped: no packets at {}", data.display());
    None
}

/// Every file below, in the order of their names.
pub fn below(path: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(below(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

/// Containers: of ZTF, and of other surveys.
pub fn containers(data: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let files = [below(&data.join("ztf")), below(&data.join("other"))].concat();
    read(files.into_iter().filter(|path| path.extension().is_some_and(|e| e == "avro")).collect())
}

/// Confluent packets of LSST.
pub fn confluent(data: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    read(below(&data.join("lsst")))
}

fn read(files: Vec<PathBuf>) -> Vec<(PathBuf, Vec<u8>)> {
    files.into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

/// The JSON of an LSST schema by its id: major × 100 + minor.
pub fn lsst_schema(data: &Path, id: u32) -> Vec<u8> {
    let name = format!("schemas/lsst/lsst.v{}_{}.resolved.json", id / 100, id % 100);
    std::fs::read(data.join(name)).unwrap()
}
