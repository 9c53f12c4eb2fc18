//! What of a survey's packet goes with the record that it caused: which packet, and its bytes or chosen fields of it.

use super::registry::schema_path;
use super::settings::Enclose;
use crate::archive::dataset::{PacketAlert, PacketRow};
use crate::archive::store::Store;
use serde::{Deserialize, Serialize};
use skydiff_schemas::avro::{Header, Inflate, MAGIC, Part, Schema, Value as Avro, confluent};
use skydiff_schemas::record::{AlertType, Blob, Enclosed, Reason, Record};
use skydiff_schemas::survey::SURVEYS;
use skydiff_schemas::{MicroDays, ObjectId, PacketReject, SourceId};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// More is not carried with a record: a message is no longer than 8 MB, and base64 makes four bytes of three.
const LARGEST: usize = 6 << 20;

/// A packet on its way to the record of an object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parcel {
    /// Whose record may carry it.
    pub object: ObjectId,
    /// Time and id of its trigger: of several packets of an epoch the latest is carried.
    pub time: (MicroDays, SourceId),
    /// What is carried.
    pub packet: Enclosed,
}

impl Parcel {
    /// Of several the greatest is carried, whatever the order in which they come; of copies the one that lies first.
    pub fn order(&self) -> impl Ord + use<'_> {
        let Enclosed { topic, partition, offset, .. } = &self.packet;
        (self.time, Reverse((topic, *partition, *offset)))
    }
}

/// Whether a packet can have caused a record, and consumers may take it for what the record says. Time has no packet, nor has
/// a restatement; of what is taken back there is nothing to be classified.
pub fn is_caused(record: &Record) -> bool {
    let by_sky = !matches!(record.reason, Reason::Expired | Reason::Config | Reason::Code);
    by_sky && record.alert_type != AlertType::Retraction
}

/// Makes parcels of packets. Each worker has one.
pub struct Packer {
    /// What of a packet is wanted; `None`: its bytes.
    part: Option<Part>,
    /// Supplied schemas by id.
    schemas: BTreeMap<u32, String>,
    /// Where those are that came from a registry.
    store: Option<Store>,
    by_id: BTreeMap<u32, Option<Schema>>,
    /// The last container's schema, with its text: packets of one schema come in runs.
    last: Option<(Vec<u8>, Schema)>,
    inflate: Inflate,
}

impl std::fmt::Debug for Packer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Packer").field("part", &self.part).finish_non_exhaustive()
    }
}

impl Packer {
    /// Of a job, with the schemas that it was given and the archive that keeps the others; none where no packets are carried.
    pub fn new(wanted: &Enclose, schemas: BTreeMap<u32, String>, store: Option<Store>) -> Option<Packer> {
        let part = match wanted {
            Enclose::None => return None,
            Enclose::All => None,
            Enclose::NoCutouts => Some(Part::NoBytes),
            Enclose::Fields(paths) => Some(Part::of(paths.iter().map(String::as_str))),
        };
        Some(Packer { part, schemas, store, by_id: BTreeMap::new(), last: None, inflate: Inflate::new() })
    }

    /// A parcel for each alert that was accepted of a packet.
    pub fn pack(&mut self, row: &PacketRow, out: &mut dyn FnMut(Parcel)) {
        if row.alerts.is_empty() {
            return;
        }
        let (mut bytes, mut fields) = (None, None);
        match self.part.clone() {
            None => bytes = Some(row.bytes.to_vec()).filter(|bytes| bytes.len() <= LARGEST).map(Blob),
            // What was accepted can be read.
            Some(part) => fields = self.fields(&row.bytes, &part).ok().filter(|text| text.len() <= LARGEST),
        }
        let parcel = |alert: &PacketAlert| Parcel {
            object: alert.object,
            time: (alert.time, alert.trigger),
            packet: Enclosed {
                alert: alert.trigger.0.to_string(),
                topic: row.topic.clone(),
                partition: i64::from(row.partition),
                offset: row.number as i64,
                schema: row.schema.clone(),
                bytes: bytes.clone(),
                fields: fields.clone(),
            },
        };
        row.alerts.iter().map(parcel).for_each(out);
    }

