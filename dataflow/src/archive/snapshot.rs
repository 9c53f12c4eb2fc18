//! The state at an epoch, so that a start need not read all that led to it: the two logs, folded into one epoch.
//!
//! A snapshot only shortens a start; who loses one loses nothing. It is put if absent under the name of its epoch, after its
//! files, and takes in the one before it, so that its cost is that of what is kept, not of what was ever read.

use super::dataset::{
    DataError, Dataset, File, MeasurementRow, Row, Select, TriggerRow, Writer, fold_measurements, fold_triggers,
};
use super::open::Archive;
use super::protocol::Filed;
use super::rows::Rows;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use skydiff_operators::Epoch;
use skydiff_schemas::{ObjectId, Pixel};
use std::collections::HashMap;

/// A file ends when it has about so many bytes.
const ROLL: usize = 256 << 20;

/// The state at an epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// When.
    pub epoch: Epoch,
    /// The files that hold it.
    pub files: Vec<Filed>,
}

impl Snapshot {
    /// Where that of an epoch is.
    pub fn path(epoch: Epoch) -> String {
        format!("snapshots/{:012}.json", epoch.0)
    }

    /// The epoch of the snapshot that a path is.
    pub fn of_path(path: &str) -> Option<Epoch> {
        let digits = path.strip_prefix("snapshots/")?.strip_suffix(".json")?;
        digits.parse().ok().map(Epoch)
    }

    /// Reads that of an epoch.
    pub fn read(archive: &Archive, epoch: Epoch) -> Result<Snapshot, String> {
        let path = Snapshot::path(epoch);
        let bytes = archive.store.wait(archive.store.read(&path))?.unwrap_or_default();
        let url = archive.store.url();
        serde_json::from_slice(&bytes).map_err(|error| format!("archive {url}: {path} is damaged: {error}; remove it"))
    }

    /// Makes one of the last durable epoch; `None` where there is one, or nothing to make it of.
    pub fn take(archive: &Archive) -> Result<Option<Snapshot>, String> {
        let Some(epoch) = archive.chain.last().filter(|last| !archive.snapshots.contains(last)) else {
            return Ok(None);
        };
        let before = archive.useful(epoch).max().map(|epoch| Snapshot::read(archive, epoch)).transpose()?;
        let mut measurements = Vec::new();
        Rows::<MeasurementRow>::up_to(archive, Dataset::Measurements, before.as_ref(), epoch, None)?
            .take(epoch, &mut |row| measurements.push(row))?;
        let measurements = fold_measurements(epoch, measurements);
        let mut triggers = Vec::new();
        Rows::<TriggerRow>::up_to(archive, Dataset::Contexts, before.as_ref(), epoch, None)?
            .take(epoch, &mut |row| triggers.push(row))?;
        let homes: HashMap<ObjectId, Pixel> =
            measurements.iter().filter(|row| row.change > 0).map(|row| (row.object, row.pixel)).collect();
        let home = |object| homes.get(&object).copied().unwrap_or(Pixel::NONE);
        let triggers = fold_triggers(epoch, triggers, home);
        let mut files = write(archive, epoch, measurements)?;
        files.extend(write(archive, epoch, triggers)?);
        let snapshot = Snapshot { epoch, files };
        let bytes = Bytes::from(serde_json::to_vec(&snapshot).map_err(|error| error.to_string())?);
        // Another one may have been as fast: both say the same.
        archive.store.wait(archive.store.claim(&Snapshot::path(epoch), &bytes))?;
        Ok(Some(snapshot))
    }

    /// Its files of a dataset.
    pub fn files_of(&self, dataset: Dataset) -> impl Iterator<Item = &Filed> {
        self.files.iter().filter(move |file| file.descriptor.dataset == dataset)
    }
}

/// Everything after a snapshot, up to an epoch.
pub fn after(archive: &Archive, snapshot: Option<&Snapshot>, last: Epoch) -> Select {
    let first = snapshot.map_or_else(|| archive.chain.begin(last), |snapshot| snapshot.epoch.next());
    Select { epochs: Some((first, last)), ..Select::default() }
}

fn write<R: Row>(archive: &Archive, epoch: Epoch, rows: Vec<R>) -> Result<Vec<Filed>, String> {
    let wrong = |error: DataError| format!("{}: {error}", R::DATASET.name());
    let (mut files, mut rows) = (Vec::new(), rows.into_iter().peekable());
    while rows.peek().is_some() {
        let mut writer = Writer::<R>::new().map_err(wrong)?;
        while let Some(row) = rows.next_if(|_| writer.pending() < ROLL) {
            writer.push(row).map_err(wrong)?;
        }
        let Some(File { descriptor, bytes }) = writer.finish().map_err(wrong)? else { break };
        let path = format!("snapshots/{:012}/{}-{:03}.parquet", epoch.0, R::DATASET.name(), files.len());
        archive.store.wait(archive.store.write(&path, bytes))?;
        files.push(Filed { path, descriptor });
    }
    Ok(files)
}
