//! What process 0 asks of a job's lanes before the dataflow: how far each is, and under which schema records are sent.

use super::RunError;
use crate::archive::protocol::Progress;
use crate::flow::clock::Stop;
use crate::kafka::lane::{self, Place};
use crate::kafka::message::Report;
use crate::kafka::progress::Reports;
use crate::kafka::registry::Registry;
use crate::kafka::settings::{Enclose, Form, OutSettings};
use crate::kafka::topics;
use crate::settings::Job;
use crate::watch::Watch;
use serde::{Deserialize, Serialize};
use skydiff_operators::Epoch;
use skydiff_schemas::record::{avro_schema, enclosing_schema};

/// What every worker must know of what is published.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Publishes {
    /// Under which generation.
    pub generation: u64,
    /// The first epoch that is not bound; none where all are.
    pub live: Option<Epoch>,
    /// The id before Avro data.
    pub schema: u32,
}

/// What the lanes of a job have said.
pub(super) struct Said {
    /// Of each lane, that of the rejects last.
    pub lanes: Vec<Option<Progress>>,
    /// The newest generation of them.
    pub generation: u64,
}

/// Asks every lane how far it is, if the job has lanes; makes their topics, if need be. What a lane says now is the least of
/// what it will say when it has fenced all others, which it does before it publishes.
pub(super) fn said(job: &Job) -> Result<Option<Said>, RunError> {
    let settings = &job.sink.kafka;
    let Some(names) = settings.topics() else { return Ok(None) };
    let read = || {
        topics::make(settings, job.sink.lanes)?;
        let reports = Reports::open(settings, &names.progress)?;
        (0..=job.sink.lanes).map(|lane| reports.last(lane)).collect::<Result<Vec<_>, String>>()
    };
    let reports = read().map_err(RunError::Settings)?;
    if let Some(other) = reports.iter().flatten().find(|report| report.job != job.name) {
        return Err(RunError::Settings(format!(
            "topic {} is written by job `{}`, and this one is `{}`: name other topics (sink.kafka.topic)",
            names.progress, other.job, job.name
        )));
    }
    let generation = reports.iter().flatten().map(|report| report.generation).max().unwrap_or(0);
    let lanes = reports.iter().map(|report| report.as_ref().map(Report::progress)).collect();
    Ok(Some(Said { lanes, generation }))
}

/// Begins those of these lanes that were never written, at the first epoch that is told.
pub(super) fn begin(job: &Job, lanes: &[Option<Progress>], publishes: &Publishes, told: Epoch) -> Result<(), RunError> {
    let unborn = (0..).zip(lanes).filter(|(_, said)| said.is_none()).map(|(lane, _)| lane);
    let places: Vec<Place> = unborn.filter_map(|lane| publishes.place(job, lane, told, Watch::default())).collect();
    let begun = std::thread::scope(|scope| {
        let begun: Vec<_> = places.into_iter().map(|place| scope.spawn(|| lane::begin(place))).collect();
        let panicked = |_| Err(Stop::Internal("a thread that begins a lane has ended".into()));
        begun.into_iter().try_for_each(|begun| begun.join().unwrap_or_else(panicked))
    });
    begun.map_err(RunError::Stop)
}

impl Publishes {
    /// What is known of a lane before it is opened; `told` is the first epoch that is told.
    pub(super) fn place(&self, job: &Job, lane: u32, told: Epoch, watch: Watch) -> Option<Place> {
        let settings = &job.sink.kafka;
        Some(Place {
            job: job.name.clone(),
            lane,
            lanes: job.sink.lanes,
            generation: self.generation,
            from: self.live.map(|_| told),
            live: self.live,
            born: told,
            topics: settings.topics()?,
            settings: settings.clone(),
            watch,
        })
    }
}

/// The Avro schema of the messages.
fn schema_of(settings: &OutSettings) -> serde_json::Value {
    if settings.packet == Enclose::None { avro_schema() } else { enclosing_schema() }
}

/// How records are published, if they are.
pub(super) fn publishes(job: &Job, generation: u64, live: Option<Epoch>) -> Result<Option<Publishes>, RunError> {
    let settings = &job.sink.kafka;
    let Some(topic) = &settings.topic else { return Ok(None) };
    let schema = match (&settings.registry, settings.format) {
        (Some(url), Form::Avro) => Registry::new(url)
            .and_then(|registry| registry.put(&format!("{topic}-value"), &schema_of(settings).to_string()))
            .map_err(RunError::Settings)?,
        _ => settings.schema_id,
    };
    Ok(Some(Publishes { generation, live, schema }))
}
