//! A process that is tied to who launched it, by its standard input: when that closes, wherever the launcher was, it ends.
//!
//! So a launcher that is killed leaves nobody behind, on this host or over ssh; and one that wants the job to drain says so
//! in the same way on both.

use skydiff_dataflow::cluster::fate;
use std::io::BufRead;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a launcher writes to have the job drained.
pub const DRAIN: &str = "drain";

/// Listens to the launcher until the process ends.
pub fn listen(stop: Arc<AtomicBool>) -> std::io::Result<()> {
    let listen = move || {
        for line in std::io::stdin().lock().lines() {
            match line {
                Ok(line) if line == DRAIN => stop.store(true, Ordering::Relaxed),
                Ok(_) => {}
                Err(_) => break,
            }
        }
        fate::end("whoever launched this process has gone, and so does it");
    };
    std::thread::Builder::new().name("skydiff:tied".into()).spawn(listen).map(drop)
}
