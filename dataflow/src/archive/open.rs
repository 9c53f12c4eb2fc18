//! Opening an archive: what is listed, read and decided before the first packet.

use super::dataset::Dataset;
use super::protocol::{
    Chain, Claim, Filed, Generation, Layout, LayoutNumber, Lease, Manifest, RENEW, Start, Sum, Summary, WriterId,
    current, manifest_path, start,
};
use super::snapshot::Snapshot;
use super::store::Store;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use skydiff_operators::Epoch;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// How many small objects are asked for at once.
const AT_ONCE: usize = 16;

/// What an archive holds, as it was listed once.
#[derive(Clone, Debug)]
pub struct Archive {
    /// Where it is.
    pub store: Store,
    /// Its manifests.
    pub chain: Chain,
    /// Its layouts, in order.
    pub layouts: Vec<Layout>,
    /// Epochs that have a snapshot.
    pub snapshots: Vec<Epoch>,
}

/// An archive that this process may write.
#[derive(Debug)]
pub struct Claimed {
    /// What it holds, or of that what is behind a summary. Listed after the claim.
    pub archive: Archive,
    /// Under which generation.
    pub generation: Generation,
    /// By whom.
    pub writer: WriterId,
    /// Set when a newer generation is seen.
    pub fenced: Arc<AtomicBool>,
    ended: Arc<AtomicBool>,
}

/// Why this process may not write an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unclaimed {
    /// Another writer is alive, or what is there is no archive: another try would end in the same way.
    Refused(String),
    /// It cannot be reached just now.
    Failed(String),
}

impl From<String> for Unclaimed {
    fn from(why: String) -> Self {
        Unclaimed::Failed(why)
    }
}

impl Archive {
    /// Lists and checks it. The error says which object is missing or damaged.
    pub fn open(place: &str) -> Result<Archive, String> {
        let store = Store::open(place)?;
        store.wait(Archive::list(store.clone()))
    }

    async fn list(store: Store) -> Result<Archive, String> {
        let of_archive = |error: &dyn std::fmt::Display| format!("archive {}: {error}", store.url());
        let manifests = objects(&store, "manifests", None, Manifest::of_path).await?;
        let chain = Chain::of(manifests).map_err(|error| of_archive(&error))?;
        let (layouts, snapshots) = (layouts(&store, LayoutNumber(0)).await?, snapshots(&store).await?);
        Ok(Archive { store, chain, layouts, snapshots })
    }

    /// What a start needs: the newest summary that has a snapshot, and what is behind it. Where there is none that can be
    /// used, everything; `verify` says why.
    async fn list_behind(store: Store) -> Result<Archive, String> {
        let snapshots = snapshots(&store).await?;
        let listed = store.list("summaries").await?;
        let summed = listed.iter().filter_map(|listed| Summary::of_path(&listed.path));
        let summed = summed.filter(|epoch| snapshots.contains(epoch)).max();
        let Some(summary) = summed else { return Archive::list(store).await };
        let bytes = store.read(&Summary::path(summary)).await?.unwrap_or_default();
        let Ok(summary) = Summary::decode(&bytes) else { return Archive::list(store).await };
        let (last, first_layout) = (manifest_path(summary.first), summary.layout);
        let bytes = store.read(&last).await?.unwrap_or_default();
        let Ok(mut chain) = Chain::behind(summary, &bytes) else { return Archive::list(store).await };
        let of_archive = |error: &dyn std::fmt::Display| format!("archive {}: {error}", store.url());
        let mut behind = objects(&store, "manifests", Some(&last), Manifest::of_path).await?;
        behind.sort_unstable_by_key(|(first, _)| *first);
        for (first, bytes) in behind {
            chain.add(first, &bytes).map_err(|error| of_archive(&error))?;
        }
        let layouts = layouts(&store, first_layout).await?;
        Ok(Archive { store, chain, layouts, snapshots })
    }

    /// The files of a dataset that count, in order of their epochs.
    pub fn files(&self, dataset: Dataset) -> Vec<Filed> {
        current(self.chain.manifests(), &self.layouts, dataset).0
    }

