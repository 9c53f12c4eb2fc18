//! The live sources of a job, made ready before the dataflow.

use super::{Request, RunError};
use crate::archive::open::Claimed;
use crate::kafka::live::Live;
use crate::kafka::positions::Positions;
use crate::kafka::registry::Schemas;
use crate::kafka::settings::LiveSettings;
use crate::settings::Job;
use crate::source::{Input, Packets};
use skydiff_schemas::decoder;

/// The sources that are live, taken out of the others.
pub(super) fn live(
    job: &Job,
    request: &Request,
    inputs: &mut Vec<Input>,
    positions: Positions,
    settings: &decoder::Settings,
    claimed: Option<&Claimed>,
) -> Result<Option<Live>, RunError> {
    let is_live = |input: &Input| match &input.packets {
        Packets::Live(live) => Some((LiveSettings::clone(live), input.rank)),
        _ => None,
    };
    let sources: Vec<_> = inputs.iter().filter_map(is_live).collect();
    inputs.retain(|input| is_live(input).is_none());
    if sources.is_empty() {
        return Ok(None);
    }
    let (age, bytes) = job.live().map_err(RunError::Settings)?;
    let store = claimed.map(|claimed| claimed.archive.store.clone());
    Ok(Some(Live {
        sources,
        age,
        bytes,
        positions,
        accept_gap: request.accept_gap,
        schemas: Schemas::new(settings.schemas.keys().copied(), job.schemas.clone(), store),
        stop: request.stop.clone(),
        progress: request.progress.clone(),
        events: request.events.clone(),
        watch: request.gauges.watch.clone(),
    }))
}
