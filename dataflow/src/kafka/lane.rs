//! A lane: one transactional producer, whose transactions carry the records of whole epochs and how far the lane is.
//!
//! A lane fences every earlier writer of it *before* it reads how far it is; from then on nobody else can commit to it, and
//! what is published already is left out. Several epochs that are ready may share a transaction. Deliveries are drained
//! before a commit, because the client's own flush would sleep for 100 ms.

use super::connect::{Ear, Producer, Trouble, explain};
use super::delivery::{Delivery, serve};
use super::message::{Out, Report};
use super::progress::Reports;
use super::settings::{OutSettings, Topics};
use crate::archive::protocol::Progress;
use crate::fault;
use crate::flow::clock::Stop;
use crate::watch::{Step, Watch};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer as _};
use serde::{Deserialize, Serialize};
use skydiff_operators::Epoch;
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// How long one request to the coordinator is waited for.
const ANSWER: Duration = Duration::from_secs(10);
/// A transaction of a producer that is gone is given up by the brokers after this; readers of what is committed wait for it.
const TRANSACTION: &str = "30000";
/// A transaction has no more messages than this, unless an epoch has: they are in memory until it is committed.
const MOST: usize = 20_000;

/// What a lane has of an epoch.
#[derive(Clone, Debug)]
pub struct Sheet {
    /// Which epoch.
    pub epoch: Epoch,
    /// What is sent.
    pub out: Vec<Out>,
    /// What is said of the epoch with it.
    pub said: Saying,
}

/// What a report says of the job at an epoch.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Saying {
    /// Sky clocks, MJD (TAI) by survey.
    pub sky: BTreeMap<String, f64>,
    /// Packets and rejects since the job was started.
    pub packets: (u64, u64),
    /// Messages that were not read yet.
    pub lag: u64,
}

/// What is known of a lane before it is opened.
#[derive(Clone, Debug)]
pub struct Place {
    /// Name of the job.
    pub job: String,
    /// Which lane.
    pub lane: u32,
    /// How many there are, that of the rejects left out.
    pub lanes: u32,
    /// Under which generation.
    pub generation: u64,
    /// Where the job begins to publish: what a lane lacks is not before this. `None`: it may have begun anywhere.
    pub from: Option<Epoch>,
    /// The first epoch that is not bound: no lane has published it. `None`: all are.
    pub live: Option<Epoch>,
    /// The first epoch that is published by a lane that was never written.
    pub born: Epoch,
    /// Its topics.
    pub topics: Topics,
    /// How they are reached.
    pub settings: OutSettings,
    /// Who hears how long transactions take.
    pub watch: Watch,
}

/// What a lane tells of itself.
#[derive(Clone, Debug)]
pub enum Heard {
    /// It is open, and has published everything before this epoch.
    Open(Epoch),
    /// Everything up to this epoch is committed.
    Through(Epoch),
    /// It cannot go on.
    Broken(Stop),
    /// It is at its end, and everything that it was given is committed.
    Ended,
}

/// A lane that is open.
pub struct Lane {
    place: Place,
    producer: Producer,
    trouble: Trouble,
    first: Epoch,
    through: Option<Epoch>,
    said: Saying,
}

impl std::fmt::Debug for Lane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lane").field("place", &self.place).field("through", &self.through).finish_non_exhaustive()
    }
}

/// Runs a lane until its sheets end.
pub fn run(place: Place, sheets: &Receiver<Sheet>, tell: &mut dyn FnMut(Heard)) {
    let done = Lane::open(place).and_then(|mut lane| {
        tell(Heard::Open(lane.lacks()));
        lane.work(sheets, tell)
    });
    match done {
        Ok(()) => tell(Heard::Ended),
        Err(stop) => tell(Heard::Broken(stop)),
    }
}

/// Says of a lane that was never written where it begins: before anything is bound that it lacks, for a start that finds no
/// lane written takes what is bound for older than they are.
pub fn begin(place: Place) -> Result<(), Stop> {
    Lane::open(place).map(drop)
}

