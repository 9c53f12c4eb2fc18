//! Why an object was said to be what it was, or nothing was said: the packets that named it one after another, what each made
//! known, what was told after it, and how far each state is from its threshold.
//!
//! By the operators of a job, an epoch for each packet, in the order in which they lie. Only packets that touch the object are
//! put in, so nothing that a neighbour's packet does to the clock alone is here.

use crate::lookup::{Lookup, LookupError, answer, identities};
use crate::names::{object_name, to_utc};
use crate::reading::Reading;
use crate::reject::{At, Reject, RowRejects};
use crate::source::{Feed, Share};
use crate::verdict::{RecordSettings, verdict};
use skydiff_operators::{Answer, Change, Clocks, Epoch, Offer, Options, State, TimescaleSettings, transients};
use skydiff_schemas::record::{AlertType, Reason};
use skydiff_schemas::{Kind, MicroDays, ObjectId, SourceId};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;
use timely::dataflow::operators::{Input as _, Inspect, Probe};

/// A packet that names the object, or claims one of its sources for another.
#[derive(Clone, Debug)]
pub struct Step {
    /// Where it was found.
    pub at: At,
    /// When it was received, MJD UTC.
    pub received: MicroDays,
    /// The object that it names.
    pub object: ObjectId,
    /// Its triggering source.
    pub trigger: SourceId,
    /// The trigger's time, MJD TAI.
    pub time: MicroDays,
    /// Rows in it.
    pub rows: usize,
    /// Measurements of the object that no packet before it had.
    pub first: usize,
    /// Those of them that are older than the newest that was known: what became known only later.
    pub late: Vec<(Kind, SourceId, MicroDays)>,
    /// What was known otherwise after it, if anything.
    pub change: Option<Change>,
    /// As what that was told, if it was.
    pub told: Option<(AlertType, Reason)>,
}

/// Everything about an object's records.
#[derive(Clone, Debug)]
pub struct Why {
    /// In the order in which the packets lie.
    pub steps: Vec<Step>,
    /// Packets whose name has the object's or one of its alerts' in it.
    pub rejects: Vec<Reject>,
    /// Rows of its packets that were left out.
    pub row_rejects: Vec<RowRejects>,
    /// What is known after all of them, were every threshold 0: the values that are held against thresholds.
    pub values: Option<Answer>,
}

/// Why nothing can be said.
pub type WhyError = LookupError;

struct Seen {
    at: At,
    offer: Offer,
}

impl Lookup {
    /// Why `object` was told as it was, with these settings for records.
    pub fn why(&self, object: ObjectId, records: &RecordSettings) -> Result<Why, WhyError> {
        let (mut seen, mut row_rejects) = (vec![], vec![]);
        let mut rejects = match &self.archive {
            Some(archive) => self.rejects(archive)?,
            None => vec![],
        };
        let recalled = self.archive.as_ref().map(|archive| self.recall(archive, object)).transpose()?;
        let recalled = recalled.as_deref();
        self.each_packet(recalled, &mut |at, offers, reading| {
            let own = |offer: Offer| Seen { at: at.clone(), offer };
            seen.extend(offers.into_iter().filter(|offer| offer.object == object).map(own));
            row_rejects.extend(reading.row_rejects.into_iter().filter(|rows| rows.object == object));
            rejects.extend(reading.rejects);
        })?;
        let claimed: HashSet<_> = seen.iter().flat_map(|seen| identities(&seen.offer)).collect();
        let mut all = vec![];
        self.each_packet(recalled, &mut |at, offers, _| {
            let touches = |offer: &Offer| {
                offer.object.survey == object.survey
                    && (offer.object == object || identities(offer).any(|identity| claimed.contains(&identity)))
            };
            all.extend(offers.into_iter().filter(touches).map(|offer| Seen { at: at.clone(), offer }));
        })?;
        let alerts: HashSet<String> = seen.iter().map(|seen| seen.offer.trigger.0.to_string()).collect();
        let name = object_name(object);
        rejects.retain(|reject| {
            reject.at.name.contains(&name) || alerts.iter().any(|alert| reject.at.name.contains(alert.as_str()))
        });
        let values = self.values(object, &all);
        let steps = steps(object, all, &self.options, records);
        Ok(Why { steps, rejects, row_rejects, values })
    }

    /// What every state is worth, whether it holds or not: what the operators say when nothing is asked of it.
    fn values(&self, object: ObjectId, all: &[Seen]) -> Option<Answer> {
        let least = f64::MIN_POSITIVE;
        let timescales = TimescaleSettings {
            trend_z: least,
            turned_sigma: f64::MAX,
            flare_z: least,
            variable_z: least,
            variable_scatter: 0.0,
            ..self.options.timescales.clone()
        };
        let options = Options { timescales, ..self.options.clone() };
        let mut clocks = Clocks::default();
        all.iter().for_each(|seen| clocks.advance(seen.offer.object.survey, seen.offer.time));
        let offers = all.iter().map(|seen| seen.offer.clone()).collect();
        answer(object, offers, clocks, options).map(|(_, answer)| answer)
    }

