//! From where a job goes on: what is loaded at once, what is replayed, what is new.

use skydiff_operators::Epoch;

/// What a lane has said in its last transaction, read *after* its producer has fenced all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It was born: no epoch is published, and the first that will be is this.
    Born(Epoch),
    /// Everything up to this epoch is published.
    Through(Epoch),
}

impl Progress {
    /// The first epoch that it lacks.
    pub fn lacks(self) -> Epoch {
        match self {
            Progress::Born(first) => first,
            Progress::Through(epoch) => epoch.next(),
        }
    }
}

/// The phases of a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resume {
    /// The snapshot to begin with: the newest at or before `loaded`.
    pub snapshot: Option<Epoch>,
    /// Everything up to here is loaded as one epoch of this number, and published by nobody.
    pub loaded: Option<Epoch>,
    /// From here on epochs are replayed at their own numbers, each lane publishing what it lacks …
    pub replayed: Epoch,
    /// … up to here, where new ones begin.
    pub live: Epoch,
}

/// Why a job cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResumeError {
    /// This lane has published an epoch that no manifest holds.
    Ahead(usize, Epoch),
    /// This lane was never born, and others have published.
    Unborn(usize),
}

impl std::fmt::Display for ResumeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ResumeError::Ahead(lane, epoch) => {
                write!(f, "lane {lane} has published epoch {epoch}, which no manifest holds: manifests were lost")
            }
            ResumeError::Unborn(lane) => {
                write!(f, "lane {lane} has published nothing, and others have: was the number of lanes changed?")
            }
        }
    }
}

impl std::error::Error for ResumeError {}

/// Decides over the last durable epoch, the progress of each lane (none: a job without lanes; all `None`: their first start),
/// and the epochs that have a snapshot. Lanes that are `None` are to be born where the others were: at what is replayed first.
pub fn resume(last: Option<Epoch>, lanes: &[Option<Progress>], snapshots: &[Epoch]) -> Result<Resume, ResumeError> {
    let live = last.map_or(Epoch(0), Epoch::next);
    let mut replayed = live;
    // All lanes are born before one publishes: until then, a start that was cut short has left some of them unborn.
    let published = lanes.iter().any(|progress| matches!(progress, Some(Progress::Through(_))));
    for (lane, progress) in lanes.iter().enumerate() {
        let lacks = match progress {
            Some(progress) => progress.lacks(),
            None if published => return Err(ResumeError::Unborn(lane)),
            None => continue,
        };
        if lacks > live {
            return Err(ResumeError::Ahead(lane, Epoch(lacks.0 - 1)));
        }
        replayed = replayed.min(lacks);
    }
    let loaded = replayed.0.checked_sub(1).map(Epoch);
    let snapshot = snapshots.iter().copied().filter(|epoch| Some(*epoch) <= loaded).max();
    Ok(Resume { snapshot, loaded, replayed, live })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_job_goes_on() {
        use Progress::{Born, Through};
        let at = |last: Option<u64>, lanes: &[Option<Progress>]| resume(last.map(Epoch), lanes, &[Epoch(2), Epoch(7)]);
        let phases = |loaded: Option<u64>, snapshot: Option<u64>, replayed, live| {
            let (loaded, snapshot) = (loaded.map(Epoch), snapshot.map(Epoch));
            Ok(Resume { snapshot, loaded, replayed: Epoch(replayed), live: Epoch(live) })
        };
        assert_eq!(at(None, &[]), phases(None, None, 0, 0), "nothing is there");
        assert_eq!(at(Some(9), &[]), phases(Some(9), Some(7), 10, 10), "no lanes");
        assert_eq!(at(Some(9), &[None, None]), phases(Some(9), Some(7), 10, 10), "lanes that begin");
        let through = |epoch| Some(Through(Epoch(epoch)));
        assert_eq!(at(Some(9), &[through(9), through(9)]), phases(Some(9), Some(7), 10, 10), "all is published");
        assert_eq!(at(Some(9), &[through(9), through(5)]), phases(Some(5), Some(2), 6, 10), "the slowest lane decides");
        assert_eq!(at(Some(9), &[through(9), Some(Born(Epoch(0)))]), phases(None, None, 0, 10), "one only born");
        assert_eq!(at(None, &[Some(Born(Epoch(0))), None]), phases(None, None, 0, 0), "a start that was cut short");
        assert_eq!(at(Some(9), &[through(9), None]), Err(ResumeError::Unborn(1)));
        assert_eq!(at(Some(9), &[through(10)]), Err(ResumeError::Ahead(0, Epoch(10))));
        assert_eq!(at(None, &[through(0)]), Err(ResumeError::Ahead(0, Epoch(0))));
    }
}
