//! Asteroids of the main belt, on circular orbits about the Sun, seen from an Earth on one too.
//!
//! Each is one of a *ring*: objects that share an orbital plane and radius, and follow one another with jitter. So those in a
//! patch are found without looking at all: for each ring, where the line of sight meets its sphere, whether that is near its
//! plane, and which of its members are there then. The same object has the same number whenever and wherever it is seen.
//! Mean motions are Kepler's, so that rates, stationary points and retrograde loops are real ones; eccentricities are left
//! out. Brightness: H, G phase function (Bowell et al. 1989), G = 0.15, and a double-peaked rotation.

use skydiff_schemas::Band;

use crate::{Place, Random};

use super::Parameters;
use super::bands::{index, nanojansky};

/// Of the ecliptic, J2000, degrees.
const OBLIQUITY: f64 = 23.439_291_1;

/// Magnitudes relative to V of an S- or C-type in reflected sunlight, AB.
const COLOURS: [f64; 9] = [1.75, 0.27, -0.23, -0.38, -0.38, -0.38, -0.25, 0.05, 0.55];

type Vector = [f64; 3];

/// One asteroid.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Asteroid {
    number: u32,
    orbit: Orbit,
    /// Argument of latitude at MJD 60000, radians.
    argument: f64,
    /// Absolute magnitude.
    size: f64,
    /// Peak to peak of its rotation in magnitudes, period in days, and phase.
    spin: (f64, f64, f64),
}

/// An orbit: its radius in au, and two unit vectors in its plane.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Orbit {
    radius: f64,
    node: Vector,
    ahead: Vector,
}

impl Orbit {
    fn new(radius: f64, inclination: f64, node: f64) -> Orbit {
        let (sin_i, cos_i) = libm::sincos(inclination);
        let (sin, cos) = libm::sincos(node);
        Orbit { radius, node: [cos, sin, 0.0], ahead: [-sin * cos_i, cos * cos_i, sin_i] }
    }

    /// Radians a day (Kepler's third law, Gaussian constant).
    fn motion(&self) -> f64 {
        0.017_202_098_95 / (self.radius * libm::sqrt(self.radius))
    }

    fn at(&self, argument: f64) -> Vector {
        let (sin, cos) = libm::sincos(argument);
        std::array::from_fn(|i| self.radius * (cos * self.node[i] + sin * self.ahead[i]))
    }
}

/// The Earth about the Sun, au, ecliptic.
fn earth(mjd: f64) -> Vector {
    let days = mjd - 51_544.5;
    let anomaly = (357.529 + 0.985_600_28 * days).to_radians();
    let longitude = (280.459 + 0.985_647_36 * days + 1.915 * libm::sin(anomaly)).to_radians();
    let (sin, cos) = libm::sincos(longitude);
    [-cos, -sin, 0.0]
}

