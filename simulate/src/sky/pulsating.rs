//! Stars that pulsate: RR Lyrae, Cepheids, and long-period variables.
//!
//! All are Fourier series of the phase in magnitudes, m = ⟨m⟩ + A_band Σ R_k cos(2πkφ + φ_k), as Simon & Lee (1981)
//! introduced them, with one shape for all bands and amplitudes that fall towards the red. Maximum light is at the epoch.
//! - RRab: R₂₁ ... and φ₂₁ ... typical of the field; φ₃₁ from period and metallicity (Jurcsik & Kovács 1996: [Fe/H] =
//!   −5.038 − 5.394 P + 1.345 φ₃₁, sine series); amplitude of a period from M3 (Cacciari, Corwin & Carney 2005: A_B = −3.123
//!   − 26.331 log P − 35.853 log² P); M_V = 0.23 [Fe/H] + 0.93 (Cacciari & Clementini 2003). RRc: nearly sinusoidal.
//! - Cepheids: M_V = −1.275 − 2.678 log P (Fouqué et al. 2007); the bump that wanders with period (Hertzsprung 1926) through
//!   R₂₁, φ₂₁ of log P (after Simon & Moffett 1985); amplitude ratios after Klagyivik & Szabados (2009).
//! - Long-period: Miras of 100 to 600 d and semi-regulars; M_K = −3.51 (log P − 2.38) − 7.15 (Whitelock, Feast & van Leeuwen
//!   2008); a skewed sinusoid (Lebzelter 2011), with cycles that differ: a damped walk in mean light and amplitude.

use skydiff_schemas::Band;

use crate::Random;

use super::bands::{Bands, EFOLD, R, coloured, index};
use super::walk::Walk;
use super::{Parameters, Star};

const HARMONICS: usize = 5;

/// Amplitudes relative to g. RR Lyrae: after Sesar et al. (2010), smaller in J to K.
const RR_LYRAE: Bands = [0.95, 1.0, 0.71, 0.56, 0.51, 0.49, 0.36, 0.27, 0.25];
/// Cepheids: A_V, A_I of Klagyivik & Szabados (2009) and A_J to A_K of Inno et al. (2015), interpolated in wavelength.
const CEPHEID: Bands = [1.35, 1.0, 0.68, 0.52, 0.46, 0.42, 0.34, 0.27, 0.25];
/// Miras: molecules make the blue change most.
const LONG_PERIOD: Bands = [1.05, 1.0, 0.82, 0.55, 0.42, 0.36, 0.27, 0.22, 0.18];

/// Magnitudes relative to r of an F giant, a G supergiant, and an M giant, AB.
const WHITE: [f64; 9] = [1.35, 0.22, 0.0, -0.06, -0.07, -0.06, 0.10, 0.30, 0.75];
const YELLOW: [f64; 9] = [2.1, 0.60, 0.0, -0.18, -0.25, -0.28, -0.20, -0.10, 0.30];
const RED: [f64; 9] = [5.0, 2.2, 0.0, -1.9, -2.9, -3.3, -4.1, -4.3, -3.9];

/// A pulsating star.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pulsating {
    period: f64,
    epoch: f64,
    /// Peak to peak in g, magnitudes.
    amplitude: f64,
    ratio: &'static Bands,
    /// The unit shape: coefficients of cos and sin of each harmonic, mean 0, peak to peak 1.
    shape: [(f32, f32); HARMONICS],
    /// Second to fourth cumulants of the unit shape, from which the mean flux follows.
    cumulants: [f32; 3],
    /// Flux at mean magnitude.
    base: Bands,
    /// What makes cycles differ, and how much in magnitudes (of g).
    unrest: Option<(Walk, f32)>,
    metallicity: Option<f64>,
}

