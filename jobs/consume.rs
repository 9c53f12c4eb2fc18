//! `skydiff consume`: what is in Kafka topics, as a person reads it.

use crate::login;
use crate::orders::watch_interrupts;
use crate::output::{print, print_text};
use crate::stamp::write_stamps;
use clap::Args;
use skydiff_dataflow::kafka::heard::{Reader, Said};
use skydiff_dataflow::kafka::tail::{From, Message, Next, Tail, Wanted};
use skydiff_dataflow::settings::load;
use skydiff_schemas::avro::MAGIC;
use skydiff_schemas::iso_utc;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const HELP: &str = "\
    Examples:\n  \
    skydiff consume skydiff --start last=5                  (our records, JSON or Avro)\n  \
    skydiff consume ztf_20260101_programid1 --limit 10 --json | jq .packet.candidate.magpsf\n  \
    skydiff consume '^ztf_.*_programid1$' --start latest --monitor\n  \
    skydiff consume ztf_20260101_programid1 --to-end --save packets/ --stamps stamps/\n\n\
    It reads without a consumer group and commits nothing: nobody else notices. Records of transactions that are open or were\n\
    aborted are left out (read_committed).";

/// Prints what is in Kafka topics: survey packets and our own records, decoded, a line for each message.
#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub struct Consume {
    /// Topics by name, or by pattern where one begins with ^; topics that begin to fit while it runs are taken up
    #[arg(value_name = "TOPIC", required = true)]
    topics: Vec<String>,
    /// earliest, latest, offset=1234 (of every partition), last=10 (of every partition), or a time (MJD or UTC date)
    #[arg(long, value_name = "WHERE", default_value = "earliest")]
    start: From,
    /// Stop after so many messages
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// Stop at the end of what is there now
    #[arg(long)]
    to_end: bool,
    /// A line of JSON for each message, with everything that it says; stamps as their lengths
    #[arg(long, conflicts_with = "monitor")]
    json: bool,
    /// Print no messages but, every second, how many come, how many bytes, and how far it is behind
    #[arg(long)]
    monitor: bool,
    /// Write every message's bytes into this folder, as TOPIC/PARTITION-OFFSET.avro (.json, .bin)
    #[arg(long, value_name = "DIR")]
    save: Option<PathBuf>,
    /// Write every packet's stamps into this folder, as FITS and PNG
    #[arg(long, value_name = "DIR")]
    stamps: Option<PathBuf>,
    /// Also what transactions have not committed
    #[arg(long)]
    uncommitted: bool,
    /// A folder of writer schemas by Confluent id (lsst.v11_1.alert.avsc, 1101.avsc), before those that are built in
    #[arg(long, value_name = "DIR")]
    schemas: Option<PathBuf>,
    /// A schema registry, for ids that are neither there nor built in
    #[arg(long, value_name = "URL")]
    registry: Option<String>,
    #[command(flatten)]
    cluster: login::Flags,
}

/// What has come.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    messages: u64,
    bytes: u64,
    unreadable: u64,
}

impl Consume {
    /// Does it.
    pub fn run(self) -> Result<(), String> {
        let mut job = load(None, std::env::vars()).map_err(|error| error.to_string())?;
        job.schemas = self.schemas.clone().or(job.schemas);
        let mut reader = Reader::new(job.decoder()?, self.registry.as_deref())?;
        let stop = Arc::new(AtomicBool::new(false));
        watch_interrupts(&stop).map_err(|error| error.to_string())?;
        let mut tail = Tail::open(Wanted {
            login: self.cluster.login()?,
            topics: self.topics.clone(),
            from: self.start,
            to_end: self.to_end,
            uncommitted: self.uncommitted,
        })?;
        let (begun, mut told, mut all, mut since) =
            (Instant::now(), Instant::now(), Count::default(), Count::default());
        while !stop.load(Ordering::Relaxed) && self.limit.is_none_or(|limit| all.messages < limit) {
            match tail.next(Duration::from_millis(100))? {
                Next::End => break,
                Next::Nothing => {}
                Next::Message(message) => {
                    let bytes = message.value.as_ref().map_or(0, Vec::len) as u64;
                    let unreadable = self.one(&message, &mut reader)?;
                    for count in [&mut all, &mut since] {
                        count.messages += 1;
                        count.bytes += bytes;
                        count.unreadable += u64::from(unreadable);
                    }
                }
            }
            if self.monitor && told.elapsed() >= Duration::from_secs(1) {
                print_text(&rates(&tail, std::mem::take(&mut since), told.elapsed())?)?;
                told = Instant::now();
            }
        }
        let seconds = begun.elapsed().as_secs_f64();
        eprintln!(
            "{} messages, {:.1} MB, in {seconds:.1} s ({:.0}/s){}",
            all.messages,
            all.bytes as f64 / 1e6,
            all.messages as f64 / seconds.max(1e-3),
            if all.unreadable > 0 { format!("; {} cannot be read", all.unreadable) } else { String::new() }
        );
        Ok(())
    }

    /// Does with a message what is asked for; whether it cannot be read, if it was looked into.
    fn one(&self, message: &Message, reader: &mut Reader) -> Result<bool, String> {
        if let Some(folder) = &self.save {
            save(message, folder)?;
        }
        // Rates are of what comes, not of what can be decoded.
        if self.monitor && self.stamps.is_none() {
            return Ok(false);
        }
        reader.learn(message.value.as_deref())?;
        let said = reader.read(message.value.as_deref());
        if let (Some(folder), Said::Packet(_), Some(bytes)) = (&self.stamps, &said, &message.value) {
            write_stamps(bytes, 0, folder, reader.decoder(), &|_| true)
                .map_err(|why| format!("{} {}-{}: {why}", message.topic, message.partition, message.offset))?;
        }
        if self.json {
            let json = reader.json(message);
            print(|out| writeln!(out, "{json}"))?;
        } else if !self.monitor && self.stamps.is_none() {
            let time = message.time.map_or("-".to_owned(), iso_utc);
            let at = format!("{}/{}@{}", message.topic, message.partition, message.offset);
            let bytes = message.value.as_ref().map_or(0, Vec::len);
            print(|out| writeln!(out, "{at} {time} {bytes} B  {said}"))?;
        }
        Ok(matches!(said, Said::Unreadable(_)))
    }
}

fn rates(tail: &Tail, since: Count, time: Duration) -> Result<String, String> {
    let seconds = time.as_secs_f64().max(1e-3);
    let mut behind: BTreeMap<String, u64> = BTreeMap::new();
    for ((topic, _), (next, held)) in tail.positions()? {
        *behind.entry(topic).or_default() += u64::try_from(held.high - next).unwrap_or(0);
    }
    let behind: Vec<String> = behind.iter().map(|(topic, behind)| format!("{topic} {behind} behind")).collect();
    let (messages, bytes) = (since.messages as f64 / seconds, since.bytes as f64 / 1e6 / seconds);
    Ok(format!("{messages:>9.1}/s {bytes:>9.2} MB/s  {}\n", behind.join(", ")))
}

fn save(message: &Message, folder: &Path) -> Result<(), String> {
    let Some(bytes) = &message.value else { return Ok(()) };
    let ending = match bytes.first() {
        _ if bytes.starts_with(&MAGIC) => "avro",
        Some(b'{') => "json",
        _ => "bin",
    };
    // Kafka's names of topics are names of folders: letters, digits, dot, dash, underscore.
    let folder = folder.join(&message.topic);
    let path = folder.join(format!("{}-{}.{ending}", message.partition, message.offset));
    let written = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&path, bytes));
    written.map_err(|error| format!("{}: {error}", path.display()))
}
