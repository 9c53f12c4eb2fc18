//! The next edition of a collection while it is made: its files are written as they come, into a folder that nothing names,
//! and only the last step names it. So no more than a part of it is ever in memory, and whoever dies has published nothing.

use super::edition::{Edition, Step, Tile};
use super::tile::{CatalogueRow, tiles};
use crate::archive::store::Store;
use skydiff_operators::Epoch;

/// An edition that is being made.
pub struct Draft {
    store: Store,
    before: Edition,
    next: Edition,
    part: u32,
}

/// The edition that readers of a collection see; the one before the first where there is none. `order` is that of a new one.
pub fn newest<R: CatalogueRow>(store: &Store, order: u8) -> Result<Edition, String> {
    let of_store = |why: &dyn std::fmt::Display| format!("{}/{}: {why}", store.url(), R::NAME);
    let properties = store.wait(store.read(&format!("{}/collection.properties", R::NAME)))?;
    let Some(properties) = properties else { return Ok(Edition::none(order)) };
    let properties = String::from_utf8_lossy(&properties).into_owned();
    let folder = properties.lines().find_map(|line| line.strip_prefix("hats_primary_table_url="));
    let folder = folder.ok_or_else(|| of_store(&"its properties name no catalogue: it is not skydiff's"))?;
    let path = format!("{}/{}/skydiff.json", R::NAME, folder.trim());
    let own = store.wait(store.read(&path))?.ok_or_else(|| of_store(&format!("{path} is missing: bring it back")))?;
    serde_json::from_slice(&own).map_err(|error| of_store(&format!("{path} is not an edition of skydiff's: {error}")))
}

impl Draft {
    /// Begins the edition after `before`.
    pub fn new(store: Store, before: Edition) -> Draft {
        let next = Edition { number: before.number + 1, tiles: Vec::new(), ..before.clone() };
        Draft { store, before, next, part: 0 }
    }

    /// Takes over the files of those pixels of the edition before that are wanted.
    pub fn keep<R: CatalogueRow>(&mut self, wanted: impl Fn(u64) -> bool) -> Result<(), String> {
        let (from, to) = (self.before.folder(), self.next.folder());
        for tile in self.before.tiles.clone().into_iter().filter(|tile| wanted(tile.pixel)) {
            let path = |folder: &str| format!("{}/{folder}/{}", R::NAME, tile.path);
            self.store.wait(self.store.copy(&path(&from), &path(&to)))?;
            self.next.tiles.push(tile);
        }
        Ok(())
    }

    /// Adds rows, as a file for each pixel that has some.
    pub fn add<R: CatalogueRow>(&mut self, rows: &[R]) -> Result<(), String> {
        for new in tiles(rows, self.next.order).map_err(|error| error.to_string())? {
            // The name is that of the edition and the part that brought it, so that no two are ever the same.
            let path = format!(
                "{}/{:06}-{:03}.parquet",
                super::hats::pixel_folder(self.next.order, new.pixel),
                self.next.number,
                self.part
            );
            let whole = format!("{}/{}/{path}", R::NAME, self.next.folder());
            let (pixel, rows, bytes) = (new.pixel, new.rows, new.bytes.len() as u64);
            self.store.wait(self.store.write(&whole, new.bytes))?;
            self.next.tiles.push(Tile { path, pixel, rows, bytes, until: new.until });
        }
        self.part += 1;
        Ok(())
    }

    /// Completes and names it.
    pub fn publish<R: CatalogueRow>(
        mut self,
        through: Epoch,
        origin: Option<String>,
        settings: Option<String>,
    ) -> Result<Edition, String> {
        (self.next.through, self.next.origin, self.next.settings) = (Some(through), origin, settings);
        self.next.in_order();
        for step in self.next.named::<R>().map_err(|error| error.to_string())? {
            if let Step::Put { path, bytes } = step {
                self.store.wait(self.store.write(&format!("{}/{path}", R::NAME), bytes))?;
            }
        }
        Ok(self.next)
    }
}
