//! What a running job tells of itself: to a person's terminal or to a machine, which is for the binary to decide.

use crate::counts::Counts;
use crate::highlights::Highlights;
use crate::report::Report;
use crate::watch::Watch;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Something happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// A file is left out: it holds no packet.
    Beside(PathBuf),
    /// The digest of the state at a frontier: `file PATH`, `night 20180601`, `3000 packets`.
    Digest {
        /// Of everything up to there.
        digest: u128,
        /// Where.
        at: String,
    },
    /// Something that people may want to know of what is outside: a broker that is waited for, a gap.
    Note(String),
    /// A night is over.
    Night(Box<Summary>),
}

/// A report with all that it is of.
#[derive(Clone, Debug)]
pub struct Summary {
    /// What it is about.
    pub title: String,
    /// What went in and what became of it.
    pub counts: Counts,
    /// What to look at.
    pub highlights: Highlights,
    /// Days.
    pub timescales: Vec<f64>,
}

impl Summary {
    /// As a report.
    pub fn report(&self) -> Report<'_> {
        let Summary { title, counts, highlights, timescales } = self;
        Report { title, counts, highlights, timescales }
    }
}

/// Where a job stands. Every number only grows.
#[derive(Clone, Debug, Default)]
pub struct Gauges {
    /// Epochs that are through.
    pub epochs: Arc<AtomicU64>,
    /// Packets in them.
    pub packets: Arc<AtomicU64>,
    /// Packets that were rejected.
    pub rejected: Arc<AtomicU64>,
    /// Records that were told.
    pub records: Arc<AtomicU64>,
    /// The rest, for those who watch.
    pub watch: Watch,
}

impl Gauges {
    /// Adds to a gauge.
    pub fn add(gauge: &AtomicU64, more: i64) {
        gauge.fetch_add(u64::try_from(more).unwrap_or(0), Ordering::Relaxed);
    }
}
