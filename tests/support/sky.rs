//! A few nights of both surveys, and what goes wrong in them.

use super::random::Random;
use super::{Night, Packet, Survey, Truth, What, damage, lsst, ztf};
use apache_avro::Schema;

/// Midnight that begins the first night's date, MJD UTC: 2025-05-05.
pub const START: i64 = 60_800;

/// MJD of a day in 2099.
const FAR: f64 = 88_000.4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Source,
    Forced,
    Limit,
}

/// A measurement as its survey has it now.
#[derive(Clone, Debug)]
pub struct Seen {
    pub kind: Kind,
    pub id: u64,
    pub visit: u64,
    /// In the survey's own scale: ZTF start of the exposure, UTC; LSST middle, TAI.
    pub mjd: f64,
    pub band: &'static str,
    /// nJy.
    pub flux: f64,
    pub sigma: f64,
    pub total: Option<f64>,
    pub ra: f64,
    pub dec: f64,
    /// Real/bogus score.
    pub score: f64,
    /// When LSST processed it.
    pub processed: f64,
    pub withdrawn: Option<f64>,
}

/// One alert before it is written.
#[derive(Clone, Debug)]
pub struct Shot {
    pub object: String,
    pub trigger: Seen,
    pub history: Vec<Seen>,
    /// The survey's own first detection.
    pub first: Option<f64>,
}

/// How much of everything.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub nights: usize,
    /// Of each survey.
    pub objects: usize,
    /// Share of packets with which something is wrong, evenly of each kind that fits.
    pub strange: f64,
}

struct Thing {
    survey: Survey,
    name: String,
    place: (f64, f64),
    level: f64,
    slope: f64,
    reference: Option<f64>,
    seen: Vec<Seen>,
}

/// All that is going on.
struct Sky {
    random: Random,
    things: Vec<Thing>,
    schemas: [Schema; 2],
    next: u64,
}

/// The nights that this seed gives.
pub fn nights(seed: u64, size: Size) -> Vec<Night> {
    let mut sky = Sky::new(seed, size.objects);
    let mut nights: Vec<Night> =
        (0..size.nights as i64).map(|at| Night { mjd: START + at, packets: Vec::new() }).collect();
    for night in 0..size.nights {
        for (mut packet, again) in sky.observe(START + night as i64, size.strange) {
            if packet.truth.what == What::Late && night + 1 == size.nights {
                packet.truth.what = What::Plain;
            }
            // Late ones come a night or more after; a duplicate anywhere from now on.
            let later = sky.random.below(size.nights - night);
            let at = if packet.truth.what == What::Late { (night + 1 + later / 2).min(size.nights - 1) } else { night };
            if again {
                let truth = Truth { what: What::Duplicate, source: None, ..packet.truth.clone() };
                nights[(at + later).min(size.nights - 1)].packets.push(Packet { bytes: packet.bytes.clone(), truth });
            }
            nights[at].packets.push(packet);
        }
    }
    nights.retain(|night| !night.packets.is_empty());
    nights
}

impl Sky {
    fn new(seed: u64, objects: usize) -> Sky {
        let mut random = Random::new(seed);
        let mut things = Vec::new();
        for at in 0..objects {
            let letters =
                |at: usize| (0..7).rev().map(move |place| (b'a' + (at / 26usize.pow(place) % 26) as u8) as char);
            for survey in [Survey::Ztf, Survey::Lsst] {
                let name = match survey {
                    Survey::Ztf => format!("ZTF25{}", letters(at).collect::<String>()),
                    // Every fifth moves.
                    Survey::Lsst if at % 5 == 4 => format!("ss:{}", 2_000_000 + at),
                    Survey::Lsst => (169_298_433_000_000_000 + at).to_string(),
                };
                let bright = 10f64.powf(3.5 + 1.5 * random.unit());
                things.push(Thing {
                    survey,
                    name,
                    place: (360.0 * random.unit(), 100.0 * random.unit() - 50.0),
                    level: if random.chance(0.3) { -bright } else { bright },
                    slope: if random.chance(0.5) { 0.1 * bright * (random.unit() - 0.5) } else { 0.0 },
                    reference: random.chance(0.5).then_some(4.0 * bright),
                    seen: Vec::new(),
                });
            }
        }
        Sky { random, things, schemas: [ztf::schema(), lsst::schema()], next: 1 }
    }

