//! What the ledger knows, for those who watch: packets, rejects, records, sky clocks, latencies.

use crate::counts::Counts;
use crate::flow::clock::Judged;
use crate::flow::tell::Told;
use crate::names::{survey_name, to_utc};
use crate::source::night::now;
use serde::{Deserialize, Serialize};
use skydiff_schemas::MicroDays;
use std::collections::BTreeMap;

/// Upper bounds of the latencies that are told apart, in seconds; one more has the rest.
pub const BOUNDS: [f64; 18] = [
    0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 1800.0, 3600.0, 86_400.0,
    604_800.0,
];

/// How many took how long.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// By [`BOUNDS`], and the rest.
    pub counts: [u64; BOUNDS.len() + 1],
    /// Of all of them, in seconds.
    pub sum: f64,
}

impl Histogram {
    /// So many took so many seconds. What lies in the future took none.
    pub fn add(&mut self, seconds: f64, count: u64) {
        let seconds = seconds.max(0.0);
        self.counts[BOUNDS.iter().position(|bound| seconds <= *bound).unwrap_or(BOUNDS.len())] += count;
        self.sum += seconds * count as f64;
    }

    /// All of them.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The bound below which this share of them lies; `None` of none, and above all bounds.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let wanted = (self.count() as f64 * share).ceil().max(1.0) as u64;
        let mut below = 0;
        let found = BOUNDS.iter().zip(&self.counts).find(|(_, count)| {
            below += **count;
            below >= wanted
        });
        found.map(|(bound, _)| *bound)
    }
}

/// The books up to an epoch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Books {
    /// The newest epoch that is through.
    pub epoch: u64,
    /// Packets, whatever became of them.
    pub packets: i64,
    /// Packets that were not accepted, by reason.
    pub rejected: BTreeMap<String, i64>,
    /// By survey.
    pub surveys: BTreeMap<String, SurveyBooks>,
    /// From receipt of a packet until what it brought was told.
    pub from_receipt: Histogram,
    /// From the middle of an exposure until a record of it was told.
    pub from_shutter: Histogram,
}

/// The books of a survey.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SurveyBooks {
    /// Its sky clock, MJD TAI.
    pub clock_mjd_tai: Option<f64>,
    /// How far that is behind the wall's, in seconds.
    pub clock_age_seconds: Option<f64>,
    /// Its packets that were accepted.
    pub accepted: i64,
    /// Objects with a standing measurement.
    pub objects: i64,
    /// Standing measurements.
    pub measurements: i64,
    /// Rows that were left out, by reason.
    pub rows_rejected: BTreeMap<String, i64>,
    /// Records by type and reason.
    pub records: Vec<(String, String, i64)>,
}

impl Books {
    /// An epoch is through, with which the counts have come to `counts`. `live`: it was not known before.
    pub fn close(&mut self, judged: &Judged, told: &[Told], counts: &Counts, live: bool) {
        let now = now();
        self.epoch = judged.binding.epoch.0;
        (self.packets, self.rejected) = (counts.received, counts.rejected.clone());
        for (id, survey) in &counts.surveys {
            let books = self.surveys.entry(survey_name(*id)).or_default();
            (books.accepted, books.objects, books.measurements) =
                (survey.accepted, survey.objects, survey.measurements);
            books.rows_rejected = survey.rows_rejected.clone();
            let record = |((kind, reason), count): (&(_, _), &i64)| {
                let (kind, reason): (&skydiff_schemas::record::AlertType, &skydiff_schemas::record::Reason) =
                    (kind, reason);
                (kind.name().to_owned(), reason.name().to_owned(), *count)
            };
            books.records = survey.records.iter().map(record).collect();
        }
        for (id, clock) in judged.clocks.iter() {
            let books = self.surveys.entry(survey_name(id)).or_default();
            books.clock_mjd_tai = Some(clock.days());
            books.clock_age_seconds = Some(seconds(now - to_utc(clock)));
        }
        if !live {
            return;
        }
        if let Some(origin) = &judged.binding.origin {
            self.from_receipt.add(seconds(now - origin.received), judged.binding.packets);
        }
        for record in told.iter().flat_map(|lane| &lane.records) {
            if let Some(time) = record.record.mjd_tai.and_then(MicroDays::from_days) {
                self.from_shutter.add(seconds(now - to_utc(time)), 1);
            }
        }
    }
}

fn seconds(time: MicroDays) -> f64 {
    time.days() * 86_400.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_are_told_apart() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.quantile(0.5), None);
        for seconds in [0.2, 0.2, 0.7, -3.0] {
            histogram.add(seconds, 1);
        }
        histogram.add(1e9, 1);
        assert_eq!((histogram.count(), histogram.counts[0], histogram.counts[4]), (5, 1, 2));
        assert_eq!(
            (histogram.quantile(0.5), histogram.quantile(0.8), histogram.quantile(1.0)),
            (Some(0.25), Some(1.0), None)
        );
        assert!((histogram.sum - 1e9 - 1.1).abs() < 1e-6);
    }
}
