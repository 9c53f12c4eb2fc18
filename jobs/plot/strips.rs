//! Below the light curve a strip for each timescale: when each state held there. States that exclude each other share a lane.

use super::axis::Scale;
use super::canvas::{Canvas, Hold};
use super::data::Plotted;
use super::held::Strip;
use super::style::{GREY, INK, LANES, SHADE, state};
use plotters::prelude::DrawingBackend;
use plotters::style::Color;
use skydiff_operators::State;

/// Between strips.
const GAP: f64 = 4.0;
/// A bar is at least this wide: an hour in years is seen.
const THIN: f64 = 1.6;

/// The strips of a plot.
pub struct Strips<'a> {
    /// What is in them.
    pub plotted: &'a Plotted,
    /// Time.
    pub x: Scale,
    /// Where they begin.
    pub top: f64,
    /// Height of a lane.
    pub lane: f64,
}

/// The lanes of states that held at some time.
pub fn lanes(strips: &[Strip]) -> Vec<&'static [State]> {
    let held = |states: &&&[State]| {
        states.iter().any(|state| strips.iter().flat_map(|strip| &strip.intervals).any(|one| one.state == state.name()))
    };
    LANES.iter().filter(held).copied().collect()
}

impl Strips<'_> {
    /// Their height, with the row of records above them.
    pub fn height(&self) -> f64 {
        self.told_height() + self.plotted.timescales.len() as f64 * (self.strip_height() + GAP)
    }

    fn told_height(&self) -> f64 {
        if self.plotted.told.is_empty() { 0.0 } else { 18.0 }
    }

    fn strip_height(&self) -> f64 {
        lanes(&self.plotted.timescales).len().max(2) as f64 * self.lane + 3.0
    }

    /// Draws them.
    pub fn draw<B: DrawingBackend>(&self, canvas: &Canvas<'_, B>) -> Result<(), String> {
        let (left, right) = self.x.page;
        self.told(canvas)?;
        let lanes = lanes(&self.plotted.timescales);
        for (at, strip) in self.plotted.timescales.iter().enumerate() {
            let top = self.top + self.told_height() + at as f64 * (self.strip_height() + GAP);
            canvas.bar((left, top), (right, top + self.strip_height()), SHADE.mix(1.0))?;
            let name = strip.timescale.map_or("all".into(), |days| format!("{days} d"));
            canvas.text(&name, (left - 8.0, top + self.strip_height() / 2.0), 11.5, Hold::Right, INK)?;
            for interval in &strip.intervals {
                let lane = lanes.iter().position(|lane| lane.iter().any(|state| state.name() == interval.state));
                let y = top + 1.5 + lane.unwrap_or(0) as f64 * self.lane;
                let to = interval.to.unwrap_or(f64::INFINITY).min(self.x.range.1);
                if to < self.x.range.0 || interval.from > self.x.range.1 {
                    continue;
                }
                let from = self.x.at(interval.from.max(self.x.range.0));
                let to = self.x.at(to).max((from + THIN).min(right));
                canvas.bar((from, y + 0.5), (to, y + self.lane - 0.5), state(interval.state).mix(1.0))?;
            }
        }
        Ok(())
    }

    /// A mark for each record: a disc that begins, a stroke that goes on, a diamond that corrects, a cross that takes back.
    fn told<B: DrawingBackend>(&self, canvas: &Canvas<'_, B>) -> Result<(), String> {
        if self.plotted.told.is_empty() {
            return Ok(());
        }
        let y = self.top + 7.0;
        canvas.text("records", (self.x.page.0 - 8.0, y), 11.5, Hold::Right, INK)?;
        for told in self.plotted.told.iter().filter(|told| self.x.has(told.mjd_tai)) {
            told_mark(canvas, told.alert_type, (self.x.at(told.mjd_tai), y))?;
        }
        Ok(())
    }
}

/// The mark of a type of record.
pub fn told_mark<B: DrawingBackend>(canvas: &Canvas<'_, B>, kind: &str, (x, y): (f64, f64)) -> Result<(), String> {
    match kind {
        "initial" => canvas.disc((x, y), 4.0, INK.mix(1.0)),
        "update" => canvas.shape(&[(x, y - 5.5), (x + 4.0, y), (x, y + 5.5), (x - 4.0, y)], state("turned").mix(1.0)),
        "retraction" => {
            let colour = state("rising").mix(1.0);
            canvas.line(&[(x - 4.0, y - 4.0), (x + 4.0, y + 4.0)], colour, 2.0)?;
            canvas.line(&[(x - 4.0, y + 4.0), (x + 4.0, y - 4.0)], colour, 2.0)
        }
        _ => canvas.line(&[(x, y - 5.0), (x, y + 5.0)], GREY.mix(1.0), 1.0),
    }
}
