//! What a catalogue of 23rd magnitude has nearest to an object: itself, its host, or something else.
//!
//! Surveys send this with every alert, and filters live on it: star scores near 1 for stars, near 0 for galaxies, half a
//! score and some distance for what merely lies near.

use crate::{Neighbour, Random};

use super::host::Host;

/// What a catalogue has there, for those without a host.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Near {
    /// Arcsec, of itself.
    distance: f32,
    /// Star score, were it a star.
    star: f32,
    /// Of an unrelated source, where the object is too faint for a catalogue.
    other: (f32, f32),
}

/// Faintest r magnitude of the catalogue of neighbours.
pub(super) const CATALOGUE: f64 = 23.0;

impl Near {
    pub fn draw(mut random: Random) -> Near {
        let distance = (0.12 * libm::sqrt(2.0 * random.exponential())).min(0.9) as f32;
        let star = (1.0 - 0.04 * random.exponential()).max(0.5) as f32;
        // The nearest of about 20,000 sources per square degree.
        let far = 14.0 * libm::sqrt(random.exponential()).max(0.1);
        Near {
            distance,
            star,
            other: (far.min(40.0) as f32, (CATALOGUE - 1.2 * random.exponential()).max(14.0) as f32),
        }
    }
    /// A host galaxy with its nucleus, of that magnitude in all; `stellar` where the nucleus outshines it.
    pub fn of_host(&self, host: &Host, magnitude: f64, stellar: bool) -> Neighbour {
        let star = f64::from(self.star);
        Neighbour {
            distance: host.offset + 0.5 * f64::from(self.distance),
            magnitude,
            star: if stellar { star } else { 1.0 - star },
            redshift: Some(host.redshift),
        }
    }

    /// The star itself, of that magnitude, or what is near it in its stead.
    pub fn of_star(&self, own: f64) -> Neighbour {
        if own < CATALOGUE {
            let (distance, star) = (f64::from(self.distance), f64::from(self.star));
            return Neighbour { distance, magnitude: own, star, redshift: None };
        }
        let (distance, magnitude) = self.other;
        Neighbour { distance: f64::from(distance), magnitude: f64::from(magnitude), star: 0.5, redshift: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bright_stars_are_their_own_neighbours_and_faint_ones_are_not() {
        for seed in 0..300 {
            let near = Near::draw(Random::new(seed));
            let (bright, faint) = (near.of_star(18.0), near.of_star(25.0));
            assert!(bright.distance < 1.0 && bright.star >= 0.5 && bright.magnitude == 18.0);
            assert!(faint.distance > 1.0 && faint.magnitude <= CATALOGUE && faint.star == 0.5);
            let host = Host::draw(Random::new(seed), 0.05, false, 0.1);
            let galaxy = near.of_host(&host, host.magnitude, false);
            assert!(galaxy.star <= 0.5 && galaxy.redshift == Some(0.05) && galaxy.distance >= host.offset);
        }
    }
}
