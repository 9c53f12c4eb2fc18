//! The codecs of container blocks, with a bound on what a block may become.

use crate::PacketReject;
use std::io::Read;

/// A block may have this many bytes, as it is sent and inflated.
pub const MAX_BLOCK_BYTES: usize = 1 << 26;

/// How a container's blocks are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// Not at all.
    Null,
    /// Raw deflate (RFC 1951).
    Deflate,
    /// Snappy's block format, and the CRC-32 of the inflated bytes, big-endian.
    Snappy,
    /// Zstandard frames.
    Zstandard,
}

impl Codec {
    /// By the name in a container's header.
    pub fn from_name(name: &[u8]) -> Option<Codec> {
        Some(match name {
            b"null" => Codec::Null,
            b"deflate" => Codec::Deflate,
            b"snappy" => Codec::Snappy,
            b"zstandard" => Codec::Zstandard,
            _ => return None,
        })
    }
}

/// Inflates blocks; keeps its buffer from one to the next.
#[derive(Debug, Default)]
pub struct Inflate {
    buffer: Vec<u8>,
    deflate: Option<flate2::Decompress>,
}

impl Inflate {
    /// With empty buffers.
    pub fn new() -> Self {
        Self::default()
    }

    /// The bytes of a block: the very same where it is not compressed.
    #[inline]
    pub fn block<'b>(&'b mut self, codec: Codec, bytes: &'b [u8]) -> Result<&'b [u8], PacketReject> {
        match codec {
            Codec::Null => return Ok(bytes),
            Codec::Deflate => self.deflate(bytes),
            Codec::Snappy => self.snappy(bytes),
            Codec::Zstandard => self.zstandard(bytes),
        }
        .map_err(|fault| PacketReject::Framing(format!("{codec:?} block: {fault}").to_lowercase()))?;
        Ok(&self.buffer)
    }

    /// Bytes behind the end of the stream are let be: Python's writers leave some of zlib's checksum there.
    fn deflate(&mut self, bytes: &[u8]) -> Result<(), String> {
        let stream = self.deflate.get_or_insert_with(|| flate2::Decompress::new(false));
        stream.reset(false);
        self.buffer.clear();
        loop {
            let left = bytes.get(stream.total_in() as usize..).unwrap_or(&[]);
            let room = (self.buffer.len() + 4 * left.len() + 1024).min(MAX_BLOCK_BYTES + 1);
            self.buffer.reserve(room - self.buffer.len());
            let before = (stream.total_in(), stream.total_out());
            let status = stream.decompress_vec(left, &mut self.buffer, flate2::FlushDecompress::None);
            match status.map_err(|e| e.to_string())? {
                _ if self.buffer.len() > MAX_BLOCK_BYTES => return Err("too large".into()),
                flate2::Status::StreamEnd => return Ok(()),
                _ if before == (stream.total_in(), stream.total_out()) => return Err("is cut short".into()),
                _ => {}
            }
        }
    }

    fn snappy(&mut self, bytes: &[u8]) -> Result<(), String> {
        let (bytes, sum) = bytes.split_last_chunk::<4>().ok_or("has no checksum")?;
        let len = snap::raw::decompress_len(bytes).map_err(|e| e.to_string())?;
        if len > MAX_BLOCK_BYTES {
            return Err("too large".into());
        }
        // Its format cannot say more than 64 bytes in three: a larger claim is false, and is not allocated.
        if len > 64 * bytes.len() {
            return Err("claims more than it can hold".into());
        }
        self.buffer.clear();
        self.buffer.resize(len, 0);
        let read = snap::raw::Decoder::new().decompress(bytes, &mut self.buffer).map_err(|e| e.to_string())?;
        self.buffer.truncate(read);
        let mut crc = flate2::Crc::new();
        crc.update(&self.buffer);
        if crc.sum() == u32::from_be_bytes(*sum) { Ok(()) } else { Err("checksum differs".into()) }
    }

    fn zstandard(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.buffer.clear();
        let mut stream = zstd::stream::read::Decoder::with_buffer(bytes).map_err(|e| e.to_string())?;
        stream.window_log_max(MAX_BLOCK_BYTES.ilog2()).map_err(|e| e.to_string())?;
        let limit = MAX_BLOCK_BYTES as u64 + 1;
        stream.take(limit).read_to_end(&mut self.buffer).map_err(|e| e.to_string())?;
        if self.buffer.len() > MAX_BLOCK_BYTES { Err("too large".into()) } else { Ok(()) }
    }
}
