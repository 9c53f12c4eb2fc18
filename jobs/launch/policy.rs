//! What is to be done when processes of a job have ended: a function of how they did.

use std::time::Duration;

/// The longest pause before all start again.
const LONGEST: Duration = Duration::from_secs(30);
/// The first one.
const SHORTEST: Duration = Duration::from_millis(250);
/// A job that has run for so long was well: the next failure is a new one.
const WELL: Duration = Duration::from_secs(20);

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            End::Code(code) => write!(f, "ended with {code}"),
            End::Signal(signal) => write!(f, "was ended by signal {signal}"),
        }
    }
}

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The job is done, or drained.
    Done,
    /// The launcher ends with this code: another start would end in the same way, or may not be.
    Ends(u8),
    /// All start again.
    Again,
    /// All start again, without a pause: nothing is wrong.
    AtOnce,
}

/// Decides over how all processes ended. Codes are those of `skydiff run --help`.
pub fn verdict(ends: &[End]) -> Verdict {
    let any = |code| ends.contains(&End::Code(code));
    if ends.iter().all(|end| *end == End::Code(0)) {
        return Verdict::Done;
    }
    // In order of what must not be overlooked: who is fenced must never start again.
    match [5, 3, 2, 130].into_iter().find(|code| any(*code)) {
        Some(code) => Verdict::Ends(code as u8),
        None if any(6) => Verdict::AtOnce,
        None => Verdict::Again,
    }
}

/// Whose end was the first cause: who ended because another had is not it.
pub fn cause(ends: &[End]) -> Option<(usize, End)> {
    let failed = || ends.iter().copied().enumerate().filter(|(_, end)| *end != End::Code(0));
    failed().find(|(_, end)| *end != End::Code(4)).or_else(|| failed().next())
}

impl End {
    /// Whether the process ended by a fault of its own, not by somebody's hand: a panic, a bad address, a stack that is full.
    pub fn is_fault(self) -> bool {
        matches!(self, End::Signal(4 | 6 | 7 | 8 | 11))
    }
}

/// After so many faults, one soon after another, the packet that is to blame is looked for.
const FAULTS: u32 = 3;

/// Counts faults that come one soon after another.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults(u32);

impl Faults {
    /// A start that lived for so long ended so. Whether it is time to look for a packet that is to blame.
    pub fn failed(&mut self, end: End, lived: Duration) -> bool {
        self.0 = match (end.is_fault(), lived >= WELL) {
            (false, _) => 0,
            (true, true) => 1,
            (true, false) => self.0 + 1,
        };
        let due = self.0 >= FAULTS;
        if due {
            self.0 = 0;
        }
        due
    }
}

/// How long to wait before all start again, and when to give up.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Failures one after another that are too many.
    pub most: u32,
    failed: u32,
}

impl Patience {
    /// So many failures are too many.
    pub fn new(most: u32) -> Patience {
        Patience { most, failed: 0 }
    }

    /// A start that lived for so long has failed. `None`: no more.
    pub fn failed(&mut self, lived: Duration) -> Option<Duration> {
        self.failed = if lived >= WELL { 1 } else { self.failed + 1 };
        let pause = SHORTEST * 2_u32.saturating_pow((self.failed - 1).min(10));
        (self.failed < self.most).then_some(pause.min(LONGEST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use End::{Code, Signal};

    #[test]
    fn what_follows_from_how_processes_end() {
        for (ends, expected, why) in [
            (&[Code(0), Code(0)][..], Verdict::Done, "all are done"),
            (&[Signal(9), Code(4)], Verdict::Again, "one was killed"),
            (&[Code(0), Code(4)], Verdict::Again, "one could not finish"),
            (&[Code(1), Code(4)], Verdict::Again, "one failed"),
            (&[Code(2), Code(1)], Verdict::Ends(2), "refused"),
            (&[Code(4), Code(3)], Verdict::Ends(3), "too much is wrong with the packets"),
            (&[Code(2), Code(5), Signal(9)], Verdict::Ends(5), "fenced, whatever else"),
            (&[Code(6), Code(6)], Verdict::AtOnce, "an older manifest came late"),
            (&[Code(130), Code(4)], Verdict::Ends(130), "somebody ended it by hand"),
        ] {
            assert_eq!(verdict(ends), expected, "{why}");
        }
        assert_eq!(cause(&[Code(4), Signal(9), Code(4)]), Some((1, Signal(9))));
        assert_eq!(cause(&[Code(0), Code(4)]), Some((1, Code(4))));
        assert_eq!(cause(&[Code(0)]), None);
    }

    #[test]
    fn pauses_grow_and_end_and_begin_anew() {
        let mut patience = Patience::new(10);
        let short = Duration::from_secs(1);
        let pauses: Vec<_> = (0..10).map_while(|_| patience.failed(short)).map(|pause| pause.as_millis()).collect();
        assert_eq!(pauses, [250, 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000]);
        let mut patience = Patience::new(3);
        assert_eq!(patience.failed(short), Some(SHORTEST));
        assert!(patience.failed(short).is_some() && patience.failed(WELL) == Some(SHORTEST));
        assert!(patience.failed(short).is_some() && patience.failed(short).is_none());
        assert_eq!(Patience::new(1).failed(short), None);
    }

    #[test]
    fn a_packet_is_looked_for_after_three_faults_in_a_row() {
        let (soon, late) = (Duration::from_secs(1), WELL);
        let mut faults = Faults::default();
        let mut told = |end, lived| faults.failed(end, lived);
        assert!(![Signal(6), Signal(11), Signal(9), Signal(6), Signal(6)].map(|end| told(end, soon)).contains(&true));
        assert!(told(Signal(6), soon), "the third in a row");
        assert!(!told(Signal(6), soon), "it begins anew");
        assert!(![told(Signal(6), late), told(Signal(6), soon), told(Code(1), soon)].contains(&true));
    }
}
