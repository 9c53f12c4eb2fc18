//! Confluent framing: how LSST frames a packet.

use crate::PacketReject;

/// A packet's schema id and its datum: byte 0, the id as four bytes (big-endian, whatever DMTN-210 says), the datum.
/// Rejected as `framing` otherwise.
#[inline]
pub fn confluent(packet: &[u8]) -> Result<(u32, &[u8]), PacketReject> {
    match packet.split_first_chunk::<5>() {
        Some(([0, a, b, c, d], datum)) => Ok((u32::from_be_bytes([*a, *b, *c, *d]), datum)),
        _ => Err(PacketReject::Framing("neither a container nor Confluent framing (byte 0, schema id)".into())),
    }
}
