//! WINTER, the infrared survey at Palomar: alert packets 0.1. The proof that a survey is one file and a line in `SURVEYS`.
//!
//! Facts, from the field descriptions in the packets' own schema and from `winter-telescope/mirar`, which makes them:
//! - Modelled on ZTF: `jd` is UTC at the start, `magpsf` a magnitude of |difference|, `isdiffpos` its sign, here a boolean.
//! - `fid` counts Y, J, H, K from 0. J, H and K are calibrated against 2MASS, which is Vega; Y against Pan-STARRS y, which is AB.
//! - There is no number of the exposure: its start serves, for one telescope takes one at a time.
//! - `deprecated` says that the candidate is superseded by a reprocessing: withdrawn.

use super::names::NameForm;
use super::photometry::{Fluxes, of_magnitude};
use super::{Cutout, Mapping, SettingsError, Survey, SurveySettings, Table, nonsense, settings, tai};
use crate::avro::{ArrayId, Captured, Need, Schema, Selection, Slot, Values, Wanted};
use crate::{
    Alert, Band, Context, Kind, Measurement, MicroDays, ObjectClass, ObjectId, PacketReject, Position, Quality, Real,
    Row, RowReject, SourceId, SurveyId, Version,
};
use Need::{Optional, Required};
use Wanted::{Boolean, Bytes, Float, Integer, Text};
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;

const NAMES: NameForm = NameForm { prefix: "WNTR", digits: 2, letters: 5 };

/// Seconds of an exposure that does not say, as no history row does: that of every packet seen.
const EXPOSURE: f64 = 120.0;

/// JD of MJD 0.
const MJD_ZERO: f64 = 2_400_000.5;

/// Bands by `fid`, and what turns their magnitudes into AB (Blanton & Roweis 2007 for 2MASS).
const BANDS: [(&str, f64); 4] = [("y", 0.0), ("J", 0.91), ("H", 1.39), ("K", 1.85)];

/// The survey.
#[derive(Clone, Copy, Debug)]
pub struct Winter;

/// When a WINTER measurement counts. A column that a packet lacks, or leaves null, never makes it bad.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QualityCuts {
    /// Least real/bogus score, 0 to 1. Default 0.5.
    pub rb: f64,
    /// Most bad pixels among the 25 around the source. Default 0.
    pub nbad: i64,
}

impl Default for QualityCuts {
    fn default() -> Self {
        QualityCuts { rb: 0.5, nbad: 0 }
    }
}

impl Survey for Winter {
    fn id(&self) -> SurveyId {
        SurveyId(2)
    }

    fn name(&self) -> &'static str {
        "winter"
    }

    fn marks(&self) -> &'static [&'static str] {
        &[]
    }

    fn recognises(&self, schema: &Schema, _selection: &Selection) -> bool {
        schema.name() == "winter.alert"
    }

    fn mapping(&self, settings: &SurveySettings) -> Result<Box<dyn Mapping>, SettingsError> {
        let cuts = settings.quality(self.name())?;
        let mut selection = Selection::new();
        let columns = Columns::new(&mut selection);
        settings.alias(self.name(), &mut selection)?;
        Ok(Box::new(WinterMapping { cuts, columns, selection }))
    }

    fn quality_defaults(&self) -> Table {
        settings::table(&QualityCuts::default())
    }

    fn object_name(&self, object: ObjectId) -> String {
        NAMES.decode(object.id).unwrap_or_else(|| object.id.to_string())
    }

    fn parse_object(&self, name: &str) -> Option<ObjectId> {
        NAMES.encode(name).map(|id| ObjectId { survey: self.id(), class: ObjectClass::Sidereal, id })
    }
}

struct WinterMapping {
    cuts: QualityCuts,
    columns: Columns,
    selection: Selection,
}

struct Columns {
    object: Slot,
    trigger: RowColumns,
    exptime: Slot,
    deprecated: Slot,
    rb: Slot,
    nbad: Slot,
    first: Slot,
    counts: [Slot; 2],
    reals: [Slot; 5],
    history: ArrayId,
    previous: RowColumns,
    cutouts: [Slot; 3],
}

