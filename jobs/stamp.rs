//! The stamps of a packet as files: FITS as it was sent, PNG to look at.

use crate::fits::first_image;
use crate::output::print_text;
use crate::png::png;
use flate2::read::GzDecoder;
use skydiff_schemas::Decoder;
use skydiff_schemas::survey::{Cutout, object_name};
use std::io::Read;
use std::path::Path;

/// The largest stamp that is inflated.
const MAX_STAMP: u64 = 1 << 28;

/// Writes the stamps of the records of a packet that are wanted; they are numbered from `first`. Gives how many records there are.
pub fn write_stamps(
    bytes: &[u8],
    first: usize,
    folder: &Path,
    decoder: &mut Decoder,
    wants: &dyn Fn(usize) -> bool,
) -> Result<usize, String> {
    std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut names = Vec::new();
    decoder.decode(bytes, |at, alert| {
        let name = alert.map(|alert| format!("{}_{}", object_name(alert.object), alert.trigger.0));
        names.push(name.unwrap_or_else(|_| format!("record_{}", first + at)).replace([':', '/'], "_"));
    });
    let (mut records, mut done) = (0, Ok(()));
    let read = decoder.cutouts(bytes, |at, stamps| {
        records = at + 1;
        if done.is_err() || !wants(first + at) {
            return;
        }
        let name = names.get(at).cloned().unwrap_or_else(|| format!("record_{}", first + at));
        if stamps.iter().all(Option::is_none) {
            done = Err(format!("record {}: it has no stamps", first + at));
        }
        for (stamp, of) in stamps.into_iter().zip(Cutout::NAMES) {
            if let (Some(stamp), Ok(())) = (stamp, &done) {
                done = write_stamp(stamp, &folder.join(format!("{name}_{of}")));
            }
        }
    });
    read.map_err(|reject| reject.to_string())?;
    done.map(|()| records)
}

/// Writes `path.fits`, inflated, and `path.png`; prints their names.
fn write_stamp(stamp: Cutout<'_>, path: &Path) -> Result<(), String> {
    let mut fits = Vec::new();
    if stamp.is_gzip() {
        let inflated = GzDecoder::new(stamp.bytes).take(MAX_STAMP).read_to_end(&mut fits);
        inflated.map_err(|error| format!("a stamp cannot be inflated: {error}"))?;
    } else {
        fits.extend_from_slice(stamp.bytes);
    }
    write(&path.with_added_extension("fits"), &fits)?;
    let drawn = first_image(&fits).and_then(|image| png(&image));
    write(
        &path.with_added_extension("png"),
        &drawn.map_err(|why| format!("{}.fits cannot be drawn: {why}", path.display()))?,
    )
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    std::fs::write(path, bytes).map_err(|error| format!("{}: {error}", path.display()))?;
    print_text(&format!("{}\n", path.display()))
}
