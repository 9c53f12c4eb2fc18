//! The light curve: measurements, limits, the truth, and the axes around them.
//!
//! The range holds every measurement that counts and is well measured; what lies beyond it is a small triangle at its edge.

use super::axis::{Scale, dates, digits, round};
use super::canvas::{Canvas, Hold};
use super::data::{Drawn, Ordinate, Plotted};
use super::style::{FAINT, GREY, INK, PALE, arrow, band, cross, marker};
use crate::points::Point;
use plotters::prelude::DrawingBackend;
use plotters::style::Color;
use skydiff_schemas::Band;

/// Half the width of a marker.
pub const SIZE: f64 = 4.2;
/// An error bar longer than this many typical ones does not widen the range, nor does what is measured at fewer σ with such a one.
const LONG: f64 = 3.0;
/// One in so many forced measurements may be far off at either end without widening the range.
const MANY: usize = 50;

/// The light curve in its frame.
pub struct Curve<'a> {
    /// What is in it.
    pub plotted: &'a Plotted,
    /// What is up.
    pub ordinate: Ordinate,
    /// Time.
    pub x: Scale,
    /// Brightness; on the page it grows upwards, magnitudes downwards.
    pub y: Scale,
}

/// From the least to the greatest value to show; none without a value.
pub fn range(points: &[Point], ordinate: Ordinate) -> Option<(f64, f64)> {
    let drawn = |counts: bool| points.iter().filter(move |point| point.counts || !counts).map(|p| ordinate.drawn(p));
    let values = |counts: bool| -> Vec<(f64, f64)> {
        let value = |drawn| if let Ok(Drawn::Value(value, error)) = drawn { Some((value, error)) } else { None };
        drawn(counts).filter_map(value).collect()
    };
    let mut shown = values(true);
    if shown.is_empty() {
        shown = values(false);
    }
    let mut errors: Vec<f64> = shown.iter().map(|(_, error)| *error).collect();
    errors.sort_by(f64::total_cmp);
    let long = LONG * errors.get(errors.len() / 2).copied().unwrap_or(0.0);
    // Of forced photometry on a bad image nothing warns; a source, which does make an alert, is never left out.
    let mut forced: Vec<f64> = points
        .iter()
        .filter(|point| point.counts && point.kind == "forced")
        .filter_map(|point| if let Ok(Drawn::Value(value, _)) = ordinate.drawn(point) { Some(value) } else { None })
        .collect();
    forced.sort_by(f64::total_cmp);
    let odd = if forced.len() < MANY { 0 } else { 1 + forced.len() / MANY };
    let (least, most) = (forced.get(odd).copied(), forced.iter().rev().nth(odd).copied());
    let sources = points.iter().filter(|point| point.kind == "source");
    let sources: Vec<f64> = sources
        .filter_map(|point| match ordinate.drawn(point) {
            Ok(Drawn::Value(value, _)) if point.counts => Some(value),
            _ => None,
        })
        .collect();
    let least = sources.iter().copied().chain(least).fold(f64::INFINITY, f64::min);
    let most = sources.iter().copied().chain(most).fold(f64::NEG_INFINITY, f64::max);
    shown.retain(|(value, _)| odd == 0 || (least..=most).contains(value));
    let well = |(value, error): &(f64, f64)| *error <= long || (!ordinate.magnitudes && value.abs() >= LONG * error);
    let ends = shown.iter().filter(|one| well(one)).flat_map(|(value, error)| {
        let error = error.min(long);
        [value - error, value + error]
    });
    let mut all: Vec<f64> = ends.collect();
    let mut limits: Vec<f64> =
        drawn(false).filter_map(|drawn| if let Ok(Drawn::Limit(limit)) = drawn { Some(limit) } else { None }).collect();
    limits.sort_by(f64::total_cmp);
    // The shallowest say little, but three quarters of them are seen.
    let at = |share: f64| limits.get((share * limits.len().saturating_sub(1) as f64) as usize).copied();
    all.extend(if ordinate.magnitudes { [at(0.25), at(1.0)] } else { [at(0.0), at(0.75)] }.into_iter().flatten());
    let (low, high) =
        all.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), one| (low.min(*one), high.max(*one)));
    let pad = (0.06 * (high - low)).max(if ordinate.magnitudes { 0.05 } else { 1e-3 * high.abs().max(1.0) });
    (low <= high).then_some((low - pad, high + pad))
}

