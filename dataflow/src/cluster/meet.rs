//! All processes of a job come together: each dials those of lower numbers, and lets in those of higher ones at its door.
//!
//! Process 0 says which run it is; the others ask it first and go by what it says, until it goes. Who comes and goes
//! again (a launch that was cut short) is forgotten; who does not come in time is named, with what was heard of it last.

use super::door::{Arrival, Door, Rules};
use super::greeting::{Identity, Purpose, RunId, Verdict, dial};
use super::{Cluster, SILENCE};
use crate::watch::Strangers;
use socket2::{SockRef, TcpKeepalive};
use std::collections::BTreeMap;
use std::io::{self, Error, ErrorKind};
use std::net::{TcpListener, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How long a peer may take to answer.
const GREETING: Duration = Duration::from_secs(5);
/// How long one who cannot be reached is waited for, before another is tried.
const DIAL: Duration = Duration::from_secs(2);
/// How often those who are missing are tried.
const AGAIN: Duration = Duration::from_millis(50);

/// All sockets of a process.
#[derive(Debug)]
pub struct Met {
    /// To every other process.
    pub data: Vec<Option<TcpStream>>,
    /// Of process 0, to all others; of these, to process 0.
    pub pulses: BTreeMap<usize, TcpStream>,
    /// Which run it is.
    pub run: RunId,
    /// Open, so that strangers are told so, for as long as it is held.
    pub door: Door,
}

/// Those whom a process waits for.
struct Meeting<'a> {
    cluster: &'a Cluster,
    own: Identity,
    rules: Arc<Rules>,
    arrivals: Receiver<Arrival>,
    sockets: BTreeMap<(Purpose, usize), TcpStream>,
    /// What was heard last of those who are not there.
    heard: BTreeMap<usize, String>,
    door: Door,
}

/// Meets all other processes of `job`. The error says who did not come and why.
pub fn meet(cluster: &Cluster, job: u64, strangers: Strangers) -> io::Result<Met> {
    let (me, hosts) = (cluster.process, &cluster.hosts);
    let at = cluster.bind.as_ref().unwrap_or(&hosts[me]);
    let listener = TcpListener::bind(at)
        .map_err(|error| Error::new(error.kind(), format!("process {me} cannot listen at {at}: {error}")))?;
    let rules = Arc::new(Rules::default());
    let known = match cluster.run {
        None if me == 0 => Some(RunId::invent().map_err(Error::other)?),
        known => known,
    };
    rules.set_run(known);
    let own = Identity { process: me, job, secret: cluster.secret.clone() };
    let (send, arrivals) = channel();
    let door = Door::open(listener, own.clone(), hosts.len(), rules.clone(), send, strangers)?;
    let mut meeting = Meeting { cluster, own, rules, arrivals, sockets: BTreeMap::new(), heard: BTreeMap::new(), door };
    let run = meeting.wait()?;
    meeting.rules.close();
    let mut met = Met { data: hosts.iter().map(|_| None).collect(), pulses: BTreeMap::new(), run, door: meeting.door };
    for ((purpose, peer), stream) in meeting.sockets {
        match purpose {
            Purpose::Data => met.data[peer] = Some(stream),
            Purpose::Pulse => drop(met.pulses.insert(peer, stream)),
        }
    }
    Ok(met)
}

