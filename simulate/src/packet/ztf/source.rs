//! A detection of ZTF: the columns of `candidate`, of its rounded copy in histories, and of an upper limit there.
//!
//! What the survey's quality cuts look at says whether it is bad: bad pixels, a width or a shape that no star has, a low
//! score. Everything else is in the range of real detections.

use super::super::numbers::{
    bell, between, convergence, direction, magnitude, magnitude_error, salt, six_digits, to, unit,
};
use super::super::plan::Column::{self, *};
use super::super::wire::digits;
use super::around;
use super::image::Image;
use crate::{Place, Random, Seen, Shot, Target};

/// Arcseconds of a pixel (Dekany et al. 2020).
pub const PIXEL: f64 = 1.012;

/// What a packet says of its object, beside the measurements.
#[derive(Clone, Copy)]
pub struct Packet {
    pub target: Target,
    pub first: f64,
    pub detections: u32,
    pub coverage: u32,
    /// What is drawn of the object.
    pub stream: Random,
}

impl Packet {
    pub fn new(shot: &Shot) -> Packet {
        Packet {
            target: *shot.target,
            first: to(shot.first_utc + 2_400_000.5, 1e7),
            detections: shot.detections,
            coverage: shot.coverage,
            stream: Random::new(shot.target.id),
        }
    }
}

/// A detection or a limit, with what several columns need.
#[derive(Clone, Copy)]
pub struct Row {
    pub seen: Seen,
    pub packet: Packet,
    pub image: Image,
    /// What is drawn of the measurement.
    pub stream: Random,
    pub magnitude: f64,
    pub error: f64,
    pub snr: f64,
    /// Aperture less PSF magnitude.
    aperture: f64,
    pixel: (f64, f64),
    /// Full width at half maximum, pixels.
    fwhm: f64,
    elong: f64,
    /// Bad pixels near it.
    bad: i64,
    reference: NearestSource,
}

/// The nearest source on the reference image: the one that the difference belongs to where the survey has one there, or one
/// farther off.
#[derive(Clone, Copy)]
pub struct NearestSource {
    pub place: Place,
    /// Arcsec.
    pub distance: f64,
    pub magnitude: f64,
}

impl NearestSource {
    pub fn new(seen: &Seen, stream: Random) -> NearestSource {
        let (distance, magnitude) = match seen.reference.flux {
            Some(flux) => (seen.reference.distance.max(0.0), magnitude(flux)),
            None => (
                between(stream, salt("distnr"), 3.0, 20.0).max(seen.reference.distance),
                between(stream, salt("magnr"), 19.0, 22.5),
            ),
        };
        let (east, north) = direction(stream);
        let dec = (seen.place.dec + north * distance / 3600.0).clamp(-90.0, 90.0);
        let stretch = convergence(dec);
        let place = Place { ra: (seen.place.ra + east * distance / 3600.0 / stretch).rem_euclid(360.0), dec };
        NearestSource { place, distance, magnitude: to(magnitude, 1e3) }
    }
}

/// How the image of a bad source is bad.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Pixels,
    Wide,
    Long,
}

impl Fault {
    pub fn of(seen: &Seen, stream: Random) -> Option<Fault> {
        seen.bad.then(|| match stream.of(salt("fault"), 0).below(3) {
            0 => Fault::Pixels,
            1 => Fault::Wide,
            _ => Fault::Long,
        })
    }
}

impl Row {
    pub fn new(seen: &Seen, packet: &Packet) -> Row {
        let stream = Random::new(seen.id);
        let draw = |name, from, to| between(stream, name, from, to);
        let fault = Fault::of(seen, stream);
        let error = magnitude_error(seen.flux, seen.sigma);
        let image = Image::new(seen);
        let tilt = unit(stream, salt("elong"));
        Row {
            magnitude: magnitude(seen.flux),
            error,
            snr: seen.flux.abs() / seen.sigma.max(1e-9),
            aperture: if seen.bad { 0.4 } else { 0.4 * error + 0.02 } * bell(stream, salt("magap")),
            pixel: image.pixel(seen.place.ra, seen.place.dec),
            fwhm: match fault {
                Some(Fault::Wide) => draw(salt("fwhm"), 5.3, 9.0),
                _ => (seen.visit.seeing / PIXEL * draw(salt("fwhm"), 0.85, 1.15)).clamp(0.9, 4.9),
            },
            elong: if fault == Some(Fault::Long) { 1.3 + tilt } else { 1.01 + 0.17 * tilt * tilt },
            bad: if fault == Some(Fault::Pixels) { draw(salt("nbad"), 1.0, 8.0) as i64 } else { 0 },
            reference: NearestSource::new(seen, image.reference()),
            image,
            stream,
            seen: *seen,
            packet: *packet,
        }
    }

