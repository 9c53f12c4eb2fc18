//! Both collections from committed manifests, appended: alerts of the epochs that are new, and objects anew in the pixels in
//! which something changed, or came to its end, since the last edition.
//!
//! Nothing is computed but answers about standing histories: which measurements stand is in the log. However long the
//! survey, a part of the sky is in memory, or a part of a night.

use super::draft::{Draft, newest};
use super::packets::known;
use super::{AlertRow, CatalogueRow, Edition, ObjectRow};
use crate::archive::dataset::{Dataset, MeasurementRow, Select, TriggerRow};
use crate::archive::open::Archive;
use crate::archive::protocol::{Bound, Sum};
use crate::archive::rows::Rows;
use crate::archive::snapshot::Snapshot;
use crate::archive::store::Store;
use crate::settings::{Job, in_force};
use skydiff_operators::{ContextRow, Epoch, Kept};
use skydiff_schemas::{Kind, Measurement, MicroDays, ObjectId, Pixel, Row, SourceId, Version};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// So many alerts become files at once.
const ALERTS: usize = 200_000;
/// So many rows of histories are in memory at once.
const HISTORY: u64 = 4_000_000;
/// The order of the pixels that histories lie in.
const PIXEL_ORDER: u8 = 8;

/// What was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The last epoch that is in it.
    pub through: Epoch,
    /// Rows of `alerts/`, and how many of them are new.
    pub alerts: (u64, u64),
    /// Rows of `objects/`.
    pub objects: u64,
    /// Pixels of `objects/` that were made anew, of how many.
    pub pixels: (u64, u64),
}

/// Appends what an archive has committed to the collections at `to`: of objects, what is known by the settings of `job`.
pub fn publish_archive(archive: &Archive, job: &Job, to: &Store, order: u8) -> Result<Appended, String> {
    let url = archive.store.url();
    let Some((first, last)) = archive.chain.manifests().first().zip(archive.chain.last()) else {
        return Err(format!("archive {url} is empty: nothing was committed to it yet"));
    };
    let origin = Sum::of(&first.encode()?).to_string();
    let alerts = alerts(archive, last, &origin, to, order)?;
    let (objects, pixels) = objects(archive, job, last, &origin, to, order)?;
    Ok(Appended { through: last, alerts, objects: objects.rows(), pixels })
}

/// An edition that goes on from the one that is there, or, if that is of something else, from nothing.
fn begin<R: CatalogueRow>(
    to: &Store,
    order: u8,
    origin: &str,
    last: Epoch,
) -> Result<(Edition, Option<Epoch>), String> {
    let before = newest::<R>(to, order)?;
    let ours = before.origin.as_deref() == Some(origin) && before.through <= Some(last);
    let through = before.through.filter(|_| ours);
    Ok((before, through))
}

/// Alerts of the epochs after the last edition; answers the rows, and how many are new.
fn alerts(archive: &Archive, last: Epoch, origin: &str, to: &Store, order: u8) -> Result<(u64, u64), String> {
    let (before, through) = begin::<AlertRow>(to, order, origin, last)?;
    let old = through.map_or(0, |_| before.rows());
    if through == Some(last) {
        return Ok((old, 0));
    }
    let mut draft = Draft::new(to.clone(), before);
    draft.keep::<AlertRow>(|_| through.is_some())?;
    let from = through.map_or(Epoch(0), Epoch::next);
    let select = Select { epochs: Some((from, last)), ..Select::default() };
    let mut triggers = Rows::<MeasurementRow>::open(archive, Dataset::Measurements, &select, &[])?;
    let mut contexts = Rows::<TriggerRow>::open(archive, Dataset::Contexts, &select, &[])?;
    let mut rows = Vec::new();
    for bound in archive.chain.manifests().iter().flat_map(|manifest| &manifest.epochs) {
        let epoch = bound.binding.epoch;
        if epoch < from {
            continue;
        }
        let mut offered = HashMap::<(SourceId, Version), (ObjectId, Measurement)>::new();
        triggers.take(epoch, &mut |row| {
            if let Some(version) = row.version.filter(|version| version.trigger && row.global) {
                offered.insert((row.measurement.id, version), (row.object, row.measurement));
            }
        })?;
        // An alert is new when the context of its source comes to stand and none leaves: a copy that replaces another, and one
        // that goes over to another object, is not.
        let (mut stand, mut left) = (BTreeMap::<SourceId, ContextRow>::new(), HashSet::new());
        contexts.take(epoch, &mut |row| match row.change > 0 {
            true => drop(stand.insert(row.context.source, row.context)),
            false => drop(left.insert(row.context.source)),
        })?;
        if bound.binding.packets == 0 {
            // Other settings took effect: all that was known came once more.
            continue;
        }
        for (source, context) in stand.into_iter().filter(|(source, _)| !left.contains(source)) {
            if let Some((object, measurement)) = offered.get(&(source, context.version)) {
                rows.extend(AlertRow::new(*object, source, *measurement, context.context));
            }
        }
        if rows.len() >= ALERTS {
            draft.add(&rows)?;
            rows.clear();
        }
    }
    draft.add(&rows)?;
    let rows = draft.publish::<AlertRow>(last, Some(origin.to_owned()), None)?.rows();
    Ok((rows, rows - old))
}

