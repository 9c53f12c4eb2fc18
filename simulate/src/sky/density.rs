//! How many of each class there are in a patch of the sky.
//!
//! Stars are placed along the line of sight as the Galaxy has them (`galaxy`), so that their numbers, magnitudes and reddening
//! follow from latitude, longitude and the survey's depth; supernovae and tidal disruptions by volume and rate; AGN by
//! their counts; asteroids by their orbits. Those that could never be detected are left out. Local densities and rates are
//! published ones where noted, then tuned so that a survey of ZTF's depth sends about a thousand alerts a visit and one of
//! LSST's about ten thousand: 600 (7,000) towards the Galactic poles, 2,300 (14,000) a few degrees from the plane, several
//! times as many towards the centre; a third to a half of them bogus. Everything is a function of the stream given and of the
//! patch (and day): nothing is remembered.

use skydiff_schemas::Band;

use crate::{Place, Random};

use super::bands::{self, nanojansky};
use super::belt::Belt;
use super::class::Class;
use super::galaxy::{self, Population, Sightline};
use super::model::Model;
use super::rates::{Shells, agn_counts, agn_magnitude};

/// r.
const R: Band = Band(bands::R as u8);

/// A round patch of the sky: one pointing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Patch {
    /// Its centre.
    pub centre: Place,
    /// Its radius, degrees.
    pub radius: f64,
}

impl Patch {
    /// Square degrees.
    pub fn area(&self) -> f64 {
        let round = std::f64::consts::TAU * (1.0 - libm::cos(self.radius.to_radians()));
        round * (180.0 / std::f64::consts::PI) * (180.0 / std::f64::consts::PI)
    }

    /// A place in it, uniformly.
    fn draw(&self, random: &mut Random) -> Place {
        let cos_away = 1.0 - random.unit() * (1.0 - libm::cos(self.radius.to_radians()));
        let sin_away = libm::sqrt((1.0 - cos_away * cos_away).max(0.0));
        let (sin_turn, cos_turn) = libm::sincos(std::f64::consts::TAU * random.unit());
        let (sin_dec, cos_dec) = libm::sincos(self.centre.dec.to_radians());
        let sin = (sin_dec * cos_away + cos_dec * sin_away * cos_turn).clamp(-1.0, 1.0);
        let away = libm::atan2(sin_turn * sin_away * cos_dec, cos_away - sin_dec * sin).to_degrees();
        let ra = self.centre.ra + away;
        Place { ra: ra - 360.0 * libm::floor(ra / 360.0), dec: libm::asin(sin).to_degrees() }
    }

    /// What tells its stream from those of others.
    fn stream(&self, random: Random) -> Random {
        random.of(1, self.centre.ra.to_bits()).of(2, self.centre.dec.to_bits())
    }
}

/// Stars of a class in a population.
struct Stars {
    class: Class,
    population: Population,
    /// Per pc³ near the Sun.
    local: f64,
    /// The brightest absolute magnitude in r that a detectable change can have.
    bright: f64,
}

const STARS: [Stars; 8] = [
    // Twice the 4.2 per kpc³ near the Sun of Sesar et al. 2010 (type c too), and a few of the disc.
    Stars { class: Class::RrLyrae, population: Population::Halo, local: 9e-9, bright: 0.0 },
    Stars { class: Class::RrLyrae, population: Population::Disc, local: 3e-9, bright: 0.0 },
    Stars { class: Class::Cepheid, population: Population::Young, local: 2.4e-7, bright: -5.5 },
    Stars { class: Class::Eclipsing, population: Population::Disc, local: 5e-5, bright: 1.0 },
    Stars { class: Class::LongPeriod, population: Population::Disc, local: 1.2e-6, bright: -4.0 },
    // Pala et al. 2020: 4.8e-6.
    Stars { class: Class::Cataclysmic, population: Population::Disc, local: 4.8e-6, bright: 3.5 },
    Stars { class: Class::Flare, population: Population::Disc, local: 3e-4, bright: 9.0 },
    Stars { class: Class::Constant, population: Population::Disc, local: 1e-4, bright: 3.0 },
];

/// Most stars of a kind per square degree that a survey of ZTF's depth can tell apart.
const CONFUSION: f64 = 250.0;

/// Steps of latitude within a patch.
const ROWS: usize = 12;

/// How many of each class there are.
#[derive(Clone, Debug)]
pub struct Density {
    /// Limiting magnitude in r, and its flux.
    depth: f64,
    limit: f64,
    /// Flux above which a star is too bright to be measured: eight magnitudes above the limit.
    saturated: f64,
    scale: f64,
    /// Multiplies each class.
    shares: [f64; Class::ALL.len()],
    ia: Shells,
    core_collapse: Shells,
    disruptions: Shells,
}

