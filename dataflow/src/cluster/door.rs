//! The door of a process: listens for as long as it lives, greets everyone who comes, lets in whom the job expects.
//!
//! One thread, however many come: at most [`GUESTS`] are being greeted at once, each has [`PATIENCE`], and when one more
//! comes the oldest goes. A process of the job greets in a round trip or two, so a flood of strangers cannot keep it out
//! (who is pushed out tries again). Who is refused is logged, a flood of them in one line.

use super::greeting::{Challenged, HELLO, Hello, Identity, PROOF, Purpose, RunId, Verdict};
use crate::watch::Strangers;
use std::collections::{BTreeSet, VecDeque};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How many are greeted at once.
const GUESTS: usize = 64;
/// How long a greeting may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often guests are looked at.
const LOOK: Duration = Duration::from_millis(2);
/// How many refusals are logged one by one ...
const LOGGED: u64 = 10;
/// ... in such a time; the rest of them are one line at its end.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// What the door goes by, and may change.
#[derive(Debug, Default)]
pub struct Rules {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    run: Option<RunId>,
    /// Who is in.
    held: BTreeSet<(Purpose, usize)>,
    closed: bool,
}

impl Rules {
    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Which run it is, once that is known; `None` when it is not known any more.
    pub fn set_run(&self, run: Option<RunId>) {
        self.with(|state| state.run = run);
    }

    /// Which run it is.
    pub fn run(&self) -> Option<RunId> {
        self.with(|state| state.run)
    }

    /// The connection of one who was in is no more.
    pub fn lost(&self, purpose: Purpose, process: usize) {
        self.with(|state| state.held.remove(&(purpose, process)));
    }

    /// All are there: nobody else comes in.
    pub fn close(&self) {
        self.with(|state| state.closed = true);
    }
}

/// One who was let in.
#[derive(Debug)]
pub struct Arrival {
    /// For what.
    pub purpose: Purpose,
    /// Which process.
    pub process: usize,
    /// Its socket, blocking.
    pub stream: TcpStream,
}

/// The door. Shut when dropped.
#[derive(Debug)]
pub struct Door {
    shut: Arc<AtomicBool>,
    at: SocketAddr,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Door {
    /// Opens it. Processes of greater numbers come for data and, where this is process 0, all others to show that they live.
    pub fn open(
        listener: TcpListener,
        own: Identity,
        processes: usize,
        rules: Arc<Rules>,
        arrivals: Sender<Arrival>,
        strangers: Strangers,
    ) -> io::Result<Door> {
        let (shut, at) = (Arc::new(AtomicBool::new(false)), listener.local_addr()?);
        let log = Log { strangers, since: Instant::now(), refused: 0 };
        let mut keeper =
            Keeper { listener, own, processes, rules, arrivals, log, guests: VecDeque::new(), shut: shut.clone() };
        let thread = std::thread::Builder::new().name("skydiff:door".into()).spawn(move || keeper.keep())?;
        Ok(Door { shut, at, thread: Some(thread) })
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.shut.store(true, Ordering::Relaxed);
        // It may be waiting for somebody to come.
        let mut at = self.at;
        if at.ip().is_unspecified() {
            at.set_ip(if at.is_ipv4() { [127, 0, 0, 1].into() } else { std::net::Ipv6Addr::LOCALHOST.into() });
        }
        if TcpStream::connect_timeout(&at, Duration::from_secs(1)).is_ok()
            && let Some(thread) = self.thread.take()
        {
            let _ = thread.join();
        }
    }
}

struct Keeper {
    listener: TcpListener,
    own: Identity,
    processes: usize,
    rules: Arc<Rules>,
    arrivals: Sender<Arrival>,
    log: Log,
    guests: VecDeque<Guest>,
    shut: Arc<AtomicBool>,
}

/// One who is being greeted.
struct Guest {
    stream: TcpStream,
    from: SocketAddr,
    since: Instant,
    heard: Vec<u8>,
    challenged: Option<Challenged>,
}

/// What became of a guest.
enum Fate {
    /// It has more to say.
    Stays,
    /// It is let in.
    In(Purpose, usize),
    /// It goes, and why.
    Out(&'static str, &'static str),
}

impl Keeper {
    fn keep(&mut self) {
        while !self.shut.load(Ordering::Relaxed) {
            // With nobody inside there is nothing to do until somebody comes.
            let wait = self.guests.is_empty() && !self.log.owes();
            if self.listener.set_nonblocking(!wait).is_err() {
                return;
            }
            match self.listener.accept() {
                _ if self.shut.load(Ordering::Relaxed) => return,
                Ok((stream, from)) => self.enter(stream, from),
                Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(LOOK),
                // Too many open files, or a guest that went before it was let in: better soon.
                Err(_) => std::thread::sleep(LOOK * 10),
            }
            for _ in 0..self.guests.len() {
                if let Some(guest) = self.guests.pop_front() {
                    self.greet(guest);
                }
            }
            self.log.tick();
        }
    }

