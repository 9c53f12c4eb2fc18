//! A job as its file gives it: `JOB.toml`, then `SKYDIFF__A__B` from the environment, then the flags of the command line.
//!
//! Every key has a default and a line of explanation ([`keys`]); a key that is not known is refused with the nearest
//! one that is, since a misspelt threshold that is silently the default is a wrong paper.

mod force;
pub mod keys;
mod layers;
mod print;

pub use force::{differences, in_force, of_record};
pub use layers::{SettingsError, load, with_environment};
pub use print::print_job;

use crate::archive::dataset::Dataset;
use crate::archive::keep::Nights;
use crate::flow::feed::Limits;
use crate::flow::group::GroupLimits;
use crate::kafka::settings::{LiveSettings, OutSettings};
use crate::source::night::{now, parse_time};
use crate::source::{EpochCut, Input, Packets, Place, parse_bytes};
use crate::verdict::RecordSettings;
use serde::{Deserialize, Serialize};
use skydiff_operators::{Errors, Options, TimescaleSettings};
use skydiff_schemas::decoder::{self, schema_id};
use skydiff_schemas::survey::{SURVEYS, SurveySettings, Table, survey_by_name};
use skydiff_schemas::{MicroDays, SurveyId};
use skydiff_simulate::Settings as Simulated;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// More worker threads than any machine has cores: somebody mistyped, and every one costs memory.
const MOST_WORKERS: usize = 1024;

/// A group of epochs that is committed together has no more bytes of packets: they are held until then.
const GROUP_BYTES: u64 = 256 << 20;

/// A job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Job {
    /// Its name: begins every message id.
    pub name: String,
    /// Where packets come from, in this order.
    pub source: Vec<SourceSettings>,
    /// What an epoch is.
    pub epochs: EpochSettings,
    /// How the job runs.
    pub run: RunSettings,
    /// Windows and thresholds of the states.
    pub timescales: TimescaleSettings,
    /// Which changes are told.
    pub records: RecordSettings,
    /// Where records go.
    pub sink: SinkSettings,
    /// Where what is read and said is kept for ever.
    pub archive: ArchiveSettings,
    /// A folder of LSST schemas by id (`lsst.v11_1.alert.avsc`, `12345.avsc`), used before those that are built in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schemas: Option<PathBuf>,
    /// By survey: errors, quality, aliases.
    pub survey: BTreeMap<String, SurveyTable>,
}

/// A `[[source]]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SourceSettings {
    /// Where its packets are from.
    pub kind: SourceKind,
    /// A folder, a tar, a file of packets, or `-`.
    pub path: PathBuf,
    /// Copies of a measurement from a source of greater rank stand.
    pub rank: i16,
    /// When its packets were received, where no name says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub received: Option<Time>,
    /// The survey that is simulated, where it is.
    pub simulate: Simulated,
    /// The topics that are read, where they are.
    pub kafka: LiveSettings,
}

/// Where packets are from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceKind {
    /// They lie at the path.
    #[default]
    Files,
    /// A simulated survey sends them.
    Simulate,
    /// They are read live.
    Kafka,
}

/// A time, as an MJD or as a date (UTC).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Time {
    /// MJD UTC.
    Mjd(f64),
    /// What [`parse_time`] reads.
    Text(String),
}

impl Time {
    fn utc(&self) -> Result<MicroDays, String> {
        match self {
            Time::Mjd(days) => parse_time(&days.to_string()),
            Time::Text(text) => parse_time(text),
        }
    }
}

/// `[epochs]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EpochSettings {
    /// Where they end.
    pub cut: EpochCut,
    /// How many may be open at once.
    pub in_flight: u64,
    /// Of live packets they end after so many seconds …
    pub live_seconds: f64,
    /// … or with so many bytes.
    pub live_bytes: String,
}

