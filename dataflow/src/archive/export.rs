//! Packets as they were sent, byte for byte, out of an archive.

use super::dataset::{Dataset, PacketRow, Select};
use super::open::Archive;
use super::recall::night_of;
use super::rows::read_rows;
use crate::cone::Cone;
use crate::source::Night;
use skydiff_operators::Epoch;
use skydiff_schemas::ObjectId;
use std::collections::HashSet;

/// Which packets are wanted; everything that is said must hold.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// With an accepted alert of this object.
    pub object: Option<ObjectId>,
    /// Of which a trigger lies in this cone.
    pub cone: Option<Cone>,
    /// Received in these nights, both included.
    pub nights: Option<(Night, Night)>,
}

impl Wanted {
    fn is(&self, row: &PacketRow) -> bool {
        let of_object = self.object.is_none_or(|object| row.alerts.iter().any(|alert| alert.object == object));
        let in_cone = self.cone.is_none_or(|cone| {
            row.alerts.iter().filter_map(|alert| alert.position.degrees()).any(|place| cone.holds(place))
        });
        of_object && in_cone
    }
}

/// Tells every wanted packet, in the order in which packets were bound. The error says what has expired or is damaged.
pub fn export(
    archive: &Archive,
    wanted: &Wanted,
    tell: &mut dyn FnMut(PacketRow) -> Result<(), String>,
) -> Result<u64, String> {
    let bounds = archive.chain.manifests().iter().flat_map(|manifest| &manifest.epochs);
    let of_nights = |(from, to): (Night, Night)| {
        let within = move |night: Night| from <= night && night <= to;
        bounds.clone().filter(move |b| night_of(&b.binding).is_some_and(within)).map(|b| b.binding.epoch)
    };
    let epochs: Option<HashSet<Epoch>> = wanted.nights.map(|nights| of_nights(nights).collect());
    let first = epochs.as_ref().map_or(Some(Epoch(0)), |epochs| epochs.iter().min().copied());
    if let Some((first, through)) =
        first.zip(archive.expired(Dataset::Packets)).filter(|(first, through)| first <= through)
    {
        let url = archive.store.url();
        return Err(format!("archive {url}: of epochs {first} to {through} the packets have expired"));
    }
    let mut told = 0;
    for file in archive.files(Dataset::Packets) {
        let (from, to) = file.descriptor.epochs;
        let of_epochs = |epoch: Epoch| epochs.as_ref().is_none_or(|epochs| epochs.contains(&epoch));
        if !(from.0..=to.0).map(Epoch).any(of_epochs) {
            continue;
        }
        let read = |select| archive.store.wait(read_rows::<PacketRow>(archive.store.clone(), file.clone(), select));
        let lean = read(Select { lean: true, ..Select::default() })?;
        if !lean.iter().any(|row| of_epochs(row.epoch) && wanted.is(row)) {
            continue;
        }
        let mut rows = read(Select::default())?;
        rows.retain(|row| of_epochs(row.epoch) && wanted.is(row));
        rows.sort_by(|a, b| (a.epoch, &a.topic, a.number).cmp(&(b.epoch, &b.topic, b.number)));
        told += rows.len() as u64;
        rows.into_iter().try_for_each(&mut *tell)?;
    }
    Ok(told)
}
