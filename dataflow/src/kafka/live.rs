//! The mint of live packets: reads partitions of topics as messages come, and says what every epoch is made of.
//!
//! Offsets are in bindings, and so in manifests, and nowhere else: no consumer group decides what is read. An epoch ends by
//! its age or its bytes; when partitions appear, an epoch of their own binds where they are begun. What cannot be helped by
//! waiting ends the source with a sentence; a broker that goes away is waited for.

use super::discover::Seen;
use super::positions::{Begin, Partition, Positions};
use super::registry::Schemas;
use super::settings::{LiveSettings, Start, Until};
use super::source::Source;
use crate::event::Event;
use crate::source::{Bytes, Feed, Marks, Origin, Parcel, Progress, Range, Share};
use crate::watch::Watch;
use rdkafka::consumer::{CommitMode, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message, Timestamp};
use skydiff_schemas::MicroDays;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

/// At most so many packets in a share …
const SHARE_PACKETS: usize = 32;
/// … and, once it has one, at most so many bytes.
const SHARE_BYTES: u64 = 2 << 20;
/// How long a poll waits if nothing else is to be done.
const WAIT: Duration = Duration::from_millis(50);
/// How often what others say is heard.
const HEAR: Duration = Duration::from_millis(20);

/// Reads topics until asked to stop.
#[derive(Debug)]
pub struct Live {
    /// What to read, with the rank of each.
    pub sources: Vec<(LiveSettings, i16)>,
    /// An epoch ends at this age …
    pub age: Duration,
    /// … or with so many bytes.
    pub bytes: u64,
    /// What is bound.
    pub positions: Positions,
    /// Goes on where messages are gone.
    pub accept_gap: bool,
    /// Schemas that are known, and where others are asked for.
    pub schemas: Schemas,
    /// Someone wants the job to end.
    pub stop: Arc<AtomicBool>,
    /// What is told of the work.
    pub progress: Arc<Progress>,
    /// What happens.
    pub events: Sender<Event>,
    /// What is told of partitions to who watches.
    pub watch: Watch,
}

/// The epoch that is open.
#[derive(Default)]
struct Open {
    since: Option<Instant>,
    bytes: u64,
    packets: u64,
    shares: BTreeMap<Partition, Share>,
    ranges: BTreeMap<Partition, Range>,
}

impl Live {
    /// Does it: hands what it finds to `out`, which gives `false` when nobody listens any more.
    pub fn run(mut self, out: &mut dyn FnMut(Feed) -> bool) -> Result<(), String> {
        let sources = std::mem::take(&mut self.sources);
        let mut sources: Vec<Source> =
            sources.into_iter().map(|(settings, rank)| Source::open(settings, rank)).collect::<Result<_, _>>()?;
        let mut hand = Hand { next: 0, heard: true, out };
        let mut open = Open::default();
        let mut heard = Instant::now();
        while hand.heard && !self.stop.load(Ordering::Relaxed) {
            if heard.elapsed() >= HEAR {
                heard = Instant::now();
                for source in &mut sources {
                    self.hear(source, &mut open, &mut hand)?;
                }
            }
            let left = open.since.map_or(WAIT, |since| self.age.saturating_sub(since.elapsed()).min(WAIT));
            // One source may wait; of several each is asked in turn. For less than a millisecond the client would spin.
            let least = Duration::from_millis(1);
            let wait = if sources.len() == 1 { left.max(least) } else { least };
            for source in &mut sources {
                self.poll(source, wait, &mut open, &mut hand)?;
            }
            let due = open.since.is_some_and(|since| since.elapsed() >= self.age) || open.bytes >= self.bytes;
            if due {
                self.seal(&mut open, &mut hand, &sources);
            }
            if sources.iter().all(Source::is_over) {
                break;
            }
        }
        self.seal(&mut open, &mut hand, &sources);
        Ok(())
    }

    /// What was seen of the cluster meanwhile.
    fn hear(&mut self, source: &mut Source, open: &mut Open, hand: &mut Hand<'_>) -> Result<(), String> {
        if let Some(trouble) = source.trouble.is_there() {
            return Err(format!("Kafka at {}: {trouble}", source.settings.login.brokers));
        }
        while let Ok(seen) = source.seen.try_recv() {
            match seen {
                Ok(seen) => {
                    if std::mem::take(&mut source.silent) {
                        self.say(format!("Kafka at {} answers again", source.settings.login.brokers));
                    }
                    self.meet(source, seen, open, hand)?;
                }
                Err(why) if source.at.is_empty() && source.begun.elapsed().as_secs_f64() >= source.patience() => {
                    return Err(why);
                }
                Err(why) => {
                    if !std::mem::replace(&mut source.silent, true) {
                        self.say(format!("{why} Waiting for it."));
                    }
                }
            }
        }
        Ok(())
    }

