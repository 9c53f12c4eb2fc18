//! What is computed: operators on timely and differential dataflow, one a file.
//!
//! No I/O, no wall clock, no survey's name. A packet's rows come in as an [`Offer`] and leave as a
//! [`Change`] of what is known about its object. `SEMANTICS.md` beside `src` says what an answer is, to the last tie.

mod analyse;
mod answer;
mod causes;
mod change;
mod clock;
mod colours;
mod curve;
mod digest;
mod epoch;
mod features;
pub mod flow;
mod history;
mod known;
mod membership;
mod objects;
mod offer;
mod route;
mod said;
mod seal;
mod settings;
mod settle;
mod stamp;
mod states;
mod tally;
mod timescales;
mod touch;
mod transients;
mod wheel;

pub use answer::{Answer, Colour, Latest, NonDetection, SeriesFeatures, State, States, Trigger, Window};
pub use change::{Cause, CauseKind, Change, Said};
pub use clock::Clocks;
pub use epoch::Epoch;
pub use history::Place;
pub use membership::ContextRow;
pub use objects::{Objects, each, stamp};
pub use offer::{Kept, KeptRows, Offer};
pub use route::{by_object, mix};
pub use seal::{Sealed, lane, seal};
pub use settings::{Errors, Photometry, TimescaleSettings};
pub use tally::{Counter, Tally};
pub use transients::{Options, Outputs, transients, transients_with};
