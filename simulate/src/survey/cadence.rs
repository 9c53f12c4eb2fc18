//! The visits of a night: which fields are due, in which bands, when; clouds, moon and seeing.
//!
//! A night is a function of the seed and its date, so that a packet's history knows the nights before without having
//! lived through them. Fields are taken in blocks: all of a block in one band, then all again in another, half an hour or
//! more after, as both surveys do to tell what moves from what changes.

use super::{Fields, Telescope};
use crate::settings::{Settings, Survey};
use crate::{Random, Visit};
use skydiff_schemas::survey::tai;
use skydiff_schemas::{MicroDays, iso_utc};

/// MJD of 2017-01-01, from which ZTF counts.
const ORIGIN: f64 = 57_754.0;
/// MJD of a March equinox, and the year's length: where the sun is.
const EQUINOX: f64 = 60_754.38;
const YEAR: f64 = 365.2422;
/// MJD of a new moon, and the month's length.
const NEW_MOON: f64 = 60_673.94;
const MONTH: f64 = 29.530_588;
/// Fields within so many degrees of the sun's opposite (in right ascension) are up.
const UP: f64 = 66.0;
/// Least days between a field's two visits.
const PAIR: f64 = 0.5 / 24.0 + 0.001;
/// Most fields of a block.
const BLOCK: usize = 45;

const NIGHT: u64 = 0x6e69_6768;
const CLOUDS: u64 = 0x636c_6f75;
const VISIT: u64 = 0x7669_7369;
const GRID: u64 = 0x6772_6964;

/// A visit with its place in the survey.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exposure {
    pub visit: Visit,
    /// The field by its index in the grid (`visit.field` is its number as the survey writes it).
    pub field: u32,
    /// 0, or 1 on the second, shifted grid.
    pub grid: u8,
    /// Its number within the night.
    pub nth: u32,
    /// Date of its night, MJD.
    pub night: i64,
}

/// Makes nights.
#[derive(Clone, Debug)]
pub(crate) struct Cadence {
    random: Random,
    survey: Survey,
    telescope: &'static Telescope,
    visits: usize,
    weather: bool,
    pub fields: Fields,
    /// The fields that the survey has, in an order that means nothing.
    pub footprint: Vec<u32>,
}

impl Cadence {
    pub fn new(settings: &Settings) -> Cadence {
        let telescope = Telescope::of(settings.survey);
        let random = Random::new(settings.seed).of(NIGHT, 0);
        let fields = Fields::new(telescope);
        let slots = f64::from(settings.visits.div_ceil(2));
        let wanted = slots * f64::from(telescope.cycle) * 180.0 / UP;
        let footprint = fields.footprint(random, wanted.ceil() as usize);
        Cadence {
            random,
            survey: settings.survey,
            telescope,
            visits: settings.visits as usize,
            weather: settings.weather,
            fields,
            footprint,
        }
    }

    /// The visits of the night of that date (MJD), in order of time; none under clouds.
    pub fn night(&self, night: i64) -> Vec<Exposure> {
        let mut clouds = self.clouds(night);
        if clouds > 2.0 {
            return Vec::new();
        }
        clouds = clouds.max(0.0);
        let due = self.due(night);
        let blocks = due.chunks(BLOCK).count().max(1);
        let Telescope { step, dusk, length, .. } = *self.telescope;
        let room = length / blocks as f64;
        let mut exposures: Vec<Exposure> = Vec::with_capacity(self.visits);
        for (block, fields) in due.chunks(BLOCK).enumerate() {
            let mut random = self.random.of(NIGHT, night as u64).of(1, block as u64);
            let pair = self.telescope.pairs[random.below(self.telescope.pairs.len() as u64) as usize];
            let begin = night as f64 + dusk + block as f64 * room;
            let second = (fields.len() as f64 * step / 86_400.0).max(PAIR);
            for (filter, from) in [(pair.0, begin), (pair.1, begin + second)] {
                for (at, field) in fields.iter().enumerate() {
                    let start = from + at as f64 * step / 86_400.0;
                    let grid =
                        self.random.of(GRID, u64::from(*field)).of(2, night as u64).unit() < self.telescope.second_grid;
                    let nth = exposures.len() as u32;
                    let visit = self.visit(start, night, nth, *field, grid, filter, clouds);
                    exposures.push(Exposure { visit, field: *field, grid: u8::from(grid), nth, night });
                }
            }
        }
        exposures.truncate(self.visits);
        exposures
    }

    /// The fields that are up and whose turn it is, by right ascension; more of those that are up if there are too few.
    fn due(&self, night: i64) -> Vec<u32> {
        let slots = self.visits.div_ceil(2);
        let sun = 360.0 * (night as f64 - EQUINOX) / YEAR;
        let from_opposite = |field: &u32| {
            let away = (self.fields.patch(*field).centre.ra - sun - 180.0).rem_euclid(360.0);
            away.min(360.0 - away)
        };
        let cycle = i64::from(self.telescope.cycle);
        let up = self.footprint.iter().copied().enumerate().filter(|(_, field)| from_opposite(field) < UP);
        let (mut due, others): (Vec<_>, Vec<_>) = up.partition(|(rank, _)| (*rank as i64 + night) % cycle == 0);
        due.extend(others);
        due.truncate(slots);
        let mut due: Vec<u32> = due.into_iter().map(|(_, field)| field).collect();
        let ra = |field: &u32| self.fields.patch(*field).centre.ra;
        due.sort_by(|one, other| ra(one).total_cmp(&ra(other)).then(one.cmp(other)));
        // A night that is long enough comes back to the first.
        let all = due.len();
        due.extend_from_within(..all.min(slots - all));
        due
    }

