//! The objects that a person wants to see first: strongest risers and faders, and what is new.
//!
//! Fed from the records in their order, in bounded memory. A record replaces what the object's previous one said, so a
//! corrected or retracted object leaves the list; what had been pushed out by it cannot come back, and then the list says so.

use serde::{Deserialize, Serialize};
use skydiff_schemas::record::{Record, Series, StateHeld, Timescale};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Objects kept in each list, far more than are shown: so many may leave before the shown ones are in doubt.
const KEPT: usize = 2048;

/// What a list is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum List {
    /// State `rising`.
    Risers,
    /// State `fading`.
    Faders,
    /// State `new`.
    New,
}

impl List {
    /// All of them, as they are shown.
    pub const ALL: [List; 3] = [List::Risers, List::Faders, List::New];

    /// Its name in tables and files.
    pub fn name(self) -> &'static str {
        match self {
            List::Risers => "risers",
            List::Faders => "faders",
            List::New => "new",
        }
    }

    fn state(self) -> &'static str {
        match self {
            List::Risers => "rising",
            List::Faders => "fading",
            List::New => "new",
        }
    }
}

/// One object of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Highlight {
    /// Survey.
    pub survey: String,
    /// Object.
    pub object: String,
    /// Significance of the state, in σ.
    pub z: f64,
    /// The timescale at which it is greatest, in days; `None` is all of history.
    pub timescale: Option<f64>,
    /// Newest good source, MJD TAI.
    pub mjd_tai: Option<f64>,
    /// Degrees.
    pub ra: Option<f64>,
    /// Degrees.
    pub dec: Option<f64>,
    /// Band of the strongest trend, or of the newest measurement where there is none.
    pub band: Option<String>,
    /// Newest magnitude in that band: of the total flux where there is one, else of the difference flux.
    pub magnitude: Option<f64>,
    /// Newest difference flux in that band, nJy.
    pub flux: Option<f64>,
    /// Slope in that band at that timescale, nJy/day.
    pub slope: Option<f64>,
    /// Real/bogus score of the triggering alert.
    pub real_bogus: Option<f32>,
}

/// Greatest Z first, then by name: a total order without arrival in it.
type Order = (Reverse<u64>, String, String);

/// The lists.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Highlights {
    lists: [Top; 3],
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Top {
    ordered: BTreeMap<Order, Highlight>,
    places: BTreeMap<(String, String), u64>,
    /// The first in order of what was ever pushed out.
    pushed_out: Option<Order>,
}

impl Highlights {
    /// Takes note of a record.
    pub fn see(&mut self, record: &Record) {
        for (list, top) in List::ALL.into_iter().zip(&mut self.lists) {
            top.replace(&record.survey, &record.object, highlight(record, list.state()));
        }
    }

    /// The first `count` of a list, and whether they are certain: false if one that was pushed out may belong there.
    pub fn first(&self, list: List, count: usize) -> (Vec<&Highlight>, bool) {
        let top = &self.lists[list as usize];
        let last = top.ordered.keys().take(count).next_back();
        let certain =
            top.pushed_out.as_ref().is_none_or(|out| top.ordered.len() >= count && last.is_some_and(|last| last < out));
        (top.ordered.values().take(count).collect(), certain)
    }

    /// Adds the lists of other objects.
    pub fn merge(&mut self, other: &Highlights) {
        for (top, other) in self.lists.iter_mut().zip(&other.lists) {
            for highlight in other.ordered.values() {
                top.replace(&highlight.survey, &highlight.object, Some(highlight.clone()));
            }
            let outs = [top.pushed_out.take(), other.pushed_out.clone()];
            top.pushed_out = outs.into_iter().flatten().min();
        }
    }
}

impl Top {
    fn replace(&mut self, survey: &str, object: &str, with: Option<Highlight>) {
        let name = (survey.to_owned(), object.to_owned());
        if let Some(z) = self.places.remove(&name) {
            self.ordered.remove(&(Reverse(z), name.0.clone(), name.1.clone()));
        }
        let Some(highlight) = with else { return };
        // The bits of a float that is not negative order as it does.
        let z = highlight.z.abs().to_bits();
        self.ordered.insert((Reverse(z), name.0.clone(), name.1.clone()), highlight);
        self.places.insert(name, z);
        if self.ordered.len() > KEPT
            && let Some((order, _)) = self.ordered.pop_last()
        {
            self.places.remove(&(order.1.clone(), order.2.clone()));
            self.pushed_out = Some(self.pushed_out.take().map_or(order.clone(), |out| out.min(order)));
        }
    }
}

