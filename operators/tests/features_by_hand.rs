//! Visits, errors, averages, colours and what stands, on histories small enough to work them out on paper.
//!
//! Fluxes in nJy, days after the start of the story.

#[allow(dead_code, unused_imports)]
mod adapter;
#[allow(dead_code, unused_imports)]
mod generate;
#[allow(dead_code, unused_imports)]
mod hands;
#[allow(dead_code, unused_imports)]
mod oracle;

use generate::story::{Story, band, day, measured, nano, sidereal};
use hands::{answer, answer_to, close, plain, window};
use oracle::Rules;
use skydiff_operators::{Answer, Clocks, Errors, Offer, Photometry, SeriesFeatures};
use skydiff_schemas::{Kind, Measurement, MicroDays, PicoJansky, Quality, Row, SourceId, Version};
use std::cmp::Reverse;

const ALL: f64 = f64::INFINITY;

fn star() -> Story {
    Story::of(sidereal(0, 1))
}

fn only_series(answer: &Answer, rules: &Rules, days: f64) -> SeriesFeatures {
    let series = &window(answer, rules, days).series;
    assert_eq!(series.len(), 1, "{series:?}");
    series[0].clone()
}

#[test]
fn believed_errors_have_a_factor_and_a_floor() {
    // σ² = (1.4 · 10)² + (0.01 · 1000)² = 196 + 100: 17.2047. Without a total: 196 + (0.01 · 200)² = 200.
    let rules = Rules { errors: vec![Errors { factor: 1.4, floor: 0.01 }], ..plain() };
    let with = answer(&star().source(1.0, "g", 200.0, 10.0).with(|row| row.total = nano(-1000.0)), &rules);
    close(only_series(&with, &rules, 2.0).weighted_mean_err, 17.2047);
    let without = answer(&star().source(1.0, "g", -200.0, 10.0), &rules);
    close(only_series(&without, &rules, 2.0).weighted_mean_err, 14.1421);
    // An error of nothing at all is a picojansky.
    let none = answer(&star().source(1.0, "g", 0.0, 0.0), &rules);
    close(only_series(&none, &rules, 2.0).weighted_mean_err, 0.001);
}

#[test]
fn means_weigh_by_inverse_variance() {
    // Weights 1/100 and 1/400: mean (100 + 0.25 · 200) / 1.25 = 120, its error √(1/0.0125) = 8.94427, χ² = 400/100 +
    // 6400/400 = 20. Excess² = (20 − 1) · 2 / (1 · 0.0125) = 3040. Amplitude 100, Z 100 / √500 = 4.47214.
    let rules = plain();
    let known = answer(&star().source(1.0, "g", 100.0, 10.0).source(2.0, "g", 200.0, 20.0), &rules);
    let features = only_series(&known, &rules, 2.0);
    assert_eq!(features.n, 2);
    close(features.weighted_mean, 120.0);
    close(features.weighted_mean_err, 8.94427);
    close(features.chi2, 20.0);
    close(features.excess_scatter.unwrap(), 55.1362);
    close(features.amplitude, 100.0);
    close(features.amplitude_z, 4.47214);
}

#[test]
fn visits_within_minutes_are_averaged() {
    // Slots are 6944 µd long. Two visits of one slot, 1000 µd apart, 100 ± 10 and 200 ± 20: W = 0.0125, f = 120,
    // t = 0.2 · 1000 = 200 µd later. A day after it 220 ± 10: slope 100 over 1 d − 200 µd,
    // error √(80 + 100) = 13.4164 over the same. χ² and n are over the three visits.
    let rules = plain();
    let start = (day(0.0).0 / 6944 + 1) * 6944;
    let at = |time: i64| move |row: &mut Measurement| row.time = MicroDays(start + time);
    let story = star().source(0.0, "g", 100.0, 10.0).with(at(0)).source(0.0, "g", 200.0, 20.0).with(at(1000));
    let known = answer(&story.clone().source(0.0, "g", 220.0, 10.0).with(at(1_000_000)), &rules);
    let features = only_series(&known, &rules, 2.0);
    assert_eq!(features.n, 3);
    close(features.linear_fit_slope.unwrap(), 100.0 / 0.9998);
    close(features.linear_fit_slope_sigma.unwrap(), 13.4164 / 0.9998);
    close(features.rate.unwrap(), 100.0 / 0.9998);
    assert_eq!(features.linear_fit_reduced_chi2, None);
    // One microday before the slot ends they share it, at its end they do not.
    let apart = |time: i64| {
        answer(&star().source(0.0, "g", 1.0, 1.0).with(at(0)).source(0.0, "g", 2.0, 1.0).with(at(time)), &rules)
    };
    assert_eq!(only_series(&apart(6943), &rules, 2.0).rate, None);
    close(only_series(&apart(6944), &rules, 2.0).rate.unwrap(), 1.0 / 0.006_944);
}

