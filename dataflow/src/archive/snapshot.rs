//! The state at an epoch, so that a start need not read all that led to it: the two logs, folded into one epoch.
//!
//! A snapshot only shortens a start; who loses one loses nothing. It is put if absent under the name of its epoch, after its
//! files, and takes in the one before it, so that its cost is that of what is kept, not of what was ever read.

use super::dataset::{
    DataError, Dataset, File, MeasurementRow, Row, Select, TriggerRow, Writer, fold_measurements, fold_triggers,
};
use super::open::Archive;
use super::protocol::{Filed, Summary};
use super::rows::Rows;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use skydiff_operators::{Epoch, by_object};
use skydiff_schemas::{ObjectId, Pixel};
use std::collections::HashMap;

/// A file ends when it has about so many bytes.
const ROLL: usize = 256 << 20;
/// So many rows of measurements are folded at once.
const PART: u64 = if cfg!(test) { 500 } else { 8_000_000 };

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
        let fold = Fold { archive, before: before.as_ref(), epoch, parts: parts(archive, before.as_ref(), epoch) };
        let mut files = Vec::new();
        for part in 0..fold.parts {
            fold.write(part, &mut files)?;
        }
        let snapshot = Snapshot { epoch, files };
        // First, for a start takes the newest that has a snapshot.
        if let Some(summary) = Summary::of(&archive.chain, &archive.layouts) {
            let path = Summary::path(epoch);
            archive.store.wait(archive.store.claim(&path, &Bytes::from(summary.encode()?)))?;
        }
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

/// In how many parts the state is folded, so that memory holds each.
fn parts(archive: &Archive, before: Option<&Snapshot>, epoch: Epoch) -> u64 {
    let select = after(archive, before, epoch);
    let log = archive.files(Dataset::Measurements).into_iter().filter(|file| select.meets(&file.descriptor));
    let known = before.into_iter().flat_map(|before| before.files_of(Dataset::Measurements));
    let rows = |file: &Filed| file.descriptor.rows;
    let rows = known.map(rows).sum::<u64>() + log.map(|file| rows(&file)).sum::<u64>();
    rows.div_ceil(PART).max(1)
}

/// A fold of everything up to an epoch, some objects after others: all is read for each part, and a part is in memory.
struct Fold<'a> {
    archive: &'a Archive,
    before: Option<&'a Snapshot>,
    epoch: Epoch,
    parts: u64,
}

impl Fold<'_> {
    fn has(&self, part: u64, object: ObjectId) -> bool {
        by_object(&object) % self.parts == part
    }

    fn write(&self, part: u64, files: &mut Vec<Filed>) -> Result<(), String> {
        let Fold { archive, before, epoch, .. } = *self;
        let mut measurements = Vec::new();
        Rows::<MeasurementRow>::up_to(archive, Dataset::Measurements, before, epoch, None)?.take(
            epoch,
            &mut |row| {
                if self.has(part, row.object) {
                    measurements.push(row);
                }
            },
        )?;
        let measurements = fold_measurements(epoch, measurements);
        let homes: HashMap<ObjectId, Pixel> =
            measurements.iter().filter(|row| row.change > 0).map(|row| (row.object, row.pixel)).collect();
        write(archive, epoch, measurements, files)?;
        let mut triggers = Vec::new();
        Rows::<TriggerRow>::up_to(archive, Dataset::Contexts, before, epoch, None)?.take(epoch, &mut |row| {
            if self.has(part, row.object) {
                triggers.push(row);
            }
        })?;
        let home = |object| homes.get(&object).copied().unwrap_or(Pixel::NONE);
        write(archive, epoch, fold_triggers(epoch, triggers, home), files)
    }
}

fn write<R: Row>(archive: &Archive, epoch: Epoch, rows: Vec<R>, files: &mut Vec<Filed>) -> Result<(), String> {
    let wrong = |error: DataError| format!("{}: {error}", R::DATASET.name());
    let mut rows = rows.into_iter().peekable();
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
    Ok(())
}
