//! Reads topics from a place on, for a person who looks: no group, no commits, nothing is changed by it.
//!
//! Topics that begin to fit a pattern are taken up while it runs, from their beginning. Records of transactions that were
//! aborted or are open are not seen, unless they are asked for.

use super::connect::{Consumer, Ear, Login, Trouble, explain, lasts};
use super::produce::{millis, of_millis};
use super::reach::{Cluster, Span};
use crate::source::night::parse_time;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{BorrowedMessage, Headers, Message as _};
use rdkafka::{Offset, TopicPartitionList};
use skydiff_schemas::MicroDays;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How often it is looked for new topics.
const LOOK: Duration = Duration::from_secs(5);

/// Where reading begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// With what is oldest there.
    Earliest,
    /// With what comes from now on.
    Latest,
    /// With this offset of every partition.
    Offset(i64),
    /// So many messages before the end of every partition.
    Last(i64),
    /// With the first message of this time (MJD UTC) or later.
    Time(MicroDays),
}

impl std::str::FromStr for From {
    type Err = String;

    fn from_str(text: &str) -> Result<From, String> {
        let number = |text: &str| text.parse::<i64>().ok().filter(|number| *number >= 0);
        match text.split_once('=') {
            None if text == "earliest" => Ok(From::Earliest),
            None if text == "latest" => Ok(From::Latest),
            Some(("offset", of)) if number(of).is_some() => Ok(From::Offset(number(of).unwrap_or_default())),
            Some(("last", of)) if number(of).is_some() => Ok(From::Last(number(of).unwrap_or_default())),
            _ => parse_time(text).map(From::Time).map_err(|_| {
                format!("`{text}` is no start: write earliest, latest, offset=1234, last=10, an MJD or a date (UTC)")
            }),
        }
    }
}

/// What is read.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Whose cluster.
    pub login: Login,
    /// Topics by name, or by pattern where one begins with `^`.
    pub topics: Vec<String>,
    /// From where on.
    pub from: From,
    /// Whether it ends with what is there when it begins.
    pub to_end: bool,
    /// Also what was aborted, or may yet be.
    pub uncommitted: bool,
}

/// A message.
#[derive(Clone, Debug, Default)]
pub struct Message {
    /// Its topic.
    pub topic: String,
    /// Its partition.
    pub partition: i32,
    /// Its place there.
    pub offset: i64,
    /// Its time (MJD UTC).
    pub time: Option<MicroDays>,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its headers, in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// What it says; none is a tombstone.
    pub value: Option<Vec<u8>>,
}

/// A topic's partition.
type Partition = (String, i32);

/// Reads.
pub struct Tail {
    wanted: Wanted,
    cluster: Cluster,
    consumer: Consumer,
    trouble: Trouble,
    /// What is read next, and where it is to end.
    at: BTreeMap<Partition, (i64, i64)>,
    looked: Instant,
    at_end: bool,
}

/// What came of a look.
#[derive(Debug)]
pub enum Next {
    /// A message.
    Message(Box<Message>),
    /// Nothing came while it was waited for.
    Nothing,
    /// Everything is read that was to be.
    End,
}

impl Tail {
    /// Begins. Topics that are named must be there.
    pub fn open(wanted: Wanted) -> Result<Tail, String> {
        let cluster = Cluster::reach(&wanted.login)?;
        let ear = Ear::default();
        let trouble = ear.trouble.clone();
        let mut config = wanted.login.config()?;
        config
            // It joins none: librdkafka wants a name.
            .set("group.id", "skydiff-consume")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            .set("enable.partition.eof", "true")
            .set("fetch.wait.max.ms", "100")
            .set("fetch.message.max.bytes", "8388608")
            .set("queued.max.messages.kbytes", "65536")
            .set("isolation.level", if wanted.uncommitted { "read_uncommitted" } else { "read_committed" });
        let consumer = config.create_with_context(ear).map_err(|error| explain(&error, &wanted.login.brokers))?;
        let at = BTreeMap::new();
        let mut tail = Tail { wanted, cluster, consumer, trouble, at, looked: Instant::now(), at_end: false };
        tail.meet(tail.wanted.from)?;
        if tail.at.is_empty() && tail.wanted.to_end {
            let Wanted { login, topics, .. } = &tail.wanted;
            return Err(format!("Kafka at {}: no topic fits {}", login.brokers, topics.join(", ")));
        }
        Ok(tail)
    }

