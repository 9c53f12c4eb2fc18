//! A cluster whose partitions are read: its client, and where each partition stands.

use super::connect::{Consumer, Ear, Trouble, explain};
use super::discover::{Seen, look};
use super::positions::Partition;
use super::reach::Cluster;
use super::registry::Registry;
use super::settings::{LiveSettings, Until};
use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::{Offset, TopicPartitionList};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// How long one answer is waited for.
const ANSWER: Duration = Duration::from_secs(5);
/// The pause before offsets that were not there are asked for again.
const WAIT: Duration = Duration::from_millis(50);

/// A cluster in work.
pub(super) struct Source {
    pub(super) settings: LiveSettings,
    pub(super) rank: i16,
    pub(super) consumer: Arc<Consumer>,
    pub(super) trouble: Trouble,
    pub(super) seen: Receiver<Result<Vec<Seen>, String>>,
    /// Of each partition, by its name in Kafka: the offset that is read next, and where it is to end.
    pub(super) at: BTreeMap<Partition, (u64, Option<u64>)>,
    pub(super) registry: Option<Registry>,
    /// How often the end of a partition of this number was reached, of whichever topic: Kafka's client does not say.
    pub(super) ends: BTreeMap<i32, usize>,
    /// It was told that nobody answers.
    pub(super) silent: bool,
    pub(super) begun: Instant,
}

impl Source {
    /// Reaches it.
    pub(super) fn open(settings: LiveSettings, rank: i16) -> Result<Source, String> {
        // What a person must mend is said at once.
        Cluster::reach(&settings.login)?;
        let ear = Ear { group: !settings.group.is_empty(), ..Ear::default() };
        let trouble = ear.trouble.clone();
        let mut config = settings.login.config().map_err(|wrong| format!("source.kafka.login.{wrong}"))?;
        let group = if settings.group.is_empty() { "skydiff" } else { &settings.group };
        config
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            .set("isolation.level", "read_committed")
            .set("enable.partition.eof", "true")
            .set("fetch.wait.max.ms", "50")
            .set("queued.max.messages.kbytes", "65536")
            // Answers of tens of MB are memory that the system has to clear each time; a larger message comes alone.
            .set("fetch.message.max.bytes", "1048576")
            .set("fetch.max.bytes", "8388608")
            .set("fetch.error.backoff.ms", "100");
        let consumer: Consumer =
            config.create_with_context(ear).map_err(|error| explain(&error, &settings.login.brokers))?;
        let consumer = Arc::new(consumer);
        let (tell, seen) = channel();
        look(consumer.clone(), settings.clone(), tell);
        let registry = settings.registry.as_deref().map(Registry::new).transpose()?;
        let (at, begun) = (BTreeMap::new(), Instant::now());
        Ok(Source {
            settings,
            rank,
            consumer,
            trouble,
            seen,
            at,
            registry,
            silent: false,
            begun,
            ends: BTreeMap::new(),
        })
    }

    /// What its client complains of: what cannot be helped by waiting is an error.
    pub(super) fn wrong(&self, error: &KafkaError) -> Result<(), String> {
        match error.rdkafka_error_code() {
            // librdkafka asks for the coordinator of a group that is not used, too.
            Some(Code::GroupAuthorizationFailed) if self.settings.group.is_empty() => Ok(()),
            Some(Code::OffsetOutOfRange | Code::AutoOffsetReset) => self.hold(),
            Some(
                Code::Authentication
                | Code::SSL
                | Code::TopicAuthorizationFailed
                | Code::GroupAuthorizationFailed
                | Code::ClusterAuthorizationFailed
                | Code::SaslAuthenticationFailed,
            ) => Err(explain(error, &self.settings.login.brokers)),
            // Brokers come and go; what lasts is seen by who looks for topics.
            _ => Ok(()),
        }
    }

    pub(super) fn bundle(&self, topic: &str) -> String {
        match self.settings.label.as_str() {
            "" => topic.to_owned(),
            label => format!("{label}:{topic}"),
        }
    }

    pub(super) fn patience(&self) -> f64 {
        self.settings.login.patience
    }

    pub(super) fn list(&self) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        for ((topic, partition), (position, _)) in &self.at {
            let offset = i64::try_from(*position).unwrap_or(i64::MAX);
            // Fails for an offset that is none, which a position is.
            let _ = list.add_partition_offset(topic, *partition, Offset::Offset(offset));
        }
        list
    }

    /// Kafka says that an offset is not there: holds every position to what is, and reads on if all are.
    fn hold(&self) -> Result<(), String> {
        for ((topic, partition), (position, _)) in &self.at {
            // Who does not answer is asked again by who looks for topics.
            let Ok((low, high)) = self.consumer.fetch_watermarks(topic, *partition, ANSWER) else { continue };
            let (low, high) = (u64::try_from(low).unwrap_or(0), u64::try_from(high).unwrap_or(u64::MAX));
            if *position < low || *position > high {
                return Err(format!(
                    "{topic} partition {partition}: offset {position} is to be read next, and Kafka holds {low} to {high}: \
                     it was deleted while the job was behind. Bring it back from the survey's archive, or start again with \
                     --accept-gap"
                ));
            }
        }
        std::thread::sleep(WAIT);
        self.assign()
    }

    pub(super) fn assign(&self) -> Result<(), String> {
        self.consumer.assign(&self.list()).map_err(|error| explain(&error, &self.settings.login.brokers))
    }

    /// Everything is read that was to be. A consumer's position passes what is no message, too.
    pub(super) fn is_over(&self) -> bool {
        if self.settings.until == Until::Never || self.at.is_empty() {
            return false;
        }
        // Behind the last message there may be marks of transactions, which are never handed over.
        let behind = |(key, (at, end)): (&Partition, &(u64, Option<u64>))| {
            let topics = self.at.keys().filter(|other| other.1 == key.1).count();
            end.is_some_and(|end| *at < end) && self.ends.get(&key.1).is_none_or(|ends| *ends < topics)
        };
        !self.at.iter().any(behind)
    }
}
