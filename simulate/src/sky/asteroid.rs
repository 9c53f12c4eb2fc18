//! Asteroids of the main belt, on circular orbits about the Sun, seen from an Earth on one too.
//!
//! Mean motions are Kepler's, so that rates, stationary points and retrograde loops are real ones; eccentricities are left
//! out. Brightness: the H, G phase function (Bowell et al. 1989), G = 0.15, and a double-peaked rotation.

use skydiff_schemas::Band;

use crate::{Place, Random};

use super::Parameters;
use super::bands::{index, nanojansky};

/// Of the ecliptic, J2000, degrees.
const OBLIQUITY: f64 = 23.439_291_1;

/// Magnitudes relative to V of an S- or C-type in reflected sunlight, AB.
const COLOURS: [f64; 9] = [1.75, 0.27, -0.23, -0.38, -0.38, -0.38, -0.25, 0.05, 0.55];

pub(super) type Vector = [f64; 3];

/// One asteroid.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Asteroid {
    pub number: u32,
    pub orbit: Orbit,
    /// Argument of latitude at MJD 60000, radians.
    pub argument: f64,
    /// Absolute magnitude.
    pub size: f64,
    /// Peak to peak of its rotation in magnitudes, period in days, and phase.
    pub spin: (f64, f64, f64),
}

/// An orbit: its radius in au, and two unit vectors in its plane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Orbit {
    pub radius: f64,
    pub node: Vector,
    pub ahead: Vector,
}

impl Orbit {
    pub fn new(radius: f64, inclination: f64, node: f64) -> Orbit {
        let (sin_i, cos_i) = libm::sincos(inclination);
        let (sin, cos) = libm::sincos(node);
        Orbit { radius, node: [cos, sin, 0.0], ahead: [-sin * cos_i, cos * cos_i, sin_i] }
    }

    /// Radians a day (Kepler's third law, Gaussian constant).
    pub fn motion(&self) -> f64 {
        0.017_202_098_95 / (self.radius * libm::sqrt(self.radius))
    }

    fn at(&self, argument: f64) -> Vector {
        let (sin, cos) = libm::sincos(argument);
        std::array::from_fn(|i| self.radius * (cos * self.node[i] + sin * self.ahead[i]))
    }
}

/// The Earth about the Sun, au, ecliptic.
pub(super) fn earth(mjd: f64) -> Vector {
    let days = mjd - 51_544.5;
    let anomaly = (357.529 + 0.985_600_28 * days).to_radians();
    let longitude = (280.459 + 0.985_647_36 * days + 1.915 * libm::sin(anomaly)).to_radians();
    let (sin, cos) = libm::sincos(longitude);
    [-cos, -sin, 0.0]
}

pub(super) fn dot(a: &Vector, b: &Vector) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// Ecliptic unit vector of a place.
pub(super) fn direction(place: Place) -> Vector {
    let (sin_e, cos_e) = libm::sincos(OBLIQUITY.to_radians());
    let (sin_d, cos_d) = libm::sincos(place.dec.to_radians());
    let (sin_a, cos_a) = libm::sincos(place.ra.to_radians());
    let (x, y, z) = (cos_d * cos_a, cos_d * sin_a, sin_d);
    [x, y * cos_e + z * sin_e, z * cos_e - y * sin_e]
}

/// Place of an ecliptic vector.
pub(super) fn place_of(v: &Vector) -> Place {
    let (sin_e, cos_e) = libm::sincos(OBLIQUITY.to_radians());
    let (x, y, z) = (v[0], v[1] * cos_e - v[2] * sin_e, v[2] * cos_e + v[1] * sin_e);
    let ra = libm::atan2(y, x).to_degrees();
    let ra = if ra < 0.0 { ra + 360.0 } else { ra };
    Place { ra, dec: libm::atan2(z, libm::sqrt(x * x + y * y)).to_degrees() }
}

/// Where a line of sight from the Earth meets the sphere of that radius about the Sun, and how far away that is.
pub(super) fn meet(from: &Vector, toward: &Vector, radius: f64) -> (Vector, f64) {
    let along = dot(from, toward);
    let distance = -along + libm::sqrt((along * along + radius * radius - dot(from, from)).max(0.0));
    (std::array::from_fn(|i| from[i] + distance * toward[i]), distance)
}

/// Of arguments of latitude.
pub(super) const EPOCH: f64 = 60_000.0;

impl Asteroid {
    /// One of that V magnitude at that place at that time, going about with the ecliptic.
    pub fn through(place: Place, mjd: f64, mut random: Random, magnitude: f64) -> Asteroid {
        let radius = random.between(2.1, 3.3);
        let (here, _) = meet(&earth(mjd), &direction(place), radius);
        let node: Vector = std::array::from_fn(|i| here[i] / radius);
        // East along the ecliptic, tilted a little.
        let flat = libm::sqrt(node[0] * node[0] + node[1] * node[1]).max(1e-9);
        let east = [-node[1] / flat, node[0] / flat, 0.0];
        let north = [
            node[1] * east[2] - node[2] * east[1],
            node[2] * east[0] - node[0] * east[2],
            node[0] * east[1] - node[1] * east[0],
        ];
        let (sin, cos) = libm::sincos(0.12 * random.gauss());
        let orbit = Orbit { radius, node, ahead: std::array::from_fn(|i| cos * east[i] + sin * north[i]) };
        let number = 1_000_000 + random.below(1_000_000) as u32;
        let argument = -orbit.motion() * (mjd - EPOCH);
        let made = Asteroid { number, orbit, argument, size: 0.0, spin: spin(&mut random) };
        Asteroid { size: magnitude - made.magnitude(mjd), ..made }
    }

