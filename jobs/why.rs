//! `skydiff why`: why an object was told as it was, or nothing was told.

use crate::output::{print_json, print_text};
use crate::points::{Point, points};
use crate::replay::nights;
use crate::whence::{Whence, explain, named, unreadable};
use clap::Args;
use serde_json::{Value as Json, json};
use skydiff_dataflow::cone::Cone;
use skydiff_dataflow::lookup::{Known, Lookup};
use skydiff_dataflow::settings::Job;
use skydiff_dataflow::source::Night;
use skydiff_dataflow::why::{Held, Step, Why as Story, delay, held_against};
use skydiff_operators::{Change, TimescaleSettings};
use skydiff_schemas::survey::{object_name, tai};
use skydiff_schemas::{MicroDays, ObjectId, iso_utc};

/// Says why an object was told as it was, or why nothing was told of it.
///
/// The packets that name it, one after another, with when each was received, what it made known, what became known only then
/// though it was observed before, and the record that followed or why there was none; the measurements that are left out,
/// and why; what was rejected; and each state's value against its threshold.
/// Of a cone and a night: each object that sent an alert from there then, with the packets of that night only; or how many
/// packets came that night, none of them from there, and how near the nearest was.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    skydiff why ZTF17aaaedmd --from nights/\n  \
    skydiff why ZTF17aaaedmd --archive s3://bucket/archive\n  \
    skydiff why --cone 210.8,54.3,0.01 --night 2026-01-14 --archive arch     (why was nothing said of my field?)\n  \
    skydiff why lsst:170063990240706645 --from lsst/ --json | jq '.packets[] | select(.told)'")]
pub struct Why {
    /// The object, as for `skydiff object`
    #[arg(value_name = "ID", required_unless_present = "cone")]
    id: Option<String>,
    /// Every object in this cone instead, all in degrees
    #[arg(long, value_name = "RA,DEC,R", allow_hyphen_values = true, conflicts_with = "id", requires = "night")]
    cone: Option<Cone>,
    /// The night in which packets were received, or several: 2026-01-14, 2026-01-14..2026-01-16
    #[arg(long, value_name = "D", value_parser = nights)]
    night: Option<(Night, Night)>,
    #[command(flatten)]
    whence: Whence,
    /// As JSON
    #[arg(long)]
    json: bool,
}

impl Why {
    /// Does it.
    pub fn run(self) -> Result<(), String> {
        let (job, lookup) = self.whence.lookup()?;
        if let Some((cone, night)) = self.cone.zip(self.night) {
            return self.of_cone(&job, &lookup, cone, night);
        }
        let told = Told::of(named(self.id.as_deref().unwrap_or_default())?, &job, &lookup, self.night)?;
        if self.json { print_json(&told.json()) } else { print_text(&told.text()) }
    }

    fn of_cone(&self, job: &Job, lookup: &Lookup, cone: Cone, night: (Night, Night)) -> Result<(), String> {
        let found = lookup.in_cone(cone, night).map_err(unreadable)?;
        let objects = found.objects.keys().map(|object| Told::of(*object, job, lookup, Some(night)));
        let objects = objects.collect::<Result<Vec<_>, _>>()?;
        if self.json {
            return print_json(&json!({
                "packets_of_the_night": found.packets,
                "nearest_outside_deg": found.nearest,
                "objects": objects.iter().map(Told::json).collect::<Vec<_>>(),
            }));
        }
        let mut text = match (found.packets, found.nearest) {
            (0, _) => "no packet came that night\n".to_owned(),
            (packets, Some(nearest)) if objects.is_empty() => format!(
                "{packets} packets came that night, none of them from there: the nearest was {nearest:.4} deg from its middle\n"
            ),
            (packets, _) => {
                format!("{packets} packets came that night; {} objects sent some from there\n", objects.len())
            }
        };
        objects.iter().for_each(|told| text += &format!("\n{}", told.text()));
        print_text(&text)
    }
}

