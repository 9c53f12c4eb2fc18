//! The graph, in the order in which data flows, and what it needs of the job on each worker.

use super::agree::shared;
use super::head::{Begin, Source};
use super::{Plan, RunError};
use crate::archive::schemas::Used;
use crate::archive::store::Store;
use crate::flow::bind::{Binder, bind};
use crate::flow::clock::{Stop, Stopped, clock};
use crate::flow::commit::{Books, Ends, commit};
use crate::flow::enclose::enclose;
use crate::flow::feed::{InFlight, feed};
use crate::flow::file::{Archived, Desk, file};
use crate::flow::group::{OnTheWay, group};
use crate::flow::publish::{Press, publish};
use crate::flow::read::read;
use crate::flow::restate::{Before, restate};
use crate::flow::tell::{TellSettings, tell};
use crate::kafka::enclosure::Packer;
use crate::kafka::message::Mailer;
use crate::kafka::settings::Form;
use crate::reading::{ReadSettings, Reader};
use crate::settings::{Format, of_record};
use crate::watch::Watch;
use skydiff_operators::{Epoch, Objects, Options, seal, transients_with};
use skydiff_schemas::{Decoder, MicroDays};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use timely::dataflow::ProbeHandle;
use timely::dataflow::operators::generic::operator::empty;
use timely::dataflow::operators::{Concat, Inspect, Probe as _};
use timely::worker::Worker;

impl Plan {
    /// Puts the graph together on a worker; answers its objects.
    pub(super) fn graph(
        &self,
        worker: &mut Worker,
        begin: &Begin,
        (source, binder, before): (Option<Source>, Option<Binder>, Before),
        ledger: Option<Books>,
        through: &ProbeHandle<Epoch>,
        (stopped, lanes): (&Rc<RefCell<Option<Stopped>>>, Arc<()>),
    ) -> Result<Rc<RefCell<Objects>>, RunError> {
        let job = &self.job;
        let limits = job.limits().map_err(RunError::Settings)?;
        let future = MicroDays::from_days(job.run.future_days).unwrap_or(MicroDays::DAY);
        let decoder = Decoder::new(&self.settings).map_err(|error| RunError::Settings(error.to_string()))?;
        let keep_bytes = self.written || self.archive.is_some();
        let reader = Reader::new(decoder, ReadSettings { future, keep_bytes, programs: job.programs() });
        let tell_settings = TellSettings {
            since: begin.told,
            restated: begin.restates.as_ref().map(|restates| (restates.at, restates.reason)),
            job: job.name.clone(),
            timescales: job.timescales.clone(),
            records: job.records.clone(),
            json: (self.written && job.sink.formats.contains(&Format::Jsonl)) || self.sends(Form::Json),
            avro: (self.written && job.sink.formats.contains(&Format::Avro)) || self.sends(Form::Avro),
        };
        let desk = self.desk(worker.index(), begin)?;
        let press = self.press(worker, begin, lanes);
        let progress = self.progress.clone().filter(|_| worker.index() == 0);
        // What restates is read from packets that are archived.
        let restates = begin.restates.as_ref().is_some_and(|restates| restates.at == begin.since);
        let fresh = if restates { begin.since.next() } else { begin.since };
        // Who publishes packets needs those of the epochs that are told once more, too; they are archived already.
        let packer = self.packer(press.is_some())?;
        let since = match packer {
            Some(_) => Some(if restates { fresh } else { fresh.min(begin.told) }),
            None => desk.as_ref().map(|_| fresh),
        };
        let in_flight = InFlight::counted(self.watch.bytes_in_flight());
        let (workers, watch) = (worker.peers() as u64, self.watch.clone());
        let open = source.map(|source| move |wake| source.open(wake, workers));
        Ok(worker.dataflow_named::<Epoch, _, _>("Skydiff", |scope| {
            let (shares, bindings) = feed(scope, through.clone(), limits, (in_flight.clone(), watch.clone()), open);
            let read = read(shares, reader, since);
            let clocked = clock(read.readings, bindings, job.run.max_reject, (in_flight, watch.clone()));
            let options = Options { since: begin.told, ..job.options() };
            let outputs = transients_with(read.offers, read.kept, clocked.clocks, options);
            let (changes, tallies) = match &begin.restates {
                Some(restates) => restate(outputs.changes, restates.at, before),
                None => (outputs.changes, empty(scope)),
            };
            let tallies = outputs.tallies.concat(tallies);
            let told = tell(seal(changes, job.sink.lanes), tell_settings);
            let enclosed = match packer {
                None => told.clone(),
                Some(packer) => enclose(told.clone(), read.packets.clone(), begin.told, job.sink.lanes, packer),
            };
            let (durable, unbound) = match desk {
                None => (empty(scope), empty(scope)),
                Some(desk) => {
                    let (judged, on_the_way) = (clocked.judged.clone(), OnTheWay::default());
                    let archived = Archived {
                        packets: read.packets,
                        offered: outputs.offered,
                        histories: outputs.histories,
                        contexts: outputs.contexts,
                        told: told.clone(),
                        groups: group(judged.clone(), desk.since, job.groups(), on_the_way.clone()),
                        judged: judged.clone(),
                    };
                    bind(judged, file(archived, desk), outputs.digests.clone(), binder, on_the_way)
                }
            };
            let (published, unpublished) = match press {
                None => (empty(scope), empty(scope)),
                Some(press) => publish(enclosed, clocked.judged.clone(), durable.clone(), press, (progress, watch)),
            };
            let digests = outputs.digests;
            let ends = Ends { judged: clocked.judged, told, tallies, digests, durable, published };
            let stopped = stopped.clone();
            let stops = commit(ends, ledger).concat(clocked.stops).concat(unbound).concat(unpublished);
            stops
                .inspect(move |stop| {
                    let mut first = stopped.borrow_mut();
                    if first.as_ref().is_none_or(|first| stop.epoch < first.epoch) {
                        *first = Some(stop.clone());
                    }
                })
                .probe_with(through);
            outputs.objects
        }))
    }