    /// A night's packets, each with whether it comes again.
    fn observe(&mut self, midnight: i64, strange: f64) -> Vec<(Packet, bool)> {
        let mut packets = Vec::new();
        for visit in 0..2 {
            for at in 0..self.things.len() {
                if !self.random.chance(0.7) {
                    continue;
                }
                let mjd = midnight as f64 + 0.1 + 0.05 * f64::from(visit) + 1e-4 * at as f64;
                let detected = self.measure(at, mjd);
                if let Some(trigger) = detected {
                    packets.extend(self.alert(at, trigger, strange));
                }
            }
        }
        packets
    }

    /// Sees an object once; tells the source, if there is one.
    fn measure(&mut self, at: usize, mjd: f64) -> Option<Seen> {
        let (number, kind) = (self.number(), self.random.below(10));
        let thing = &self.things[at];
        let band = *self.random.pick(if thing.survey == Survey::Ztf { &["g", "r", "i"] } else { &["g", "r", "z"] });
        let sigma = 0.05 * thing.level.abs() * (0.5 + self.random.unit());
        let day = mjd - START as f64;
        let flux = thing.level + thing.slope * day + sigma * self.random.gauss();
        let visit = match thing.survey {
            Survey::Ztf => pid(mjd, number),
            Survey::Lsst => 2_025_050_500_000 + number,
        };
        let (id, forced_id) = match thing.survey {
            Survey::Ztf => (visit * 1_000_000 + 15_000 + number, visit),
            Survey::Lsst => (170_000_000_000_000_000 + number, 170_000_000_000_000_001 + number),
        };
        let mut seen = Seen {
            kind: Kind::Source,
            id,
            visit,
            mjd,
            band,
            flux,
            sigma,
            total: thing.reference.map(|reference| reference + flux),
            ra: thing.place.0 + 1e-5 * self.random.unit(),
            dec: thing.place.1 + 1e-5 * self.random.unit(),
            score: if self.random.chance(0.85) { 0.95 } else { 0.2 },
            processed: mjd + 0.001,
            withdrawn: None,
        };
        let mut trigger = None;
        if kind < 7 {
            trigger = Some(seen.clone());
            self.things[at].seen.push(seen.clone());
        }
        let thing = &mut self.things[at];
        if (5..9).contains(&kind) {
            (seen.kind, seen.id) = (Kind::Forced, forced_id);
            thing.seen.push(seen);
        } else if kind == 9 && thing.survey == Survey::Ztf {
            (seen.kind, seen.id, seen.flux) = (Kind::Limit, visit, 5.0 * sigma);
            thing.seen.push(seen);
        }
        trigger
    }

    /// Ids leave room for a forced source beside each source.
    fn number(&mut self) -> u64 {
        self.next += 2;
        self.next
    }

    /// The packet of a source, what is wrong with it, and the spoiled ones that come with it.
    fn alert(&mut self, at: usize, trigger: Seen, strange: f64) -> Vec<(Packet, bool)> {
        let what = if self.random.chance(strange) { *self.random.pick(&STRANGE) } else { What::Plain };
        let (done, source) = match what {
            What::Remeasured | What::Withdrawn => self.corrected(at, &trigger, what),
            What::Reassociated => self.claimed(at, &trigger),
            _ => (true, None),
        };
        let what = if done { what } else { What::Plain };
        let good = self.written(at, &trigger, what, source);
        let spoiled = damage::spoiled(&mut self.random, &good, what);
        let mut packets = Vec::new();
        match what {
            What::Duplicate => packets.push((plain(good), true)),
            What::Future => {
                let mut far = trigger.clone();
                (far.mjd, far.id, far.visit) = (FAR, far.id + 1_000_000_000, far.visit + 1_000_000_000);
                packets.push((plain(good), false));
                let mut packet = self.written(at, &far, What::Future, None);
                (packet.truth.rows, packet.truth.reject) = (0, Some("future"));
                packets.push((packet, false));
            }
            // The sound packet comes first, so that what is known does not hang on which ones are spoiled.
            _ if spoiled.is_some() => {
                packets.push((plain(good), false));
                packets.extend(spoiled.map(|packet| (packet, false)));
            }
            What::WrongSchemaId | What::BadSync => packets.push((plain(good), false)),
            _ => packets.push((good, false)),
        }
        packets
    }