fn dot(a: &Vector, b: &Vector) -> f64 {
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
fn place_of(v: &Vector) -> Place {
    let (sin_e, cos_e) = libm::sincos(OBLIQUITY.to_radians());
    let (x, y, z) = (v[0], v[1] * cos_e - v[2] * sin_e, v[2] * cos_e + v[1] * sin_e);
    let ra = libm::atan2(y, x).to_degrees();
    let ra = if ra < 0.0 { ra + 360.0 } else { ra };
    Place { ra, dec: libm::atan2(z, libm::sqrt(x * x + y * y)).to_degrees() }
}

/// Where a line of sight from the Earth meets the sphere of that radius about the Sun, and how far away that is.
fn meet(from: &Vector, toward: &Vector, radius: f64) -> (Vector, f64) {
    let along = dot(from, toward);
    let distance = -along + libm::sqrt((along * along + radius * radius - dot(from, from)).max(0.0));
    (std::array::from_fn(|i| from[i] + distance * toward[i]), distance)
}

const EPOCH: f64 = 60_000.0;

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
    fn relative(&self, mjd: f64) -> (Vector, Vector) {
        let (here, from) = (self.orbit.at(self.argument + self.orbit.motion() * (mjd - EPOCH)), earth(mjd));
        (std::array::from_fn(|i| here[i] - from[i]), from)
    }

    pub fn position(&self, mjd: f64) -> Place {
        place_of(&self.relative(mjd).0)
    }

    pub fn number(&self) -> u32 {
        self.number
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

fn spin(random: &mut Random) -> (f64, f64, f64) {
    (random.between(0.05, 0.5), 0.3 * libm::exp(0.6 * random.gauss()).clamp(0.3, 6.0), random.unit())
}

/// H and G: brightness of an object at distance r from the Sun and Δ from the Earth (au), relative to r = Δ = 1 and full phase.
fn brightness(from_sun: f64, from_earth: f64, earth_sun: f64) -> f64 {
    let (r, delta) = (from_sun, from_earth);
    let cos = ((r * r + delta * delta - earth_sun * earth_sun) / (2.0 * r * delta)).clamp(-1.0, 1.0);
    // tan(α/2) from cos α; Bowell's Φ₁ and Φ₂.
    let log = 0.5 * libm::log(((1.0 - cos) / (1.0 + cos).max(1e-9)).max(1e-18));
    let first = libm::exp(-3.33 * libm::exp(0.63 * log));
    let second = libm::exp(-1.87 * libm::exp(1.22 * log));
    (0.85 * first + 0.15 * second).max(1e-6) / (r * r * delta * delta)
}

/// All asteroids that a survey of some depth can see.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Belt {
    /// Objects of a ring.
    pub members: u64,
    /// Faintest H.
    pub smallest: f64,
}

/// Orbital planes.
const RINGS: u64 = 1_024;

impl Belt {
    /// About so many objects altogether, seen to that V magnitude at their brightest.
    pub fn new(objects: f64, faint: f64) -> Belt {
        Belt {
            members: libm::round(objects / RINGS as f64).max(0.0) as u64,
            smallest: faint + 2.5 * libm::log10(brightness(2.2, 1.2, 1.0)),
        }
    }

    /// Those within `radius` degrees of a place at that time.
    pub fn near(&self, random: Random, centre: Place, radius: f64, mjd: f64) -> Vec<Asteroid> {
        let (from, toward) = (earth(mjd), direction(centre));
        let least = libm::cos(radius.to_radians());
        let mut found = Vec::new();
        for ring in 0..RINGS {
            let mut of_ring = random.of(1, ring);
            let radius_au = of_ring.between(2.15, 3.25);
            // Inclinations as a Rayleigh variate of mode 6°.
            let inclination = 0.105 * libm::sqrt(2.0 * of_ring.exponential());
            let orbit = Orbit::new(radius_au, inclination.min(0.6), std::f64::consts::TAU * of_ring.unit());
            let (there, distance) = meet(&from, &toward, radius_au);
            let (along, ahead) = (dot(&there, &orbit.node), dot(&there, &orbit.ahead));
            // Half the length of the ring that can lie in the patch, au, generously.
            let reach = 1.3 * distance * radius.to_radians() + 0.002;
            let off = radius_au * radius_au - along * along - ahead * ahead;
            if self.members == 0 || off > reach * reach * 2.25 {
                continue;
            }
            let step = std::f64::consts::TAU / self.members as f64;
            let moved = orbit.motion() * (mjd - EPOCH);
            let argument = libm::atan2(ahead, along) - moved;
            let half = 1.5 * reach / radius_au + step;
            let (first, last) =
                (libm::floor((argument - half) / step) as i64, libm::ceil((argument + half) / step) as i64);
            for at in first..=last {
                let member = at.rem_euclid(self.members as i64) as u64;
                let mut own = of_ring.of(2, member);
                let argument = step * (member as f64 + own.unit());
                // N(< H) ∝ 10^{0.35 H} (Gladman et al. 2009 find 0.3 at the faint end, 0.5 at the bright one).
                let size = self.smallest + libm::log10(1.0 - own.unit()).max(-4.0) / 0.35;
                let number = (ring * self.members + member + 1) as u32;
                let asteroid = Asteroid { number, orbit, argument, size, spin: spin(&mut own) };
                let (v, _) = asteroid.relative(mjd);
                if dot(&v, &toward) >= least * libm::sqrt(dot(&v, &v)) {
                    found.push(asteroid);
                }
            }
        }
        found.sort_by_key(|asteroid| asteroid.number);
        found.dedup_by_key(|asteroid| asteroid.number);
        found
    }
}
