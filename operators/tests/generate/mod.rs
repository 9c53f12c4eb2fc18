//! Accumulations to hold the operators to: written by hand as stories, or drawn at random.

pub mod random;
pub mod story;
