//! A simulation: night after night, the packets in the order in which they come.
//!
//! Visits are taken in order of time; what is detected becomes an alert that waits until it is delivered. It is written
//! only then, from what the survey knew at its own visit, so that late packets cost a line of memory each.

use crate::observe::{Eye, Look};
use crate::packet::{Format, Writer};
use crate::patches::Patches;
use crate::settings::{Settings, Survey};
use crate::spoil::{kinds, spoil};
use crate::survey::{Cadence, Exposure, Telescope};
use crate::thing::{Fate, Shown, Thing};
use crate::truth::{Ledger, Object, Point, Told, What};
use crate::{Seen, Shot, SolarSystem, Target};
use skydiff_schemas::survey::{SURVEYS, object_name};
use skydiff_schemas::{Kind, MicroDays, ObjectClass, ObjectId, SurveyId};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

const DAY: f64 = 86_400.0;
/// Seconds from the end of an exposure to its alerts, at least.
const PROCESSING: f64 = 20.0;
/// Late packets come so many days late at least and at most, evenly in the logarithm.
const LATE: (f64, f64) = (0.004, 3.0);
/// MJD of a packet from the future: 2099-10-22.
const FAR: f64 = 88_000.4;

const TROUBLE: u64 = 0x7472_6f75;

/// An alert that waits to be delivered.
#[derive(Clone, Debug)]
struct Alert {
    exposure: Exposure,
    thing: Arc<Thing>,
    look: Look,
    /// First detection: start UTC, middle TAI.
    first: (f64, f64),
    detections: u32,
    coverage: u32,
    what: What,
}

/// A survey that runs.
pub struct Simulation {
    settings: Settings,
    cadence: Cadence,
    patches: Patches,
    eye: Eye,
    writer: Writer,
    next: i64,
    /// By time of delivery in microdays, then by number.
    queue: BTreeMap<(i64, u64), Alert>,
    queued: u64,
    /// Alerts in the queue, by field and object.
    waiting: BTreeMap<(u32, u32), Vec<(i64, u64)>>,
    /// Of these, those whose source a later packet has told already.
    overtaken: BTreeSet<u64>,
    ledger: Ledger,
    buffers: (Vec<Seen>, Vec<Seen>, Vec<u8>),
}

impl std::fmt::Debug for Simulation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Simulation").field("settings", &self.settings).field("next", &self.next).finish_non_exhaustive()
    }
}

impl Simulation {
    /// Of these settings; the error says which one cannot be meant.
    pub fn new(settings: &Settings) -> Result<Simulation, String> {
        settings.check()?;
        let format = match settings.survey {
            Survey::Ztf => Format::Ztf402,
            Survey::Lsst => Format::Lsst(settings.schema),
        };
        let eye = Eye { survey: settings.survey, telescope: Telescope::of(settings.survey) };
        let cadence = Cadence::new(settings);
        let mut patches = Patches::new(settings, eye);
        let start = i64::from(settings.start);
        for night in start - i64::from(settings.before)..start {
            cadence.night(night).iter().for_each(|exposure| patches.passed(exposure));
        }
        Ok(Simulation {
            settings: settings.clone(),
            cadence,
            patches,
            eye,
            writer: Writer::new(format, settings.cutouts)?,
            next: start,
            queue: BTreeMap::new(),
            queued: 0,
            waiting: BTreeMap::new(),
            overtaken: BTreeSet::new(),
            ledger: Ledger::default(),
            buffers: Default::default(),
        })
    }

    /// The date (MJD) of the next night; `None` after the last.
    pub fn next_night(&self) -> Option<i64> {
        (self.next < i64::from(self.settings.start) + i64::from(self.settings.nights)).then_some(self.next)
    }

    /// Runs the next night: hands every packet that is delivered on its date (UTC) to `each`, in order, with the truth about
    /// it, until `each` breaks off. Under clouds there are only late ones.
    pub fn night(&mut self, each: &mut dyn FnMut(&[u8], Told) -> ControlFlow<()>) -> ControlFlow<()> {
        let Some(night) = self.next_night() else { return ControlFlow::Continue(()) };
        self.next += 1;
        self.patches.rest(night);
        for exposure in self.cadence.night(night) {
            self.send(exposure.visit.start_utc, each)?;
            self.expose(&exposure);
            self.patches.passed(&exposure);
        }
        self.send((night + 1) as f64, each)
    }

    /// What a reconciliation must say of what was sent so far.
    pub fn ledger(&self) -> Ledger {
        Ledger { under_way: self.queue.len() as u64, ..self.ledger.clone() }
    }