impl Pulsating {
    /// An RR Lyrae star.
    pub fn rr_lyrae(star: &Star) -> Pulsating {
        let mut random = star.random;
        let metallicity = (-1.5 + 0.45 * random.gauss()).clamp(-2.6, 0.0);
        let fundamental = random.chance(0.75);
        let r = 0.93 + 0.23 * metallicity - 0.1 + star.modulus;
        let (period, amplitude, terms);
        if fundamental {
            period = (0.575 + 0.07 * random.gauss() - 0.03 * (metallicity + 1.5)).clamp(0.42, 0.85);
            let log = libm::log10(period);
            let of_period = -3.123 - 26.331 * log - 35.853 * log * log;
            amplitude = (0.95 * of_period + 0.12 * random.gauss()).clamp(0.25, 1.6);
            let third = (metallicity + 5.038 + 5.394 * period) / 1.345;
            // Sine-series phases; the shape relaxes towards a sinusoid as the amplitude falls.
            let sharp = (0.55 + 0.35 * amplitude).min(1.0);
            terms = [
                (1.0, 0.0),
                (0.50 * sharp, 2.4),
                (0.36 * sharp, third),
                (0.24 * sharp * sharp, 1.4),
                (0.14 * sharp * sharp, 4.2),
            ];
        } else {
            period = (0.325 + 0.035 * random.gauss()).clamp(0.23, 0.43);
            amplitude = (0.52 + 0.08 * random.gauss()).clamp(0.2, 0.75);
            terms = [(1.0, 0.0), (0.14, 3.0), (0.07, 5.0), (0.03, 1.0), (0.0, 0.0)];
        }
        let mut star =
            Pulsating::shaped(&mut random, period, amplitude, &RR_LYRAE, terms, coloured(r, &WHITE, star.a_v));
        star.metallicity = Some(metallicity);
        star
    }

    /// A classical Cepheid.
    pub fn cepheid(star: &Star) -> Pulsating {
        let mut random = star.random;
        let log = (0.75 + 0.28 * random.gauss()).clamp(0.4, 1.75);
        let r = -1.275 - 2.678 * log + 0.2 * random.gauss() - 0.2 + star.modulus;
        // Amplitudes dip near ten days, where the bump crosses maximum light.
        let dip = libm::exp(-(log - 1.0) * (log - 1.0) / 0.02);
        let amplitude = (1.0 + 0.35 * (log - 0.7) - 0.35 * dip + 0.18 * random.gauss()).clamp(0.3, 1.9);
        let second = (0.45 - 0.3 * dip).max(0.1);
        let phase = if log < 1.0 { 2.3 + 1.0 * (log - 0.4) / 0.6 } else { 2.5 + 0.4 * (log - 1.0) };
        let terms = [
            (1.0, 0.0),
            (second, phase),
            (0.5 * second, 2.0 * phase - 0.1),
            (0.22 * second, 3.0 * phase - 0.3),
            (0.0, 0.0),
        ];
        let period = libm::pow(10.0, log);
        Pulsating::shaped(&mut random, period, amplitude, &CEPHEID, terms, coloured(r, &YELLOW, star.a_v))
    }

    /// A Mira or a semi-regular.
    pub fn long_period(star: &Star) -> Pulsating {
        let mut random = star.random;
        let mira = random.chance(0.35);
        let log = if mira { 2.45 + 0.13 * random.gauss() } else { 2.05 + 0.25 * random.gauss() }.clamp(1.5, 2.85);
        let period = libm::pow(10.0, log);
        let amplitude =
            if mira { 4.5 + 1.2 * random.gauss() } else { 0.25 + 0.5 * random.exponential() }.clamp(0.12, 8.0);
        // K, Vega to AB, and from K to r by the star's colour.
        let k = -3.51 * (log - 2.38) - 7.15 + 0.15 * random.gauss() + 1.85;
        let redder = if mira { 1.5 } else { 0.5 } + 0.6 * random.gauss();
        let r = k - RED[8] + redder + star.modulus;
        let terms = [
            (1.0, 0.0),
            (0.18 + 0.06 * random.gauss(), 2.0 + 0.4 * random.gauss()),
            (0.04, 4.0),
            (0.0, 0.0),
            (0.0, 0.0),
        ];
        let mut made =
            Pulsating::shaped(&mut random, period, amplitude, &LONG_PERIOD, terms, coloured(r, &RED, star.a_v));
        let unrest = if mira { 0.25 } else { 0.12 + 0.15 * amplitude };
        made.unrest = Some((Walk::new(random.of(1, 0), 2.5 * period), unrest as f32));
        made
    }

