//! `measurements/`: the log of copies that could win, and of what they changed in the histories.

use super::column::{Column, Packing, common, fluxes, maybe_fluxes, object, objects, pixels, positions};
use super::column::{times, words};
use super::take::{Objects, Words, every, flags, flux, maybe, numbers, pixel, position, values};
use super::version::{self, Versions};
use super::{DataError, Dataset, Names, Row};
use arrow_array::types::{Decimal64Type, Int8Type, UInt16Type, UInt32Type, UInt64Type};
use arrow_array::{
    ArrayRef, BooleanArray, Float32Array, Int8Array, RecordBatch, UInt16Array, UInt32Array, UInt64Array,
};
use arrow_schema::DataType;
use skydiff_operators::Epoch;
use skydiff_schemas::{Band, Kind, Measurement, MicroDays, ObjectId, PicoJansky, Pixel, Quality, SourceId, Version};
use std::sync::Arc;

/// A copy of a measurement that was offered, a change of a history, or (nearly always) both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MeasurementRow {
    /// When it came to be known.
    pub epoch: Epoch,
    /// Where its object is kept.
    pub pixel: Pixel,
    /// Whose: the object that has it, or that claims it.
    pub object: ObjectId,
    /// What was measured.
    pub measurement: Measurement,
    /// +1 where it enters the object's history, −1 where it leaves, 0 where the history stays as it was.
    pub change: i8,
    /// The copy's version, where a packet of the object offered it.
    pub version: Option<Version>,
    /// Whether its id belongs to the survey rather than to the object.
    pub global: bool,
}

/// The words for kinds, in their order.
pub(super) const KINDS: [&str; 3] = ["source", "forced", "limit"];

