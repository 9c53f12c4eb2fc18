//! The archive: what a night leaves behind, so that it can be replayed by identical code (DESIGN §5.2, §5.4).
//!
//! | file | what it owns |
//! |---|---|
//! | `dataset` | rows to the bytes of immutable files, and back |
//! | `protocol` | manifests, generations, layouts: what counts, and what to do when something is in the way; no I/O |
//! | `store` | object stores: the only file here that talks to one |

pub mod dataset;
pub mod protocol;
pub mod store;
