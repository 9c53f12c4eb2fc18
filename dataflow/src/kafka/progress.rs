//! How far lanes are, as the progress topic says: what a start reads, and what a lane holds itself to.

use super::connect::{Consumer, Ear, Login, explain};
use super::message::Report;
use super::settings::OutSettings;
use super::topics::patiently;
use crate::archive::protocol::Progress;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};
use std::time::{Duration, Instant};

/// How long one answer is waited for.
const ANSWER: Duration = Duration::from_secs(10);
/// So many offsets from the end are read first: a report and a transaction's mark, mostly.
const BACK: i64 = 16;

/// Reads what lanes have said.
pub struct Reports {
    consumer: Consumer,
    topic: String,
    login: Login,
}

impl std::fmt::Debug for Reports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reports").field("topic", &self.topic).finish_non_exhaustive()
    }
}

impl Reports {
    /// Of this topic.
    pub fn open(settings: &OutSettings, topic: &str) -> Result<Reports, String> {
        let mut config = settings.login.config().map_err(|wrong| format!("sink.kafka.login.{wrong}"))?;
        config
            .set("group.id", "skydiff")
            .set("enable.auto.commit", "false")
            .set("auto.offset.reset", "error")
            .set("isolation.level", "read_committed")
            .set("enable.partition.eof", "true")
            .set("fetch.wait.max.ms", "20");
        let login = settings.login.clone();
        let consumer = config.create_with_context(Ear::default()).map_err(|error| explain(&error, &login.brokers))?;
        Ok(Reports { consumer, topic: topic.to_owned(), login })
    }

    /// The last that was committed of a lane.
    pub fn last(&self, lane: u32) -> Result<Option<Report>, String> {
        let partition = i32::try_from(lane).map_err(|_| format!("lane {lane}: there are not so many"))?;
        // A topic that was just made, or whose broker is gone, has no leader for a while.
        let ask = || self.consumer.fetch_watermarks(&self.topic, partition, ANSWER);
        let (low, high) = patiently(&self.login, self.consumer.context(), ask)?;
        let mut back = BACK;
        if high <= low {
            return Ok(None);
        }
        loop {
            let from = low.max(high.saturating_sub(back));
            if let Some(report) = self.read(partition, from)? {
                return Ok(Some(report));
            }
            if from == low {
                return Ok(None);
            }
            back = back.saturating_mul(8);
        }
    }

    /// The last report from an offset on.
    fn read(&self, partition: i32, from: i64) -> Result<Option<Report>, String> {
        let wrong = |error: KafkaError| explain(&error, &self.login.brokers);
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.topic, partition, Offset::Offset(from)).map_err(wrong)?;
        self.consumer.assign(&list).map_err(wrong)?;
        let (mut last, begun) = (None, Instant::now());
        loop {
            match self.consumer.poll(Duration::from_millis(100)) {
                Some(Ok(message)) if message.partition() == partition => {
                    // What others wrote there says nothing of lanes.
                    last = message.payload().and_then(|bytes| serde_json::from_slice(bytes).ok()).or(last);
                }
                Some(Err(KafkaError::PartitionEOF(at))) if at == partition => return Ok(last),
                Some(Err(error)) if error.rdkafka_error_code() == Some(Code::OffsetOutOfRange) => return Ok(last),
                _ if begun.elapsed() >= ANSWER => {
                    return Err(format!("Kafka at {}: topic {} does not answer", self.login.brokers, self.topic));
                }
                _ => {}
            }
        }
    }
}

impl Report {
    /// As a start weighs it.
    pub fn progress(&self) -> Progress {
        self.through.map_or(Progress::Born(self.first), Progress::Through)
    }
}