    /// Takes partitions that appear into work, and notes how far the others reach.
    fn meet(
        &mut self,
        source: &mut Source,
        seen: Vec<Seen>,
        open: &mut Open,
        hand: &mut Hand<'_>,
    ) -> Result<(), String> {
        let mut fresh = Vec::new();
        let mut lag = self.progress.lag.lock().map_err(|_| "a thread has panicked".to_owned())?;
        for Seen { partition, held, .. } in &seen {
            let bundle = source.bundle(&partition.0);
            if let Some((position, _)) = source.at.get(partition) {
                let signed = |offset: u64| i64::try_from(offset).unwrap_or(i64::MAX);
                self.watch.set_partition(&bundle, partition.1, signed(*position), signed(held.high));
                lag.insert((bundle, partition.1), (*position, held.high));
            }
        }
        drop(lag);
        for Seen { partition, held, of_time } in seen {
            if source.at.contains_key(&partition) {
                continue;
            }
            let bundle = (source.bundle(&partition.0), partition.1);
            let whose = format!("{} partition {}", bundle.0, bundle.1);
            let (position, gap) = match self.positions.begin(&bundle, held, source.settings.start) {
                Begin::At(position) => (position, 0),
                Begin::Look => (of_time.unwrap_or(held.high), 0),
                Begin::Gap(from, to) if self.accept_gap => {
                    self.say(format!("{whose}: {} messages are gone and given up", to - from));
                    (to, to - from)
                }
                Begin::Short(_, _) if self.accept_gap => (held.low, 0),
                Begin::Gap(from, to) => {
                    return Err(format!(
                        "{whose}: offsets {from} to {} were not read and Kafka holds them no longer: bring them back from \
                         the survey's archive (`skydiff archive ingest`) after this, or go on without them with --accept-gap, \
                         which is recorded",
                        to - 1
                    ));
                }
                Begin::Short(read, there) => {
                    return Err(format!(
                        "{whose}: was read up to offset {read} and has only {there}: it was deleted and made again, or this \
                         is another cluster. --accept-gap reads it from its begin"
                    ));
                }
            };
            let end = (source.settings.until == Until::End).then_some(held.high);
            source.at.insert(partition.clone(), (position, end));
            fresh.push(Range { topic: bundle.0, partition: bundle.1, from: position, to: position, gap });
        }
        if fresh.is_empty() {
            return Ok(());
        }
        source.assign()?;
        // Where they are begun is bound before anything of them is: a restart must not choose anew.
        self.seal(open, hand, &[]);
        fresh.iter().for_each(|range| self.positions.pass(range));
        hand.seal(Marks { ranges: fresh, ..Marks::default() });
        Ok(())
    }

    fn poll(
        &mut self,
        source: &mut Source,
        wait: Duration,
        open: &mut Open,
        hand: &mut Hand<'_>,
    ) -> Result<(), String> {
        let consumer = source.consumer.clone();
        let mut wait = wait;
        loop {
            match consumer.poll(wait) {
                None => return Ok(()),
                Some(Ok(message)) => self.take(source, &message, open, hand)?,
                Some(Err(KafkaError::PartitionEOF(partition))) => *source.ends.entry(partition).or_default() += 1,
                Some(Err(error)) => source.wrong(&error)?,
            }
            // What lies ready is taken without waiting, as far as the epoch goes.
            let over = open.since.is_some_and(|since| since.elapsed() >= self.age);
            if over || open.bytes >= self.bytes || !hand.heard || self.stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            wait = Duration::ZERO;
        }
    }

