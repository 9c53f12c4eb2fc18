//! The sky clocks of an epoch: the only clock that answers depend on.

use serde::{Deserialize, Serialize};
use skydiff_schemas::{MicroDays, SurveyId};

/// Per survey, the greatest trigger time (MJD TAI) of the packets accepted up to an epoch. Sorted by survey.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clocks(Vec<(SurveyId, MicroDays)>);

impl Clocks {
    /// The clock of a survey; `None` before its first packet.
    pub fn get(&self, survey: SurveyId) -> Option<MicroDays> {
        self.0.binary_search_by_key(&survey, |(survey, _)| *survey).ok().map(|at| self.0[at].1)
    }

    /// Moves a survey's clock forward, never back.
    pub fn advance(&mut self, survey: SurveyId, time: MicroDays) {
        match self.0.binary_search_by_key(&survey, |(survey, _)| *survey) {
            Ok(at) => self.0[at].1 = self.0[at].1.max(time),
            Err(at) => self.0.insert(at, (survey, time)),
        }
    }

    /// Every survey with its clock.
    pub fn iter(&self) -> impl Iterator<Item = (SurveyId, MicroDays)> + '_ {
        self.0.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_never_goes_back() {
        let mut clocks = Clocks::default();
        assert_eq!(clocks.get(SurveyId(1)), None);
        for (survey, time) in [(1, 5), (0, 9), (1, 3)] {
            clocks.advance(SurveyId(survey), MicroDays(time));
        }
        assert_eq!(clocks.iter().collect::<Vec<_>>(), [(SurveyId(0), MicroDays(9)), (SurveyId(1), MicroDays(5))]);
    }
}
