//! Printing, and failing, as command lines do.

use serde_json::Value as Json;
use std::io::{self, BufWriter, ErrorKind, Write};

/// Prints to standard output. A reader that has seen enough (`| head`) is no error.
pub fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), String> {
    let mut out = BufWriter::new(io::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(format!("standard output: {error}")),
        _ => Ok(()),
    }
}

/// Prints a line that comes on the way of longer work, which goes on whether or not anybody reads it.
pub fn say(line: &dyn std::fmt::Display) {
    let _ = print(|out| writeln!(out, "{line}"));
}

/// Prints a text.
pub fn print_text(text: &str) -> Result<(), String> {
    print(|out| out.write_all(text.as_bytes()))
}

/// Prints JSON for people and scripts alike.
pub fn print_json(value: &Json) -> Result<(), String> {
    print(|out| writeln!(out, "{value:#}"))
}
