//! The fields as the survey knows them: what is in each, what it has detected so far, and when it was there.
//!
//! What is in a field is made again whenever it is wanted and kept while there is room; what the survey itself keeps (first
//! detections and counts, which its packets tell) is remembered for objects that still can be seen.

use crate::observe::Eye;
use crate::settings::{Settings, Survey};
use crate::sky::{Class, Density, LONGEST, Model};
use crate::survey::{Cadence, Exposure};
use crate::thing::{Maker, ONCE, Thing};
use crate::truth::Known;
use crate::{Place, Random};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Of the flaws of a visit so many come back, each in this share of visits.
const RECURRING: f64 = 0.2;
const SHARE: f64 = 0.25;
/// Objects of fields that are kept ready, in all.
const READY: usize = 1_500_000;
/// Late packets want what was known so many days before the history's reach.
const LATE_DAYS: f64 = 5.0;
/// Constant stars whose reference is wrong, where they are wanted, as multiples of the usual density.
const CONSTANT: f64 = 2.0;

const FIELD: u64 = 0x6669_656c;
const STARS: u64 = 0x7374_6172;

/// What the survey remembers of an object.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record {
    /// Start of the exposure of its first detection, UTC, and its middle, TAI.
    pub first: (f64, f64),
    pub detections: u32,
    /// Whether an alert of it was told of as truth, and up to when its light was.
    pub told: Option<f64>,
    /// What the receiver has been sent of an object that something is fated to happen to.
    pub known: Option<Box<Known>>,
}

/// A field.
#[derive(Debug, Default)]
pub(crate) struct Field {
    /// Exposures that histories can still reach, in order of time.
    pub past: VecDeque<Exposure>,
    /// Exposures ever.
    pub visits: u32,
    pub records: BTreeMap<u32, Record>,
    things: Option<Things>,
    warm: bool,
}

/// What is in a field.
#[derive(Clone, Debug, Default)]
struct Things {
    standing: Vec<Arc<Thing>>,
    events: BTreeMap<i64, Vec<Arc<Thing>>>,
}

/// All fields.
#[derive(Debug)]
pub(crate) struct Patches {
    random: Random,
    density: Density,
    pub eye: Eye,
    fields: BTreeMap<u32, Field>,
    ready: VecDeque<u32>,
    held: usize,
}

impl Patches {
    pub fn new(settings: &Settings, eye: Eye) -> Patches {
        let usual = match settings.survey {
            Survey::Ztf => 1_000.0,
            Survey::Lsst => 10_000.0,
        };
        let mut density = Density::new(eye.telescope.depth(), settings.alerts / usual);
        for class in Class::ALL.into_iter().filter(|class| !settings.has(*class)) {
            density = density.with(class, 0.0);
        }
        if settings.has(Class::Constant) {
            density = density.with(Class::Constant, CONSTANT);
        }
        let random = Random::new(settings.seed).of(FIELD, 0);
        Patches { random, density, eye, fields: BTreeMap::new(), ready: VecDeque::new(), held: 0 }
    }

    /// The survey has been there.
    pub fn passed(&mut self, exposure: &Exposure) {
        let field = self.fields.entry(exposure.field).or_default();
        field.visits += 1;
        field.past.push_back(*exposure);
        let least = exposure.visit.mid_tai - self.eye.telescope.history - LATE_DAYS;
        while field.past.front().is_some_and(|past| past.visit.mid_tai < least) {
            field.past.pop_front();
        }
    }

    /// Forgets what a night will not ask for: fields out of season, exposures that no history reaches.
    pub fn rest(&mut self, night: i64) {
        let least = night as f64 - self.eye.telescope.history - LATE_DAYS;
        for (number, field) in &mut self.fields {
            if field.past.back().is_some_and(|last| last.visit.mid_tai < least) {
                field.past.clear();
                self.held -= field.things.take().map_or(0, |things| things.standing.len());
                self.ready.retain(|ready| ready != number);
            }
        }
    }

    /// A field and everything in it that the visit may see.
    pub fn at(&mut self, settings: &Settings, cadence: &Cadence, exposure: &Exposure) -> (&mut Field, Vec<Arc<Thing>>) {
        self.make_ready(settings, cadence, exposure);
        let mut things = Vec::new();
        let maker = Maker { settings, random: self.random, field: exposure.field };
        let patch = cadence.fields.patch(exposure.field);
        let random = self.random.of(1, u64::from(exposure.field));
        let field = self.fields.entry(exposure.field).or_default();
        if let Some(ready) = &field.things {
            things.extend(ready.standing.iter().cloned());
            let begun = ready.events.range(..=exposure.night).flat_map(|(_, events)| events);
            things.extend(begun.filter(|thing| lives(thing, exposure.visit.mid_tai)).cloned());
        }
        if !field.warm {
            field.warm = true;
            warm(field, self.eye, &things, exposure);
        }
        if settings.has(Class::SolarSystem) {
            // Of the whole sky: the same one is met in other fields.
            let moving = self.density.solar_system(self.random, &patch, exposure.visit.mid_tai).into_iter();
            things.extend(moving.zip(0..ONCE).map(|(model, nth)| Arc::new(maker.once(model, exposure, nth))));
        }
        if settings.has(Class::Bogus) {
            let mut random = random.of(3, exposure.visit.number);
            let mean = self.density.bogus_per_visit(&patch) * (1.0 - RECURRING);
            for nth in 0..random.poisson(mean).min(u64::from(ONCE)) as u32 {
                let model = Model::draw(Class::Bogus, within(&patch, &mut random), random, 0.0);
                things.push(Arc::new(maker.once(model, exposure, nth)));
            }
        }
        (field, things)
    }

