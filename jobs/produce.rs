//! `skydiff produce`: packets to Kafka, as a survey sends them.

use crate::login;
use crate::orders::watch_interrupts;
use crate::output::{print_json, print_text};
use crate::replay::nights;
use crate::survey;
use clap::{Args, ValueEnum};
use serde_json::json;
use skydiff_dataflow::archive::export::{Wanted, export};
use skydiff_dataflow::archive::open::Archive;
use skydiff_dataflow::kafka::pace::Pace;
use skydiff_dataflow::kafka::produce::{Manner, Sender, topic_of};
use skydiff_dataflow::source::night::now;
use skydiff_dataflow::source::{Found, Night, Opener, Parcel, Place, stream, walk};
use skydiff_schemas::avro::MAGIC;
use skydiff_schemas::{Decoder, MicroDays};
use skydiff_simulate::{Simulation, Survey};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

const HELP: &str = "\
    Examples:\n  \
    skydiff produce --flat-out                                       (three simulated ZTF nights)\n  \
    skydiff produce --survey lsst --nights 1 --speed 60              (a night in some ten minutes)\n  \
    skydiff produce --from ztf_public_20180601.tar.gz --rate 257\n  \
    skydiff produce --archive arch --nights-of 2026-01-01..2026-01-07 --flat-out\n\n\
    A night's topic is named like the survey's: ztf_20260101_programid1. Topics that are not there are made. Messages have\n\
    no key and go to the partitions in turn.";

/// Sends nights of packets to Kafka: simulated ones, those of files and tars, or an archive's; a topic a night.
///
/// They are sent at the survey's own cadence (--speed 1), times as fast, evenly (--rate), or as fast as the brokers take
/// them (--flat-out).
#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub struct Produce {
    #[command(flatten)]
    cluster: login::Flags,
    /// Send what is in these folders, files and tars, in the place of a simulation
    #[arg(long, value_name = "PATH", num_args = 1.., conflicts_with = "archive")]
    from: Vec<PathBuf>,
    /// Send what this archive has kept, in the place of a simulation
    #[arg(long, value_name = "URL")]
    archive: Option<String>,
    /// Of the archive: packets received in these nights, both included
    #[arg(long, value_name = "A..B", value_parser = nights, requires = "archive")]
    nights_of: Option<(Night, Night)>,
    /// Name of the topics; {date} is the night's. Default: ztf_{date}_programid1, or for LSST lsst_{date}
    #[arg(long, value_name = "NAME")]
    topic: Option<String>,
    /// Partitions of topics that are made
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(i32).range(1..=10_000))]
    partitions: i32,
    /// How many brokers hold each of them
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(i32).range(1..=10))]
    replication: i32,
    /// How messages are compressed
    #[arg(long, value_name = "CODEC", default_value = "snappy", value_parser = ["none", "snappy", "lz4", "zstd", "gzip"])]
    compression: String,
    /// So many times as fast as the survey: by times of receipt where they are known, else by those of the triggers
    #[arg(long, value_name = "N", default_value_t = 1.0, value_parser = positive)]
    speed: f64,
    /// As fast as the brokers take them
    #[arg(long, conflicts_with_all = ["speed", "rate"])]
    flat_out: bool,
    /// So many packets a second, evenly
    #[arg(long, value_name = "N", value_parser = positive, conflicts_with = "speed")]
    rate: Option<f64>,
    /// The time that a message bears: when its packet was received (of a file, the end of the night in its name), or now
    #[arg(long, value_enum, default_value_t = Times::Receipt)]
    times: Times,
    /// Stop after so many packets
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// Print what was sent as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    survey: survey::Flags,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Times {
    /// When the packet was received
    Receipt,
    /// When it is sent
    Now,
}

fn positive(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|number| (1e-6..1e9).contains(number)).ok_or_else(|| "give a number above 0".to_owned())
}

/// What is known of a packet.
struct Known {
    night: Night,
    /// When it was received, if that is known.
    received: Option<MicroDays>,
    /// What its cadence is of.
    time: Option<MicroDays>,
    /// Whose it is: ZTF's or LSST's.
    is_ztf: bool,
}

/// Sends a packet, with what is known of it; `false` when no more are wanted.
type Send<'a> = &'a mut dyn FnMut(&Known, &[u8]) -> Result<bool, String>;

impl Produce {
    /// Does it.
    pub fn run(self) -> Result<(), String> {
        let pace = match (self.flat_out, self.rate) {
            (true, _) => Pace::Flat,
            (false, Some(rate)) => Pace::Rate(rate),
            (false, None) => Pace::Speed(self.speed),
        };
        let manner = Manner {
            login: self.cluster.login()?,
            partitions: self.partitions,
            replication: self.replication,
            compression: self.compression.clone(),
            pace,
        };
        let stop = Arc::new(AtomicBool::new(false));
        watch_interrupts(&stop).map_err(|error| error.to_string())?;
        let mut sender = Sender::new(&manner, &stop)?;
        let (begun, mut told) = (Instant::now(), Instant::now());
        let mut send = |known: &Known, packet: &[u8]| -> Result<bool, String> {
            let topic = topic_of(self.pattern(known.is_ztf), known.night);
            let stamp = known.received.filter(|_| self.times == Times::Receipt);
            let goes_on = sender.send(&topic, known.time, stamp, packet)?;
            if told.elapsed() > Duration::from_secs(5) {
                told = Instant::now();
                eprintln!("{} packets in {:.0} s, now {topic}", sender.sent().packets, begun.elapsed().as_secs_f64());
            }
            Ok(goes_on && self.limit.is_none_or(|limit| sender.sent().packets < limit))
        };
        match &self.archive {
            Some(url) => self.archived(url, &mut send)?,
            None if !self.from.is_empty() => self.files(&mut send)?,
            None => self.simulated(&mut send)?,
        }
        let sent = sender.finish()?;
        let seconds = begun.elapsed().as_secs_f64();
        if self.json {
            return print_json(&json!({
                "packets": sent.packets, "bytes": sent.bytes, "seconds": seconds, "behind_seconds": sent.behind,
                "topics": sent.topics,
            }));
        }
        for (topic, packets) in &sent.topics {
            print_text(&format!("{topic}  {packets}\n"))?;
        }
        eprintln!(
            "{} packets, {:.1} MB, in {seconds:.1} s ({:.0}/s); at most {:.2} s behind their time",
            sent.packets,
            sent.bytes as f64 / 1e6,
            sent.packets as f64 / seconds.max(1e-3),
            sent.behind
        );
        Ok(())
    }

