//! A process as Prometheus reads it: the text format, names and units as its own checker (`promtool check metrics`) wants them.

use super::books::{BOUNDS, Books, Histogram};
use super::state::State;
use std::fmt::Write;

/// A page of metrics under construction.
struct Page(String);

impl Page {
    /// A metric begins: its name, kind and help.
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP skydiff_{name} {help}\n# TYPE skydiff_{name} {kind}");
    }

    fn value(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let _ = write!(self.0, "skydiff_{name}");
        let mut separator = '{';
        for (label, text) in labels {
            let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(self.0, "{separator}{label}=\"{text}\"");
            separator = ',';
        }
        if separator == ',' {
            self.0.push('}');
        }
        let _ = writeln!(self.0, " {value}");
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: f64) {
        self.family(name, kind, help);
        self.value(name, &[], value);
    }

    fn histogram(&mut self, name: &str, labels: &[(&str, &str)], histogram: &Histogram) {
        let mut below = 0;
        for (at, count) in histogram.counts.iter().enumerate() {
            below += count;
            let bound = BOUNDS.get(at).map_or("+Inf".to_owned(), f64::to_string);
            self.value(&format!("{name}_bucket"), &[labels, &[("le", &bound)]].concat(), below as f64);
        }
        self.value(&format!("{name}_sum"), labels, histogram.sum);
        self.value(&format!("{name}_count"), labels, below as f64);
    }
}

/// The page.
pub fn text(state: &State) -> String {
    let mut page = Page(String::new());
    page.family("build_info", "gauge", "Which skydiff runs which job.");
    page.value("build_info", &[("version", &state.version), ("job", &state.job)], 1.0);
    page.one("healthy", "gauge", "Whether the process is well, as /healthz says.", f64::from(state.health.well));
    page.one("up_seconds", "gauge", "For how long the process has run.", state.up_seconds);
    page.one("cpu_seconds_total", "counter", "Processor time that the process has used.", state.cpu_seconds);
    page.one("resident_memory_bytes", "gauge", "Memory that the process uses.", state.resident_bytes as f64);
    page.one("still_seconds", "gauge", "For how long nothing has moved.", state.still_seconds);
    page.one("input_waits", "gauge", "Whether something was taken that is not through.", f64::from(state.waits()));
    page.one("in_flight_bytes", "gauge", "Bytes of packets handed out and not yet read.", state.bytes_in_flight as f64);
    page.one("input_read_bytes_total", "counter", "Bytes of input that were read.", state.bytes_read as f64);
    page.one(
        "input_known_bytes",
        "gauge",
        "Bytes of input that are known to be there.",
        state.bytes_known.max(state.bytes_read) as f64,
    );
    if let Some(generation) = state.generation {
        page.one("generation", "gauge", "Under which generation the archive is written.", generation as f64);
    }
    if let Some(through) = state.through() {
        page.one("through_epoch", "gauge", "The first epoch that is not through.", through as f64);
    }
    if let Some(newest) = state.newest() {
        page.one("newest_epoch", "gauge", "The epoch that is being put together.", newest as f64);
    }
    page.family("refused_connections_total", "counter", "Connections between processes that were refused, by reason.");
    for (reason, count) in &state.strangers {
        page.value("refused_connections_total", &[("reason", reason)], *count as f64);
    }
    partitions(&mut page, state);
    if let Some(books) = &state.books {
        self::books(&mut page, books, state.time);
    }
    if !state.stages.is_empty() {
        let help = "From the seal of an epoch until it was read, computed, filed, durable, handed to lanes, told.";
        page.family("epoch_stage_seconds", "histogram", help);
    }
    for (stage, took) in &state.stages {
        page.histogram("epoch_stage_seconds", &[("stage", stage.name())], took);
    }
    if !state.transactions.is_empty() {
        let help = "Steps of a transaction: messages sent, acknowledged, committed.";
        page.family("transaction_step_seconds", "histogram", help);
    }
    for (step, took) in &state.transactions {
        page.histogram("transaction_step_seconds", &[("step", step.name())], took);
    }
    workers(&mut page, state);
    page.0
}