impl Density {
    /// For a survey of that depth (r magnitude of a 5σ detection; ZTF 20.5, LSST 24.0), `scale` times as much as there is.
    pub fn new(depth: f64, scale: f64) -> Density {
        let mut shares = [1.0; Class::ALL.len()];
        shares[Class::Constant as usize] = 0.0;
        Density {
            depth,
            limit: nanojansky(depth),
            saturated: nanojansky(depth - 8.0),
            scale: scale.clamp(0.0, 1e3),
            shares,
            // Frohmaier et al. 2019; Dilday et al. 2010 for the growth.
            ia: Shells::new(2.3e-5, 1.7, -19.4, depth + 0.3),
            // Li et al. 2011; with star formation (Madau & Dickinson 2014).
            core_collapse: Shells::new(7.0e-5, 2.7, -18.2, depth + 0.3),
            // Ten times the 3.1e-7 of Yao et al. 2023, so that a few are found.
            disruptions: Shells::new(3.1e-6, 0.0, -19.5, depth + 0.3),
        }
    }

    /// The same with so many times as many of a class: 0 for none, and `Class::Constant` with 1 for constant stars.
    pub fn with(mut self, class: Class, times: f64) -> Density {
        self.shares[class as usize] = times.max(0.0);
        self
    }

    /// The same with one class only, as often as it is by itself: a sky of constant stars, say.
    pub fn only(self, class: Class) -> Density {
        let share = if class == Class::Constant { 1.0 } else { self.shares[class as usize] };
        let shares = std::array::from_fn(|at| if at == class as usize { share } else { 0.0 });
        Density { shares, ..self }
    }

    fn times(&self, class: Class) -> f64 {
        self.scale * self.shares[class as usize]
    }

    /// What is always there in a patch, events and asteroids apart.
    pub fn standing(&self, random: Random, patch: &Patch) -> Vec<Model> {
        let random = patch.stream(random).of(3, 0);
        let mut made = Vec::new();
        let (l, b) = galaxy::galactic(patch.centre);
        for (at, stars) in STARS.iter().enumerate() {
            self.stars(random.of(1, at as u64), patch, (l, b), stars, &mut made);
        }
        self.agn(random.of(2, 0), patch, &mut made);
        made
    }

    /// Stars of one kind: thinned from the densest latitude of the patch.
    fn stars(&self, mut random: Random, patch: &Patch, (l, b): (f64, f64), stars: &Stars, made: &mut Vec<Model>) {
        let latitude = |row: usize| b + patch.radius * ((2 * row + 1) as f64 / ROWS as f64 - 1.0);
        let towards = |faint: f64| -> [Sightline; ROWS] {
            std::array::from_fn(|row| {
                Sightline::new(stars.population, l, latitude(row).clamp(-90.0, 90.0), stars.bright, faint)
            })
        };
        // A deeper survey is a more precise one, and finds variability that a shallow one takes for none.
        let deeper = libm::pow(10.0, 0.15 * (self.depth - 20.5));
        // Where stars crowd, the faint ones cannot be told apart.
        let mut faint = self.depth + 0.3;
        let (lines, densest) = loop {
            let lines = towards(faint);
            let densest = lines.iter().map(Sightline::total).fold(0.0, f64::max);
            let crowded = densest * stars.local > CONFUSION * deeper && faint > self.depth - 6.0;
            if !crowded {
                break (lines, densest);
            }
            faint -= 0.5;
        };
        let count = random.poisson(densest * stars.local * deeper * patch.area() * self.times(stars.class));
        for number in 0..count {
            let mut own = random.of(1, number);
            let place = patch.draw(&mut own);
            let (_, its) = galaxy::galactic(place);
            let row = ((its - b) / patch.radius + 1.0) * ROWS as f64 / 2.0;
            let line = &lines[(row.max(0.0) as usize).min(ROWS - 1)];
            if own.unit() * densest > line.total() {
                continue;
            }
            let (modulus, a_v) = line.draw(own.unit());
            if stars.class == Class::Constant {
                let magnitude = 3.0 + 2.0 * own.exponential() + modulus + a_v;
                if magnitude < self.depth {
                    made.push(Model::constant(place, own, magnitude, a_v));
                }
                continue;
            }
            let model = Model::star(stars.class, place, own, 0.0, modulus, a_v);
            if model.quiescent(R) < self.saturated {
                self.keep(model, made);
            }
        }
    }

    fn agn(&self, mut random: Random, patch: &Patch, made: &mut Vec<Model>) {
        let faint = self.depth + 0.5;
        let all = agn_counts(faint);
        let count = random.poisson(all * patch.area() * self.times(Class::Agn));
        for number in 0..count {
            let mut own = random.of(1, number);
            let place = patch.draw(&mut own);
            let magnitude = agn_magnitude(own.unit() * all, faint);
            let a_v = galaxy::dust(galaxy::galactic(place).1, f64::INFINITY);
            let model = Model::agn(place, own, magnitude, a_v);
            if model.swing() > self.limit {
                made.push(model);
            }
        }
    }

