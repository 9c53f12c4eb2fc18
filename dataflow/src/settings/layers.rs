//! Lays a job file and the environment over the defaults.

use super::Job;
use super::keys::{known, nearest};
use std::path::Path;
use toml::{Table, Value};

/// Why a job cannot be read, in words that say what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsError(pub String);

impl std::fmt::Display for SettingsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SettingsError {}

/// The job in `file` (the defaults without one), with `environment` over it.
pub fn load(file: Option<&Path>, environment: impl Iterator<Item = (String, String)>) -> Result<Job, SettingsError> {
    let text = match file {
        Some(path) => {
            std::fs::read_to_string(path).map_err(|error| SettingsError(format!("{}: {error}", path.display())))?
        }
        None => String::new(),
    };
    let of_file = |error: SettingsError| match file {
        Some(path) => SettingsError(format!("{}: {error}", path.display())),
        None => error,
    };
    let table = text.parse::<Table>().map_err(|error| of_file(SettingsError(error.to_string())))?;
    check_keys(&table).map_err(of_file)?;
    let mut table = with_environment(table, environment)?;
    if let Some(Value::Array(sources)) = table.get_mut("source") {
        sources.iter_mut().filter_map(Value::as_table_mut).for_each(|source| {
            let own = std::mem::take(source);
            lay_over(source, own);
        });
    }
    let mut whole = Table::try_from(Job::default()).map_err(|error| SettingsError(error.to_string()))?;
    lay_over(&mut whole, table);
    let job: Job =
        whole.try_into().map_err(|error: toml::de::Error| of_file(SettingsError(wrong_value(&error.to_string()))))?;
    job.check().map_err(SettingsError)?;
    Ok(job)
}

/// Lays the variables `SKYDIFF__A__B=value` over a job: `SKYDIFF__RUN__WORKERS=4` is `run.workers = 4`,
/// `SKYDIFF__SOURCE__0__RANK=1` is the rank of the first source. A value that is not TOML is a text.
pub fn with_environment(
    mut table: Table,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<Table, SettingsError> {
    let mut variables: Vec<_> = environment.filter(|(name, _)| name.starts_with("SKYDIFF__")).collect();
    variables.sort();
    for (name, text) in variables {
        let path: Vec<String> = name["SKYDIFF__".len()..].split("__").map(str::to_lowercase).collect();
        let value = format!("v = {text}").parse::<Table>().ok().and_then(|mut table| table.remove("v"));
        let wrong = |why: &str| SettingsError(format!("{name}: {why}"));
        set(&mut table, &path, value.unwrap_or(Value::String(text))).map_err(|why| wrong(&why))?;
        check_keys(&table).map_err(|error| wrong(&error.0))?;
    }
    Ok(table)
}

/// The key first, then what was expected, in words: serde says `invalid type: string "abc", expected f64`, and toml adds
/// a line with the key.
fn wrong_value(error: &str) -> String {
    let error = error.trim_end();
    let (what, key) = error.rsplit_once("\nin `").unwrap_or((error, ""));
    let what = match what.strip_prefix("invalid type: ").and_then(|what| what.rsplit_once(", expected ")) {
        Some((got, "f64" | "f32")) => format!("expected a number, got {got}"),
        Some((got, "usize" | "u64" | "u32" | "u16" | "i64" | "i32" | "i16")) => {
            format!("expected a whole number, got {got}")
        }
        Some(("map", "a sequence")) => "is a list: write [[ ]] around its name, once for each".to_owned(),
        Some((got, expected)) => format!("expected {expected}, got {got}"),
        None => what.to_owned(),
    };
    if key.is_empty() { what } else { format!("{}: {what}", key.trim_end_matches('`')) }
}

fn set(table: &mut Table, path: &[String], value: Value) -> Result<(), String> {
    let (first, rest) = path.split_first().ok_or("names no key")?;
    if rest.is_empty() {
        table.insert(first.clone(), value);
        return Ok(());
    }
    match table.entry(first.clone()).or_insert_with(|| Value::Table(Table::new())) {
        Value::Table(inner) => set(inner, rest, value),
        Value::Array(list) => {
            let place = rest[0].parse::<usize>().map_err(|_| format!("{first} is a list: say which, {first}__0"))?;
            let count = list.len();
            match list.get_mut(place) {
                Some(Value::Table(inner)) => set(inner, &rest[1..], value),
                _ => Err(format!("there are {count} of {first}, counted from 0")),
            }
        }
        _ => Err(format!("{first} is no table")),
    }
}

/// Tables are laid over tables, key by key; anything else is replaced.
fn lay_over(under: &mut Table, over: Table) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(Value::Table(under)), Value::Table(over)) => lay_over(under, over),
            // A date without quotes is TOML's own; here dates are texts.
            (_, Value::Datetime(date)) => drop(under.insert(key, Value::String(date.to_string()))),
            (_, value) => drop(under.insert(key, value)),
        }
    }
}

/// Refuses a key that is not known.
fn check_keys(table: &Table) -> Result<(), SettingsError> {
    let known = known();
    let mut paths = Vec::new();
    list("", table, &mut paths);
    let is_known = |path: &str| {
        let prefix = format!("{path}.");
        known.iter().any(|known| known == path || known.starts_with(&prefix))
            // Below `aliases` the keys are fields of packets, below `options` they are librdkafka's.
            || known.iter().any(|known| {
                [".aliases", ".options"].iter().any(|end| known.ends_with(end)) && path.starts_with(&format!("{known}."))
            })
    };
    match paths.iter().find(|path| !is_known(path)) {
        None => Ok(()),
        Some(path) => {
            let hint = nearest(path).map_or(String::new(), |near| format!(", did you mean `{near}`?"));
            Err(SettingsError(format!("`{path}` is not a key of a job{hint} (`skydiff job` prints them all)")))
        }
    }
}

fn list(prefix: &str, table: &Table, paths: &mut Vec<String>) {
    for (key, value) in table {
        let path = format!("{prefix}{key}");
        match value {
            Value::Table(inner) => list(&format!("{path}."), inner, paths),
            Value::Array(items) => {
                items.iter().filter_map(Value::as_table).for_each(|inner| list(&format!("{path}."), inner, paths));
            }
            _ => {}
        }
        paths.push(path);
    }
}