    /// Takes a visit and queues its alerts.
    fn expose(&mut self, exposure: &Exposure) {
        let Simulation { settings, cadence, patches, eye, .. } = self;
        let (field, things) = patches.at(settings, cadence, exposure);
        let coverage = field.visits + 1;
        let mut alerts = Vec::new();
        for thing in things {
            let Some(look) = eye.look(&thing, exposure).filter(Look::detected) else { continue };
            let (first, detections) = match thing.shown {
                Shown::Once(_) => ((exposure.visit.start_utc, exposure.visit.mid_tai), 1),
                _ => {
                    let record = field.records.entry(thing.number).or_default();
                    record.detected(exposure);
                    (record.first, record.detections)
                }
            };
            alerts.push(Alert { exposure: *exposure, thing, look, first, detections, coverage, what: What::Plain });
        }
        alerts.into_iter().for_each(|alert| self.queue(alert));
    }

    /// Decides what happens to an alert on its way, and when it comes.
    fn queue(&mut self, mut alert: Alert) {
        let trouble = self.settings.trouble;
        let mut random = alert.thing.random.of(TROUBLE, alert.exposure.visit.number);
        let visit = &alert.exposure.visit;
        let prompt = visit.start_utc + (visit.exposure + PROCESSING + trouble.jitter * random.exponential()) / DAY;
        let (mut when, which) = (prompt, random.unit());
        // What is fated to happen to a source is told only if nothing else does.
        let spared = alert.thing.fate != Fate::Plain;
        if !spared && which < trouble.late {
            alert.what = What::Late;
            when += LATE.0 * libm::pow(LATE.1 / LATE.0, random.unit());
        } else if !spared && which < trouble.late + trouble.corrupt {
            let kinds = kinds(self.settings.survey);
            alert.what = kinds[random.below(kinds.len() as u64) as usize];
        } else if !spared && which < trouble.late + trouble.corrupt + trouble.duplicate {
            let again = prompt + libm::pow(10.0, random.between(-5.0, 0.0));
            self.put(again, Alert { what: What::Duplicate, ..alert.clone() });
        }
        self.put(when, alert);
    }

    fn put(&mut self, when: f64, alert: Alert) {
        let key = (MicroDays::from_days(when).unwrap_or_default().0, self.queued);
        self.queued += 1;
        if !matches!(alert.thing.shown, Shown::Once(_)) {
            self.waiting.entry((alert.exposure.field, alert.thing.number)).or_default().push(key);
        }
        self.queue.insert(key, alert);
    }

    /// Delivers what is due before a time (MJD UTC).
    fn send(&mut self, until: f64, each: &mut dyn FnMut(&[u8], Told) -> ControlFlow<()>) -> ControlFlow<()> {
        let until = MicroDays::from_days(until).unwrap_or_default().0;
        while let Some(entry) = self.queue.first_entry().filter(|entry| entry.key().0 < until) {
            let (key, alert) = entry.remove_entry();
            let told = self.deliver(key, &alert);
            let flow = each(&self.buffers.2, told);
            flow?;
        }
        ControlFlow::Continue(())
    }

    fn deliver(&mut self, key: (i64, u64), alert: &Alert) -> Told {
        let Alert { exposure, thing, look, .. } = alert;
        let (eye, visit, survey) = (self.eye, &exposure.visit, self.settings.survey);
        let mut trigger = eye.seen(Kind::Source, thing, exposure, look, visit.mid_tai);
        let target = self.target(alert, &trigger);
        let (history, forced, bytes) = &mut self.buffers;
        history.clear();
        forced.clear();
        bytes.clear();
        let field = self.patches.field(exposure.field);
        let reach = visit.mid_tai - eye.telescope.history;
        let within = |past: &&Exposure| (reach..visit.mid_tai).contains(&past.visit.mid_tai);
        for past in field.past.iter().filter(within).filter(|_| !target.moves) {
            let Some(look) = eye.look(thing, past) else { continue };
            let lsst = survey == Survey::Lsst;
            if look.detected() {
                history.push(eye.seen(Kind::Source, thing, past, &look, visit.mid_tai));
            } else if !lsst {
                history.push(eye.seen(Kind::Limit, thing, past, &look, visit.mid_tai));
            }
            if !lsst || past.visit.mid_tai >= alert.first.1 {
                forced.push(eye.seen(Kind::Forced, thing, past, &look, visit.mid_tai));
            }
        }
        let mut random = thing.random.of(TROUBLE, visit.number).of(1, 0);
        if alert.what == What::Future {
            (trigger.visit.start_utc, trigger.visit.mid_tai) = (FAR, FAR + 0.001);
            (trigger.visit.number, trigger.id) = (visit.number + 1_000_000, trigger.id ^ 1 << 40);
        }
        let shot = Shot {
            target: &target,
            trigger: &trigger,
            history,
            forced,
            first_utc: alert.first.0,
            first_tai: alert.first.1,
            detections: alert.detections,
            coverage: alert.coverage,
        };
        self.writer.write(&shot, bytes);
        let name = name(survey, target.id);
        let reject = spoil(alert.what, survey, &mut random, &name, bytes);
        let rows = 1 + history.len() as u32 + forced.len() as u32;
        self.account(key, alert, &trigger, target.id, reject, rows);
        let (is_first, curve) = self.curve(alert);
        *self.ledger.objects.entry(thing.model.class).or_default() += u64::from(is_first);
        Told {
            object: Object(thing.clone()),
            id: target.id,
            moves: target.moves,
            alert: trigger.id,
            visit: visit.number,
            night: exposure.night,
            band: visit.band,
            mjd_tai: visit.mid_tai,
            delivered: MicroDays(key.0).days(),
            snr: look.flux / look.sigma,
            flux: look.difference,
            total: look.total,
            score: trigger.score,
            what: alert.what,
            reject,
            first: alert.first.1,
            rows,
            is_first,
            curve,
        }
    }