/// `[run]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RunSettings {
    /// Worker threads of each process.
    pub workers: usize,
    /// Share of any 1,000 packets of a schema that may fail for one reason.
    pub max_reject: f64,
    /// Packets may be so many days ahead of their receipt.
    pub future_days: f64,
    /// When packets were received, where neither a name nor their source says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub received: Option<Time>,
    /// Bytes of packets that may be on their way to be read.
    pub bytes_in_flight: String,
}

/// `[sink]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SinkSettings {
    /// The folder; without one nothing is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<PathBuf>,
    /// `jsonl`, `avro`, or both.
    pub formats: Vec<Format>,
    /// Into how many lanes objects are divided.
    pub lanes: u32,
    /// Topics.
    pub kafka: OutSettings,
}

/// `[archive]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ArchiveSettings {
    /// A folder, or a URL; without one nothing is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// How long epochs wait to be committed together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit_seconds: Option<f64>,
    /// For how many nights datasets are kept; without a number for ever.
    #[serde(skip_serializing_if = "KeepSettings::is_empty")]
    pub keep: KeepSettings,
}

/// `[archive.keep]`. Measurements and contexts are what an archive is made of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeepSettings {
    /// The bytes of packets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packets: Option<String>,
    /// Records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<String>,
    /// What was rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejects: Option<String>,
}

impl KeepSettings {
    fn is_empty(&self) -> bool {
        *self == KeepSettings::default()
    }
}

/// A form of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// `records.jsonl`.
    Jsonl,
    /// `records.avro`.
    Avro,
}

/// `[survey.NAME]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SurveyTable {
    /// How its quoted errors become believed ones.
    pub errors: Errors,
    /// Its quality cuts.
    pub quality: Table,
    /// Programmes whose packets are taken; none listed: all.
    #[serde(default)]
    pub programs: Vec<i32>,
    /// More names for its fields.
    #[serde(default)]
    pub aliases: BTreeMap<String, Vec<String>>,
}

impl Default for Job {
    fn default() -> Self {
        let survey = SURVEYS.iter().map(|survey| {
            let (factor, floor) = errors_of(survey.name());
            let errors = Errors { factor, floor };
            // ZTF's public survey; the others are its partners'.
            let programs = if survey.name() == "ztf" { vec![1] } else { Vec::new() };
            let quality = survey.quality_defaults();
            let table = SurveyTable { errors, quality, programs, aliases: BTreeMap::new() };
            (survey.name().to_owned(), table)
        });
        Job {
            name: "skydiff".into(),
            source: Vec::new(),
            epochs: EpochSettings::default(),
            run: RunSettings::default(),
            timescales: TimescaleSettings::default(),
            records: RecordSettings::default(),
            sink: SinkSettings::default(),
            archive: ArchiveSettings::default(),
            schemas: None,
            survey: survey.collect(),
        }
    }
}

/// Factor and floor by default (DESIGN §4.4): LSST's production repeats scatter 1.1 to 1.8 times what it quotes.
fn errors_of(survey: &str) -> (f64, f64) {
    if survey == "lsst" { (1.4, 0.01) } else { (1.0, 0.02) }
}

impl Default for EpochSettings {
    fn default() -> Self {
        EpochSettings { cut: EpochCut::default(), in_flight: 32, live_seconds: 1.0, live_bytes: "64MB".into() }
    }
}

impl Default for RunSettings {
    fn default() -> Self {
        RunSettings { workers: 1, max_reject: 0.05, future_days: 1.0, received: None, bytes_in_flight: "64MB".into() }
    }
}

impl Default for SinkSettings {
    fn default() -> Self {
        SinkSettings { to: None, formats: vec![Format::Jsonl, Format::Avro], lanes: 16, kafka: OutSettings::default() }
    }
}

