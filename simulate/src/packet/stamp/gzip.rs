//! A file gzipped (RFC 1952), with state that is kept from file to file.

use flate2::{Compress, Compression, Crc, FlushCompress, Status};

/// Compresses files.
pub struct Gzip(Compress);

impl Gzip {
    /// At the fastest level: noise hardly compresses, and what does is found at any.
    pub fn new() -> Gzip {
        Gzip(Compress::new(Compression::fast(), false))
    }

    /// Appends a file, last changed at `time` (seconds since 1970).
    pub fn write(&mut self, file: &[u8], time: u32, out: &mut Vec<u8>) {
        // Magic, deflate, no name; 3 is Unix.
        out.extend_from_slice(&[0x1f, 0x8b, 8, 0]);
        out.extend_from_slice(&time.to_le_bytes());
        out.extend_from_slice(&[0, 3]);
        self.0.reset();
        // A block may be stored: 5 bytes in 32 kB at most are added.
        out.reserve(file.len() + file.len() / 1000 + 128);
        let mut rest = file;
        loop {
            let before = self.0.total_in();
            let status = self.0.compress_vec(rest, out, FlushCompress::Finish);
            rest = rest.get((self.0.total_in() - before) as usize..).unwrap_or_default();
            match status {
                Ok(Status::Ok | Status::BufError) => out.reserve(file.len() / 4 + 128),
                // The compressor of memory to memory has no other error than misuse.
                Ok(Status::StreamEnd) | Err(_) => break,
            }
        }
        let mut crc = Crc::new();
        crc.update(file);
        out.extend_from_slice(&crc.sum().to_le_bytes());
        out.extend_from_slice(&(file.len() as u32).to_le_bytes());
    }
}
