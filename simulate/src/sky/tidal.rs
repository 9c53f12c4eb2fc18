//! Tidal disruptions: a star that falls apart at the centre of a galaxy.
//!
//! The form of van Velzen et al. (2021): a Gaussian rise, e^{−(t − t_p)²/2σ²}, then the power law ((t − t_p + t₀)/t₀)^p with
//! p = −5/3 (Rees 1988), on a black body of constant temperature between 14,000 and 30,000 K. Absolute magnitudes −17 to −21,
//! the faint ones the more common (van Velzen 2018).

use skydiff_schemas::Band;

use super::bands::{Bands, R, WAVELENGTH, extinction, index, nanojansky, planck};
use super::host::modulus;
use super::{Event, LONGEST, Life, Parameters};

/// Standard deviations of the rise that are followed.
const EARLY: f64 = 3.5;

/// A tidal disruption.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Disruption {
    life: Life,
    peak: f64,
    redshift: f64,
    /// Days, as seen.
    rise: f64,
    fallback: f64,
    kelvin: f64,
    /// Flux at the peak.
    base: Bands,
}

impl Disruption {
    pub fn draw(event: &Event) -> Disruption {
        let mut random = event.random;
        let dilation = 1.0 + event.redshift;
        // dN/dlog L ∝ L^-1.6, seen down to −17: brighter than the limit by an exponential of mean 0.68 mag.
        let absolute = (-17.3 - 0.7 * random.exponential()).max(-22.0);
        let apparent = absolute + modulus(event.redshift) - 2.5 * libm::log10(dilation);
        let rise = 9.0 * libm::exp(0.4 * random.gauss().clamp(-2.0, 2.0)) * dilation;
        let fallback = 40.0 * libm::exp(0.4 * random.gauss().clamp(-2.0, 2.0)) * dilation;
        let kelvin = random.between(14_000.0, 30_000.0);
        let peak = event.begins + EARLY * rise;
        Disruption {
            life: Life::new(event.begins, event.begins + LONGEST),
            peak,
            redshift: event.redshift,
            rise,
            fallback,
            kelvin,
            base: std::array::from_fn(|band| {
                let ratio = planck(WAVELENGTH[band] / dilation, kelvin) / planck(WAVELENGTH[R], kelvin);
                (ratio * nanojansky(apparent + extinction(event.a_v, band))) as f32
            }),
        }
    }

    /// nJy.
    pub fn flux(&self, band: Band, mjd: f64) -> f64 {
        let share = self.life.share(mjd);
        if share <= 0.0 {
            return 0.0;
        }
        share * f64::from(self.base[index(band)]) * decay(mjd - self.peak, self.rise, self.fallback)
    }

    pub fn lifetime(&self) -> (f64, f64) {
        self.life.interval()
    }

    pub fn peak(&self) -> f64 {
        self.peak
    }

    pub fn parameters(&self, to: &mut Parameters) {
        to.push(("peak_mjd", self.peak));
        to.push(("redshift", self.redshift));
        to.push(("rise_d", self.rise));
        to.push(("fallback_d", self.fallback));
        to.push(("temperature_k", self.kelvin));
    }
}

/// Gaussian before the peak, t^(−5/3) after; 1 at the peak.
fn decay(age: f64, rise: f64, fallback: f64) -> f64 {
    if age < 0.0 {
        libm::exp(-0.5 * (age / rise) * (age / rise))
    } else {
        libm::pow((age + fallback) / fallback, -5.0 / 3.0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::bands::magnitude;
    use super::*;
    use crate::Random;

    #[test]
    fn rise_is_gaussian_fall_is_a_power_law_and_it_stays_blue() {
        assert!((decay(-9.0, 9.0, 40.0) - libm::exp(-0.5)).abs() < 1e-12);
        // A fallback time after the peak: 2^(-5/3).
        assert!((decay(40.0, 9.0, 40.0) - 0.314_980).abs() < 1e-6);
        let event = Event { random: Random::new(4), begins: 60_000.0, redshift: 0.05, a_v: 0.1 };
        let made = Disruption::draw(&event);
        let colour = |mjd: f64| magnitude(made.flux(Band(1), mjd)) - magnitude(made.flux(Band(2), mjd));
        assert!((colour(made.peak) - colour(made.peak + 100.0)).abs() < 1e-9 && colour(made.peak) < 0.0);
        assert_eq!(made.flux(Band(1), 59_999.9), 0.0);
        assert_eq!(made.flux(Band(1), 60_000.0 + LONGEST), 0.0);
    }
}
