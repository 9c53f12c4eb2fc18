//! The small files that readers of HATS go by.

use super::Edition;
use super::tile::CatalogueRow;
use std::collections::BTreeSet;

/// `collection.properties`: which edition is the one.
pub(super) fn collection<R: CatalogueRow>(edition: &Edition) -> String {
    properties(&[("obs_collection", R::NAME), ("hats_primary_table_url", &edition.folder())])
}

/// `hats.properties` of an edition.
pub(super) fn catalogue<R: CatalogueRow>(edition: &Edition) -> String {
    let (rows, order) = (edition.rows().to_string(), edition.order.to_string());
    let (bytes, default) = ((edition.bytes() / 1024).to_string(), R::DEFAULT.join(" "));
    properties(&[
        ("obs_collection", R::NAME),
        ("dataproduct_type", R::PRODUCT),
        ("hats_version", "v1.0"),
        ("hats_builder", "skydiff"),
        ("hats_nrows", &rows),
        ("hats_order", &order),
        ("hats_estsize", &bytes),
        ("hats_col_ra", "ra"),
        ("hats_col_dec", "dec"),
        ("hats_col_healpix", "_healpix_29"),
        ("hats_col_healpix_order", "29"),
        ("hats_npix_suffix", "/"),
        ("hats_cols_default", &default),
    ])
}

/// `partition_info.csv` of an edition: the pixels in which there is something.
pub(super) fn partition_info(edition: &Edition) -> String {
    let pixels: BTreeSet<u64> = edition.tiles.iter().map(|tile| tile.pixel).collect();
    let lines = pixels.iter().map(|pixel| format!("{},{pixel}\n", edition.order));
    std::iter::once("Norder,Npix\n".to_owned()).chain(lines).collect()
}

/// Where the files of a pixel are, within an edition.
pub(super) fn pixel_folder(order: u8, pixel: u64) -> String {
    format!("dataset/Norder={order}/Dir={}/Npix={pixel}", pixel / 10_000 * 10_000)
}

fn properties(entries: &[(&str, &str)]) -> String {
    entries.iter().map(|(key, value)| format!("{key}={value}\n")).collect()
}
