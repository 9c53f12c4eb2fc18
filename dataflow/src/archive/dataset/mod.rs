//! The datasets of the archive: rows in, bytes of one immutable Parquet file out, and back to the bit.
//!
//! Pure: no store, no clock, no dataflow; `CONTRACT.md` beside this folder says what others may rely on. Every number is
//! there once: times and fluxes are decimals, which are exact and which people read as MJD and nJy.
//!
//! | file | what |
//! |---|---|
//! | `packet`, `measurement`, `context`, `change`, `reject` | one dataset each: its row, its columns, and the way between them |
//! | `merge`, `fold` | the rows of an epoch from what the operators say; a log as one epoch, which is a snapshot |
//! | `column`, `take` | columns from rows, rows from columns |
//! | `writer`, `reader`, `ranges`, `prune` | files of any dataset |

mod change;
mod column;
mod context;
mod descriptor;
mod error;
mod fold;
mod measurement;
mod merge;
mod names;
mod packet;
mod prune;
mod ranges;
mod reader;
mod reject;
mod row;
mod select;
mod take;
#[cfg(test)]
mod tests;
mod version;
mod writer;

pub use change::ChangeRow;
pub use context::TriggerRow;
pub use descriptor::{Dataset, Descriptor, File};
pub use error::DataError;
pub use fold::{fold_measurements, fold_triggers};
pub use measurement::MeasurementRow;
pub use merge::{Offered, Settled, merge};
pub use names::Names;
pub use packet::{PacketAlert, PacketRow};
pub use ranges::{Ranged, Ranges};
pub use reader::Reader;
pub use reject::{RejectRow, Rejected};
pub use row::Row;
pub use select::Select;
pub use writer::Writer;
