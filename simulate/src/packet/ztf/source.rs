//! A detection of ZTF, or an upper limit: what several columns of it need. The columns are in `columns`.
//!
//! What the survey's quality cuts look at says whether it is bad: bad pixels, a width or a shape that no star has, a low
//! score. Everything else is in the range of real detections.

mod columns;

pub use columns::{candidate, copy, limit};

use super::super::numbers::{bell, between, convergence, direction, magnitude, magnitude_error, salt, to, unit};
use super::image::Image;
use crate::{Place, Random, Seen, Shot, Target};

/// Arcseconds of a pixel (Dekany et al. 2020).
pub const PIXEL: f64 = 1.012;

/// What a packet says of its object, beside the measurements.
#[derive(Clone, Copy)]
pub struct Packet {
    pub target: Target,
    pub first: f64,
    pub detections: u32,
    pub coverage: u32,
    /// What is drawn of the object.
    pub stream: Random,
}

impl Packet {
    pub fn new(shot: &Shot) -> Packet {
        Packet {
            target: *shot.target,
            first: to(shot.first_utc + 2_400_000.5, 1e7),
            detections: shot.detections,
            coverage: shot.coverage,
            stream: Random::new(shot.target.id),
        }
    }
}

/// A detection or a limit, with what several columns need.
#[derive(Clone, Copy)]
pub struct Row {
    pub seen: Seen,
    pub packet: Packet,
    pub image: Image,
    /// What is drawn of the measurement.
    pub stream: Random,
    pub magnitude: f64,
    pub error: f64,
    pub snr: f64,
    /// Aperture less PSF magnitude.
    aperture: f64,
    pixel: (f64, f64),
    /// Full width at half maximum, pixels.
    fwhm: f64,
    elong: f64,
    /// Bad pixels near it.
    bad: i64,
    reference: NearestSource,
}

/// The nearest source on the reference image: the one that the difference belongs to where the survey has one there, or one
/// farther off.
#[derive(Clone, Copy)]
pub struct NearestSource {
    pub place: Place,
    /// Arcsec.
    pub distance: f64,
    pub magnitude: f64,
}

impl NearestSource {
    pub fn new(seen: &Seen, stream: Random) -> NearestSource {
        let (distance, magnitude) = match seen.reference.flux {
            Some(flux) => (seen.reference.distance.max(0.0), magnitude(flux)),
            None => (
                between(stream, salt("distnr"), 3.0, 20.0).max(seen.reference.distance),
                between(stream, salt("magnr"), 19.0, 22.5),
            ),
        };
        let (east, north) = direction(stream);
        let dec = (seen.place.dec + north * distance / 3600.0).clamp(-90.0, 90.0);
        let stretch = convergence(dec);
        let place = Place { ra: (seen.place.ra + east * distance / 3600.0 / stretch).rem_euclid(360.0), dec };
        NearestSource { place, distance, magnitude: to(magnitude, 1e3) }
    }
}

/// How the image of a bad source is bad.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Pixels,
    Wide,
    Long,
}

impl Fault {
    pub fn of(seen: &Seen, stream: Random) -> Option<Fault> {
        seen.bad.then(|| match stream.of(salt("fault"), 0).below(3) {
            0 => Fault::Pixels,
            1 => Fault::Wide,
            _ => Fault::Long,
        })
    }
}

impl Row {
    pub fn new(seen: &Seen, packet: &Packet) -> Row {
        let stream = Random::new(seen.id);
        let draw = |name, from, to| between(stream, name, from, to);
        let fault = Fault::of(seen, stream);
        let error = magnitude_error(seen.flux, seen.sigma);
        let image = Image::new(seen);
        let tilt = unit(stream, salt("elong"));
        Row {
            magnitude: magnitude(seen.flux),
            error,
            snr: seen.flux.abs() / seen.sigma.max(1e-9),
            aperture: if seen.bad { 0.4 } else { 0.4 * error + 0.02 } * bell(stream, salt("magap")),
            pixel: image.pixel(seen.place.ra, seen.place.dec),
            fwhm: match fault {
                Some(Fault::Wide) => draw(salt("fwhm"), 5.3, 9.0),
                _ => (seen.visit.seeing / PIXEL * draw(salt("fwhm"), 0.85, 1.15)).clamp(0.9, 4.9),
            },
            elong: if fault == Some(Fault::Long) { 1.3 + tilt } else { 1.01 + 0.17 * tilt * tilt },
            bad: if fault == Some(Fault::Pixels) { draw(salt("nbad"), 1.0, 8.0) as i64 } else { 0 },
            reference: NearestSource::new(seen, image.reference()),
            image,
            stream,
            seen: *seen,
            packet: *packet,
        }
    }

    /// An upper limit: only what is of its image counts.
    pub fn limit(seen: &Seen, packet: &Packet) -> Row {
        let reference = NearestSource { place: seen.place, distance: 0.0, magnitude: 0.0 };
        let (seen, packet, image) = (*seen, *packet, Image::new(seen));
        let stream = image.stream;
        Row {
            seen,
            packet,
            image,
            stream,
            reference,
            magnitude: 0.0,
            error: 0.0,
            snr: 0.0,
            aperture: 0.0,
            pixel: (0.0, 0.0),
            fwhm: 1.0,
            elong: 1.0,
            bad: 0,
        }
    }

    /// The random-forest score: that of the deep one as it spreads itself, 0.65 where that is 0.5. In 350 trees.
    fn rb(&self) -> f64 {
        let score = self.seen.score.clamp(0.0, 1.0);
        if score < 0.5 {
            (score * 1.3 * 350.0).min(227.0).floor() / 350.0
        } else {
            (228.0 + (score - 0.5) * 240.0).floor() / 350.0
        }
    }

    fn magap(&self) -> f64 {
        to(self.magnitude + self.aperture, 1e4)
    }

    fn sigmagap(&self) -> f64 {
        to(0.9 * self.error + 0.002, 1e4)
    }

    fn aimage(&self) -> f64 {
        to(self.fwhm * between(self.stream, salt("aimage"), 0.32, 0.45), 1e3)
    }

    fn dsnrms(&self) -> f64 {
        self.snr * between(self.stream, salt("dsnrms"), 0.4, 0.8)
    }

    fn ssnrms(&self) -> f64 {
        self.snr * between(self.stream, salt("ssnrms"), 1.5, 2.5)
    }

    fn scorr(&self) -> f64 {
        (self.snr * between(self.stream, salt("scorr"), 0.95, 1.1)).max(5.0)
    }

    fn measured(&self, row: fn(&Row) -> Random, name: &str, from: f64, until: f64) -> f64 {
        to(between(row(self), salt(name), from, until), 1e3)
    }
}