    /// What was told last of this worker's objects, where other settings are to take effect: all that is known, under those of
    /// before.
    pub(super) fn before(
        &self,
        worker: &mut Worker,
        begin: &Begin,
        source: Option<Source>,
    ) -> Result<Before, RunError> {
        let Some(restates) = &begin.restates else { return Ok(Before::new()) };
        let job = of_record(&restates.before).map_err(RunError::Settings)?;
        let limits = self.job.limits().map_err(RunError::Settings)?;
        let decoder = job.decoder().map_err(RunError::Settings)?;
        let decoder = Decoder::new(&decoder).map_err(|error| RunError::Settings(error.to_string()))?;
        let reader =
            Reader::new(decoder, ReadSettings { future: MicroDays::DAY, keep_bytes: false, programs: job.programs() });
        let failed = source.as_ref().map(|source| source.failed.clone());
        let workers = worker.peers() as u64;
        let open = source.map(|source| move |wake| source.open(wake, workers));
        let (through, in_flight) = (ProbeHandle::new(), InFlight::default());
        let objects = worker.dataflow_named::<Epoch, _, _>("Before", |scope| {
            let (shares, bindings) = feed(scope, through.clone(), limits, (in_flight.clone(), Watch::default()), open);
            let read = read(shares, reader, None);
            let clocked = clock(read.readings, bindings, 1.0, (in_flight, Watch::default()));
            let outputs = transients_with(read.offers, read.kept, clocked.clocks, job.options());
            outputs.changes.probe_with(&through);
            clocked.judged.probe_with(&through);
            outputs.objects
        });
        while !through.done() {
            worker.step_or_park(None);
        }
        let failed = failed.and_then(|failed| failed.lock().ok()?.take());
        if let Some(why) = shared(worker, failed) {
            return Err(RunError::Stop(Stop::Sink(why)));
        }
        let told = objects.borrow().told().map(|(object, said, stamp)| (object, (said, stamp))).collect();
        Ok(told)
    }

    /// Whether records are sent in this form.
    fn sends(&self, form: Form) -> bool {
        self.job.sink.kafka.topic.is_some() && self.job.sink.kafka.format == form
    }

    /// What makes packets ready to go with records, where they do.
    fn packer(&self, publishes: bool) -> Result<Option<Packer>, RunError> {
        if !publishes {
            return Ok(None);
        }
        let store = self.kept.as_deref().map(Store::open).transpose();
        let store = store.map_err(RunError::Settings)?;
        Ok(Packer::new(&self.job.sink.kafka.packet, self.settings.schemas.clone(), store))
    }

    /// The lanes of this worker, if records are sent.
    fn press(&self, worker: &Worker, begin: &Begin, working: Arc<()>) -> Option<Press> {
        let settings = &self.job.sink.kafka;
        let (topics, publishes) = (settings.topics()?, begin.publishes?);
        let lanes = self.job.sink.lanes;
        let rejects = (worker.index() == 0).then_some(lanes);
        let own = (0..lanes).filter(|lane| *lane as usize % worker.peers() == worker.index());
        let place = |lane| publishes.place(&self.job, lane, begin.told, self.watch.clone());
        let mailer = Mailer::new(settings, &topics, publishes.schema);
        Some(Press { lanes: own.chain(rejects).filter_map(place).collect(), mailer, rejects, working })
    }

    /// Where this worker's files go, if there is an archive.
    fn desk(&self, worker: usize, begin: &Begin) -> Result<Option<Desk>, RunError> {
        let Some((url, generation)) = self.archive.as_ref().zip(begin.generation) else { return Ok(None) };
        let store = Store::open(url).map_err(RunError::Settings)?;
        let schemas = Used::new(self.settings.schemas.clone());
        let watch = if worker == 0 { self.watch.clone() } else { Watch::default() };
        Ok(Some(Desk { store, generation, schemas, worker, since: begin.since, watch }))
    }
}