/// All that is told of an object.
struct Told {
    name: String,
    known: Known,
    story: Story,
    points: Vec<Point>,
    settings: TimescaleSettings,
}

impl Told {
    /// Of all its packets, or of those that were received in these nights; what is known is always what is known at the end.
    fn of(object: ObjectId, job: &Job, lookup: &Lookup, of: Option<(Night, Night)>) -> Result<Told, String> {
        let known = lookup.find(object).map_err(|error| explain(object, error))?;
        let mut story = lookup.why(object, &job.records).map_err(|error| explain(object, error))?;
        if let Some((from, to)) = of {
            let within =
                |step: &Step| Night::of_receipt(step.received).is_some_and(|night| from <= night && night <= to);
            story.steps.retain(within);
        }
        let settings = lookup.options.timescales.clone();
        let rows: Vec<_> = known.history.iter().map(|row| (row.measurement, row.version, row.copies)).collect();
        Ok(Told { name: object_name(object), points: points(&rows, settings.photometry), known, story, settings })
    }

    fn json(&self) -> Json {
        let mut json = as_json(&self.known, &self.story, &self.points, &self.settings);
        json["object"] = json!(self.name);
        json
    }

    fn text(&self) -> String {
        as_text(&self.name, &self.known, &self.story, &self.points, &self.settings)
    }
}

/// What was told after a packet, or why nothing was.
fn outcome(step: &Step) -> String {
    match (&step.change, step.told) {
        (_, Some((kind, reason))) => format!("told: {}, {}", kind.name(), reason.name()),
        (None, _) => "not told: nothing is known otherwise".into(),
        (Some(change), None) if !change.said.is_present() && !change.before.is_present() => {
            let newest = if change.said.newest.is_some() { "in no state that is alive" } else { "no good source yet" };
            format!("not told: {newest}")
        }
        (Some(_), None) => "not told: its states, and the levels of their Z, are as before".into(),
    }
}

/// Names of the states that are alive, at any timescale.
fn alive(change: &Change) -> Vec<&'static str> {
    let bits = change.said.alive.iter().fold(0, |bits, (states, _)| bits | states);
    let states = skydiff_operators::State::ALL.iter().filter(|state| bits >> **state as u16 & 1 == 1);
    states.map(|state| state.name()).collect()
}

fn days(settings: &TimescaleSettings, at: usize) -> String {
    settings.timescales.get(at).filter(|days| days.is_finite()).map_or("all".into(), f64::to_string)
}

fn as_json(known: &Known, story: &Story, points: &[Point], settings: &TimescaleSettings) -> Json {
    let packet = |step: &Step| {
        json!({
            "file": step.at.file, "packet": step.at.packet, "name": step.at.name,
            "received_mjd_utc": step.received.days(), "days_after_observation": delay(step),
            "object": object_name(step.object), "alert": step.trigger.0.to_string(), "mjd_tai": step.time.days(),
            "rows": step.rows, "first": step.first,
            "late": step.late.iter().map(|(kind, id, time)| {
                json!({"kind": kind.name(), "id": id.0.to_string(), "mjd_tai": time.days()})
            }).collect::<Vec<_>>(),
            "told": step.told.map(|(kind, reason)| json!({"alert_type": kind.name(), "reason": reason.name()})),
            "outcome": outcome(step),
            "states": step.change.as_ref().map(alive),
        })
    };
    let values = story.values.iter().flat_map(|values| {
        (0..settings.timescales.len()).flat_map(|at| {
            held_against(values, at, settings).into_iter().map(move |held| {
                json!({"timescale": days(settings, at), "state": held.state.name(), "value": held.value, "threshold": held.threshold})
            })
        })
    });
    let left_out: Vec<&Point> = points.iter().filter(|point| !point.counts).collect();
    json!({
        "packets": story.steps.iter().map(packet).collect::<Vec<_>>(),
        "used": points.len() - left_out.len(),
        "left_out": left_out,
        "rejects": story.rejects.iter().map(|reject| {
            json!({"at": reject.at.to_string(), "reason": reject.reason.name(), "detail": reject.detail})
        }).collect::<Vec<_>>(),
        "rejected_rows": story.row_rejects.iter().map(|rows| {
            json!({"at": rows.at.to_string(), "reason": rows.reason.name(), "rows": rows.rows})
        }).collect::<Vec<_>>(),
        "also_claimed_by": known.others,
        "values": values.collect::<Vec<_>>(),
    })
}

