//! `packets/`: the bytes of every packet as the survey sent them, with what says where they came from and what they hold.

use bytes::Bytes;
use skydiff_operators::Epoch;
use skydiff_schemas::{MicroDays, ObjectId, Position, SourceId};

/// A packet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PacketRow {
    /// Where it was bound.
    pub epoch: Epoch,
    /// The alerts that were accepted of it, in its order: one, but in containers of many, and none of a rejected packet.
    pub alerts: Vec<PacketAlert>,
    /// Kafka topic, or path of the bundle.
    pub topic: String,
    /// Partition of the topic; 0 of a bundle.
    pub partition: i32,
    /// Offset in the partition, or number within the bundle.
    pub number: u64,
    /// Its own name in the bundle; empty where it has none.
    pub name: String,
    /// When it was received: MJD UTC.
    pub received: MicroDays,
    /// Rank of its source in the job.
    pub rank: i16,
    /// The writer schema: a Confluent id, or as people are told.
    pub schema: String,
    /// How many records its frame claims.
    pub records: u64,
    /// How many more bytes it had: of a long run of noise only the first are kept.
    pub left_out: u64,
    /// As it was sent.
    pub bytes: Bytes,
}

/// An accepted alert of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PacketAlert {
    /// Of which object.
    pub object: ObjectId,
    /// The triggering source.
    pub trigger: SourceId,
    /// Its time.
    pub time: MicroDays,
    /// Where the trigger was measured.
    pub position: Position,
}
