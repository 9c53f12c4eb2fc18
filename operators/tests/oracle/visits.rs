//! One value per (band, visit): the good source, else the good forced source, else the upper limit (DESIGN §4.4).

use skydiff_operators::{Errors, Photometry};
use skydiff_schemas::{Band, Kind, Measurement, MicroDays, SourceId};
use std::collections::BTreeMap;

/// What features see of a visit.
#[derive(Clone, Copy, Debug)]
pub struct Visit {
    /// The measurement that speaks for it.
    pub row: Measurement,
    /// Its believed error, pJy.
    pub sigma: f64,
}

impl Visit {
    pub fn is_flux(&self) -> bool {
        self.row.kind != Kind::Limit
    }

    pub fn is_forced(&self) -> bool {
        self.row.kind == Kind::Forced
    }

    /// Difference flux, pJy.
    pub fn flux(&self) -> f64 {
        self.row.flux.0 as f64
    }

    pub fn weight(&self) -> f64 {
        1.0 / (self.sigma * self.sigma)
    }

    pub fn time(&self) -> MicroDays {
        self.row.time
    }

    pub fn at(&self) -> (MicroDays, SourceId) {
        (self.row.time, self.row.id)
    }

    pub fn series(&self) -> (Band, u32) {
        (self.row.band, self.row.reference)
    }

    /// Whether this limit says something of that series.
    pub fn limits(&self, series: (Band, u32)) -> bool {
        let (band, reference) = self.series();
        !self.is_flux() && band == series.0 && (reference == series.1 || reference == Measurement::ANY_REFERENCE)
    }
}

/// `σ² = (factor·σ)² + (floor·|F|)²`, F the total flux where defined, and at least 1 pJy².
pub fn believed_sigma(row: &Measurement, errors: Errors) -> f64 {
    let level = row.total().unwrap_or(row.flux).0 as f64;
    let quoted = errors.factor * row.sigma.0 as f64;
    let floor = errors.floor * level;
    (quoted * quoted + floor * floor).max(1.0).sqrt()
}

/// The visits of an object in order of (time, id).
pub fn visits(standing: &[Measurement], photometry: Photometry, errors: Errors) -> Vec<Visit> {
    let mut groups: BTreeMap<(Band, u64), Vec<Measurement>> = BTreeMap::new();
    for row in standing.iter().filter(|row| row.quality.is_good()) {
        groups.entry((row.band, row.visit)).or_default().push(*row);
    }
    let order = match photometry {
        Photometry::SourceFirst => [Kind::Source, Kind::Forced, Kind::Limit],
        Photometry::ForcedFirst => [Kind::Forced, Kind::Source, Kind::Limit],
    };
    let speaks = |rows: &Vec<Measurement>| {
        let of_kind = |kind| rows.iter().filter(move |row| row.kind == kind).max_by_key(|row| row.id).copied();
        order.into_iter().find_map(of_kind).expect("a group has a row")
    };
    let mut visits: Vec<Visit> =
        groups.values().map(speaks).map(|row| Visit { row, sigma: believed_sigma(&row, errors) }).collect();
    visits.sort_by_key(Visit::at);
    visits
}

/// Number of (band, visit) with a good source.
pub fn detections(standing: &[Measurement]) -> u32 {
    let good = standing.iter().filter(|row| row.kind == Kind::Source && row.quality.is_good());
    let visits: std::collections::BTreeSet<(Band, u64)> = good.map(|row| (row.band, row.visit)).collect();
    visits.len() as u32
}
