//! `skydiff schema`: what the columns of a change record are.

use crate::output::{print_json, print_text};
use clap::Args;
use skydiff_schemas::record::{avro_schema, enclosing_schema, markdown};

/// Prints the schema of the change records that a job writes: every column with its type, unit and meaning.
#[derive(Args, Debug)]
pub struct Schema {
    /// As an Avro schema (JSON), the one that the Avro files carry
    #[arg(long, conflicts_with = "markdown")]
    avro: bool,
    /// As an Avro schema, of messages that carry the packet that caused a record (sink.kafka.packet)
    #[arg(long, conflicts_with = "markdown")]
    packet: bool,
    /// As Markdown tables (the default)
    #[arg(long)]
    markdown: bool,
}

impl Schema {
    /// Does it.
    pub fn run(self) -> Result<(), String> {
        match (self.packet, self.avro) {
            (true, _) => print_json(&enclosing_schema()),
            (_, true) => print_json(&avro_schema()),
            _ => print_text(&markdown()),
        }
    }
}