    fn target(&self, alert: &Alert, trigger: &Seen) -> Target {
        let (thing, visit) = (&alert.thing, &alert.exposure.visit);
        let solar_system = thing.model.solar_system(visit.mid_tai).map(|(number, magnitude)| {
            let place = thing.model.position(visit.mid_tai);
            let east = (place.ra - trigger.place.ra) * libm::cos(place.dec.to_radians());
            SolarSystem { number, distance: 3600.0 * east.hypot(place.dec - trigger.place.dec), magnitude }
        });
        let moves = solar_system.is_some() && self.settings.survey == Survey::Lsst;
        Target {
            id: thing.id_in(alert.exposure.night),
            place: thing.model.position(visit.mid_tai),
            neighbour: thing.model.neighbour(),
            solar_system,
            moves,
        }
    }

    /// Writes down what the receiver must make of a packet.
    fn account(
        &mut self,
        key: (i64, u64),
        alert: &Alert,
        trigger: &Seen,
        id: u64,
        reject: Option<&'static str>,
        rows: u32,
    ) {
        let ledger = &mut self.ledger;
        ledger.sent += 1;
        *ledger.what.entry(alert.what).or_default() += 1;
        let place = (alert.exposure.field, alert.thing.number);
        let waiting = self.waiting.entry(place).or_default();
        waiting.retain(|waiting| *waiting != key);
        let overtaken = self.overtaken.remove(&key.1);
        if let Some(reason) = reject {
            *ledger.rejected.entry(reason).or_default() += 1;
        } else {
            ledger.rows += u64::from(rows);
            ledger.repeated += u64::from(alert.what == What::Duplicate);
            // ZTF's copies in histories are rounded: the trigger itself says something else.
            ledger.superseded += u64::from(overtaken && self.settings.survey == Survey::Ztf);
            let time = alert.exposure.visit.mid_tai;
            let reach = time - self.eye.telescope.history;
            for key in waiting.iter() {
                let Some(other) = self.queue.get(key) else { continue };
                let behind = (reach..time).contains(&other.exposure.visit.mid_tai);
                if behind && matches!(other.what, What::Plain | What::Late) {
                    self.overtaken.insert(key.1);
                }
            }
            if alert.thing.fate != Fate::Plain {
                let record = self.patches.field(place.0).records.entry(place.1).or_default();
                let (history, forced, _) = &self.buffers;
                let rows = std::iter::once(trigger).chain(history).chain(forced);
                record.known.get_or_insert_default().bring(id, rows, reach - 1.0, ledger);
            }
        }
        if waiting.is_empty() {
            self.waiting.remove(&place);
        }
    }

    /// Whether it is the object's first alert, and the object's true light since the last one.
    fn curve(&mut self, alert: &Alert) -> (bool, Vec<Point>) {
        let (thing, eye, now) = (&alert.thing, self.eye, alert.exposure.visit.mid_tai);
        let point = |exposure: &Exposure, look: Look| Point {
            mjd_tai: exposure.visit.mid_tai,
            band: exposure.visit.band,
            reference: eye.seen(Kind::Source, thing, exposure, &look, now).reference.image,
            flux: look.difference,
            total: look.total,
            sigma: look.sigma,
            detected: look.detected(),
        };
        let own = point(&alert.exposure, alert.look);
        if matches!(thing.shown, Shown::Once(_)) {
            return (alert.what != What::Duplicate, vec![own]);
        }
        let field = self.patches.field(alert.exposure.field);
        let record = field.records.entry(thing.number).or_default();
        let since = record.told.unwrap_or(f64::MIN);
        if now <= since {
            return (false, Vec::new());
        }
        let is_first = record.told.replace(now).is_none();
        let missed = field.past.iter().filter(|past| past.visit.mid_tai > since && past.visit.mid_tai < now);
        let missed = missed.filter_map(|past| Some(point(past, eye.look(thing, past)?)));
        (is_first, missed.chain([own]).collect())
    }
}

/// The object's name as people write it.
fn name(survey: Survey, id: u64) -> String {
    let at = SURVEYS.iter().position(|known| known.name() == survey.name()).unwrap_or_default();
    object_name(ObjectId { survey: SurveyId(at as u8), class: ObjectClass::Sidereal, id })
}

#[cfg(test)]
mod tests;
