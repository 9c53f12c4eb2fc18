//! How it runs.

pub mod counts;
mod names;