/// What a record says of a state, where it is strongest; the shorter of equal timescales.
fn highlight(record: &Record, state: &str) -> Option<Highlight> {
    let held = record
        .timescales
        .iter()
        .filter_map(|scale| Some((scale, scale.states.iter().find(|held| held.state == state)?)));
    let stronger = |best: (&Timescale, &StateHeld), next: (&Timescale, &StateHeld)| next.1.z.abs() > best.1.z.abs();
    let (scale, held) = held.reduce(|best, next| if stronger(best, next) { next } else { best })?;
    let trend = |series: &&Series| series.trend_z.unwrap_or(0.0).abs();
    let moving = scale.series.iter().filter(|series| series.trend_z.is_some() && state != "new");
    let strongest = moving.reduce(|best, next| if trend(&next) > trend(&best) { next } else { best });
    let newest = record.latest.iter().reduce(|best, next| if next.mjd_tai > best.mjd_tai { next } else { best });
    let latest = match strongest {
        Some(series) => record.latest.iter().find(|latest| latest.band == series.band),
        None => newest,
    };
    Some(Highlight {
        survey: record.survey.clone(),
        object: record.object.clone(),
        z: held.z,
        timescale: scale.timescale,
        mjd_tai: record.newest_mjd_tai,
        ra: record.ra,
        dec: record.dec,
        band: latest.map(|latest| latest.band.clone()),
        magnitude: latest.and_then(|latest| latest.magnitude.or(latest.difference_magnitude)),
        flux: latest.map(|latest| latest.flux),
        slope: strongest.and_then(|series| series.linear_fit_slope),
        real_bogus: record.context.as_ref().and_then(|context| context.real_bogus),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{change, said};
    use skydiff_operators::{CauseKind, Epoch, State, TimescaleSettings};
    use skydiff_schemas::record::{AlertType, Reason};

    fn record(object: &str, states: &[(State, f64)]) -> Record {
        let flags: Vec<_> = states.iter().map(|(state, _)| (*state, 0)).collect();
        let change = change(said(None, &[]), said(Some(5), &flags), &[CauseKind::New]);
        let place = crate::record::Place { job: "j", epoch: Epoch(0), lane: 0, rank: 0 };
        let settings = TimescaleSettings { timescales: vec![7.0], ..Default::default() };
        let mut record = crate::record::record(&change, (AlertType::Initial, Reason::NewData), place, &settings, 1.0);
        record.object = object.into();
        for (held, (_, z)) in record.timescales[0].states.iter_mut().zip(states) {
            held.z = *z;
        }
        record
    }

    fn names(highlights: &Highlights, list: List, count: usize) -> Vec<&str> {
        highlights.first(list, count).0.iter().map(|highlight| highlight.object.as_str()).collect()
    }

    #[test]
    fn strongest_first_and_ties_by_name() {
        let mut highlights = Highlights::default();
        for (object, z) in [("b", 9.0), ("c", 12.0), ("a", 9.0), ("d", 6.0)] {
            highlights.see(&record(object, &[(State::Rising, z)]));
        }
        highlights.see(&record("f", &[(State::Fading, -8.0)]));
        highlights.see(&record("n", &[(State::New, 5.0), (State::Rising, 7.0)]));
        assert_eq!(names(&highlights, List::Risers, 3), ["c", "a", "b"]);
        assert_eq!(names(&highlights, List::Faders, 3), ["f"]);
        assert_eq!(names(&highlights, List::New, 3), ["n"]);
        let (first, certain) = highlights.first(List::Risers, 1);
        assert!(certain);
        assert_eq!((first[0].timescale, first[0].slope, first[0].band.as_deref()), (Some(7.0), Some(-2.0), Some("g")));
    }

    #[test]
    fn a_later_record_replaces_and_a_retraction_removes() {
        let mut highlights = Highlights::default();
        for (object, z) in [("a", 9.0), ("b", 8.0), ("c", 7.0), ("a", 7.5)] {
            highlights.see(&record(object, &[(State::Rising, z)]));
        }
        assert_eq!(names(&highlights, List::Risers, 9), ["b", "a", "c"]);
        highlights.see(&record("b", &[]));
        assert_eq!(names(&highlights, List::Risers, 9), ["a", "c"]);
    }

    #[test]
    fn memory_is_bounded_and_doubt_is_said() {
        let mut highlights = Highlights::default();
        let z = |at: usize| 5.0 + at as f64;
        (0..KEPT + 10).for_each(|at| highlights.see(&record(&format!("{at:05}"), &[(State::Rising, z(at))])));
        assert_eq!(highlights.lists[0].ordered.len(), KEPT);
        assert_eq!(highlights.lists[0].places.len(), KEPT);
        assert!(highlights.first(List::Risers, KEPT).1);
        highlights.see(&record(&format!("{:05}", KEPT + 9), &[]));
        assert!(highlights.first(List::Risers, KEPT - 1).1);
        assert!(!highlights.first(List::Risers, KEPT).1, "one that was pushed out belongs there");
    }

    #[test]
    fn parts_make_the_whole() {
        let (mut one, mut other, mut whole) = (Highlights::default(), Highlights::default(), Highlights::default());
        for at in 0..40usize {
            let record = record(&format!("{at:02}"), &[(State::Rising, 5.0 + (at * 7 % 40) as f64)]);
            whole.see(&record);
            if at % 3 == 0 { one.see(&record) } else { other.see(&record) }
        }
        other.merge(&one);
        assert_eq!(other, whole);
    }
}
