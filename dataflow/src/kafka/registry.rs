//! Schemas by id that a job was not built with: from its folder, or from a registry over HTTP, when a packet needs them.
//!
//! A schema that cannot be had *now* is no bad packet: the source waits for it, says so, and then stops. An id that the
//! registry does not know is one: its bytes are noise.

use crate::archive::store::Store;
use crate::source::SchemaText;
use skydiff_schemas::avro::{MAGIC, confluent};
use skydiff_schemas::decoder::{knows, schema_id};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long a registry that does not answer is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long one answer is.
const ANSWER: Duration = Duration::from_secs(5);
/// So many ids that nobody knows are remembered.
const MOST_UNKNOWN: usize = 4096;

/// A schema registry.
pub struct Registry {
    url: String,
    client: reqwest::Client,
    runtime: tokio::runtime::Runtime,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Registry {
    /// At this URL. Nothing is asked yet.
    pub fn new(url: &str) -> Result<Registry, String> {
        let wrong = |error: &dyn std::fmt::Display| format!("registry {url}: {error}");
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| wrong(&error))?;
        let client = reqwest::Client::builder().timeout(ANSWER).build().map_err(|error| wrong(&error))?;
        Ok(Registry { url: url.trim_end_matches('/').to_owned(), client, runtime })
    }

    /// The schema of an id, as Avro JSON; `None` if the registry knows none. The error is that it cannot be asked.
    pub fn schema(&self, id: u32) -> Result<Option<String>, String> {
        let url = format!("{}/schemas/ids/{id}", self.url);
        let (status, text) = self.ask(self.client.get(&url))?;
        match status {
            200 => Ok(Some(self.field(&text, "schema")?.as_str().unwrap_or_default().to_owned())),
            404 => Ok(None),
            status => Err(format!("registry {url}: status {status}")),
        }
    }

    /// Puts a schema under a subject and gives its id.
    pub fn put(&self, subject: &str, schema: &str) -> Result<u32, String> {
        let url = format!("{}/subjects/{subject}/versions", self.url);
        let body = serde_json::json!({ "schema": schema }).to_string();
        let request =
            self.client.post(&url).header("content-type", "application/vnd.schemaregistry.v1+json").body(body);
        match self.ask(request)? {
            (200, text) => {
                let id = self.field(&text, "id")?.as_u64().and_then(|id| u32::try_from(id).ok());
                id.ok_or_else(|| format!("registry {url}: no id in its answer"))
            }
            (status, text) => Err(format!("registry {url}: status {status}: {}", text.trim())),
        }
    }

    fn ask(&self, request: reqwest::RequestBuilder) -> Result<(u16, String), String> {
        let wrong = |error: reqwest::Error| format!("registry {}: {}", self.url, error.without_url());
        self.runtime.block_on(async {
            let answer = request.send().await.map_err(wrong)?;
            Ok((answer.status().as_u16(), answer.text().await.map_err(wrong)?))
        })
    }

    fn field(&self, text: &str, name: &str) -> Result<serde_json::Value, String> {
        let answer: serde_json::Value = serde_json::from_str(text)
            .map_err(|error| format!("registry {}: its answer is no JSON: {error}", self.url))?;
        Ok(answer.get(name).cloned().unwrap_or_default())
    }
}

/// The schemas of a job.
#[derive(Debug, Default)]
pub struct Schemas {
    /// Those that every worker has.
    known: BTreeSet<u32>,
    /// Those that travel with the packets that need them.
    found: BTreeMap<u32, SchemaText>,
    /// Ids that nobody knows.
    unknown: BTreeSet<u32>,
    folder: Option<PathBuf>,
    /// Where what is found is kept, before a packet that needs it is bound.
    archive: Option<Store>,
}

impl Schemas {
    /// Of a job: the ids that its decoders were given, its folder, and its archive.
    pub fn new(known: impl IntoIterator<Item = u32>, folder: Option<PathBuf>, archive: Option<Store>) -> Schemas {
        Schemas { known: known.into_iter().collect(), folder, archive, ..Schemas::default() }
    }

    /// The schema that must travel with a packet, if one must.
    pub fn of(
        &mut self,
        packet: &[u8],
        registry: Option<&Registry>,
        stop: &AtomicBool,
        say: &mut dyn FnMut(String),
    ) -> Result<Option<(u32, SchemaText)>, String> {
        if packet.starts_with(&MAGIC) {
            return Ok(None);
        }
        let Ok((id, _)) = confluent(packet) else { return Ok(None) };
        if self.known.contains(&id) || self.unknown.contains(&id) {
            return Ok(None);
        }
        if !self.found.contains_key(&id) {
            // Once for an id: to find what is built in, it is made.
            if knows(id) {
                self.known.insert(id);
                return Ok(None);
            }
            match self.find(id, registry, stop, say)? {
                Some(text) => {
                    if let Some(store) = &self.archive {
                        store.wait(store.write(&schema_path(id), text.clone().into()))?;
                    }
                    self.found.insert(id, text.into());
                }
                None if self.unknown.len() < MOST_UNKNOWN => drop(self.unknown.insert(id)),
                None => {}
            }
        }
        Ok(self.found.get(&id).map(|text| (id, text.clone())))
    }

    fn find(
        &self,
        id: u32,
        registry: Option<&Registry>,
        stop: &AtomicBool,
        say: &mut dyn FnMut(String),
    ) -> Result<Option<String>, String> {
        if let Some(text) = self.in_folder(id) {
            return Ok(Some(text));
        }
        let Some(registry) = registry else { return Ok(None) };
        let (begun, mut said) = (Instant::now(), false);
        loop {
            match registry.schema(id) {
                Ok(found) => return Ok(found),
                Err(why) if begun.elapsed() >= PATIENCE || stop.load(Ordering::Relaxed) => {
                    return Err(format!("schema id {id} cannot be had: {why}. Start again when it answers"));
                }
                Err(why) => {
                    if !std::mem::replace(&mut said, true) {
                        say(format!("waiting for schema id {id}: {why}"));
                    }
                    std::thread::sleep(Duration::from_millis(500));
                }
            }
        }
    }

    fn in_folder(&self, id: u32) -> Option<String> {
        let files = std::fs::read_dir(self.folder.as_ref()?).ok()?;
        let path = files
            .flatten()
            .map(|file| file.path())
            .find(|path| path.file_name().and_then(|name| name.to_str()).and_then(schema_id) == Some(id))?;
        std::fs::read_to_string(path).ok()
    }
}

/// Where an archive keeps a schema.
pub fn schema_path(id: u32) -> String {
    format!("schemas/{id}.avsc")
}

/// The schemas that an archive keeps.
pub fn archived(store: &Store) -> Result<BTreeMap<u32, SchemaText>, String> {
    let mut schemas = BTreeMap::new();
    for listed in store.wait(store.list("schemas"))? {
        let id = listed.path.strip_prefix("schemas/").and_then(schema_id);
        if let Some(id) = id
            && let Some(text) = store.wait(store.read(&listed.path))?
        {
            schemas.insert(id, String::from_utf8_lossy(&text).into_owned().into());
        }
    }
    Ok(schemas)
}
