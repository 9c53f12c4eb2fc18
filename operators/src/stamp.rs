//! A version in sixteen bytes, in the same order: every worker keeps one for every row it knows.

use skydiff_schemas::{Kind, MicroDays, Version};

/// A [`Version`] packed so that integer order is version order.
///
/// From the top: rank (16 bits), processing time (47), packet time reversed (47), trigger (1). The times
/// saturate at ±2⁴⁶ µd, 190,000 years; absent is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp([u64; 2]);

/// A [`Stamp`] and the kind of the row that has it, in the same sixteen bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tagged([u64; 2]);

impl Tagged {
    /// The kind's number.
    pub fn kind(self) -> u64 {
        self.0[0] >> 62
    }

    /// The stamp.
    pub fn stamp(self) -> Stamp {
        Stamp([self.0[0] << 2 >> 2, self.0[1]])
    }
}

const BITS: u32 = 47;
const HALF: i64 = 1 << (BITS - 1);

impl Stamp {
    /// Packs a version.
    pub fn new(version: &Version) -> Stamp {
        let time = |time: MicroDays| (time.0.clamp(1 - HALF, HALF - 1) + HALF) as u128;
        let processed = if version.processed == Version::UNPROCESSED { 0 } else { time(version.processed) };
        let packet = time(MicroDays(version.packet.0.0.saturating_neg()));
        let rank = u128::from((i32::from(version.rank) + 0x8000) as u16);
        let bits = ((rank << BITS | processed) << BITS | packet) << 1 | u128::from(version.trigger);
        Stamp([(bits >> 64) as u64, bits as u64])
    }

    fn bits(self) -> u128 {
        u128::from(self.0[0]) << 64 | u128::from(self.0[1])
    }

    /// With a kind in the two highest bits, which a stamp leaves free.
    pub fn tagged(self, kind: Kind) -> Tagged {
        Tagged([self.0[0] | (kind as u64) << 62, self.0[1]])
    }

    /// What membership compares first: rank and processing time.
    pub fn standing(self) -> u64 {
        (self.bits() >> (BITS + 1)) as u64
    }

    /// The packet time, later is greater.
    pub fn packet(self) -> u64 {
        (1 << BITS) - ((self.bits() >> 1) as u64 & ((1 << BITS) - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::cmp::Reverse;

    fn versions() -> impl Strategy<Value = Version> {
        let time = prop_oneof![Just(i64::MIN), -3i64..3, -100_000_000_000i64..100_000_000_000];
        (prop_oneof![-2i16..3, any::<i16>()], time.clone(), time, any::<bool>()).prop_map(
            |(rank, processed, packet, trigger)| Version {
                rank,
                processed: MicroDays(processed),
                packet: Reverse(MicroDays(packet.max(-1 << 45))),
                trigger,
            },
        )
    }

    proptest! {
        #[test]
        fn order_is_that_of_versions(a in versions(), b in versions()) {
            prop_assert_eq!(Stamp::new(&a).cmp(&Stamp::new(&b)), a.cmp(&b));
            let tagged = Stamp::new(&a).tagged(Kind::Limit);
            prop_assert_eq!((tagged.kind(), tagged.stamp()), (Kind::Limit as u64, Stamp::new(&a)));
            prop_assert_eq!(Stamp::new(&a).packet().cmp(&Stamp::new(&b).packet()), a.packet.0.cmp(&b.packet.0));
            prop_assert_eq!(
                Stamp::new(&a).standing().cmp(&Stamp::new(&b).standing()),
                (a.rank, a.processed).cmp(&(b.rank, b.processed))
            );
        }
    }
}