impl Job {
    /// What is wrong with it, in words that say what to do.
    pub fn check(&self) -> Result<(), String> {
        self.timescales.check().map_err(|wrong| format!("timescales.{wrong}"))?;
        let positive =
            |name: &str, good: bool| if good { Ok(()) } else { Err(format!("{name}: must be greater than 0")) };
        positive("run.workers", self.run.workers > 0)?;
        if self.run.workers > MOST_WORKERS {
            return Err(format!("run.workers = {}: give at most {MOST_WORKERS} to a process", self.run.workers));
        }
        positive("epochs.in_flight", self.epochs.in_flight > 0)?;
        positive("sink.lanes", self.sink.lanes > 0)?;
        if let Some(seconds) = self.archive.commit_seconds.filter(|seconds| !(0.0..=3600.0).contains(seconds)) {
            return Err(format!("archive.commit_seconds = {seconds}: give a number of seconds, at most 3600"));
        }
        if !(0.0..=1.0).contains(&self.run.max_reject) {
            return Err(format!("run.max_reject = {}: give a share from 0 to 1 (1 never stops)", self.run.max_reject));
        }
        if !(self.run.future_days >= 0.0 && self.run.future_days < 1e6) {
            return Err(format!("run.future_days = {}: give a number of days, 0 or more", self.run.future_days));
        }
        let archival = self.records.archival_days;
        if !(0.0..1e6).contains(&archival) {
            return Err(format!("records.archival_days = {archival}: give a number of days, 0 or more"));
        }
        for (name, table) in &self.survey {
            let Errors { factor, floor } = table.errors;
            if !(factor > 0.0 && factor.is_finite()) {
                return Err(format!("survey.{name}.errors.factor = {factor}: must be a number greater than 0"));
            }
            if !(0.0..1.0).contains(&floor) {
                return Err(format!("survey.{name}.errors.floor = {floor}: give a share from 0 to below 1"));
            }
        }
        for source in self.source.iter().filter(|source| source.kind == SourceKind::Simulate) {
            source.simulate.check().map_err(|wrong| format!("source.simulate.{wrong}"))?;
        }
        self.keep()?;
        for source in self.source.iter().filter(|source| source.kind == SourceKind::Kafka) {
            source.kafka.check().map_err(|wrong| format!("source.kafka.{wrong}"))?;
        }
        self.sink.kafka.check().map_err(|wrong| format!("sink.kafka.{wrong}"))?;
        self.live().map(drop)?;
        self.limits().map(|_| ())
    }

    /// When epochs are committed to the archive: by default soon on a file system, and not too often elsewhere.
    pub fn groups(&self) -> GroupLimits {
        let near = self.archive.url.as_ref().is_none_or(|url| !url.contains("://") || url.starts_with("file://"));
        let age = self.archive.commit_seconds.unwrap_or(if near { 0.1 } else { 1.0 });
        let epochs = (self.epochs.in_flight / 2).max(1);
        GroupLimits { age: Duration::from_secs_f64(age.clamp(0.0, 3600.0)), bytes: GROUP_BYTES, epochs }
    }

    /// For how many nights datasets are kept, where that is said. The error names the key.
    pub fn keep(&self) -> Result<Vec<(Dataset, Nights)>, String> {
        let KeepSettings { packets, changes, rejects } = &self.archive.keep;
        let said = [(Dataset::Packets, packets), (Dataset::Changes, changes), (Dataset::Rejects, rejects)];
        let nights = |(dataset, text): (Dataset, &Option<String>)| {
            let text = text.as_ref()?;
            let wrong = |wrong| format!("archive.keep.{} = {wrong}", dataset.name());
            Some(text.parse().map(|nights| (dataset, nights)).map_err(wrong))
        };
        said.into_iter().filter_map(nights).collect()
    }

    /// Where epochs of live packets end: at which age, at how many bytes.
    pub fn live(&self) -> Result<(Duration, u64), String> {
        let EpochSettings { live_seconds: seconds, live_bytes: text, .. } = &self.epochs;
        if !(0.001..=3600.0).contains(seconds) {
            return Err(format!("epochs.live_seconds = {seconds}: give a number of seconds, 0.001 to 3600"));
        }
        let bytes = parse_bytes(text).filter(|bytes| *bytes > 0);
        let bytes =
            bytes.ok_or_else(|| format!("epochs.live_bytes = \"{text}\": write a number of bytes, like 64MB"))?;
        Ok((Duration::from_secs_f64(*seconds), bytes))
    }

