//! The books of a job: epoch by epoch what came in, what became of it, and the digest of the state. One worker keeps them.

use crate::counts::Counts;
use crate::event::{Event, Gauges, Summary};
use crate::flow::clock::{Judged, Stop};
use crate::flow::tell::Told;
use crate::highlights::Highlights;
use crate::sink::Sinks;
use crate::source::{Marks, Night};
use crate::watch::Stage;
use skydiff_operators::{Counter, Epoch, Tally};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc::Sender;

/// Everything that an epoch came to.
#[derive(Debug)]
pub struct Closed<'a> {
    /// What was read.
    pub judged: Judged,
    /// What is told, by lane.
    pub told: Vec<Told>,
    /// What the operators counted.
    pub tallies: &'a [Tally],
    /// What is added to the digest.
    pub digest: u128,
}

/// At which frontiers digests are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DigestAt {
    /// The end of each file (of a folder's loose packets together).
    File,
    /// The end of each night that a name names.
    Night,
    /// Every so many packets.
    Packets(u64),
}

impl std::str::FromStr for DigestAt {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.parse()) {
            ("file", _) => Ok(DigestAt::File),
            ("night", _) => Ok(DigestAt::Night),
            (_, Ok(n)) if n > 0 => Ok(DigestAt::Packets(n)),
            _ => Err(format!("`{text}` is no frontier: write file, night, or a number of packets")),
        }
    }
}

/// The books.
#[derive(Debug)]
pub struct Ledger {
    counts: Counts,
    highlights: Highlights,
    /// The night that is being read, the counts when it began, and what it showed.
    night: Option<(Night, Counts, Highlights)>,
    digest: u128,
    files: u64,
    digest_at: Option<DigestAt>,
    timescales: Vec<f64>,
    sinks: Sinks,
    gauges: Gauges,
    events: Sender<Event>,
    past: Past,
    /// The counts when the past was over.
    before: Option<Counts>,
}

/// What was told before this job, by this archive or another.
#[derive(Clone, Debug, Default)]
pub struct Past {
    /// The first epoch that is told.
    pub since: Epoch,
    /// Whether that one only restates what is known.
    pub restates: bool,
    /// Digests that recorded epochs must come to.
    pub digests: BTreeMap<Epoch, u128>,
}

impl Ledger {
    /// Empty books. `timescales` in days.
    pub fn new(
        timescales: Vec<f64>,
        digest_at: Option<DigestAt>,
        sinks: Sinks,
        gauges: Gauges,
        events: Sender<Event>,
        past: Past,
    ) -> Ledger {
        Ledger {
            counts: Counts::default(),
            highlights: Highlights::default(),
            night: None,
            digest: 0,
            files: 0,
            digest_at,
            timescales,
            sinks,
            gauges,
            events,
            past,
            before: None,
        }
    }

    /// Books an epoch and writes it.
    pub fn close(&mut self, closed: Closed<'_>) -> Result<(), Stop> {
        let Closed { judged, told, tallies, digest } = closed;
        let epoch = judged.binding.epoch;
        self.digest = self.digest.wrapping_add(digest);
        if let Some(recorded) = self.past.digests.get(&epoch).filter(|recorded| **recorded != self.digest) {
            let text = format!(
                "epoch {epoch}: the archive says that its state is {recorded:032x}, and it is {:032x}",
                self.digest
            );
            return Err(internal(&text));
        }
        if epoch < self.past.since {
            self.counts.merge(&judged.counts);
            tallies.iter().for_each(|tally| self.counts.tally(tally));
            told.iter().for_each(|lane| self.counts.merge(&lane.counts));
            self.before = Some(self.counts.clone());
            self.gauges.watch.book(|books| books.close(&judged, &[], &self.counts, false));
            return Ok(());
        }
        if let Some(origin) = &judged.binding.origin {
            self.begin_night(Night::of_name(Path::new(&origin.bundle)));
        }
        self.counts.merge(&judged.counts);
        let restates = self.past.restates && epoch == self.past.since;
        // Packets that are put once more, by other settings, are not received again: none of them is a repeated one.
        let counts = |tally: &&Tally| !restates || tally.counter != Counter::Repeated;
        tallies.iter().filter(counts).for_each(|tally| self.counts.tally(tally));
        if restates {
            // Nothing of this came now but the records.
            self.before = Some(self.counts.clone());
        }
        let mut records = 0;
        for lane in &told {
            self.counts.merge(&lane.counts);
            for encoded in &lane.records {
                self.highlights.see(&encoded.record);
                if let Some((.., highlights)) = &mut self.night {
                    highlights.see(&encoded.record);
                }
                records += 1;
            }
        }
        self.sinks.write(&judged, &told, &mut self.counts)?;
        self.counts.check().map_err(|sum| internal(&format!("epoch {}: {sum}", judged.binding.epoch)))?;
        self.gauges.watch.reached(Stage::Told, epoch, epoch);
        self.gauges.watch.book(|books| books.close(&judged, &told, &self.counts, true));
        Gauges::add(&self.gauges.epochs, 1);
        Gauges::add(&self.gauges.packets, judged.counts.received);
        Gauges::add(&self.gauges.rejected, judged.rejects.iter().map(|reject| reject.packets as i64).sum());
        Gauges::add(&self.gauges.records, records);
        self.mark(&judged.binding.marks)
    }

