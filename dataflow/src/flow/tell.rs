//! Sealed changes to records: which are told, as what, and their bytes, on the worker that has the lane.

use crate::counts::Counts;
use crate::record::{Place, record};
use crate::verdict::{RecordSettings, verdict};
use serde::{Deserialize, Serialize};
use skydiff_operators::{Epoch, Sealed, TimescaleSettings};
use skydiff_schemas::record::{Enclosed, Reason, Record, Value};
use skydiff_schemas::{ObjectId, Pixel};
use timely::container::CapacityContainerBuilder;
use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::Operator;

/// What is told of a lane in an epoch.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Told {
    /// Which lane.
    pub lane: u32,
    /// In order of their ranks.
    pub records: Vec<Encoded>,
    /// Changes that were told, and that were not.
    pub counts: Counts,
}

/// A record with its bytes in each form that is wanted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Encoded {
    /// Of which object.
    pub object: ObjectId,
    /// Where it is kept.
    pub pixel: Pixel,
    /// What is told.
    pub record: Record,
    /// As a line of JSON; empty where it is not wanted.
    #[serde(with = "serde_bytes")]
    pub json: Vec<u8>,
    /// As an Avro datum; empty where it is not wanted.
    #[serde(with = "serde_bytes")]
    pub avro: Vec<u8>,
    /// The packet that caused it, where it goes along.
    pub packet: Option<Box<Enclosed>>,
}

/// How records are told.
#[derive(Clone, Debug)]
pub struct TellSettings {
    /// The first epoch that is told: what was before is known.
    pub since: Epoch,
    /// The epoch at which settings or code have changed, and which of them.
    pub restated: Option<(Epoch, Reason)>,
    /// Name of the job.
    pub job: String,
    /// What the states mean.
    pub timescales: TimescaleSettings,
    /// Which changes are told.
    pub records: RecordSettings,
    /// Whether JSON is wanted.
    pub json: bool,
    /// Whether Avro is wanted.
    pub avro: bool,
}

/// Tells every lane of every epoch.
pub fn tell<'s>(sealed: StreamVec<'s, Epoch, Sealed>, settings: TellSettings) -> StreamVec<'s, Epoch, Told> {
    sealed.unary::<CapacityContainerBuilder<Vec<Told>>, _, _, _>(Pipeline, "Tell", |_, _| {
        move |input, output| {
            input.for_each(|capability, lanes| {
                output.session(&capability).give_iterator(lanes.drain(..).map(|sealed| lane(&sealed, &settings)));
            });
        }
    })
}

fn lane(sealed: &Sealed, settings: &TellSettings) -> Told {
    let mut told = Told { lane: sealed.lane, records: Vec::new(), counts: Counts::default() };
    for change in &sealed.changes {
        let restated = settings.restated.filter(|(epoch, _)| *epoch == sealed.epoch).map(|(_, reason)| reason);
        let kind = verdict(change, &settings.records, restated).filter(|_| sealed.epoch >= settings.since);
        told.counts.decide(change.object.survey, kind);
        let Some(kind) = kind else { continue };
        let place =
            Place { job: &settings.job, epoch: sealed.epoch, lane: sealed.lane, rank: told.records.len() as u64 };
        let record = record(change, kind, place, &settings.timescales, settings.records.archival_days);
        let (mut json, mut avro) = (Vec::new(), Vec::new());
        if settings.json {
            record.write_json(&mut json);
        }
        if settings.avro {
            record.encode(&mut avro);
        }
        let pixel = change.after.as_ref().map_or(Pixel::NONE, |answer| answer.position.pixel());
        told.records.push(Encoded { object: change.object, pixel, record, json, avro, packet: None });
    }
    told
}
