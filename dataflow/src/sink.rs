//! The files of a job, in the folder of `--to`.
//!
//! | file | holds |
//! |---|---|
//! | `records.jsonl`, `records.avro` | change records, in order of (epoch, lane, rank) |
//! | `rejects.jsonl`, `rejects.tar` | packets that were not accepted: why, and their bytes, to be put through again with `--from` |
//! | `rejected_rows.jsonl` | rows that were left out of packets that were accepted |
//! | `bindings.jsonl` | what each epoch was made of, and its sky clocks |
//! | `summary.json`, `*.csv` | the reconciliation and the tables of the run; of each night under `nights/` |
//!
//! A run replaces the files of the run before it. Without a folder everything is counted and nothing written.

use crate::counts::Counts;
use crate::event::Summary;
use crate::flow::clock::{Judged, Stop};
use crate::flow::tell::{Encoded, Told};
use crate::names::survey_name;
use crate::reject::{Reject, RowRejects};
use crate::source::Night;
use serde_json::{Value as Json, json};
use skydiff_schemas::iso_utc;
use skydiff_schemas::record::{Codec, ContainerWriter};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

mod ours;

use ours::clear;
pub use ours::spare;

/// The sinks of a job.
#[derive(Debug, Default)]
pub struct Sinks {
    folder: Option<Folder>,
}

struct Folder {
    path: PathBuf,
    json: Option<Lines>,
    avro: Option<ContainerWriter<BufWriter<File>>>,
    bindings: Lines,
    rejects: Lines,
    rows: Lines,
    bytes: Option<tar::Builder<BufWriter<File>>>,
    kept: u64,
}

impl std::fmt::Debug for Folder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Folder").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Sinks {
    /// Begins the files of `folder`, which is made if need be. The error says which path, and why.
    pub fn open(folder: &Path, json: bool, avro: bool) -> Result<Sinks, String> {
        let open = || -> io::Result<Folder> {
            std::fs::create_dir_all(folder)?;
            clear(folder)?;
            let records = || File::create(folder.join("records.avro")).map(BufWriter::new);
            Ok(Folder {
                path: folder.to_owned(),
                json: json.then(|| Lines::begin(folder, "records.jsonl")).transpose()?,
                avro: avro.then(|| ContainerWriter::new(records()?, Codec::Deflate)).transpose()?,
                bindings: Lines::begin(folder, "bindings.jsonl")?,
                rejects: Lines::later(folder, "rejects.jsonl"),
                rows: Lines::later(folder, "rejected_rows.jsonl"),
                bytes: None,
                kept: 0,
            })
        };
        open().map(|folder| Sinks { folder: Some(folder) }).map_err(|error| cannot(folder, &error))
    }

    /// Goes on with the files of a run that has ended.
    pub fn append(folder: &Path, json: bool, avro: bool) -> Result<Sinks, String> {
        let open = || -> io::Result<Folder> {
            let records = || at_end(&folder.join("records.avro"));
            let tar = folder.join("rejects.tar");
            let kept = if tar.exists() { tar::Archive::new(File::open(&tar)?).entries()?.count() as u64 } else { 0 };
            Ok(Folder {
                path: folder.to_owned(),
                json: json.then(|| Lines::resume(folder, "records.jsonl")).transpose()?,
                avro: avro.then(records).transpose()?.map(|out| ContainerWriter::resume(out, Codec::Deflate)),
                bindings: Lines::resume(folder, "bindings.jsonl")?,
                rejects: Lines::resume(folder, "rejects.jsonl")?,
                rows: Lines::resume(folder, "rejected_rows.jsonl")?,
                bytes: if kept > 0 { Some(resume_tar(&tar)?) } else { None },
                kept,
            })
        };
        open().map(|folder| Sinks { folder: Some(folder) }).map_err(|error| cannot(folder, &error))
    }

    /// Writes an epoch, and counts what was written.
    pub fn write(&mut self, judged: &Judged, told: &[Told], counts: &mut Counts) -> Result<(), Stop> {
        let Some(folder) = &mut self.folder else { return Ok(()) };
        if let Some(place) = folder.lacks(told) {
            return Err(Stop::Internal(format!("{place} came without its bytes, which is an error of skydiff")));
        }
        folder.write(judged, told, counts).map_err(|error| Stop::Sink(cannot(&folder.path, &error)))
    }

    /// Writes the report of a night.
    pub fn night(&mut self, night: Night, summary: &Summary) -> Result<(), String> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let path = folder.path.join("nights").join(night.to_string());
        summary.report().write(&path).map_err(|error| cannot(&path, &error))
    }

    /// Writes the report of the run, and completes every file.
    pub fn finish(self, summary: &Summary) -> Result<(), String> {
        let Some(folder) = self.folder else { return Ok(()) };
        let path = folder.path.clone();
        folder.finish(summary).map_err(|error| cannot(&path, &error))
    }
}

fn cannot(path: &Path, error: &io::Error) -> String {
    format!("{} cannot be written: {error}", path.display())
}

impl Folder {
    /// A record that was not encoded as this folder needs it: written all the same it would count, and be nothing.
    fn lacks(&self, told: &[Told]) -> Option<String> {
        let (json, avro) = (self.json.is_some(), self.avro.is_some());
        told.iter().find_map(|lane| {
            let lacks = |of: &Encoded| (json && of.json.is_empty()) || (avro && of.avro.is_empty());
            lane.records.iter().position(lacks).map(|rank| format!("record {rank} of lane {}", lane.lane))
        })
    }

