//! `skydiff object`: the history of one object and the states that it is in; how other verbs find one too.

use crate::output::{print_json, print_text};
use crate::points::{Point, csv, points, table};
use clap::Args;
use serde_json::{Value as Json, json};
use skydiff_dataflow::lookup::{Known, Lookup, LookupError};
use skydiff_dataflow::record::known_json;
use skydiff_dataflow::settings::{Job, SourceSettings, Time, load};
use skydiff_dataflow::source::night::parse_time;
use skydiff_operators::{Answer, Options, SeriesFeatures, Window};
use skydiff_schemas::survey::{SURVEYS, object_name, parse_object, survey};
use skydiff_schemas::{MicroDays, ObjectClass, ObjectId, iso_utc, survey::tai};
use std::path::{Path, PathBuf};

/// Prints what is known of one object: every standing measurement, and its states at every timescale.
///
/// It is computed from the packets by the operators that a job runs, so it is what a job would say after the last of them.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    skydiff object ZTF17aaaedmd --from nights/\n  \
    skydiff object lsst:170063990240706645 --from lsst/ --csv > light_curve.csv\n  \
    skydiff object ss:20890966901666384 --from lsst/ --json | jq .timescales\n  \
    skydiff object ZTF17aaaedmd --job JOB.toml        (its packets, its thresholds)")]
pub struct Object {
    /// The object: ZTF17aaaedmd, 170063990240706645, ss:20890966901666384, with the survey before it where it is not clear
    #[arg(value_name = "ID")]
    id: String,
    /// Where the packets are: folders, files, tars. May be given more than once
    #[arg(long, value_name = "PATH", required_unless_present = "job", num_args = 1..)]
    from: Vec<PathBuf>,
    /// The job whose thresholds, quality cuts and timescales are meant (and its sources, without --from); else the defaults
    #[arg(long, value_name = "JOB.toml")]
    job: Option<PathBuf>,
    /// When packets were received whose names do not say it (MJD or UTC date); later triggers are rejected. Default: now
    #[arg(long, value_name = "TIME", value_parser = |text: &str| parse_time(text).map(|_| text.to_owned()))]
    received: Option<String>,
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
        let lookup = Lookup::of(&job_of(&self.from, self.job.as_deref(), self.received.as_deref())?)?;
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

/// The object of that name.
pub fn named(id: &str) -> Result<ObjectId, String> {
    parse_object(id).ok_or_else(|| not_a_name(id))
}

/// The job of a file, or the defaults, with other sources and another time of receipt where they are given.
pub fn job_of(from: &[PathBuf], job: Option<&Path>, received: Option<&str>) -> Result<Job, String> {
    let mut job = load(job, std::env::vars()).map_err(|error| error.to_string())?;
    if !from.is_empty() {
        let source = |path: &PathBuf| SourceSettings { path: path.clone(), ..SourceSettings::default() };
        job.source = from.iter().map(source).collect();
    }
    job.run.received = received.map(|time| Time::Text(time.to_owned())).or(job.run.received);
    job.check().map(|()| job)
}

pub fn not_a_name(id: &str) -> String {
    let surveys: Vec<&str> = SURVEYS.iter().map(|survey| survey.name()).collect();
    format!(
        "`{id}` is no object's name: write ZTF17aaaedmd, 170063990240706645 (LSST), ss:20890966901666384 (LSST, solar system), \
         or put the survey before it, as in {}:NAME",
        surveys.join(":NAME, ")
    )
}

/// Why there is nothing to tell, and what to do.
pub fn explain(object: ObjectId, error: LookupError) -> String {
    match error {
        LookupError::Settings(error) => error.to_string(),
        LookupError::Stdin => {
            "standard input cannot be read twice, as this must be: save it to a file and name that with --from".into()
        }
        LookupError::Unknown { packets: (0, _), .. } => "there is no packet in what --from names".into(),
        LookupError::Unknown { alert_of: Some(of), .. } => {
            format!("{} is the id of an alert: its object is {of}", object_name(object))
        }
        LookupError::Unknown { packets: (read, rejected), near, .. } => {
            let near = match &near[..] {
                [] => String::from("they hold no object of that survey"),
                names => format!("near to it are {}", names.join(", ")),
            };
            format!("no alert of {} among {read} packets ({rejected} rejected); {near}", object_name(object))
        }
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
