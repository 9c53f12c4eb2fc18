//! What a run has said, held against the truth: by class and timescale, what it found, what it missed and why, what it made up.
//!
//! The truth knows no states. An object *changes* at a timescale if between two visits of one series, no farther apart than
//! that, its true light differs by at least the job's threshold in believed errors (those that the job believes, not those
//! that are true). Recall is the share of these that were ever said to change; purity the share of those said to change whose
//! true light differs by at least half as much: noise lifts some over the threshold, and that is no mistake.

use super::files::Truth;
use super::said::{AllSaid, Said};
use skydiff_operators::Errors;
use skydiff_simulate::Point;
use skydiff_simulate::sky::Class;
use std::collections::BTreeMap;

/// Why an object that changes was not said to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Miss {
    /// No sound packet of it came.
    NotSent,
    /// All its sources failed the quality cuts.
    Quality,
    /// No window ends with a detection and holds the two visits.
    Gap,
    /// Noise, or the correction for many series, kept it below the threshold.
    BelowThreshold,
}

impl Miss {
    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Miss::NotSent => "not_sent",
            Miss::Quality => "quality",
            Miss::Gap => "gap",
            Miss::BelowThreshold => "below_threshold",
        }
    }
}

/// How a class fared at a timescale.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cell {
    /// Objects that truly change.
    pub changing: u32,
    /// Of these, said to.
    pub found: u32,
    /// Of these, not said to, and why.
    pub missed: BTreeMap<Miss, u32>,
    /// Said to change.
    pub said: u32,
    /// Of these, rightly.
    pub right: u32,
    /// How often states were entered or left again.
    pub flips: u32,
}

/// How a class fared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// Objects with an alert.
    pub objects: u32,
    /// Accepted alerts.
    pub alerts: u64,
    /// Objects that a record was told of.
    pub told: u32,
    /// Records.
    pub records: u64,
    /// Objects that were ever `new`.
    pub new: u32,
    /// Days from the survey's first detection to the first record, of objects first detected while the run was on, sorted.
    pub delays: Vec<f64>,
    /// By timescale.
    pub cells: Vec<Cell>,
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Score {
    /// Timescales in days, `inf` for all of history.
    pub timescales: Vec<f64>,
    /// By class.
    pub rows: BTreeMap<Class, Row>,
    /// Windows, by timescale, that hold two good visits of a series or more, of objects that a record was told of.
    pub pairs: Vec<u32>,
    /// Objects that a record was told of.
    pub told: u32,
    /// Updates and retractions, by type and reason.
    pub corrections: BTreeMap<(String, String), u64>,
}

/// Holds what was said against the truth.
#[derive(Clone, Debug)]
pub struct Judge<'a> {
    /// The job's timescales, days.
    pub timescales: &'a [f64],
    /// Light changes when it differs by so many believed errors.
    pub threshold: f64,
    /// The errors that it believes.
    pub errors: Errors,
    /// The survey's score that a source must have at least, where it must.
    pub least_score: f64,
    /// When the run began, MJD.
    pub begun: f64,
}

