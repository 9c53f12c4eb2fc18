//! The telescope and what it does: where it points, when, how deep it sees.
//!
//! | file | what it owns |
//! |---|---|
//! | `telescope` | what differs between surveys, as numbers |
//! | `fields` | the grid of pointings |
//! | `cadence` | the visits of a night, its weather |

mod cadence;
mod fields;
mod telescope;

pub(crate) use cadence::{Cadence, Exposure, flux};
pub(crate) use fields::Fields;
pub(crate) use telescope::Telescope;
