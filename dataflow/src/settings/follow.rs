//! What follows from a job's settings: inputs, limits, decoders, options of operators.

use super::{EpochSettings, Job, KeepSettings, SourceKind, SourceSettings, SurveyTable, Time};
use crate::archive::dataset::Dataset;
use crate::archive::keep::Nights;
use crate::flow::feed::Limits;
use crate::flow::group::GroupLimits;
use crate::source::night::now;
use crate::source::{Input, Packets, Place, parse_bytes};
use skydiff_operators::Options;
use skydiff_schemas::SurveyId;
use skydiff_schemas::decoder::{self, schema_id};
use skydiff_schemas::survey::{SurveySettings, survey_by_name};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// A group of epochs that is committed together has no more bytes of packets: they are held until then.
const GROUP_BYTES: u64 = 256 << 20;

impl Job {
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
