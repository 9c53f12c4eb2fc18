//! Where a verb finds packets, and by which rules: the flags that `object`, `why`, `plot` and `publish` have in common.

use clap::Args;
use skydiff_dataflow::archive::open::Archive;
use skydiff_dataflow::archive::recall::captured;
use skydiff_dataflow::lookup::{Lookup, LookupError};
use skydiff_dataflow::run::open_job;
use skydiff_dataflow::settings::{Job, SourceSettings, Time, load};
use skydiff_dataflow::source::night::parse_time;
use skydiff_schemas::ObjectId;
use skydiff_schemas::survey::{SURVEYS, object_name, parse_object};
use std::path::PathBuf;

/// Where packets are, and by which rules they are read.
#[derive(Args, Debug, Default)]
pub struct Whence {
    /// Where the packets are: folders, files, tars. May be given more than once
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub from: Vec<PathBuf>,
    /// The archive that holds them: a folder, or file://, s3://. Its own settings are meant, without --job
    #[arg(long, value_name = "URL", conflicts_with = "from")]
    pub archive: Option<String>,
    /// The job whose thresholds, quality cuts and timescales are meant (and its sources, without --from); else the defaults
    #[arg(long, value_name = "JOB.toml")]
    pub job: Option<PathBuf>,
    /// When packets were received whose names do not say it (MJD or UTC date); later triggers are rejected. Default: now
    #[arg(long, value_name = "TIME", value_parser = |text: &str| parse_time(text).map(|_| text.to_owned()))]
    pub received: Option<String>,
}

impl Whence {
    /// The job that is meant, with the sources that are; and the archive, where one is named.
    pub fn job(&self) -> Result<(Job, Option<Archive>), String> {
        if self.from.is_empty() && self.archive.is_none() && self.job.is_none() {
            return Err(
                "name packets with --from PATH, an archive with --archive URL, or a job with --job JOB.toml".into()
            );
        }
        let given =
            |job: Option<&PathBuf>| load(job.map(PathBuf::as_path), std::env::vars()).map_err(|e| e.to_string());
        let Some(url) = &self.archive else {
            let mut job = given(self.job.as_ref())?;
            if !self.from.is_empty() {
                let source = |path: &PathBuf| SourceSettings { path: path.clone(), ..SourceSettings::default() };
                job.source = self.from.iter().map(source).collect();
            }
            job.run.received = self.received.clone().map(Time::Text).or(job.run.received);
            return job.check().map(|()| (job, None));
        };
        let (recorded, archive) = open_job(url)?;
        let job = if self.job.is_some() { given(self.job.as_ref())? } else { recorded.clone() };
        if captured(&job) != captured(&recorded) {
            return Err(format!(
                "archive {url}: what was kept of its packets was kept by other quality cuts than those of --job: `skydiff \
                 replay --archive {url} --from packets JOB.toml --to DIR` reads the packets again, by these"
            ));
        }
        Ok((job, Some(archive)))
    }

    /// Where objects are looked up, and the job by whose rules.
    pub fn lookup(&self) -> Result<(Job, Lookup), String> {
        let (job, archive) = self.job()?;
        let lookup = lookup(&job, archive)?;
        Ok((job, lookup))
    }
}

/// Looks up by the rules of a job: in its sources, or in an archive.
pub fn lookup(job: &Job, archive: Option<Archive>) -> Result<Lookup, String> {
    match archive {
        Some(archive) => Lookup::in_archive(job, archive),
        None => Lookup::of(job),
    }
}

/// The object of that name.
pub fn named(id: &str) -> Result<ObjectId, String> {
    let surveys: Vec<&str> = SURVEYS.iter().map(|survey| survey.name()).collect();
    parse_object(id).ok_or_else(|| {
        format!(
            "`{id}` is no object's name: write ZTF17aaaedmd, 170063990240706645 (LSST), ss:20890966901666384 (LSST, solar \
             system), or put the survey before it, as in {}:NAME",
            surveys.join(":NAME, ")
        )
    })
}

/// Why there is nothing to tell, and what to do.
pub fn explain(object: ObjectId, error: LookupError) -> String {
    match error {
        LookupError::Unknown { packets: (0, _), .. } => "there is no packet in what --from or --archive names".into(),
        LookupError::Unknown { alert_of: Some(of), .. } => {
            format!("{} is the id of an alert: its object is {of}", object_name(object))
        }
        LookupError::Unknown { packets: (read, rejected), near, .. } => {
            let near = match &near[..] {
                [] => String::from("they hold no object of that survey"),
                names => format!("near to it are {}", names.join(", ")),
            };
            format!("no alert of {} among {read} packets ({rejected} rejected); {near}", object_name(object))
        }
        other => unreadable(other),
    }
}

/// Why packets cannot be read, and what to do.
pub fn unreadable(error: LookupError) -> String {
    match error {
        LookupError::Settings(error) => error.to_string(),
        LookupError::Archive(why) => why,
        LookupError::Stdin => {
            "standard input cannot be read twice, as this must be: save it to a file and name that with --from".into()
        }
        LookupError::Unknown { .. } => "there is nothing of it".into(),
    }
}