    fn make_ready(&mut self, settings: &Settings, cadence: &Cadence, exposure: &Exposure) {
        let patch = cadence.fields.patch(exposure.field);
        let random = self.random.of(1, u64::from(exposure.field));
        let maker = Maker { settings, random: self.random, field: exposure.field };
        let field = self.fields.entry(exposure.field).or_default();
        let ready = field.things.get_or_insert_with(|| {
            let models = self.density.standing(self.random, &patch).into_iter();
            let mut standing: Vec<_> =
                models.enumerate().map(|(nth, model)| Arc::new(maker.standing(model, nth as u32))).collect();
            if settings.has(Class::Bogus) {
                let count = (self.density.bogus_per_visit(&patch) * RECURRING / SHARE) as u32;
                let mut flaws = random.of(STARS, 1);
                standing
                    .extend((0..count).map(|nth| Arc::new(maker.recurring(within(&patch, &mut flaws), nth, SHARE))));
            }
            self.held += standing.len();
            self.ready.push_back(exposure.field);
            Things { standing, events: BTreeMap::new() }
        });
        let from = ready.events.keys().next_back().map_or(exposure.night - LONGEST as i64, |last| last + 1);
        for day in from..=exposure.night {
            let models = self.density.events(self.random, &patch, day).into_iter();
            let events = models.zip(0..).map(|(model, nth)| Arc::new(maker.event(model, day, nth))).collect();
            ready.events.insert(day, events);
        }
        // What is over for longer than histories reach is forgotten, by the survey too.
        let reach = exposure.visit.mid_tai - self.eye.telescope.history - LATE_DAYS;
        let records = &mut field.records;
        ready.events.retain(|day, events| {
            let over = |thing: &Arc<Thing>| !lives(thing, reach) && *day < exposure.night - 1;
            events.iter().filter(|thing| over(thing)).for_each(|thing| drop(records.remove(&thing.number)));
            events.retain(|thing| !over(thing));
            !events.is_empty() || *day >= exposure.night
        });
        while self.held > READY && self.ready.len() > 1 {
            let Some(oldest) = self.ready.pop_front() else { break };
            if oldest == exposure.field {
                self.ready.push_back(oldest);
            } else if let Some(field) = self.fields.get_mut(&oldest) {
                self.held -= field.things.take().map_or(0, |things| things.standing.len());
            }
        }
    }

    /// How many exposures and records are remembered, and objects held ready.
    #[cfg(test)]
    pub fn size(&self) -> usize {
        let events = |things: &Things| things.events.values().map(Vec::len).sum::<usize>();
        let of = |field: &Field| field.past.len() + field.records.len() + field.things.as_ref().map_or(0, events);
        self.held + self.fields.values().map(of).sum::<usize>()
    }

    /// A field that the survey has been to.
    pub fn field(&mut self, field: u32) -> &mut Field {
        self.fields.entry(field).or_default()
    }
}

/// What the survey detected before the first night.
fn warm(field: &mut Field, eye: Eye, things: &[Arc<Thing>], now: &Exposure) {
    for thing in things {
        for past in field.past.iter().filter(|past| past.visit.mid_tai < now.visit.mid_tai) {
            if eye.look(thing, past).is_some_and(|look| look.detected()) {
                field.records.entry(thing.number).or_default().detected(past);
            }
        }
    }
}

impl Record {
    /// Another detection.
    pub fn detected(&mut self, exposure: &Exposure) {
        if self.detections == 0 {
            self.first = (exposure.visit.start_utc, exposure.visit.mid_tai);
        }
        self.detections += 1;
    }
}

fn lives(thing: &Thing, mjd: f64) -> bool {
    thing.model.lifetime().is_none_or(|(_, to)| to >= mjd)
}

/// A place in a patch, evenly.
fn within(patch: &crate::sky::Patch, random: &mut Random) -> Place {
    let radius = patch.radius * libm::sqrt(random.unit());
    let angle = std::f64::consts::TAU * random.unit();
    let dec = (patch.centre.dec + radius * libm::sin(angle)).clamp(-89.9, 89.9);
    let ra = patch.centre.ra + radius * libm::cos(angle) / libm::cos(dec.to_radians());
    Place { ra: ra.rem_euclid(360.0), dec }
}
