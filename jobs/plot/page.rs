//! The page: title, legends, the light curve above, the strips below, on one axis of time.

use super::axis::{Scale, digits, round};
use super::canvas::{Canvas, Drawing, Hold, WIDTH};
use super::curve::{Curve, SIZE, frame, range};
use super::data::{Drawn, Ordinate, Plotted};
use super::strips::{Strips, lanes, told_mark};
use super::style::{GREY, INK, PALE, arrow, cross, marker, state};
use plotters::prelude::DrawingBackend;
use plotters::style::Color;
use skydiff_schemas::Band;

const LEFT: f64 = 104.0;
const RIGHT: f64 = WIDTH - 22.0;
const TOP: f64 = 136.0;
/// Below the strips: the axis of time and the legend of states.
const BELOW: f64 = 84.0;

/// A plot of an object.
pub struct Page<'a> {
    /// What is plotted.
    pub plotted: &'a Plotted,
    /// What is up.
    pub ordinate: Ordinate,
}

impl Page<'_> {
    /// First and last time to show.
    fn times(&self) -> (f64, f64) {
        let plotted = self.plotted;
        let points = plotted.points.iter().filter(|point| self.ordinate.drawn(point).is_ok());
        let times = points.map(|point| point.mjd_tai).chain(plotted.alerts.iter().copied());
        let times = times.chain(plotted.told.iter().map(|told| told.mjd_tai));
        let (first, last) = times.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), t| (a.min(t), b.max(t)));
        if first > last {
            return (51544.0, 51545.0);
        }
        // Some of what holds after the last measurement is seen too.
        let span = (last - first).max(0.25);
        (first - 0.025 * span, last + 0.06 * span)
    }

    fn axis_of_time<B: DrawingBackend>(
        &self,
        canvas: &Canvas<'_, B>,
        x: Scale,
        (top, bottom): (f64, f64),
    ) -> Result<(), String> {
        let (values, step) = round(x.range, 8);
        for value in values {
            let at = x.at(value);
            canvas.line(&[(at, top), (at, top - 5.0)], INK.mix(1.0), 1.0)?;
            canvas.line(&[(at, bottom), (at, bottom + 5.0)], INK.mix(1.0), 1.0)?;
            let label = format!("{value:.*}", digits(step));
            canvas.text(&label, (at, bottom + 15.0), 12.0, Hold::Middle, INK)?;
        }
        canvas.line(&[(x.page.0, bottom), (x.page.1, bottom)], INK.mix(1.0), 1.0)?;
        canvas.text("MJD (TAI)", ((x.page.0 + x.page.1) / 2.0, bottom + 36.0), 13.0, Hold::Middle, INK)
    }

    fn title<B: DrawingBackend>(&self, canvas: &Canvas<'_, B>) -> Result<(), String> {
        let plotted = self.plotted;
        let survey = plotted.survey.to_uppercase();
        // ZTF's names of objects begin with it.
        let named = plotted.object.starts_with(&survey);
        let title = if named { plotted.object.clone() } else { format!("{survey} {}", plotted.object) };
        canvas.text(&title, (LEFT, 26.0), 22.0, Hold::Left, INK)?;
        let mut about = if named { vec![survey] } else { vec![] };
        about.push(match (plotted.ra, plotted.dec) {
            (Some(ra), Some(dec)) => format!("RA {ra:.5}°, Dec {dec:+.5}°").replace('-', "−"),
            _ => "moving, or without a position".into(),
        });
        about.extend(plotted.class.as_ref().map(|class| format!("class: {class} (simulated)")));
        let counts = plotted.points.iter().filter(|point| point.counts && point.kind != "limit").count();
        if !plotted.alerts.is_empty() {
            about.push(counted(plotted.alerts.len(), "alert"));
        }
        about.push(format!("{}, {counts} of them detections that count", counted(plotted.points.len(), "measurement")));
        canvas.text(&about.join("  ·  "), (LEFT, 54.0), 13.0, Hold::Left, GREY)
    }

    /// Bands and markers, of what there is.
    fn legend<B: DrawingBackend>(&self, canvas: &Canvas<'_, B>, beyond: usize) -> Result<(), String> {
        let points = || self.plotted.points.iter().filter_map(|point| Some((point, self.ordinate.drawn(point).ok()?)));
        let mut row = Row { canvas, x: LEFT, y: 84.0, last: RIGHT };
        let has = |name: &str| self.plotted.points.iter().any(|point| point.band == name);
        for name in Band::NAMES.into_iter().filter(|name| has(name)) {
            row.entry(name, |canvas, at| marker(canvas, name, at, 1.25 * SIZE, (true, 1.0)))?;
        }
        row.x += 14.0;
        let value = |drawn: &Drawn| matches!(drawn, Drawn::Value(..));
        // Its marker is a disc, as of g, in black.
        let band = "";
        if points().any(|(point, drawn)| point.kind == "forced" && value(&drawn)) {
            row.entry("source", |canvas, at| marker(canvas, band, at, SIZE, (true, 1.0)))?;
            row.entry("forced photometry", |canvas, at| marker(canvas, band, at, SIZE, (false, 1.0)))?;
        }
        if points().any(|(_, drawn)| !value(&drawn)) {
            row.entry("upper limit (5σ)", |canvas, (x, y)| arrow(canvas, band, (x, y - 6.0), 0.6))?;
        }
        if points().any(|(point, drawn)| !point.quality.is_empty() && value(&drawn)) {
            row.entry("bad quality: does not count", |canvas, at| {
                marker(canvas, band, at, SIZE, (true, PALE))?;
                cross(canvas, at, 0.75 * SIZE)
            })?;
        }
        if !self.plotted.truth.is_empty() {
            row.entry("truth", |canvas, (x, y)| {
                canvas.line(&[(x - 8.0, y), (x + 8.0, y)], super::style::band(band).mix(0.55), 1.2)
            })?;
        }
        if beyond > 0 {
            row.entry(&format!("beyond the axis ({beyond})"), |canvas, (x, y)| {
                canvas.shape(&[(x - 3.5, y + 3.0), (x + 3.5, y + 3.0), (x, y - 3.0)], INK.mix(1.0))
            })?;
        }
        if !self.plotted.alerts.is_empty() {
            row.entry("alert", |canvas, (x, y)| canvas.line(&[(x, y - 4.0), (x, y + 4.0)], INK.mix(0.6), 1.0))?;
        }
        Ok(())
    }

    /// States that held, and kinds of records.
    fn states<B: DrawingBackend>(&self, canvas: &Canvas<'_, B>, y: f64) -> Result<(), String> {
        let mut row = Row { canvas, x: LEFT, y, last: RIGHT };
        let intervals = || self.plotted.timescales.iter().flat_map(|strip| &strip.intervals);
        for name in lanes(&self.plotted.timescales).into_iter().flatten().map(|state| state.name()) {
            if intervals().any(|interval| interval.state == name) {
                row.entry(name, |canvas, (x, y)| {
                    canvas.bar((x - 8.0, y - 4.0), (x + 8.0, y + 4.0), state(name).mix(1.0))
                })?;
            }
        }
        if intervals().next().is_none() && !self.plotted.timescales.is_empty() {
            canvas.text("no state held at any of these timescales", (LEFT, y), 12.0, Hold::Left, GREY)?;
        }
        row.x += 14.0;
        for name in ["initial", "subsequent", "update", "retraction"] {
            if self.plotted.told.iter().any(|told| told.alert_type == name) {
                row.entry(name, |canvas, at| told_mark(canvas, name, at))?;
            }
        }
        Ok(())
    }
}

