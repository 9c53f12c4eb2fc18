//! How surveys tell what they saw: packet by packet, each with its history, and not always the same way twice.

use super::random::Random;
use super::sky::{Seen, Thing};
use super::story::silent;
use skydiff_operators::Offer;
use skydiff_schemas::{
    Context, Kind, Measurement, MicroDays, ObjectId, PicoJansky, Position, Quality, Real, Row, Version,
};
use std::cmp::Reverse;

/// A packet on its way, with the time at which it would arrive if nothing held it up.
pub type Sent = (MicroDays, Offer);

/// `count` ordinary packets and, for a share of them, one that does something strange to what they said.
pub fn packets(random: &mut Random, sky: &[Thing], count: usize, strange: f64) -> Vec<Sent> {
    let mut sent: Vec<Sent> = Vec::new();
    for _ in 0..count {
        let thing = random.pick(sky);
        let sources: Vec<usize> = (0..thing.seen.len()).filter(|at| thing.seen[*at].row.kind == Kind::Source).collect();
        if sources.is_empty() {
            continue;
        }
        let trigger = *random.pick(&sources);
        let offer = ordinary(random, thing, trigger);
        sent.push((arrival(random, offer.time), offer.clone()));
        if random.chance(strange) {
            let odd = odd(random, sky, offer);
            sent.push((arrival(random, odd.time), odd));
        }
    }
    sent.sort_by_key(|(arrival, _)| *arrival);
    sent
}

/// Mostly at once; sometimes days or months late.
fn arrival(random: &mut Random, time: MicroDays) -> MicroDays {
    let late = match random.below(10) {
        0 => random.between(0, 3_000_000),
        1 => random.between(0, 300_000_000),
        _ => random.between(0, 1_000),
    };
    MicroDays(time.0 + late)
}

/// The packet of one of an object's sources, with most of what was seen up to then.
fn ordinary(random: &mut Random, thing: &Thing, at: usize) -> Offer {
    let trigger = thing.seen[at];
    let horizon = *random.pick(&[30_000_000, 30_000_000, 365_000_000, i64::MAX]);
    let told = |other: &usize| {
        let age = trigger.row.time.0 - thing.seen[*other].row.time.0;
        *other != at && age >= 0 && age <= horizon
    };
    let mut history: Vec<Seen> = (0..thing.seen.len()).filter(told).map(|other| thing.seen[other]).collect();
    history.retain(|_| random.chance(0.92));
    packet(random, thing.object, trigger, &history)
}

fn packet(random: &mut Random, object: ObjectId, trigger: Seen, history: &[Seen]) -> Offer {
    let time = trigger.row.time;
    let version = |seen: &Seen, first: bool| Version {
        rank: 0,
        processed: processed(object, &seen.row),
        packet: Reverse(time),
        trigger: first,
    };
    let mut rows = vec![Row { measurement: trigger.row, version: version(&trigger, true), global: trigger.global }];
    for seen in history {
        // Survey 0 always rounds its copies, survey 1 seldom.
        let exact = object.survey.0 == 1 && random.chance(0.8);
        let measurement = if exact { seen.row } else { copied(random, seen.row) };
        rows.push(Row { measurement, version: version(seen, false), global: seen.global });
    }
    if random.chance(0.03) {
        // The history repeats the trigger.
        let measurement = copied(random, trigger.row);
        rows.push(Row { measurement, version: version(&trigger, false), global: trigger.global });
    }
    Offer { object, trigger: trigger.row.id, time, rows, context: context(random, time) }
}

/// Survey 1 says when it processed most of its rows; the same in every copy.
fn processed(object: ObjectId, row: &Measurement) -> MicroDays {
    if object.survey.0 == 0 || row.id.0.is_multiple_of(4) {
        Version::UNPROCESSED
    } else {
        MicroDays(row.time.0 + 2_000)
    }
}

/// A copy as a later packet has it: nearly the same numbers, seldom something else.
fn copied(random: &mut Random, mut row: Measurement) -> Measurement {
    let by = |random: &mut Random, much: i64| random.between(-much, much + 1);
    if !row.quality.has(Quality::NO_FLUX) {
        row.flux = PicoJansky(row.flux.0 + by(random, 20));
        row.sigma = PicoJansky((row.sigma.0 + by(random, 3)).max(0));
        row.total = row.total().map_or(Measurement::NO_TOTAL, |total| PicoJansky(total.0 + by(random, 20)));
    }
    match random.below(60) {
        0..6 => row.time.0 -= random.between(0, 4),
        6 => row.time.0 -= random.between(0, 200_000),
        7 | 8 => row.quality = Quality::GOOD,
        9 | 10 => row.quality = Quality::SCORE,
        11 | 12 => row.position = Position::UNKNOWN,
        // What is named after its visit keeps it.
        13 if row.kind == Kind::Source => row.visit += 1,
        14 if row.kind == Kind::Limit => row.reference = Measurement::ANY_REFERENCE,
        _ => {}
    }
    row
}

