//! `skydiff`: one verb a file.

mod archive;
mod check;
mod consume;
mod demo;
mod diff;
mod fits;
mod job;
mod lag;
mod launch;
mod log;
mod login;
mod mapped;
mod object;
mod orders;
mod output;
mod packet;
mod plot;
mod png;
mod points;
mod probe;
mod produce;
mod publish;
mod replay;
mod run;
mod schema;
mod screen;
mod simulate;
mod stamp;
mod status;
mod survey;
mod sweep;
mod tied;
mod topics;
mod topics_of;
mod whence;
mod why;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// The sky, as differences: an alert broker for astronomical surveys.
#[derive(Parser, Debug)]
#[command(name = "skydiff", version)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    Run(Box<run::Run>),
    Launch(Box<launch::Launch>),
    Status(status::StatusOf),
    Demo(Box<demo::Demo>),
    Simulate(Box<simulate::Simulate>),
    Replay(Box<replay::Replay>),
    Archive(archive::ArchiveVerbs),
    Check(check::CheckVerb),
    Consume(consume::Consume),
    Diff(diff::Diff),
    Job(job::JobFile),
    Lag(lag::LagVerb),
    Object(object::Object),
    Packet(packet::Packet),
    Plot(Box<plot::Plot>),
    Probe(probe::Probe),
    Produce(Box<produce::Produce>),
    Publish(publish::Publish),
    Schema(schema::Schema),
    Topics(topics::Topics),
    Why(why::Why),
}

fn main() -> ExitCode {
    let done = match Cli::parse().verb {
        Verb::Run(run) => return run.run(),
        Verb::Launch(launch) => return launch.run(),
        Verb::Status(status) => status.run(),
        Verb::Demo(demo) => return demo.run(),
        Verb::Simulate(simulate) => simulate.run(),
        Verb::Replay(replay) => return replay.run(),
        Verb::Archive(archive) => return archive.run(),
        Verb::Check(check) => check.run(),
        Verb::Consume(consume) => consume.run(),
        Verb::Diff(diff) => diff.run(),
        Verb::Job(job) => job.run(),
        Verb::Lag(lag) => lag.run(),
        Verb::Object(object) => object.run(),
        Verb::Packet(packet) => packet.run(),
        Verb::Plot(plot) => plot.run(),
        Verb::Probe(probe) => return probe.run(),
        Verb::Produce(produce) => produce.run(),
        Verb::Publish(publish) => publish.run(),
        Verb::Schema(schema) => schema.run(),
        Verb::Topics(topics) => topics.run(),
        Verb::Why(why) => why.run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("skydiff: {why}");
            ExitCode::FAILURE
        }
    }
}
