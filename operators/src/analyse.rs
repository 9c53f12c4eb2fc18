//! From the light curve of an object to the answer about it. A pure function.

use crate::answer::{Latest, NonDetection, Trigger, Window};
use crate::curve::{Believed, LightCurve};
use crate::states::{Piece, known};
use crate::{Answer, Errors, States, TimescaleSettings, colours, features};
use skydiff_schemas::{Context, MicroDays, ObjectId, PicoJansky, SurveyId};

/// Settings in the form in which every answer needs them.
pub struct Rules {
    /// As the job gives them.
    pub settings: TimescaleSettings,
    /// Window lengths; `None` is all of history.
    pub windows: Vec<Option<MicroDays>>,
    errors: Vec<(SurveyId, Errors)>,
}

impl Rules {
    /// `errors` by survey; a survey without has factor 1 and no floor.
    pub fn new(settings: TimescaleSettings, errors: Vec<(SurveyId, Errors)>) -> Rules {
        Rules { windows: settings.windows(), settings, errors }
    }

    /// The light curve of an object without measurements.
    pub fn curve(&self, survey: SurveyId) -> LightCurve {
        let errors = self.errors.iter().find(|(of, _)| *of == survey).map(|(_, errors)| *errors);
        let believed = Believed::new(errors.unwrap_or(Errors { factor: 1.0, floor: 0.0 }));
        let slot = (self.settings.average_minutes * 1e6 / 1440.0).round().max(1.0) as i64;
        let silence = MicroDays::from_days(self.settings.reappeared_days).unwrap_or(MicroDays(i64::MAX));
        LightCurve::new(believed, self.settings.photometry, slot, silence)
    }

    /// When a window of length `tau` that ends at `newest` is over.
    pub fn valid_until(&self, newest: MicroDays, tau: Option<MicroDays>) -> MicroDays {
        tau.map_or(MicroDays(i64::MAX), |tau| newest + tau)
    }
}

/// What is known from the context columns of an object's standing triggers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Noted {
    /// The trigger of greatest (time, id).
    pub trigger: Option<Trigger>,
    /// The survey's own first detection, least over the triggers.
    pub first_detection: Option<MicroDays>,
}

impl Noted {
    /// With one more trigger.
    pub fn add(&mut self, trigger: Trigger) {
        let place = |trigger: &Trigger| (trigger.time, trigger.source);
        self.trigger = self.trigger.filter(|known| place(known) > place(&trigger)).or(Some(trigger));
        let first = trigger.context.first_detection;
        if first != Context::NEVER {
            self.first_detection = Some(self.first_detection.map_or(first, |known| known.min(first)));
        }
    }
}

/// The answer about an object at a sky clock.
pub fn answer(
    object: ObjectId,
    curve: &mut LightCurve,
    noted: &Noted,
    clock: Option<MicroDays>,
    rules: &Rules,
) -> Answer {
    let solar_system = noted.trigger.and_then(|trigger| trigger.context.solar_system_distance.get());
    let known = known(curve, &rules.settings, object, noted.first_detection, solar_system);
    let first_detection = known.as_ref().map(|known| known.first_detection).or(noted.first_detection);
    let before_first = first_detection.and_then(|first| curve.non_detection(first));
    let mut answer = Answer {
        object,
        position: curve.position(),
        newest: known.as_ref().map(|known| known.newest.time),
        oldest: known.as_ref().map(|known| known.oldest.time),
        detections: curve.detections(),
        first_detection,
        before_first: before_first.map(|(time, depth, band)| NonDetection {
            time,
            depth: PicoJansky(depth as i64),
            band,
        }),
        trigger: noted.trigger,
        latest: latest(curve),
        windows: Vec::with_capacity(rules.windows.len()),
    };
    let Some(known) = known else {
        let none = Window {
            states: States::default(),
            bands_disagree: false,
            valid_until: MicroDays(0),
            alive: false,
            series: vec![],
            colours: vec![],
        };
        answer.windows.resize(rules.windows.len(), none);
        return answer;
    };
    let last = known.newest.time;
    let bound = |tau: &Option<MicroDays>| tau.map_or(MicroDays(i64::MIN), |tau| last - tau);
    let bounds: Vec<MicroDays> = rules.windows.iter().map(bound).collect();
    let mut pieces: Vec<Vec<Piece>> = bounds.iter().map(|_| Vec::new()).collect();
    // Windows that differ in what was read from the one before.
    let mut fresh = vec![false; bounds.len()];
    let (slot, mut readings, mut read) = (curve.slot(), Vec::new(), Vec::new());
    for (band, reference, series) in curve.series() {
        series.read(last, &bounds, slot, &mut readings);
        let mut window = 0;
        for reading in readings.drain(..) {
            let first = window;
            window += reading.windows;
            fresh[first] = true;
            read.push((first, band, reference, reading));
        }
    }
    for (first, band, reference, reading) in &read {
        let mut alike = None::<Piece>;
        for window in *first..first + reading.windows {
            let piece = alike.clone().filter(|_| reading.has_two_slots()).or_else(|| {
                let features = features::series(curve, *band, *reference, bounds[window], reading)?;
                fresh[window] = true;
                Some(Piece::new(reading, features))
            });
            alike.clone_from(&piece);
            pieces[window].extend(piece);
        }
    }
    let of_last = known.last_visit.map(|(band, reference, _)| (band, reference));
    let mut baselines = read.iter().filter(|(_, band, reference, _)| Some((*band, *reference)) == of_last).peekable();
    let within = MicroDays::from_days(rules.settings.colour_days).unwrap_or(MicroDays(i64::MAX));
    let pairs = colours::pairs(curve, last, within);
    let (mut baseline, mut judged) = (None, None);
    for (at, pieces) in pieces.into_iter().enumerate() {
        let (tau, bound) = (rules.windows[at], bounds[at]);
        if let Some((.., reading)) = baselines.next_if(|(first, ..)| *first == at) {
            baseline = Some(reading);
        }
        let judgement = judged.filter(|_| !fresh[at]).unwrap_or_else(|| known.judge(&pieces, baseline));
        judged = Some(judgement);
        let (states, bands_disagree) = known.states(tau, bound, &judgement);
        let valid_until = rules.valid_until(last, tau);
        answer.windows.push(Window {
            states,
            bands_disagree,
            valid_until,
            alive: clock.is_none_or(|clock| clock < valid_until),
            series: pieces.into_iter().map(|piece| piece.features).collect(),
            colours: pairs.iter().filter_map(|pair| pair.within(bound)).collect(),
        });
    }
    answer
}

/// The newest flux visit of each band.
fn latest(curve: &LightCurve) -> Vec<Latest> {
    let newest = |band| curve.newest_before(MicroDays(i64::MAX), Some(band));
    let newest = curve.bands().into_iter().filter_map(newest);
    newest
        .map(|(band, _, visit)| Latest {
            band,
            time: visit.time,
            kind: visit.kind,
            flux: visit.flux,
            sigma: visit.quoted,
            total: visit.total,
        })
        .collect()
}
