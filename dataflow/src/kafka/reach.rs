//! A cluster that is asked: it answers within the login's patience, or there is one sentence about why not.
//!
//! librdkafka tries again for ever and says nothing. Here what lasts (a wrong password, an unknown CA, a right that is not
//! given) ends a question at once, and what may pass (a broker that is away) when patience ends.

use super::connect::{Consumer, Ear, Login, Trouble, explain, lasts, passes};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode as Code};
use rdkafka::{Offset, TopicPartitionList};
use regex_lite::Regex;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long one try of a question is.
const STEP: Duration = Duration::from_millis(300);
/// How soon it is tried again.
const AGAIN: Duration = Duration::from_millis(100);

/// A cluster that has answered.
pub struct Cluster {
    login: Login,
    consumer: Consumer,
    trouble: Trouble,
}

/// A topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// Its partitions: number, leader (-1: none just now), replicas, replicas in sync.
    pub partitions: Vec<(i32, i32, usize, usize)>,
}

/// What a partition holds: the first offset, and the one behind the last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The oldest that is there.
    pub low: i64,
    /// That of the next message.
    pub high: i64,
}

impl Span {
    /// Offsets between them: messages, and marks of transactions.
    pub fn length(self) -> u64 {
        u64::try_from(self.high - self.low).unwrap_or(0)
    }
}

impl Cluster {
    /// Waits until a broker has answered.
    pub fn reach(login: &Login) -> Result<Cluster, String> {
        Cluster::reach_as(login, "")
    }

    /// The same, as a member of a consumer group, whose positions can then be asked for.
    pub fn reach_as(login: &Login, group: &str) -> Result<Cluster, String> {
        let ear = Ear { group: !group.is_empty(), ..Ear::default() };
        let trouble = ear.trouble.clone();
        let mut config = login.config()?;
        config.set("enable.auto.commit", "false");
        if !group.is_empty() {
            config.set("group.id", group);
        }
        let consumer = config.create_with_context(ear).map_err(|error| explain(&error, &login.brokers))?;
        let cluster = Cluster { login: login.clone(), consumer, trouble };
        cluster.brokers()?;
        Ok(cluster)
    }

    /// Where its brokers say that they are.
    pub fn brokers(&self) -> Result<Vec<String>, String> {
        let metadata = self.ask(|consumer| consumer.fetch_metadata(Some("skydiff"), STEP))?;
        Ok(metadata.brokers().iter().map(|broker| format!("{}:{}", broker.host(), broker.port())).collect())
    }

    /// All topics that this user may know of, but Kafka's own, by name.
    pub fn topics(&self) -> Result<Vec<Topic>, String> {
        let metadata = self.ask(|consumer| consumer.fetch_metadata(None, STEP))?;
        let mut topics: Vec<Topic> =
            metadata.topics().iter().filter(|topic| !topic.name().starts_with("__")).map(topic).collect();
        topics.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(topics)
    }

    /// The topic of that name; `None` if there is none. The error says so if this user may not know.
    pub fn topic(&self, name: &str) -> Result<Option<Topic>, String> {
        let mut found = None;
        self.ask(|consumer| {
            let metadata = consumer.fetch_metadata(Some(name), STEP)?;
            let Some(seen) = metadata.topics().first() else { return Ok(()) };
            match seen.error().map(Code::from) {
                None => found = Some(topic(seen)),
                Some(Code::UnknownTopicOrPartition | Code::UnknownTopic) => {}
                Some(code) => return Err(KafkaError::MetadataFetch(code)),
            }
            Ok(())
        })
        .map_err(|why| format!("topic {name}: {why}"))?;
        Ok(found)
    }

