//! Crashes, zombies and races, driven through the decisions that really run: `start`, `resume`, `after_put`, `Chain`, `Summary`.
//!
//! A process is a machine that does one externally visible thing a step: its head claims, lists, asks the lanes how far they
//! are, and binds; each of its lanes, beside it, fences, reads how far it is, says that it is there, and publishes. A schedule
//! lets several processes take turns, lets some die and others take their place while they live, loses answers of the store,
//! and ends with one undisturbed start. Then every lane must hold what the manifests say, once and in order, and the manifests
//! every offset of every partition. Orders that are known to be wrong are run too: a model that finds nothing in them would
//! prove nothing.

mod lane;
mod world;

use super::manifest::tests::manifest;
use super::{
    Chain, Generation, Manifest, Progress, Put, Resume, ResumeError, Start, Summary, Verdict, after_put, resume, start,
};
use crate::source::Origin;
use lane::{Lane, Place, Topic};
use skydiff_operators::Epoch;
use skydiff_schemas::MicroDays;
use std::collections::{BTreeMap, BTreeSet};
use world::{Random, World, check, says, state};

const PARTITIONS: usize = 3;
/// More than any schedule needs.
const STEPS: u32 = 5000;
/// Packets in each partition.
const PACKETS: u64 = 6;

/// Which rule is kept, or broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Right,
    /// Lanes publish what is not bound.
    OutputFirst,
    /// Lanes take for true what they said before others were fenced.
    ProgressBeforeFence,
    /// A manifest is put whatever lies there.
    OverwriteManifest,
    /// Progress is committed after the records, not with them.
    SeparateProgress,
    /// A lane publishes while others are not open, and may never have been written (as those of a replay).
    BeforeBarrier,
    /// Lanes that were never written are begun beside the binding of epochs.
    BornBeside,
    /// A start that finds a lane ahead of the manifests it listed does not list them again.
    ListOnce,
}

/// Where a head is; each step does one thing that others can see.
enum At {
    Claim,
    List,
    Ask(usize),
    Decide,
    /// A lane that was never written is begun, before anything is bound that it lacks.
    Birth(usize, Lane),
    File,
    Bind(Vec<u8>, bool),
    /// Everything is bound.
    Bound,
}

/// A process of a job.
struct Process {
    at: At,
    generation: Generation,
    workers: u64,
    /// What lanes said when the head asked: others may have gone on since.
    said: Vec<Option<Progress>>,
    listed: bool,
    chain: Chain,
    state: Option<(Epoch, u64)>,
    group: Option<Manifest>,
    /// What lanes publish: all that is bound, or, in the wrong order, more.
    lanes: Vec<Lane>,
}

impl Process {
    fn new(world: &World, random: &mut Random) -> Process {
        Process {
            at: At::Claim,
            generation: Generation(0),
            workers: 1 + random.below(3),
            said: vec![None; world.lanes.len()],
            listed: false,
            chain: Chain::default(),
            state: None,
            group: None,
            lanes: Vec::new(),
        }
    }

    /// The head, or a lane, does one thing; `false` when the process has ended.
    fn step(&mut self, world: &mut World, random: &mut Random) -> bool {
        let lanes = if matches!(self.at, At::Birth(..)) { 0 } else { self.lanes.len() };
        let turn = random.below(1 + lanes as u64) as usize;
        match turn.checked_sub(1) {
            Some(lane) => self.lane(lane, world),
            None => self.head(world, random),
        }
    }

    /// A lane does one thing. It may publish what is bound, once all are open.
    fn lane(&mut self, number: usize, world: &mut World) -> bool {
        let is_open = world.order == Order::BeforeBarrier || self.lanes.iter().all(Lane::is_open);
        let unbound = self.group.as_ref().filter(|_| world.order == Order::OutputFirst);
        let last = unbound.map(|group| group.last).or(self.chain.last()).filter(|_| is_open);
        let known = || self.chain.manifests().iter().chain(unbound);
        let told = self.lanes[number].lacks(last).filter(|epoch| says(number, *epoch));
        let told = told.map(|epoch| (epoch, state(known(), self.state, epoch))).collect();
        self.lanes[number].step(world, number, last, told)
    }