    fn take(
        &mut self,
        source: &mut Source,
        message: &BorrowedMessage<'_>,
        open: &mut Open,
        hand: &mut Hand<'_>,
    ) -> Result<(), String> {
        let key = (message.topic().to_owned(), message.partition());
        let offset = u64::try_from(message.offset()).unwrap_or_default();
        let Some((position, end)) = source.at.get_mut(&key) else { return Ok(()) };
        // What was fetched before an assignment may come after it.
        if offset < *position || end.is_some_and(|end| offset >= end) {
            return Ok(());
        }
        let before = std::mem::replace(position, offset + 1);
        let payload = message.payload();
        let schemas = match payload {
            Some(payload) => self.schemas.of(payload, source.registry.as_ref(), &self.stop, &mut |what| {
                let _ = self.events.send(Event::Note(what));
            })?,
            None => None,
        };
        let bundle = source.bundle(&key.0);
        let key = (bundle, key.1);
        let range = open.ranges.entry(key.clone()).or_insert_with(|| Range {
            topic: key.0.clone(),
            partition: key.1,
            from: before,
            to: before,
            gap: 0,
        });
        range.to = offset + 1;
        open.since.get_or_insert_with(Instant::now);
        let bytes = payload.map_or(Bytes::Lost("a message without a value".into()), |bytes| {
            Bytes::Here(bytes::Bytes::copy_from_slice(bytes))
        });
        let length = bytes.len();
        self.progress.read.fetch_add(length, Ordering::Relaxed);
        (open.bytes, open.packets) = (open.bytes + length, open.packets + 1);
        let received = received(message.timestamp());
        let parcel = Parcel { name: String::new(), bytes, records: 1, left_out: 0, received: Some(received) };
        let follows = |share: &Share| share.first + share.parcels.len() as u64 == offset;
        if open.shares.get(&key).is_some_and(|share| !follows(share)) {
            open.shares.remove(&key).into_iter().for_each(|share| hand.share(share));
        }
        let share = open.shares.entry(key.clone()).or_insert_with(|| Share {
            number: 0,
            origin: Origin { bundle: key.0.clone(), partition: key.1, rank: source.rank, received },
            first: offset,
            parcels: Vec::new(),
            kept: Vec::new(),
            schemas: Vec::new(),
        });
        share.parcels.push(parcel);
        if let Some((id, text)) = schemas.filter(|(id, _)| share.schemas.iter().all(|(known, _)| known != id)) {
            share.schemas.push((id, text));
        }
        if share.parcels.len() >= SHARE_PACKETS || share.bytes() >= SHARE_BYTES {
            open.shares.remove(&key).into_iter().for_each(|share| hand.share(share));
        }
        Ok(())
    }

    fn seal(&mut self, open: &mut Open, hand: &mut Hand<'_>, sources: &[Source]) {
        let Open { shares, ranges, packets, .. } = std::mem::take(open);
        if packets == 0 {
            return;
        }
        shares.into_values().for_each(|share| hand.share(share));
        let ranges: Vec<Range> = ranges.into_values().collect();
        ranges.iter().for_each(|range| self.positions.pass(range));
        hand.seal(Marks { ranges, ..Marks::default() });
        for source in sources.iter().filter(|source| !source.settings.group.is_empty()) {
            // For those who watch; nothing here reads it, so that it fails is no harm.
            let _ = source.consumer.commit(&source.list(), CommitMode::Async);
        }
    }

    fn say(&self, what: String) {
        let _ = self.events.send(Event::Note(what));
    }
}

/// Hands shares and seals on, and numbers them.
struct Hand<'a> {
    next: u64,
    heard: bool,
    out: &'a mut dyn FnMut(Feed) -> bool,
}

impl Hand<'_> {
    fn share(&mut self, share: Share) {
        let share = Share { number: self.next, ..share };
        self.next += 1;
        self.heard &= (self.out)(Feed::Share(share));
    }

    fn seal(&mut self, marks: Marks) {
        self.heard &= (self.out)(Feed::Seal(marks));
    }
}

/// The time of a message (MJD UTC); of one that has none, now.
fn received(timestamp: Timestamp) -> MicroDays {
    match timestamp.to_millis() {
        // 1970-01-01 is MJD 40587; a millisecond is 1/86.4 of a microday.
        Some(millis) => MicroDays(40_587_000_000 + (i128::from(millis) * 10 / 864) as i64),
        None => crate::source::night::now(),
    }
}

/// Which offset of a partition a start asks Kafka for.
pub(super) fn asks_for_time(start: Start) -> Option<i64> {
    match start {
        Start::Time(MicroDays(time)) => Some(((i128::from(time) - 40_587_000_000) * 864 / 10) as i64),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_messages_are_days_and_back() {
        assert_eq!(received(Timestamp::CreateTime(0)), MicroDays(40_587_000_000));
        let noon = MicroDays(61_108_500_000);
        let millis = asks_for_time(Start::Time(noon)).unwrap();
        assert_eq!(millis % 86_400_000, 43_200_000);
        assert_eq!(received(Timestamp::LogAppendTime(millis)), noon);
        assert_eq!(asks_for_time(Start::Latest), None);
    }
}
