//! The mint: reads bundles one after the other and says what every epoch is made of. There is one, on a thread of its own.

use super::cut::{Cutter, EpochCut, Feed};
use super::folder::{Found, Place, walk};
use super::night::Night;
use super::parcel::{Opener, Origin, Parcel};
use super::simulated::{Made, simulate};
use super::stream::stream;
use super::taken::Taken;
use crate::kafka::settings::LiveSettings;
use skydiff_schemas::MicroDays;
use skydiff_simulate::Settings as Simulated;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// One `[[source]]` of a job.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// Its packets.
    pub packets: Packets,
    /// Its rank: a copy of a measurement from a source of greater rank stands.
    pub rank: i16,
    /// When its packets were received (MJD UTC), where no name says it.
    pub received: MicroDays,
}

/// Packets that are somewhere, or are made.
#[derive(Clone, Debug, PartialEq)]
pub enum Packets {
    /// They lie there.
    At(Place),
    /// A simulated survey sends them.
    Simulated(Box<Simulated>),
    /// They are read live.
    Live(Box<LiveSettings>),
}

/// What the mint has found and read so far, for those who show progress. Counters only grow.
#[derive(Debug, Default)]
pub struct Progress {
    /// Bytes of input that are known to be there.
    pub ahead: Arc<AtomicU64>,
    /// Bytes of input that have been read, compressed where they are.
    pub read: Arc<AtomicU64>,
    /// Of each partition of a topic: the offset that is read next, and the one behind the last that is there.
    pub lag: Arc<Mutex<Lag>>,
}

/// Of each partition of a topic: the offset that is read next, and the one behind the last that is there.
pub type Lag = BTreeMap<(String, i32), (u64, u64)>;

/// Gives the visit of a packet where it can be read.
pub type Probe = Box<dyn FnMut(&[u8]) -> Option<u64> + Send>;

/// Reads `inputs` to their end, or until asked to `stop`, and hands what it finds to `out`, which gives `false` when nobody
/// listens any more. Files that hold no packet go to `beside`.
pub struct Mint {
    /// What to read.
    pub inputs: Vec<Input>,
    /// What an epoch is.
    pub cut: EpochCut,
    /// Epochs end whenever so many packets more have come.
    pub every: Option<u64>,
    /// What was bound before and is not read again.
    pub taken: Taken,
    /// Reads visits, where epochs are visits.
    pub probe: Probe,
    /// Someone wants the job to end.
    pub stop: Arc<AtomicBool>,
    /// What is told of the work.
    pub progress: Arc<Progress>,
}

impl std::fmt::Debug for Mint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mint").field("inputs", &self.inputs).field("cut", &self.cut).finish_non_exhaustive()
    }
}

impl Mint {
    /// Does it.
    pub fn run(self, out: &mut dyn FnMut(Feed) -> bool, beside: &mut dyn FnMut(PathBuf)) {
        let (cutter, progress) = (Cutter::new(self.cut, self.every), self.progress.clone());
        let mut bench =
            Bench { mint: self, cutter, opener: Opener::default(), open: None, ended: None, hung_up: false };
        let inputs = std::mem::take(&mut bench.mint.inputs);
        let _ = inputs.iter().try_for_each(|input| {
            let place = match &input.packets {
                Packets::At(place) => place,
                Packets::Simulated(settings) => return bench.simulated(settings, input, &progress, out),
                // These never end, and are read behind all others.
                Packets::Live(_) => return ControlFlow::Continue(()),
            };
            walk(place, &mut |found| match found {
                Found::Begin(path) => bench.begin(&path, input, out),
                Found::Packet(parcel) => {
                    progress.read.fetch_add(parcel.bytes.len(), Ordering::Relaxed);
                    bench.packet(parcel, out)
                }
                Found::End => bench.end(),
                Found::Stream(place) => {
                    let path = match &place {
                        Place::Stdin => Path::new("-"),
                        Place::File(path) | Place::Folder(path) => path,
                    };
                    bench.begin(path, input, out)?;
                    if !bench.is_over() {
                        stream(&place, &progress.read, &mut |parcel| bench.packet(parcel, out))?;
                    }
                    bench.end()
                }
                Found::Ahead(bytes) => {
                    progress.ahead.fetch_add(bytes, Ordering::Relaxed);
                    ControlFlow::Continue(())
                }
                Found::Beside(path) => {
                    beside(path);
                    ControlFlow::Continue(())
                }
            })
        });
        bench.finish(out);
    }
}

