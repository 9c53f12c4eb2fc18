//! Active galactic nuclei: a damped random walk in magnitude.
//!
//! Kelly, Bechtold & Siemiginowska (2009) with the amplitudes and times of MacLeod et al. (2010), equation 7 and table 1:
//! log f = A + B log(λ_rest / 4000 Å) + C (M_i + 23) + D log(M_BH / 10⁹ M_☉), for SF∞ (−0.51, −0.479, 0.131, 0.18) and for τ
//! in days at rest (2.4, 0.17, 0.03, 0.21). All bands follow one walk, the blue ones more widely.

use skydiff_schemas::Band;

use crate::Random;

use super::Parameters;
use super::bands::{Bands, EFOLD, R, WAVELENGTH, coloured, index};
use super::host;
use super::walk::Walk;

/// Magnitudes relative to r, of quasars between z = 0.5 and 2.
const COLOURS: [f64; 9] = [0.45, 0.2, 0.0, -0.08, -0.12, -0.15, -0.3, -0.5, -0.9];

/// An AGN, without its host.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Agn {
    walk: Walk,
    /// Standard deviation in r, magnitudes.
    sigma: f64,
    /// Standard deviation of a band relative to that in r.
    ratio: Bands,
    /// Flux at mean magnitude.
    base: Bands,
    redshift: f64,
}

impl Agn {
    /// Of that mean r magnitude (before extinction) and redshift.
    pub fn draw(mut random: Random, magnitude: f64, redshift: f64, a_v: f64) -> Agn {
        let absolute = (magnitude - host::modulus(redshift)).clamp(-30.0, -15.0);
        // The mass that goes with a luminosity: mean 2.0 − 0.27 M_i, scatter 0.58 + 0.011 M_i in the logarithm.
        let mass = 2.0 - 0.27 * absolute + (0.58 + 0.011 * absolute) * random.gauss();
        let wavelength = libm::log10(WAVELENGTH[R] / (1.0 + redshift) / 0.4);
        let law = |a: f64, b: f64, c: f64, d: f64| {
            libm::pow(10.0, a + b * wavelength + c * (absolute + 23.0) + d * (mass - 9.0))
        };
        let infinite = law(-0.51, -0.479, 0.131, 0.18) * libm::exp(0.25 * random.gauss());
        let tau = law(2.4, 0.17, 0.03, 0.21) * libm::exp(0.4 * random.gauss()) * (1.0 + redshift);
        Agn {
            walk: Walk::new(random.of(1, 0), tau.clamp(10.0, 5_000.0)),
            sigma: (infinite / std::f64::consts::SQRT_2).clamp(0.02, 0.6),
            ratio: std::array::from_fn(|band| libm::pow(WAVELENGTH[band] / WAVELENGTH[R], -0.479) as f32),
            base: coloured(magnitude, &COLOURS, a_v),
            redshift,
        }
    }

    /// nJy.
    pub fn flux(&self, band: Band, mjd: f64) -> f64 {
        let band = index(band);
        let offset = self.sigma * f64::from(self.ratio[band]) * self.walk.at(mjd);
        f64::from(self.base[band]) * libm::exp(-EFOLD * offset)
    }

    /// Time average, nJy: that of a log-normal.
    pub fn mean(&self, band: Band) -> f64 {
        let band = index(band);
        let size = EFOLD * self.sigma * f64::from(self.ratio[band]);
        f64::from(self.base[band]) * libm::exp(size * size / 2.0)
    }

    /// How far above its mean it gets at 2.5 standard deviations, as a share, in r.
    pub fn swing(&self) -> f64 {
        libm::exp(EFOLD * 2.5 * self.sigma) - 1.0
    }

    pub fn parameters(&self, to: &mut Parameters) {
        to.push(("redshift", self.redshift));
        to.push(("damping_time_d", self.walk.tau));
        to.push(("structure_function_r_mag", self.sigma * std::f64::consts::SQRT_2));
    }
}

#[cfg(test)]
mod tests {
    use super::super::bands::magnitude;
    use super::*;

    #[test]
    fn the_structure_function_reaches_what_macleod_says() {
        // Of one AGN's own law: SF(Δt) = SF∞ √(1 − e^{−Δt/τ}), MacLeod et al. 2010, equation 3.
        for lag in [0.3, 1.0, 15.0] {
            let (mut ratio, n) = (0.0, 4_000);
            for seed in 0..n {
                let agn = Agn::draw(Random::new(seed), 19.0, 1.0, 0.1);
                let at = |mjd: f64| magnitude(agn.flux(Band(2), mjd));
                let change =
                    (at(59_000.0 + lag * agn.walk.tau) - at(59_000.0)) / (agn.sigma * std::f64::consts::SQRT_2);
                ratio += change * change / n as f64;
            }
            assert!((ratio / (1.0 - libm::exp(-lag)) - 1.0).abs() < 0.1, "{lag}: {ratio}");
        }
    }

    #[test]
    fn amplitudes_and_times_are_those_of_quasars() {
        let (mut infinite, mut tau) = (Vec::new(), Vec::new());
        for seed in 0..999 {
            let agn = Agn::draw(Random::new(seed), 19.0, 1.0, 0.1);
            infinite.push(agn.sigma * std::f64::consts::SQRT_2);
            tau.push(agn.walk.tau / 2.0);
            assert!((f64::from(agn.ratio[1] / agn.ratio[R]) - libm::pow(0.483 / 0.622, -0.479)).abs() < 1e-3);
        }
        infinite.sort_by(f64::total_cmp);
        tau.sort_by(f64::total_cmp);
        // MacLeod et al. 2010: about 0.2 magnitudes, and about 200 days at rest.
        assert!(infinite[499] > 0.1 && infinite[499] < 0.3, "{}", infinite[499]);
        assert!(tau[499] > 100.0 && tau[499] < 400.0, "{}", tau[499]);
    }
}
