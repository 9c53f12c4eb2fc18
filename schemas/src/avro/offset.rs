//! Values at known offsets of a segment, and how integers are read there: by one load, without a loop over bytes
//! that each say whether there is another.

use super::wire::zigzag;

/// A value at a known offset, and the slot that it goes to.
#[derive(Clone, Copy, Debug)]
pub(super) struct At {
    pub offset: u16,
    pub slot: u16,
    /// Bytes of an integer or a slice.
    pub len: u16,
}

/// An integer of up to eight bytes: in the word at `offset`, behind `shift` bits, those of `mask`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Short {
    offset: u16,
    pub slot: u16,
    shift: u32,
    mask: u64,
}

impl Short {
    /// `None` for an integer of more than eight bytes. One that lies within eight bytes of the segment's end is
    /// behind others in its last eight.
    pub fn of(at: At, len: usize) -> Option<Short> {
        let (from, bytes) = (usize::from(at.offset), u32::from(at.len));
        let offset = from.min(len.checked_sub(8)?);
        let shift = 8 * (from - offset) as u32;
        let mask = !0 >> 64u32.checked_sub(8 * bytes).filter(|unused| *unused < 64)?;
        Some(Short { offset: offset as u16, slot: at.slot, shift, mask })
    }

    #[inline(always)]
    pub fn read(&self, segment: &[u8]) -> i64 {
        let word = word(segment, self.offset).unwrap_or(0);
        zigzag(sevens(word >> self.shift & self.mask))
    }
}

impl At {
    /// The eight bytes there, or from there on.
    #[inline(always)]
    pub fn word(&self, segment: &[u8]) -> Option<u64> {
        word(segment, self.offset)
    }

    /// The float there.
    #[inline(always)]
    pub fn float(&self, segment: &[u8]) -> Option<f32> {
        let bytes = segment.get(usize::from(self.offset)..)?.first_chunk()?;
        Some(f32::from_le_bytes(*bytes))
    }

    /// The bytes there.
    #[inline(always)]
    pub fn bytes<'s>(&self, segment: &'s [u8]) -> &'s [u8] {
        let from = usize::from(self.offset);
        segment.get(from..from + usize::from(self.len)).unwrap_or(&[])
    }

    /// The integer there, whose continuation bits are known to be right.
    #[inline(always)]
    pub fn integer(&self, segment: &[u8]) -> i64 {
        match self.bytes(segment) {
            [low @ .., ninth] if low.len() == 8 => {
                zigzag(sevens(word(low, 0).unwrap_or(0)) | u64::from(ninth & 0x7f) << 56)
            }
            bytes => zigzag(bytes.iter().rev().fold(0, |bits, byte| bits << 7 | u64::from(byte & 0x7f))),
        }
    }
}

#[inline(always)]
fn word(bytes: &[u8], at: u16) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(usize::from(at)..)?.first_chunk()?))
}

/// The low seven bits of each of eight bytes, put together.
#[inline(always)]
fn sevens(word: u64) -> u64 {
    let word = word & 0x007f_007f_007f_007f | (word & 0x7f00_7f00_7f00_7f00) >> 1;
    let word = word & 0x0000_3fff_0000_3fff | (word & 0x3fff_0000_3fff_0000) >> 2;
    word & 0x0fff_ffff | (word & 0x0fff_ffff_0000_0000) >> 4
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Zigzag and base 128.
    fn written(value: i64) -> Vec<u8> {
        let (mut bits, mut bytes) = ((value << 1 ^ value >> 63) as u64, Vec::new());
        while bits > 0x7f {
            bytes.push(bits as u8 | 0x80);
            bits >>= 7;
        }
        bytes.push(bits as u8);
        bytes
    }

    #[test]
    fn integers_of_every_width_wherever_they_are() {
        for shift in 0..64 {
            for value in [i64::MIN >> shift, i64::MAX >> shift, 0x0123_4567_89ab_cdef >> shift, -(1 << (shift / 2))] {
                let bytes = written(value);
                for (before, behind) in [(0, 8), (3, 5), (8, 0), (9, 1)] {
                    let segment = [vec![0xff; before], bytes.clone(), vec![0xff; behind]].concat();
                    let at = At { offset: before as u16, slot: 0, len: bytes.len() as u16 };
                    assert_eq!(at.integer(&segment), value);
                    match Short::of(at, segment.len()) {
                        Some(short) => assert_eq!(short.read(&segment), value),
                        None => assert!(bytes.len() > 8),
                    }
                }
            }
        }
    }
}