impl Meeting<'_> {
    fn wait(&mut self) -> io::Result<RunId> {
        let (me, hosts) = (self.cluster.process, &self.cluster.hosts);
        let deadline = Instant::now() + self.cluster.patience;
        let pulses = if me == 0 { 1..hosts.len() } else { 0..1 };
        let wanted: Vec<(Purpose, usize)> = (0..hosts.len())
            .filter(|peer| *peer != me)
            .map(|peer| (Purpose::Data, peer))
            .chain(pulses.map(|peer| (Purpose::Pulse, peer)))
            .collect();
        loop {
            self.forget_the_gone();
            for (purpose, peer) in wanted.iter().filter(|(_, peer)| *peer < me) {
                // Which run it is, only process 0 says.
                if !self.sockets.contains_key(&(*purpose, *peer)) && (*peer == 0 || self.rules.run().is_some()) {
                    self.dial(*purpose, *peer)?;
                }
            }
            while let Ok(Arrival { purpose, process, stream }) = self.arrivals.try_recv() {
                self.take(purpose, process, stream)?;
            }
            let missing = wanted.iter().find(|wanted| !self.sockets.contains_key(wanted));
            match (missing, self.rules.run()) {
                (None, Some(run)) => return Ok(run),
                (Some((_, peer)), _) if Instant::now() > deadline => return Err(self.missing(*peer)),
                _ => match self.arrivals.recv_timeout(AGAIN) {
                    Ok(Arrival { purpose, process, stream }) => self.take(purpose, process, stream)?,
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return Err(Error::other("the door of this process fell")),
                },
            }
        }
    }

    fn missing(&self, peer: usize) -> Error {
        let (host, seconds) = (&self.cluster.hosts[peer], self.cluster.patience.as_secs());
        let heard = self.heard.get(&peer).map_or(String::new(), |heard| format!(" ({heard})"));
        Error::new(ErrorKind::TimedOut, format!("process {peer} ({host}) did not come within {seconds} s{heard}"))
    }

    fn take(&mut self, purpose: Purpose, peer: usize, stream: TcpStream) -> io::Result<()> {
        keep_alive(&stream)?;
        self.sockets.insert((purpose, peer), stream);
        Ok(())
    }

    /// An error is one that trying again does not help.
    fn dial(&mut self, purpose: Purpose, peer: usize) -> io::Result<()> {
        let run = self.rules.run();
        let host = &self.cluster.hosts[peer];
        let heard =
            match reach(host).and_then(|mut stream| Ok((dial(&mut stream, purpose, &self.own, peer, run)?, stream))) {
                Ok(((Verdict::Welcome, said), stream)) => {
                    if run.is_none() {
                        self.rules.set_run(said);
                    }
                    return self.take(purpose, peer, stream);
                }
                Ok(((verdict @ (Verdict::Secret | Verdict::Job | Verdict::Place), _), _)) => {
                    let text = format!("process {peer} ({host}) refuses this one: {}", verdict.words());
                    return Err(Error::new(ErrorKind::InvalidInput, text));
                }
                Ok(((verdict, _), _)) => format!("it refuses this one: {}", verdict.words()),
                Err(error) => error.to_string(),
            };
        self.heard.insert(peer, heard);
        Ok(())
    }

    /// Whoever has closed its end of a connection that nobody has written to is dead.
    fn forget_the_gone(&mut self) {
        let gone: Vec<_> = self.sockets.iter().filter(|(_, stream)| is_gone(stream)).map(|(key, _)| *key).collect();
        for (purpose, peer) in gone {
            // With process 0 goes what it said the run is, and so everybody who went by it.
            let all = peer == 0 && self.cluster.run.is_none();
            self.sockets.retain(|key, _| !all && *key != (purpose, peer));
            self.rules.lost(purpose, peer);
            if all {
                (0..self.cluster.hosts.len()).for_each(|peer| {
                    self.rules.lost(Purpose::Data, peer);
                    self.rules.lost(Purpose::Pulse, peer);
                });
                self.rules.set_run(None);
            }
            self.heard.insert(peer, "it came and went again".to_owned());
        }
    }
}

fn reach(host: &str) -> io::Result<TcpStream> {
    let mut last = Error::new(ErrorKind::NotFound, "its name means no address");
    for address in host.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, DIAL) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(GREETING))?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// A host that is gone is noticed in [`SILENCE`], whether something is on its way to it or not.
fn keep_alive(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(None)?;
    let socket = SockRef::from(stream);
    let keepalive = TcpKeepalive::new().with_time(SILENCE / 2).with_interval(SILENCE / 10);
    #[cfg(target_os = "linux")]
    let keepalive = keepalive.with_retries(5);
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(SILENCE))?;
    Ok(())
}

fn is_gone(stream: &TcpStream) -> bool {
    let looked = stream.set_nonblocking(true).and_then(|()| stream.peek(&mut [0]));
    let _ = stream.set_nonblocking(false);
    match looked {
        Ok(0) => true,
        Ok(_) => false,
        Err(error) => error.kind() != ErrorKind::WouldBlock,
    }
}
