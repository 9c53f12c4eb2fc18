//! The whole path from offers to changes, in the order in which data flows.

use crate::analyse::Rules;
use crate::flow::Batch;
use crate::history::{Place, history};
use crate::known::known;
use crate::membership::{ContextRow, membership};
use crate::objects::{LONG_HISTORY, Objects};
use crate::timescales::timescales;
use crate::{Change, Clocks, Epoch, Errors, KeptRows, Offer, Tally, TimescaleSettings};
use skydiff_schemas::{Measurement, ObjectId, Row, SurveyId};
use std::cell::RefCell;
use std::rc::Rc;
use timely::dataflow::StreamVec;
use timely::dataflow::operators::core::Concat;
use timely::dataflow::operators::generic::operator::empty;

/// How [`transients`] is to work.
#[derive(Clone, Debug)]
pub struct Options {
    /// Timescales and thresholds.
    pub timescales: TimescaleSettings,
    /// By survey, how quoted errors become believed ones.
    pub errors: Vec<(SurveyId, Errors)>,
    /// Whether a change is told when time alone made it; by default `valid_until` has said it.
    pub expiry: bool,
    /// Histories of more rows than this are kept as light curves; it changes cost and memory, never an answer.
    pub long_history: usize,
    /// The first epoch whose changes are told: before it, what was known is loaded, in silence.
    pub since: Epoch,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            timescales: TimescaleSettings::default(),
            errors: Vec::new(),
            expiry: false,
            long_history: LONG_HISTORY,
            since: Epoch::default(),
        }
    }
}

/// What comes out.
pub struct Outputs<'scope> {
    /// At each epoch, at most one change for each object, on the object's worker.
    pub changes: StreamVec<'scope, Epoch, Change>,
    /// The copies that could change something, each with its version: with `contexts`, all that leads to the same state again.
    /// Not of epochs before `since`.
    pub offered: StreamVec<'scope, Epoch, (ObjectId, Row)>,
    /// Changes of standing measurements, one batch for each epoch that has any.
    pub histories: StreamVec<'scope, Epoch, Batch<Place, Measurement>>,
    /// Changes of standing contexts.
    pub contexts: StreamVec<'scope, Epoch, Batch<ObjectId, ContextRow>>,
    /// Counts of what became of rows and objects.
    pub tallies: StreamVec<'scope, Epoch, Tally>,
    /// Added up (wrapping) over workers and epochs: the digest of the state.
    pub digests: StreamVec<'scope, Epoch, u128>,
    /// This worker's state, to look at when the dataflow has finished.
    pub objects: Rc<RefCell<Objects>>,
}

/// Offers in, changes out. Each worker must get the clocks of every epoch that has offers, at that epoch, once.
pub fn transients<'scope>(
    offers: StreamVec<'scope, Epoch, Offer>,
    clocks: StreamVec<'scope, Epoch, Clocks>,
    options: Options,
) -> Outputs<'scope> {
    let kept = empty(offers.scope());
    transients_with(offers, kept, clocks, options)
}

/// [`transients`] of offers, and of what an archive has `kept` of earlier ones.
pub fn transients_with<'scope>(
    offers: StreamVec<'scope, Epoch, Offer>,
    kept: StreamVec<'scope, Epoch, KeptRows>,
    clocks: StreamVec<'scope, Epoch, Clocks>,
    options: Options,
) -> Outputs<'scope> {
    let rules = Rules::new(options.timescales.clone(), options.errors.clone());
    let passed = known(offers, kept, options.since);
    let (decided, member_tallies) = membership(passed.claims);
    let mut history = history(passed.orders, decided);
    let history_tallies = std::mem::replace(&mut history.tallies, member_tallies);
    let tallies = history_tallies.concat(history.tallies.clone()).concat(passed.tallies);
    let (histories, contexts) = (history.measurements.clone(), history.contexts.clone());
    let said = timescales(history, clocks, rules, &options);
    Outputs {
        changes: said.changes,
        offered: passed.offered,
        histories,
        contexts,
        tallies: tallies.concat(said.tallies),
        digests: said.digests,
        objects: said.objects,
    }
}
