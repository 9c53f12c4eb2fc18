//! The change record (DESIGN §4.5): what a consumer reads, one for each object and epoch in which something changed.
//!
//! One schema for JSON lines and Avro, declared here and nowhere else: the doc comments below are the
//! documentation of the columns wherever they are shown. A later version may add columns at the end of a
//! table, each of them nullable or with a default; none is renamed, removed or given another meaning.

mod column;
mod container;
mod enclosed;
mod reader;
mod schema;

pub use column::{Blob, Column, Shape, Table, Value};
pub use container::{Codec, ContainerWriter};
pub use enclosed::{Enclosed, enclosing_schema};
pub use reader::ContainerReader;
pub use schema::{avro_schema, markdown};

use column::{columns, words};

words! {
    /// What became of the object in the relation.
    AlertType {
        /// It was not there before.
        Initial = "initial",
        /// It was there, and has a newer good source.
        Subsequent = "subsequent",
        /// It was there, and is known differently.
        Update = "update",
        /// It is no longer there: what was said is no longer true.
        Retraction = "retraction",
    }
}

words! {
    /// Why it changed. Of several reasons the first in this order; `causes` has them all.
    Reason {
        /// The survey withdrew a measurement.
        Withdrawn = "withdrawn",
        /// A measurement came from another object, or went to one.
        Reassociated = "reassociated",
        /// The standing value of a measurement was replaced.
        Remeasured = "remeasured",
        /// Measurements that are newer than what was known.
        NewData = "new_data",
        /// Measurements that were not known, and all of them older than what was.
        LateData = "late_data",
        /// Time alone: states are no longer alive.
        Expired = "expired",
        /// The job's thresholds, quality cuts or timescales were changed.
        Config = "config",
        /// The program that computes the states was changed.
        Code = "code",
    }
}

words! {
    /// Whether the sky is being watched or an archive is being read.
    AlertTense {
        /// The triggering alert was received soon after it was observed.
        Current = "current",
        /// It was received long after.
        Archival = "archival",
    }
}

words! {
    /// What happened to a measurement.
    Happening {
        /// Newer than everything that was known of the object.
        New = "new",
        /// Not known before, but older than what was.
        Late = "late",
        /// Its standing value was replaced.
        Remeasured = "remeasured",
        /// The survey withdrew it.
        Withdrawn = "withdrawn",
        /// It came from another object.
        Joined = "joined",
        /// It went to another object.
        Left = "left",
    }
}

columns! {
    /// What changed in what is known of one object in one epoch, and what is known of it now. It replaces the object's previous record
    /// in its lane. Absent values are null. Ids are texts: they exceed 2^53, beyond which JSON readers round.
    Record {
        /// Name of the job. With epoch, lane and rank the message id: a record that comes again has the same one.
        job: String,
        /// Epoch in which the change took place; epochs only grow.
        epoch: i64,
        /// Lane of the object: records of one object are all in one lane, in order.
        lane: i64,
        /// Rank of the record among those of its epoch and lane.
        rank: i64,
        /// Survey: ztf, lsst, ...
        survey: String,
        /// The survey's name of the object.
        object: String,
        /// What became of the object: initial, it was in no state before; subsequent, it has a newer good source; update, it is known
        /// differently; retraction, it is in no state any more.
        alert_type: AlertType,
        /// Why: the first of these that holds. `causes` has the measurements.
        reason: Reason,
        /// Whether the triggering alert was received soon after its observation or is from an archive.
        alert_tense: AlertTense,
        /// The measurements that changed; empty when time alone did it.
        causes: Vec<CausingMeasurement>,
        /// Id of the alert (of its source) that triggered: of those that stand, the one of latest observation.
        alert: Option<String>,
        /// Right ascension of the triggering source as sent (ICRS); of the object's first standing source where no trigger stands.
        ["deg"] ra: Option<f64>,
        /// Declination, likewise.
        ["deg"] dec: Option<f64>,
        /// Error of the right ascension, on the sky.
        ["arcsec"] ra_err: Option<f32>,
        /// Error of the declination.
        ["arcsec"] dec_err: Option<f32>,
        /// HEALPix NESTED cell of order 29 of ra and dec.
        _healpix_29: Option<i64>,
        /// Mid-exposure of the triggering source, MJD (TAI).
        ["d"] mjd_tai: Option<f64>,
        /// The same, UTC, ISO 8601.
        utc: Option<String>,
        /// Mid-exposure of the newest good source, MJD (TAI): where every timescale ends.
        ["d"] newest_mjd_tai: Option<f64>,
        /// The same, UTC, ISO 8601.
        newest_utc: Option<String>,
        /// When the triggering alert was received, UTC, ISO 8601.
        received: Option<String>,
        /// The newest good measurement in each band.
        latest: Vec<LatestInBand>,
        /// What the survey says beside the light curve, with the triggering alert.
        context: Option<AlertContext>,
        /// Good detections: (band, visit)s with a good source.
        detections: i64,
        /// First detection, MJD (TAI): the oldest good source or the survey's own record of an older one.
        ["d"] first_detection_mjd_tai: Option<f64>,
        /// The last visit before the first detection that saw nothing; null is never observed before.
        last_non_detection: Option<LastNonDetection>,
        /// One for each timescale of the job, shortest first; empty when nothing is known of the object any more.
        timescales: Vec<Timescale>,
    }
}

