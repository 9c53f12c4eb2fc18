//! `skydiff launch`: all processes of a job, here, on other hosts, or as files for Slurm, Kubernetes and systemd.
//!
//! | file | what it owns |
//! |---|---|
//! | `policy` | what follows when processes end |
//! | `child` | one process, here or over ssh |
//! | `files` | what Slurm, Kubernetes and systemd need |

mod child;
mod files;
mod policy;

use crate::log::{Log, complain};
use crate::orders::watch_interrupts;
use crate::output::print_text;
use crate::probe::{Found, PACKETS, find};
use child::{Child, Order};
use clap::Args;
use policy::{End, Faults, Patience, Verdict, cause, verdict};
use skydiff_dataflow::cluster::find::{hosts_of, with_ports};
use skydiff_dataflow::cluster::{RunId, Secret};
use skydiff_dataflow::source::Spot;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How often processes are looked at.
const LOOK: Duration = Duration::from_millis(20);
/// How long the others may take to end once one has failed.
const GRACE: Duration = Duration::from_secs(2);
/// How long the others may take to end once one is done.
const FINISH: Duration = Duration::from_secs(60);

const HELP: &str = "\
    Examples:\n  \
    skydiff launch JOB.toml --processes 4\n  \
    skydiff launch JOB.toml --processes 2 -- --workers 4 --archive arch     (what follows -- is for `skydiff run`)\n  \
    skydiff launch JOB.toml --hosts hosts.txt                       (host or host:port, one a line; over ssh)\n  \
    skydiff launch JOB.toml --processes 8 --slurm > job.sh && sbatch job.sh\n  \
    skydiff launch JOB.toml --processes 4 --kubernetes > job.yaml && kubectl apply -f job.yaml\n  \
    skydiff launch JOB.toml --systemd > /etc/systemd/system/skydiff.service\n\n\
    When one process ends, all end. What follows depends on how it ended:\n  \
    drained     0        done, or Ctrl-C or SIGTERM came: what was taken is finished; a second Ctrl-C ends at once (130)\n  \
    refused     2, 3     the command line, the job file, another writer, other settings; too much is wrong with the packets\n  \
    fenced      5        a newer generation of the job is at work: never started again\n  \
    failed      1        all start again under a new generation, after a pause that grows from 0.25 to 30 s, and go on from\n                       \
    the archive; this code only after --failures of them one after another, each within 20 s.\n                       \
    After three deaths in a row by a fault (no kill), the packet that is to blame is looked for,\n                       \
    as by `skydiff probe`, and becomes a reject of reason poison\n\n\
    Other hosts need the same program and job file at the same place. The secret of the job and what the environment has\n\
    of SKYDIFF_* and AWS_* go there by standard input, never on a command line.";

/// Runs a job in several processes, watches them, and starts all of them again when one fails.
///
/// Processes on one host find free ports; --hosts names others, reached by ssh. Lines of standard error are marked with
/// the process that wrote them; standard output is that of process 0.
#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub struct Launch {
    /// The job: sources, thresholds, sinks
    #[arg(value_name = "JOB.toml")]
    job: Option<PathBuf>,
    /// How many processes; of --hosts, how many in all, by default one each
    #[arg(long, short = 'n', value_name = "N")]
    processes: Option<usize>,
    /// File of hosts, one a line
    #[arg(long, value_name = "FILE")]
    hosts: Option<PathBuf>,
    /// What starts a command on another host
    #[arg(long, value_name = "WORDS", default_value = "ssh -o BatchMode=yes -o ServerAliveInterval=5")]
    ssh: String,
    /// skydiff on other hosts; by default where it is here
    #[arg(long, value_name = "PATH")]
    program: Option<String>,
    /// File with the secret by which the processes know each other; by default a new one each time
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// Where the state of process I is served, at this port + I
    #[arg(long, value_name = "[ADDR:]PORT")]
    listen: Option<String>,
    /// Failures one after another after which it gives up
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    failures: u32,
    /// Take the archive over at the first start too; at others it is always
    #[arg(long)]
    take_over: bool,
    /// How logs are written
    #[arg(long, value_enum, default_value_t)]
    log: Log,
    /// Write a batch script for Slurm instead
    #[arg(long, group = "file")]
    slurm: bool,
    /// Write a StatefulSet, its Services and its Secret for Kubernetes instead
    #[arg(long, group = "file")]
    kubernetes: bool,
    /// Write a unit for systemd instead
    #[arg(long, group = "file")]
    systemd: bool,
    /// Image that has skydiff, for --kubernetes
    #[arg(long, value_name = "IMAGE", default_value = "skydiff:latest")]
    image: String,
    /// Flags for every `skydiff run`
    #[arg(last = true, value_name = "FLAGS")]
    flags: Vec<String>,
}

/// One place for a process.
#[derive(Clone, Debug)]
struct Place {
    /// `None`: here.
    host: Option<String>,
    address: String,
}

