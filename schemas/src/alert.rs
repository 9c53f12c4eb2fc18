//! One packet, decoded.

use crate::{Context, MicroDays, ObjectClass, ObjectId, Row, SourceId, SurveyId};
use serde::{Deserialize, Serialize};

/// A triggering source, its object, and its history, as a survey's mapping fills it.
///
/// Reused from packet to packet: a mapping clears `rows` and `rejects` and overwrites the rest.
#[derive(Clone, Debug)]
pub struct Alert {
    /// Whose.
    pub survey: SurveyId,
    /// The object that the packet claims for its rows.
    pub object: ObjectId,
    /// Id of the triggering source.
    pub trigger: SourceId,
    /// Its time (MJD TAI, mid-exposure): what moves the sky clock.
    pub time: MicroDays,
    /// Its visit.
    pub visit: u64,
    /// The triggering source first, then history. `version.rank` is 0: the source of packets sets it.
    pub rows: Vec<Row>,
    /// Context columns of the trigger. `received` is 0: the source of packets sets it.
    pub context: Context,
    /// History rows that were left out, and why; the packet stands.
    pub rejects: Vec<RowReject>,
}

impl Alert {
    /// A buffer that means nothing until a mapping has filled it.
    pub fn blank() -> Alert {
        Alert {
            survey: SurveyId(0),
            object: ObjectId { survey: SurveyId(0), class: ObjectClass::Sidereal, id: 0 },
            trigger: SourceId(0),
            time: MicroDays(0),
            visit: 0,
            rows: Vec::new(),
            context: Context::BLANK,
            rejects: Vec::new(),
        }
    }
}

/// Why a row of a packet's history was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RowReject {
    /// Later than the packet's own trigger.
    Future,
    /// Without a usable time.
    Time,
    /// Without an identity (no id, no exposure).
    Identity,
    /// In a band that is not known.
    Band,
}

impl RowReject {
    /// The word for it in tables and files.
    pub fn name(self) -> &'static str {
        match self {
            RowReject::Future => "row_future",
            RowReject::Time => "row_time",
            RowReject::Identity => "row_identity",
            RowReject::Band => "row_band",
        }
    }
}

/// Why a packet could not be read. The reason groups, the detail explains.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PacketReject {
    /// Neither an Avro container nor Confluent framing, or a broken one.
    Framing(String),
    /// The writer schema cannot be read, or lacks a required field, or has it in an unusable type.
    Schema(String),
    /// A Confluent schema id that is not known.
    UnknownSchema(u32),
    /// No survey mapping recognises the schema.
    UnknownSurvey(String),
    /// The datum does not follow its schema.
    Datum(String),
    /// A value that an alert cannot do without is null, not finite, or nonsense.
    Value(String),
}

impl PacketReject {
    /// The word for the reason in tables and files; what `max_reject` counts by.
    pub fn reason(&self) -> &'static str {
        match self {
            PacketReject::Framing(_) => "framing",
            PacketReject::Schema(_) => "schema",
            PacketReject::UnknownSchema(_) => "unknown_schema",
            PacketReject::UnknownSurvey(_) => "unknown_survey",
            PacketReject::Datum(_) => "datum",
            PacketReject::Value(_) => "value",
        }
    }
}

impl std::fmt::Display for PacketReject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            PacketReject::UnknownSchema(id) => write!(f, "schema id {id} is not known"),
            PacketReject::Framing(detail)
            | PacketReject::Schema(detail)
            | PacketReject::UnknownSurvey(detail)
            | PacketReject::Datum(detail)
            | PacketReject::Value(detail) => f.write_str(detail),
        }
    }
}

impl std::error::Error for PacketReject {}
