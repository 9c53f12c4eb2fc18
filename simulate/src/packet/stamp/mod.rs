//! The three images around a triggering source: difference, template, science.
//!
//! The template is a field of stars and galaxies that is a function of the place, with the reference source of the shot; the
//! difference is the source as bright as it was measured, or an artefact where it is bad; the science image is their sum, so
//! difference = science − template. The noise of a pixel is what makes a source at the visit's limit a 5σ one.
//! One pass draws the noise of a difference and its template together.

mod field;
mod fits;
mod gzip;
mod light;

pub use fits::{Which, lsst, ztf};
pub use gzip::Gzip;
use light::Canvas;

use super::numbers::{between, salt, unit};
use crate::{Random, Seen, Shot};

/// What a bad source looks like: each is in the columns that say so.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A star: what a good one looks like.
    Point,
    /// Wider than any star.
    Blob,
    /// A few hot pixels.
    Pixels,
    /// A streak.
    Line,
    /// A star that was subtracted from a shifted one.
    Dipole,
}

/// A score below which the image shows why it is so low.
const DOUBTFUL: f64 = 0.25;

impl Shape {
    /// What the image of a source shows that is not flagged as bad: a star, or an artefact that the survey only doubts.
    pub fn unflagged(seen: &Seen) -> Shape {
        if seen.score >= DOUBTFUL {
            return Shape::Point;
        }
        match Random::new(seen.id).of(salt("shape"), 0).below(3) {
            0 => Shape::Pixels,
            1 => Shape::Line,
            _ => Shape::Dipole,
        }
    }
}

/// How a survey's stamps are made.
#[derive(Clone, Copy)]
pub struct Scale {
    /// Pixels on a side.
    pub size: usize,
    /// Arcsec of a pixel.
    pub pixel: f64,
    /// Units of the image for a nJy.
    pub gain: f64,
    /// Background, in these units.
    pub sky: f64,
    /// Magnitude of the faintest things in the field.
    pub faintest: f64,
    /// Angle of north from the image's y axis towards its x axis, radians.
    pub turn: f64,
}

/// Three images, and what was found out while drawing them.
pub struct Stamps {
    pub science: Vec<f32>,
    pub template: Vec<f32>,
    pub difference: Vec<f32>,
    pub scale: Scale,
    /// Where the source is, pixels from the centre of the first one.
    pub centre: (f64, f64),
    /// Standard deviation of the PSF, pixels.
    pub width: f64,
    /// Noise of a pixel of the difference.
    pub noise: f64,
}

/// Noise of a template as a part of that of a visit: it is made of many.
pub const DEPTH: f64 = 0.25;

impl Stamps {
    pub fn new(scale: Scale) -> Stamps {
        let pixels = || vec![0.0; scale.size * scale.size];
        let [science, template, difference] = [pixels(), pixels(), pixels()];
        Stamps { science, template, difference, scale, centre: (0.0, 0.0), width: 1.0, noise: 1.0 }
    }

    /// Draws the images of a shot.
    pub fn draw(&mut self, shot: &Shot, scale: Scale, shape: Shape) {
        let seen = shot.trigger;
        let stream = Random::new(seen.id).of(salt("stamp"), shot.target.id);
        let pixels = scale.size * scale.size;
        for image in [&mut self.science, &mut self.template, &mut self.difference] {
            image.clear();
            image.resize(pixels, 0.0);
        }
        self.scale = scale;
        let middle = (scale.size - 1) as f64 / 2.0;
        let within = |name| between(stream, name, -0.5, 0.5);
        self.centre = (middle + within(salt("x")), middle + within(salt("y")));
        self.width = (seen.visit.seeing / 2.354_820_045 / scale.pixel).clamp(0.4, scale.size as f64);
        // A PSF's flux is measured over 4π times its variance (King 1983).
        let variance = 4.0 * std::f64::consts::PI * self.width * self.width;
        self.noise = seen.visit.limit / 5.0 / variance.sqrt() * scale.gain;

        let mut template = Canvas::new(&mut self.template, scale.size, self.width);
        field::draw(shot, scale, self.centre, &mut template);
        let flux = if seen.flux.is_finite() { seen.flux * scale.gain } else { 0.0 };
        let mut difference = Canvas::new(&mut self.difference, scale.size, self.width);
        artefact(&mut difference, self.centre, flux, shape, stream);
        self.add_noise(stream.of(salt("noise"), 0));
    }

    fn add_noise(&mut self, mut random: Random) {
        // Of four uniforms of 16 bits each (variance 4/12), two sums that do not correlate. The bits below come from the
        // second word, so that a pixel has as many different values as its survey's.
        let unit = 1.0 / 65_536.0 * 3.0f64.sqrt();
        let (difference, template) = ((self.noise * unit) as f32, (self.noise * DEPTH * unit) as f32);
        let sky = self.scale.sky as f32;
        let images = self.science.iter_mut().zip(&mut self.template).zip(&mut self.difference);
        for ((science, below), above) in images {
            let (bits, fine) = (random.bits(), random.bits());
            let part = |place: u32| (bits >> (16 * place) & 0xffff) as i32;
            let (a, b, c, d) = (part(0), part(1), part(2), part(3));
            let fraction = |place: u32| (fine >> (24 * place) & 0xff_ffff) as f32 / (1 << 24) as f32 - 0.5;
            *above += ((a + b - c - d) as f32 + fraction(0)) * difference;
            *below += ((a - b + c - d) as f32 + fraction(1)) * template + sky;
            *science = *below + *above;
        }
    }
}

/// A source of that flux, or what was taken for one.
fn artefact(canvas: &mut Canvas<'_>, (x, y): (f64, f64), flux: f64, shape: Shape, stream: Random) {
    let angle = between(stream, salt("angle"), 0.0, std::f64::consts::TAU);
    let (sin, cos) = libm::sincos(angle);
    match shape {
        Shape::Point => canvas.star(x, y, flux),
        Shape::Blob => canvas.round(x, y, flux, canvas.width * between(stream, salt("wide"), 2.0, 3.5)),
        Shape::Pixels => {
            for part in 0..3 {
                let along = f64::from(part) * between(stream, salt("step"), 0.7, 1.2);
                canvas.pixel(x + along * cos, y + along * sin, flux / 3.0);
            }
        }
        Shape::Line => {
            // The whole is as bright as many sources: what was detected is a piece of it.
            let step = canvas.width;
            let reach = (canvas.size as f64 / step) as i32;
            for part in -reach..=reach {
                let along = f64::from(part) * step;
                canvas.star(x + along * cos, y + along * sin, flux * (0.4 + 0.2 * unit(stream, part as u64)));
            }
        }
        Shape::Dipole => {
            let (shift, half) = (0.7 * canvas.width, 3.0 * flux.abs());
            canvas.star(x + shift * cos, y + shift * sin, half + flux);
            canvas.star(x - shift * cos, y - shift * sin, -half);
        }
    }
}