impl Curve<'_> {
    /// Draws it: axes, then what is behind, then what counts.
    pub fn draw<B: DrawingBackend>(&self, canvas: &Canvas<'_, B>) -> Result<(), String> {
        self.axes(canvas)?;
        self.truth(canvas)?;
        let drawn = |point: &'_ Point| self.ordinate.drawn(point).ok().filter(|_| self.x.has(point.mjd_tai));
        let mut layers: [Vec<(&Point, Drawn)>; 4] = Default::default();
        for (point, drawn) in self.plotted.points.iter().filter_map(|point| Some((point, drawn(point)?))) {
            let layer = match drawn {
                Drawn::Limit(_) => 0,
                Drawn::Value(..) if !point.counts => 1,
                Drawn::Value(..) if point.kind == "forced" => 2,
                Drawn::Value(..) => 3,
            };
            layers[layer].push((point, drawn));
        }
        for (point, drawn) in layers.into_iter().flatten() {
            self.point(canvas, point, drawn)?;
        }
        self.alerts(canvas)
    }

    /// How many measurements lie beyond the range.
    pub fn beyond(&self) -> usize {
        let value = |point: &Point| match self.ordinate.drawn(point) {
            Ok(Drawn::Value(value, _) | Drawn::Limit(value)) => Some(value),
            Err(_) => None,
        };
        self.plotted.points.iter().filter_map(value).filter(|value| !self.y.has(*value)).count()
    }

    fn point<B: DrawingBackend>(&self, canvas: &Canvas<'_, B>, point: &Point, drawn: Drawn) -> Result<(), String> {
        let x = self.x.at(point.mjd_tai);
        let alpha = if point.counts { 1.0 } else { PALE };
        let (Drawn::Value(value, _) | Drawn::Limit(value)) = drawn;
        if !self.y.has(value) {
            return self.edge(canvas, point, (x, value), alpha);
        }
        let y = self.y.at(value);
        let Drawn::Value(_, error) = drawn else {
            return arrow(canvas, point.band, (x, y), if point.quality.is_empty() { 0.6 } else { PALE });
        };
        let (top, bottom) = (self.y.page.1.min(self.y.page.0), self.y.page.0.max(self.y.page.1));
        let (from, to) = (self.y.at(value - error), self.y.at(value + error));
        let (from, to) = (from.min(to).max(top), from.max(to).min(bottom));
        let source = point.kind == "source";
        let size = if source { SIZE } else { 0.85 * SIZE };
        if to - from > 2.0 * size {
            canvas.line(&[(x, from), (x, to)], band(point.band).mix(0.7 * alpha), 1.1)?;
        }
        marker(canvas, point.band, (x, y), size, (source, alpha))?;
        if point.quality.is_empty() { Ok(()) } else { cross(canvas, (x, y), 0.75 * SIZE) }
    }

    /// A triangle that points to what lies beyond the range.
    fn edge<B: DrawingBackend>(
        &self,
        canvas: &Canvas<'_, B>,
        point: &Point,
        (x, value): (f64, f64),
        alpha: f64,
    ) -> Result<(), String> {
        let beyond = if value > self.y.range.1 { self.y.page.1 } else { self.y.page.0 };
        let inwards = if beyond < self.y.page.0.max(self.y.page.1) { 1.0 } else { -1.0 };
        let (tip, base) = (beyond + 2.0 * inwards, beyond + 8.0 * inwards);
        canvas.shape(&[(x - 3.5, base), (x + 3.5, base), (x, tip)], band(point.band).mix(alpha))
    }

    /// Of each band a thin line, broken where nothing is said for long.
    fn truth<B: DrawingBackend>(&self, canvas: &Canvas<'_, B>) -> Result<(), String> {
        for name in Band::NAMES {
            let points: Vec<(f64, f64)> = self
                .plotted
                .truth
                .iter()
                .filter(|point| point.band == name)
                .filter_map(|point| {
                    let flux = if self.ordinate.total { point.total_flux } else { Some(point.flux) }?;
                    let value = self.ordinate.value(flux)?;
                    (self.x.has(point.mjd_tai) && self.y.has(value))
                        .then(|| (self.x.at(point.mjd_tai), self.y.at(value)))
                })
                .collect();
            let colour = band(name).mix(0.55);
            let far = 0.12 * (self.x.page.1 - self.x.page.0);
            for pair in points.windows(2).filter(|pair| pair[1].0 - pair[0].0 < far) {
                canvas.line(pair, colour, 1.0)?;
            }
            for (x, y) in points {
                canvas.line(&[(x - 1.5, y), (x + 1.5, y)], colour, 1.6)?;
            }
        }
        Ok(())
    }

    /// A tick for each alert, inside the frame.
    fn alerts<B: DrawingBackend>(&self, canvas: &Canvas<'_, B>) -> Result<(), String> {
        let bottom = self.y.page.0.max(self.y.page.1);
        for mjd in self.plotted.alerts.iter().filter(|mjd| self.x.has(**mjd)) {
            let x = self.x.at(*mjd);
            canvas.line(&[(x, bottom - 1.0), (x, bottom - 7.0)], INK.mix(0.6), 0.8)?;
        }
        Ok(())
    }

    fn axes<B: DrawingBackend>(&self, canvas: &Canvas<'_, B>) -> Result<(), String> {
        let (left, right) = self.x.page;
        let (top, bottom) = (self.y.page.1.min(self.y.page.0), self.y.page.0.max(self.y.page.1));
        let (values, step) = round(self.y.range, 7);
        let most = self.y.range.0.abs().max(self.y.range.1.abs());
        // Long numbers say their power once, beside the name of the axis.
        let power = if self.ordinate.magnitudes || most < 1e5 { 0 } else { 3 * (most.log10() / 3.0).floor() as i32 };
        let factor = 10f64.powi(power);
        let mut widest: f64 = 0.0;
        for value in values {
            let y = self.y.at(value);
            canvas.line(&[(left, y), (right, y)], FAINT.mix(1.0), 0.8)?;
            let label = format!("{:.*}", digits(step / factor), value / factor);
            // A minus as the dash is wide, and there is no minus zero.
            let label = if value == 0.0 { "0".to_owned() } else { label.replace('-', "−") };
            widest = widest.max(canvas.width(&label, 12.0));
            canvas.text(&label, (left - 8.0, y), 12.0, Hold::Right, INK)?;
        }
        if self.y.has(0.0) && !self.ordinate.magnitudes {
            canvas.line(&[(left, self.y.at(0.0)), (right, self.y.at(0.0))], GREY.mix(0.8), 1.0)?;
        }
        let unit = match (self.ordinate.magnitudes, power) {
            (true, _) => String::new(),
            (false, 0) => " (nJy)".into(),
            (false, power) => format!(" (10{} nJy)", raised(power)),
        };
        let name = format!("{}{unit}", self.ordinate.name());
        canvas.text_up(&name, ((left - 26.0 - widest).max(14.0), (top + bottom) / 2.0), 13.0, INK)?;
        for (mjd, name) in dates(self.x.range, 9) {
            let x = self.x.at(mjd);
            canvas.line(&[(x, top), (x, top - 5.0)], INK.mix(1.0), 1.0)?;
            // A label that would stick out is left out: its tick is enough.
            let half = canvas.width(&name, 11.5) / 2.0;
            if x + half < super::canvas::WIDTH - 4.0 && x - half > left - 40.0 {
                canvas.text(&name, (x, top - 14.0), 11.5, Hold::Middle, GREY)?;
            }
        }
        frame(canvas, (left, top), (right, bottom))
    }
}

/// A frame around a panel.
pub fn frame<B: DrawingBackend>(canvas: &Canvas<'_, B>, from: (f64, f64), to: (f64, f64)) -> Result<(), String> {
    canvas.line(&[from, (to.0, from.1), to, (from.0, to.1), from], INK.mix(1.0), 1.0)
}

/// A number as an exponent.
fn raised(number: i32) -> String {
    let digit = |digit: char| match digit {
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        '-' => '⁻',
        '0' => '⁰',
        other => other.to_digit(10).and_then(|digit| char::from_u32(0x2070 + digit)).unwrap_or(other),
    };
    number.to_string().chars().map(digit).collect()
}