    /// From R_k and φ_k of a sine series.
    fn shaped(
        random: &mut Random,
        period: f64,
        amplitude: f64,
        ratio: &'static Bands,
        terms: [(f64, f64); HARMONICS],
        base: Bands,
    ) -> Pulsating {
        // R sin(x + φ) = R sin φ cos x + R cos φ sin x
        let mut shape = terms.map(|(size, phase)| ((size * libm::sin(phase)) as f32, (size * libm::cos(phase)) as f32));
        const POINTS: usize = 48;
        let curve: [f64; POINTS] = std::array::from_fn(|at| series(&shape, at as f64 / POINTS as f64));
        let (mut least, mut most, mut brightest) = (f64::INFINITY, f64::NEG_INFINITY, 0);
        for (at, value) in curve.iter().enumerate() {
            if *value < least {
                (least, brightest) = (*value, at);
            }
            most = most.max(*value);
        }
        let scale = 1.0 / (most - least).max(1e-6);
        // Scaled to 1, and turned so that phase 0 is maximum light.
        for (at, (cos, sin)) in shape.iter_mut().enumerate() {
            let turn = std::f64::consts::TAU * (at + 1) as f64 * brightest as f64 / POINTS as f64;
            let (turned, by) = (libm::cos(turn) * scale, libm::sin(turn) * scale);
            let (was_cos, was_sin) = (f64::from(*cos), f64::from(*sin));
            (*cos, *sin) = ((was_cos * turned + was_sin * by) as f32, (was_sin * turned - was_cos * by) as f32);
        }
        let (mut second, mut third, mut fourth) = (0.0, 0.0, 0.0);
        for value in curve.map(|value| value * scale) {
            let square = value * value / POINTS as f64;
            (second, third, fourth) = (second + square, third + square * value, fourth + square * value * value);
        }
        Pulsating {
            period,
            epoch: 50_000.0 + period * random.unit(),
            amplitude,
            ratio,
            shape,
            cumulants: [second as f32, third as f32, (fourth - 3.0 * second * second) as f32],
            base,
            unrest: None,
            metallicity: None,
        }
    }

    /// nJy.
    pub fn flux(&self, band: Band, mjd: f64) -> f64 {
        let band = index(band);
        let cycles = (mjd - self.epoch) / self.period;
        let amplitude = self.amplitude * f64::from(self.ratio[band]);
        let mut offset = amplitude * series(&self.shape, cycles - libm::floor(cycles));
        if let Some((walk, size)) = &self.unrest {
            let now = walk.at(mjd);
            offset = offset * (1.0 + 0.12 * now) + f64::from(*size * self.ratio[band]) * now;
        }
        f64::from(self.base[band]) * libm::exp(-EFOLD * offset)
    }

    /// Time average, by the cumulants of the shape (and the walk's variance), nJy.
    pub fn mean(&self, band: Band) -> f64 {
        let band = index(band);
        let size = EFOLD * self.amplitude * f64::from(self.ratio[band]);
        let [second, third, fourth] = self.cumulants.map(f64::from);
        let unrest = self.unrest.map_or(0.0, |(_, unrest)| EFOLD * f64::from(unrest * self.ratio[band]));
        let exponent =
            size * size * (second / 2.0 - size * (third / 6.0 - size * fourth / 24.0)) + unrest * unrest / 2.0;
        f64::from(self.base[band]) * libm::exp(exponent)
    }

    /// How far above its mean it gets, as a share of the mean, in r.
    pub fn swing(&self) -> f64 {
        let unrest = self.unrest.map_or(0.0, |(_, size)| f64::from(size));
        libm::exp(EFOLD * f64::from(self.ratio[R]) * (0.55 * self.amplitude + 1.5 * unrest)) - 1.0
    }