    /// An upper limit: only what is of its image counts.
    pub fn limit(seen: &Seen, packet: &Packet) -> Row {
        let reference = NearestSource { place: seen.place, distance: 0.0, magnitude: 0.0 };
        let (seen, packet, image) = (*seen, *packet, Image::new(seen));
        let stream = image.stream;
        Row {
            seen,
            packet,
            image,
            stream,
            reference,
            magnitude: 0.0,
            error: 0.0,
            snr: 0.0,
            aperture: 0.0,
            pixel: (0.0, 0.0),
            fwhm: 1.0,
            elong: 1.0,
            bad: 0,
        }
    }

    /// The random-forest score: that of the deep one as it spreads itself, 0.65 where that is 0.5. In 350 trees.
    fn rb(&self) -> f64 {
        let score = self.seen.score.clamp(0.0, 1.0);
        if score < 0.5 {
            (score * 1.3 * 350.0).min(227.0).floor() / 350.0
        } else {
            (228.0 + (score - 0.5) * 240.0).floor() / 350.0
        }
    }

    fn magap(&self) -> f64 {
        to(self.magnitude + self.aperture, 1e4)
    }

    fn sigmagap(&self) -> f64 {
        to(0.9 * self.error + 0.002, 1e4)
    }

    fn aimage(&self) -> f64 {
        to(self.fwhm * between(self.stream, salt("aimage"), 0.32, 0.45), 1e3)
    }

    fn dsnrms(&self) -> f64 {
        self.snr * between(self.stream, salt("dsnrms"), 0.4, 0.8)
    }

    fn ssnrms(&self) -> f64 {
        self.snr * between(self.stream, salt("ssnrms"), 1.5, 2.5)
    }

    fn scorr(&self) -> f64 {
        (self.snr * between(self.stream, salt("scorr"), 0.95, 1.1)).max(5.0)
    }

    fn measured(&self, row: fn(&Row) -> Random, name: &str, from: f64, until: f64) -> f64 {
        to(between(row(self), salt(name), from, until), 1e3)
    }
}

fn of_source(row: &Row) -> Random {
    row.stream
}

fn of_image(row: &Row) -> Random {
    row.image.stream
}

fn of_reference(row: &Row) -> Random {
    row.image.reference()
}

/// Columns that histories have too.
fn common(name: &str) -> Option<Column<Row>> {
    Some(match name {
        "jd" => Real(|row| row.image.jd),
        "fid" => Integer(|row| row.image.fid.into()),
        "pid" => Integer(|row| row.image.pid as i64),
        "diffmaglim" => Real(|row| row.image.limit),
        "pdiffimfilename" => Text(|row, out| row.image.file_name(out)),
        "programpi" => Text(|_, out| out.extend_from_slice(b"Kulkarni")),
        "programid" => Integer(|row| row.seen.visit.program.into()),
        "candid" => Integer(|row| row.seen.id as i64),
        "isdiffpos" => Text(|row, out| out.push(if row.seen.flux > 0.0 { b't' } else { b'f' })),
        "tblid" => Integer(|row| row.seen.nth.into()),
        "nid" => Integer(|row| row.seen.visit.night.into()),
        "rcid" => Integer(|row| row.image.rcid.into()),
        "field" => Integer(|row| row.seen.visit.field.into()),
        "xpos" => Real(|row| row.pixel.0),
        "ypos" => Real(|row| row.pixel.1),
        "ra" => Real(|row| to(row.seen.place.ra, 1e7)),
        "dec" => Real(|row| to(row.seen.place.dec, 1e7)),
        "magpsf" => Real(|row| row.magnitude),
        "sigmapsf" => Real(|row| row.error),
        "chipsf" => Real(|row| {
            let spread = if row.seen.bad { 20.0 } else { 1.5 };
            0.8 + spread * unit(row.stream, salt("chipsf")) + 2e-3 * row.snr
        }),
        "magap" => Real(Row::magap),
        "sigmagap" => Real(Row::sigmagap),
        "distnr" => Real(|row| row.reference.distance / PIXEL),
        "magnr" => Real(|row| row.reference.magnitude),
        "sigmagnr" => Real(|row| to(0.01 + 0.3 * libm::exp2(row.reference.magnitude - 22.5), 1e3)),
        "chinr" => Real(|row| row.measured(of_reference, "chinr", 0.3, 1.2)),
        "sharpnr" => Real(|row| row.measured(of_reference, "sharpnr", -0.1, 0.06)),
        "sky" => Real(|row| bell(row.stream, salt("sky"))),
        "magdiff" => Real(|row| row.magap() - row.magnitude),
        "fwhm" => Real(|row| to(row.fwhm, 1e2)),
        "classtar" => Real(|row| row.measured(of_source, "classtar", if row.seen.bad { 0.3 } else { 0.8 }, 1.0)),
        "mindtoedge" => Real(|row| Image::edge(row.pixel.0, row.pixel.1)),
        "magfromlim" => Real(|row| row.image.limit - row.magap()),
        "seeratio" => Drawn(of_source, 0.65, 1.4),
        "aimage" => Real(Row::aimage),
        "bimage" => Real(|row| row.aimage() / row.elong),
        "aimagerat" => Real(|row| row.aimage() / row.fwhm),
        "bimagerat" => Real(|row| row.aimage() / row.elong / row.fwhm),
        "elong" => Real(|row| row.elong),
        "nneg" => Integer(|row| row.stream.of(salt("nneg"), 0).below(if row.seen.bad { 15 } else { 6 }) as i64),
        "nbad" => Integer(|row| row.bad),
        "rb" => Real(Row::rb),
        "sumrat" => Real(|row| if row.seen.bad { 0.6 } else { 1.0 } - 0.2 * unit(row.stream, salt("sumrat"))),
        "magapbig" => Real(|row| to(row.magap() + 0.5 * row.sigmagap() * bell(row.stream, salt("magapbig")), 1e4)),
        "sigmagapbig" => Real(|row| to(row.sigmagap() * 1.25, 1e4)),
        "ranr" => Real(|row| to(row.reference.place.ra, 1e7)),
        "decnr" => Real(|row| to(row.reference.place.dec, 1e7)),
        "scorr" => Real(Row::scorr),
        "rbversion" => Text(|_, out| out.extend_from_slice(b"t17_f5_c3")),
        "magzpsci" => Real(|row| row.seen.visit.zero_point),
        "magzpsciunc" => Real(|row| row.image.magzpsciunc()),
        "magzpscirms" => Real(|row| row.image.magzpscirms()),
        "clrcoeff" => Real(|row| row.image.clrcoeff()),
        "clrcounc" => Real(|row| row.image.clrcounc()),
        _ => return None,
    })
}