    /// Topics by name, and by pattern where one begins with `^`. A name must be there; of a pattern there may be none.
    pub fn like(&self, names: &[String]) -> Result<Vec<Topic>, String> {
        let mut found = Vec::new();
        for name in names {
            if name.starts_with('^') {
                let pattern = Regex::new(name).map_err(|error| format!("topic {name}: {error}"))?;
                found.extend(self.topics()?.into_iter().filter(|topic| pattern.is_match(&topic.name)));
            } else {
                let brokers = &self.login.brokers;
                found.push(self.topic(name)?.ok_or_else(|| format!("Kafka at {brokers}: there is no topic {name}"))?);
            }
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        found.dedup_by(|a, b| a.name == b.name);
        Ok(found)
    }

    /// What a partition holds.
    pub fn span(&self, topic: &str, partition: i32) -> Result<Span, String> {
        let (low, high) = self
            .ask(|consumer| consumer.fetch_watermarks(topic, partition, STEP))
            .map_err(|why| format!("{topic} partition {partition}: {why}"))?;
        Ok(Span { low, high })
    }

    /// The first offset of each partition at or behind a time (milliseconds since 1970); those that have none are left out.
    pub fn of_time(&self, partitions: &[(String, i32)], millis: i64) -> Result<BTreeMap<(String, i32), i64>, String> {
        let found = self.ask(|consumer| {
            let mut asked = TopicPartitionList::new();
            for (topic, partition) in partitions {
                asked.add_partition_offset(topic, *partition, Offset::Offset(millis))?;
            }
            consumer.offsets_for_times(asked, STEP)
        })?;
        Ok(offsets(&found))
    }

    /// The positions that the group has committed, which this cluster was reached as.
    pub fn committed(&self, partitions: &[(String, i32)]) -> Result<BTreeMap<(String, i32), i64>, String> {
        let found = self.ask(|consumer| {
            let mut asked = TopicPartitionList::new();
            for (topic, partition) in partitions {
                asked.add_partition(topic, *partition);
            }
            consumer.committed_offsets(asked, STEP)
        })?;
        Ok(offsets(&found))
    }

    /// Makes a topic; one that is there already is taken as it is. Gives its number of partitions.
    pub fn create(
        &self,
        name: &str,
        partitions: i32,
        replication: i32,
        settings: &[(&str, &str)],
    ) -> Result<usize, String> {
        if let Some(topic) = self.topic(name)? {
            return Ok(topic.partitions.len());
        }
        self.new_topic(name, partitions, replication, settings, false)?;
        // Brokers know it a moment after it is made.
        let begun = Instant::now();
        loop {
            match self.topic(name)?.filter(|topic| topic.partitions.iter().all(|(_, leader, ..)| *leader >= 0)) {
                Some(topic) if !topic.partitions.is_empty() => {
                    // That leaders are known does not mean that they know it themselves.
                    topic.partitions.iter().try_for_each(|(partition, ..)| self.span(name, *partition).map(drop))?;
                    return Ok(topic.partitions.len());
                }
                _ if begun.elapsed() > self.patience() => {
                    return Err(format!("topic {name} was made, and its partitions get no leaders"));
                }
                _ => std::thread::sleep(AGAIN),
            }
        }
    }

    /// Whether this user may make a topic; nothing is made.
    pub fn may_create(&self, name: &str, partitions: i32, replication: i32) -> Result<(), String> {
        self.new_topic(name, partitions, replication, &[], true)
    }

    fn new_topic(
        &self,
        name: &str,
        partitions: i32,
        replication: i32,
        settings: &[(&str, &str)],
        only_asked: bool,
    ) -> Result<(), String> {
        let cannot = |why: String| format!("topic {name} cannot be made: {why}");
        let wrong = |error: KafkaError| cannot(explain(&error, &self.login.brokers));
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.map_err(|error| cannot(error.to_string()))?;
        let admin: AdminClient<DefaultClientContext> = self.login.config()?.create().map_err(wrong)?;
        let patience = Some(self.patience());
        let options = AdminOptions::new().request_timeout(patience).validate_only(only_asked);
        let options = if only_asked { options } else { options.operation_timeout(patience) };
        let mut new = NewTopic::new(name, partitions, TopicReplication::Fixed(replication));
        for (key, value) in settings {
            new = new.set(key, value);
        }
        let begun = Instant::now();
        let made = loop {
            match runtime.block_on(admin.create_topics([&new], &options)) {
                // A broker that died over it may have made it: it is there then, when it is asked again.
                Err(error) if passes(&error) && begun.elapsed() < self.patience() => std::thread::sleep(AGAIN),
                made => break made,
            }
        };
        match made.map_err(wrong)?.into_iter().next() {
            Some(Err((_, Code::InvalidReplicationFactor))) => {
                Err(cannot(format!("there are fewer than {replication} brokers, which is its replication")))
            }
            Some(Err((_, code))) if code != Code::TopicAlreadyExists => Err(wrong(KafkaError::AdminOp(code))),
            _ => Ok(()),
        }
    }

    fn patience(&self) -> Duration {
        Duration::from_secs_f64(self.login.patience)
    }

    /// Asks until there is an answer, or none will come.
    fn ask<T>(&self, mut question: impl FnMut(&Consumer) -> KafkaResult<T>) -> Result<T, String> {
        let begun = Instant::now();
        loop {
            let error = match question(&self.consumer) {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            // What is wrong comes as an event, and why behind it in the log; nothing is assigned, so no message is lost.
            let mut told = lasts(&error);
            for _ in 0..16 {
                match self.consumer.poll(Duration::ZERO) {
                    Some(Err(event)) => told = told.or_else(|| lasts(&event)),
                    Some(Ok(_)) => {}
                    None => break,
                }
            }
            if let Some(why) = self.trouble.is_there().or(told) {
                return Err(format!("Kafka at {}: {why}", self.login.brokers));
            }
            if !passes(&error) || begun.elapsed() > self.patience() {
                return Err(explain(&error, &self.login.brokers));
            }
            std::thread::sleep(AGAIN);
        }
    }
}

fn topic(seen: &rdkafka::metadata::MetadataTopic) -> Topic {
    let partitions = seen.partitions().iter();
    let mut partitions: Vec<_> =
        partitions.map(|one| (one.id(), one.leader(), one.replicas().len(), one.isr().len())).collect();
    partitions.sort_unstable();
    Topic { name: seen.name().to_owned(), partitions }
}

fn offsets(list: &TopicPartitionList) -> BTreeMap<(String, i32), i64> {
    let elements = list.elements();
    let offset = |element: &rdkafka::topic_partition_list::TopicPartitionListElem<'_>| match element.offset() {
        Offset::Offset(offset) => Some(((element.topic().to_owned(), element.partition()), offset)),
        _ => None,
    };
    elements.iter().filter_map(offset).collect()
}
