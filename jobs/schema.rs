//! `skydiff schema`: what the columns of a change record are.

use crate::output::{print_json, print_text};
use clap::Args;
use skydiff_schemas::record::{avro_schema, markdown};

/// Prints the schema of the change records that a job writes: every column with its type, unit and meaning.
#[derive(Args, Debug)]
pub struct Schema {
    /// As an Avro schema (JSON), the one that the Avro files carry
    #[arg(long, conflicts_with = "markdown")]
    avro: bool,
    /// As Markdown tables (the default)
    #[arg(long)]
    markdown: bool,
}

impl Schema {
    /// Does it.
    pub fn run(self) -> Result<(), String> {
        if self.avro { print_json(&avro_schema()) } else { print_text(&markdown()) }
    }
}
