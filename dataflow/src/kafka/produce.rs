//! Sends packets to topics as a survey does: a topic a night, no keys, partitions in turn, each with a time.
//!
//! The bytes are those that were given. A message that a broker refuses for good ends it; one that is on its way when a
//! broker dies is sent again, once (idempotence), and in order.

use super::connect::{Ear, Login, Producer, Trouble, explain};
use super::delivery::{Delivery, is_purge, serve};
use super::pace::{Pace, Pacer};
use super::reach::Cluster;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::producer::{BaseRecord, Producer as _};
use skydiff_schemas::MicroDays;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What is served meanwhile, while a packet is not due.
const SERVE: Duration = Duration::from_millis(20);
/// How long it is waited for room at most, where the client's queue is full.
const FULL: Duration = Duration::from_millis(2);
/// Deliveries are looked at after so many packets.
const LOOK: u64 = 64;
/// Kafka refuses times that are more than an hour from now, and drops what is older than a week. Nights that are sent with
/// their own times are neither late nor to come.
const ANY_TIME: [(&str, &str); 2] = [("message.timestamp.after.max.ms", "9223372036854775807"), ("retention.ms", "-1")];

/// How it is done.
#[derive(Clone, Debug)]
pub struct Manner {
    /// Whose cluster.
    pub login: Login,
    /// Partitions of topics that are made.
    pub partitions: i32,
    /// How many brokers hold each of them.
    pub replication: i32,
    /// `none`, `zstd`, `lz4`, `snappy`, `gzip`.
    pub compression: String,
    /// How fast.
    pub pace: Pace,
}

/// What was sent.
#[derive(Clone, Debug, Default)]
pub struct Sent {
    /// Packets.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// By topic: packets.
    pub topics: BTreeMap<String, u64>,
    /// Seconds by which the packet that was most behind its time was.
    pub behind: f64,
}

/// Sends packets.
pub struct Sender<'a> {
    manner: &'a Manner,
    cluster: Cluster,
    producer: Producer,
    trouble: Trouble,
    delivery: Delivery,
    partitions: BTreeMap<String, usize>,
    pacer: Pacer,
    begun: Option<Instant>,
    stop: &'a AtomicBool,
    sent: Sent,
}

