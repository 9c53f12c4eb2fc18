//! Rows by name: of these objects, or of these sources. What a file holds beside them is not unpacked.

use rustc_hash::FxHashSet;
use skydiff_schemas::{ObjectId, SourceId};

/// The names that are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Names {
    /// Of objects.
    Objects(FxHashSet<ObjectId>),
    /// Of sources, whatever the survey and the kind.
    Sources(FxHashSet<SourceId>),
}

impl Names {
    /// The column that they are held against.
    pub(super) fn column(&self) -> &'static str {
        match self {
            Names::Objects(_) => "object_id",
            Names::Sources(_) => "source_id",
        }
    }

    /// As numbers in that column; those of several surveys may be equal.
    pub(super) fn numbers(&self) -> FxHashSet<u64> {
        match self {
            Names::Objects(objects) => objects.iter().map(|object| object.id).collect(),
            Names::Sources(sources) => sources.iter().map(|source| source.0).collect(),
        }
    }
}
