//! `skydiff archive`: what can be done with an archive beside writing and replaying it.

use crate::output::{print, print_json, print_text};
use crate::replay::nights;
use crate::run::Run;
use crate::whence::named;
use clap::{Args, Subcommand};
use serde_json::json;
use skydiff_dataflow::archive::compact::{compact, expire};
use skydiff_dataflow::archive::dataset::Dataset;
use skydiff_dataflow::archive::export::{Wanted, export};
use skydiff_dataflow::archive::gc::{remove, unnamed};
use skydiff_dataflow::archive::open::Archive;
use skydiff_dataflow::archive::recall::night_of;
use skydiff_dataflow::archive::redrive::redrive;
use skydiff_dataflow::archive::snapshot::Snapshot;
use skydiff_dataflow::archive::verify::verify;
use skydiff_dataflow::cone::Cone;
use skydiff_dataflow::reject::Reason;
use skydiff_dataflow::run::open_job;
use skydiff_dataflow::settings::{Job, in_force};
use skydiff_dataflow::source::Night;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

const HELP: &str = "\
    Examples:\n  \
    skydiff archive ingest --archive arch --from ztf_public_20180601.tar.gz\n  \
    skydiff archive ls --archive arch\n  \
    skydiff archive verify --archive s3://bucket/arch\n  \
    skydiff archive export --archive arch --object ZTF17aaaedmd --to packets.tar\n  \
    skydiff archive gc --archive arch --dry-run";

/// Lists, checks, empties, fills archives, and takes packets out of them.
#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub struct ArchiveVerbs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// What it holds, night by night
    Ls(Ls),
    /// Whether every file is there and whole, and the books balance
    Verify(Which),
    /// Packets as they were sent, byte for byte, into a tar
    Export(Export),
    /// Removes files that nothing names: what crashes and compaction have left
    Gc(Gc),
    /// Reads packets into it: a run that writes nothing else
    Ingest(Box<Run>),
    /// Replaces small files by large ones; `gc` removes what is replaced
    Compact(Which),
    /// Keeps a dataset for the last so many nights only; `gc` removes the rest
    Expire(Expire),
    /// Keeps the state at its last epoch, so that the next start is quick
    Snapshot(Which),
    /// Reads rejected packets once more, as new epochs, with the settings that it was last written with
    Redrive(Redrive),
    /// The settings that it was last written with, as a job file
    Settings(Which),
}

#[derive(Args, Debug)]
struct Which {
    /// The archive: a folder, or file://, s3://
    #[arg(long, value_name = "URL")]
    archive: String,
}

#[derive(Args, Debug)]
struct Ls {
    #[command(flatten)]
    which: Which,
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args, Debug)]
struct Export {
    #[command(flatten)]
    which: Which,
    /// Of this object: ZTF17aaaedmd, 170063990240706645, ss:20890966901666384
    #[arg(long, value_name = "ID")]
    object: Option<String>,
    /// With a trigger in this cone, all in degrees
    #[arg(long, value_name = "RA,DEC,R", allow_hyphen_values = true)]
    cone: Option<Cone>,
    /// Received in these nights, both included
    #[arg(long, value_name = "A..B", value_parser = nights)]
    nights: Option<(Night, Night)>,
    /// The tar to be written
    #[arg(long, value_name = "FILE.tar")]
    to: PathBuf,
}

#[derive(Args, Debug)]
struct Redrive {
    #[command(flatten)]
    which: Which,
    /// Rejected for this reason: framing, schema, unknown_schema, unknown_survey, datum, value, future
    #[arg(long, value_name = "REASON")]
    reason: String,
    /// A folder of LSST schemas by id, where these were missing
    #[arg(long, value_name = "DIR")]
    schemas: Option<PathBuf>,
}

#[derive(Args, Debug)]
struct Expire {
    #[command(flatten)]
    which: Which,
    /// packets, changes or rejects. Measurements and contexts are what an archive is made of
    #[arg(long, value_name = "DATASET", value_parser = ["packets", "changes", "rejects"])]
    dataset: String,
    /// How many nights are kept, counted from the newest
    #[arg(long, value_name = "N")]
    keep: u32,
}

#[derive(Args, Debug)]
struct Gc {
    #[command(flatten)]
    which: Which,
    /// Files younger than this are let be: a job may be about to name them
    #[arg(long, value_name = "HOURS", default_value_t = 24.0)]
    grace: f64,
    /// Say what would be removed
    #[arg(long)]
    dry_run: bool,
}

