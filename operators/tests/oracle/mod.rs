//! The specification in executable form: what is known at an epoch, recomputed from every offer up to it.
//!
//! Written from DESIGN §4 alone and kept naive on purpose: no incremental state, no exact sums, two passes over
//! `f64` wherever a textbook has two passes. It shares types with the operators and not one line of arithmetic.

mod answer;
mod colours;
mod compare;
mod features;
mod judge;
mod said;
mod slots;
mod standing;
mod states;
mod visits;

pub use answer::{Expected, expected};
#[allow(unused_imports)] // not every test file needs it
pub use compare::compare;
#[allow(unused_imports)] // not every test file needs it
pub use said::compare_said;
pub use standing::{Standing, standing};

use skydiff_operators::{Clocks, Epoch, Errors, Offer, TimescaleSettings};
use skydiff_schemas::{ObjectId, SurveyId};
use std::collections::BTreeMap;

/// What an accumulation is judged by: thresholds, and per survey how far its errors are believed.
#[derive(Clone, Debug)]
pub struct Rules {
    pub settings: TimescaleSettings,
    pub errors: Vec<Errors>,
}

impl Rules {
    pub fn errors(&self, survey: SurveyId) -> Errors {
        self.errors[usize::from(survey.0)]
    }
}

/// All that is known at an epoch.
pub struct Known {
    pub standing: Standing,
    /// Of every object with a standing measurement.
    pub answers: BTreeMap<ObjectId, Expected>,
}

/// What is known at `epoch`, whose clocks are `clocks`.
pub fn known_at(offers: &[(Epoch, Offer)], epoch: Epoch, clocks: &Clocks, rules: &Rules) -> Known {
    let standing = standing(offers.iter().filter(|(at, _)| *at <= epoch).map(|(_, offer)| offer));
    let answers = standing.objects().map(|object| (object, expected(object, &standing, clocks, rules))).collect();
    Known { standing, answers }
}
