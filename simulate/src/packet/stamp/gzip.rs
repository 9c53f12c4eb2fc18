//! A file gzipped (RFC 1951, 1952) as fast as its bytes can be coded.
//!
//! Nine tenths of a stamp are noise, in which a search for repetitions finds nothing: three quarters of the time of a
//! general compressor. Here bytes are Huffman-coded, and only what repeats the byte before it eight times or more (the blanks
//! of headers, the zeros that fill blocks) is a match. One block a file, the code made for it.

use flate2::Crc;

/// Literals, the end of a block, and lengths.
const SYMBOLS: usize = 286;
const END: usize = 256;
/// Lengths 8 (no further bits) and 227 to 257 (5 further bits).
const EIGHT: usize = 262;
const LONG: usize = 284;
/// A long run: 256 bytes.
const RUN: usize = 256;
/// Longest codes of symbols and of the lengths of codes.
const LIMITS: (u8, u8) = (15, 7);
/// The order in which the lengths of the codes of lengths are sent.
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// Compresses files.
pub struct Gzip {
    /// What a file is made of: see [`tokens`].
    tokens: Vec<(usize, Token)>,
}

/// A stretch of a file that is sent in one way.
#[derive(Clone, Copy)]
enum Token {
    Literals,
    /// The byte before it, so many times; in eights.
    Repeats,
}

impl Gzip {
    pub fn new() -> Gzip {
        Gzip { tokens: Vec::new() }
    }

    /// Appends a file, last changed at `time` (seconds since 1970).
    pub fn write(&mut self, file: &[u8], time: u32, out: &mut Vec<u8>) {
        // Magic, deflate, no name; 3 is Unix.
        out.extend_from_slice(&[0x1f, 0x8b, 8, 0]);
        out.extend_from_slice(&time.to_le_bytes());
        out.extend_from_slice(&[0, 3]);
        self.tokens(file);
        self.block(file, out);
        let mut crc = Crc::new();
        crc.update(file);
        out.extend_from_slice(&crc.sum().to_le_bytes());
        out.extend_from_slice(&(file.len() as u32).to_le_bytes());
    }

    /// Cuts a file into stretches of literals and of repetitions, eight bytes at a time.
    fn tokens(&mut self, file: &[u8]) {
        self.tokens.clear();
        let (mut last, mut literals, mut repeats) = (None, 0, 0);
        for eight in file.chunks(8) {
            if last.is_some_and(|last| eight == [last; 8]) {
                if literals > 0 {
                    self.tokens.push((std::mem::take(&mut literals), Token::Literals));
                }
                repeats += 8;
            } else {
                if repeats > 0 {
                    self.tokens.push((std::mem::take(&mut repeats), Token::Repeats));
                }
                literals += eight.len();
            }
            last = eight.last().copied();
        }
        let rest = [(literals, Token::Literals), (repeats, Token::Repeats)];
        self.tokens.extend(rest.into_iter().filter(|(length, _)| *length > 0));
    }

    /// The only block.
    fn block(&self, file: &[u8], out: &mut Vec<u8>) {
        let mut counts = [0u32; SYMBOLS];
        let mut at = 0;
        for (length, token) in &self.tokens {
            match token {
                Token::Literals => {
                    file[at..at + length].iter().for_each(|byte| counts[usize::from(*byte)] += 1);
                }
                Token::Repeats => {
                    counts[LONG] += (length / RUN) as u32;
                    counts[EIGHT] += (length % RUN / 8) as u32;
                }
            }
            at += length;
        }
        // A code has two symbols or more.
        counts[END] = 1;
        counts[EIGHT] += 1;
        let codes = codes(&counts, LIMITS.0);
        // One code for distances, of length 1: distance 1.
        let lengths: Vec<u8> = codes.iter().map(|code| code.1).chain([1]).collect();
        let mut of_lengths = [0u32; 19];
        lengths.iter().for_each(|length| of_lengths[usize::from(*length)] += 1);
        let meta = self::codes(&of_lengths, LIMITS.1);
        // No code is longer than 15 bits; the codes of codes and what is written ahead take less than a kilobyte.
        let begin = out.len();
        out.resize(begin + file.len() * 2 + 1024, 0);
        let mut bits = Bits { room: &mut out[begin..], at: 0, held: 0, count: 0 };
        bits.put((1 | 2 << 1, 3));
        bits.put(((SYMBOLS - 257) as u16, 5));
        bits.put((0, 5));
        bits.put((15, 4));
        ORDER.iter().for_each(|place| bits.put((u16::from(meta[*place].1), 3)));
        lengths.iter().for_each(|length| bits.put(meta[usize::from(*length)]));
        let mut at = 0;
        for (length, token) in &self.tokens {
            match token {
                Token::Literals => {
                    let (threes, rest) = file[at..at + length].as_chunks::<3>();
                    for three in threes {
                        three.iter().for_each(|byte| bits.hold(codes[usize::from(*byte)]));
                        bits.flush();
                    }
                    rest.iter().for_each(|byte| bits.put(codes[usize::from(*byte)]));
                }
                Token::Repeats => {
                    for _ in 0..length / RUN {
                        bits.put(codes[LONG]);
                        // 227 and so many, and the distance.
                        bits.put(((RUN - 227) as u16, 6));
                    }
                    for _ in 0..length % RUN / 8 {
                        bits.put(codes[EIGHT]);
                        bits.put((0, 1));
                    }
                }
            }
            at += length;
        }
        bits.put(codes[END]);
        let length = bits.finish();
        out.truncate(begin + length);
    }
}

