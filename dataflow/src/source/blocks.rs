//! Splits a stream of Avro containers into packets, without reading their records.
//!
//! A container of many blocks is taken apart: each block goes out behind a copy of its container's header, which is a
//! container again, so that workers share the file and epochs can end within it. Where the frame is broken, what lies
//! between there and the container's next sync marker, or the next `Obj\x01`, goes out as one packet, for the decoder to
//! reject: one flipped bit costs one block, not those behind it. Of a long run of noise only the first bytes are kept,
//! since rejects stay in memory until their epoch is written.

use skydiff_schemas::avro::{Extent, Header, MAGIC, MAX_BLOCK_BYTES, container_extent};
use std::io::{self, Read};

const SYNC: usize = 16;
/// How much is read at once.
const CHUNK: usize = 1 << 16;
/// Broken bytes are one packet up to this length …
const MAX_BROKEN: usize = 1 << 26;
/// … of which so many are kept.
const KEPT: usize = 1 << 20;
/// What compression makes of no records is not longer.
const EMPTY: usize = 16;
/// A header that is longer than this is broken.
const MAX_HEADER: usize = 1 << 25;

/// A packet of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// A container of one block, or bytes that are none.
    pub bytes: Vec<u8>,
    /// How many records its frame claims; 1 for broken bytes whose count cannot be read.
    pub records: u64,
    /// How many more bytes it had that were not kept: only broken ones are left out.
    pub left_out: u64,
}

/// The pieces of a stream, one after the other.
#[derive(Debug)]
pub struct Blocks<R> {
    reader: R,
    buffer: Vec<u8>,
    at: usize,
    ended: bool,
    /// Header of the container that we are in, its marker included.
    header: Option<Vec<u8>>,
    /// What lies ahead is the rest of a run of broken bytes.
    lost: bool,
}

/// What lies at the front of a buffer that begins with a block.
enum Front {
    /// A block of so many bytes, its marker included, with so many records.
    Block(usize, u64),
    /// This many bytes must be there before it can be said.
    Short(usize),
    /// A block of so many bytes, if the marker that is not there was damaged.
    Unmarked(usize),
    Broken,
}

impl<R: Read> Blocks<R> {
    /// The pieces of what `reader` gives.
    pub fn new(reader: R) -> Self {
        Blocks { reader, buffer: Vec::new(), at: 0, ended: false, header: None, lost: false }
    }

    /// The next piece; `None` at the end. After an error nothing more can be read.
    pub fn next_piece(&mut self) -> io::Result<Option<Piece>> {
        loop {
            self.need(MAGIC.len())?;
            if self.rest().is_empty() {
                return Ok(None);
            }
            if self.rest().starts_with(&MAGIC) {
                if !self.enter()? {
                    self.header = None;
                    return self.broken(MAGIC.len()).map(Some);
                }
                self.lost = false;
                continue;
            }
            let Some(header) = self.header.as_ref().filter(|_| !self.lost) else { return self.broken(0).map(Some) };
            match front(&self.buffer[self.at..], &header[header.len() - SYNC..]) {
                Front::Block(length, 0) => self.at += length,
                Front::Block(length, records) => {
                    let bytes = [header, &self.buffer[self.at..self.at + length]].concat();
                    self.at += length;
                    // A record without bytes is possible; more of them than there are bytes is a lie.
                    let records = if records > bytes.len() as u64 { 1 } else { records };
                    return Ok(Some(Piece { bytes, records, left_out: 0 }));
                }
                Front::Short(length) if !self.ended => self.need(length)?,
                Front::Unmarked(length) if self.goes_on_at(length)? => return Ok(Some(self.unmarked(length))),
                Front::Short(_) | Front::Broken | Front::Unmarked(_) => return self.broken(0).map(Some),
            }
        }
    }

    fn rest(&self) -> &[u8] {
        &self.buffer[self.at..]
    }

