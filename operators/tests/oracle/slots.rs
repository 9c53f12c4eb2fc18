//! Visits within minutes of each other, averaged before rates and slopes; the line through them; the rise since a limit.

use super::judge::Judge;
use super::visits::Visit;
use skydiff_schemas::{Band, MicroDays};

/// Distances from a half at which the operators, who divide sums in f64 before they round, may round the other way:
/// the last digits of a time since 1858 in microdays, and of a flux in pJy.
const NEAR_HALF_TIME: f64 = 1e-4;
const NEAR_HALF_FLUX: f64 = 1e-6;

/// The average of visits of one series within one slot.
#[derive(Clone, Debug)]
pub struct Slot {
    /// Σw, pJy⁻².
    pub weight: f64,
    /// Weighted mean flux, to the nearest pJy.
    pub flux: f64,
    /// Weighted mean time in microdays after the origin, to the nearest one: exact, so that differences are.
    pub time: f64,
    pub oldest: MicroDays,
    pub newest: MicroDays,
}

/// Length of a slot in microdays.
pub fn slot_length(average_minutes: f64) -> i64 {
    (average_minutes * 1e6 / 1440.0).round() as i64
}

/// The slots of one series' flux visits, oldest first; times are counted from `origin`.
pub fn slots(visits: &[&Visit], length: i64, origin: MicroDays, rounding: &mut Judge) -> Vec<Slot> {
    let slot_of = |visit: &&Visit| visit.time().0.div_euclid(length);
    let mut slots = Vec::new();
    for group in visits.chunk_by(|a, b| slot_of(a) == slot_of(b)) {
        let weight: f64 = group.iter().map(|visit| visit.weight()).sum();
        let mean = |of: &dyn Fn(&Visit) -> f64| group.iter().map(|v| v.weight() * of(v)).sum::<f64>() / weight;
        let flux = mean(&|visit| visit.flux());
        let time = mean(&|visit| (visit.time().0 - origin.0) as f64);
        rounding.doubtful |= group.len() > 1 && (near_half(flux, NEAR_HALF_FLUX) || near_half(time, NEAR_HALF_TIME));
        slots.push(Slot {
            weight,
            flux: flux.round(),
            time: time.round(),
            oldest: group[0].time(),
            newest: group[group.len() - 1].time(),
        });
    }
    slots
}

fn near_half(value: f64, near: f64) -> bool {
    ((value - value.floor()) - 0.5).abs() < near
}

/// Weighted least squares through slots: slope (pJy/day), its error, χ²/ν where there are three.
pub struct Line {
    pub slope: f64,
    pub sigma: f64,
    pub reduced_chi2: Option<f64>,
}

pub fn line(slots: &[Slot]) -> Option<Line> {
    if slots.len() < 2 {
        return None;
    }
    let total: f64 = slots.iter().map(|slot| slot.weight).sum();
    let time = slots.iter().map(|slot| slot.weight * slot.time).sum::<f64>() / total;
    let day = |slot: &Slot| (slot.time - time) / 1e6;
    let flux = slots.iter().map(|slot| slot.weight * slot.flux).sum::<f64>() / total;
    let s_tt: f64 = slots.iter().map(|slot| slot.weight * day(slot).powi(2)).sum();
    let s_tf: f64 = slots.iter().map(|slot| slot.weight * day(slot) * (slot.flux - flux)).sum();
    let slope = s_tf / s_tt;
    let residual = |slot: &Slot| slot.flux - flux - slope * day(slot);
    let chi2: f64 = slots.iter().map(|slot| slot.weight * residual(slot).powi(2)).sum();
    let freedom = slots.len() - 2;
    let reduced_chi2 = (freedom > 0).then(|| chi2 / freedom as f64);
    Some(Line { slope, sigma: 1.0 / s_tt.sqrt(), reduced_chi2 })
}

/// Rate between the two newest slots and its error, pJy/day.
pub fn rate(slots: &[Slot]) -> Option<(f64, f64)> {
    let [.., before, last] = slots else { return None };
    let days = (last.time - before.time) / 1e6;
    Some(((last.flux - before.flux) / days, (1.0 / before.weight + 1.0 / last.weight).sqrt() / days))
}

/// Least rate since the newest shallower-than-now non-detection just before the newest slot, and its Z.
///
/// `limits` are the limit visits in the window.
pub fn rise_limit(
    slots: &[Slot],
    limits: &[&Visit],
    series: (Band, u32),
    origin: MicroDays,
    judge: &mut Judge,
) -> Option<(f64, f64)> {
    let last = slots.last()?;
    let before = slots.len().checked_sub(2).map(|at| &slots[at]);
    let between = |limit: &&&Visit| {
        limit.limits(series) && limit.time() < last.oldest && before.is_none_or(|slot| limit.time() > slot.newest)
    };
    let below = limits.iter().filter(between).filter(|limit| judge.below(limit.flux(), last.flux));
    let limit = below.max_by_key(|limit| limit.at())?;
    let rise = last.flux - limit.flux();
    let days = (last.time - (limit.time().0 - origin.0) as f64) / 1e6;
    let sigma = (1.0 / last.weight + (limit.flux() / 5.0).powi(2)).sqrt();
    Some((rise / days, rise / sigma))
}
