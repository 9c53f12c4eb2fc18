//! `skydiff plot`: a picture of one object: its light curve, and below it when each timescale's states held.

mod axis;
mod canvas;
mod curve;
mod data;
mod held;
mod page;
mod said;
mod strips;
mod style;
mod truth;

use crate::output::{print_json, print_text};
use crate::points::points;
use crate::whence::{Whence, explain, lookup, named};
use clap::Args;
use data::{Ordinate, Plotted};
use held::Moment;
use page::Page;
use skydiff_dataflow::archive::open::Archive;
use skydiff_dataflow::lookup::Known;
use skydiff_dataflow::settings::{Job, Time, load};
use skydiff_schemas::survey::{object_name, survey};
use skydiff_schemas::{MicroDays, ObjectClass, ObjectId};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Draws one object: its light curve, and below it when each state held at each timescale.
///
/// From packets (--from, --job) the states are computed anew after each of them, in order of trigger time; from an archive, at each of
/// its epochs, as they were known then. From the folder of a run
/// they are what the run said, with its corrections and retractions; its packets are read for the light curve if they are still
/// where they were, else the records give what they hold of it.
///
/// Filled markers are sources, open ones forced photometry, arrows upper limits of 5σ, pale crossed ones measurements whose quality is
/// bad: they count for no state. In magnitudes, forced photometry below 3σ is an upper limit, and what is fainter than the
/// reference image has no magnitude (--total shows it). Ticks along the bottom are alerts.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    skydiff plot ZTF17aaaedmd --from nights/                             ZTF17aaaedmd.png, in this folder\n  \
    skydiff plot ZTF17aaaedmd --from nights/ -o talk.svg --total --mag\n  \
    skydiff plot 170063990240706645 --from lsst/ --timescales 2,30,all\n  \
    skydiff plot ZTF17aaaedmd out/                                       what `skydiff run --to out` said of it\n  \
    skydiff plot ZTF25aaaaaaa --from sky/ --truth sky/truth              with the truth of a simulation\n  \
    skydiff plot ZTF17aaaedmd --from nights/ --json | jq '.timescales'   the same as data")]
pub struct Plot {
    /// The object: ZTF17aaaedmd, 170063990240706645, ss:20890966901666384, with the survey before it where it is not clear
    #[arg(value_name = "OBJECT")]
    id: String,
    /// The folder of a run (what --to named), instead of --from
    #[arg(value_name = "RUN_DIR", conflicts_with_all = ["from", "archive"], required_unless_present_any = ["from", "job", "archive"])]
    run: Option<PathBuf>,
    #[command(flatten)]
    whence: Whence,
    /// The picture, .png or .svg. Default: OBJECT.png in this folder
    #[arg(long, short, value_name = "FILE", conflicts_with = "json")]
    output: Option<PathBuf>,
    /// The truth of a simulation: its folder, or its light_curves.csv. Default: a folder `truth` in or beside what --from names
    #[arg(long, value_name = "DIR|FILE")]
    truth: Option<PathBuf>,
    /// Which timescales have a strip, in days, or all for the whole of history. Default: the job's
    #[arg(long, value_name = "DAYS,...", value_delimiter = ',', value_parser = timescale)]
    timescales: Vec<f64>,
    /// AB magnitudes, brighter up
    #[arg(long, conflicts_with = "flux")]
    mag: bool,
    /// Fluxes in nJy (the default)
    #[arg(long)]
    flux: bool,
    /// The total flux, reference included, where it is defined; else the difference flux
    #[arg(long)]
    total: bool,
    /// Pixels across; text grows with it
    #[arg(long, value_name = "PIXELS", default_value_t = 1600, value_parser = clap::value_parser!(u32).range(400..=8000))]
    width: u32,
    /// Pixels down
    #[arg(long, value_name = "PIXELS", default_value_t = 1200, value_parser = clap::value_parser!(u32).range(300..=8000))]
    height: u32,
    /// What is plotted as JSON, and no picture: points, truth, and intervals of states
    #[arg(long)]
    json: bool,
}

fn timescale(text: &str) -> Result<f64, String> {
    match text.trim() {
        "all" | "inf" => Ok(f64::INFINITY),
        days => days.parse().map_err(|_| format!("`{days}` is no number of days: write 2,30,all")),
    }
}

impl Plot {
    /// Does it.
    pub fn run(self) -> Result<(), String> {
        let object = named(&self.id)?;
        let file = self.file(object)?;
        // The width says how large a unit is; below this height there is no room for a light curve.
        if u64::from(self.height) * 5 < u64::from(self.width) * 2 {
            return Err(format!("--height {}: give at least two fifths of --width {}", self.height, self.width));
        }
        let mut plotted = match &self.run {
            Some(folder) => self.of_run(object, folder)?,
            None => self.of_packets(object)?,
        };
        self.add_truth(&mut plotted)?;
        let ordinate = Ordinate { magnitudes: self.mag, total: self.total };
        plotted.notes.extend(left_out(&plotted, ordinate));
        plotted.notes.iter().for_each(|note| eprintln!("skydiff: {note}"));
        if self.json {
            return print_json(&serde_json::to_value(&plotted).map_err(|error| error.to_string())?);
        }
        let (page, size) = (Page { plotted: &plotted, ordinate }, (self.width, self.height));
        let svg = file.extension().is_some_and(|end| end.eq_ignore_ascii_case("svg"));
        let bytes = if svg { canvas::svg(&page, size)? } else { canvas::png(&page, size)? };
        std::fs::write(&file, bytes).map_err(|error| format!("{}: {error}", file.display()))?;
        print_text(&format!("{}\n", file.display()))
    }

