//! Which files of a folder are a run's own: only these are replaced, and never what the run is to read.
//!
//! The folder of `--to` may be anybody's: one that has a `nights` of packets too, or whose rejects are put through again.

use crate::report::FILES as REPORT;
use crate::source::{Input, Night, Packets, Place};
use std::io;
use std::path::{Path, PathBuf};

/// Files that a run may write beside its reports.
const OURS: [&str; 6] =
    ["records.jsonl", "records.avro", "rejects.jsonl", "rejects.tar", "rejected_rows.jsonl", "bindings.jsonl"];

/// Refuses inputs that are, hold, or lie in what a run to `folder` writes or removes. The error names both.
pub fn spare(folder: &Path, inputs: &[Input]) -> Result<(), String> {
    let written: Vec<_> = OURS.iter().chain(&REPORT).chain(&["nights"]).map(|name| real(&folder.join(name))).collect();
    for input in inputs {
        let Packets::At(Place::File(path) | Place::Folder(path)) = &input.packets else { continue };
        let input = real(path);
        if let Some(own) = written.iter().find(|own| own.starts_with(&input) || input.starts_with(own)) {
            return Err(format!(
                "{} is to be read, and {} to be written: give --to a folder apart from what is read",
                path.display(),
                own.display()
            ));
        }
    }
    Ok(())
}

/// Removes what an earlier run wrote to `folder`, and nothing else.
pub(super) fn clear(folder: &Path) -> io::Result<()> {
    remove(folder, &OURS)?;
    let nights = folder.join("nights");
    let entries = match std::fs::read_dir(&nights) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let night = entry?.path();
        let is_ours = Night::of_name(&night).is_some_and(|of| night.ends_with(of.to_string())) && night.is_dir();
        if is_ours {
            remove(&night, &REPORT)?;
            // One that still holds something is somebody else's too.
            let _ = std::fs::remove_dir(&night);
        }
    }
    let _ = std::fs::remove_dir(&nights);
    Ok(())
}

fn remove(folder: &Path, names: &[&str]) -> io::Result<()> {
    names.iter().try_for_each(|name| match std::fs::remove_file(folder.join(name)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    })
}

/// A path without links, as far as it is there.
fn real(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    path.canonicalize().unwrap_or_else(|_| match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => real(parent).join(name),
        // `..` of what is not there yet is no link's.
        (Some(parent), None) => real(parent).parent().map_or(path, Path::to_owned),
        _ => path,
    })
}
