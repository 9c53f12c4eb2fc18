//! ZTF: every packet version from 1.8 to 4.02, and files that Spark rewrote, read by the names of their fields.
//!
//! Facts, from the field descriptions in the packets' own schemas, Masci et al. 2019 (PASP 131, 018003) and the project's
//! notes (`ztf-avro-alert/docs`), all checked on real packets:
//! - `jd` is UTC at the *start* of the exposure; `exptime` (s) is not in every version nor in any history row: then it is 30.
//! - `magpsf` is the magnitude of |difference|, its sign is `isdiffpos`; `sigmapsf` is its error.
//! - `forcediffimflux` is in counts of zero point `magzpsci`; −99999 is absent, −999 too in other columns.
//! - `distnr` is in pixels of sources (1.0124 arcsec measured on 664 rows, 1.012 published) and in arcseconds of forced rows.
//! - `pid` names a readout channel of one exposure: DDDD FFFFFF CC PP (day, its millionths, channel, processing number). It
//!   is never null and never collides, so it identifies what has no `candid`, and gives `rcid` where that is null.
//! - A history row without `candid` is an upper limit: `diffmaglim`, five sigma.

mod columns;
mod schemas;

use super::names::NameForm;
use super::photometry::{Fluxes, nanojansky, of_magnitude};
use super::{Cutout, Mapping, SettingsError, Survey, SurveySettings, Table, nonsense, settings};
use crate::avro::{Captured, Selection, Values};
use crate::{
    Alert, Context, Kind, Measurement, ObjectClass, ObjectId, PacketReject, Position, Quality, Real, Row, RowReject,
    SurveyId, Version,
};
use columns::{Columns, SourceColumns, Visit};
pub use schemas::writer_schema;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;

const NAMES: NameForm = NameForm { prefix: "ZTF", digits: 2, letters: 7 };

/// Arcseconds of a pixel (Dekany et al. 2020).
const PIXEL: f64 = 1.012;

/// The survey.
#[derive(Clone, Copy, Debug)]
pub struct Ztf;

/// When a ZTF measurement counts. A column that a packet lacks, or leaves null, never makes it bad.
///
/// Source of the defaults: "Filtering alerts" in the survey's notes (`ztf-avro-alert/docs/filtering.md`: rb ≥ 0.65, nbad = 0,
/// fwhm ≤ 5, elong ≤ 1.2 "delivers a relatively pure sample"). Its |magdiff| ≤ 0.1 is left out: it turns away 24 % of the 667
/// real alerts here that pass the rest, faint and blended ones above all. `drb` came later (Duev et al. 2019) and replaces
/// `rb` where it is sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QualityCuts {
    /// Least deep-learning real/bogus score, 0 to 1, where the packet has one (triggers from 3.3 on). Default 0.5.
    pub drb: f64,
    /// Least random-forest real/bogus score, 0 to 1, where there is no `drb`. Default 0.65.
    pub rb: f64,
    /// Most bad pixels among the 25 around the source. Default 0.
    pub nbad: i64,
    /// Greatest full width at half maximum, pixels of 1.012 arcsec. Default 5.
    pub fwhm: f64,
    /// Greatest ratio of the axes. Default 1.2.
    pub elong: f64,
    /// The `procstatus` codes with which forced photometry still counts; a row may have several, and every one must be
    /// listed. 0: no warning; 55 and 61: no flux could be measured; 56: bad pixels (Masci et al. 2023). Default `["0"]`.
    pub procstatus: Vec<String>,
    /// Greatest distance, arcsec, at which the nearest reference source is taken to be the object itself, so that its
    /// flux and the difference add up to a total. Default 1.5, the survey's own radius of association.
    pub reference_radius: f64,
}

impl Default for QualityCuts {
    fn default() -> Self {
        let procstatus = vec!["0".to_owned()];
        QualityCuts { drb: 0.5, rb: 0.65, nbad: 0, fwhm: 5.0, elong: 1.2, procstatus, reference_radius: 1.5 }
    }
}

impl Survey for Ztf {
    fn id(&self) -> SurveyId {
        SurveyId(0)
    }

    fn name(&self) -> &'static str {
        "ztf"
    }

    /// By its fields: version 1.8 calls itself `alert`, Spark `topLevelRecord`. `rcid` is no other survey's.
    fn marks(&self) -> &'static [&'static str] {
        &["objectId", "candidate.jd", "candidate.pid", "candidate.rcid", "candidate.isdiffpos"]
    }

    fn mapping(&self, settings: &SurveySettings) -> Result<Box<dyn Mapping>, SettingsError> {
        let cuts = settings.quality(self.name())?;
        let mut selection = Selection::new();
        let columns = Columns::new(&mut selection);
        settings.alias(self.name(), &mut selection)?;
        Ok(Box::new(ZtfMapping { cuts, columns, selection }))
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

    /// Without the channel and the processing number.
    fn exposure(&self, visit: u64) -> u64 {
        visit / 10_000
    }
}

