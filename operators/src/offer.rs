//! What a decoded packet offers its object.

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
