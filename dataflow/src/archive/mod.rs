//! The archive: what a night leaves behind, so that it can be replayed by identical code (DESIGN §5.2, §5.4).
//!
//! | file | what it owns |
//! |---|---|
//! | `dataset` | rows to the bytes of immutable files, and back |
//! | `protocol` | manifests, generations, layouts: what counts, and what to do when something is in the way; no I/O |
//! | `open` | listing an archive, claiming it, saying that its writer lives |
//! | `recall` | recorded epochs, as a source |
//! | `cone` | which objects lie in a cone, and which contend with them |
//! | `redrive` | rejects, to be read once more |
//! | `rows` | rows of a dataset in order, from files that are read ahead |
//! | `schemas` | writer schemas beside the packets that need them |
//! | `snapshot` | the state at an epoch, to begin with |
//! | `compact` | large files for small ones; what is no longer kept |
//! | `keep` | what expires as nights go by |
//! | `verify`, `gc`, `export` | whether all is there; what nobody names; packets as they were sent |
//! | `store` | object stores: the only file here that talks to one |

pub mod compact;
pub mod cone;
pub mod dataset;
pub mod export;
pub mod gc;
pub mod keep;
pub mod open;
pub mod protocol;
pub mod publish;
pub mod recall;
pub mod redrive;
pub mod rows;
pub mod schemas;
pub mod snapshot;
pub mod store;
#[cfg(test)]
mod tests;
pub mod verify;
