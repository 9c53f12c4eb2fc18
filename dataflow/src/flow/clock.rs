//! Closes the reading of each epoch, on worker 0: judges its packets, moves the sky clocks, and tells every worker.
//!
//! An epoch whose packets are broken gets no clocks. No operator then does that epoch, nothing of it is written, and every
//! worker is told to stop.

use crate::counts::{Counts, SurveyCounts};
use crate::flow::feed::{Binding, InFlight, Recall};
use crate::judge::Judge;
use crate::reading::Reading;
use crate::reject::{Reject, RowRejects};
use crate::watch::{Stage, Watch};
use serde::{Deserialize, Serialize};
use skydiff_operators::flow::{Stash, passed};
use skydiff_operators::{Clocks, Epoch};
use timely::container::CapacityContainerBuilder;
use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::dataflow::operators::vec::Broadcast;

/// An epoch whose packets have been read and judged.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Judged {
    /// What it is made of.
    pub binding: Binding,
    /// The clocks at it.
    pub clocks: Clocks,
    /// Packets and rows, accepted and not.
    pub counts: Counts,
    /// Packets that were not accepted, in order of the bundle.
    pub rejects: Vec<Reject>,
    /// Rows that were left out, in order of the bundle.
    pub row_rejects: Vec<RowRejects>,
}

/// The job cannot go on: nothing of this epoch was written, and everything before it is to be.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Stopped {
    /// Which epoch.
    pub epoch: Epoch,
    /// Why.
    pub stop: Stop,
}

/// Why a job cannot go on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Stop {
    /// Too much is wrong with the packets.
    Rejects(String),
    /// A sink cannot be written.
    Sink(String),
    /// A newer generation of the job is at work.
    Fenced(String),
    /// The archive holds more than this job knew: it is to be started again.
    Again(String),
    /// A sum that must come out does not.
    Internal(String),
}

/// What comes of the clock.
pub struct Clocked<'s> {
    /// For every worker, the clocks of each epoch that has packets, at that epoch, once.
    pub clocks: StreamVec<'s, Epoch, Clocks>,
    /// On worker 0, each epoch.
    pub judged: StreamVec<'s, Epoch, Judged>,
    /// On every worker, that the job must end.
    pub stops: StreamVec<'s, Epoch, Stopped>,
}

/// Collects the readings of all workers. `max_reject` is a share of 1.
pub fn clock<'s>(
    readings: StreamVec<'s, Epoch, Reading>,
    bindings: StreamVec<'s, Epoch, Binding>,
    max_reject: f64,
    (in_flight, watch): (InFlight, Watch),
) -> Clocked<'s> {
    let mut builder = OperatorBuilder::new("Clock".to_owned(), readings.scope());
    let mut readings = builder.new_input(readings, Exchange::new(|_: &Reading| 0));
    let mut bindings = builder.new_input(bindings, Exchange::new(|_: &Binding| 0));
    let (clocks, clock_stream) = builder.new_output::<Vec<Clocks>>();
    let (judged, judged_stream) = builder.new_output::<Vec<Judged>>();
    let (stops, stop_stream) = builder.new_output::<Vec<Stopped>>();
    let mut clocks = OutputBuilder::<_, CapacityContainerBuilder<Vec<Clocks>>>::from(clocks);
    let mut judged = OutputBuilder::<_, CapacityContainerBuilder<Vec<Judged>>>::from(judged);
    let mut stops = OutputBuilder::<_, CapacityContainerBuilder<Vec<Stopped>>>::from(stops);
    builder.build(move |_| {
        let (mut read, mut bound) = (Stash::<Reading>::default(), Stash::<Binding>::default());
        let mut running = Clocks::default();
        let mut judge = Judge::new(max_reject);
        // Holds the clocks of an epoch that is never to come.
        let mut broken = None;
        move |frontiers| {
            readings.for_each(|capability, data| {
                data.iter().for_each(|reading| in_flight.done(reading.bytes));
                read.put(&capability, &[0, 1, 2], data);
            });
            bindings.for_each(|capability, data| bound.put(&capability, &[0, 1, 2], data));
            while broken.is_none()
                && let Some(epoch) =
                    bound.first().filter(|epoch| frontiers.iter().all(|frontier| passed(frontier, *epoch)))
                && let Some((capabilities, mut binding)) = bound.take(epoch)
                && let Some(binding) = binding.pop()
            {
                let mut shares = read.take(epoch).map_or(Vec::new(), |(_, shares)| shares);
                shares.sort_unstable_by_key(|reading| reading.share);
                // A restatement binds no packets, and puts all that is known.
                watch.reached(Stage::Read, epoch, epoch);
                let has_rows = binding.packets > 0 || !shares.is_empty();
                let stop = match close(binding, shares, &mut judge, &mut running, max_reject) {
                    Ok(epoch) => {
                        if has_rows {
                            clocks.activate().session(&capabilities[0]).give(epoch.clocks.clone());
                        }
                        judged.activate().session(&capabilities[1]).give(epoch);
                        continue;
                    }
                    Err(stop) => stop,
                };
                stops.activate().session(&capabilities[2]).give(Stopped { epoch, stop });
                broken = Some(capabilities);
            }
        }
    });
    Clocked { clocks: clock_stream.broadcast(), judged: judged_stream, stops: stop_stream.broadcast() }
}

