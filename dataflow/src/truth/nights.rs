//! A simulation as files: a tar of packets a night, as the surveys publish theirs, and the truth beside them.

use super::files::{Truth, TruthFiles};
use crate::source::{night_name, packet_name};
use skydiff_simulate::{Ledger, Settings, Simulation};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// What was written.
#[derive(Clone, Debug, Default)]
pub struct Written {
    /// The tars, in order; a night under clouds without late packets has none.
    pub nights: Vec<PathBuf>,
    /// Bytes of packets.
    pub bytes: u64,
    /// What a reconciliation must say.
    pub ledger: Ledger,
    /// The truth by name of object, where it was asked for.
    pub truth: BTreeMap<String, Truth>,
    /// Whether it was asked to stop before the last night.
    pub stopped: bool,
}

/// Where packets go.
#[derive(Clone, Copy, Debug)]
pub enum To<'a> {
    /// A tar a night in this folder, the truth in `truth` within it.
    Folder(&'a Path),
    /// All in one tar, the truth in the folder `NAME.truth` beside it.
    Tar(&'a Path),
}

impl<'a> To<'a> {
    /// What a path means: a name that ends in `.tar` is one.
    pub fn of(path: &'a Path) -> To<'a> {
        if path.extension().is_some_and(|end| end == "tar") { To::Tar(path) } else { To::Folder(path) }
    }

    /// Where the truth is.
    pub fn truth(self) -> PathBuf {
        match self {
            To::Folder(folder) => folder.join("truth"),
            To::Tar(path) => path.with_extension("truth"),
        }
    }
}

/// Writes all nights. `keep` keeps the truth in memory too. `progress` is told packets and nights after every hundredth
/// packet and every night. The error names the file.
pub fn write_nights(
    settings: &Settings,
    to: To<'_>,
    keep: bool,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(u64, u32),
) -> Result<Written, String> {
    let mut simulation = Simulation::new(settings)?;
    let cannot = |path: &Path, error: io::Error| format!("{}: {error}", path.display());
    let folder = to.truth();
    let mut truth = TruthFiles::create(&folder, settings).map_err(|error| cannot(&folder, error))?;
    let mut written = Written::default();
    let mut packets = 0;
    let mut open: Option<(PathBuf, tar::Builder<BufWriter<File>>)> = None;
    for done in 1.. {
        let Some(night) = simulation.next_night() else { break };
        let path = match to {
            To::Folder(folder) => folder.join(night_name(settings, night) + ".tar"),
            To::Tar(path) => path.to_owned(),
        };
        let mut failed = None;
        let flow = simulation.night(&mut |bytes, told| {
            let mut put = || -> io::Result<()> {
                if open.is_none() {
                    open = Some((path.clone(), tar::Builder::new(BufWriter::new(File::create(&path)?))));
                    written.nights.push(path.clone());
                }
                truth.tell(&told)?;
                let Some((_, tar)) = &mut open else { return Ok(()) };
                append(tar, &packet_name(told.alert), bytes)
            };
            if let Err(error) = put() {
                failed = Some(cannot(&path, error));
                return ControlFlow::Break(());
            }
            if keep {
                Truth::note(&mut written.truth, settings.survey, &told);
            }
            written.bytes += bytes.len() as u64;
            packets += 1;
            if packets % 100 == 0 {
                progress(packets, done - 1);
            }
            if stop.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        failed.map_or(Ok(()), Err)?;
        if matches!(to, To::Folder(_)) {
            close(&mut open).map_err(|error| cannot(&path, error))?;
        }
        progress(packets, done);
        if flow.is_break() {
            written.stopped = true;
            break;
        }
    }
    if let To::Tar(path) = to {
        close(&mut open).map_err(|error| cannot(path, error))?;
    }
    written.ledger = simulation.ledger();
    truth.end(&written.ledger).map_err(|error| cannot(&folder, error))?;
    Ok(written)
}

fn append(tar: &mut tar::Builder<BufWriter<File>>, name: &str, bytes: &[u8]) -> io::Result<()> {
    let mut header = tar::Header::new_ustar();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, name, bytes)
}

fn close(open: &mut Option<(PathBuf, tar::Builder<BufWriter<File>>)>) -> io::Result<()> {
    match open.take() {
        Some((_, tar)) => tar.into_inner()?.flush(),
        None => Ok(()),
    }
}
