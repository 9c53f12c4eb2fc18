//! ZTF 4.02: a container file of one record for every packet.

mod around;
mod forced;
mod image;
mod source;

use super::numbers::{counts, salt};
use super::plan::{Plan, record};
use super::stamp::{self, Gzip, Scale, Shape, Stamps};
use super::wire;
use crate::{Random, Seen, Shot};
use skydiff_schemas::{Kind, ObjectClass, ObjectId, survey};
use source::{Fault, Packet, Row};

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
    cutouts: Option<Cutouts>,
}

/// What stamps are made with.
struct Cutouts {
    stamps: Stamps,
    gzip: Gzip,
    file: Vec<u8>,
    packed: Vec<u8>,
}

/// 63 pixels of an arcsecond each, down to where ZTF's references end.
fn scale(shot: &Shot) -> Scale {
    let visit = &shot.trigger.visit;
    Scale { size: 63, pixel: 1.0, gain: counts(visit.zero_point), sky: visit.sky, faintest: 22.0, turn: 0.0 }
}

impl Packets {
    /// An error names a column of the schema that nothing fills.
    pub fn new(cutouts: bool) -> Result<Packets, String> {
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
            cutouts: cutouts.then(Cutouts::new),
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
        match &mut self.cutouts {
            Some(cutouts) => cutouts.write(shot, out),
            None => out.extend_from_slice(&[wire::NULL; 3]),
        }
    }
}

impl Cutouts {
    fn new() -> Cutouts {
        let blank = Scale { size: 63, pixel: 1.0, gain: 1.0, sky: 0.0, faintest: 22.0, turn: 0.0 };
        Cutouts { stamps: Stamps::new(blank), gzip: Gzip::new(), file: Vec::new(), packed: Vec::new() }
    }

    /// Science, template, difference: each a name and a gzipped FITS file.
    fn write(&mut self, shot: &Shot, out: &mut Vec<u8>) {
        let seen = shot.trigger;
        let shape = match Fault::of(seen, Random::new(seen.id)) {
            None => Shape::unflagged(seen),
            Some(Fault::Pixels) => Shape::Pixels,
            Some(Fault::Wide) => Shape::Blob,
            Some(Fault::Long) => Shape::Line,
        };
        self.stamps.draw(shot, scale(shot), shape);
        // A source that faded is on the image of reference less science.
        let (sign, minuend) = if seen.flux > 0.0 { (1.0, "scimref") } else { (-1.0, "refmsci") };
        let Stamps { science, template, difference, .. } = &self.stamps;
        let of_image = |what: &'static str| (Some(image::Image::new(seen).pid), what);
        let named =
            [(of_image("sci"), science, 1.0), ((None, "ref"), template, 1.0), (of_image(minuend), difference, sign)];
        // The file is made a few minutes after the exposure.
        let time = ((seen.visit.start_utc - 40_587.0) * 86_400.0) as u32 + 600;
        for ((pid, what), pixels, sign) in named {
            out.push(wire::PRESENT);
            wire::text(out, |out| {
                out.extend_from_slice(b"candid");
                wire::digits(seen.id, 1, out);
                if let Some(pid) = pid {
                    out.extend_from_slice(b"_pid");
                    wire::digits(pid, 1, out);
                    out.extend_from_slice(b"_targ");
                }
                out.push(b'_');
                out.extend_from_slice(what.as_bytes());
                out.extend_from_slice(b".fits.gz");
            });
            self.file.clear();
            stamp::ztf(pixels, 63, sign, &mut self.file);
            self.packed.clear();
            self.gzip.write(&self.file, time, &mut self.packed);
            wire::bytes(&self.packed, out);
        }
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
