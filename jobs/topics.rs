//! `skydiff topics`: what a Kafka cluster has.

use crate::login;
use crate::output::{print_json, print_text};
use clap::Args;
use serde_json::json;
use skydiff_dataflow::kafka::reach::{Cluster, Span, Topic};

/// Lists topics: partitions, oldest and next offsets, and how many messages lie between them.
///
/// Marks of transactions are counted with the messages. Only what the user may know of is listed.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    skydiff topics --brokers broker:9092\n  \
    skydiff topics '^ztf_.*_programid1$' --partitions")]
pub struct Topics {
    /// Topics by name, or by pattern where one begins with ^. Default: all
    #[arg(value_name = "TOPIC")]
    topics: Vec<String>,
    /// A line for each partition
    #[arg(long)]
    partitions: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    cluster: login::Flags,
}

impl Topics {
    /// Does it.
    pub fn run(self) -> Result<(), String> {
        let cluster = Cluster::reach(&self.cluster.login()?)?;
        let topics = if self.topics.is_empty() { cluster.topics()? } else { cluster.like(&self.topics)? };
        let mut listed = Vec::new();
        for topic in topics {
            let spans = topic.partitions.iter().map(|(partition, ..)| cluster.span(&topic.name, *partition));
            let spans = spans.collect::<Result<Vec<Span>, String>>()?;
            listed.push((topic, spans));
        }
        if self.json { print_json(&as_json(&listed)) } else { print_text(&self.as_text(&listed)) }
    }

    fn as_text(&self, listed: &[(Topic, Vec<Span>)]) -> String {
        if listed.is_empty() {
            return "no topics\n".to_owned();
        }
        let width = listed.iter().map(|(topic, _)| topic.name.len()).max().unwrap_or_default().max("topic".len());
        let mut text = format!("{:width$}  partitions  replicas  in sync    messages\n", "topic");
        for (topic, spans) in listed {
            let replicas = topic.partitions.iter().map(|(_, _, replicas, _)| *replicas).min().unwrap_or_default();
            let in_sync = topic.partitions.iter().map(|(_, _, _, in_sync)| *in_sync).min().unwrap_or_default();
            let messages: u64 = spans.iter().map(|span| span.length()).sum();
            text += &format!(
                "{:width$}  {:>10}  {replicas:>8}  {in_sync:>7}  {messages:>10}\n",
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

fn as_json(listed: &[(Topic, Vec<Span>)]) -> serde_json::Value {
    let topic = |(topic, spans): &(Topic, Vec<Span>)| {
        let partitions = topic.partitions.iter().zip(spans).map(|((partition, leader, replicas, in_sync), span)| {
            json!({"partition": partition, "leader": leader, "replicas": replicas, "in_sync": in_sync,
                   "oldest": span.low, "next": span.high})
        });
        json!({
            "topic": topic.name,
            "messages": spans.iter().map(|span| span.length()).sum::<u64>(),
            "partitions": partitions.collect::<Vec<_>>(),
        })
    };
    listed.iter().map(topic).collect()
}
