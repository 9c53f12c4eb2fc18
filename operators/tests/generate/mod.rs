//! Accumulations to hold the operators to: written by hand as stories, or drawn at random.
//!
//! `sky` makes up what there is to see, `packets` how the surveys tell of it (repeating, rounding, correcting
//! themselves), `accumulation` in which epochs it arrives. A seed decides all of it; `strategy` lets proptest choose
//! the seed and leave packets out, `smaller` makes a failing accumulation readable.

pub mod accumulation;
pub mod packets;
pub mod random;
pub mod respread;
pub mod sky;
pub mod smaller;
pub mod story;
pub mod strategy;

#[allow(unused_imports)] // not every test file needs it
pub use accumulation::{Accumulation, Shape};
#[allow(unused_imports)] // not every test file needs it
pub use random::Random;