    /// How much may be on its way at once.
    pub fn limits(&self) -> Result<Limits, String> {
        let text = &self.run.bytes_in_flight;
        let bytes = parse_bytes(text).filter(|bytes| *bytes > 0);
        let bytes =
            bytes.ok_or_else(|| format!("run.bytes_in_flight = \"{text}\": write a number of bytes, like 64MB"))?;
        Ok(Limits { epochs: self.epochs.in_flight, bytes })
    }

    /// What to read. The error names a path that is not there, or a time that is none.
    pub fn inputs(&self) -> Result<Vec<Input>, String> {
        let time = |of: &str, time: &Option<Time>| {
            time.as_ref().map(Time::utc).transpose().map_err(|wrong| format!("{of}: {wrong}"))
        };
        let received = time("run.received", &self.run.received)?.unwrap_or_else(now);
        let input = |source: &SourceSettings| {
            let packets = match source.kind {
                SourceKind::Files => Packets::At(place(&source.path)?),
                SourceKind::Simulate => Packets::Simulated(Box::new(source.simulate.clone())),
                SourceKind::Kafka => Packets::Live(Box::new(source.kafka.clone())),
            };
            let received = time("source.received", &source.received)?.unwrap_or(received);
            Ok(Input { packets, rank: source.rank, received })
        };
        self.source.iter().map(input).collect()
    }

    /// What decoders are told. The error names the key, or the file.
    pub fn decoder(&self) -> Result<decoder::Settings, String> {
        let survey = |(name, table): (&String, &SurveyTable)| {
            (name.clone(), SurveySettings { quality: table.quality.clone(), aliases: table.aliases.clone() })
        };
        let schemas = self.schemas.as_deref().map_or(Ok(BTreeMap::new()), schemas_in)?;
        Ok(decoder::Settings { surveys: self.survey.iter().map(survey).collect(), schemas })
    }

    /// By survey, the programmes whose packets are taken.
    pub fn programs(&self) -> BTreeMap<SurveyId, Vec<i32>> {
        let listed = self.survey.iter().filter(|(_, table)| !table.programs.is_empty());
        listed.filter_map(|(name, table)| Some((survey_by_name(name)?.id(), table.programs.clone()))).collect()
    }

    /// What the operators are told.
    pub fn options(&self) -> Options {
        let errors = self.survey.iter().filter_map(|(name, table)| Some((survey_by_name(name)?.id(), table.errors)));
        Options {
            timescales: self.timescales.clone(),
            errors: errors.collect(),
            expiry: self.records.emit_expiry,
            ..Options::default()
        }
    }
}

fn place(path: &Path) -> Result<Place, String> {
    if path == Path::new("-") {
        return Ok(Place::Stdin);
    }
    let metadata = path.metadata().map_err(|error| format!("source {}: {error}", path.display()))?;
    // Workers of other processes may have another folder to start from.
    let path = std::path::absolute(path).map_err(|error| format!("source {}: {error}", path.display()))?;
    Ok(if metadata.is_dir() { Place::Folder(path) } else { Place::File(path) })
}

fn schemas_in(folder: &Path) -> Result<BTreeMap<u32, String>, String> {
    let cannot = |path: &Path, error: std::io::Error| format!("schemas: {}: {error}", path.display());
    let mut schemas = BTreeMap::new();
    for entry in std::fs::read_dir(folder).map_err(|error| cannot(folder, error))? {
        let path = entry.map_err(|error| cannot(folder, error))?.path();
        if let Some(id) = path.file_name().and_then(|name| schema_id(name.to_str()?)) {
            schemas.insert(id, std::fs::read_to_string(&path).map_err(|error| cannot(&path, error))?);
        }
    }
    if schemas.is_empty() {
        return Err(format!("schemas: {} holds none: name them by id, like 1001.avsc", folder.display()));
    }
    Ok(schemas)
}

#[cfg(test)]
mod tests;