    fn mark(&mut self, marks: &Marks) -> Result<(), Stop> {
        if let Some(file) = &marks.file {
            self.files += 1;
            self.tell_digest(DigestAt::File, || format!("file {file}"));
        }
        if let Some(packets) = marks.packets {
            self.tell_digest(DigestAt::Packets(0), || format!("{packets} packets"));
        }
        if let Some(night) = marks.night {
            self.tell_digest(DigestAt::Night, || format!("night {night}"));
            self.end_night(night)?;
        }
        Ok(())
    }

    fn tell_digest(&self, of: DigestAt, at: impl FnOnce() -> String) {
        let wanted =
            self.digest_at.is_some_and(|wanted| std::mem::discriminant(&wanted) == std::mem::discriminant(&of));
        if wanted {
            self.tell(Event::Digest { digest: self.digest, at: at() });
        }
    }

    /// What was read before, of no night or of one that was not its own, is none of this night's.
    fn begin_night(&mut self, night: Option<Night>) {
        if self.night.as_ref().map(|(open, ..)| *open) != night {
            self.night = night.map(|night| (night, self.counts.clone(), Highlights::default()));
        }
    }

    fn end_night(&mut self, night: Night) -> Result<(), Stop> {
        self.begin_night(Some(night));
        let Some((_, before, highlights)) = self.night.take() else { return Ok(()) };
        let counts = self.counts.since(&before);
        counts.check().map_err(|sum| internal(&format!("night {night}: {sum}")))?;
        let summary =
            Summary { title: format!("night {night}"), counts, highlights, timescales: self.timescales.clone() };
        self.sinks.night(night, &summary).map_err(Stop::Sink)?;
        self.tell(Event::Night(Box::new(summary)));
        Ok(())
    }

    /// Whoever listened may have gone; the books are kept all the same.
    fn tell(&self, event: Event) {
        let _ = self.events.send(event);
    }

    /// Closes the books: all sinks are complete on disk. Gives the summary, under that title, and the digest of the state.
    pub fn finish(self, title: &str) -> Result<(Summary, u128), Stop> {
        let Ledger { counts, highlights, digest, timescales, sinks, before, .. } = self;
        let counts = before.map_or(counts.clone(), |before| counts.since(&before));
        let summary = Summary { title: title.into(), counts, highlights, timescales };
        sinks.finish(&summary).map_err(Stop::Sink)?;
        Ok((summary, digest))
    }
}

fn internal(sum: &str) -> Stop {
    Stop::Internal(format!("the books do not balance, which is an error of skydiff, not of the data: {sum}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frontiers_are_read() {
        assert_eq!("file".parse(), Ok(DigestAt::File));
        assert_eq!("night".parse(), Ok(DigestAt::Night));
        assert_eq!("250".parse(), Ok(DigestAt::Packets(250)));
        assert!("0".parse::<DigestAt>().is_err() && "hour".parse::<DigestAt>().is_err());
    }
}