#[test]
fn references_are_never_mixed() {
    // The same band on two reference images: two series of one visit, and no rate between them.
    let rules = plain();
    let other = |row: &mut Measurement| row.reference = 9;
    let known = answer(&star().source(1.0, "g", 0.0, 1.0).source(2.0, "g", 1000.0, 1.0).with(other), &rules);
    let series = &window(&known, &rules, 2.0).series;
    assert_eq!(series.iter().map(|s| (s.reference, s.n)).collect::<Vec<_>>(), [(0, 1), (9, 1)]);
    assert!(series.iter().all(|series| series.trend_z.is_none()));
}

#[test]
fn one_value_speaks_for_a_visit() {
    let rules = plain();
    let forced_first = Rules {
        settings: skydiff_operators::TimescaleSettings {
            photometry: Photometry::ForcedFirst,
            ..rules.settings.clone()
        },
        ..plain()
    };
    let same = |row: &mut Measurement| row.visit = 1;
    let bad = |row: &mut Measurement| (row.visit, row.quality) = (1, Quality::SHAPE);
    // Of two sources the greater id, though it is the fainter; the forced source and the limit are silent.
    let story = star().source(1.0, "g", 100.0, 10.0).source(1.0, "g", 50.0, 10.0).with(same);
    let story = story.forced(1.0, "g", 30.0, 10.0).with(same).limit(1.0, "g", 20.0).with(same);
    let mean = |story: &Story, rules: &Rules| only_series(&answer(story, rules), rules, 2.0).weighted_mean;
    close(mean(&story, &rules), 50.0);
    close(mean(&story, &forced_first), 30.0);
    // A bad source leaves it to the next in line, whatever its id.
    let story = star().source(1.0, "g", 100.0, 10.0).source(1.0, "g", 50.0, 10.0).with(bad);
    close(mean(&story, &rules), 100.0);
    let known = answer(&story.forced(1.0, "r", 7.0, 1.0).with(same), &rules);
    // Another band of the same visit is another image.
    assert_eq!(window(&known, &rules, 2.0).series.len(), 2);
    assert_eq!(
        known.latest.iter().map(|l| (l.band, l.kind)).collect::<Vec<_>>(),
        [(band("g"), Kind::Source), (band("r"), Kind::Forced)]
    );
}

#[test]
fn a_window_excludes_its_start() {
    let rules = plain();
    let story = |first: f64| star().source(first, "g", 100.0, 10.0).source(10.0, "g", 100.0, 10.0);
    let n = |first: f64| only_series(&answer(&story(first), &rules), &rules, 2.0).n;
    assert_eq!((n(8.0), n(8.000_001)), (1, 2));
    // What is forced after the newest source waits for the next one; it is the latest of its band already.
    let known = answer(&star().source(10.0, "g", 100.0, 10.0).forced(10.5, "g", 90.0, 10.0), &rules);
    assert_eq!(only_series(&known, &rules, ALL).n, 1);
    assert_eq!(known.latest[0].time, day(10.5));
}

