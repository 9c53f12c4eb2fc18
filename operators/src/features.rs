//! Features of a series in a window: the one place where exact sums become floats.
//!
//! Formulas on [`crate::SeriesFeatures`]; names as in `light-curve-feature`.

use crate::SeriesFeatures;
use crate::curve::{LightCurve, Reading};
use skydiff_schemas::{Band, MicroDays};

/// From pJy to nJy.
const NANO: f64 = 1e-3;
/// From pJy per microday to nJy per day.
const NANO_PER_DAY: f64 = 1e3;

/// A lower bound on a rate, in pJy per microday, with its Z.
#[derive(Clone, Copy, Debug)]
struct RiseLimit {
    rate: f64,
    z: f64,
}

/// The features of a series in the window `(bound, …]`; `None` for a window without a visit. What is read alike is alike,
/// whatever the bound, once it [has two slots](Reading::has_two_slots): no limit is looked for beyond the second.
pub fn series(
    curve: &LightCurve,
    band: Band,
    reference: u32,
    bound: MicroDays,
    reading: &Reading,
) -> Option<SeriesFeatures> {
    let sums = &reading.sums;
    let (least, greatest) = (sums.least?, sums.greatest?);
    let line = sums.line();
    let rise = rise_limit(curve, band, reference, bound, reading);
    let [newest, previous] = reading.slots;
    let rate = newest.zip(previous).map(|(newest, previous)| {
        let days = (newest.time - previous.time).0 as f64;
        let sigma = (1.0 / newest.weight + 1.0 / previous.weight).sqrt();
        ((newest.flux - previous.flux) as f64 / days, sigma / days)
    });
    let slope_z = line.map(|line| line.slope / line.sigma);
    let rise_z = rise.map(|rise| rise.z);
    let trend_z = match (slope_z, rise_z) {
        (Some(slope), Some(rise)) if rise.abs() > slope.abs() => Some(rise),
        (slope, rise) => slope.or(rise),
    };
    Some(SeriesFeatures {
        band,
        reference,
        n: sums.n,
        weighted_mean: sums.mean() * NANO,
        weighted_mean_err: sums.weight().sqrt().recip() * NANO,
        chi2: sums.chi2(),
        excess_scatter: sums.excess_variance().map(|variance| variance.sqrt() * NANO),
        linear_fit_slope: line.map(|line| line.slope * NANO_PER_DAY),
        linear_fit_slope_sigma: line.map(|line| line.sigma * NANO_PER_DAY),
        linear_fit_reduced_chi2: line.filter(|_| sums.slots > 2).map(|line| line.chi2 / f64::from(sums.slots - 2)),
        amplitude: (greatest.flux - least.flux) as f64 * NANO,
        amplitude_z: match sums.n {
            1 => 0.0,
            _ => (greatest.flux - least.flux) as f64 / greatest.sigma.hypot(least.sigma),
        },
        rate: rate.map(|(rate, _)| rate * NANO_PER_DAY),
        rate_sigma: rate.map(|(_, sigma)| sigma * NANO_PER_DAY),
        rise_limit: rise.map(|rise| rise.rate * NANO_PER_DAY),
        rise_limit_z: rise_z,
        trend_z,
    })
}

/// From the newest limit between the newest two slots that is deeper than what the newest shows.
fn rise_limit(
    curve: &LightCurve,
    band: Band,
    reference: u32,
    bound: MicroDays,
    reading: &Reading,
) -> Option<RiseLimit> {
    let [newest, previous] = reading.slots;
    let newest = newest?;
    let from = previous.map_or(bound, |previous| previous.newest.max(bound));
    let limit = curve.limits(band, reference, from, newest.oldest).find(|limit| limit.flux.0 < newest.flux)?;
    let rise = (newest.flux - limit.flux.0) as f64;
    let sigma = (1.0 / newest.weight + (limit.flux.0 as f64 / 5.0).powi(2)).sqrt();
    Some(RiseLimit { rate: rise / (newest.time - limit.time).0 as f64, z: rise / sigma })
}
