//! One object: what it is, where, and its light at any time.
//!
//! A model is made once, from a stream of random numbers, and asked many times. Its flux is finite for any time and takes well
//! under a microsecond, since a packet's history is computed again from it.

use skydiff_schemas::Band;

use crate::{Neighbour, Place, Random};

use super::agn::Agn;
use super::asteroid::Asteroid;
use super::bands::{Bands, R, index, magnitude, thermal};
use super::cataclysmic::Cataclysmic;
use super::class::Class;
use super::collapse::CoreCollapse;
use super::eclipsing::Eclipsing;
use super::fast::{self, Fast};
use super::flare::FlareStar;
use super::galaxy;
use super::host::{self, Host};
use super::lensing::Lensing;
use super::near::{CATALOGUE, Near};
use super::pulsating::Pulsating;
use super::supernova::Ia;
use super::tidal::Disruption;
use super::{Event, Star};

/// An object of the sky.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// What it is.
    pub class: Class,
    /// Where it is; for what moves, where it was when it was drawn.
    pub place: Place,
    light: Light,
    host: Option<Box<Host>>,
    neighbour: Near,
}

/// Its light.
#[derive(Clone, Debug, PartialEq)]
enum Light {
    None,
    Steady(Bands),
    Pulsating(Pulsating),
    Eclipsing(Eclipsing),
    Agn(Agn),
    Cataclysmic(Cataclysmic),
    Flare(FlareStar),
    Lensing(Lensing),
    Ia(Ia),
    CoreCollapse(CoreCollapse),
    Disruption(Disruption),
    Fast(Fast),
    Asteroid(Asteroid),
}

impl Model {
    /// Flux of the point source at that time, without its host, nJy. Finite for any time.
    pub fn flux(&self, band: Band, mjd_tai: f64) -> f64 {
        let flux = match &self.light {
            Light::None => 0.0,
            Light::Steady(base) => f64::from(base[index(band)]),
            Light::Pulsating(star) => star.flux(band, mjd_tai),
            Light::Eclipsing(star) => star.flux(band, mjd_tai),
            Light::Agn(agn) => agn.flux(band, mjd_tai),
            Light::Cataclysmic(star) => star.flux(band, mjd_tai),
            Light::Flare(star) => star.flux(band, mjd_tai),
            Light::Lensing(star) => star.flux(band, mjd_tai),
            Light::Ia(supernova) => supernova.flux(band, mjd_tai),
            Light::CoreCollapse(supernova) => supernova.flux(band, mjd_tai),
            Light::Disruption(event) => event.flux(band, mjd_tai),
            Light::Fast(event) => event.flux(band, mjd_tai),
            Light::Asteroid(asteroid) => asteroid.flux(band, mjd_tai),
        };
        if flux.is_finite() { flux } else { self.quiescent(band) }
    }

    /// What a deep reference image has of the object itself, nJy: of variable stars and AGN the time average, of those that
    /// burst or flare or are lensed what they are between; of events and of what moves nothing.
    pub fn quiescent(&self, band: Band) -> f64 {
        match &self.light {
            Light::Steady(base) => f64::from(base[index(band)]),
            Light::Pulsating(star) => star.mean(band),
            Light::Eclipsing(star) => star.mean(band),
            Light::Agn(agn) => agn.mean(band),
            Light::Cataclysmic(star) => star.mean(band),
            Light::Flare(star) => star.mean(band),
            Light::Lensing(star) => star.mean(band),
            _ => 0.0,
        }
    }

    /// The host galaxy's light under the point source, nJy: the reference has it too. 0 where there is none.
    pub fn host(&self, band: Band) -> f64 {
        self.host.as_ref().map_or(0.0, |host| f64::from(host.under[index(band)]))
    }

    /// For events, the interval of MJD outside which the flux is `quiescent`; `None` for what is always there.
    pub fn lifetime(&self) -> Option<(f64, f64)> {
        match &self.light {
            Light::Lensing(event) => Some(event.lifetime()),
            Light::Ia(event) => Some(event.lifetime()),
            Light::CoreCollapse(event) => Some(event.lifetime()),
            Light::Disruption(event) => Some(event.lifetime()),
            Light::Fast(event) => Some(event.lifetime()),
            _ => None,
        }
    }

    /// Where it is at that time.
    pub fn position(&self, mjd_tai: f64) -> Place {
        match &self.light {
            Light::Asteroid(asteroid) if mjd_tai.is_finite() => asteroid.position(mjd_tai),
            _ => self.place,
        }
    }