impl Drawing for Page<'_> {
    fn draw<B: DrawingBackend>(&self, canvas: &Canvas<'_, B>) -> Result<(), String> {
        let plotted = self.plotted;
        let x = Scale { range: self.times(), page: (LEFT, RIGHT) };
        // The strips get what they need, but not more than two fifths of the page.
        let lanes = lanes(&plotted.timescales).len().max(2) as f64;
        let count = plotted.timescales.len().max(1) as f64;
        let lane = ((0.4 * canvas.height / count - 7.0) / lanes).clamp(2.5, 8.0);
        let mut strips = Strips { plotted, x, top: 0.0, lane };
        strips.top = canvas.height - BELOW - strips.height();
        let bottom = strips.top - 10.0;
        let (low, high) = range(&plotted.points, self.ordinate).unwrap_or((0.0, 1.0));
        let page = if self.ordinate.magnitudes { (TOP, bottom) } else { (bottom, TOP) };
        let curve = Curve { plotted, ordinate: self.ordinate, x, y: Scale { range: (low, high), page } };
        curve.draw(canvas)?;
        strips.draw(canvas)?;
        self.axis_of_time(canvas, x, (bottom, canvas.height - BELOW))?;
        frame(canvas, (LEFT, TOP), (RIGHT, bottom))?;
        self.title(canvas)?;
        self.legend(canvas, curve.beyond())?;
        self.states(canvas, canvas.height - 18.0)
    }
}

/// A row of symbols with their names.
struct Row<'c, 'a, B: DrawingBackend> {
    canvas: &'c Canvas<'a, B>,
    x: f64,
    y: f64,
    last: f64,
}

impl<'a, B: DrawingBackend> Row<'_, 'a, B> {
    fn entry(
        &mut self,
        name: &str,
        symbol: impl FnOnce(&Canvas<'a, B>, (f64, f64)) -> Result<(), String>,
    ) -> Result<(), String> {
        const SIZE: f64 = 12.0;
        let width = self.canvas.width(name, SIZE);
        if self.x + 22.0 + width > self.last {
            (self.x, self.y) = (LEFT, self.y + 18.0);
        }
        symbol(self.canvas, (self.x + 8.0, self.y))?;
        self.canvas.text(name, (self.x + 21.0, self.y), SIZE, Hold::Left, INK)?;
        self.x += 21.0 + width + 18.0;
        Ok(())
    }
}

fn counted(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}
