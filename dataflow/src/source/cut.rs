//! Where epochs end and what each worker is given: decided here, without I/O.

use super::night::Night;
use super::parcel::{Origin, Parcel, Share};
use crate::flow::feed::Binding;
use serde::{Deserialize, Serialize};

/// At most so many packets in a share …
const SHARE_PACKETS: usize = 32;
/// … and, once it has one, at most so many bytes.
const SHARE_BYTES: u64 = 2 << 20;
/// An epoch ends at so many bytes, unless more were asked for: what it holds stays in memory until it is written.
const EPOCH_BYTES: u64 = 1 << 30;

/// What an epoch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum EpochCut {
    /// So many packets.
    Packets(u64),
    /// At least so many bytes of packets.
    Bytes(u64),
    /// The packets of one visit that follow one another.
    Visit,
    /// A whole file (a folder's loose packets together).
    File,
}

impl Default for EpochCut {
    fn default() -> Self {
        EpochCut::Packets(1000)
    }
}

impl std::str::FromStr for EpochCut {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no epoch: write packets=1000, bytes=64MB, visit or file");
        match text.split_once('=') {
            None if text == "visit" => Ok(EpochCut::Visit),
            None if text == "file" => Ok(EpochCut::File),
            Some(("packets", n)) => n.parse().ok().filter(|n| *n > 0).map(EpochCut::Packets).ok_or_else(wrong),
            Some(("bytes", n)) => parse_bytes(n).filter(|n| *n > 0).map(EpochCut::Bytes).ok_or_else(wrong),
            _ => Err(wrong()),
        }
    }
}

impl TryFrom<String> for EpochCut {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<EpochCut> for String {
    fn from(cut: EpochCut) -> String {
        match cut {
            EpochCut::Packets(n) => format!("packets={n}"),
            EpochCut::Bytes(n) => format!("bytes={n}"),
            EpochCut::Visit => "visit".into(),
            EpochCut::File => "file".into(),
        }
    }
}

/// A number of bytes as people write it: `65536`, `64kB`, `64MB`, `1.5GB` (powers of 1000), `64MiB` (of 1024).
pub fn parse_bytes(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let unit = match text[digits..].trim() {
        "" | "B" => 1.0,
        "kB" | "KB" | "k" | "K" => 1e3,
        "MB" | "M" => 1e6,
        "GB" | "G" => 1e9,
        "KiB" => 1024.0,
        "MiB" => 1_048_576.0,
        "GiB" => 1_073_741_824.0,
        _ => return None,
    };
    text[..digits].parse::<f64>().ok().map(|number| number * unit).filter(|n| *n < 1e18).map(|n| n as u64)
}

/// What ends with an epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marks {
    /// The file of this name.
    pub file: Option<String>,
    /// The night.
    pub night: Option<Night>,
    /// That many packets of the whole job: the mark that was asked for, or more where a block of many passed it.
    pub packets: Option<u64>,
    /// Of the partitions of Kafka topics in which something was read, what.
    #[serde(default)]
    pub ranges: Vec<Range>,
}

/// What an epoch has of a partition of a Kafka topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// Which topic, as bundles are named.
    pub topic: String,
    /// Which of its partitions.
    pub partition: i32,
    /// The first offset that it may have.
    pub from: u64,
    /// The offset behind it: everything before this has been read, or is no message.
    pub to: u64,
    /// So many offsets before `from` were gone when they should have been read, and were given up (`--accept-gap`).
    #[serde(default)]
    pub gap: u64,
}

/// What the mint hands on.
#[derive(Clone, Debug)]
pub enum Feed {
    /// Packets of the epoch that is open.
    Share(Share),
    /// The epoch that opens was bound before, as this says; shares follow, and the seal.
    Recall(Box<Binding>),
    /// The end of the epoch that is open.
    Seal(Marks),
}