impl ArchiveVerbs {
    /// Does it.
    pub fn run(self) -> ExitCode {
        let done = match self.verb {
            Verb::Ingest(run) => return run.ingest(),
            Verb::Redrive(redrive) => return redrive.run(),
            Verb::Ls(ls) => ls.run(),
            Verb::Verify(which) => which.verify(),
            Verb::Export(export) => export.run(),
            Verb::Gc(gc) => gc.run(),
            Verb::Compact(which) => which.compact(),
            Verb::Expire(expire) => expire.run(),
            Verb::Snapshot(which) => which.snapshot(),
            Verb::Settings(which) => which.settings(),
        };
        match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(why) => {
                eprintln!("skydiff: {why}");
                ExitCode::FAILURE
            }
        }
    }
}

#[derive(Default)]
struct OfNight {
    epochs: u64,
    packets: u64,
    bytes: u64,
}

impl Ls {
    fn run(self) -> Result<(), String> {
        let archive = Archive::open(&self.which.archive)?;
        let mut by_night = BTreeMap::<Option<Night>, OfNight>::new();
        for bound in archive.chain.manifests().iter().flat_map(|manifest| &manifest.epochs) {
            let night = by_night.entry(night_of(&bound.binding)).or_default();
            night.epochs += 1;
            night.packets += bound.binding.packets;
            night.bytes += bound.binding.bytes;
        }
        let name = |night: &Option<Night>| night.map_or("-".to_owned(), |night| night.to_string());
        let datasets = Dataset::ALL.map(|dataset| {
            let files = archive.files(dataset);
            let sum = |of: fn(&skydiff_dataflow::archive::dataset::Descriptor) -> u64| {
                files.iter().map(|file| of(&file.descriptor)).sum::<u64>()
            };
            (dataset.name(), files.len(), sum(|d| d.rows), sum(|d| d.bytes))
        });
        let manifests = archive.chain.manifests();
        let digest = manifests.last().map(|manifest| manifest.digest.clone());
        if self.json {
            let nights = by_night.iter().map(|(night, of)| {
                json!({ "night": night.map(|night| night.to_string()), "epochs": of.epochs, "packets": of.packets, "bytes": of.bytes })
            });
            let datasets = datasets.map(
                |(name, files, rows, bytes)| json!({ "dataset": name, "files": files, "rows": rows, "bytes": bytes }),
            );
            return print_json(&json!({
                "manifests": manifests.len(),
                "last_epoch": archive.chain.last().map(|epoch| epoch.0),
                "digest": digest,
                "nights": nights.collect::<Vec<_>>(),
                "datasets": datasets,
            }));
        }
        print(|out| {
            writeln!(out, "{:10} {:>8} {:>12} {:>16}", "night", "epochs", "packets", "packet bytes")?;
            for (night, of) in &by_night {
                writeln!(out, "{:10} {:>8} {:>12} {:>16}", name(night), of.epochs, of.packets, of.bytes)?;
            }
            writeln!(out, "\n{:13} {:>8} {:>12} {:>16}", "dataset", "files", "rows", "bytes")?;
            for (name, files, rows, bytes) in datasets {
                writeln!(out, "{name:13} {files:>8} {rows:>12} {bytes:>16}")?;
            }
            let last = archive.chain.last().map_or("none".to_owned(), |epoch| epoch.to_string());
            writeln!(out, "\n{} manifests, last epoch {last}", manifests.len())?;
            digest.iter().try_for_each(|digest| writeln!(out, "digest {digest}"))
        })
    }
}

impl Which {
    fn verify(self) -> Result<(), String> {
        let archive = Archive::open(&self.archive)?;
        let verified = verify(&archive, &mut |_, _| {});
        print_text(&format!(
            "{} manifests, {} files, {} rows, {} bytes, {} packets\n",
            archive.chain.manifests().len(),
            verified.files,
            verified.rows,
            verified.bytes,
            verified.packets
        ))?;
        verified.expired.iter().try_for_each(|what| print_text(&format!("expired: {what}\n")))?;
        match verified.wrong.len() {
            0 => print_text("Everything is there and whole.\n"),
            n => Err(format!("archive {}: {n} things are wrong:\n  {}", self.archive, verified.wrong.join("\n  "))),
        }
    }

