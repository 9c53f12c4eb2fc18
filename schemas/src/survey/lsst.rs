//! LSST: alert packets 7.1 to 11.1 of the Vera C. Rubin Observatory, read by the names of their fields.
//!
//! Facts, from the field descriptions of `lsst/alert_packet`, the numbers in `reference/surveys.md` and 90 real packets:
//! - Times are MJD TAI at mid-exposure, fluxes nJy, angles degrees but for `ephOffset` (arcsec: it equals the distance from
//!   `ephRa`, `ephDec` in all 7 packets that have it).
//! - `psfFlux` is the flux of the difference and has its sign; `isNegative` is about the detected footprint, disagrees with the
//!   sign in 111 of 10,546 sources, and is not used. `scienceFlux` is the flux on the visit's own image: the total.
//! - No object is null or 0; no time is null, NaN or 0; `ephVmag` 0 is no magnitude.
//! - A packet belongs to its `diaObjectId`, else its `ssObjectId`, and claims every row that it carries for that object.
//! - `visit` is the visit; a detector is not folded in: a place on the sky falls on one detector of a visit, and the source and
//!   the forced source there must meet. Three pairs of real sources share object, visit and detector.
//! - Fluxes of one band share a template system, so a series is the band: `reference` is 0.
//! - Limits (7.x) carry neither id nor visit but `ccdVisitId`, which with the band identifies them, and the noise of the
//!   difference image; a limit is five times that.

mod columns;
mod schemas;

use super::photometry::Fluxes;
use super::{Cutout, Mapping, SettingsError, Survey, SurveySettings, Table, nonsense, settings, tai};
use crate::avro::{Captured, Selection, Slot, Values};
use crate::{
    Alert, Band, Context, Kind, Measurement, MicroDays, ObjectClass, ObjectId, PacketReject, Position, Quality, Real,
    Row, RowReject, SourceId, SurveyId, Version,
};
use columns::{Columns, RowColumns, SourceColumns};
pub use schemas::{schema_ids, writer_schema};
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;

/// What begins the name of a solar-system object, whose numbers are not those of other objects.
const SOLAR_SYSTEM: &str = "ss:";

/// MJD of 1970-01-01, from which 8.0 counts microseconds.
const UNIX_EPOCH: f64 = 40_587.0;

/// The survey.
#[derive(Clone, Copy, Debug)]
pub struct Lsst;

/// When an LSST measurement counts. A column that a packet lacks, or leaves null, never makes it bad.
///
/// The flags are columns of `diaSource`; a name that a schema does not have is no flag there. Default flags are those that Fink's
/// `b_good_quality` uses for Rubin (`reference/fink.md`), less those of measurements that are not read (`apFlux_flag`,
/// `shape_flag`, which is set on 30 % of real 9.0 sources), and with injected ones, which are not of the sky.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QualityCuts {
    /// Least `reliability`, 0 to 1. Default 0.5: production of 2026 sends none below as triggers, but many in histories.
    pub reliability: f64,
    /// Flags of a misaligned subtraction. Default `isDipole`.
    pub dipole_flags: Vec<String>,
    /// Flags of pixels that spoil a source. Default: the general failure, bad, cosmic ray, edge, interpolated, no data, off
    /// image, saturated, streak, and injected.
    pub pixel_flags: Vec<String>,
    /// Flags of a flux or a place that could not be measured. Default `psfFlux_flag`, `psfFlux_flag_edge`,
    /// `psfFlux_flag_noGoodPixels`, `centroid_flag`.
    pub flux_flags: Vec<String>,
    /// Flags of streaks. Default `glint_trail`.
    pub shape_flags: Vec<String>,
}

impl Default for QualityCuts {
    fn default() -> Self {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        QualityCuts {
            reliability: 0.5,
            dipole_flags: names(&["isDipole"]),
            pixel_flags: names(&[
                "pixelFlags",
                "pixelFlags_bad",
                "pixelFlags_cr",
                "pixelFlags_edge",
                "pixelFlags_interpolated",
                "pixelFlags_nodata",
                "pixelFlags_offimage",
                "pixelFlags_saturated",
                "pixelFlags_streak",
                "pixelFlags_streakCenter",
                "pixelFlags_injected",
                "pixelFlags_injected_template",
            ]),
            flux_flags: names(&["psfFlux_flag", "psfFlux_flag_edge", "psfFlux_flag_noGoodPixels", "centroid_flag"]),
            shape_flags: names(&["glint_trail"]),
        }
    }
}

impl Survey for Lsst {
    fn id(&self) -> SurveyId {
        SurveyId(1)
    }