/// Cuts the packets of bundle after bundle into epochs and shares.
///
/// An epoch is sealed when the packet after it, or the end of its bundle, is known: only then is known what ends with it.
#[derive(Debug)]
pub struct Cutter {
    cut: EpochCut,
    every: Option<u64>,
    share: Option<Share>,
    shares: u64,
    /// Packets of the whole job.
    packets: u64,
    /// Packets, and bytes, of the epoch.
    epoch: (u64, u64),
    visit: Option<u64>,
    /// The epoch has all it should have.
    due: bool,
    marks: Marks,
}

impl Cutter {
    /// Epochs as `cut` says, and ending too whenever another `every` packets have come.
    pub fn new(cut: EpochCut, every: Option<u64>) -> Cutter {
        let marks = Marks::default();
        Cutter { cut, every, share: None, shares: 0, packets: 0, epoch: (0, 0), visit: None, due: false, marks }
    }

    /// Whether packets must be probed for their visit.
    pub fn wants_visit(&self) -> bool {
        self.cut == EpochCut::Visit
    }

    /// The next packet of a bundle, its `number` there and, where it was wanted and could be read, its visit.
    pub fn push(
        &mut self,
        origin: &Origin,
        number: u64,
        parcel: Parcel,
        visit: Option<u64>,
        out: &mut impl FnMut(Feed),
    ) {
        let moved = self.visit.is_some() && visit.is_some() && self.visit != visit;
        if self.due || moved {
            self.seal(out);
        }
        self.visit = visit.or(self.visit);
        let bytes = parcel.bytes.len();
        let before = self.packets;
        self.packets += parcel.records;
        self.epoch = (self.epoch.0 + parcel.records, self.epoch.1 + bytes);
        let share = self.share.get_or_insert_with(|| {
            let share = Share {
                number: self.shares,
                origin: origin.clone(),
                first: number,
                parcels: Vec::new(),
                kept: Vec::new(),
                schemas: Vec::new(),
            };
            self.shares += 1;
            share
        });
        share.parcels.push(parcel);
        if share.parcels.len() >= SHARE_PACKETS || share.bytes() >= SHARE_BYTES {
            self.flush(out);
        }
        self.due = match self.cut {
            EpochCut::Packets(n) => self.epoch.0 >= n || self.epoch.1 >= EPOCH_BYTES,
            EpochCut::Bytes(n) => self.epoch.1 >= n,
            EpochCut::Visit => self.epoch.1 >= EPOCH_BYTES,
            EpochCut::File => false,
        };
        if self.every.is_some_and(|every| self.packets / every > before / every) {
            self.marks.packets = Some(self.packets);
            self.due = true;
        }
    }

    /// The end of a bundle, and of its night where no bundle of the same night follows.
    pub fn end_bundle(&mut self, file: String, night: Option<Night>, out: &mut impl FnMut(Feed)) {
        self.marks.file = Some(file);
        self.marks.night = night;
        self.seal(out);
    }

    /// Ends what is open, in the middle of a bundle: the job is asked to stop.
    pub fn stop(&mut self, out: &mut impl FnMut(Feed)) {
        if self.epoch.0 > 0 {
            self.seal(out);
        }
    }

    fn flush(&mut self, out: &mut impl FnMut(Feed)) {
        self.share.take().into_iter().for_each(|share| out(Feed::Share(share)));
    }

    fn seal(&mut self, out: &mut impl FnMut(Feed)) {
        self.flush(out);
        out(Feed::Seal(std::mem::take(&mut self.marks)));
        (self.epoch, self.visit, self.due) = ((0, 0), None, false);
    }
}

#[cfg(test)]
mod tests {
    use super::super::parcel::Bytes;
    use super::*;
    use skydiff_schemas::MicroDays;

