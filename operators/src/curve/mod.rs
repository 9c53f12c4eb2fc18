//! The light curve of one object, arranged so that windows of any length are summed at little cost.
//!
//! `visit` says which row of a visit counts and how far its error is believed; `sums` are exact
//! integer moments; `series` keeps them by chunk and reads all windows in one backward pass;
//! `light` is the object: its series, its silences, its detections.

mod light;
mod series;
mod sorted;
mod sums;
mod visit;

pub use light::{Detection, LightCurve};
pub use series::Reading;
pub use sums::Extreme;

pub use visit::{Believed, Visit};
