//! `skydiff object`: the history of one object and the states that it is in.

use crate::output::{print_json, print_text};
use crate::points::{Point, csv, points, table};
use crate::whence::{Whence, explain, named};
use clap::Args;
use serde_json::{Value as Json, json};
use skydiff_dataflow::lookup::Known;
use skydiff_dataflow::record::known_json;
use skydiff_operators::{Answer, Options, SeriesFeatures, Window};
use skydiff_schemas::survey::{object_name, survey};
use skydiff_schemas::{MicroDays, ObjectClass, ObjectId, iso_utc, survey::tai};

/// Prints what is known of one object: every standing measurement, and its states at every timescale.
///
/// It is computed from the packets by the operators that a job runs, so it is what a job would say after the last of them. From
/// an archive it is computed from what was kept of packets, so that these may have expired.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    skydiff object ZTF17aaaedmd --from nights/\n  \
    skydiff object lsst:170063990240706645 --from lsst/ --csv > light_curve.csv\n  \
    skydiff object ss:20890966901666384 --from lsst/ --json | jq .timescales\n  \
    skydiff object ZTF17aaaedmd --job JOB.toml        (its packets, its thresholds)\n  \
    skydiff object ZTF17aaaedmd --archive s3://bucket/archive")]
pub struct Object {
    /// The object: ZTF17aaaedmd, 170063990240706645, ss:20890966901666384, with the survey before it where it is not clear
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    whence: Whence,
    /// The measurements as CSV
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    /// Everything as JSON
    #[arg(long)]
    json: bool,
}

impl Object {
    /// Does it.
    pub fn run(self) -> Result<(), String> {
        let object = named(&self.id)?;
        let (_, lookup) = self.whence.lookup()?;
        let options = lookup.options.clone();
        let known = lookup.find(object).map_err(|error| explain(object, error))?;
        let rows: Vec<_> = known.history.iter().map(|row| (row.measurement, row.version, row.copies)).collect();
        let points = points(&rows, options.timescales.photometry);
        if self.csv {
            return print_text(&csv(&points));
        }
        if self.json {
            return print_json(&as_json(object, &known, &points, &options));
        }
        print_text(&as_text(object, &known, &points, &options))
    }
}

fn as_json(object: ObjectId, known: &Known, points: &[Point], options: &Options) -> Json {
    let mut json = known.answer.as_ref().map_or(json!({}), |answer| known_json(answer, &options.timescales));
    json["survey"] = json!(survey(object.survey).map(|survey| survey.name()));
    json["object"] = json!(object_name(object));
    json["alerts"] = json!(known.alerts);
    json["also_claimed_by"] = json!(known.others);
    json["packets"] = json!({"read": known.packets.0, "rejected": known.packets.1});
    json["clock_mjd_tai"] = json!(known.clocks.get(object.survey).map(MicroDays::days));
    json["history"] = json!(points);
    json
}

fn as_text(object: ObjectId, known: &Known, points: &[Point], options: &Options) -> String {
    let survey = survey(object.survey).map_or("?", |survey| survey.name());
    let (read, rejected) = known.packets;
    let mut text = format!(
        "{survey} {}: {} alerts, {} measurements ({read} packets read, {rejected} rejected)\n",
        object_name(object),
        known.alerts,
        points.len()
    );
    if !known.others.is_empty() {
        let others: Vec<&str> = known.others.iter().map(String::as_str).collect();
        text += &format!("sources of it are also claimed by {}\n", others.join(", "));
    }
    let Some(answer) = &known.answer else {
        return text + "every measurement that its packets brought belongs to another object now\n";
    };
    text += &about(answer);
    text += "\n";
    text += &table(points);
    for (days, window) in options.timescales.timescales.iter().zip(&answer.windows) {
        text += &window_text(*days, window);
    }
    text
}

fn about(answer: &Answer) -> String {
    let time = |time: MicroDays| format!("{} (MJD {:.5} TAI)", iso_utc(tai::to_utc(time)), time.days());
    let mut text = String::new();
    if let Some((ra, dec)) = answer.position.degrees() {
        let cell = match answer.object.class {
            ObjectClass::Sidereal => format!(", HEALPix 8/{}", answer.position.pixel().0),
            ObjectClass::SolarSystem => ", moving".into(),
        };
        text += &format!("position             {ra:.6} {dec:+.6} deg (first source){cell}\n");
    }
    if let Some(first) = answer.first_detection {
        text += &format!("first detection      {}\n", time(first));
    }
    text += &match &answer.before_first {
        Some(visit) => format!(
            "not detected before  {}, {} > {:.2} mag\n",
            time(visit.time),
            visit.band.name(),
            visit.depth.magnitude().unwrap_or(f64::NAN)
        ),
        None => "not detected before  never observed\n".into(),
    };
    match answer.newest {
        Some(newest) => text + &format!("newest detection     {}, {} good in all\n", time(newest), answer.detections),
        None => text + "newest detection     none is good, so it is in no state\n",
    }
}

fn window_text(days: f64, window: &Window) -> String {
    let name = if days.is_finite() { format!("{days} d") } else { "all".into() };
    let states: Vec<String> = window.states.iter().map(|(state, z)| format!("{} (Z {z:.1})", state.name())).collect();
    let states = if states.is_empty() { "no state".into() } else { states.join(", ") };
    let end = match window.valid_until {
        MicroDays(0) => String::new(),
        MicroDays(i64::MAX) => ", for good".into(),
        until if window.alive => format!(", until MJD {:.5}", until.days()),
        until => format!(", over since MJD {:.5}", until.days()),
    };
    let disagree = if window.bands_disagree { ", bands disagree" } else { "" };
    let mut text = format!("\n{name:>6}  {states}{disagree}{end}\n");
    window.series.iter().for_each(|series| text += &series_text(series));
    for colour in &window.colours {
        let change = colour.change.map_or(String::new(), |change| format!(", {change:+.3} mag/d"));
        let (blue, red) = (colour.bands.0.name(), colour.bands.1.name());
        text += &format!("        {blue}-{red} {:+.3} ± {:.3} mag{change}\n", colour.colour, colour.colour_err);
    }
    text
}

fn series_text(series: &SeriesFeatures) -> String {
    let pair = |value: Option<f64>, err: Option<f64>| value.zip(err);
    let mut text = format!(
        "        {} on {}: n {}, mean {:.1} ± {:.1} nJy, χ² {:.1}, amplitude {:.1} nJy ({:.1} σ)",
        series.band.name(),
        series.reference,
        series.n,
        series.weighted_mean,
        series.weighted_mean_err,
        series.chi2,
        series.amplitude,
        series.amplitude_z
    );
    if let Some((slope, err)) = pair(series.linear_fit_slope, series.linear_fit_slope_sigma) {
        text += &format!(", slope {slope:+.2} ± {err:.2} nJy/d");
    }
    if let Some((limit, z)) = pair(series.rise_limit, series.rise_limit_z) {
        text += &format!(", rose by > {limit:.2} nJy/d ({z:.1} σ)");
    }
    text + "\n"
}
