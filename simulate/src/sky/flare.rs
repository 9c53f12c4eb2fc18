//! Flare stars: M dwarfs that flare now and then.
//!
//! The shape is the template of Davenport et al. (2014), with t in units of the full width at half maximum: rise from −1 to
//! 0, 1 + 1.941 t − 0.175 t² − 2.246 t³ − 1.125 t⁴; fall, 0.6890 e^{−1.600 t} + 0.3030 e^{−0.2783 t}. Peaks are a power law in
//! amplitude as energies are (Lacy, Moffett & Evans 1976), durations grow with energy as E^0.39 (Hawley et al. 2014); the light
//! is a black body of 10,000 K (Kowalski et al. 2013) on a red star, so that flares are larger the bluer the band. Flares
//! come by Poisson's law in slots of a day by a hash of the day: whether there was one does not depend on having asked.

use skydiff_schemas::Band;

use crate::Random;

use super::bands::{Bands, R, WAVELENGTH, coloured, extinction, index, nanojansky, planck};
use super::{Parameters, Star};

/// Magnitudes relative to r of an M4 dwarf, AB (after Davenport et al. 2014b's stellar locus).
const COLOURS: [f64; 9] = [4.0, 1.48, 0.0, -1.55, -2.35, -2.7, -3.2, -3.1, -2.8];

/// Flares of a day that are looked at.
const MOST: u64 = 4;

/// Widths after the peak at which nothing is left.
const LAST: f64 = 20.0;

/// Longest full width at half maximum, days.
const WIDEST: f64 = 0.04;

/// A flare star.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct FlareStar {
    random: Random,
    /// Flares a day above the least.
    rate: f64,
    /// e^−rate.
    none: f64,
    /// Peak of the least flare relative to the star in g.
    least: f64,
    quiet: Bands,
    /// The spectrum of flares: the flux in a band of one as bright as the star in g.
    hot: Bands,
}

impl FlareStar {
    /// Draws one of spectral type about M4.
    pub fn draw(star: &Star) -> FlareStar {
        let mut random = star.random;
        let r = 11.0 + 1.1 * random.gauss() + star.modulus;
        let quiet = coloured(r, &COLOURS, star.a_v);
        let g = nanojansky(r + COLOURS[1]);
        let hot = std::array::from_fn(|band| {
            let ratio = planck(WAVELENGTH[band], 10_000.0) / planck(WAVELENGTH[1], 10_000.0);
            (g * ratio * nanojansky(31.4 + extinction(star.a_v, band))) as f32
        });
        let rate = (0.5 * libm::exp(0.8 * random.gauss())).clamp(0.05, 2.5);
        FlareStar { random: random.of(1, 0), rate, none: libm::exp(-rate), least: 0.15, quiet, hot }
    }

    /// nJy.
    pub fn flux(&self, band: Band, mjd: f64) -> f64 {
        let band = index(band);
        let day = libm::floor(mjd);
        let light = self.light(day, mjd) + self.light(day - 1.0, mjd);
        f64::from(self.quiet[band]) + f64::from(self.hot[band]) * light
    }

    /// Light of the flares that peaked on that day, in units of the star's own in g.
    fn light(&self, day: f64, mjd: f64) -> f64 {
        let mut random = self.random.of(1, day as i64 as u64);
        let (mut product, mut light) = (random.unit(), 0.0);
        for _ in 0..MOST {
            if product <= self.none {
                break;
            }
            let (peak, height, width) = self.draw_flare(day, &mut random);
            let age = (mjd - peak) / width;
            if age > -1.0 && age < LAST {
                light += height * template(age);
            }
            product *= random.unit();
        }
        light
    }

    /// Time of peak, height and width in days of a flare of that day.
    fn draw_flare(&self, day: f64, random: &mut Random) -> (f64, f64, f64) {
        // N(> height) ∝ height^-1, at most a thousand times the least.
        let height = self.least / (1.0 - random.unit()).max(1e-3);
        let width = 0.004 * libm::sqrt(height / self.least) * (0.6 + 0.8 * random.unit());
        // Its rise is on its day too.
        (day + WIDEST + (1.0 - WIDEST) * random.unit(), height, width.min(WIDEST))
    }

    /// Flux in quiescence, nJy.
    pub fn mean(&self, band: Band) -> f64 {
        f64::from(self.quiet[index(band)])
    }

    /// How far a rare flare exceeds the star, as a share of it, in r.
    pub fn swing(&self) -> f64 {
        f64::from(self.hot[R] / self.quiet[R]) * self.least * 30.0
    }

    pub fn parameters(&self, to: &mut Parameters) {
        to.push(("flares_per_d", self.rate));
        to.push(("least_flare_g", self.least));
    }
}

/// Davenport's flare, 1 at its peak, at a time in widths.
fn template(t: f64) -> f64 {
    if t <= -1.0 || t >= LAST {
        0.0
    } else if t < 0.0 {
        (1.0 + t * (1.941 + t * (-0.175 + t * (-2.246 - 1.125 * t)))).max(0.0)
    } else {
        // Both exponentials from one: e^{-1.6 t} is (e^{-0.2783 t})^5.749.
        0.6890 * libm::exp(-1.600 * t) + 0.3030 * libm::exp(-0.2783 * t)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_is_davenports() {
        assert!((template(0.0) - 0.992).abs() < 1e-12);
        assert!((template(-0.5) - 0.196_19).abs() < 1e-4, "{}", template(-0.5));
        assert!((template(1.0) - (0.689 * 0.201_897 + 0.303 * 0.757_07)).abs() < 1e-5);
        assert_eq!((template(-1.0), template(25.0)), (0.0, 0.0));
    }

    #[test]
    fn flares_come_as_often_as_the_rate_and_are_blue() {
        let (mut flaring, mut expected) = (0.0, 0.0);
        for seed in 0..40 {
            let star = FlareStar::draw(&Star { random: Random::new(seed), modulus: 7.0, a_v: 0.0 });
            for day in 0..300 {
                let day = f64::from(day) + 58_000.0;
                let most = (0..400).map(|at| star.light(day, day + f64::from(at) / 400.0)).fold(0.0, f64::max);
                flaring += f64::from(u8::from(most > 0.03));
                expected += 1.0 - star.none;
            }
            let (quiet_u, quiet_i) = (star.mean(Band(0)), star.mean(Band(3)));
            let light = f64::from(star.hot[0]) / quiet_u;
            assert!(light > 20.0 * f64::from(star.hot[3]) / quiet_i, "{light}");
        }
        let share: f64 = flaring / expected;
        assert!((share - 1.0).abs() < 0.05, "{share}");
    }
}