#[test]
fn colours_are_of_the_latest_pair() {
    // −2.5 log₁₀(100/200) = 0.752575 ± 1.0857362 √(0.1² + 0.05²) = 0.121389. Ten days before it was 0 (100, 100), with
    // both pairs 0.2 d apart: 0.0752575 per day.
    let rules = plain();
    let pair = |story: Story, at: f64, g: f64, r: f64| story.source(at, "g", g, 10.0).source(at + 0.2, "r", r, 10.0);
    let known = answer(&pair(pair(star(), 0.0, 100.0, 100.0), 10.0, 100.0, 200.0), &rules);
    let colour = &window(&known, &rules, 15.0).colours[0];
    assert_eq!(colour.bands, (band("g"), band("r")));
    close(colour.colour, 0.752_575);
    close(colour.colour_err, 0.121_389);
    close(colour.change.unwrap(), 0.075_257_5);
    // In the short window there is no earlier pair.
    assert_eq!(window(&known, &rules, 2.0).colours[0].change, None);
    // Totals where both have them: 1000 and 3000 are 1.19280 mag apart.
    let total = |flux: f64| move |row: &mut Measurement| row.total = nano(flux);
    let story = star().source(1.0, "g", 100.0, 10.0).with(total(1000.0)).source(1.1, "r", -5.0, 10.0);
    let known = answer(&story.clone().with(total(3000.0)), &rules);
    close(window(&known, &rules, 2.0).colours[0].colour, 1.192_803);
    // With one total only, the differences; one of them is negative: no colour. Nor half a day and more apart.
    assert_eq!(window(&answer(&story, &rules), &rules, 2.0).colours, []);
    let apart = |days: f64| answer(&star().source(1.0, "g", 1.0, 0.1).source(1.0 + days, "r", 1.0, 0.1), &rules);
    assert_eq!(window(&apart(0.5), &rules, 2.0).colours.len(), 1);
    assert_eq!(window(&apart(0.500_001), &rules, 2.0).colours.len(), 0);
}

/// A packet of one object at `time`, whose rows have that processing time.
fn packet(object: u64, time: f64, processed: i64, rows: &[Measurement]) -> Offer {
    let version = |trigger: bool| Version {
        rank: 0,
        processed: if processed == 0 { Version::UNPROCESSED } else { MicroDays(processed) },
        packet: Reverse(day(time)),
        trigger,
    };
    let row = |(at, row): (usize, &Measurement)| Row {
        measurement: *row,
        version: version(at == 0),
        global: row.kind == Kind::Source,
    };
    Offer {
        object: sidereal(0, object),
        trigger: rows[0].id,
        time: day(time),
        rows: rows.iter().enumerate().map(row).collect(),
        context: generate::story::silent(),
    }
}

/// Flux in nJy of the first packet's object at `days`, `None` where it has no such source.
fn flux_after(packets: &[Offer], id: u64) -> Option<f64> {
    let rules = plain();
    let known = answer_to(packets, &Clocks::default(), &rules);
    let latest = known.latest.iter().find(|latest| latest.time == day(id as f64));
    latest.map(|latest| latest.flux.nanojansky())
}

fn source(id: u64, flux: f64) -> Measurement {
    measured(Kind::Source, id, id as f64, "g", flux, 1.0)
}

#[test]
fn the_copy_in_the_oldest_packet_stands_until_one_is_processed_later() {
    let trigger = packet(1, 1.0, 0, &[source(1, 10.0)]);
    // Rounded in the history of a later packet; corrected by its own packet when that comes late.
    let later = packet(1, 3.0, 0, &[measured(Kind::Source, 3, 3.0, "r", 9.0, 1.0), source(1, 10.1)]);
    assert_eq!(flux_after(std::slice::from_ref(&later), 1), Some(10.1));
    assert_eq!(flux_after(&[later.clone(), trigger.clone()], 1), Some(10.0));
    assert_eq!(flux_after(&[trigger.clone(), later.clone()], 1), Some(10.0));
    // Processed later stands whatever the packet's time; rank outranks that.
    let again = packet(1, 4.0, 5, &[measured(Kind::Source, 4, 4.0, "r", 9.0, 1.0), source(1, 12.0)]);
    assert_eq!(flux_after(&[trigger.clone(), again.clone(), later.clone()], 1), Some(12.0));
    let mut reprocessed = trigger.clone();
    reprocessed.rows[0] =
        Row { version: Version { rank: 1, ..reprocessed.rows[0].version }, measurement: source(1, 13.0), global: true };
    assert_eq!(flux_after(&[reprocessed, trigger.clone(), again], 1), Some(13.0));
    // Of equal versions the greater value.
    let twin = packet(1, 1.0, 0, &[source(1, 11.0)]);
    assert_eq!(flux_after(&[trigger.clone(), twin.clone()], 1), Some(11.0));
    assert_eq!(flux_after(&[twin, trigger], 1), Some(11.0));
}

