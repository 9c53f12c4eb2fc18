//! How it runs: sources, epochs, the clock, sinks, and the assembly of the graph. The only crate that does I/O.

pub mod archive;
pub mod check;
pub mod cluster;
pub mod compare;
pub mod cone;
pub mod counts;
mod dump;
pub mod event;
mod fault;
pub mod flow;
pub mod highlights;
pub mod judge;
pub mod kafka;
pub mod ledger;
pub mod lookup;
mod names;
pub mod reading;
pub mod record;
pub mod reject;
pub mod report;
pub mod run;
pub mod settings;
pub mod sink;
pub mod source;
#[cfg(test)]
mod testing;
pub mod truth;
pub mod verdict;
pub mod watch;
pub mod why;
pub mod writer;