    /// The next message, for which it is waited so long.
    pub fn next(&mut self, wait: Duration) -> Result<Next, String> {
        if !self.wanted.to_end && self.looked.elapsed() >= LOOK {
            self.looked = Instant::now();
            self.meet(From::Earliest)?;
        }
        if self.is_over() {
            return Ok(Next::End);
        }
        let until = Instant::now() + wait;
        loop {
            match self.consumer.poll(until.saturating_duration_since(Instant::now())) {
                Some(Ok(message)) => {
                    let key = (message.topic().to_owned(), message.partition());
                    let Some((next, end)) = self.at.get_mut(&key) else { continue };
                    // What was fetched before an assignment may come after it; and what came meanwhile is not asked for.
                    if message.offset() < *next || message.offset() >= *end {
                        continue;
                    }
                    *next = message.offset() + 1;
                    self.at_end |= *next >= *end;
                    return Ok(Next::Message(Box::new(taken(&message))));
                }
                Some(Err(KafkaError::PartitionEOF(_))) => {
                    self.at_end = true;
                    if self.is_over() {
                        return Ok(Next::End);
                    }
                }
                Some(Err(error)) => self.wrong(&error)?,
                None => {
                    self.at_end = true;
                    return self.trouble.is_there().map_or(Ok(Next::Nothing), |why| Err(self.told(&why)));
                }
            }
        }
    }

    /// How far it is: of each partition what is read next, and what the cluster holds now.
    pub fn positions(&self) -> Result<BTreeMap<Partition, (i64, Span)>, String> {
        let span =
            |(key, (next, _)): (&Partition, &(i64, i64))| Ok((key.clone(), (*next, self.cluster.span(&key.0, key.1)?)));
        self.at.iter().map(span).collect()
    }

    /// Takes up topics that fit.
    fn meet(&mut self, from: From) -> Result<(), String> {
        let topics = self.cluster.like(&self.wanted.topics)?;
        let partitions = topics
            .iter()
            .flat_map(|topic| topic.partitions.iter().map(|(partition, ..)| (topic.name.clone(), *partition)));
        let fresh: Vec<Partition> = partitions.filter(|key| !self.at.contains_key(key)).collect();
        if fresh.is_empty() {
            return Ok(());
        }
        let of_time = match from {
            From::Time(time) => self.cluster.of_time(&fresh, millis(time))?,
            _ => BTreeMap::new(),
        };
        for key in fresh {
            let Span { low, high } = self.cluster.span(&key.0, key.1)?;
            let next = match from {
                From::Earliest => low,
                From::Latest => high,
                From::Offset(offset) => offset.clamp(low, high),
                From::Last(count) => (high - count).max(low),
                From::Time(_) => of_time.get(&key).copied().unwrap_or(high),
            };
            self.at.insert(key, (next, if self.wanted.to_end { high } else { i64::MAX }));
        }
        let mut list = TopicPartitionList::new();
        for ((topic, partition), (next, _)) in &self.at {
            // Fails for an offset that is none, which a position is.
            let _ = list.add_partition_offset(topic, *partition, Offset::Offset(*next));
        }
        self.at_end = true;
        self.consumer.assign(&list).map_err(|error| explain(&error, &self.wanted.login.brokers))
    }

    /// The consumer's own position passes what is no message (marks of transactions).
    fn is_over(&mut self) -> bool {
        if !self.wanted.to_end || !std::mem::take(&mut self.at_end) {
            return false;
        }
        let position = self.consumer.position().ok();
        self.at.iter().all(|((topic, partition), (next, end))| {
            let found = position.as_ref().and_then(|all| Some(all.find_partition(topic, *partition)?.offset()));
            next >= end || matches!(found, Some(Offset::Offset(at)) if at >= *end)
        })
    }

    fn wrong(&self, error: &KafkaError) -> Result<(), String> {
        if let Some(why) = self.trouble.is_there().or_else(|| lasts(error)) {
            return Err(self.told(&why));
        }
        match error.rdkafka_error_code() {
            Some(Code::OffsetOutOfRange | Code::AutoOffsetReset) => {
                Err(self.told("what was to be read next was deleted meanwhile: begin again"))
            }
            // Brokers come and go.
            _ => Ok(()),
        }
    }

    fn told(&self, why: &str) -> String {
        format!("Kafka at {}: {why}", self.wanted.login.brokers)
    }
}

fn taken(message: &BorrowedMessage<'_>) -> Message {
    let headers = message.headers().map(|headers| {
        let header = |header: rdkafka::message::Header<'_, &[u8]>| {
            (header.key.to_owned(), header.value.unwrap_or_default().to_vec())
        };
        headers.iter().map(header).collect()
    });
    Message {
        topic: message.topic().to_owned(),
        partition: message.partition(),
        offset: message.offset(),
        time: message.timestamp().to_millis().map(of_millis),
        key: message.key().map(<[u8]>::to_vec),
        headers: headers.unwrap_or_default(),
        value: message.payload().map(<[u8]>::to_vec),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_are_read_as_people_write_them() {
        for (text, from) in [
            ("earliest", From::Earliest),
            ("latest", From::Latest),
            ("offset=12", From::Offset(12)),
            ("last=3", From::Last(3)),
            ("60000.5", From::Time(MicroDays(60_000_500_000))),
        ] {
            assert_eq!(text.parse(), Ok(from), "{text}");
        }
        for wrong in ["newest", "offset=-1", "offset=x", "last=", ""] {
            assert!(wrong.parse::<From>().unwrap_err().contains("earliest, latest"), "{wrong}");
        }
    }
}
