//! The world that processes share: a store, lanes, and what must hold of them in the end.

use super::super::{Chain, Claim, Manifest, Summary};
use super::lane::Topic;
use super::{Order, PACKETS, PARTITIONS};
use crate::flow::feed::Binding;
use skydiff_operators::{Epoch, mix};
use std::collections::{BTreeMap, BTreeSet};

pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0) % n
    }

    pub(super) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

pub(super) struct World {
    pub(super) order: Order,
    pub(super) manifests: BTreeMap<Epoch, Vec<u8>>,
    pub(super) files: BTreeSet<String>,
    /// The state at an epoch, and the summary beside it, if there is one.
    pub(super) snapshots: BTreeMap<Epoch, (u64, Option<Vec<u8>>)>,
    pub(super) generation: Option<Claim>,
    pub(super) lanes: Vec<Topic>,
    pub(super) started: u64,
    pub(super) wrong: Option<String>,
}

impl World {
    /// The manifests, or of them those behind the newest summary.
    pub(super) fn list(&self, summed: bool) -> Result<Chain, String> {
        let newest = self.snapshots.values().rev().find_map(|(_, summary)| summary.as_deref()).filter(|_| summed);
        let Some(bytes) = newest else { return self.chain() };
        let summary = Summary::decode(bytes)?;
        let first = summary.first;
        let last = self.manifests.get(&first).ok_or("the last manifest of a summary is not there")?;
        let mut chain = Chain::behind(summary, last).map_err(|error| error.to_string())?;
        for (first, bytes) in self.manifests.iter().filter(|(other, _)| **other > first) {
            chain.add(*first, bytes).map_err(|error| error.to_string())?;
        }
        Ok(chain)
    }

    /// What must not be is found; the process that found it ends.
    pub(super) fn is_wrong(&mut self, what: String) -> bool {
        self.wrong.get_or_insert(what);
        false
    }

    pub(super) fn chain(&self) -> Result<Chain, String> {
        let listed = self.manifests.iter().map(|(first, bytes)| (*first, bytes.clone())).collect();
        Chain::of(listed).map_err(|error| error.to_string())
    }
}

/// The state at an epoch: a function of everything bound up to it.
pub(super) fn state<'a>(
    manifests: impl IntoIterator<Item = &'a Manifest>,
    from: Option<(Epoch, u64)>,
    epoch: Epoch,
) -> u64 {
    let bound = manifests.into_iter().flat_map(|manifest| &manifest.epochs).map(|bound| &bound.binding);
    let bound = bound.filter(|b| b.epoch <= epoch && from.is_none_or(|(from, _)| b.epoch > from));
    let partition = |b: &Binding| b.origin.as_ref().and_then(|origin| origin.bundle.parse().ok()).unwrap_or(0_u64);
    let packets = bound.flat_map(|b| (b.first..b.first + b.packets).map(move |n| mix(partition(b) << 32 | n)));
    packets.fold(from.map_or(0, |(_, state)| state), u64::wrapping_add)
}

/// A lane has something to say in some epochs only.
pub(super) fn says(lane: usize, epoch: Epoch) -> bool {
    !mix(epoch.0 * 7 + lane as u64).is_multiple_of(3)
}

pub(super) fn check(world: &World) -> Result<(), String> {
    if let Some(wrong) = &world.wrong {
        return Err(wrong.clone());
    }
    let chain = world.chain()?;
    for partition in 0..PARTITIONS {
        let name = partition.to_string();
        let bound = chain.manifests().iter().flat_map(|manifest| &manifest.epochs).map(|bound| &bound.binding);
        let of = bound.filter(|b| b.origin.as_ref().is_some_and(|origin| origin.bundle == name));
        let end = of.map(|b| (b.first, b.packets)).try_fold(0, |end, (first, n)| (first == end).then_some(end + n));
        if end != Some(PACKETS) {
            return Err(format!("partition {partition} is bound up to {end:?}"));
        }
    }
    for manifest in chain.manifests() {
        let workers: u64 = manifest.digest.parse().unwrap_or(0);
        if !(0..workers).all(|worker| world.files.contains(&format!("{}/{}-{worker}", manifest.writer, manifest.first)))
        {
            return Err(format!("files of manifest {} are not there", manifest.first));
        }
    }
    for (number, lane) in world.lanes.iter().enumerate() {
        let all = (0..chain.next().0).map(Epoch).filter(|epoch| says(number, *epoch));
        let expected: Vec<_> = all.map(|epoch| (epoch, state(chain.manifests(), None, epoch))).collect();
        if lane.told != expected {
            return Err(format!("lane {number} told {:?}, and the archive says {expected:?}", lane.told));
        }
    }
    Ok(())
}
