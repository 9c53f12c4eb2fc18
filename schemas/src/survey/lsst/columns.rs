//! Which fields of an LSST packet are read.

use super::QualityCuts;
use crate::Quality;
use crate::avro::{ArrayId, Need, Selection, Slot, Values, Wanted};
use Need::{Optional, Required};
use Wanted::{Boolean, Float, Integer, Text};

pub(super) struct Columns {
    pub trigger: SourceColumns,
    pub history: ArrayId,
    pub previous: SourceColumns,
    pub forced: ArrayId,
    pub forced_row: ForcedColumns,
    pub limits: ArrayId,
    pub limit: LimitColumns,
    pub owner: OwnerColumns,
    pub context: ContextColumns,
    pub cutouts: [Slot; 3],
}

/// What every measurement with an id has, source or forced source.
pub(super) struct RowColumns {
    pub id: Slot,
    pub visit: Slot,
    pub time: Slot,
    pub band: Slot,
    pub ra: Slot,
    pub dec: Slot,
    pub flux: Slot,
    pub error: Slot,
    pub science: Slot,
    /// From 9.0 on, MJD TAI.
    pub processed: Slot,
    /// In 8.0, microseconds since 1970 UTC.
    pub processed_utc: Slot,
    pub withdrawn: Slot,
}

pub(super) struct SourceColumns {
    pub row: RowColumns,
    pub reliability: Slot,
    /// Whether the flux on the science image failed.
    pub science_flag: Slot,
    /// Each flag with the reason that it gives.
    pub flags: Vec<(Slot, Quality)>,
}

pub(super) struct ForcedColumns {
    pub row: RowColumns,
}

pub(super) struct LimitColumns {
    pub ccd_visit: Slot,
    pub time: Slot,
    pub band: Slot,
    pub noise: Slot,
}

/// Whose the trigger is.
pub(super) struct OwnerColumns {
    pub sidereal: Slot,
    pub solar_system: Slot,
    pub solar_system_source: Slot,
}

pub(super) struct ContextColumns {
    pub ra_err: Slot,
    pub dec_err: Slot,
    pub extendedness: Slot,
    pub first: Slot,
    pub detections: Slot,
    pub neighbour: Slot,
    /// From 10.0 on, arcsec.
    pub offset: Slot,
    /// Before, degrees.
    pub residual: [Slot; 2],
    pub predicted: Slot,
}

impl Columns {
    pub fn new(selection: &mut Selection, cuts: &QualityCuts) -> Columns {
        let mut source = |name: &str, wanted, need| selection.want(&format!("diaSource.{name}"), wanted, need);
        let trigger = SourceColumns::new(&mut source, cuts);
        let [sidereal, solar_system] = ["diaObjectId", "ssObjectId"].map(|name| source(name, Integer, Required));
        let [ra_err, dec_err, extendedness] =
            ["raErr", "decErr", "extendedness"].map(|name| source(name, Float, Optional));
        let owner = OwnerColumns {
            sidereal,
            solar_system,
            solar_system_source: selection.want("ssSource.ssObjectId", Integer, Optional),
        };
        let context = ContextColumns {
            ra_err,
            dec_err,
            extendedness,
            first: selection.want("diaObject.firstDiaSourceMjdTai", Float, Optional),
            detections: selection.want("diaObject.nDiaSources", Integer, Optional),
            neighbour: selection.want("diaObject.nearbyObj1Dist", Float, Optional),
            offset: selection.want("ssSource.ephOffset", Float, Optional),
            residual: ["ssSource.residualRa", "ssSource.residualDec"].map(|path| selection.want(path, Float, Optional)),
            predicted: selection.want("ssSource.ephVmag", Float, Optional),
        };
        selection.alias("ssSource.ephVmag", "ssSource.predictedVMagnitude");
        let cutouts = ["cutoutScience", "cutoutTemplate", "cutoutDifference"]
            .map(|name| selection.want(name, Wanted::Bytes, Optional));
        let history = selection.array("prvDiaSources", Required);
        let previous =
            SourceColumns::new(&mut |name, wanted, need| selection.want_in(history, name, wanted, need), cuts);
        let forced = selection.array("prvDiaForcedSources", Required);
        let mut in_forced = |name: &str, wanted, need| selection.want_in(forced, name, wanted, need);
        let forced_row = ForcedColumns { row: RowColumns::new("diaForcedSourceId", &mut in_forced) };
        let limits = selection.array("prvDiaNondetectionLimits", Optional);
        let mut in_limits = |name: &str, wanted| selection.want_in(limits, name, wanted, Required);
        let limit = LimitColumns {
            ccd_visit: in_limits("ccdVisitId", Integer),
            time: in_limits("midpointMjdTai", Float),
            band: in_limits("band", Text),
            noise: in_limits("diaNoise", Float),
        };
        Columns { trigger, history, previous, forced, forced_row, limits, limit, owner, context, cutouts }
    }
}

impl RowColumns {
    fn new(id: &str, want: &mut impl FnMut(&str, Wanted, Need) -> Slot) -> Self {
        RowColumns {
            id: want(id, Integer, Required),
            visit: want("visit", Integer, Required),
            time: want("midpointMjdTai", Float, Required),
            band: want("band", Text, Required),
            ra: want("ra", Float, Required),
            dec: want("dec", Float, Required),
            flux: want("psfFlux", Float, Required),
            error: want("psfFluxErr", Float, Required),
            science: want("scienceFlux", Float, Optional),
            processed: want("timeProcessedMjdTai", Float, Optional),
            processed_utc: want("time_processed", Integer, Optional),
            withdrawn: want("timeWithdrawnMjdTai", Float, Optional),
        }
    }
}

impl SourceColumns {
    fn new(want: &mut impl FnMut(&str, Wanted, Need) -> Slot, cuts: &QualityCuts) -> Self {
        let row = RowColumns::new("diaSourceId", want);
        let reliability = want("reliability", Float, Optional);
        let science_flag = want("forced_PsfFlux_flag", Boolean, Optional);
        let reasons = [
            (&cuts.dipole_flags, Quality::DIPOLE),
            (&cuts.pixel_flags, Quality::PIXELS),
            (&cuts.flux_flags, Quality::FLUX),
            (&cuts.shape_flags, Quality::SHAPE),
        ];
        let flags = reasons.into_iter().flat_map(|(names, reason)| names.iter().map(move |name| (name, reason)));
        let flags = flags.map(|(name, reason)| (want(name, Boolean, Optional), reason)).collect();
        SourceColumns { row, reliability, science_flag, flags }
    }

    /// The reasons that the row's flags give.
    pub fn flagged(&self, row: Values<'_>) -> Quality {
        let raised = |quality: Quality, (slot, reason): &(Slot, Quality)| {
            quality.with(*reason, row.boolean(*slot) == Some(true))
        };
        self.flags.iter().fold(Quality::GOOD, raised)
    }
}
