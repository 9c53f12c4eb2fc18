//! `skydiff lag`: how far a job, or a consumer group, is behind.

use crate::login;
use crate::output::{print_json, print_text};
use clap::Args;
use serde_json::json;
use skydiff_dataflow::archive::open::Archive;
use skydiff_dataflow::kafka::lag::{Lag, Partition, bound, lag};
use skydiff_dataflow::kafka::reach::Cluster;
use skydiff_dataflow::settings::{Job, SourceKind, load};
use skydiff_schemas::MicroDays;
use skydiff_schemas::iso_utc;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Compares what has been read with what is there: by a job's archive, whose manifests alone say what a job has read, or by
/// the offsets that a consumer group has committed.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    skydiff lag JOB.toml --most 10000                (its clusters, its archive)\n  \
    skydiff lag --archive arch --brokers broker:9092\n  \
    skydiff lag --group someone --topic '^ztf_.*_programid1$'\n\n\
    Exit code 1 if more than --most is still to be read, or if something was deleted before it was.")]
#[command(group = clap::ArgGroup::new("whose").required(true))]
pub struct LagVerb {
    /// The job: its archive, its sources with their clusters and labels
    #[arg(value_name = "JOB.toml", group = "whose")]
    job: Option<PathBuf>,
    /// The job's archive: a folder, or file://, s3://
    #[arg(long, value_name = "URL", group = "whose")]
    archive: Option<String>,
    /// A consumer group
    #[arg(long, value_name = "GROUP", group = "whose", requires = "topic")]
    group: Option<String>,
    /// Of a group: these topics, by name, or by pattern where one begins with ^
    #[arg(long, value_name = "TOPIC", num_args = 1..)]
    topic: Vec<String>,
    /// What the job's source puts before topics' names (source.kafka.label)
    #[arg(long, value_name = "LABEL", default_value = "", requires = "archive")]
    label: String,
    /// Fail if more messages are still to be read
    #[arg(long, value_name = "N")]
    most: Option<u64>,
    /// A line for each partition
    #[arg(long)]
    partitions: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    cluster: login::Flags,
}

impl LagVerb {
    /// Does it.
    pub fn run(self) -> Result<(), String> {
        let (lags, clock) = match (&self.job, &self.archive, &self.group) {
            (Some(path), ..) => of_job(&load(Some(path), std::env::vars()).map_err(|error| error.to_string())?)?,
            (None, Some(url), _) => {
                let (archive, positions) = positions(url)?;
                let cluster = Cluster::reach(&self.cluster.login()?)?;
                (lag(&cluster, &positions, &self.label)?, received(&archive))
            }
            (None, None, group) => {
                let cluster = Cluster::reach_as(&self.cluster.login()?, group.as_deref().unwrap_or_default())?;
                let topics = cluster.like(&self.topic)?;
                let partitions = topics
                    .iter()
                    .flat_map(|topic| topic.partitions.iter().map(|(partition, ..)| (topic.name.clone(), *partition)));
                let partitions: Vec<_> = partitions.collect();
                let positions = cluster.committed(&partitions)?;
                let mut lags = Vec::new();
                for (topic, partition) in partitions {
                    let held = cluster.span(&topic, partition)?;
                    let position = positions.get(&(topic.clone(), partition)).copied();
                    lags.push(Lag { topic, partition, position, held });
                }
                (lags, None)
            }
        };
        let (behind, gone) = (lags.iter().map(Lag::behind).sum::<u64>(), lags.iter().map(Lag::gone).sum::<u64>());
        if self.json {
            let partition = |lag: &Lag| {
                json!({"topic": lag.topic, "partition": lag.partition, "position": lag.position,
                       "oldest": lag.held.low, "next": lag.held.high, "behind": lag.behind(), "gone": lag.gone()})
            };
            print_json(&json!({
                "behind": behind, "gone": gone, "newest_received": clock.map(iso_utc),
                "partitions": lags.iter().map(partition).collect::<Vec<_>>(),
            }))?;
        } else {
            print_text(&self.as_text(&lags))?;
            if let Some(clock) = clock {
                print_text(&format!("the newest packet that is bound was received at {}\n", iso_utc(clock)))?;
            }
        }
        if gone > 0 {
            return Err(format!(
                "{gone} messages were deleted before they were read: the job will ask for --accept-gap"
            ));
        }
        match self.most {
            Some(most) if behind > most => Err(format!("{behind} messages are still to be read, more than {most}")),
            _ => Ok(()),
        }
    }

    fn as_text(&self, lags: &[Lag]) -> String {
        let mut topics: Vec<&str> = lags.iter().map(|lag| lag.topic.as_str()).collect();
        topics.dedup();
        let width = topics.iter().map(|topic| topic.len()).max().unwrap_or_default().max("topic".len());
        let mut text = format!("{:width$}  partitions      behind        gone\n", "topic");
        for topic in topics {
            let of: Vec<&Lag> = lags.iter().filter(|lag| lag.topic == topic).collect();
            let (behind, gone) =
                (of.iter().map(|lag| lag.behind()).sum::<u64>(), of.iter().map(|lag| lag.gone()).sum::<u64>());
            text += &format!("{topic:width$}  {:>10}  {behind:>10}  {gone:>10}\n", of.len());
            for lag in of.into_iter().filter(|_| self.partitions) {
                let at = lag.position.map_or("nothing read".to_owned(), |at| format!("at {at}"));
                text += &format!(
                    "  partition {:<4} {at:<14} of {:<10} behind {}\n",
                    lag.partition,
                    lag.held.high,
                    lag.behind()
                );
            }
        }
        text
    }
}

/// An archive, and what its job has read of topics.
fn positions(url: &str) -> Result<(Archive, BTreeMap<Partition, i64>), String> {
    let archive = Archive::open(url)?;
    let positions = bound(&archive);
    if positions.is_empty() {
        return Err(format!("archive {url}: its job has read no topic yet"));
    }
    Ok((archive, positions))
}

/// How far a job is behind, in all its sources.
fn of_job(job: &Job) -> Result<(Vec<Lag>, Option<MicroDays>), String> {
    let url =
        job.archive.url.as_ref().ok_or("the job has no archive, which alone says what it has read (archive.url)")?;
    let sources: Vec<_> = job.source.iter().filter(|source| source.kind == SourceKind::Kafka).collect();
    if sources.is_empty() {
        return Err("the job reads no topics: it has no [[source]] of kind \"kafka\"".into());
    }
    let (archive, positions) = positions(url)?;
    let mut lags = Vec::new();
    for source in sources {
        lags.extend(lag(&Cluster::reach(&source.kafka.login)?, &positions, &source.kafka.label)?);
    }
    Ok((lags, received(&archive)))
}

/// When the newest packet that is bound was received.
fn received(archive: &Archive) -> Option<MicroDays> {
    let bound = archive.chain.manifests().iter().flat_map(|manifest| &manifest.epochs);
    bound.filter_map(|bound| bound.binding.origin.as_ref()).map(|origin| origin.received).max()
}
