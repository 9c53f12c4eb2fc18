//! What went in and what became of it, in numbers that must add up (DESIGN law 2).
//!
//! Filled from three places: the readers (packets, rows that were left out), the operators (their [`Tally`]s)
//! and the sinks (records). [`Counts::check`] names the sum that does not come out.

use serde::{Deserialize, Serialize};
use skydiff_operators::{Counter, Tally};
use skydiff_schemas::record::{AlertType, Reason};
use skydiff_schemas::{Alert, Quality, SurveyId};
use std::collections::BTreeMap;

/// The counts of a run, or of a part of one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Packets read, whether or not they could be decoded.
    pub received: i64,
    /// Packets that were not accepted, by reason.
    pub rejected: BTreeMap<String, i64>,
    /// What became of the accepted ones.
    pub surveys: BTreeMap<SurveyId, SurveyCounts>,
    /// Records written, by sink.
    pub written: BTreeMap<String, i64>,
}

/// The counts of one survey. Those marked *stock* say how many there are; all others, how many there came.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SurveyCounts {
    /// Packets that were decoded and accepted.
    pub accepted: i64,
    /// Accepted packets whose trigger an accepted packet before it had had.
    pub repeated: i64,
    /// Rows in accepted packets, triggers included.
    pub rows_read: i64,
    /// Rows of accepted packets that were left out, by reason.
    pub rows_rejected: BTreeMap<String, i64>,
    /// Rows offered to their objects: [`Counter::Rows`].
    pub rows: i64,
    /// Rows that changed nothing.
    pub known: i64,
    /// Rows that brought a measurement.
    pub new: i64,
    /// Rows that replaced a standing value.
    pub superseded: i64,
    /// Rows that won with an equal value.
    pub confirmed: i64,
    /// Rows that withdrew a measurement.
    pub withdrawn: i64,
    /// Measurements that left one object for another.
    pub moved: i64,
    /// Standing measurements before (stock).
    pub measurements_before: i64,
    /// Standing measurements (stock).
    pub measurements: i64,
    /// Standing measurements that do not count, by reason (stock; one may have several).
    pub bad: BTreeMap<String, i64>,
    /// Objects with a standing measurement (stock).
    pub objects: i64,
    /// Objects in which a state is alive, by (timescale, state): index in the settings, index in `State::ALL` (stock).
    pub alive: BTreeMap<(u8, u8), i64>,
    /// Changes of what is known of an object: one for each object and epoch.
    pub changes: i64,
    /// Changes that were told.
    pub records: BTreeMap<(AlertType, Reason), i64>,
    /// Changes that were not.
    pub silent: i64,
}

impl Counts {
    /// A packet that was read and not accepted.
    pub fn reject(&mut self, reason: &str) {
        self.received += 1;
        *entry(&mut self.rejected, reason) += 1;
    }

    /// A packet that was read and accepted, before its rows are taken from it.
    pub fn accept(&mut self, alert: &Alert) {
        self.received += 1;
        let counts = self.surveys.entry(alert.survey).or_default();
        counts.accepted += 1;
        counts.rows_read += (alert.rows.len() + alert.rejects.len()) as i64;
        for reject in &alert.rejects {
            *entry(&mut counts.rows_rejected, reject.name()) += 1;
        }
    }

    /// An accepted packet whose trigger had come before.
    pub fn repeat(&mut self, survey: SurveyId) {
        self.surveys.entry(survey).or_default().repeated += 1;
    }

    /// What the operators counted.
    pub fn tally(&mut self, tally: &Tally) {
        let counts = self.surveys.entry(tally.survey).or_default();
        let count = match tally.counter {
            Counter::Repeated => &mut counts.repeated,
            Counter::Rows => &mut counts.rows,
            Counter::Known => &mut counts.known,
            Counter::New => &mut counts.new,
            Counter::Superseded => &mut counts.superseded,
            Counter::Confirmed => &mut counts.confirmed,
            Counter::Withdrawn => &mut counts.withdrawn,
            Counter::Moved => &mut counts.moved,
            Counter::Measurements => &mut counts.measurements,
            Counter::Bad(bit) => entry(&mut counts.bad, quality_name(bit)),
            Counter::Objects => &mut counts.objects,
            Counter::Changes => &mut counts.changes,
            Counter::Alive(timescale, state) => counts.alive.entry((timescale, state)).or_default(),
        };
        *count += tally.change;
    }

    /// What was decided about a change: a record of that type and reason, or none.
    pub fn decide(&mut self, survey: SurveyId, told: Option<(AlertType, Reason)>) {
        let counts = self.surveys.entry(survey).or_default();
        match told {
            Some(kind) => *counts.records.entry(kind).or_default() += 1,
            None => counts.silent += 1,
        }
    }

    /// A record that a sink took.
    pub fn write(&mut self, sink: &str) {
        *entry(&mut self.written, sink) += 1;
    }

    /// Adds what another part of the run counted: of other packets, and of other objects.
    pub fn merge(&mut self, other: &Counts) {
        self.received += other.received;
        add(&mut self.rejected, &other.rejected, 1);
        add(&mut self.written, &other.written, 1);
        for (survey, counts) in &other.surveys {
            self.surveys.entry(*survey).or_default().add(counts, 1);
        }
    }

