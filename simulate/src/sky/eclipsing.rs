//! Eclipsing binaries: detached, near contact, and in contact.
//!
//! The eclipses have the phenomenological profile of Mikulášek (2015, A&A 584, A8): ψ(φ) = 1 − (1 − e^{1 − cosh(φ/d)})^Γ, with
//! φ the phase from mid-eclipse; between them the ellipsoidal wave −a cos 4πφ of tidally stretched stars and the reflection
//! effect (both to first order, as in Morris 1985). The depths in a band follow the temperatures of the two stars: what
//! is hidden in each eclipse is the same area of one black body or the other.

use skydiff_schemas::Band;

use super::bands::{Bands, R, WAVELENGTH, index, planck, thermal};
use super::{Parameters, Star};

/// Widths from mid-eclipse at which nothing is left of it: 10⁻¹¹.
const REACH: f64 = 4.0;

/// An eclipsing binary.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Eclipsing {
    period: f64,
    epoch: f64,
    /// Width d, in phase, and sharpness Γ.
    width: f64,
    gamma: f64,
    /// Depth of each eclipse by band, share of the light.
    primary: Bands,
    secondary: Bands,
    /// Half the ellipsoidal wave and half the reflection, share of the light.
    ellipsoidal: f64,
    reflection: f64,
    /// Time average of ψ.
    average: f64,
    /// Flux outside of eclipses.
    base: Bands,
}

impl Eclipsing {
    /// Draws one; `star.modulus` is that of a system whose absolute magnitude follows from its temperature.
    pub fn draw(star: &Star) -> Eclipsing {
        let mut random = star.random;
        let kind = random.unit();
        let contact = kind < 0.5;
        let (log_period, width, ellipsoidal) = if contact {
            (-0.44 + 0.09 * random.gauss(), 0.10 + 0.02 * random.gauss(), random.between(0.04, 0.14))
        } else if kind < 0.7 {
            (-0.15 + 0.15 * random.gauss(), 0.055 + 0.012 * random.gauss(), random.between(0.02, 0.09))
        } else {
            let log_period = 0.4 + 0.4 * random.gauss();
            (log_period, 0.035 * libm::pow(10.0, -0.4 * log_period), random.between(0.0, 0.02))
        };
        let period = libm::pow(10.0, log_period.clamp(-0.66, 2.0));
        // Two of five detached systems are of K and M dwarfs.
        let cool_or_warm =
            if random.chance(0.4) { random.between(3_600.0, 5_200.0) } else { 5_200.0 + 900.0 * random.exponential() };
        let hot = if contact { 4_600.0 + 4_500.0 * (period - 0.25).max(0.0) } else { cool_or_warm };
        let hot = (hot + 300.0 * random.gauss()).clamp(3_600.0, 14_000.0);
        let cool = hot * if contact { random.between(0.93, 1.0) } else { random.between(0.5, 1.0) };
        // Share of the disc of the hotter star that is hidden, and the size of the cooler star relative to it.
        let size = if contact { random.between(0.5, 1.0) } else { random.between(0.4, 1.1) };
        let hidden = random.between(0.2, 0.95) * if contact { 0.5 } else { (size * size).min(1.0) };
        let share = |hidden: f64, eclipsed: f64| {
            std::array::from_fn::<f32, 9, _>(|band| {
                let (of_hot, of_cool) = (planck(WAVELENGTH[band], hot), size * size * planck(WAVELENGTH[band], cool));
                let lost = hidden * planck(WAVELENGTH[band], eclipsed);
                (lost / (of_hot + of_cool)).min(0.95) as f32
            })
        };
        let width = width.clamp(0.004, 0.16);
        let gamma = if contact { random.between(0.8, 1.1) } else { random.between(0.6, 1.6) };
        const POINTS: usize = 64;
        let reach = (REACH * width).min(0.5);
        let average =
            (0..POINTS).map(|at| profile(reach * ((at as f64 + 0.5) / POINTS as f64), width, gamma)).sum::<f64>()
                * 2.0
                * reach
                / POINTS as f64;
        // The main sequence, coarsely: absolute magnitude in r of that temperature, with two stars.
        let warmer = libm::log10(hot / 5_772.0);
        let r = 4.1 - if warmer > 0.0 { 11.0 } else { 22.0 } * warmer + star.modulus;
        Eclipsing {
            period,
            epoch: 50_000.0 + period * random.unit(),
            width,
            gamma,
            primary: share(hidden, hot),
            secondary: share(hidden, cool),
            ellipsoidal,
            reflection: if contact { 0.0 } else { 0.3 * ellipsoidal },
            average,
            base: thermal(r, hot, star.a_v),
        }
    }