    /// The snapshots from which the state at an epoch can be come to: none from before other settings took effect.
    pub fn useful(&self, epoch: Epoch) -> impl Iterator<Item = Epoch> {
        let begin = self.chain.begin(epoch);
        self.snapshots.iter().copied().filter(move |snapshot| begin <= *snapshot && *snapshot <= epoch)
    }

    /// Up to which epoch a dataset has expired.
    pub fn expired(&self, dataset: Dataset) -> Option<Epoch> {
        current(self.chain.manifests(), &self.layouts, dataset).1
    }

    /// The text of the settings of that name.
    pub fn settings(&self, sum: &Sum) -> Result<String, String> {
        let path = settings_path(sum);
        let found = self.store.wait(self.store.read(&path))?;
        let text = found.ok_or_else(|| format!("archive {}: {path} is missing: bring it back", self.store.url()))?;
        String::from_utf8(text.into()).map_err(|_| format!("archive {}: {path} is damaged", self.store.url()))
    }
}

/// The layouts from a number on, in order.
async fn layouts(store: &Store, first: LayoutNumber) -> Result<Vec<Layout>, String> {
    let behind = first.0.checked_sub(1).map(|before| LayoutNumber(before).path());
    let mut layouts = Vec::new();
    for (number, bytes) in objects(store, "layouts", behind.as_deref(), LayoutNumber::of_path).await? {
        let damaged = |error| format!("archive {}: {} is damaged: {error}", store.url(), number.path());
        layouts.push(serde_json::from_slice::<Layout>(&bytes).map_err(damaged)?);
    }
    layouts.sort_unstable_by_key(|layout| layout.number);
    Ok(layouts)
}

async fn snapshots(store: &Store) -> Result<Vec<Epoch>, String> {
    let listed = store.list("snapshots").await?;
    Ok(listed.iter().filter_map(|listed| Snapshot::of_path(&listed.path)).collect())
}

/// Everything of a folder, behind a path of it, whose name means something.
async fn objects<T>(
    store: &Store,
    folder: &str,
    behind: Option<&str>,
    of_path: impl Fn(&str) -> Option<T>,
) -> Result<Vec<(T, Vec<u8>)>, String> {
    let listed = store.list_behind(folder, behind).await?;
    let named = listed.into_iter().filter_map(|listed| Some((of_path(&listed.path)?, listed.path)));
    let read = |(name, path): (T, String)| async move {
        let bytes = store.read(&path).await?.ok_or_else(|| format!("{path} was listed and is gone"))?;
        Ok((name, bytes.to_vec()))
    };
    futures_util::stream::iter(named).map(read).buffered(AT_ONCE).try_collect().await
}

fn settings_path(sum: &Sum) -> String {
    format!("settings/{sum}.toml")
}

impl Claimed {
    /// Claims the next generation of the archive at `place`. The error says who else writes it, and since when nobody has
    /// heard of them.
    pub fn open(place: &str, take_over: bool) -> Result<Claimed, Unclaimed> {
        let store = Store::open(place).map_err(Unclaimed::Refused)?;
        let writer = WriterId::new(std::process::id(), now().as_nanos());
        let generation = store.wait(claim(&store, &writer, take_over))?;
        // Only now: a manifest of an older generation that comes later is met when the next is put.
        let archive = store.wait(Archive::list_behind(store.clone())).map_err(Unclaimed::Refused)?;
        let (fenced, ended) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        store.spawn(renew(store.clone(), generation, fenced.clone(), ended.clone()));
        Ok(Claimed { archive, generation, writer, fenced, ended })
    }

    /// Reads all manifests, if a summary stands for some: those up to it are needed themselves.
    pub fn read_all(&mut self) -> Result<(), String> {
        if self.archive.chain.summed().is_some() { self.list_again() } else { Ok(()) }
    }

    /// Reads all manifests that there are by now.
    pub fn list_again(&mut self) -> Result<(), String> {
        let store = self.archive.store.clone();
        self.archive = store.wait(Archive::list(store.clone()))?;
        Ok(())
    }

