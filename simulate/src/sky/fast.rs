//! Fast transients, of minutes to days: what the shortest timescales are for.
//!
//! - Afterglows: a broken power law that rises as t² within minutes and falls as t^−α, steeper after the jet's break
//!   (the smooth joint of Beuermann et al. 1999; Sari, Piran & Halpern 1999), spectrum ν^−0.75: hours.
//! - Kilonovae: luminosity of radioactive heating, t^−1.3 after the peak (Metzger et al. 2010), on a black body that cools from
//!   blue to red within days as GW170817's did (Drout et al. 2017; Villar et al. 2017): days.
//! - Fast blue transients (Drout et al. 2014), on the form of Bazin et al. (2009), e^{−(t − t₀)/τ_fall} / (1 + e^{−(t − t₀)/τ_rise}), hot
//!   throughout: a week.
//!
//! They are drawn by apparent magnitude at the peak and far more often than nature has them: otherwise there were none to
//! test with.

use skydiff_schemas::Band;

use super::bands::{Bands, R, WAVELENGTH, extinction, index, nanojansky, planck};
use super::{Event, Life, Parameters};

/// Which.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// Days to the peak, slope after it, days to the jet's break.
    Afterglow { rise: f64, slope: f64, jet: f64 },
    /// Days to the peak.
    Kilonova { rise: f64 },
    /// τ_rise and τ_fall in days.
    Blue { rise: f64, fall: f64 },
}

/// A fast transient.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fast {
    life: Life,
    kind: Kind,
    begins: f64,
    redshift: f64,
    /// Flux in r at the peak, and its dust in the other bands.
    base: Bands,
}

/// Absolute magnitude at the peak in r for a share of the draws: which kind the stream draws first.
pub(super) fn absolute(event: &Event) -> f64 {
    let mut random = event.random;
    let pick = random.unit();
    let gauss = random.gauss().clamp(-2.5, 2.5);
    if pick < AFTERGLOWS {
        -24.5 + 1.2 * gauss
    } else if pick < KILONOVAE {
        -16.0 + 0.6 * gauss
    } else {
        -19.0 + 0.9 * gauss
    }
}

/// Rise times from the beginning to t₀ of Bazin's form.
const EARLY: f64 = 7.0;

/// Shares of the kinds, summed up.
const AFTERGLOWS: f64 = 0.6;
const KILONOVAE: f64 = 0.8;

impl Fast {
    /// Of that peak magnitude in r, before extinction.
    pub fn draw(event: &Event, magnitude: f64) -> Fast {
        let mut random = event.random;
        let pick = random.unit();
        let mut random = random.of(1, 0);
        let (kind, last) = if pick < AFTERGLOWS {
            let rise = 0.002 * libm::exp(0.8 * random.gauss().clamp(-2.0, 2.0));
            (Kind::Afterglow { rise, slope: random.between(0.8, 1.3), jet: random.between(0.15, 1.0) }, 5.0)
        } else if pick < KILONOVAE {
            (Kind::Kilonova { rise: random.between(0.3, 0.8) }, 20.0)
        } else {
            let rise = random.between(0.3, 1.0);
            (Kind::Blue { rise, fall: random.between(3.0, 6.0) }, 45.0)
        };
        Fast {
            life: Life::new(event.begins, event.begins + last),
            kind,
            begins: event.begins,
            redshift: event.redshift,
            base: std::array::from_fn(|band| nanojansky(magnitude + extinction(event.a_v, band)) as f32),
        }
    }

