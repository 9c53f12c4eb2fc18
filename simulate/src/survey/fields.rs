//! The grid of pointings: rows of constant declination, in each as many as keep the pitch.

use super::Telescope;
use crate::sky::Patch;
use crate::{Place, Random};

/// What the footprint's choice of fields is drawn for.
const FOOTPRINT: u64 = 0x6669_656c;

/// The fields of a survey, by index.
#[derive(Clone, Debug)]
pub(crate) struct Fields {
    centres: Vec<Place>,
    radius: f64,
}

impl Fields {
    pub fn new(telescope: &Telescope) -> Fields {
        let (from, to) = telescope.declinations;
        let rows = ((to - from) / telescope.pitch) as u32;
        let row = |row: u32| {
            let dec = from + (f64::from(row) + 0.5) * telescope.pitch;
            let count = (360.0 * libm::cos(dec.to_radians()) / telescope.pitch).ceil().max(1.0) as u32;
            (0..count).map(move |at| Place { ra: 360.0 * f64::from(at) / f64::from(count), dec })
        };
        Fields { centres: (0..rows).flat_map(row).collect(), radius: telescope.radius }
    }

    pub fn patch(&self, field: u32) -> Patch {
        let centre = self.centres.get(field as usize).copied().unwrap_or(Place { ra: 0.0, dec: 0.0 });
        Patch { centre, radius: self.radius }
    }

    /// `count` fields at random places, or all: where a small survey looks, so that it comes back.
    pub fn footprint(&self, random: Random, count: usize) -> Vec<u32> {
        let mut fields: Vec<u32> = (0..self.centres.len() as u32).collect();
        fields.sort_by_key(|field| random.of(FOOTPRINT, u64::from(*field)).bits());
        fields.truncate(count);
        fields
    }
}