impl Lane {
    /// Fences whoever wrote it before, reads how far it is, and says that it is ours.
    fn open(place: Place) -> Result<Lane, Stop> {
        let login = &place.settings.login;
        let ear = Ear::default();
        let mut config = login.config().map_err(|wrong| Stop::Sink(format!("sink.kafka.login.{wrong}")))?;
        config
            .set("transactional.id", format!("{}.lane.{}", place.job, place.lane))
            .set("transaction.timeout.ms", TRANSACTION)
            .set("message.timeout.ms", "25000")
            .set("acks", "all")
            .set("linger.ms", "0")
            .set("message.max.bytes", "8388608")
            .set("compression.codec", &place.settings.compression)
            .set("queue.buffering.max.kbytes", "262144");
        let producer: Producer =
            config.create_with_context(ear.clone()).map_err(|error| Stop::Sink(explain(&error, &login.brokers)))?;
        super::topics::patiently(login, &ear, || producer.init_transactions(ANSWER)).map_err(Stop::Sink)?;
        fault::at("lane-fenced");
        let last = Reports::open(&place.settings, &place.topics.progress)
            .and_then(|reports| reports.last(place.lane))
            .map_err(Stop::Sink)?;
        let trouble = ear.trouble;
        let (first, through) = match &last {
            Some(report) => (report.first, report.through),
            None => (place.born, None),
        };
        let lane = Lane { place, producer, trouble, first, through, said: Saying::default() };
        lane.agree(last.as_ref())?;
        lane.transact(&[])?;
        Ok(lane)
    }

    /// Holds what the lane says now to what the start was decided on: in between others may have gone on.
    fn agree(&self, last: Option<&Report>) -> Result<(), Stop> {
        let Place { lane, lanes, generation, from, live, .. } = self.place;
        let Some(last) = last else { return Ok(()) };
        if last.lanes != lanes {
            return Err(Stop::Sink(format!(
                "lane {lane} was written with {} lanes, and the job has {lanes}: the number is fixed (sink.lanes), or name \
                 other topics",
                last.lanes
            )));
        }
        if last.generation > generation {
            return Err(Stop::Fenced(format!(
                "lane {lane} is written by generation {}: this one, {generation}, ends",
                last.generation
            )));
        }
        match self.lacks() {
            lacks if live.is_some_and(|live| lacks > live) => Err(Stop::Again(format!(
                "lane {lane} has published epoch {} meanwhile, by a generation that was still alive: start again",
                lacks.0 - 1
            ))),
            // It was never written when it was asked, and has been begun since by one that began before.
            lacks if from.is_some_and(|from| lacks < from) => {
                Err(Stop::Again(format!("lane {lane} lacks epoch {lacks}, before which the job begins: start again")))
            }
            _ => Ok(()),
        }
    }

    /// The first epoch that it has not published.
    fn lacks(&self) -> Epoch {
        match self.through {
            Some(through) => Progress::Through(through),
            None => Progress::Born(self.first),
        }
        .lacks()
    }

