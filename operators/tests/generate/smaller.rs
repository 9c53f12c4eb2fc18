//! Makes a failing accumulation small enough to read: without the packets, rows and jumps that it does not need.

use super::accumulation::Accumulation;
use skydiff_operators::{Epoch, Offer};
use std::fmt::Write;

/// The least accumulation on which `fails` still holds, found by leaving things out one after another.
pub fn smallest(mut known: Accumulation, fails: impl Fn(&Accumulation) -> bool) -> Accumulation {
    loop {
        let before = size(&known);
        for candidates in [fewer_offers, fewer_epochs, fewer_rows] {
            let mut at = 0;
            while let Some(smaller) = candidates(&known, at) {
                if fails(&smaller) {
                    known = smaller;
                } else {
                    at += 1;
                }
            }
        }
        if size(&known) == before {
            return known;
        }
    }
}

fn size(known: &Accumulation) -> usize {
    known.clocks.len() + known.offers.iter().map(|(_, offer)| 1 + offer.rows.len()).sum::<usize>()
}

/// Without the offer at `at`; the clocks stay as they are.
fn fewer_offers(known: &Accumulation, at: usize) -> Option<Accumulation> {
    let mut smaller = known.clone();
    (at < known.offers.len()).then(|| smaller.offers.remove(at))?;
    Some(smaller)
}

/// With the epoch `at` joined to the next.
fn fewer_epochs(known: &Accumulation, at: usize) -> Option<Accumulation> {
    let mut smaller = known.clone();
    (at + 1 < known.clocks.len()).then(|| smaller.clocks.remove(at))?;
    for (epoch, _) in smaller.offers.iter_mut().filter(|(epoch, _)| epoch.0 > at as u64) {
        *epoch = Epoch(epoch.0 - 1);
    }
    Some(smaller)
}

/// Without the history row `at`, counted over all offers; triggers stay.
fn fewer_rows(known: &Accumulation, at: usize) -> Option<Accumulation> {
    let mut left = at;
    for (offer, (_, was)) in known.offers.iter().enumerate() {
        let history = was.rows.len().saturating_sub(1);
        if left < history {
            let mut smaller = known.clone();
            smaller.offers[offer].1.rows.remove(1 + left);
            return Some(smaller);
        }
        left -= history;
    }
    None
}

/// An accumulation in words, one line a row.
pub fn told(known: &Accumulation) -> String {
    let mut text = format!("{:?}\n{:?}\n", known.rules.settings, known.rules.errors);
    for (epoch, clocks) in known.epochs() {
        let clocks: Vec<String> = clocks.iter().map(|(survey, time)| format!("{}: {}", survey.0, time.0)).collect();
        let _ = writeln!(text, "epoch {epoch}, clocks {}", clocks.join(", "));
        known.at(epoch).for_each(|offer| text += &offer_told(offer));
    }
    text
}

fn offer_told(offer: &Offer) -> String {
    let mut text = format!("  {:?} trigger {} time {}\n", offer.object, offer.trigger.0, offer.time.0);
    for row in &offer.rows {
        let m = &row.measurement;
        let _ = writeln!(
            text,
            "    {} {}{} t {} visit {} {}/{} flux {} ± {} total {:?} quality {} at {} | rank {} processed {} packet {} {}",
            m.kind.name(),
            m.id.0,
            if row.global { "" } else { " (local)" },
            m.time.0,
            m.visit,
            m.band.name(),
            m.reference,
            m.flux.0,
            m.sigma.0,
            m.total().map(|total| total.0),
            m.quality.0,
            m.position.0,
            row.version.rank,
            row.version.processed.0,
            row.version.packet.0.0,
            if row.version.trigger { "trigger" } else { "" },
        );
    }
    text
}
