//! An object store that fails as real ones do: requests that never arrive, answers that never come back, answers that come
//! late, bytes that are cut short, and somebody else who puts the same name first.

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use skydiff_operators::mix;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How often each thing goes wrong, in percent.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// A request does not arrive.
    pub fails: u64,
    /// A request is done, and its answer gets lost.
    pub loses: u64,
    /// An answer takes its time.
    pub delays: u64,
    /// What is read is cut short.
    pub truncates: u64,
    /// Somebody else's bytes are put first under a name that must be new.
    pub races: Option<(u64, Vec<u8>)>,
}

/// A store, and what goes wrong with it.
#[derive(Debug)]
pub struct Faulty {
    inner: Arc<dyn ObjectStore>,
    faults: Faults,
    turns: AtomicU64,
}

impl Faulty {
    /// Of a seed, so that a failure can be seen again.
    pub fn new(inner: Arc<dyn ObjectStore>, faults: Faults, seed: u64) -> Faulty {
        Faulty { inner, faults, turns: AtomicU64::new(mix(seed)) }
    }

    fn chance(&self, percent: u64) -> bool {
        mix(self.turns.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed)) % 100 < percent
    }

    async fn before(&self) -> Result<()> {
        if self.chance(self.faults.delays) {
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
        if self.chance(self.faults.fails) { Err(broken("503 slow down")) } else { Ok(()) }
    }

    fn after<T>(&self, done: Result<T>) -> Result<T> {
        if self.chance(self.faults.loses) { Err(broken("connection closed before the answer")) } else { done }
    }
}

/// A folder behind a bad line: `faulty://SEED/path`. Three requests of ten fail, one answer of ten gets lost.
pub fn open(place: &str) -> Option<super::Store> {
    let (seed, path) = place.strip_prefix("faulty://")?.split_once('/')?;
    let path = std::path::Path::new("/").join(path);
    std::fs::create_dir_all(&path).ok()?;
    let inner = object_store::local::LocalFileSystem::new_with_prefix(&path).ok()?;
    let faults = Faults { fails: 30, loses: 10, delays: 20, truncates: 10, races: None };
    let faulty = Faulty::new(Arc::new(inner), faults, seed.parse().ok()?);
    super::Store::over(Arc::new(faulty), Duration::from_secs(6)).ok()
}

fn broken(why: &str) -> Error {
    Error::Generic { store: "faulty", source: why.into() }
}

impl std::fmt::Display for Faulty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("faulty")
    }
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(&self, place: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.before().await?;
        if let Some((percent, theirs)) = &self.faults.races
            && options.mode == PutMode::Create
            && self.chance(*percent)
        {
            let _ = self.inner.put_opts(place, theirs.clone().into(), PutMode::Create.into()).await;
        }
        let done = self.inner.put_opts(place, payload, options).await;
        self.after(done)
    }

    async fn put_multipart_opts(&self, place: &Path, options: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.before().await?;
        self.inner.put_multipart_opts(place, options).await
    }

    async fn get_opts(&self, place: &Path, options: GetOptions) -> Result<GetResult> {
        self.before().await?;
        let mut found = self.inner.get_opts(place, options).await?;
        if self.chance(self.faults.truncates) {
            let cut = async { Err(broken("the connection was reset")) };
            found.payload = GetResultPayload::Stream(futures_util::stream::once(cut).boxed());
        }
        self.after(Ok(found))
    }

    fn delete_stream(&self, places: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(places)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.chance(self.faults.fails) {
            true => futures_util::stream::once(async { Err(broken("503 slow down")) }).boxed(),
            false => self.inner.list(prefix),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.before().await?;
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.before().await?;
        self.inner.copy_opts(from, to, options).await
    }
}
