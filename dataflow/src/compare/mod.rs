//! What two jobs said, held against each other: which objects came to be in a state, when, and why.
//!
//! Times are those of the sky (mid-exposure of the newest good source when it was said), so that runs with other epochs, or
//! of other days, can be compared.

mod read;
mod table;
#[cfg(test)]
mod tests;

pub use read::{ReadError, each_record};
pub use table::write_parquet;

use serde::Serialize;
use skydiff_schemas::record::{Reason, Record};
use std::collections::{BTreeMap, BTreeSet};

/// A state at a timescale: its length in days as text, `all` for all of history.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// Survey of the object.
    pub survey: String,
    /// The survey's name of it.
    pub object: String,
    /// At which timescale.
    pub timescale: String,
    /// Which state.
    pub state: String,
}

/// When an object was first said to be in a state.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Said {
    /// Time of the newest good source then, MJD (TAI).
    pub mjd_tai: f64,
    /// Significance then.
    pub z: f64,
    /// Reason of that record.
    pub reason: &'static str,
    /// In which epoch of its job.
    pub epoch: i64,
    /// Whether the last record of the object says so too.
    pub holds: bool,
}

/// Everything that a job said.
#[derive(Clone, Debug, Default)]
pub struct Story {
    said: BTreeMap<Place, Said>,
    /// Where objects are in a state, by the last record of each.
    holds: BTreeMap<(String, String), Vec<Place>>,
    records: u64,
}

impl Story {
    /// Hears a record; those of an object come in their order.
    pub fn hear(&mut self, record: &Record) {
        self.records += 1;
        let object = (record.survey.clone(), record.object.clone());
        for place in self.holds.remove(&object).unwrap_or_default() {
            if let Some(said) = self.said.get_mut(&place) {
                said.holds = false;
            }
        }
        let mut holds = vec![];
        for scale in &record.timescales {
            for held in &scale.states {
                let place = Place {
                    survey: record.survey.clone(),
                    object: record.object.clone(),
                    timescale: scale.timescale.map_or("all".into(), |days| days.to_string()),
                    state: held.state.clone(),
                };
                let said = self.said.entry(place.clone()).or_insert_with(|| Said {
                    mjd_tai: record.newest_mjd_tai.or(record.mjd_tai).unwrap_or(f64::NAN),
                    z: held.z,
                    reason: record.reason.name(),
                    epoch: record.epoch,
                    holds: true,
                });
                said.holds = true;
                holds.push(place);
            }
        }
        self.holds.insert(object, holds);
    }

    /// Records that were heard.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Objects that were spoken of.
    pub fn objects(&self) -> u64 {
        self.holds.len() as u64
    }
}

/// How the second story differs from the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Only the second ever says so.
    Entered,
    /// Only the first does.
    Left,
    /// The second says it at an earlier time.
    Earlier,
    /// The second says it at a later time.
    Later,
    /// Both say so at the same time, and at their ends only the second still does.
    Kept,
    /// Both say so at the same time, and at their ends only the first still does.
    Lost,
}

impl Kind {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Entered => "entered",
            Kind::Left => "left",
            Kind::Earlier => "earlier",
            Kind::Later => "later",
            Kind::Kept => "kept",
            Kind::Lost => "lost",
        }
    }
}

/// A difference.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// Of which object, state and timescale.
    #[serde(flatten)]
    pub place: Place,
    /// Of which kind.
    pub kind: Kind,
    /// By how many days the second says it later; negative is earlier.
    pub days: Option<f64>,
    /// What the first says.
    pub a: Option<Said>,
    /// What the second says.
    pub b: Option<Said>,
}

impl Difference {
    /// The night of it, by the second story where it says so: MJD, whole.
    pub fn night(&self) -> i64 {
        self.b.as_ref().or(self.a.as_ref()).map_or(0, |said| said.mjd_tai.floor() as i64)
    }

    /// Why it was said, or why it was said otherwise.
    pub fn reason(&self) -> &'static str {
        self.b.as_ref().or(self.a.as_ref()).map_or(Reason::NewData.name(), |said| said.reason)
    }
}

/// In what `b` differs from `a`, in order of survey, object, timescale and state. Nothing where both say the same.
pub fn differences(a: &Story, b: &Story) -> Vec<Difference> {
    let places: BTreeSet<&Place> = a.said.keys().chain(b.said.keys()).collect();
    places.into_iter().filter_map(|place| difference(place, a.said.get(place), b.said.get(place))).collect()
}

fn difference(place: &Place, a: Option<&Said>, b: Option<&Said>) -> Option<Difference> {
    let days = a.zip(b).map(|(a, b)| b.mjd_tai - a.mjd_tai);
    let kind = match (a, b) {
        (None, _) => Kind::Entered,
        (_, None) => Kind::Left,
        (Some(a), Some(b)) if b.mjd_tai < a.mjd_tai => Kind::Earlier,
        (Some(a), Some(b)) if b.mjd_tai > a.mjd_tai => Kind::Later,
        (Some(a), Some(b)) if b.holds && !a.holds => Kind::Kept,
        (Some(a), Some(b)) if a.holds && !b.holds => Kind::Lost,
        _ => return None,
    };
    Some(Difference { place: place.clone(), kind, days, a: a.cloned(), b: b.cloned() })
}