    fn name(&self) -> &'static str {
        "lsst"
    }

    fn marks(&self) -> &'static [&'static str] {
        &["diaSource.diaSourceId", "diaSource.midpointMjdTai", "diaSource.ssObjectId", "prvDiaSources"]
    }

    fn mapping(&self, settings: &SurveySettings) -> Result<Box<dyn Mapping>, SettingsError> {
        let cuts = settings.quality(self.name())?;
        let mut selection = Selection::new();
        let columns = Columns::new(&mut selection, &cuts);
        settings.alias(self.name(), &mut selection)?;
        Ok(Box::new(LsstMapping { reliability: cuts.reliability, columns, selection }))
    }

    fn quality_defaults(&self) -> Table {
        settings::table(&QualityCuts::default())
    }

    /// A decimal number, after `ss:` for an object of the solar system.
    fn object_name(&self, object: ObjectId) -> String {
        match object.class {
            ObjectClass::Sidereal => object.id.to_string(),
            ObjectClass::SolarSystem => format!("{SOLAR_SYSTEM}{}", object.id),
        }
    }

    fn parse_object(&self, name: &str) -> Option<ObjectId> {
        let (class, number) = match name.strip_prefix(SOLAR_SYSTEM) {
            Some(number) => (ObjectClass::SolarSystem, number),
            None => (ObjectClass::Sidereal, name),
        };
        let canonical = number.bytes().all(|byte| byte.is_ascii_digit()) && !number.starts_with('0');
        let id = number.parse().ok().filter(|_| canonical)?;
        Some(ObjectId { survey: self.id(), class, id })
    }

    fn writer_schema(&self, id: u32) -> Option<String> {
        writer_schema(id)
    }
}

struct LsstMapping {
    reliability: f64,
    columns: Columns,
    selection: Selection,
}

/// An id that names something.
fn id(row: Values<'_>, slot: Slot) -> Option<u64> {
    row.integer(slot).and_then(|id| u64::try_from(id).ok()).filter(|id| *id != 0)
}

/// A time that is one.
fn time(row: Values<'_>, slot: Slot) -> Option<MicroDays> {
    row.float(slot).filter(|days| *days > 0.0).and_then(MicroDays::from_days)
}

fn band(row: Values<'_>, slot: Slot) -> Option<Band> {
    row.text(slot).and_then(Band::from_name)
}

/// A measurement and its survey's own time of it.
type Processed = (Measurement, MicroDays);

impl LsstMapping {
    /// What a source and a forced source have in common. One that was withdrawn has no values, so that every copy that says so
    /// is the same; when that was said is its time of processing.
    fn row(&self, columns: &RowColumns, row: Values<'_>, kind: Kind, science: bool) -> Result<Processed, RowReject> {
        let flux = row.float(columns.flux).zip(row.float(columns.error));
        let flux = flux.filter(|(flux, _)| kind != Kind::Forced || *flux != 0.0);
        let (fluxes, quality) = Fluxes::new(flux, row.float(columns.science).filter(|_| science));
        let position = row.float(columns.ra).zip(row.float(columns.dec));
        let measurement = Measurement {
            time: time(row, columns.time).ok_or(RowReject::Time)?,
            id: SourceId(id(row, columns.id).ok_or(RowReject::Identity)?),
            visit: row.integer(columns.visit).and_then(|visit| u64::try_from(visit).ok()).ok_or(RowReject::Identity)?,
            flux: fluxes.flux,
            sigma: fluxes.sigma,
            total: fluxes.total,
            position: position.and_then(|(ra, dec)| Position::from_degrees(ra, dec)).unwrap_or(Position::UNKNOWN),
            reference: 0,
            quality,
            kind,
            band: band(row, columns.band).ok_or(RowReject::Band)?,
        };
        let utc = row.integer(columns.processed_utc).filter(|micros| *micros > 0);
        let utc = utc.and_then(|micros| MicroDays::from_days(UNIX_EPOCH + micros as f64 / 86_400e6));
        let processed = time(row, columns.processed).or(utc.map(tai::from_utc)).unwrap_or(Version::UNPROCESSED);
        Ok(match time(row, columns.withdrawn) {
            Some(withdrawn) => (measurement.withdrawn(), withdrawn.max(processed)),
            None => (measurement, processed),
        })
    }

    fn source(&self, columns: &SourceColumns, row: Values<'_>) -> Result<Processed, RowReject> {
        let science = row.boolean(columns.science_flag) != Some(true);
        let (measurement, processed) = self.row(&columns.row, row, Kind::Source, science)?;
        if measurement.quality.has(Quality::WITHDRAWN) {
            return Ok((measurement, processed));
        }
        let unreliable = row.float(columns.reliability).is_some_and(|reliability| reliability < self.reliability);
        let quality = Quality(measurement.quality.0 | columns.flagged(row).0).with(Quality::SCORE, unreliable);
        Ok((Measurement { quality, ..measurement }, processed))
    }

