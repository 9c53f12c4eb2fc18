//! Numbers that a packet is filled with: what is drawn from ids, what is rounded, magnitudes.
//!
//! Whatever no analysis looks at is drawn from a stream of the thing that it is about (measurement, exposure, reference,
//! object) and from its column's name, so that it is the same wherever it is repeated.

use crate::Random;

/// The number of a name, to draw by: FNV-1a (Fowler, Noll, Vo).
pub const fn salt(name: &str) -> u64 {
    let (bytes, mut at, mut hash) = (name.as_bytes(), 0, 0xcbf2_9ce4_8422_2325_u64);
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0100_0000_01b3);
        at += 1;
    }
    hash
}

/// Uniform in [0, 1) by a stream and a salt.
pub fn unit(stream: Random, salt: u64) -> f64 {
    stream.of(salt, 0).unit()
}

/// Uniform in [from, to) by a stream and a salt.
pub fn between(stream: Random, salt: u64, from: f64, to: f64) -> f64 {
    from + (to - from) * unit(stream, salt)
}

/// Nearly standard normal, never beyond 3.5: a sum of four uniforms (Irwin–Hall). No transcendental function.
pub fn bell(stream: Random, salt: u64) -> f64 {
    let bits = stream.of(salt, 1).bits();
    let sum: u64 = (0..4).map(|part| bits >> (16 * part) & 0xffff).sum();
    // Mean 2, variance 4/12 in units of 2^16.
    (sum as f64 / 65_535.0 - 2.0) * 1.732_050_807_568_877_2
}

/// To so many parts of one: `to(x, 1e4)` has four decimals.
pub fn to(value: f64, parts: f64) -> f64 {
    nearest(value * parts) / parts
}

/// The nearest whole number, of one below 2^51 in size: what is left when a number so large is added that no fraction can be
/// (halves go to the even one).
fn nearest(value: f64) -> f64 {
    const WHOLE: f64 = 6_755_399_441_055_744.0;
    (value + WHOLE) - WHOLE
}

/// What is left of a value of at most 63 bits after whole sizes, from 0 up to one size.
pub fn wrapped(value: f64, size: f64) -> f64 {
    let rest = value - (value / size) as i64 as f64 * size;
    if rest < 0.0 { rest + size } else { rest }
}

/// Cosine of an angle within ±90°, to 3e-5: enough for how meridians converge. At least 1e-6.
pub fn convergence(degrees: f64) -> f64 {
    let square = degrees.to_radians() * degrees.to_radians();
    (1.0 - square * (0.5 - square * (1.0 / 24.0 - square * (1.0 / 720.0 - square / 40_320.0)))).max(1e-6)
}

/// A direction on the sky, east and north: a point of the unit circle by the slope of its chord.
pub fn direction(stream: Random) -> (f64, f64) {
    let (slope, side) = (between(stream, salt("direction"), -1.0, 1.0), between(stream, salt("side"), -1.0, 1.0));
    let scale = 1.0f64.copysign(side) / (1.0 + slope * slope);
    ((1.0 - slope * slope) * scale, 2.0 * slope * scale)
}

/// To six significant digits, as ZTF's history has its numbers.
#[inline]
pub fn six_digits(value: f64) -> f64 {
    const POWERS: [f64; 31] = [
        1e-15, 1e-14, 1e-13, 1e-12, 1e-11, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1e0, 1e1, 1e2,
        1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
    ];
    let power = |ten: i64| POWERS[(ten + 15) as usize];
    let size = value.abs();
    if !(1e-10..1e6).contains(&size) {
        return value;
    }
    // log10 by the exponent of two, which is at most one too small.
    let two = (size.to_bits() >> 52) as i64 - 1023;
    let mut ten = (two * 1233) >> 12;
    if power(ten + 1) <= size {
        ten += 1;
    }
    nearest(value * power(5 - ten)) * power(ten - 5)
}

/// AB magnitude of a flux in nJy (Oke & Gunn 1983: 31.4 = 8.90 + 22.5); of one too small to have one, 40.
pub fn magnitude(nanojansky: f64) -> f64 {
    31.4 - 2.5 * libm::log10(nanojansky.abs().max(3.63e-4))
}

/// Its error: 2.5/ln 10 of the relative error of the flux.
pub fn magnitude_error(flux: f64, sigma: f64) -> f64 {
    1.085_736_204_758_129_6 * sigma / flux.abs().max(3.63e-4)
}

/// Counts of a nanojansky at a zero point, AB mag of one count.
pub fn counts(zero_point: f64) -> f64 {
    libm::exp2((zero_point - 31.4) * 1.328_771_237_954_945)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn draws_depend_on_name_and_stream() {
        let stream = Random::new(1);
        assert_ne!(unit(stream, salt("a")), unit(stream, salt("b")));
        assert_ne!(unit(stream, salt("a")), unit(stream.of(1, 1), salt("a")));
        let (mut sum, mut squares) = (0.0, 0.0);
        for place in 0..10_000 {
            let value = bell(stream.of(7, place), 3);
            (sum, squares) = (sum + value, squares + value * value);
        }
        assert!((sum / 1e4).abs() < 0.04 && (squares / 1e4 - 1.0).abs() < 0.05, "{sum} {squares}");
        for degrees in [-89.9, -60.0, 0.0, 45.0] {
            assert!((convergence(degrees) - degrees.to_radians().cos()).abs() < 3e-5);
        }
        let (east, north) = direction(stream);
        assert!((east.hypot(north) - 1.0).abs() < 1e-12);
        assert!((counts(31.4) - 1.0).abs() < 1e-12 && (counts(26.4) - 0.01).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn six_digits_are_those_that_printing_gives(value in prop_oneof![-1e6..1e6f64, -1e-3..1e-3f64, -1e-9..1e-9f64]) {
            let printed: f64 = format!("{value:.5e}").parse().unwrap();
            if value.abs() > 1e-10 {
                prop_assert!((six_digits(value) - printed).abs() <= 1.01e-5 * 10f64.powf(value.abs().log10().floor()));
                prop_assert!((six_digits(value) - value).abs() <= 5.01e-6 * 10f64.powf(value.abs().log10().floor()));
            }
        }
    }
}
