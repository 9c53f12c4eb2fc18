//! The columns of a detection: of `candidate`, of its copy in a history, and of an upper limit there.

use super::{PIXEL, Row};
use crate::Random;
use crate::packet::numbers::{bell, salt, six_digits, to, unit};
use crate::packet::plan::Column::{self, *};
use crate::packet::wire::digits;
use crate::packet::ztf::around;
use crate::packet::ztf::image::Image;

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