struct ZtfMapping {
    cuts: QualityCuts,
    columns: Columns,
    selection: Selection,
}

/// A column whose sentinels are negative (−99999, −999) and whose values are not.
fn unsigned(value: Option<f64>) -> Option<f64> {
    value.filter(|value| *value >= 0.0)
}

impl ZtfMapping {
    /// nJy of the reference source, if it is near enough to be the object itself.
    fn reference_flux(&self, distance: Option<f64>, magnr: Option<f64>) -> Option<f64> {
        unsigned(distance).filter(|distance| *distance <= self.cuts.reference_radius)?;
        magnr.filter(|magnitude| *magnitude > 0.0).map(nanojansky)
    }

    fn source(&self, columns: &SourceColumns, row: Values<'_>, visit: &Visit, candid: u64) -> Measurement {
        let sign = match row.text(columns.isdiffpos) {
            Some("t" | "1" | "true") => Some(1.0),
            Some("f" | "0" | "false") => Some(-1.0),
            _ => None,
        };
        let magnitude = row.float(columns.magpsf).zip(row.float(columns.sigmapsf));
        let difference = magnitude.zip(sign).map(|((magnitude, error), sign)| {
            let (flux, error) = of_magnitude(magnitude, error);
            (sign * flux, error)
        });
        let distance = row.float(columns.distnr).map(|pixels| pixels * PIXEL);
        let reference = self.reference_flux(distance, row.float(columns.magnr));
        let total = difference.zip(reference).map(|((flux, _), reference)| flux + reference);
        let (fluxes, quality) = Fluxes::new(difference, total);
        let above = |slot, most: f64| row.float(slot).is_some_and(|value| value > most);
        let score = match row.float(columns.drb) {
            Some(drb) => drb < self.cuts.drb,
            None => row.float(columns.rb).is_some_and(|rb| rb < self.cuts.rb),
        };
        let position = row.float(columns.ra).zip(row.float(columns.dec));
        Measurement {
            flux: fluxes.flux,
            sigma: fluxes.sigma,
            total: fluxes.total,
            position: position.and_then(|(ra, dec)| Position::from_degrees(ra, dec)).unwrap_or(Position::UNKNOWN),
            quality: quality
                .with(Quality::SCORE, score)
                .with(Quality::PIXELS, row.integer(columns.nbad).is_some_and(|bad| bad > self.cuts.nbad))
                .with(Quality::WIDTH, above(columns.fwhm, self.cuts.fwhm))
                .with(Quality::SHAPE, above(columns.elong, self.cuts.elong)),
            ..visit.measurement(Kind::Source, candid)
        }
    }

    /// A history row: a copy of a source where it has a `candid`, else an upper limit.
    fn previous(&self, row: Values<'_>, trigger: &Visit) -> Result<Measurement, RowReject> {
        let columns = &self.columns.previous;
        let visit = columns.visit.read(row, None)?;
        if visit.start > trigger.start {
            return Err(RowReject::Future);
        }
        if let Some(candid) = row.integer(columns.candid) {
            let candid = u64::try_from(candid).map_err(|_| RowReject::Identity)?;
            return Ok(self.source(columns, row, &visit, candid));
        }
        let limit = row.float(columns.diffmaglim).map(nanojansky);
        let (fluxes, quality) = Fluxes::new(limit.map(|limit| (limit, limit / 5.0)), None);
        let measurement = visit.measurement(Kind::Limit, visit.pid);
        let reference = visit.field.map_or(Measurement::ANY_REFERENCE, |_| measurement.reference);
        Ok(Measurement { flux: fluxes.flux, sigma: fluxes.sigma, quality, reference, ..measurement })
    }

