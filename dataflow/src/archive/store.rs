//! An archive's place: `file://`, `s3://`, `memory://` (and `gs://`, `az://` where they are built in), as few verbs as it needs.
//!
//! Credentials and endpoints come from the environment, as every S3 client reads them (`AWS_ACCESS_KEY_ID`,
//! `AWS_ENDPOINT_URL`, `AWS_ALLOW_HTTP`, ...). What fails for a moment is tried again for [`PATIENCE`]; what cannot be helped
//! by waiting (no such bucket, no permission, a full disk) is an error at once, which names the place and the remedy.

use super::protocol::{Generation, Put, Verdict, after_put};
use advice::may_pass;
use bytes::Bytes;
use futures_util::TryStreamExt;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode};
use std::future::Future;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

/// For how long something that fails is tried again.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// The first pause before something is tried again is this part of the patience; each is twice the one before.
const PAUSES: u32 = 1200;
/// For how long a store is tried that has never answered: more likely its address is wrong than that it will be back.
const FIRST: Duration = Duration::from_secs(10);

/// Files of a file system that are read or written at once.
const READING: usize = 16;
/// Files that are encoded or decoded at once; who writes one waits for its upload too.
const COMPUTING: usize = 8;

/// An archive's place. Clones share it.
#[derive(Clone)]
pub struct Store {
    objects: Arc<dyn ObjectStore>,
    root: Path,
    url: String,
    threads: &'static Threads,
    patience: Duration,
    /// Whether it has ever answered.
    reached: Arc<AtomicBool>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("url", &self.url).finish_non_exhaustive()
    }
}

/// An object that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Where, from the archive's root.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// When it was written.
    pub written: SystemTime,
}

/// The threads on which all stores of a process work. They outlive every store: none may be dropped by a task of its own.
///
/// What computes waits for what reads and writes, and never the other way round: so both may be few. Threads that are many
/// each keep the memory that they once needed.
struct Threads {
    /// Asks, reads and writes.
    work: Runtime,
    /// Encodes and decodes.
    compute: Runtime,
}

fn threads() -> Result<&'static Threads, String> {
    static THREADS: OnceLock<Result<Threads, String>> = OnceLock::new();
    let make = || {
        let mut work = tokio::runtime::Builder::new_multi_thread();
        let work = work.worker_threads(2).max_blocking_threads(READING).enable_all().build()?;
        let compute = tokio::runtime::Builder::new_current_thread().max_blocking_threads(COMPUTING).build()?;
        Ok::<_, std::io::Error>(Threads { work, compute })
    };
    THREADS.get_or_init(|| make().map_err(|error| error.to_string())).as_ref().map_err(String::clone)
}

impl Store {
    /// The place that a URL, or a path, names. Of a file system the folder is made if need be. The error says what is wrong.
    pub fn open(place: &str) -> Result<Store, String> {
        #[cfg(test)]
        if let Some(store) = faulty::open(place) {
            return Ok(store);
        }
        let threads = threads().map_err(|error| format!("archive {place}: {error}"))?;
        let (objects, root) = place::place(place)?;
        Ok(Store { objects, root, url: place.to_owned(), threads, patience: PATIENCE, reached: Arc::default() })
    }

    /// A place in memory, or any other, for tests. Errors are waited out for `patience`.
    pub fn over(objects: Arc<dyn ObjectStore>, patience: Duration) -> Result<Store, String> {
        let (root, url, reached) = (Path::default(), "memory://".into(), Arc::default());
        Ok(Store { objects, root, url, threads: threads()?, patience, reached })
    }

