//! The truth about what was sent, for those who hold an answer to it.

use crate::Seen;
use crate::sky::Class;
use crate::thing::Thing;
use skydiff_schemas::{Band, Kind};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What happened to a packet on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum What {
    /// Nothing.
    Plain,
    /// It came minutes to days after its turn.
    Late,
    /// The second copy of one that came before.
    Duplicate,
    /// It ends too soon.
    Truncated,
    /// Bits of it are others.
    Flipped,
    /// Its schema id is nobody's.
    WrongSchemaId,
    /// Its block does not end with the container's sync marker.
    BadSync,
    /// It is no packet at all.
    Garbage,
    /// It claims to be of 2099.
    Future,
}

impl What {
    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            What::Plain => "plain",
            What::Late => "late",
            What::Duplicate => "duplicate",
            What::Truncated => "truncated",
            What::Flipped => "flipped",
            What::WrongSchemaId => "wrong_schema_id",
            What::BadSync => "bad_sync",
            What::Garbage => "garbage",
            What::Future => "future",
        }
    }
}

/// An object, for a table of truth.
#[derive(Clone, Debug)]
pub struct Object(pub(crate) Arc<Thing>);

impl Object {
    /// The survey's id, as [`crate::Target`] has it.
    pub fn id(&self) -> u64 {
        self.0.id
    }

    /// The id of the object that its sources go over to, if they do.
    pub fn other(&self) -> Option<u64> {
        matches!(self.0.fate, crate::thing::Fate::Moved(_)).then_some(self.0.other)
    }

    /// What it is.
    pub fn class(&self) -> Class {
        self.0.model.class
    }

    /// Where it is at a time (MJD TAI).
    pub fn place(&self, mjd_tai: f64) -> crate::Place {
        self.0.model.position(mjd_tai)
    }

    /// Its parameters, units in their names.
    pub fn parameters(&self) -> Vec<(&'static str, f64)> {
        self.0.model.parameters()
    }

    /// What its quoted errors are too small by.
    pub fn factor(&self) -> f64 {
        self.0.factor
    }

    /// Part of its noise that lasts for days, in σ.
    pub fn lasting(&self) -> f64 {
        self.0.lasting
    }
}

/// The true light of an object at a visit that covered it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Middle of the exposure, MJD TAI.
    pub mjd_tai: f64,
    /// Filter.
    pub band: Band,
    /// Of its reference image: fluxes of different ones are not compared.
    pub reference: u32,
    /// True difference flux, nJy.
    pub flux: f64,
    /// True total flux, nJy.
    pub total: f64,
    /// The error that the survey quotes, nJy.
    pub sigma: f64,
    /// Whether the survey detected it there.
    pub detected: bool,
}

/// The truth about a packet.
#[derive(Clone, Debug)]
pub struct Told {
    /// Whose.
    pub object: Object,
    /// The object that the packet names.
    pub id: u64,
    /// Whether the packet names an object of the solar system.
    pub moves: bool,
    /// ZTF `candid`, LSST `diaSourceId` of the trigger.
    pub alert: u64,
    /// Visit number.
    pub visit: u64,
    /// Date of its night, MJD.
    pub night: i64,
    /// Filter.
    pub band: Band,
    /// Of the trigger, MJD TAI.
    pub mjd_tai: f64,
    /// When it came, MJD UTC.
    pub delivered: f64,
    /// Measured difference flux over its quoted error.
    pub snr: f64,
    /// True difference flux, nJy.
    pub flux: f64,
    /// True total flux, nJy.
    pub total: f64,
    /// Real/bogus score.
    pub score: f64,
    /// What happened to it.
    pub what: What,
    /// The reason for which it must be rejected.
    pub reject: Option<&'static str>,
    /// Start of the object's first detection by the survey, MJD TAI.
    pub first: f64,
    /// Rows of its history, itself included, that are offered to the object if it is accepted.
    pub rows: u32,
    /// Whether it is the object's first alert of the simulation.
    pub is_first: bool,
    /// The object's true light at visits since its last alert, this one included.
    pub curve: Vec<Point>,
}

/// Sources and forced sources that an object's packets have brought, for objects that something is fated to happen to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    pub rows: BTreeMap<(Kind, u64), Row>,
}

/// A row that was brought.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub mjd_tai: f64,
    pub processed: f64,
    pub owner: u64,
}

impl Known {
    /// A packet of the object `id` has brought these rows; those before `least` cannot be brought again.
    pub fn bring<'a>(&mut self, id: u64, rows: impl Iterator<Item = &'a Seen>, least: f64, ledger: &mut Ledger) {
        self.rows.retain(|_, row| row.mjd_tai >= least);
        for seen in rows.filter(|seen| seen.id != 0 && seen.kind != Kind::Limit) {
            let (processed, withdrawn) = (seen.processed, seen.withdrawn.is_some());
            let new = Row { mjd_tai: seen.visit.mid_tai, processed, owner: id };
            let Some(row) = self.rows.get_mut(&(seen.kind, seen.id)) else {
                ledger.withdrawn += u64::from(withdrawn);
                self.rows.insert((seen.kind, seen.id), new);
                continue;
            };
            ledger.moved += u64::from(row.owner != id);
            if processed > row.processed && withdrawn {
                ledger.withdrawn += 1;
            } else if processed > row.processed {
                ledger.superseded += 1;
                ledger.remeasured += 1;
            }
            *row = new;
        }
    }
}

/// What a reconciliation must say of what was sent so far, where an epoch is a packet.
///
/// Coarser epochs may bring a source and its correction at once: then nothing was superseded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Packets sent.
    pub sent: u64,
    /// By what happened to them.
    pub what: BTreeMap<What, u64>,
    /// By the reason for which they must be rejected.
    pub rejected: BTreeMap<&'static str, u64>,
    /// Packets whose trigger an accepted packet before them had had.
    pub repeated: u64,
    /// Rows of accepted packets.
    pub rows: u64,
    /// Measurements whose value was replaced: measured again, or told by a later packet's rounded copy first (ZTF).
    pub superseded: u64,
    /// Of these, sources that were measured again.
    pub remeasured: u64,
    /// Sources that were withdrawn.
    pub withdrawn: u64,
    /// Measurements that went over to another object.
    pub moved: u64,
    /// Packets that are on their way still.
    pub under_way: u64,
    /// By class, objects with an alert.
    pub objects: BTreeMap<Class, u64>,
}

impl Ledger {
    /// Packets that must be accepted.
    pub fn accepted(&self) -> u64 {
        self.sent - self.rejected.values().sum::<u64>()
    }
}
