//! Times, fluxes and places as integers, because differential data must be ordered and retractable.
//!
//! A float that is computed twice in another order is another float; an integer is not. Floats
//! exist on the two edges only: where a packet is read, and where a person reads a record.

use serde::{Deserialize, Serialize};

/// An instant or a length of time in millionths of a day. As an instant: MJD, TAI, at mid-exposure.
///
/// One unit is 0.0864 s. `i64` holds 25 billion years.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MicroDays(pub i64);

impl MicroDays {
    /// One day.
    pub const DAY: MicroDays = MicroDays(1_000_000);

    /// The nearest microday to `days`; `None` unless finite and within ±10⁹ days.
    pub fn from_days(days: f64) -> Option<MicroDays> {
        (days.abs() < 1e9).then(|| MicroDays((days * 1e6).round() as i64))
    }

    /// As days.
    pub fn days(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

impl std::ops::Add for MicroDays {
    type Output = MicroDays;
    fn add(self, other: MicroDays) -> MicroDays {
        MicroDays(self.0.saturating_add(other.0))
    }
}

impl std::ops::Sub for MicroDays {
    type Output = MicroDays;
    fn sub(self, other: MicroDays) -> MicroDays {
        MicroDays(self.0.saturating_sub(other.0))
    }
}

/// A flux, or its error, in 10⁻¹² Jy (thousandths of a nanojansky). AB magnitude 31.4 is 1000.
///
/// Signed: a difference image sees sources fade. A flux beyond [`PicoJansky::LIMIT`] is refused
/// where it is read, so that the exact sums of `skydiff-operators` (256 bits) cannot overflow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PicoJansky(pub i64);

impl PicoJansky {
    /// The largest flux in size that is believed: 2⁵² pJy, AB magnitude −0.2.
    pub const LIMIT: i64 = 1 << 52;

    /// The nearest picojansky to `nanojansky`; `None` when not finite or beyond [`Self::LIMIT`].
    pub fn from_nanojansky(nanojansky: f64) -> Option<PicoJansky> {
        let pico = nanojansky * 1e3;
        (pico.abs() <= Self::LIMIT as f64).then(|| PicoJansky(pico.round() as i64))
    }

    /// From an AB magnitude: `10^((31.4 − m)/2.5)` nJy (31.4 = 8.90 + 22.5, Oke & Gunn 1983).
    pub fn from_magnitude(magnitude: f64) -> Option<PicoJansky> {
        Self::from_nanojansky(libm::pow(10.0, (31.4 - magnitude) / 2.5))
    }

    /// In nanojansky.
    pub fn nanojansky(self) -> f64 {
        self.0 as f64 / 1e3
    }

    /// The AB magnitude of a positive flux.
    pub fn magnitude(self) -> Option<f64> {
        (self.0 > 0).then(|| 31.4 - 2.5 * libm::log10(self.nanojansky()))
    }
}

/// The order of the pixels that index the sky: 786,432 cells of 0.05 square degrees.
pub const PIXEL_ORDER: u8 = 8;

const POSITION_ORDER: u8 = 29;

/// A place on the sky: its HEALPix NESTED cell at order 29 (ICRS), 0.4 milliarcseconds across.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position(pub u64);

impl Position {
    /// What stands for a place where none is known; greater than every place.
    pub const UNKNOWN: Position = Position(u64::MAX);

    /// From degrees, ICRS. `None` unless both are finite and the declination is within ±90°.
    pub fn from_degrees(ra: f64, dec: f64) -> Option<Position> {
        if !ra.is_finite() || !(-90.0..=90.0).contains(&dec) {
            return None;
        }
        let layer = cdshealpix::nested::get(POSITION_ORDER);
        Some(Position(layer.hash(ra.rem_euclid(360.0).to_radians(), dec.to_radians())))
    }

    /// The cell's centre in degrees, ICRS; `None` where unknown.
    pub fn degrees(self) -> Option<(f64, f64)> {
        (self != Self::UNKNOWN).then(|| {
            let (lon, lat) = cdshealpix::nested::get(POSITION_ORDER).center(self.0);
            (lon.to_degrees(), lat.to_degrees())
        })
    }

    /// The index pixel in which it lies.
    pub fn pixel(self) -> Pixel {
        match self {
            Self::UNKNOWN => Pixel::NONE,
            Position(cell) => Pixel((cell >> (2 * (POSITION_ORDER - PIXEL_ORDER))) as u32),
        }
    }
}

/// A HEALPix NESTED cell of order [`PIXEL_ORDER`]: what histories are keyed by, before the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Pixel(pub u32);

impl Pixel {
    /// Of an object without a standing source, and of everything that moves; after every real pixel.
    pub const NONE: Pixel = Pixel(u32::MAX);

    /// Those that a cone (degrees, ICRS) meets, as inclusive ranges in order; a few more, rather than one less.
    pub fn of_cone(ra: f64, dec: f64, radius: f64) -> Vec<(Pixel, Pixel)> {
        let (ra, dec) = (ra.rem_euclid(360.0).to_radians(), dec.to_radians());
        let radius = radius.clamp(0.0, 180.0).to_radians();
        let covered = cdshealpix::nested::get(PIXEL_ORDER).cone_coverage_approx(ra, dec, radius);
        let mut ranges = Vec::<(Pixel, Pixel)>::new();
        for cell in covered.flat_iter() {
            let pixel = cell as u32;
            match ranges.last_mut().filter(|(_, last)| last.0 + 1 == pixel) {
                Some((_, last)) => *last = Pixel(pixel),
                None => ranges.push((Pixel(pixel), Pixel(pixel))),
            }
        }
        ranges
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_of_a_cone_is_in_its_pixels() {
        for (ra, dec, radius) in [(0.0, 0.0, 1.0), (359.9, 41.8, 0.3), (10.0, 89.9, 2.0), (200.0, -89.0, 0.01)] {
            let ranges = Pixel::of_cone(ra, dec, radius);
            assert!(ranges.is_sorted() && ranges.iter().all(|(first, last)| first <= last));
            for step in 0..200 {
                let (turn, part) = (f64::from(step) * 0.7, f64::from(step) / 200.0 * radius * 0.999);
                let (lat, off) = (f64::to_radians(dec), part.to_radians());
                let sine = (lat.sin() * off.cos() + lat.cos() * off.sin() * turn.cos()).clamp(-1.0, 1.0);
                let east = (turn.sin() * off.sin() * lat.cos()).atan2(off.cos() - lat.sin() * sine);
                let pixel = Position::from_degrees(ra + east.to_degrees(), sine.asin().to_degrees()).unwrap().pixel();
                assert!(ranges.iter().any(|(first, last)| *first <= pixel && pixel <= *last), "{ra} {dec} {step}");
            }
        }
        assert_eq!(Pixel::of_cone(5.0, 5.0, 180.0), [(Pixel(0), Pixel(786_431))]);
    }

    #[test]
    fn zero_point_and_limits_of_flux() {
        assert_eq!(PicoJansky::from_magnitude(31.4), Some(PicoJansky(1000)));
        assert_eq!(PicoJansky::from_magnitude(23.9), Some(PicoJansky(1_000_000)));
        assert_eq!(PicoJansky::from_magnitude(-5.0), None);
        assert_eq!(PicoJansky::from_nanojansky(f64::NAN), None);
        assert_eq!(PicoJansky(-5).magnitude(), None);
    }

    #[test]
    fn positions_come_back_within_a_milliarcsecond() {
        for (ra, dec) in [(0.0, 0.0), (359.999_999, -89.9), (46.997_374_7, 9.367_934_7), (180.0, 66.0)] {
            let (lon, lat) = Position::from_degrees(ra, dec).unwrap().degrees().unwrap();
            let east = ((lon - ra + 180.0).rem_euclid(360.0) - 180.0) * dec.to_radians().cos();
            assert!(east.hypot(lat - dec) * 3.6e6 < 1.0, "{ra} {dec} came back as {lon} {lat}");
        }
        assert_eq!(Position::from_degrees(0.0, 90.5), None);
        assert_eq!(Position::UNKNOWN.pixel(), Pixel::NONE);
    }
}