    /// As it was named.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Waits for something. Not to be called by what runs on the store's own threads.
    pub fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.threads.work.handle().block_on(work)
    }

    /// Lets something run beside.
    pub fn spawn<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        self.threads.work.spawn(work)
    }

    /// Lets something that computes run beside. It must not wait for anything else that does.
    pub fn compute<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
        self.threads.compute.spawn_blocking(work)
    }

    fn place(&self, path: &str) -> Path {
        path.split('/').fold(self.root.clone(), |place, part| place.join(part))
    }

    fn patience(&self) -> Duration {
        if self.reached.load(Ordering::Relaxed) { self.patience } else { self.patience.min(FIRST) }
    }

    fn cannot(&self, what: &str, path: &str, error: &Error) -> String {
        format!("archive {}: {path} cannot be {what}: {}{}", self.url, advice::told(error), advice::of(error))
    }

    /// Tries until it goes well, cannot go well, or patience is at its end.
    async fn patiently<T, F: Future<Output = Result<T, Error>>>(
        &self,
        mut work: impl FnMut() -> F,
    ) -> Result<T, Error> {
        let (begun, mut pause) = (Instant::now(), self.patience / PAUSES);
        loop {
            let done = work().await;
            match done {
                Err(error) if may_pass(&error) && begun.elapsed() + pause < self.patience() => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(2));
                }
                Err(error) => return Err(error),
                Ok(done) => {
                    self.reached.store(true, Ordering::Relaxed);
                    return Ok(done);
                }
            }
        }
    }

    /// Writes an object under a name of its own: whatever lies there has the same bytes.
    pub async fn write(&self, path: &str, bytes: Bytes) -> Result<(), String> {
        let place = self.place(path);
        let put = self.patiently(|| self.objects.put(&place, bytes.clone().into())).await;
        put.map(drop).map_err(|error| self.cannot("written", path, &error))
    }

    /// Asks once for an object to be made if there is none; says too whether it is worth asking again.
    async fn put_new(&self, path: &str, bytes: &Bytes) -> (Put, bool) {
        let put = self.objects.put_opts(&self.place(path), bytes.clone().into(), PutMode::Create.into()).await;
        match put {
            Ok(_) => (Put::Made, false),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => (Put::Exists, true),
            Err(error) => (Put::Unknown(self.cannot("written", path, &error)), may_pass(&error)),
        }
    }

    /// Makes an object if there is none, and says what came of it, whatever answers got lost. `None`: it is `bytes` that
    /// lies there; else what does.
    pub async fn claim(&self, path: &str, bytes: &Bytes) -> Result<Option<Bytes>, String> {
        let (begun, mut pause) = (Instant::now(), self.patience / PAUSES);
        loop {
            let (put, again) = self.put_new(path, bytes).await;
            let why = match put {
                Put::Made => return Ok(None),
                Put::Exists => "it is there, and is not".to_owned(),
                Put::Unknown(why) => why,
            };
            if let Some(found) = self.read(path).await? {
                return Ok((found != bytes).then_some(found));
            }
            if !again || begun.elapsed() + pause >= self.patience() {
                return Err(why);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(2));
        }
    }

    /// Commits a manifest of `generation`. The error says why nobody knows whether it is durable.
    pub async fn commit(&self, path: &str, bytes: &Bytes, generation: Generation) -> Result<Verdict, String> {
        let found = self.claim(path, bytes).await?;
        let put = if found.is_some() { Put::Exists } else { Put::Made };
        Ok(after_put(bytes, generation, &put, found.as_deref()))
    }

    /// An object; `None` if there is none.
    pub async fn read(&self, path: &str) -> Result<Option<Bytes>, String> {
        let place = self.place(path);
        let read = || async { self.objects.get(&place).await?.bytes().await };
        match self.patiently(read).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.cannot("read", path, &error)),
        }
    }

    /// A part of an object, which may be shorter if the object is.
    pub async fn read_range(&self, path: &str, range: Range<u64>) -> Result<Bytes, String> {
        let place = self.place(path);
        let read = || self.objects.get_range(&place, range.clone());
        self.patiently(read).await.map_err(|error| self.cannot("read", path, &error))
    }

    /// Everything below a folder, by name.
    pub async fn list(&self, folder: &str) -> Result<Vec<Listed>, String> {
        self.list_behind(folder, None).await
    }

    /// What of that comes behind a path, by name.
    pub async fn list_behind(&self, folder: &str, behind: Option<&str>) -> Result<Vec<Listed>, String> {
        let (place, behind) = (self.place(folder), behind.map(|path| self.place(path)));
        let list = || async {
            let listed = match &behind {
                Some(behind) => self.objects.list_with_offset(Some(&place), behind),
                None => self.objects.list(Some(&place)),
            };
            listed.try_collect::<Vec<_>>().await
        };
        let listed = self.patiently(list).await.map_err(|error| self.cannot("listed", folder, &error))?;
        let skip = if self.root.as_ref().is_empty() { 0 } else { self.root.as_ref().len() + 1 };
        let listed = listed.into_iter().map(|meta| Listed {
            path: meta.location.as_ref()[skip..].to_owned(),
            bytes: meta.size,
            written: meta.last_modified.into(),
        });
        let mut listed: Vec<Listed> = listed.collect();
        listed.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Ok(listed)
    }

    /// The same bytes under another name, by the store itself.
    pub async fn copy(&self, from: &str, to: &str) -> Result<(), String> {
        let (old, new) = (self.place(from), self.place(to));
        let copied = self.patiently(|| self.objects.copy(&old, &new)).await;
        copied.map_err(|error| self.cannot("copied", from, &error))
    }

    /// Removes an object; that it is gone already is no error.
    pub async fn remove(&self, path: &str) -> Result<(), String> {
        let place = self.place(path);
        match self.patiently(|| self.objects.delete(&place)).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.cannot("removed", path, &error)),
        }
    }
}

mod advice;
#[cfg(test)]
mod faulty;
mod place;
#[cfg(test)]
mod tests;
