//! What the objects of the protocol are called. Numbers are padded, so that listings come in their order.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use skydiff_operators::Epoch;

/// A run of one job as the only writer of an archive. A greater one has taken over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Generation(pub u64);

impl Generation {
    /// The next one.
    pub fn next(self) -> Generation {
        Generation(self.0 + 1)
    }

    /// Where its claim is.
    pub fn path(self) -> String {
        format!("generations/{:06}.json", self.0)
    }

    /// Where it says that it is alive.
    pub fn lease(self) -> String {
        format!("generations/{:06}.lease", self.0)
    }

    /// The generation whose claim a path is.
    pub fn of_path(path: &str) -> Option<Generation> {
        number(path, "generations/", ".json").map(Generation)
    }

    /// The generation whose lease a path is.
    pub fn of_lease(path: &str) -> Option<Generation> {
        number(path, "generations/", ".lease").map(Generation)
    }
}

impl std::fmt::Display for Generation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// A layout, in the order in which they were made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LayoutNumber(pub u64);

impl LayoutNumber {
    /// Where it is.
    pub fn path(self) -> String {
        format!("layouts/{:06}.json", self.0)
    }

    /// The layout that a path is.
    pub fn of_path(path: &str) -> Option<LayoutNumber> {
        number(path, "layouts/", ".json").map(LayoutNumber)
    }
}

/// Where the manifest is whose first epoch this is.
pub fn manifest_path(first: Epoch) -> String {
    format!("manifests/{:012}.json", first.0)
}

/// The first epoch of the manifest that a path is.
pub(super) fn manifest_of(path: &str) -> Option<Epoch> {
    number(path, "manifests/", ".json").map(Epoch)
}

fn number(path: &str, folder: &str, end: &str) -> Option<u64> {
    let digits = path.strip_prefix(folder)?.strip_suffix(end)?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

/// The SHA-256 of an object's bytes, in hexadecimal: it names what it is of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Sum(String);

impl Sum {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Sum {
        Sum(Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// In hexadecimal.
    pub fn hex(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Sum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A process that writes: the same name is never given twice.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WriterId(String);

impl WriterId {
    /// Of a process, by where and when it began.
    pub fn new(process: u32, nanoseconds: u128) -> WriterId {
        let host = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
        WriterId(Sum::of(format!("{host}\n{process}\n{nanoseconds}").as_bytes()).hex()[..16].to_owned())
    }
}

impl std::fmt::Display for WriterId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_nothing_else_is() {
        assert_eq!(manifest_of(&manifest_path(Epoch(12))), Some(Epoch(12)));
        assert_eq!(Generation::of_path(&Generation(3).path()), Some(Generation(3)));
        assert_eq!(Generation::of_lease(&Generation(3).lease()), Some(Generation(3)));
        assert_eq!(LayoutNumber::of_path(&LayoutNumber(0).path()), Some(LayoutNumber(0)));
        for stray in ["manifests/12.json.tmp", "manifests/+12.json", "manifests/x.json", "12.json"] {
            assert_eq!(manifest_of(stray), None, "{stray}");
        }
        assert!(manifest_path(Epoch(9)) < manifest_path(Epoch(10)));
        assert_eq!(Sum::of(b"").hex().len(), 64);
        assert_ne!(WriterId::new(1, 5).to_string(), WriterId::new(2, 5).to_string());
    }
}
