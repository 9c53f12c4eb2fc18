//! What was not accepted: packets with their bytes, so that they can be put through again, and rows of packets that stand.

use serde::{Deserialize, Serialize};
use skydiff_schemas::{ObjectId, PacketReject, RowReject, SurveyId};

/// Why a packet was rejected: what `max_reject` counts by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Reason {
    /// See [`PacketReject::Framing`].
    Framing,
    /// See [`PacketReject::Schema`].
    Schema,
    /// See [`PacketReject::UnknownSchema`].
    UnknownSchema,
    /// See [`PacketReject::UnknownSurvey`].
    UnknownSurvey,
    /// See [`PacketReject::Datum`].
    Datum,
    /// See [`PacketReject::Value`].
    Value,
    /// It claims a time that was to come when it was received.
    Future,
    /// Its bytes could not be read.
    Io,
    /// It is of a programme that the job does not take: no break, and nobody's fault. Its bytes are kept nowhere.
    Program,
    /// The process that read it was ended by it, again and again: its bytes are kept, and not looked at.
    Poison,
}

impl Reason {
    /// All of them.
    pub const ALL: [Reason; 10] = [
        Reason::Framing,
        Reason::Schema,
        Reason::UnknownSchema,
        Reason::UnknownSurvey,
        Reason::Datum,
        Reason::Value,
        Reason::Future,
        Reason::Io,
        Reason::Program,
        Reason::Poison,
    ];

    /// The word for it in tables and files.
    pub fn name(self) -> &'static str {
        match self {
            Reason::Framing => "framing",
            Reason::Schema => "schema",
            Reason::UnknownSchema => "unknown_schema",
            Reason::UnknownSurvey => "unknown_survey",
            Reason::Datum => "datum",
            Reason::Value => "value",
            Reason::Future => "future",
            Reason::Io => "io",
            Reason::Program => "program",
            Reason::Poison => "poison",
        }
    }
}

impl From<&PacketReject> for Reason {
    fn from(reject: &PacketReject) -> Reason {
        match reject {
            PacketReject::Framing(_) => Reason::Framing,
            PacketReject::Schema(_) => Reason::Schema,
            PacketReject::UnknownSchema(_) => Reason::UnknownSchema,
            PacketReject::UnknownSurvey(_) => Reason::UnknownSurvey,
            PacketReject::Datum(_) => Reason::Datum,
            PacketReject::Value(_) => Reason::Value,
        }
    }
}

/// Where a packet was found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct At {
    /// The bundle's path.
    pub file: String,
    /// Its number within the bundle, from 0.
    pub packet: u64,
    /// Its own name there, if it has one.
    pub name: String,
    /// Number of the record within the packet, from 0: greater only in containers of many.
    pub record: u64,
}

impl std::fmt::Display for At {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} packet {}", self.file, self.packet)?;
        if !self.name.is_empty() {
            write!(f, " ({})", self.name)?;
        }
        if self.record > 0 { write!(f, " record {}", self.record) } else { Ok(()) }
    }
}

/// A rejected packet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reject {
    /// Where it was found.
    pub at: At,
    /// The writer schema, as people are told.
    pub schema: String,
    /// Why, in one word.
    pub reason: Reason,
    /// Why, in a sentence that names the field where there is one.
    pub detail: String,
    /// For how many packets it stands: more than 1 for records behind a broken one.
    pub packets: u64,
    /// Its bytes, where rejects are kept; `None` too for a further record of a packet that is kept already.
    pub bytes: Option<serde_bytes::ByteBuf>,
}

/// Rows of one packet that were left out, for one reason; the packet stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowRejects {
    /// Where the packet was found.
    pub at: At,
    /// Whose packet.
    pub survey: SurveyId,
    /// Of which object.
    pub object: ObjectId,
    /// Why.
    pub reason: RowReject,
    /// How many rows.
    pub rows: u64,
}
