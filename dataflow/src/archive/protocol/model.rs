//! Crashes, zombies and races, driven through the decisions that really run: `start`, `resume`, `after_put`, `Chain`.
//!
//! A process is a machine that does one externally visible thing a step. A schedule lets several of them take turns, lets
//! some die and others take their place while they live, loses answers of the store, and ends with one undisturbed start.
//! Then every lane must hold what the manifests say, once and in order, and the manifests every offset of every partition.
//! Orders of commits that are known to be wrong are run too: a model that finds nothing in them would prove nothing.

mod world;

use super::manifest::tests::manifest;
use super::{Chain, Generation, Manifest, Progress, Put, Resume, Start, Verdict, after_put, resume, start};
use crate::source::Origin;
use skydiff_operators::Epoch;
use skydiff_schemas::MicroDays;
use std::collections::{BTreeMap, BTreeSet};
use world::{Lane, Random, World, check, says, state};

const PARTITIONS: usize = 3;
/// Packets in each partition.
const PACKETS: u64 = 6;

/// Which rule is kept, or broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Right,
    OutputFirst,
    ProgressBeforeFence,
    OverwriteManifest,
    SeparateProgress,
}

/// Where a process is; each step does one thing that others can see.
enum At {
    Claim,
    Fence(usize),
    Read(usize),
    Look,
    Born(usize),
    Replay(usize),
    File,
    Bind(Vec<u8>, bool),
    Emit(usize),
    Progress(usize, Option<Progress>),
    Over,
}

struct Process {
    at: At,
    generation: Generation,
    workers: u64,
    fences: Vec<u64>,
    progress: Vec<Option<Progress>>,
    resume: Option<Resume>,
    chain: Chain,
    state: Option<(Epoch, u64)>,
    group: Option<Manifest>,
}

impl Process {
    fn new(world: &World, random: &mut Random) -> Process {
        let lanes = world.lanes.len();
        Process {
            at: At::Claim,
            generation: Generation(0),
            workers: 1 + random.below(3),
            fences: vec![0; lanes],
            progress: vec![None; lanes],
            resume: None,
            chain: Chain::default(),
            state: None,
            group: None,
        }
    }

    /// Does one thing; `false` when it has ended.
    fn step(&mut self, world: &mut World, random: &mut Random) -> bool {
        let lanes = world.lanes.len();
        let after_fences = if lanes == 0 { At::Look } else { At::Fence(0) };
        self.at = match std::mem::replace(&mut self.at, At::Over) {
            At::Claim => {
                let newest = world.generation.clone().map(|claim| (claim, None));
                let Start::Claim(generation) = start(newest, 0, true) else { return false };
                world.started += 1;
                self.generation = generation;
                let writer = super::WriterId::new(world.started as u32, 0);
                let (host, version) = (String::new(), String::new());
                world.generation = Some(super::Claim { generation, writer, at: 0, host, version });
                if world.order == Order::ProgressBeforeFence {
                    self.progress = world.lanes.iter().map(|lane| lane.progress).collect();
                }
                after_fences
            }
            At::Fence(lane) => {
                world.lanes[lane].fence += 1;
                self.fences[lane] = world.lanes[lane].fence;
                At::Read(lane)
            }
            At::Read(lane) => {
                if world.order != Order::ProgressBeforeFence {
                    self.progress[lane] = world.lanes[lane].progress;
                }
                if lane + 1 < lanes { At::Fence(lane + 1) } else { At::Look }
            }
            At::Look => match self.look(world) {
                Ok(next) => next,
                Err(why) => {
                    world.wrong.get_or_insert(why);
                    return false;
                }
            },
            At::Born(lane) => {
                if world.lanes[lane].fence != self.fences[lane] {
                    return false;
                }
                let Some(resume) = self.resume else { return false };
                if self.progress[lane].is_none() {
                    self.progress[lane] = Some(Progress::Born(resume.live));
                    world.lanes[lane].progress = self.progress[lane];
                }
                if lane + 1 < lanes { At::Born(lane + 1) } else { At::Replay(0) }
            }
            At::Replay(lane) if lane >= lanes => At::File,
            At::Replay(lane) => {
                // A transaction may carry several epochs.
                let last = self.chain.last();
                if !self.publish(world, lane, last) {
                    return false;
                }
                At::Replay(lane + 1)
            }
            At::File => match self.mint(world, random) {
                Some(bytes) if world.order == Order::OutputFirst => {
                    let _ = bytes;
                    At::Emit(0)
                }
                Some(bytes) => At::Bind(bytes, false),
                None => return false,
            },
            At::Bind(bytes, asked) => match self.bind(world, random, bytes, asked) {
                Some(next) => next,
                None => return false,
            },
            At::Emit(lane) if lane >= lanes => {
                let Some(group) = self.group.take() else { return false };
                if world.order == Order::OutputFirst {
                    let Ok(bytes) = group.encode() else { return false };
                    if world.manifests.contains_key(&group.first) {
                        return false;
                    }
                    world.manifests.insert(group.first, bytes.clone());
                    if self.chain.add(group.first, &bytes).is_err() {
                        return false;
                    }
                }
                At::File
            }
            At::Emit(lane) => {
                let last = self.group.as_ref().map(|group| group.last);
                if world.order == Order::SeparateProgress {
                    let before = world.lanes[lane].progress;
                    if !self.publish(world, lane, last) {
                        return false;
                    }
                    let after = std::mem::replace(&mut world.lanes[lane].progress, before);
                    At::Progress(lane, after)
                } else {
                    if !self.publish(world, lane, last) {
                        return false;
                    }
                    At::Emit(lane + 1)
                }
            }
            At::Progress(lane, progress) => {
                world.lanes[lane].progress = progress;
                At::Emit(lane + 1)
            }
            At::Over => return false,
        };
        true
    }

