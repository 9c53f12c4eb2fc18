//! What lies around a place: stars and galaxies that are there whenever anyone looks.
//!
//! The sky is cut into cells of 40 arcsec; what is in a cell is drawn from the cell's number. Stars crowd towards the
//! Galactic plane. Counts rise with magnitude as 10^(0.3 m) for stars and 10^(0.45 m) for galaxies (slopes of the counts in
//! r between 17 and 22: Bahcall & Soneira 1980, Yasuda et al. 2001).

use super::super::numbers::{convergence, direction};
use super::Scale;
use super::light::Canvas;
use crate::{Place, Random, Shot};

/// Side of a cell, arcsec.
const CELL: f64 = 40.0;

/// Cells of stars and of galaxies have streams of their own.
const STARS: u64 = 0x5354_4152;
const GALAXIES: u64 = 0x4741_4c41;

/// Adds what is around the source of a shot, and what its reference image and the catalogue have there.
pub fn draw(shot: &Shot, scale: Scale, centre: (f64, f64), canvas: &mut Canvas<'_>) {
    let place = shot.trigger.place;
    let (sin, cos) = libm::sincos(scale.turn);
    // From arcsec east and north of the source to pixels.
    let pixel = |east: f64, north: f64| {
        (centre.0 + (north * sin - east * cos) / scale.pixel, centre.1 + (east * sin + north * cos) / scale.pixel)
    };
    let radius = 0.75 * scale.size as f64 * scale.pixel;
    let stars = 0.4 + 6.0 * libm::exp(-galactic_latitude(place).abs() / 9.0);
    let bright = |draw: f64, slope: f64| scale.faintest + libm::log10(draw.max(1e-4)) / slope;
    let flux = |magnitude: f64| libm::exp2((31.4 - magnitude) * 1.328_771_237_954_945) * scale.gain;
    let depth = (scale.faintest - 21.0).max(0.0);
    around(place, radius, |random, kind, east, north| {
        // How many there are depends on how deep one looks.
        let count = match kind {
            STARS => random.poisson(stars * (1.0 + depth)),
            _ => random.poisson(0.5 * (1.0 + 6.0 * depth)),
        };
        for _ in 0..count {
            let (east, north) = (east + CELL * random.unit(), north + CELL * random.unit());
            let (light, size) = (random.unit(), random.unit());
            if east.abs().max(north.abs()) > radius {
                continue;
            }
            let (x, y) = pixel(east, north);
            match kind {
                STARS => canvas.star(x, y, flux(bright(light, 0.3))),
                _ => canvas.galaxy(x, y, flux(bright(light, 0.45)), (0.4 + size) / scale.pixel),
            }
        }
    });
    let neighbour = shot.target.neighbour;
    let seen = shot.trigger;
    // The neighbour in the catalogue is the source of the reference where that has one: it is drawn once.
    let (distance, light) = match seen.reference.flux {
        Some(light) => (seen.reference.distance, light.max(0.0) * scale.gain),
        None => (neighbour.distance, flux(neighbour.magnitude)),
    };
    let (east, north) = direction(Random::new(shot.target.id));
    let (x, y) = pixel(east * distance, north * distance);
    if neighbour.star > 0.5 {
        canvas.star(x, y, light);
    } else {
        canvas.galaxy(x, y, light, 1.2 / scale.pixel);
    }
}

/// Every cell that comes within `radius` arcsec of a place, by kind: its stream, and where its corner is, arcsec east and
/// north of the place.
fn around(place: Place, radius: f64, mut each: impl FnMut(&mut Random, u64, f64, f64)) {
    let north = place.dec * 3600.0;
    for row in ((north - radius) / CELL).floor() as i64..=((north + radius) / CELL).floor() as i64 {
        let corner = row as f64 * CELL;
        // As many cells as fit around the sky there.
        let parallel = 1_296_000.0 * convergence((corner + CELL / 2.0) / 3600.0);
        let cells = (parallel / CELL).max(1.0) as i64;
        let east = place.ra.rem_euclid(360.0) / 360.0 * cells as f64;
        let reach = radius / CELL;
        for cell in (east - reach).floor() as i64..=(east + reach).floor() as i64 {
            let number = (row + 20_000) as u64 * 40_000 + cell.rem_euclid(cells) as u64;
            for kind in [STARS, GALAXIES] {
                each(&mut Random::new(kind).of(kind, number), kind, (cell as f64 - east) * CELL, corner - north);
            }
        }
    }
}

/// Degrees from the Galactic plane (the pole at 192.859, 27.128).
fn galactic_latitude(place: Place) -> f64 {
    let (sin_dec, cos_dec) = libm::sincos(place.dec.to_radians());
    let across = libm::cos((place.ra - 192.859_48).to_radians());
    libm::asin((sin_dec * 0.455_983_8 + cos_dec * 0.889_988_1 * across).clamp(-1.0, 1.0)).to_degrees()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found around a place, east and north of it and by its stream.
    fn found(place: Place) -> Vec<(f64, f64, u64)> {
        let mut found = Vec::new();
        around(place, 30.0, |random, _, east, north| found.push((east, north, random.bits())));
        found
    }

    #[test]
    fn the_field_is_the_places_own() {
        let (here, there) = (found(Place { ra: 359.999, dec: 10.0 }), found(Place { ra: 0.0, dec: 10.001 }));
        let shift = (0.001 * 3600.0 * 10f64.to_radians().cos(), 3.6);
        let mut shared = 0;
        for (east, north, bits) in &here {
            let same = there.iter().find(|other| other.2 == *bits);
            shared += usize::from(same.is_some());
            if let Some((other_east, other_north, _)) = same {
                assert!((east - other_east - shift.0).abs() < 0.1 && (north - other_north - shift.1).abs() < 1e-6);
            }
        }
        assert!(shared >= 4, "{shared} of {}", here.len());
        assert!(galactic_latitude(Place { ra: 266.405, dec: -28.936 }).abs() < 0.01);
    }
}
