//! When one bad packet becomes a break (DESIGN §4.7): decided packet by packet, in the order in which they were bound.
//!
//! A survey that changes a field breaks every packet, and a job that went on would commit a night of rejects. So no more
//! than a share of any 1,000 packets of one writer schema may fail for one reason; the packets of other schemas between
//! them, and how they were cut into epochs, do not matter. Packets whose schema nobody here could read count as of one
//! schema: noise brings a new one with every packet, and would never have two of the same.

use crate::reject::{Reason, Reject};
use crate::writer::Writer;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Over how many packets of a schema the share is taken.
const SPAN: usize = 1000;
/// How many examples a break shows.
const EXAMPLES: usize = 3;
/// How many schemas are watched apart; those beyond count as one. Surveys have had a few dozen.
const SCHEMAS: usize = 256;

/// What was decided of packets, in their order: runs of the same schema and verdict (`None` is accepted).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdicts(Vec<(Writer, Option<Reason>, u64)>);

impl Verdicts {
    /// Adds `packets` of one schema and verdict.
    pub fn add(&mut self, writer: Writer, verdict: Option<Reason>, packets: u64) {
        match self.0.last_mut() {
            Some((last, same, run)) if (*last, *same) == (writer, verdict) => *run += packets,
            _ => self.0.push((writer, verdict, packets)),
        }
    }
}

/// Watches the packets of a job.
#[derive(Debug)]
pub struct Judge {
    allowed: usize,
    writers: FxHashMap<Writer, Window>,
}

#[derive(Debug, Default)]
struct Window {
    verdicts: VecDeque<Option<Reason>>,
    failed: [usize; Reason::ALL.len()],
}

/// Too much is wrong with the packets of one schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Break {
    /// Which schema.
    pub writer: Writer,
    /// What is wrong.
    pub reason: Reason,
    /// How many of the last 1,000.
    pub failed: usize,
}

impl Judge {
    /// Allows the share `max_reject` (0 to 1).
    pub fn new(max_reject: f64) -> Judge {
        // 5 % of 1,000 are 50, not 49: a product that is a hair below is meant to be the number.
        Judge { allowed: (max_reject * SPAN as f64 + 1e-9).floor() as usize, writers: FxHashMap::default() }
    }

    /// The next packets.
    pub fn watch(&mut self, verdicts: &Verdicts) -> Result<(), Break> {
        verdicts.0.iter().try_for_each(|(writer, verdict, packets)| self.packets(*writer, *verdict, *packets))
    }

    /// The next `packets`, all of one schema and with one verdict: `None` is accepted.
    fn packets(&mut self, writer: Writer, verdict: Option<Reason>, packets: u64) -> Result<(), Break> {
        let writer = self.counted_as(writer, verdict);
        let window = self.writers.entry(writer).or_default();
        // More than a span of the same leave nothing else in the window.
        for _ in 0..packets.min(SPAN as u64) {
            if window.verdicts.len() == SPAN
                && let Some(Some(left)) = window.verdicts.pop_front()
            {
                window.failed[left as usize] -= 1;
            }
            window.verdicts.push_back(verdict);
            if let Some(reason) = verdict {
                let failed = &mut window.failed[reason as usize];
                *failed += 1;
                if *failed > self.allowed {
                    return Err(Break { writer, reason, failed: *failed });
                }
            }
        }
        Ok(())
    }

    /// The schema that packets count as: their own once one of it was read as far as its records.
    fn counted_as(&self, writer: Writer, verdict: Option<Reason>) -> Writer {
        let unread = matches!(
            verdict,
            Some(Reason::Framing | Reason::Schema | Reason::UnknownSchema | Reason::UnknownSurvey | Reason::Io)
        );
        let known = self.writers.contains_key(&writer);
        if known || !unread && self.writers.len() < SCHEMAS { writer } else { Writer::Unreadable }
    }
}

