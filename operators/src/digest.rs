//! A digest of the state that does not depend on how it was reached.
//!
//! Every fact is hashed by itself, and the hashes are added (wrapping): facts may come and go in any
//! order on any worker, and equal sets of facts have equal sums.

use crate::route::mix;
use crate::{Answer, Said};
use serde::Serialize;
use skydiff_schemas::{Measurement, MicroDays, ObjectId};

/// The hash of one fact. 128 bits, as two mixings of the bytes with different seeds, eight bytes at a time.
struct Hash {
    high: u64,
    low: u64,
    /// The bytes that are no word yet, the first of them lowest.
    part: u64,
    /// How many bits those are.
    filled: u32,
    length: u64,
}

impl Hash {
    fn new(kind: u64) -> Hash {
        Hash {
            high: mix(kind ^ 0x9e37_79b9_7f4a_7c15),
            low: mix(kind ^ 0xc2b2_ae3d_27d4_eb4f),
            part: 0,
            filled: 0,
            length: 0,
        }
    }

    fn word(&mut self, word: u64) {
        self.high = mix(self.high ^ word);
        self.low = mix(self.low.rotate_left(23).wrapping_add(word).wrapping_mul(0x9fb2_1c65_1e98_df25));
    }

    /// Takes the lowest `bits` of a value, at most 64 and whole bytes.
    fn take(&mut self, value: u64, bits: u32) {
        self.length += u64::from(bits / 8);
        self.part |= value << self.filled;
        let room = 64 - self.filled;
        if bits < room {
            self.filled += bits;
            return;
        }
        self.word(self.part);
        self.part = value.checked_shr(room).unwrap_or(0);
        self.filled = bits - room;
    }

    fn finish(mut self) -> u128 {
        self.word(self.part);
        self.word(self.length);
        u128::from(mix(self.high ^ self.low.rotate_left(32))) << 64 | u128::from(mix(self.low))
    }
}

impl std::io::Write for Hash {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        // Nearly everything is a number of one of these lengths.
        match *bytes {
            [a] => self.take(u64::from(a), 8),
            [a, b] => self.take(u64::from(u16::from_le_bytes([a, b])), 16),
            [a, b, c, d] => self.take(u64::from(u32::from_le_bytes([a, b, c, d])), 32),
            [a, b, c, d, e, f, g, h] => self.take(u64::from_le_bytes([a, b, c, d, e, f, g, h]), 64),
            _ => bytes.iter().for_each(|byte| self.take(u64::from(*byte), 8)),
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn hash(kind: u64, fact: &impl Serialize) -> u128 {
    let mut hash = Hash::new(kind);
    bincode::serialize_into(&mut hash, fact).expect("facts are plain data, and hashing does not fail");
    hash.finish()
}

/// Of a standing measurement.
pub fn of_measurement(object: &ObjectId, measurement: &Measurement) -> u128 {
    hash(1, &(object, measurement))
}

/// Of what is known about an object, apart from what time does to it: neither what is alive nor when its packet was received.
pub fn of_answer(answer: &mut Answer) -> u128 {
    let received = answer.trigger.as_mut().map(|trigger| std::mem::take(&mut trigger.context.received));
    let alive: Vec<bool> = answer.windows.iter_mut().map(|window| std::mem::take(&mut window.alive)).collect();
    let hash = hash(2, answer);
    if let (Some(trigger), Some(received)) = (answer.trigger.as_mut(), received) {
        trigger.context.received = received;
    }
    answer.windows.iter_mut().zip(alive).for_each(|(window, alive)| window.alive = alive);
    hash
}

/// Of what is alive of an object.
pub fn of_said(object: &ObjectId, said: &Said) -> u128 {
    let none = MicroDays(i64::MIN);
    hash(3, &(object, said.newest.unwrap_or(none), &said.alive))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    /// The bytes one by one: what the digest is by definition.
    fn plainly(kind: u64, bytes: &[u8]) -> u128 {
        let mut hash = Hash::new(kind);
        for word in bytes.chunks_exact(8) {
            hash.word(u64::from_le_bytes(word.try_into().unwrap()));
        }
        let mut rest = [0; 8];
        let left = bytes.chunks_exact(8).remainder();
        rest[..left.len()].copy_from_slice(left);
        hash.part = u64::from_le_bytes(rest);
        hash.length = bytes.len() as u64;
        hash.finish()
    }

    #[test]
    fn however_bytes_come_the_hash_is_that_of_the_bytes() {
        let bytes: Vec<u8> = (0..97_u8).map(|n| n.wrapping_mul(151) ^ 0x5a).collect();
        for lengths in [&[8, 1, 4, 2][..], &[1], &[2, 8], &[4, 8, 8, 1], &[3, 5, 9, 8], &[97], &[7, 8]] {
            for end in 0..bytes.len() {
                let (mut hash, mut rest, mut next) = (Hash::new(2), &bytes[..end], lengths.iter().cycle());
                while let Some(length) = next.next().filter(|_| !rest.is_empty()) {
                    let (now, later) = rest.split_at(rest.len().min(*length));
                    hash.write_all(now).unwrap();
                    rest = later;
                }
                assert_eq!(hash.finish(), plainly(2, &bytes[..end]), "{end} bytes by {lengths:?}");
            }
        }
    }
}
