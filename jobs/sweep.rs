//! What another threshold would have found and cost: how one chooses one.

use skydiff_dataflow::truth::{Row, Score, median};
use std::fmt::Write;

/// Most thresholds of a sweep: each is a run.
const MOST: usize = 50;

/// The thresholds.
#[derive(Clone, Debug, PartialEq)]
pub struct Sweep(pub Vec<f64>);

impl std::str::FromStr for Sweep {
    type Err = String;

    fn from_str(text: &str) -> Result<Sweep, String> {
        let wrong = || format!("`{text}` is no sweep: write Z=3..10 (in steps of 1) or Z=3,4.5,6");
        let values = text.strip_prefix("Z=").ok_or_else(wrong)?;
        let number = |text: &str| text.trim().parse::<f64>().ok().filter(|z| *z > 0.0 && *z < 1e6).ok_or_else(wrong);
        let list: Vec<f64> = match values.split_once("..") {
            Some((from, to)) => {
                let (from, to) = (number(from)?, number(to)?);
                (0..).map(|step| from + f64::from(step)).take_while(|z| *z <= to).take(MOST + 1).collect()
            }
            None => values.split(',').map(number).collect::<Result<_, _>>()?,
        };
        match list.len() {
            0 => Err(wrong()),
            count if count > MOST => Err(format!("`{text}`: each threshold is a run, give at most {MOST}")),
            _ => Ok(Sweep(list)),
        }
    }
}

/// One line a threshold, for people.
pub fn sweep_text(scores: &[(f64, Score)], nights: f64) -> String {
    let mut text = format!(
        "{:>6}{:>16}{:>10}{:>10}{:>16}{:>14}\n",
        "Z", "records/night", "recall", "purity", "median delay h", "flips/object"
    );
    for (z, score) in scores {
        let mut all = Sums::default();
        score.rows.values().for_each(|row| all.add(row, 0..row.cells.len()));
        let mut delays: Vec<f64> = score.rows.values().flat_map(|row| row.delays.iter().copied()).collect();
        delays.sort_unstable_by(f64::total_cmp);
        let records: u64 = score.rows.values().map(|row| row.records).sum();
        let _ = writeln!(
            text,
            "{z:>6}{:>16.1}{:>10}{:>10}{:>16}{:>14.2}",
            records as f64 / nights,
            share(all.found, all.changing),
            share(all.right, all.said),
            median(&delays).map_or("-".into(), |days| format!("{:.2}", days * 24.0)),
            f64::from(all.flips) / f64::from(score.told.max(1))
        );
    }
    text + "Recall and purity are over all timescales: an object counts once at each.\n"
}

/// One line a threshold, class and timescale, for machines.
pub fn sweep_csv(scores: &[(f64, Score)], nights: f64) -> String {
    let mut text =
        "z,class,timescale,records_per_night,changing,found,recall,said,right,purity,median_delay_days,flips_per_object\n"
            .to_owned();
    for (z, score) in scores {
        for (class, row) in &score.rows {
            for (at, days) in score.timescales.iter().enumerate() {
                let mut sums = Sums::default();
                sums.add(row, at..at + 1);
                let ratio = |part: u32, of: u32| match of {
                    0 => String::new(),
                    of => format!("{:.4}", f64::from(part) / f64::from(of)),
                };
                let _ = writeln!(
                    text,
                    "{z},{},{days},{:.2},{},{},{},{},{},{},{},{:.3}",
                    class.name(),
                    row.records as f64 / nights,
                    sums.changing,
                    sums.found,
                    ratio(sums.found, sums.changing),
                    sums.said,
                    sums.right,
                    ratio(sums.right, sums.said),
                    median(&row.delays).map_or(String::new(), |days| format!("{days:.6}")),
                    f64::from(sums.flips) / f64::from(row.told.max(1))
                );
            }
        }
    }
    text
}

#[derive(Default)]
struct Sums {
    changing: u32,
    found: u32,
    said: u32,
    right: u32,
    flips: u32,
}

impl Sums {
    fn add(&mut self, row: &Row, scales: std::ops::Range<usize>) {
        for cell in row.cells.get(scales).unwrap_or_default() {
            self.changing += cell.changing;
            self.found += cell.found;
            self.said += cell.said;
            self.right += cell.right;
            self.flips += cell.flips;
        }
    }
}

fn share(part: u32, of: u32) -> String {
    if of == 0 { "-".into() } else { format!("{:.1} %", 100.0 * f64::from(part) / f64::from(of)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sweeps_are_read_as_people_write_them() {
        assert_eq!("Z=3..6".parse(), Ok(Sweep(vec![3.0, 4.0, 5.0, 6.0])));
        assert_eq!("Z=3,4.5".parse(), Ok(Sweep(vec![3.0, 4.5])));
        for wrong in ["3..10", "Z=", "Z=9..3", "Z=0..4", "Z=a", "Z=1..1000"] {
            assert!(wrong.parse::<Sweep>().is_err(), "{wrong}");
        }
    }
}
