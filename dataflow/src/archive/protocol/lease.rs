//! Who may write: generations, claimed once each, and the leases by which their writers say that they live.
//!
//! The claim decides nothing that is durable (manifests do); it keeps two jobs from working against each other, and lets the
//! older one know that it is no longer wanted.

use super::names::{Generation, WriterId};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How often a writer renews its lease.
pub const RENEW: Duration = Duration::from_secs(10);
/// For how long a lease that is not renewed is alive.
pub const ALIVE: Duration = Duration::from_secs(60);

/// A generation as it was claimed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Which.
    pub generation: Generation,
    /// By whom.
    pub writer: WriterId,
    /// When, in seconds since 1970: until it writes a lease, this is its lease.
    pub at: u64,
    /// On which machine, for people.
    pub host: String,
    /// Which release of skydiff, for people.
    pub version: String,
}

/// That a writer lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// When it was renewed, in seconds since 1970.
    pub at: u64,
    /// Whether it came to its end and needs no waiting for.
    pub ended: bool,
}

/// What one who wants to write may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// Claim this generation, if nobody else has by then; then look at the manifests, not before.
    Claim(Generation),
    /// Another writer is alive, or was so many seconds ago.
    Refused(Claim, u64),
}

/// Decides over the newest generation and its lease. `now` in seconds since 1970.
pub fn start(newest: Option<(Claim, Option<Lease>)>, now: u64, take_over: bool) -> Start {
    let Some((claim, lease)) = newest else { return Start::Claim(Generation(1)) };
    let seen = lease.map_or(claim.at, |lease| lease.at.max(claim.at));
    // A clock that is behind makes nobody dead.
    let silent = now.saturating_sub(seen);
    let alive = silent < ALIVE.as_secs() && !lease.is_some_and(|lease| lease.ended);
    if alive && !take_over { Start::Refused(claim, silent) } else { Start::Claim(claim.generation.next()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(generation: u64, at: u64) -> Claim {
        let (host, version) = (String::new(), String::new());
        Claim { generation: Generation(generation), writer: WriterId::new(1, 1), at, host, version }
    }

    #[test]
    fn what_may_be_done_at_a_start() {
        let lease = |at, ended| Some(Lease { at, ended });
        let next = |generation| Start::Claim(Generation(generation));
        assert_eq!(start(None, 1000, false), next(1));
        for (lease, take_over, expected, why) in [
            (lease(995, false), false, Start::Refused(claim(4, 100), 5), "alive"),
            (lease(995, false), true, next(5), "alive, and taken over"),
            (lease(940, false), false, next(5), "silent for 60 s"),
            (lease(941, false), false, Start::Refused(claim(4, 100), 59), "silent for 59 s"),
            (lease(999, true), false, next(5), "came to its end"),
            (lease(2000, false), false, Start::Refused(claim(4, 100), 0), "its clock is ahead"),
            (None, false, next(5), "never renewed, claimed long ago"),
        ] {
            assert_eq!(start(Some((claim(4, 100), lease)), 1000, take_over), expected, "{why}");
        }
        let fresh = claim(4, 990);
        assert_eq!(start(Some((fresh.clone(), None)), 1000, false), Start::Refused(fresh, 10), "claimed just now");
    }
}
