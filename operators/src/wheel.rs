//! The deadlines at which states cease to be alive.
//!
//! Deadlines hang on each survey's sky clock, which no future-dated retraction could know. One entry
//! for each object that has anything alive; what is due is found in order, whatever worker holds it.

use crate::Clocks;
use skydiff_schemas::{MicroDays, ObjectId, SurveyId};
use std::collections::{BTreeMap, BTreeSet};

/// The next deadline of each object, by survey: a clock that runs ahead costs the others nothing.
#[derive(Default)]
pub struct Wheel(BTreeMap<SurveyId, BTreeSet<(MicroDays, ObjectId)>>);

impl Wheel {
    /// Moves an object's deadline.
    pub fn change(&mut self, object: ObjectId, from: Option<MicroDays>, to: Option<MicroDays>) {
        if from == to {
            return;
        }
        let deadlines = self.0.entry(object.survey).or_default();
        if let Some(from) = from {
            deadlines.remove(&(from, object));
        }
        if let Some(to) = to {
            deadlines.insert((to, object));
        }
    }

    /// Takes the objects whose deadline their survey's clock has reached.
    pub fn due(&mut self, clocks: &Clocks) -> Vec<ObjectId> {
        let mut due = Vec::new();
        for (survey, deadlines) in &mut self.0 {
            let Some(clock) = clocks.get(*survey) else { continue };
            while let Some((_, object)) = deadlines.first().copied().filter(|(deadline, _)| *deadline <= clock) {
                deadlines.pop_first();
                due.push(object);
            }
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use skydiff_schemas::{ObjectClass, SurveyId};

    #[test]
    fn each_survey_has_its_own_clock_and_a_deadline_is_reached_once() {
        let object = |survey, id| ObjectId { survey: SurveyId(survey), class: ObjectClass::Sidereal, id };
        let mut wheel = Wheel::default();
        for (survey, id, at) in [(0, 1, 10), (0, 2, 20), (1, 3, 5), (0, 4, 10)] {
            wheel.change(object(survey, id), None, Some(MicroDays(at)));
        }
        wheel.change(object(0, 4), Some(MicroDays(10)), None);
        let mut clocks = Clocks::default();
        clocks.advance(SurveyId(0), MicroDays(10));
        assert_eq!(wheel.due(&clocks), [object(0, 1)]);
        assert_eq!(wheel.due(&clocks), []);
        clocks.advance(SurveyId(1), MicroDays(30));
        assert_eq!(wheel.due(&clocks), [object(1, 3)]);
        clocks.advance(SurveyId(0), MicroDays(25));
        assert_eq!(wheel.due(&clocks), [object(0, 2)]);
    }
}