columns! {
    /// A measurement that changed.
    CausingMeasurement {
        /// The survey's id of it; the visit's where it has none of its own.
        id: String,
        /// source, forced or limit.
        kind: String,
        /// What happened to it.
        what: Happening,
        /// Its mid-exposure, MJD (TAI).
        ["d"] mjd_tai: f64,
    }
}

columns! {
    /// The newest good measurement in one band.
    LatestInBand {
        /// Filter: u g r i z y J H K.
        band: String,
        /// source or forced.
        kind: String,
        /// Mid-exposure, MJD (TAI).
        ["d"] mjd_tai: f64,
        /// Difference flux; negative where it is fainter than in the reference image.
        ["nJy"] flux: f64,
        /// Its error as the survey quotes it.
        ["nJy"] flux_err: f64,
        /// Total flux, reference included, where it is defined.
        ["nJy"] total_flux: Option<f64>,
        /// AB magnitude of the size of the difference flux; the sign is that of `flux`.
        ["mag"] difference_magnitude: Option<f64>,
        /// Its error.
        ["mag"] difference_magnitude_err: Option<f64>,
        /// AB magnitude of the total flux, where it is defined and positive: what a telescope sees there.
        ["mag"] magnitude: Option<f64>,
        /// Its error (that of the difference flux).
        ["mag"] magnitude_err: Option<f64>,
    }
}

columns! {
    /// What the survey says beside the light curve; null where it does not say.
    AlertContext {
        /// Real/bogus score, 0 bogus to 1 real: ZTF drb, else rb; LSST reliability.
        real_bogus: Option<f32>,
        /// Star/galaxy score, 1 star, 0 galaxy: ZTF sgscore1; LSST 1 - extendedness.
        star: Option<f32>,
        /// Distance to the nearest source of the reference image.
        ["arcsec"] reference_distance: Option<f32>,
        /// Its magnitude.
        ["mag"] reference_magnitude: Option<f32>,
        /// Distance to the nearest catalogued neighbour: ZTF distpsnr1; LSST nearbyObj1Dist.
        ["arcsec"] neighbour_distance: Option<f32>,
        /// Its r magnitude.
        ["mag"] neighbour_magnitude: Option<f32>,
        /// Distance to the nearest known solar-system object.
        ["arcsec"] solar_system_distance: Option<f32>,
        /// Its predicted magnitude.
        ["mag"] solar_system_magnitude: Option<f32>,
        /// The survey's own first detection of the object, MJD (TAI).
        ["d"] first_detection_mjd_tai: Option<f64>,
        /// Detections of the object by the survey's own count.
        detections: Option<i64>,
        /// Visits that covered the object by the survey's own count.
        coverage: Option<i64>,
        /// The survey's programme: ZTF programid.
        program: Option<i64>,
        /// Why the triggering source does not count, by reason (withdrawn, score, pixels, width, shape, dipole, flux, processing, no_flux); empty is good.
        quality: Vec<String>,
    }
}

