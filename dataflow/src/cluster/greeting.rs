//! Who may speak: before a byte reaches the dataflow, both sides prove that they belong to the same run of the same job.
//!
//! | message | from | what |
//! |---|---|---|
//! | hello | who dials | magic, purpose, who it is, whom it means, a nonce |
//! | challenge | who was dialled | a nonce |
//! | proof | who dials | its job, its run, HMAC over all so far |
//! | answer | who was dialled | the verdict, the run, HMAC over all so far |
//!
//! Both nonces are in every HMAC, so that a greeting that was recorded is worth nothing. Who was dialled proves itself last,
//! to those only who have: a stranger learns nothing. What follows is neither encrypted nor signed: between hosts that others
//! can listen to, put a tunnel (README, "Several machines").

use super::secret::{Proof, Secret, random};
use std::io::{self, Error, ErrorKind, Read, Write};
use std::net::TcpStream;

/// The first bytes, with the version of the protocol.
const MAGIC: [u8; 8] = *b"skydiff2";
/// Length of a hello.
pub const HELLO: usize = 49;
/// Length of a challenge.
const CHALLENGE: usize = 32;
/// Length of a proof.
pub const PROOF: usize = 57;
/// Length of an answer.
const ANSWER: usize = 49;

/// Which start of a job: what process 0 says it is, or whoever launched it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunId(pub [u8; 16]);

impl RunId {
    /// A new one.
    pub fn invent() -> Result<RunId, String> {
        random().map(RunId)
    }
}

impl std::fmt::Display for RunId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::str::FromStr for RunId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no run: give 32 digits of base 16, the same to all processes");
        let mut run = [0; 16];
        if text.len() != 32 || !text.is_ascii() {
            return Err(wrong());
        }
        for (at, byte) in run.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).map_err(|_| wrong())?;
        }
        Ok(RunId(run))
    }
}

/// For what a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// The dataflow's own.
    Data,
    /// Signs of life (`pulse.rs`).
    Pulse,
}

/// What who was dialled says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Come in.
    Welcome,
    /// It has another secret.
    Secret,
    /// It runs another job, or the same with other settings.
    Job,
    /// It is of another start.
    Run,
    /// It is in already, or the job is complete.
    Taken,
    /// It is not known yet which run this is.
    Later,
    /// It is nobody whom we expect, or means somebody else.
    Place,
}

const VERDICTS: [Verdict; 7] =
    [Verdict::Welcome, Verdict::Secret, Verdict::Job, Verdict::Run, Verdict::Taken, Verdict::Later, Verdict::Place];

impl Verdict {
    fn code(self) -> u8 {
        VERDICTS.iter().position(|verdict| *verdict == self).unwrap_or(0) as u8
    }

    /// In words, of who was refused.
    pub fn words(self) -> &'static str {
        match self {
            Verdict::Welcome => "welcome",
            Verdict::Secret => "another secret: give all processes the same (--secret-file, SKYDIFF_SECRET)",
            Verdict::Job => "another job, or the same with other settings: start all with the same ones",
            Verdict::Run => "another start of the job: an older one, or one that somebody else made",
            Verdict::Taken => "the job is complete, or has this process already",
            Verdict::Later => "the job is not ready for it yet",
            Verdict::Place => "nobody of that number is expected here: give all processes the same --hosts",
        }
    }

    /// In a word, for counters.
    pub fn name(self) -> &'static str {
        ["welcome", "secret", "job", "run", "taken", "later", "place"][usize::from(self.code())]
    }
}

/// What a process says of itself.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Which process.
    pub process: usize,
    /// Of which job.
    pub job: u64,
    /// What all of it know.
    pub secret: Secret,
}

/// What a guest said first.
#[derive(Clone, Debug)]
pub struct Hello {
    /// For what it comes.
    pub purpose: Purpose,
    /// Who it says it is.
    pub from: usize,
    /// Whom it means.
    pub to: usize,
    bytes: [u8; HELLO],
}

