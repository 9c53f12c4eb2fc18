//! One object of the simulated sky as the survey meets it: what it is, its names, and what is fated to go wrong with it.

use crate::settings::{Settings, Survey};
use crate::sky::{Class, Model};
use crate::{Place, Random};

/// Where the numbers of a field's objects begin: what is always there, events, and what is seen once.
pub(crate) const EVENTS: u32 = 300_000;
const SOLAR_SYSTEM: u32 = 600_000;
const BOGUS: u32 = 700_000;
const RECURRING: u32 = 900_000;
/// Most things of one kind that one visit sees for the only time: their names leave room for so many.
pub(crate) const ONCE: u32 = 8192;
/// 26⁷: names of seven letters.
const NAMES: u64 = 8_031_810_176;
/// Prime to 26, so that multiplying by it only mixes the names.
const MIX: u64 = 1_234_567_891;
/// Smallest of LSST's ids here.
const LSST_IDS: u64 = 300_000_000_000_000_000;

const FATE: u64 = 0x6661_7465;
const NOISE: u64 = 0x6e6f_6973;

/// What is fated to happen to an object's sources after they were sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Plain,
    /// Some are measured again.
    Remeasured,
    /// Some are withdrawn.
    Withdrawn,
    /// From this night on they are another object's.
    Moved(i64),
}

/// When it can be seen at all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Shown {
    /// Whenever it is bright enough.
    Always,
    /// In the visit of this number only.
    Once(u64),
    /// A flaw that comes back in this share of visits.
    Often(f64),
}

/// An object.
#[derive(Clone, Debug)]
pub(crate) struct Thing {
    pub model: Model,
    /// Unique in its field at any time: with a visit it makes the ids of sources.
    pub number: u32,
    /// The survey's id of it, as in [`crate::Target`].
    pub id: u64,
    /// The id of the object that takes over its sources, if that is its fate.
    pub other: u64,
    pub fate: Fate,
    pub shown: Shown,
    /// Errors are quoted too small by this factor.
    pub factor: f64,
    /// Part of the noise that lasts for days, in σ.
    pub lasting: f64,
    /// All that is random about it.
    pub random: Random,
}

/// Makes things with their names.
#[derive(Clone, Debug)]
pub(crate) struct Maker<'a> {
    pub settings: &'a Settings,
    pub random: Random,
    pub field: u32,
}

impl Maker<'_> {
    /// The `nth` of what is always there.
    pub fn standing(&self, model: Model, nth: u32) -> Thing {
        self.named(model, nth.min(EVENTS - 1), 0, Shown::Always)
    }

    /// The `nth` event that begins on a day.
    pub fn event(&self, model: Model, day: i64, nth: u32) -> Thing {
        let round = day.div_euclid(1000) as u64;
        let number = EVENTS + day.rem_euclid(1000) as u32 * 250 + nth.min(249);
        self.named(model, number, round, Shown::Always)
    }

    /// A flaw of the field that comes back.
    pub fn recurring(&self, place: Place, nth: u32, share: f64) -> Thing {
        let number = RECURRING + nth.min(99_999);
        let random = self.random.of(3, u64::from(number));
        let model = Model::draw(Class::Bogus, place, random, 0.0);
        self.named(model, number, 0, Shown::Often(share))
    }

    /// What one visit sees for the only time: a flaw, or something that has moved on before the next.
    pub fn once(&self, model: Model, exposure: &crate::survey::Exposure, nth: u32) -> Thing {
        let nth = nth.min(ONCE - 1);
        let bogus = model.class == Class::Bogus;
        let number = nth + if bogus { BOGUS } else { SOLAR_SYSTEM };
        let year = exposure.night.rem_euclid(366) as u64;
        let within = ((year * 1000 + u64::from(exposure.nth)) * u64::from(ONCE) + u64::from(nth)) * 2;
        let random = self.random.of(2, exposure.visit.number).of(4, u64::from(number));
        let moves = !bogus && self.settings.survey == Survey::Lsst;
        let known = model.solar_system(exposure.visit.mid_tai).map(|(number, _)| u64::from(number));
        let id = match known.filter(|_| moves) {
            Some(number) => number,
            None => self.name(2_000_000_000 + within + u64::from(bogus), exposure.night, 0),
        };
        self.thing(model, number, (id, id), Shown::Once(exposure.visit.number), random)
    }

    fn named(&self, model: Model, number: u32, round: u64, shown: Shown) -> Thing {
        let random = self.random.of(1, u64::from(number)).of(round, u64::from(self.field));
        let begun = model.lifetime().map_or(58_000 + (number % 8 * 365) as i64, |(from, _)| from as i64);
        let within = u64::from(self.field) * 1_000_000 + u64::from(number);
        let name = |more: u64| self.name(within + more, begun, round);
        let ids = (name(0), name(1_000_000_000));
        self.thing(model, number, ids, shown, random)
    }

    /// The survey's id of its `within`th name of a year, or of a thousand days.
    fn name(&self, within: u64, mjd: i64, round: u64) -> u64 {
        match self.settings.survey {
            Survey::Ztf => {
                let year = ((mjd - 51_544).div_euclid(365)).clamp(17, 99) as u64;
                year * NAMES + (u128::from(within % NAMES) * u128::from(MIX) % u128::from(NAMES)) as u64
            }
            Survey::Lsst => LSST_IDS + round % 1000 * 10_000_000_000_000 + within * 10 + 7,
        }
    }

    fn thing(&self, model: Model, number: u32, (id, other): (u64, u64), shown: Shown, random: Random) -> Thing {
        let settings = self.settings;
        let mut fates = random.of(FATE, 0);
        let (which, trouble) = (fates.unit(), &settings.trouble);
        let lsst = settings.survey == Survey::Lsst;
        let again = if lsst { trouble.remeasured } else { 0.0 };
        let gone = again + if lsst { trouble.withdrawn } else { 0.0 };
        let nights = u64::from(settings.nights);
        let fate = match shown {
            Shown::Always if which < again => Fate::Remeasured,
            Shown::Always if which < gone => Fate::Withdrawn,
            Shown::Always if which < gone + trouble.moved && nights > 1 => {
                Fate::Moved(i64::from(settings.start) + 1 + fates.below(nights - 1) as i64)
            }
            _ => Fate::Plain,
        };
        let mut noise = random.of(NOISE, 0);
        let factor = if noise.chance(settings.noise.underestimated) { settings.noise.factor } else { 1.0 };
        let lasting = if noise.chance(settings.noise.correlated) { noise.between(0.5, 1.5) } else { 0.0 };
        Thing { model, number, id, other, fate, shown, factor, lasting, random }
    }
}

impl Thing {
    /// Whose its sources are in a night.
    pub fn id_in(&self, night: i64) -> u64 {
        match self.fate {
            Fate::Moved(on) if night >= on => self.other,
            _ => self.id,
        }
    }
}