/// A bundle in work.
struct Open {
    origin: Origin,
    night: Option<Night>,
    number: u64,
    /// So many of its packets were bound before.
    taken: u64,
    /// All of them were.
    over: bool,
}

struct Bench {
    mint: Mint,
    cutter: Cutter,
    opener: Opener,
    open: Option<Open>,
    /// A bundle that is at its end, until it is known whether its night is too.
    ended: Option<(String, Option<Night>)>,
    hung_up: bool,
}

impl Bench {
    fn begin(&mut self, path: &Path, input: &Input, out: &mut dyn FnMut(Feed) -> bool) -> ControlFlow<()> {
        let night = Night::of_name(path);
        let bundle = path.display().to_string();
        let (taken, over) = self.mint.taken.next(&bundle);
        if let Some((file, before)) = self.ended.take() {
            let over = before.filter(|before| Some(*before) != night);
            self.cutter.end_bundle(file, over, &mut |feed| self.hung_up |= !out(feed));
        }
        let received = night.map_or(input.received, Night::received);
        let origin = Origin { bundle, partition: 0, rank: input.rank, received };
        self.open = Some(Open { origin, night, number: 0, taken, over });
        self.flow()
    }

    fn packet(&mut self, parcel: Parcel, out: &mut dyn FnMut(Feed) -> bool) -> ControlFlow<()> {
        self.flow()?;
        let Some(open) = &mut self.open else { return ControlFlow::Break(()) };
        if open.over || open.number < open.taken {
            open.number += 1;
            return ControlFlow::Continue(());
        }
        let visit = if self.cutter.wants_visit() {
            self.opener.read(&parcel.bytes).ok().and_then(|bytes| (self.mint.probe)(bytes))
        } else {
            None
        };
        let number = open.number;
        open.number += 1;
        self.cutter.push(&open.origin, number, parcel, visit, &mut |feed| self.hung_up |= !out(feed));
        self.flow()
    }

    fn simulated(
        &mut self,
        settings: &Simulated,
        input: &Input,
        progress: &Progress,
        out: &mut dyn FnMut(Feed) -> bool,
    ) -> ControlFlow<()> {
        let before = progress.read.load(Ordering::Relaxed);
        let made = simulate(settings, &mut |made| match made {
            Made::Begin(name) => self.begin(Path::new(&name), input, out),
            Made::Packet(parcel) => {
                progress.read.fetch_add(parcel.bytes.len(), Ordering::Relaxed);
                self.packet(parcel, out)
            }
            Made::End { done, of } => {
                // What the other nights will have is guessed from those that are over.
                let read = progress.read.load(Ordering::Relaxed) - before;
                progress.ahead.store(before + read / u64::from(done.max(1)) * u64::from(of), Ordering::Relaxed);
                self.end()
            }
        });
        // The job's settings were checked before anything was started.
        made.unwrap_or(ControlFlow::Break(()))
    }

    fn end(&mut self) -> ControlFlow<()> {
        self.ended = self.open.take().filter(|open| !open.over).map(|open| (open.origin.bundle, open.night));
        self.flow()
    }

    /// Whether nothing of the open bundle is to be read.
    fn is_over(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.over)
    }

    fn flow(&self) -> ControlFlow<()> {
        match self.hung_up || self.mint.stop.load(Ordering::Relaxed) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    fn finish(mut self, out: &mut dyn FnMut(Feed) -> bool) {
        match self.ended.take() {
            Some((file, night)) => self.cutter.end_bundle(file, night, &mut |feed| self.hung_up |= !out(feed)),
            None => self.cutter.stop(&mut |feed| self.hung_up |= !out(feed)),
        }
    }
}

#[cfg(test)]
mod tests;
