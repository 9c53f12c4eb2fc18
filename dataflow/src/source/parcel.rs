//! What a source hands to the workers: packets, or where to read them, in shares.

use serde::{Deserialize, Serialize};
use skydiff_operators::Kept;
use skydiff_schemas::MicroDays;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;

/// A packet longer than this is not read: it is rejected as `framing`. The largest real one has 1 MB.
pub const MAX_PACKET: u64 = 1 << 27;

/// A packet on its way to the worker that decodes it: a file, an entry of a tar, or a block of a container of many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parcel {
    /// What it is called within its bundle: a file's name, an entry's path, empty where it has none.
    pub name: String,
    /// Its bytes.
    pub bytes: Bytes,
    /// How many records its frame claims: 1 but for blocks of many.
    pub records: u64,
    /// How many more bytes it had: of a long run of noise only the first travel.
    pub left_out: u64,
    /// When it was received (MJD UTC), where it says so itself; else its origin does.
    pub received: Option<MicroDays>,
}

/// The bytes of a packet, or where they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Bytes {
    /// They came from a stream and travel along.
    Here(bytes::Bytes),
    /// They lie in a file that every worker can read.
    At {
        /// Which file: an absolute path.
        path: PathBuf,
        /// Where they begin.
        offset: u64,
        /// How many they are.
        length: u64,
    },
    /// They could not be read; why.
    Lost(String),
    /// They may not be kept, and were not; why.
    Withheld(String),
    /// They may not be read: whoever did was ended by them.
    Refused {
        /// What is known of that.
        why: String,
        /// They.
        bytes: Box<Bytes>,
    },
}

impl Bytes {
    /// How many bytes they are.
    pub fn len(&self) -> u64 {
        match self {
            Bytes::Here(bytes) => bytes.len() as u64,
            Bytes::At { length, .. } => *length,
            Bytes::Refused { bytes, .. } => bytes.len(),
            Bytes::Lost(_) | Bytes::Withheld(_) => 0,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Reads parcels; keeps its buffer, and the file that it read last, from one to the next.
#[derive(Debug, Default)]
pub struct Opener {
    open: Option<(PathBuf, File)>,
    buffer: Vec<u8>,
}

impl Opener {
    /// The bytes of a parcel. The error says in words why they cannot be had; longer ones than [`MAX_PACKET`] are not.
    pub fn read<'a>(&'a mut self, bytes: &'a Bytes) -> Result<&'a [u8], String> {
        if bytes.len() > MAX_PACKET {
            return Err(format!("{} bytes: no packet is that long", bytes.len()));
        }
        match bytes {
            Bytes::Here(bytes) => Ok(bytes),
            Bytes::Lost(why) | Bytes::Withheld(why) | Bytes::Refused { why, .. } => Err(why.clone()),
            Bytes::At { path, offset, length } => {
                self.read_at(path, *offset, *length).map_err(|error| format!("{}: {error}", path.display()))?;
                Ok(&self.buffer)
            }
        }
    }

    fn read_at(&mut self, path: &PathBuf, offset: u64, length: u64) -> std::io::Result<()> {
        if self.open.as_ref().is_none_or(|(open, _)| open != path) {
            self.open = Some((path.clone(), File::open(path)?));
        }
        let Some((_, file)) = &mut self.open else { return Ok(()) };
        file.seek(SeekFrom::Start(offset))?;
        self.buffer.resize(length as usize, 0);
        file.read_exact(&mut self.buffer)
    }
}

/// What all packets of one bundle have in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Where it was found, as people are told: a path, `-`, or a Kafka topic.
    pub bundle: String,
    /// Of a topic, which partition; else 0.
    pub partition: i32,
    /// Rank of its source in the job: a greater one outranks.
    pub rank: i16,
    /// When its packets were received: MJD UTC.
    pub received: MicroDays,
}

/// A writer schema as Avro JSON; clones share it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct SchemaText(Arc<str>);

impl SchemaText {
    /// The text.
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl From<String> for SchemaText {
    fn from(text: String) -> SchemaText {
        SchemaText(text.into())
    }
}

impl From<SchemaText> for String {
    fn from(schema: SchemaText) -> String {
        schema.0.as_ref().to_owned()
    }
}

/// Some packets of one epoch, for one worker to read.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Share {
    /// Dense over the whole job: share `n` goes to worker `n` modulo their number.
    pub number: u64,
    /// Where its packets are from.
    pub origin: Origin,
    /// Number of its first packet within the bundle, or its offset in the partition; the others follow without a gap.
    pub first: u64,
    /// Its packets, in the order of the bundle.
    pub parcels: Vec<Parcel>,
    /// What an archive kept of packets, in the place of these: all of it of objects that the share's worker holds.
    pub kept: Vec<Kept>,
    /// Schemas that its packets need and that no decoder was built with, by Confluent id.
    pub schemas: Vec<(u32, SchemaText)>,
}

impl Share {
    /// Bytes of its packets.
    pub fn bytes(&self) -> u64 {
        let kept = self.kept.len() * size_of::<Kept>();
        self.parcels.iter().map(|parcel| parcel.bytes.len()).sum::<u64>() + kept as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_opener_reads_parts_of_files_and_says_what_it_cannot() {
        let path = std::env::temp_dir().join(format!("skydiff-parcel-{}", std::process::id()));
        std::fs::write(&path, b"0123456789").unwrap();
        let mut opener = Opener::default();
        let at = |offset, length| Bytes::At { path: path.clone(), offset, length };
        assert_eq!(opener.read(&at(2, 3)).unwrap(), b"234");
        assert_eq!(opener.read(&at(0, 1)).unwrap(), b"0");
        assert!(opener.read(&at(8, 3)).is_err());
        for lie in [MAX_PACKET + 1, 8 << 30, 1 << 62, u64::MAX] {
            assert!(opener.read(&at(0, lie)).unwrap_err().contains("no packet is that long"));
        }
        assert_eq!(opener.read(&Bytes::Here((&b"abc"[..]).into())).unwrap(), b"abc");
        assert_eq!(opener.read(&Bytes::Lost("gone".into())), Err("gone".to_owned()));
        std::fs::remove_file(&path).unwrap();
        let gone = Bytes::At { path: path.with_extension("x"), offset: 0, length: 1 };
        assert!(opener.read(&gone).unwrap_err().contains(".x: "));
    }
}