impl Launch {
    /// Does it.
    pub fn run(self) -> ExitCode {
        crate::log::start(self.log);
        match self.go() {
            Ok(code) => ExitCode::from(code),
            Err(why) => {
                complain(&why, 2);
                ExitCode::from(2)
            }
        }
    }

    fn go(&self) -> Result<u8, String> {
        if self.processes == Some(0) {
            return Err("--processes 0: give at least 1".into());
        }
        if self.slurm || self.kubernetes || self.systemd {
            let job = self.job.as_deref().ok_or("name the JOB.toml that is to be launched")?;
            let wanted = files::Wanted {
                job,
                processes: self.processes.unwrap_or(1),
                flags: &self.flags,
                image: &self.image,
                program: &self.program()?,
                workers: files::workers(job, &self.flags)?,
            };
            let text = match (self.slurm, self.kubernetes) {
                (true, _) => files::slurm(&wanted)?,
                (_, true) => files::kubernetes(&wanted)?,
                _ => files::systemd(&wanted)?,
            };
            return print_text(&text).map(|()| 0);
        }
        let secret = match &self.secret_file {
            Some(file) => {
                let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
                Secret::of(&text)?;
                text.trim().to_owned()
            }
            None => std::env::var("SKYDIFF_SECRET").map_or_else(|_| Secret::invent(), Ok)?,
        };
        let stop = Arc::new(AtomicBool::new(false));
        watch_interrupts(&stop).map_err(|error| error.to_string())?;
        let (mut patience, mut faults) = (Patience::new(self.failures), Faults::default());
        let mut refused = Vec::new();
        let mut take_over = self.take_over;
        loop {
            let begun = Instant::now();
            let ends = self.start(&secret, take_over, &refused, &stop)?;
            let verdict = verdict(&ends);
            let (process, end) = cause(&ends).unwrap_or((0, End::Code(0)));
            let pause = match verdict {
                Verdict::Done => return Ok(0),
                Verdict::Ends(code) => {
                    complain(&format!("process {process} {end}: the job is not started again"), code);
                    return Ok(code);
                }
                Verdict::AtOnce => Some(Duration::ZERO),
                Verdict::Again => patience.failed(begun.elapsed()),
            };
            if stop.load(Ordering::Relaxed) {
                complain(&format!("process {process} {end} while the job was drained: it is to be started again"), 1);
                return Ok(1);
            }
            let pause = match faults.failed(end, begun.elapsed()) {
                true if self.look(&mut refused)? => Some(Duration::ZERO),
                _ => pause,
            };
            let Some(pause) = pause else {
                let text = format!("process {process} {end}, failure {} of {0}: given up", self.failures);
                complain(&text, 1);
                return Ok(1);
            };
            tracing::warn!("process {process} {end}: all start again in {:.2} s", pause.as_secs_f64());
            let until = Instant::now() + pause;
            while Instant::now() < until && !stop.load(Ordering::Relaxed) {
                std::thread::sleep(LOOK);
            }
            if stop.load(Ordering::Relaxed) {
                return Ok(1);
            }
            // Our own processes have ended: nobody else is meant by the lease that they left.
            take_over = true;
        }
    }

    /// Looks for a packet that ends whoever reads it, and adds it to those that are not to be read.
    fn look(&self, refused: &mut Vec<Spot>) -> Result<bool, String> {
        tracing::warn!(
            "the job has died again and again: its packets are looked at one by one, by a process of their own"
        );
        let program = std::env::current_exe().map_err(|error| format!("this program cannot be found: {error}"))?;
        match find(&program.display().to_string(), &self.words(refused), PACKETS)? {
            Found::Packet(spot, signal) => {
                tracing::warn!(
                    "{spot}: whoever reads this packet is ended by signal {signal}: it becomes a reject, and the job goes on"
                );
                refused.push(spot);
                Ok(true)
            }
            Found::Nothing(packets) => {
                tracing::warn!("{packets} packets were read one by one, and none is to blame");
                Ok(false)
            }
            Found::Failed(code) => {
                tracing::warn!("they could not be looked at (code {code})");
                Ok(false)
            }
        }
    }

    /// The job, and the flags of every process.
    fn words(&self, refused: &[Spot]) -> Vec<String> {
        let job = self.job.iter().map(|job| job.display().to_string());
        let refused = refused.iter().flat_map(|spot| ["--refuse".to_owned(), spot.to_string()]);
        job.chain(refused).chain(self.flags.iter().cloned()).collect()
    }

    fn program(&self) -> Result<String, String> {
        if let Some(program) = &self.program {
            return Ok(program.clone());
        }
        let program = std::env::current_exe().map_err(|error| format!("this program cannot be found: {error}"))?;
        Ok(program.display().to_string())
    }