    pub fn parameters(&self, to: &mut Parameters) {
        to.push(("period_d", self.period));
        to.push(("amplitude_g_mag", self.amplitude));
        to.push(("maximum_mjd", self.epoch));
        if let Some(metallicity) = self.metallicity {
            to.push(("metallicity_dex", metallicity));
        }
    }
}

/// The series at a phase of 0 to 1, by recurrence from one sine and one cosine.
fn series(shape: &[(f32, f32); HARMONICS], phase: f64) -> f64 {
    let (sin, cos) = libm::sincos(std::f64::consts::TAU * phase);
    let (mut sin_k, mut cos_k, mut sum) = (sin, cos, 0.0);
    for (of_cos, of_sin) in shape {
        sum += f64::from(*of_cos) * cos_k + f64::from(*of_sin) * sin_k;
        (sin_k, cos_k) = (sin_k * cos + cos_k * sin, cos_k * cos - sin_k * sin);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    const G: Band = Band(1);

    fn star(seed: u64) -> Star {
        Star { random: Random::new(seed), modulus: 15.0, a_v: 0.1 }
    }

    fn magnitudes(star: &Pulsating, band: Band) -> Vec<f64> {
        let at = |step: i32| star.flux(band, star.epoch + star.period * f64::from(step) / 400.0);
        (0..400).map(at).map(super::super::bands::magnitude).collect()
    }

    #[test]
    fn light_repeats_is_greatest_at_the_epoch_and_has_the_amplitude() {
        for seed in 0..50 {
            for star in [Pulsating::rr_lyrae(&star(seed)), Pulsating::cepheid(&star(seed))] {
                let curve = magnitudes(&star, G);
                let (least, most) =
                    (curve.iter().copied().fold(f64::INFINITY, f64::min), curve.iter().copied().fold(0.0, f64::max));
                assert!(
                    (most - least - star.amplitude).abs() < 0.03 * star.amplitude,
                    "{} {}",
                    most - least,
                    star.amplitude
                );
                assert!(curve[0] - least < 0.03 * star.amplitude);
                let then = star.epoch + 0.3 * star.period;
                let (once, again) = (star.flux(G, then), star.flux(G, then + 1000.0 * star.period));
                assert!((once / again - 1.0).abs() < 1e-6);
                let red = magnitudes(&star, Band(2));
                let ratio = (red[200] - red[0]) / (curve[200] - curve[0]);
                assert!((ratio - f64::from(star.ratio[R])).abs() < 1e-3, "{ratio}");
            }
        }
    }

    #[test]
    fn the_mean_is_the_average() {
        for seed in 0..50 {
            let star = Pulsating::rr_lyrae(&star(seed));
            let average =
                (0..1000).map(|at| star.flux(G, 55_000.0 + star.period * f64::from(at) / 1000.0)).sum::<f64>() / 1000.0;
            assert!((star.mean(G) / average - 1.0).abs() < 0.02, "{seed}: {} {average}", star.mean(G));
        }
        let mut ratio = 0.0;
        for seed in 0..40 {
            let star = Pulsating::long_period(&star(seed));
            let average = (0..2000).map(|at| star.flux(Band(2), 50_000.0 + f64::from(at) * 5.3)).sum::<f64>() / 2000.0;
            ratio += average / star.mean(Band(2)) / 40.0;
        }
        assert!((ratio - 1.0).abs() < 0.15, "{ratio}");
    }

    #[test]
    fn rr_lyrae_rise_fast_and_obey_the_periods() {
        for seed in 0..200 {
            let star = Pulsating::rr_lyrae(&star(seed));
            assert!(star.period > 0.2 && star.period < 0.9);
            if star.period > 0.45 && star.amplitude > 0.9 {
                // From three quarters down to maximum in less than a fifth of the period.
                let curve = magnitudes(&star, G);
                let low = (0..400).rev().find(|at| curve[*at] > curve[0] + 0.75 * star.amplitude).unwrap();
                assert!(low > 320, "{seed}: {low}");
            }
        }
    }
}
