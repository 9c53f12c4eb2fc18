//! `skydiff status`: a running job as a table, from its `--listen`.

use crate::output::{print, print_text};
use clap::Args;
use skydiff_dataflow::watch::{Histogram, Stage, State, Status};
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many operators of a worker are shown: those that worked most.
const SHOWN: usize = 8;

/// Shows how a running job fares: its epochs, who holds them up, its workers and operators, what came and was told.
///
/// The job is one that was started with --listen. Of several processes, ask process 0: it knows of all.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  skydiff run JOB.toml --listen 9101      # in one terminal\n  skydiff status 9101 --watch             \
                        # in another\n  skydiff status node7:9101 --json | jq .held"
)]
pub struct StatusOf {
    /// Where it listens: a port of this machine, HOST:PORT, or http://HOST:PORT
    #[arg(value_name = "URL")]
    url: String,
    /// Again every so many seconds, until Ctrl-C
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "2")]
    watch: Option<f64>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

impl StatusOf {
    /// Does it.
    pub fn run(self) -> Result<(), String> {
        let mut before = None;
        loop {
            let text = fetch(&self.url, "/status")?;
            let status: Status = serde_json::from_str(&text)
                .map_err(|error| format!("{}: what it says is no status of a skydiff job: {error}", self.url))?;
            let shown = if self.json { text } else { table(&status, before.as_ref()) };
            let Some(seconds) = self.watch else { return print_text(&shown) };
            if !(0.1..=3600.0).contains(&seconds) {
                return Err(format!("--watch {seconds}: give a number of seconds from 0.1 to 3600"));
            }
            // A table is drawn over the last one; JSON goes on, a line each.
            let clear = if self.json { "" } else { "\x1b[H\x1b[2J" };
            print(|out| write!(out, "{clear}{shown}"))?;
            before = Some(status);
            std::thread::sleep(Duration::from_secs_f64(seconds));
        }
    }
}

/// The body of a page.
fn fetch(url: &str, path: &str) -> Result<String, String> {
    let place = url.strip_prefix("http://").unwrap_or(url).split('/').next().unwrap_or_default();
    let place = if place.contains(':') { place.to_owned() } else { format!("127.0.0.1:{place}") };
    let cannot = |error: &dyn std::fmt::Display| format!("{place}: {error}: is the job there, with --listen?");
    let address = place.to_socket_addrs().map_err(|error| cannot(&error))?.next();
    let address = address.ok_or_else(|| cannot(&"its name means no address"))?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(|error| cannot(&error))?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(|error| cannot(&error))?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {place}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).map_err(|error| cannot(&error))?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(|error| cannot(&error))?;
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.starts_with("HTTP/1.1 200") => Ok(body.to_owned()),
        _ => Err(cannot(&format!("it says {}", answer.lines().next().unwrap_or("nothing")))),
    }
}

/// As people read it. With the status before, rates are of the time between the two, else of all.
fn table(status: &Status, before: Option<&Status>) -> String {
    let mut text = String::new();
    let Some(first) = status.processes.first() else { return "no process is known\n".into() };
    let _ = writeln!(
        text,
        "{}  {}  {} of {} processes known, {} workers, up {}{}",
        first.job,
        if first.health.well { "well" } else { "NOT WELL" },
        status.processes.len(),
        first.processes,
        status.processes.iter().map(|process| process.workers.len()).sum::<usize>(),
        duration(first.up_seconds),
        first.generation.map_or(String::new(), |generation| format!(", generation {generation}")),
    );
    for process in status.processes.iter().filter(|process| !process.health.well) {
        let _ = writeln!(text, "process {}: {}", process.process, process.health.why);
    }
    let epoch = |epoch: Option<u64>| epoch.map_or("-".into(), |epoch| epoch.to_string());
    let _ = writeln!(
        text,
        "epochs      {} is the first not through, {} is put together",
        epoch(first.through()),
        epoch(first.newest())
    );
    let _ = writeln!(
        text,
        "frontier    {}, {}",
        status.held.as_ref().map_or("held by nobody".into(), ToString::to_string),
        if first.waits() { format!("moved {} ago", duration(first.still_seconds)) } else { "nothing waits".into() }
    );
    books(&mut text, first, before.and_then(|before| before.processes.first()));
    for said in &first.partitions {
        let lag = (said.end - said.position).max(0);
        let _ = writeln!(text, "partition   {} {}: at {}, lag {lag}", said.topic, said.partition, said.position);
    }
    let refused: u64 = status.processes.iter().flat_map(|process| process.strangers.values()).sum();
    if refused > 0 {
        let _ = writeln!(text, "refused     {refused} connections of strangers");
    }
    let _ = writeln!(text, "\nprocess worker  busy  memory    operator           busy s       runs   holds    updates");
    for process in &status.processes {
        let old = before.and_then(|before| before.processes.iter().find(|old| old.process == process.process));
        workers(&mut text, process, old);
    }
    text
}

