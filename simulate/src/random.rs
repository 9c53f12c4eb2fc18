//! Random numbers that are a function of a seed and of what they are for.
//!
//! A generator that is drawn from in turn makes everything depend on the order of the drawing. Here each thing (an object,
//! a visit, a measurement) has a stream of its own, found by hashing what it is: whoever asks gets the same numbers.

/// SplitMix64's increment and finalizer (Steele, Lea & Flood 2014).
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// A stream of random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Random(u64);

impl Random {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Random {
        Random(mix(seed ^ 0x736b_7964_6966_6621))
    }

    /// The stream of a thing within this one. Things differ in kind (a constant of the caller's) or in number.
    pub fn of(self, kind: u64, number: u64) -> Random {
        Random(mix(mix(self.0 ^ kind.wrapping_mul(STEP)).wrapping_add(number.wrapping_mul(STEP))))
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mix(self.0)
    }

    /// The `nth` 64 bits of it, whatever was drawn.
    pub fn at(self, nth: u64) -> u64 {
        mix(self.0.wrapping_add(nth.wrapping_mul(STEP)))
    }

    /// Uniform in [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform in [from, to).
    pub fn between(&mut self, from: f64, to: f64) -> f64 {
        from + (to - from) * self.unit()
    }

    /// Uniform below `n`; 0 where `n` is 0.
    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(n)) >> 64) as u64
    }

    /// True with this probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Standard normal (Box & Muller 1958).
    pub fn gauss(&mut self) -> f64 {
        let (radius, angle) = (1.0 - self.unit(), self.unit());
        libm::sqrt(-2.0 * libm::log(radius)) * libm::cos(std::f64::consts::TAU * angle)
    }

    /// Exponential of mean 1.
    pub fn exponential(&mut self) -> f64 {
        -libm::log(1.0 - self.unit())
    }

    /// Poisson (inversion by multiplication, Knuth; normal approximation above 60).
    pub fn poisson(&mut self, mean: f64) -> u64 {
        if mean > 60.0 {
            return libm::round(mean + libm::sqrt(mean) * self.gauss()).max(0.0) as u64;
        }
        let (least, mut product, mut count) = (libm::exp(-mean), self.unit(), 0);
        while product > least {
            product *= self.unit();
            count += 1;
        }
        count
    }
}

fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_have_their_moments_and_do_not_depend_on_order() {
        let (mut sum, mut squares, mut counts, mut waits) = (0.0, 0.0, 0.0, 0.0);
        let n = 100_000;
        for number in 0..n {
            let mut random = Random::new(1).of(2, number);
            let gauss = random.gauss();
            sum += gauss;
            squares += gauss * gauss;
            counts += random.poisson(if number % 2 == 0 { 3.0 } else { 90.0 }) as f64;
            waits += random.exponential();
        }
        let n = n as f64;
        assert!((sum / n).abs() < 0.015 && (squares / n - 1.0).abs() < 0.02, "{} {}", sum / n, squares / n);
        assert!((counts / n - 46.5).abs() < 0.2 && (waits / n - 1.0).abs() < 0.015, "{} {}", counts / n, waits / n);
        assert_ne!(Random::new(1).of(2, 3).bits(), Random::new(1).of(3, 2).bits());
        assert_eq!(Random::new(9).of(1, 1).below(0), 0);
        assert!((0..1000).all(|seed| Random::new(seed).below(7) < 7));
    }
}
