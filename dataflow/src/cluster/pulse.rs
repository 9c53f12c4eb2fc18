//! Signs of life between process 0 and the others, beside the dataflow: a host that is frozen keeps its sockets open, and
//! its kernel answers for it, so that only silence tells.
//!
//! Every second each side sends a frame: its state, for process 0 to show; or that the job is to drain, which process 0 does
//! for all. Silence ends the process, and so all. A connection that is closed says nothing: the dataflow's own knows more.

use super::fate;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How often one shows that one lives.
const BEAT: Duration = Duration::from_secs(1);
/// The longest frame that is no nonsense.
const LONGEST: u32 = 1 << 20;
/// A frame that asks for the job to be drained.
const DRAIN: u8 = 1;
/// A frame with the state of a process.
const STATE: u8 = 0;

/// What beats are made of, and made known to.
#[derive(Clone)]
pub struct Pulse {
    /// This process.
    pub process: usize,
    /// After how long a silence another is dead.
    pub silence: Duration,
    /// Somebody wants the job to end: told to process 0, and set there.
    pub stop: Arc<AtomicBool>,
    /// The state of this process, as it is to be shown.
    pub state: Arc<dyn Fn() -> Vec<u8> + Send + Sync>,
    /// Takes the state of another process.
    pub heard: Arc<dyn Fn(usize, Vec<u8>) + Send + Sync>,
}

impl Pulse {
    /// Beats, and listens, on threads of their own, until the process ends.
    pub fn start(self, sockets: BTreeMap<usize, TcpStream>) -> io::Result<()> {
        let mut writers = Vec::new();
        for (peer, stream) in sockets {
            stream.set_read_timeout(Some(self.silence))?;
            stream.set_write_timeout(Some(self.silence))?;
            writers.push(stream.try_clone()?);
            let pulse = self.clone();
            thread("skydiff:hear", move || pulse.listen(peer, stream))?;
        }
        thread("skydiff:beat", move || self.beat(writers))
    }

    fn beat(&self, mut writers: Vec<TcpStream>) {
        while !writers.is_empty() {
            let drain = self.process > 0 && self.stop.load(Ordering::Relaxed);
            // All that process 0 has to say is that it lives.
            let state = if self.process > 0 { (self.state)() } else { Vec::new() };
            let frames = [frame(STATE, &state), if drain { frame(DRAIN, &[]) } else { Vec::new() }].concat();
            writers.retain_mut(|writer| writer.write_all(&frames).is_ok());
            std::thread::sleep(BEAT);
        }
    }

    fn listen(&self, peer: usize, mut stream: TcpStream) {
        loop {
            match read(&mut stream) {
                Ok((DRAIN, _)) => self.stop.store(true, Ordering::Relaxed),
                Ok((_, state)) => (self.heard)(peer, state),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    let seconds = self.silence.as_secs();
                    fate::end(&format!(
                        "process {peer} has been silent for {seconds} s: its host is frozen, or cannot be reached"
                    ));
                }
                Err(_) => return,
            }
        }
    }
}

fn thread(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    std::thread::Builder::new().name(name.to_owned()).spawn(work).map(drop)
}

fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    [&[kind][..], &(payload.len() as u32).to_be_bytes(), payload].concat()
}

fn read(stream: &mut impl Read) -> io::Result<(u8, Vec<u8>)> {
    let mut head = [0; 5];
    stream.read_exact(&mut head)?;
    let length = head[1..].iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte));
    if length > LONGEST {
        return Err(io::Error::new(ErrorKind::InvalidData, "no frame is so long"));
    }
    let mut payload = vec![0; length as usize];
    stream.read_exact(&mut payload)?;
    Ok((head[0], payload))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use std::time::Instant;

    type Heard = Arc<Mutex<Vec<(usize, Vec<u8>)>>>;

    fn pulse(process: usize, heard: &Heard) -> Pulse {
        let (stop, silence) = (Arc::new(AtomicBool::new(false)), Duration::from_secs(5));
        let heard = heard.clone();
        Pulse {
            process,
            silence,
            stop,
            state: Arc::new(move || format!("state of {process}").into_bytes()),
            heard: Arc::new(move |peer, state| heard.lock().unwrap().push((peer, state))),
        }
    }

    #[test]
    fn states_and_the_wish_to_drain_reach_process_0() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let one = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let zero = listener.accept().unwrap().0;
        let heard = [Heard::default(), Heard::default()];
        let (leads, follows) = (pulse(0, &heard[0]), pulse(1, &heard[1]));
        let (asked, told) = (follows.stop.clone(), leads.stop.clone());
        leads.start([(1, zero)].into()).unwrap();
        follows.start([(0, one)].into()).unwrap();
        let until = |done: &dyn Fn() -> bool| {
            let begun = Instant::now();
            while !done() && begun.elapsed() < Duration::from_secs(10) {
                std::thread::sleep(Duration::from_millis(20));
            }
            assert!(done());
        };
        until(&|| heard[0].lock().unwrap().contains(&(1, b"state of 1".to_vec())));
        until(&|| !heard[1].lock().unwrap().is_empty());
        assert!(!told.load(Ordering::Relaxed));
        asked.store(true, Ordering::Relaxed);
        until(&|| told.load(Ordering::Relaxed));
    }

    #[test]
    fn a_frame_that_is_too_long_is_refused() {
        let mut bytes = frame(STATE, b"x");
        assert_eq!(read(&mut &bytes[..]).unwrap(), (STATE, b"x".to_vec()));
        bytes[1] = 0xff;
        assert_eq!(read(&mut &bytes[..]).unwrap_err().kind(), ErrorKind::InvalidData);
    }
}