    fn pattern(&self, is_ztf: bool) -> &str {
        match &self.topic {
            Some(pattern) => pattern,
            None if is_ztf => "ztf_{date}_programid1",
            None => "lsst_{date}",
        }
    }

    fn simulated(&self, send: Send<'_>) -> Result<(), String> {
        let settings = self.survey.settings()?;
        let mut simulation = Simulation::new(&settings)?;
        let is_ztf = settings.survey == Survey::Ztf;
        while let Some(night) = simulation.next_night() {
            let night = Night(i32::try_from(night).unwrap_or(i32::MAX));
            let mut failed = None;
            let flow = simulation.night(&mut |packet, told| {
                let received = MicroDays::from_days(told.delivered);
                match send(&Known { night, received, time: received, is_ztf }, packet) {
                    Ok(true) => ControlFlow::Continue(()),
                    Ok(false) => ControlFlow::Break(()),
                    Err(why) => {
                        failed = Some(why);
                        ControlFlow::Break(())
                    }
                }
            });
            failed.map_or(Ok(()), Err)?;
            if flow.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn files(&self, send: Send<'_>) -> Result<(), String> {
        let mut decoder = Decoder::new(&Default::default()).map_err(|error| error.to_string())?;
        let (mut opener, mut is_ztf) = (Opener::default(), true);
        let mut failed = None;
        let mut one = |bundle: &Path, parcel: &Parcel| {
            let mut done = || -> Result<bool, String> {
                let named = |why: String| format!("{}: {}: {why}", bundle.display(), parcel.name);
                let bytes = opener.read(&parcel.bytes).map_err(named)?;
                let time = trigger(&mut decoder, bytes);
                let named = Night::of_name(bundle);
                let received = named.map(Night::received).or(parcel.received);
                let night = named.or_else(|| date(time?)).or_else(|| date(now())).unwrap_or(Night(0));
                // A packet that was spoiled is its neighbours'.
                is_ztf = if time.is_some() { bytes.starts_with(&MAGIC) } else { is_ztf };
                send(&Known { night, received, time, is_ztf }, bytes)
            };
            match done() {
                Ok(true) => ControlFlow::Continue(()),
                Ok(false) => ControlFlow::Break(()),
                Err(why) => {
                    failed = Some(why);
                    ControlFlow::Break(())
                }
            }
        };
        for path in &self.from {
            path.metadata().map_err(|error| format!("{}: {error}", path.display()))?;
            let place = if path.is_dir() { Place::Folder(path.clone()) } else { Place::File(path.clone()) };
            let mut bundle = path.clone();
            let flow = walk(&place, &mut |found| match found {
                Found::Begin(path) => {
                    bundle = path;
                    ControlFlow::Continue(())
                }
                Found::Packet(parcel) => one(&bundle, &parcel),
                Found::Stream(place) => {
                    let of = match &place {
                        Place::File(path) | Place::Folder(path) => path.clone(),
                        Place::Stdin => PathBuf::from("-"),
                    };
                    stream(&place, &Default::default(), &mut |parcel| one(&of, &parcel))
                }
                Found::End | Found::Ahead(_) | Found::Beside(_) => ControlFlow::Continue(()),
            });
            if flow.is_break() {
                break;
            }
        }
        failed.map_or(Ok(()), Err)
    }

    fn archived(&self, url: &str, send: Send<'_>) -> Result<(), String> {
        let archive = Archive::open(url)?;
        let wanted = Wanted { nights: self.nights_of, ..Wanted::default() };
        let (mut goes_on, mut was_ztf) = (true, true);
        export(&archive, &wanted, &mut |row| {
            if !goes_on {
                return Ok(());
            }
            let named = Night::of_name(Path::new(&row.topic));
            let night = named.or_else(|| date(row.received)).unwrap_or(Night(0));
            let time = row.alerts.first().map(|alert| alert.time);
            let is_ztf = if time.is_some() { row.bytes.starts_with(&MAGIC) } else { was_ztf };
            was_ztf = is_ztf;
            goes_on = send(&Known { night, received: Some(row.received), time, is_ztf }, &row.bytes)?;
            Ok(())
        })?;
        Ok(())
    }
}

/// The time of a packet's first alert that can be read.
fn trigger(decoder: &mut Decoder, packet: &[u8]) -> Option<MicroDays> {
    let mut time = None;
    decoder.decode(packet, |_, alert| time = time.or_else(|| alert.ok().map(|alert| alert.time)));
    time
}

fn date(time: MicroDays) -> Option<Night> {
    i32::try_from(time.0.div_euclid(MicroDays::DAY.0)).ok().map(Night)
}
