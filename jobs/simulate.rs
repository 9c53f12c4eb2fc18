//! `skydiff simulate`: nights of a simulated survey as files, with the truth about them.

use crate::orders::watch_interrupts;
use crate::output::say;
use crate::survey::Flags;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use skydiff_dataflow::truth::{To, Written, write_nights};
use skydiff_simulate::Settings;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

const HELP: &str = "\
    Examples:\n  \
    skydiff simulate --to nights                         # three ZTF nights\n  \
    skydiff simulate --survey lsst --nights 30 --visits 200 --alerts 500 --no-cutouts --to lsst\n  \
    skydiff simulate --classes constant --no-trouble --to quiet     # what noise alone does\n  \
    skydiff run --from nights --to out\n\n\
    Files:\n  \
    DIR/skydiff_ztf_20260101.tar     the packets that came on that date, in order of arrival, a file each\n  \
    DIR/truth/objects.csv            every object that was sent: class, place, parameters (units in their names)\n  \
    DIR/truth/alerts.csv             every packet: whose, when, how bright, what happened to it, why it must be rejected\n  \
    DIR/truth/light_curves.csv       true light at every visit that covered the object, nJy\n  \
    DIR/truth/ledger.csv             what a reconciliation must say, where an epoch is a packet\n  \
    DIR/truth/simulation.toml        what was asked for, as [source.simulate] of a job file takes it";

/// Writes nights of a simulated survey: a tar of packets a night, as the surveys publish theirs, and the truth beside them.
#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub struct Simulate {
    /// Folder for a tar a night, or FILE.tar for all in one (the truth is then in FILE.truth)
    #[arg(long, value_name = "DIR|FILE.tar")]
    to: PathBuf,
    #[command(flatten)]
    survey: Flags,
}

impl Simulate {
    /// Does it.
    pub fn run(self) -> Result<(), String> {
        let settings = self.survey.settings()?;
        let stop = Arc::new(AtomicBool::new(false));
        watch_interrupts(&stop).map_err(|error| error.to_string())?;
        let begun = Instant::now();
        let written = write(&settings, &self.to, false, &stop)?;
        let ledger = &written.ledger;
        for night in &written.nights {
            say(&format_args!("{}", night.display()));
        }
        say(&format_args!("{}", To::of(&self.to).truth().display()));
        let seconds = begun.elapsed().as_secs_f64();
        eprintln!(
            "{} packets, {:.1} MB, in {seconds:.1} s; {} to be rejected, {} still under way{}",
            ledger.sent,
            written.bytes as f64 / 1e6,
            ledger.sent - ledger.accepted(),
            ledger.under_way,
            if written.stopped { ", stopped before the last night" } else { "" }
        );
        Ok(())
    }
}

/// Writes the nights with a bar; `keep` keeps the truth in memory too.
pub fn write(settings: &Settings, to: &Path, keep: bool, stop: &AtomicBool) -> Result<Written, String> {
    let bar = if std::io::stderr().is_terminal() {
        ProgressBar::new(u64::from(settings.nights))
    } else {
        ProgressBar::hidden()
    };
    if let Ok(style) = ProgressStyle::with_template("{elapsed_precise} [{bar:30}] night {pos} of {len}  {msg}") {
        bar.set_style(style.progress_chars("=> "));
    }
    let begun = Instant::now();
    let written = write_nights(settings, To::of(to), keep, stop, &mut |packets, nights| {
        bar.set_position(u64::from(nights));
        let rate = packets as f64 / begun.elapsed().as_secs_f64().max(1e-3);
        bar.set_message(format!("{packets} packets ({rate:.0}/s)"));
    });
    bar.finish_and_clear();
    written
}
