//! All that an object's standing measurements say of its light, kept current row by row.
//!
//! Short histories are read from the arrangement and filled in anew for each answer; long ones are kept, and changed row
//! by row. Everything in here is a function of the set of rows, whichever way it came about.

use super::series::Series;
use super::sorted::Sorted;
use super::visit::{Believed, Visit, choose};
use crate::Photometry;
use skydiff_schemas::{Band, Kind, Measurement, MicroDays, PicoJansky, Position, Quality, SourceId};

mod fill;

/// A visit that saw nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Limit {
    /// When.
    pub time: MicroDays,
    /// Of the row.
    pub id: SourceId,
    /// 5σ limiting flux.
    pub flux: PicoJansky,
    /// Of which series; `Measurement::ANY_REFERENCE` of all in its band.
    pub reference: u32,
}

/// A source of any quality, for the silences between them.
#[derive(Clone, Copy, Debug)]
struct Sighting {
    time: MicroDays,
    id: SourceId,
    position: Position,
    good: Option<(PicoJansky, f64)>,
}

/// A good source.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Detection {
    /// When.
    pub time: MicroDays,
    /// Difference flux, pJy.
    pub flux: PicoJansky,
    /// Believed error, pJy.
    pub sigma: f64,
}

impl Detection {
    /// |f|/σ.
    pub fn significance(&self) -> f64 {
        self.flux.0.unsigned_abs() as f64 / self.sigma
    }
}

/// One object's light.
#[derive(Debug)]
pub struct LightCurve {
    believed: Believed,
    photometry: Photometry,
    slot: i64,
    silence: MicroDays,
    /// Good rows by band, in order of (visit, kind, id).
    rows: Sorted<Band, Vec<Measurement>>,
    series: Sorted<(Band, u32), Series>,
    limits: Sorted<Band, Vec<Limit>>,
    /// In order of (time, id).
    sightings: Vec<Sighting>,
    /// Instants of sightings after a silence, in order.
    returns: Vec<MicroDays>,
    /// (band, visit) with a good source.
    detections: u32,
}

impl LightCurve {
    /// Of an object without measurements. `slot` and `silence` in microdays.
    pub fn new(believed: Believed, photometry: Photometry, slot: i64, silence: MicroDays) -> LightCurve {
        LightCurve {
            believed,
            photometry,
            slot,
            silence,
            rows: Sorted::default(),
            series: Sorted::default(),
            limits: Sorted::default(),
            sightings: Vec::new(),
            returns: Vec::new(),
            detections: 0,
        }
    }

    /// A measurement stands.
    pub fn insert(&mut self, row: &Measurement) {
        self.change(row, |rows, row| {
            let at = rows.partition_point(|known| order(known) < order(row));
            rows.insert(at, *row);
        });
        if row.kind == Kind::Source && !row.quality.has(Quality::WITHDRAWN) {
            let good = row.quality.is_good().then(|| (row.flux, self.believed.sigma(row.flux, row.sigma, row.total())));
            let at = self.sightings.partition_point(|known| (known.time, known.id) < (row.time, row.id));
            self.sightings.insert(at, Sighting { time: row.time, id: row.id, position: row.position, good });
            self.mark_return(row.time);
        }
    }

    /// A measurement no longer stands.
    pub fn remove(&mut self, row: &Measurement) {
        self.change(row, |rows, row| {
            if let Ok(at) = rows.binary_search_by_key(&order(row), order) {
                rows.remove(at);
            }
        });
        if row.kind == Kind::Source && !row.quality.has(Quality::WITHDRAWN) {
            let found = self.sightings.binary_search_by_key(&(row.time, row.id), |known| (known.time, known.id));
            if let Ok(at) = found {
                self.sightings.remove(at);
            }
            self.mark_return(row.time);
        }
    }