    fn file(&self, object: ObjectId) -> Result<PathBuf, String> {
        let default = || PathBuf::from(format!("{}.png", object_name(object).replace([':', '/'], "_")));
        let file = self.output.clone().unwrap_or_else(default);
        let end = file.extension().map(|end| end.to_ascii_lowercase());
        match end.as_deref().and_then(|end| end.to_str()) {
            Some("png" | "svg") => Ok(file),
            _ => Err(format!("-o {}: a picture ends in .png or .svg", file.display())),
        }
    }

    fn of_packets(&self, object: ObjectId) -> Result<Plotted, String> {
        let (mut job, archive) = self.whence.job()?;
        if !self.timescales.is_empty() {
            job.timescales.timescales = ascending(&self.timescales);
            job.check()?;
        }
        let plotted_from = if archive.is_some() { "archive" } else { "packets" };
        let (known, moments) = follow(object, &job, archive)?;
        let moments: Vec<Moment> =
            moments.iter().map(|moment| Moment::new(moment.time, moment.answer.as_ref())).collect();
        let mut plotted = of(object, &known, &job);
        plotted.states_from = plotted_from;
        plotted.timescales = held::strips(&job.timescales.timescales, &moments);
        Ok(plotted)
    }

    fn of_run(&self, object: ObjectId, folder: &std::path::Path) -> Result<Plotted, String> {
        let survey = survey(object.survey).map_or("", |survey| survey.name());
        let said = said::read(folder, survey, &object_name(object))?;
        let run = said.timescales();
        let timescales = if self.timescales.is_empty() { run.clone() } else { ascending(&self.timescales) };
        if let Some(other) = timescales.iter().find(|days| !run.contains(days)) {
            let run: Vec<String> = run.iter().map(|days| days.to_string().replace("inf", "all")).collect();
            return Err(format!(
                "--timescales {other}: the run had {}; --from PATH computes any from packets",
                run.join(",")
            ));
        }
        let mut plotted = if said.sources.is_empty() || !said.gone.is_empty() {
            let record = said.records.last().map(|(_, record)| record);
            let gone = said.gone.first().map_or("its packets".into(), |path| path.display().to_string());
            Plotted {
                survey: survey.to_owned(),
                object: object_name(object),
                ra: record.and_then(|record| record.ra),
                dec: record.and_then(|record| record.dec),
                points: said.points(),
                notes: vec![format!(
                    "{gone} is not there any more: the light curve has only the newest measurement of each band in each \
                     record (give the packets with --from PATH for all of it)"
                )],
                ..Plotted::default()
            }
        } else {
            let mut job = load(self.whence.job.as_deref(), std::env::vars()).map_err(|error| error.to_string())?;
            job.run.received = self.whence.received.clone().map(Time::Text).or(job.run.received);
            job.source = said.sources.clone();
            job.check()?;
            let (known, _) = follow(object, &job, None)?;
            of(object, &known, &job)
        };
        plotted.states_from = "records";
        plotted.timescales = held::strips(&timescales, &said.moments(&timescales));
        plotted.told = said.told();
        Ok(plotted)
    }

    fn add_truth(&self, plotted: &mut Plotted) -> Result<(), String> {
        let around: Vec<PathBuf> = self.whence.from.iter().chain(&self.run).cloned().collect();
        let Some(path) = self.truth.clone().or_else(|| truth::beside(&around)) else { return Ok(()) };
        let truth = truth::read(&path, &plotted.object)?;
        if truth.points.is_empty() && truth.class.is_none() {
            plotted.notes.push(format!("{}: nothing is said of {} there", path.display(), plotted.object));
        }
        (plotted.class, plotted.truth) = (truth.class, truth.points);
        Ok(())
    }
}

fn ascending(timescales: &[f64]) -> Vec<f64> {
    let mut timescales = timescales.to_vec();
    timescales.sort_by(f64::total_cmp);
    timescales.dedup();
    timescales
}

fn follow(
    object: ObjectId,
    job: &Job,
    archive: Option<Archive>,
) -> Result<(Known, Vec<skydiff_dataflow::lookup::Moment>), String> {
    lookup(job, archive)?.follow(object).map_err(|error| explain(object, error))
}

/// The light curve that packets give.
fn of(object: ObjectId, known: &Known, job: &Job) -> Plotted {
    let rows: Vec<_> = known.history.iter().map(|row| (row.measurement, row.version, row.copies)).collect();
    let position = known.answer.as_ref().and_then(|answer| answer.position.degrees());
    let (ra, dec) = position.filter(|_| object.class == ObjectClass::Sidereal).unzip();
    Plotted {
        survey: survey(object.survey).map_or("", |survey| survey.name()).to_owned(),
        object: object_name(object),
        ra,
        dec,
        alerts: known.triggers.iter().copied().map(MicroDays::days).collect(),
        points: points(&rows, job.timescales.photometry),
        ..Plotted::default()
    }
}

/// Measurements that this ordinate cannot show, by why.
fn left_out(plotted: &Plotted, ordinate: Ordinate) -> Vec<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for why in plotted.points.iter().filter_map(|point| ordinate.drawn(point).err()) {
        *counts.entry(why).or_default() += 1;
    }
    counts.into_iter().map(|(why, count)| format!("{count} measurements are not shown: {why}")).collect()
}