    fn enter(&mut self, stream: TcpStream, from: SocketAddr) {
        if self.guests.len() == GUESTS
            && let Some(oldest) = self.guests.pop_front()
        {
            self.log.refuse(oldest.from, "crowd", "too many came at once");
        }
        if stream.set_nonblocking(true).is_ok() {
            self.guests.push_back(Guest { stream, from, since: Instant::now(), heard: Vec::new(), challenged: None });
        }
    }

    fn greet(&mut self, mut guest: Guest) {
        match self.hear(&mut guest) {
            Fate::Stays if guest.since.elapsed() < PATIENCE => self.guests.push_back(guest),
            Fate::Stays => self.log.refuse(guest.from, "silent", "it did not say in time who it is"),
            Fate::Out(name, words) => self.log.refuse(guest.from, name, words),
            Fate::In(purpose, process) => {
                let _ = guest.stream.set_nonblocking(false);
                let _ = self.arrivals.send(Arrival { purpose, process, stream: guest.stream });
            }
        }
    }

    fn hear(&mut self, guest: &mut Guest) -> Fate {
        const GONE: Fate = Fate::Out("gone", "it went before it had said who it is");
        let wanted = if guest.challenged.is_some() { PROOF } else { HELLO };
        let mut more = [0; PROOF];
        while guest.heard.len() < wanted {
            match guest.stream.read(&mut more[..wanted - guest.heard.len()]) {
                Ok(0) => return GONE,
                Ok(count) => guest.heard.extend_from_slice(&more[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return GONE,
            }
        }
        let Some(challenged) = &guest.challenged else {
            const RUBBISH: Fate = Fate::Out("rubbish", "what it says is no greeting of skydiff's");
            let Ok(hello) = <[u8; HELLO]>::try_from(&guest.heard[..]) else {
                return if Hello::may_begin(&guest.heard) { Fate::Stays } else { RUBBISH };
            };
            let Some(hello) = Hello::read(hello) else { return RUBBISH };
            let Ok((challenged, bytes)) = Challenged::new(hello) else { return GONE };
            (guest.challenged, guest.heard) = (Some(challenged), Vec::new());
            return if guest.stream.write_all(&bytes).is_ok() { Fate::Stays } else { GONE };
        };
        let Ok(proof) = <[u8; PROOF]>::try_from(&guest.heard[..]) else { return Fate::Stays };
        let (me, processes, rules) = (self.own.process, self.processes, &self.rules);
        let admit = |hello: &Hello| {
            let expected = match hello.purpose {
                Purpose::Data => (me + 1..processes).contains(&hello.from),
                Purpose::Pulse => me == 0 && (1..processes).contains(&hello.from),
            };
            if !expected {
                return Verdict::Place;
            }
            match rules.with(|state| !state.closed && state.held.insert((hello.purpose, hello.from))) {
                true => Verdict::Welcome,
                false => Verdict::Taken,
            }
        };
        let (verdict, answer) = challenged.judge(&proof, &self.own, self.rules.run(), admit);
        let sent = guest.stream.write_all(&answer).is_ok();
        let (purpose, process) = (challenged.hello.purpose, challenged.hello.from);
        match verdict {
            Verdict::Welcome if sent => Fate::In(purpose, process),
            Verdict::Welcome => {
                self.rules.lost(purpose, process);
                GONE
            }
            verdict => Fate::Out(verdict.name(), verdict.words()),
        }
    }
}

/// Says who was refused, and how many more.
struct Log {
    strangers: Strangers,
    since: Instant,
    refused: u64,
}

impl Log {
    fn refuse(&mut self, from: SocketAddr, name: &'static str, words: &str) {
        self.strangers.count(name);
        // A process that is early tries again at once: that is no news.
        if name == Verdict::Later.name() {
            return;
        }
        self.refused += 1;
        if self.refused <= LOGGED {
            tracing::warn!(from = %from, reason = name, "refused a connection: {words}");
        }
    }

    /// Whether more were refused than were logged.
    fn owes(&self) -> bool {
        self.refused > LOGGED
    }

    fn tick(&mut self) {
        if self.since.elapsed() > LOG_EVERY {
            if self.owes() {
                tracing::warn!("refused {} more connections", self.refused - LOGGED);
            }
            (self.since, self.refused) = (Instant::now(), 0);
        }
    }
}
