//! A job that only looks: it reads what the job would read next, packet by packet, and writes nothing. Of a packet that ends
//! the process its place is what was said last.

use super::head::Begun;
use super::{Probing, Request, RunError};
use crate::archive::open::Archive;
use crate::archive::recall::{From, Recalled, Step};
use crate::archive::snapshot::Snapshot;
use crate::kafka::positions::Positions;
use crate::kafka::settings::Until;
use crate::ledger::Past;
use crate::settings::{Job, SourceKind};
use crate::source::{Feed, Marks, Share, Spot, Taken};
use skydiff_operators::Epoch;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// How long it waits before it looks again whether a packet is through.
const AGAIN: Duration = Duration::from_micros(50);

/// The job as it is probed: one worker, nothing written, nothing waited for.
pub(super) fn only_looks(job: &Job) -> Job {
    let mut job = job.clone();
    (job.sink.to, job.sink.kafka, job.run.workers) = (None, Default::default(), 1);
    (job.epochs.in_flight, job.run.max_reject) = (1, 1.0);
    for source in job.source.iter_mut().filter(|source| source.kind == SourceKind::Kafka) {
        source.kafka.until = Until::End;
        source.kafka.group = String::new();
    }
    job
}

impl Begun {
    /// What the archive knows, and where the job would go on; nothing is claimed.
    pub(super) fn look(url: &str) -> Result<Begun, RunError> {
        let archive = Archive::open(url).map_err(RunError::Settings)?;
        let chain = &archive.chain;
        let Some(last) = chain.last() else { return Ok(Begun::default()) };
        let snapshot = archive.useful(last).max().map(|epoch| Snapshot::read(&archive, epoch)).transpose();
        let known = Recalled {
            archive: archive.clone(),
            steps: vec![Step { first: chain.begin(last), last }],
            from: From::Measurements,
            snapshot: snapshot.map_err(RunError::Settings)?,
            only: None,
            restated: None,
        };
        let bindings = chain.manifests().iter().flat_map(|manifest| &manifest.epochs).map(|bound| &bound.binding);
        let (taken, positions) = (Taken::of(bindings.clone()), Positions::of(bindings));
        let past = Past { since: chain.next(), restates: false, digests: BTreeMap::new() };
        Ok(Begun { recalled: vec![known], past, taken, positions, told: Epoch(u64::MAX), ..Begun::default() })
    }
}

/// Hands packets out one by one: the next when the one before is through.
#[derive(Clone, Debug)]
pub(super) struct OneByOne {
    /// How many at most.
    pub packets: u64,
    /// Epochs that are through.
    pub through: Arc<AtomicU64>,
    /// Hears where each is before anyone reads it.
    pub say: fn(&Spot),
    /// Someone wants the job to end.
    pub stop: Arc<AtomicBool>,
}

impl OneByOne {
    /// Of a request.
    pub(super) fn of(request: &Request) -> Option<OneByOne> {
        let Probing { packets, say } = request.probe?;
        Some(OneByOne { packets, say, through: request.gauges.epochs.clone(), stop: request.stop.clone() })
    }

    /// Hands on; `given` counts the packets so far. Answers whether there may be more.
    pub(super) fn hand(&self, feed: Feed, given: &mut u64, out: &mut dyn FnMut(Feed) -> bool) -> bool {
        let share = match feed {
            Feed::Share(share) if !share.parcels.is_empty() && share.kept.is_empty() => share,
            // Each packet is an epoch of its own; what else was one is not counted.
            Feed::Seal(_) => return true,
            feed => return out(feed),
        };
        let Share { origin, first, parcels, schemas, .. } = share;
        for (number, parcel) in (first..).zip(parcels) {
            let spot = Spot { bundle: origin.bundle.clone(), partition: origin.partition, number };
            (self.say)(&spot);
            let parcels = vec![parcel];
            let (origin, schemas) = (origin.clone(), schemas.clone());
            let share = Share { number: *given, origin, first: number, parcels, kept: Vec::new(), schemas };
            if !out(Feed::Share(share)) || !out(Feed::Seal(Marks::default())) {
                return false;
            }
            *given += 1;
            while self.through.load(Ordering::Relaxed) < *given {
                if self.stop.load(Ordering::Relaxed) {
                    return false;
                }
                std::thread::sleep(AGAIN);
            }
            if *given >= self.packets {
                self.stop.store(true, Ordering::Relaxed);
                return false;
            }
        }
        true
    }
}
