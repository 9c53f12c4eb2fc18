//! Several processes as one job: sockets that agree on what the job is, notice dead hosts, and share one fate.
//!
//! timely's own bootstrap waits for ever, greets nobody and reads from dead hosts without end. Here each process says who
//! it is and which job it runs; another job, a leftover, or a stranger is refused, and whoever does not come in time is
//! named. What happens to one afterwards happens to all: a socket that breaks ends the process ([`end_with_peers`]).

use socket2::{SockRef, TcpKeepalive};
use std::io::{self, Error, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};
use timely::communication::Hooks;
use timely::communication::allocator::zero_copy::initialize::initialize_networking_from_sockets;
use timely::communication::allocator::{AllocatorBuilder, ProcessBuilder};

/// How long a peer may take to say who it is.
const GREETING: Duration = Duration::from_secs(10);
/// How long a peer may be silent before it is dead.
const SILENCE: Duration = Duration::from_secs(15);

/// Where this process stands among those of the job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// Worker threads of each process.
    pub workers: usize,
    /// Which process this is.
    pub process: usize,
    /// `host:port` of every process; empty or one is a job in one process.
    pub hosts: Vec<String>,
    /// How long to wait for all to come.
    pub patience: Duration,
}

type Builders = (Vec<AllocatorBuilder>, Box<dyn std::any::Any + Send>);

impl Cluster {
    /// Connects to the other processes. They must run the job of the same `fingerprint`. The error says who did not come.
    pub fn connect(&self, fingerprint: u64) -> io::Result<Builders> {
        let hooks = Hooks::default();
        let local = ProcessBuilder::new_typed_vector(self.workers, hooks.refill.clone(), hooks.spill.clone());
        if self.hosts.len() < 2 {
            return Ok((local.into_iter().map(AllocatorBuilder::Process).collect(), Box::new(())));
        }
        let sockets = self.meet(fingerprint)?;
        let (builders, threads) =
            initialize_networking_from_sockets(local, sockets, self.process, self.workers, hooks)?;
        Ok((builders.into_iter().map(AllocatorBuilder::Tcp).collect(), Box::new(threads)))
    }

    /// One socket for each other process: dials the lower-numbered, accepts the higher-numbered.
    fn meet(&self, fingerprint: u64) -> io::Result<Vec<Option<TcpStream>>> {
        let (me, hosts) = (self.process, &self.hosts);
        let deadline = Instant::now() + self.patience;
        let listener = TcpListener::bind(&hosts[me]).map_err(|error| {
            Error::new(error.kind(), format!("process {me} cannot listen at {}: {error}", hosts[me]))
        })?;
        listener.set_nonblocking(true)?;
        let mut sockets: Vec<Option<TcpStream>> = hosts.iter().map(|_| None).collect();
        loop {
            for peer in 0..me {
                if sockets[peer].is_none()
                    && let Ok(stream) = TcpStream::connect(&hosts[peer])
                {
                    sockets[peer] = admitted(greet(stream, me as u64, fingerprint), |peer_is| peer_is == peer as u64)?
                        .map(|(_, s)| s);
                }
            }
            while let Ok((stream, _)) = listener.accept() {
                stream.set_nonblocking(false)?;
                let expected = |peer: u64| (me as u64 + 1..hosts.len() as u64).contains(&peer);
                if let Some((peer, stream)) = admitted(greet(stream, me as u64, fingerprint), expected)? {
                    sockets[peer as usize] = Some(stream);
                }
            }
            let missing = hosts.iter().enumerate().find(|(peer, _)| *peer != me && sockets[*peer].is_none());
            match missing {
                None => return Ok(sockets),
                Some((peer, host)) if Instant::now() > deadline => {
                    let text = format!("process {peer} ({host}) did not come within {} s", self.patience.as_secs());
                    return Err(Error::new(ErrorKind::TimedOut, text));
                }
                Some(_) => std::thread::sleep(Duration::from_millis(50)),
            }
        }
    }
}

/// Each side says which job it runs and who it is.
fn greet(mut stream: TcpStream, me: u64, fingerprint: u64) -> io::Result<(u64, TcpStream)> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(&stream);
    let keepalive = TcpKeepalive::new().with_time(SILENCE / 3).with_interval(SILENCE / 6);
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(SILENCE))?;
    stream.set_read_timeout(Some(GREETING))?;
    stream.write_all(&[fingerprint.to_be_bytes(), me.to_be_bytes()].concat())?;
    let mut theirs = [0; 16];
    stream.read_exact(&mut theirs)?;
    stream.set_read_timeout(None)?;
    let half = |at: usize| theirs[at..at + 8].iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    match half(0) == fingerprint {
        true => Ok((half(8), stream)),
        false => Err(Error::new(
            ErrorKind::InvalidInput,
            format!(
                "process {} runs another job, or the same with other settings: start all with the same ones",
                half(8)
            ),
        )),
    }
}

/// A peer that is expected; another one is refused, and a broken greeting is tried again. Another job ends this one.
fn admitted(
    greeted: io::Result<(u64, TcpStream)>,
    expected: impl Fn(u64) -> bool,
) -> io::Result<Option<(u64, TcpStream)>> {
    match greeted {
        Ok((peer, stream)) => Ok(expected(peer).then_some((peer, stream))),
        Err(error) if error.kind() == ErrorKind::InvalidInput => Err(error),
        Err(_) => Ok(None),
    }
}

/// From now on a broken socket between processes ends this one with `code` and a sentence, and any other panic aborts it.
pub fn end_with_peers(code: i32) {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let text = info.payload_as_str().unwrap_or_default();
        if text.starts_with("timely communication error") {
            eprintln!("skydiff: another process of the job has ended ({text})");
            std::process::exit(code);
        }
        hook(info);
        std::process::abort();
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(process: usize, hosts: &[String], patience: u64) -> Cluster {
        Cluster { workers: 1, process, hosts: hosts.to_vec(), patience: Duration::from_millis(patience) }
    }

    /// Ports that nobody listens at just now.
    fn hosts(count: usize) -> Vec<String> {
        let listeners: Vec<_> = (0..count).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        listeners.iter().map(|listener| listener.local_addr().unwrap().to_string()).collect()
    }

    #[test]
    fn processes_meet_and_other_jobs_are_refused() {
        let hosts = hosts(3);
        let met: Vec<_> = std::thread::scope(|scope| {
            let hosts = &hosts;
            let threads: Vec<_> = (0..3).map(|me| scope.spawn(move || cluster(me, hosts, 20_000).meet(7))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap().unwrap()).collect()
        });
        for (me, sockets) in met.iter().enumerate() {
            assert!(sockets.iter().enumerate().all(|(peer, socket)| socket.is_some() == (peer != me)));
        }
        drop(met);
        let (one, two) = std::thread::scope(|scope| {
            let one = scope.spawn(|| cluster(0, &hosts[..2], 2_000).meet(7).unwrap_err());
            let two = scope.spawn(|| cluster(1, &hosts[..2], 2_000).meet(8).unwrap_err());
            (one.join().unwrap().to_string(), two.join().unwrap().to_string())
        });
        assert!(one.contains("another job") || two.contains("another job"), "{one} / {two}");
    }

    #[test]
    fn who_does_not_come_is_named() {
        let hosts = hosts(2);
        let error = cluster(0, &hosts, 100).meet(7).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(error.to_string().contains(&format!("process 1 ({})", hosts[1])), "{error}");
    }
}
