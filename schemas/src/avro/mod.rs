//! Avro packets, walked by compiled plans.

mod capture;

pub use capture::{ArrayId, Captured, Need, Selection, Slot, Wanted};