    /// Every packet by itself, with what it offers and what was left out of it: of those that were recalled, or all.
    fn each_packet(
        &self,
        recalled: Option<&[Share]>,
        look: &mut dyn FnMut(&At, Vec<Offer>, Reading),
    ) -> Result<(), WhyError> {
        let mut reader = self.reader()?;
        let mut read = |share: &Share| {
            for (number, parcel) in (share.first..).zip(&share.parcels) {
                let (file, name) = (share.origin.bundle.clone(), parcel.name.clone());
                let at = At { file, packet: number, name, record: 0 };
                let (origin, schemas) = (share.origin.clone(), share.schemas.clone());
                let parcels = vec![parcel.clone()];
                let own = Share { number: share.number, origin, first: number, parcels, kept: vec![], schemas };
                let mut offers = vec![];
                let reading = reader.read(&own, &mut |offer| offers.push(offer));
                look(&at, offers, reading);
            }
        };
        if let Some(recalled) = recalled {
            recalled.iter().for_each(read);
            return Ok(());
        }
        let mut hear = |feed| {
            if let Feed::Share(share) = feed {
                read(&share);
            }
            true
        };
        self.mint()?.run(&mut hear, &mut |_| {});
        Ok(())
    }
}

/// What each packet made known, and what was told after it.
fn steps(object: ObjectId, all: Vec<Seen>, options: &Options, records: &RecordSettings) -> Vec<Step> {
    let mut changes = changes(object, all.iter().map(|seen| seen.offer.clone()).collect(), options.clone());
    let (mut known, mut newest) = (HashSet::new(), None);
    let step = |(epoch, Seen { at, offer }): (u64, Seen)| {
        let (mut first, mut late) = (0, vec![]);
        let own = offer.rows.iter().filter(|_| offer.object == object).map(|row| &row.measurement);
        for row in own.clone() {
            if known.insert((row.kind, row.id)) {
                first += 1;
                if newest.is_some_and(|newest| row.time < newest) {
                    late.push((row.kind, row.id, row.time));
                }
            }
        }
        newest = own.map(|row| row.time).chain(newest).max();
        let change = changes.remove(&epoch);
        let told = change.as_ref().and_then(|change| verdict(change, records, None));
        Step {
            at,
            received: offer.context.received,
            object: offer.object,
            trigger: offer.trigger,
            time: offer.time,
            rows: offer.rows.len(),
            first,
            late,
            change,
            told,
        }
    };
    (0..).zip(all).map(step).collect()
}

/// The object's changes, by the place of the offer after which they were.
fn changes(object: ObjectId, offers: Vec<Offer>, options: Options) -> BTreeMap<u64, Change> {
    timely::execute_directly(move |worker| {
        let changes = Rc::new(RefCell::new(BTreeMap::new()));
        let found = changes.clone();
        let (mut offer_input, mut clock_input, probe) = worker.dataflow::<Epoch, _, _>(|scope| {
            let (offer_input, offers) = scope.new_input::<Vec<Offer>>();
            let (clock_input, clocks) = scope.new_input::<Vec<Clocks>>();
            let out = transients(offers, clocks, options);
            let changes = out.changes.inspect_time(move |epoch, change| {
                if change.object == object {
                    found.borrow_mut().insert(epoch.0, change.clone());
                }
            });
            (offer_input, clock_input, changes.probe().0)
        });
        let mut clocks = Clocks::default();
        for (epoch, offer) in (0..).zip(offers) {
            clocks.advance(offer.object.survey, offer.time);
            offer_input.send(offer);
            clock_input.send(clocks.clone());
            offer_input.advance_to(Epoch(epoch + 1));
            clock_input.advance_to(Epoch(epoch + 1));
            worker.step_while(|| probe.less_than(&Epoch(epoch + 1)));
        }
        changes.take()
    })
}

/// How a state is decided: its value, what is asked of it, and whether it holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Held {
    /// Which state.
    pub state: State,
    /// Its value; `None` where it is not defined (too few visits).
    pub value: Option<f64>,
    /// What is asked of it.
    pub threshold: f64,
}

/// The states that are decided by a Z, at one timescale, of an answer without thresholds.
pub fn held_against(values: &Answer, at: usize, settings: &TimescaleSettings) -> Vec<Held> {
    let Some(window) = values.windows.get(at) else { return vec![] };
    let z = |states: &[State]| states.iter().find_map(|state| window.states.z(*state));
    let trend = z(&[State::Rising, State::Fading, State::Turned]);
    let flare = z(&[State::Flaring, State::Dipping]);
    let spread = z(&[State::Variable, State::Steady]);
    let held = |state, value, threshold| Held { state, value, threshold };
    vec![
        held(State::Rising, trend, settings.trend_z),
        held(State::Fading, trend, -settings.trend_z),
        held(State::Flaring, flare, settings.flare_z),
        held(State::Dipping, flare, -settings.flare_z),
        held(State::Variable, spread, settings.variable_z),
    ]
}

/// How long after its observation a packet was received, in days; `None` where it is not known.
pub fn delay(step: &Step) -> Option<f64> {
    (step.received != MicroDays(0)).then(|| (step.received - to_utc(step.time)).days())
}
