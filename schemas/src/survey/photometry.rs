//! Fluxes as surveys quote them, into the fixed point, or the verdict that there is none.

use crate::{Measurement, PicoJansky, Quality};

/// A relative flux error for each magnitude of error: ln 10 / 2.5, from f ∝ 10^(−m/2.5).
const PER_MAGNITUDE: f64 = std::f64::consts::LN_10 / 2.5;

/// AB magnitude of 1 nJy: 8.90 + 22.5 (Oke & Gunn 1983: AB 8.90 is 1 Jy).
const NANOJANSKY_ZERO_POINT: f64 = 31.4;

/// The flux in nJy of a count of 1 at the zero point, or of a source of that AB magnitude.
///
/// With `libm`, not the machine's own: a flux must be the same on every machine.
pub(super) fn nanojansky(magnitude: f64) -> f64 {
    libm::pow(10.0, (NANOJANSKY_ZERO_POINT - magnitude) / 2.5)
}

/// A flux and its error in nJy from a magnitude and its error.
pub(super) fn of_magnitude(magnitude: f64, error: f64) -> (f64, f64) {
    let flux = nanojansky(magnitude);
    (flux, flux * error * PER_MAGNITUDE)
}

/// The three fluxes of a measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fluxes {
    pub flux: PicoJansky,
    pub sigma: PicoJansky,
    pub total: PicoJansky,
}

impl Fluxes {
    /// What stands where there is no usable flux: with [`Quality::NO_FLUX`], or of what was withdrawn.
    pub const NONE: Fluxes = Fluxes { flux: PicoJansky(0), sigma: PicoJansky(0), total: Measurement::NO_TOTAL };

    /// From nJy. Unusable, with the quality that says so, unless the flux is finite and believed and its error is too and
    /// not zero. A total that is absent, not finite or not believed is no total.
    pub fn new(flux_and_error: Option<(f64, f64)>, total: Option<f64>) -> (Fluxes, Quality) {
        let fixed = flux_and_error.and_then(|(flux, error)| {
            let sigma = PicoJansky::from_nanojansky(error).filter(|sigma| sigma.0 > 0)?;
            Some((PicoJansky::from_nanojansky(flux)?, sigma))
        });
        let Some((flux, sigma)) = fixed else { return (Fluxes::NONE, Quality::NO_FLUX) };
        let total = total.and_then(PicoJansky::from_nanojansky).unwrap_or(Measurement::NO_TOTAL);
        (Fluxes { flux, sigma, total }, Quality::GOOD)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// AB 18.9 is 10⁵ nJy; 0.1 mag are 9.2103 %.
    #[test]
    fn magnitudes_become_fluxes() {
        let (flux, error) = of_magnitude(18.9, 0.1);
        assert!((flux - 1e5).abs() < 1e-6 && (error - 9_210.340_371_976).abs() < 1e-6, "{flux} {error}");
        assert!((nanojansky(26.4) - 100.0).abs() < 1e-11);
    }

    #[test]
    fn what_cannot_be_used_is_no_flux() {
        let unusable = [
            None,
            Some((1.0, 0.0)),
            Some((1.0, -1.0)),
            Some((1.0, f64::NAN)),
            Some((f64::INFINITY, 1.0)),
            Some((1e13, 1.0)),
        ];
        for flux in unusable {
            assert_eq!(Fluxes::new(flux, Some(5.0)), (Fluxes::NONE, Quality::NO_FLUX), "{flux:?}");
        }
    }

    #[test]
    fn a_bad_total_spares_the_flux() {
        let (fluxes, quality) = Fluxes::new(Some((-2.0, 0.5)), Some(f64::NAN));
        assert_eq!(quality, Quality::GOOD);
        assert_eq!(fluxes, Fluxes { flux: PicoJansky(-2000), sigma: PicoJansky(500), total: Measurement::NO_TOTAL });
        assert_eq!(Fluxes::new(Some((-2.0, 0.5)), Some(0.0)).0.total, PicoJansky(0));
    }
}