    /// Writes the packet of an object's source, with its history.
    fn written(&mut self, at: usize, trigger: &Seen, what: What, source: Option<u64>) -> Packet {
        let thing = &self.things[at];
        let horizon = if thing.survey == Survey::Ztf { 30.0 } else { 365.0 };
        let told = |seen: &&Seen| seen.mjd <= trigger.mjd && trigger.mjd - seen.mjd <= horizon && !same(seen, trigger);
        let mut history: Vec<Seen> = thing.seen.iter().filter(told).cloned().collect();
        let rows = 1 + history.len();
        let mut future_rows = 0;
        if what == What::FutureRow {
            let mut later = trigger.clone();
            (later.mjd, later.id, later.visit) = (later.mjd + 0.3, later.id + 500_000_000, later.visit + 500_000_000);
            history.push(later);
            future_rows = 1;
        }
        let first = thing.seen.iter().map(|seen| seen.mjd).reduce(f64::min).filter(|_| self.random.chance(0.5));
        let thing = &self.things[at];
        let shot = Shot { object: thing.name.clone(), trigger: trigger.clone(), history, first };
        let bytes = match thing.survey {
            Survey::Ztf => ztf::packet(&self.schemas[0], &shot),
            Survey::Lsst => lsst::packet(&self.schemas[1], &shot),
        };
        let truth = Truth {
            survey: thing.survey,
            what,
            object: shot.object,
            trigger: trigger.id,
            source,
            rows,
            future_rows,
            reject: None,
        };
        Packet { bytes, truth }
    }

    /// Measures an earlier source again, or withdraws it: from now on every packet says so. Only LSST can.
    fn corrected(&mut self, at: usize, trigger: &Seen, what: What) -> (bool, Option<u64>) {
        let thing = &mut self.things[at];
        if thing.survey == Survey::Ztf {
            return (false, None);
        }
        let earlier =
            |seen: &&mut Seen| seen.kind == Kind::Source && seen.mjd < trigger.mjd && seen.withdrawn.is_none();
        let Some(seen) = thing.seen.iter_mut().find(earlier) else { return (false, None) };
        match what {
            What::Withdrawn => seen.withdrawn = Some(trigger.mjd),
            _ => {
                seen.flux *= 1.5;
                seen.processed = trigger.mjd;
            }
        }
        (true, Some(seen.id))
    }

    /// Takes a source of another object of the survey: from now on it is in this one's packets and not in the other's.
    fn claimed(&mut self, at: usize, trigger: &Seen) -> (bool, Option<u64>) {
        let survey = self.things[at].survey;
        let earlier = |seen: &Seen| seen.kind == Kind::Source && seen.mjd < trigger.mjd - 0.5;
        let found = self.things.iter().enumerate().filter(|(other, thing)| *other != at && thing.survey == survey);
        let found = found.filter_map(|(other, thing)| Some((other, thing.seen.iter().position(earlier)?))).next();
        let Some((other, row)) = found else { return (false, None) };
        let seen = self.things[other].seen.remove(row);
        let id = seen.id;
        self.things[at].seen.push(seen);
        (true, Some(id))
    }
}

const STRANGE: [What; 12] = [
    What::Late,
    What::Duplicate,
    What::Remeasured,
    What::Withdrawn,
    What::Reassociated,
    What::FutureRow,
    What::Future,
    What::Truncated,
    What::Flipped,
    What::WrongSchemaId,
    What::BadSync,
    What::Garbage,
];

fn plain(packet: Packet) -> Packet {
    let truth = Truth { what: What::Plain, ..packet.truth };
    Packet { truth, ..packet }
}

fn same(one: &Seen, other: &Seen) -> bool {
    (one.kind, one.id) == (other.kind, other.id)
}

/// ZTF's name of a readout channel of an exposure: day since 2017, five digits of its fraction, channel, processing number.
fn pid(mjd: f64, number: u64) -> u64 {
    let days = ((mjd - 57_754.0) * 1e5) as u64;
    days * 10_000 + number % 64 * 100 + 15
}