fn books(text: &mut String, state: &State, before: Option<&State>) {
    let Some(books) = &state.books else { return };
    let old = before.and_then(|before| before.books.as_ref()).map_or(0, |books| books.packets);
    let seconds = before.map_or(state.up_seconds, |before| state.time - before.time).max(1e-3);
    let rejected: i64 = books.rejected.values().sum();
    let _ = writeln!(
        text,
        "packets     {} ({:.0}/s), {rejected} rejected, {} in flight, {} of {} read",
        books.packets,
        (books.packets - old) as f64 / seconds,
        bytes(state.bytes_in_flight),
        bytes(state.bytes_read),
        bytes(state.bytes_known.max(state.bytes_read)),
    );
    for (survey, books) in &books.surveys {
        let records: i64 = books.records.iter().map(|(.., count)| count).sum();
        let clock = books.clock_mjd_tai.map_or("-".into(), |clock| format!("{clock:.5}"));
        let age = books.clock_age_seconds.map_or("-".into(), duration);
        let _ = writeln!(
            text,
            "{survey:<11} {} objects, {} measurements, {records} records; sky clock {clock}, {age} old",
            books.objects, books.measurements
        );
    }
    for (what, histogram) in [("received", &books.from_receipt), ("observed", &books.from_shutter)] {
        let bound = |share| {
            histogram.quantile(share).map_or("after more than a week".to_owned(), |s| format!("within {}", duration(s)))
        };
        if histogram.count() > 0 {
            let _ = writeln!(text, "told        since {what}: half {}, 99 % {}", bound(0.5), bound(0.99));
        }
    }
    stages(text, state);
}

/// How long epochs took, from their seal.
fn stages(text: &mut String, state: &State) {
    let bound = |(stage, took): (&Stage, &Histogram)| {
        let within = took.quantile(0.99).map_or("more than a week".to_owned(), duration);
        format!("{} {within}", stage.name())
    };
    let said: Vec<String> = state.stages.iter().map(bound).collect();
    if !said.is_empty() {
        let _ = writeln!(text, "epochs      99 % within, from their seal: {}", said.join(", "));
    }
}

fn workers(text: &mut String, state: &State, before: Option<&State>) {
    let seconds = before.map_or(state.up_seconds, |before| state.time - before.time).max(1e-3);
    for worker in &state.workers {
        let old = before.and_then(|before| before.workers.iter().find(|old| old.worker == worker.worker));
        let idle = worker.idle_seconds - old.map_or(0.0, |old| old.idle_seconds);
        let busy = (1.0 - idle / seconds).clamp(0.0, 1.0);
        let mut operators: Vec<_> = worker.operators.iter().filter(|operator| operator.activations > 0).collect();
        operators.sort_by(|a, b| b.busy_seconds.total_cmp(&a.busy_seconds));
        operators.truncate(SHOWN);
        let mut left = format!(
            "{:>7} {:>6} {:>4.0}%  {:>8}",
            state.process,
            worker.worker,
            100.0 * busy,
            bytes(state.resident_bytes)
        );
        for operator in operators {
            let holds = operator.holds.map_or("-".into(), |epoch| epoch.to_string());
            let updates = if operator.updates == 0 { "-".into() } else { operator.updates.to_string() };
            let (name, busy, runs) = (&operator.name, operator.busy_seconds, operator.activations);
            let _ = writeln!(text, "{left}  {name:<18} {busy:>6.2} {runs:>10} {holds:>7} {updates:>10}");
            left = " ".repeat(left.len());
        }
    }
}

fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 10.0 => format!("{s:.2} s"),
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7200.0 => format!("{:.0} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.1} h", s / 3600.0),
        s => format!("{:.1} d", s / 86_400.0),
    }
}

fn bytes(count: u64) -> String {
    match count as f64 {
        b if b < 1e3 => format!("{b:.0} B"),
        b if b < 1e6 => format!("{:.1} kB", b / 1e3),
        b if b < 1e9 => format!("{:.1} MB", b / 1e6),
        b => format!("{:.2} GB", b / 1e9),
    }
}
