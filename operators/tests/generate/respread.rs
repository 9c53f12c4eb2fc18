//! The same packets by another way: in another order, more than once, in other epochs.

use super::accumulation::Accumulation;
use super::random::Random;
use skydiff_operators::{Epoch, Offer};

/// Runs of epochs become one, each of which is shuffled, has packets in it twice, and is cut into epochs anew.
///
/// Also tells which epoch of the result knows the same as which epoch of `all`: (there, here).
pub fn respread(all: &Accumulation, random: &mut Random) -> (Accumulation, Vec<(Epoch, Epoch)>) {
    let (mut offers, mut clocks, mut frontiers) = (Vec::new(), Vec::new(), Vec::new());
    let mut known: Vec<Offer> = Vec::new();
    for (epoch, now) in all.epochs() {
        known.extend(all.at(epoch).cloned());
        let last = epoch.0 as usize + 1 == all.clocks.len();
        if !last && random.chance(0.4) {
            continue;
        }
        let mut told = std::mem::take(&mut known);
        let again: Vec<Offer> = told.iter().filter(|_| random.chance(0.2)).cloned().collect();
        told.extend(again);
        random.shuffle(&mut told);

        let parts = 1 + random.below(4);
        let first = clocks.len();
        // What has come moves the clocks; the last part has those of the frontier.
        let mut so_far = clocks.last().cloned().unwrap_or_else(skydiff_operators::Clocks::default);
        let mut cuts = random.epochs(told.len(), parts).into_iter().zip(told).peekable();
        for part in 0..parts {
            while let Some((_, offer)) = cuts.next_if(|(at, _)| *at == part) {
                so_far.advance(offer.object.survey, offer.time);
                offers.push((Epoch((first + part) as u64), offer));
            }
            clocks.push(if part + 1 == parts { now.clone() } else { so_far.clone() });
        }
        frontiers.push((epoch, Epoch(clocks.len() as u64 - 1)));
    }
    (Accumulation { offers, clocks, rules: all.rules.clone() }, frontiers)
}
