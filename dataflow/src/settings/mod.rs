//! A job as its file gives it: `JOB.toml`, then `SKYDIFF__A__B` from the environment, then the flags of the command line.
//!
//! Every key has a default and a line of explanation ([`keys`]); a key that is not known is refused with the nearest
//! one that is, since a misspelt threshold that is silently the default is a wrong paper.

mod follow;
mod force;
pub mod keys;
mod layers;
mod print;

pub use force::{differences, in_force, of_record};
pub use layers::{SettingsError, load, with_environment};
pub use print::print_job;

use crate::kafka::settings::{LiveSettings, OutSettings};
use crate::source::EpochCut;
use crate::source::night::parse_time;
use crate::verdict::RecordSettings;
use serde::{Deserialize, Serialize};
use skydiff_operators::{Errors, TimescaleSettings};
use skydiff_schemas::MicroDays;
use skydiff_schemas::survey::{SURVEYS, Table};
use skydiff_simulate::Settings as Simulated;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// More worker threads than any machine has cores: somebody mistyped, and every one costs memory.
const MOST_WORKERS: usize = 1024;

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
}

#[cfg(test)]
mod tests;