/// Objects of the pixels that must be made anew; answers the edition, and how many pixels that were, of how many.
fn objects(
    archive: &Archive,
    job: &Job,
    last: Epoch,
    origin: &str,
    to: &Store,
    order: u8,
) -> Result<(Edition, (u64, u64)), String> {
    let settings = Sum::of(in_force(job)?.as_bytes()).to_string();
    let (before, through) = begin::<ObjectRow>(to, order, origin, last)?;
    let through = through.filter(|_| before.settings.as_deref() == Some(&settings));
    let bounds = archive.chain.manifests().iter().flat_map(|manifest| &manifest.epochs);
    let clocks = bounds.last().map(|bound: &Bound| bound.clocks.clone()).unwrap_or_default();
    let pixel_of = pixel_of(before.order);
    // By pixel, how many rows its histories may have: all of what is to be made, in parts that memory holds.
    let mut sizes = BTreeMap::<u64, u64>::new();
    let begin = archive.chain.begin(last);
    let select = Select { epochs: Some((begin, last)), ..Select::default() };
    let changed = through.filter(|through| *through >= begin);
    let mut touched = BTreeSet::new();
    Rows::<MeasurementRow>::open(archive, Dataset::Measurements, &select, &[])?.take(last, &mut |row| {
        if row.pixel != Pixel::NONE {
            *sizes.entry(pixel_of(row.pixel)).or_default() += 1;
            if Some(row.epoch) > changed {
                touched.insert(pixel_of(row.pixel));
            }
        }
    })?;
    let clock = clocks.iter().map(|(_, time)| time.days()).fold(f64::NEG_INFINITY, f64::max);
    let ended =
        before.tiles.iter().filter(|tile| tile.until.is_some_and(|until| until <= clock)).map(|tile| tile.pixel);
    let coarse = |pixel: u64| pixel >> (2 * u32::from(before.order.saturating_sub(PIXEL_ORDER)));
    touched.extend(ended.map(coarse));
    if changed.is_none() {
        touched.extend(before.tiles.iter().map(|tile| coarse(tile.pixel)));
    }
    let all = sizes.len() as u64;
    if touched.is_empty() {
        return Ok((before, (0, all)));
    }
    let snapshot = archive.useful(last).max().map(|epoch| Snapshot::read(archive, epoch)).transpose()?;
    let mut draft = Draft::new(to.clone(), before.clone());
    draft.keep::<ObjectRow>(|pixel| !touched.contains(&coarse(pixel)))?;
    let mut part = BTreeSet::new();
    let mut rows = 0;
    let made = touched.len() as u64;
    let mut left = touched.into_iter().peekable();
    while let Some(pixel) = left.next() {
        rows += sizes.get(&pixel).copied().unwrap_or(0);
        part.insert(pixel);
        if rows >= HISTORY || left.peek().is_none() {
            let kept = histories(archive, snapshot.as_ref(), last, &|pixel| part.contains(&pixel_of(pixel)))?;
            draft.add(&known(Vec::new(), kept, clocks.clone(), job.options()).0)?;
            part.clear();
            rows = 0;
        }
    }
    let edition = draft.publish::<ObjectRow>(last, Some(origin.to_owned()), Some(settings))?;
    Ok((edition, (made, all)))
}

/// The pixel of a collection in which one of the histories lies; of a finer collection, the one of the histories itself.
fn pixel_of(order: u8) -> impl Fn(Pixel) -> u64 {
    move |pixel| u64::from(pixel.0) >> (2 * u32::from(PIXEL_ORDER.saturating_sub(order)))
}

/// The standing histories of the objects in some pixels, and what stands of their contexts.
fn histories(
    archive: &Archive,
    snapshot: Option<&Snapshot>,
    last: Epoch,
    wanted: &dyn Fn(Pixel) -> bool,
) -> Result<Vec<Kept>, String> {
    let mut standing = HashMap::<(ObjectId, Measurement), i64>::new();
    Rows::<MeasurementRow>::up_to(archive, Dataset::Measurements, snapshot, last, None)?.take(last, &mut |row| {
        if row.change != 0 && row.pixel != Pixel::NONE && wanted(row.pixel) {
            *standing.entry((row.object, row.measurement)).or_default() += i64::from(row.change);
        }
    })?;
    standing.retain(|_, sum| *sum > 0);
    let objects: HashSet<ObjectId> = standing.keys().map(|(object, _)| *object).collect();
    let mut contexts = HashMap::<(ObjectId, ContextRow), i64>::new();
    Rows::<TriggerRow>::up_to(archive, Dataset::Contexts, snapshot, last, None)?.take(last, &mut |row| {
        if objects.contains(&row.object) {
            *contexts.entry((row.object, row.context)).or_default() += i64::from(row.change);
        }
    })?;
    // What stands has nobody to contest it any more: its version means nothing.
    let version =
        Version { rank: 0, processed: Version::UNPROCESSED, packet: std::cmp::Reverse(MicroDays(0)), trigger: false };
    let row = |(object, measurement): (ObjectId, Measurement)| {
        // A context goes where the id of its source is known.
        Kept::Row(object, Row { measurement, version, global: measurement.kind == Kind::Source })
    };
    let kept = standing.into_keys().map(row);
    let contexts = contexts.into_iter().filter(|(_, sum)| *sum > 0).map(|((object, context), _)| (object, context));
    Ok(kept.chain(contexts.map(|(object, context)| Kept::Context(object, Box::new(context)))).collect())
}
