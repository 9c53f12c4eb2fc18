//! What stands is a function of the set of packets: whatever their order, their epochs, the number of workers, the
//! state at a common frontier is the same, row by row and to the byte of the digest.

#[allow(dead_code, unused_imports)]
mod adapter;
#[allow(dead_code, unused_imports)]
mod generate;
#[allow(dead_code, unused_imports)]
mod laws;
#[allow(dead_code, unused_imports)]
mod oracle;

use adapter::{How, run};
use generate::respread::respread;
use generate::{Accumulation, Random, Shape};
use oracle::standing;
use skydiff_operators::Epoch;
use std::collections::{BTreeMap, BTreeSet};

/// An accumulation up to an epoch.
fn until(all: &Accumulation, epoch: Epoch) -> Accumulation {
    let mut part = all.clone();
    part.offers.retain(|(at, _)| *at <= epoch);
    part.clocks.truncate(epoch.0 as usize + 1);
    part
}

#[test]
fn at_every_epoch_there_stands_what_the_oracle_says() {
    for seed in 0..40 {
        let all = Accumulation::random(seed, Shape::SMALL);
        for (epoch, _) in all.epochs() {
            let part = until(&all, epoch);
            let how = How { workers: 1 + seed as usize % 3, ahead: 2, ..How::PLAIN };
            let held = run(&part, how).expect("it runs").held;
            let held: BTreeMap<_, _> = held.into_iter().map(|(object, (rows, _))| (object, rows)).collect();
            let known = standing(part.offers.iter().map(|(_, offer)| offer));
            assert_eq!(held, known.measurements, "seed {seed} at epoch {epoch}: {part:?}");
        }
    }
}

#[test]
fn batch_equals_stream() {
    for seed in 100..160 {
        let all = Accumulation::random(seed, Shape::SMALL);
        let plain = run(&all, How::PLAIN).expect("it runs");
        let mut random = Random::new(seed);
        for round in 0..4 {
            let (other, frontiers) = respread(&all, &mut random);
            let long = [None, Some(0), Some(6), Some(usize::MAX)][round];
            let how = How { workers: 1 + random.below(3), ahead: 1 + random.below(9), long, expiry: round % 2 == 0 };
            let ran = run(&other, how).expect("it runs");
            for (there, here) in frontiers {
                assert_eq!(
                    plain.digest(there),
                    ran.digest(here),
                    "seed {seed}, epoch {there} of\n{all:?}\nis not epoch {here} with {how:?} of\n{other:?}"
                );
            }
        }
    }
}

#[test]
fn all_at_once_equals_one_by_one() {
    for seed in 200..220 {
        let all = Accumulation::random(seed, Shape::SMALL);
        let last = all.clocks.len() - 1;
        let mut batch = all.clone();
        batch.offers.iter_mut().for_each(|(epoch, _)| *epoch = Epoch(0));
        batch.clocks.drain(..last);
        let mut stream = all.clone();
        stream.offers.iter_mut().enumerate().for_each(|(at, (epoch, _))| *epoch = Epoch(at as u64));
        let clocks = stream.clocks[last].clone();
        stream.clocks = (0..stream.offers.len())
            .map(|at| if at == 0 { Default::default() } else { all.clocks[0].clone() })
            .collect();
        stream.clocks.push(clocks);
        let (batch, stream) = (run(&batch, How::PLAIN).expect("it runs"), run(&stream, How::PLAIN).expect("it runs"));
        assert_eq!(batch.held, stream.held, "seed {seed}");
        assert_eq!(batch.digest(Epoch(u64::MAX)), stream.digest(Epoch(u64::MAX)), "seed {seed}");
    }
}

#[test]
fn other_states_have_other_digests() {
    let digests: Vec<u128> = (300..340)
        .map(|seed| run(&Accumulation::random(seed, Shape::TINY), How::PLAIN).expect("it runs").digest(Epoch(u64::MAX)))
        .collect();
    assert_eq!(digests.iter().collect::<BTreeSet<_>>().len(), digests.len());
    // One row's flux by one picojansky.
    let mut all = Accumulation::random(300, Shape::TINY);
    let before = run(&all, How::PLAIN).expect("it runs").digest(Epoch(u64::MAX));
    all.offers.iter_mut().for_each(|(_, offer)| offer.rows.iter_mut().for_each(|row| row.measurement.flux.0 += 1));
    assert_ne!(before, run(&all, How::PLAIN).expect("it runs").digest(Epoch(u64::MAX)));
}
