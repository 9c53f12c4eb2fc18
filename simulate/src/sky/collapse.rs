//! Supernovae of collapsing cores.
//!
//! The form of Villar et al. (2019), eq. 1: F = (A + β (t − t₀)) / (1 + e^{−(t − t₀)/τ_rise}) before t₁ = t₀ + γ, (A + βγ)
//! e^{−(t − t₁)/τ_fall} / (1 + e^{−(t − t₀)/τ_rise}) after; on a black body that cools exponentially to its recombination
//! temperature. Peaks after Richardson et al. (2014), shares after Li et al. (2011): II-P with its plateau, IIn, Ib/c and IIb.

use skydiff_schemas::Band;

use super::bands::{Bands, R, WAVELENGTH, extinction, index, nanojansky, planck};
use super::host::modulus;
use super::{Event, Life, Parameters};

/// What kind of core collapse.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Core {
    Plateau,
    Interacting,
    Stripped,
}

/// A core-collapse supernova.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct CoreCollapse {
    life: Life,
    kind: Core,
    redshift: f64,
    /// t₀, MJD; the other times are days at rest.
    start: f64,
    rise: f64,
    plateau: f64,
    fall: f64,
    /// β / A, per day.
    slope: f64,
    /// K at t₀, K in the end, and days in which it cools.
    heat: (f64, f64, f64),
    /// Flux of the rest-frame r band's A in each band, with dust.
    base: Bands,
}

impl CoreCollapse {
    pub fn draw(event: &Event) -> CoreCollapse {
        let mut random = event.random;
        let pick = random.unit();
        let gauss = random.gauss().clamp(-2.5, 2.5);
        let (kind, absolute) = if pick < 0.58 {
            (Core::Plateau, -16.75 + 0.98 * gauss)
        } else if pick < 0.65 {
            (Core::Interacting, -18.53 + 1.0 * gauss)
        } else {
            (Core::Stripped, -17.3 + 0.9 * gauss)
        };
        let mut about = |mean: f64, spread: f64| mean * libm::exp(spread * random.gauss().clamp(-2.0, 2.0));
        let (rise, plateau, fall, slope, heat) = match kind {
            Core::Plateau => {
                (about(1.6, 0.4), about(95.0, 0.15), about(14.0, 0.3), -0.0035, (about(16_000.0, 0.2), 5_400.0, 14.0))
            }
            Core::Interacting => {
                (about(5.0, 0.4), about(30.0, 0.5), about(60.0, 0.4), -0.006, (about(15_000.0, 0.2), 7_000.0, 40.0))
            }
            Core::Stripped => {
                (about(3.2, 0.3), about(9.0, 0.3), about(20.0, 0.3), -0.01, (about(8_500.0, 0.15), 4_600.0, 15.0))
            }
        };
        let dilation = 1.0 + event.redshift;
        let apparent = absolute + modulus(event.redshift) - 2.5 * libm::log10(dilation);
        // F is 0.4 % of A five rise times before t₀: the explosion, as far as anyone sees.
        let start = event.begins + 5.5 * rise * dilation;
        let last = (plateau + 6.0 * fall) * dilation;
        CoreCollapse {
            life: Life::new(event.begins, start + last),
            kind,
            redshift: event.redshift,
            start,
            rise,
            plateau,
            fall,
            slope,
            heat,
            base: std::array::from_fn(|band| nanojansky(apparent + extinction(event.a_v, band)) as f32),
        }
    }

    /// nJy.
    pub fn flux(&self, band: Band, mjd: f64) -> f64 {
        let share = self.life.share(mjd);
        if share <= 0.0 {
            return 0.0;
        }
        let band = index(band);
        let age = (mjd - self.start) / (1.0 + self.redshift);
        let (first, last, days) = self.heat;
        let kelvin = last + (first - last) * libm::exp(-age.max(0.0) / days);
        let colour = planck(WAVELENGTH[band] / (1.0 + self.redshift), kelvin) / planck(WAVELENGTH[R], kelvin);
        share * f64::from(self.base[band]) * colour * villar(age, self.rise, self.plateau, self.fall, self.slope)
    }

    pub fn lifetime(&self) -> (f64, f64) {
        self.life.interval()
    }

    /// Of about greatest light, MJD.
    pub fn peak(&self) -> f64 {
        self.start + self.rise * 3.0 * (1.0 + self.redshift)
    }

    pub fn parameters(&self, to: &mut Parameters) {
        let (plateau, interacting) = (self.kind == Core::Plateau, self.kind == Core::Interacting);
        to.push(("type_iip", f64::from(u8::from(plateau))));
        to.push(("type_iin", f64::from(u8::from(interacting))));
        to.push(("peak_mjd", self.peak()));
        to.push(("redshift", self.redshift));
        to.push(("rise_d", self.rise));
        to.push(("plateau_d", self.plateau));
        to.push(("fall_d", self.fall));
    }
}

/// Villar's form for A = 1, `slope` being β, at days from t₀.
fn villar(age: f64, rise: f64, plateau: f64, fall: f64, slope: f64) -> f64 {
    let onset = 1.0 + libm::exp((-age / rise).min(300.0));
    let top =
        if age < plateau { 1.0 + slope * age } else { (1.0 + slope * plateau) * libm::exp(-(age - plateau) / fall) };
    top / onset
}

#[cfg(test)]
mod tests {
    use super::super::bands::magnitude;
    use super::*;
    use crate::Random;

    fn near(redshift: f64, seed: u64) -> Event {
        Event { random: Random::new(seed), begins: 60_000.0, redshift, a_v: 0.0 }
    }

    #[test]
    fn core_collapse_is_villars() {
        assert!((villar(0.0, 2.0, 90.0, 15.0, -0.003) - 0.5).abs() < 1e-12);
        assert!((villar(50.0, 2.0, 90.0, 15.0, -0.003) - 0.85).abs() < 1e-9);
        assert!((villar(105.0, 2.0, 90.0, 15.0, -0.003) - 0.73 / std::f64::consts::E).abs() < 1e-9);
        for seed in 0..200 {
            let made = CoreCollapse::draw(&near(0.02, seed));
            if made.kind == Core::Plateau {
                let at = |day: f64| magnitude(made.flux(Band(2), made.start + day * 1.02));
                let (flat, drop) =
                    (at(0.7 * made.plateau) - at(20.0), at(made.plateau + 30.0) - at(0.9 * made.plateau));
                assert!(flat.abs() < 0.8 && drop > 1.2, "{seed}: {flat} {drop}");
            }
        }
    }
}