    /// Events that begin in the patch on that day (MJD). Those that never come near the limit are left out.
    pub fn events(&self, random: Random, patch: &Patch, day: i64) -> Vec<Model> {
        let random = patch.stream(random).of(4, day as u64);
        let mut made = Vec::new();
        let area = patch.area();
        let outside = [
            (Class::SupernovaIa, &self.ia),
            (Class::SupernovaCc, &self.core_collapse),
            (Class::TidalDisruption, &self.disruptions),
        ];
        for (class, shells) in outside {
            let mut drawn = random.of(1, class as u64);
            for number in 0..drawn.poisson(shells.total() * area * self.times(class)) {
                let mut own = drawn.of(1, number);
                let (place, begins, redshift) = (patch.draw(&mut own), day as f64 + own.unit(), shells.draw(&mut own));
                let a_v = galaxy::dust(galaxy::galactic(place).1, f64::INFINITY);
                self.keep(Model::event(class, place, own, begins, redshift, a_v), &mut made);
            }
        }
        let mut drawn = random.of(1, Class::Fast as u64);
        // Three per hundred square degrees and day at 20.5, and as many more beyond as their counts, 10^{0.3 m}, say.
        let rate = 0.03 * libm::pow(10.0, 0.3 * (self.depth - 20.5));
        for number in 0..drawn.poisson(rate * area * self.times(Class::Fast)) {
            let mut own = drawn.of(1, number);
            let (place, begins) = (patch.draw(&mut own), day as f64 + own.unit());
            let magnitude = self.depth + (libm::log10(1.0 - own.unit()) / 0.3).max(-7.0);
            let a_v = galaxy::dust(galaxy::galactic(place).1, f64::INFINITY);
            self.keep(Model::fast(place, own, begins, magnitude, a_v), &mut made);
        }
        self.lensing(random.of(1, Class::Microlensing as u64), patch, day, &mut made);
        made
    }

    /// Microlensing: per square degree and day as the plane and the centre have it, falling by e in 5° of latitude and 30° of
    /// longitude (after Mróz et al. 2019, 2020).
    fn lensing(&self, mut random: Random, patch: &Patch, day: i64, made: &mut Vec<Model>) {
        let (l, b) = galaxy::galactic(patch.centre);
        let from_centre = l.min(360.0 - l);
        let rate = 6e-3
            * libm::exp(-b.abs() / 5.0)
            * (0.1 + libm::exp(-from_centre / 30.0))
            * libm::pow(10.0, 0.25 * (self.depth - 20.5));
        for number in 0..random.poisson(rate * patch.area() * self.times(Class::Microlensing)) {
            let mut own = random.of(1, number);
            let (place, begins) = (patch.draw(&mut own), day as f64 + own.unit());
            let modulus = own.between(13.0, 15.5);
            let a_v = galaxy::dust(galaxy::galactic(place).1, galaxy::parsecs(modulus)).min(4.0);
            self.keep(Model::star(Class::Microlensing, place, own, begins, modulus, a_v), made);
        }
    }

    fn keep(&self, model: Model, made: &mut Vec<Model>) {
        if model.swing() > self.limit * 0.7 {
            made.push(model);
        }
    }

    /// Mean number of artefacts in a visit; relative to this the engine makes a visit better or worse.
    pub fn bogus_per_visit(&self, patch: &Patch) -> f64 {
        let (_, b) = galaxy::galactic(patch.centre);
        // Nearly half of the stream, and more where stars crowd.
        let crowded = 0.6 + 1.6 * libm::exp(-b.abs() / 12.0);
        let per_area = 10.0 * libm::pow(10.0, 0.49 * (self.depth - 20.5));
        per_area * crowded * patch.area() * self.times(Class::Bogus)
    }

    /// Asteroids in the patch at about that time. The stream must be the survey's own, the same for all patches: an asteroid
    /// is the same, with the same number, wherever it is met.
    pub fn solar_system(&self, random: Random, patch: &Patch, mjd: f64) -> Vec<Model> {
        let random = random.of(5, 0);
        // So many that a few per square degree are bright enough at 20.5, and ten times as many for each 2.5 magnitudes.
        let objects = 2e5 * libm::pow(10.0, 0.4 * (self.depth - 20.5)) * self.times(Class::SolarSystem);
        let belt = Belt::new(objects, self.depth + 0.3);
        let found = belt.near(random, patch.centre, patch.radius, mjd);
        found
            .into_iter()
            .filter(|asteroid| asteroid.magnitude(mjd) < self.depth + 0.6)
            .map(|asteroid| Model::asteroid(asteroid, random, mjd))
            .collect()
    }
}
