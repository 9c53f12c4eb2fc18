//! What a night, or a run, came to: for people one screen, for machines `summary.json` and three CSV files.

mod files;
mod text;

use crate::counts::Counts;
use crate::highlights::Highlights;
use std::io;
use std::path::Path;

/// The files of a report.
pub const FILES: [&str; 4] = ["summary.json", "reconciliation.csv", "states.csv", "highlights.csv"];

/// Everything that a report is of. Pure: only [`Report::write`] touches a disk.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// What it is about: `run`, or the name of a night.
    pub title: &'a str,
    /// What went in and what became of it.
    pub counts: &'a Counts,
    /// What to look at.
    pub highlights: &'a Highlights,
    /// The timescales of the job, days, `inf` for all of history.
    pub timescales: &'a [f64],
}

impl Report<'_> {
    /// Writes `summary.json`, `reconciliation.csv`, `states.csv` and `highlights.csv` into a folder, which is made if need be.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        std::fs::create_dir_all(folder)?;
        let texts =
            [format!("{:#}\n", self.json()), self.reconciliation_csv(), self.states_csv(), self.highlights_csv()];
        FILES.iter().zip(texts).try_for_each(|(name, text)| std::fs::write(folder.join(name), text))
    }
}

/// `7 d`, `0.1 d`, `all`.
fn timescale_name(days: Option<f64>) -> String {
    match days {
        Some(days) if days.is_finite() => format!("{days} d"),
        _ => "all".into(),
    }
}

#[cfg(test)]
mod tests;
