//! What is sent: records, what was last said of an object, rejects and progress as messages. Pure.

use super::settings::{Enclose, Form, OutSettings, Route, Topics};
use crate::flow::tell::Encoded;
use crate::reject::Reject;
use serde::{Deserialize, Serialize};
use skydiff_operators::Epoch;
use skydiff_schemas::record::{AlertType, Enclosed, Record, Timescale, Value as _};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A message on its way to a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Out {
    /// Which topic.
    pub topic: Arc<str>,
    /// What it is about: survey and object, or lane.
    pub key: String,
    /// Its value; none takes back what was said under its key.
    pub payload: Option<Arc<[u8]>>,
    /// What a consumer may choose by without reading the value.
    pub headers: Vec<(&'static str, String)>,
}

/// Makes messages.
#[derive(Clone, Debug)]
pub struct Mailer {
    records: Arc<str>,
    rejects: Arc<str>,
    current: Option<Arc<str>>,
    routes: Vec<(Route, Arc<str>)>,
    form: Form,
    schema: u32,
    /// Whether packets go with records.
    encloses: bool,
}

impl Mailer {
    /// Of a job; `schema` is the id before Avro data.
    pub fn new(settings: &OutSettings, topics: &Topics, schema: u32) -> Mailer {
        let routes = settings.route.iter().map(|route| (route.clone(), Arc::from(route.topic.as_str())));
        Mailer {
            records: Arc::from(topics.records.as_str()),
            rejects: Arc::from(topics.rejects.as_str()),
            current: topics.current.as_deref().map(Arc::from),
            routes: routes.collect(),
            form: settings.format,
            schema,
            encloses: settings.packet != Enclose::None,
        }
    }

    /// Everything that is sent of a record.
    pub fn record(&self, encoded: &Encoded, out: &mut Vec<Out>) {
        let record = &encoded.record;
        let payload = self.payload(encoded, encoded.packet.as_deref());
        let message = Out {
            topic: self.records.clone(),
            key: format!("{}:{}", record.survey, record.object),
            payload: Some(payload),
            headers: headers(record),
        };
        for (route, topic) in &self.routes {
            if takes(route, record) {
                out.push(Out { topic: topic.clone(), ..message.clone() });
            }
        }
        if let Some(topic) = &self.current {
            let holds = record.timescales.iter().any(|timescale| !timescale.states.is_empty());
            // Who comes later asks what is true, not for the images of all that is.
            let alone = encoded.packet.is_some().then(|| self.payload(encoded, None));
            let payload = alone.or(message.payload.clone()).filter(|_| holds);
            out.push(Out { topic: topic.clone(), payload, ..message.clone() });
        }
        out.push(message);
    }

    /// A record as the value of a message, with the packet that goes along.
    fn payload(&self, encoded: &Encoded, packet: Option<&Enclosed>) -> Arc<[u8]> {
        let mut payload = match self.form {
            Form::Json => encoded.json.strip_suffix(b"\n").unwrap_or(&encoded.json).to_vec(),
            Form::Avro => [&[0][..], &self.schema.to_be_bytes(), &encoded.avro].concat(),
        };
        match self.form {
            _ if !self.encloses => {}
            Form::Json => {
                payload.truncate(payload.len().saturating_sub(1));
                payload.extend_from_slice(b",\"packet\":");
                match packet {
                    Some(packet) => packet.write_json(&mut payload),
                    None => payload.extend_from_slice(b"null"),
                }
                payload.push(b'}');
            }
            // As the last column's null, or its value.
            Form::Avro => {
                payload.push(if packet.is_some() { 2 } else { 0 });
                if let Some(packet) = packet {
                    packet.encode(&mut payload);
                }
            }
        }
        payload.into()
    }

    /// A packet that was not accepted, as it was sent.
    pub fn reject(&self, epoch: Epoch, reject: &Reject) -> Out {
        let at = &reject.at;
        Out {
            topic: self.rejects.clone(),
            key: format!("{} {}", at.file, at.packet),
            payload: reject.bytes.as_ref().map(|bytes| bytes.as_slice().into()),
            headers: vec![
                ("reason", reject.reason.name().to_owned()),
                ("detail", reject.detail.clone()),
                ("origin", at.file.clone()),
                ("offset", at.packet.to_string()),
                ("name", at.name.clone()),
                ("schema", reject.schema.clone()),
                ("epoch", epoch.0.to_string()),
            ],
        }
    }
}

fn headers(record: &Record) -> Vec<(&'static str, String)> {
    let held = record.timescales.iter().filter(|timescale| !timescale.states.is_empty());
    let named = held.map(|timescale| {
        let states: Vec<&str> = timescale.states.iter().map(|held| held.state.as_str()).collect();
        (days(timescale), states)
    });
    let named: Vec<(String, Vec<&str>)> = named.collect();
    let mut states: Vec<&str> = named.iter().flat_map(|(_, states)| states.iter().copied()).collect();
    states.sort_unstable();
    states.dedup();
    let timescales: Vec<String> = named.iter().map(|(days, states)| format!("{days}={}", states.join("+"))).collect();
    vec![
        ("survey", record.survey.clone()),
        ("object", record.object.clone()),
        ("type", record.alert_type.name().to_owned()),
        ("reason", record.reason.name().to_owned()),
        ("states", states.join(",")),
        ("timescales", timescales.join(",")),
        ("epoch", record.epoch.to_string()),
        ("id", record.message_id()),
    ]
}

fn days(timescale: &Timescale) -> String {
    timescale.timescale.map_or("all".to_owned(), |days| days.to_string())
}

/// Whether a state begins, holds or ends at a timescale, as a route asks, in a record that it takes at all.
fn takes(route: &Route, record: &Record) -> bool {
    let is_addition = matches!(record.alert_type, AlertType::Initial | AlertType::Subsequent);
    (is_addition || !route.append_only)
        && record.timescales.iter().any(|timescale| {
            let of = route.timescale.is_none_or(|days| timescale.timescale.unwrap_or(f64::INFINITY) == days);
            let held = timescale.states.iter().map(|held| &held.state).chain(&timescale.left);
            of && match &route.state {
                Some(state) => held.into_iter().any(|own| own == state),
                None => held.into_iter().next().is_some(),
            }
        })
}

/// How far a lane is: the value of a message of the progress topic, committed with the records that it speaks of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Name of the job.
    pub job: String,
    /// Which lane; the one behind the last has the rejects.
    pub lane: u32,
    /// How many lanes objects are divided into.
    pub lanes: u32,
    /// Under which generation of the job.
    pub generation: u64,
    /// The first epoch that was to be published when the lane was born.
    pub first: Epoch,
    /// Everything up to this epoch is published; none: it was only born.
    pub through: Option<Epoch>,
    /// Time that each survey had reached by then, MJD (TAI).
    pub sky_mjd_tai: BTreeMap<String, f64>,
    /// Packets in these epochs, since the job was started, and of them those that were rejected.
    pub packets: u64,
    /// Of them, those that were rejected.
    pub rejected: u64,
    /// Messages of the sources that were there and not read yet.
    pub lag: u64,
    /// When this was written (UTC).
    pub utc: String,
    /// Release of skydiff.
    pub version: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use skydiff_schemas::record::{Reason, StateHeld};

    fn record(timescale: f64, states: &[&str], left: &[&str]) -> Record {
        let risen = crate::testing::said(Some(1), &[(skydiff_operators::State::Rising, 0)]);
        let change = crate::testing::change(Default::default(), risen, &[]);
        let place = crate::record::Place { job: "j", epoch: Epoch(3), lane: 1, rank: 2 };
        let mut record =
            crate::record::record(&change, (AlertType::Initial, Reason::NewData), place, &Default::default(), 1.0);
        let held = states.iter().map(|state| StateHeld { state: (*state).to_owned(), z: 6.0 });
        let one = &mut record.timescales[0];
        (one.timescale, one.states) = (Some(timescale), held.collect());
        one.left = left.iter().map(|state| (*state).to_owned()).collect();
        record
    }

    #[test]
    fn records_go_where_they_are_wanted() {
        let route = |timescale, state: Option<&str>, topic: &str| Route {
            topic: topic.into(),
            timescale,
            state: state.map(str::to_owned),
            append_only: topic == "added",
        };
        let settings = OutSettings {
            topic: Some("sky".into()),
            current: Some("now".into()),
            route: vec![
                route(Some(0.1), Some("rising"), "fast"),
                route(None, Some("fading"), "down"),
                route(None, Some("steady"), "added"),
            ],
            ..OutSettings::default()
        };
        let mailer = Mailer::new(&settings, &settings.topics().unwrap(), 1);
        let topics = |record: Record| {
            let pixel = skydiff_schemas::Pixel::NONE;
            let object = crate::testing::OBJECT;
            let encoded = Encoded { object, pixel, record, json: b"{}\n".to_vec(), avro: vec![], packet: None };
            let mut out = Vec::new();
            mailer.record(&encoded, &mut out);
            let told = |message: &Out| format!("{}{}", message.topic, if message.payload.is_none() { "-" } else { "" });
            out.iter().map(told).collect::<Vec<_>>()
        };
        assert_eq!(topics(record(0.1, &["rising", "new"], &[])), ["fast", "now", "sky"]);
        assert_eq!(topics(record(2.0, &["rising"], &["fading"])), ["down", "now", "sky"]);
        assert_eq!(topics(record(0.1, &[], &["rising"])), ["fast", "now-", "sky"], "what ends is taken back");
        let of = |alert_type| topics(Record { alert_type, ..record(2.0, &["steady"], &[]) });
        for addition in [AlertType::Initial, AlertType::Subsequent] {
            assert_eq!(of(addition), ["added", "now", "sky"]);
        }
        for correction in [AlertType::Update, AlertType::Retraction] {
            assert_eq!(of(correction), ["now", "sky"], "who can take no correction is sent none");
        }
    }
}
