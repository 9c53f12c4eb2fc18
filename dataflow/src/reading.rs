//! From the packets of a share to offers, rejects and counts: what a worker does between its files and the dataflow.

use crate::archive::dataset::{PacketAlert, PacketRow};
use crate::counts::Counts;
use crate::fault;
use crate::judge::Verdicts;
use crate::reject::{At, Reason, Reject, RowRejects};
use crate::source::{Bytes, MAX_PACKET, Opener, Origin, Parcel, Share};
use crate::writer::{Writers, describe};
use serde::{Deserialize, Serialize};
use skydiff_operators::{Clocks, Epoch, Kept, Offer};
use skydiff_schemas::survey::tai;
use skydiff_schemas::{Alert, Decoder, MicroDays, PacketReject, Position, SurveyId, iso_utc};
use std::collections::BTreeMap;

/// Makes alerts of packets. A [`Decoder`], but in tests.
pub trait Decode: Send {
    /// Decodes a packet: the callback gets every record of it, or why it is none.
    fn decode(&mut self, packet: &[u8], each: &mut dyn FnMut(Result<&Alert, PacketReject>));

    /// Takes a schema that packets need. One that cannot be read is told by those packets.
    fn learn(&mut self, _id: u32, _schema: &str) {}
}

impl Decode for Decoder {
    fn decode(&mut self, packet: &[u8], each: &mut dyn FnMut(Result<&Alert, PacketReject>)) {
        Decoder::decode(self, packet, |_, alert| each(alert));
    }

    fn learn(&mut self, id: u32, schema: &str) {
        let _ = Decoder::learn(self, id, schema);
    }
}

/// Begins what is archived as the schema of a packet whose bytes may not be kept; why follows.
pub const WITHHELD: &str = "withheld: ";

/// Begins what is archived as the schema of a packet that may not be read; why follows.
pub const REFUSED: &str = "refused: ";

/// What became of a share.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Reading {
    /// Number of the share.
    pub share: u64,
    /// Packets in it, as they were bound.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What was decided of every record, in order.
    pub verdicts: Verdicts,
    /// Greatest accepted trigger times.
    pub clocks: Clocks,
    /// Packets and rows, accepted and not.
    pub counts: Counts,
    /// Packets that were not accepted.
    pub rejects: Vec<Reject>,
    /// Rows that were left out of packets that were.
    pub row_rejects: Vec<RowRejects>,
}

/// How packets are taken.
#[derive(Clone, Debug)]
pub struct ReadSettings {
    /// A packet whose trigger is later than its receipt by more than this is rejected.
    pub future: MicroDays,
    /// Whether the bytes of rejects are wanted.
    pub keep_bytes: bool,
    /// By survey, the programmes whose packets are taken; a survey that is not here takes all, as do packets that name none.
    pub programs: BTreeMap<SurveyId, Vec<i32>>,
}

