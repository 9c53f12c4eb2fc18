//! When each packet is sent: pure decisions over what is asked, the packets' own times and how many were sent.

use skydiff_schemas::MicroDays;
use std::time::Duration;

/// How fast.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// As fast as the brokers take them.
    Flat,
    /// As the survey sent them, so many times as fast.
    Speed(f64),
    /// So many a second, evenly.
    Rate(f64),
}

/// Says when each packet is due.
#[derive(Clone, Debug)]
pub struct Pacer {
    pace: Pace,
    sent: u64,
    first: Option<MicroDays>,
    due: Duration,
}

impl Pacer {
    /// Of that pace.
    pub fn new(pace: Pace) -> Pacer {
        Pacer { pace, sent: 0, first: None, due: Duration::ZERO }
    }

    /// How long after the first one the next packet is due, which has this time if it has one. It never goes back: a packet
    /// that is late in its survey is sent when its turn comes.
    pub fn next(&mut self, time: Option<MicroDays>) -> Duration {
        let due = match (self.pace, time) {
            (Pace::Flat, _) | (Pace::Speed(_), None) => Duration::ZERO,
            (Pace::Rate(rate), _) => Duration::try_from_secs_f64(self.sent as f64 / rate).unwrap_or(Duration::MAX),
            (Pace::Speed(speed), Some(time)) => {
                let first = *self.first.get_or_insert(time);
                let seconds = (time.0 - first.0).max(0) as f64 * 0.0864 / speed;
                Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
            }
        };
        self.sent += 1;
        self.due = self.due.max(due);
        self.due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dues(pace: Pace, times: &[Option<i64>]) -> Vec<f64> {
        let mut pacer = Pacer::new(pace);
        times.iter().map(|time| pacer.next(time.map(MicroDays)).as_secs_f64()).collect()
    }

    #[test]
    fn packets_are_due_as_the_survey_sent_them_or_evenly_or_at_once() {
        let day = 1_000_000;
        let times = [Some(5 * day), Some(6 * day), Some(4 * day), None, Some(7 * day)];
        assert_eq!(dues(Pace::Speed(86_400.0), &times), [0.0, 1.0, 1.0, 1.0, 2.0]);
        assert_eq!(dues(Pace::Speed(43_200.0), &times)[4], 4.0);
        assert_eq!(dues(Pace::Rate(4.0), &times), [0.0, 0.25, 0.5, 0.75, 1.0]);
        assert_eq!(dues(Pace::Flat, &times), [0.0; 5]);
    }
}
