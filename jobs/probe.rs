//! `skydiff probe`: which packet is it that ends the job. A process of its own reads what the job would read next, one packet at
//! a time, and says of each where it is before it looks at it: of one that dies, the last place is the answer.

use crate::log::complain;
use crate::output::say;
use clap::Args;
use skydiff_dataflow::source::Spot;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

/// How many packets are looked at, if nothing else is said: more than a job has in flight.
pub const PACKETS: u64 = 20_000;
/// Begins the line that says where a packet is.
const AT: &str = "at ";

const HELP: &str = "\
    Examples:\n  \
    skydiff probe JOB.toml\n  \
    skydiff probe JOB.toml -- --archive s3://bucket/archive       (what follows -- is for `skydiff run`)\n  \
    skydiff run JOB.toml --refuse ztf_20260101_programid1/3/17    (goes on without it; it is kept as a reject)\n\n\
    Nothing is written, claimed or committed. skydiff launch does all this by itself when a job has died three times in a\n\
    row. An error of the dataflow that takes more than one new packet, or packets of other processes, is not found.\n\n\
    Exit codes: 0 no packet is to blame, 1 one is (it is printed), 2 the job cannot be read.";

/// Finds the packet that ends the process that reads it.
///
/// Packets are read from where the job would go on, each in an epoch of its own, with all that the archive knows.
#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub struct Probe {
    /// The job: sources, thresholds, sinks
    #[arg(value_name = "JOB.toml")]
    job: Option<PathBuf>,
    /// How many packets to look at
    #[arg(long, value_name = "N", default_value_t = PACKETS, value_parser = clap::value_parser!(u64).range(1..))]
    packets: u64,
    /// Flags of `skydiff run`
    #[arg(last = true, value_name = "FLAGS")]
    flags: Vec<String>,
}

/// What a probe has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// This packet, and by which signal the process ended.
    Packet(Spot, i32),
    /// None, of so many.
    Nothing(u64),
    /// The job cannot be probed: it ended with this code.
    Failed(i32),
}

impl Probe {
    /// Does it.
    pub fn run(self) -> ExitCode {
        crate::log::start(crate::log::Log::Text);
        let program = std::env::current_exe().map(|path| path.display().to_string());
        let job = self.job.as_ref().map(|job| job.display().to_string());
        let words: Vec<String> = job.into_iter().chain(self.flags.iter().cloned()).collect();
        let found = program.map_err(|error| error.to_string()).and_then(|program| find(&program, &words, self.packets));
        match found {
            Ok(Found::Packet(spot, signal)) => {
                say(&format_args!("{spot}"));
                tracing::warn!("whoever reads it is ended by signal {signal}: --refuse {spot} goes on without it");
                ExitCode::from(1)
            }
            Ok(Found::Nothing(packets)) => {
                tracing::info!("{packets} packets were read one by one, and none is to blame");
                ExitCode::SUCCESS
            }
            Ok(Found::Failed(_)) => ExitCode::from(2),
            Err(why) => {
                complain(&why, 2);
                ExitCode::from(2)
            }
        }
    }
}

/// Says where a packet is; at once, since it may be the last thing that this process says.
pub fn say_at(spot: &Spot) {
    say(&format_args!("{AT}{spot}"));
}

/// Probes a job, given as the words behind `skydiff run`.
pub fn find(program: &str, words: &[String], packets: u64) -> Result<Found, String> {
    let mut child = Command::new(program)
        .arg("run")
        .args(words)
        .args(["--probe", &packets.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{program}: {error}"))?;
    let (mut last, mut seen) = (None, 0);
    if let Some(out) = child.stdout.take() {
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            if let Some(spot) = line.strip_prefix(AT).and_then(|spot| spot.parse::<Spot>().ok()) {
                (last, seen) = (Some(spot), seen + 1);
            }
        }
    }
    let ended = child.wait().map_err(|error| format!("{program}: {error}"))?;
    Ok(match (ended.code(), ended.signal(), last) {
        (Some(0), ..) => Found::Nothing(seen),
        (_, Some(signal), Some(spot)) => Found::Packet(spot, signal),
        (code, signal, _) => Found::Failed(code.or(signal).unwrap_or(-1)),
    })
}