/// Reads shares. Each worker has one.
pub struct Reader {
    decode: Box<dyn Decode>,
    settings: ReadSettings,
    opener: Opener,
    writers: Writers,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Reader {
    /// With a decoder of its own.
    pub fn new(decode: impl Decode + 'static, settings: ReadSettings) -> Reader {
        Reader { decode: Box::new(decode), settings, opener: Opener::default(), writers: Writers::default() }
    }

    /// Reads a share: accepted packets become offers, the rest is in the reading.
    pub fn read(&mut self, share: &Share, offer: &mut dyn FnMut(Offer)) -> Reading {
        self.read_and_keep(share, offer, &mut None)
    }

    /// Reads a share, and keeps its packets as they are archived, where that is wanted; their epochs are the caller's.
    pub fn read_and_keep(
        &mut self,
        share: &Share,
        offer: &mut dyn FnMut(Offer),
        keep: &mut Option<Vec<PacketRow>>,
    ) -> Reading {
        let mut reading = Reading {
            share: share.number,
            packets: share.parcels.len() as u64,
            bytes: share.bytes(),
            ..Reading::default()
        };
        share.schemas.iter().for_each(|(id, text)| self.decode.learn(*id, text.text()));
        for (number, parcel) in (share.first..).zip(&share.parcels) {
            let at = At { file: share.origin.bundle.clone(), packet: number, name: parcel.name.clone(), record: 0 };
            let mut row = keep.as_ref().map(|_| packet_row(parcel, number, &share.origin));
            let received = parcel.received.unwrap_or(share.origin.received);
            self.packet(parcel, at, (share.origin.rank, received), &mut reading, offer, row.as_mut());
            if let (Some(keep), Some(row)) = (keep.as_mut(), row) {
                keep.push(row);
            }
        }
        for kept in &share.kept {
            if let Kept::Row(object, _) = kept {
                reading.counts.surveys.entry(object.survey).or_default().rows_read += 1;
            }
        }
        reading
    }

    fn packet(
        &mut self,
        parcel: &Parcel,
        at: At,
        (rank, received): (i16, MicroDays),
        reading: &mut Reading,
        offer: &mut dyn FnMut(Offer),
        mut keep: Option<&mut PacketRow>,
    ) {
        let Reader { decode, settings, opener, writers } = self;
        let Parcel { bytes, records: claimed, left_out, .. } = parcel;
        if let Bytes::Refused { why, bytes } = bytes {
            // Not even its frame is looked at.
            let packet = opener.read(bytes).unwrap_or_default();
            if let Some(row) = keep {
                (row.schema, row.bytes) = (format!("{REFUSED}{why}"), bytes::Bytes::copy_from_slice(packet));
            }
            let mut pen = Pen { reading, at, packet, keep: settings.keep_bytes, writer: writers.of(&[]) };
            return pen.reject(Reason::Poison, why.clone(), 1);
        }
        let packet = opener.read(bytes).map_err(|error| match bytes {
            Bytes::Withheld(_) => (Reason::Program, error),
            _ if bytes.len() > MAX_PACKET => (Reason::Framing, error),
            _ => (Reason::Io, error),
        });
        let packet = match packet {
            Ok(packet) => packet,
            Err((reason, detail)) => {
                let mut pen = Pen { reading, at, packet: &[], keep: false, writer: writers.of(&[]) };
                return pen.reject(reason, detail, 1);
            }
        };
        if let Some(row) = &mut keep {
            // What came from a stream is shared, not copied.
            let kept = match bytes {
                Bytes::Here(bytes) => bytes.clone(),
                _ => bytes::Bytes::copy_from_slice(packet),
            };
            (row.schema, row.bytes) = (writers.name(packet), kept);
        }
        let mut pen = Pen { reading, at, packet, keep: settings.keep_bytes, writer: writers.of(packet) };
        fault::read(packet);
        let mut records = 0;
        let mut ended = None;
        decode.decode(packet, &mut |alert| {
            pen.at.record = records;
            records += 1;
            let alert = alert.map_err(|reject| (Reason::from(&reject), reject.to_string()));
            let alert = alert.and_then(|alert| is_taken(alert, &settings.programs).map(|()| alert));
            match alert.and_then(|alert| {
                is_past(alert, received, settings.future).map(|()| alert).map_err(|detail| (Reason::Future, detail))
            }) {
                Ok(alert) => {
                    ended = None;
                    pen.accept(alert);
                    if let Some(row) = &mut keep {
                        row.alerts.push(packet_alert(alert));
                    }
                    offer(Offer::from_alert(alert, rank, received));
                }
                Err((reason, detail)) => {
                    if reason == Reason::Program {
                        // Whose packets they are decides who may have them, wherever they would be kept.
                        pen.keep = false;
                        if let Some(row) = &mut keep {
                            (row.schema, row.bytes) = (format!("{WITHHELD}{detail}"), bytes::Bytes::new());
                        }
                    }
                    ended = Some(reason);
                    pen.reject(reason, explained(reason, detail, *left_out), 1);
                }
            }
        });
        // Records behind one that ends its packet cannot be told apart, but they were sent.
        if let Some(reason) = ended.filter(|_| records < *claimed) {
            pen.at.record = records;
            pen.reject(
                reason,
                format!("{} records behind one that cannot be read", claimed - records),
                claimed - records,
            );
        }
    }
}

/// A packet as it is archived, before it is read.
fn packet_row(parcel: &Parcel, number: u64, origin: &Origin) -> PacketRow {
    PacketRow {
        epoch: Epoch(0),
        alerts: Vec::new(),
        topic: origin.bundle.clone(),
        partition: origin.partition,
        number,
        name: parcel.name.clone(),
        received: parcel.received.unwrap_or(origin.received),
        rank: origin.rank,
        schema: String::new(),
        records: parcel.records,
        left_out: parcel.left_out,
        bytes: bytes::Bytes::new(),
    }
}

fn packet_alert(alert: &Alert) -> PacketAlert {
    let position = alert.rows.first().map_or(Position::UNKNOWN, |trigger| trigger.measurement.position);
    PacketAlert { object: alert.object, trigger: alert.trigger, time: alert.time, position }
}

/// A survey has partners, and packets that are theirs: only those of programmes that the job lists are taken.
fn is_taken(alert: &Alert, programs: &BTreeMap<SurveyId, Vec<i32>>) -> Result<(), (Reason, String)> {
    let program = alert.context.program;
    match programs.get(&alert.survey) {
        Some(taken) if program >= 0 && !taken.contains(&program) => {
            Err((Reason::Program, format!("programme {program} is none of those that the job takes")))
        }
        _ => Ok(()),
    }
}

/// A packet from the future is no witness of the time: the clock of all others would follow it.
fn is_past(alert: &Alert, received: MicroDays, future: MicroDays) -> Result<(), String> {
    let utc = tai::to_utc(alert.time);
    if utc - received <= future {
        return Ok(());
    }
    let (at, received) = (iso_utc(utc), iso_utc(received));
    Err(format!("trigger time {at} is more than {} d after the packet was received, {received}", future.days()))
}

/// The detail of a reject, with what its reader can do about it or must know of its bytes.
fn explained(reason: Reason, detail: String, left_out: u64) -> String {
    match (reason, left_out) {
        (Reason::UnknownSchema, _) => format!("{detail}: give the folder that holds it, `schemas = DIR`"),
        (_, 0) => detail,
        (_, more) => format!("{detail}; the first bytes of a broken run, {more} more are not kept"),
    }
}

/// Writes down what becomes of one packet.
struct Pen<'a> {
    reading: &'a mut Reading,
    at: At,
    packet: &'a [u8],
    /// Whether the bytes are wanted still.
    keep: bool,
    writer: crate::writer::Writer,
}