impl Break {
    /// What the job says when it stops; `rejects` are those of the epoch, for examples.
    pub fn explain(&self, max_reject: f64, rejects: &[Reject]) -> String {
        let examples = rejects.iter().filter(|reject| reject.reason == self.reason);
        let schema = examples.clone().next().filter(|_| self.writer != Writer::Unreadable);
        let schema = schema.map_or("whose schema could not be read", |reject| &reject.schema);
        let of = if self.writer == Writer::Unreadable { "" } else { "of " };
        let mut text = format!(
            "{} of the last {SPAN} packets {of}{schema} were rejected as `{}`: more than max_reject = {max_reject}. \
             Nothing of this epoch was written.",
            self.failed,
            self.reason.name()
        );
        for reject in examples.take(EXAMPLES) {
            text += &match self.writer {
                Writer::Unreadable => format!("\n  {} ({}): {}", reject.at, reject.schema, reject.detail),
                _ => format!("\n  {}: {}", reject.at, reject.detail),
            };
        }
        let hint = match self.reason {
            Reason::Future => {
                "If they were received later than that: where the name of the file or of a folder above it has a date, the \
                 name decides, so correct it; where it has none, give --received."
            }
            Reason::UnknownSchema => {
                "Give the folder that holds these schemas, `schemas = DIR` in the job file, or go on without their packets \
                 with --max-reject 1."
            }
            _ => {
                "If the packets are to blame, go on with a greater --max-reject (1 never stops); if the survey has renamed \
                 a field, give its new name as an alias in the job file."
            }
        };
        format!("{text}\n{hint}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Option<Reason> = None;
    const BAD: Option<Reason> = Some(Reason::Value);

    #[test]
    fn one_more_than_the_share_of_a_thousand_is_a_break() {
        let mut judge = Judge::new(0.05);
        assert_eq!(judge.packets(Writer::Unreadable, BAD, 50), Ok(()));
        let broken = Break { writer: Writer::Unreadable, reason: Reason::Value, failed: 51 };
        assert_eq!(judge.packets(Writer::Unreadable, BAD, 1), Err(broken));
    }

    #[test]
    fn the_thousand_slide() {
        let id = Writer::Confluent(900);
        let mut judge = Judge::new(0.05);
        judge.packets(id, BAD, 50).unwrap();
        judge.packets(id, GOOD, 950).unwrap();
        judge.packets(id, BAD, 50).unwrap();
        judge.packets(id, GOOD, 949).unwrap();
        assert!(judge.packets(id, BAD, 1).is_err(), "51 within the last 1,000");
        let mut judge = Judge::new(0.05);
        judge.packets(id, BAD, 50).unwrap();
        judge.packets(id, GOOD, 1_000_000).unwrap();
        judge.packets(id, BAD, 50).unwrap();
    }

    #[test]
    fn schemas_and_reasons_are_counted_apart() {
        let mut judge = Judge::new(0.05);
        for (writer, reason) in [(1, Reason::Value), (1, Reason::Datum), (2, Reason::Value), (2, Reason::Future)] {
            assert_eq!(judge.packets(Writer::Confluent(writer), Some(reason), 50), Ok(()));
        }
    }

    #[test]
    fn what_cannot_be_read_counts_as_one_schema() {
        for reason in [Reason::Framing, Reason::Schema, Reason::UnknownSchema, Reason::UnknownSurvey] {
            let mut judge = Judge::new(0.05);
            judge.packets(Writer::Container(7), GOOD, 3).unwrap();
            let stops = (0..3000).find(|n| judge.packets(Writer::Confluent(*n), Some(reason), 1).is_err());
            assert_eq!((stops, judge.writers.len()), (Some(50), 2), "{reason:?}");
        }
        let mut judge = Judge::new(0.05);
        for _ in 0..100 {
            judge.packets(Writer::Container(7), GOOD, 999).unwrap();
            judge.packets(Writer::Container(7), Some(Reason::Framing), 1).unwrap();
        }
        assert_eq!(judge.writers.len(), 1, "a broken packet of a schema that was read is one of its thousand");
    }

    #[test]
    fn schemas_without_end_are_not_watched_apart() {
        let mut judge = Judge::new(0.05);
        let stops = (0..3000).find(|n| judge.packets(Writer::Container(*n), BAD, 1).is_err());
        assert_eq!(stops, Some(SCHEMAS as u64 + 50));
        assert_eq!(judge.writers.len(), SCHEMAS + 1);
    }

    #[test]
    fn hints_say_what_helps() {
        let hint = |reason| Break { writer: Writer::Unreadable, reason, failed: 51 }.explain(0.05, &[]);
        assert!(hint(Reason::UnknownSchema).contains("`schemas = DIR`"));
        assert!(hint(Reason::Future).contains("the name decides"));
        assert!(hint(Reason::Framing).contains("packets whose schema could not be read were rejected as `framing`"));
    }

    #[test]
    fn one_never_stops_and_zero_always() {
        assert_eq!(Judge::new(1.0).packets(Writer::Unreadable, BAD, u64::MAX), Ok(()));
        assert!(Judge::new(0.0).packets(Writer::Unreadable, BAD, 1).is_err());
    }
}
