//! Packets of both surveys as bytes, with the truth about each, for tests that run the whole job.
//!
//! `sky` makes up a few nights of both surveys and what goes wrong in them; `ztf` and `lsst` write its packets as the
//! surveys would, through `apache-avro`; `damage` spoils some; `files` puts them where a reader finds them. The truth of a
//! packet says what a run must make of it, so that a reconciliation can be compared with it exactly.

pub mod avro;
pub mod damage;
pub mod files;
pub mod lsst;
#[path = "../../operators/tests/generate/random.rs"]
pub mod random;
pub mod sky;
pub mod ztf;

use std::collections::BTreeMap;

/// Whose packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Survey {
    Ztf,
    Lsst,
}

/// What is to be known of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// Nothing.
    Plain,
    /// It comes a night or more after its turn.
    Late,
    /// The bytes of one that came before.
    Duplicate,
    /// Its history has a source that was measured again.
    Remeasured,
    /// Its history has a source that the survey withdraws.
    Withdrawn,
    /// Its history claims a source of another object.
    Reassociated,
    /// Its history has a row that is later than its trigger.
    FutureRow,
    /// It claims to be of 2099.
    Future,
    /// It ends too soon.
    Truncated,
    /// A bit of it is another.
    Flipped,
    /// Its schema id is nobody's.
    WrongSchemaId,
    /// Its block does not end with the container's sync marker.
    BadSync,
    /// It is no packet at all.
    Garbage,
}

/// What a run must make of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Truth {
    pub survey: Survey,
    pub what: What,
    /// As people write it.
    pub object: String,
    /// Id of the triggering source.
    pub trigger: u64,
    /// The source that was measured again, withdrawn or claimed.
    pub source: Option<u64>,
    /// Rows that are offered to the object, the trigger included; none of a rejected packet.
    pub rows: usize,
    /// Rows that are rejected as later than their trigger.
    pub future_rows: usize,
    /// The reason for which the packet is rejected.
    pub reject: Option<&'static str>,
}

/// A packet with the truth about it.
#[derive(Clone, Debug)]
pub struct Packet {
    pub bytes: Vec<u8>,
    pub truth: Truth,
}

/// The packets of one night in order of their arrival.
#[derive(Clone, Debug)]
pub struct Night {
    /// MJD of its date's midnight, UTC.
    pub mjd: i64,
    pub packets: Vec<Packet>,
}

/// What a reconciliation must say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    pub received: usize,
    pub decoded: usize,
    /// By reason.
    pub rejected: BTreeMap<&'static str, usize>,
    /// Rows of accepted packets that are offered to their objects.
    pub rows: usize,
    pub future_rows: usize,
    pub by_what: BTreeMap<What, usize>,
}

impl Ledger {
    pub fn of<'a>(packets: impl IntoIterator<Item = &'a Packet>) -> Ledger {
        let mut ledger = Ledger::default();
        for Packet { truth, .. } in packets {
            ledger.received += 1;
            *ledger.by_what.entry(truth.what).or_default() += 1;
            match truth.reject {
                Some(reason) => *ledger.rejected.entry(reason).or_default() += 1,
                None => ledger.decoded += 1,
            }
            ledger.rows += truth.rows;
            ledger.future_rows += truth.future_rows;
        }
        ledger
    }
}
