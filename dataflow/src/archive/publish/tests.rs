//! Whatever step a writer dies at, readers see one edition, whole: the one before or the next.

use super::tile::CatalogueRow;
use super::{AlertRow, Edition, Step, begin, carry_out, tiles};
use skydiff_operators::Epoch;
use skydiff_schemas::{
    Band, Context, Kind, Measurement, MicroDays, ObjectClass, ObjectId, PicoJansky, Position, Quality, SourceId,
    SurveyId,
};
use std::collections::BTreeSet;
use std::path::PathBuf;

fn alert(number: u64) -> AlertRow {
    let degrees = (number as f64 * 7.3 % 360.0, (number as f64 * 3.1 % 180.0) - 90.0);
    let source = Measurement {
        time: MicroDays(60_000_000_000),
        id: SourceId(number),
        visit: 1,
        flux: PicoJansky(5_000),
        sigma: PicoJansky(100),
        total: Measurement::NO_TOTAL,
        position: Position::from_degrees(degrees.0, degrees.1).unwrap(),
        reference: 1,
        quality: Quality::GOOD,
        kind: Kind::Source,
        band: Band(1),
    };
    let context = Context { ra: degrees.0.to_bits(), dec: degrees.1.to_bits(), ..Context::BLANK };
    let object = ObjectId { survey: SurveyId(0), class: ObjectClass::Sidereal, id: number };
    AlertRow::new(object, SourceId(number), source, context).unwrap()
}

fn night(from: u64, to: u64) -> Vec<super::NewTile> {
    tiles(&(from..to).map(alert).collect::<Vec<_>>(), 1).unwrap()
}

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("skydiff-publish-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Every file that an edition names is there, with as many bytes.
fn is_whole(folder: &Folder, edition: &Edition) {
    for tile in &edition.tiles {
        let path = folder.0.join(edition.folder()).join(&tile.path);
        assert_eq!(std::fs::metadata(&path).unwrap().len(), tile.bytes, "{}", path.display());
    }
}

#[test]
fn readers_never_see_a_part() {
    let folder = Folder::new("part");
    let first = Edition::none(1).append::<AlertRow>(Epoch(5), night(0, 40)).unwrap();
    let second = first.0.append::<AlertRow>(Epoch(9), night(40, 90)).unwrap();
    assert_eq!((first.0.rows(), second.0.rows()), (40, 90));
    for (before, (after, steps)) in [(Edition::none(1), first), (begin(&folder.0, 1).unwrap(), second)] {
        let before = if before.number == after.number { before } else { begin(&folder.0, 1).unwrap() };
        for died_at in 0..steps.len() {
            carry_out(&folder.0, &steps[..died_at]).unwrap();
            assert_eq!(begin(&folder.0, 1).unwrap(), before);
            is_whole(&folder, &before);
        }
        carry_out(&folder.0, &steps).unwrap();
        assert_eq!(begin(&folder.0, 1).unwrap(), after);
        is_whole(&folder, &after);
    }
}

#[test]
fn a_pixel_is_replaced_whole() {
    let (first, _) = Edition::none(1).append::<AlertRow>(Epoch(5), night(0, 90)).unwrap();
    let (some, gone) = (night(0, 3), BTreeSet::from([first.tiles[9].pixel]));
    let touched: BTreeSet<u64> = some.iter().map(|tile| tile.pixel).chain(gone.clone()).collect();
    let stays: u64 = first.tiles.iter().filter(|tile| !touched.contains(&tile.pixel)).map(|tile| tile.rows).sum();
    let (second, steps) = first.replace::<AlertRow>(Epoch(6), some, &gone).unwrap();
    assert_eq!(second.rows(), stays + 3);
    assert!(second.tiles.iter().all(|tile| !gone.contains(&tile.pixel)));
    assert!(matches!(steps.last(), Some(Step::Put { path, .. }) if path == "collection.properties"));
}

#[test]
fn rows_are_in_the_pixel_of_their_place_in_order() {
    let rows: Vec<AlertRow> = (0..90).map(alert).collect();
    let tiles = tiles(&rows, 1).unwrap();
    assert_eq!(tiles.iter().map(|tile| tile.rows).sum::<u64>(), 90);
    for tile in &tiles {
        let here = rows.iter().filter(|row| row.position().0 >> 56 == tile.pixel).count();
        assert_eq!(here as u64, tile.rows);
    }
}

#[test]
fn night_after_night_is_all_at_once() {
    let by_pixel = |edition: &Edition| {
        let mut rows: std::collections::BTreeMap<u64, u64> = Default::default();
        edition.tiles.iter().for_each(|tile| *rows.entry(tile.pixel).or_default() += tile.rows);
        rows
    };
    let (at_once, _) = Edition::none(1).append::<AlertRow>(Epoch(8), night(0, 90)).unwrap();
    let mut nightly = Edition::none(1);
    for of in 0..9 {
        (nightly, _) = nightly.append::<AlertRow>(Epoch(of), night(of * 10, of * 10 + 10)).unwrap();
    }
    assert_eq!(by_pixel(&nightly), by_pixel(&at_once));
    assert_eq!((nightly.rows(), nightly.through), (90, at_once.through));
    let paths: BTreeSet<&String> = nightly.tiles.iter().map(|tile| &tile.path).collect();
    assert_eq!(paths.len(), nightly.tiles.len());
}
