//! The whole answer of one object, from everything that stands.

use super::Rules;
use super::colours::colours;
use super::features::all_series;
use super::judge::Judge;
use super::standing::Standing;
use super::states::{View, states};
use super::visits::{Visit, believed_sigma, detections, visits};
use skydiff_operators::{Answer, Clocks, Errors, Latest, NonDetection, States, Trigger, Window};
use skydiff_schemas::{Band, Context, Kind, Measurement, MicroDays, ObjectId, PicoJansky, Quality, SourceId};
use std::collections::BTreeMap;

/// An answer, and where rounding could make another one right as well.
#[derive(Clone, Debug)]
pub struct Expected {
    pub answer: Answer,
    /// A quantity that `before_first` hangs on was too close to its threshold.
    pub doubtful_first: bool,
    /// By window.
    pub doubts: Vec<WindowDoubt>,
}

/// What of a window cannot be held against the operators.
#[derive(Clone, Debug, Default)]
pub struct WindowDoubt {
    /// A decision on states was too close to its threshold.
    pub states: bool,
    /// Series whose slot averages lie between two integers.
    pub rounded: Vec<(Band, u32)>,
    /// Whether there was a limit that is as deep as the newest slot is bright.
    pub rise_limits: bool,
}

/// What of an object its windows have in common.
pub struct Object<'a> {
    pub id: ObjectId,
    pub errors: Errors,
    /// In order of (time, id).
    pub visits: Vec<Visit>,
    /// Standing sources that are not withdrawn, in order of (time, id).
    pub sources: Vec<Measurement>,
    /// Good ones among them.
    pub good: Vec<Measurement>,
    pub detections: u32,
    pub first_detection: Option<MicroDays>,
    pub triggers: &'a [Trigger],
}

impl<'a> Object<'a> {
    fn new(id: ObjectId, standing: &'a Standing, rules: &Rules) -> Object<'a> {
        let rows = standing.of(id);
        let present = |row: &&Measurement| row.kind == Kind::Source && !row.quality.has(Quality::WITHDRAWN);
        let mut sources: Vec<Measurement> = rows.iter().filter(present).copied().collect();
        sources.sort_by_key(|row| (row.time, row.id));
        let good: Vec<Measurement> = sources.iter().filter(|row| row.quality.is_good()).copied().collect();
        let triggers = standing.triggers_of(id);
        let recorded = triggers.iter().map(|trigger| trigger.context.first_detection);
        let first_detection =
            recorded.chain(good.first().map(|row| row.time)).filter(|time| *time != Context::NEVER).min();
        let errors = rules.errors(id.survey);
        let visits = visits(rows, rules.settings.photometry, errors);
        Object { id, errors, visits, sources, good, detections: detections(rows), first_detection, triggers }
    }

    /// The standing trigger of greatest (time, id).
    pub fn trigger(&self) -> Option<Trigger> {
        self.triggers.last().copied()
    }

    fn newest(&self) -> Option<MicroDays> {
        self.good.last().map(|row| row.time)
    }

    /// The newest visit before the first detection that saw nothing.
    fn before_first(&self, judge: &mut Judge) -> Option<NonDetection> {
        let first = self.first_detection?;
        let depth = |visit: &Visit| if visit.is_flux() { 5.0 * visit.sigma } else { visit.flux() };
        let earlier = self.visits.iter().filter(|visit| visit.time() < first);
        let nothing = earlier
            .rev()
            .find(|visit| !visit.is_flux() || (visit.is_forced() && judge.below(visit.flux(), 5.0 * visit.sigma)))?;
        let depth = PicoJansky(depth(nothing).round() as i64);
        Some(NonDetection { time: nothing.time(), depth, band: nothing.row.band })
    }

    fn latest(&self) -> Vec<Latest> {
        let mut latest: BTreeMap<Band, Latest> = BTreeMap::new();
        for visit in self.visits.iter().filter(|visit| visit.is_flux()) {
            let Measurement { band, time, kind, flux, sigma, .. } = visit.row;
            latest.insert(band, Latest { band, time, kind, flux, sigma, total: visit.row.total() });
        }
        latest.into_values().collect()
    }
}

/// What is known of `object`.
pub fn expected(object: ObjectId, standing: &Standing, clocks: &Clocks, rules: &Rules) -> Expected {
    let view = Object::new(object, standing, rules);
    let mut first = Judge::default();
    let before_first = view.before_first(&mut first);
    let lengths = rules.settings.windows();
    let (windows, doubts) = lengths.into_iter().map(|length| window(&view, length, clocks, rules)).unzip();
    let answer = Answer {
        object,
        position: standing.position(object),
        newest: view.newest(),
        oldest: view.good.first().map(|row| row.time),
        detections: view.detections,
        first_detection: view.first_detection,
        before_first,
        trigger: view.trigger(),
        latest: view.latest(),
        windows,
    };
    Expected { answer, doubtful_first: first.doubtful, doubts }
}

/// The window (newest − length, newest].
fn window(object: &Object, length: Option<MicroDays>, clocks: &Clocks, rules: &Rules) -> (Window, WindowDoubt) {
    let Some(newest) = object.newest() else {
        return (nothing(), WindowDoubt::default());
    };
    let settings = &rules.settings;
    let inside =
        |visit: &&Visit| visit.time() <= newest && length.is_none_or(|length| visit.time().0 > newest.0 - length.0);
    let visits: Vec<&Visit> = object.visits.iter().filter(inside).collect();

    let mut limits = Judge::default();
    let series = all_series(&visits, settings.average_minutes, newest, &mut limits);
    let view = View { object, settings, newest, length, series: &series };
    let mut judge = Judge::default();
    let (states, bands_disagree) = states(&view, &mut judge);

    let valid_until = length.map_or(MicroDays(i64::MAX), |length| MicroDays(newest.0 + length.0));
    let alive = length.is_none() || clocks.get(object.id.survey).is_none_or(|clock| clock < valid_until);
    let rounded = series.iter().filter(|series| series.rounding).map(|s| (s.features.band, s.features.reference));
    let doubt = WindowDoubt {
        states: judge.doubtful || limits.doubtful,
        rounded: rounded.collect(),
        rise_limits: limits.doubtful,
    };
    let colours = colours(&visits, settings.colour_days, newest);
    let series = series.into_iter().map(|series| series.features).collect();
    (Window { states, bands_disagree, valid_until, alive, series, colours }, doubt)
}

/// A window of an object without a good source.
fn nothing() -> Window {
    Window {
        states: States::default(),
        bands_disagree: false,
        valid_until: MicroDays(0),
        alive: false,
        series: Vec::new(),
        colours: Vec::new(),
    }
}

/// Believed error of a good source of that id, for tests that work a Z out by hand.
#[allow(dead_code)]
pub fn sigma_of(standing: &Standing, object: ObjectId, source: SourceId, errors: Errors) -> Option<f64> {
    let row = standing.of(object).iter().find(|row| row.kind == Kind::Source && row.id == source)?;
    Some(believed_sigma(row, errors))
}
