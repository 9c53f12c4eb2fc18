//! What the random accumulations hold: that every strange thing which the laws speak of does occur in them.

#[allow(dead_code, unused_imports)]
mod generate;
#[allow(dead_code, unused_imports)]
mod oracle;

use generate::{Accumulation, Shape};
use oracle::known_at;
use skydiff_operators::{Epoch, State};
use skydiff_schemas::{Kind, ObjectClass, ObjectId, Quality};
use std::collections::{BTreeMap, BTreeSet};

/// How often something occurs.
#[derive(Default)]
struct Found(BTreeMap<String, usize>);

impl Found {
    fn when(&mut self, what: impl Into<String>, holds: bool) {
        *self.0.entry(what.into()).or_default() += usize::from(holds);
    }
}

#[test]
fn everything_strange_occurs() {
    let (mut found, seeds) = (Found::default(), 60);
    for seed in 0..seeds {
        let all = Accumulation::random(seed, Shape::SMALL);
        packets(&all, &mut found);
        answers(&all, &mut found);
    }
    for (what, times) in &found.0 {
        println!("{what}: {times} times");
    }
    let never: Vec<&String> = found.0.iter().filter(|(_, times)| **times == 0).map(|(what, _)| what).collect();
    assert!(never.is_empty(), "never occurs: {never:?}");
}

#[test]
fn the_oracle_seldom_doubts() {
    let (mut windows, mut doubtful) = (0, 0);
    for seed in 0..200 {
        let all = Accumulation::random(seed, Shape::SMALL);
        let (epoch, clocks) = all.epochs().last().expect("an epoch");
        for expected in known_at(&all.offers, epoch, clocks, &all.rules).answers.values() {
            windows += expected.doubts.len();
            doubtful += expected.doubts.iter().filter(|doubt| doubt.states || !doubt.rounded.is_empty()).count();
        }
    }
    println!("{doubtful} of {windows} windows are too close to call");
    assert!(doubtful * 100 < windows, "{doubtful} of {windows}");
}

fn packets(all: &Accumulation, found: &mut Found) {
    let offers = || all.offers.iter().map(|(_, offer)| offer);
    let rows = || offers().flat_map(|offer| &offer.rows);
    let epochs: BTreeSet<Epoch> = all.offers.iter().map(|(epoch, _)| *epoch).collect();
    found.when("an epoch with nothing", epochs.len() < all.clocks.len());
    found.when("a packet twice, to the byte", {
        let mut seen = BTreeSet::new();
        offers().any(|offer| !seen.insert((offer.object, offer.rows.clone(), offer.context)))
    });
    found.when("equal versions with other bytes", {
        let mut seen = BTreeMap::new();
        let mut differs = |row: &skydiff_schemas::Row| {
            let key = (row.measurement.kind, row.measurement.id, row.version);
            seen.insert(key, row.measurement).is_some_and(|was| was != row.measurement)
        };
        rows().any(&mut differs)
    });
    found.when("a packet older than one before it", offers().zip(offers().skip(1)).any(|(a, b)| b.time < a.time));
    found.when("two ranks", rows().map(|row| row.version.rank).collect::<BTreeSet<_>>().len() > 1);
    found.when("both classes", offers().map(|offer| offer.object.class).collect::<BTreeSet<_>>().len() > 1);
    for kind in [Kind::Source, Kind::Forced, Kind::Limit] {
        found.when(format!("{} rows", kind.name()), rows().any(|row| row.measurement.kind == kind));
    }
    for (reason, name) in Quality::REASONS {
        found.when(format!("quality {name}"), rows().any(|row| row.measurement.quality.has(reason)));
    }
    let mut claims: BTreeMap<_, BTreeSet<ObjectId>> = BTreeMap::new();
    for offer in offers() {
        for row in offer.rows.iter().filter(|row| row.global) {
            let key = (offer.object.survey, row.measurement.kind, row.measurement.id);
            claims.entry(key).or_default().insert(offer.object);
        }
    }
    found.when("a source that two objects claim", claims.values().any(|objects| objects.len() == 2));
    found.when("a source that three objects claim", claims.values().any(|objects| objects.len() == 3));
    let both =
        |objects: &BTreeSet<ObjectId>| objects.iter().map(|o| o.class).collect::<BTreeSet<ObjectClass>>().len() > 1;
    found.when("a source that a fixed and a moving object claim", claims.values().any(both));
    for object in offers().map(|offer| offer.object).collect::<BTreeSet<_>>() {
        let own = offers().filter(|offer| offer.object == object).map(|offer| offer.rows[0].measurement.visit);
        found.when("many packets of one object", own.count() > 5);
    }
}

fn answers(all: &Accumulation, found: &mut Found) {
    let mut before: Option<oracle::Known> = None;
    for (epoch, clocks) in all.epochs() {
        let now = known_at(&all.offers, epoch, clocks, &all.rules);
        for expected in now.answers.values() {
            for window in &expected.answer.windows {
                for state in State::ALL {
                    found.when(state.name(), window.states.z(state).is_some());
                    found.when(
                        format!("{} that expired", state.name()),
                        !window.alive && window.states.z(state).is_some(),
                    );
                }
                found.when("bands that disagree", window.bands_disagree);
                found.when("a colour that changes", window.colours.iter().any(|colour| colour.change.is_some()));
                found.when("a rise limit", window.series.iter().any(|series| series.rise_limit.is_some()));
                found.when("a slot of several visits", window.series.iter().any(|s| s.n > 1 && s.rate.is_none()));
            }
            found.when(
                "never observed before",
                expected.answer.newest.is_some() && expected.answer.before_first.is_none(),
            );
            found.when("observed before", expected.answer.before_first.is_some());
            found.when("no good source", expected.answer.newest.is_none());
        }
        if let Some(before) = before {
            changes(&before, &now, found);
        }
        before = Some(now);
    }
}

fn changes(before: &oracle::Known, now: &oracle::Known, found: &mut Found) {
    for (object, was) in &before.standing.measurements {
        let is = now.standing.of(*object);
        found.when("an object that lost its last row", is.is_empty());
        found.when(
            "a pixel that changed",
            !is.is_empty() && before.standing.pixel(*object) != now.standing.pixel(*object),
        );
        let stands =
            |row: &skydiff_schemas::Measurement| is.iter().find(|now| (now.kind, now.id) == (row.kind, row.id));
        found.when("a row that left", was.iter().any(|row| stands(row).is_none()));
        found.when("a value that changed", was.iter().any(|row| stands(row).is_some_and(|now| now != row)));
        let back = |row: &&skydiff_schemas::Measurement| row.quality.has(Quality::WITHDRAWN);
        found.when(
            "a row that came back from being withdrawn",
            was.iter().filter(back).any(|row| stands(row).is_some_and(|now| !now.quality.has(Quality::WITHDRAWN))),
        );
        found.when("no change at all", was == is);
    }
}
