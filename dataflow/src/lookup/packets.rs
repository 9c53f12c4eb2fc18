//! Packets out of an archive, to be read again: those of an object and of whoever claims one of its sources; and which
//! objects sent any from a cone in some nights.

use super::kept::rivals;
use super::{Lookup, LookupError, identities};
use crate::archive::dataset::{Dataset, Names, PacketRow, Ranges, Reader, RejectRow, Rejected, Row as _, Select};
use crate::archive::open::Archive;
use crate::archive::recall::{night_of, parcel};
use crate::archive::rows::{Far, read_rows};
use crate::cone::Cone;
use crate::kafka::registry::archived;
use crate::reject::Reject;
use crate::source::{Night, Origin, SchemaText, Share};
use skydiff_operators::Epoch;
use skydiff_schemas::ObjectId;
use skydiff_schemas::avro::confluent;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

/// What came from a cone in some nights.
#[derive(Clone, Debug, Default)]
pub struct InCone {
    /// Objects that sent alerts from there, and how many each.
    pub objects: BTreeMap<ObjectId, usize>,
    /// Packets of these nights, wherever from.
    pub packets: u64,
    /// How far from the middle the nearest alert was that was not within, in degrees.
    pub nearest: Option<f64>,
}

impl InCone {
    fn hear(&mut self, object: ObjectId, place: Option<(f64, f64)>, cone: Cone) {
        let Some(distance) = place.map(|place| cone.distance(place)) else { return };
        if distance <= cone.radius {
            *self.objects.entry(object).or_default() += 1;
        } else if self.nearest.is_none_or(|nearest| distance < nearest) {
            self.nearest = Some(distance);
        }
    }
}

impl Lookup {
    /// Which objects sent alerts from a cone (degrees) that were received in these nights.
    pub fn in_cone(&self, cone: Cone, (from, to): (Night, Night)) -> Result<InCone, LookupError> {
        let (mut found, within) = (InCone::default(), |night: Night| from <= night && night <= to);
        let Some(archive) = &self.archive else {
            self.read(|offer| {
                if Night::of_receipt(offer.context.received).is_some_and(within) {
                    found.packets += 1;
                    let place = offer.rows.first().and_then(|row| row.measurement.position.degrees());
                    found.hear(offer.object, place, cone);
                }
            })?;
            return Ok(found);
        };
        let bounds = archive.chain.manifests().iter().flat_map(|manifest| &manifest.epochs);
        let of_nights = bounds.filter(|bound| night_of(&bound.binding).is_some_and(within));
        let epochs: BTreeSet<Epoch> = of_nights.map(|bound| bound.binding.epoch).collect();
        let Some(range) = epochs.first().copied().zip(epochs.last().copied()) else { return Ok(found) };
        look(archive, Select { epochs: Some(range), ..Select::default() }, &mut |row| {
            if epochs.contains(&row.epoch) {
                found.packets += 1;
                row.alerts.iter().for_each(|alert| found.hear(alert.object, alert.position.degrees(), cone));
            }
            false
        })?;
        Ok(found)
    }

    /// The packets of an archive that have to do with an object, each as a share, in the order in which they were bound.
    pub(crate) fn recall(&self, archive: &Archive, object: ObjectId) -> Result<Vec<Share>, LookupError> {
        let of = |objects| Select { names: Some(Arc::new(Names::Objects(objects))), ..Select::default() };
        let own = look(archive, of([object].into_iter().collect()), &mut |_| true)?;
        let schemas = archived(&archive.store).map_err(LookupError::Archive)?;
        let (mut reader, mut claimed) = (self.reader()?, HashSet::new());
        for share in own.iter().map(|row| share(0, row, &schemas)) {
            reader.read(&share, &mut |offer| {
                if offer.object == object {
                    claimed.extend(identities(&offer));
                }
            });
        }
        let rivals = rivals(archive, object, &claimed, &mut |_, _, _| ())?;
        let mut rows = own;
        if !rivals.is_empty() {
            rows = look(archive, of(rivals.into_iter().chain([object]).collect()), &mut |_| true)?;
        }
        Ok((0..).zip(&rows).map(|(number, row)| share(number, row, &schemas)).collect())
    }

