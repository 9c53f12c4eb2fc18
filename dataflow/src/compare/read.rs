//! The records of a run: of its folder, of one of its files, or of an archive.

use crate::archive::dataset::{ChangeRow, Dataset, Select};
use crate::archive::open::Archive;
use crate::archive::rows::Rows;
use skydiff_schemas::record::{ContainerReader, Record};
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::{Path, PathBuf};

/// Why records cannot be read.
pub type ReadError = String;

/// Every record of a run, in the order in which they were told: of an archive, if that is a URL of one or its folder; of
/// `records.jsonl`, else of `records.avro`, in a folder; of the file itself otherwise. Answers where they were.
pub fn each_record(run: &str, mut each: impl FnMut(Record)) -> Result<String, ReadError> {
    if run.contains("://") || Path::new(run).join("manifests").is_dir() {
        return of_archive(&Archive::open(run)?, &mut each).map(|()| run.to_owned());
    }
    let path = file_of(Path::new(run))?;
    of_file(&path, &mut each).map(|()| path.display().to_string())
}

/// Manifest by manifest: the records of each are in memory together.
fn of_archive(archive: &Archive, each: &mut dyn FnMut(Record)) -> Result<(), ReadError> {
    let Some(last) = archive.chain.last() else { return Ok(()) };
    let mut rows = Rows::<ChangeRow>::open(archive, Dataset::Changes, &Select::default(), &[])?;
    for manifest in archive.chain.manifests() {
        let mut records = Vec::new();
        rows.take(manifest.last.min(last), &mut |row| records.extend(row.record))?;
        records.sort_unstable_by_key(|record| (record.epoch, record.lane, record.rank));
        records.into_iter().for_each(|record| each(*record));
    }
    Ok(())
}

fn of_file(path: &Path, each: &mut dyn FnMut(Record)) -> Result<(), ReadError> {
    let cannot = |error: &dyn std::fmt::Display| format!("{} cannot be read: {error}", path.display());
    let file = BufReader::new(File::open(path).map_err(|error| cannot(&error))?);
    if path.extension().is_some_and(|extension| extension == "avro") {
        let records = ContainerReader::new(file).map_err(|error| cannot(&error))?;
        for record in records {
            each(record.map_err(|error| cannot(&error))?);
        }
        return Ok(());
    }
    for (number, line) in file.lines().enumerate() {
        let line = line.map_err(|error| cannot(&error))?;
        let record = serde_json::from_str(&line).map_err(|error| cannot(&format!("line {}: {error}", number + 1)))?;
        each(record);
    }
    Ok(())
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
            "{} has neither records.jsonl nor records.avro: name the folder that a run wrote to with --to, or an archive",
            run.display()
        )
    })
}
