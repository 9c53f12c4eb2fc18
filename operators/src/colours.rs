//! Colours at the latest pair of visits, and how they change.

use crate::Colour;
use crate::curve::{LightCurve, Visit};
use skydiff_schemas::{Band, MicroDays};

/// A colour with the instants that decide in which windows it counts.
pub struct Pair {
    colour: Colour,
    oldest: MicroDays,
    /// Change since the previous pair, and its older instant.
    change: Option<(f64, MicroDays)>,
}

impl Pair {
    /// As it is seen in the window that begins after `bound`, if it lies in it.
    pub fn within(&self, bound: MicroDays) -> Option<Colour> {
        let change = self.change.filter(|(_, oldest)| *oldest > bound).map(|(change, _)| change);
        (self.oldest > bound).then(|| Colour { change, ..self.colour.clone() })
    }
}

/// For each two bands, at the newest visit of each up to `last`.
pub fn pairs(curve: &LightCurve, last: MicroDays, within: MicroDays) -> Vec<Pair> {
    let bands = curve.bands();
    let two = bands.iter().enumerate().flat_map(|(at, blue)| bands[at + 1..].iter().map(move |red| (*blue, *red)));
    two.filter_map(|bands| {
        let (blue, red) = newest(curve, bands, MicroDays(last.0 + 1))?;
        let now = colour(&blue, &red, within)?;
        let oldest = blue.time.min(red.time);
        let before = newest(curve, bands, oldest).and_then(|(blue, red)| {
            let then = colour(&blue, &red, within)?;
            Some(((now.0 - then.0) / ((now.2 - then.2) as f64 / 2e6), blue.time.min(red.time)))
        });
        let colour = Colour { bands, colour: now.0, colour_err: now.1, change: None };
        Some(Pair { colour, oldest, change: before })
    })
    .collect()
}

fn newest(curve: &LightCurve, (blue, red): (Band, Band), before: MicroDays) -> Option<(Visit, Visit)> {
    let of = |band| curve.newest_before(before, Some(band)).map(|(_, _, visit)| visit);
    Some((of(blue)?, of(red)?))
}

/// Colour, its error, and twice its mean time: of total fluxes where both have one, else of difference fluxes.
fn colour(blue: &Visit, red: &Visit, within: MicroDays) -> Option<(f64, f64, i64)> {
    let (a, b) = blue.total.zip(red.total).unwrap_or((blue.flux, red.flux));
    if a.0 <= 0 || b.0 <= 0 || (blue.time - red.time).0.abs() > within.0 {
        return None;
    }
    let colour = -2.5 * libm::log10(a.0 as f64 / b.0 as f64);
    let error = 2.5 / std::f64::consts::LN_10 * (blue.sigma / a.0 as f64).hypot(red.sigma / b.0 as f64);
    Some((colour, error, blue.time.0 + red.time.0))
}
