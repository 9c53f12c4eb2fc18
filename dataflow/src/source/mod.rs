//! Where packets come from: `--from` PATH to shares of packets, epoch by epoch.
//!
//! | file | what it owns |
//! |---|---|
//! | `folder` | what a path holds: bundles, in order |
//! | `sniff` | what a file holds, by its first bytes |
//! | `stream`, `blocks` | tars, gzip, concatenated containers: bytes to packets |
//! | `night` | dates in names, times of receipt |
//! | `parcel` | a packet on its way, or where it is |
//! | `refuse` | packets that are not to be read, by their place |
//! | `simulated` | a simulated survey instead of files |
//! | `taken` | what was bound before, so that a job goes on behind it |
//! | `cut` | where epochs end |
//! | `mint` | all of it together, on one thread |

mod blocks;
mod cut;
mod folder;
mod mint;
pub mod night;
mod parcel;
mod refuse;
mod simulated;
mod sniff;
mod stream;
mod taken;

pub use blocks::{Blocks, Piece};
pub use cut::{Cutter, EpochCut, Feed, Marks, Range, parse_bytes};
pub use folder::{Found, Place, walk};
pub use mint::{Input, Mint, Packets, Probe, Progress};
pub use night::Night;
pub use parcel::{Bytes, MAX_PACKET, Opener, Origin, Parcel, SchemaText, Share};
pub use refuse::{Refused, Spot};
pub use simulated::{night_name, packet_name};
pub use stream::stream;
pub use taken::Taken;
