//! What a visit makes of an object: whether it is on silicon, its light with noise, whether it is detected.
//!
//! A measurement is a function of the object and the visit, so that a packet's history is measured again rather than
//! remembered. σ² = (limit/5)² + light's own noise + a flat-field floor; the reference image has noise of its own, which
//! is the same in every difference from it.

use crate::settings::Survey;
use crate::sky::Class;
use crate::survey::{Exposure, Telescope, flux};
use crate::thing::{Fate, Shown, Thing};
use crate::{Place, Reference, Seen};
use skydiff_schemas::Kind;

/// Significance of a detection.
pub(crate) const THRESHOLD: f64 = 5.0;
/// Flat-field floor: this share of the total flux.
const FLOOR: f64 = 0.01;
/// Light's own noise equals the sky's at so many times the limiting flux.
const BRIGHT: f64 = 16.0;
/// Visits that make up a reference image.
const COADDED: f64 = 20.0;
/// Days over which lasting noise changes.
const LASTING: f64 = 4.0;
/// Share of the sources of an object so fated that are measured again or withdrawn.
const FATED: f64 = 0.3;

const COVER: u64 = 0x636f_7665;
const LIGHT: u64 = 0x6c69_6768;
const REFERENCE: u64 = 0x7265_6665;
const SLOW: u64 = 0x736c_6f77;
const AGAIN: u64 = 0x6167_6169;

/// A look at an object. Fluxes in nJy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    /// True difference from the true reference.
    pub difference: f64,
    /// True total flux, host included.
    pub total: f64,
    /// Measured difference.
    pub flux: f64,
    /// As the survey quotes it.
    pub sigma: f64,
    /// The forced measurement in the same image: most of its noise is the same.
    forced: f64,
}

impl Look {
    pub fn detected(&self) -> bool {
        self.flux.abs() >= THRESHOLD * self.sigma
    }
}

/// Looks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Eye {
    pub survey: Survey,
    pub telescope: &'static Telescope,
}

impl Eye {
    /// What the visit makes of the object; `None` where it falls beside the silicon, or saturates it.
    pub fn look(&self, thing: &Thing, exposure: &Exposure) -> Option<Look> {
        let visit = &exposure.visit;
        let one = thing.random.of(COVER, visit.number);
        let mut random = one;
        let on_silicon = random.unit() < self.telescope.filled;
        let (covered, shown) = match thing.shown {
            Shown::Always => (on_silicon, true),
            Shown::Once(number) => (on_silicon || number == visit.number, number == visit.number),
            Shown::Often(share) => (on_silicon, random.unit() < share),
        };
        if !covered {
            return None;
        }
        let mut random = one.of(LIGHT, 0);
        let floor = visit.limit / THRESHOLD;
        if !shown || thing.model.class == Class::Bogus {
            let size = visit.limit * (1.02 + random.exponential());
            let flaw = if random.chance(0.4) { -size } else { size };
            let flux = if shown { flaw } else { floor * random.gauss().clamp(-4.9, 4.9) };
            return Some(Look { difference: 0.0, total: 0.0, flux, sigma: floor, forced: floor * random.gauss() });
        }
        let light = thing.model.flux(visit.band, visit.mid_tai);
        let total = light + thing.model.host(visit.band);
        if total > flux(self.telescope.saturation) {
            return None;
        }
        let difference = light - self.quiet(thing, exposure);
        let variance = floor * floor * (1.0 + total / (BRIGHT * visit.limit)) + (FLOOR * total) * (FLOOR * total);
        let sigma = libm::sqrt(variance);
        let noise = thing.factor * random.gauss() + thing.lasting * slow(thing, visit.mid_tai);
        let reference = floor / libm::sqrt(COADDED) * self.reference_noise(thing, exposure);
        let forced = difference - reference + sigma * (0.8 * noise + 0.6 * thing.factor * random.gauss());
        Some(Look { difference, total, flux: difference - reference + sigma * noise, sigma, forced })
    }

    /// What the reference has of the object itself. The reference of a constant star was taken wrong, or it never came up.
    fn quiet(&self, thing: &Thing, exposure: &Exposure) -> f64 {
        let quiet = thing.model.quiescent(exposure.visit.band);
        if thing.model.class != Class::Constant {
            return quiet;
        }
        let mut random = thing.random.of(REFERENCE, 1000 + u64::from(exposure.visit.band.0));
        let wrong = random.between(0.1, 0.6);
        quiet * if random.chance(0.5) { 1.0 - wrong } else { 1.0 + wrong }
    }

    fn reference_noise(&self, thing: &Thing, exposure: &Exposure) -> f64 {
        thing.random.of(REFERENCE, u64::from(exposure.visit.band.0) * 2 + u64::from(exposure.grid)).gauss()
    }

    /// The readout channel or detector that it falls on.
    fn detector(&self, thing: &Thing, exposure: &Exposure) -> u16 {
        // ZTF's fields lie fixed on the sky, LSST's camera turns.
        let of = match self.survey {
            Survey::Ztf => u64::from(exposure.grid),
            Survey::Lsst => exposure.visit.number,
        };
        thing.random.of(COVER, of).of(1, 0).below(u64::from(self.telescope.detectors)) as u16
    }

