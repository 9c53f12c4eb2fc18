//! Supernovae, thermonuclear and of collapsing cores.
//!
//! **Ia.** In each rest-frame band a line and two Gaussians in magnitude (the form of Contardo, Leibundgut & Vacca 2000),
//! with the rise of an expanding fireball, f ∝ (t + 17.5 d)² (Riess et al. 1999), smoothly ended; the numbers are our own, made
//! to agree with what a normal supernova does (Δm₁₅(B) = 1.1, a second maximum from i on). Time is stretched by s(x₁) of SALT2
//! (Guy et al. 2007) and by 1 + z; the peak is M_B = −19.1 (AB) − 0.14 x₁ + 3.1 c with 0.1 of scatter (Tripp 1998; Scolnic et al.
//! 2018), colour reddens as dust does. K-correction: magnitudes are interpolated in wavelength between rest-frame bands.
//!
//! **Core collapse.** The form of Villar et al. (2019), eq. 1: F = (A + β (t − t₀)) / (1 + e^{−(t − t₀)/τ_rise}) before t₁ = t₀ + γ,
//! (A + βγ) e^{−(t − t₁)/τ_fall} / (1 + e^{−(t − t₀)/τ_rise}) after; on a black body that cools exponentially to its
//! recombination temperature. Peaks after Richardson et al. (2014), shares after Li et al. (2011): II-P with its plateau,
//! IIn, Ib/c and IIb.

use skydiff_schemas::Band;

use super::bands::{Bands, EFOLD, R, WAVELENGTH, extinction, index, nanojansky, planck};
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
