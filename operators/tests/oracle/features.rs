//! Features of one series in one window, by the formulas as a textbook has them.

use super::judge::Judge;
use super::slots::{line, rate, rise_limit, slot_length, slots};
use super::visits::Visit;
use skydiff_operators::SeriesFeatures;
use skydiff_schemas::{Band, MicroDays};
use std::collections::BTreeSet;

/// Fluxes are computed in pJy and told in nJy.
const NANO: f64 = 1e3;

/// Weighted mean and what scatters about it, pJy.
pub struct Mean {
    pub mean: f64,
    pub err: f64,
    pub chi2: f64,
    /// Square of the excess scatter; needs two.
    pub excess2: Option<f64>,
}

pub fn mean(visits: &[&Visit]) -> Mean {
    let n = visits.len() as f64;
    let weight: f64 = visits.iter().map(|visit| visit.weight()).sum();
    let mean = visits.iter().map(|visit| visit.weight() * visit.flux()).sum::<f64>() / weight;
    let chi2: f64 = visits.iter().map(|visit| visit.weight() * (visit.flux() - mean).powi(2)).sum();
    let excess2 = (visits.len() >= 2).then(|| (chi2 - (n - 1.0)).max(0.0) * n / ((n - 1.0) * weight));
    Mean { mean, err: 1.0 / weight.sqrt(), chi2, excess2 }
}

/// The brightest and the faintest visit; of equal ones the oldest.
pub fn extremes<'a>(visits: &[&'a Visit]) -> (&'a Visit, &'a Visit) {
    let (mut brightest, mut faintest) = (visits[0], visits[0]);
    for visit in visits {
        if visit.row.flux > brightest.row.flux {
            brightest = visit;
        }
        if visit.row.flux < faintest.row.flux {
            faintest = visit;
        }
    }
    (brightest, faintest)
}

/// One series in one window.
pub struct Series<'a> {
    /// Its flux visits, oldest first; at least one.
    pub visits: Vec<&'a Visit>,
    pub features: SeriesFeatures,
    /// A slot average lies between two integers: what is made of slots may differ in the last digit that is kept.
    pub rounding: bool,
}

/// Every series of the window in order of (band, reference), from its visits in order of time.
pub fn all_series<'a>(
    window: &[&'a Visit],
    average_minutes: f64,
    newest: MicroDays,
    judge: &mut Judge,
) -> Vec<Series<'a>> {
    let (fluxes, limits): (Vec<&Visit>, Vec<&Visit>) = window.iter().copied().partition(|visit| visit.is_flux());
    let names: BTreeSet<(Band, u32)> = fluxes.iter().map(|visit| visit.series()).collect();
    let one = |name: (Band, u32)| {
        let visits: Vec<&'a Visit> = fluxes.iter().copied().filter(|visit| visit.series() == name).collect();
        series(name, visits, &limits, slot_length(average_minutes), newest, judge)
    };
    names.into_iter().map(one).collect()
}

fn series<'a>(
    name: (Band, u32),
    visits: Vec<&'a Visit>,
    limits: &[&Visit],
    slot: i64,
    newest: MicroDays,
    judge: &mut Judge,
) -> Series<'a> {
    let Mean { mean, err, chi2, excess2 } = mean(&visits);
    let (brightest, faintest) = extremes(&visits);
    let amplitude = brightest.flux() - faintest.flux();

    let mut rounding = Judge::default();
    let slots = slots(&visits, slot, newest, &mut rounding);
    let line = line(&slots);
    let rate = rate(&slots);
    let rise = rise_limit(&slots, limits, name, newest, judge);
    let line_z = line.as_ref().map(|line| line.slope / line.sigma);
    let rise_z = rise.map(|(_, z)| z);
    let trend_z = match (line_z, rise_z) {
        (Some(line), Some(rise)) => Some(if judge.above(rise.abs(), line.abs()) { rise } else { line }),
        (line, rise) => line.or(rise),
    };

    let features = SeriesFeatures {
        band: name.0,
        reference: name.1,
        n: visits.len() as u32,
        weighted_mean: mean / NANO,
        weighted_mean_err: err / NANO,
        chi2,
        excess_scatter: excess2.map(|excess2| excess2.sqrt() / NANO),
        linear_fit_slope: line.as_ref().map(|line| line.slope / NANO),
        linear_fit_slope_sigma: line.as_ref().map(|line| line.sigma / NANO),
        linear_fit_reduced_chi2: line.as_ref().and_then(|line| line.reduced_chi2),
        amplitude: amplitude / NANO,
        amplitude_z: if visits.len() == 1 { 0.0 } else { amplitude / brightest.sigma.hypot(faintest.sigma) },
        rate: rate.map(|(rate, _)| rate / NANO),
        rate_sigma: rate.map(|(_, sigma)| sigma / NANO),
        rise_limit: rise.map(|(rate, _)| rate / NANO),
        rise_limit_z: rise_z,
        trend_z,
    };
    Series { visits, features, rounding: rounding.doubtful }
}
