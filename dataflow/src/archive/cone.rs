//! The objects of a cone, whole, with everything that can change an answer about one of them.
//!
//! An object is in a cone when a source of it stands there while the object is kept in one of the cone's pixels; what moves over
//! the sky has no place and is in none. What other objects claim of its sources decides what is its own, so those come too, and
//! whoever claims theirs: nobody is told of with half of the truth.

use super::dataset::{Dataset, MeasurementRow, Names, Select};
use super::open::Archive;
use super::rows::Rows;
use crate::cone::Cone;
use rustc_hash::FxHashSet;
use skydiff_operators::Epoch;
use skydiff_schemas::{Kind, ObjectId, Pixel, SourceId};
use std::sync::Arc;

/// The objects of a cone up to an epoch, and those that contend with them for a source.
pub fn objects_of(archive: &Archive, cone: Cone, last: Epoch) -> Result<FxHashSet<ObjectId>, String> {
    let (ra, dec) = cone.middle;
    let upto = Select { epochs: Some((Epoch(0), last)), ..Select::default() };
    let mut objects = FxHashSet::default();
    let near = Select { pixels: Some(Pixel::of_cone(ra, dec, cone.radius)), ..upto.clone() };
    rows(archive, &near, last, &mut |row| {
        let entered = row.change > 0 && row.measurement.kind == Kind::Source;
        if entered && row.measurement.position.degrees().is_some_and(|place| cone.holds(place)) {
            objects.insert(row.object);
        }
    })?;
    let mut new = objects.clone();
    while !new.is_empty() {
        let theirs = Select { names: Some(Arc::new(Names::Objects(new))), ..upto.clone() };
        let mut sources = FxHashSet::<SourceId>::default();
        rows(archive, &theirs, last, &mut |row| {
            if row.global {
                sources.insert(row.measurement.id);
            }
        })?;
        new = FxHashSet::default();
        let claims = Select { names: Some(Arc::new(Names::Sources(sources))), ..upto.clone() };
        rows(archive, &claims, last, &mut |row| {
            // Ids of several surveys and kinds may be equal: one object too many does no harm.
            if row.global && objects.insert(row.object) {
                new.insert(row.object);
            }
        })?;
    }
    Ok(objects)
}

fn rows(archive: &Archive, select: &Select, last: Epoch, tell: &mut dyn FnMut(MeasurementRow)) -> Result<(), String> {
    Rows::<MeasurementRow>::open(archive, Dataset::Measurements, select, &[])?.take(last, tell)
}
