//! Packets that are not to be read, by their place: each has ended the process that read it, again and again.

use super::cut::Feed;
use super::parcel::{Bytes, Share};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// A packet's place: a topic, partition and offset, or a bundle of files and the packet's number in it (partition 0).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spot {
    /// Kafka topic, or path of the bundle.
    pub bundle: String,
    /// Partition of the topic.
    pub partition: i32,
    /// Offset, or number in the bundle.
    pub number: u64,
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.bundle, self.partition, self.number)
    }
}

impl FromStr for Spot {
    type Err = String;

    /// `TOPIC/PARTITION/OFFSET`; a path may have slashes of its own.
    fn from_str(text: &str) -> Result<Spot, String> {
        let spot = || {
            let mut parts = text.rsplitn(3, '/');
            let (number, partition, bundle) = (parts.next()?, parts.next()?, parts.next()?);
            let (partition, number) = (partition.parse().ok()?, number.parse().ok()?);
            (!bundle.is_empty()).then(|| Spot { bundle: bundle.to_owned(), partition, number })
        };
        spot().ok_or_else(|| format!("`{text}` is no place of a packet: write TOPIC/PARTITION/OFFSET"))
    }
}

/// Those that are not to be read, each with why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refused(BTreeMap<Spot, String>);

impl Refused {
    /// These, for one reason.
    pub fn new(spots: impl IntoIterator<Item = Spot>, why: &str) -> Refused {
        Refused(spots.into_iter().map(|spot| (spot, why.to_owned())).collect())
    }

    /// The same, but that nobody will read the packets that are refused.
    pub fn apply(&self, feed: Feed) -> Feed {
        match feed {
            Feed::Share(share) if !self.0.is_empty() => Feed::Share(self.share(share)),
            feed => feed,
        }
    }

    fn share(&self, mut share: Share) -> Share {
        let spot = |number| Spot { bundle: share.origin.bundle.clone(), partition: share.origin.partition, number };
        for (number, parcel) in (share.first..).zip(&mut share.parcels) {
            if let Some(why) = self.0.get(&spot(number)) {
                let bytes = std::mem::replace(&mut parcel.bytes, Bytes::Lost(String::new()));
                parcel.bytes = Bytes::Refused { why: why.clone(), bytes: Box::new(bytes) };
            }
        }
        share
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Origin;
    use crate::testing::parcel;
    use skydiff_schemas::MicroDays;

    #[test]
    fn places_are_written_and_read() {
        for text in ["ztf_20260101/3/17", "/data/night 1.tar.gz/0/0"] {
            assert_eq!(text.parse::<Spot>().unwrap().to_string(), text);
        }
        for text in ["", "topic", "topic/1", "/1/2", "topic/x/2", "topic/1/-2"] {
            assert!(text.parse::<Spot>().unwrap_err().contains("TOPIC/PARTITION/OFFSET"), "{text}");
        }
    }

    #[test]
    fn only_what_is_named_is_refused() {
        let origin = Origin { bundle: "t".into(), partition: 2, rank: 0, received: MicroDays(0) };
        let parcels = ["a", "b", "c"].map(parcel).to_vec();
        let share = Share { number: 0, origin, first: 10, parcels, kept: vec![], schemas: vec![] };
        let spots = ["t/2/11", "t/1/10", "u/2/12"].map(|text| text.parse().unwrap());
        let Feed::Share(refused) = Refused::new(spots, "it kills").apply(Feed::Share(share.clone())) else { panic!() };
        assert_eq!((&refused.parcels[0], &refused.parcels[2]), (&share.parcels[0], &share.parcels[2]));
        let bytes = Box::new(share.parcels[1].bytes.clone());
        assert_eq!(refused.parcels[1].bytes, Bytes::Refused { why: "it kills".into(), bytes });
        assert_eq!(refused.bytes(), share.bytes());
    }
}
