//! `skydiff job`: a job file to begin with.

use crate::output::print_text;
use clap::Args;
use skydiff_dataflow::settings::print_job;

/// Prints a job file in which every key has its default and says what it means.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  skydiff job > JOB.toml   # change what is to differ, then: skydiff run JOB.toml")]
pub struct JobFile {}

impl JobFile {
    /// Does it.
    pub fn run(self) -> Result<(), String> {
        print_text(&print_job())
    }
}
