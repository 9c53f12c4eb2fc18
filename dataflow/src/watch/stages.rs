//! How long epochs take to come through, stage by stage, as worker 0 sees it, and transactions, step by step: where the time
//! between a packet and its record goes.

use super::books::Histogram;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Instant;

/// What an epoch has come to, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Its packets are read, on all workers.
    Read,
    /// Its answers are known on worker 0, and its group of epochs is complete.
    Computed,
    /// The files of its group are written, by all workers.
    Filed,
    /// Its manifest is.
    Durable,
    /// Its records are with the lanes that publish them, on worker 0.
    Handed,
    /// Its records are committed, in every topic and file.
    Told,
}

impl Stage {
    /// As it is labelled.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Read => "read",
            Stage::Computed => "computed",
            Stage::Filed => "filed",
            Stage::Durable => "durable",
            Stage::Handed => "handed",
            Stage::Told => "told",
        }
    }
}

/// What a lane does in a transaction, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Hands messages to Kafka's client.
    Send,
    /// Waits until the brokers have all of them.
    Drain,
    /// Commits.
    Commit,
}

impl Step {
    /// As it is labelled.
    pub fn name(self) -> &'static str {
        match self {
            Step::Send => "send",
            Step::Drain => "drain",
            Step::Commit => "commit",
        }
    }
}

/// More epochs than are ever open at once: those that are not told of are forgotten.
const OPEN: usize = 4096;

/// Epochs on their way, and how long those before them took.
#[derive(Debug, Default)]
pub(super) struct Stages {
    sealed: BTreeMap<u64, Instant>,
    took: BTreeMap<Stage, Histogram>,
    transactions: BTreeMap<Step, Histogram>,
}

impl Stages {
    pub(super) fn sealed(&mut self, epoch: u64, now: Instant) {
        self.sealed.insert(epoch, now);
        if self.sealed.len() > OPEN {
            self.sealed.pop_first();
        }
    }

    pub(super) fn reached(&mut self, stage: Stage, epoch: u64, now: Instant) {
        let begun = if stage == Stage::Told { self.sealed.remove(&epoch) } else { self.sealed.get(&epoch).copied() };
        if let Some(begun) = begun {
            self.took.entry(stage).or_default().add(now.saturating_duration_since(begun).as_secs_f64(), 1);
        }
    }

    pub(super) fn stepped(&mut self, step: Step, seconds: f64) {
        self.transactions.entry(step).or_default().add(seconds, 1);
    }

    /// How long epochs took, and transactions.
    pub(super) fn took(&self) -> (BTreeMap<Stage, Histogram>, BTreeMap<Step, Histogram>) {
        (self.took.clone(), self.transactions.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn an_epoch_is_timed_from_its_seal_and_forgotten_when_it_is_told() {
        let mut stages = Stages::default();
        let begun = Instant::now();
        let later = |millis| begun + Duration::from_millis(millis);
        stages.sealed(7, begun);
        stages.reached(Stage::Read, 7, later(20));
        stages.reached(Stage::Read, 8, later(20));
        stages.reached(Stage::Told, 7, later(400));
        stages.reached(Stage::Told, 7, later(900));
        let (took, _) = stages.took();
        assert_eq!(took.keys().map(|stage| stage.name()).collect::<Vec<_>>(), ["read", "told"]);
        assert_eq!((took[&Stage::Read].count(), took[&Stage::Told].count()), (1, 1));
        assert!((took[&Stage::Told].sum - 0.4).abs() < 1e-9);
        (0..=OPEN as u64).for_each(|epoch| stages.sealed(epoch, begun));
        stages.reached(Stage::Read, 0, later(1));
        assert_eq!(stages.took().0[&Stage::Read].count(), 1);
    }
}
