//! What becomes of messages that were sent, and how it is waited for.
//!
//! The client's own poll of a producer does not end before its time, whatever has come, and spins through the last millisecond:
//! a lane that drained with it kept a core busy for as long as the brokers needed it.

use super::connect::Producer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::producer::Producer as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How soon it is looked again.
const LOOK: Duration = Duration::from_micros(500);

/// Hears what has been delivered, until nothing is under way or the time is over.
pub fn serve(producer: &Producer, wait: Duration) {
    let begun = std::time::Instant::now();
    loop {
        let before = producer.in_flight_count();
        producer.poll(Duration::ZERO);
        let under_way = producer.in_flight_count();
        if under_way > 0 && under_way < before {
            continue;
        }
        let left = wait.saturating_sub(begun.elapsed());
        if under_way == 0 || left.is_zero() {
            return;
        }
        std::thread::sleep(left.min(LOOK));
    }
}

/// What became of messages that were sent, shared by all of a transaction.
#[derive(Clone, Debug, Default)]
pub struct Delivery(Arc<Mutex<Option<KafkaError>>>);

impl Delivery {
    /// The first error, if there was one.
    pub fn failed(&self) -> Option<KafkaError> {
        self.0.lock().ok()?.clone()
    }

    /// What a message has met.
    pub(super) fn tell(&self, error: &KafkaError) {
        if let Ok(mut failed) = self.0.lock() {
            // Messages are purged because of what another of them has met.
            match &*failed {
                Some(known) if !is_purge(known) => {}
                _ => *failed = Some(error.clone()),
            }
        }
    }
}

/// Whether a message was dropped with others: what for is told elsewhere.
pub fn is_purge(error: &KafkaError) -> bool {
    matches!(error.rdkafka_error_code(), Some(Code::PurgeQueue | Code::PurgeInflight))
}