impl<'a> Sender<'a> {
    /// To a cluster that answers.
    pub fn new(manner: &'a Manner, stop: &'a AtomicBool) -> Result<Sender<'a>, String> {
        let cluster = Cluster::reach(&manner.login)?;
        let ear = Ear::default();
        let trouble = ear.trouble.clone();
        let mut config = manner.login.config()?;
        config
            .set("enable.idempotence", "true")
            // A partition that was just made may refuse its first batch and take the second, of a producer that it does not know
            // yet; the client then counts the first as sent. One at a time, the first is sent again before the second.
            .set("max.in.flight.requests.per.connection", "1")
            .set("compression.type", &manner.compression)
            .set("linger.ms", if manner.pace == Pace::Flat { "20" } else { "2" })
            .set("batch.size", "1000000")
            .set("message.max.bytes", "16000000")
            .set("queue.buffering.max.kbytes", "131072")
            .set("message.timeout.ms", (manner.login.patience * 1e3).ceil().to_string());
        let producer = config.create_with_context(ear).map_err(|error| explain(&error, &manner.login.brokers))?;
        Ok(Sender {
            manner,
            cluster,
            producer,
            trouble,
            delivery: Delivery::default(),
            partitions: BTreeMap::new(),
            pacer: Pacer::new(manner.pace),
            begun: None,
            stop,
            sent: Sent::default(),
        })
    }

    /// Sends a packet when it is due: by its own time, where the pace asks for it. `stamp` is the time that the message
    /// bears; without one, now. Gives `false` when it was asked to stop.
    pub fn send(
        &mut self,
        topic: &str,
        time: Option<MicroDays>,
        stamp: Option<MicroDays>,
        packet: &[u8],
    ) -> Result<bool, String> {
        let partitions = self.open(topic)?;
        let begun = *self.begun.get_or_insert_with(Instant::now);
        let due = self.pacer.next(time);
        loop {
            let left = due.saturating_sub(begun.elapsed());
            if self.stop.load(Ordering::Relaxed) {
                return Ok(false);
            }
            if left.is_zero() {
                break;
            }
            serve(&self.producer, Duration::ZERO);
            std::thread::sleep(left.min(SERVE));
            self.look(topic)?;
        }
        if self.manner.pace != Pace::Flat {
            self.sent.behind = self.sent.behind.max((begun.elapsed() - due).as_secs_f64());
        }
        let counted = self.sent.topics.entry(topic.to_owned()).or_default();
        let partition = i32::try_from(*counted % partitions as u64).unwrap_or_default();
        *counted += 1;
        let mut record = BaseRecord::<(), [u8], _>::with_opaque_to(topic, Box::new(self.delivery.clone()))
            .partition(partition)
            .payload(packet);
        record.timestamp = stamp.map(millis);
        loop {
            match self.producer.send(record) {
                Ok(()) => break,
                Err((KafkaError::MessageProduction(Code::QueueFull), back)) => {
                    record = back;
                    serve(&self.producer, FULL);
                    self.look(topic)?;
                    if self.stop.load(Ordering::Relaxed) {
                        return Ok(false);
                    }
                }
                Err((error, _)) => return Err(self.refused(topic, &error)),
            }
        }
        self.sent.packets += 1;
        self.sent.bytes += packet.len() as u64;
        if self.sent.packets.is_multiple_of(LOOK) {
            serve(&self.producer, Duration::ZERO);
            self.look(topic)?;
        }
        Ok(true)
    }

    /// What was sent so far, on its way or there.
    pub fn sent(&self) -> &Sent {
        &self.sent
    }

    /// Waits until everything is there.
    pub fn finish(self) -> Result<Sent, String> {
        let topic = self.sent.topics.keys().next_back().cloned().unwrap_or_default();
        while self.producer.in_flight_count() > 0 {
            serve(&self.producer, SERVE);
            self.look(&topic)?;
        }
        self.look(&topic)?;
        Ok(self.sent)
    }

    fn open(&mut self, topic: &str) -> Result<usize, String> {
        if let Some(partitions) = self.partitions.get(topic) {
            return Ok(*partitions);
        }
        let Manner { partitions, replication, .. } = self.manner;
        let partitions = self.cluster.create(topic, *partitions, *replication, &ANY_TIME)?;
        self.partitions.insert(topic.to_owned(), partitions);
        Ok(partitions)
    }

    /// What went wrong meanwhile.
    fn look(&self, topic: &str) -> Result<(), String> {
        if let Some(mut error) = self.delivery.failed() {
            if is_purge(&error) {
                // Why is told as an event, which may come when nothing is under way any more.
                self.producer.poll(Duration::from_millis(500));
                error = self.delivery.failed().unwrap_or(error);
                // A producer that keeps order gives all up at the first that is refused.
                if let Some((code, _)) = self.producer.client().fatal_error().filter(|_| is_purge(&error)) {
                    error = KafkaError::MessageProduction(code);
                } else if let Some(why) = self.trouble.is_there().filter(|_| is_purge(&error)) {
                    return Err(format!("topic {topic}: Kafka at {}: {why}", self.manner.login.brokers));
                }
            }
            return Err(self.refused(topic, &error));
        }
        match self.trouble.is_there() {
            Some(why) => Err(format!("Kafka at {}: {why}", self.manner.login.brokers)),
            None => Ok(()),
        }
    }

    fn refused(&self, topic: &str, error: &KafkaError) -> String {
        let brokers = &self.manner.login.brokers;
        match error.rdkafka_error_code() {
            Some(Code::InvalidTimestamp) => format!(
                "Kafka at {brokers}: topic {topic} takes no messages of such times: set its message.timestamp.after.max.ms \
                 and message.timestamp.before.max.ms, or send them with the time of now"
            ),
            // One who may write to no topic at all may not number messages, which is asked for first.
            Some(Code::ClusterAuthorizationFailed) => format!(
                "topic {topic}: Kafka at {brokers}: this user may not use the topic: ask for the right to write to it (ACL)"
            ),
            Some(Code::MessageSizeTooLarge) => format!(
                "Kafka at {brokers}: topic {topic} takes no packet that long: set its max.message.bytes to 16000000"
            ),
            Some(Code::MessageTimedOut) => format!(
                "Kafka at {brokers}: a packet for {topic} was not taken within {} s: is a broker of it there, and are as \
                 many in sync as min.insync.replicas says?",
                self.manner.login.patience
            ),
            _ => format!("topic {topic}: {}", explain(error, brokers)),
        }
    }
}

/// A time (MJD UTC) as Kafka has it: milliseconds since 1970.
pub fn millis(time: MicroDays) -> i64 {
    ((i128::from(time.0) - 40_587_000_000) * 864 / 10) as i64
}

/// The other way round.
pub fn of_millis(millis: i64) -> MicroDays {
    MicroDays(40_587_000_000 + (i128::from(millis) * 10).div_euclid(864) as i64)
}

/// The name of a night's topic: `{date}` in a pattern is the night's.
pub fn topic_of(pattern: &str, night: crate::source::Night) -> String {
    pattern.replace("{date}", &night.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Night;

    #[test]
    fn topics_are_named_after_nights_and_times_are_kafkas() {
        assert_eq!(topic_of("ztf_{date}_programid1", Night(61_041)), "ztf_20260101_programid1");
        assert_eq!((millis(MicroDays(40_587_000_000)), millis(MicroDays(61_041_500_000))), (0, 1_767_268_800_000));
        assert_eq!(of_millis(1_767_268_800_000), MicroDays(61_041_500_000));
    }
}