    /// Cuts bundles of (bytes, visit) and writes what comes out: packets as digits, `|` for a share's end, `;` for an epoch's.
    fn cut(cut: &str, every: Option<u64>, bundles: &[&[(usize, Option<u64>)]]) -> String {
        let mut cutter = Cutter::new(cut.parse().unwrap(), every);
        let origin = Origin { bundle: "x".into(), partition: 0, rank: 0, received: MicroDays(0) };
        let mut text = String::new();
        let mut shares = 0;
        let mut out = |feed| match feed {
            Feed::Share(share) => {
                assert_eq!(share.number, shares);
                shares += 1;
                let numbers: Vec<_> = (share.first..).take(share.parcels.len()).map(|n| n.to_string()).collect();
                text += &(numbers.join(",") + "|");
            }
            Feed::Seal(Marks { file, packets, .. }) => {
                text += &format!("{}{};", file.unwrap_or_default(), packets.map_or(String::new(), |n| format!("@{n}")));
            }
            Feed::Recall(_) => {}
        };
        for bundle in bundles {
            for (number, (bytes, visit)) in bundle.iter().enumerate() {
                let parcel = Parcel {
                    name: String::new(),
                    bytes: Bytes::Here(vec![0; *bytes].into()),
                    records: 1,
                    left_out: 0,
                    received: None,
                };
                cutter.push(&origin, number as u64, parcel, *visit, &mut out);
            }
            cutter.end_bundle("f".into(), None, &mut out);
        }
        text
    }

    #[test]
    fn epochs_end_where_they_should_and_never_straddle_files() {
        let (a, b) = ((1, Some(7)), (1, Some(8)));
        assert_eq!(cut("packets=2", None, &[&[a; 4], &[a; 3]]), "0,1|;2,3|f;0,1|;2|f;");
        assert_eq!(cut("packets=1", None, &[&[a; 2]]), "0|;1|f;");
        assert_eq!(cut("file", None, &[&[a; 4], &[], &[a]]), "0,1,2,3|f;f;0|f;");
        assert_eq!(cut("visit", None, &[&[a, a, (1, None), b, b, a]]), "0,1,2|;3,4|;5|f;");
        assert_eq!(cut("bytes=3", None, &[&[(2, None); 5]]), "0,1|;2,3|;4|f;");
        assert_eq!(cut("file", Some(3), &[&[a; 4], &[a; 4]]), "0,1,2|@3;3|f;0,1|@6;2,3|f;");
    }

    #[test]
    fn marks_tell_true_counts_and_bytes_end_epochs() {
        let mut cutter = Cutter::new(EpochCut::Visit, Some(25));
        let origin = Origin { bundle: "x".into(), partition: 0, rank: 0, received: MicroDays(0) };
        let mut marks = Vec::new();
        let mut seal = |feed| {
            if let Feed::Seal(mark) = feed {
                marks.push(mark.packets)
            }
        };
        for (number, (records, length)) in [(60, 1), (1, EPOCH_BYTES), (1, 1), (1, 1)].into_iter().enumerate() {
            let bytes = Bytes::At { path: "x".into(), offset: 0, length };
            let parcel = Parcel { name: String::new(), bytes, records, left_out: 0, received: None };
            cutter.push(&origin, number as u64, parcel, None, &mut seal);
        }
        cutter.end_bundle("x".into(), None, &mut seal);
        assert_eq!(marks, [Some(60), None, None]);
    }

    #[test]
    fn shares_are_bounded() {
        let many = cut("file", None, &[&[(1, None); 70]]);
        assert_eq!(many.matches('|').count(), 3);
        let large = cut("file", None, &[&[(SHARE_BYTES as usize, None); 3]]);
        assert_eq!(large, "0|1|2|f;");
    }

    #[test]
    fn cuts_are_read_and_written() {
        for text in ["packets=1000", "bytes=64000000", "visit", "file"] {
            assert_eq!(String::from(text.parse::<EpochCut>().unwrap()), text);
        }
        assert_eq!("bytes=64MiB".parse(), Ok(EpochCut::Bytes(64 << 20)));
        for wrong in ["packets=0", "packets", "night", "bytes=much", "bytes=1XB", ""] {
            assert!(wrong.parse::<EpochCut>().unwrap_err().contains("packets=1000"), "{wrong}");
        }
    }
}