    fn work(&mut self, sheets: &Receiver<Sheet>, tell: &mut dyn FnMut(Heard)) -> Result<(), Stop> {
        let every = Duration::from_secs_f64(self.place.settings.progress_seconds);
        let mut spoken = Instant::now();
        // Epochs without a message since the last commit.
        let mut idle: Option<Epoch> = None;
        loop {
            let first = match sheets.recv_timeout(every.saturating_sub(spoken.elapsed())) {
                Ok(sheet) => sheet,
                Err(RecvTimeoutError::Timeout) => {
                    self.through = idle.take().or(self.through);
                    self.transact(&[])?;
                    spoken = Instant::now();
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => {
                    if let Some(through) = idle {
                        self.through = Some(through);
                        self.transact(&[])?;
                    }
                    return Ok(());
                }
            };
            let mut out = Vec::new();
            let mut next = Some(first);
            while let Some(sheet) = next {
                self.said = sheet.said;
                if sheet.epoch >= self.lacks() {
                    idle = Some(sheet.epoch);
                    out.extend(sheet.out);
                }
                next = (out.len() < MOST).then(|| sheets.try_recv().ok()).flatten();
            }
            let Some(through) = idle.filter(|_| !out.is_empty()) else { continue };
            (self.through, idle) = (Some(through), None);
            self.transact(&out)?;
            spoken = Instant::now();
            tell(Heard::Through(through));
        }
    }

    /// Commits messages, and how far the lane is with them. Tries again what may go better.
    fn transact(&self, out: &[Out]) -> Result<(), Stop> {
        loop {
            match self.attempt(out) {
                Ok(()) => return Ok(()),
                Err(error) if is_final(&error) => return Err(self.over(&error)),
                Err(error) => {
                    if let Some(trouble) = self.trouble.is_there() {
                        return Err(Stop::Sink(format!("Kafka at {}: {trouble}", self.brokers())));
                    }
                    self.abort(&error)?;
                }
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn attempt(&self, out: &[Out]) -> Result<(), KafkaError> {
        let mut begun = Instant::now();
        let mut is_done = |step| {
            let before = std::mem::replace(&mut begun, Instant::now());
            self.place.watch.stepped(step, begun - before);
        };
        self.producer.begin_transaction()?;
        fault::at("lane-begun");
        let delivery = Delivery::default();
        let lane = i32::try_from(self.place.lane).unwrap_or_default();
        for message in out {
            // The rejects' lane has a topic of one partition.
            let partition = if self.place.lane == self.place.lanes { 0 } else { lane };
            self.send(message, partition, &delivery)?;
        }
        fault::at("lane-sent");
        let report = Out {
            topic: self.place.topics.progress.as_str().into(),
            key: self.place.lane.to_string(),
            payload: serde_json::to_vec(&self.report()).ok().map(Into::into),
            headers: Vec::new(),
        };
        self.send(&report, lane, &delivery)?;
        is_done(Step::Send);
        while self.producer.in_flight_count() > 0 {
            serve(&self.producer, Duration::from_millis(20));
        }
        if let Some(error) = delivery.failed() {
            return Err(error);
        }
        fault::at("lane-drained");
        is_done(Step::Drain);
        loop {
            match self.producer.commit_transaction(ANSWER) {
                Err(KafkaError::Transaction(error)) if error.is_retriable() && !self.is_troubled() => {}
                done => {
                    fault::at("lane-committed");
                    is_done(Step::Commit);
                    return done;
                }
            }
        }
    }

    fn send(&self, message: &Out, partition: i32, delivery: &Delivery) -> Result<(), KafkaError> {
        let headers =
            message.headers.iter().fold(OwnedHeaders::new_with_capacity(message.headers.len()), |all, one| {
                all.insert(Header { key: one.0, value: Some(one.1.as_str()) })
            });
        let mut record =
            BaseRecord::<[u8], [u8], Box<Delivery>>::with_opaque_to(&message.topic, Box::new(delivery.clone()))
                .partition(partition)
                .key(message.key.as_bytes())
                .headers(headers);
        if let Some(payload) = &message.payload {
            record = record.payload(payload);
        }
        loop {
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((error, back)) if error.rdkafka_error_code() == Some(Code::QueueFull) => {
                    serve(&self.producer, Duration::from_millis(2));
                    record = back;
                }
                Err((error, _)) => return Err(error),
            }
        }
    }

    fn abort(&self, why: &KafkaError) -> Result<(), Stop> {
        loop {
            match self.producer.abort_transaction(ANSWER) {
                Ok(()) => return Ok(()),
                Err(KafkaError::Transaction(error)) if error.is_retriable() && !self.is_troubled() => {}
                // It was not begun.
                Err(KafkaError::Transaction(error)) if error.code() == Code::State => return Ok(()),
                Err(error) if is_final(&error) => return Err(self.over(&error)),
                Err(_) => return Err(Stop::Sink(explain(why, self.brokers()))),
            }
        }
    }

    fn is_troubled(&self) -> bool {
        self.trouble.is_there().is_some()
    }

    fn brokers(&self) -> &str {
        &self.place.settings.login.brokers
    }

    /// The producer is of no more use: because another generation has the lane, or because the brokers gave it up.
    fn over(&self, error: &KafkaError) -> Stop {
        let Place { lane, generation, .. } = self.place;
        let last = Reports::open(&self.place.settings, &self.place.topics.progress)
            .and_then(|reports| reports.last(lane))
            .unwrap_or_default();
        match last.filter(|last| last.generation > generation) {
            Some(last) => Stop::Fenced(format!(
                "lane {lane} is written by generation {}: this one, {generation}, ends",
                last.generation
            )),
            None => Stop::Again(format!(
                "lane {lane}: the brokers have given up its producer ({}): start again",
                explain(error, self.brokers())
            )),
        }
    }

    fn report(&self) -> Report {
        let Place { job, lane, lanes, generation, .. } = &self.place;
        Report {
            job: job.clone(),
            lane: *lane,
            lanes: *lanes,
            generation: *generation,
            first: self.first,
            through: self.through,
            sky_mjd_tai: self.said.sky.clone(),
            packets: self.said.packets.0,
            rejected: self.said.packets.1,
            lag: self.said.lag,
            utc: skydiff_schemas::iso_utc(crate::source::night::now()),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// Whether a producer can do nothing more.
fn is_final(error: &KafkaError) -> bool {
    let fenced =
        |code: Code| matches!(code, Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch | Code::Fatal);
    match error {
        KafkaError::Transaction(error) => error.is_fatal() || fenced(error.code()),
        error => error.rdkafka_error_code().is_some_and(fenced),
    }
}