impl Hello {
    fn new(purpose: Purpose, from: usize, to: usize) -> Result<Hello, String> {
        let mut bytes = [0; HELLO];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8] = u8::from(purpose == Purpose::Pulse);
        bytes[9..13].copy_from_slice(&(from as u32).to_be_bytes());
        bytes[13..17].copy_from_slice(&(to as u32).to_be_bytes());
        bytes[17..].copy_from_slice(&random::<32>()?);
        Ok(Hello { purpose, from, to, bytes })
    }

    /// Reads it; `None` is not one.
    pub fn read(bytes: [u8; HELLO]) -> Option<Hello> {
        let purpose = match (&bytes[..8] == MAGIC.as_slice(), bytes[8]) {
            (true, 0) => Purpose::Data,
            (true, 1) => Purpose::Pulse,
            _ => return None,
        };
        let number = |at: usize| bytes[at..at + 4].iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        Some(Hello { purpose, from: number(9), to: number(13), bytes })
    }

    /// Whether these may be the first bytes of one.
    pub fn may_begin(bytes: &[u8]) -> bool {
        MAGIC.iter().zip(bytes).all(|(expected, byte)| expected == byte)
    }
}

/// The side of who was dialled, once it has answered a hello.
#[derive(Debug)]
pub struct Challenged {
    /// Whom it was asked.
    pub hello: Hello,
    nonce: [u8; CHALLENGE],
}

impl Challenged {
    /// A challenge, and the bytes to send.
    pub fn new(hello: Hello) -> Result<(Challenged, [u8; CHALLENGE]), String> {
        let nonce = random()?;
        Ok((Challenged { hello, nonce }, nonce))
    }

    /// Judges a proof: who has another secret is told so and nothing else. `admit` decides over who has the same, of that run.
    pub fn judge(
        &self,
        proof: &[u8; PROOF],
        own: &Identity,
        run: Option<RunId>,
        admit: impl FnOnce(&Hello) -> Verdict,
    ) -> (Verdict, [u8; ANSWER]) {
        let (said, mac) = proof.split_at(PROOF - 32);
        let mac: Proof = mac.try_into().unwrap_or_default();
        let verdict = if !own.secret.proves(&mac, &[b"dials", &self.hello.bytes, &self.nonce, said]) {
            Verdict::Secret
        } else if said[..8] != own.job.to_be_bytes() {
            Verdict::Job
        } else if self.hello.to != own.process {
            Verdict::Place
        } else {
            match (said[8] == 1, run) {
                // Of process 0 the others learn which run it is.
                (false, Some(_)) if own.process == 0 => admit(&self.hello),
                (true, Some(run)) if said[9..] == run.0 => admit(&self.hello),
                (_, None) => Verdict::Later,
                _ => Verdict::Run,
            }
        };
        let mut answer = [0; ANSWER];
        answer[0] = verdict.code();
        if verdict != Verdict::Secret {
            answer[1..17].copy_from_slice(&run.map_or([0; 16], |run| run.0));
            let mac = own.secret.prove(&[b"answers", &self.hello.bytes, &self.nonce, proof, &answer[..17]]);
            answer[17..].copy_from_slice(&mac);
        }
        (verdict, answer)
    }
}

/// The side of who dials: greets, and gives the verdict and the run. `run` is what is known of it; only process 0 may be
/// asked without. An error is of the wire, or of somebody at the other end who does not know the secret.
pub fn dial(
    stream: &mut TcpStream,
    purpose: Purpose,
    own: &Identity,
    to: usize,
    run: Option<RunId>,
) -> io::Result<(Verdict, Option<RunId>)> {
    let hello = Hello::new(purpose, own.process, to).map_err(Error::other)?;
    stream.write_all(&hello.bytes)?;
    let mut nonce = [0; CHALLENGE];
    stream.read_exact(&mut nonce)?;
    let mut proof = [0; PROOF];
    proof[..8].copy_from_slice(&own.job.to_be_bytes());
    if let Some(run) = run {
        proof[8] = 1;
        proof[9..25].copy_from_slice(&run.0);
    }
    let mac = own.secret.prove(&[b"dials", &hello.bytes, &nonce, &proof[..25]]);
    proof[25..].copy_from_slice(&mac);
    stream.write_all(&proof)?;
    let mut answer = [0; ANSWER];
    stream.read_exact(&mut answer)?;
    let verdict = VERDICTS.get(usize::from(answer[0])).copied();
    let verdict = verdict.ok_or_else(|| Error::new(ErrorKind::InvalidData, "its answer means nothing"))?;
    if verdict == Verdict::Secret {
        return Ok((verdict, None));
    }
    let mac: Proof = answer[17..].try_into().unwrap_or_default();
    if !own.secret.proves(&mac, &[b"answers", &hello.bytes, &nonce, &proof, &answer[..17]]) {
        return Err(Error::new(ErrorKind::PermissionDenied, "whoever answers there does not know the secret"));
    }
    let run = answer[1..17].try_into().map(RunId).ok();
    Ok((verdict, run.filter(|run| run.0 != [0; 16])))
}
