//! A digest of the state that does not depend on how it was reached.
//!
//! Every fact is hashed by itself, and the hashes are added (wrapping): facts may come and go in any
//! order on any worker, and equal sets of facts have equal sums.

use crate::route::mix;
use crate::{Answer, Said};
use serde::Serialize;
use skydiff_schemas::{Measurement, MicroDays, ObjectId};

/// The hash of one fact. 128 bits, as two mixings of the bytes with different seeds.
struct Hash {
    high: u64,
    low: u64,
    part: [u8; 8],
    filled: usize,
    length: u64,
}

impl Hash {
    fn new(kind: u64) -> Hash {
        Hash {
            high: mix(kind ^ 0x9e37_79b9_7f4a_7c15),
            low: mix(kind ^ 0xc2b2_ae3d_27d4_eb4f),
            part: [0; 8],
            filled: 0,
            length: 0,
        }
    }

    fn word(&mut self, word: u64) {
        self.high = mix(self.high ^ word);
        self.low = mix(self.low.rotate_left(23).wrapping_add(word).wrapping_mul(0x9fb2_1c65_1e98_df25));
    }

    fn finish(mut self) -> u128 {
        let (part, length) = (u64::from_le_bytes(self.part), self.length);
        self.word(part);
        self.word(length);
        u128::from(mix(self.high ^ self.low.rotate_left(32))) << 64 | u128::from(mix(self.low))
    }
}

impl std::io::Write for Hash {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.length += bytes.len() as u64;
        for byte in bytes {
            self.part[self.filled] = *byte;
            self.filled += 1;
            if self.filled == 8 {
                let word = u64::from_le_bytes(std::mem::take(&mut self.part));
                self.word(word);
                self.filled = 0;
            }
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
