//! The tools around Kafka, on a real broker.

mod common;

use common::kafka::Kafka;

#[test]
fn a_broker_that_was_killed_comes_back_with_its_topics() {
    let Some(kafka) = Kafka::start("back", 1) else { return };
    kafka.topic("night", 3);
    kafka.kill(1);
    kafka.restart(1);
    let listed = kafka.script("topic list", ["night"]);
    assert!(listed.contains("PartitionCount: 3"), "{listed}");
}
