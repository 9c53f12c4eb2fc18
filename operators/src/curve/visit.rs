//! One value per (object, band, visit), with the error that we believe.

use crate::{Errors, Photometry};
use ethnum::I256;
use skydiff_schemas::{Kind, Measurement, MicroDays, PicoJansky, SourceId};

/// How a survey's quoted errors become weights.
#[derive(Clone, Copy, Debug)]
pub struct Believed {
    factor: f64,
    floor: f64,
}

/// Binary places of a weight: an integer `⌊2⁹⁶/σ²⌋` with σ in pJy, at least 1.
///
/// The budget, in bits: weight ≤ 96, flux ≤ 52, time ≤ 37 (3,000 years of microdays), count ≤ 24; so
/// Σwf² ≤ 96 + 104 + 24 = 224, Σwt² ≤ 194, Σwtf ≤ 209, and a product of a sum with a square of a mean ≤ 226 < 255.
pub const WEIGHT_PLACES: i32 = 96;

impl Believed {
    /// From the settings of a survey.
    pub fn new(errors: Errors) -> Believed {
        Believed { factor: errors.factor, floor: errors.floor }
    }

    /// The believed σ in pJy: `σ² = (factor·σ)² + (floor·f_total)²`, at least 1; f_total is |f| where not defined.
    pub fn sigma(&self, flux: PicoJansky, sigma: PicoJansky, total: Option<PicoJansky>) -> f64 {
        let quoted = self.factor * sigma.0 as f64;
        let floor = self.floor * total.unwrap_or(flux).0 as f64;
        (quoted * quoted + floor * floor).sqrt().max(1.0)
    }
}

/// The flux that counts for a visit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Visit {
    /// Mid-exposure, MJD TAI.
    pub time: MicroDays,
    /// Of the row.
    pub id: SourceId,
    /// Difference flux, pJy.
    pub flux: PicoJansky,
    /// Its error as quoted.
    pub quoted: PicoJansky,
    /// Its error as believed, pJy.
    pub sigma: f64,
    /// Total flux where defined.
    pub total: Option<PicoJansky>,
    /// Source or forced.
    pub kind: Kind,
    /// `⌊2⁹⁶/σ²⌋`.
    weight: u128,
}

impl Visit {
    /// Of a source or forced row.
    pub fn new(row: &Measurement, believed: &Believed) -> Visit {
        let sigma = believed.sigma(row.flux, row.sigma, row.total());
        Visit {
            time: row.time,
            id: row.id,
            flux: row.flux,
            quoted: row.sigma,
            sigma,
            total: row.total(),
            kind: row.kind,
            weight: (2f64.powi(WEIGHT_PLACES) / (sigma * sigma)) as u128,
        }
    }

    /// Where it stands in its series.
    pub fn place(&self) -> (MicroDays, SourceId, Kind) {
        (self.time, self.id, self.kind)
    }

    /// `⌊2⁹⁶/σ²⌋`.
    pub fn weight(&self) -> I256 {
        I256::from(self.weight)
    }

    /// The limiting flux of this visit, 5σ, pJy: what a source must exceed to be seen in it.
    pub fn depth(&self) -> f64 {
        5.0 * self.sigma
    }
}

/// Of the good rows of one visit and band, the one that counts: by kind, then by greatest id.
pub fn choose(rows: &[Measurement], photometry: Photometry) -> Option<&Measurement> {
    let rank = |kind: Kind| match (photometry, kind) {
        (Photometry::SourceFirst, Kind::Source) | (Photometry::ForcedFirst, Kind::Forced) => 2,
        (_, Kind::Limit) => 0,
        _ => 1,
    };
    rows.iter().max_by_key(|row| (rank(row.kind), row.id))
}
