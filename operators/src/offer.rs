//! What a decoded packet offers its object.

use crate::membership::ContextRow;
use serde::{Deserialize, Serialize};
use skydiff_schemas::{Alert, Context, MicroDays, ObjectId, Quality, Row, SourceId};

/// The rows of one packet, on their way to the worker that holds the object. The first row is the trigger.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Offer {
    /// The object that the packet claims them for.
    pub object: ObjectId,
    /// The triggering source.
    pub trigger: SourceId,
    /// Its time.
    pub time: MicroDays,
    /// The trigger, then its history.
    pub rows: Vec<Row>,
    /// Context columns of the trigger.
    pub context: Context,
}

impl Offer {
    /// The offer of an alert; `rank` is that of the source it was read from, `received` its receipt (MJD UTC).
    pub fn from_alert(alert: &Alert, rank: i16, received: MicroDays) -> Offer {
        let mut rows = alert.rows.clone();
        rows.iter_mut().for_each(|row| row.version.rank = rank);
        let quality = rows.first().map_or(Quality::GOOD, |trigger| trigger.measurement.quality);
        let context = Context { received, quality, ..alert.context };
        Offer { object: alert.object, trigger: alert.trigger, time: alert.time, rows, context }
    }
}

/// What an archive has kept of packets, put once more: copies that passed [`crate::Outputs::offered`], contexts that came to
/// stand. Nothing else that was offered can ever matter, so this alone leads to the same state.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Kept {
    /// A copy that an object was offered.
    Row(ObjectId, Row),
    /// The context of one of its triggers.
    Context(ObjectId, Box<ContextRow>),
}

/// Rows that an archive has kept, of objects that are all one worker's: they go there in one piece.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KeptRows {
    /// Which worker's, modulo their number: that of [`by_object`](crate::by_object) of each of them.
    pub worker: u64,
    /// Them.
    pub rows: Vec<Kept>,
}

impl Kept {
    /// Whose it is.
    pub fn object(&self) -> &ObjectId {
        match self {
            Kept::Row(object, _) | Kept::Context(object, _) => object,
        }
    }
}
