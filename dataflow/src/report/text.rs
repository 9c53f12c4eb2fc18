//! The report for people: what came, what became of it, what the sky does, what to look at.

use super::files::{Line, lines, per_alert};
use super::{Report, timescale_name};
use crate::counts::SurveyCounts;
use crate::highlights::{Highlight, List};
use crate::names::survey_name;
use skydiff_operators::State;
use std::fmt::Write;

/// Objects of each list on the screen.
const SHOWN: usize = 5;
/// What a column of counts takes, with the space before it.
const COLUMN: usize = 12;
/// What the names of counts take.
const NAMES: usize = 34;

impl Report<'_> {
    /// The report in at most `width` columns where that is at all possible (80 always are enough).
    pub fn text(&self, width: usize) -> String {
        let mut text = self.reconciliation(width);
        text += &self.states_table(width);
        for list in List::ALL {
            text += &self.list(list, width);
        }
        text
    }

    fn reconciliation(&self, width: usize) -> String {
        let all = self.counts.all();
        let mut columns: Vec<(String, &SurveyCounts)> =
            self.counts.surveys.iter().map(|(survey, counts)| (survey_name(*survey), counts)).collect();
        if columns.len() != 1 {
            columns.push(("all".into(), &all));
        }
        let fitting = (width.saturating_sub(NAMES) / COLUMN).max(1);
        let columns = &columns[columns.len() - columns.len().min(fitting)..];
        let mut text = format!("{:<NAMES$}", self.title);
        columns.iter().for_each(|(name, _)| text += &format!("{name:>COLUMN$}"));
        text += "\n";
        let blank = COLUMN * columns.len().saturating_sub(1);
        let mut whole = |name: &str, count: i64| {
            let _ = writeln!(text, "{name:<NAMES$}{:blank$}{:>COLUMN$}", "", thousands(count));
        };
        whole("packets received", self.counts.received);
        self.counts.rejected.iter().for_each(|(reason, count)| whole(&format!("  rejected: {reason}"), *count));
        // The names of all, so that every column has its number on the same line.
        for line in lines(&all).iter().filter(|line| line.count != 0 || line.detail.is_empty() && is_kept(line.what)) {
            let _ = write!(text, "{:<NAMES$}", label(line));
            for (_, counts) in columns {
                let count = lines(counts)
                    .iter()
                    .find(|of| (of.what, &of.detail) == (line.what, &line.detail))
                    .map_or(0, |of| of.count);
                let _ = write!(text, "{:>COLUMN$}", thousands(count));
            }
            text += "\n";
        }
        let _ = write!(text, "{:<NAMES$}", "records per alert");
        for (_, counts) in columns {
            let _ = write!(text, "{:>COLUMN$}", per_alert(counts).map_or("-".into(), |ratio| format!("{ratio:.2}")));
        }
        match self.counts.check() {
            Ok(()) => text + "\nIt adds up.\n",
            Err(wrong) => text + &format!("\nIT DOES NOT ADD UP: {wrong}\n"),
        }
    }

    fn states_table(&self, width: usize) -> String {
        let all = self.counts.all();
        if all.alive.is_empty() {
            return "\nNo object is in a state.\n".into();
        }
        let column = ((width.saturating_sub(12)) / self.timescales.len().max(1)).clamp(6, 9);
        let mut text = format!("\n{:<12}", "objects in");
        self.timescales.iter().for_each(|days| text += &format!("{:>column$}", timescale_name(Some(*days))));
        for state in State::ALL {
            let count = |at: usize| all.alive.get(&(at as u8, state as u8)).copied().unwrap_or(0);
            if (0..self.timescales.len()).all(|at| count(at) == 0) {
                continue;
            }
            let _ = write!(text, "\n{:<12}", state.name());
            for at in 0..self.timescales.len() {
                let _ = write!(text, "{:>column$}", thousands(count(at)));
            }
        }
        text + "\n"
    }

    fn list(&self, list: List, width: usize) -> String {
        let (first, certain) = self.highlights.first(list, SHOWN);
        if first.is_empty() {
            return String::new();
        }
        let doubt = if certain { "" } else { " (may be incomplete: many objects left the list)" };
        let head = format!(
            "\n{:<20}{:>7} {:>6}  {:<2}{:>6} {:>11} {:>10} {:>10}{doubt}",
            title(list),
            "Z",
            "over",
            "",
            "mag",
            "nJy/d",
            "ra",
            "dec"
        );
        let rows = first.into_iter().map(row);
        let cut = |line: String| line.chars().take(width.max(80)).collect::<String>() + "\n";
        std::iter::once(head).chain(rows).map(|line| cut(line).trim_end().to_owned() + "\n").collect()
    }
}

fn row(highlight: &Highlight) -> String {
    let number = |value: Option<f64>, digits: usize| value.map_or("-".into(), |value| format!("{value:.digits$}"));
    let signed = |value: Option<f64>, digits: usize| value.map_or("-".into(), |value| format!("{value:+.digits$}"));
    format!(
        "{:<20}{:>7.1} {:>6}  {:<2}{:>6} {:>11} {:>10} {:>10}",
        highlight.object,
        highlight.z,
        timescale_name(highlight.timescale),
        highlight.band.as_deref().unwrap_or("-"),
        number(highlight.magnitude, 2),
        signed(highlight.slope, 1),
        number(highlight.ra, 5),
        signed(highlight.dec, 5),
    )
}

fn title(list: List) -> &'static str {
    match list {
        List::Risers => "Rising",
        List::Faders => "Fading",
        List::New => "New",
    }
}

/// Counts that are shown even when they are 0: a reader looks for them.
fn is_kept(what: &str) -> bool {
    ["packets accepted", "rows read", "measurements", "objects", "records"].contains(&what)
}

/// Indented below what it is a part of.
fn label(line: &Line) -> String {
    match (line.what.split_once(' '), line.detail.as_str()) {
        (None, "") => line.what.into(),
        (Some(_), "") if line.what == "rows read" => line.what.into(),
        (Some((_, part)), "") => format!("  {part}"),
        (Some((_, part)), detail) => format!("  {part}: {detail}"),
        (None, detail) => format!("  {detail}"),
    }
}

fn thousands(count: i64) -> String {
    let digits = count.unsigned_abs().to_string();
    let mut text = if count < 0 { "-".to_owned() } else { String::new() };
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