    fn head(&mut self, world: &mut World, random: &mut Random) -> bool {
        let lanes = world.lanes.len();
        self.at = match std::mem::replace(&mut self.at, At::Bound) {
            At::Claim => {
                let newest = world.generation.clone().map(|claim| (claim, None));
                let Start::Claim(generation) = start(newest, 0, true) else { return false };
                world.started += 1;
                self.generation = generation;
                let writer = super::WriterId::new(world.started as u32, 0);
                let (host, version) = (String::new(), String::new());
                world.generation = Some(super::Claim { generation, writer, at: 0, host, version });
                At::List
            }
            At::List => match world.list(random.chance(60)) {
                Ok(chain) => {
                    self.chain = chain;
                    if lanes == 0 || self.listed { At::Decide } else { At::Ask(0) }
                }
                Err(why) => return world.is_wrong(why),
            },
            At::Ask(lane) => {
                self.said[lane] = world.lanes[lane].progress;
                if lane + 1 < lanes { At::Ask(lane + 1) } else { At::Decide }
            }
            At::Decide => match self.decide(world) {
                Ok(next) => next,
                Err(why) => return world.is_wrong(why),
            },
            At::Birth(number, mut lane) => {
                if !lane.step(world, number, None, Vec::new()) {
                    return false;
                }
                if lane.is_open() { self.births(number + 1) } else { At::Birth(number, lane) }
            }
            At::File => match self.mint(world, random) {
                Some(bytes) => At::Bind(bytes, false),
                None => At::Bound,
            },
            At::Bind(bytes, asked) => match self.bind(world, random, bytes, asked) {
                Some(next) => next,
                None => return false,
            },
            At::Bound => {
                // Lanes come to their end when everything is published.
                let last = self.chain.last();
                return !self.lanes.iter().all(|lane| lane.is_open() && lane.lacks(last).next().is_none());
            }
        };
        true
    }

    /// Decides from where to go on, loads what is known, and lets lanes be opened.
    fn decide(&mut self, world: &World) -> Result<At, String> {
        let summed = self.chain.summed().map(|summed| summed.through);
        if self.said.iter().flatten().any(|lane| summed.is_some_and(|through| lane.lacks() <= through)) {
            self.chain = world.chain()?;
        }
        let snapshots: Vec<Epoch> = world.snapshots.keys().copied().collect();
        let resume = match resume(self.chain.last(), &self.said, &snapshots) {
            // Whoever was not fenced yet has gone on since the manifests were listed.
            Err(ResumeError::Ahead(..)) if !self.listed && world.order != Order::ListOnce => {
                self.listed = true;
                return Ok(At::List);
            }
            resume => resume.map_err(|error| error.to_string())?,
        };
        let from = resume.snapshot.and_then(|epoch| Some((epoch, world.snapshots.get(&epoch)?.0)));
        let behind = self.chain.summed().map(|summed| summed.through);
        if behind > resume.snapshot {
            return Err(format!("{behind:?} is summed up, and the newest snapshot is {:?}", resume.snapshot));
        }
        self.state = resume.loaded.map(|loaded| (loaded, state(self.chain.manifests(), from, loaded)));
        let Resume { replayed, live, .. } = resume;
        let place = |said| Place { said, from: replayed, live, generation: self.generation };
        self.lanes = self.said.iter().map(|said| Lane::new(place(*said))).collect();
        let are_beside = matches!(world.order, Order::BornBeside | Order::BeforeBarrier);
        Ok(if are_beside { At::File } else { self.births(0) })
    }

    /// The next lane from there on that was never written.
    fn births(&self, from: usize) -> At {
        let unborn = (from..self.said.len()).find(|lane| self.said[*lane].is_none());
        unborn.map_or(At::File, |lane| At::Birth(lane, self.lanes[lane].clone()))
    }

    /// Some epochs of what is not bound yet, and their files, one of each worker.
    fn mint(&mut self, world: &mut World, random: &mut Random) -> Option<Vec<u8>> {
        let first = self.chain.next();
        let epochs = 1 + random.below(3);
        let mut group = manifest(first.0..=first.0 + epochs - 1, self.generation.0, self.chain.head().cloned());
        let mut taken = self.chain.taken();
        let mut ends: Vec<u64> = (0..PARTITIONS).map(|partition| taken.next(&partition.to_string()).0).collect();
        for bound in &mut group.epochs {
            let open: Vec<usize> = (0..PARTITIONS).filter(|partition| ends[*partition] < PACKETS).collect();
            if open.is_empty() {
                break;
            }
            let partition = open[random.below(open.len() as u64) as usize];
            let packets = (1 + random.below(3)).min(PACKETS - ends[partition]);
            let origin = Origin { bundle: partition.to_string(), partition: 0, rank: 0, received: MicroDays(0) };
            bound.binding.origin = Some(origin);
            (bound.binding.first, bound.binding.packets) = (ends[partition], packets);
            ends[partition] += packets;
        }
        group.epochs.retain(|bound| bound.binding.packets > 0);
        group.last = group.epochs.last()?.binding.epoch;
        group.writer = super::WriterId::new(self.generation.0 as u32, 1);
        for worker in 0..self.workers {
            world.files.insert(format!("{}/{first}-{worker}", group.writer));
        }
        group.digest = format!("{}", self.workers);
        let bytes = group.encode().ok()?;
        self.group = Some(group);
        Some(bytes)
    }

