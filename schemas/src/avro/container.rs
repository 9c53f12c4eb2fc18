//! Avro object container files: how ZTF frames a packet, and how archives hold many.
//!
//! Layout: `Obj\x01`, a map of metadata (schema, codec), a 16-byte sync marker; then blocks, each a count of records,
//! a size in bytes, that many bytes (compressed on their own), and the marker again.

use super::inflate::{Codec, Inflate, MAX_BLOCK_BYTES};
use super::schema::MAX_SCHEMA_BYTES;
use super::wire::{self, Bad, Block, Budget};
use crate::PacketReject;

/// What a container begins with.
pub const MAGIC: [u8; 4] = *b"Obj\x01";
const SYNC: usize = 16;

/// What a container's header says.
#[derive(Clone, Copy, Debug)]
pub struct Header<'a> {
    /// The writer schema's JSON.
    pub schema: &'a [u8],
    /// How its blocks are compressed.
    pub codec: Codec,
    /// Bytes of the header without the sync marker, which differs from container to container.
    pub len: usize,
}

impl<'a> Header<'a> {
    /// Reads the header of the container that `bytes` begin with. Rejected as `framing`: another magic, a broken
    /// map, no schema, an unknown codec.
    pub fn parse(bytes: &'a [u8]) -> Result<Header<'a>, PacketReject> {
        match Self::try_parse(bytes)? {
            Ok(header) => Ok(header),
            Err(bad) => Err(framing(format!("container header {}", bad.text()))),
        }
    }

    /// The inner error is about the wire, where more bytes may help.
    fn try_parse(bytes: &'a [u8]) -> Result<Result<Header<'a>, Bad>, PacketReject> {
        let magic = &bytes[..bytes.len().min(MAGIC.len())];
        if !MAGIC.starts_with(magic) {
            return Err(framing("no Avro container: does not begin with `Obj`, 1".into()));
        }
        let (metadata, len) = match metadata(bytes) {
            Ok(read) => read,
            Err(bad) => return Ok(Err(bad)),
        };
        let last =
            |key: &str| metadata.iter().rev().find(|(known, _)| *known == key.as_bytes()).map(|(_, value)| *value);
        let schema = last("avro.schema").ok_or_else(|| framing("container header without `avro.schema`".into()))?;
        let codec = last("avro.codec").unwrap_or(b"null");
        let codec = Codec::from_name(codec)
            .ok_or_else(|| framing(format!("container codec `{}` is not known", String::from_utf8_lossy(codec))))?;
        Ok(Ok(Header { schema, codec, len }))
    }

    /// The blocks behind the header of `container`, which must be the bytes it was parsed from, or begin alike.
    pub fn body(codec: Codec, len: usize, container: &[u8]) -> Result<Body<'_>, PacketReject> {
        let mut at = len;
        match wire::array(container, &mut at) {
            Ok(sync) => Ok(Body { codec, sync, bytes: container, at }),
            Err(_) => Err(framing("container ends within its header".into())),
        }
    }
}

type Metadata<'a> = Vec<(&'a [u8], &'a [u8])>;

fn metadata(bytes: &[u8]) -> Result<(Metadata<'_>, usize), Bad> {
    let mut at = 0;
    let _: [u8; 4] = wire::array(bytes, &mut at)?;
    let mut entries = Vec::new();
    let mut budget = Budget::of(&[]);
    while let Some(block) = Block::next(bytes, &mut at, &mut budget)? {
        for _ in 0..block.items {
            entries.push((short(bytes, &mut at)?, short(bytes, &mut at)?));
        }
        block.close(at)?;
    }
    Ok((entries, at))
}

/// Bytes that may yet come, but not more than a header can have.
fn short<'a>(bytes: &'a [u8], at: &mut usize) -> Result<&'a [u8], Bad> {
    let len = usize::try_from(wire::long(bytes, at)?).ok().filter(|len| *len <= 2 * MAX_SCHEMA_BYTES);
    wire::take(bytes, at, len.ok_or(Bad::Length)?)
}

