//! Whether a job can run: tried before dusk, not found out at it.
//!
//! Everything that a start would need is reached, read or written as far as that leaves no trace: an archive gets a file that
//! is removed again, the topic of progress a message whose transaction is aborted.

use crate::archive::open::Archive;
use crate::archive::store::Store;
use crate::kafka::check::{sink, source};
use crate::settings::{Job, SourceKind, in_force};
use bytes::Bytes;
use std::net::{TcpListener, ToSocketAddrs};
use std::path::Path;

/// One thing that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What.
    pub what: String,
    /// What was found, or what is wrong and what to do.
    pub found: Result<String, String>,
}

impl Check {
    /// Of something that was tried.
    pub fn new(what: impl Into<String>, found: Result<String, String>) -> Check {
        Check { what: what.into(), found }
    }
}

/// Tries everything that the job names; `listen` is the `host:port` at which this process would wait for the others.
pub fn check(job: &Job, listen: Option<&str>, tell: &mut dyn FnMut(Check)) {
    tell(Check::new("job file", job.check().and_then(|()| job.decoder()).map(|_| format!("job {}", job.name))));
    let archive = job.archive.url.as_deref().map(|url| archive(job, url, tell));
    let archive = archive.flatten();
    for (place, settings) in job.source.iter().enumerate() {
        let what = format!("source {}", place + 1);
        match settings.kind {
            SourceKind::Files => tell(Check::new(what, readable(&settings.path))),
            SourceKind::Simulate => {
                let found = settings.simulate.check().map(|()| "a simulated survey".to_owned());
                tell(Check::new(what, found));
            }
            SourceKind::Kafka => source(job, &settings.kafka, &what, archive.as_ref(), tell),
        }
    }
    if job.source.is_empty() {
        tell(Check::new("source", Err("the job names none: add a [[source]]".into())));
    }
    if let Some(folder) = &job.sink.to {
        tell(Check::new("sink folder", writable(folder)));
    }
    if job.sink.kafka.topic.is_some() {
        sink(job, tell);
    }
    if job.sink.to.is_none() && job.sink.kafka.topic.is_none() {
        tell(Check::new("sink", Err("the job says nothing to anybody: set sink.to or sink.kafka.topic".into())));
    }
    if let Some(listen) = listen {
        tell(Check::new(format!("port {listen}"), free(listen)));
    }
}

fn archive(job: &Job, url: &str, tell: &mut dyn FnMut(Check)) -> Option<Archive> {
    let opened = Archive::open(url);
    let found = opened.as_ref().map(|archive| match archive.chain.last() {
        Some(last) => format!("{} manifests, up to epoch {last}", archive.chain.manifests().len()),
        None => "nothing in it yet".to_owned(),
    });
    tell(Check::new("archive", found.map_err(Clone::clone)));
    tell(Check::new("archive, writing", Store::open(url).and_then(|store| probe(&store))));
    let archive = opened.ok()?;
    if let Some(last) = archive.chain.manifests().last() {
        let recorded = archive.settings(&last.settings);
        tell(Check::new(
            "settings",
            recorded.and_then(|text| match text == in_force(job)? {
                true => Ok("those that the archive was written with".into()),
                false => Err("not those that the archive was last written with: a start says in what, and asks for \
                              --restate"
                    .into()),
            }),
        ));
    }
    Some(archive)
}

/// Writes a small file, reads it, removes it. Nothing lists it meanwhile.
fn probe(store: &Store) -> Result<String, String> {
    let path = format!("checks/{}-{}", std::process::id(), crate::source::night::now().0);
    let bytes = Bytes::from_static(b"skydiff check\n");
    store.wait(store.write(&path, bytes.clone()))?;
    let read = store.wait(store.read(&path));
    store.wait(store.remove(&path))?;
    match read? {
        Some(read) if read == bytes => Ok("a file was written, read and removed".into()),
        _ => Err(format!("archive {}: what is written cannot be read back", store.url())),
    }
}

fn readable(path: &Path) -> Result<String, String> {
    if path == Path::new("-") {
        return Ok("standard input".into());
    }
    let cannot = |error: std::io::Error| format!("{}: {error}", path.display());
    match path.metadata().map_err(cannot)?.is_dir() {
        true => std::fs::read_dir(path).map(drop).map_err(cannot)?,
        false => std::fs::File::open(path).map(drop).map_err(cannot)?,
    }
    Ok(path.display().to_string())
}

fn writable(folder: &Path) -> Result<String, String> {
    let cannot = |error: std::io::Error| format!("{}: {error}", folder.display());
    std::fs::create_dir_all(folder).map_err(cannot)?;
    let path = folder.join(format!(".check-{}", std::process::id()));
    std::fs::write(&path, b"").and_then(|()| std::fs::remove_file(&path)).map_err(cannot)?;
    Ok(folder.display().to_string())
}

fn free(listen: &str) -> Result<String, String> {
    let addresses = listen.to_socket_addrs().map_err(|error| format!("{listen}: {error}: write host:port"))?;
    let addresses: Vec<_> = addresses.collect();
    TcpListener::bind(&addresses[..])
        .map(|_| "free".to_owned())
        .map_err(|error| format!("{listen} cannot be listened at: {error}: name another port, or end who has it"))
}
