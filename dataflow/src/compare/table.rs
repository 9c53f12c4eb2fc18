//! Differences as a Parquet file, which pandas, polars and DuckDB read: a row each, what A and B say side by side.

use super::{Difference, Said};
use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// Writes them to a file. The error says why it cannot be written.
pub fn write_parquet(path: &Path, differences: &[Difference]) -> Result<(), String> {
    let cannot = |error: &dyn std::fmt::Display| format!("{} cannot be written: {error}", path.display());
    let batch = batch(differences).map_err(|error| cannot(&error))?;
    let properties = WriterProperties::builder()
        .set_created_by("skydiff".into())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3).unwrap_or_default()))
        .build();
    let file = File::create(path).map_err(|error| cannot(&error))?;
    let mut out = ArrowWriter::try_new(file, batch.schema(), Some(properties)).map_err(|error| cannot(&error))?;
    out.write(&batch).map_err(|error| cannot(&error))?;
    let file = out.into_inner().map_err(|error| cannot(&error))?;
    file.sync_all().map_err(|error| cannot(&error))
}

fn batch(all: &[Difference]) -> Result<RecordBatch, arrow_schema::ArrowError> {
    let text = |of: fn(&Difference) -> &str| Arc::new(StringArray::from_iter_values(all.iter().map(of))) as ArrayRef;
    let days = |of: &Difference| of.place.timescale.parse::<f64>().ok().filter(|days| days.is_finite());
    let mut columns = vec![
        ("survey", text(|of| &of.place.survey)),
        ("object", text(|of| &of.place.object)),
        ("timescale", Arc::new(all.iter().map(days).collect::<Float64Array>()) as ArrayRef),
        ("state", text(|of| &of.place.state)),
        ("kind", text(|of| of.kind.name())),
        ("days", Arc::new(all.iter().map(|of| of.days).collect::<Float64Array>())),
        ("night", Arc::new(Int64Array::from_iter_values(all.iter().map(Difference::night)))),
    ];
    columns.extend(side(all, |of| of.a.as_ref(), ["a_mjd_tai", "a_z", "a_reason", "a_epoch", "a_holds"]));
    columns.extend(side(all, |of| of.b.as_ref(), ["b_mjd_tai", "b_z", "b_reason", "b_epoch", "b_holds"]));
    // Null is a timescale of all of history, and what is not said.
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
}

fn side<'n>(
    all: &[Difference],
    of: fn(&Difference) -> Option<&Said>,
    names: [&'n str; 5],
) -> impl Iterator<Item = (&'n str, ArrayRef)> {
    let said = || all.iter().map(of);
    let columns: [ArrayRef; 5] = [
        Arc::new(said().map(|said| Some(said?.mjd_tai)).collect::<Float64Array>()),
        Arc::new(said().map(|said| Some(said?.z)).collect::<Float64Array>()),
        Arc::new(said().map(|said| Some(said?.reason)).collect::<StringArray>()),
        Arc::new(said().map(|said| Some(said?.epoch)).collect::<Int64Array>()),
        Arc::new(said().map(|said| Some(said?.holds)).collect::<BooleanArray>()),
    ];
    names.into_iter().zip(columns)
}
