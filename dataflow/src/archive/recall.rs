//! A source that has been read before: recorded epochs, from what was kept of packets or from the packets themselves.
//!
//! Both lead to the same state at every epoch, since what was kept is all that could ever matter. From packets, everything
//! that was not captured is there again; from what was kept, nothing is decoded and nothing known is offered twice.

use super::dataset::{Dataset, MeasurementRow, Names, PacketRow, Select, TriggerRow};
use super::open::Archive;
use super::protocol::Bound;
use super::rows::Rows;
use super::schemas::not_built_in;
use super::snapshot::Snapshot;
use crate::counts::Counts;
use crate::flow::feed::{Binding, Recall};
use crate::kafka::registry::archived;
use crate::reading::{REFUSED, WITHHELD};
use crate::settings::Job;
use crate::source::{Bytes, Feed, Night, Origin, Parcel, Progress, SchemaText, Share};
use skydiff_operators::{Clocks, Epoch, Kept, by_object};
use skydiff_schemas::avro::confluent;
use skydiff_schemas::{MicroDays, Row as Copy, SurveyId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Rows of a share.
const SHARE: usize = 1024;
/// Packets of a share.
const PACKETS: usize = 32;

/// From what epochs are recalled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// What was kept of packets.
    Measurements,
    /// The packets.
    Packets,
}

/// Recorded epochs that are put as one, which has the number of the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The first.
    pub first: Epoch,
    /// The last.
    pub last: Epoch,
}

/// How epochs are put together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Granularity {
    /// As they were.
    #[default]
    Epoch,
    /// All of a visit.
    Visit,
    /// All of a night.
    Night,
}

/// What was captured of packets depends on these settings alone; all else is decided after that.
pub fn captured(job: &Job) -> impl PartialEq + use<> {
    (
        job.survey
            .iter()
            .map(|(name, table)| (name.clone(), table.quality.clone(), table.aliases.clone()))
            .collect::<Vec<_>>(),
        job.run.future_days.to_bits(),
    )
}

/// The night in which an epoch's packets were received: of a file that names one, that; midnight ends a night.
pub fn night_of(binding: &Binding) -> Option<Night> {
    Night::of_receipt(binding.origin.as_ref()?.received)
}

/// The visits that triggered the alerts of each epoch: of a survey, that an exposure was at this time. An epoch that brought
/// nothing new has none.
pub type Visits = BTreeMap<Epoch, BTreeSet<(SurveyId, MicroDays)>>;

/// The visits of the epochs between these two, from what was kept of contexts: a row for each alert.
pub fn visits(archive: &Archive, first: Epoch, last: Epoch) -> Result<Visits, String> {
    let mut visits = Visits::new();
    let select = Select { epochs: Some((first, last)), ..Select::default() };
    Rows::<TriggerRow>::open(archive, Dataset::Contexts, &select, &[])?.take(last, &mut |row| {
        if row.change > 0 {
            let visit = (row.object.survey, row.context.version.packet.0);
            visits.entry(row.epoch).or_default().insert(visit);
        }
    })?;
    Ok(visits)
}

/// The steps by which epochs are put, in order; `visits` of them where these are wanted.
pub fn steps(bounds: &[&Bound], granularity: Granularity, visits: &Visits) -> Vec<Step> {
    let mut steps = Vec::<Step>::new();
    let (mut night, mut visit) = (None, BTreeMap::new());
    for bound in bounds {
        let (epoch, of) = (bound.binding.epoch, night_of(&bound.binding));
        // An epoch may have the end of a visit and the begin of the next: it is of the newest of each survey.
        let newest: BTreeMap<SurveyId, MicroDays> = visits.get(&epoch).into_iter().flatten().copied().collect();
        // An epoch without packets is no night's, and one that brought nothing new no visit's: it ends the one before it.
        let goes_on = match granularity {
            Granularity::Epoch => false,
            Granularity::Night => night == of || of.is_none(),
            Granularity::Visit => newest.iter().all(|(survey, time)| visit.get(survey) == Some(time)),
        };
        match steps.last_mut().filter(|_| goes_on) {
            Some(step) => step.last = epoch,
            None => {
                steps.push(Step { first: epoch, last: epoch });
                (night, visit) = (of, newest);
            }
        }
    }
    steps
}

/// Recorded epochs on their way into the dataflow.
#[derive(Clone, Debug)]
pub struct Recalled {
    /// Of which archive.
    pub archive: Archive,
    /// In which order; each after the one before.
    pub steps: Vec<Step>,
    /// From what.
    pub from: From,
    /// What the first step begins with, where it begins with everything.
    pub snapshot: Option<Snapshot>,
    /// Only of these objects, from what was kept; `None`: of all.
    pub only: Option<Arc<Names>>,
    /// Everything that is recalled is put at this epoch, which binds nothing: other settings take effect at it.
    pub restated: Option<Epoch>,
}

