//! The durable record of a run of epochs: what is not in one has not happened.

use super::names::{Generation, Sum, WriterId, manifest_of, manifest_path};
use crate::archive::dataset::Descriptor;
use crate::counts::Counts;
use crate::flow::feed::Binding;
use serde::{Deserialize, Serialize};
use skydiff_operators::{Clocks, Epoch};

/// A run of epochs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The first of its epochs: its name.
    pub first: Epoch,
    /// The last of them.
    pub last: Epoch,
    /// Who wrote it.
    pub generation: Generation,
    /// Which process: two of one generation are an error.
    pub writer: WriterId,
    /// The bytes of the manifest before it.
    pub previous: Option<Sum>,
    /// What was in force: thresholds, quality, timescales, semantics.
    pub settings: Sum,
    /// Each epoch, in order.
    pub epochs: Vec<Bound>,
    /// The files that hold them.
    pub files: Vec<Filed>,
    /// Digest of the state at `last`, in hexadecimal.
    pub digest: String,
    /// The least epoch that every lane has published, where there are lanes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<Epoch>,
}

/// What an epoch is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bound {
    /// Its packets: of what, which, received when, of which rank.
    pub binding: Binding,
    /// The sky clocks at it.
    pub clocks: Clocks,
    /// What was made of its packets.
    pub read: Counts,
}

/// A file of the archive.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Filed {
    /// Where it is, from the root.
    pub path: String,
    /// What it is.
    pub descriptor: Descriptor,
}

impl Manifest {
    /// Its name.
    pub fn path(&self) -> String {
        manifest_path(self.first)
    }

    /// The first epoch of the manifest that a path is.
    pub fn of_path(path: &str) -> Option<Epoch> {
        manifest_of(path)
    }

    /// As it is stored: equal manifests have equal bytes.
    pub fn encode(&self) -> Result<Vec<u8>, String> {
        let mut bytes = serde_json::to_vec(self).map_err(|error| format!("a manifest cannot be written: {error}"))?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// As it was stored. The error says what is wrong with it.
    pub fn decode(bytes: &[u8]) -> Result<Manifest, String> {
        let manifest: Manifest = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        let epochs = manifest.epochs.iter().map(|bound| bound.binding.epoch.0);
        if manifest.first > manifest.last || !epochs.eq(manifest.first.0..=manifest.last.0) {
            let text = format!("it does not hold each of the epochs {} to {}", manifest.first, manifest.last);
            return Err(text);
        }
        Ok(manifest)
    }

    /// Packets that were bound.
    pub fn packets(&self) -> u64 {
        self.epochs.iter().map(|bound| bound.binding.packets).sum()
    }
}

#[cfg(test)]
#[allow(missing_docs, reason = "for tests")]
pub mod tests {
    use super::*;
    use crate::source::Marks;

    /// Epochs without packets.
    pub fn manifest(epochs: std::ops::RangeInclusive<u64>, generation: u64, previous: Option<Sum>) -> Manifest {
        let bound = |epoch| Bound {
            binding: Binding {
                epoch: Epoch(epoch),
                origin: None,
                first: 0,
                packets: 0,
                bytes: 0,
                marks: Marks::default(),
                recorded: None,
            },
            clocks: Clocks::default(),
            read: Counts::default(),
        };
        Manifest {
            first: Epoch(*epochs.start()),
            last: Epoch(*epochs.end()),
            generation: Generation(generation),
            writer: WriterId::new(generation as u32, 0),
            previous,
            settings: Sum::of(b""),
            epochs: epochs.map(bound).collect(),
            files: Vec::new(),
            digest: String::new(),
            published: None,
        }
    }

    #[test]
    fn what_is_written_is_read_and_what_is_damaged_is_not() {
        let one = manifest(3..=5, 1, Some(Sum::of(b"x")));
        let bytes = one.encode().unwrap();
        assert_eq!(Manifest::decode(&bytes), Ok(one.clone()));
        assert!(Manifest::decode(&bytes[..bytes.len() / 2]).is_err());
        let mut lacks = one.clone();
        lacks.epochs.remove(1);
        assert!(Manifest::decode(&lacks.encode().unwrap()).unwrap_err().contains("3 to 5"));
    }
}
