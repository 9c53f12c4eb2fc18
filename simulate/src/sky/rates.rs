//! How much there is outside the Galaxy: events by volume and rate, AGN by their counts.

use crate::Random;

use super::host;

/// Steps in redshift.
const SHELLS: usize = 48;

/// Events per square degree and day nearer than each of equal steps in redshift.
#[derive(Clone, Debug)]
pub(super) struct Shells {
    furthest: f64,
    below: [f64; SHELLS],
}

impl Shells {
    /// From a rate per Mpc³ and year (at rest), which grows as (1 + z)^growth, as far as `absolute` is brighter than `faint`.
    pub fn new(rate: f64, growth: f64, absolute: f64, faint: f64) -> Shells {
        let mut furthest = 1.1;
        while furthest > 0.01 && host::modulus(furthest) + absolute > faint {
            furthest *= 0.97;
        }
        let step = furthest / SHELLS as f64;
        let (mut sum, mut below) = (0.0, [0.0; SHELLS]);
        for (shell, below) in below.iter_mut().enumerate() {
            let z = step * (shell as f64 + 0.5);
            sum += rate * libm::pow(1.0 + z, growth - 1.0) * host::volume(z) * step / 365.25;
            *below = sum;
        }
        Shells { furthest, below }
    }

    pub fn total(&self) -> f64 {
        self.below[SHELLS - 1]
    }

    pub fn draw(&self, random: &mut Random) -> f64 {
        let wanted = random.unit() * self.total();
        let shell = self.below.partition_point(|below| *below <= wanted).min(SHELLS - 1);
        self.furthest * (shell as f64 + random.unit()).max(0.05) / SHELLS as f64
    }
}

/// Quasars brighter than that r magnitude per square degree (after Richards et al. 2006 and Palanque-Delabrouille et al. 2016:
/// steep to 19, then flattening).
pub(super) fn agn_counts(magnitude: f64) -> f64 {
    if magnitude < 19.0 {
        6.0 * libm::pow(10.0, 0.8 * (magnitude - 19.0))
    } else {
        6.0 + 14.0 * (libm::pow(10.0, 0.32 * (magnitude - 19.0)) - 1.0) / 0.32 * 0.8
    }
}

/// The r magnitude that so many per square degree are brighter than, not fainter than `faint`.
pub(super) fn agn_magnitude(counts: f64, faint: f64) -> f64 {
    let (mut bright, mut dim) = (12.0, faint);
    for _ in 0..20 {
        let middle = 0.5 * (bright + dim);
        if agn_counts(middle) < counts { bright = middle } else { dim = middle }
    }
    bright
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_add_up_and_redshifts_follow_the_volume() {
        // 2.3e-5 per Mpc³ and year, to where -19.4 is 18.4: modulus 37.8, z about 0.08, 0.15 Gpc³ over the sky: 3,300 a year.
        let shells = Shells::new(2.3e-5, 0.0, -19.4, 18.4);
        let year = shells.total() * 41_253.0 * 365.25;
        assert!(year > 2_300.0 && year < 4_000.0, "{year}");
        let mut random = Random::new(1);
        let far = (0..4_000).filter(|_| shells.draw(&mut random) > 0.5 * shells.furthest).count();
        // Seven of eight, were space flat.
        assert!(far > 3_350 && far < 3_600, "{far}");
    }

    #[test]
    fn agn_are_counted_without_a_jump_and_drawn_by_their_counts() {
        assert!((agn_counts(18.999_99) - agn_counts(19.000_01)).abs() < 0.01);
        for magnitude in [16.0, 18.5, 20.0, 23.0] {
            assert!((agn_magnitude(agn_counts(magnitude), 24.5) - magnitude).abs() < 1e-3);
        }
    }
}
