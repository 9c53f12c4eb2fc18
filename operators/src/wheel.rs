//! The deadlines at which states cease to be alive.
//!
//! Deadlines hang on each survey's sky clock, which no future-dated retraction could know. One entry
//! for each object that has anything alive; what is due is found in order, whatever worker holds it.

use crate::Clocks;
use skydiff_schemas::{MicroDays, ObjectId};
use std::collections::BTreeSet;

/// The next deadline of each object.
#[derive(Default)]
pub struct Wheel(BTreeSet<(MicroDays, ObjectId)>);

impl Wheel {
    /// Moves an object's deadline.
    pub fn change(&mut self, object: ObjectId, from: Option<MicroDays>, to: Option<MicroDays>) {
        if from == to {
            return;
        }
        if let Some(from) = from {
            self.0.remove(&(from, object));
        }
        if let Some(to) = to {
            self.0.insert((to, object));
        }
    }

    /// Takes the objects whose deadline their survey's clock has reached.
    pub fn due(&mut self, clocks: &Clocks) -> Vec<ObjectId> {
        let latest = clocks.iter().map(|(_, clock)| clock).max();
        let Some(latest) = latest else { return Vec::new() };
        let reached = |(deadline, object): &&(MicroDays, ObjectId)| {
            clocks.get(object.survey).is_some_and(|clock| clock >= *deadline)
        };
        let past = self.0.iter().take_while(|(deadline, _)| *deadline <= latest);
        let due: Vec<(MicroDays, ObjectId)> = past.filter(reached).copied().collect();
        for entry in &due {
            self.0.remove(entry);
        }
        due.into_iter().map(|(_, object)| object).collect()
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