    /// From the Earth, au.
    pub fn relative(&self, mjd: f64) -> (Vector, Vector) {
        let (here, from) = (self.orbit.at(self.argument + self.orbit.motion() * (mjd - EPOCH)), earth(mjd));
        (std::array::from_fn(|i| here[i] - from[i]), from)
    }

    pub fn position(&self, mjd: f64) -> Place {
        place_of(&self.relative(mjd).0)
    }

    /// V, without rotation.
    pub fn magnitude(&self, mjd: f64) -> f64 {
        self.size - 2.5 * libm::log10(self.brightness(mjd))
    }

    /// Relative to what it has at 1 au from both Sun and Earth, face on.
    fn brightness(&self, mjd: f64) -> f64 {
        let (v, from) = self.relative(mjd);
        brightness(self.orbit.radius, libm::sqrt(dot(&v, &v)), libm::sqrt(dot(&from, &from)))
    }

    /// nJy.
    pub fn flux(&self, band: Band, mjd: f64) -> f64 {
        let (amplitude, period, phase) = self.spin;
        let turns = mjd / period + phase;
        let turned = 0.5 * amplitude * libm::cos(2.0 * std::f64::consts::TAU * (turns - libm::floor(turns)));
        nanojansky(self.size + COLOURS[index(band)] + turned) * self.brightness(mjd)
    }

    pub fn parameters(&self, to: &mut Parameters) {
        to.push(("number", f64::from(self.number)));
        to.push(("orbit_radius_au", self.orbit.radius));
        to.push(("absolute_magnitude", self.size));
        to.push(("rotation_d", self.spin.1));
        to.push(("rotation_mag", self.spin.0));
    }
}

/// Amplitude, period and phase of a rotation.
pub(super) fn spin(random: &mut Random) -> (f64, f64, f64) {
    (random.between(0.05, 0.5), 0.3 * libm::exp(0.6 * random.gauss()).clamp(0.3, 6.0), random.unit())
}

/// H and G: brightness of an object at distance r from the Sun and Δ from the Earth (au), relative to r = Δ = 1 and full phase.
pub(super) fn brightness(from_sun: f64, from_earth: f64, earth_sun: f64) -> f64 {
    let (r, delta) = (from_sun, from_earth);
    let cos = ((r * r + delta * delta - earth_sun * earth_sun) / (2.0 * r * delta)).clamp(-1.0, 1.0);
    // tan(α/2) from cos α; Bowell's Φ₁ and Φ₂.
    let log = 0.5 * libm::log(((1.0 - cos) / (1.0 + cos).max(1e-9)).max(1e-18));
    let first = libm::exp(-3.33 * libm::exp(0.63 * log));
    let second = libm::exp(-1.87 * libm::exp(1.22 * log));
    (0.85 * first + 0.15 * second).max(1e-6) / (r * r * delta * delta)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The place opposite to the Sun.
    fn opposition(mjd: f64) -> Place {
        place_of(&earth(mjd))
    }

    fn apart(a: Place, b: Place) -> f64 {
        dot(&direction(a), &direction(b)).clamp(-1.0, 1.0).acos().to_degrees()
    }

    #[test]
    fn the_earth_is_where_it_is() {
        // The equinox of 2023-03-20 21:24 UTC: the Sun at ecliptic longitude 0, so the Earth at 180°.
        let v = earth(60_023.89);
        assert!(v[0] < -0.999_9 && v[1].abs() < 0.01, "{v:?}");
        let there = opposition(60_023.89);
        assert!((there.ra - 180.0).abs() < 0.6 && there.dec.abs() < 0.4, "{there:?}");
    }

    #[test]
    fn brightness_is_bowells() {
        // Full phase at 2.7 au: 5 log(2.7 · 1.7) = 3.31 fainter than H.
        assert!((-2.5 * libm::log10(brightness(2.7, 1.7, 1.0)) - 3.309).abs() < 0.01);
        // Phase of 20° costs about 0.95 magnitudes for G = 0.15: α from a triangle with the Earth off the line.
        let (r, delta) = (1.0_f64, 1.0_f64);
        let alpha = 20.0_f64.to_radians();
        let earth_sun = (r * r + delta * delta - 2.0 * r * delta * alpha.cos()).sqrt();
        let loss = -2.5 * libm::log10(brightness(r, delta, earth_sun));
        assert!(loss > 0.85 && loss < 1.1, "{loss}");
    }

    #[test]
    fn they_go_back_at_opposition_and_round_in_keplers_time() {
        let mjd = 60_100.0;
        for seed in 0..50 {
            let made = Asteroid::through(opposition(mjd), mjd, Random::new(seed), 19.0);
            assert!(apart(made.position(mjd), opposition(mjd)) < 1e-6 && (made.magnitude(mjd) - 19.0).abs() < 1e-9);
            let (before, after) = (made.position(mjd - 0.5), made.position(mjd + 0.5));
            let rate = apart(before, after);
            // Main belt at opposition: 0.17 to 0.3 degrees a day, westward.
            assert!(rate > 0.15 && rate < 0.33, "{rate}");
            assert!(after.ra < before.ra);
            let year = std::f64::consts::TAU / made.orbit.motion() / 365.25;
            assert!((year - made.orbit.radius.powf(1.5)).abs() < 1e-3);
        }
    }
}
