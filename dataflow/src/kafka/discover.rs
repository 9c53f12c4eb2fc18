//! Looks for topics and partitions, and how far they reach, on a thread of its own: a broker that does not answer must not
//! keep what is there from being read.

use super::connect::{Consumer, explain, passes};
use super::live::asks_for_time;
use super::positions::{Held, Partition};
use super::settings::LiveSettings;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::{Offset, TopicPartitionList};
use regex_lite::Regex;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

/// How long one answer is waited for.
const ANSWER: Duration = Duration::from_secs(5);
/// How soon it is asked again where nobody answers.
const AGAIN: Duration = Duration::from_millis(500);

/// A partition that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// Which, as Kafka calls it.
    pub partition: Partition,
    /// What is held of it.
    pub held: Held,
    /// The offset of the time that is asked for, if one is and it has one.
    pub of_time: Option<u64>,
}

/// Looks until nobody listens.
pub(super) fn look(consumer: Arc<Consumer>, settings: LiveSettings, tell: Sender<Result<Vec<Seen>, String>>) {
    std::thread::spawn(move || {
        let begun = Instant::now();
        let every = Duration::from_secs_f64(settings.look_seconds);
        loop {
            // Only this thread has it still: the source has ended.
            if Arc::strong_count(&consumer) == 1 {
                return;
            }
            let seen = names(&settings).and_then(|names| once(&consumer, &settings, &names));
            // Of a topic by name nothing may be there yet; of a wrong name nothing ever is.
            let seen = match seen {
                Ok(seen) if seen.is_empty() && begun.elapsed().as_secs_f64() >= settings.login.patience => Err(
                    format!("Kafka at {}: there is no topic {}", settings.login.brokers, settings.topics.join(", ")),
                ),
                seen => seen,
            };
            let pause = if matches!(&seen, Ok(seen) if !seen.is_empty()) { every } else { AGAIN.min(every) };
            if tell.send(seen).is_err() {
                return;
            }
            std::thread::sleep(pause);
        }
    });
}

/// Topics by name and by pattern.
enum Name {
    Is(String),
    Like(Regex),
}

fn names(settings: &LiveSettings) -> Result<Vec<Name>, String> {
    let name = |text: &String| match text.starts_with('^') {
        true => Regex::new(text).map(Name::Like).map_err(|error| format!("source.kafka.topics: {text}: {error}")),
        false => Ok(Name::Is(text.clone())),
    };
    settings.topics.iter().map(name).collect()
}

fn once(consumer: &Consumer, settings: &LiveSettings, names: &[Name]) -> Result<Vec<Seen>, String> {
    let wrong = |error: KafkaError| explain(&error, &settings.login.brokers);
    let metadata = consumer.fetch_metadata(None, ANSWER).map_err(wrong)?;
    let wanted = |topic: &str| {
        names.iter().any(|name| match name {
            Name::Is(name) => name == topic,
            Name::Like(pattern) => pattern.is_match(topic),
        })
    };
    let mut seen = Vec::new();
    for topic in metadata.topics().iter().filter(|topic| wanted(topic.name())) {
        for partition in topic.partitions() {
            let id = partition.id();
            let (low, high) = match consumer.fetch_watermarks(topic.name(), id, ANSWER) {
                Ok(marks) => marks,
                // Its leader is being chosen: next time.
                Err(error) if is_not_yet(&error) => continue,
                Err(error) => return Err(wrong(error)),
            };
            let held = Held { low: u64::try_from(low).unwrap_or(0), high: u64::try_from(high).unwrap_or(0) };
            let of_time = match asks_for_time(settings.start) {
                Some(time) => of_time(consumer, topic.name(), id, time).map_err(wrong)?,
                None => None,
            };
            seen.push(Seen { partition: (topic.name().to_owned(), id), held, of_time });
        }
    }
    Ok(seen)
}

/// Whether a partition is to be left out this time: it may have a leader, or be known, the next.
fn is_not_yet(error: &KafkaError) -> bool {
    passes(error) || error.rdkafka_error_code() == Some(Code::UnknownTopicOrPartition)
}

fn of_time(consumer: &Consumer, topic: &str, partition: i32, millis: i64) -> Result<Option<u64>, KafkaError> {
    let mut asked = TopicPartitionList::new();
    asked.add_partition_offset(topic, partition, Offset::Offset(millis))?;
    let found = consumer.offsets_for_times(asked, ANSWER)?;
    Ok(found.find_partition(topic, partition).and_then(|found| match found.offset() {
        Offset::Offset(offset) => u64::try_from(offset).ok(),
        _ => None,
    }))
}
