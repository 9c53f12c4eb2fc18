//! Colour at the latest pair of visits in two bands, and how fast it changes.

use super::visits::Visit;
use skydiff_operators::Colour;
use skydiff_schemas::{Band, MicroDays};
use std::collections::BTreeSet;

/// 1.0857362…: a relative error of a flux as an error in magnitudes.
const POGSON: f64 = 2.5 / std::f64::consts::LN_10;

/// A colour with its error and the sum of the times of its two visits, microdays after the origin.
struct Pair {
    colour: f64,
    err: f64,
    times: i64,
}

/// The colours of every pair of bands that has one, from the window's visits in order of (time, id).
pub fn colours(window: &[&Visit], colour_days: f64, origin: MicroDays) -> Vec<Colour> {
    let fluxes: Vec<&Visit> = window.iter().copied().filter(|visit| visit.is_flux()).collect();
    let bands: Vec<Band> = fluxes.iter().map(|visit| visit.row.band).collect::<BTreeSet<_>>().into_iter().collect();
    let mut colours = Vec::new();
    for (at, blue) in bands.iter().enumerate() {
        for red in &bands[at + 1..] {
            colours.extend(colour(&fluxes, (*blue, *red), colour_days, origin));
        }
    }
    colours
}

fn colour(fluxes: &[&Visit], bands: (Band, Band), colour_days: f64, origin: MicroDays) -> Option<Colour> {
    let newest = |band: Band, before: MicroDays| {
        fluxes.iter().copied().filter(|visit| visit.row.band == band && visit.time() < before).max_by_key(|v| v.at())
    };
    let end = MicroDays(i64::MAX);
    let (blue, red) = (newest(bands.0, end)?, newest(bands.1, end)?);
    let latest = pair(blue, red, colour_days, origin)?;
    let earlier = blue.time().min(red.time());
    let previous = match (newest(bands.0, earlier), newest(bands.1, earlier)) {
        (Some(blue), Some(red)) => pair(blue, red, colour_days, origin),
        _ => None,
    };
    let days = |previous: &Pair| (latest.times - previous.times) as f64 / 2e6;
    let change = previous.map(|previous| (latest.colour - previous.colour) / days(&previous));
    Some(Colour { bands, colour: latest.colour, colour_err: latest.err, change })
}

fn pair(blue: &Visit, red: &Visit, colour_days: f64, origin: MicroDays) -> Option<Pair> {
    let apart = (blue.time().0 - red.time().0).abs() as f64 / 1e6;
    let (f1, f2) = match (blue.row.total(), red.row.total()) {
        (Some(blue), Some(red)) => (blue.0 as f64, red.0 as f64),
        _ => (blue.flux(), red.flux()),
    };
    if apart > colour_days || f1 <= 0.0 || f2 <= 0.0 {
        return None;
    }
    let after = |visit: &Visit| visit.time().0 - origin.0;
    Some(Pair {
        colour: -2.5 * (f1.log10() - f2.log10()),
        err: POGSON * (blue.sigma / f1).hypot(red.sigma / f2),
        times: after(blue) + after(red),
    })
}
