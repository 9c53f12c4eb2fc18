//! Rejects once more: the packets that were not accepted, to be read as new epochs.
//!
//! They are laid into tars in a folder, by receipt and rank, from which a run reads them like any others. The tars are named
//! after what they hold, so that to say it twice reads nothing twice.

use super::dataset::{Dataset, RejectRow, Rejected, Select};
use super::open::Archive;
use super::protocol::Sum;
use super::rows::read_rows;
use crate::reject::Reason;
use crate::settings::{SourceSettings, Time};
use skydiff_schemas::MicroDays;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

/// Writes the rejects of a reason to `folder`, each packet once; answers how many there are, and the sources to read.
pub fn redrive(archive: &Archive, reason: Reason, folder: &Path) -> Result<(usize, Vec<SourceSettings>), String> {
    let origins = archive.chain.manifests().iter().flat_map(|manifest| &manifest.epochs);
    let origins: BTreeMap<_, _> =
        origins.filter_map(|bound| Some((bound.binding.epoch, bound.binding.origin.as_ref()?))).collect();
    let mut packets = BTreeMap::<(i16, MicroDays), BTreeSet<Vec<u8>>>::new();
    for file in archive.files(Dataset::Rejects) {
        let rows = read_rows::<RejectRow>(archive.store.clone(), file, Select::default());
        for row in archive.store.wait(rows)? {
            let Rejected::Packet(reject) = row.rejected else { continue };
            let origin = origins.get(&row.epoch).filter(|_| reject.reason == reason);
            if let Some((origin, bytes)) = origin.zip(reject.bytes) {
                packets.entry((origin.rank, origin.received)).or_default().insert(bytes.into_vec());
            }
        }
    }
    let (mut count, mut sources) = (0, Vec::new());
    std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for ((rank, received), packets) in packets {
        let name = Sum::of(&packets.iter().flat_map(|packet| packet.iter().copied()).collect::<Vec<_>>());
        let path = folder.join(format!("rejects-{}-{}.tar", reason.name(), &name.hex()[..12]));
        let cannot = |error: std::io::Error| format!("{}: {error}", path.display());
        let mut tar = tar::Builder::new(BufWriter::new(File::create(&path).map_err(cannot)?));
        for (number, packet) in packets.iter().enumerate() {
            let mut header = tar::Header::new_gnu();
            header.set_size(packet.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, format!("{number:08}"), &packet[..]).map_err(cannot)?;
        }
        tar.into_inner().map_err(cannot)?.into_inner().map_err(|error| cannot(error.into_error()))?;
        count += packets.len();
        let received = Some(Time::Mjd(received.days()));
        sources.push(SourceSettings { path, rank, received, ..SourceSettings::default() });
    }
    Ok((count, sources))
}