    fn forced(&self, row: Values<'_>, trigger: &Visit) -> Result<Measurement, RowReject> {
        let columns = &self.columns.forced_row;
        let visit = columns.visit.read(row, row.float(columns.exptime))?;
        if visit.start > trigger.start {
            return Err(RowReject::Future);
        }
        let present = |slot| row.float(slot).filter(|value| *value != -99_999.0);
        let scale = present(columns.magzpsci).map(nanojansky);
        let counts = present(columns.flux).zip(present(columns.error));
        let difference = counts.zip(scale).map(|((flux, error), scale)| (flux * scale, error * scale));
        let reference = self.reference_flux(row.float(columns.distnr), row.float(columns.magnr));
        let total = difference.zip(reference).map(|((flux, _), reference)| flux + reference);
        let (fluxes, quality) = Fluxes::new(difference, total);
        let failed = row.text(columns.procstatus).is_some_and(|codes| {
            codes.split(',').any(|code| self.cuts.procstatus.iter().all(|good| good != code.trim()))
        });
        Ok(Measurement {
            flux: fluxes.flux,
            sigma: fluxes.sigma,
            total: fluxes.total,
            quality: quality.with(Quality::PROCESSING, failed),
            ..visit.measurement(Kind::Forced, visit.pid)
        })
    }

    fn context(&self, root: Values<'_>, ra: f64, dec: f64) -> Context {
        let (columns, trigger) = (&self.columns.context, &self.columns.trigger);
        let count = |slot| root.integer(slot).and_then(|count| i32::try_from(count).ok()).filter(|count| *count >= 0);
        let value = |slot| Real::new(unsigned(root.float(slot)));
        // ssdistnr without a magnitude is a placeholder (60 in 19 packets).
        let moving = unsigned(root.float(columns.ssmagnr)).and(unsigned(root.float(columns.ssdistnr)));
        Context {
            ra: ra.to_bits(),
            dec: dec.to_bits(),
            first_detection: columns::times(root.float(columns.jdstarthist), None)
                .map_or(Context::NEVER, |(_, middle)| middle),
            real_bogus: Real::new(root.float(trigger.drb).or(root.float(trigger.rb))),
            star: value(columns.sgscore1),
            reference_distance: Real::new(unsigned(root.float(trigger.distnr)).map(|pixels| pixels * PIXEL)),
            reference_magnitude: value(trigger.magnr),
            neighbour_distance: value(columns.distpsnr1),
            neighbour_magnitude: value(columns.srmag1),
            solar_system_distance: Real::new(moving),
            solar_system_magnitude: value(columns.ssmagnr),
            detections: count(columns.ndethist).unwrap_or(-1),
            coverage: count(columns.ncovhist).unwrap_or(-1),
            program: count(columns.programid).unwrap_or(-1),
            ..Context::BLANK
        }
    }
}

impl Mapping for ZtfMapping {
    fn selection(&self) -> &Selection {
        &self.selection
    }

    fn fill(&self, captured: &Captured<'_>, alert: &mut Alert) -> Result<(), PacketReject> {
        let (root, columns) = (captured.root(), &self.columns.trigger);
        let name = root.text(self.columns.object);
        let object = name.and_then(|name| Ztf.parse_object(name)).ok_or_else(|| nonsense("objectId", name))?;
        let candid = root.integer(columns.candid);
        let candid =
            candid.and_then(|id| u64::try_from(id).ok()).ok_or_else(|| nonsense("candidate.candid", candid))?;
        let visit = columns.visit.read(root, root.float(self.columns.exptime)).map_err(|reject| match reject {
            RowReject::Band => nonsense("candidate.fid", root.integer(columns.visit.fid)),
            RowReject::Identity => nonsense("candidate.pid", root.integer(columns.visit.pid)),
            RowReject::Time | RowReject::Future => nonsense("candidate.jd", root.float(columns.visit.jd)),
        })?;
        let trigger = self.source(columns, root, &visit, candid);
        let (Some(ra), Some(dec), true) =
            (root.float(columns.ra), root.float(columns.dec), trigger.position != Position::UNKNOWN)
        else {
            return Err(nonsense("candidate.(ra, dec)", (root.float(columns.ra), root.float(columns.dec))));
        };

        let copy = Version { rank: 0, processed: Version::UNPROCESSED, packet: Reverse(visit.middle), trigger: false };
        alert.survey = Ztf.id();
        alert.object = object;
        alert.trigger = trigger.id;
        alert.time = visit.middle;
        alert.visit = visit.pid;
        alert.context = self.context(root, ra, dec);
        alert.rows.clear();
        alert.rejects.clear();
        alert.rows.push(Row { measurement: trigger, version: Version { trigger: true, ..copy }, global: true });
        let previous = captured.rows(self.columns.history).map(|row| self.previous(row, &visit));
        let forced = captured.rows(self.columns.forced).map(|row| self.forced(row, &visit));
        for row in previous.chain(forced) {
            match row {
                Ok(measurement) => {
                    alert.rows.push(Row { measurement, version: copy, global: measurement.kind == Kind::Source })
                }
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

#[cfg(test)]
mod tests;
