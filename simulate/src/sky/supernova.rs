//! Thermonuclear supernovae, type Ia.
//!
//! In each rest-frame band a line and two Gaussians in magnitude (the form of Contardo, Leibundgut & Vacca 2000), with the
//! rise of an expanding fireball, f ∝ (t + 17.5 d)² (Riess et al. 1999), smoothly ended; the numbers are our own, made to agree
//! with what a normal supernova does (Δm₁₅(B) = 1.1, a second maximum from i on). Time is stretched by s(x₁) of SALT2 (Guy et
//! al. 2007) and by 1 + z; the peak is M_B = −19.1 (AB) − 0.14 x₁ + 3.1 c with 0.1 of scatter (Tripp 1998; Scolnic et al. 2018),
//! colour reddens as dust does. K-correction: magnitudes are interpolated in wavelength between rest-frame bands.

use skydiff_schemas::Band;

use super::bands::{Bands, EFOLD, WAVELENGTH, extinction, index, nanojansky};
use super::host::modulus;
use super::{Event, Life, Parameters};

/// Of a rest-frame band: magnitude at peak relative to B's, then relative to that peak the line's height, its slope
/// (mag/d), the time of the peak after B's, its width (d), and depth, time and width of the second.
struct Curve {
    colour: f64,
    height: f64,
    slope: f64,
    at: f64,
    width: f64,
    second: (f64, f64, f64),
}

const fn curve(colour: f64, height: f64, slope: f64, at: f64, width: f64, second: (f64, f64, f64)) -> Curve {
    Curve { colour, height, slope, at, width, second }
}

const TYPE_IA: [Curve; 9] = [
    curve(0.45, 3.20, 0.020, -2.0, 15.0, (0.0, 0.0, 1.0)),
    curve(-0.10, 2.10, 0.018, 0.0, 19.7, (0.0, 0.0, 1.0)),
    curve(0.05, 0.95, 0.026, 1.0, 14.0, (0.45, 24.0, 8.0)),
    curve(0.60, 0.45, 0.030, -2.5, 10.0, (0.95, 26.0, 8.0)),
    curve(0.65, 0.40, 0.030, -3.0, 9.0, (1.00, 27.0, 8.0)),
    curve(0.90, 0.50, 0.030, -3.0, 9.0, (1.20, 28.0, 8.0)),
    curve(1.50, 1.40, 0.032, -4.0, 8.0, (1.50, 28.0, 9.0)),
    curve(2.30, 0.50, 0.030, -4.0, 8.0, (0.95, 26.0, 9.0)),
    curve(2.70, 0.60, 0.030, -4.0, 8.0, (0.90, 26.0, 9.0)),
];

impl Curve {
    /// Magnitudes relative to B's peak, before the fireball's part; days from B's peak.
    fn at(&self, phase: f64) -> f64 {
        let gauss = |x: f64| libm::exp(-0.5 * x * x);
        let (depth, when, wide) = self.second;
        let (age, line) = (phase - self.at, self.height * (1.0 - gauss((phase - self.at) / self.width)));
        let second = if depth > 0.0 { depth * gauss((phase - when) / wide) } else { 0.0 };
        self.colour + line + self.slope * age - second
    }
}

/// Days from the explosion to B's maximum (Riess et al. 1999: 19.5; Hayden et al. 2010: 17.4).
const RISE: f64 = 17.5;

/// A thermonuclear supernova.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ia {
    life: Life,
    /// Of maximum in B.
    peak: f64,
    redshift: f64,
    x1: f64,
    c: f64,
    stretch: f64,
    /// Flux of the magnitude of B's peak in each band, with dust and colour.
    base: Bands,
}

impl Ia {
    pub fn draw(event: &Event) -> Ia {
        let mut random = event.random;
        let x1: f64 = random.gauss().clamp(-3.0, 3.0);
        let c = (-0.05 + 0.06 * random.gauss() + 0.06 * random.exponential()).clamp(-0.25, 0.5);
        let stretch = 0.98 + 0.091 * x1 + 0.003 * x1 * x1 - 0.000_75 * x1 * x1 * x1;
        let absolute = -19.1 - 0.14 * x1 + 3.1 * c + 0.1 * random.gauss();
        let dilation = 1.0 + event.redshift;
        let apparent = absolute + modulus(event.redshift) - 2.5 * libm::log10(dilation);
        let peak = event.begins + RISE * stretch * dilation;
        Ia {
            life: Life::new(event.begins, peak + 220.0 * stretch * dilation),
            peak,
            redshift: event.redshift,
            x1,
            c,
            stretch,
            base: std::array::from_fn(|band| {
                // The colour's law at rest: R_B = 4.1 is in the magnitude already.
                let redder = c * (3.1 * extinction(1.0, nearest(WAVELENGTH[band] / dilation)) - 4.1);
                nanojansky(apparent + redder + extinction(event.a_v, band)) as f32
            }),
        }
    }

