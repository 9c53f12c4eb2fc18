//! `skydiff check`: whether a job could start, before it must.

use crate::output::{print_json, say};
use clap::Args;
use serde_json::json;
use skydiff_dataflow::check::{Check, check};
use skydiff_dataflow::settings::load;
use std::path::PathBuf;

/// Tries everything that a job needs: cluster, login, topics, rights, schema registry, archive, folders, port.
///
/// It leaves no trace: a file in the archive is removed again, a message to the topic of progress is taken back (its
/// transaction is aborted). Run it before dusk, with the job's own user and environment.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    skydiff check JOB.toml\n  \
    skydiff check JOB.toml --process 1 --hosts a:2101,b:2101      (on b: whether its port is free)\n\n\
    Exit code 1 if anything is wrong.")]
pub struct CheckVerb {
    /// The job
    #[arg(value_name = "JOB.toml")]
    job: PathBuf,
    /// host:port of each process, separated by commas
    #[arg(long, value_name = "HOST:PORT,...", value_delimiter = ',')]
    hosts: Vec<String>,
    /// Which of them this is, from 0
    #[arg(long, value_name = "I", default_value_t = 0, requires = "hosts")]
    process: usize,
    /// As JSON
    #[arg(long)]
    json: bool,
}

impl CheckVerb {
    /// Does it.
    pub fn run(self) -> Result<(), String> {
        let job = load(Some(&self.job), std::env::vars()).map_err(|error| error.to_string())?;
        let listen = match self.hosts.get(self.process) {
            None if !self.hosts.is_empty() => {
                return Err(format!("--process {}: --hosts names {} of them, from 0", self.process, self.hosts.len()));
            }
            listen => listen.map(String::as_str),
        };
        let mut checks: Vec<Check> = Vec::new();
        check(&job, listen, &mut |check| {
            if !self.json {
                // As they come: one that hangs is seen to.
                say(&line(&check));
            }
            checks.push(check);
        });
        let wrong = checks.iter().filter(|check| check.found.is_err()).count();
        if self.json {
            let one = |check: &Check| {
                let (Ok(text) | Err(text)) = &check.found;
                json!({"what": check.what, "ok": check.found.is_ok(), "found": text})
            };
            print_json(&checks.iter().map(one).collect())?;
        }
        match wrong {
            0 => Ok(()),
            1 => Err("one thing is wrong".into()),
            wrong => Err(format!("{wrong} things are wrong")),
        }
    }
}

fn line(check: &Check) -> String {
    match &check.found {
        Ok(found) => format!("ok     {:<24}  {found}", check.what),
        Err(why) => format!("WRONG  {:<24}  {why}", check.what),
    }
}
