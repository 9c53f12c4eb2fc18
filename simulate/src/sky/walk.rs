//! A damped random walk that can be asked for at any time.
//!
//! The process of Kelly, Bechtold & Siemiginowska (2009): Gaussian, of unit variance, with covariance e^{−|Δt|/τ}. It is
//! made by bisection: independent values every 8τ (correlated by e⁻⁸, which nobody sees), then, level by level, the middle
//! of an interval h given its ends, which for this process has mean (a + b) / (2 cosh(h/2τ)) and variance tanh(h/2τ). Each
//! value is a function of a hash of its level and place, so that the answer at a time is the same whatever was asked before.
//! Below τ/256 it is a straight line, as quasars are smoother than the walk within a day (Mushotzky et al. 2011).

use crate::Random;

/// Coarsest spacing in units of τ.
const COARSEST: f64 = 8.0;

/// Bisections.
const LEVELS: usize = 11;

/// Finest intervals in a coarsest.
const FINEST: f64 = (1u64 << LEVELS) as f64;

/// Of each level: 1 / (2 cosh(h/2τ)) and √tanh(h/2τ) for h = 8τ, 4τ, ...
const BRIDGE: [(f64, f64); LEVELS] = [
    (0.018_309_496_736_843, 0.999_664_593_620_813),
    (0.132_901_114_417_039, 0.981_849_061_758_382),
    (0.324_027_136_831_942, 0.872_693_620_897_829),
    (0.443_409_441_985_037, 0.679_791_995_583_950),
    (0.484_771_814_570_107, 0.494_892_576_630_231),
    (0.496_119_020_737_562, 0.352_637_209_851_138),
    (0.499_025_024_436_267, 0.249_837_440_643_936),
    (0.499_755_958_676_638, 0.176_747_931_942_728),
    (0.499_938_971_051_950, 0.124_994_914_130_171),
    (0.499_984_741_598_978, 0.088_387_448_532_928),
    (0.499_996_185_326_987, 0.062_499_841_055_048),
];

/// The walk of one object.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Walk {
    random: Random,
    /// Damping time, days.
    pub tau: f64,
}

impl Walk {
    /// A walk with that damping time (days).
    pub fn new(random: Random, tau: f64) -> Walk {
        Walk { random, tau: tau.max(1e-6) }
    }

    /// Its value at that time: mean 0, variance 1.
    pub fn at(&self, mjd: f64) -> f64 {
        // In units of the finest interval; the bits of the place say which half is taken at each level, so that no step waits
        // for the one before it but for a multiplication.
        let steps = mjd / (COARSEST * self.tau) * FINEST;
        if steps.is_nan() || steps.abs() > 1e15 {
            return 0.0;
        }
        let place = libm::floor(steps) as i64;
        let coarse = place >> LEVELS;
        let (mut left, mut right) = (self.normal(0, coarse), self.normal(0, coarse + 1));
        for (level, (weight, spread)) in BRIDGE.iter().enumerate() {
            let half = place >> (LEVELS - 1 - level);
            let middle = weight * (left + right) + spread * self.normal(level as u64 + 1, half | 1);
            (left, right) = if half & 1 == 0 { (left, middle) } else { (middle, right) };
        }
        left + (steps - place as f64) * (right - left)
    }

    /// Nearly standard normal: four 16-bit uniforms of one hash, summed.
    fn normal(&self, level: u64, place: i64) -> f64 {
        let bits = self.random.at((place as u64) << 4 | level);
        let sum = (bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48);
        (sum as f64 * (1.0 / 65_536.0) - 2.0 + 2.0 / 65_536.0) * 1.732_050_807_568_877_2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bridge_is_that_of_the_process() {
        for (level, (weight, spread)) in BRIDGE.iter().enumerate() {
            let half = COARSEST / 2.0 / libm::pow(2.0, level as f64);
            assert!((weight - 0.5 / libm::cosh(half)).abs() < 1e-9, "{level} {weight} {}", 0.5 / libm::cosh(half));
            assert!(
                (spread - libm::sqrt(libm::tanh(half))).abs() < 1e-9,
                "{level} {spread} {}",
                libm::sqrt(libm::tanh(half))
            );
        }
    }

    #[test]
    fn the_structure_function_is_that_of_the_damped_walk() {
        // SF²(Δt) = 2 (1 − e^{−Δt/τ}): MacLeod et al. 2010, equation 3, for unit variance.
        for lag in [0.05, 0.2, 1.0, 3.0, 20.0] {
            let (mut sum, mut mean, n) = (0.0, 0.0, 20_000);
            for number in 0..n {
                let walk = Walk::new(Random::new(5).of(1, number), 100.0);
                let start = 58_000.0 + number as f64 * 0.731;
                let (from, to) = (walk.at(start), walk.at(start + lag * 100.0));
                sum += (to - from) * (to - from);
                mean += from;
            }
            let expected = 2.0 * (1.0 - libm::exp(-lag));
            let found = sum / n as f64;
            assert!((found / expected - 1.0).abs() < 0.05, "lag {lag}: {found} for {expected}");
            assert!((mean / n as f64).abs() < 0.03);
        }
    }

    #[test]
    fn it_is_continuous_and_never_wild() {
        let walk = Walk::new(Random::new(8), 30.0);
        let mut last = walk.at(57_999.99);
        for step in 0..200_000 {
            let now = walk.at(58_000.0 + f64::from(step) * 0.01);
            assert!((now - last).abs() < 0.4 && now.abs() < 8.0, "{step}: {last} {now}");
            last = now;
        }
        for odd in [f64::NAN, f64::INFINITY, -1e300, 1e300] {
            assert!(walk.at(odd).is_finite());
        }
    }
}
