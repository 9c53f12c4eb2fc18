//! The default job as a file to begin with: every key, what it means, and its value.

use super::keys::{about, known};
use super::{Job, SourceSettings};
use toml::{Table, Value};

/// The text of a job file in which everything has its default. A key that has none is commented out with an example.
pub fn print_job() -> String {
    let source = SourceSettings { path: "packets".into(), ..SourceSettings::default() };
    let job = Job { source: vec![source], ..Job::default() };
    // Serialising plain settings cannot fail; without any the page below would be empty, which its test would see.
    let table = Table::try_from(job).unwrap_or_default();
    let mut text = "# A skydiff job: every key with its default. Leave out what you do not change.\n\
                    # A key can also be set by an environment variable: SKYDIFF__RUN__WORKERS=4 is run.workers = 4.\n"
        .to_owned();
    let mut last = String::new();
    for path in known() {
        let (section, key) = path.rsplit_once('.').unwrap_or(("", &path));
        if section != last {
            text += &match section {
                "source" => "\n[[source]]\n".into(),
                "sink.kafka.route" => "\n# [[sink.kafka.route]]\n".into(),
                _ => format!("\n[{section}]\n"),
            };
            last = section.to_owned();
        }
        text += &format!("# {}\n", about(&path).unwrap_or_default());
        text += &match value(&table, &path) {
            Some(value) => format!("{key} = {value}\n"),
            None => format!("# {key} = {}\n", example(&path)),
        };
    }
    text
}

fn value(table: &Table, path: &str) -> Option<Value> {
    let mut parts = path.split('.');
    let first = table.get(parts.next()?)?.clone();
    let first =
        first.as_array().and_then(|list| list.first()).filter(|first| first.is_table()).cloned().unwrap_or(first);
    parts.try_fold(first, |value, part| value.as_table()?.get(part).cloned()).filter(|value| !value.is_table())
}

/// What a key without a default may look like.
fn example(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("schemas") => "\"schemas/lsst\"",
        Some("received") => "\"2026-03-09T12:00:00Z\"",
        Some("to") => "\"out\"",
        Some("url") => "\"s3://bucket/archive\"",
        Some("commit_seconds") => "1.0",
        Some("registry") => "\"http://registry:8081\"",
        Some("topic") => "\"skydiff\"",
        Some("current" | "progress" | "rejects") => "\"skydiff.current\"",
        Some("timescale") => "0.1",
        Some("state") => "\"rising\"",
        Some("user") => "\"someone\"",
        Some("password_file") => "\"/run/secrets/kafka\"",
        Some("ca" | "certificate" | "key") => "\"/etc/ssl/kafka.pem\"",
        _ => "{}",
    }
}
