//! The one place where tests meet the operators: an accumulation in, what every worker said of each epoch out.

use crate::generate::Accumulation;
use skydiff_operators::{Answer, Change, Clocks, Epoch, Offer, Options, Outputs, Tally, transients};
use skydiff_schemas::{Measurement, ObjectId, SurveyId};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use timely::dataflow::operators::probe::Probe;
use timely::dataflow::operators::{Input, Inspect};
use timely::dataflow::{InputHandle, ProbeHandle};

/// How the operators are run; none of it may show.
#[derive(Clone, Copy, Debug)]
pub struct How {
    pub workers: usize,
    /// Epochs that are in flight together.
    pub ahead: usize,
    /// Rows from which on a history is kept as a light curve; `None` is the operators' own choice.
    pub long: Option<usize>,
    /// Whether what time alone does is told.
    pub expiry: bool,
}

impl How {
    pub const PLAIN: How = How { workers: 1, ahead: 1, long: None, expiry: true };
}

/// What came out, over all workers.
#[derive(Debug, Default)]
pub struct Ran {
    /// By epoch, in order of object.
    pub changes: BTreeMap<Epoch, Vec<Change>>,
    pub tallies: Vec<(Epoch, Tally)>,
    /// By epoch, what it added to the digest.
    pub digests: BTreeMap<Epoch, u128>,
    /// What the workers hold in the end.
    pub held: BTreeMap<ObjectId, (Vec<Measurement>, Answer)>,
}

impl Ran {
    /// The digest of the state at an epoch.
    pub fn digest(&self, epoch: Epoch) -> u128 {
        self.digests.range(..=epoch).fold(0, |sum, (_, digest)| sum.wrapping_add(*digest))
    }
}

/// Tells the other workers when one panics: without it they would wait for ever for what it does not send.
struct Alarm(Arc<AtomicBool>);

impl Alarm {
    fn step(&self, worker: &mut timely::worker::Worker) {
        assert!(!self.0.load(Ordering::Relaxed), "another worker ended badly");
        worker.step_or_park(Some(std::time::Duration::from_millis(2)));
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.0.fetch_or(std::thread::panicking(), Ordering::Relaxed);
    }
}

/// Runs all epochs to their end; what panics in a worker is an error.
pub fn run(all: &Accumulation, how: How) -> Result<Ran, String> {
    let ran = Arc::new(Mutex::new(Ran::default()));
    let (given, out) = (Arc::new(all.clone()), Arc::clone(&ran));
    let broken = Arc::new(AtomicBool::new(false));
    let config = timely::Config::process(how.workers);
    let guards = timely::execute(config, move |worker| {
        let alarm = Alarm(Arc::clone(&broken));
        let (mut offers, mut clocks, probe) = (InputHandle::new(), InputHandle::new(), ProbeHandle::new());
        let objects = worker.dataflow::<Epoch, _, _>(|scope| {
            let (offer_stream, clock_stream) = (scope.input_from(&mut offers), scope.input_from(&mut clocks));
            let said = transients(offer_stream, clock_stream, options(&given, how));
            watch(said, &out, &probe)
        });
        let epochs: Vec<(Epoch, &Clocks)> = given.epochs().collect();
        for together in epochs.chunks(how.ahead.max(1)) {
            for (epoch, now) in together {
                let mine = |at: &usize| at % worker.peers() == worker.index();
                let share = given.at(*epoch).enumerate().filter(|(at, _)| mine(at)).map(|(_, offer)| offer.clone());
                share.for_each(|offer: Offer| offers.send(offer));
                clocks.send((*now).clone());
                offers.advance_to(epoch.next());
                clocks.advance_to(epoch.next());
            }
            while probe.less_than(offers.time()) {
                alarm.step(worker);
            }
        }
        drop((offers, clocks));
        while worker.has_dataflows() {
            alarm.step(worker);
        }
        let mut out = out.lock().expect("no test panics with this lock");
        objects.borrow_mut().for_each(|rows, answer| {
            let twice = out.held.insert(answer.object, (rows.to_vec(), answer.clone()));
            assert!(twice.is_none(), "{:?} is held twice", answer.object);
        });
    });
    guards?.join().into_iter().collect::<Result<Vec<()>, String>>()?;
    let mut ran = std::mem::take(&mut *ran.lock().map_err(|_| "a worker panicked at its output")?);
    ran.changes.values_mut().for_each(|changes| changes.sort_by_key(|change| change.object));
    Ok(ran)
}

fn options(all: &Accumulation, how: How) -> Options {
    let errors = all.rules.errors.iter().enumerate().map(|(at, errors)| (SurveyId(at as u8), *errors)).collect();
    let plain = Options::default();
    Options {
        timescales: all.rules.settings.clone(),
        errors,
        expiry: how.expiry,
        long_history: how.long.unwrap_or(plain.long_history),
        ..plain
    }
}

fn watch(
    said: Outputs<'_>,
    out: &Arc<Mutex<Ran>>,
    probe: &ProbeHandle<Epoch>,
) -> std::rc::Rc<std::cell::RefCell<skydiff_operators::Objects>> {
    let lock = |out: &Arc<Mutex<Ran>>| Arc::clone(out);
    let (changes, tallies, digests) = (lock(out), lock(out), lock(out));
    said.changes
        .inspect_batch(move |epoch, batch| {
            changes.lock().expect("unpoisoned").changes.entry(*epoch).or_default().extend_from_slice(batch)
        })
        .probe_with(probe);
    said.tallies
        .inspect_batch(move |epoch, batch| {
            tallies.lock().expect("unpoisoned").tallies.extend(batch.iter().map(|tally| (*epoch, *tally)))
        })
        .probe_with(probe);
    said.digests
        .inspect_batch(move |epoch, batch| {
            let mut ran = digests.lock().expect("unpoisoned");
            let sum = ran.digests.entry(*epoch).or_default();
            *sum = batch.iter().fold(*sum, |sum, digest| sum.wrapping_add(*digest));
        })
        .probe_with(probe);
    said.objects
}
