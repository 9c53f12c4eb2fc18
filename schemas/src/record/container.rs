//! Records as an Avro object container file (Avro 1.11 specification, "Object Container Files").

use super::column::{Value, encode_bytes, encode_integer};
use super::{Record, avro_schema};
use flate2::{Compression, write::DeflateEncoder};
use std::io::{self, Write};

/// How the blocks of a container file are compressed. Every Avro reader knows both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Codec {
    /// Not at all.
    Null,
    /// RFC 1951.
    #[default]
    Deflate,
}

/// A block is written when its records are this long, before compression.
const BLOCK_BYTES: usize = 1 << 16;

/// Writes records to a container file. The bytes are a function of the records and of where blocks end.
///
/// What was appended since the last full block is written by [`ContainerWriter::flush`] and [`ContainerWriter::finish`], not on drop.
pub struct ContainerWriter<W: Write> {
    out: W,
    codec: Codec,
    marker: [u8; 16],
    block: Vec<u8>,
    records: i64,
}

impl<W: Write> ContainerWriter<W> {
    /// Begins a file: its header goes out at once.
    pub fn new(mut out: W, codec: Codec) -> io::Result<Self> {
        let schema = avro_schema().to_string();
        let marker = marker(schema.as_bytes());
        let name = match codec {
            Codec::Null => "null",
            Codec::Deflate => "deflate",
        };
        let mut header = b"Obj\x01".to_vec();
        encode_integer(2, &mut header);
        for (key, value) in [("avro.codec", name), ("avro.schema", schema.as_str())] {
            encode_bytes(key.as_bytes(), &mut header);
            encode_bytes(value.as_bytes(), &mut header);
        }
        encode_integer(0, &mut header);
        header.extend_from_slice(&marker);
        out.write_all(&header)?;
        Ok(ContainerWriter { out, codec, marker, block: Vec::new(), records: 0 })
    }

    /// Goes on with a file that was finished, at whose end `out` stands.
    pub fn resume(out: W, codec: Codec) -> Self {
        let marker = marker(avro_schema().to_string().as_bytes());
        ContainerWriter { out, codec, marker, block: Vec::new(), records: 0 }
    }

    /// Adds a record; writes a block when it is full.
    pub fn append(&mut self, record: &Record) -> io::Result<()> {
        record.encode(&mut self.block);
        self.appended()
    }

    /// Adds a record that was encoded elsewhere ([`Value::encode`]).
    pub fn append_encoded(&mut self, record: &[u8]) -> io::Result<()> {
        self.block.extend_from_slice(record);
        self.appended()
    }

    fn appended(&mut self) -> io::Result<()> {
        self.records += 1;
        if self.block.len() >= BLOCK_BYTES { self.write_block() } else { Ok(()) }
    }

    /// Writes what was appended as a block: a reader sees every record so far.
    pub fn flush(&mut self) -> io::Result<()> {
        self.write_block()?;
        self.out.flush()
    }

    /// Ends the file and gives back what it was written to.
    pub fn finish(mut self) -> io::Result<W> {
        self.flush()?;
        Ok(self.out)
    }

    fn write_block(&mut self) -> io::Result<()> {
        if self.records == 0 {
            return Ok(());
        }
        let compressed = match self.codec {
            Codec::Null => std::mem::take(&mut self.block),
            Codec::Deflate => {
                // Written while packets wait; whoever keeps records for long compresses them better.
                let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
                encoder.write_all(&self.block)?;
                encoder.finish()?
            }
        };
        let mut head = Vec::new();
        encode_integer(self.records, &mut head);
        encode_integer(compressed.len() as i64, &mut head);
        self.out.write_all(&head)?;
        self.out.write_all(&compressed)?;
        self.out.write_all(&self.marker)?;
        self.block.clear();
        self.records = 0;
        Ok(())
    }
}

/// The sync marker: need only be unlikely in the data, and the same for the same file. FNV-1a of 128 bits of the schema
/// (Fowler, Noll, Vo: offset basis and prime of that width).
fn marker(schema: &[u8]) -> [u8; 16] {
    let basis = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128;
    let prime = 0x0000_0000_0100_0000_0000_0000_0000_013b_u128;
    schema.iter().fold(basis, |hash, byte| (hash ^ u128::from(*byte)).wrapping_mul(prime)).to_le_bytes()
}
