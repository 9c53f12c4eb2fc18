//! What there is to see: objects of both classes in two surveys, and everything that was ever measured of them.
//!
//! Survey 0 is like ZTF (several references, limits, forced photometry of the object's own), survey 1 like LSST
//! (one reference, processing times, forced sources that belong to the survey).

use super::random::Random;
use super::story::{START, sidereal, solar_system};
use skydiff_schemas::{
    Band, Kind, Measurement, MicroDays, ObjectClass, ObjectId, PicoJansky, Position, Quality, SourceId,
};

const DAY: f64 = 1e6;

/// A measurement as it was made.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    pub row: Measurement,
    /// Whether its id belongs to the survey.
    pub global: bool,
}

/// An object with all its measurements, oldest first.
#[derive(Clone, Debug)]
pub struct Thing {
    pub object: ObjectId,
    pub seen: Vec<Seen>,
}

/// `objects` of them, with about `visits` visits each.
pub fn sky(random: &mut Random, objects: usize, visits: usize) -> Vec<Thing> {
    let mut names = Names { source: 1000, visit: 10 };
    let object = |at: usize| match at % 5 {
        0 | 2 => sidereal(0, at as u64),
        4 => solar_system(1, at as u64),
        _ => sidereal(1, at as u64),
    };
    (0..objects).map(|at| thing(random, object(at), visits, &mut names)).collect()
}

struct Names {
    source: u64,
    visit: u64,
}

impl Names {
    fn source(&mut self) -> SourceId {
        self.source += 1;
        SourceId(self.source)
    }
}

fn thing(random: &mut Random, object: ObjectId, visits: usize, names: &mut Names) -> Thing {
    let light = Light::new(random);
    let place = Place::new(random, object.class);
    let mut time = START + random.between(0, 30_000_000);
    let mut seen = Vec::new();
    for _ in 0..visits {
        time += gap(random);
        names.visit += 1 + random.below(3) as u64;
        let bands = if object.survey.0 == 1 && random.chance(0.1) { 2 } else { 1 };
        for _ in 0..bands {
            visit(random, object, MicroDays(time), &light, &place, names, &mut seen);
        }
    }
    seen.sort_by_key(|seen| (seen.row.time, seen.row.id, seen.row.kind));
    Thing { object, seen }
}

/// Time to the next visit, microdays: nothing, seconds, minutes, days, months, a season; or exactly a threshold.
fn gap(random: &mut Random) -> i64 {
    match random.below(100) {
        0..3 => 0,
        3..25 => random.between(100, 6_000),
        25..45 => random.between(6_000, 60_000),
        45..72 => random.between(500_000, 3_000_000),
        72..86 => random.between(5_000_000, 40_000_000),
        86..94 => random.between(85_000_000, 400_000_000),
        _ => *random.pick(&[6_944, 10_417, 100_000, 500_000, 2_000_000, 7_000_000, 15_000_000, 30_000_000, 90_000_000]),
    }
}

/// How an object shines: in pJy, and by band.
struct Light {
    level: [f64; 3],
    slope: f64,
    burst: (f64, f64),
    scatter: f64,
    reference: Option<f64>,
}

impl Light {
    fn new(random: &mut Random) -> Light {
        let spread = |random: &mut Random| 10f64.powf(3.0 + 3.0 * random.unit()) * random.gauss();
        Light {
            level: [spread(random), spread(random), spread(random)],
            slope: if random.chance(0.4) { spread(random) / 3.0 } else { 0.0 },
            burst: (random.unit() * 600.0, if random.chance(0.4) { 20.0 * spread(random) } else { 0.0 }),
            scatter: *random.pick(&[1.0, 1.0, 1.0, 4.0, 12.0]),
            reference: random.chance(0.6).then(|| 10f64.powf(4.0 + 3.0 * random.unit())),
        }
    }

    fn flux(&self, random: &mut Random, band: usize, time: MicroDays, sigma: f64) -> f64 {
        let day = (time.0 - START) as f64 / DAY;
        let burst = self.burst.1 * (-((day - self.burst.0) / 20.0).powi(2)).exp();
        self.level[band] + self.slope * (day / 30.0) + burst + sigma * self.scatter * random.gauss()
    }
}

