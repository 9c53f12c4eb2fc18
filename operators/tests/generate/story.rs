//! An object's history as a person would write it down: days, bands, fluxes in nJy.

use skydiff_operators::Offer;
use skydiff_schemas::{
    Band, Context, Kind, Measurement, MicroDays, ObjectClass, ObjectId, PicoJansky, Position, Quality, Row, SourceId,
    SurveyId, Version,
};
use std::cmp::Reverse;

/// Day 0 of every story, MJD.
pub const START: i64 = 60_000 * 1_000_000;

/// Names an object that has a place.
pub fn sidereal(survey: u8, id: u64) -> ObjectId {
    ObjectId { survey: SurveyId(survey), class: ObjectClass::Sidereal, id }
}

/// Names an object that moves.
pub fn solar_system(survey: u8, id: u64) -> ObjectId {
    ObjectId { survey: SurveyId(survey), class: ObjectClass::SolarSystem, id }
}

/// The instant so many days after the start.
pub fn day(days: f64) -> MicroDays {
    MicroDays(START + (days * 1e6).round() as i64)
}

pub fn band(name: &str) -> Band {
    Band::from_name(name).expect("a band")
}

/// A measurement of good quality with neither total nor place, in reference 0; its visit is its id.
pub fn measured(kind: Kind, id: u64, days: f64, name: &str, flux: f64, sigma: f64) -> Measurement {
    Measurement {
        time: day(days),
        id: SourceId(id),
        visit: id,
        flux: nano(flux),
        sigma: nano(sigma),
        total: Measurement::NO_TOTAL,
        position: Position::UNKNOWN,
        reference: 0,
        quality: Quality::GOOD,
        kind,
        band: band(name),
    }
}

pub fn nano(flux: f64) -> PicoJansky {
    PicoJansky::from_nanojansky(flux).expect("a flux in range")
}

/// The context columns of a packet that says nothing.
pub fn silent() -> Context {
    Context::BLANK
}

/// A packet under construction: its last source becomes the trigger.
#[derive(Clone, Debug)]
pub struct Story {
    pub object: ObjectId,
    pub rows: Vec<Measurement>,
    pub context: Context,
}

impl Story {
    pub fn of(object: ObjectId) -> Story {
        Story { object, rows: Vec::new(), context: silent() }
    }

    fn add(mut self, kind: Kind, days: f64, name: &str, flux: f64, sigma: f64) -> Story {
        let id = 1 + self.rows.len() as u64;
        self.rows.push(measured(kind, id, days, name, flux, sigma));
        self
    }

    pub fn source(self, days: f64, name: &str, flux: f64, sigma: f64) -> Story {
        self.add(Kind::Source, days, name, flux, sigma)
    }

    pub fn forced(self, days: f64, name: &str, flux: f64, sigma: f64) -> Story {
        self.add(Kind::Forced, days, name, flux, sigma)
    }

    pub fn limit(self, days: f64, name: &str, flux: f64) -> Story {
        self.add(Kind::Limit, days, name, flux, flux / 5.0)
    }

    /// Changes the newest row.
    pub fn with(mut self, change: impl FnOnce(&mut Measurement)) -> Story {
        change(self.rows.last_mut().expect("a row"));
        self
    }

    /// Changes the context of the trigger.
    pub fn context(mut self, change: impl FnOnce(&mut Context)) -> Story {
        change(&mut self.context);
        self
    }

    /// The packet: the newest source triggers it, the rest is history.
    pub fn packet(&self) -> Offer {
        let sources = self.rows.iter().filter(|row| row.kind == Kind::Source);
        let trigger = *sources.max_by_key(|row| (row.time, row.id)).expect("a story has a source");
        let history = self.rows.iter().copied().filter(|row| *row != trigger);
        let rows = std::iter::once(trigger).chain(history);
        let version = |row: &Measurement| Version {
            rank: 0,
            processed: Version::UNPROCESSED,
            packet: Reverse(trigger.time),
            trigger: *row == trigger,
        };
        Offer {
            object: self.object,
            trigger: trigger.id,
            time: trigger.time,
            rows: rows
                .map(|row| Row { measurement: row, version: version(&row), global: row.kind == Kind::Source })
                .collect(),
            context: self.context,
        }
    }
}