/// Bits, the lowest first, into room that is long enough for all of them.
struct Bits<'a> {
    room: &'a mut [u8],
    at: usize,
    held: u64,
    count: u32,
}

impl Bits<'_> {
    #[inline]
    fn put(&mut self, code: (u16, u8)) {
        self.hold(code);
        self.flush();
    }

    /// At most three of them, of 15 bits, between two flushes.
    #[inline]
    fn hold(&mut self, (code, length): (u16, u8)) {
        self.held |= u64::from(code) << self.count;
        self.count += u32::from(length);
    }

    /// Whole bytes go out. No branch depends on how many: that is noise.
    #[inline]
    fn flush(&mut self) {
        if let Some(place) = self.room.get_mut(self.at..self.at + 8) {
            place.copy_from_slice(&self.held.to_le_bytes());
        }
        self.at += (self.count / 8) as usize;
        self.held >>= self.count & !7;
        self.count &= 7;
    }

    /// How many bytes there are.
    fn finish(mut self) -> usize {
        self.count = self.count.next_multiple_of(8);
        self.flush();
        self.at
    }
}

/// The canonical code (RFC 1951, 3.2.2) of symbols that occur so often: bits, the first lowest, and their number.
fn codes<const N: usize>(counts: &[u32; N], limit: u8) -> [(u16, u8); N] {
    let mut counts = *counts;
    let lengths = loop {
        let lengths = lengths(&counts);
        if lengths.iter().all(|length| *length <= limit) {
            break lengths;
        }
        // Rarer ones are made more frequent until no code is too long.
        counts.iter_mut().filter(|count| **count > 0).for_each(|count| *count = *count / 2 + 1);
    };
    let mut code = 0u16;
    let mut codes = [(0, 0); N];
    for length in 1..=limit {
        for (place, _) in lengths.iter().enumerate().filter(|(_, of)| **of == length) {
            codes[place] = (code.reverse_bits() >> (16 - u32::from(length)), length);
            code += 1;
        }
        code <<= 1;
    }
    codes
}

/// How long each symbol's code is (Huffman 1952); 0 for those that do not occur. There are two symbols or more.
fn lengths<const N: usize>(counts: &[u32; N]) -> [u8; N] {
    // Leaves by their count, then nodes in the order in which they are made, which is that of their counts too.
    let mut leaves: Vec<(u32, usize)> =
        (0..N).filter(|place| counts[*place] > 0).map(|place| (counts[place], place)).collect();
    leaves.sort_unstable();
    let total = leaves.len();
    let mut weights: Vec<u32> = leaves.iter().map(|leaf| leaf.0).collect();
    let mut parents = vec![0; (2 * total).saturating_sub(1)];
    let (mut leaf, mut node) = (0, total);
    for _ in 1..total {
        let mut sum = 0;
        for _ in 0..2 {
            let of_leaves = leaf < total && (node >= weights.len() || weights[leaf] <= weights[node]);
            let least = if of_leaves { &mut leaf } else { &mut node };
            sum += weights[*least];
            parents[*least] = weights.len();
            *least += 1;
        }
        weights.push(sum);
    }
    let mut depths = vec![0u8; weights.len()];
    for place in (0..weights.len().saturating_sub(1)).rev() {
        depths[place] = depths[parents[place]].saturating_add(1);
    }
    let mut lengths = [0; N];
    leaves.iter().zip(depths).for_each(|((_, place), depth)| lengths[*place] = depth);
    lengths
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Read;

    fn back(packed: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        flate2::read::GzDecoder::new(packed).read_to_end(&mut out).unwrap();
        out
    }

    proptest! {
        #[test]
        fn files_come_back(parts in proptest::collection::vec((any::<u8>(), 0usize..600, proptest::collection::vec(any::<u8>(), 0..50)), 0..12), skew: bool) {
            let mut file = Vec::new();
            for (byte, count, noise) in parts {
                file.extend(std::iter::repeat_n(byte, count));
                file.extend(noise);
            }
            // Counts as in a Fibonacci sequence make the longest codes.
            let (mut one, mut other) = (1, 1);
            for byte in 0..if skew { 22 } else { 0 } {
                file.extend(std::iter::repeat_n([byte, 255 - byte], one).flatten());
                (one, other) = (other, one + other);
            }
            let mut packed = vec![7];
            let mut gzip = Gzip::new();
            gzip.write(b"another", 0, &mut Vec::new());
            gzip.write(&file, 1_700_000_000, &mut packed);
            prop_assert!(back(&packed[1..]) == file);
        }
    }
}
