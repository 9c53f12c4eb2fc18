//! How it runs.

pub mod counts;
pub mod highlights;
mod names;
pub mod record;
pub mod report;
#[cfg(test)]
mod testing;
pub mod verdict;
