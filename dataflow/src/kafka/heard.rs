//! What a message says: a survey's packet, one of our records (JSON or Avro), another's JSON, or bytes that are none of these.

use super::registry::Registry;
use super::tail::Message;
use serde_json::{Value as Json, json};
use skydiff_schemas::avro::{BytesAs, Header, Inflate, MAGIC, Schema, Value as Avro, confluent};
use skydiff_schemas::decoder::{Settings, knows};
use skydiff_schemas::record::{Enclosed, Record, Value as _};
use skydiff_schemas::survey::{SURVEYS, object_name};
use skydiff_schemas::{Decoder, PacketReject, iso_utc};
use std::collections::BTreeSet;

/// What it says.
#[derive(Debug)]
pub enum Said {
    /// A packet; of each of its records what it is in a line: object, trigger, time.
    Packet(Vec<String>),
    /// A record, and the packet that goes along.
    Record(Box<Record>, Option<Box<Enclosed>>),
    /// JSON that is no record of ours: progress, another broker's words.
    Json(Json),
    /// Nothing: what stood under its key is no longer true.
    Tombstone,
    /// It cannot be read, and why.
    Unreadable(String),
}

/// Reads messages.
pub struct Reader {
    settings: Settings,
    decoder: Decoder,
    registry: Option<Registry>,
    /// Ids that the registry does not know.
    unknown: BTreeSet<u32>,
}

impl Reader {
    /// With the schemas and aliases of these settings, and the URL of a registry that has others.
    pub fn new(settings: Settings, registry: Option<&str>) -> Result<Reader, String> {
        let decoder = Decoder::new(&settings).map_err(|error| error.to_string())?;
        let registry = registry.map(Registry::new).transpose()?;
        Ok(Reader { settings, decoder, registry, unknown: BTreeSet::new() })
    }

    /// Asks the registry for the schema that a message needs, if there is one and nothing else has it. The error is that it
    /// does not answer.
    pub fn learn(&mut self, value: Option<&[u8]>) -> Result<(), String> {
        let Some((registry, (id, _))) = self.registry.as_ref().zip(value.and_then(|bytes| confluent(bytes).ok()))
        else {
            return Ok(());
        };
        if knows(id) || self.settings.schemas.contains_key(&id) || self.unknown.contains(&id) {
            return Ok(());
        }
        match registry.schema(id)? {
            Some(text) => {
                // One that cannot be read is told by the messages that need it.
                let _ = self.decoder.learn(id, &text);
                self.settings.schemas.insert(id, text);
            }
            None => drop(self.unknown.insert(id)),
        }
        Ok(())
    }

    /// What decodes packets.
    pub fn decoder(&mut self) -> &mut Decoder {
        &mut self.decoder
    }

    /// What a message says.
    pub fn read(&mut self, value: Option<&[u8]>) -> Said {
        let Some(bytes) = value else { return Said::Tombstone };
        if bytes.first() == Some(&b'{') {
            return match serde_json::from_slice(bytes) {
                Ok(json) => Said::Json(json),
                Err(error) => Said::Unreadable(format!("it begins like JSON and is none: {error}")),
            };
        }
        let (mut lines, mut wrong) = (Vec::new(), None);
        self.decoder.decode(bytes, |_, alert| match alert {
            Ok(alert) => {
                let (object, trigger, time) = (object_name(alert.object), alert.trigger.0, alert.time.days());
                lines.push(format!("{object} {trigger} mjd {time:.5} {} rows", alert.rows.len()));
            }
            Err(reject) => wrong = Some(reject),
        });
        let Some(reject) = wrong else { return Said::Packet(lines) };
        // A record stands behind the frame of a schema that no survey has.
        let record = confluent(bytes).ok().and_then(|(_, datum)| {
            let with_packet = || Enclosed::decode_with(datum);
            Record::decode_whole(datum).map(|record| (record, None)).or_else(with_packet)
        });
        let Some((record, packet)) = record else {
            // Whatever else a registry has a schema for is shown by that.
            let other = matches!(reject, PacketReject::UnknownSurvey(_)).then(|| self.fields(bytes).ok()).flatten();
            let other = other.and_then(|mut records| records.pop());
            return other.map_or_else(|| Said::Unreadable(format!("{reject} ({})", reject.reason())), Said::Json);
        };
        Said::Record(record.into(), packet.map(Box::new))
    }

