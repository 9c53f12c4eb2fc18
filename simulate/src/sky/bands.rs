//! Magnitudes, fluxes and colours by band: what all classes need to say how bright they are in a filter.
//!
//! Fluxes are nJy, magnitudes AB (31.4 − 2.5 log₁₀ f), wavelengths µm. Transcendental functions are libm's: results end in
//! packets, which must be the same on every machine.

use skydiff_schemas::Band;

/// A number per band, u to K.
pub(super) type Bands = [f32; 9];

/// Place of r, in which brightness is drawn.
pub(super) const R: usize = 2;

/// Effective wavelengths of u g r i z y J H K, µm.
pub(super) const WAVELENGTH: [f64; 9] = [0.367, 0.483, 0.622, 0.755, 0.869, 0.971, 1.25, 1.65, 2.16];

/// ln 10 / 2.5: magnitudes to e-folds.
pub(super) const EFOLD: f64 = 0.921_034_037_197_618_3;

/// A_band / E(B−V) for R_V = 3.1 (Schlafly & Finkbeiner 2011: LSST u to y, UKIRT J to K).
const REDDENING: [f64; 9] = [4.145, 3.237, 2.273, 1.684, 1.323, 1.088, 0.709, 0.449, 0.302];

/// The same of Landolt V.
const REDDENING_V: f64 = 2.742;

/// Where a band stands in a table; a number that is no band's is taken for the last.
pub(super) fn index(band: Band) -> usize {
    usize::from(band.0).min(8)
}

/// Flux of an AB magnitude, nJy.
pub(super) fn nanojansky(magnitude: f64) -> f64 {
    libm::exp(EFOLD * (31.4 - magnitude))
}

/// AB magnitude of a flux in nJy.
pub(super) fn magnitude(flux: f64) -> f64 {
    31.4 - 2.5 * libm::log10(flux.max(1e-30))
}

/// Extinction in a band for so much in V, magnitudes.
pub(super) fn extinction(a_v: f64, band: usize) -> f64 {
    a_v * REDDENING[band] / REDDENING_V
}

/// Spectral flux density per frequency of a black body of that temperature (K) at a wavelength (µm), up to a constant
/// (Planck 1901: ν³ / (e^{hν/kT} − 1)).
pub(super) fn planck(wavelength: f64, kelvin: f64) -> f64 {
    let x = 14_387.77 / (wavelength * kelvin);
    1.0 / (wavelength * wavelength * wavelength * (libm::exp(x.min(600.0)) - 1.0))
}

/// Fluxes of something of that r magnitude (before extinction), with colours given as magnitudes relative to r.
pub(super) fn coloured(r: f64, colours: &[f64; 9], a_v: f64) -> Bands {
    std::array::from_fn(|band| nanojansky(r + colours[band] - colours[R] + extinction(a_v, band)) as f32)
}

/// Fluxes of a black body of that temperature and r magnitude (before extinction).
pub(super) fn thermal(r: f64, kelvin: f64, a_v: f64) -> Bands {
    let at_r = planck(WAVELENGTH[R], kelvin);
    std::array::from_fn(|band| {
        let ratio = planck(WAVELENGTH[band], kelvin) / at_r;
        (ratio * nanojansky(r + extinction(a_v, band))) as f32
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn magnitudes_fluxes_and_colours_are_the_textbooks() {
        assert!((nanojansky(31.4) - 1.0).abs() < 1e-12 && (nanojansky(21.4) - 10_000.0).abs() < 1e-6);
        assert!((magnitude(nanojansky(20.5)) - 20.5).abs() < 1e-9);
        // Wien: the Sun's peak of B_ν is at 5099 µm K.
        let peak = 5099.4 / 5772.0;
        assert!(
            planck(peak, 5772.0) > planck(peak * 0.97, 5772.0) && planck(peak, 5772.0) > planck(peak * 1.03, 5772.0)
        );
        // A hot star is blue, a cool one red, and dust reddens.
        let (hot, cool) = (thermal(18.0, 20_000.0, 0.0), thermal(18.0, 3_500.0, 0.0));
        assert!(hot[1] > hot[R] && cool[1] < cool[R] && (hot[R] - cool[R]).abs() < 1.0);
        let dusty = thermal(18.0, 20_000.0, 1.0);
        assert!(dusty[1] / hot[1] < dusty[R] / hot[R] && dusty[8] / hot[8] > 0.9);
    }
}
