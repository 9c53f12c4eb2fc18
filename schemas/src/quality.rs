//! Whether a measurement counts, and if not, why not.

use serde::{Deserialize, Serialize};

/// Reasons why a measurement does not count, as a set; empty is good.
///
/// Bad measurements stay in the history and are counted by reason; they enter no feature and no state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Quality(pub u16);

impl Quality {
    /// Nothing against it.
    pub const GOOD: Quality = Quality(0);
    /// The survey has withdrawn it; this value stands so that no older one comes back.
    pub const WITHDRAWN: Quality = Quality(1 << 0);
    /// Real/bogus score (ZTF `drb`, `rb`; LSST `reliability`) below the cut.
    pub const SCORE: Quality = Quality(1 << 1);
    /// Bad, saturated, interpolated or otherwise flagged pixels.
    pub const PIXELS: Quality = Quality(1 << 2);
    /// Seeing or source width out of range.
    pub const WIDTH: Quality = Quality(1 << 3);
    /// Too elongated, or a streak.
    pub const SHAPE: Quality = Quality(1 << 4);
    /// A dipole: a subtraction that was misaligned.
    pub const DIPOLE: Quality = Quality(1 << 5);
    /// The survey's flag on the flux or the centroid.
    pub const FLUX: Quality = Quality(1 << 6);
    /// The survey's processing status says failed.
    pub const PROCESSING: Quality = Quality(1 << 7);
    /// No usable flux or error: absent, not finite, zero where zero means none, or beyond belief.
    pub const NO_FLUX: Quality = Quality(1 << 8);

    /// Every reason with its name in tables and records.
    pub const REASONS: [(Quality, &'static str); 9] = [
        (Self::WITHDRAWN, "withdrawn"),
        (Self::SCORE, "score"),
        (Self::PIXELS, "pixels"),
        (Self::WIDTH, "width"),
        (Self::SHAPE, "shape"),
        (Self::DIPOLE, "dipole"),
        (Self::FLUX, "flux"),
        (Self::PROCESSING, "processing"),
        (Self::NO_FLUX, "no_flux"),
    ];

    /// Whether it counts.
    pub fn is_good(self) -> bool {
        self == Self::GOOD
    }

    /// Whether `reason` is among them.
    pub fn has(self, reason: Quality) -> bool {
        self.0 & reason.0 != 0
    }

    /// With `reason` added when `holds`.
    pub fn with(self, reason: Quality, holds: bool) -> Quality {
        Quality(if holds { self.0 | reason.0 } else { self.0 })
    }

    /// The names of its reasons, in their order.
    pub fn reasons(self) -> impl Iterator<Item = &'static str> {
        Self::REASONS.iter().filter(move |(reason, _)| self.has(*reason)).map(|(_, name)| *name)
    }
}