#[test]
fn a_withdrawn_source_stays_away_until_it_is_processed_again() {
    let gone = |row: Measurement| Measurement { quality: Quality::WITHDRAWN, ..row };
    let seen = packet(1, 1.0, 1, &[source(1, 10.0)]);
    let withdrawn = packet(1, 2.0, 2, &[source(2, 20.0), gone(source(1, 10.0))]);
    let rules = plain();
    let known = |packets: &[Offer]| answer_to(packets, &Clocks::default(), &rules);
    let after = known(&[seen.clone(), withdrawn.clone()]);
    assert_eq!((after.detections, after.oldest), (1, Some(day(2.0))));
    assert_eq!(known(&[withdrawn.clone(), seen.clone()]), after);
    let back = packet(1, 3.0, 3, &[source(3, 30.0), source(1, 11.0)]);
    assert_eq!(known(&[seen, withdrawn, back]).detections, 3);
    // Nothing but a withdrawn source: the object is known, and nothing of it.
    let empty = known(&[packet(1, 1.0, 1, &[gone(source(1, 10.0))])]);
    assert_eq!((empty.newest, empty.detections, empty.trigger), (None, 0, None));
    assert!(empty.windows.iter().all(|window| window.states.is_empty() && !window.alive));
}

#[test]
fn a_source_belongs_to_the_object_whose_first_claim_is_newest() {
    let claim = |object: u64, time: f64, id: u64| {
        packet(object, time, 0, &[measured(Kind::Source, id, time, "r", 5.0, 1.0), source(1, 10.0)])
    };
    let (first, second) = (claim(1, 2.0, 2), claim(2, 3.0, 3));
    let others = |packets: &[Offer]| {
        let known = oracle::standing(packets.iter());
        let has = |object: u64| known.of(sidereal(0, object)).iter().any(|row| row.id == SourceId(1));
        (has(1), has(2))
    };
    assert_eq!(others(&[first.clone(), second.clone()]), (false, true));
    assert_eq!(others(&[second.clone(), first.clone()]), (false, true));
    // Another packet of object 1 repeats its claim; its first is still the older.
    assert_eq!(others(&[second.clone(), first.clone(), claim(1, 4.0, 4)]), (false, true));
    // A row that was processed later claims anew.
    let again = packet(1, 2.5, 9, &[measured(Kind::Source, 5, 2.5, "r", 5.0, 1.0), source(1, 10.0)]);
    assert_eq!(others(&[second, first, again]), (true, false));
}

#[test]
fn an_object_is_where_its_oldest_source_lies() {
    let place = |ra: f64| skydiff_schemas::Position::from_degrees(ra, 10.0).unwrap();
    let at = |ra: f64| move |row: &mut Measurement| row.position = place(ra);
    // The oldest has no place, the next is bad but has, the oldest of all is a forced source.
    let story = star().forced(0.0, "g", 1.0, 1.0).with(at(5.0)).source(1.0, "g", 1.0, 1.0);
    let story = story.source(2.0, "g", 1.0, 1.0).with(at(20.0)).with(|row| row.quality = Quality::SCORE);
    let story = story.source(3.0, "g", 1.0, 1.0).with(at(30.0));
    assert_eq!(answer(&story, &plain()).position, place(20.0));
}

#[test]
fn latest_tells_quoted_errors_and_totals() {
    let rules = Rules { errors: vec![Errors { factor: 2.0, floor: 0.1 }], ..plain() };
    let known = answer(&star().source(1.0, "g", 100.0, 10.0).with(|row| row.total = PicoJansky(7)), &rules);
    let latest = known.latest[0];
    assert_eq!((latest.flux, latest.sigma, latest.total), (nano(100.0), nano(10.0), Some(PicoJansky(7))));
}
