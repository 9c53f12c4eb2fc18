//! What came of putting an object if absent, where the answer may be lost and the question may have been asked twice.
//!
//! A client that gets no answer asks again, and is then told that the object exists, by its own first attempt. So what lies
//! there is read back before anyone concludes anything. The same goes for answers that never came.

use super::manifest::Manifest;
use super::names::Generation;

/// What the store said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Put {
    /// It was made.
    Made,
    /// Something was there.
    Exists,
    /// Nobody knows; why.
    Unknown(String),
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is durable: go on.
    Committed,
    /// Nothing lies there: put it again.
    Again,
    /// A newer generation is at work: end, and do not come back.
    Fenced(Generation),
    /// The last request of an older generation has arrived late. It counts: start again and replay it.
    Adopt(Generation),
    /// What lies there cannot be; what it is.
    Broken(String),
}

/// What to do after `ours` was put by `generation`, given what lies there now. What is there is asked only where it matters.
pub fn after_put(ours: &[u8], generation: Generation, put: &Put, found: Option<&[u8]>) -> Verdict {
    match (put, found) {
        (Put::Made, _) => Verdict::Committed,
        (_, None) => Verdict::Again,
        (_, Some(found)) if found == ours => Verdict::Committed,
        (_, Some(found)) => match Manifest::decode(found) {
            Ok(theirs) if theirs.generation > generation => Verdict::Fenced(theirs.generation),
            Ok(theirs) if theirs.generation < generation => Verdict::Adopt(theirs.generation),
            Ok(theirs) => Verdict::Broken(format!("writer {} shares generation {generation}", theirs.writer)),
            Err(why) => Verdict::Broken(format!("what lies in the place of the manifest is none: {why}")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::manifest::tests::manifest;
    use super::*;

    #[test]
    fn what_came_of_a_put() {
        let bytes = |epochs, generation| manifest(epochs, generation, None).encode().unwrap();
        let (ours, newer, older) = (bytes(4..=6, 3), bytes(4..=4, 5), bytes(4..=9, 2));
        let (twin, noise) = (bytes(4..=5, 3), b"{}".to_vec());
        let unknown = || Put::Unknown("connection closed".into());
        let verdict = |put: Put, found: Option<&Vec<u8>>| after_put(&ours, Generation(3), &put, found.map(|f| &f[..]));
        for (put, found, expected) in [
            (Put::Made, None, Verdict::Committed),
            (Put::Exists, Some(&ours), Verdict::Committed),
            (unknown(), Some(&ours), Verdict::Committed),
            (unknown(), None, Verdict::Again),
            (Put::Exists, None, Verdict::Again),
            (Put::Exists, Some(&newer), Verdict::Fenced(Generation(5))),
            (unknown(), Some(&newer), Verdict::Fenced(Generation(5))),
            (Put::Exists, Some(&older), Verdict::Adopt(Generation(2))),
            (unknown(), Some(&older), Verdict::Adopt(Generation(2))),
        ] {
            assert_eq!(verdict(put.clone(), found), expected, "{put:?}");
        }
        assert!(matches!(verdict(Put::Exists, Some(&twin)), Verdict::Broken(why) if why.contains("shares")));
        assert!(matches!(verdict(Put::Exists, Some(&noise)), Verdict::Broken(why) if why.contains("none")));
    }
}