    /// Magnitudes that clouds cost; over 2 the dome stays shut. Weather lasts for some days.
    fn clouds(&self, night: i64) -> f64 {
        if !self.weather {
            return 0.0;
        }
        let of = |night: i64| self.random.of(CLOUDS, night as u64).gauss();
        let lasting = [(0, 0.8), (1, 0.5), (2, 0.33)].map(|(back, share)| share * of(night - back)).iter().sum::<f64>();
        // One night in six is shut, one in three has some cloud.
        match lasting {
            shut if shut > 0.97 => 3.0,
            thin if thin > 0.43 => thin - 0.43,
            _ => 0.0,
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn visit(
        &self,
        start: f64,
        night: i64,
        nth: u32,
        field: u32,
        grid: bool,
        filter: super::telescope::Filter,
        clouds: f64,
    ) -> Visit {
        let telescope = self.telescope;
        let mut random = self.random.of(VISIT, night as u64).of(3, u64::from(nth));
        let phase = (start - NEW_MOON).rem_euclid(MONTH) / MONTH;
        let lit = if self.weather { (1.0 - libm::cos(std::f64::consts::TAU * phase)) / 2.0 } else { 0.0 };
        let spread = if self.weather { libm::exp(0.15 * random.gauss()) } else { 1.0 };
        // A source's light is spread over the square of the seeing, and noise grows with its root.
        let lost = clouds + filter.moon * lit * lit + 2.5 * libm::log10(spread) + 0.05 * random.gauss();
        let depth = filter.depth - lost;
        let start_utc = MicroDays::from_days(start).unwrap_or_default();
        let mid = tai::after_utc(start_utc, telescope.exposure / 2.0);
        let number = match self.survey {
            Survey::Ztf => ((start - ORIGIN) * 1e5) as u64,
            Survey::Lsst => lsst_visit(night, nth),
        };
        Visit {
            number,
            night: (night - ORIGIN as i64).max(0) as u32,
            start_utc: start_utc.days(),
            mid_tai: mid.days(),
            exposure: telescope.exposure,
            band: filter.band,
            field: telescope.first_field + field + if grid { 1000 } else { 0 },
            limit: flux(depth),
            seeing: telescope.seeing * spread,
            sky: 150.0 * libm::pow(10.0, 0.4 * filter.moon * lit * lit),
            zero_point: telescope.zero_point - clouds + 0.03 * random.gauss(),
            program: 1,
        }
    }
}

/// LSST's visit ids are the date's digits and five more.
fn lsst_visit(night: i64, nth: u32) -> u64 {
    let midnight = iso_utc(MicroDays(night * MicroDays::DAY.0));
    let date: String = midnight.chars().take(10).filter(char::is_ascii_digit).collect();
    date.parse::<u64>().unwrap_or_default() * 100_000 + u64::from(nth)
}

/// nJy of an AB magnitude.
pub(crate) fn flux(magnitude: f64) -> f64 {
    libm::pow(10.0, (31.4 - magnitude) / 2.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cadence(survey: Survey, visits: u32) -> Cadence {
        Cadence::new(&Settings { survey, visits, ..Settings::default() })
    }

    #[test]
    fn nights_are_of_the_surveys_pace_and_fields_come_back() {
        for (survey, visits) in [(Survey::Ztf, 600), (Survey::Ztf, 8), (Survey::Lsst, 900), (Survey::Lsst, 21)] {
            let cadence = cadence(survey, visits);
            let nights: Vec<_> = (61_041..61_071).map(|night| cadence.night(night)).collect();
            let open = nights.iter().filter(|night| !night.is_empty()).count();
            assert!((15..=29).contains(&open), "{survey:?}: {open} of 30 nights are clear");
            let mut last = 0.0;
            let mut numbers = std::collections::BTreeSet::new();
            for exposure in nights.iter().flatten() {
                assert!(exposure.visit.start_utc >= last, "in order");
                last = exposure.visit.start_utc;
                assert!(numbers.insert(exposure.visit.number), "{}", exposure.visit.number);
                assert!((exposure.night as f64..exposure.night as f64 + 0.6).contains(&exposure.visit.start_utc));
            }
            assert!(nights.iter().filter(|n| !n.is_empty()).all(|night| night.len() == visits as usize));
            // Not one that is about to set.
            let field =
                nights.iter().find(|night| !night.is_empty()).map(|night| night[night.len() / 2].field).unwrap();
            let again = nights.iter().flatten().filter(|exposure| exposure.field == field).count();
            assert!(again >= 8, "{survey:?} {visits}: field {field} is taken {again} times");
        }
    }

    #[test]
    fn a_field_is_taken_twice_half_an_hour_apart() {
        let night = Cadence::new(&Settings { visits: 100, weather: false, ..Settings::default() }).night(61_041);
        let field = night[3].field;
        let twice: Vec<_> = night.iter().filter(|exposure| exposure.field == field).collect();
        assert_eq!(twice.len(), 2);
        assert!(twice[1].visit.start_utc - twice[0].visit.start_utc > 0.5 / 24.0);
    }

    #[test]
    fn visit_ids_begin_with_the_date() {
        assert_eq!(lsst_visit(61_041, 12), 2_026_010_100_012);
        assert_eq!(lsst_visit(60_369, 0), 2_024_022_900_000);
    }
}
