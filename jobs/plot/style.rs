//! Colours and markers: the same band and the same state look the same in every plot, also to the colour-blind.

use super::canvas::{Canvas, Colour};
use plotters::prelude::DrawingBackend;
use plotters::style::{Color, RGBColor};
use skydiff_operators::State;

/// Text and axes.
pub const INK: Colour = RGBColor(34, 34, 34);
/// What is said beside it.
pub const GREY: Colour = RGBColor(110, 110, 110);
/// Lines that help the eye.
pub const FAINT: Colour = RGBColor(226, 226, 226);
/// Behind a strip.
pub const SHADE: Colour = RGBColor(245, 245, 245);
/// How much is seen of what does not count.
pub const PALE: f64 = 0.35;

/// Rubin's colours of bands on white (RTN-045), the infrared in greys.
pub fn band(name: &str) -> Colour {
    match name {
        "u" => RGBColor(12, 113, 255),
        "g" => RGBColor(73, 190, 97),
        "r" => RGBColor(198, 28, 0),
        "i" => RGBColor(255, 194, 0),
        "z" => RGBColor(243, 65, 162),
        "y" => RGBColor(93, 0, 0),
        "J" => RGBColor(150, 150, 150),
        "H" => RGBColor(100, 100, 100),
        _ => RGBColor(0, 0, 0),
    }
}

/// Okabe and Ito's colours, of one family for states that exclude each other.
pub fn state(name: &str) -> Colour {
    match name {
        "rising" => RGBColor(213, 94, 0),
        "fading" => RGBColor(0, 114, 178),
        "turned" => RGBColor(204, 121, 167),
        "flaring" => RGBColor(230, 159, 0),
        "dipping" => RGBColor(86, 180, 233),
        "variable" => RGBColor(110, 60, 160),
        "steady" => RGBColor(160, 160, 160),
        "candidate" => RGBColor(140, 214, 190),
        "new" => RGBColor(0, 158, 115),
        _ => RGBColor(0, 80, 60),
    }
}

/// States that exclude each other share a lane; lanes from top to bottom.
pub const LANES: [&[State]; 5] = [
    &[State::Candidate, State::New],
    &[State::Reappeared],
    &[State::Rising, State::Fading, State::Turned],
    &[State::Flaring, State::Dipping],
    &[State::Variable, State::Steady],
];

/// A band's marker around a point; a circle has none.
fn outline(band: &str, (x, y): (f64, f64), size: f64) -> Option<Vec<(f64, f64)>> {
    // Angles from the top, so that areas look alike.
    let corners = |number: usize, turn: f64, reach: f64| {
        let corner = |at: usize| {
            let angle = std::f64::consts::TAU * (at as f64 / number as f64 + turn);
            (x + reach * size * angle.sin(), y - reach * size * angle.cos())
        };
        Some((0..number).map(corner).collect())
    };
    match band {
        "r" => corners(4, 0.125, 1.2),
        "i" => corners(4, 0.0, 1.3),
        "z" => corners(3, 0.0, 1.4),
        "u" => corners(3, 0.5, 1.4),
        "y" => corners(5, 0.0, 1.2),
        "J" => corners(6, 0.0, 1.15),
        "H" => corners(3, 0.25, 1.4),
        "K" => corners(3, 0.75, 1.4),
        _ => None,
    }
}

/// A band's marker: filled, or open.
pub fn marker<B: DrawingBackend>(
    canvas: &Canvas<'_, B>,
    name: &str,
    at: (f64, f64),
    size: f64,
    (filled, alpha): (bool, f64),
) -> Result<(), String> {
    let colour = band(name).mix(alpha);
    let paint = |size: f64, colour| match outline(name, at, size) {
        Some(corners) => canvas.shape(&corners, colour),
        None => canvas.disc(at, size, colour),
    };
    paint(size, colour)?;
    if filled { Ok(()) } else { paint(0.55 * size, plotters::style::WHITE.mix(1.0)) }
}

/// The arrow of an upper limit, its tail at the limit.
pub fn arrow<B: DrawingBackend>(
    canvas: &Canvas<'_, B>,
    name: &str,
    (x, y): (f64, f64),
    alpha: f64,
) -> Result<(), String> {
    let colour = band(name).mix(alpha);
    canvas.line(&[(x - 3.2, y), (x + 3.2, y)], colour, 1.0)?;
    canvas.line(&[(x, y), (x, y + 10.0)], colour, 1.0)?;
    canvas.shape(&[(x - 2.6, y + 7.0), (x + 2.6, y + 7.0), (x, y + 12.0)], colour)
}

/// What marks a measurement that does not count.
pub fn cross<B: DrawingBackend>(canvas: &Canvas<'_, B>, (x, y): (f64, f64), size: f64) -> Result<(), String> {
    let colour = GREY.mix(0.8);
    canvas.line(&[(x - size, y - size), (x + size, y + size)], colour, 1.0)?;
    canvas.line(&[(x - size, y + size), (x + size, y - size)], colour, 1.0)
}