impl Recalled {
    /// Hands every epoch to `out`, for so many `workers`, until that gives `false`. The error says what is missing or damaged; answers the number of
    /// shares.
    pub fn run(
        &self,
        workers: u64,
        progress: &Arc<Progress>,
        out: &mut dyn FnMut(Feed) -> bool,
    ) -> Result<u64, String> {
        let Some((first, last)) = self.steps.first().zip(self.steps.last()) else { return Ok(0) };
        let bounds: BTreeMap<Epoch, &Bound> =
            self.archive.chain.bounds().map(|bound| (bound.binding.epoch, bound)).collect();
        let select = Select { epochs: Some((first.first, last.last)), names: self.only.clone(), ..Select::default() };
        let schemas = match self.from {
            From::Packets => not_built_in(archived(&self.archive.store)?),
            From::Measurements => BTreeMap::new(),
        };
        let (workers, restated) = (workers.max(1), self.restated);
        let mut bench = Bench { bounds, workers, restated, schemas, shares: 0, out };
        match self.from {
            From::Packets => {
                let packets = Rows::<PacketRow>::open(&self.archive, Dataset::Packets, &select, &[])?;
                self.packets(&mut bench, packets.watched(progress))?;
            }
            From::Measurements => {
                let (archive, last) = (&self.archive, last.last);
                let (copies, contexts) = match &self.snapshot {
                    None => (
                        Rows::<MeasurementRow>::open(archive, Dataset::Measurements, &select, &[])?,
                        Rows::<TriggerRow>::open(archive, Dataset::Contexts, &select, &[])?,
                    ),
                    snapshot => {
                        let names = || self.only.clone();
                        (
                            Rows::up_to(archive, Dataset::Measurements, snapshot.as_ref(), last, names())?,
                            Rows::up_to(archive, Dataset::Contexts, snapshot.as_ref(), last, names())?,
                        )
                    }
                };
                self.kept(&mut bench, copies.watched(progress), contexts.watched(progress))?;
            }
        }
        Ok(bench.shares)
    }