struct RowColumns {
    candid: Slot,
    jd: Slot,
    fid: Slot,
    field: Slot,
    isdiffpos: Slot,
    ra: Slot,
    dec: Slot,
    magpsf: Slot,
    sigmapsf: Slot,
}

impl Columns {
    fn new(selection: &mut Selection) -> Columns {
        let object = selection.want("objectid", Text, Required);
        let mut candidate = |name: &str, wanted, need| selection.want(&format!("candidate.{name}"), wanted, need);
        let trigger = RowColumns::new("field", &mut candidate);
        let exptime = candidate("exptime", Float, Optional);
        let deprecated = candidate("deprecated", Boolean, Optional);
        let (rb, nbad) = (candidate("rb", Float, Optional), candidate("nbad", Integer, Optional));
        let first = candidate("jdstarthist", Float, Optional);
        let counts = ["ndethist", "programid"].map(|name| candidate(name, Integer, Optional));
        let reals =
            ["sgscore1", "distpsnr1", "srmag1", "ssdistnr", "ssmagnr"].map(|name| candidate(name, Float, Optional));
        let history = selection.array("prv_candidates", Required);
        let previous =
            RowColumns::new("fieldid", &mut |name, wanted, need| selection.want_in(history, name, wanted, need));
        let cutouts = ["cutout_science", "cutout_template", "cutout_difference"]
            .map(|name| selection.want(name, Bytes, Optional));
        Columns { object, trigger, exptime, deprecated, rb, nbad, first, counts, reals, history, previous, cutouts }
    }
}

impl RowColumns {
    fn new(field: &str, want: &mut impl FnMut(&str, Wanted, Need) -> Slot) -> Self {
        RowColumns {
            candid: want("candid", Integer, Required),
            jd: want("jd", Float, Required),
            fid: want("fid", Integer, Required),
            field: want(field, Integer, Optional),
            isdiffpos: want("isdiffpos", Boolean, Required),
            ra: want("ra", Float, Required),
            dec: want("dec", Float, Required),
            magpsf: want("magpsf", Float, Required),
            sigmapsf: want("sigmapsf", Float, Required),
        }
    }

    /// A source without quality, and the start of its exposure: MJD UTC.
    fn source(&self, row: Values<'_>, exptime: Option<f64>) -> Result<(Measurement, MicroDays), RowReject> {
        let start = start(row.float(self.jd)).ok_or(RowReject::Time)?;
        let candid = row.integer(self.candid).and_then(|id| u64::try_from(id).ok()).ok_or(RowReject::Identity)?;
        let fid = row.integer(self.fid).and_then(|fid| usize::try_from(fid).ok());
        let (band, to_ab) = *fid.and_then(|fid| BANDS.get(fid)).ok_or(RowReject::Band)?;
        let magnitude = row.float(self.magpsf).zip(row.float(self.sigmapsf));
        let difference = magnitude.zip(row.boolean(self.isdiffpos)).map(|((magnitude, error), positive)| {
            let (flux, error) = of_magnitude(magnitude + to_ab, error);
            (if positive { flux } else { -flux }, error)
        });
        let (fluxes, quality) = Fluxes::new(difference, None);
        let position = row.float(self.ra).zip(row.float(self.dec));
        let measurement = Measurement {
            time: tai::after_utc(start, exptime.unwrap_or(EXPOSURE) / 2.0),
            id: SourceId(candid),
            visit: start.0 as u64,
            flux: fluxes.flux,
            sigma: fluxes.sigma,
            total: fluxes.total,
            position: position.and_then(|(ra, dec)| Position::from_degrees(ra, dec)).unwrap_or(Position::UNKNOWN),
            reference: row.integer(self.field).and_then(|field| u32::try_from(field).ok()).unwrap_or(0),
            quality,
            kind: Kind::Source,
            band: Band::from_name(band).ok_or(RowReject::Band)?,
        };
        Ok((measurement, start))
    }
}

