//! Where stars and dust are: the Galaxy as seen from here, and what lies along a line of sight.
//!
//! Stars: exponential discs and a flattened power-law halo, with the scales of Jurić et al. (2008). Dust: an exponential
//! layer (Parenago 1940), A_V(d) = a h/|sin b| (1 − e^{−d |sin b|/h}). Distances in pc, angles in radians unless they say
//! otherwise.

use crate::Place;

/// Distance of the Galactic centre.
const CENTRE: f64 = 8_000.0;

/// Half the length of the bar (Wegg, Gerhard & Portail 2015: 5 kpc).
const BAR: f64 = 5_000.0;

/// Extinction in V per pc in the plane, and the thickness of the dust: 0.12 magnitudes to the pole.
const DUST: (f64, f64) = (1.2e-3, 100.0);

/// Most extinction that is told apart, magnitudes in V.
const DARK: f64 = 40.0;

/// What kind of stars.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Population {
    /// Young disc, scale height 80 pc.
    Young,
    /// Thin disc of 300 pc with 12 % thick disc of 900 pc.
    Disc,
    /// Halo, r^−2.77, flattened by 0.64.
    Halo,
}

impl Population {
    /// Density relative to that near the Sun, at a distance towards (l, b).
    fn density(self, toward: &Toward, distance: f64) -> f64 {
        let height = (distance * toward.sin_b).abs();
        let (x, y) = (CENTRE - distance * toward.cos_b * toward.cos_l, distance * toward.cos_b * toward.sin_l);
        let radius = libm::sqrt(x * x + y * y);
        // Within the bar's reach the disc does not go on growing.
        let inward = CENTRE - radius.max(BAR);
        let disc = |length: f64, thick: f64| libm::exp(inward / length - height / thick);
        match self {
            Population::Young => disc(3_000.0, 80.0),
            Population::Disc => 0.88 * disc(2_600.0, 300.0) + 0.12 * disc(3_600.0, 900.0),
            Population::Halo => {
                let flat = libm::sqrt(radius * radius + height * height / 0.41).max(1_000.0);
                let steep = if flat > 100_000.0 { 6.0 } else { 2.77 };
                let edge = libm::pow(12.5, 2.77);
                if flat > 100_000.0 {
                    libm::pow(flat / 100_000.0, -steep) / edge
                } else {
                    libm::pow(flat / CENTRE, -steep)
                }
            }
        }
    }
}

/// A direction.
struct Toward {
    sin_b: f64,
    cos_b: f64,
    sin_l: f64,
    cos_l: f64,
}

/// Galactic longitude and latitude of a place, degrees (J2000 pole: 192.85948, 27.12825; node 122.93192).
pub(super) fn galactic(place: Place) -> (f64, f64) {
    let (ra, dec) = ((place.ra - 192.859_48).to_radians(), place.dec.to_radians());
    let pole = 27.128_25_f64.to_radians();
    let sin_b = libm::sin(dec) * libm::sin(pole) + libm::cos(dec) * libm::cos(pole) * libm::cos(ra);
    let y = libm::cos(dec) * libm::sin(ra);
    let x = libm::sin(dec) * libm::cos(pole) - libm::cos(dec) * libm::sin(pole) * libm::cos(ra);
    let l = 122.931_92 - libm::atan2(y, x).to_degrees();
    (l - 360.0 * libm::floor(l / 360.0), libm::asin(sin_b.clamp(-1.0, 1.0)).to_degrees())
}

/// Extinction in V in front of something at latitude `b` (degrees) and that distance (pc; may be infinite).
pub(super) fn dust(b: f64, distance: f64) -> f64 {
    let slant = libm::sin(b.to_radians()).abs().max(1e-4);
    (DUST.0 * DUST.1 / slant * (1.0 - libm::exp(-distance * slant / DUST.1))).min(DARK)
}

/// Distance modulus to pc.
pub(super) fn parsecs(modulus: f64) -> f64 {
    libm::exp2((modulus + 5.0) / 5.0 * std::f64::consts::LOG2_10)
}

