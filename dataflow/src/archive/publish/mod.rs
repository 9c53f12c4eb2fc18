//! `alerts/` and `objects/`: what is known, as HATS collections that LSDB, DuckDB, polars and pandas open as they lie.
//!
//! Readers never see a part: every edition of a collection is a folder of its own, written before the one small file that
//! names it (`collection.properties`). What an edition takes over from the one before is copied, which a store does by itself.
//!
//! | file | what |
//! |---|---|
//! | `alert`, `object` | a catalogue each: its row and its columns |
//! | `tile` | rows to one Parquet file for each pixel |
//! | `hats` | the properties that readers go by |
//! | `edition` | which files make the next edition, and in which order they are written |
//! | `folder` | the same, done, in a folder |
//! | `draft` | the next edition, written as it comes |
//! | `manifests` | both collections from an archive, appended night by night |
//! | `packets` | both collections from packets |

mod alert;
mod draft;
mod edition;
mod folder;
mod hats;
mod manifests;
mod nested;
mod object;
mod packets;
#[cfg(test)]
mod tests;
mod tile;

pub use alert::AlertRow;
pub use edition::{Edition, Step, Tile};
pub use folder::{begin, carry_out};
pub use manifests::{Appended, publish_archive};
pub use object::ObjectRow;
pub use packets::{Published, publish_packets};
pub use tile::{CatalogueRow, NewTile, tiles};
