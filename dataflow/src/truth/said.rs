//! What the records of a run say of each object, boiled down to what a score needs.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// States that say that the light changes.
const CHANGING: [&str; 6] = ["rising", "fading", "turned", "flaring", "dipping", "variable"];

/// What was said of an object.
#[derive(Clone, Debug, Default)]
pub struct Said {
    /// Newest good source of the first record, MJD TAI.
    pub first: Option<f64>,
    /// By timescale, in the order of the job: whether its light was ever said to change.
    pub changes: Vec<bool>,
    /// By timescale: how often a state of it was entered or left, the first entry not counted.
    pub flips: Vec<u32>,
    /// By timescale: whether the last record's window has two good visits of a series or more.
    pub pairs: Vec<bool>,
    /// Whether it was ever `new`.
    pub new: bool,
    /// Records.
    pub records: u32,
}

/// All that was said.
#[derive(Clone, Debug, Default)]
pub struct AllSaid {
    /// By object.
    pub objects: BTreeMap<String, Said>,
    /// Updates and retractions, by type and reason.
    pub corrections: BTreeMap<(String, String), u64>,
    /// Records in all.
    pub records: u64,
}

#[derive(Deserialize)]
struct Line {
    object: String,
    alert_type: String,
    reason: String,
    newest_mjd_tai: Option<f64>,
    timescales: Vec<Scale>,
}

#[derive(Deserialize)]
struct Scale {
    states: Vec<Held>,
    entered: Vec<String>,
    left: Vec<String>,
    series: Vec<Series>,
}

#[derive(Deserialize)]
struct Held {
    state: String,
}

#[derive(Deserialize)]
struct Series {
    n: i64,
}

/// Reads a `records.jsonl`. The error names the file and the line.
pub fn read_records(path: &Path) -> Result<AllSaid, String> {
    let cannot = |at: usize, why: &dyn std::fmt::Display| format!("{}: line {}: {why}", path.display(), at + 1);
    let file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut all = AllSaid::default();
    for (at, line) in BufReader::new(file).lines().enumerate() {
        let line = line.map_err(|error| cannot(at, &error))?;
        let line: Line = serde_json::from_str(&line).map_err(|error| cannot(at, &error))?;
        all.records += 1;
        if ["update", "retraction"].contains(&line.alert_type.as_str()) {
            *all.corrections.entry((line.alert_type.clone(), line.reason.clone())).or_default() += 1;
        }
        all.objects.entry(line.object.clone()).or_default().hear(&line);
    }
    Ok(all)
}

impl Said {
    fn hear(&mut self, line: &Line) {
        let scales = line.timescales.len().max(self.changes.len());
        self.changes.resize(scales, false);
        self.flips.resize(scales, 0);
        self.pairs = vec![false; scales];
        self.records += 1;
        self.first = self.first.or(line.newest_mjd_tai);
        for (at, scale) in line.timescales.iter().enumerate() {
            let says = |states: &[&str]| scale.states.iter().any(|held| states.contains(&held.state.as_str()));
            let first = !self.changes[at] && scale.left.is_empty();
            self.flips[at] += (scale.entered.len() + scale.left.len()) as u32 - u32::from(first && says(&CHANGING));
            self.changes[at] |= says(&CHANGING);
            self.new |= says(&["new"]);
            self.pairs[at] = scale.series.iter().any(|series| series.n > 1);
        }
    }
}
