//! FITS files as the surveys' own (FITS 4.0): ZTF's of one image, LSST's with variance and PSF.
//!
//! Cards are those of real packets: ZTF's has no place, LSST's has the transformation without the names of its axes.

use super::light::gaussian;
use super::{DEPTH, Stamps};
use crate::Place;
use std::io::Write;

/// FITS comes in blocks of this length.
const BLOCK: usize = 2880;

/// Begins a header: `cards` are appended to it, and it is filled up.
fn header(out: &mut Vec<u8>, cards: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    cards(out);
    out.extend_from_slice(b"END");
    fill(out, start, b' ');
}

/// Fills up to a whole number of blocks from `start`.
fn fill(out: &mut Vec<u8>, start: usize, with: u8) {
    let length = (out.len() - start).next_multiple_of(BLOCK);
    out.resize(start + length, with);
}

/// One card: a keyword, and a value that is written as text in columns 11 to 30.
fn card(out: &mut Vec<u8>, keyword: &str, value: impl std::fmt::Display) {
    let start = out.len();
    // Writing to memory cannot fail.
    let _ = write!(out, "{keyword:<8}= {value:>20}");
    out.resize(start + 80, b' ');
}

/// One card of text.
fn text(out: &mut Vec<u8>, keyword: &str, value: &str) {
    let start = out.len();
    let _ = write!(out, "{keyword:<8}= '{value:<8}'");
    out.resize(start + 80, b' ');
}

/// A number as FITS has it: an exponent in capitals.
fn number(value: f64) -> String {
    format!("{value:.12E}")
}

fn image(out: &mut Vec<u8>, keyword: &str, value: &str, bits: i32, size: usize) {
    match keyword {
        "SIMPLE" => card(out, keyword, value),
        _ => text(out, keyword, value),
    }
    card(out, "BITPIX", bits);
    card(out, "NAXIS", 2);
    card(out, "NAXIS1", size);
    card(out, "NAXIS2", size);
}

fn pixels(out: &mut Vec<u8>, values: impl Iterator<Item = f32>) {
    let start = out.len();
    values.for_each(|value| out.extend_from_slice(&value.to_be_bytes()));
    fill(out, start, 0);
}

/// ZTF's: an image in counts. `sign` −1 turns a difference into reference less science.
pub fn ztf(image_pixels: &[f32], size: usize, sign: f32, out: &mut Vec<u8>) {
    header(out, |out| {
        image(out, "SIMPLE", "T", -32, size);
        text(out, "BUNIT", "DN");
    });
    pixels(out, image_pixels.iter().map(|value| sign * value));
}

/// Which of LSST's three.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Which {
    Difference,
    Science,
    Template,
}

/// LSST's: an image in nJy with its place, its variance, and the PSF.
pub fn lsst(stamps: &Stamps, which: Which, place: Place, corner: (i64, i64), out: &mut Vec<u8>) {
    let (scale, (x, y)) = (stamps.scale, stamps.centre);
    let (values, noise) = match which {
        Which::Difference => (&stamps.difference, stamps.noise),
        Which::Science => (&stamps.science, stamps.noise),
        Which::Template => (&stamps.template, stamps.noise * DEPTH),
    };
    header(out, |out| {
        image(out, "SIMPLE", "T", -32, scale.size);
        card(out, "EXTEND", "T");
        card(out, "CUTMINX", corner.0);
        card(out, "CUTMINY", corner.1);
        card(out, "ROTPA", number(scale.turn.to_degrees()));
        text(out, "BUNIT", "nJy");
        card(out, "WCSAXES", 2);
        card(out, "CRPIX1", number(x + 1.0));
        card(out, "CRPIX2", number(y + 1.0));
        let (sin, cos) = libm::sincos(scale.turn);
        let degrees = scale.pixel / 3600.0;
        card(out, "PC1_1", number(-cos * degrees));
        card(out, "PC1_2", number(sin * degrees));
        card(out, "PC2_1", number(sin * degrees));
        card(out, "PC2_2", number(cos * degrees));
        card(out, "CDELT1", "1.0");
        card(out, "CDELT2", "1.0");
        card(out, "CRVAL1", number(place.ra));
        card(out, "CRVAL2", number(place.dec));
        card(out, "LATPOLE", "90.0");
        card(out, "MJDREF", "0.0");
    });
    pixels(out, values.iter().copied());
    header(out, |out| {
        image(out, "XTENSION", "IMAGE", -32, scale.size);
        card(out, "PCOUNT", 0);
        card(out, "GCOUNT", 1);
        text(out, "UTYPE", "VarianceUncertainty");
        text(out, "EXTNAME", "UNCERT");
    });
    // As in real ones, the variance varies by a few percent: here with the bits of the pixel beside it.
    let variance = (noise * noise) as f32;
    pixels(out, values.iter().map(|value| variance * (0.98 + 0.04 * (value.to_bits() & 0xffff) as f32 / 65_536.0)));
    let size = if which == Which::Template { 49 } else { 41 };
    header(out, |out| {
        image(out, "XTENSION", "IMAGE", -64, size);
        card(out, "PCOUNT", 0);
        card(out, "GCOUNT", 1);
        text(out, "EXTNAME", "PSFIMAGE");
    });
    psf(stamps.width, size, out);
}

/// The PSF on `size` by `size` pixels, its sum 1.
fn psf(width: f64, size: usize, out: &mut Vec<u8>) {
    let (start, mut profile, variance) = (out.len(), [0.0; 64], width * width + 1.0 / 12.0);
    let mut sum = 0.0;
    let mut places = profile.iter_mut();
    gaussian((size / 2) as f64, 0, size.min(64), variance, |value| {
        sum += value;
        if let Some(place) = places.next() {
            *place = value;
        }
    });
    let profile = &profile[..size.min(64)];
    for up in profile {
        let factor = up / (sum * sum);
        profile.iter().for_each(|across| out.extend_from_slice(&(factor * across).to_be_bytes()));
    }
    fill(out, start, 0);
}
