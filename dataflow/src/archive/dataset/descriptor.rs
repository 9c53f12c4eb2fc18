//! What is known of a file without opening it: what a manifest says of it, and what proves that it is whole.

use super::{DataError, writer};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use skydiff_operators::Epoch;
use skydiff_schemas::{MicroDays, Pixel};

/// The datasets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dataset {
    /// Packets as they were sent.
    Packets,
    /// Copies that could win, and changes of histories.
    Measurements,
    /// Changes of contexts.
    Contexts,
    /// Records as they were decided.
    Changes,
    /// What was not accepted.
    Rejects,
}

impl Dataset {
    /// All of them.
    pub const ALL: [Dataset; 5] =
        [Dataset::Packets, Dataset::Measurements, Dataset::Contexts, Dataset::Changes, Dataset::Rejects];

    /// Its folder in the archive, and its word in tables.
    pub fn name(self) -> &'static str {
        match self {
            Dataset::Packets => "packets",
            Dataset::Measurements => "measurements",
            Dataset::Contexts => "contexts",
            Dataset::Changes => "changes",
            Dataset::Rejects => "rejects",
        }
    }
}

/// A file, as a manifest names it. Ranges are inclusive.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Descriptor {
    /// Of which dataset.
    pub dataset: Dataset,
    /// Rows in it; never 0.
    pub rows: u64,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// SHA-256 of each 4 MiB of them, where there is more than one: what a reader of parts goes by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<String>,
    /// Least and greatest epoch.
    pub epochs: (Epoch, Epoch),
    /// Least and greatest pixel, where every row has one.
    pub pixels: (Pixel, Pixel),
    /// Least and greatest time of observation (MJD TAI); `None` where no row has one.
    pub times: Option<(MicroDays, MicroDays)>,
}

/// A finished file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// What it is.
    pub descriptor: Descriptor,
    /// All of it.
    pub bytes: Bytes,
}

impl Descriptor {
    /// Whether these are the bytes that were written.
    pub fn check(&self, bytes: &[u8]) -> Result<(), DataError> {
        if bytes.len() as u64 != self.bytes {
            let (is, was) = (bytes.len(), self.bytes);
            return Err(DataError::Corrupt(format!("it has {is} bytes where {was} were written")));
        }
        match writer::sha256(bytes) == self.sha256 {
            true => Ok(()),
            false => Err(DataError::Corrupt("its SHA-256 is not that of what was written".into())),
        }
    }
}