    fn packets(&self, bench: &mut Bench<'_>, mut packets: Rows<PacketRow>) -> Result<(), String> {
        for step in &self.steps {
            if !bench.open(*step, false, true)? {
                return Ok(());
            }
            // However much is put as one, no more than was is in memory at once.
            let epochs: Vec<Epoch> = bench.bounds.range(step.first..=step.last).map(|(epoch, _)| *epoch).collect();
            for epoch in epochs {
                let mut rows = Vec::new();
                packets.take(epoch, &mut |row| rows.push(row))?;
                if !bench.packets(rows) {
                    return Ok(());
                }
            }
            if !bench.seal() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn kept(
        &self,
        bench: &mut Bench<'_>,
        mut copies: Rows<MeasurementRow>,
        mut contexts: Rows<TriggerRow>,
    ) -> Result<(), String> {
        for step in &self.steps {
            if !bench.open(*step, true, self.only.is_none())? {
                return Ok(());
            }
            // Each worker's own, so that nothing is shared out row by row again.
            let mut desks: Vec<Vec<Kept>> = (0..bench.workers).map(|_| Vec::new()).collect();
            let mut heard = true;
            let mut put = |kept: Kept| {
                let worker = by_object(kept.object()) % bench.workers;
                let Some(rows) = desks.get_mut(worker as usize) else { return };
                if rows.capacity() == 0 {
                    rows.reserve_exact(SHARE);
                }
                rows.push(kept);
                if rows.len() == SHARE {
                    heard &= bench.kept(worker, std::mem::take(rows));
                }
            };
            copies.take(step.last, &mut |row| {
                if let Some(version) = row.version {
                    let copy = Copy { measurement: row.measurement, version, global: row.global };
                    put(Kept::Row(row.object, copy));
                }
            })?;
            contexts.take(step.last, &mut |row| {
                if row.change > 0 {
                    put(Kept::Context(row.object, Box::new(row.context)));
                }
            })?;
            for (worker, rows) in (0..).zip(desks).filter(|(_, rows)| !rows.is_empty()) {
                heard &= bench.kept(worker, rows);
            }
            if !heard || !bench.seal() {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// A packet as a source hands it out.
pub(crate) fn parcel(row: &PacketRow) -> Parcel {
    let refused = |why: &str| Bytes::Refused { why: why.to_owned(), bytes: Box::new(Bytes::Here(row.bytes.clone())) };
    let bytes = match (row.bytes.is_empty(), row.schema.strip_prefix(WITHHELD)) {
        (true, Some(why)) => Bytes::Withheld(why.to_owned()),
        (true, None) if row.schema.is_empty() => Bytes::Lost("its bytes could not be read when it came".into()),
        _ => row.schema.strip_prefix(REFUSED).map_or_else(|| Bytes::Here(row.bytes.clone()), refused),
    };
    Parcel { name: row.name.clone(), bytes, records: row.records, left_out: row.left_out, received: Some(row.received) }
}

/// Puts epochs together.
struct Bench<'a> {
    bounds: BTreeMap<Epoch, &'a Bound>,
    workers: u64,
    restated: Option<Epoch>,
    /// That packets need and that no decoder was built with.
    schemas: BTreeMap<u32, SchemaText>,
    shares: u64,
    out: &'a mut dyn FnMut(Feed) -> bool,
}

impl Bench<'_> {
    /// Of `all` objects the packets are counted; of some there is no telling which were theirs.
    fn open(&mut self, step: Step, kept: bool, all: bool) -> Result<bool, String> {
        let missing = || format!("epochs {} to {} are not in the archive", step.first, step.last);
        let mut bounds = self.bounds.range(step.first..=step.last).map(|(_, bound)| *bound);
        let mut binding = bounds.next_back().ok_or_else(missing)?.binding.clone();
        let (mut clocks, mut read) = (Clocks::default(), Counts::default());
        (binding.packets, binding.bytes) = (0, 0);
        for (_, bound) in self.bounds.range(step.first..=step.last) {
            binding.packets += bound.binding.packets;
            binding.bytes += bound.binding.bytes;
            binding.origin = binding.origin.or_else(|| bound.binding.origin.clone());
            bound.clocks.iter().for_each(|(survey, time)| clocks.advance(survey, time));
            if all {
                read.merge(&bound.read);
            }
        }
        binding.recorded = Some(Recall { clocks, read: kept.then_some(read) });
        if let Some(epoch) = self.restated {
            binding = Binding { recorded: binding.recorded.take(), ..Binding::new(epoch) };
            binding.recorded.iter_mut().for_each(|recall| recall.read = Some(Counts::default()));
        }
        Ok((self.out)(Feed::Recall(Box::new(binding))))
    }

    fn share(&mut self, origin: Origin, first: u64, parcels: Vec<Parcel>) -> bool {
        let needed = |id: &u32| {
            let of = |parcel: &Parcel| matches!(&parcel.bytes, Bytes::Here(bytes) if confluent(bytes).is_ok_and(|(own, _)| own == *id));
            parcels.iter().any(of)
        };
        let schemas = self.schemas.iter().filter(|(id, _)| needed(id)).map(|(id, text)| (*id, text.clone())).collect();
        let share = Share { number: self.shares, origin, first, parcels, kept: Vec::new(), schemas };
        self.shares += 1;
        (self.out)(Feed::Share(share))
    }

    /// Rows of objects that this worker holds.
    fn kept(&mut self, worker: u64, kept: Vec<Kept>) -> bool {
        let origin = Origin { bundle: String::new(), partition: 0, rank: 0, received: MicroDays(0) };
        let number = self.shares * self.workers + worker;
        self.shares += 1;
        let share = Share { number, origin, first: 0, parcels: Vec::new(), kept, schemas: Default::default() };
        (self.out)(Feed::Share(share))
    }

    /// Packets of an epoch, in the order in which they were bound.
    fn packets(&mut self, mut rows: Vec<PacketRow>) -> bool {
        rows.sort_by(|a, b| {
            (a.epoch, &a.topic, a.partition, a.number).cmp(&(b.epoch, &b.topic, b.partition, b.number))
        });
        let same = |a: &PacketRow, b: &PacketRow| {
            (a.epoch, &a.topic, a.partition, a.number + 1) == (b.epoch, &b.topic, b.partition, b.number)
        };
        rows.chunk_by(same).flat_map(|run| run.chunks(PACKETS)).all(|run| {
            let origin = Origin {
                bundle: run[0].topic.clone(),
                partition: run[0].partition,
                rank: run[0].rank,
                received: run[0].received,
            };
            self.share(origin, run[0].number, run.iter().map(parcel).collect())
        })
    }

    fn seal(&mut self) -> bool {
        (self.out)(Feed::Seal(Default::default()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::protocol::testing::manifest;
    use super::*;

    #[test]
    fn epochs_are_put_together_by_their_newest_visit() {
        let manifest = manifest(0..=6, 1, None);
        let bounds: Vec<&Bound> = manifest.epochs.iter().collect();
        let of = |survey, times: &[i64]| times.iter().map(|time| (SurveyId(survey), MicroDays(*time))).collect();
        let mut visits = Visits::from([
            (Epoch(0), of(0, &[10])),
            (Epoch(1), of(0, &[10, 20])),
            (Epoch(3), of(0, &[20])),
            (Epoch(4), of(0, &[20, 30])),
            (Epoch(5), of(0, &[11])),
        ]);
        let put = |granularity, visits: &Visits| -> Vec<(u64, u64)> {
            steps(&bounds, granularity, visits).iter().map(|step| (step.first.0, step.last.0)).collect()
        };
        assert_eq!(put(Granularity::Visit, &visits), [(0, 0), (1, 3), (4, 4), (5, 6)], "a late one is of its own");
        visits.insert(Epoch(2), of(1, &[20]));
        assert_eq!(put(Granularity::Visit, &visits), [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4), (5, 6)]);
        assert_eq!(put(Granularity::Epoch, &visits).len(), 7);
        assert_eq!(put(Granularity::Night, &visits), [(0, 6)], "no epoch has a night");
    }
}
