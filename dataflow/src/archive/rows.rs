//! The rows of a dataset in order of their epochs, from however many files; these are fetched and decoded ahead.

use super::dataset::{DataError, Dataset, Names, Ranged, Ranges, Reader, Row, Select};
use super::open::Archive;
use super::protocol::Filed;
use super::snapshot::{Snapshot, after};
use super::store::Store;
use crate::source::Progress;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use skydiff_operators::Epoch;
use std::iter::{Flatten, Peekable};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::vec::IntoIter;

/// Files that are read ahead.
const AHEAD: usize = 3;

/// The wanted rows of a dataset, in order of their epochs; files are fetched and decoded ahead, several at once.
pub struct Rows<R: Row> {
    store: Store,
    /// The rows of each file, in batches.
    files: stream::BoxStream<'static, Result<Vec<Vec<R>>, String>>,
    /// First epoch and bytes of each file that has not been taken in, last first.
    ahead: Vec<(Epoch, u64)>,
    progress: Option<Arc<Progress>>,
    /// What is left of files that were taken in: their rows are in order of their epochs.
    open: Vec<Open<R>>,
}

/// The rows of a file, in batches.
type Open<R> = Peekable<Flatten<IntoIter<Vec<R>>>>;

impl<R: Row + Send + 'static> Rows<R> {
    /// Everything up to an epoch, or what of it has one of the names: a snapshot, and what came after it.
    pub fn up_to(
        archive: &Archive,
        dataset: Dataset,
        snapshot: Option<&Snapshot>,
        last: Epoch,
        names: Option<Arc<Names>>,
    ) -> Result<Rows<R>, String> {
        let first: Vec<Filed> = snapshot.into_iter().flat_map(|one| one.files_of(dataset)).cloned().collect();
        Rows::open(archive, dataset, &Select { names, ..after(archive, snapshot, last) }, &first)
    }

    /// The rows that are wanted, behind all those of the files that come first.
    pub fn open(archive: &Archive, dataset: Dataset, select: &Select, first: &[Filed]) -> Result<Rows<R>, String> {
        let store = archive.store.clone();
        if let Some((first, through)) = select.epochs.map(|(first, _)| first).zip(archive.expired(dataset))
            && first <= through
        {
            let name = dataset.name();
            return Err(format!("archive {}: {name} up to epoch {through} have expired", store.url()));
        }
        let files: Vec<Filed> =
            archive.files(dataset).into_iter().filter(|file| select.meets(&file.descriptor)).collect();
        let (all, some) = (Select { names: select.names.clone(), ..Select::default() }, select.clone());
        let files: Vec<(Filed, Select)> = (first.iter().map(|file| (file.clone(), all.clone())))
            .chain(files.into_iter().map(|file| (file, some.clone())))
            .collect();
        let size = |file: &Filed| (file.descriptor.epochs.0, file.descriptor.bytes);
        let ahead = files.iter().rev().map(|(file, _)| size(file)).collect();
        let from = store.clone();
        let files =
            stream::iter(files).map(move |(file, select)| read_batches(from.clone(), file, select)).buffered(AHEAD);
        Ok(Rows { store, files: files.boxed(), ahead, progress: None, open: Vec::new() })
    }

    /// Tells how far it has come.
    pub fn watched(mut self, progress: &Arc<Progress>) -> Rows<R> {
        let bytes = self.ahead.iter().map(|(_, bytes)| bytes).sum();
        progress.ahead.fetch_add(bytes, Ordering::Relaxed);
        self.progress = Some(progress.clone());
        self
    }

    /// Every row up to an epoch that has not been taken. However many files that are, few are in memory at once.
    pub fn take(&mut self, last: Epoch, tell: &mut dyn FnMut(R)) -> Result<(), String> {
        let mut drain = |rows: &mut Open<R>| {
            while let Some(row) = rows.next_if(|row| row.epoch() <= last) {
                tell(row);
            }
            rows.peek().is_some()
        };
        self.open.retain_mut(&mut drain);
        while let Some((_, bytes)) = self.ahead.pop_if(|(first, _)| *first <= last) {
            let Some(rows) = self.store.wait(self.files.next()) else { break };
            if let Some(progress) = &self.progress {
                progress.read.fetch_add(bytes, Ordering::Relaxed);
            }
            let mut rows = rows?.into_iter().flatten().peekable();
            if drain(&mut rows) {
                self.open.push(rows);
            }
        }
        Ok(())
    }
}

/// The wanted rows of a file, which is held against what its manifest says of it.
pub async fn read_rows<R: Row + Send + 'static>(store: Store, file: Filed, select: Select) -> Result<Vec<R>, String> {
    let batches = read_batches::<R>(store, file, select).await?;
    let mut rows = Vec::with_capacity(batches.iter().map(Vec::len).sum());
    batches.into_iter().for_each(|batch| rows.extend(batch));
    Ok(rows)
}

/// The same, as they were decoded.
async fn read_batches<R: Row + Send + 'static>(
    store: Store,
    file: Filed,
    select: Select,
) -> Result<Vec<Vec<R>>, String> {
    let of_file = |why: &dyn std::fmt::Display| format!("archive {}: {}: {why}", store.url(), file.path);
    if select.names.is_some() {
        // Little of it may be wanted: what is read of it is held against what was written, part by part.
        let far = Far { store: store.clone(), path: file.path.clone(), bytes: file.descriptor.bytes };
        let descriptor = file.descriptor.clone();
        let read = store.compute(move || {
            let ranges = Ranges::new(Arc::new(far), &descriptor)?;
            Reader::<R>::open(ranges, &select)?.collect::<Result<_, DataError>>()
        });
        return read.await.map_err(|error| of_file(&error))?.map_err(|error| of_file(&error));
    }
    let bytes = store.read(&file.path).await?.ok_or_else(|| of_file(&"it is missing: bring it back"))?;
    let descriptor = file.descriptor.clone();
    let read =
        store.compute(move || Reader::<R>::whole(&bytes, &descriptor, &select)?.collect::<Result<_, DataError>>());
    read.await.map_err(|error| of_file(&error))?.map_err(|error| of_file(&error))
}

/// A file of the archive, by parts.
pub(crate) struct Far {
    pub store: Store,
    pub path: String,
    pub bytes: u64,
}

impl Ranged for Far {
    fn length(&self) -> u64 {
        self.bytes
    }

    fn read(&self, range: Range<u64>) -> std::io::Result<Bytes> {
        self.store.wait(self.store.read_range(&self.path, range)).map_err(std::io::Error::other)
    }
}
