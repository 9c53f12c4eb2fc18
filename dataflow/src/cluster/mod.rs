//! Several processes as one job: sockets that agree on what the job is, notice dead hosts, and share one fate.
//!
//! timely's own bootstrap waits for ever, greets nobody and reads from dead hosts without end. Here each process proves who
//! it is, which job it runs and which start of it; another job, a leftover, or a stranger is refused, and whoever does not
//! come in time is named. What happens to one afterwards happens to all: a socket that breaks ends the process.
//!
//! | file | what it owns |
//! |---|---|
//! | `find` | where the processes are: lists, files, Slurm, Kubernetes |
//! | `secret` | what all processes know, and proofs of it |
//! | `greeting` | the four messages before the first byte of the dataflow |
//! | `door` | listens, for as long as the process lives; strangers |
//! | `meet` | one socket for each other process |
//! | `pulse` | signs of life, and the wish to drain |
//! | `fate` | the end because of another's |

mod door;
pub mod fate;
pub mod find;
mod greeting;
mod meet;
mod pulse;
mod secret;

pub use fate::end_with_peers;
pub use greeting::RunId;
pub use secret::Secret;

use crate::watch::Strangers;
use pulse::Pulse;
use std::io;
use std::net::{IpAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use timely::communication::Hooks;
use timely::communication::allocator::zero_copy::initialize::initialize_networking_from_sockets;
use timely::communication::allocator::{AllocatorBuilder, ProcessBuilder};

/// How long a peer may be silent before it is dead.
const SILENCE: Duration = Duration::from_secs(10);
/// How long to wait for all to come, where nothing else is said.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Where this process stands among those of the job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// Worker threads of each process.
    pub workers: usize,
    /// Which process this is.
    pub process: usize,
    /// `host:port` of every process, as this one reaches it; empty or one is a job in one process.
    pub hosts: Vec<String>,
    /// Where this one listens, if not at its place in `hosts`.
    pub bind: Option<String>,
    /// How long to wait for all to come.
    pub patience: Duration,
    /// Which start of the job it is; `None`: what process 0 says.
    pub run: Option<RunId>,
    /// What all processes of the job know, and nobody else.
    pub secret: Secret,
}

/// What a process and the others have to tell each other beside the dataflow.
#[derive(Clone)]
pub struct Link {
    /// Somebody wants the job to end. Wherever it is set, process 0 drains it.
    pub stop: Arc<AtomicBool>,
    /// The state of this process, as process 0 shows it.
    pub state: Arc<dyn Fn() -> Vec<u8> + Send + Sync>,
    /// Takes the state of another one.
    pub heard: Arc<dyn Fn(usize, Vec<u8>) + Send + Sync>,
    /// Counts those who were refused.
    pub strangers: Strangers,
}

type Builders = (Vec<AllocatorBuilder>, Box<dyn std::any::Any + Send>);

impl Cluster {
    /// A job in one process.
    pub fn alone(workers: usize) -> Cluster {
        let (hosts, bind, run, secret) = (Vec::new(), None, None, Secret::default());
        Cluster { workers, process: 0, hosts, bind, patience: PATIENCE, run, secret }
    }

    /// What is wrong with it, in words that say what to do.
    pub fn check(&self) -> Result<(), String> {
        if self.process >= self.hosts.len().max(1) {
            return Err(format!("--process {}: there are {} hosts, counted from 0", self.process, self.hosts.len()));
        }
        let far = self.hosts.iter().chain(&self.bind).find(|host| !is_here(host));
        match far.filter(|_| self.hosts.len() > 1 && self.secret.is_none()) {
            None => Ok(()),
            Some(host) => Err(format!(
                "{host} is not this machine, and anybody who reaches it could be taken for a process of the job: give all \
                 processes one secret (--secret-file FILE, or SKYDIFF_SECRET; `openssl rand -hex 32` makes one)"
            )),
        }
    }

    /// Connects to the other processes. They must run the job of the same `fingerprint`. The error says who did not come.
    pub fn connect(&self, fingerprint: u64, link: Link) -> io::Result<Builders> {
        let hooks = Hooks::default();
        let local = ProcessBuilder::new_typed_vector(self.workers, hooks.refill.clone(), hooks.spill.clone());
        if self.hosts.len() < 2 {
            return Ok((local.into_iter().map(AllocatorBuilder::Process).collect(), Box::new(())));
        }
        let met = meet::meet(self, fingerprint, link.strangers)?;
        tracing::info!(run = %met.run, "all {} processes have met", self.hosts.len());
        let Link { stop, state, heard, .. } = link;
        Pulse { process: self.process, silence: SILENCE, stop, state, heard }.start(met.pulses)?;
        let (builders, threads) =
            initialize_networking_from_sockets::<TcpStream>(local, met.data, self.process, self.workers, hooks)?;
        // The door last: strangers are told so for as long as anything goes over the wire.
        Ok((builders.into_iter().map(AllocatorBuilder::Tcp).collect(), Box::new((threads, met.door))))
    }
}

/// Whether only this machine can reach that place.
fn is_here(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost" || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests;