fn partitions(page: &mut Page, state: &State) {
    if state.partitions.is_empty() {
        return;
    }
    page.family("partition_position", "gauge", "The next offset of a partition that is to be read.");
    for said in &state.partitions {
        let labels = [("topic", said.topic.as_str()), ("partition", &said.partition.to_string())];
        page.value("partition_position", &labels, said.position as f64);
    }
    page.family("partition_lag", "gauge", "Messages of a partition that have not been read.");
    for said in &state.partitions {
        let labels = [("topic", said.topic.as_str()), ("partition", &said.partition.to_string())];
        page.value("partition_lag", &labels, (said.end - said.position).max(0) as f64);
    }
}

fn books(page: &mut Page, books: &Books, now: f64) {
    page.one("packets_total", "counter", "Packets, whatever became of them.", books.packets as f64);
    page.family("rejected_packets_total", "counter", "Packets that were not accepted, by reason.");
    for (reason, count) in &books.rejected {
        page.value("rejected_packets_total", &[("reason", reason)], *count as f64);
    }
    let each = |page: &mut Page,
                name: &str,
                kind: &str,
                help: &str,
                of: &dyn Fn(&super::books::SurveyBooks) -> Option<f64>| {
        page.family(name, kind, help);
        for (survey, books) in &books.surveys {
            if let Some(value) = of(books) {
                page.value(name, &[("survey", survey)], value);
            }
        }
    };
    each(page, "accepted_packets_total", "counter", "Packets that were accepted.", &|b| Some(b.accepted as f64));
    each(page, "objects", "gauge", "Objects with a standing measurement.", &|b| Some(b.objects as f64));
    each(page, "measurements", "gauge", "Standing measurements.", &|b| Some(b.measurements as f64));
    each(page, "sky_clock_mjd_tai", "gauge", "The sky clock, as MJD TAI.", &|b| b.clock_mjd_tai);
    // The age grows while nothing comes: it is of now, not of the last epoch.
    let age = move |mjd_tai: f64| {
        now - (skydiff_schemas::MicroDays::from_days(mjd_tai)
            .map_or(0.0, |tai| (crate::names::to_utc(tai).days() - 40_587.0) * 86_400.0))
    };
    each(page, "sky_clock_age_seconds", "gauge", "How far the sky clock is behind the wall's.", &|b| {
        b.clock_mjd_tai.map(age)
    });
    page.family("rejected_rows_total", "counter", "Rows of accepted packets that were left out, by reason.");
    for (survey, books) in &books.surveys {
        for (reason, count) in &books.rows_rejected {
            page.value("rejected_rows_total", &[("survey", survey), ("reason", reason)], *count as f64);
        }
    }
    page.family("records_total", "counter", "Records that were told, by type and reason.");
    for (survey, books) in &books.surveys {
        for (kind, reason, count) in &books.records {
            page.value("records_total", &[("survey", survey), ("type", kind), ("reason", reason)], *count as f64);
        }
    }
    for (name, help, histogram) in [
        ("receipt_to_told_seconds", "From receipt of a packet until it was told of.", &books.from_receipt),
        ("shutter_to_told_seconds", "From mid-exposure until a record was told.", &books.from_shutter),
    ] {
        page.family(name, "histogram", help);
        page.histogram(name, &[], histogram);
    }
}

fn workers(page: &mut Page, state: &State) {
    page.family("worker_idle_seconds_total", "counter", "For how long a worker had nothing to do.");
    for worker in &state.workers {
        page.value("worker_idle_seconds_total", &[("worker", &worker.worker.to_string())], worker.idle_seconds);
    }
    let each =
        |page: &mut Page, name: &str, kind: &str, help: &str, of: &dyn Fn(&super::OperatorState) -> Option<f64>| {
            page.family(name, kind, help);
            for worker in &state.workers {
                let number = worker.worker.to_string();
                for operator in &worker.operators {
                    if let Some(value) = of(operator) {
                        let node = operator.node.to_string();
                        let labels = [("worker", number.as_str()), ("operator", &operator.name), ("node", &node)];
                        page.value(name, &labels, value);
                    }
                }
            }
        };
    each(page, "operator_busy_seconds_total", "counter", "For how long an operator has worked.", &|o| {
        Some(o.busy_seconds)
    });
    each(page, "operator_activations_total", "counter", "How often an operator was run.", &|o| {
        Some(o.activations as f64)
    });
    each(
        page,
        "operator_holds_epoch",
        "gauge",
        "The oldest epoch that an operator may still say something of.",
        &|o| o.holds.map(|epoch| epoch as f64),
    );
    each(page, "arranged_updates", "gauge", "Updates in an operator's arrangements.", &|o| {
        Some(o.updates as f64).filter(|updates| *updates != 0.0)
    });
}