    /// Lists manifests, decides from where to go on, and loads what is known.
    fn look(&mut self, world: &mut World) -> Result<At, String> {
        self.chain = world.chain()?;
        let snapshots: Vec<Epoch> = world.snapshots.keys().copied().collect();
        let resume = resume(self.chain.last(), &self.progress, &snapshots).map_err(|error| error.to_string())?;
        let from = resume.snapshot.and_then(|epoch| world.snapshots.get_key_value(&epoch)).map(|(e, s)| (*e, *s));
        self.state = resume.loaded.map(|loaded| (loaded, state(self.chain.manifests(), from, loaded)));
        self.resume = Some(resume);
        Ok(if self.progress.iter().any(Option::is_none) { At::Born(0) } else { At::Replay(0) })
    }

    /// One transaction: everything up to `last` that the lane lacks, and that it does not lack it any more.
    fn publish(&mut self, world: &mut World, lane: usize, last: Option<Epoch>) -> bool {
        let (Some(last), Some(progress)) = (last, self.progress[lane]) else { return true };
        let lacks = match progress {
            Progress::Born(first) => first,
            Progress::Through(epoch) => epoch.next(),
        };
        if lacks > last {
            return true;
        }
        if world.lanes[lane].fence != self.fences[lane] {
            return false;
        }
        for epoch in (lacks.0..=last.0).map(Epoch).filter(|epoch| says(lane, *epoch)) {
            // What is told before it is bound is not in the chain yet.
            let unbound = self.group.iter().filter(|group| group.first >= self.chain.next());
            let known = self.chain.manifests().iter().chain(unbound);
            world.lanes[lane].told.push((epoch, state(known, None, epoch)));
        }
        self.progress[lane] = Some(Progress::Through(last));
        world.lanes[lane].progress = self.progress[lane];
        true
    }

    /// Some epochs of what is not bound yet, and their files, one of each worker.
    fn mint(&mut self, world: &mut World, random: &mut Random) -> Option<Vec<u8>> {
        let first = self.chain.next();
        let epochs = 1 + random.below(3);
        let mut group = manifest(first.0..=first.0 + epochs - 1, self.generation.0, self.chain.head().cloned());
        let bound = self.chain.manifests().iter().flat_map(|manifest| &manifest.epochs).map(|bound| &bound.binding);
        let mut ends = [0; PARTITIONS];
        for (partition, end) in ends.iter_mut().enumerate() {
            let name = partition.to_string();
            let of = bound.clone().filter(|b| b.origin.as_ref().is_some_and(|origin| origin.bundle == name));
            *end = of.map(|b| b.first + b.packets).max().unwrap_or(0);
        }
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
                if random.chance(20) {
                    let last = self.chain.last()?;
                    world.snapshots.insert(last, state(self.chain.manifests(), self.state, last));
                }
                Some(At::Emit(0))
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
        lanes: (0..lanes).map(|_| Lane::default()).collect(),
        started: 0,
        wrong: None,
    };
    let mut live = vec![Process::new(&world, &mut random)];
    for _ in 0..random.below(120) {
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
    while !live.is_empty() {
        live.retain_mut(|process| process.step(&mut world, &mut random));
    }
    let mut last = Process::new(&world, &mut random);
    while last.step(&mut world, &mut random) {}
    check(&world)
}

#[test]
fn nothing_is_lost_and_nothing_is_twice() {
    for seed in 0..4000 {
        run(seed, Order::Right).unwrap_or_else(|wrong| panic!("seed {seed}: {wrong}"));
    }
}

#[test]
fn other_orders_are_found_out() {
    for order in [Order::OutputFirst, Order::ProgressBeforeFence, Order::OverwriteManifest, Order::SeparateProgress] {
        let wrong = (0..1500).filter(|seed| run(*seed, order).is_err()).count();
        assert!(wrong > 0, "{order:?}: the model sees nothing");
    }
}
