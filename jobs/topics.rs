//! `skydiff topics`: what a Kafka cluster has.

use crate::login;
use crate::output::{print_json, print_text};
use clap::Args;
use serde_json::json;
use skydiff_dataflow::kafka::connect::Login;
use skydiff_dataflow::kafka::reach::{Cluster, Span, Topic};
use skydiff_dataflow::kafka::tail::{From, Next, Tail, Wanted};
use std::time::Duration;

/// So many messages of each partition are looked at, to tell how many bytes there are.
const NEWEST: i64 = 50;

/// Lists topics: partitions, oldest and next offsets, and how many messages lie between them.
///
/// Marks of transactions are counted with the messages. Only what the user may know of is listed.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    skydiff topics --brokers broker:9092\n  \
    skydiff topics '^ztf_.*_programid1$' --partitions --sizes")]
pub struct Topics {
    /// Topics by name, or by pattern where one begins with ^. Default: all
    #[arg(value_name = "TOPIC")]
    topics: Vec<String>,
    /// A line for each partition
    #[arg(long)]
    partitions: bool,
    /// Also about how many bytes, before compression: brokers do not say, so by the newest 50 messages of each partition
    #[arg(long)]
    sizes: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    cluster: login::Flags,
}

/// A topic, and what its partitions hold.
struct Listed {
    topic: Topic,
    spans: Vec<Span>,
    /// About how many bytes, if that was asked for and there is anything to go by.
    bytes: Option<u64>,
}

impl Topics {
    /// Does it.
    pub fn run(self) -> Result<(), String> {
        let login = self.cluster.login()?;
        let cluster = Cluster::reach(&login)?;
        let topics = if self.topics.is_empty() { cluster.topics()? } else { cluster.like(&self.topics)? };
        let mut listed = Vec::new();
        for topic in topics {
            let spans = topic.partitions.iter().map(|(partition, ..)| cluster.span(&topic.name, *partition));
            let spans = spans.collect::<Result<Vec<Span>, String>>()?;
            let bytes = self.sizes.then(|| about(&login, &topic, &spans)).transpose()?.flatten();
            listed.push(Listed { topic, spans, bytes });
        }
        if self.json { print_json(&as_json(&listed)) } else { print_text(&self.as_text(&listed)) }
    }

    fn as_text(&self, listed: &[Listed]) -> String {
        if listed.is_empty() {
            return "no topics\n".to_owned();
        }
        let width = listed.iter().map(|listed| listed.topic.name.len()).max().unwrap_or_default().max("topic".len());
        let sizes = if self.sizes { "    about MB" } else { "" };
        let mut text = format!("{:width$}  partitions  replicas  in sync    messages{sizes}\n", "topic");
        for Listed { topic, spans, bytes } in listed {
            let bytes = match bytes {
                _ if !self.sizes => String::new(),
                Some(bytes) => format!("  {:>10.1}", *bytes as f64 / 1e6),
                None => format!("  {:>10}", "-"),
            };
            let replicas = topic.partitions.iter().map(|(_, _, replicas, _)| *replicas).min().unwrap_or_default();
            let in_sync = topic.partitions.iter().map(|(_, _, _, in_sync)| *in_sync).min().unwrap_or_default();
            let messages: u64 = spans.iter().map(|span| span.length()).sum();
            text += &format!(
                "{:width$}  {:>10}  {replicas:>8}  {in_sync:>7}  {messages:>10}{bytes}\n",
                topic.name,
                topic.partitions.len()
            );
            for ((partition, leader, ..), span) in topic.partitions.iter().zip(spans).filter(|_| self.partitions) {
                let leader = if *leader < 0 { "no leader".to_owned() } else { format!("leader {leader}") };
                text += &format!(
                    "  partition {partition:<4} {leader:<10} oldest {:<10} next {:<10} {}\n",
                    span.low,
                    span.high,
                    span.length()
                );
            }
        }
        text
    }
}

/// The bytes of a topic by the mean of its newest messages, as they were before compression.
fn about(login: &Login, topic: &Topic, spans: &[Span]) -> Result<Option<u64>, String> {
    let messages: u64 = spans.iter().map(|span| span.length()).sum();
    if messages == 0 {
        return Ok(Some(0));
    }
    let wanted = Wanted {
        login: login.clone(),
        topics: vec![topic.name.clone()],
        from: From::Last(NEWEST),
        to_end: true,
        uncommitted: true,
    };
    let mut tail = Tail::open(wanted)?;
    let (mut seen, mut bytes) = (0, 0);
    while let Next::Message(message) = tail.next(Duration::from_secs(10))? {
        seen += 1;
        bytes += message.value.as_ref().map_or(0, Vec::len) as u64;
    }
    Ok((seen > 0).then(|| (bytes as f64 / seen as f64 * messages as f64).round() as u64))
}

fn as_json(listed: &[Listed]) -> serde_json::Value {
    let topic = |Listed { topic, spans, bytes }: &Listed| {
        let partitions = topic.partitions.iter().zip(spans).map(|((partition, leader, replicas, in_sync), span)| {
            json!({"partition": partition, "leader": leader, "replicas": replicas, "in_sync": in_sync,
                   "oldest": span.low, "next": span.high})
        });
        json!({
            "topic": topic.name,
            "messages": spans.iter().map(|span| span.length()).sum::<u64>(),
            "bytes_about": bytes,
            "partitions": partitions.collect::<Vec<_>>(),
        })
    };
    listed.iter().map(topic).collect()
}
