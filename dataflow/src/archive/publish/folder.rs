//! Editions in a folder of this machine.

use super::{Edition, Step};
use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// The edition that readers see; the one before the first where there is no collection.
pub fn begin(collection: &Path, order: u8) -> Result<Edition, String> {
    let path = collection.join("collection.properties");
    let properties = match fs::read_to_string(&path) {
        Ok(properties) => properties,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Edition::none(order)),
        Err(error) => return Err(format!("{} cannot be read: {error}", path.display())),
    };
    let folder = properties.lines().find_map(|line| line.strip_prefix("hats_primary_table_url="));
    let folder = folder.ok_or_else(|| format!("{} names no catalogue: it is not skydiff's", path.display()))?;
    let path = collection.join(folder.trim()).join("skydiff.json");
    let text = fs::read(&path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    serde_json::from_slice(&text).map_err(|error| format!("{} is not an edition of skydiff's: {error}", path.display()))
}

/// Does the steps, in order: each is done, and on disk, before the next.
pub fn carry_out(collection: &Path, steps: &[Step]) -> Result<(), String> {
    steps.iter().try_for_each(|step| {
        let (path, done) = match step {
            Step::Copy { from, to } => (to, copy(&collection.join(from), &collection.join(to))),
            Step::Put { path, bytes } => (path, put(&collection.join(path), bytes)),
        };
        done.map_err(|error| format!("{} cannot be written: {error}", collection.join(path).display()))
    })
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    match fs::remove_file(to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // Files never change, so two names for one are as good; not every file system can.
    fs::hard_link(from, to).or_else(|_| fs::copy(from, to).map(drop))
}

fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    // Under a name that no reader looks for, until it is whole.
    let own = path.file_name().map_or(String::new(), |name| name.to_string_lossy().into_owned());
    let part = path.with_file_name(format!(".{own}.part"));
    let mut file = fs::File::create(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&part, path)
}
