//! A `diaForcedSource` of LSST.

use super::super::numbers::{bell, salt};
use super::super::plan::Column::{self, *};
use crate::{Random, Seen, Target};

/// A forced measurement.
pub struct Row {
    seen: Seen,
    target: Target,
    /// Whether there is a flux.
    measured: bool,
    template: f64,
}

impl Row {
    pub fn new(seen: &Seen, target: &Target) -> Row {
        let noise = || 0.1 * seen.sigma * bell(Random::new(seen.id), salt("templateFlux"));
        Row {
            seen: *seen,
            target: *target,
            measured: seen.flux.is_finite() && seen.sigma.is_finite() && seen.sigma > 0.0,
            template: seen.reference.flux.unwrap_or_else(noise),
        }
    }

    fn some(&self, value: f64) -> Option<f64> {
        self.measured.then_some(value)
    }
}

/// The column of that name.
pub fn column(name: &str) -> Option<Column<Row>> {
    Some(match name {
        "diaForcedSourceId" => Integer(|row| row.seen.id as i64),
        "diaObjectId" => Integer(|row| if row.target.moves { 0 } else { row.target.id as i64 }),
        "ra" => Real(|row| row.seen.place.ra),
        "dec" => Real(|row| row.seen.place.dec),
        "visit" => Integer(|row| row.seen.visit.number as i64),
        "detector" => Integer(|row| row.seen.detector.into()),
        "psfFlux" => MaybeReal(|row| row.some(row.seen.flux)),
        "psfFluxErr" => MaybeReal(|row| row.some(row.seen.sigma)),
        "midpointMjdTai" => Real(|row| row.seen.visit.mid_tai),
        "scienceFlux" => MaybeReal(|row| row.some(row.template + row.seen.flux)),
        "scienceFluxErr" => MaybeReal(|row| row.some(0.98 * row.seen.sigma)),
        "band" => Text(|row, out| out.extend_from_slice(row.seen.visit.band.name().as_bytes())),
        "timeProcessedMjdTai" => Real(|row| row.seen.processed),
        "timeWithdrawnMjdTai" => MaybeReal(|row| row.seen.withdrawn),
        _ => return None,
    })
}
