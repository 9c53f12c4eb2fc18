//! Which files make the next edition of a collection, and in which order they are written: pure decisions.
//!
//! Every step may be done twice, so whoever dies on the way begins again; what it left lies in a folder that nothing names,
//! and is written over.

use super::hats::{catalogue, collection, partition_info, pixel_folder};
use super::tile::{CatalogueRow, NewTile, schema_only};
use crate::archive::dataset::DataError;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use skydiff_operators::Epoch;
use std::collections::BTreeSet;

/// An edition of a collection: kept as `skydiff.json` in its folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Edition {
    /// Editions only grow.
    pub number: u64,
    /// The last epoch that is in it; `None` of one that is empty.
    pub through: Option<Epoch>,
    /// The archive that it is of, by its first manifest; `None` of one that is of packets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// By which settings things are known; `None` where nothing depends on any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<String>,
    /// Order of its pixels.
    pub order: u8,
    /// Its files, by path.
    pub tiles: Vec<Tile>,
}

/// A file of an edition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tile {
    /// Where it is within the edition.
    pub path: String,
    /// Of which pixel.
    pub pixel: u64,
    /// Rows in it.
    pub rows: u64,
    /// Its length.
    pub bytes: u64,
    /// The sky clock (MJD) up to which its rows stay as they are, if nothing new comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<f64>,
}

/// Something to do; paths are within the collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The same bytes under another name.
    Copy {
        /// What is there.
        from: String,
        /// Under which name too.
        to: String,
    },
    /// A file, in place of what may be there.
    Put {
        /// Where.
        path: String,
        /// All of it.
        bytes: Bytes,
    },
}

impl Edition {
    /// The one before the first.
    pub fn none(order: u8) -> Edition {
        Edition { number: 0, through: None, origin: None, settings: None, order, tiles: vec![] }
    }

    /// Its folder in the collection.
    pub fn folder(&self) -> String {
        format!("edition-{:06}", self.number)
    }

    /// Rows of all its files.
    pub fn rows(&self) -> u64 {
        self.tiles.iter().map(|tile| tile.rows).sum()
    }

    /// Bytes of all its files.
    pub fn bytes(&self) -> u64 {
        self.tiles.iter().map(|tile| tile.bytes).sum()
    }

    /// The next edition: this one, and rows of the epochs after it up to `through`.
    pub fn append<R: CatalogueRow>(
        &self,
        through: Epoch,
        tiles: Vec<NewTile>,
    ) -> Result<(Edition, Vec<Step>), DataError> {
        self.next::<R>(through, tiles, |_| true)
    }

    /// The next edition: this one, but that the pixels of `tiles` hold what is in `tiles` and nothing else, and those in `gone`
    /// nothing.
    pub fn replace<R: CatalogueRow>(
        &self,
        through: Epoch,
        tiles: Vec<NewTile>,
        gone: &BTreeSet<u64>,
    ) -> Result<(Edition, Vec<Step>), DataError> {
        let replaced: BTreeSet<u64> = tiles.iter().map(|tile| tile.pixel).chain(gone.iter().copied()).collect();
        self.next::<R>(through, tiles, |tile| !replaced.contains(&tile.pixel))
    }

    fn next<R: CatalogueRow>(
        &self,
        through: Epoch,
        new: Vec<NewTile>,
        stays: impl Fn(&Tile) -> bool,
    ) -> Result<(Edition, Vec<Step>), DataError> {
        let (number, through) = (self.number + 1, Some(through));
        let mut next = Edition { number, through, origin: None, settings: None, order: self.order, tiles: vec![] };
        let (before, after) = (self.folder(), next.folder());
        let mut steps = vec![];
        for tile in self.tiles.iter().filter(|tile| stays(tile)) {
            steps.push(Step::Copy { from: format!("{before}/{}", tile.path), to: format!("{after}/{}", tile.path) });
            next.tiles.push(tile.clone());
        }
        let put = |path: &str, bytes: Bytes| Step::Put { path: format!("{after}/{path}"), bytes };
        for NewTile { pixel, rows, bytes, until } in new {
            // The name is that of the edition that brought it, so that no two are ever the same.
            let path = format!("{}/{:06}.parquet", pixel_folder(self.order, pixel), next.number);
            next.tiles.push(Tile { path: path.clone(), pixel, rows, bytes: bytes.len() as u64, until });
            steps.push(put(&path, bytes));
        }
        next.in_order();
        steps.extend(next.named::<R>()?);
        Ok((next, steps))
    }

    /// Its files in the order of their paths.
    pub(super) fn in_order(&mut self) {
        self.tiles.sort_by(|a, b| a.path.cmp(&b.path));
    }

    /// What is put when all its files are there: what readers go by, the one that names it last.
    pub(super) fn named<R: CatalogueRow>(&self) -> Result<Vec<Step>, DataError> {
        let put = |path: &str, bytes: Bytes| Step::Put { path: format!("{}/{path}", self.folder()), bytes };
        let own = serde_json::to_vec(self).map_err(|error| DataError::Row(error.to_string()))?;
        Ok(vec![
            put("dataset/_common_metadata", schema_only::<R>()?),
            put("partition_info.csv", partition_info(self).into()),
            put("skydiff.json", own.into()),
            put("hats.properties", catalogue::<R>(self).into()),
            Step::Put { path: "collection.properties".into(), bytes: collection::<R>(self).into() },
        ])
    }
}