/// Columns of the triggering source.
pub fn candidate(name: &str) -> Option<Column<Row>> {
    Some(match name {
        "ssdistnr" => Real(|row| row.packet.target.solar_system.map_or(-999.0, |near| to(near.distance, 1.0))),
        "ssmagnr" => Real(|row| row.packet.target.solar_system.map_or(-999.0, |near| to(near.magnitude, 10.0))),
        "ssnamenr" => Text(|row, out| match row.packet.target.solar_system {
            Some(near) => digits(near.number.into(), 1, out),
            None => out.extend_from_slice(b"null"),
        }),
        "ndethist" => Integer(|row| row.packet.detections.into()),
        "ncovhist" => Integer(|row| row.packet.coverage.into()),
        "jdstarthist" => Real(|row| row.packet.first),
        "jdendhist" => Real(|row| row.image.jd),
        "tooflag" => Integer(|_| 0),
        "rfid" => Integer(|row| row.image.rfid() as i64),
        "jdstartref" => Real(|row| to(2_458_200.7 + 100.0 * unit(row.image.reference(), salt("jdstartref")), 1e6)),
        "jdendref" => Real(|row| to(2_458_370.7 + 270.0 * unit(row.image.reference(), salt("jdendref")), 1e6)),
        "nframesref" => Integer(|row| 15 + row.image.reference().of(salt("nframesref"), 0).below(16) as i64),
        "dsnrms" => Real(Row::dsnrms),
        "ssnrms" => Real(Row::ssnrms),
        "dsdiff" => Real(|row| row.dsnrms() - row.ssnrms()),
        "nmatches" => Drawn(of_image, 260.0, 1600.0),
        "zpclrcov" => Drawn(of_image, -8e-5, -5e-6),
        "zpmed" => Real(|row| to(row.seen.visit.zero_point - 0.75 * row.image.clrcoeff().abs(), 1e3)),
        "clrmed" => Drawn(of_image, 0.45, 0.9),
        "clrrms" => Drawn(of_image, 0.12, 0.27),
        "exptime" => Real(|row| row.seen.visit.exposure),
        "drb" => Real(|row| row.seen.score),
        "drbversion" => Text(|_, out| out.extend_from_slice(b"d6_m7")),
        _ => return common(name).or_else(|| around::column(name)),
    })
}

/// Columns of a detection in a history. What moves is not looked up again, and a number of double precision is rounded here.
pub fn copy(name: &str) -> Option<Column<Row>> {
    Some(match name {
        "ssdistnr" | "ssmagnr" | "ssnamenr" => Never,
        "pdiffimfilename" => Text(|row, out| row.image.archive_name(out)),
        "scorr" => Real(|row| six_digits(row.scorr())),
        _ => return common(name),
    })
}

/// Columns of an upper limit: what is known of its image; the others are null.
pub fn limit(name: &str) -> Option<Column<Row>> {
    const OF_IMAGE: [&str; 16] = [
        "jd",
        "fid",
        "pid",
        "diffmaglim",
        "pdiffimfilename",
        "programpi",
        "programid",
        "nid",
        "rcid",
        "field",
        "magzpsci",
        "magzpsciunc",
        "magzpscirms",
        "clrcoeff",
        "clrcounc",
        "rbversion",
    ];
    let column = copy(name)?;
    Some(if OF_IMAGE.contains(&name) { column } else { Never })
}
