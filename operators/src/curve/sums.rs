//! Exact moments of visits and of slots, which add and subtract without rounding, in any order.

use super::visit::{Visit, WEIGHT_PLACES};
use ethnum::I256;
use skydiff_schemas::MicroDays;

/// The brightest or faintest visit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extreme {
    /// pJy.
    pub flux: i64,
    /// pJy.
    pub sigma: f64,
}

/// Sums over visits of a series, and over their slots.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sums {
    /// Visits.
    pub n: u32,
    /// Slots.
    pub slots: u32,
    /// Visits with a total flux.
    pub totals: u32,
    w: I256,
    wf: I256,
    wff: I256,
    total_w: I256,
    total_wf: I256,
    slot_wt: I256,
    slot_wf: I256,
    slot_wtt: I256,
    slot_wtf: I256,
    slot_wff: I256,
    /// Least flux; of equals the oldest.
    pub least: Option<Extreme>,
    /// Greatest flux; of equals the oldest.
    pub greatest: Option<Extreme>,
}

/// What a weighted straight line says.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// pJy per microday.
    pub slope: f64,
    /// Its error.
    pub sigma: f64,
    /// χ² about it.
    pub chi2: f64,
}

const PLACES: f64 = (1u128 << WEIGHT_PLACES) as f64;

impl Sums {
    /// Adds a visit that is older than all before it.
    pub fn visit(&mut self, visit: &Visit, w: I256) {
        let f = I256::from(visit.flux.0);
        let wf = w * f;
        self.n += 1;
        self.w += w;
        self.wf += wf;
        self.wff += wf * f;
        if let Some(total) = visit.total {
            self.totals += 1;
            self.total_w += w;
            self.total_wf += w * I256::from(total.0);
        }
        let this = Extreme { flux: visit.flux.0, sigma: visit.sigma };
        self.least = Some(self.least.filter(|least| least.flux < this.flux).unwrap_or(this));
        self.greatest = Some(self.greatest.filter(|greatest| greatest.flux > this.flux).unwrap_or(this));
    }

    /// Adds a slot: its weight, mean time and mean flux.
    pub fn slot(&mut self, w: I256, time: MicroDays, flux: i64) {
        let (t, f) = (I256::from(time.0), I256::from(flux));
        let (wt, wf) = (w * t, w * f);
        self.slots += 1;
        self.slot_wt += wt;
        self.slot_wf += wf;
        self.slot_wtt += wt * t;
        self.slot_wtf += wt * f;
        self.slot_wff += wf * f;
    }

    /// Adds sums over visits that are all older.
    pub fn add(&mut self, older: &Sums) {
        self.n += older.n;
        self.slots += older.slots;
        self.totals += older.totals;
        self.w += older.w;
        self.wf += older.wf;
        self.wff += older.wff;
        self.total_w += older.total_w;
        self.total_wf += older.total_wf;
        self.slot_wt += older.slot_wt;
        self.slot_wf += older.slot_wf;
        self.slot_wtt += older.slot_wtt;
        self.slot_wtf += older.slot_wtf;
        self.slot_wff += older.slot_wff;
        let least = |a: Extreme, b: Extreme| if a.flux < b.flux { a } else { b };
        let greatest = |a: Extreme, b: Extreme| if a.flux > b.flux { a } else { b };
        self.least = merge(self.least, older.least, least);
        self.greatest = merge(self.greatest, older.greatest, greatest);
    }

    /// The visits that are in `self` and not in `part`: their number, weight and moments of flux. Extremes and slots cannot be subtracted.
    pub fn without(&self, part: &Sums) -> Sums {
        Sums {
            n: self.n - part.n,
            w: self.w - part.w,
            wf: self.wf - part.wf,
            wff: self.wff - part.wff,
            ..Sums::default()
        }
    }

    /// Σw, per pJy².
    pub fn weight(&self) -> f64 {
        self.w.as_f64() / PLACES
    }

    /// Weighted mean flux, pJy.
    pub fn mean(&self) -> f64 {
        self.wf.as_f64() / self.w.as_f64()
    }

    /// Weighted mean of the total flux, pJy, over the visits that have one.
    pub fn mean_total(&self) -> Option<f64> {
        (self.totals > 0).then(|| self.total_wf.as_f64() / self.total_w.as_f64())
    }

    /// χ² about the weighted mean: re-centred on the nearest integer before anything is rounded.
    pub fn chi2(&self) -> f64 {
        centred(self.w, self.wf, self.wff).max(0.0)
    }

    /// `max(0, χ² − (n−1))·n/((n−1)Σw)`, pJy²; for n ≥ 2. For equal weights the usual excess variance.
    pub fn excess_variance(&self) -> Option<f64> {
        let freedom = f64::from(self.n.checked_sub(1).filter(|freedom| *freedom > 0)?);
        Some((self.chi2() - freedom).max(0.0) * f64::from(self.n) / (freedom * self.weight()))
    }

    /// The weighted least-squares line through the slots (Bevington & Robinson §6.3); needs two.
    pub fn line(&self) -> Option<Line> {
        if self.slots < 2 {
            return None;
        }
        let (t, f) = (nearest(self.slot_wt, self.w), nearest(self.slot_wf, self.w));
        let (dt, df) = (self.slot_wt - t * self.w, self.slot_wf - f * self.w);
        // Each is exact up to the one rounding to f64; what is left off the centre is below one unit.
        let stt = self.slot_wtt - t * (self.slot_wt + dt);
        let stf = self.slot_wtf - t * self.slot_wf - f * dt;
        let sff = self.slot_wff - f * (self.slot_wf + df);
        let (w, dt, df) = (self.w.as_f64(), dt.as_f64(), df.as_f64());
        let stt = (stt.as_f64() - dt * dt / w) / PLACES;
        let stf = (stf.as_f64() - dt * df / w) / PLACES;
        let sff = (sff.as_f64() - df * df / w) / PLACES;
        (stt > 0.0).then(|| Line {
            slope: stf / stt,
            sigma: stt.sqrt().recip(),
            chi2: (sff - stf * stf / stt).max(0.0),
        })
    }
}

fn merge<T>(a: Option<T>, b: Option<T>, with: impl Fn(T, T) -> T) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(with(a, b)),
        (a, b) => a.or(b),
    }
}

/// The integer nearest to a weighted mean, or next to it.
pub fn nearest(sum: I256, weight: I256) -> I256 {
    I256::from((sum.as_f64() / weight.as_f64()).round() as i64)
}

/// `Σw(f − f̄)²` in units of f².
fn centred(w: I256, wf: I256, wff: I256) -> f64 {
    if w == I256::ZERO {
        return 0.0;
    }
    let mean = nearest(wf, w);
    let off = wf - mean * w;
    let about = wff - mean * (wf + off);
    let off = off.as_f64();
    (about.as_f64() - off * off / w.as_f64()) / PLACES
}
