//! The datasets of the archive: rows in, bytes of one immutable Parquet file out, and back to the bit.
//!
//! Pure: no store, no clock, no dataflow; `CONTRACT.md` beside this folder says what others may rely on. Every number is
//! there once: times and fluxes are decimals, which are exact and which people read as MJD and nJy.

mod change;
mod context;
mod descriptor;
mod error;
mod measurement;
mod packet;
mod reject;
mod select;

pub use change::ChangeRow;
pub use context::TriggerRow;
pub use descriptor::{Dataset, Descriptor, File};
pub use error::DataError;
pub use measurement::MeasurementRow;
pub use packet::{PacketAlert, PacketRow};
pub use reject::{RejectRow, Rejected};
pub use select::Select;
