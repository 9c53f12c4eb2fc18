//! Avro packets, walked by compiled plans.
//!
//! A [`Selection`] says by names what a reader wants, whatever the writer schema; a plan (writer schema × selection)
//! walks packets of that schema and yields [`Captured`] values in place.

mod capture;
mod selection;

pub use capture::{Captured, Scratch, Values};
pub use selection::{ArrayId, Need, Selection, Slot, Wanted};
