//! A job carried out: watched, shown, drained on Ctrl-C; and what its end means as an exit code.

use crate::log::Log;
use crate::screen::{Screen, Style};
use crate::tied::listen;
use skydiff_dataflow::cluster::Cluster;
use skydiff_dataflow::event::Gauges;
use skydiff_dataflow::flow::clock::Stop;
use skydiff_dataflow::ledger::DigestAt;
use skydiff_dataflow::run::{Outcome, Probing, Replay, Request, RunError, run};
use skydiff_dataflow::settings::Job;
use skydiff_dataflow::source::{Progress, Refused};
use skydiff_dataflow::watch::{About, serve};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::channel;
use std::time::Duration;

/// How a job is to be carried out.
pub struct Orders {
    /// Where this process stands.
    pub cluster: Cluster,
    /// At which frontiers digests are told.
    pub digest_at: Option<DigestAt>,
    /// Whether the state is wanted as text.
    pub dump: bool,
    /// Whether another writer's lease is overridden.
    pub take_over: bool,
    /// Whether other settings take effect on an archive.
    pub restate: bool,
    /// Whether the files of another run are gone on with.
    pub append: bool,
    /// Whether a gap in what Kafka holds is accepted.
    pub accept_gap: bool,
    /// Packets that are not to be read.
    pub refuse: Refused,
    /// Whether nothing is written, and packets are looked at one by one.
    pub probe: Option<Probing>,
    /// What is replayed instead of read.
    pub replay: Option<Replay>,
    /// For whom it is shown.
    pub style: Style,
    /// Whether it ends with whoever launched it.
    pub tied: bool,
    /// Where its state is served, and after how long a stall is a failure.
    pub watch: Option<(String, Duration)>,
}

impl Orders {
    /// From its sources to its sinks, and nothing else.
    pub fn plain(cluster: Cluster, style: Style) -> Orders {
        let (digest_at, replay) = (None, None);
        Orders {
            cluster,
            digest_at,
            dump: false,
            take_over: false,
            restate: false,
            append: false,
            accept_gap: false,
            refuse: Refused::default(),
            probe: None,
            replay,
            style,
            tied: false,
            watch: None,
        }
    }
}

/// Carries out a job, shows how it goes, and drains it on Ctrl-C. The error is an exit code and a sentence.
pub fn carry_out(job: &Job, orders: Orders) -> Result<(Outcome, Screen), (u8, String)> {
    let stop = Arc::new(AtomicBool::new(false));
    crate::log::start(Log::Text);
    watch_interrupts(&stop).map_err(|error| (1, error.to_string()))?;
    if orders.tied {
        listen(stop.clone()).map_err(|error| (1, error.to_string()))?;
    }
    let (progress, gauges) = (Arc::new(Progress::default()), Gauges::default());
    if let Some((at, stall)) = orders.watch {
        let (job, process) = (job.name.clone(), orders.cluster.process);
        let processes = orders.cluster.hosts.len().max(1);
        gauges.watch.start(About { job, process, processes, progress: progress.clone(), stall });
        let at = serve(&at, gauges.watch.clone()).map_err(|error| (2, error.to_string()))?;
        tracing::info!("http://{at} serves /healthz, /metrics, /status and a page");
    }
    let (events, heard) = channel();
    let request = Request {
        cluster: orders.cluster.clone(),
        digest_at: orders.digest_at,
        dump: orders.dump,
        take_over: orders.take_over,
        restate: orders.restate,
        append: orders.append,
        accept_gap: orders.accept_gap,
        refuse: orders.refuse,
        probe: orders.probe,
        replay: orders.replay,
        stop: stop.clone(),
        progress: progress.clone(),
        gauges: gauges.clone(),
        events,
    };
    let mut screen = Screen::new(orders.style, progress, gauges, stop);
    let outcome = std::thread::scope(|scope| {
        let running = scope.spawn(|| run(job, request));
        // Not until all have hung up: a mint that waits for standard input never does.
        screen.show(&heard, || running.is_finished());
        running.join()
    });
    screen.end();
    let outcome = outcome.map_err(|_| (1, "the job has panicked".to_owned()))?.map_err(|error| explain(&error))?;
    Ok((outcome, screen))
}

/// The first Ctrl-C (or SIGTERM) sets `flag`; the second ends the process.
pub fn watch_interrupts(flag: &Arc<AtomicBool>) -> std::io::Result<()> {
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        // In this order: the flag that ends it is looked at before it is set.
        signal_hook::flag::register_conditional_shutdown(signal, 130, flag.clone())?;
        signal_hook::flag::register(signal, flag.clone())?;
    }
    Ok(())
}

fn explain(error: &RunError) -> (u8, String) {
    match error {
        RunError::Settings(why) => (2, why.clone()),
        RunError::Cluster(why) => (1, why.clone()),
        RunError::Stop(Stop::Rejects(why)) => (3, why.clone()),
        RunError::Stop(Stop::Fenced(why)) => (5, why.clone()),
        RunError::Stop(Stop::Again(why)) => (6, why.clone()),
        RunError::Stop(Stop::Sink(why) | Stop::Internal(why)) => (1, why.clone()),
    }
}