/// Puts an epoch together from the readings of its shares, in their order.
fn close(
    mut binding: Binding,
    shares: Vec<Reading>,
    judge: &mut Judge,
    running: &mut Clocks,
    max_reject: f64,
) -> Result<Judged, Stop> {
    let read: u64 = shares.iter().map(|reading| reading.packets).sum();
    let recorded = binding.recorded.take();
    let again = recorded.as_ref().is_none_or(|recorded| recorded.read.is_none());
    if again && read != binding.packets {
        let text = format!("epoch {}: {} packets were bound and {read} were read", binding.epoch, binding.packets);
        return Err(Stop::Internal(text));
    }
    // What is durable has been judged.
    let judged = if recorded.is_some() { &[][..] } else { &shares[..] };
    let verdict = judged.iter().try_for_each(|reading| judge.watch(&reading.verdicts));
    let mut epoch = Judged {
        binding,
        clocks: Clocks::default(),
        counts: Counts::default(),
        rejects: Vec::new(),
        row_rejects: Vec::new(),
    };
    for reading in shares {
        reading.clocks.iter().for_each(|(survey, time)| running.advance(survey, time));
        if again {
            epoch.counts.merge(&reading.counts);
            epoch.rejects.extend(reading.rejects);
            epoch.row_rejects.extend(reading.row_rejects);
        } else {
            epoch.counts.merge(&rows_alone(reading.counts));
        }
    }
    verdict.map_err(|broken| Stop::Rejects(broken.explain(max_reject, &epoch.rejects)))?;
    if let Some(Recall { clocks, read }) = recorded {
        clocks.iter().for_each(|(survey, time)| running.advance(survey, time));
        if let Some(read) = read {
            epoch.counts.merge(&not_read(read));
        }
    }
    epoch.clocks = running.clone();
    Ok(epoch)
}

/// The rows that come of packets which were counted when they came first.
fn rows_alone(mut counts: Counts) -> Counts {
    let surveys = std::mem::take(&mut counts.surveys).into_iter().map(|(survey, of)| {
        let rows_read = of.rows_read - of.rows_rejected.values().sum::<i64>();
        (survey, SurveyCounts { rows_read, ..SurveyCounts::default() })
    });
    Counts { surveys: surveys.collect(), ..Counts::default() }
}

/// What is recorded of packets that are not read again: the rows that do come are counted as they come.
fn not_read(mut read: Counts) -> Counts {
    for survey in read.surveys.values_mut() {
        survey.rows_read = survey.rows_rejected.values().sum();
    }
    read
}
