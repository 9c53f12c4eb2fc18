//! The files of `--to` as a job left them that is gone on with: told once more from the archive, so that whatever a kill left
//! half-written is whole.

use super::RunError;
use crate::archive::dataset::{ChangeRow, Dataset, RejectRow, Rejected, Row, Select};
use crate::archive::open::Archive;
use crate::archive::protocol::Filed;
use crate::archive::rows::read_rows;
use crate::counts::Counts;
use crate::flow::clock::{Judged, Stop};
use crate::flow::tell::{Encoded, Told};
use crate::sink::Sinks;
use skydiff_operators::Epoch;
use skydiff_schemas::record::Value;
use std::collections::BTreeMap;

/// Tells everything that is durable.
pub(super) fn retell(archive: &Archive, sinks: &mut Sinks) -> Result<(), RunError> {
    let failed = |why| RunError::Stop(Stop::Sink(why));
    for manifest in archive.chain.manifests() {
        let range = (manifest.first, manifest.last);
        let mut changes = rows::<ChangeRow>(archive, &manifest.files, Dataset::Changes, range).map_err(failed)?;
        let mut rejects = rows::<RejectRow>(archive, &manifest.files, Dataset::Rejects, range).map_err(failed)?;
        for bound in &manifest.epochs {
            let epoch = bound.binding.epoch;
            let mut judged = Judged {
                binding: bound.binding.clone(),
                clocks: bound.clocks.clone(),
                counts: Counts::default(),
                rejects: Vec::new(),
                row_rejects: Vec::new(),
            };
            for row in rejects.remove(&epoch).unwrap_or_default() {
                match row.rejected {
                    Rejected::Packet(reject) => judged.rejects.push(reject),
                    Rejected::Rows(rows) => judged.row_rejects.push(rows),
                }
            }
            let told = changes.remove(&epoch).unwrap_or_default().into_iter().filter_map(told).collect::<Vec<_>>();
            sinks.write(&judged, &in_order(told), &mut Counts::default()).map_err(RunError::Stop)?;
        }
    }
    Ok(())
}

fn rows<R: Row + Send + 'static>(
    archive: &Archive,
    files: &[Filed],
    dataset: Dataset,
    range: (Epoch, Epoch),
) -> Result<BTreeMap<Epoch, Vec<R>>, String> {
    let select = Select { epochs: Some(range), ..Select::default() };
    let mut epochs = BTreeMap::<Epoch, Vec<R>>::new();
    for file in files.iter().filter(|file| file.descriptor.dataset == dataset) {
        for row in archive.store.wait(read_rows::<R>(archive.store.clone(), file.clone(), select.clone()))? {
            epochs.entry(row.epoch()).or_default().push(row);
        }
    }
    Ok(epochs)
}

fn told(row: ChangeRow) -> Option<(i64, i64, Encoded)> {
    let record = *row.record?;
    let (mut json, mut avro) = (Vec::new(), Vec::new());
    record.write_json(&mut json);
    record.encode(&mut avro);
    let place = (record.lane, record.rank);
    Some((place.0, place.1, Encoded { object: row.object, pixel: row.pixel, record, json, avro, packet: None }))
}

/// As they were told: by lane and rank.
fn in_order(mut told: Vec<(i64, i64, Encoded)>) -> Vec<Told> {
    told.sort_unstable_by_key(|(lane, rank, _)| (*lane, *rank));
    let lane = |(lane, _, encoded): (i64, i64, Encoded)| Told {
        lane: u32::try_from(lane).unwrap_or_default(),
        records: vec![encoded],
        counts: Counts::default(),
    };
    told.into_iter().map(lane).collect()
}
