//! The operators say, epoch by epoch, what a recomputation from every offer says: no more, no less, on any number of
//! workers, with any number of epochs in flight.

#[allow(dead_code, unused_imports)]
mod adapter;
#[allow(dead_code, unused_imports)]
mod generate;
#[allow(dead_code, unused_imports)]
mod laws;
#[allow(dead_code, unused_imports)]
mod oracle;

use adapter::How;
use generate::strategy::accumulations;
use generate::{Accumulation, Shape};
use laws::{equals_oracle, explain};
use proptest::prelude::*;

/// Runs every seed in every way, and shows the smallest accumulation that fails. `SKYDIFF_SEEDS=100` runs 100 times as many.
fn holds(seeds: std::ops::Range<u64>, shape: Shape, hows: &[How]) {
    let more = std::env::var("SKYDIFF_SEEDS").ok().and_then(|more| more.parse::<u64>().ok()).unwrap_or(1);
    for seed in seeds.start..seeds.start + (seeds.end - seeds.start) * more {
        let all = Accumulation::random(seed, shape);
        for how in hows {
            explain(&all, *how, &format!("seed {seed}"));
        }
    }
}

#[test]
fn tiny_accumulations_on_one_worker() {
    holds(0..300, Shape::TINY, &[How::PLAIN]);
}

#[test]
fn small_accumulations_on_one_two_and_three_workers() {
    let how = |workers, ahead| How { workers, ahead, ..How::PLAIN };
    holds(1000..1040, Shape::SMALL, &[how(1, 3), how(2, 1), how(3, 100)]);
}

#[test]
fn many_packets_and_epochs() {
    holds(2000..2004, Shape::BUSY, &[How { workers: 2, ahead: 5, ..How::PLAIN }]);
}

#[test]
fn light_curves_that_are_kept_answer_like_those_that_are_read() {
    let long = |rows| How { long: Some(rows), ..How::PLAIN };
    holds(3000..3060, Shape::SMALL, &[long(0), long(4), long(usize::MAX)]);
}

#[test]
fn thousands_of_rows_of_one_object() {
    let shape = Shape::long(3000);
    let known = Accumulation::random(4000, shape);
    let standing = oracle::standing(known.offers.iter().map(|(_, offer)| offer));
    let most = standing.measurements.values().map(Vec::len).max();
    assert!(most > Some(1000), "the longest history has {most:?} rows");
    holds(4000..4003, shape, &[How::PLAIN, How { long: Some(usize::MAX), ..How::PLAIN }]);
}

#[test]
fn silent_expiry_hides_nothing_else() {
    holds(5000..5060, Shape::SMALL, &[How { expiry: false, ..How::PLAIN }]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_part_of_any_accumulation(all in accumulations(Shape::SMALL), workers in 1usize..3, ahead in 1usize..4) {
        let how = How { workers, ahead, ..How::PLAIN };
        prop_assert_eq!(equals_oracle(&all, how), Ok(()));
    }
}