    /// nJy.
    pub fn flux(&self, band: Band, mjd: f64) -> f64 {
        let share = self.life.share(mjd);
        if share <= 0.0 {
            return 0.0;
        }
        let band = index(band);
        let phase = (mjd - self.peak) / (self.stretch * (1.0 + self.redshift));
        let age = (phase + RISE) / 8.75;
        let fireball = 1.0 - libm::exp(-age * age);
        let wavelength = WAVELENGTH[band] / (1.0 + self.redshift);
        let offset = if wavelength <= WAVELENGTH[0] {
            // Iron blankets the ultraviolet.
            TYPE_IA[0].at(phase) + 18.0 * (WAVELENGTH[0] - wavelength)
        } else {
            let right = WAVELENGTH.iter().position(|known| *known >= wavelength).unwrap_or(8).max(1);
            let within = (wavelength - WAVELENGTH[right - 1]) / (WAVELENGTH[right] - WAVELENGTH[right - 1]);
            (1.0 - within) * TYPE_IA[right - 1].at(phase) + within * TYPE_IA[right].at(phase)
        };
        share * fireball * f64::from(self.base[band]) * libm::exp(-EFOLD * offset)
    }

    pub fn lifetime(&self) -> (f64, f64) {
        self.life.interval()
    }

    /// Of greatest light, MJD.
    pub fn peak(&self) -> f64 {
        self.peak
    }

    pub fn parameters(&self, to: &mut Parameters) {
        to.push(("peak_mjd", self.peak));
        to.push(("redshift", self.redshift));
        to.push(("stretch_x1", self.x1));
        to.push(("colour_c", self.c));
    }
}

/// The band nearest to a wavelength.
fn nearest(wavelength: f64) -> usize {
    (0..9).rev().find(|band| WAVELENGTH[*band] * 0.93 <= wavelength).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::super::bands::magnitude;
    use super::*;
    use crate::Random;

    fn near(redshift: f64, seed: u64) -> Event {
        Event { random: Random::new(seed), begins: 60_000.0, redshift, a_v: 0.0 }
    }

    /// Of a normal supernova: magnitudes from B's peak at so many days from it.
    fn normal(band: u8, day: f64) -> f64 {
        let mut made = Ia::draw(&near(0.001, 1));
        (made.stretch, made.base) = (1.0, [1e6; 9]);
        made.peak = 60_000.0 + RISE * 1.001;
        made.life = Life::new(60_000.0, 60_300.0);
        magnitude(made.flux(Band(band), made.peak + day * 1.001))
    }

    #[test]
    fn a_normal_type_ia_fades_as_they_do() {
        let fifteen = normal(1, 15.0) - normal(1, 0.0);
        assert!(fifteen > 0.65 && fifteen < 0.95, "Δm15(g) {fifteen}");
        let u = normal(0, 15.0) - normal(0, -1.0);
        assert!(u > 1.3 && u < 2.1, "Δm15(u) {u}");
        // A second maximum in i about 24 days after the first, none in g.
        assert!(normal(3, 14.0) > normal(3, 24.0) + 0.05 && normal(3, 40.0) > normal(3, 24.0) + 0.5);
        assert!((0..60).all(|day| normal(1, f64::from(day) + 1.0) > normal(1, f64::from(day)) - 0.01));
        // t² early: four times the flux at twice the age, nearly.
        let early = normal(1, -16.5) - normal(1, -15.5);
        assert!((early - 1.5).abs() < 0.35, "{early}");
    }

    #[test]
    fn type_ia_are_standard_candles_and_dilated() {
        let mut peaks: Vec<f64> = (0..400)
            .map(|seed| Ia::draw(&near(0.05, seed)))
            .map(|made| magnitude(made.flux(Band(1), made.peak)))
            .collect();
        peaks.sort_by(f64::total_cmp);
        // M about −19.1 and modulus 36.73.
        assert!((peaks[200] - 17.55).abs() < 0.3, "{}", peaks[200]);
        assert!(peaks[340] - peaks[60] < 1.0, "{}", peaks[340] - peaks[60]);
        let (close, far) = (Ia::draw(&near(0.01, 7)), Ia::draw(&near(0.5, 7)));
        assert!(((far.peak - 60_000.0) / (close.peak - 60_000.0) - 1.5 / 1.01).abs() < 1e-9);
        assert!(
            (magnitude(far.flux(Band(3), far.peak)) - magnitude(close.flux(Band(1), close.peak)) - 9.1).abs() < 0.7
        );
    }
}