    /// Changes the rows of one visit, and what the visit counts as with them.
    fn change(&mut self, row: &Measurement, edit: impl FnOnce(&mut Vec<Measurement>, &Measurement)) {
        if !row.quality.is_good() {
            return;
        }
        let rows = self.rows.or_default(row.band);
        let of_visit = |rows: &[Measurement]| {
            let from = rows.partition_point(|known| known.visit < row.visit);
            let to = from + rows[from..].partition_point(|known| known.visit == row.visit);
            let detected = rows.get(from).is_some_and(|first| from < to && first.kind == Kind::Source);
            (choose(&rows[from..to], self.photometry).copied(), detected)
        };
        let (before, was_detected) = of_visit(rows);
        edit(rows, row);
        let (after, is_detected) = of_visit(rows);
        self.detections = self.detections + u32::from(is_detected) - u32::from(was_detected);
        if before != after {
            before.iter().for_each(|row| self.retire(row));
            after.iter().for_each(|row| self.enter(row));
        }
    }

    fn enter(&mut self, row: &Measurement) {
        if row.kind != Kind::Limit {
            let series = self.series.or_default((row.band, row.reference));
            return series.insert(Visit::new(row, &self.believed), self.slot);
        }
        let limits = self.limits.or_default(row.band);
        let limit = limit(row);
        let at = limits.partition_point(|known| *known < limit);
        limits.insert(at, limit);
    }

    fn retire(&mut self, row: &Measurement) {
        if row.kind == Kind::Limit {
            let limits = self.limits.or_default(row.band);
            if let Ok(at) = limits.binary_search(&limit(row)) {
                limits.remove(at);
            }
            return;
        }
        if let Some(series) = self.series.get_mut((row.band, row.reference)) {
            series.remove(&Visit::new(row, &self.believed), self.slot);
            if series.is_empty() {
                self.series.remove((row.band, row.reference));
            }
        }
    }

    /// Looks anew whether the sightings at `time`, and the next after it, follow a silence.
    fn mark_return(&mut self, time: MicroDays) {
        let next = self.sightings.get(self.sightings.partition_point(|known| known.time <= time)).map(|next| next.time);
        for time in [Some(time), next].into_iter().flatten() {
            let from = self.sightings.partition_point(|known| known.time < time);
            let seen = self.sightings.get(from).is_some_and(|known| known.time == time);
            let after_silence = from > 0 && time - self.sightings[from - 1].time >= self.silence;
            match (self.returns.binary_search(&time), seen && after_silence) {
                (Err(at), true) => self.returns.insert(at, time),
                (Ok(at), false) => drop(self.returns.remove(at)),
                _ => (),
            }
        }
    }

    /// Where the oldest source of any quality lies that has a place.
    pub fn position(&self) -> Position {
        let places = self.sightings.iter().map(|sighting| sighting.position);
        places.into_iter().find(|place| *place != Position::UNKNOWN).unwrap_or(Position::UNKNOWN)
    }

    /// Number of (band, visit) with a good source.
    pub fn detections(&self) -> u32 {
        self.detections
    }

    /// Newest good source: greatest (time, id).
    pub fn newest(&self) -> Option<Detection> {
        self.sightings.iter().rev().find_map(detection)
    }

    /// Oldest good source.
    pub fn oldest(&self) -> Option<Detection> {
        self.sightings.iter().find_map(detection)
    }

    /// The newest good source that comes after a silence in which at least `visits` visits would have seen it.
    pub fn reappeared(&self, visits: usize) -> Option<Detection> {
        self.returns.iter().rev().find_map(|time| {
            let from = self.sightings.partition_point(|known| known.time < *time);
            let to = from + self.sightings[from..].partition_point(|known| known.time == *time);
            let since = self.sightings[from.checked_sub(1)?].time;
            self.sightings[from..to]
                .iter()
                .rev()
                .filter_map(detection)
                .find(|detection| visits == 0 || self.deep_enough(since, detection).nth(visits - 1).is_some())
        })
    }

