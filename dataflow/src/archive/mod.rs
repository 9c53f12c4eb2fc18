//! The archive: what a night leaves behind, so that it can be replayed by identical code (DESIGN §5.2, §5.4).

pub mod dataset;
pub mod publish;
