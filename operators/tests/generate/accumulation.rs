//! Packets in epochs, with the sky clocks of each: what the operators are given.

use super::packets::packets;
use super::random::Random;
use super::sky::sky;
use crate::oracle::Rules;
use skydiff_operators::{Clocks, Epoch, Errors, Offer, Photometry, TimescaleSettings};
use skydiff_schemas::{MicroDays, SurveyId};

/// How much of everything.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub objects: usize,
    /// Visits of each object.
    pub visits: usize,
    /// Ordinary packets.
    pub packets: usize,
    /// Share of them that something strange follows.
    pub strange: f64,
    pub epochs: usize,
}

impl Shape {
    /// A few objects of each kind, a few packets each.
    pub const SMALL: Shape = Shape { objects: 5, visits: 14, packets: 24, strange: 0.5, epochs: 8 };
    /// One packet's worth of everything.
    pub const TINY: Shape = Shape { objects: 2, visits: 5, packets: 4, strange: 0.7, epochs: 4 };
    /// Many packets, many epochs.
    pub const BUSY: Shape = Shape { objects: 12, visits: 40, packets: 160, strange: 0.4, epochs: 40 };

    /// One object of each kind with thousands of rows.
    pub const fn long(visits: usize) -> Shape {
        Shape { objects: 2, visits, packets: 12, strange: 0.4, epochs: 6 }
    }
}

/// What comes in, epoch by epoch.
#[derive(Clone)]
pub struct Accumulation {
    /// In order of epoch.
    pub offers: Vec<(Epoch, Offer)>,
    /// By epoch; as many as there are epochs, some of which bring nothing.
    pub clocks: Vec<Clocks>,
    pub rules: Rules,
}

impl std::fmt::Debug for Accumulation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&super::smaller::told(self))
    }
}

impl Accumulation {
    /// Everything drawn from one seed.
    pub fn random(seed: u64, shape: Shape) -> Accumulation {
        let mut random = Random::new(seed);
        let offers = offers(&mut random, shape);
        let epochs: Vec<usize> = random.epochs(offers.len(), shape.epochs);
        let jumps: Vec<i64> = (0..shape.epochs).map(|_| jump(&mut random)).collect();
        let rules = rules(&mut random);
        Accumulation::of(offers.into_iter().zip(epochs).map(|(offer, at)| (at, offer)).collect(), &jumps, rules)
    }

    /// Offers with their epochs, and by how much (microdays) each epoch's clocks run ahead of the newest trigger.
    pub fn of(offers: Vec<(usize, Offer)>, jumps: &[i64], rules: Rules) -> Accumulation {
        let mut clocks: Vec<Clocks> = Vec::new();
        let mut now = Clocks::default();
        for (epoch, jump) in jumps.iter().enumerate() {
            for (_, offer) in offers.iter().filter(|(at, _)| *at == epoch) {
                now.advance(offer.object.survey, offer.time);
            }
            for survey in [SurveyId(0), SurveyId(1)] {
                if let Some(time) = now.get(survey) {
                    now.advance(survey, MicroDays(time.0 + jump));
                }
            }
            clocks.push(now.clone());
        }
        let mut offers: Vec<(Epoch, Offer)> =
            offers.into_iter().map(|(epoch, offer)| (Epoch(epoch as u64), offer)).collect();
        offers.sort_by_key(|(epoch, _)| *epoch);
        Accumulation { offers, clocks, rules }
    }

    /// Its epochs in order, each with its clocks.
    pub fn epochs(&self) -> impl Iterator<Item = (Epoch, &Clocks)> {
        self.clocks.iter().enumerate().map(|(at, clocks)| (Epoch(at as u64), clocks))
    }

    /// The offers of one epoch.
    pub fn at(&self, epoch: Epoch) -> impl Iterator<Item = &Offer> {
        self.offers.iter().filter(move |(at, _)| *at == epoch).map(|(_, offer)| offer)
    }
}

/// The packets of a made-up sky in order of their arrival.
pub fn offers(random: &mut Random, shape: Shape) -> Vec<Offer> {
    let sky = sky(random, shape.objects, shape.visits);
    packets(random, &sky, shape.packets, shape.strange).into_iter().map(|(_, offer)| offer).collect()
}

impl Random {
    /// Some partition of a sequence into runs, numbered by epoch.
    pub fn epochs(&mut self, offers: usize, epochs: usize) -> Vec<usize> {
        let mut at: Vec<usize> = (0..offers).map(|_| self.below(epochs)).collect();
        at.sort();
        at
    }
}

/// Mostly none; else a clock that other objects moved: hours, days, a year.
fn jump(random: &mut Random) -> i64 {
    match random.below(8) {
        0 => random.between(0, 200_000),
        1 => *random.pick(&[100_000, 2_000_000, 7_000_000, 100_000_000]),
        2 => random.between(0, 40_000_000),
        3 => random.between(0, 500_000_000),
        _ => 0,
    }
}

/// The defaults, or thresholds that let states hold more often, or the other photometry.
pub fn rules(random: &mut Random) -> Rules {
    let quoted = Errors { factor: 1.0, floor: 0.0 };
    let believed = vec![Errors { factor: 1.0, floor: 0.02 }, Errors { factor: 1.4, floor: 0.01 }];
    let errors = if random.chance(0.7) { believed } else { vec![quoted, quoted] };
    let mut settings = TimescaleSettings::default();
    if random.chance(0.6) {
        (settings.trend_z, settings.flare_z, settings.variable_z) = (2.0, 2.0, 1.0);
        (settings.baseline_visits, settings.reappeared_visits, settings.variable_freedom) = (2, 1, 2);
        (settings.reappeared_days, settings.disagree_z) = (40.0, 1.0);
    }
    if random.chance(0.3) {
        settings.photometry = Photometry::ForcedFirst;
    }
    if random.chance(0.2) {
        settings.timescales = vec![0.5, 20.0, 400.0];
    }
    if random.chance(0.2) {
        settings.average_minutes = 90.0;
    }
    Rules { settings, errors }
}
