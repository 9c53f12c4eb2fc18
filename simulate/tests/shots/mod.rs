//! Shots of any shape, for tests: what an engine would ask for, and what none would.

use skydiff_schemas::{Band, Kind};
use skydiff_simulate::{Neighbour, Place, Random, Reference, Seen, Shot, SolarSystem, Target, Visit};

/// Whose packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Survey {
    Ztf,
    Lsst,
}

/// A shot with what it borrows.
#[derive(Clone, Debug)]
pub struct Made {
    pub target: Target,
    pub trigger: Seen,
    pub history: Vec<Seen>,
    pub forced: Vec<Seen>,
    pub detections: u32,
}

impl Made {
    pub fn shot(&self) -> Shot<'_> {
        let first = self.history.iter().find(|seen| seen.kind == Kind::Source).unwrap_or(&self.trigger);
        Shot {
            target: &self.target,
            trigger: &self.trigger,
            history: &self.history,
            forced: &self.forced,
            first_utc: first.visit.start_utc,
            first_tai: first.visit.mid_tai,
            detections: self.detections,
            coverage: self.detections + 500,
        }
    }
}

/// The shot of a seed, with so many rows of history and of forced photometry.
pub fn made(survey: Survey, seed: u64, history: usize, forced: usize) -> Made {
    let mut random = Random::new(seed);
    let moves = survey == Survey::Lsst && random.chance(0.2);
    let place = Place { ra: random.between(0.0, 360.0), dec: random.between(-89.0, 89.0) };
    let body =
        SolarSystem { number: 1 + random.below(600_000) as u32, distance: random.between(0.0, 2.0), magnitude: 19.3 };
    let id = match survey {
        Survey::Ztf => random.below(100 * 26u64.pow(7)),
        Survey::Lsst => 170_000_000_000_000_000 + random.below(1 << 40),
    };
    let target = Target {
        id,
        place,
        neighbour: Neighbour {
            distance: random.between(0.0, 40.0),
            magnitude: random.between(14.0, 22.5),
            star: random.unit(),
            redshift: None,
        },
        solar_system: (moves || random.chance(0.2)).then_some(body),
        moves,
    };
    let reference = Reference {
        image: 7,
        flux: random.chance(0.6).then(|| random.between(100.0, 1e6)),
        distance: random.between(0.0, 1.4),
    };
    let last = 60_900.0;
    let mut rows: Vec<Seen> = (0..history + forced)
        .map(|row| {
            let kind = match (survey, row < history) {
                (_, false) => Kind::Forced,
                (Survey::Ztf, true) if random.chance(0.6) => Kind::Limit,
                _ => Kind::Source,
            };
            let start = last - random.between(0.001, 40.0);
            seen(survey, &mut random, kind, start, place, reference)
        })
        .collect();
    rows.sort_by(|one, other| one.visit.start_utc.total_cmp(&other.visit.start_utc));
    let trigger = seen(survey, &mut random, Kind::Source, last, place, reference);
    let (forced, history): (Vec<Seen>, Vec<Seen>) = rows.into_iter().partition(|seen| seen.kind == Kind::Forced);
    let detections = 1 + history.iter().filter(|seen| seen.kind == Kind::Source).count() as u32;
    let history = if moves { Vec::new() } else { history };
    Made { target, trigger, history, forced: if moves { Vec::new() } else { forced }, detections }
}

fn seen(survey: Survey, random: &mut Random, kind: Kind, start: f64, place: Place, reference: Reference) -> Seen {
    let ztf = survey == Survey::Ztf;
    let band = Band::from_name(if ztf { ["g", "r", "i"] } else { ["u", "z", "y"] }[random.below(3) as usize]).unwrap();
    let zero_point = if ztf { random.between(25.5, 26.4) } else { 31.4 };
    let limit = if ztf { random.between(8_000.0, 40_000.0) } else { random.between(500.0, 2_000.0) };
    let day = start - 57_754.0;
    let detector = if ztf { random.below(64) } else { random.below(189) } as u16;
    let number = if ztf { (day * 1e5) as u64 } else { 2_025_123_000_000 + (day * 1e4) as u64 % 1_000_000 };
    let exposure = 30.0;
    let nth = random.below(60) as u32;
    let flux = limit * random.between(1.0, 6.0) * if random.chance(0.3) { -1.0 } else { 1.0 };
    let at = |degrees: f64, random: &mut Random| degrees + random.between(-1e-4, 1e-4);
    Seen {
        kind,
        id: match (ztf, kind) {
            (true, Kind::Source) => {
                (number * 10_000 + u64::from(detector) * 100 + 15) * 1_000_000 + 10_000 + u64::from(nth)
            }
            (true, _) => 0,
            (false, _) => 170_000_000_000_000_000 + random.below(1 << 50),
        },
        visit: Visit {
            number,
            night: day as u32,
            start_utc: start,
            mid_tai: start + (37.0 + exposure / 2.0) / 86_400.0,
            exposure,
            band,
            field: 245 + random.below(600) as u32,
            limit,
            seeing: if ztf { random.between(1.5, 3.0) } else { random.between(0.6, 1.2) },
            sky: random.between(80.0, 500.0),
            zero_point,
            program: 1,
        },
        detector,
        nth,
        place: Place { ra: at(place.ra, random).rem_euclid(360.0), dec: at(place.dec, random) },
        flux: if kind == Kind::Forced { flux * 0.2 } else { flux },
        sigma: limit / 5.0 * random.between(0.9, 1.1),
        reference,
        score: random.unit(),
        bad: random.chance(0.2),
        processed: start + 0.01,
        withdrawn: (!ztf && kind == Kind::Source && random.chance(0.05)).then_some(start + 0.5),
    }
}
