//! `skydiff publish`: what is known, as catalogues that LSDB, DuckDB, polars and pandas open.

use crate::output::print_text;
use crate::whence::Whence;
use clap::Args;
use skydiff_dataflow::archive::publish::publish_packets;
use std::path::PathBuf;

/// Writes two HATS collections: alerts (one row each, no cutouts) and objects (light curves and states as nested tables).
///
/// What the folder held before is replaced, whole: a reader sees the old edition or the new one. Old editions stay until
/// they are removed by hand.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    skydiff publish --from nights/ --to catalogues/\n  \
    python -c \"import lsdb; print(lsdb.open_catalog('catalogues/objects').cone_search(84.85, 6.95, 60).compute())\"")]
pub struct Publish {
    #[command(flatten)]
    whence: Whence,
    /// Where to write alerts/ and objects/
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// HEALPix order of the files of a new collection: 12·4^N files at most
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(0..=10))]
    order: u8,
}

impl Publish {
    /// Does it.
    pub fn run(self) -> Result<(), String> {
        let (_, lookup) = self.whence.lookup()?;
        let published = publish_packets(&lookup, &self.to, self.order)?;
        let (read, rejected) = published.packets;
        print_text(&format!(
            "{} alerts and {} objects in {} ({read} packets read, {rejected} rejected; {} objects move or have no place)\n",
            published.alerts,
            published.objects,
            self.to.display(),
            published.without_place
        ))
    }
}
