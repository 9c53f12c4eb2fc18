//! The topics that a job writes: made where they are not there, held to the number of lanes where they are.

use super::connect::{Ear, Login, explain};
use super::settings::OutSettings;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::error::RDKafkaErrorCode as Code;
use std::time::{Duration, Instant};

/// How long one answer is waited for.
const ANSWER: Duration = Duration::from_secs(5);

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
    let wanted = wanted(settings, lanes);
    let login = &settings.login;
    let ear = Ear::default();
    let config = login.config().map_err(|wrong| format!("sink.kafka.login.{wrong}"))?;
    let admin: AdminClient<Ear> =
        config.create_with_context(ear.clone()).map_err(|error| explain(&error, &login.brokers))?;
    let there = patiently(login, &ear, || admin.inner().fetch_metadata(None, ANSWER))?;
    let mut lacking = Vec::new();
    for topic in &wanted {
        let found = there.topics().iter().find(|found| found.name() == topic.name);
        match found.map(|found| found.partitions().len()) {
            None => lacking.push(topic),
            Some(partitions) if i32::try_from(partitions) == Ok(topic.partitions) => {}
            Some(partitions) => {
                return Err(format!(
                    "topic {} has {partitions} partitions and the job needs {}: one for each lane (sink.lanes), which \
                     cannot be changed once something was published. Name another topic, or set sink.lanes",
                    topic.name, topic.partitions
                ));
            }
        }
    }
    if lacking.is_empty() {
        return Ok(());
    }
    let new: Vec<NewTopic<'_>> = lacking
        .iter()
        .map(|topic| {
            let new = NewTopic::new(&topic.name, topic.partitions, TopicReplication::Fixed(settings.replication))
                .set("max.message.bytes", "8388608");
            if topic.compact { new.set("cleanup.policy", "compact") } else { new }
        })
        .collect();
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(|error| error.to_string())?;
    let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(10)));
    let made =
        runtime.block_on(admin.create_topics(&new, &options)).map_err(|error| explain(&error, &login.brokers))?;
    for made in made {
        match made {
            // Another process may have been faster.
            Ok(_) | Err((_, Code::TopicAlreadyExists)) => {}
            Err((name, Code::InvalidReplicationFactor)) => {
                return Err(format!(
                    "topic {name} cannot be made: there are fewer brokers than sink.kafka.replication = {}",
                    settings.replication
                ));
            }
            Err((name, code)) => {
                let what = super::connect::lasting(code, "").unwrap_or_else(|| code.to_string());
                return Err(format!("Kafka at {}: topic {name} cannot be made: {what}", login.brokers));
            }
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
