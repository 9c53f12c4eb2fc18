//! The records of a run: of its folder, or of one of its files.

use skydiff_schemas::record::{ContainerReader, Record};
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::{Path, PathBuf};

/// Why records cannot be read.
pub type ReadError = String;

/// Every record of a run, in the order in which they were written: of `records.jsonl`, else of `records.avro`, in a folder;
/// of the file itself otherwise. Answers which file it was.
pub fn each_record(run: &Path, mut each: impl FnMut(Record)) -> Result<PathBuf, ReadError> {
    let path = file_of(run)?;
    let cannot = |error: &dyn std::fmt::Display| format!("{} cannot be read: {error}", path.display());
    let file = BufReader::new(File::open(&path).map_err(|error| cannot(&error))?);
    if path.extension().is_some_and(|extension| extension == "avro") {
        let records = ContainerReader::new(file).map_err(|error| cannot(&error))?;
        for record in records {
            each(record.map_err(|error| cannot(&error))?);
        }
        return Ok(path);
    }
    for (number, line) in file.lines().enumerate() {
        let line = line.map_err(|error| cannot(&error))?;
        let record = serde_json::from_str(&line).map_err(|error| cannot(&format!("line {}: {error}", number + 1)))?;
        each(record);
    }
    Ok(path)
}

fn file_of(run: &Path) -> Result<PathBuf, ReadError> {
    let meta = std::fs::metadata(run).map_err(|error| match error.kind() {
        ErrorKind::NotFound => format!("{} is not there", run.display()),
        _ => format!("{} cannot be read: {error}", run.display()),
    })?;
    if !meta.is_dir() {
        return Ok(run.to_owned());
    }
    let files = ["records.jsonl", "records.avro"].map(|name| run.join(name));
    files.into_iter().find(|path| path.exists()).ok_or_else(|| {
        format!(
            "{} has neither records.jsonl nor records.avro: name the folder that a run wrote to with --to",
            run.display()
        )
    })
}