    /// Puts the manifest; answers get lost, and who gets none asks again.
    fn bind(&mut self, world: &mut World, random: &mut Random, bytes: Vec<u8>, asked: bool) -> Option<At> {
        let first = self.group.as_ref()?.first;
        let overwrite = world.order == Order::OverwriteManifest;
        let exists = world.manifests.contains_key(&first) && !overwrite;
        if !exists {
            world.manifests.insert(first, bytes.clone());
        }
        if random.chance(30) && !asked {
            return Some(At::Bind(bytes, true));
        }
        let put = match exists {
            false => Put::Made,
            true if random.chance(50) => Put::Unknown("no answer".into()),
            true => Put::Exists,
        };
        let found = (put != Put::Made).then(|| world.manifests.get(&first)).flatten();
        match after_put(&bytes, self.generation, &put, found.map(|bytes| &bytes[..])) {
            Verdict::Committed => {
                self.chain.add(first, &bytes).ok()?;
                self.group = None;
                if random.chance(20) {
                    let last = self.chain.last()?;
                    let summary = Summary::of(&self.chain, &[]).filter(|_| random.chance(80));
                    let summary = summary.and_then(|summary| summary.encode().ok());
                    world.snapshots.insert(last, (state(self.chain.manifests(), self.state, last), summary));
                }
                Some(At::File)
            }
            Verdict::Again => Some(At::Bind(bytes, asked)),
            Verdict::Broken(why) => {
                world.wrong.get_or_insert(why);
                None
            }
            // A supervisor starts another in its place.
            Verdict::Adopt(_) | Verdict::Fenced(_) => None,
        }
    }
}

/// One schedule.
fn run(seed: u64, order: Order) -> Result<(), String> {
    let mut random = Random(seed);
    let lanes = random.below(4);
    let mut world = World {
        order,
        manifests: BTreeMap::new(),
        files: BTreeSet::new(),
        snapshots: BTreeMap::new(),
        generation: None,
        lanes: (0..lanes).map(|_| Topic::default()).collect(),
        started: 0,
        wrong: None,
    };
    let mut live = vec![Process::new(&world, &mut random)];
    for _ in 0..random.below(160) {
        if random.chance(6) {
            live.push(Process::new(&world, &mut random));
        }
        if !live.is_empty() && random.chance(6) {
            live.swap_remove(random.below(live.len() as u64) as usize);
        }
        if !live.is_empty() {
            let turn = random.below(live.len() as u64) as usize;
            if !live[turn].step(&mut world, &mut random) {
                live.swap_remove(turn);
            }
        }
    }
    // Zombies come to their end, then one that nobody disturbs.
    let mut steps = 0..STEPS;
    while !live.is_empty() && steps.next().is_some() {
        live.retain_mut(|process| process.step(&mut world, &mut random));
    }
    let mut last = Process::new(&world, &mut random);
    while steps.next().is_some() && last.step(&mut world, &mut random) {}
    if steps.is_empty() { Err("it does not come to an end".into()) } else { check(&world) }
}

#[test]
fn nothing_is_lost_and_nothing_is_twice() {
    for seed in 0..2000 {
        run(seed, Order::Right).unwrap_or_else(|wrong| panic!("seed {seed}: {wrong}"));
    }
}

#[test]
fn other_orders_are_found_out() {
    for order in [
        Order::OutputFirst,
        Order::ProgressBeforeFence,
        Order::OverwriteManifest,
        Order::SeparateProgress,
        Order::BeforeBarrier,
        Order::BornBeside,
        Order::ListOnce,
    ] {
        let wrong = (0..1000).filter(|seed| run(*seed, order).is_err()).count();
        println!("{order:?}: {wrong} of 1000 schedules");
        assert!(wrong > 0, "{order:?}: the model sees nothing");
    }
}