    /// A message as one JSON object: where it stands, its headers, and what it says, whole; stamps as their lengths.
    pub fn json(&mut self, message: &Message) -> Json {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let headers: serde_json::Map<String, Json> =
            message.headers.iter().map(|(key, value)| (key.clone(), json!(text(value)))).collect();
        let said = match self.read(message.value.as_deref()) {
            Said::Packet(_) => match self.fields(message.value.as_deref().unwrap_or_default()) {
                Ok(mut records) if records.len() == 1 => json!({"packet": records.remove(0)}),
                Ok(records) => json!({"packets": records}),
                Err(why) => json!({"unreadable": why.to_string()}),
            },
            Said::Record(record, packet) => {
                let mut json = json!({"record": record});
                if let Some(packet) = packet {
                    let mut text = Vec::new();
                    packet.write_json(&mut text);
                    json["record"]["packet"] = serde_json::from_slice(&text).unwrap_or_default();
                }
                json
            }
            // Whose JSON it is, is seen by what it has.
            Said::Json(said) if said.get("alert_type").is_some() => json!({"record": said}),
            Said::Json(said) => json!({"json": said}),
            Said::Tombstone => json!({"tombstone": true}),
            Said::Unreadable(why) => json!({"unreadable": why}),
        };
        let mut whole = json!({
            "topic": message.topic,
            "partition": message.partition,
            "offset": message.offset,
            "time": message.time.map(iso_utc),
            "key": message.key.as_deref().map(text),
            "headers": headers,
            "bytes": message.value.as_ref().map_or(0, Vec::len),
        });
        if let (Some(whole), Json::Object(said)) = (whole.as_object_mut(), said) {
            whole.extend(said);
        }
        whole
    }

    /// The fields of a packet's records, as they were sent.
    fn fields(&self, bytes: &[u8]) -> Result<Vec<Json>, PacketReject> {
        let mut records = Vec::new();
        let mut read = |schema: &Schema, bytes: &[u8], at: &mut usize| {
            let value = Avro::read(schema, bytes, at)?;
            records.push(serde_json::to_value(value.json(BytesAs::Length)).unwrap_or_default());
            Ok(())
        };
        if bytes.starts_with(&MAGIC) {
            let header = Header::parse(bytes)?;
            let schema = Schema::parse(header.schema)?;
            let body = Header::body(header.codec, header.len, bytes)?;
            body.records(&mut Inflate::new(), |block, at| read(&schema, block, at))?;
        } else {
            let (id, datum) = confluent(bytes)?;
            let built_in = || SURVEYS.iter().find_map(|survey| survey.writer_schema(id)).map(|text| text.to_string());
            let text = self.settings.schemas.get(&id).map(ToString::to_string).or_else(built_in);
            let schema = Schema::parse(text.ok_or(PacketReject::UnknownSchema(id))?.as_bytes())?;
            read(&schema, datum, &mut 0)?;
        }
        Ok(records)
    }
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Said::Packet(lines) => f.write_str(&lines.join("; ")),
            Said::Record(record, packet) => {
                let (kind, reason) = (json!(record.alert_type), json!(record.reason));
                let words = |json: &Json| json.as_str().unwrap_or_default().to_owned();
                write!(f, "{} {} {} ({})", record.survey, record.object, words(&kind), words(&reason))?;
                for timescale in record.timescales.iter().filter(|timescale| !timescale.states.is_empty()) {
                    let length = timescale.timescale.map_or("all".to_owned(), |days| format!("{days} d"));
                    let states: Vec<_> =
                        timescale.states.iter().map(|held| format!("{} {:.1}", held.state, held.z)).collect();
                    write!(f, "; {length}: {}", states.join(", "))?;
                }
                if let Some(packet) = packet {
                    write!(f, "; with packet {} of {}", packet.alert, packet.schema)?;
                }
                Ok(())
            }
            Said::Json(json) => match (json["survey"].as_str(), json["object"].as_str(), json["alert_type"].as_str()) {
                (Some(survey), Some(object), Some(kind)) => {
                    write!(f, "{survey} {object} {kind} ({})", json["reason"].as_str().unwrap_or_default())
                }
                _ => write!(f, "{json}"),
            },
            Said::Tombstone => f.write_str("(a tombstone: no longer true)"),
            Said::Unreadable(why) => write!(f, "(cannot be read: {why})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use skydiff_simulate::{Settings as Simulated, Simulation, Survey};
    use std::ops::ControlFlow;

    fn first(survey: Survey) -> Vec<u8> {
        let settings = Simulated { survey, nights: 1, visits: 6, alerts: 20.0, weather: false, ..Simulated::default() };
        let mut simulation = Simulation::new(&settings).unwrap();
        let mut packet = Vec::new();
        let _ = simulation.night(&mut |bytes, told| {
            if told.reject.is_some() {
                return ControlFlow::Continue(());
            }
            packet = bytes.to_vec();
            ControlFlow::Break(())
        });
        packet
    }

    #[test]
    fn packets_and_what_is_none_are_told_apart() {
        let mut reader = Reader::new(Settings::default(), None).unwrap();
        for (survey, id) in [(Survey::Ztf, "candid"), (Survey::Lsst, "diaSourceId")] {
            let packet = first(survey);
            assert!(matches!(reader.read(Some(&packet)), Said::Packet(lines) if lines.len() == 1));
            let message = Message { topic: "t".into(), value: Some(packet), ..Message::default() };
            let json = reader.json(&message);
            assert!(json["packet"].to_string().contains(id), "{json}");
        }
        assert!(matches!(reader.read(None), Said::Tombstone));
        assert!(matches!(reader.read(Some(b"{\"lane\": 3}")), Said::Json(_)));
        for noise in [&b"{"[..], b"", b"\0\0\0\0\x01", b"noise"] {
            assert!(matches!(reader.read(Some(noise)), Said::Unreadable(_)), "{noise:?}");
        }
    }
}
