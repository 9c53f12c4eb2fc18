//! For how many nights datasets are kept, where a job says so: whenever a night is over, what is older expires.
//!
//! Only a layout says so; `gc` removes the files. Packets are kept in any case until every lane has published them.

use super::compact::expire;
use super::dataset::Dataset;
use super::open::Archive;
use super::protocol::Manifest;
use super::recall::night_of;
use super::store::Store;
use crate::source::Night;

/// How many nights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nights(pub u32);

impl std::str::FromStr for Nights {
    type Err = String;

    fn from_str(text: &str) -> Result<Nights, String> {
        let wrong = || format!("\"{text}\" is no number of nights: write \"14 nights\"");
        let (number, unit) = text.trim().split_once(' ').ok_or_else(wrong)?;
        let number = number.parse().ok().filter(|number| *number > 0).ok_or_else(wrong)?;
        if matches!(unit.trim(), "nights" | "night") { Ok(Nights(number)) } else { Err(wrong()) }
    }
}

/// Lets what is old expire as the nights go by.
#[derive(Clone, Debug)]
pub struct Keeper {
    store: Store,
    keep: Vec<(Dataset, Nights)>,
    night: Option<Night>,
}

impl Keeper {
    /// Of an archive whose newest night so far is this.
    pub fn new(store: Store, keep: Vec<(Dataset, Nights)>, night: Option<Night>) -> Keeper {
        Keeper { store, keep, night }
    }

    /// A manifest is durable. If it begins a night, what is now too old expires, beside the job.
    pub fn committed(&mut self, manifest: &Manifest) {
        let night = newest(manifest);
        if self.keep.is_empty() || night <= self.night {
            return;
        }
        self.night = night;
        let keeper = self.clone();
        // That it fails is no harm: the next night, or the end of the job, will do it.
        drop(self.store.compute(move || keeper.expire()));
    }

    /// Lets expire what is too old by now.
    pub fn expire(&self) -> Result<(), String> {
        if self.keep.is_empty() {
            return Ok(());
        }
        self.keep.iter().try_for_each(|(dataset, nights)| {
            // Each layout is put after those that are there.
            expire(&Archive::open(self.store.url())?, *dataset, nights.0).map(drop)
        })
    }
}

fn newest(manifest: &Manifest) -> Option<Night> {
    manifest.epochs.iter().filter_map(|bound| night_of(&bound.binding)).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nights_are_read() {
        assert_eq!("14 nights".parse(), Ok(Nights(14)));
        assert_eq!("1 night".parse(), Ok(Nights(1)));
        for wrong in ["14", "nights", "14 days", "0 nights", "-1 nights", ""] {
            assert!(wrong.parse::<Nights>().unwrap_err().contains("\"14 nights\""), "{wrong}");
        }
    }
}