    /// One start: until all processes have ended.
    fn start(&self, secret: &str, take_over: bool, refused: &[Spot], stop: &AtomicBool) -> Result<Vec<End>, String> {
        let places = self.places()?;
        let orders = self.orders(&places, secret, take_over, refused)?;
        let mut children = Vec::new();
        for order in &orders {
            let child = order.start().map_err(|error| match &order.host {
                None => format!("{}: {error}", order.program),
                Some(host) => format!("{host}: {}: {error}", order.ssh.join(" ")),
            })?;
            tracing::info!("process {} has started (pid {})", order.process, child.id());
            children.push(child);
        }
        let (mut told, mut since): (bool, Option<(Instant, Duration)>) = (false, None);
        loop {
            let ends: Vec<Option<End>> = children.iter_mut().map(Child::ended).collect();
            if let Some(ends) = ends.iter().copied().collect() {
                return Ok(ends);
            }
            if stop.load(Ordering::Relaxed) && !told {
                told = true;
                tracing::info!("process 0 is told to finish what has been taken; Ctrl-C again ends all at once");
                children.iter_mut().take(1).for_each(Child::drain);
            }
            let failed = ends.iter().flatten().any(|end| *end != End::Code(0));
            if ends.iter().any(Option::is_some) {
                let grace = if failed { GRACE } else { FINISH };
                let (first, least) = *since.get_or_insert((Instant::now(), grace));
                if first.elapsed() > least.min(grace) {
                    children.iter_mut().zip(&ends).filter(|(_, end)| end.is_none()).for_each(|(child, _)| child.kill());
                }
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Where processes are. Ports of this host are looked for anew at each start: what is left of the last one may hold them.
    fn places(&self) -> Result<Vec<Place>, String> {
        let Some(file) = &self.hosts else {
            let ports: Result<Vec<TcpListener>, _> =
                (0..self.processes.unwrap_or(1)).map(|_| TcpListener::bind("127.0.0.1:0")).collect();
            let ports = ports.map_err(|error| format!("there is no free port: {error}"))?;
            let place = |port: &TcpListener| Some(Place { host: None, address: port.local_addr().ok()?.to_string() });
            return Ok(ports.iter().filter_map(place).collect());
        };
        let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let hosts: Vec<String> = hosts_of(&text).collect();
        let processes = self.processes.unwrap_or(hosts.len());
        if hosts.is_empty() || !processes.is_multiple_of(hosts.len()) {
            let count = hosts.len();
            return Err(format!("{} names {count} hosts, for {processes} processes: give a multiple", file.display()));
        }
        let each = processes / hosts.len();
        let addresses = with_ports(hosts.into_iter().flat_map(|host| std::iter::repeat_n(host, each)));
        let host = |address: &String| address.rsplit_once(':').map(|(host, _)| host.to_owned());
        Ok(addresses.into_iter().map(|address| Place { host: host(&address), address }).collect())
    }

    fn orders(&self, places: &[Place], secret: &str, take_over: bool, refused: &[Spot]) -> Result<Vec<Order>, String> {
        let (program, run) = (self.program()?, RunId::invent()?);
        let addresses: Vec<&str> = places.iter().map(|place| place.address.as_str()).collect();
        let ssh: Vec<String> = self.ssh.split_whitespace().map(str::to_owned).collect();
        let handed_on = |name: &str| name.starts_with("SKYDIFF_") || name.starts_with("AWS_");
        let mut orders = Vec::new();
        for (process, place) in places.iter().enumerate() {
            let mut arguments = vec!["run".to_owned()];
            arguments.extend(self.words(refused));
            let mut say =
                |words: &[&str]| arguments.splice(1..1, words.iter().map(|word| (*word).to_owned())).for_each(drop);
            if places.len() > 1 {
                say(&["--hosts", &addresses.join(","), "--process", &process.to_string()]);
            }
            say(&["--tied"]);
            if take_over {
                say(&["--take-over"]);
            }
            if self.log == Log::Json {
                say(&["--log", "json"]);
            }
            if let Some(listen) = &self.listen {
                say(&["--listen", &nth(listen, process)?]);
            }
            let mut environment: Vec<(String, String)> = match place.host {
                Some(_) => std::env::vars().filter(|(name, value)| handed_on(name) && !value.contains('\n')).collect(),
                None => Vec::new(),
            };
            environment.push(("SKYDIFF_SECRET".into(), secret.to_owned()));
            environment.push(("SKYDIFF_RUN".into(), run.to_string()));
            let (host, ssh, program) = (place.host.clone(), ssh.clone(), program.clone());
            orders.push(Order { process, host, ssh, program, arguments, environment });
        }
        Ok(orders)
    }
}

/// The address of the n-th process, one port after another.
fn nth(listen: &str, process: usize) -> Result<String, String> {
    let (address, port) = listen.rsplit_once(':').map_or(("127.0.0.1", listen), |(address, port)| (address, port));
    let port = port.parse::<u16>().ok().and_then(|port| port.checked_add(u16::try_from(process).ok()?));
    let port = port.ok_or_else(|| format!("--listen {listen}: give a port, or an address and a port"))?;
    Ok(format!("{address}:{port}"))
}
