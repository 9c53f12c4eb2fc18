//! The topics that a job writes: made where they are not there, held to the number of lanes where they are.

use super::connect::{Ear, Login, explain};
use super::reach::Cluster;
use super::settings::OutSettings;
use std::time::{Duration, Instant};

/// A topic that must be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its name.
    pub name: String,
    /// How many partitions it has.
    pub partitions: i32,
    /// Whether only the last message of each key is kept.
    pub compact: bool,
}

/// The topics of a job with so many lanes.
pub fn wanted(settings: &OutSettings, lanes: u32) -> Vec<Wanted> {
    let Some(topics) = settings.topics() else { return Vec::new() };
    let lanes = i32::try_from(lanes).unwrap_or(i32::MAX - 1);
    let topic = |name: String, partitions, compact| Wanted { name, partitions, compact };
    let mut wanted = vec![
        topic(topics.records, lanes, false),
        topic(topics.rejects, 1, false),
        // The rejects have a lane of their own.
        topic(topics.progress, lanes + 1, true),
    ];
    wanted.extend(topics.current.map(|name| topic(name, lanes, true)));
    for name in topics.routes {
        if wanted.iter().all(|there| there.name != name) {
            wanted.push(topic(name, lanes, false));
        }
    }
    wanted
}

/// Makes those that are not there. The error says what to do about one that is there and is not as it must be.
pub fn make(settings: &OutSettings, lanes: u32) -> Result<(), String> {
    let cluster = Cluster::reach(&settings.login)?;
    for topic in wanted(settings, lanes) {
        let compact: &[(&str, &str)] = if topic.compact { &[("cleanup.policy", "compact")] } else { &[] };
        let own = [&[("max.message.bytes", "8388608")], compact].concat();
        let partitions = cluster.create(&topic.name, topic.partitions, settings.replication, &own)?;
        if i32::try_from(partitions) != Ok(topic.partitions) {
            return Err(format!(
                "topic {} has {partitions} partitions and the job needs {}: one for each lane (sink.lanes), which cannot be \
                 changed once something was published. Name another topic, or set sink.lanes",
                topic.name, topic.partitions
            ));
        }
    }
    Ok(())
}

/// Asks until there is an answer, the cluster refuses us, or patience is at its end.
pub fn patiently<T>(
    login: &Login,
    ear: &Ear,
    mut ask: impl FnMut() -> Result<T, rdkafka::error::KafkaError>,
) -> Result<T, String> {
    let begun = Instant::now();
    loop {
        match ask() {
            Ok(answer) => return Ok(answer),
            Err(error) => {
                if let Some(trouble) = ear.trouble.is_there() {
                    return Err(format!("Kafka at {}: {trouble}", login.brokers));
                }
                if begun.elapsed().as_secs_f64() >= login.patience {
                    return Err(explain(&error, &login.brokers));
                }
            }
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::settings::Route;

    #[test]
    fn every_lane_has_its_partition() {
        let route = |topic: &str| Route { topic: topic.into(), ..Route::default() };
        let settings = OutSettings {
            topic: Some("sky".into()),
            current: Some("now".into()),
            route: vec![route("fast"), route("sky"), route("fast")],
            ..OutSettings::default()
        };
        let wanted = wanted(&settings, 4);
        let told: Vec<_> = wanted.iter().map(|topic| (topic.name.as_str(), topic.partitions, topic.compact)).collect();
        assert_eq!(
            told,
            [
                ("sky", 4, false),
                ("sky.rejects", 1, false),
                ("sky.progress", 5, true),
                ("now", 4, true),
                ("fast", 4, false)
            ]
        );
        assert!(super::wanted(&OutSettings::default(), 4).is_empty());
    }
}
