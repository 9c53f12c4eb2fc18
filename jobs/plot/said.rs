//! What a run said of an object, from the folder that it wrote: its records, when they were told, and where its packets are.

use super::data::Told;
use super::held::{Holding, Moment};
use crate::points::Point;
use serde_json::Value as Json;
use skydiff_dataflow::settings::{SourceSettings, Time};
use skydiff_operators::State;
use skydiff_schemas::record::Record;
use skydiff_schemas::survey::tai;
use skydiff_schemas::{Band, MicroDays, iso_utc};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

/// What a run said.
pub struct Said {
    /// The object's records in order, each with the survey's clock when it was told.
    pub records: Vec<(MicroDays, Record)>,
    /// The sources of the run that are still there.
    pub sources: Vec<SourceSettings>,
    /// Those that are not.
    pub gone: Vec<PathBuf>,
}

/// Reads the folder of a run.
pub fn read(folder: &Path, survey: &str, object: &str) -> Result<Said, String> {
    let path = folder.join("records.jsonl");
    if !path.is_file() {
        let why = if folder.is_dir() { "no records.jsonl is in it" } else { "there is no such folder" };
        return Err(format!(
            "{}: {why}: name the folder of `skydiff run --to`, or the packets with --from PATH",
            folder.display()
        ));
    }
    let (clocks, sources, gone) = bindings(&folder.join("bindings.jsonl"), survey)?;
    let (mut records, mut read) = (Vec::new(), 0);
    let wanted = serde_json::json!(object).to_string();
    lines(&path, |line| {
        read += 1;
        // Most lines are of other objects, and lines are long.
        if !line.contains(&wanted) {
            return Ok(());
        }
        let record: Record = serde_json::from_str(line).map_err(|error| error.to_string())?;
        if record.object == object && record.survey == survey {
            let own = || record.mjd_tai.or(record.newest_mjd_tai).and_then(MicroDays::from_days);
            let time = clocks.get(&record.epoch).copied().or_else(own).unwrap_or(MicroDays(0));
            records.push((time, record));
        }
        Ok(())
    })?;
    if records.is_empty() {
        return Err(format!(
            "{}: none of its {read} records is of {object}: it was never in a state (`skydiff plot {object} --from PATH` \
             plots what packets say of it)",
            path.display()
        ));
    }
    records.sort_by_key(|(_, record)| record.epoch);
    Ok(Said { records, sources, gone })
}

type Bindings = (BTreeMap<i64, MicroDays>, Vec<SourceSettings>, Vec<PathBuf>);

/// The survey's clock of each epoch, and the sources that are there and not.
fn bindings(path: &Path, survey: &str) -> Result<Bindings, String> {
    let (mut clocks, mut sources, mut gone) = (BTreeMap::new(), Vec::<SourceSettings>::new(), Vec::new());
    if !path.is_file() {
        return Ok((clocks, sources, gone));
    }
    lines(path, |line| {
        let binding: Json = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let clock = binding["clocks_mjd_tai"][survey].as_f64().and_then(MicroDays::from_days);
        if let Some((epoch, clock)) = binding["epoch"].as_i64().zip(clock) {
            clocks.insert(epoch, clock);
        }
        let Some(file) = binding["file"].as_str().map(PathBuf::from) else { return Ok(()) };
        if sources.iter().any(|source| source.path == file) || gone.contains(&file) {
            return Ok(());
        }
        if !file.exists() {
            gone.push(file);
            return Ok(());
        }
        let rank = binding["rank"].as_i64().and_then(|rank| rank.try_into().ok()).unwrap_or(0);
        let received = binding["received_mjd_utc"].as_f64().map(Time::Mjd);
        sources.push(SourceSettings { path: file, rank, received, ..SourceSettings::default() });
        Ok(())
    })?;
    Ok((clocks, sources, gone))
}

fn lines(path: &Path, mut look: impl FnMut(&str) -> Result<(), String>) -> Result<(), String> {
    let wrong = |number: usize, why: String| format!("{}: line {number}: {why}", path.display());
    let file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    for (number, line) in (1..).zip(BufReader::new(file).lines()) {
        let line = line.map_err(|error| wrong(number, error.to_string()))?;
        look(&line).map_err(|why| wrong(number, why))?;
    }
    Ok(())
}

impl Said {
    /// The run's timescales.
    pub fn timescales(&self) -> Vec<f64> {
        let longest = self.records.iter().map(|(_, record)| &record.timescales).max_by_key(|scales| scales.len());
        longest.into_iter().flatten().map(|scale| scale.timescale.unwrap_or(f64::INFINITY)).collect()
    }

    /// What held, as it was told, at these timescales.
    pub fn moments(&self, timescales: &[f64]) -> Vec<Moment> {
        let moment = |(time, record): &(MicroDays, Record)| {
            let scales = timescales.iter().map(|days| {
                let days = Some(*days).filter(|days| days.is_finite());
                let scale = record.timescales.iter().find(|scale| scale.timescale == days);
                let state = |name: &str| State::ALL.into_iter().find(|state| state.name() == name);
                let held = scale.into_iter().flat_map(|scale| &scale.states);
                let until = scale.and_then(|scale| scale.valid_until_mjd_tai).and_then(MicroDays::from_days);
                Holding {
                    states: held.filter_map(|held| Some((state(&held.state)?, held.z))).collect(),
                    until: until.unwrap_or(MicroDays(i64::MAX)),
                }
            });
            Moment { time: *time, scales: scales.collect() }
        };
        self.records.iter().map(moment).collect()
    }

    /// Its records as marks.
    pub fn told(&self) -> Vec<Told> {
        let told = |(time, record): &(MicroDays, Record)| Told {
            mjd_tai: time.days(),
            alert_type: record.alert_type.name(),
            reason: record.reason.name(),
        };
        self.records.iter().map(told).collect()
    }

    /// As much of the light curve as the records hold: the newest measurement of each band in each of them.
    pub fn points(&self) -> Vec<Point> {
        let mut points: Vec<Point> = Vec::new();
        for latest in self.records.iter().flat_map(|(_, record)| &record.latest) {
            let kind = if latest.kind == "forced" { "forced" } else { "source" };
            let (Some(band), Some(time)) = (Band::from_name(&latest.band), MicroDays::from_days(latest.mjd_tai)) else {
                continue;
            };
            // What a later record says of the same measurement stands.
            points
                .retain(|point| !(point.mjd_tai == latest.mjd_tai && point.band == band.name() && point.kind == kind));
            points.push(Point {
                mjd_tai: latest.mjd_tai,
                utc: iso_utc(tai::to_utc(time)),
                band: band.name(),
                kind,
                flux: latest.flux,
                flux_err: latest.flux_err,
                total_flux: latest.total_flux,
                magnitude: latest.difference_magnitude,
                magnitude_err: latest.difference_magnitude_err,
                counts: true,
                ..Point::default()
            });
        }
        points.sort_by(|a, b| a.mjd_tai.total_cmp(&b.mjd_tai));
        points
    }
}
