//! What an alert is: how its bytes are decoded, and what its measurements mean.
//!
//! No I/O and no dataflow here. `avro` walks packets; `survey` maps what each survey sends to
//! [`Alert`]s; `decoder` is the two together; the rest are the words that every other crate speaks in.

mod alert;
pub mod avro;
mod context;
pub mod decoder;
mod ids;
mod iso;
mod measurement;
mod quality;
pub mod record;
pub mod survey;
mod units;
mod version;

pub use alert::{Alert, PacketReject, RowReject};
pub use context::{Context, Real};
pub use decoder::Decoder;
pub use ids::{Band, Kind, ObjectClass, ObjectId, SourceId, SurveyId};
pub use iso::iso_utc;
pub use measurement::{Measurement, Row};
pub use quality::Quality;
pub use units::{MicroDays, PIXEL_ORDER, PicoJansky, Pixel, Position};
pub use version::Version;
