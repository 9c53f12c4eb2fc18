//! One object out of an archive: from what was kept of packets, which outlives them, and in two passes over it, as over
//! packets: first what the object was offered, then what others claim of that.

use super::{Copies, Known, Lookup, LookupError, Moment, answers, near};
use crate::archive::dataset::{Dataset, MeasurementRow, Names, Row, Select, TriggerRow};
use crate::archive::open::Archive;
use crate::archive::protocol::Bound;
use crate::archive::rows::Rows;
use crate::names::object_name;
use skydiff_operators::{Clocks, Epoch, Kept};
use skydiff_schemas::{Kind, MicroDays, ObjectId, Row as Offered, SourceId};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// What was offered, by epoch.
type Epochs = BTreeMap<Epoch, Vec<Kept>>;

impl Lookup {
    /// Everything about `object`, and what was known of it at each epoch that touched it, and at the last.
    pub(super) fn find_kept(&self, archive: &Archive, object: ObjectId) -> Result<(Known, Vec<Moment>), LookupError> {
        let bounds: Vec<&Bound> = archive.chain.manifests().iter().flat_map(|manifest| &manifest.epochs).collect();
        let (mut epochs, mut copies) = (Epochs::new(), Copies::default());
        let claimed = self.own(archive, object, &bounds, &mut epochs, &mut copies)?;
        let rivals = rivals(archive, object, &claimed, &mut |epoch, rival, row| {
            copies.add(&row);
            epochs.entry(epoch).or_default().push(Kept::Row(rival, row));
        })?;
        let mut triggers = HashMap::new();
        let both = rivals.iter().copied().chain([object]).collect();
        each::<TriggerRow>(archive, Dataset::Contexts, Some(Names::Objects(both)), &mut |row| {
            if row.change > 0 {
                if row.object == object {
                    triggers.insert(row.context.source, row.context.time);
                }
                let context = Kept::Context(row.object, Box::new(row.context));
                epochs.entry(row.epoch).or_default().push(context);
            }
        })?;
        let mut triggers: Vec<MicroDays> = triggers.into_values().collect();
        triggers.sort_unstable();
        let clocks: BTreeMap<Epoch, &Clocks> =
            bounds.iter().map(|bound| (bound.binding.epoch, &bound.clocks)).collect();
        // What is alive at the end depends on packets of other objects too.
        epochs.extend(
            clocks.last_key_value().filter(|(last, _)| !epochs.contains_key(last)).map(|(last, _)| (*last, vec![])),
        );
        let at = |epoch| clocks.get(&epoch).copied().cloned().unwrap_or_default();
        let times: Vec<MicroDays> = epochs.keys().filter_map(|epoch| at(*epoch).get(object.survey)).collect();
        let epochs = epochs.into_iter().map(|(epoch, kept)| (Vec::new(), kept, at(epoch)));
        let (rows, answers) = answers(object, epochs.collect(), self.options.clone());
        let known = Known {
            history: copies.standing(rows),
            answer: answers.last().cloned().flatten(),
            alerts: triggers.len(),
            triggers,
            others: rivals.iter().map(|rival| object_name(*rival)).collect(),
            packets: packets(&bounds),
            clocks: bounds.last().map(|bound| bound.clocks.clone()).unwrap_or_default(),
        };
        let moments = times.into_iter().zip(answers).map(|(time, answer)| Moment { time, answer });
        Ok((known, moments.collect()))
    }

    /// What the object was offered; answers what others might claim of it.
    fn own(
        &self,
        archive: &Archive,
        object: ObjectId,
        bounds: &[&Bound],
        epochs: &mut Epochs,
        copies: &mut Copies,
    ) -> Result<HashSet<(Kind, SourceId)>, LookupError> {
        let mut claimed = HashSet::new();
        let own = Names::Objects([object].into_iter().collect());
        each::<MeasurementRow>(archive, Dataset::Measurements, Some(own), &mut |row| {
            let Some(version) = row.version else { return };
            if row.global {
                claimed.insert((row.measurement.kind, row.measurement.id));
            }
            let own = Offered { measurement: row.measurement, version, global: row.global };
            copies.add(&own);
            epochs.entry(row.epoch).or_default().push(Kept::Row(object, own));
        })?;
        if !epochs.is_empty() {
            return Ok(claimed);
        }
        // Who is looked for in vain may be another whose name is like it.
        let (mut seen, mut alert_of) = (HashSet::new(), None);
        each::<MeasurementRow>(archive, Dataset::Measurements, None, &mut |row| {
            let Some(version) = row.version else { return };
            seen.insert(row.object);
            if version.trigger && row.measurement.id.0 == object.id {
                alert_of = Some(object_name(row.object));
            }
        })?;
        Err(LookupError::Unknown { packets: packets(bounds), near: near(object, &seen), alert_of })
    }
}

/// Objects that claim one of these sources too; each of their claims is told.
pub(super) fn rivals(
    archive: &Archive,
    object: ObjectId,
    claimed: &HashSet<(Kind, SourceId)>,
    tell: &mut dyn FnMut(Epoch, ObjectId, Offered),
) -> Result<BTreeSet<ObjectId>, LookupError> {
    let mut rivals = BTreeSet::new();
    let sources = Names::Sources(claimed.iter().map(|(_, source)| *source).collect());
    each::<MeasurementRow>(archive, Dataset::Measurements, Some(sources), &mut |row| {
        let of_other = row.object.survey == object.survey && row.object != object && row.global;
        let Some(version) = row.version.filter(|_| of_other) else { return };
        if claimed.contains(&(row.measurement.kind, row.measurement.id)) {
            rivals.insert(row.object);
            tell(row.epoch, row.object, Offered { measurement: row.measurement, version, global: row.global });
        }
    })?;
    Ok(rivals)
}

/// Every row of a dataset that has one of the names, or every row, in order of their epochs.
fn each<R: Row + Send + 'static>(
    archive: &Archive,
    dataset: Dataset,
    names: Option<Names>,
    tell: &mut dyn FnMut(R),
) -> Result<(), LookupError> {
    let Some(last) = archive.chain.last() else { return Ok(()) };
    let select = Select { names: names.map(Arc::new), ..Select::default() };
    let rows = Rows::<R>::open(archive, dataset, &select, &[]);
    rows.and_then(|mut rows| rows.take(last, tell)).map_err(LookupError::Archive)
}

/// Packets that were bound, and how many of them were rejected.
fn packets(bounds: &[&Bound]) -> (i64, i64) {
    let rejected = |bound: &&Bound| bound.read.rejected.values().sum::<i64>();
    (bounds.iter().map(|bound| bound.read.received).sum(), bounds.iter().map(rejected).sum())
}
