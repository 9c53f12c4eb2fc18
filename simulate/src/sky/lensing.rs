//! Microlensing: a star that a dark one passes before.
//!
//! A(u) = (u² + 2) / (u √(u² + 4)), u² = u₀² + ((t − t₀)/t_E)² (Paczyński 1986). Einstein times are log-normal about 20 days
//! (Mróz et al. 2019), impact parameters uniform; a share of the light is not lensed (blending).

use skydiff_schemas::Band;

use super::bands::{Bands, R, index, thermal};
use super::{LONGEST, Parameters, Star};

/// u at which an event begins and ends: A = 1.003.
const EDGE: f64 = 5.0;

/// A star, and its moment.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Lensing {
    peak: f64,
    /// Days.
    einstein: f64,
    impact: f64,
    /// Share of the light that is lensed.
    lensed: f64,
    /// Days from the peak to either end.
    half: f64,
    base: Bands,
}

impl Lensing {
    /// A giant or turn-off star whose event begins then.
    pub fn draw(star: &Star, begins: f64) -> Lensing {
        let mut random = star.random;
        let einstein = (20.0 * libm::exp(0.8 * random.gauss())).clamp(2.0, 100.0);
        let half = (EDGE * einstein).min(LONGEST / 2.0 - 1.0);
        let r = random.between(0.5, 5.0) + star.modulus;
        Lensing {
            peak: begins + half,
            einstein,
            impact: random.between(0.01, 1.0),
            lensed: random.between(0.3, 1.0),
            half,
            base: thermal(r, random.between(4_200.0, 6_200.0), star.a_v),
        }
    }

    /// nJy: the star's own where no lens is near.
    pub fn flux(&self, band: Band, mjd: f64) -> f64 {
        let base = self.mean(band);
        let age = mjd - self.peak;
        if age.abs() < self.half {
            base * (1.0 + self.lensed * (magnification(self.impact, age / self.einstein) - 1.0))
        } else {
            base
        }
    }

    /// The star without the lens, nJy.
    pub fn mean(&self, band: Band) -> f64 {
        f64::from(self.base[index(band)])
    }

    /// Begin and end.
    pub fn lifetime(&self) -> (f64, f64) {
        (self.peak - self.half, self.peak + self.half)
    }

    /// Excess at the peak, nJy in r.
    pub fn peak(&self) -> f64 {
        f64::from(self.base[R]) * self.lensed * (magnification(self.impact, 0.0) - 1.0)
    }

    pub fn parameters(&self, to: &mut Parameters) {
        to.push(("peak_mjd", self.peak));
        to.push(("einstein_time_d", self.einstein));
        to.push(("impact", self.impact));
        to.push(("lensed_share", self.lensed));
    }
}

/// Paczyński's A, of the impact parameter and the time from the peak in Einstein times.
fn magnification(impact: f64, time: f64) -> f64 {
    let square = impact * impact + time * time;
    (square + 2.0) / libm::sqrt(square * (square + 4.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Random;

    #[test]
    fn magnification_is_paczynskis_and_the_star_is_itself_without_the_lens() {
        // A(1) = 3/√5, and nearly 1/u for small u.
        assert!((magnification(1.0, 0.0) - 3.0 / 5.0_f64.sqrt()).abs() < 1e-12);
        assert!((magnification(0.6, 0.8) - 3.0 / 5.0_f64.sqrt()).abs() < 1e-12);
        assert!((magnification(0.01, 0.0) - 100.0).abs() < 0.02);
        for seed in 0..100 {
            let star = Lensing::draw(&Star { random: Random::new(seed), modulus: 14.0, a_v: 1.0 }, 60_000.0);
            let (from, to) = star.lifetime();
            let r = Band(2);
            assert!((from - 60_000.0).abs() < 1e-6 && to - from <= LONGEST);
            assert_eq!((star.flux(r, from - 0.1), star.flux(r, to + 0.1)), (star.mean(r), star.mean(r)));
            let peak = star.mean(r) * (1.0 + star.lensed * (magnification(star.impact, 0.0) - 1.0));
            assert!((star.flux(r, star.peak) / peak - 1.0).abs() < 1e-12);
            // The same in all bands: lenses have no colour.
            assert!(
                (star.flux(Band(1), star.peak + 3.0) / star.mean(Band(1))
                    - star.flux(r, star.peak + 3.0) / star.mean(r))
                .abs()
                    < 1e-9
            );
            assert!(star.flux(r, from + 1e-6) / star.mean(r) < 1.02);
        }
    }
}
