//! What a history is made of.

use crate::{Band, Kind, MicroDays, PicoJansky, Position, Quality, SourceId, Version};
use serde::{Deserialize, Serialize};

/// One source, forced source or upper limit. Ordered by time first: histories are kept in that order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Measurement {
    /// MJD TAI at mid-exposure.
    pub time: MicroDays,
    /// Unique with `kind` within the object, and within the survey too where [`Row::global`].
    pub id: SourceId,
    /// The visit (ZTF `pid`: one readout channel of one exposure), which ties the kinds together.
    pub visit: u64,
    /// Difference flux; the 5σ limiting flux of a limit. 0 where [`Quality::NO_FLUX`].
    pub flux: PicoJansky,
    /// Its error as the survey quotes it, before any factor or floor. Of a limit, a fifth of `flux`.
    pub sigma: PicoJansky,
    /// Total flux, reference included; [`Measurement::NO_TOTAL`] where it is not defined.
    pub total: PicoJansky,
    /// Where it was measured; [`Position::UNKNOWN`] for limits and for forced rows without one.
    pub position: Position,
    /// With `band`, the series: fluxes on one reference image. [`Measurement::ANY_REFERENCE`] joins every series of its band.
    pub reference: u32,
    /// Why it does not count, if it does not.
    pub quality: Quality,
    /// Which kind.
    pub kind: Kind,
    /// Filter.
    pub band: Band,
}

impl Measurement {
    /// What `total` is when there is none.
    pub const NO_TOTAL: PicoJansky = PicoJansky(i64::MIN);
    /// What `reference` is for a limit that names no reference image.
    pub const ANY_REFERENCE: u32 = u32::MAX;

    /// The total flux where defined.
    pub fn total(&self) -> Option<PicoJansky> {
        (self.total != Self::NO_TOTAL).then_some(self.total)
    }

    /// The value that stands when the survey has withdrawn it: the same whatever the copy said. When and in which band
    /// it was stays, for histories are ordered by that.
    pub fn withdrawn(&self) -> Measurement {
        Measurement {
            flux: PicoJansky(0),
            sigma: PicoJansky(0),
            total: Self::NO_TOTAL,
            position: Position::UNKNOWN,
            quality: Quality::WITHDRAWN,
            ..*self
        }
    }
}

/// A measurement with the version that decides whether this copy of it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Row {
    /// What was measured.
    pub measurement: Measurement,
    /// Which copy this is.
    pub version: Version,
    /// Whether its id belongs to the survey rather than to the object, so that another object may come to claim it.
    pub global: bool,
}