fn as_text(name: &str, known: &Known, story: &Story, points: &[Point], settings: &TimescaleSettings) -> String {
    let told = story.steps.iter().filter(|step| step.told.is_some()).count();
    let mut text = format!("{name}: {} packets, {told} records\n", story.steps.len());
    for step in &story.steps {
        text += &step_text(name, step);
    }
    let left_out: Vec<&Point> = points.iter().filter(|point| !point.counts).collect();
    text += &format!("\n{} measurements are used, {} left out\n", points.len() - left_out.len(), left_out.len());
    for point in left_out {
        let why =
            if point.quality.is_empty() { "another of its visit counts".into() } else { point.quality.join(", ") };
        text += &format!("  {:.5} {} {:<6} {}: {why}\n", point.mjd_tai, point.band, point.kind, point.id);
    }
    if !known.others.is_empty() {
        let others: Vec<&str> = known.others.iter().map(String::as_str).collect();
        text += &format!("sources of it are also claimed by {}\n", others.join(", "));
    }
    for reject in &story.rejects {
        text += &format!("rejected: {}: {}: {}\n", reject.at, reject.reason.name(), reject.detail);
    }
    for rows in &story.row_rejects {
        text += &format!("rejected: {}: {} rows, {}\n", rows.at, rows.rows, rows.reason.name());
    }
    text + &values_text(story, settings)
}

fn step_text(name: &str, step: &Step) -> String {
    let received = if step.received == MicroDays(0) { "?".into() } else { iso_utc(step.received) };
    let after = delay(step).map_or(String::new(), |days| format!(" ({days:+.3} d)"));
    let of = object_name(step.object);
    let of = if of == name { String::new() } else { format!(" of {of}, which claims a source of it,") };
    let mut text = format!(
        "\nalert {}{of} observed {}, received {received}{after}\n  {}\n  {} rows, {} of them new",
        step.trigger.0,
        iso_utc(tai::to_utc(step.time)),
        step.at,
        step.rows,
        step.first
    );
    if !step.late.is_empty() {
        text += &format!("; {} of these only became known now, though older than what was known", step.late.len());
    }
    text += &format!("\n  {}", outcome(step));
    if let Some(change) = step.change.as_ref().filter(|change| change.said.is_present()) {
        text += &format!("; it is {}", alive(change).join(", "));
    }
    text + "\n"
}

/// Each state that a Z decides against what is asked of it, at the end.
fn values_text(story: &Story, settings: &TimescaleSettings) -> String {
    let Some(values) = &story.values else {
        return "nothing is known of it: its measurements belong to others\n".into();
    };
    let mut text = format!(
        "\n{} good detections ({} asked of `new`), values against thresholds:\n",
        values.detections, settings.new_detections
    );
    for at in 0..settings.timescales.len() {
        let held = held_against(values, at, settings);
        let line: String = held.iter().filter_map(|held| held.value.map(|value| (held, value))).map(against).collect();
        text += &format!(
            "{:>8}{}\n",
            match days(settings, at).as_str() {
                "all" => "all".to_owned(),
                days => format!("{days} d"),
            },
            if line.is_empty() { "  too few visits on one reference image" } else { &line }
        );
    }
    text
}

fn against((held, value): (&Held, f64)) -> String {
    format!("  {} {value:+.1} ({:+})", held.state.name(), held.threshold)
}
