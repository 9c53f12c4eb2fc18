//! The truth about simulated nights: as files beside the packets, and held against what a run has said.
//!
//! | file | what it owns |
//! |---|---|
//! | `files` | `objects.csv`, `alerts.csv`, `light_curves.csv`, `ledger.csv` |
//! | `nights` | a simulation written as a tar a night, with its truth |
//! | `said` | what the records of a run say of each object, boiled down |
//! | `score` | recall, purity and delays by class and timescale, with the reason for each miss |
//! | `table` | the score for people and machines |

mod files;
mod nights;
mod said;
mod score;
mod table;

pub use files::{Truth, TruthFiles, object_label};
pub use nights::{To, Written, write_nights};
pub use said::{AllSaid, Said, read_records};
pub use score::{Cell, Judge, Miss, Row, Score};
pub use table::{csv, median, text};
