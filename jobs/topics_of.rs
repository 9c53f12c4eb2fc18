//! The flags by which a run reads from Kafka and publishes to it without a job file; each is a key of one.

use clap::Args;
use skydiff_dataflow::kafka::settings::{Enclose, LiveSettings, Start, Until};
use skydiff_dataflow::settings::{Job, SourceKind, SourceSettings};

/// Kafka, in the place of `[[source]]` and `[sink.kafka]` of a job file.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Kafka (users, passwords and certificates: in a job file, see `skydiff job`)")]
pub struct Kafka {
    /// Brokers, of --topic and of --publish
    #[arg(long, value_name = "HOST:PORT,...")]
    kafka: Option<String>,
    /// Read this topic live, or every topic that the pattern fits (^ztf_.*_programid1$); more than once
    #[arg(long, value_name = "TOPIC|^PATTERN")]
    topic: Vec<String>,
    /// Where partitions are begun that were never read: earliest, latest, offset=N, an MJD or a date
    #[arg(long, value_name = "WHERE")]
    start: Option<Start>,
    /// End when everything is read that is there now
    #[arg(long)]
    until_end: bool,
    /// Send records to this topic, exactly once (needs an archive)
    #[arg(long, value_name = "TOPIC")]
    publish: Option<String>,
    /// What of the packet that caused a record goes with it: none, all, no-cutouts, or fields (candidate.magpsf,...)
    #[arg(long, value_name = "WHAT")]
    packet: Option<Enclose>,
}

impl Kafka {
    /// Lays the flags over a job.
    pub fn over(&self, job: &mut Job) {
        if !self.topic.is_empty() {
            let kafka = LiveSettings { topics: self.topic.clone(), ..LiveSettings::default() };
            job.source = vec![SourceSettings { kind: SourceKind::Kafka, kafka, ..SourceSettings::default() }];
        }
        for source in job.source.iter_mut().filter(|source| source.kind == SourceKind::Kafka) {
            source.kafka.start = self.start.unwrap_or(source.kafka.start);
            if self.until_end {
                source.kafka.until = Until::End;
            }
            if let Some(brokers) = &self.kafka {
                source.kafka.login.brokers = brokers.clone();
            }
        }
        job.sink.kafka.topic = self.publish.clone().or(job.sink.kafka.topic.take());
        job.sink.kafka.packet = self.packet.clone().unwrap_or(std::mem::take(&mut job.sink.kafka.packet));
        if let Some(brokers) = self.kafka.as_ref().filter(|_| job.sink.kafka.topic.is_some()) {
            job.sink.kafka.login.brokers = brokers.clone();
        }
    }
}
