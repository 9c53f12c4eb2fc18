//! How it runs.

pub mod counts;
mod names;
pub mod record;
#[cfg(test)]
mod testing;
pub mod verdict;
