//! Dwarf novae: a faint blue binary that bursts again and again.
//!
//! Outbursts come once in a recurrence time, displaced within it by a hash of their number. Their amplitude follows
//! Kukarkin & Parenago's relation (A = 0.70 + 1.90 log T, Warner 1995), their fall the one of Bailey (1975), τ_d =
//! 0.53 P_orb[h]^0.84 d/mag (Warner 1995); they rise three times as fast. Of a system below the period gap (SU UMa)
//! each sixth or so is a superoutburst: a precursor, then a plateau that sinks by 0.1 mag/d, half a magnitude brighter and
//! two weeks long. In quiescence it flickers with a damped walk.

use skydiff_schemas::Band;

use crate::Random;

use super::bands::{Bands, EFOLD, index, thermal};
use super::walk::Walk;
use super::{Parameters, Star};

/// A dwarf nova.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cataclysmic {
    random: Random,
    /// Days between outbursts, on average.
    recurrence: f64,
    /// Magnitudes, r.
    amplitude: f64,
    /// Days of plateau.
    plateau: f64,
    /// Days per magnitude.
    fall: f64,
    /// Hours.
    orbit: f64,
    /// One of so many outbursts is a superoutburst; 0 for none.
    supers: u64,
    flicker: Walk,
    /// Fluxes in quiescence, and of the same r flux in outburst.
    quiet: Bands,
    hot: Bands,
}

impl Cataclysmic {
    /// Draws one; quiescent absolute magnitude about 9.5 in r (after Pala et al. 2020).
    pub fn draw(star: &Star) -> Cataclysmic {
        let mut random = star.random;
        let short = random.chance(0.6);
        let orbit = if short { random.between(1.3, 2.1) } else { random.between(3.0, 8.0) };
        let recurrence = libm::pow(10.0, 1.6 + 0.45 * random.gauss()).clamp(9.0, 500.0);
        let amplitude = (0.70 + 1.90 * libm::log10(recurrence) + 0.43 * random.gauss()).clamp(1.5, 7.0);
        let r = if short { 10.3 } else { 8.0 } + 1.1 * random.gauss() + star.modulus;
        Cataclysmic {
            random: random.of(1, 0),
            recurrence,
            amplitude,
            plateau: (0.06 * recurrence).clamp(0.5, 6.0) * random.between(0.6, 1.4),
            fall: 0.53 * libm::pow(orbit, 0.84),
            orbit,
            supers: if short { 4 + random.below(6) } else { 0 },
            flicker: Walk::new(random.of(2, 0), 0.5),
            quiet: thermal(r, 7_500.0, star.a_v),
            hot: thermal(r, 16_000.0, star.a_v),
        }
    }

    /// nJy.
    pub fn flux(&self, band: Band, mjd: f64) -> f64 {
        let band = index(band);
        let flicker = libm::exp(0.12 * self.flicker.at(mjd));
        let slot = libm::floor(mjd / self.recurrence);
        // An outburst may reach into the next two slots where they are short.
        let mut burst: f64 = 0.0;
        for back in 0..3 {
            let slot = slot - f64::from(back);
            let mut random = self.random.of(3, slot as i64 as u64);
            let start = (slot + 0.7 * random.unit()) * self.recurrence;
            let great = self.supers > 0 && random.below(self.supers) == 0;
            burst = burst.max(self.outburst(mjd - start, great, random.between(-0.25, 0.25)));
        }
        if burst <= 0.0 {
            return f64::from(self.quiet[band]) * flicker;
        }
        f64::from(self.quiet[band]) * flicker + f64::from(self.hot[band]) * (libm::exp(EFOLD * burst) - 1.0)
    }

    /// Magnitudes above quiescence, so many days after an outburst began.
    fn outburst(&self, age: f64, great: bool, extra: f64) -> f64 {
        if age < 0.0 {
            return 0.0;
        }
        let rise = self.fall / 3.0;
        let top = (self.amplitude + extra).max(0.5);
        let normal = (age / rise).min(top).min(top - (age - top * rise - self.plateau) / self.fall);
        if !great {
            return normal.max(0.0);
        }
        // The precursor is a normal outburst; the superoutburst takes over as it begins to fall.
        let after = age - top * rise - 0.5 * self.plateau;
        let (height, length) = (top + 0.5, (0.8 * self.recurrence).min(14.0));
        let plateau = (normal.max(0.0) + after.max(0.0) / rise).min(height - 0.1 * after);
        let end = height - 0.1 * length - (after - length) / self.fall;
        if after < 0.0 { normal.max(0.0) } else { plateau.min(end).max(0.0) }
    }

    /// Flux in quiescence, nJy.
    pub fn mean(&self, band: Band) -> f64 {
        f64::from(self.quiet[index(band)])
    }

    /// How far an outburst exceeds quiescence, as a share, in r.
    pub fn swing(&self) -> f64 {
        libm::exp(EFOLD * self.amplitude)
    }

    pub fn parameters(&self, to: &mut Parameters) {
        to.push(("recurrence_d", self.recurrence));
        to.push(("amplitude_r_mag", self.amplitude));
        to.push(("orbit_h", self.orbit));
        to.push(("plateau_d", self.plateau));
        to.push(("fall_d_per_mag", self.fall));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const R_BAND: Band = Band(2);

    #[test]
    fn outbursts_come_once_in_a_recurrence_time_rise_fast_and_go_out() {
        for seed in 0..60 {
            let star = Cataclysmic::draw(&Star { random: Random::new(seed), modulus: 8.0, a_v: 0.1 });
            let height = |mjd: f64| libm::log(star.flux(R_BAND, mjd) / star.mean(R_BAND)) / EFOLD;
            let (mut bursts, mut above, mut most, mut quiet) = (0, false, 0.0_f64, 0);
            let n = 100.0;
            let steps = (n * star.recurrence * 8.0) as i64;
            for step in 0..steps {
                let now = height(50_000.0 + step as f64 / 8.0);
                most = most.max(now);
                quiet += i64::from(now < 0.8);
                if now > 0.7 * star.amplitude && !above {
                    bursts += 1;
                }
                above = if above { now > 0.4 * star.amplitude } else { now > 0.7 * star.amplitude };
            }
            assert!(bursts > 60 && bursts < 115, "{seed}: {bursts} in {n} recurrences of {} d", star.recurrence);
            assert!(most > star.amplitude - 0.3 && most < star.amplitude + 1.4, "{seed}: {most} {}", star.amplitude);
            assert!(star.recurrence < 30.0 || quiet * 3 > steps, "{seed}: {quiet} {steps} {}", star.recurrence);
        }
    }

    #[test]
    fn the_fall_is_baileys() {
        let mut star = Cataclysmic::draw(&Star { random: Random::new(3), modulus: 8.0, a_v: 0.0 });
        (star.amplitude, star.plateau, star.fall) = (4.0, 2.0, 0.53 * libm::pow(2.0, 0.84));
        // Up four magnitudes at a third of 0.949 d/mag, two days on top, then a magnitude in 0.949 d.
        let top = 4.0 * star.fall / 3.0;
        assert!((star.outburst(top, false, 0.0) - 4.0).abs() < 1e-9);
        assert!((star.outburst(top + 2.0 + star.fall, false, 0.0) - 3.0).abs() < 1e-9);
        assert_eq!(star.outburst(top + 2.0 + 5.0 * star.fall, false, 0.0), 0.0);
    }
}