    fn reference(&self, thing: &Thing, exposure: &Exposure, detector: u16) -> Reference {
        let visit = &exposure.visit;
        let mut flux = self.quiet(thing, exposure) + thing.model.host(visit.band);
        let depth = visit.limit / libm::sqrt(COADDED);
        flux += depth / THRESHOLD * self.reference_noise(thing, exposure);
        let image = match self.survey {
            Survey::Ztf => visit.field * 64 + u32::from(detector),
            Survey::Lsst => 0,
        };
        let mut random = thing.random.of(REFERENCE, 500);
        let neighbour = thing.model.neighbour();
        let own = thing.model.quiescent(visit.band) > 0.0;
        let distance = if own { 0.35 * random.unit() } else { neighbour.distance };
        let found = flux > depth && thing.model.class != Class::Bogus;
        Reference { image, flux: found.then_some(flux), distance }
    }

    /// The measurement of that kind as a packet of `as_of` (MJD TAI) has it.
    pub fn seen(&self, kind: Kind, thing: &Thing, exposure: &Exposure, look: &Look, as_of: f64) -> Seen {
        let visit = exposure.visit;
        let detector = self.detector(thing, exposure);
        let mut random = thing.random.of(LIGHT, 1 + visit.number);
        let snr = (look.flux / look.sigma).abs();
        let place = scattered(thing.model.position(visit.mid_tai), &mut random, visit.seeing, snr);
        let bogus = thing.model.class == Class::Bogus;
        let chance = random.unit();
        let score = match bogus {
            true if chance < 0.07 => random.between(0.5, 1.0),
            true => 0.5 * random.unit() * random.unit(),
            false if chance < 0.02 => random.between(0.0, 0.5),
            false => 0.99 - 0.55 * libm::exp((4.0 - snr) / 3.0) * random.unit(),
        };
        let mut seen = Seen {
            kind,
            id: self.id(kind, thing, exposure),
            visit,
            detector,
            nth: thing.number,
            place,
            flux: if kind == Kind::Forced { look.forced } else { look.flux },
            sigma: look.sigma,
            reference: self.reference(thing, exposure, detector),
            score: score.clamp(0.0, 1.0),
            bad: bogus && random.chance(0.3),
            processed: visit.mid_tai + 0.001,
            withdrawn: None,
        };
        if kind == Kind::Source
            && let Some(when) = self.fated(thing, exposure).filter(|when| *when <= as_of)
        {
            match thing.fate {
                Fate::Withdrawn => seen.withdrawn = Some(when),
                _ => seen.flux += look.sigma * (1.0 + random.unit()),
            }
            seen.processed = when;
        }
        seen
    }

    /// When the source of that visit is measured again or withdrawn, if ever: always between two nights.
    fn fated(&self, thing: &Thing, exposure: &Exposure) -> Option<f64> {
        if !matches!(thing.fate, Fate::Remeasured | Fate::Withdrawn) {
            return None;
        }
        let mut random = thing.random.of(AGAIN, exposure.visit.number);
        let so = random.chance(FATED);
        so.then(|| exposure.night as f64 + 0.8 + random.below(3) as f64)
    }

    fn id(&self, kind: Kind, thing: &Thing, exposure: &Exposure) -> u64 {
        match (self.survey, kind) {
            (Survey::Ztf, Kind::Source) => {
                let detector = u64::from(self.detector(thing, exposure));
                let pid = exposure.visit.number * 10_000 + detector * 100 + 15;
                pid * 1_000_000 + u64::from(thing.number)
            }
            (Survey::Ztf, _) | (_, Kind::Limit) => 0,
            // Nights since 2017, visit of the night, number in the field.
            (Survey::Lsst, _) => {
                let visit = u64::from(exposure.visit.night) * 1024 + u64::from(exposure.nth);
                let forced = u64::from(kind == Kind::Forced) << 20;
                visit << 22 | forced | u64::from(thing.number)
            }
        }
    }
}

/// A noise of mean 0 and variance about 1 that changes over days.
fn slow(thing: &Thing, mjd: f64) -> f64 {
    if thing.lasting == 0.0 {
        return 0.0;
    }
    let at = mjd / LASTING;
    let (before, share) = (libm::floor(at), at - libm::floor(at));
    let node = |nth: f64| thing.random.of(SLOW, nth as i64 as u64).gauss();
    // Weights that keep the variance.
    libm::sqrt(1.0 - share) * node(before) + libm::sqrt(share) * node(before + 1.0)
}

/// Centroids scatter by about half the seeing over the signal to noise (King 1983), and never by less than a twentieth arcsec.
fn scattered(place: Place, random: &mut crate::Random, seeing: f64, snr: f64) -> Place {
    let arcsec = (0.5 * seeing / snr.max(THRESHOLD)).hypot(0.05);
    let (north, east) = (arcsec * random.gauss() / 3600.0, arcsec * random.gauss() / 3600.0);
    let dec = (place.dec + north).clamp(-90.0, 90.0);
    let ra = place.ra + east / libm::cos(place.dec.to_radians()).max(0.01);
    Place { ra: ra.rem_euclid(360.0), dec }
}