impl Judge<'_> {
    /// Does it. An object whose sources went over to another one is judged by what was said of either.
    pub fn score(&self, truth: &BTreeMap<String, Truth>, said: &AllSaid) -> Score {
        let timescales = self.timescales.to_vec();
        let mut score = Score {
            pairs: vec![0; timescales.len()],
            told: said.objects.len() as u32,
            corrections: said.corrections.clone(),
            timescales,
            rows: BTreeMap::new(),
        };
        for said in said.objects.values() {
            score.pairs.iter_mut().zip(&said.pairs).for_each(|(pairs, has)| *pairs += u32::from(*has));
        }
        for (name, truth) in truth {
            let own = said.objects.get(name);
            let other = truth.moved_to.as_ref().and_then(|other| said.objects.get(other));
            let row = score.rows.entry(truth.class).or_default();
            row.cells.resize(score.timescales.len(), Cell::default());
            row.objects += 1;
            row.alerts += truth.accepted.len() as u64;
            let heard: Vec<&Said> = own.into_iter().chain(other).collect();
            row.told += u32::from(!heard.is_empty());
            row.records += heard.iter().map(|said| u64::from(said.records)).sum::<u64>();
            row.new += u32::from(heard.iter().any(|said| said.new));
            let first = heard.iter().filter_map(|said| said.first).reduce(f64::min);
            row.delays.extend(first.filter(|_| truth.first >= self.begun).map(|first| (first - truth.first).max(0.0)));
            for (at, days) in score.timescales.iter().enumerate() {
                let said = |what: fn(&Said) -> &Vec<bool>| heard.iter().any(|said| what(said).get(at) == Some(&true));
                self.cell(&mut row.cells[at], truth, *days, said(|said| &said.changes), !heard.is_empty());
                row.cells[at].flips += heard.iter().filter_map(|said| said.flips.get(at)).sum::<u32>();
            }
        }
        score.rows.values_mut().for_each(|row| row.delays.sort_unstable_by(f64::total_cmp));
        score
    }

    fn cell(&self, cell: &mut Cell, truth: &Truth, days: f64, said: bool, told: bool) {
        let threshold = self.threshold;
        let (any, held) = self.significance(truth, days);
        cell.said += u32::from(said);
        cell.right += u32::from(said && any >= threshold / 2.0);
        if any < threshold {
            return;
        }
        cell.changing += 1;
        cell.found += u32::from(said);
        if !said {
            let why = match () {
                () if truth.accepted.is_empty() => Miss::NotSent,
                () if truth.score < self.least_score || !told => Miss::Quality,
                () if held < threshold => Miss::Gap,
                () => Miss::BelowThreshold,
            };
            *cell.missed.entry(why).or_default() += 1;
        }
    }

    /// Greatest difference of true light between two visits of a series within the timescale, in believed errors: of all
    /// visits, and of those that lie in a window which ends with an alert.
    fn significance(&self, truth: &Truth, days: f64) -> (f64, f64) {
        let (mut any, mut held) = (0.0f64, 0.0f64);
        let Errors { factor, floor } = self.errors;
        let variance = |point: &Point| (factor * point.sigma).powi(2) + (floor * point.total).powi(2);
        for (at, one) in truth.points.iter().enumerate() {
            for other in truth.points[at + 1..].iter().take_while(|other| other.mjd_tai - one.mjd_tai < days) {
                if (one.band, one.reference) != (other.band, other.reference) {
                    continue;
                }
                let z = (one.flux - other.flux).abs() / (variance(one) + variance(other)).sqrt();
                any = any.max(z);
                let ends = |end: &f64| *end >= other.mjd_tai && *end - days < one.mjd_tai;
                if z > held && truth.accepted.iter().any(ends) {
                    held = z;
                }
            }
        }
        (any, held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use skydiff_schemas::Band;

    /// Visits of one series a day apart, of these true fluxes and an error of 1.
    fn truth(fluxes: &[f64], accepted: &[f64]) -> Truth {
        let point = |(day, flux): (usize, &f64)| Point {
            mjd_tai: day as f64,
            band: Band(1),
            reference: 0,
            flux: *flux,
            total: 0.0,
            sigma: 1.0,
            detected: true,
        };
        Truth {
            class: Class::Agn,
            points: fluxes.iter().enumerate().map(point).collect(),
            moved_to: None,
            first: 0.0,
            accepted: accepted.to_vec(),
            score: 0.9,
        }
    }

    fn cell(truth: Truth, said: Option<bool>) -> Cell {
        let judge = Judge {
            timescales: &[2.5],
            threshold: 5.0,
            errors: Errors { factor: 1.0, floor: 0.0 },
            least_score: 0.5,
            begun: 0.0,
        };
        let mut all = AllSaid::default();
        if let Some(changes) = said {
            all.objects.insert("a".into(), Said { changes: vec![changes], ..Said::default() });
        }
        let score = judge.score(&BTreeMap::from([("a".to_owned(), truth)]), &all);
        score.rows[&Class::Agn].cells[0].clone()
    }

    #[test]
    fn an_object_changes_when_two_visits_within_the_timescale_differ() {
        // 8 over the root of 2 is 5.7; the same over four days is too slow.
        assert_eq!(cell(truth(&[0.0, 0.0, 8.0], &[2.0]), Some(true)).changing, 1);
        assert_eq!(cell(truth(&[0.0, 2.0, 4.0, 6.0, 8.0], &[4.0]), Some(true)).changing, 0);
        assert_eq!(cell(truth(&[0.0, 7.0], &[1.0]), Some(true)).changing, 0);
    }

    #[test]
    fn found_and_right_are_counted_apart() {
        let found = cell(truth(&[0.0, 8.0], &[1.0]), Some(true));
        assert_eq!((found.changing, found.found, found.said, found.right), (1, 1, 1, 1));
        let lucky = cell(truth(&[0.0, 4.0], &[1.0]), Some(true));
        assert_eq!((lucky.changing, lucky.said, lucky.right), (0, 1, 1));
        let wrong = cell(truth(&[0.0, 1.0], &[1.0]), Some(true));
        assert_eq!((wrong.changing, wrong.said, wrong.right), (0, 1, 0));
    }

    #[test]
    fn every_miss_has_its_reason() {
        let why = |truth: Truth, said| cell(truth, said).missed.into_keys().collect::<Vec<_>>();
        let changing = |accepted: &[f64]| truth(&[0.0, 8.0, 8.0, 8.0, 8.0], accepted);
        assert_eq!(why(changing(&[]), None), [Miss::NotSent]);
        assert_eq!(why(Truth { score: 0.1, ..changing(&[1.0]) }, None), [Miss::Quality]);
        assert_eq!(why(changing(&[1.0]), None), [Miss::Quality], "nothing was told of it at all");
        assert_eq!(why(changing(&[4.0]), Some(false)), [Miss::Gap], "its only alert comes too late");
        assert_eq!(why(changing(&[1.0]), Some(false)), [Miss::BelowThreshold]);
    }
}