fn context(random: &mut Random, time: MicroDays) -> Context {
    let mut context = silent();
    context.received = MicroDays(time.0 + random.between(0, 5) * 1_000);
    if random.chance(0.4) {
        context.first_detection = MicroDays(time.0 - random.between(0, 120_000_000));
    }
    if random.chance(0.3) {
        context.solar_system_distance = Real::new(Some(*random.pick(&[0.3, 4.9, 5.0, 5.1, 60.0])));
    }
    context.detections = random.between(0, 9) as i32;
    context
}

/// A second packet that repeats, contradicts, corrects, withdraws or claims what this one said.
fn odd(random: &mut Random, sky: &[Thing], offer: Offer) -> Offer {
    match random.below(14) {
        0 | 1 => repeated(random, offer),
        2 => twin(random, offer),
        3 => remeasured(random, offer),
        4..6 => marked(random, offer, Quality::WITHDRAWN),
        6..9 => marked(random, offer, Quality::GOOD),
        9 => ranked(random, offer),
        10..13 => claimed(random, sky, offer, 0.5),
        _ => claimed(random, sky, offer, 1.0),
    }
}

/// To the byte, or received at another time.
fn repeated(random: &mut Random, mut offer: Offer) -> Offer {
    offer.context.received.0 += random.between(0, 2) * 5_000;
    offer
}

/// Equal versions with other bytes.
fn twin(random: &mut Random, mut offer: Offer) -> Offer {
    for row in &mut offer.rows {
        if random.chance(0.4) {
            row.measurement = copied(random, row.measurement);
        }
    }
    offer.context.coverage = random.between(0, 99) as i32;
    offer
}

/// Later by the survey's own processing, or of another rank where it has none.
fn supersede(
    random: &mut Random,
    offer: &mut Offer,
    share: f64,
    mut change: impl FnMut(&mut Random, &mut Measurement),
) {
    let later = random.between(1, 50_000_000);
    let rank = *random.pick(&[1, 1, -1]);
    for row in &mut offer.rows {
        if !random.chance(share) {
            continue;
        }
        change(random, &mut row.measurement);
        if offer.object.survey.0 == 0 {
            row.version.rank = rank;
        } else {
            row.version.processed = MicroDays(row.measurement.time.0 + 2_000 + later);
        }
    }
}

fn remeasured(random: &mut Random, mut offer: Offer) -> Offer {
    supersede(random, &mut offer, 0.5, |random, row| {
        row.flux.0 += random.between(-80_000, 80_000);
        row.sigma.0 = (row.sigma.0 + random.between(-500, 500)).max(0);
        row.time.0 -= random.between(0, 2) * random.between(0, 3_000_000);
    });
    offer
}

/// Withdrawn, or good again, for some of its rows; the trigger's turn comes as often as any.
fn marked(random: &mut Random, mut offer: Offer, quality: Quality) -> Offer {
    supersede(random, &mut offer, 0.5, |_, row| row.quality = quality);
    offer
}

/// The whole packet, read from a source of another rank.
fn ranked(random: &mut Random, mut offer: Offer) -> Offer {
    let rank = *random.pick(&[1, -1, 2]);
    offer.rows.iter_mut().for_each(|row| row.version.rank = rank);
    offer
}

/// Another object of the survey claims the trigger and a share of the history.
fn claimed(random: &mut Random, sky: &[Thing], mut offer: Offer, share: f64) -> Offer {
    let others: Vec<ObjectId> =
        sky.iter().map(|t| t.object).filter(|o| o.survey == offer.object.survey && *o != offer.object).collect();
    if others.is_empty() {
        return offer;
    }
    let first = offer.rows[0];
    offer.object = *random.pick(&others);
    // What belongs to an object cannot be claimed.
    offer.rows.retain(|row| row.global && (row.version.trigger || random.chance(share)));
    if random.chance(0.4) {
        supersede(random, &mut offer, 0.7, |_, _| {});
    } else if random.chance(0.5) {
        // A packet of its own, later than the one that told of these rows.
        let time = MicroDays(first.measurement.time.0 + random.between(0, 9_000_000));
        offer.time = time;
        offer.rows.iter_mut().for_each(|row| row.version.packet = Reverse(time));
    }
    offer
}
