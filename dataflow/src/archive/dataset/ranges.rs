//! A file that is far away, read a part at a time.

use super::writer::sha256;
use super::{DataError, Descriptor};
use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};
use std::collections::VecDeque;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::{Arc, Mutex};

/// What can give parts of a file.
pub trait Ranged: Send + Sync {
    /// How long the file is.
    fn length(&self) -> u64;

    /// The bytes of a range within it.
    fn read(&self, range: Range<u64>) -> io::Result<Bytes>;
}

/// A file as [`super::Reader`] reads it: in whole blocks, of which the last few are kept, since columns that lie side by side
/// are asked for in turn.
#[derive(Clone)]
pub struct Ranges {
    file: Arc<dyn Ranged>,
    /// SHA-256 of each block.
    parts: Arc<[String]>,
    blocks: Arc<Mutex<VecDeque<(u64, Bytes)>>>,
}

/// Bytes of a block: few requests, and not much that is not wanted.
pub(super) const BLOCK: u64 = 4 << 20;
/// Blocks that are kept: a row group of the largest kind.
const KEPT: usize = 10;

impl Ranges {
    /// Of that file, every part of which is held against what was written.
    pub fn new(file: Arc<dyn Ranged>, descriptor: &Descriptor) -> Result<Ranges, DataError> {
        if file.length() != descriptor.bytes {
            let (is, was) = (file.length(), descriptor.bytes);
            return Err(DataError::Corrupt(format!("it has {is} bytes where {was} were written")));
        }
        let whole = std::slice::from_ref(&descriptor.sha256);
        let parts = if descriptor.parts.is_empty() { whole } else { &descriptor.parts };
        Ok(Ranges { file, parts: parts.into(), blocks: Arc::default() })
    }

    fn block(&self, number: u64) -> io::Result<Bytes> {
        // Whoever panicked with it left whole blocks.
        let mut blocks = self.blocks.lock().unwrap_or_else(|broken| broken.into_inner());
        if let Some((_, block)) = blocks.iter().find(|(known, _)| *known == number) {
            return Ok(block.clone());
        }
        let from = number * BLOCK;
        let to = (from + BLOCK).min(self.file.length());
        let block = self.file.read(from..to)?;
        if block.len() as u64 != to - from {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "a part of the file came short"));
        }
        if self.parts.get(number as usize).is_none_or(|part| *part != sha256(&block)) {
            let why = format!("part {number} of the file is not what was written");
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        if blocks.len() == KEPT {
            blocks.pop_front();
        }
        blocks.push_back((number, block.clone()));
        Ok(block)
    }

    /// What of a range lies in its first block.
    fn part(&self, range: Range<u64>) -> io::Result<Bytes> {
        let number = range.start / BLOCK;
        let block = self.block(number)?;
        let from = (range.start - number * BLOCK) as usize;
        let to = block.len().min(from + (range.end - range.start) as usize);
        Ok(block.slice(from.min(to)..to))
    }
}

impl Length for Ranges {
    fn len(&self) -> u64 {
        self.file.length()
    }
}

impl ChunkReader for Ranges {
    type T = Tail;

    fn get_read(&self, start: u64) -> Result<Tail, ParquetError> {
        Ok(Tail { file: self.clone(), at: start })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let end = start.checked_add(length as u64).filter(|end| *end <= self.file.length());
        let end = end.ok_or_else(|| ParquetError::EOF("a range beyond the end of the file".into()))?;
        let external = |error: io::Error| ParquetError::External(Box::new(error));
        let first = self.part(start..end).map_err(external)?;
        if first.len() == length {
            return Ok(first);
        }
        let mut bytes = Vec::with_capacity(length);
        bytes.extend_from_slice(&first);
        while bytes.len() < length {
            bytes.extend_from_slice(&self.part(start + bytes.len() as u64..end).map_err(external)?);
        }
        Ok(bytes.into())
    }
}

/// The file from a place on.
pub struct Tail {
    file: Ranges,
    at: u64,
}

impl Read for Tail {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let end = self.file.len().min(self.at.saturating_add(buffer.len() as u64));
        if end <= self.at {
            return Ok(0);
        }
        let part = self.file.part(self.at..end)?;
        buffer[..part.len()].copy_from_slice(&part);
        self.at += part.len() as u64;
        Ok(part.len())
    }
}
