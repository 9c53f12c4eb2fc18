//! Which files of an archive count, and who may add to them: pure functions over what was listed, without I/O.
//!
//! One thing is ever contended: the name of the next manifest, which is put only if it is absent. All else is written under
//! names of its own, or follows from what manifests say. `model.rs` lets processes crash, linger and race through the same
//! functions.
//!
//! | file | what it decides |
//! |---|---|
//! | `names` | what objects are called |
//! | `manifest` | what is durable: a run of epochs, their bindings and their files |
//! | `chain` | whether manifests follow one another, from the first epoch on |
//! | `summary` | what a start must know of manifests that it does not read |
//! | `lease` | whether another writer is alive |
//! | `commit` | what came of putting a manifest |
//! | `resume` | from where to load, to replay, to go on |
//! | `layout` | which files stand for others after compaction, and what has expired |

mod chain;
mod commit;
mod layout;
mod lease;
mod manifest;
#[cfg(test)]
mod model;
mod names;
mod resume;
mod summary;

pub use chain::{Chain, ChainError};
pub use commit::{Put, Verdict, after_put};
pub use layout::{Expired, Layout, Replaced, current};
pub use lease::{ALIVE, Claim, Lease, RENEW, Start, start};
pub use manifest::{Bound, Filed, Manifest};
pub use names::{Generation, LayoutNumber, Sum, WriterId, manifest_path};
pub use resume::{Progress, Resume, ResumeError, resume};
pub use summary::Summary;

#[cfg(test)]
pub use manifest::tests as testing;