    /// What came since `earlier`, with the stocks of now.
    pub fn since(&self, earlier: &Counts) -> Counts {
        let mut counts = self.clone();
        counts.received -= earlier.received;
        add(&mut counts.rejected, &earlier.rejected, -1);
        add(&mut counts.written, &earlier.written, -1);
        for (survey, before) in &earlier.surveys {
            let (now, after) = (self.surveys.get(survey), counts.surveys.entry(*survey).or_default());
            after.add(before, -1);
            if let Some(now) = now {
                (after.measurements, after.objects) = (now.measurements, now.objects);
                (after.bad, after.alive) = (now.bad.clone(), now.alive.clone());
            }
            after.measurements_before = before.measurements;
        }
        counts
    }

    /// All surveys as one.
    pub fn all(&self) -> SurveyCounts {
        let mut all = SurveyCounts::default();
        self.surveys.values().for_each(|counts| all.add(counts, 1));
        all
    }

    /// Whether it adds up; if not, the sum that does not, with its numbers.
    pub fn check(&self) -> Result<(), String> {
        let all = self.all();
        equal("packets received = accepted + rejected", self.received, all.accepted + sum(&self.rejected))?;
        let told = sum(&all.records);
        for (sink, written) in &self.written {
            equal(&format!("records written by {sink} = records by type and reason"), *written, told)?;
        }
        self.surveys.iter().try_for_each(|(survey, counts)| {
            counts.check().map_err(|wrong| format!("{}: {wrong}", crate::names::survey_name(*survey)))
        })
    }
}

impl SurveyCounts {
    /// Records of every type and reason.
    pub fn told(&self) -> i64 {
        sum(&self.records)
    }

    fn add(&mut self, other: &SurveyCounts, sign: i64) {
        self.accepted += sign * other.accepted;
        self.repeated += sign * other.repeated;
        self.rows_read += sign * other.rows_read;
        self.rows += sign * other.rows;
        self.known += sign * other.known;
        self.new += sign * other.new;
        self.superseded += sign * other.superseded;
        self.confirmed += sign * other.confirmed;
        self.withdrawn += sign * other.withdrawn;
        self.moved += sign * other.moved;
        self.measurements_before += sign * other.measurements_before;
        self.measurements += sign * other.measurements;
        self.objects += sign * other.objects;
        self.changes += sign * other.changes;
        self.silent += sign * other.silent;
        add(&mut self.rows_rejected, &other.rows_rejected, sign);
        add(&mut self.bad, &other.bad, sign);
        add(&mut self.alive, &other.alive, sign);
        add(&mut self.records, &other.records, sign);
    }

    fn check(&self) -> Result<(), String> {
        let became = self.known + self.new + self.superseded + self.confirmed + self.withdrawn;
        equal("rows read = rows offered + rows rejected", self.rows_read, self.rows + sum(&self.rows_rejected))?;
        equal("rows offered = known + new + superseded + confirmed + withdrawn", self.rows, became)?;
        equal("changes = records + silent changes", self.changes, self.told() + self.silent)?;
        at_most("repeated packets ≤ accepted packets", self.repeated, self.accepted)?;
        // A withdrawal of what was never seen stands too, so that no older copy brings it back.
        let least = self.measurements_before + self.new;
        at_most("measurements before + new ≤ measurements", least, self.measurements)?;
        at_most("measurements ≤ measurements before + new + withdrawn", self.measurements, least + self.withdrawn)?;
        at_most("objects ≤ measurements", self.objects, self.measurements)?;
        for (reason, bad) in &self.bad {
            at_most(&format!("measurements that are bad ({reason}) ≤ measurements"), *bad, self.measurements)?;
        }
        let most = self.alive.values().copied().max().unwrap_or(0);
        at_most("objects in a state ≤ objects", most, self.objects)
    }
}

fn quality_name(bit: u8) -> &'static str {
    let reason = Quality(1u16.checked_shl(u32::from(bit)).unwrap_or(0));
    reason.reasons().next().unwrap_or("unknown")
}

fn entry<'a>(counts: &'a mut BTreeMap<String, i64>, key: &str) -> &'a mut i64 {
    counts.entry(key.to_owned()).or_default()
}

fn add<K: Ord + Clone>(counts: &mut BTreeMap<K, i64>, other: &BTreeMap<K, i64>, sign: i64) {
    for (key, count) in other {
        *counts.entry(key.clone()).or_default() += sign * count;
    }
    counts.retain(|_, count| *count != 0);
}

pub(crate) fn sum<K>(counts: &BTreeMap<K, i64>) -> i64 {
    counts.values().sum()
}

fn equal(what: &str, left: i64, right: i64) -> Result<(), String> {
    if left == right { Ok(()) } else { Err(format!("{what}: {left} ≠ {right}")) }
}

fn at_most(what: &str, left: i64, right: i64) -> Result<(), String> {
    if left <= right { Ok(()) } else { Err(format!("{what}: {left} > {right}")) }
}

#[cfg(test)]
mod tests;