    /// What a catalogue has nearest to it: its host, itself, or, where it is too faint or nothing, an unrelated source.
    pub fn neighbour(&self) -> Neighbour {
        let own = self.quiescent(Band(R as u8));
        match &self.host {
            // A bright nucleus makes a galaxy look like a star.
            Some(host) if self.class == Class::Agn => {
                let under = self.host(Band(R as u8));
                self.neighbour.of_host(host, magnitude(own + under), own > 3.0 * under)
            }
            Some(host) if host.magnitude < CATALOGUE => self.neighbour.of_host(host, host.magnitude, false),
            _ => self.neighbour.of_star(magnitude(own)),
        }
    }

    /// For what moves: its number in the catalogue, and its predicted V magnitude at that time.
    pub fn solar_system(&self, mjd: f64) -> Option<(u32, f64)> {
        match &self.light {
            Light::Asteroid(asteroid) => Some((asteroid.number, asteroid.magnitude(mjd))),
            _ => None,
        }
    }

    /// What it was drawn as, for the truth table; units are in the names.
    pub fn parameters(&self) -> Vec<(&'static str, f64)> {
        let mut to = Vec::new();
        match &self.light {
            Light::None | Light::Steady(_) => (),
            Light::Pulsating(star) => star.parameters(&mut to),
            Light::Eclipsing(star) => star.parameters(&mut to),
            Light::Agn(agn) => agn.parameters(&mut to),
            Light::Cataclysmic(star) => star.parameters(&mut to),
            Light::Flare(star) => star.parameters(&mut to),
            Light::Lensing(star) => star.parameters(&mut to),
            Light::Ia(supernova) => supernova.parameters(&mut to),
            Light::CoreCollapse(supernova) => supernova.parameters(&mut to),
            Light::Disruption(event) => event.parameters(&mut to),
            Light::Fast(event) => event.parameters(&mut to),
            Light::Asteroid(asteroid) => asteroid.parameters(&mut to),
        }
        to
    }

    /// One of a class at a place, as it might be found by a survey of 20th magnitude; an event begins at `begins`.
    pub fn draw(class: Class, place: Place, random: Random, begins: f64) -> Model {
        let mut own = random.of(1, 0);
        let (_, b) = galaxy::galactic(place);
        // Counts that grow as 10^{0.3 m}, between 15 and 20.
        let target = 20.0 + libm::log10(own.unit().max(0.03)) / 0.3;
        let far = galaxy::dust(b, f64::INFINITY).min(3.0);
        match class {
            Class::Agn => Model::agn(place, random, target, far),
            Class::SolarSystem => {
                let asteroid = Asteroid::through(place, begins, own, target);
                Model::asteroid(asteroid, random, begins)
            }
            Class::Bogus => Model::new(class, place, Light::None, None, random),
            Class::Constant => Model::constant(place, random, target, far),
            Class::Fast => Model::fast(place, random, begins, target, far),
            Class::SupernovaIa | Class::SupernovaCc | Class::TidalDisruption => {
                let nearest = if class == Class::SupernovaIa { 0.1 } else { 0.04 };
                let redshift = nearest * libm::cbrt(own.unit().max(0.01));
                Model::event(class, place, random, begins, redshift, far)
            }
            _ => {
                // What a star is does not depend on its distance: it is put where it has that magnitude.
                let a_v = galaxy::dust(b, 2_000.0).min(3.0);
                let star = |modulus: f64| Model::star(class, place, random, begins, modulus, a_v);
                let outburst = if class == Class::Cataclysmic { 3.5 } else { 0.0 };
                star(target + outburst - magnitude(star(0.0).quiescent(Band(R as u8))))
            }
        }
    }

    fn new(class: Class, place: Place, light: Light, host: Option<Host>, random: Random) -> Model {
        Model { class, place, light, host: host.map(Box::new), neighbour: Near::draw(random.of(9, 0)) }
    }

