//! How it runs: sources, epochs, the clock, sinks, and the assembly of the graph. The only crate that does I/O.

pub mod source;
