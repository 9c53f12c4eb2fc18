//! All asteroids at once: which of them are in a patch of the sky at a time, without looking at each.
//!
//! Each is one of a *ring*: objects that share an orbital plane and radius, and follow one another with jitter. For each ring:
//! where does the line of sight meet its sphere, is that near its plane, and which of its members are there then? The same
//! object has the same number whenever and wherever it is met.

use crate::{Place, Random};

use super::asteroid::{Asteroid, EPOCH, Orbit, brightness, direction, dot, earth, meet, spin};

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

#[cfg(test)]
mod tests {
    use super::super::asteroid::place_of;
    use super::*;

    fn apart(a: Place, b: Place) -> f64 {
        dot(&direction(a), &direction(b)).clamp(-1.0, 1.0).acos().to_degrees()
    }

    #[test]
    fn the_same_asteroid_is_met_again_where_it_has_gone() {
        let (mjd, random) = (60_100.0, Random::new(2));
        // Opposite to the Sun.
        let there_then = place_of(&earth(mjd));
        let belt = Belt::new(200_000.0, 20.8);
        let found = belt.near(random, there_then, 3.0, mjd);
        assert!(found.len() > 50, "{}", found.len());
        for asteroid in found.iter().take(40) {
            let later = mjd + 9.3;
            let there = asteroid.position(later);
            assert!(apart(asteroid.position(mjd), there_then) < 3.0);
            assert!(belt.near(random, there, 0.5, later).contains(asteroid), "{}", asteroid.number);
        }
        // Few far from the ecliptic.
        let pole = belt.near(random, Place { ra: 270.0, dec: 66.0 }, 3.0, mjd);
        assert!(pole.len() * 20 < found.len(), "{} {}", pole.len(), found.len());
    }
}