    /// nJy.
    pub fn flux(&self, band: Band, mjd: f64) -> f64 {
        let band = index(band);
        let cycles = (mjd - self.epoch) / self.period;
        let phase = cycles - libm::floor(cycles);
        let cos = libm::cos(std::f64::consts::TAU * phase);
        let waves = -self.ellipsoidal * (2.0 * cos * cos - 1.0) - self.reflection * cos;
        // Each eclipse reaches at most half a cycle, so that one of the two is near.
        let lost = f64::from(self.primary[band]) * profile(phase.min(1.0 - phase), self.width, self.gamma)
            + f64::from(self.secondary[band]) * profile((phase - 0.5).abs(), self.width, self.gamma);
        f64::from(self.base[band]) * (1.0 + waves - lost).max(0.01)
    }

    /// Time average, nJy.
    pub fn mean(&self, band: Band) -> f64 {
        let band = index(band);
        f64::from(self.base[band])
            * (1.0 - self.average * f64::from(self.primary[band] + self.secondary[band])).max(0.01)
    }

    /// Largest change from the mean, as a share of it, in r.
    pub fn swing(&self) -> f64 {
        let depth = f64::from(self.primary[R].max(self.secondary[R]));
        (depth + self.ellipsoidal - self.average * f64::from(self.primary[R] + self.secondary[R])).max(0.0)
    }

    pub fn parameters(&self, to: &mut Parameters) {
        to.push(("period_d", self.period));
        to.push(("minimum_mjd", self.epoch));
        to.push(("primary_depth_r", f64::from(self.primary[R])));
        to.push(("secondary_depth_r", f64::from(self.secondary[R])));
        to.push(("eclipse_width_phase", self.width));
    }
}

/// ψ at that phase (0 to 0.5) from mid-eclipse.
fn profile(phase: f64, width: f64, gamma: f64) -> f64 {
    let x = phase / width;
    if x > REACH {
        return 0.0;
    }
    let grown = libm::exp(x);
    let fall = 1.0 - libm::exp(1.0 - 0.5 * (grown + 1.0 / grown));
    1.0 - libm::exp(gamma * libm::log(fall.max(1e-30)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Random;

    const R_BAND: Band = Band(2);

    #[test]
    fn the_profile_is_mikulaseks() {
        // 1 - (1 - e^{1 - cosh 1})^Γ, by hand: cosh 1 = 1.543081, e^{-0.543081} = 0.580955.
        assert!((profile(0.05, 0.05, 1.0) - 0.580_955).abs() < 1e-5);
        assert!((profile(0.05, 0.05, 2.0) - (1.0 - 0.419_045 * 0.419_045)).abs() < 1e-5);
        assert!((profile(0.0, 0.05, 0.7) - 1.0).abs() < 1e-9 && profile(0.3, 0.05, 1.0) == 0.0);
    }

    #[test]
    fn light_repeats_is_least_at_the_epoch_and_its_mean_is_the_average() {
        for seed in 0..100 {
            let star = Eclipsing::draw(&Star { random: Random::new(seed), modulus: 13.0, a_v: 0.2 });
            let curve: Vec<f64> =
                (0..2000).map(|at| star.flux(R_BAND, star.epoch + star.period * f64::from(at) / 2000.0)).collect();
            assert!(curve.iter().all(|flux| *flux >= curve[0] * 0.999_999 && *flux > 0.0), "{seed}");
            let average = curve.iter().sum::<f64>() / 2000.0;
            assert!((star.mean(R_BAND) / average - 1.0).abs() < 0.01, "{seed}: {} {average}", star.mean(R_BAND));
            let then = star.epoch + 0.07 * star.period;
            assert!((star.flux(R_BAND, then) / star.flux(R_BAND, then + 500.0 * star.period) - 1.0).abs() < 1e-6);
        }
    }
}