    fn compact(self) -> Result<(), String> {
        let compacted = compact(&Archive::open(&self.archive)?)?;
        print_text(&format!("{} files replaced by {}\n", compacted.old, compacted.new))
    }

    fn snapshot(self) -> Result<(), String> {
        let archive = Archive::open(&self.archive)?;
        match Snapshot::take(&archive)? {
            Some(Snapshot { epoch, files }) => {
                let rows: u64 = files.iter().map(|file| file.descriptor.rows).sum();
                print_text(&format!("snapshot of epoch {epoch}: {} files, {rows} rows\n", files.len()))
            }
            None => print_text("There is one of the last epoch, or nothing to make it of.\n"),
        }
    }

    fn settings(self) -> Result<(), String> {
        let (job, _) = open_job(&self.archive)?;
        print_text(&in_force(&job)?)
    }
}

impl Export {
    fn run(self) -> Result<(), String> {
        let object = self.object.as_deref().map(named).transpose()?;
        let archive = Archive::open(&self.which.archive)?;
        let cannot = |error: std::io::Error| format!("{}: {error}", self.to.display());
        let mut tar = tar::Builder::new(BufWriter::new(File::create(&self.to).map_err(cannot)?));
        let wanted = Wanted { object, cone: self.cone, nights: self.nights };
        let told = export(&archive, &wanted, &mut |row| {
            let own = row.name.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or("packet");
            let name = format!("{:012}/{:08}-{}", row.epoch.0, row.number, own.trim_start_matches('.'));
            let mut header = tar::Header::new_gnu();
            header.set_size(row.bytes.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, &name, &row.bytes[..]).map_err(cannot)
        })?;
        let out = tar.into_inner().map_err(cannot)?.into_inner().map_err(|error| cannot(error.into_error()))?;
        out.sync_all().map_err(cannot)?;
        print_text(&format!("{told} packets in {}\n", self.to.display()))
    }
}

impl Redrive {
    fn run(self) -> ExitCode {
        let folder = std::env::temp_dir().join("skydiff-redrive");
        let prepare = || -> Result<Job, String> {
            let reason = Reason::ALL.into_iter().find(|reason| reason.name() == self.reason);
            let reason = reason.ok_or_else(|| {
                format!("`{}` is no reason: write one of {}", self.reason, Reason::ALL.map(Reason::name).join(", "))
            })?;
            let (mut job, archive) = open_job(&self.which.archive)?;
            let (count, source) = redrive(&archive, reason, &folder)?;
            print_text(&format!("{count} packets were rejected as `{}`\n", self.reason))?;
            (job.source, job.schemas) = (source, self.schemas.clone());
            (job.archive.url, job.run.max_reject) = (Some(self.which.archive.clone()), 1.0);
            Ok(job)
        };
        match prepare() {
            Ok(job) if job.source.is_empty() => ExitCode::SUCCESS,
            Ok(job) => Run::of_job().with(job),
            Err(why) => {
                eprintln!("skydiff: {why}");
                ExitCode::FAILURE
            }
        }
    }
}

impl Expire {
    fn run(self) -> Result<(), String> {
        let archive = Archive::open(&self.which.archive)?;
        let dataset = Dataset::ALL.into_iter().find(|dataset| dataset.name() == self.dataset);
        let dataset = dataset.ok_or_else(|| format!("there is no dataset `{}`", self.dataset))?;
        match expire(&archive, dataset, self.keep)? {
            Some(through) => print_text(&format!("{}/ has expired up to epoch {through}\n", self.dataset)),
            None => print_text("Nothing is older than that.\n"),
        }
    }
}

impl Gc {
    fn run(self) -> Result<(), String> {
        let archive = Archive::open(&self.which.archive)?;
        let grace = Duration::try_from_secs_f64(self.grace * 3600.0)
            .map_err(|_| format!("--grace {}: give a number of hours, 0 or more", self.grace))?;
        let files = unnamed(&archive, SystemTime::now(), grace)?;
        let bytes: u64 = files.iter().map(|file| file.bytes).sum();
        files.iter().try_for_each(|file| print_text(&format!("{} {}\n", file.bytes, file.path)))?;
        if !self.dry_run {
            remove(&archive, &files)?;
        }
        let word = if self.dry_run { "would be removed" } else { "removed" };
        print_text(&format!("{} files, {bytes} bytes {word}\n", files.len()))
    }
}