/// The blocks of a container.
#[derive(Clone, Debug)]
pub struct Body<'a> {
    codec: Codec,
    sync: [u8; SYNC],
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Body<'a> {
    /// Visits every record: `record` gets the bytes of its block and where it begins there, reads it
    /// ([`Plan::read`](super::Plan::read)) and moves that on. Gives how many records there were.
    ///
    /// Rejected: what `record` rejects; as `framing`, a broken block, a wrong marker or checksum, an inflated size
    /// beyond [`MAX_BLOCK_BYTES`]; as `datum`, a block whose records do not end where it does.
    #[inline]
    pub fn records(
        mut self,
        inflate: &mut Inflate,
        mut record: impl FnMut(&[u8], &mut usize) -> Result<(), PacketReject>,
    ) -> Result<usize, PacketReject> {
        let mut read = 0;
        while let Some((count, bytes)) = self.block()? {
            let bytes = inflate.block(self.codec, bytes)?;
            let mut at = 0;
            // A record without bytes is possible, but not a trillion of them.
            if count > bytes.len() + (1 << 16) {
                return Err(framing(format!("block of {} bytes claims {count} records", bytes.len())));
            }
            for _ in 0..count {
                record(bytes, &mut at)?;
            }
            if at != bytes.len() {
                return Err(PacketReject::Datum(format!("block of {} bytes, records end at {at}", bytes.len())));
            }
            read += count;
        }
        Ok(read)
    }

    /// The next block: its count of records and its bytes, still compressed.
    #[inline]
    fn block(&mut self) -> Result<Option<(usize, &'a [u8])>, PacketReject> {
        if self.at == self.bytes.len() {
            return Ok(None);
        }
        match block(self.bytes, &mut self.at, &self.sync)? {
            Ok(block) => Ok(Some(block)),
            Err(bad) => Err(framing(format!("container block {} at byte {}", bad.text(), self.at))),
        }
    }
}

/// One block. The inner error is about the wire, where more bytes may help.
#[inline]
fn block<'a>(
    bytes: &'a [u8],
    at: &mut usize,
    sync: &[u8; SYNC],
) -> Result<Result<(usize, &'a [u8]), Bad>, PacketReject> {
    let mut read = || {
        let (count, size) = (wire::long(bytes, at)?, wire::long(bytes, at)?);
        let (Ok(count), Ok(size)) = (usize::try_from(count), usize::try_from(size)) else { return Err(Bad::Length) };
        if size > MAX_BLOCK_BYTES {
            return Err(Bad::Length);
        }
        Ok((count, wire::take(bytes, at, size)?, wire::array(bytes, at)?))
    };
    match read() {
        Ok((count, block, marker)) if marker == *sync => Ok(Ok((count, block))),
        Ok(_) => Err(framing(format!("container block ends without its sync marker at byte {at}"))),
        Err(bad) => Ok(Err(bad)),
    }
}

/// How far the container reaches that a stream begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// So many bytes; another container follows.
    Ends(usize),
    /// All of the bytes, if the stream ends here; blocks or another container may follow.
    Whole,
    /// More than these bytes.
    Cut,
}

/// How far the first container of a concatenation reaches: header and whole blocks, up to the next `Obj\x01` behind
/// a block (which no block begins with: read as a count of records it is −40), or to the end.
///
/// Rejected as `framing`: bytes that no further bytes can make a container. Only the frame is read, so a container
/// can be split off whose records are bad.
pub fn container_extent(bytes: &[u8]) -> Result<Extent, PacketReject> {
    let header = match Header::try_parse(bytes)? {
        Ok(header) => header,
        Err(Bad::End) => return Ok(Extent::Cut),
        Err(bad) => return Err(framing(format!("container header {}", bad.text()))),
    };
    let Ok(mut body) = Header::body(header.codec, header.len, bytes) else { return Ok(Extent::Cut) };
    loop {
        let rest = bytes.get(body.at..).unwrap_or(&[]);
        match rest {
            [] => return Ok(Extent::Whole),
            _ if rest.starts_with(&MAGIC) => return Ok(Extent::Ends(body.at)),
            _ if MAGIC.starts_with(rest) => return Ok(Extent::Cut),
            _ => {}
        }
        match block(bytes, &mut body.at, &body.sync)? {
            Ok(_) => {}
            Err(Bad::End) => return Ok(Extent::Cut),
            Err(bad) => return Err(framing(format!("container block {} at byte {}", bad.text(), body.at))),
        }
    }
}

/// The length of the first container of a concatenation that is all there. See [`container_extent`]; a container
/// that is cut short is rejected too.
pub fn container_len(bytes: &[u8]) -> Result<usize, PacketReject> {
    match container_extent(bytes)? {
        Extent::Ends(len) => Ok(len),
        Extent::Whole => Ok(bytes.len()),
        Extent::Cut => Err(framing("container is cut short".into())),
    }
}

#[cold]
fn framing(detail: String) -> PacketReject {
    PacketReject::Framing(detail)
}
