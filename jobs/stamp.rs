//! The stamps of a packet as files: FITS as it was sent, PNG to look at.

use crate::fits::first_image;
use crate::output::print_text;
use crate::png::png;
use flate2::read::GzDecoder;
use skydiff_schemas::survey::Cutout;
use std::io::Read;
use std::path::Path;

/// The largest stamp that is inflated.
const MAX_STAMP: u64 = 1 << 28;

/// Writes `path.fits`, inflated, and `path.png`; prints their names.
pub fn write_stamp(stamp: Cutout<'_>, path: &Path) -> Result<(), String> {
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