/// MJD UTC of a JD UTC.
fn start(jd: Option<f64>) -> Option<MicroDays> {
    jd.filter(|jd| *jd > MJD_ZERO).and_then(|jd| MicroDays::from_days(jd - MJD_ZERO))
}

impl Mapping for WinterMapping {
    fn selection(&self) -> &Selection {
        &self.selection
    }

    fn fill(&self, captured: &Captured<'_>, alert: &mut Alert) -> Result<(), PacketReject> {
        let (root, columns) = (captured.root(), &self.columns);
        let name = root.text(columns.object);
        let object = name.and_then(|name| Winter.parse_object(name));
        let object = object.ok_or_else(|| nonsense("objectid", name))?;
        let exptime = root.float(columns.exptime).filter(|seconds| (0.0..86_400.0).contains(seconds));
        let (source, started) = columns
            .trigger
            .source(root, exptime)
            .map_err(|reject| PacketReject::Value(format!("the candidate has no use: {}", reject.name())))?;
        let place = root.float(columns.trigger.ra).zip(root.float(columns.trigger.dec));
        let (ra, dec) = place
            .filter(|(ra, dec)| Position::from_degrees(*ra, *dec).is_some())
            .ok_or_else(|| nonsense("candidate.(ra, dec)", place))?;

        let rb = root.float(columns.rb);
        let quality = source
            .quality
            .with(Quality::SCORE, rb.is_some_and(|rb| rb < self.cuts.rb))
            .with(Quality::PIXELS, root.integer(columns.nbad).is_some_and(|bad| bad > self.cuts.nbad));
        let deprecated = root.boolean(columns.deprecated) == Some(true);
        let trigger = if deprecated { source.withdrawn() } else { Measurement { quality, ..source } };
        let [star, neighbour, neighbour_magnitude, moving, moving_magnitude] =
            columns.reals.map(|slot| Real::new(root.float(slot).filter(|value| *value >= 0.0)));
        let [detections, program] =
            columns.counts.map(|slot| root.integer(slot).and_then(|count| i32::try_from(count).ok()).unwrap_or(-1));
        alert.survey = Winter.id();
        alert.object = object;
        alert.trigger = trigger.id;
        alert.time = trigger.time;
        alert.visit = trigger.visit;
        alert.context = Context {
            ra: ra.to_bits(),
            dec: dec.to_bits(),
            first_detection: start(root.float(columns.first))
                .map_or(Context::NEVER, |start| tai::after_utc(start, EXPOSURE / 2.0)),
            real_bogus: Real::new(rb),
            star,
            neighbour_distance: neighbour,
            neighbour_magnitude,
            solar_system_distance: moving,
            solar_system_magnitude: moving_magnitude,
            detections,
            program,
            ..Context::BLANK
        };
        alert.rows.clear();
        alert.rejects.clear();
        // A deprecation comes later than the candidate, and must stand over it: the time of its packet is its own.
        let processed = if deprecated { trigger.time } else { Version::UNPROCESSED };
        let copy = Version { rank: 0, processed: Version::UNPROCESSED, packet: Reverse(trigger.time), trigger: false };
        alert.rows.push(Row {
            measurement: trigger,
            version: Version { trigger: true, processed, ..copy },
            global: true,
        });
        for row in captured.rows(columns.history) {
            match columns.previous.source(row, None) {
                Ok((_, start)) if start > started => alert.rejects.push(RowReject::Future),
                Ok((measurement, _)) => alert.rows.push(Row { measurement, version: copy, global: true }),
                Err(reject) => alert.rejects.push(reject),
            }
        }
        Ok(())
    }

    fn cutouts<'a>(&self, captured: &Captured<'a>) -> [Option<Cutout<'a>>; 3] {
        let root = captured.root();
        self.columns.cutouts.map(|slot| root.bytes(slot).and_then(Cutout::new))
    }
}