    /// The wanted part of a packet's record, as JSON; of a container of several a list of those of each.
    fn fields(&mut self, packet: &[u8], part: &Part) -> Result<String, PacketReject> {
        let mut texts = Vec::new();
        if packet.starts_with(&MAGIC) {
            let header = Header::parse(packet)?;
            if self.last.as_ref().is_none_or(|(text, _)| text != header.schema) {
                self.last = Some((header.schema.to_vec(), Schema::parse(header.schema)?));
            }
            let body = Header::body(header.codec, header.len, packet)?;
            let Packer { last, inflate, .. } = self;
            let Some((_, schema)) = last else { return Ok(String::new()) };
            body.records(inflate, |block, at| {
                texts.push(part.json(&Avro::read(schema, block, at)?));
                Ok(())
            })?;
        } else {
            let (id, datum) = confluent(packet)?;
            if !self.by_id.contains_key(&id) {
                let found = self.text(id).and_then(|text| Schema::parse(text.as_bytes()).ok());
                self.by_id.insert(id, found);
            }
            let schema = self.by_id.get(&id).and_then(Option::as_ref).ok_or(PacketReject::UnknownSchema(id))?;
            texts.push(part.json(&Avro::read(schema, datum, &mut 0)?));
        }
        Ok(if texts.len() == 1 { texts.remove(0) } else { format!("[{}]", texts.join(",")) })
    }

    /// The text of a schema, from where decoders have it: what was supplied, what is built in, what a registry gave.
    fn text(&self, id: u32) -> Option<String> {
        let supplied = self.schemas.get(&id).cloned();
        let built_in = || SURVEYS.iter().find_map(|survey| survey.writer_schema(id));
        let kept = || {
            let store = self.store.as_ref()?;
            let text = store.wait(store.read(&schema_path(id))).ok()??;
            String::from_utf8(text.to_vec()).ok()
        };
        supplied.or_else(built_in).or_else(kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::OBJECT;

    fn parcel(time: i64, topic: &str, offset: i64) -> Parcel {
        let packet = Enclosed {
            alert: String::new(),
            topic: topic.into(),
            partition: 0,
            offset,
            schema: String::new(),
            bytes: None,
            fields: None,
        };
        Parcel { object: OBJECT, time: (MicroDays(time), SourceId(1)), packet }
    }

    #[test]
    fn the_latest_is_carried_and_of_copies_the_first() {
        let mut parcels = [parcel(5, "b", 2), parcel(5, "b", 1), parcel(5, "a", 9), parcel(4, "a", 0)];
        for _ in 0..parcels.len() {
            parcels.rotate_left(1);
            let carried = parcels.iter().max_by(|a, b| a.order().cmp(&b.order())).unwrap();
            assert_eq!(carried.packet.topic, "a");
            assert_eq!(carried.packet.offset, 9);
        }
    }

    #[test]
    fn what_no_packet_caused_carries_none() {
        let risen = crate::testing::said(Some(1), &[(skydiff_operators::State::Rising, 0)]);
        let change = crate::testing::change(Default::default(), risen, &[]);
        let place = crate::record::Place { job: "j", epoch: skydiff_operators::Epoch(3), lane: 1, rank: 2 };
        let of = |kind| is_caused(&crate::record::record(&change, kind, place, &Default::default(), 1.0));
        for (kind, reason, caused) in [
            (AlertType::Initial, Reason::NewData, true),
            (AlertType::Update, Reason::Withdrawn, true),
            (AlertType::Update, Reason::Expired, false),
            (AlertType::Subsequent, Reason::Config, false),
            (AlertType::Update, Reason::Code, false),
            (AlertType::Retraction, Reason::Withdrawn, false),
        ] {
            assert_eq!(of((kind, reason)), caused, "{kind:?} {reason:?}");
        }
    }
}