    /// Every packet that an archive rejected.
    pub(crate) fn rejects(&self, archive: &Archive) -> Result<Vec<Reject>, LookupError> {
        let mut rejects = Vec::new();
        for file in archive.files(Dataset::Rejects) {
            let select = Select { lean: true, ..Select::default() };
            let rows = archive.store.wait(read_rows::<RejectRow>(archive.store.clone(), file, select));
            rejects.extend(rows.map_err(LookupError::Archive)?.into_iter().filter_map(|row| match row.rejected {
                Rejected::Packet(reject) => Some((row.epoch, reject)),
                Rejected::Rows(_) => None,
            }));
        }
        rejects.sort_by(|(a, x), (b, y)| (a, &x.at).cmp(&(b, &y.at)));
        Ok(rejects.into_iter().map(|(_, reject)| reject).collect())
    }
}

/// The packets that are wanted, in the order in which they were bound; `wanted` sees each without its bytes.
fn look(
    archive: &Archive,
    select: Select,
    wanted: &mut dyn FnMut(&PacketRow) -> bool,
) -> Result<Vec<PacketRow>, LookupError> {
    let url = archive.store.url();
    if let Some(through) =
        archive.expired(Dataset::Packets).filter(|through| select.epochs.is_none_or(|(first, _)| first <= *through))
    {
        return Err(LookupError::Archive(format!(
            "archive {url}: packets up to epoch {through} have expired; what was kept of them is told by `skydiff object`"
        )));
    }
    let lean = Select { lean: true, ..select.clone() };
    let mut found = Vec::new();
    for file in archive.files(Dataset::Packets).into_iter().filter(|file| lean.meets(&file.descriptor)) {
        let of_file =
            |why: &dyn std::fmt::Display| LookupError::Archive(format!("archive {url}: {}: {why}", file.path));
        let far = Far { store: archive.store.clone(), path: file.path.clone(), bytes: file.descriptor.bytes };
        let ranges = Ranges::new(Arc::new(far), &file.descriptor).map_err(|error| of_file(&error))?;
        let mut keys = HashSet::new();
        let reader = Reader::<PacketRow>::open(ranges.clone(), &lean).map_err(|error| of_file(&error))?;
        for batch in reader {
            let batch = batch.map_err(|error| of_file(&error))?;
            keys.extend(batch.iter().filter(|row| wanted(row)).map(key));
        }
        let (first, last) = (keys.iter().map(|key| key.0).min(), keys.iter().map(|key| key.0).max());
        let Some(range) = first.zip(last) else { continue };
        let whole = Select { epochs: Some(range), ..select.clone() };
        let reader = Reader::<PacketRow>::open(ranges, &whole).map_err(|error| of_file(&error))?;
        for batch in reader {
            found.extend(batch.map_err(|error| of_file(&error))?.into_iter().filter(|row| keys.contains(&key(row))));
        }
    }
    found.sort_by_cached_key(key);
    Ok(found)
}

/// Which packet it is, in the order in which they were bound.
fn key(row: &PacketRow) -> (Epoch, String, i32, u64) {
    (row.epoch(), row.topic.clone(), row.partition, row.number)
}

fn share(number: u64, row: &PacketRow, schemas: &BTreeMap<u32, SchemaText>) -> Share {
    let needed = |(id, _): &(&u32, &SchemaText)| confluent(&row.bytes).is_ok_and(|(own, _)| own == **id);
    let schemas = schemas.iter().filter(needed).map(|(id, text)| (*id, text.clone())).collect();
    let origin = Origin { bundle: row.topic.clone(), partition: row.partition, rank: row.rank, received: row.received };
    Share { number, origin, first: row.number, parcels: vec![parcel(row)], kept: Vec::new(), schemas }
}
