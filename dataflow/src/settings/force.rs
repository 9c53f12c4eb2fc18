//! What of a job its answers depend on: recorded with every epoch, so that nobody goes on with other thresholds unawares.

use super::Job;
use toml::{Table, Value};

/// Changes when the same settings and packets come to other answers.
const SEMANTICS: u32 = 1;

/// The text that is recorded: the job without what only says where things are and how fast they go.
pub fn in_force(job: &Job) -> Result<String, String> {
    let wrong = |error: &dyn std::fmt::Display| format!("the settings cannot be recorded: {error}");
    let mut whole = Table::try_from(job).map_err(|error| wrong(&error))?;
    // What is not listed here may change and grow, and the records stay what they are.
    let mut part = Table::new();
    for (table, key) in
        [("name", ""), ("timescales", ""), ("records", ""), ("survey", ""), ("run", "future_days"), ("sink", "lanes")]
    {
        let Some(value) = whole.remove(table) else { continue };
        let value = match value {
            Value::Table(mut own) if !key.is_empty() => {
                Value::Table(own.remove(key).into_iter().map(|value| (key.to_owned(), value)).collect())
            }
            value => value,
        };
        part.insert(table.to_owned(), value);
    }
    let text = toml::to_string(&part).map_err(|error| wrong(&error))?;
    Ok(format!("# semantics {SEMANTICS}\n{text}"))
}

/// The job of a text that was recorded.
pub fn of_record(text: &str) -> Result<Job, String> {
    toml::from_str(text).map_err(|error| format!("the recorded settings cannot be read: {error}"))
}

/// The lines in which two recorded texts differ, as `section.key = before → after`.
pub fn differences(before: &str, after: &str) -> Vec<String> {
    let (before, after) = (lines(before), lines(after));
    let keys: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let none = "(none)".to_owned();
    let differ = keys.into_iter().filter(|key| before.get(*key) != after.get(*key));
    differ
        .map(|key| format!("{key} = {} → {}", before.get(key).unwrap_or(&none), after.get(key).unwrap_or(&none)))
        .collect()
}

fn lines(text: &str) -> std::collections::BTreeMap<String, String> {
    let (mut section, mut lines) = (String::new(), std::collections::BTreeMap::new());
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = format!("{}.", name.trim_end_matches(']'));
        } else if let Some(semantics) = line.strip_prefix("# semantics ") {
            lines.insert("semantics".to_owned(), semantics.to_owned());
        } else if let Some((key, value)) = line.split_once(" = ") {
            lines.insert(format!("{section}{key}"), value.to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_answers_depend_on_is_recorded_and_nothing_else() {
        let job = Job::default();
        let text = in_force(&job).unwrap();
        let mut other = job.clone();
        (other.run.workers, other.sink.to, other.epochs.in_flight) = (7, Some("x".into()), 3);
        assert_eq!(in_force(&other).unwrap(), text);
        other.timescales.flare_z = 7.0;
        let changed = in_force(&other).unwrap();
        assert_eq!(differences(&text, &changed), ["timescales.flare_z = 5.0 → 7.0"]);
        assert_eq!(of_record(&changed).unwrap().timescales.flare_z, 7.0);
        assert!(differences(&text, &text).is_empty());
    }
}
