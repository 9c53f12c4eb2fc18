//! Galaxies that things happen in, and how far away a redshift is.
//!
//! Flat ΛCDM, H₀ = 70 km/s/Mpc, Ω_m = 0.3. Hosts: absolute magnitudes about M_r = −20.7 as light-weighted galaxies have, an
//! exponential disc, and what happens follows the light except for nuclei. Only what brokers look at: distance,
//! magnitude, redshift, and the light that lies under a point source.

use crate::Random;

use super::bands::{Bands, R, coloured, magnitude};

/// c / H₀ in Mpc.
const HUBBLE: f64 = 4_282.7;
const MATTER: f64 = 0.3;

/// H(z) / H₀.
fn expansion(z: f64) -> f64 {
    libm::sqrt(MATTER * (1.0 + z) * (1.0 + z) * (1.0 + z) + 1.0 - MATTER)
}

/// Comoving distance in Mpc (Simpson's rule).
pub(super) fn comoving(z: f64) -> f64 {
    let (n, z) = (16, z.max(0.0));
    let h = z / f64::from(n);
    let sum: f64 = (0..=n)
        .map(|i| {
            let weight = if i == 0 || i == n {
                1.0
            } else if i % 2 == 1 {
                4.0
            } else {
                2.0
            };
            weight / expansion(h * f64::from(i))
        })
        .sum();
    HUBBLE * sum * h / 3.0
}

/// Comoving volume per redshift and square degree, Mpc³.
pub(super) fn volume(z: f64) -> f64 {
    let distance = comoving(z);
    HUBBLE * distance * distance / expansion(z) / 3_282.806
}

/// Distance modulus, magnitudes.
pub(super) fn modulus(z: f64) -> f64 {
    5.0 * libm::log10((comoving(z) * (1.0 + z)).max(1e-6)) + 25.0
}

/// A host galaxy.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Host {
    /// Redshift.
    pub redshift: f64,
    /// r magnitude, extinction included.
    pub magnitude: f64,
    /// Distance of its centre from what happens in it, arcsec.
    pub offset: f64,
    /// Light under the point source, nJy.
    pub under: Bands,
}

impl Host {
    /// Rest-frame colours of a spiral relative to r (Fukugita, Shimasaku & Ichikawa 1995, Sbc).
    const COLOURS: [f64; 9] = [1.9, 0.65, 0.0, -0.35, -0.6, -0.7, -0.95, -1.2, -1.0];

    /// Of something at that redshift, `nuclear` or out in the disc, behind that much dust.
    pub fn draw(mut random: Random, redshift: f64, nuclear: bool, a_v: f64) -> Host {
        let absolute = -20.7 + 1.0 * random.gauss().clamp(-2.5, 2.5);
        // Redder with redshift, by the K-correction of an Sbc galaxy: about a magnitude in r per unit of redshift.
        let r = absolute + modulus(redshift) + redshift;
        let arcsec_per_kpc = 206.265 * (1.0 + redshift) / comoving(redshift).max(1e-3);
        // An exponential disc whose size goes with the light (Shen et al. 2003: R ∝ L^0.26 or so).
        let scale = (2.8 * libm::exp(-0.25 * (absolute + 20.7)) * arcsec_per_kpc).clamp(0.05, 20.0);
        // Radius of the light in an exponential disc: a gamma variate of shape 2.
        let offset = if nuclear { 0.08 * random.unit() } else { scale * (random.exponential() + random.exponential()) };
        // The share of the disc that a point source's aperture of 1.5 arcsec sees there.
        let central = 1.5 * 1.5 / (2.0 * scale * scale + 1.5 * 1.5);
        let share = central * libm::exp(-offset / scale.max(0.7));
        let light = coloured(r, &Self::COLOURS, a_v);
        Host {
            redshift,
            magnitude: magnitude(f64::from(light[R])),
            offset,
            under: light.map(|flux| flux * share as f32),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_the_calculators() {
        // Wright's cosmology calculator for H0 = 70, Ωm = 0.3, flat.
        for (z, mpc) in [(0.1, 418.5), (0.5, 1888.6), (1.0, 3303.8), (2.0, 5179.9)] {
            assert!((comoving(z) / mpc - 1.0).abs() < 2e-3, "{z}: {}", comoving(z));
        }
        assert!((modulus(0.1) - 38.315).abs() < 0.01);
        // 28.0 Gpc³ to z = 0.5 over the whole sky.
        let whole: f64 = (0..500).map(|i| volume((f64::from(i) + 0.5) * 1e-3) * 1e-3).sum::<f64>() * 41_253.0;
        assert!((whole / 28.2e9 - 1.0).abs() < 0.02, "{whole}");
    }

    #[test]
    fn hosts_are_near_and_dim_with_distance() {
        let mean = |z: f64| (0..500).map(|n| Host::draw(Random::new(n), z, false, 0.1).magnitude).sum::<f64>() / 500.0;
        assert!(mean(0.05) < 17.5 && mean(0.05) > 15.0 && mean(0.5) > 20.0, "{} {}", mean(0.05), mean(0.5));
        for n in 0..500 {
            let host = Host::draw(Random::new(n), 0.1, n % 2 == 0, 0.1);
            assert!(host.offset >= 0.0 && host.offset < 60.0 && host.under.iter().all(|flux| flux.is_finite()));
        }
    }
}