    /// Reads until `length` bytes lie ahead, or the stream ends.
    fn need(&mut self, length: usize) -> io::Result<()> {
        while self.rest().len() < length && !self.ended {
            if self.at > CHUNK.max(self.buffer.len() / 2) {
                self.buffer.drain(..self.at);
                self.at = 0;
            }
            // Takes what is there: a slow pipe is read as it comes.
            let held = self.buffer.len();
            self.buffer.resize(held + CHUNK, 0);
            let read = self.reader.read(&mut self.buffer[held..]);
            self.buffer.truncate(held + read.as_ref().map_or(0, |read| *read));
            match read {
                Ok(read) => self.ended = read == 0,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Steps over the header that lies ahead; `false` if it is broken.
    fn enter(&mut self) -> io::Result<bool> {
        let mut length = 1;
        loop {
            self.need(length)?;
            match Header::parse(self.rest()).map(|header| header.len + SYNC) {
                Ok(end) if end <= self.rest().len() => {
                    self.header = Some(self.rest()[..end].to_vec());
                    self.at += end;
                    return Ok(true);
                }
                Ok(_) if self.ended => return Ok(false),
                Ok(end) => length = end,
                // Too few bytes to tell, unless the stream has no more of them.
                Err(_) if matches!(container_extent(self.rest()), Ok(Extent::Cut)) && !self.ended => {
                    length = self.rest().len() + 1;
                }
                Err(_) => return Ok(false),
            }
            if length > MAX_HEADER {
                return Ok(false);
            }
        }
    }

    /// Whether another block, another container or the end of the stream lies `ahead`: a length that leads there is right.
    fn goes_on_at(&mut self, ahead: usize) -> io::Result<bool> {
        let mut length = ahead + MAGIC.len();
        loop {
            self.need(length)?;
            let (rest, Some(header)) = (&self.rest()[ahead..], &self.header) else { return Ok(false) };
            if rest.is_empty() || rest.starts_with(&MAGIC) {
                return Ok(true);
            }
            let sync = &header[header.len() - SYNC..];
            // A marker before that: it is the length that is wrong.
            if self.rest()[..ahead].windows(SYNC).any(|at| at == sync) {
                return Ok(false);
            }
            match front(rest, sync) {
                Front::Block(..) => return Ok(true),
                Front::Short(more) if !self.ended => length = ahead + more,
                _ => return Ok(false),
            }
        }
    }

    /// The block ahead, whose marker is damaged: the decoder rejects it.
    fn unmarked(&mut self, length: usize) -> Piece {
        let block = &self.buffer[self.at..self.at + length];
        let bytes = [self.header.as_deref().unwrap_or_default(), block].concat();
        self.at += length;
        Piece { records: claimed(block), bytes, left_out: 0 }
    }

    /// Everything up to the container's next marker, or up to the next container that begins at least `from` bytes ahead;
    /// behind the header that it follows.
    fn broken(&mut self, from: usize) -> io::Result<Piece> {
        let sync = self.header.as_ref().and_then(|header| header.last_chunk::<SYNC>()).copied();
        let mut bytes = self.header.as_ref().filter(|_| !self.lost).cloned().unwrap_or_default();
        let (front, mut passed, mut searched) = (bytes.len(), 0, from);
        self.lost = true;
        let marked = loop {
            self.need(searched + CHUNK)?;
            let rest = self.rest();
            let ahead = &rest[searched.min(rest.len())..];
            let marker = sync.and_then(|sync| ahead.windows(SYNC).position(|at| at == sync));
            let magic = ahead[..marker.unwrap_or(ahead.len())].windows(MAGIC.len()).position(|at| at == MAGIC);
            let step = match (magic, marker) {
                (Some(magic), _) => searched + magic,
                (None, Some(marker)) => searched + marker + SYNC,
                (None, None) if self.ended => rest.len(),
                // A marker may have begun.
                (None, None) => rest.len().saturating_sub(SYNC - 1),
            };
            let marked = magic.is_none() && marker.is_some();
            let kept = step.min((front + KEPT).saturating_sub(bytes.len()));
            bytes.extend_from_slice(&self.buffer[self.at..self.at + kept]);
            self.at += step;
            passed += step;
            searched = 0;
            if magic.is_some() || marked || self.ended || passed >= MAX_BROKEN {
                break marked;
            }
        };
        self.lost &= !marked;
        let records = if marked { claimed(&bytes[front..]) } else { 1 };
        let left_out = (passed - (bytes.len() - front)) as u64;
        Ok(Piece { bytes, records, left_out })
    }
}

/// How many records a damaged block says it has; 1 where that cannot be.
fn claimed(block: &[u8]) -> u64 {
    let count = long(block).and_then(|(records, _)| u64::try_from(records).ok());
    count.filter(|records| (1..=block.len() as u64).contains(records)).unwrap_or(1)
}

fn front(bytes: &[u8], sync: &[u8]) -> Front {
    let Some((records, after)) = long(bytes) else { return short_or_broken(bytes) };
    let Some((size, data)) = long(&bytes[after..]) else { return short_or_broken(&bytes[after..]) };
    let (Ok(records), Ok(size)) = (u64::try_from(records), usize::try_from(size)) else { return Front::Broken };
    if size > MAX_BLOCK_BYTES {
        return Front::Broken;
    }
    let end = after + data + size + SYNC;
    match bytes.get(end - SYNC..end) {
        None => Front::Short(end),
        // What holds something holds a record: the decoder rejects it.
        Some(marker) if marker == sync && records == 0 && size > EMPTY => Front::Block(end, 1),
        Some(marker) if marker == sync => Front::Block(end, records),
        Some(_) => Front::Unmarked(end),
    }
}

/// A number that is not there: ten bytes would have been enough.
fn short_or_broken(bytes: &[u8]) -> Front {
    if bytes.len() < 10 { Front::Short(20) } else { Front::Broken }
}

/// A zigzag variable-length number and its length (Avro specification, "Binary encoding").
fn long(bytes: &[u8]) -> Option<(i64, usize)> {
    let length = 1 + bytes.iter().take(10).position(|byte| byte & 0x80 == 0)?;
    let raw = bytes[..length].iter().rev().fold(0u64, |sum, byte| sum << 7 | u64::from(byte & 0x7f));
    Some(((raw >> 1) as i64 ^ -((raw & 1) as i64), length))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A container without compression: blocks of (records, bytes).
    pub(crate) fn container(sync: u8, blocks: &[(u8, &[u8])]) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        for part in [&[2, 22][..], b"avro.schema", &[16], b"\"string\"", &[0], &[sync; SYNC]] {
            bytes.extend_from_slice(part);
        }
        for (records, data) in blocks {
            assert!(data.len() < 64);
            bytes.extend_from_slice(&[records * 2, data.len() as u8 * 2]);
            bytes.extend_from_slice(data);
            bytes.extend_from_slice(&[sync; SYNC]);
        }
        bytes
    }

    /// Gives one byte at a time, as a slow pipe does.
    struct Drip<'a>(&'a [u8]);
    impl Read for Drip<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let some = self.0.len().min(out.len()).min(1);
            out[..some].copy_from_slice(&self.0[..some]);
            self.0 = &self.0[some..];
            Ok(some)
        }
    }

    fn pieces(stream: &[u8]) -> Vec<(Vec<u8>, u64)> {
        let all = |reader: &mut dyn Read| {
            let mut blocks = Blocks::new(reader);
            std::iter::from_fn(|| blocks.next_piece().unwrap()).map(|p| (p.bytes, p.records)).collect::<Vec<_>>()
        };
        let pieces = all(&mut { stream });
        assert_eq!(pieces, all(&mut Drip(stream)), "the same, however it comes");
        pieces
    }

    #[test]
    fn containers_are_taken_apart_by_blocks() {
        let stream =
            [container(7, &[(1, b"\x04ab"), (2, b"\x02x\x02y"), (0, b"")]), container(9, &[(1, b"\x02z")])].concat();
        let expected = [
            (container(7, &[(1, b"\x04ab")]), 1),
            (container(7, &[(2, b"\x02x\x02y")]), 2),
            (container(9, &[(1, b"\x02z")]), 1),
        ];
        assert_eq!(pieces(&stream), expected);
        assert_eq!(pieces(&[]), []);
    }

    #[test]
    fn a_break_costs_what_is_broken() {
        let (good, last) = (container(7, &[(1, b"\x04ab")]), container(9, &[(1, b"\x02z")]));
        let mut broken = container(8, &[(1, b"\x04ab"), (1, b"\x04cd"), (1, b"\x04ef")]);
        let second = container(8, &[(1, b"\x04ab")]).len();
        broken[second + 6] ^= 1; // its marker
        let found = pieces(&[&good[..], &broken, b"junk", &last].concat());
        assert_eq!(found.len(), 6);
        assert_eq!((&found[0].0, &found[5].0), (&good, &last));
        assert_eq!(found[1].0, container(8, &[(1, b"\x04ab")]));
        let (header, third) = (container(8, &[]).len(), second + 2 + 3 + SYNC);
        assert_eq!(found[2].0, [&broken[..header], &broken[second..third]].concat());
        assert_eq!(found[3].0, container(8, &[(1, b"\x04ef")]), "the block behind it stands");
        assert_eq!(found[4].0, [&broken[..header], b"junk"].concat());
        assert_eq!(pieces(&[b"junk", &last[..]].concat()), [(b"junk".to_vec(), 1), (last.clone(), 1)]);
    }

    #[test]
    fn no_bit_of_a_block_costs_another() {
        let blocks: [(u8, &[u8]); 4] =
            [(1, b"\x04ab"), (2, b"\x10abcdefgh\x10ijklmnop"), (1, b"\x04gh"), (1, b"\x04ij")];
        let (whole, from) = (container(8, &blocks), container(8, &blocks[..1]).len());
        for bit in 0..8 * (container(8, &blocks[..2]).len() - from) {
            let mut broken = whole.clone();
            broken[from + bit / 8] ^= 1 << (bit % 8);
            let found = pieces(&broken);
            assert_eq!(found.len(), 4, "bit {bit}: {found:?}");
            for (piece, block) in found.iter().zip(blocks).enumerate().filter_map(|(n, both)| (n != 1).then_some(both))
            {
                assert_eq!(piece.0, container(8, &[block]), "bit {bit}");
            }
            assert!(bit < 8 || found[1].1 == 2, "bit {bit}: its count is readable");
        }
    }

    #[test]
    fn noise_is_not_kept() {
        let (first, last) = (container(7, &[(1, b"\x04ab")]), container(9, &[(1, b"\x02z")]));
        let noise = vec![0xee; MAX_BROKEN + 3 * CHUNK];
        let stream = [&first[..], &noise, &last].concat();
        let mut blocks = Blocks::new(&stream[..]);
        let found: Vec<_> = std::iter::from_fn(|| blocks.next_piece().unwrap()).collect();
        assert_eq!(found.len(), 4);
        assert_eq!((&found[0].bytes, &found[3].bytes), (&first, &last));
        let header = container(7, &[]).len();
        assert_eq!((found[1].bytes.len(), found[1].records), (header + KEPT, 1));
        let kept = found[1].bytes.len() - header + found[2].bytes.len();
        assert_eq!(
            kept as u64 + found[1].left_out + found[2].left_out,
            noise.len() as u64,
            "every byte is accounted for"
        );
    }

    #[test]
    fn a_stream_may_end_anywhere() {
        let whole = container(7, &[(1, b"\x04ab"), (1, b"\x04cd")]);
        for end in 1..whole.len() {
            let found = pieces(&whole[..end]);
            let kept: usize = found.iter().map(|(bytes, _)| bytes.len()).sum();
            let header = container(7, &[]).len();
            let headers = header * found.len().saturating_sub(1);
            assert!(found.is_empty() && end == header || kept == end + headers, "{end}: {found:?}");
        }
    }
}