    fn limit(&self, row: Values<'_>) -> Result<Processed, RowReject> {
        let columns = &self.columns.limit;
        let band = band(row, columns.band).ok_or(RowReject::Band)?;
        let ccd_visit = id(row, columns.ccd_visit).filter(|id| *id < 1 << 60).ok_or(RowReject::Identity)?;
        let noise = row.float(columns.noise);
        let (fluxes, quality) = Fluxes::new(noise.map(|noise| (5.0 * noise, noise)), None);
        let measurement = Measurement {
            time: time(row, columns.time).ok_or(RowReject::Time)?,
            id: SourceId(ccd_visit << 4 | u64::from(band.0)),
            visit: ccd_visit,
            flux: fluxes.flux,
            sigma: fluxes.sigma,
            total: fluxes.total,
            position: Position::UNKNOWN,
            reference: 0,
            quality,
            kind: Kind::Limit,
            band,
        };
        Ok((measurement, Version::UNPROCESSED))
    }

    fn owner(&self, root: Values<'_>) -> Option<ObjectId> {
        let columns = &self.columns.owner;
        let of = |class| move |id| ObjectId { survey: Lsst.id(), class, id };
        let solar_system = id(root, columns.solar_system).or_else(|| id(root, columns.solar_system_source));
        let sidereal = id(root, columns.sidereal).map(of(ObjectClass::Sidereal));
        sidereal.or_else(|| solar_system.map(of(ObjectClass::SolarSystem)))
    }

    fn context(&self, root: Values<'_>, ra: f64, dec: f64) -> Context {
        let columns = &self.columns.context;
        let [residual_ra, residual_dec] = columns.residual.map(|slot| root.float(slot));
        let residual = residual_ra.zip(residual_dec).map(|(ra, dec)| libm::hypot(ra, dec) * 3600.0);
        let offset = root.float(columns.offset).filter(|offset| *offset >= 0.0).or(residual);
        let detections = root.integer(columns.detections).and_then(|count| i32::try_from(count).ok());
        let arcsec = |slot| Real::new(root.float(slot).filter(|error| *error >= 0.0).map(|degrees| degrees * 3600.0));
        Context {
            ra: ra.to_bits(),
            dec: dec.to_bits(),
            first_detection: time(root, columns.first).unwrap_or(Context::NEVER),
            ra_err: arcsec(columns.ra_err),
            dec_err: arcsec(columns.dec_err),
            real_bogus: Real::new(root.float(self.columns.trigger.reliability)),
            star: Real::new(root.float(columns.extendedness).map(|extended| 1.0 - extended)),
            neighbour_distance: Real::new(root.float(columns.neighbour)),
            solar_system_distance: Real::new(offset),
            solar_system_magnitude: Real::new(root.float(columns.predicted).filter(|magnitude| *magnitude > 0.0)),
            detections: detections.filter(|count| *count >= 0).unwrap_or(-1),
            ..Context::BLANK
        }
    }
}

impl Mapping for LsstMapping {
    fn selection(&self) -> &Selection {
        &self.selection
    }

    fn fill(&self, captured: &Captured<'_>, alert: &mut Alert) -> Result<(), PacketReject> {
        let (root, columns) = (captured.root(), &self.columns.trigger);
        let (trigger, processed) = self.source(columns, root).map_err(|reject| match reject {
            RowReject::Band => nonsense("diaSource.band", root.text(columns.row.band)),
            RowReject::Identity => nonsense(
                "diaSource.(diaSourceId, visit)",
                (root.integer(columns.row.id), root.integer(columns.row.visit)),
            ),
            RowReject::Time | RowReject::Future => nonsense("diaSource.midpointMjdTai", root.float(columns.row.time)),
        })?;
        let object = self.owner(root).ok_or_else(|| {
            PacketReject::Value("neither diaSource.diaObjectId nor ssObjectId names an object".to_owned())
        })?;
        let place = (root.float(columns.row.ra), root.float(columns.row.dec));
        let (Some(ra), Some(dec)) = place else { return Err(nonsense("diaSource.(ra, dec)", place)) };
        Position::from_degrees(ra, dec).ok_or_else(|| nonsense("diaSource.(ra, dec)", (ra, dec)))?;

        let copy = |processed| Version { rank: 0, processed, packet: Reverse(trigger.time), trigger: false };
        alert.survey = Lsst.id();
        alert.object = object;
        alert.trigger = trigger.id;
        alert.time = trigger.time;
        alert.visit = trigger.visit;
        alert.context = self.context(root, ra, dec);
        alert.rows.clear();
        alert.rejects.clear();
        alert.rows.push(Row {
            measurement: trigger,
            version: Version { trigger: true, ..copy(processed) },
            global: true,
        });
        let previous = captured.rows(self.columns.history).map(|row| self.source(&self.columns.previous, row));
        let forced = &self.columns.forced_row.row;
        let forced = captured.rows(self.columns.forced).map(|row| self.row(forced, row, Kind::Forced, true));
        let limits = captured.rows(self.columns.limits).map(|row| self.limit(row));
        for row in previous.chain(forced).chain(limits) {
            match row {
                Ok((measurement, _)) if measurement.time > trigger.time => alert.rejects.push(RowReject::Future),
                Ok((measurement, processed)) => alert.rows.push(Row {
                    measurement,
                    version: copy(processed),
                    global: measurement.kind != Kind::Limit,
                }),
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
