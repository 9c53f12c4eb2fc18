//! Whether a job's topics can be read and written: login, topics, rights, schema registry, and whether it is behind.

use super::connect::{Ear, Producer, explain};
use super::heard::{Reader, Said};
use super::lag::{bound, lag};
use super::reach::Cluster;
use super::registry::Registry;
use super::settings::LiveSettings;
use super::tail::{From, Next, Tail, Wanted};
use super::topics::{Wanted as Due, wanted};
use crate::archive::open::Archive;
use crate::check::Check;
use crate::settings::Job;
use rdkafka::producer::{BaseRecord, Producer as _};
use std::time::Duration;

/// How long a first message is waited for.
const FIRST: Duration = Duration::from_secs(3);
/// An id that no registry has.
const NOBODYS: u32 = 2_147_483_647;

/// Tries what a source needs.
pub fn source(job: &Job, settings: &LiveSettings, what: &str, archive: Option<&Archive>, tell: &mut dyn FnMut(Check)) {
    let cluster = match Cluster::reach_as(&settings.login, &settings.group) {
        Ok(cluster) => cluster,
        Err(why) => return tell(Check::new(format!("{what}: cluster"), Err(why))),
    };
    tell(Check::new(format!("{what}: cluster"), cluster.brokers().map(|brokers| brokers.join(", "))));
    let topics = cluster.like(&settings.topics);
    let partitions =
        |topics: &Vec<super::reach::Topic>| topics.iter().map(|topic| topic.partitions.len()).sum::<usize>();
    let found = topics.as_ref().map(|topics| match topics.is_empty() {
        true => format!("none fits {} yet", settings.topics.join(", ")),
        false => format!("{} with {} partitions", topics.len(), partitions(topics)),
    });
    tell(Check::new(format!("{what}: topics"), found.map_err(Clone::clone)));
    let Ok(topics) = topics else { return };
    if !topics.is_empty() {
        let names = topics.into_iter().map(|topic| topic.name).collect();
        tell(Check::new(format!("{what}: reading"), read(job, settings, names)));
    }
    if !settings.group.is_empty() {
        let found = cluster.committed(&[]).map(|_| settings.group.clone());
        tell(Check::new(format!("{what}: group"), found));
    }
    if let Some(url) = &settings.registry {
        tell(Check::new(format!("{what}: registry"), registry(url)));
    }
    let positions = archive.map(bound).unwrap_or_default();
    if !positions.is_empty() {
        let lags = lag(&cluster, &positions, &settings.label);
        let found = lags.and_then(|lags| {
            let (behind, gone) =
                lags.iter().fold((0, 0), |(behind, gone), lag| (behind + lag.behind(), gone + lag.gone()));
            match gone {
                0 => Ok(format!("{behind} messages behind")),
                gone => {
                    Err(format!("{gone} messages were deleted before they were read: a start asks for --accept-gap"))
                }
            }
        });
        tell(Check::new(format!("{what}: lag"), found));
    }
}

/// Reads one message, if there is one.
fn read(job: &Job, settings: &LiveSettings, topics: Vec<String>) -> Result<String, String> {
    let one = |from, to_end| -> Result<Option<super::tail::Message>, String> {
        let wanted = Wanted { login: settings.login.clone(), topics: topics.clone(), from, to_end, uncommitted: false };
        let mut tail = Tail::open(wanted)?;
        match tail.next(FIRST)? {
            Next::Message(message) => Ok(Some(*message)),
            Next::Nothing | Next::End => Ok(None),
        }
    };
    if let Some(message) = one(From::Last(1), true)? {
        let mut reader = Reader::new(job.decoder()?, settings.registry.as_deref())?;
        // That it does not answer is told by itself.
        let _ = reader.learn(message.value.as_deref());
        let at = format!("{} {}@{}", message.topic, message.partition, message.offset);
        return match reader.read(message.value.as_deref()) {
            Said::Packet(_) => Ok(format!("{at} is a packet that can be decoded")),
            // One packet may be spoiled; and a schema may yet be had from a registry.
            said => Ok(format!("{at} was read: {said}")),
        };
    }
    // A right that is not given is told of an empty topic, too.
    one(From::Latest, false)?;
    Ok("they are empty".into())
}

fn registry(url: &str) -> Result<String, String> {
    Registry::new(url)?.schema(NOBODYS).map(|_| url.to_owned())
}

/// Tries what the topics that are written need.
pub fn sink(job: &Job, tell: &mut dyn FnMut(Check)) {
    let settings = &job.sink.kafka;
    let cluster = match Cluster::reach(&settings.login) {
        Ok(cluster) => cluster,
        Err(why) => return tell(Check::new("sink: cluster", Err(why))),
    };
    tell(Check::new("sink: cluster", cluster.brokers().map(|brokers| brokers.join(", "))));
    for Due { name, partitions, .. } in wanted(settings, job.sink.lanes) {
        let found = cluster.topic(&name).and_then(|topic| match topic.map(|topic| topic.partitions.len()) {
            None => cluster.may_create(&name, partitions, settings.replication).map(|()| "would be made".into()),
            Some(has) if has as i64 == i64::from(partitions) => Ok(format!("{has} partitions")),
            Some(has) => Err(format!(
                "it has {has} partitions, and the job's {} lanes need {partitions}: name another topic, or set sink.lanes",
                job.sink.lanes
            )),
        });
        tell(Check::new(format!("sink: topic {name}"), found));
    }
    if let Some(topics) = settings.topics() {
        let there = matches!(cluster.topic(&topics.progress), Ok(Some(_)));
        tell(Check::new("sink: writing", write(job, there.then_some(&topics.progress))));
    }
    if let Some(url) = &settings.registry {
        tell(Check::new("sink: registry", registry(url)));
    }
}

/// Begins a transaction under an id that no lane has, sends a message to the topic of progress if that is there, and aborts.
fn write(job: &Job, topic: Option<&String>) -> Result<String, String> {
    let login = &job.sink.kafka.login;
    let ear = Ear::default();
    let trouble = ear.trouble.clone();
    let patience = Duration::from_secs_f64(login.patience);
    let mut config = login.config()?;
    config
        .set("transactional.id", format!("{}.lane.check", job.name))
        .set("message.timeout.ms", (login.patience * 1e3).ceil().to_string())
        .set("transaction.timeout.ms", "60000");
    let wrong = |error| trouble.is_there().unwrap_or_else(|| explain(&error, &login.brokers));
    let producer: Producer = config.create_with_context(ear).map_err(|error| explain(&error, &login.brokers))?;
    producer.init_transactions(patience).map_err(wrong)?;
    let Some(topic) = topic else { return Ok("transactions may be begun".into()) };
    producer.begin_transaction().map_err(wrong)?;
    let delivery = super::delivery::Delivery::default();
    let record =
        BaseRecord::<str, str, _>::with_opaque_to(topic, Box::new(delivery.clone())).key("check").payload("{}");
    let sent = producer.send(record).map_err(|(error, _)| wrong(error));
    while sent.is_ok() && producer.in_flight_count() > 0 {
        super::delivery::serve(&producer, Duration::from_millis(5));
    }
    let aborted = producer.abort_transaction(patience);
    sent?;
    if let Some(error) = delivery.failed() {
        return Err(format!("topic {topic}: {}", wrong(error)));
    }
    aborted.map_err(wrong)?;
    Ok(format!("a message to {topic} was sent and taken back"))
}
