//! What a person, or a machine, sees of a job that runs.

use crate::output::say;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value as Json, json};
use skydiff_dataflow::event::{Event, Gauges, Summary};
use skydiff_dataflow::source::Progress;
use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// How often numbers are shown.
const TICK: Duration = Duration::from_millis(200);
/// How often a machine is told them.
const REPORT: Duration = Duration::from_secs(5);

/// For whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// A terminal: a bar that moves.
    Bar,
    /// A log: nothing that moves.
    Plain,
    /// A machine: lines of JSON on standard output.
    Json,
    /// A process that is not the first of a job: nothing.
    Quiet,
}

impl Style {
    /// By what was asked for and what is there.
    pub fn choose(json: bool, leads: bool) -> Style {
        match (leads, json, std::io::stderr().is_terminal()) {
            (false, ..) => Style::Quiet,
            (true, true, _) => Style::Json,
            (true, false, true) => Style::Bar,
            (true, false, false) => Style::Plain,
        }
    }
}

/// Shows a job.
pub struct Screen {
    style: Style,
    progress: Arc<Progress>,
    gauges: Gauges,
    stop: Arc<AtomicBool>,
    bar: ProgressBar,
    begun: Instant,
    reported: Instant,
    told_stop: bool,
}

impl Screen {
    /// Of a job that begins.
    pub fn new(style: Style, progress: Arc<Progress>, gauges: Gauges, stop: Arc<AtomicBool>) -> Screen {
        let bar = if style == Style::Bar { ProgressBar::new(0) } else { ProgressBar::hidden() };
        let template = "{elapsed_precise} [{bar:30}] {bytes}/{total_bytes}, {eta} left  {msg}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        let now = Instant::now();
        Screen { style, progress, gauges, stop, bar, begun: now, reported: now, told_stop: false }
    }

    /// Until the job has ended.
    pub fn show(&mut self, events: &Receiver<Event>, ended: impl Fn() -> bool) {
        loop {
            // Asked first: what was told before the end is heard after it.
            let last = ended();
            match events.recv_timeout(if last { Duration::ZERO } else { TICK }) {
                Ok(event) => self.event(&event),
                Err(RecvTimeoutError::Timeout) if !last => self.tick(),
                Err(_) => return,
            }
        }
    }

    /// Takes the bar away.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }

    fn event(&self, event: &Event) {
        match (event, self.style) {
            (_, Style::Quiet) => {}
            (Event::Beside(path), Style::Json) => say(&json!({ "event": "skipped", "path": path })),
            (Event::Beside(path), _) => {
                self.line(|| tracing::info!("{} holds no packet, it is left out", path.display()))
            }
            (Event::Note(what), Style::Json) => say(&json!({ "event": "note", "text": what })),
            (Event::Note(what), _) => self.line(|| tracing::info!("{what}")),
            (Event::Digest { digest, at }, Style::Json) => {
                say(&json!({ "event": "digest", "digest": format!("{digest:032x}"), "at": at }));
            }
            (Event::Digest { digest, at }, _) => self.line(|| say(&format_args!("digest {digest:032x} at {at}"))),
            (Event::Night(summary), Style::Json) => say(&report("night", summary, None)),
            (Event::Night(summary), _) => self.line(|| say(&summary.report().text(width()))),
        }
    }

    /// Prints beside the bar.
    fn line(&self, print: impl FnOnce()) {
        self.bar.suspend(print);
    }

    fn tick(&mut self) {
        if self.stop.load(Ordering::Relaxed) && !self.told_stop {
            self.told_stop = true;
            self.line(|| tracing::info!("finishing what has been taken; Ctrl-C again ends at once"));
        }
        let [read, ahead] = [&self.progress.read, &self.progress.ahead].map(|gauge| get(gauge));
        let [packets, rejected, records, epochs] =
            [&self.gauges.packets, &self.gauges.rejected, &self.gauges.records, &self.gauges.epochs]
                .map(|gauge| get(gauge));
        let seconds = self.begun.elapsed().as_secs_f64();
        self.bar.set_length(ahead.max(read));
        self.bar.set_position(read);
        let rate = packets as f64 / seconds.max(1e-3);
        self.bar.set_message(format!("{packets} packets ({rate:.0}/s), {rejected} rejected, {records} records"));
        let left = (read > 0).then(|| seconds * ahead.saturating_sub(read) as f64 / read as f64);
        if self.style == Style::Json && self.reported.elapsed() >= REPORT {
            self.reported = Instant::now();
            say(&json!({
                "event": "progress", "seconds": seconds, "bytes_read": read, "bytes_known": ahead, "epochs": epochs,
                "packets": packets, "rejected": rejected, "records": records, "packets_per_second": rate,
                "seconds_left": left,
            }));
        }
    }

    /// The end.
    pub fn summary(&self, summary: &Summary, drained: bool) {
        let seconds = self.begun.elapsed().as_secs_f64();
        match self.style {
            Style::Quiet => {}
            Style::Json => say(&report("done", summary, Some((drained, seconds)))),
            Style::Bar | Style::Plain => {
                say(&summary.report().text(width()));
                let rate = summary.counts.received as f64 / seconds.max(1e-3);
                eprintln!(
                    "{seconds:.1} s, {rate:.0} packets/s{}",
                    if drained { ", stopped before the end of the input" } else { "" }
                );
            }
        }
    }
}

fn get(gauge: &AtomicU64) -> u64 {
    gauge.load(Ordering::Relaxed)
}

fn report(event: &str, summary: &Summary, end: Option<(bool, f64)>) -> Json {
    let mut line = json!({ "event": event, "title": summary.title, "report": summary.report().json() });
    if let Some((drained, seconds)) = end {
        (line["drained"], line["seconds"]) = (json!(drained), json!(seconds));
    }
    line
}

/// Columns of the terminal; 80 where there is none.
fn width() -> usize {
    console::Term::stdout().size_checked().map_or(80, |(_, columns)| usize::from(columns).max(80))
}