    /// Keeps the text of the settings that are in force, and gives its name.
    pub fn put_settings(&self, text: &str) -> Result<Sum, String> {
        let (store, bytes) = (&self.archive.store, Bytes::from(text.to_owned()));
        let sum = Sum::of(&bytes);
        store.wait(store.write(&settings_path(&sum), bytes))?;
        Ok(sum)
    }

    /// Says that this writer has come to its end, so that nobody waits for it.
    pub fn end(self) -> Result<(), String> {
        self.say_ended()
    }

    fn say_ended(&self) -> Result<(), String> {
        let store = &self.archive.store;
        match self.ended.swap(true, Ordering::Relaxed) {
            true => Ok(()),
            false => store.wait(say(store, self.generation, true)),
        }
    }
}

impl Drop for Claimed {
    fn drop(&mut self) {
        // Whoever ends without it is taken for alive for a while, which is all.
        let _ = self.say_ended();
    }
}

fn now() -> std::time::Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

async fn claim(store: &Store, writer: &WriterId, take_over: bool) -> Result<Generation, Unclaimed> {
    loop {
        let listed = store.list("generations").await?;
        let newest = listed.iter().filter_map(|listed| Generation::of_path(&listed.path)).max();
        let newest = match newest {
            Some(newest) => Some((read_claim(store, newest).await?, read_lease(store, newest).await?)),
            None => None,
        };
        let generation = match start(newest, now().as_secs(), take_over) {
            Start::Claim(generation) => generation,
            Start::Refused(by, silent) => {
                return Err(Unclaimed::Refused(format!(
                    "archive {}: generation {} on {} was alive {silent} s ago: wait until it has ended (60 s after its \
                     last sign), or, if you know that it has, say --take-over",
                    store.url(),
                    by.generation,
                    by.host
                )));
            }
        };
        let host = std::fs::read_to_string("/etc/hostname").unwrap_or_default().trim().to_owned();
        let (at, version) = (now().as_secs(), env!("CARGO_PKG_VERSION").to_owned());
        let ours = Claim { generation, writer: writer.clone(), at, host, version };
        let bytes = Bytes::from(serde_json::to_vec(&ours).map_err(|error| error.to_string())?);
        // Somebody else may have been faster: look again at who it is.
        if store.claim(&generation.path(), &bytes).await?.is_none() {
            return Ok(generation);
        }
    }
}

async fn read_claim(store: &Store, generation: Generation) -> Result<Claim, String> {
    let bytes = store.read(&generation.path()).await?.unwrap_or_default();
    let damaged = |error| format!("archive {}: {} is damaged: {error}", store.url(), generation.path());
    serde_json::from_slice(&bytes).map_err(damaged)
}

/// A lease that cannot be read says nothing: it is overwritten all the time.
async fn read_lease(store: &Store, generation: Generation) -> Result<Option<Lease>, String> {
    let bytes = store.read(&generation.lease()).await?;
    Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

async fn say(store: &Store, generation: Generation, ended: bool) -> Result<(), String> {
    let lease = Lease { at: now().as_secs(), ended };
    let bytes = serde_json::to_vec(&lease).map_err(|error| error.to_string())?;
    store.write(&generation.lease(), bytes.into()).await
}

/// Says every few seconds that this writer lives, and looks whether it is still wanted.
async fn renew(store: Store, generation: Generation, fenced: Arc<AtomicBool>, ended: Arc<AtomicBool>) {
    while !ended.load(Ordering::Relaxed) {
        // That it fails for a while is no harm: manifests decide.
        let _ = say(&store, generation, false).await;
        // What was said just now may have come after the end was.
        if ended.load(Ordering::Relaxed) {
            let _ = say(&store, generation, true).await;
            return;
        }
        if matches!(store.read(&generation.next().path()).await, Ok(Some(_))) {
            fenced.store(true, Ordering::Relaxed);
        }
        tokio::time::sleep(RENEW).await;
    }
}
