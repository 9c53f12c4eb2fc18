//! Measurements as people read them: MJD, nJy, magnitudes, and why one does not count.

use serde::Serialize;
use skydiff_operators::Photometry;
use skydiff_schemas::survey::tai;
use skydiff_schemas::{Kind, Measurement, PicoJansky, SourceId, Version, iso_utc};
use std::collections::{HashMap, HashSet};

/// Magnitudes by which a flux of relative error 1 is uncertain: 2.5 / ln 10.
const MAGNITUDES: f64 = 1.085_736_204_758_129_6;

/// One measurement.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Point {
    /// Mid-exposure, MJD TAI.
    pub mjd_tai: f64,
    /// The same, ISO 8601.
    pub utc: String,
    /// Filter.
    pub band: &'static str,
    /// source, forced or limit.
    pub kind: &'static str,
    /// Difference flux, nJy; of a limit, its 5σ flux.
    pub flux: f64,
    /// Its error as quoted.
    pub flux_err: f64,
    /// Total flux, nJy, where defined.
    pub total_flux: Option<f64>,
    /// AB magnitude of the size of `flux`.
    pub magnitude: Option<f64>,
    /// Its error; none of a limit.
    pub magnitude_err: Option<f64>,
    /// Why it is not good.
    pub quality: Vec<&'static str>,
    /// Whether it is what its visit counts as.
    pub counts: bool,
    /// The survey's id.
    pub id: String,
    /// The visit.
    pub visit: String,
    /// Number of the reference image; none of a limit that names none.
    pub reference: Option<u32>,
    /// Degrees.
    pub ra: Option<f64>,
    /// Degrees.
    pub dec: Option<f64>,
    /// The version of the copy that stands.
    pub version: Option<PointVersion>,
    /// In how many packets it came.
    pub copies: usize,
}

/// What decided that this copy stands.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct PointVersion {
    /// Rank of the source of packets.
    pub rank: i16,
    /// The survey's processing time, MJD TAI.
    pub processed: Option<f64>,
    /// Trigger time of the packet that it is from, MJD TAI.
    pub packet: f64,
    /// Whether it is that packet's trigger.
    pub trigger: bool,
}

/// Measurements with their versions and numbers of copies; which of them count follows from all of them.
pub fn points(rows: &[(Measurement, Option<Version>, usize)], photometry: Photometry) -> Vec<Point> {
    let counting = counting(rows.iter().map(|(measurement, ..)| measurement), photometry);
    let point = |(measurement, version, copies): &(Measurement, Option<Version>, usize)| {
        let counts = counting.contains(&(measurement.kind, measurement.id));
        Point { counts, copies: *copies, version: version.map(point_version), ..point(measurement) }
    };
    rows.iter().map(point).collect()
}

/// The rows that are what their visits count as: of the good ones of a band the best kind, and of these the greatest id.
fn counting<'m>(rows: impl Iterator<Item = &'m Measurement>, photometry: Photometry) -> HashSet<(Kind, SourceId)> {
    let order = |kind: Kind| match (photometry, kind) {
        (_, Kind::Limit) => 0,
        (Photometry::SourceFirst, Kind::Source) | (Photometry::ForcedFirst, Kind::Forced) => 2,
        _ => 1,
    };
    let mut visits: HashMap<_, (i32, SourceId, Kind)> = HashMap::new();
    for row in rows.filter(|row| row.quality.is_good()) {
        let this = (order(row.kind), row.id, row.kind);
        let best = visits.entry((row.band, row.visit)).or_insert(this);
        *best = this.max(*best);
    }
    visits.into_values().map(|(_, id, kind)| (kind, id)).collect()
}

fn point(measurement: &Measurement) -> Point {
    let size = PicoJansky(measurement.flux.0.saturating_abs());
    let error = || MAGNITUDES * measurement.sigma.0 as f64 / size.0 as f64;
    let place = measurement.position.degrees();
    Point {
        mjd_tai: measurement.time.days(),
        utc: iso_utc(tai::to_utc(measurement.time)),
        band: measurement.band.name(),
        kind: measurement.kind.name(),
        flux: measurement.flux.nanojansky(),
        flux_err: measurement.sigma.nanojansky(),
        total_flux: measurement.total().map(PicoJansky::nanojansky),
        magnitude: size.magnitude(),
        magnitude_err: size.magnitude().filter(|_| measurement.kind != Kind::Limit).map(|_| error()),
        quality: measurement.quality.reasons().collect(),
        counts: false,
        id: measurement.id.0.to_string(),
        visit: measurement.visit.to_string(),
        reference: (measurement.reference != Measurement::ANY_REFERENCE).then_some(measurement.reference),
        ra: place.map(|(ra, _)| ra),
        dec: place.map(|(_, dec)| dec),
        version: None,
        copies: 0,
    }
}

fn point_version(version: Version) -> PointVersion {
    PointVersion {
        rank: version.rank,
        processed: (version.processed != Version::UNPROCESSED).then(|| version.processed.days()),
        packet: version.packet.0.days(),
        trigger: version.trigger,
    }
}

/// An aligned table, a line a measurement.
pub fn table(points: &[Point]) -> String {
    let mut text = format!(
        "{:>12}  {:<19}  {:<5}{:<7}{:>11}{:>10}{:>8}{:>7}  {:<19}{:>6}  {}\n",
        "mjd_tai", "utc", "band", "kind", "flux/nJy", "err", "mag", "err", "counts", "copies", "id"
    );
    for point in points {
        let counts = match (point.counts, &point.quality[..]) {
            (true, _) => "yes".into(),
            (false, []) => "no: other of visit".into(),
            (false, reasons) => format!("no: {}", reasons.join(" ")),
        };
        let magnitude =
            |value: Option<f64>, digits: usize| value.map_or("-".into(), |value| format!("{value:.digits$}"));
        text += &format!(
            "{:>12.5}  {:<19}  {:<5}{:<7}{:>11.1}{:>10.1}{:>8}{:>7}  {counts:<19}{:>6}  {}\n",
            point.mjd_tai,
            point.utc.get(..19).unwrap_or(&point.utc),
            point.band,
            point.kind,
            point.flux,
            point.flux_err,
            magnitude(point.magnitude, 3),
            magnitude(point.magnitude_err, 3),
            point.copies,
            point.id,
        );
    }
    text
}

/// CSV with a header.
pub fn csv(points: &[Point]) -> String {
    let number = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
    let mut text =
        "mjd_tai,utc,band,kind,flux_njy,flux_err_njy,total_flux_njy,magnitude,magnitude_err,counts,quality,id,visit,\
                    reference,ra_deg,dec_deg,rank,processed_mjd_tai,packet_mjd_tai,trigger,copies\n"
            .to_owned();
    for point in points {
        let version = point.version;
        let fields = [
            point.mjd_tai.to_string(),
            point.utc.clone(),
            point.band.into(),
            point.kind.into(),
            point.flux.to_string(),
            point.flux_err.to_string(),
            number(point.total_flux),
            number(point.magnitude),
            number(point.magnitude_err),
            point.counts.to_string(),
            point.quality.join(" "),
            point.id.clone(),
            point.visit.clone(),
            point.reference.map_or(String::new(), |reference| reference.to_string()),
            number(point.ra),
            number(point.dec),
            version.map_or(String::new(), |version| version.rank.to_string()),
            number(version.and_then(|version| version.processed)),
            number(version.map(|version| version.packet)),
            version.map_or(String::new(), |version| version.trigger.to_string()),
            point.copies.to_string(),
        ];
        text += &(fields.join(",") + "\n");
    }
    text
}
