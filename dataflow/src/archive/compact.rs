//! Few large files in the place of many small ones, and none in the place of what is no longer kept: both by a layout, which
//! readers see whole or not at all.

use super::dataset::{
    ChangeRow, DataError, Dataset, File, MeasurementRow, PacketRow, RejectRow, Row, Select, TriggerRow, Writer,
};
use super::open::Archive;
use super::protocol::{Expired, Filed, Layout, LayoutNumber, Replaced, WriterId};
use super::recall::night_of;
use super::rows::read_rows;
use crate::source::Night;
use bytes::Bytes;
use skydiff_operators::Epoch;
use std::time::{SystemTime, UNIX_EPOCH};

/// Files of together so many bytes become one, whose rows are in memory while it is made …
const TARGET: u64 = 128 << 20;
/// … or of so many rows: who reads it has them in memory too.
const ROWS: u64 = 2_000_000;

/// What was changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compacted {
    /// Files that are no longer read.
    pub old: usize,
    /// Files that are read in their place.
    pub new: usize,
}

/// Replaces small files by large ones, of every dataset.
pub fn compact(archive: &Archive) -> Result<Compacted, String> {
    let mut replaced = Vec::new();
    for dataset in Dataset::ALL {
        for run in runs(archive.files(dataset)) {
            let new = match dataset {
                Dataset::Packets => merge::<PacketRow>(archive, &run),
                Dataset::Measurements => merge::<MeasurementRow>(archive, &run),
                Dataset::Contexts => merge::<TriggerRow>(archive, &run),
                Dataset::Changes => merge::<ChangeRow>(archive, &run),
                Dataset::Rejects => merge::<RejectRow>(archive, &run),
            }?;
            replaced.push(Replaced { old: run.into_iter().map(|file| file.path).collect(), new });
        }
    }
    let count = |of: fn(&Replaced) -> usize| replaced.iter().map(of).sum();
    let compacted = Compacted { old: count(|one| one.old.len()), new: count(|one| one.new.len()) };
    if !replaced.is_empty() {
        put(archive, replaced, Vec::new())?;
    }
    Ok(compacted)
}

/// Lets a dataset's epochs expire but for those of the last so many nights; answers up to which epoch.
pub fn expire(archive: &Archive, dataset: Dataset, keep: u32) -> Result<Option<Epoch>, String> {
    let bounds = archive.chain.manifests().iter().flat_map(|manifest| &manifest.epochs);
    let nights = || bounds.clone().filter_map(|bound| Some((night_of(&bound.binding)?, bound.binding.epoch)));
    let Some(last) = nights().map(|(night, _)| night).max() else { return Ok(None) };
    let first_kept = Night(last.0.saturating_sub(keep.saturating_sub(1) as i32));
    // A night may come late, between others: what is kept begins at the first epoch of any that is.
    let kept = nights().filter(|(night, _)| *night >= first_kept && keep > 0).map(|(_, epoch)| epoch).min();
    let through = kept.map_or(archive.chain.last(), |kept| kept.0.checked_sub(1).map(Epoch));
    // What a lane has not published yet may be told of packets.
    let published = archive.chain.manifests().last().and_then(|last| last.published);
    let through = published.map_or(through, |published| through.min(Some(published)));
    // A file stands or falls whole.
    let files = archive.files(dataset);
    let through = files.iter().map(|file| file.descriptor.epochs.1).filter(|last| Some(*last) <= through).max();
    let through = through.filter(|through| Some(*through) > archive.expired(dataset));
    if let Some(through) = through {
        put(archive, Vec::new(), vec![Expired { dataset, through }])?;
    }
    Ok(through)
}

/// Runs of files that follow one another and are large enough together.
fn runs(files: Vec<Filed>) -> Vec<Vec<Filed>> {
    let (mut runs, mut run, mut bytes, mut rows) = (Vec::new(), Vec::<Filed>::new(), 0, 0);
    for file in files {
        if bytes + file.descriptor.bytes > TARGET || rows + file.descriptor.rows > ROWS {
            runs.push(std::mem::take(&mut run));
            (bytes, rows) = (0, 0);
        }
        bytes += file.descriptor.bytes;
        rows += file.descriptor.rows;
        run.push(file);
    }
    runs.push(run);
    runs.retain(|run| run.len() > 1);
    runs
}

fn merge<R: Row + Send + 'static>(archive: &Archive, run: &[Filed]) -> Result<Vec<Filed>, String> {
    let wrong = |error: DataError| format!("{}: {error}", R::DATASET.name());
    let mut rows = Vec::<R>::new();
    for file in run {
        rows.extend(archive.store.wait(read_rows(archive.store.clone(), file.clone(), Select::default()))?);
    }
    rows.sort_by_key(Row::epoch);
    let mut writer = Writer::<R>::new().map_err(wrong)?;
    for row in rows {
        writer.push(row).map_err(wrong)?;
    }
    let Some(File { descriptor, bytes }) = writer.finish().map_err(wrong)? else { return Ok(Vec::new()) };
    // A name of its own: a compaction that did not come to its end leaves nothing that another would meet.
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let writer = WriterId::new(std::process::id(), since.as_nanos());
    let (first, last) = descriptor.epochs;
    let path = format!("{}/compact/{:012}-{:012}-{writer}.parquet", R::DATASET.name(), first.0, last.0);
    archive.store.wait(archive.store.write(&path, bytes))?;
    Ok(vec![Filed { path, descriptor }])
}

fn put(archive: &Archive, replaced: Vec<Replaced>, expired: Vec<Expired>) -> Result<(), String> {
    let number = archive.layouts.last().map_or(LayoutNumber(0), |last| LayoutNumber(last.number.0 + 1));
    let layout = Layout { number, replaced, expired };
    let bytes = Bytes::from(serde_json::to_vec(&layout).map_err(|error| error.to_string())?);
    let url = archive.store.url();
    match archive.store.wait(archive.store.claim(&number.path(), &bytes))? {
        None => Ok(()),
        Some(_) => Err(format!("archive {url}: another layout was made at the same time: say it again")),
    }
}
