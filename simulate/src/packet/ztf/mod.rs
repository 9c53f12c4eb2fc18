//! ZTF 4.02: a container file of one record for every packet.

mod around;
mod forced;
mod image;
mod source;

use super::numbers::salt;
use super::plan::{Plan, record};
use super::wire;
use crate::{Random, Seen, Shot};
use skydiff_schemas::{Kind, ObjectClass, ObjectId, survey};
use source::{Packet, Row};

const VERSION: &str = "4.02";
const PUBLISHER: &str = "ZTF (www.ztf.caltech.edu)";

/// Writes packets.
pub struct Packets {
    /// Magic, codec, schema and the end of the header's map: what is before the sync marker.
    header: Vec<u8>,
    candidate: Plan<Row>,
    copy: Plan<Row>,
    limit: Plan<Row>,
    forced: Plan<forced::Row>,
    /// The record, before its length is known.
    datum: Vec<u8>,
}

impl Packets {
    /// An error names a column of the schema that nothing fills.
    pub fn new(_cutouts: bool) -> Result<Packets, String> {
        let text = survey::ztf::writer_schema(VERSION).ok_or("no schema 4.02")?;
        let schema = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        let mut header = b"Obj\x01".to_vec();
        wire::integer(2, &mut header);
        for (key, value) in [("avro.codec", "null"), ("avro.schema", text.as_str())] {
            wire::bytes(key.as_bytes(), &mut header);
            wire::bytes(value.as_bytes(), &mut header);
        }
        wire::integer(0, &mut header);
        let history = record(&schema, "prv_candidates")?;
        Ok(Packets {
            header,
            candidate: Plan::compile(record(&schema, "candidate")?, false, source::candidate)?,
            copy: Plan::compile(history, true, source::copy)?,
            limit: Plan::compile(history, true, source::limit)?,
            forced: Plan::compile(record(&schema, "fp_hists")?, true, forced::column)?,
            datum: Vec::new(),
        })
    }

    /// Appends the packet of a shot.
    pub fn write(&mut self, shot: &Shot, out: &mut Vec<u8>) {
        self.datum.clear();
        self.record(shot);
        out.reserve(self.header.len() + self.datum.len() + 64);
        let mut marker = Random::new(shot.trigger.id).of(salt("marker"), shot.target.id);
        let marker = [marker.bits(), marker.bits()].map(u64::to_le_bytes);
        out.extend_from_slice(&self.header);
        out.extend_from_slice(marker.as_flattened());
        wire::integer(1, out);
        wire::bytes(&self.datum, out);
        out.extend_from_slice(marker.as_flattened());
    }

    fn record(&mut self, shot: &Shot) {
        let out = &mut self.datum;
        let name = survey::object_name(ObjectId {
            survey: survey::Survey::id(&survey::ztf::Ztf),
            class: ObjectClass::Sidereal,
            id: shot.target.id,
        });
        for text in [VERSION, PUBLISHER, &name] {
            wire::bytes(text.as_bytes(), out);
        }
        wire::integer(shot.trigger.id as i64, out);
        let packet = Packet::new(shot);
        self.candidate.write(&Row::new(shot.trigger, &packet), out);
        let of_history = |seen: &&Seen| seen.kind != Kind::Forced;
        list(out, shot.history.iter().filter(of_history), |seen, out| match seen.kind {
            Kind::Limit => self.limit.write(&Row::limit(seen, &packet), out),
            _ => self.copy.write(&Row::new(seen, &packet), out),
        });
        list(out, shot.forced.iter(), |seen, out| self.forced.write(&forced::Row::new(seen), out));
        out.extend_from_slice(&[wire::NULL; 3]);
    }
}

/// A nullable list: null where it would be empty.
fn list<'a>(out: &mut Vec<u8>, rows: impl Iterator<Item = &'a Seen> + Clone, write: impl Fn(&'a Seen, &mut Vec<u8>)) {
    let count = rows.clone().count();
    if count == 0 {
        return out.push(wire::NULL);
    }
    out.push(wire::PRESENT);
    wire::integer(count as i64, out);
    rows.for_each(|seen| write(seen, out));
    wire::integer(0, out);
}
