//! A change as the record that a consumer reads: fixed point becomes nJy, magnitudes and MJD here and nowhere before.

use crate::names;
use skydiff_operators::{
    Answer, CauseKind, Change, Colour, Epoch, Latest, NonDetection, Said, SeriesFeatures, State, TimescaleSettings,
    Trigger, Window,
};
use skydiff_schemas::record::{
    AlertContext, AlertTense, AlertType, CausingMeasurement, ColourOfPair, Happening, LastNonDetection, LatestInBand,
    Reason, Record, Series, StateHeld, Timescale,
};
use skydiff_schemas::{Context, MicroDays, PicoJansky, Position};

/// Magnitudes by which a flux of relative error 1 is uncertain: 2.5 / ln 10.
const MAGNITUDES: f64 = 1.085_736_204_758_129_6;

/// The parts of a message id that are not in the change.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Name of the job.
    pub job: &'a str,
    /// Epoch of the change.
    pub epoch: Epoch,
    /// Lane of the object.
    pub lane: u32,
    /// Rank among the records of the epoch in the lane.
    pub rank: u64,
}

/// The record of a change that is told as `(kind, reason)` ([`crate::verdict::verdict`]).
pub fn record(
    change: &Change,
    (kind, reason): (AlertType, Reason),
    place: Place<'_>,
    settings: &TimescaleSettings,
    archival_days: f64,
) -> Record {
    let after = change.after.as_deref();
    let trigger = after.and_then(|answer| answer.trigger);
    let context = trigger.map(|trigger| trigger.context);
    let (ra, dec) = position(after).unzip();
    let healpix = ra.zip(dec).and_then(|(ra, dec)| Position::from_degrees(ra, dec));
    let newest = after.and_then(|answer| answer.newest);
    Record {
        job: place.job.to_owned(),
        epoch: place.epoch.0 as i64,
        lane: i64::from(place.lane),
        rank: place.rank as i64,
        survey: names::survey_name(change.object.survey),
        object: names::object_name(change.object),
        alert_type: kind,
        reason,
        alert_tense: tense(trigger, archival_days),
        causes: causes(change),
        alert: trigger.map(|trigger| trigger.source.0.to_string()),
        ra,
        dec,
        ra_err: context.and_then(|context| context.ra_err.get()),
        dec_err: context.and_then(|context| context.dec_err.get()),
        _healpix_29: healpix.map(|position| position.0 as i64),
        mjd_tai: trigger.map(|trigger| trigger.time.days()),
        utc: trigger.map(|trigger| names::utc(trigger.time)),
        newest_mjd_tai: newest.map(MicroDays::days),
        newest_utc: newest.map(names::utc),
        received: context.filter(is_received).map(|context| skydiff_schemas::iso_utc(context.received)),
        latest: after.map_or(vec![], |answer| answer.latest.iter().map(latest).collect()),
        context: context.as_ref().map(alert_context),
        detections: after.map_or(0, |answer| i64::from(answer.detections)),
        first_detection_mjd_tai: after.and_then(|answer| answer.first_detection).map(MicroDays::days),
        last_non_detection: after.and_then(|answer| answer.before_first).as_ref().map(non_detection),
        timescales: (0..settings.timescales.len()).map(|at| timescale(change, settings, at)).collect(),
    }
}

/// What is known of an object as JSON: the columns of its record without those of a message, every state that holds
/// (`alive` says whether it still does).
pub fn known_json(answer: &Answer, settings: &TimescaleSettings) -> serde_json::Value {
    let held = |window: &Window| (window.states.iter().fold(0, |bits, (state, _)| bits | 1 << state as u8), 0);
    let said = Said { newest: answer.newest, alive: answer.windows.iter().map(held).collect() };
    let after = Some(Box::new(answer.clone()));
    let change =
        Change { object: answer.object, before: Said::default(), said, features: false, after, causes: vec![] };
    let place = Place { job: "", epoch: Epoch(0), lane: 0, rank: 0 };
    let record = record(&change, (AlertType::Initial, Reason::NewData), place, settings, f64::INFINITY);
    // By way of text: a 32-bit number as a value has the digits of 64.
    let text = serde_json::to_string(&record).unwrap_or_default();
    let mut json = serde_json::from_str(&text).unwrap_or_default();
    let message = ["job", "epoch", "lane", "rank", "alert_type", "reason", "alert_tense", "causes", "received"];
    remove(&mut json, &message);
    for scale in json["timescales"].as_array_mut().into_iter().flatten() {
        remove(scale, &["entered", "left", "crossed"]);
    }
    json
}

fn remove(json: &mut serde_json::Value, keys: &[&str]) {
    if let Some(object) = json.as_object_mut() {
        keys.iter().for_each(|key| drop(object.remove(*key)));
    }
}

/// Degrees, of the trigger as sent, else of the object's first standing source.
fn position(after: Option<&Answer>) -> Option<(f64, f64)> {
    let answer = after?;
    let sent = answer.trigger.map(|trigger| (f64::from_bits(trigger.context.ra), f64::from_bits(trigger.context.dec)));
    sent.filter(|(ra, dec)| ra.is_finite() && dec.is_finite()).or_else(|| answer.position.degrees())
}

fn is_received(context: &Context) -> bool {
    context.received != MicroDays(0)
}

fn tense(trigger: Option<Trigger>, archival_days: f64) -> AlertTense {
    let delay = trigger.filter(|trigger| is_received(&trigger.context));
    let delay = delay.map(|trigger| trigger.context.received - names::to_utc(trigger.time));
    match delay {
        Some(delay) if delay.days() > archival_days => AlertTense::Archival,
        _ => AlertTense::Current,
    }
}