    /// nJy.
    pub fn flux(&self, band: Band, mjd: f64) -> f64 {
        let share = self.life.share(mjd);
        if share <= 0.0 {
            return 0.0;
        }
        let band = index(band);
        let age = (mjd - self.begins).max(1e-9);
        let light = match self.kind {
            Kind::Afterglow { rise, slope, jet } => {
                // 1 at the peak, nearly.
                let (x, late) = (age / rise, age / jet);
                let rise_and_fall = 2.0 / (1.0 / (x * x) + libm::pow(x, slope));
                rise_and_fall / (1.0 + late * libm::sqrt(late)) * libm::pow(WAVELENGTH[band] / WAVELENGTH[R], 0.75)
            }
            Kind::Kilonova { rise } => {
                let x = age / rise;
                let kelvin = 2_500.0 + 9_000.0 * libm::exp(-age / 1.5);
                // Luminosity spread over a black body: L B_ν(T) / T⁴, in units of the peak's.
                let spread = |wavelength: f64, kelvin: f64| {
                    let per = kelvin / 8_000.0;
                    planck(wavelength, kelvin) / (per * per * per * per)
                };
                let hot = 2_500.0 + 9_000.0 * libm::exp(-rise / 1.5);
                2.0 / (1.0 / (x * x) + libm::pow(x, 1.3)) * spread(WAVELENGTH[band], kelvin)
                    / spread(WAVELENGTH[R], hot)
            }
            Kind::Blue { rise, fall } => {
                let t = age - EARLY * rise;
                let kelvin = 11_000.0 + 14_000.0 * libm::exp(-age / 8.0);
                let colour = planck(WAVELENGTH[band], kelvin) / planck(WAVELENGTH[R], kelvin);
                bazin(t, rise, fall) / bazin(rise * libm::log((fall / rise - 1.0).max(0.1)), rise, fall) * colour
            }
        };
        share * f64::from(self.base[band]) * light
    }

    pub fn lifetime(&self) -> (f64, f64) {
        self.life.interval()
    }

    /// Of greatest light, MJD.
    pub fn peak(&self) -> f64 {
        self.begins
            + match self.kind {
                Kind::Afterglow { rise, .. } | Kind::Kilonova { rise } => rise,
                Kind::Blue { rise, fall } => rise * (EARLY + libm::log((fall / rise - 1.0).max(0.1))),
            }
    }

    pub fn parameters(&self, to: &mut Parameters) {
        let (afterglow, kilonova) =
            (matches!(self.kind, Kind::Afterglow { .. }), matches!(self.kind, Kind::Kilonova { .. }));
        to.push(("type_afterglow", f64::from(u8::from(afterglow))));
        to.push(("type_kilonova", f64::from(u8::from(kilonova))));
        to.push(("peak_mjd", self.peak()));
        to.push(("redshift", self.redshift));
        match self.kind {
            Kind::Afterglow { rise, slope, jet } => {
                to.extend([("rise_d", rise), ("slope", slope), ("jet_break_d", jet)])
            }
            Kind::Kilonova { rise } => to.push(("rise_d", rise)),
            Kind::Blue { rise, fall } => to.extend([("rise_d", rise), ("fall_d", fall)]),
        }
    }
}

/// Bazin's form.
fn bazin(t: f64, rise: f64, fall: f64) -> f64 {
    libm::exp(-t / fall) / (1.0 + libm::exp((-t / rise).min(300.0)))
}

#[cfg(test)]
mod tests {
    use super::super::bands::magnitude;
    use super::*;
    use crate::Random;

    #[test]
    fn peaks_are_at_the_magnitude_and_the_fall_is_fast() {
        assert!((bazin(0.0, 1.0, 5.0) - 0.5).abs() < 1e-12);
        let mut kinds = [0; 3];
        for seed in 0..300 {
            let event = Event { random: Random::new(seed), begins: 60_000.0, redshift: 0.1, a_v: 0.0 };
            let made = Fast::draw(&event, 18.0);
            let at = |days: f64| magnitude(made.flux(Band(2), made.peak() + days));
            assert!((at(0.0) - 18.0).abs() < 0.25, "{seed} {:?}: {}", made.kind, at(0.0));
            match made.kind {
                Kind::Afterglow { .. } => {
                    kinds[0] += 1;
                    assert!(at(0.1) > 19.5, "{seed}: {}", at(0.1));
                }
                Kind::Kilonova { .. } => {
                    kinds[1] += 1;
                    let colour = |days: f64| magnitude(made.flux(Band(1), made.peak() + days)) - at(days);
                    assert!(at(4.0) > 19.5 && colour(3.0) > colour(0.0) + 0.7, "{seed}: {} {}", at(4.0), colour(3.0));
                }
                Kind::Blue { .. } => {
                    kinds[2] += 1;
                    assert!(at(12.0) > 19.5 && at(12.0) < 24.0, "{seed}: {}", at(12.0));
                }
            }
        }
        assert!(kinds[0] > 140 && kinds[1] > 30 && kinds[2] > 30, "{kinds:?}");
    }
}
