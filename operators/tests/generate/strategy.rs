//! Accumulations for proptest, which shrinks them by leaving packets, epochs and jumps of the clock out.

use super::accumulation::{Accumulation, Shape, offers, rules};
use super::random::Random;
use proptest::collection::vec;
use proptest::prelude::*;

/// Any accumulation of this shape: a seed says what the packets are, proptest which of them come, and when.
pub fn accumulations(shape: Shape) -> impl Strategy<Value = Accumulation> {
    any::<u64>().no_shrink().prop_flat_map(move |seed| {
        let mut random = Random::new(seed);
        let (offers, rules) = (offers(&mut random, shape), rules(&mut random));
        let count = offers.len();
        let kept = vec(prop::bool::weighted(0.95), count);
        // Epoch boundaries after each packet; more than one makes an epoch with nothing in it.
        let cuts = vec(prop_oneof![6 => Just(0usize), 3 => Just(1), 1 => Just(2)], count);
        let jumps = vec(prop_oneof![3 => Just(0i64), 1 => 0..40_000_000i64, 1 => 0..500_000_000i64], 2 * count + 1);
        (kept, cuts, jumps).prop_map(move |(kept, cuts, jumps)| {
            let (mut epoch, mut placed) = (0, Vec::new());
            for ((offer, keep), cut) in offers.iter().zip(&kept).zip(&cuts) {
                if *keep {
                    placed.push((epoch, offer.clone()));
                    epoch += cut;
                }
            }
            Accumulation::of(placed, &jumps[..=epoch], rules.clone())
        })
    })
}