fn causes(change: &Change) -> Vec<CausingMeasurement> {
    let happening = |what: CauseKind| match what {
        CauseKind::New => Happening::New,
        CauseKind::Late => Happening::Late,
        CauseKind::Remeasured => Happening::Remeasured,
        CauseKind::Withdrawn => Happening::Withdrawn,
        CauseKind::Joined => Happening::Joined,
        CauseKind::Left => Happening::Left,
    };
    let causing = change.causes.iter().map(|cause| CausingMeasurement {
        id: cause.id.0.to_string(),
        kind: cause.kind.name().to_owned(),
        what: happening(cause.what),
        mjd_tai: cause.time.days(),
    });
    causing.collect()
}

fn latest(latest: &Latest) -> LatestInBand {
    let size = PicoJansky(latest.flux.0.saturating_abs());
    let error = |flux: PicoJansky| MAGNITUDES * latest.sigma.0 as f64 / flux.0 as f64;
    let total = latest.total.filter(|total| total.0 > 0);
    LatestInBand {
        band: latest.band.name().to_owned(),
        kind: latest.kind.name().to_owned(),
        mjd_tai: latest.time.days(),
        flux: latest.flux.nanojansky(),
        flux_err: latest.sigma.nanojansky(),
        total_flux: latest.total.map(PicoJansky::nanojansky),
        difference_magnitude: size.magnitude(),
        difference_magnitude_err: size.magnitude().map(|_| error(size)),
        magnitude: total.and_then(PicoJansky::magnitude),
        magnitude_err: total.map(error),
    }
}

fn alert_context(context: &Context) -> AlertContext {
    let count = |count: i32| (count >= 0).then_some(i64::from(count));
    let first = context.first_detection;
    AlertContext {
        real_bogus: context.real_bogus.get(),
        star: context.star.get(),
        reference_distance: context.reference_distance.get(),
        reference_magnitude: context.reference_magnitude.get(),
        neighbour_distance: context.neighbour_distance.get(),
        neighbour_magnitude: context.neighbour_magnitude.get(),
        solar_system_distance: context.solar_system_distance.get(),
        solar_system_magnitude: context.solar_system_magnitude.get(),
        first_detection_mjd_tai: (first != Context::NEVER).then(|| first.days()),
        detections: count(context.detections),
        coverage: count(context.coverage),
        program: count(context.program),
        quality: context.quality.reasons().map(str::to_owned).collect(),
    }
}

fn non_detection(visit: &NonDetection) -> LastNonDetection {
    LastNonDetection {
        mjd_tai: visit.time.days(),
        band: visit.band.name().to_owned(),
        limiting_flux: visit.depth.nanojansky(),
        limiting_magnitude: visit.depth.magnitude(),
    }
}

fn timescale(change: &Change, settings: &TimescaleSettings, at: usize) -> Timescale {
    let (before, levels_before) = change.before.alive.get(at).copied().unwrap_or_default();
    let (now, levels_now) = change.said.alive.get(at).copied().unwrap_or_default();
    let among = |states: u16| move |state: &State| states >> *state as u8 & 1 == 1;
    let names = |holds: &dyn Fn(&State) -> bool| -> Vec<String> {
        State::ALL.iter().filter(|state| holds(state)).map(|state| state.name().to_owned()).collect()
    };
    let level = |levels: u32, state: &State| levels >> (3 * *state as u32) & 7;
    let window = change.after.as_deref().and_then(|answer| answer.windows.get(at));
    let held = window.iter().flat_map(|window| window.states.iter()).filter(|(state, _)| among(now)(state));
    Timescale {
        timescale: settings.timescales.get(at).copied().filter(|days| days.is_finite()),
        states: held.map(|(state, z)| StateHeld { state: state.name().to_owned(), z }).collect(),
        entered: names(&among(now & !before)),
        left: names(&among(before & !now)),
        crossed: names(&|state| among(now & before)(state) && level(levels_before, state) != level(levels_now, state)),
        bands_disagree: window.is_some_and(|window| window.bands_disagree),
        alive: window.is_some_and(|window| window.alive),
        valid_until_mjd_tai: window.and_then(valid_until),
        series: window.map_or(vec![], |window| window.series.iter().map(series).collect()),
        colours: window.map_or(vec![], |window| window.colours.iter().map(colour).collect()),
    }
}

/// The end of the window's states; none for all of history, and none where there is no good source.
fn valid_until(window: &Window) -> Option<f64> {
    (window.valid_until != MicroDays(i64::MAX) && window.valid_until != MicroDays(0)).then(|| window.valid_until.days())
}

fn series(series: &SeriesFeatures) -> Series {
    Series {
        band: series.band.name().to_owned(),
        reference: i64::from(series.reference),
        n: i64::from(series.n),
        weighted_mean: series.weighted_mean,
        weighted_mean_err: series.weighted_mean_err,
        chi2: series.chi2,
        excess_scatter: series.excess_scatter,
        linear_fit_slope: series.linear_fit_slope,
        linear_fit_slope_sigma: series.linear_fit_slope_sigma,
        linear_fit_reduced_chi2: series.linear_fit_reduced_chi2,
        amplitude: series.amplitude,
        amplitude_z: series.amplitude_z,
        rate: series.rate,
        rate_sigma: series.rate_sigma,
        rise_limit: series.rise_limit,
        rise_limit_z: series.rise_limit_z,
        trend_z: series.trend_z,
    }
}

fn colour(colour: &Colour) -> ColourOfPair {
    ColourOfPair {
        blue: colour.bands.0.name().to_owned(),
        red: colour.bands.1.name().to_owned(),
        colour: colour.colour,
        colour_err: colour.colour_err,
        change: colour.change,
    }
}

#[cfg(test)]
mod tests;