columns! {
    /// A visit that saw nothing.
    LastNonDetection {
        /// Mid-exposure, MJD (TAI).
        ["d"] mjd_tai: f64,
        /// Filter.
        band: String,
        /// The difference flux that it would have seen: its 5 sigma limit.
        ["nJy"] limiting_flux: f64,
        /// The same as an AB magnitude.
        ["mag"] limiting_magnitude: Option<f64>,
    }
}

columns! {
    /// What is known at one timescale: over the window of that length that ends with the newest good source.
    Timescale {
        /// Length of the window; null is all of history.
        ["d"] timescale: Option<f64>,
        /// The states that hold and are alive.
        states: Vec<StateHeld>,
        /// Those of them that did not hold, or were not alive, before.
        entered: Vec<String>,
        /// States that held before and do not now, or are no longer alive.
        left: Vec<String>,
        /// States that hold as before with a significance that crossed one of the job's levels, up or down.
        crossed: Vec<String>,
        /// The trends of two bands contradict each other.
        bands_disagree: bool,
        /// Whether the survey's clock is before `valid_until_mjd_tai`. The features are of the window in either case.
        alive: bool,
        /// The states end here without a further record, MJD (TAI), unless the object is detected again before; null is never.
        ["d"] valid_until_mjd_tai: Option<f64>,
        /// Features of each series: a band on one reference image.
        series: Vec<Series>,
        /// Colours of each pair of bands.
        colours: Vec<ColourOfPair>,
    }
}

columns! {
    /// A state and its significance.
    StateHeld {
        /// candidate, new, reappeared, rising, fading, turned, flaring, dipping, variable or steady.
        state: String,
        /// Its significance Z, in standard deviations.
        z: f64,
    }
}

columns! {
    /// Features of one series in the window, of difference fluxes; named as in light-curve-feature. Visits within one slot are averaged
    /// before slopes and rates.
    Series {
        /// Filter.
        band: String,
        /// Number of the reference image: fluxes on different ones have different zeros.
        reference: i64,
        /// Good visits with a flux.
        n: i64,
        /// Mean, weighted by the inverse variances.
        ["nJy"] weighted_mean: f64,
        /// Its error.
        ["nJy"] weighted_mean_err: f64,
        /// Chi-squared about it, of n - 1 degrees of freedom.
        chi2: f64,
        /// Scatter beyond the errors; null with one visit.
        ["nJy"] excess_scatter: Option<f64>,
        /// Slope of the weighted line; null with one slot.
        ["nJy.d**-1"] linear_fit_slope: Option<f64>,
        /// Its error.
        ["nJy.d**-1"] linear_fit_slope_sigma: Option<f64>,
        /// Chi-squared of the line over its degrees of freedom; null with fewer than three slots.
        linear_fit_reduced_chi2: Option<f64>,
        /// Greatest minus least flux.
        ["nJy"] amplitude: f64,
        /// The same over the errors of the two, in quadrature.
        amplitude_z: f64,
        /// Rate between the two newest slots; null with one slot.
        ["nJy.d**-1"] rate: Option<f64>,
        /// Its error.
        ["nJy.d**-1"] rate_sigma: Option<f64>,
        /// Lower bound on the rate since the last visit that saw nothing this faint; null without one.
        ["nJy.d**-1"] rise_limit: Option<f64>,
        /// Its significance.
        rise_limit_z: Option<f64>,
        /// Significance of the trend, signed: positive is brightening.
        trend_z: Option<f64>,
    }
}

columns! {
    /// Colour from the newest visits of two bands, of total fluxes where both have one, else of difference fluxes.
    ColourOfPair {
        /// The bluer band.
        blue: String,
        /// The redder band.
        red: String,
        /// Magnitude in the bluer minus magnitude in the redder band.
        ["mag"] colour: f64,
        /// Its error.
        ["mag"] colour_err: f64,
        /// Change since the previous such pair in the window; null without one.
        ["mag.d**-1"] change: Option<f64>,
    }
}

impl Record {
    /// The message id: the same for the same record whenever and wherever it is written.
    pub fn message_id(&self) -> String {
        format!("{}/{}/{}/{}", self.job, self.epoch, self.lane, self.rank)
    }

    /// Appends the record as one line of JSON.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        // Writing to memory cannot fail, and every field of a record can be written as JSON.
        if serde_json::to_writer(&mut *out, self).is_ok() {
            out.push(b'\n');
        }
    }
}

#[cfg(test)]
mod tests;
