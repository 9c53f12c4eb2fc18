//! `skydiff publish`: what is known, as catalogues that LSDB, DuckDB, polars and pandas open.

use crate::output::print_text;
use crate::whence::{Whence, lookup};
use clap::Args;
use skydiff_dataflow::archive::publish::{publish_archive, publish_packets};
use skydiff_dataflow::archive::store::Store;

/// Writes two HATS collections: alerts (one row each, no cutouts) and objects (light curves and states as nested tables).
///
/// From an archive, what was committed since the last time is appended: alerts of the new epochs, and objects anew in those pixels in
/// which something changed or a state came to its end. From packets, what the folder held before is replaced, whole: a reader sees the old edition or the new one. Old editions stay until
/// they are removed by hand.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    skydiff publish --from nights/ --to catalogues/\n  \
    skydiff publish --archive s3://bucket/archive --to catalogues/     (again after the next night: it appends)\n  \
    python -c \"import lsdb; print(lsdb.open_catalog('catalogues/objects').cone_search(84.85, 6.95, 60).compute())\"")]
pub struct Publish {
    #[command(flatten)]
    whence: Whence,
    /// Where to write alerts/ and objects/: a folder, or, from an archive, s3:// too
    #[arg(long, value_name = "DIR")]
    to: String,
    /// HEALPix order of the files of a new collection: 12·4^N files at most
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(0..=10))]
    order: u8,
}

impl Publish {
    /// Does it.
    pub fn run(self) -> Result<(), String> {
        let (job, archive) = self.whence.job()?;
        let to = &self.to;
        let Some(archive) = archive else {
            if to.contains("://") {
                return Err(format!(
                    "--to {to}: packets are published to a folder; --archive publishes to a store too"
                ));
            }
            let published = publish_packets(&lookup(&job, None)?, to.as_ref(), self.order)?;
            let (read, rejected) = published.packets;
            return print_text(&format!(
                "{} alerts and {} objects in {to} ({read} packets read, {rejected} rejected; {} objects move or have no place)\n",
                published.alerts, published.objects, published.without_place
            ));
        };
        let done = publish_archive(&archive, &job, &Store::open(to)?, self.order)?;
        print_text(&format!(
            "{} alerts ({} of them new) and {} objects ({} of {} pixels made anew) in {to}, up to epoch {}\n",
            done.alerts.0, done.alerts.1, done.objects, done.pixels.0, done.pixels.1, done.through
        ))
    }
}