/// Steps of a sight line: every third of a magnitude in distance modulus from 20 pc on.
const STEPS: usize = 64;
const NEAREST: f64 = 1.5;
const STEP: f64 = 1.0 / 3.0;

/// How stars of a population are spread along a line of sight, as far as they can be seen.
pub(super) struct Sightline {
    b: f64,
    /// Stars nearer than the end of each step, per square degree, for one per pc³ near the Sun.
    below: [f64; STEPS],
}

impl Sightline {
    /// Towards (l, b) in degrees, to where a star of absolute magnitude `bright` in r would be fainter than `faint`.
    pub fn new(population: Population, l: f64, b: f64, bright: f64, faint: f64) -> Sightline {
        let (l_rad, b_rad) = (l.to_radians(), b.to_radians());
        let toward = Toward {
            sin_b: libm::sin(b_rad),
            cos_b: libm::cos(b_rad),
            sin_l: libm::sin(l_rad),
            cos_l: libm::cos(l_rad),
        };
        let square_degree = (std::f64::consts::PI / 180.0) * (std::f64::consts::PI / 180.0);
        let (mut sum, mut below) = (0.0, [0.0; STEPS]);
        for (step, below) in below.iter_mut().enumerate() {
            let modulus = NEAREST + STEP * (step as f64 + 0.5);
            let distance = parsecs(modulus);
            if bright + modulus + 0.83 * dust(b, distance) < faint {
                // d² dd = d³ dln d, and a step is STEP ln 10 / 5 in ln d.
                let volume = distance * distance * distance * STEP * std::f64::consts::LN_10 / 5.0;
                sum += population.density(&toward, distance) * volume * square_degree;
            }
            *below = sum;
        }
        Sightline { b, below }
    }

    /// Stars per square degree for one per pc³ near the Sun.
    pub fn total(&self) -> f64 {
        self.below[STEPS - 1]
    }

    /// Distance modulus and extinction in V of a star of that rank (0 to 1) in distance.
    pub fn draw(&self, rank: f64) -> (f64, f64) {
        let wanted = rank * self.total();
        let step = self.below.partition_point(|below| *below <= wanted).min(STEPS - 1);
        let before = if step == 0 { 0.0 } else { self.below[step - 1] };
        let within = ((wanted - before) / (self.below[step] - before).max(1e-30)).clamp(0.0, 1.0);
        let modulus = NEAREST + STEP * (step as f64 + within);
        (modulus, dust(self.b, parsecs(modulus)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn galactic_coordinates_are_those_of_the_catalogues() {
        // Galactic centre, north pole, and M31 (121.174, -21.573).
        let (l, b) = galactic(Place { ra: 266.405, dec: -28.936 });
        assert!((l.min(360.0 - l)) < 0.01 && b.abs() < 0.01, "{l} {b}");
        assert!(galactic(Place { ra: 192.859_48, dec: 27.128_25 }).1 > 89.99);
        let (l, b) = galactic(Place { ra: 10.684_7, dec: 41.269 });
        assert!((l - 121.174).abs() < 0.01 && (b + 21.573).abs() < 0.01, "{l} {b}");
    }

    #[test]
    fn stars_crowd_the_plane_and_dust_hides_what_is_far() {
        let total = |population, b| Sightline::new(population, 90.0, b, 4.5, 20.0).total();
        assert!(total(Population::Disc, 10.0) > 2.0 * total(Population::Disc, 60.0));
        assert!(total(Population::Young, 5.0) > 5.0 * total(Population::Young, 60.0));
        assert!((dust(90.0, f64::INFINITY) - 0.12).abs() < 1e-9 && (dust(30.0, f64::INFINITY) - 0.24).abs() < 1e-9);
        assert!(dust(0.0, 1000.0) > 1.1 && dust(0.0, f64::INFINITY) <= DARK);
        let line = Sightline::new(Population::Disc, 90.0, 20.0, 4.5, 20.0);
        assert!(line.draw(0.1).0 < line.draw(0.9).0 && line.draw(0.999_999).0 < 16.0);
    }
}
