//! What differs between the surveys' telescopes, as numbers.
//!
//! ZTF: Bellm et al. 2019 (PASP 131, 018002) and Dekany et al. 2020; LSST: Ivezić et al. 2019 (ApJ 873, 111) and the
//! survey strategy of 2025 as far as the pace of visits and the depths of single visits go.

use crate::settings::Survey;
use skydiff_schemas::Band;

/// A band with what is to be known of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Filter {
    pub band: Band,
    /// 5σ magnitude of a dark, clear visit at median seeing.
    pub depth: f64,
    /// Magnitudes that a full moon costs.
    pub moon: f64,
}

/// A telescope.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Telescope {
    /// Seconds the shutter is open.
    pub exposure: f64,
    /// Seconds from one visit to the next.
    pub step: f64,
    /// When the night begins, as a share of the UTC day.
    pub dusk: f64,
    /// How long it is at most, in days.
    pub length: f64,
    /// Radius of the field of view, taken as round, degrees.
    pub radius: f64,
    /// Distance of neighbouring pointings, degrees.
    pub pitch: f64,
    /// Declinations of the footprint.
    pub declinations: (f64, f64),
    /// Nights after which a field is due again.
    pub cycle: u32,
    /// Number of the first field.
    pub first_field: u32,
    /// Readout channels or detectors.
    pub detectors: u16,
    /// Share of the field that is silicon.
    pub filled: f64,
    /// Share of nights in which a field is taken on the second, shifted grid, on other references.
    pub second_grid: f64,
    /// Days that a packet's history reaches back.
    pub history: f64,
    /// Full width at half maximum, arcsec, median.
    pub seeing: f64,
    /// What is brighter than this magnitude saturates: it makes no alerts.
    pub saturation: f64,
    /// Magnitude of a source of one count.
    pub zero_point: f64,
    /// Bands of a field's first and second visit of the night, one pair a block; now and then the same twice.
    pub pairs: &'static [(Filter, Filter)],
}

const fn filter(band: u8, depth: f64, moon: f64) -> Filter {
    Filter { band: Band(band), depth, moon }
}

const ZTF_G: Filter = filter(1, 20.8, 0.9);
const ZTF_R: Filter = filter(2, 20.6, 0.6);
const ZTF_I: Filter = filter(3, 19.9, 0.3);
const LSST: [Filter; 6] = [
    filter(0, 23.8, 1.0),
    filter(1, 24.5, 0.9),
    filter(2, 24.0, 0.5),
    filter(3, 23.4, 0.3),
    filter(4, 22.7, 0.2),
    filter(5, 22.0, 0.1),
];

const ZTF: Telescope = Telescope {
    exposure: 30.0,
    step: 45.0,
    dusk: 0.12,
    length: 0.40,
    radius: 3.87,
    pitch: 6.9,
    declinations: (-28.0, 80.0),
    cycle: 2,
    first_field: 245,
    detectors: 64,
    filled: 0.87,
    second_grid: 0.15,
    history: 30.0,
    seeing: 2.0,
    saturation: 12.5,
    zero_point: 26.2,
    pairs: &[(ZTF_G, ZTF_R), (ZTF_R, ZTF_G), (ZTF_G, ZTF_R), (ZTF_R, ZTF_I), (ZTF_R, ZTF_R)],
};

const RUBIN: Telescope = Telescope {
    exposure: 30.0,
    step: 39.0,
    dusk: 0.0,
    length: 0.42,
    radius: 1.75,
    pitch: 3.0,
    declinations: (-72.0, 12.0),
    cycle: 3,
    first_field: 1,
    detectors: 189,
    filled: 0.92,
    second_grid: 0.0,
    history: 365.0,
    seeing: 0.85,
    saturation: 16.0,
    zero_point: 31.4,
    pairs: &[
        (LSST[1], LSST[2]),
        (LSST[2], LSST[3]),
        (LSST[3], LSST[4]),
        (LSST[0], LSST[1]),
        (LSST[4], LSST[5]),
        (LSST[2], LSST[2]),
    ],
};

impl Telescope {
    pub fn of(survey: Survey) -> &'static Telescope {
        match survey {
            Survey::Ztf => &ZTF,
            Survey::Lsst => &RUBIN,
        }
    }

    /// r-band depth that the sky's densities are told.
    pub fn depth(&self) -> f64 {
        self.pairs.iter().flat_map(|(one, two)| [one, two]).find(|f| f.band == Band(2)).map_or(21.0, |f| f.depth)
    }
}
