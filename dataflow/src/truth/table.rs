//! The score as tables: on a screen for people, as CSV for machines.

use super::score::{Cell, Row, Score};
use std::fmt::Write;

/// Columns of a timescale on the screen.
const COLUMN: usize = 10;

/// The score for people.
pub fn text(score: &Score) -> String {
    let mut text =
        "How each class fared. At each timescale: of the objects whose true light changes by the job's threshold,\n\
                    how many were said to (rising, fading, turned, flaring, dipping or variable).\n\n"
            .to_owned();
    let _ = write!(text, "{:<17}{:>8}{:>8}{:>8}{:>6}", "class", "objects", "alerts", "told", "new");
    let shown = shown(score);
    shown.iter().for_each(|at| text += &format!("{:>COLUMN$}", days(score.timescales[*at])));
    let _ = writeln!(text, "{:>8}{:>9}", "purity", "delay h");
    let all = sum(score);
    for (class, row) in score.rows.iter().map(|(class, row)| (class.name(), row)).chain([("all", &all)]) {
        let _ = write!(text, "{class:<17}{:>8}{:>8}{:>8}{:>6}", row.objects, row.alerts, row.told, row.new);
        for at in &shown {
            let Cell { changing, found, .. } = &row.cells[*at];
            let cell = if *changing == 0 { "-".into() } else { format!("{found}/{changing}") };
            let _ = write!(text, "{cell:>COLUMN$}");
        }
        let (said, right) = row.cells.iter().fold((0, 0), |sum, cell| (sum.0 + cell.said, sum.1 + cell.right));
        let purity =
            if said == 0 { "-".into() } else { format!("{:.0} %", 100.0 * f64::from(right) / f64::from(said)) };
        let delay = median(&row.delays).map_or("-".into(), |days| format!("{:.2}", days * 24.0));
        let _ = writeln!(text, "{purity:>8}{delay:>9}");
    }
    text += &misses(score, &shown);
    text += &corrections(score);
    let _ = write!(text, "\nOf {} objects told of, windows with two good visits of a series or more:", score.told);
    for (days_, pairs) in score.timescales.iter().zip(&score.pairs) {
        let _ = write!(text, " {} {pairs}", days(*days_));
    }
    text + "\n"
}

/// Timescales at which anything changes or was said to; of those that say the same, because no history is that long, the
/// longest.
fn shown(score: &Score) -> Vec<usize> {
    let busy = |at: &usize| score.rows.values().any(|row| row.cells[*at].changing + row.cells[*at].said > 0);
    let same = |at: usize, next: usize| {
        let counts = |cell: &Cell| (cell.changing, cell.found, cell.said, cell.right);
        score.rows.values().all(|row| counts(&row.cells[at]) == counts(&row.cells[next]))
    };
    let last = score.timescales.len().saturating_sub(1);
    (0..score.timescales.len()).filter(busy).filter(|at| *at == last || !same(*at, *at + 1)).collect()
}

/// All classes as one.
fn sum(score: &Score) -> Row {
    let mut all = Row { cells: vec![Cell::default(); score.timescales.len()], ..Row::default() };
    for row in score.rows.values() {
        (all.objects, all.alerts) = (all.objects + row.objects, all.alerts + row.alerts);
        (all.told, all.new) = (all.told + row.told, all.new + row.new);
        all.delays.extend(&row.delays);
        for (all, cell) in all.cells.iter_mut().zip(&row.cells) {
            (all.changing, all.found) = (all.changing + cell.changing, all.found + cell.found);
            (all.said, all.right) = (all.said + cell.said, all.right + cell.right);
        }
    }
    all.delays.sort_unstable_by(f64::total_cmp);
    all
}

fn misses(score: &Score, shown: &[usize]) -> String {
    let mut text = String::new();
    for (class, row) in &score.rows {
        for at in shown {
            let cell = &row.cells[*at];
            if cell.missed.is_empty() {
                continue;
            }
            let _ = write!(text, "  {:<17}{:>7}:", class.name(), days(score.timescales[*at]));
            cell.missed.iter().for_each(|(why, count)| text += &format!(" {} {count}", why.name().replace('_', " ")));
            text += "\n";
        }
    }
    if text.is_empty() { text } else { format!("\nWhy the others were not found:\n{text}") }
}

fn corrections(score: &Score) -> String {
    if score.corrections.is_empty() {
        return "\nNothing that was said had to be corrected.\n".into();
    }
    let mut text = "\nWhat was said and corrected, or taken back:\n".to_owned();
    for ((kind, reason), count) in &score.corrections {
        let _ = writeln!(text, "  {kind:<12}{:<15}{count:>8}", reason.replace('_', " "));
    }
    text
}

/// A line for each class and timescale.
pub fn csv(score: &Score) -> String {
    let mut text =
        "class,timescale,objects,alerts,told,records,new,changing,found,said,right,flips,not_sent,quality,gap,\
                    below_threshold,median_delay_days\n"
            .to_owned();
    for (class, row) in &score.rows {
        for (scale, cell) in score.timescales.iter().zip(&row.cells) {
            text += &line(class.name(), *scale, row, cell);
        }
    }
    text
}

fn line(class: &str, timescale: f64, row: &Row, cell: &Cell) -> String {
    use super::score::Miss;
    let missed = [Miss::NotSent, Miss::Quality, Miss::Gap, Miss::BelowThreshold]
        .map(|why| cell.missed.get(&why).copied().unwrap_or_default().to_string());
    format!(
        "{class},{timescale},{},{},{},{},{},{},{},{},{},{},{},{}\n",
        row.objects,
        row.alerts,
        row.told,
        row.records,
        row.new,
        cell.changing,
        cell.found,
        cell.said,
        cell.right,
        cell.flips,
        missed.join(","),
        median(&row.delays).map_or(String::new(), |days| format!("{days:.6}"))
    )
}

/// The middle one of sorted numbers.
pub fn median(sorted: &[f64]) -> Option<f64> {
    sorted.get(sorted.len() / 2).copied()
}

fn days(days: f64) -> String {
    if days.is_finite() { format!("{days} d") } else { "all".into() }
}