    fn write(&mut self, judged: &Judged, told: &[Told], counts: &mut Counts) -> io::Result<()> {
        self.bindings.write(&binding(judged))?;
        for reject in &judged.rejects {
            let kept = self.keep(reject)?;
            self.rejects.write(&rejected(judged, reject, kept))?;
        }
        for rows in &judged.row_rejects {
            self.rows.write(&rejected_rows(judged, rows))?;
        }
        for encoded in told.iter().flat_map(|lane| &lane.records) {
            if let Some(json) = &mut self.json {
                json.append(&encoded.json)?;
                counts.write("records.jsonl");
            }
            if let Some(avro) = &mut self.avro {
                avro.append_encoded(&encoded.avro)?;
                counts.write("records.avro");
            }
        }
        Ok(())
    }

    /// Puts the bytes of a rejected packet aside. Answers under which name.
    fn keep(&mut self, reject: &Reject) -> io::Result<Option<String>> {
        let Some(bytes) = &reject.bytes else { return Ok(None) };
        let builder = match &mut self.bytes {
            Some(builder) => builder,
            None => self.bytes.insert(tar::Builder::new(BufWriter::new(File::create(self.path.join("rejects.tar"))?))),
        };
        let own = Path::new(&reject.at.name).file_name().map_or("packet".into(), |name| name.to_string_lossy());
        let name = format!("{:08}-{}", self.kept, own.trim_start_matches('.'));
        self.kept += 1;
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, &name, &bytes[..])?;
        Ok(Some(name))
    }

    fn finish(self, summary: &Summary) -> io::Result<()> {
        let Folder { path, json, avro, bindings, rejects, rows, bytes, .. } = self;
        for lines in json.into_iter().chain([bindings, rejects, rows]) {
            lines.finish()?;
        }
        if let Some(avro) = avro {
            avro.finish()?.into_inner().map_err(|error| error.into_error())?.sync_all()?;
        }
        if let Some(bytes) = bytes {
            bytes.into_inner()?.into_inner().map_err(|error| error.into_error())?.sync_all()?;
        }
        summary.report().write(&path)
    }
}

fn at_end(path: &Path) -> io::Result<BufWriter<File>> {
    File::options().append(true).open(path).map(BufWriter::new)
}

/// A tar ends with two blocks of zeros, which go.
fn resume_tar(path: &Path) -> io::Result<tar::Builder<BufWriter<File>>> {
    let file = File::options().write(true).open(path)?;
    file.set_len(file.metadata()?.len().saturating_sub(1024))?;
    drop(file);
    at_end(path).map(tar::Builder::new)
}

fn binding(judged: &Judged) -> Json {
    let (of, marks) = (&judged.binding, &judged.binding.marks);
    let clocks = judged.clocks.iter().map(|(survey, time)| (survey_name(survey), json!(time.days())));
    let origin = of.origin.as_ref();
    json!({
        "epoch": of.epoch.0,
        "file": origin.map(|origin| &origin.bundle),
        "first": of.first,
        "last": (of.first + of.packets).checked_sub(1).filter(|_| of.packets > 0),
        "packets": of.packets,
        "bytes": of.bytes,
        "rank": origin.map(|origin| origin.rank),
        "received_mjd_utc": origin.map(|origin| origin.received.days()),
        "received_utc": origin.map(|origin| iso_utc(origin.received)),
        "clocks_mjd_tai": clocks.collect::<serde_json::Map<_, _>>(),
        "ends_file": marks.file,
        "ends_night": marks.night.map(|night| night.to_string()),
    })
}

fn rejected(judged: &Judged, reject: &Reject, kept: Option<String>) -> Json {
    json!({
        "epoch": judged.binding.epoch.0,
        "file": reject.at.file,
        "packet": reject.at.packet,
        "name": reject.at.name,
        "record": reject.at.record,
        "packets": reject.packets,
        "schema": reject.schema,
        "reason": reject.reason.name(),
        "detail": reject.detail,
        "kept_as": kept,
    })
}

fn rejected_rows(judged: &Judged, rows: &RowRejects) -> Json {
    json!({
        "epoch": judged.binding.epoch.0,
        "file": rows.at.file,
        "packet": rows.at.packet,
        "name": rows.at.name,
        "record": rows.at.record,
        "survey": survey_name(rows.survey),
        "object": crate::names::object_name(rows.object),
        "reason": rows.reason.name(),
        "rows": rows.rows,
    })
}

/// A file of JSON lines that is there once it has one, or from its begin.
struct Lines {
    path: PathBuf,
    out: Option<BufWriter<File>>,
}

impl Lines {
    fn later(folder: &Path, name: &str) -> Lines {
        Lines { path: folder.join(name), out: None }
    }

    fn begin(folder: &Path, name: &str) -> io::Result<Lines> {
        let mut lines = Lines::later(folder, name);
        lines.append(b"")?;
        Ok(lines)
    }

    /// Goes on with one, if it is there.
    fn resume(folder: &Path, name: &str) -> io::Result<Lines> {
        let mut lines = Lines::later(folder, name);
        if lines.path.exists() {
            lines.out = Some(at_end(&lines.path)?);
        }
        Ok(lines)
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let out = match &mut self.out {
            Some(out) => out,
            None => self.out.insert(BufWriter::new(File::create(&self.path)?)),
        };
        out.write_all(bytes)
    }

    fn write(&mut self, line: &Json) -> io::Result<()> {
        self.append(format!("{line}\n").as_bytes())
    }

    fn finish(self) -> io::Result<()> {
        match self.out {
            Some(out) => out.into_inner().map_err(|error| error.into_error())?.sync_all(),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