impl Pen<'_> {
    fn accept(&mut self, alert: &Alert) {
        self.reading.verdicts.add(self.writer, None, 1);
        self.reading.clocks.advance(alert.survey, alert.time);
        self.reading.counts.accept(alert);
        let mut reasons = BTreeMap::new();
        alert.rejects.iter().for_each(|reason| *reasons.entry(*reason).or_default() += 1);
        let row = |(reason, rows)| RowRejects {
            at: self.at.clone(),
            survey: alert.survey,
            object: alert.object,
            reason,
            rows,
        };
        self.reading.row_rejects.extend(reasons.into_iter().map(row));
    }

    fn reject(&mut self, reason: Reason, detail: String, packets: u64) {
        // What is not taken by choice is no sign that something is broken.
        let broken = Some(reason).filter(|reason| !matches!(reason, Reason::Program | Reason::Poison));
        self.reading.verdicts.add(self.writer, broken, packets);
        (0..packets).for_each(|_| self.reading.counts.reject(reason.name()));
        let keep = std::mem::take(&mut self.keep);
        let bytes = keep.then(|| serde_bytes::ByteBuf::from(self.packet));
        self.reading.rejects.push(Reject {
            at: self.at.clone(),
            schema: if reason == Reason::Poison { "not read".into() } else { describe(self.packet) },
            reason,
            detail,
            packets,
            bytes,
        });
    }
}

#[cfg(test)]
mod tests;