impl Row for MeasurementRow {
    const DATASET: Dataset = Dataset::Measurements;
    const SHOWN: &'static [&'static str] = &["magnitude"];
    const FOUND_BY: &'static [&'static str] = &["object_id", "source_id"];

    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn pixel(&self) -> Pixel {
        self.pixel
    }

    fn time(&self) -> Option<MicroDays> {
        Some(self.measurement.time)
    }

    fn is_of(&self, names: &Names) -> bool {
        match names {
            Names::Objects(objects) => objects.contains(&self.object),
            Names::Sources(sources) => sources.contains(&self.measurement.id),
        }
    }

    fn size(&self) -> usize {
        size_of::<Self>()
    }

    fn sort(rows: &mut [Self]) {
        rows.sort_unstable();
    }

    fn columns() -> Vec<Column> {
        let new = Column::new;
        let own = vec![
            Column::time("mjd_tai", "Mid-exposure, MJD (TAI)"),
            Column::word("kind", "source, forced, or limit for a visit that saw nothing"),
            Column::word("band", "Filter: u g r i z y J H K"),
            new("source_id", DataType::UInt64, "The survey's id of it").packed(Packing::Delta),
            new("visit", DataType::UInt64, "The survey's visit").packed(Packing::Delta),
            Column::flux("flux", "Difference flux; of a limit, the flux that it would have seen at 5 sigma"),
            Column::flux("flux_err", "Its error as the survey quotes it; of a limit, a fifth of flux"),
            Column::flux("total_flux", "Total flux, reference included; null where not defined").maybe(),
            new("magnitude", DataType::Float32, "AB magnitude of the size of flux; null where it is 0").maybe().unit("mag"),
            new("_healpix_29", DataType::UInt64, "HEALPix NESTED cell of order 29 of its place (ICRS); null where unknown")
                .maybe(),
            new("reference", DataType::UInt32, "Reference image; null for a limit that joins every series of its band")
                .maybe()
                .packed(Packing::Dictionary),
            new(
                "quality",
                DataType::UInt16,
                "Why it does not count, by bit: 1 withdrawn, 2 score, 4 pixels, 8 width, 16 shape, 32 dipole, 64 flux, 128 processing, 256 no_flux; 0 is good",
            )
            .packed(Packing::Dictionary),
            new("change", DataType::Int8, "+1 enters the object's history, -1 leaves it, 0 is a copy that changed no value")
                .packed(Packing::Dictionary),
            new("global", DataType::Boolean, "Whether its id is the survey's, so that another object may claim it"),
        ];
        [common(), object(), own, version::columns()].concat()
    }

    fn arrays(rows: &[Self]) -> Result<Vec<ArrayRef>, DataError> {
        let all = || rows.iter().map(|row| &row.measurement);
        let size = |row: &Measurement| PicoJansky(row.flux.0.saturating_abs()).magnitude().map(|mag| mag as f32);
        let [survey, class, object] = objects(rows.iter().map(|row| row.object))?;
        let [rank, processed, packet, trigger] = version::arrays(rows.iter().map(|row| row.version))?;
        Ok(vec![
            Arc::new(UInt64Array::from_iter_values(rows.iter().map(|row| row.epoch.0))),
            pixels(rows.iter().map(|row| row.pixel)),
            survey,
            class,
            object,
            times("mjd_tai", all().map(|row| row.time))?,
            words("kind", &KINDS, all().map(|row| Some(row.kind as usize)))?,
            words("band", &Band::NAMES, all().map(|row| Some(usize::from(row.band.0))))?,
            Arc::new(UInt64Array::from_iter_values(all().map(|row| row.id.0))),
            Arc::new(UInt64Array::from_iter_values(all().map(|row| row.visit))),
            fluxes("flux", all().map(|row| row.flux))?,
            fluxes("flux_err", all().map(|row| row.sigma))?,
            maybe_fluxes("total_flux", all().map(Measurement::total))?,
            Arc::new(all().map(size).collect::<Float32Array>()),
            positions(all().map(|row| row.position)),
            Arc::new(
                all()
                    .map(|row| (row.reference != Measurement::ANY_REFERENCE).then_some(row.reference))
                    .collect::<UInt32Array>(),
            ),
            Arc::new(UInt16Array::from_iter_values(all().map(|row| row.quality.0))),
            Arc::new(Int8Array::from_iter_values(rows.iter().map(|row| row.change))),
            Arc::new(rows.iter().map(|row| Some(row.global)).collect::<BooleanArray>()),
            rank,
            processed,
            packet,
            trigger,
        ])
    }

    fn rows(batch: &RecordBatch) -> Result<Vec<Self>, DataError> {
        let epoch = values::<UInt64Type>(batch, "epoch")?;
        let pixels = numbers::<UInt32Type>(batch, "pixel")?;
        let objects = Objects::of(batch)?;
        let times = values::<Decimal64Type>(batch, "mjd_tai")?;
        let (kinds, bands) = (Words::of(batch, "kind", &KINDS)?, Words::of(batch, "band", &Band::NAMES)?);
        let (ids, visits) = (values::<UInt64Type>(batch, "source_id")?, values::<UInt64Type>(batch, "visit")?);
        let fluxes = values::<Decimal64Type>(batch, "flux")?;
        let sigmas = values::<Decimal64Type>(batch, "flux_err")?;
        let totals = numbers::<Decimal64Type>(batch, "total_flux")?;
        let positions = numbers::<UInt64Type>(batch, "_healpix_29")?;
        let references = numbers::<UInt32Type>(batch, "reference")?;
        let qualities = values::<UInt16Type>(batch, "quality")?;
        let changes = values::<Int8Type>(batch, "change")?;
        let versions = Versions::of(batch)?;
        let globals = flags(batch, "global")?;
        every(batch, |row| {
            let measurement = Measurement {
                time: MicroDays(times[row]),
                id: SourceId(ids[row]),
                visit: visits[row],
                flux: PicoJansky(fluxes[row]),
                sigma: PicoJansky(sigmas[row]),
                total: flux(totals, row).unwrap_or(Measurement::NO_TOTAL),
                position: position(positions, row),
                reference: maybe(references, row).unwrap_or(Measurement::ANY_REFERENCE),
                quality: Quality(qualities[row]),
                kind: kind(kinds.get(row)?),
                band: Band(bands.get(row)? as u8),
            };
            Ok(MeasurementRow {
                epoch: Epoch(epoch[row]),
                pixel: pixel(pixels, row),
                object: objects.get(row)?,
                measurement,
                change: changes[row],
                version: versions.maybe(row)?,
                global: globals.value(row),
            })
        })
    }
}

/// The kind at a place of [`KINDS`].
fn kind(place: usize) -> Kind {
    match place {
        0 => Kind::Source,
        1 => Kind::Forced,
        _ => Kind::Limit,
    }
}
