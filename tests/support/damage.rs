//! Spoils packets in ways whose outcome is certain.

use super::avro::SYNC;
use super::random::Random;
use super::{Packet, Survey, Truth, What};

/// The packet with one thing wrong with it, if that can be wrong with a packet of its survey.
pub fn spoiled(random: &mut Random, packet: &Packet, what: What) -> Option<Packet> {
    let mut bytes = packet.bytes.clone();
    let survey = packet.truth.survey;
    let reject = match (what, survey) {
        (What::Truncated, Survey::Ztf) => {
            // Within the last sync marker, or within the block.
            bytes.truncate(bytes.len() - 1 - random.below(200));
            "framing"
        }
        (What::Truncated, Survey::Lsst) => {
            bytes.truncate(bytes.len() - 1 - random.below(200));
            "datum"
        }
        (What::Flipped, _) => {
            flip(&mut bytes, &packet.truth);
            "datum"
        }
        (What::WrongSchemaId, Survey::Lsst) => {
            bytes[1..5].copy_from_slice(&12_345u32.to_be_bytes());
            "unknown_schema"
        }
        (What::BadSync, Survey::Ztf) => {
            let at = bytes.len() - SYNC.len() + random.below(SYNC.len());
            bytes[at] ^= 1 << random.below(8);
            "framing"
        }
        (What::Garbage, _) => {
            // Neither a container's magic nor Confluent's zero, nor the beginning of a gzip.
            bytes = (0..200 + random.below(800)).map(|_| random.bits() as u8).collect();
            bytes[0] = b'#';
            "framing"
        }
        _ => return None,
    };
    let truth = Truth { what, rows: 0, future_rows: 0, source: None, reject: Some(reject), ..packet.truth.clone() };
    Some(Packet { bytes, truth })
}

/// Flips bits that leave the packet without a meaning.
fn flip(bytes: &mut [u8], truth: &Truth) {
    match truth.survey {
        // The length of the object's name, which begins the datum's texts, becomes negative.
        Survey::Ztf => {
            let name = truth.object.as_bytes();
            let at = bytes.windows(name.len()).position(|window| window == name).expect("the name is in it");
            bytes[at - 1] ^= 0x18 ^ 0xff;
        }
        // The branch of the first union, after the id of the source, becomes one that there is not.
        Survey::Lsst => {
            let at = 5 + 1 + bytes[5..].iter().take_while(|byte| **byte & 0x80 != 0).count();
            bytes[at] ^= 0x7e;
        }
    }
}