    /// A star of that class at that distance, behind that much dust.
    pub(super) fn star(class: Class, place: Place, random: Random, begins: f64, modulus: f64, a_v: f64) -> Model {
        let star = Star { random: random.of(2, 0), modulus, a_v };
        let light = match class {
            Class::RrLyrae => Light::Pulsating(Pulsating::rr_lyrae(&star)),
            Class::Cepheid => Light::Pulsating(Pulsating::cepheid(&star)),
            Class::LongPeriod => Light::Pulsating(Pulsating::long_period(&star)),
            Class::Eclipsing => Light::Eclipsing(Eclipsing::draw(&star)),
            Class::Cataclysmic => Light::Cataclysmic(Cataclysmic::draw(&star)),
            Class::Flare => Light::Flare(FlareStar::draw(&star)),
            Class::Microlensing => Light::Lensing(Lensing::draw(&star, begins)),
            _ => Light::None,
        };
        Model::new(class, place, light, None, random)
    }

    /// An AGN of that mean r magnitude, with its host.
    pub(super) fn agn(place: Place, random: Random, magnitude: f64, a_v: f64) -> Model {
        let mut own = random.of(2, 0);
        // Fainter ones reach further; about a fifth are near enough that the host shows.
        let redshift = if own.chance(0.2) {
            own.between(0.05, 0.4)
        } else {
            (0.4 + 0.55 * (own.exponential() + own.exponential())).min(4.0)
        };
        let agn = Agn::draw(own.of(1, 0), magnitude, redshift, a_v);
        let host = Host::draw(own.of(2, 0), redshift, true, a_v);
        Model::new(Class::Agn, place, Light::Agn(agn), Some(host), random)
    }

    /// A star of that r magnitude that does not change.
    pub(super) fn constant(place: Place, random: Random, magnitude: f64, a_v: f64) -> Model {
        let kelvin = 4_000.0 + 2_500.0 * random.of(2, 0).unit();
        Model::new(Class::Constant, place, Light::Steady(thermal(magnitude, kelvin, 0.3 * a_v)), None, random)
    }

    /// A supernova or a tidal disruption, at that redshift.
    pub(super) fn event(class: Class, place: Place, random: Random, begins: f64, redshift: f64, a_v: f64) -> Model {
        let event = Event { random: random.of(2, 0), begins, redshift, a_v };
        let light = match class {
            Class::SupernovaIa => Light::Ia(Ia::draw(&event)),
            Class::SupernovaCc => Light::CoreCollapse(CoreCollapse::draw(&event)),
            Class::TidalDisruption => Light::Disruption(Disruption::draw(&event)),
            _ => Light::None,
        };
        let host = Host::draw(random.of(3, 0), redshift, class == Class::TidalDisruption, a_v);
        Model::new(class, place, light, Some(host), random)
    }

    /// A fast transient of that magnitude in r at its peak (before extinction), at the distance that this means.
    pub(super) fn fast(place: Place, random: Random, begins: f64, magnitude: f64, a_v: f64) -> Model {
        let mut event = Event { random: random.of(2, 0), begins, redshift: 0.0, a_v };
        let wanted = magnitude - fast::absolute(&event);
        let (mut near, mut far) = (1e-4, 5.0);
        for _ in 0..24 {
            let middle = 0.5 * (near + far);
            if host::modulus(middle) < wanted { near = middle } else { far = middle }
        }
        event.redshift = near;
        let host = Host::draw(random.of(3, 0), near, false, a_v);
        Model::new(Class::Fast, place, Light::Fast(Fast::draw(&event, magnitude)), Some(host), random)
    }

    pub(super) fn asteroid(asteroid: Asteroid, random: Random, mjd: f64) -> Model {
        let place = asteroid.position(mjd);
        let random = random.of(4, u64::from(asteroid.number));
        Model::new(Class::SolarSystem, place, Light::Asteroid(asteroid), None, random)
    }

    /// The most that it can differ from the reference in r, nJy; of an event, its peak.
    pub(super) fn swing(&self) -> f64 {
        let r = Band(R as u8);
        match &self.light {
            Light::None | Light::Steady(_) => 0.0,
            Light::Pulsating(star) => star.mean(r) * star.swing(),
            Light::Eclipsing(star) => star.mean(r) * star.swing(),
            Light::Agn(agn) => agn.mean(r) * agn.swing(),
            Light::Cataclysmic(star) => star.mean(r) * star.swing(),
            Light::Flare(star) => star.mean(r) * star.swing(),
            Light::Lensing(star) => star.peak(),
            Light::Ia(event) => event.flux(r, event.peak()),
            Light::CoreCollapse(event) => event.flux(r, event.peak()),
            Light::Disruption(event) => event.flux(r, event.peak()),
            Light::Fast(event) => event.flux(r, event.peak()),
            Light::Asteroid(_) => f64::INFINITY,
        }
    }
}