    /// Visits between `since` and a detection, both exclusive, that would have seen it.
    fn deep_enough<'a>(&'a self, since: MicroDays, detection: &'a Detection) -> impl Iterator<Item = MicroDays> + 'a {
        let flux = detection.flux.0.saturating_abs();
        let limits = self.limits.values().flat_map(move |limits| {
            let from = limits.partition_point(|limit| limit.time <= since);
            limits[from..].iter().take_while(|limit| limit.time < detection.time)
        });
        let limits = limits.filter(move |limit| limit.flux.0 <= flux).map(|limit| limit.time);
        let visits = self
            .series
            .values()
            .flat_map(move |series| series.before(detection.time).take_while(move |visit| visit.time > since));
        let forced = visits.filter(move |visit| visit.kind == Kind::Forced && visit.depth() <= flux as f64);
        limits.chain(forced.map(|visit| visit.time))
    }

    /// The newest visit before `time` that saw nothing: its time, depth (pJy) and band.
    pub fn non_detection(&self, time: MicroDays) -> Option<(MicroDays, f64, Band)> {
        let limits = self.limits.iter().filter_map(|(band, limits)| {
            let limit = limits[..limits.partition_point(|limit| limit.time < time)].last()?;
            Some((limit.time, limit.id, limit.flux.0 as f64, band))
        });
        let forced = self.series.iter().filter_map(|((band, _), series)| {
            let blind = |visit: &&Visit| visit.kind == Kind::Forced && (visit.flux.0 as f64) < visit.depth();
            series.before(time).find(blind).map(|visit| (visit.time, visit.id, visit.depth(), band))
        });
        limits.chain(forced).max_by_key(|(time, id, ..)| (*time, *id)).map(|(time, _, depth, band)| (time, depth, band))
    }

    /// Series in order of (band, reference).
    pub fn series(&mut self) -> impl Iterator<Item = (Band, u32, &mut Series)> {
        self.series.iter_mut().map(|((band, reference), series)| (band, reference, series))
    }

    /// Bands with a flux visit, in order.
    pub fn bands(&self) -> Vec<Band> {
        let mut bands: Vec<Band> = self.series.iter().map(|((band, _), _)| band).collect();
        bands.dedup();
        bands
    }

    /// The newest flux visit before `end`, of a band or of all, with its series.
    pub fn newest_before(&self, end: MicroDays, band: Option<Band>) -> Option<(Band, u32, Visit)> {
        let of_band = self.series.iter().filter(|((of, _), _)| band.is_none_or(|band| band == *of));
        let newest =
            of_band.filter_map(|((band, reference), series)| Some((band, reference, *series.before(end).next()?)));
        newest.max_by_key(|(band, reference, visit)| (visit.time, visit.id, *band, *reference))
    }

    /// Limits of a series between two instants, both exclusive, newest first.
    pub fn limits(&self, band: Band, reference: u32, from: MicroDays, to: MicroDays) -> impl Iterator<Item = &Limit> {
        let limits = self.limits.get(band).map_or(&[][..], Vec::as_slice);
        let end = limits.partition_point(|limit| limit.time < to);
        let between = limits[..end].iter().rev().take_while(move |limit| limit.time > from);
        between.filter(move |limit| limit.reference == reference || limit.reference == Measurement::ANY_REFERENCE)
    }

    /// Width of a slot in microdays.
    pub fn slot(&self) -> i64 {
        self.slot
    }
}

fn order(row: &Measurement) -> (u64, Kind, SourceId) {
    (row.visit, row.kind, row.id)
}

fn limit(row: &Measurement) -> Limit {
    Limit { time: row.time, id: row.id, flux: row.flux, reference: row.reference }
}

fn detection(sighting: &Sighting) -> Option<Detection> {
    sighting.good.map(|(flux, sigma)| Detection { time: sighting.time, flux, sigma })
}
