//! Spoils packets on their way, in ways whose outcome is certain.

use crate::truth::What;
use crate::{Random, Survey};

/// An Avro container's sync marker has so many bytes.
const SYNC: usize = 16;
/// Nobody's schema id.
const NOBODY: u32 = 12_345;

/// What may happen to packets of a survey.
pub(crate) fn kinds(survey: Survey) -> &'static [What] {
    match survey {
        Survey::Ztf => &[What::Truncated, What::Flipped, What::BadSync, What::Garbage, What::Future],
        Survey::Lsst => &[What::Truncated, What::Flipped, What::WrongSchemaId, What::Garbage, What::Future],
    }
}

/// Does it to the bytes; tells the reason for which they must be rejected. `name` is the object's, as the packet spells it.
pub(crate) fn spoil(
    what: What,
    survey: Survey,
    random: &mut Random,
    name: &str,
    bytes: &mut Vec<u8>,
) -> Option<&'static str> {
    match (what, survey) {
        (What::Plain | What::Late | What::Duplicate, _) => None,
        (What::Future, _) => Some("future"),
        (What::Truncated, _) => {
            let cut = 1 + random.below(200) as usize;
            bytes.truncate(bytes.len().saturating_sub(cut));
            Some(if survey == Survey::Ztf { "framing" } else { "datum" })
        }
        (What::Flipped, Survey::Ztf) => {
            // The length of the object's name, which stands before it, becomes negative.
            let at = bytes.windows(name.len()).position(|window| window == name.as_bytes())?;
            *bytes.get_mut(at.checked_sub(1)?)? ^= 0x18 ^ 0xff;
            Some("datum")
        }
        (What::Flipped, Survey::Lsst) => {
            // The branch of the first union, after the id of the source, becomes one that there is not.
            let at = 5 + 1 + bytes.get(5..)?.iter().take_while(|byte| **byte & 0x80 != 0).count();
            *bytes.get_mut(at)? ^= 0x7e;
            Some("datum")
        }
        (What::WrongSchemaId, _) => {
            bytes.get_mut(1..5)?.copy_from_slice(&NOBODY.to_be_bytes());
            Some("unknown_schema")
        }
        (What::BadSync, _) => {
            let at = bytes.len().checked_sub(SYNC)? + random.below(SYNC as u64) as usize;
            *bytes.get_mut(at)? ^= 1 << random.below(8);
            Some("framing")
        }
        (What::Garbage, _) => {
            // Neither a container's magic nor Confluent's zero, nor the beginning of a gzip.
            bytes.clear();
            bytes.extend((0..200 + random.below(800)).map(|_| random.bits() as u8));
            bytes[0] = b'#';
            Some("framing")
        }
    }
}
