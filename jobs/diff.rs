//! `skydiff diff`: in what two jobs differ.

use crate::output::{print_json, print_text};
use clap::{Args, ValueEnum};
use serde_json::json;
use skydiff_dataflow::compare::{Difference, Said, Story, differences, each_record, write_parquet};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Says which objects came to be in a state in one run and not in the other, or at another time.
///
/// Each line is an object, a timescale and a state. entered: only B ever says so; left: only A does; earlier, later: B says
/// it at another time of the sky, by so many days; kept, lost: both said it then, and at its end only B, or only A, still
/// does. Nothing is printed but the counts where both say the same.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    skydiff diff live/ replayed/\n  \
    skydiff diff s3://bucket/archive lower/ --parquet moved.parquet     (after replay --archive ... JOB.toml --to lower)\n  \
    skydiff diff before/ after/ --by state,timescale     (a new threshold: how many, of what)\n  \
    skydiff diff before/ after/ --json | jq '.differences[] | select(.kind == \"entered\") | .object'")]
pub struct Diff {
    /// What a run or a replay wrote with --to (or its records.jsonl or records.avro), or an archive: its folder or URL
    #[arg(value_name = "A")]
    a: String,
    /// What is held against it, likewise
    #[arg(value_name = "B")]
    b: String,
    /// Counts by these instead of a line for each
    #[arg(long, value_name = "WHAT,...", value_delimiter = ',')]
    by: Vec<By>,
    /// As JSON
    #[arg(long)]
    json: bool,
    /// Every difference as a row of this Parquet file, too
    #[arg(long, value_name = "FILE")]
    parquet: Option<PathBuf>,
}

/// What differences are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum By {
    /// The state
    State,
    /// The timescale
    Timescale,
    /// The night in which it is said (by B, else by A): MJD
    Night,
    /// The survey
    Survey,
    /// The reason of the record
    Reason,
}

impl By {
    fn name(self) -> &'static str {
        match self {
            By::State => "state",
            By::Timescale => "timescale",
            By::Night => "night",
            By::Survey => "survey",
            By::Reason => "reason",
        }
    }

    fn of(self, difference: &Difference) -> String {
        match self {
            By::State => difference.place.state.clone(),
            By::Timescale => difference.place.timescale.clone(),
            By::Night => difference.night().to_string(),
            By::Survey => difference.place.survey.clone(),
            By::Reason => difference.reason().to_owned(),
        }
    }
}

impl Diff {
    /// Does it.
    pub fn run(self) -> Result<(), String> {
        let (a, b) = (story(&self.a)?, story(&self.b)?);
        let found = differences(&a, &b);
        if let Some(path) = &self.parquet {
            write_parquet(path, &found)?;
        }
        let counts = counts(&found, &self.by);
        if self.json {
            let counted = counts.iter().map(|((kind, of), count)| {
                let mut line = json!({"kind": kind, "count": count});
                self.by.iter().zip(of).for_each(|(by, of)| line[by.name()] = json!(of));
                line
            });
            let side = |story: &Story| json!({"records": story.records(), "objects": story.objects()});
            let mut whole = json!({"a": side(&a), "b": side(&b), "counts": counted.collect::<Vec<_>>()});
            if self.by.is_empty() {
                whole["differences"] = json!(found);
            }
            return print_json(&whole);
        }
        let mut text = if self.by.is_empty() { lines(&found) } else { String::new() };
        text += &format!(
            "A: {} records of {} objects; B: {} records of {} objects; {} differences\n",
            a.records(),
            a.objects(),
            b.records(),
            b.objects(),
            found.len()
        );
        for ((kind, of), count) in &counts {
            let of: String = of.iter().map(|of| format!("  {of:<10}")).collect();
            text += &format!("{kind:<8}{of} {count:>8}\n");
        }
        print_text(&text)
    }
}

fn story(run: &str) -> Result<Story, String> {
    let mut story = Story::default();
    each_record(run, |record| story.hear(&record))?;
    Ok(story)
}

fn counts(found: &[Difference], by: &[By]) -> BTreeMap<(&'static str, Vec<String>), u64> {
    let mut counts = BTreeMap::new();
    for difference in found {
        let of = by.iter().map(|by| by.of(difference)).collect();
        *counts.entry((difference.kind.name(), of)).or_default() += 1;
    }
    counts
}

fn lines(found: &[Difference]) -> String {
    let when =
        |said: &Option<Said>| said.as_ref().map_or("-".into(), |said| format!("{:.5} (Z {:.1})", said.mjd_tai, said.z));
    let mut text = String::new();
    for difference in found {
        let place = &difference.place;
        let by = difference.days.filter(|days| *days != 0.0).map_or(String::new(), |days| format!("{days:+.3} d"));
        text += &format!(
            "{:<8} {:<24} {:>5} {:<11} {:>22} {:>22} {:>12}  {}\n",
            difference.kind.name(),
            format!("{}:{}", place.survey, place.object),
            place.timescale,
            place.state,
            when(&difference.a),
            when(&difference.b),
            by,
            difference.reason()
        );
    }
    if text.is_empty() {
        text
    } else {
        format!(
            "{:<8} {:<24} {:>5} {:<11} {:>22} {:>22} {:>12}  reason\n",
            "", "object", "days", "state", "A: MJD", "B: MJD", "B - A"
        ) + &text
    }
}
