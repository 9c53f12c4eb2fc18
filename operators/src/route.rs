//! Where things are worked on: which worker holds an object, which one owns a source id.
//!
//! All of an object lives on one worker, whatever its positions say; a source id that several
//! objects may claim has one owner. Both follow from the name alone, so no worker needs a map.

use skydiff_schemas::{Kind, ObjectId, SourceId, SurveyId};

/// A fixed mixing of 64 bits (the finaliser of splitmix64): the same on every machine, in every process, for ever.
pub fn mix(bits: u64) -> u64 {
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// Routes to the worker that holds an object.
pub fn by_object(object: &ObjectId) -> u64 {
    mix(object.id ^ mix(u64::from(object.survey.0) << 8 | object.class as u64))
}

/// Routes to the worker that owns a source id.
pub fn by_source(survey: SurveyId, kind: Kind, id: SourceId) -> u64 {
    mix(id.0 ^ mix(0x5eed ^ u64::from(survey.0) << 8 ^ kind as u64))
}