/// Where an object is seen. Some are seen in either of two pixels, those of the solar system anywhere.
struct Place {
    at: Vec<(f64, f64)>,
    moves: bool,
}

impl Place {
    fn new(random: &mut Random, class: ObjectClass) -> Place {
        let (ra, dec) = (random.unit() * 360.0, random.unit() * 120.0 - 60.0);
        let at = if random.chance(0.4) { vec![(ra, dec), (ra, dec + 1.0)] } else { vec![(ra, dec)] };
        Place { at, moves: class == ObjectClass::SolarSystem }
    }

    fn position(&self, random: &mut Random) -> Position {
        if random.chance(0.1) {
            return Position::UNKNOWN;
        }
        let (ra, dec) = *random.pick(&self.at);
        let scatter = if self.moves { 10.0 } else { 1e-5 };
        let (east, north) = (scatter * random.unit(), scatter * random.unit());
        Position::from_degrees(ra + east, dec + north).unwrap_or(Position::UNKNOWN)
    }
}

/// One visit in one band: any mixture of sources, forced sources and limits that surveys send.
fn visit(
    random: &mut Random,
    object: ObjectId,
    time: MicroDays,
    light: &Light,
    place: &Place,
    names: &mut Names,
    seen: &mut Vec<Seen>,
) {
    let survey = object.survey.0;
    let at = random.below(3);
    let reference = if survey == 0 { 7 + at as u32 * 10 + u32::from(random.chance(0.25)) } else { 0 };
    let sigma = (10f64.powf(3.0 + 1.5 * random.unit())).round();
    let mut row = Measurement {
        time,
        id: SourceId(names.visit),
        visit: names.visit,
        flux: PicoJansky(light.flux(random, at, time, sigma).round() as i64),
        sigma: PicoJansky(sigma as i64),
        total: Measurement::NO_TOTAL,
        position: Position::UNKNOWN,
        reference,
        quality: Quality::GOOD,
        kind: Kind::Source,
        band: Band(1 + at as u8),
    };
    let mut add = |random: &mut Random, kind: Kind, row: &mut Measurement, names: &mut Names| {
        row.kind = kind;
        row.quality = quality(random);
        let global = kind == Kind::Source || (survey == 1 && kind == Kind::Forced);
        row.id = if global { names.source() } else { SourceId(names.visit) };
        row.position = if kind == Kind::Source { place.position(random) } else { Position::UNKNOWN };
        row.total = match light.reference {
            Some(level) if kind != Kind::Limit && random.chance(0.9) => PicoJansky(row.flux.0 + level as i64),
            _ => Measurement::NO_TOTAL,
        };
        if row.quality.has(Quality::NO_FLUX) {
            (row.flux, row.sigma, row.total) = (PicoJansky(0), PicoJansky(0), Measurement::NO_TOTAL);
        }
        seen.push(Seen { row: *row, global });
    };
    let kinds = random.below(100);
    if kinds < 62 {
        add(random, Kind::Source, &mut row, names);
    }
    if (50..62).contains(&kinds) {
        // Two sources of one image, half an arcsecond apart.
        row.flux.0 += random.between(-5_000, 5_000);
        add(random, Kind::Source, &mut row, names);
    }
    if kinds % 3 == 1 {
        row.flux.0 += random.between(-2_000, 2_000);
        row.time.0 += random.between(0, 2) * random.between(-300, 300);
        add(random, Kind::Forced, &mut row, names);
    }
    if kinds >= 80 || kinds.is_multiple_of(17) {
        let depth = 10f64.powf(3.0 + 3.0 * random.unit());
        (row.flux, row.sigma) = (PicoJansky(depth as i64), PicoJansky((depth / 5.0) as i64));
        row.reference = if random.chance(0.4) { Measurement::ANY_REFERENCE } else { reference };
        add(random, Kind::Limit, &mut row, names);
    }
}

fn quality(random: &mut Random) -> Quality {
    if random.chance(0.85) {
        return Quality::GOOD;
    }
    // Anything but withdrawn, alone or with another reason.
    let reason = |random: &mut Random| Quality::REASONS[1 + random.below(Quality::REASONS.len() - 1)].0;
    let first = reason(random);
    first.with(reason(random), random.chance(0.3))
}
