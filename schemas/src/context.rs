//! What a person needs beside the light curve to judge an alert.

use crate::{MicroDays, Quality};
use serde::{Deserialize, Serialize};

/// An `f32` of a packet that is carried and shown but never computed with: ordered by its bits, NaN is absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Real(u32);

impl Real {
    /// No value.
    pub const ABSENT: Real = Real(0x7fc0_0000);

    /// The value; not finite is absent.
    pub fn new(value: Option<f64>) -> Real {
        match value.map(|value| value as f32) {
            Some(value) if value.is_finite() => Real(value.to_bits()),
            _ => Self::ABSENT,
        }
    }

    /// The value where there is one.
    pub fn get(self) -> Option<f32> {
        (self != Self::ABSENT).then(|| f32::from_bits(self.0))
    }
}

/// Context columns of one triggering source, under names that all surveys share. Units as noted; absent where the survey does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Context {
    /// Bits of the right ascension in degrees, as sent.
    pub ra: u64,
    /// Bits of the declination in degrees, as sent.
    pub dec: u64,
    /// The survey's own first detection of the object (MJD TAI); `i64::MAX` where it does not say.
    pub first_detection: MicroDays,
    /// Error of the right ascension, arcsec (on the sky).
    pub ra_err: Real,
    /// Error of the declination, arcsec.
    pub dec_err: Real,
    /// Real/bogus: ZTF `drb`, else `rb`; LSST `reliability`. 0 bogus to 1 real.
    pub real_bogus: Real,
    /// Star/galaxy: 1 star, 0 galaxy. ZTF `sgscore1`; LSST 1 − `extendedness`.
    pub star: Real,
    /// Distance to the nearest source of the reference image, arcsec.
    pub reference_distance: Real,
    /// Its magnitude.
    pub reference_magnitude: Real,
    /// Distance to the nearest catalogued neighbour, arcsec (ZTF `distpsnr1`; LSST `nearbyObj1Dist`).
    pub neighbour_distance: Real,
    /// Its r magnitude.
    pub neighbour_magnitude: Real,
    /// Distance to the nearest known solar-system object, arcsec.
    pub solar_system_distance: Real,
    /// Its predicted magnitude.
    pub solar_system_magnitude: Real,
    /// Detections of the object by the survey's own count; −1 where it does not say.
    pub detections: i32,
    /// Visits that covered the object by the survey's own count; −1 where it does not say.
    pub coverage: i32,
    /// The survey's programme (ZTF `programid`); −1 where it does not say.
    pub program: i32,
    /// Quality of the trigger as its own packet has it.
    pub quality: Quality,
    /// When the packet was received: UTC, as microdays of MJD. Of copies that are otherwise equal the first received stands.
    pub received: MicroDays,
}

impl Context {
    /// What `first_detection` is when the survey does not say.
    pub const NEVER: MicroDays = MicroDays(i64::MAX);
    /// Of a survey that says nothing.
    pub const BLANK: Context = Context {
        ra: 0,
        dec: 0,
        received: MicroDays(0),
        first_detection: Self::NEVER,
        ra_err: Real::ABSENT,
        dec_err: Real::ABSENT,
        real_bogus: Real::ABSENT,
        star: Real::ABSENT,
        reference_distance: Real::ABSENT,
        reference_magnitude: Real::ABSENT,
        neighbour_distance: Real::ABSENT,
        neighbour_magnitude: Real::ABSENT,
        solar_system_distance: Real::ABSENT,
        solar_system_magnitude: Real::ABSENT,
        detections: -1,
        coverage: -1,
        program: -1,
        quality: Quality::GOOD,
    };
}
