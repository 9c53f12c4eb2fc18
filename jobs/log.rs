//! Logs on standard error: a sentence for people, a line of JSON for machines (`--log json`), with epoch and worker.
//!
//! A subscriber of `tracing` of our own, because all that is wanted of one is a line.

use clap::ValueEnum;
use serde_json::{Map, Value as Json};
use skydiff_dataflow::watch;
use std::fmt::{Debug, Write as _};
use std::io::Write as _;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber, span};

/// For whom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Log {
    /// People.
    #[default]
    Text,
    /// Machines.
    Json,
}

static LOG: OnceLock<Log> = OnceLock::new();

/// From now on what is logged is printed. Only the first call counts.
pub fn start(log: Log) {
    if LOG.set(log).is_ok() {
        let _ = tracing::subscriber::set_global_default(Lines { log });
    }
}

/// Says why a command fails: as a log where that is for machines, else as any command does.
pub fn complain(why: &str, code: u8) {
    match LOG.get() {
        Some(Log::Json) => tracing::error!(code, "{why}"),
        _ => eprintln!("skydiff: {why}"),
    }
}

struct Lines {
    log: Log,
}

/// What an event says.
#[derive(Default)]
struct Said {
    message: String,
    fields: Map<String, Json>,
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let text = format!("{value:?}");
        match field.name() {
            "message" => self.message = text,
            name => drop(self.fields.insert(name.to_owned(), Json::String(text))),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.fields.insert(field.name().to_owned(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.fields.insert(field.name().to_owned(), value.into());
    }
}

impl Subscriber for Lines {
    /// Ours, and what of others is a warning: libraries tell of themselves what nobody on duty needs.
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let least = if metadata.target().starts_with("skydiff") { Level::INFO } else { Level::WARN };
        metadata.is_event() && *metadata.level() <= least
    }

    fn event(&self, event: &Event<'_>) {
        let mut said = Said::default();
        event.record(&mut said);
        let line = match self.log {
            Log::Text => text(&said),
            Log::Json => json(&said, *event.metadata().level(), event.metadata().target()),
        };
        // Nobody may be reading.
        let _ = writeln!(std::io::stderr().lock(), "{line}");
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

fn text(said: &Said) -> String {
    let mut line = format!("skydiff: {}", said.message);
    let mut separator = " (";
    for (name, value) in &said.fields {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let _ = write!(line, "{separator}{name} {value}");
        separator = ", ";
    }
    if separator == ", " {
        line.push(')');
    }
    line
}

fn json(said: &Said, level: Level, target: &str) -> String {
    let mut line = Map::new();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let mut put = |name: &str, value: Json| line.insert(name.to_owned(), value);
    put("time", now.into());
    put("level", level.to_string().to_lowercase().into());
    put("target", target.into());
    let place = watch::place();
    for (name, number) in [("process", place.process), ("worker", place.worker), ("epoch", place.epoch)] {
        if let Some(number) = number {
            put(name, number.into());
        }
    }
    put("message", said.message.clone().into());
    for (name, value) in &said.fields {
        put(name, value.clone());
    }
    Json::Object(line).to_string()
}
