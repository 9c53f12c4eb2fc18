//! What catalogues have around a ZTF source: the columns of its neighbours in PS1 and Gaia.
//!
//! The nearest neighbour is the shot's; the second and third, colours and identifiers are drawn from the object. As in real
//! packets, −999 is what is not there.

use super::super::numbers::{between, convergence, direction, salt, to, unit};
use super::super::plan::Column::{self, *};
use super::source::Row;

/// Arcsec within which PS1 is searched.
const RADIUS: f64 = 30.0;

const NONE: f64 = -999.0;

/// Which neighbours a row has, nearest first: distance in arcsec, and how likely the next one is.
fn distance(row: &Row, rank: usize) -> Option<f64> {
    let nearest = Some(row.packet.target.neighbour.distance).filter(|distance| (0.0..RADIUS).contains(distance))?;
    (1..rank).try_fold(nearest, |distance, rank| {
        let stream = row.packet.stream.of(salt("neighbour"), rank as u64);
        let next = distance + between(stream, salt("step"), 1.0, 15.0);
        Some(next).filter(|next| *next < RADIUS)
    })
}

/// The magnitude of a neighbour in g, r, i or z: that in r less a colour that grows with the wavelength (main sequence).
fn magnitude(row: &Row, rank: usize, band: usize) -> f64 {
    if distance(row, rank).is_none() {
        return NONE;
    }
    let stream = row.packet.stream.of(salt("colour"), rank as u64);
    let r = match rank {
        1 => row.packet.target.neighbour.magnitude,
        _ => between(stream, salt("r"), 17.0, 22.3),
    };
    let colour = between(stream, salt("g-r"), 0.2, 1.4);
    let value = r + colour * [1.0, 0.0, -0.4, -0.6][band.min(3)];
    // What is too faint for PS1 has no magnitude there.
    if value > 22.8 { NONE } else { to(value, 1e4) }
}

fn score(row: &Row, rank: usize) -> f64 {
    match (distance(row, rank), rank) {
        (None, _) => NONE,
        (_, 1) => row.packet.target.neighbour.star,
        _ => to(unit(row.packet.stream.of(salt("score"), rank as u64), salt("star")), 1e6),
    }
}

/// PS1's number of a neighbour: its declination in bands of half an arcminute, its right ascension in 1e-7 degrees.
fn object(row: &Row, rank: usize) -> i64 {
    let Some(distance) = distance(row, rank) else { return NONE as i64 };
    let (east, north) = direction(row.packet.stream.of(salt("place"), rank as u64));
    let place = row.packet.target.place;
    let dec = place.dec + north * distance / 3600.0;
    let ra = (place.ra + east * distance / 3600.0 / convergence(dec)).rem_euclid(360.0);
    ((dec + 90.0) * 120.0) as i64 * 10_000_000_000_000
        + (ra * 1e7) as i64 * 1000
        + row.packet.stream.of(7, 7).below(1000) as i64
}

/// Distance and magnitude of the nearest star of Gaia: the neighbour where that is one, bright enough and near.
fn gaia(row: &Row) -> (f64, f64) {
    let neighbour = row.packet.target.neighbour;
    if neighbour.star > 0.5 && neighbour.magnitude < 20.7 && neighbour.distance < 90.0 {
        return (neighbour.distance, neighbour.magnitude - 0.1);
    }
    let draw = |name, from, to| between(row.packet.stream, name, from, to);
    (draw(salt("neargaia"), 5.0, 60.0), draw(salt("maggaia"), 15.0, 20.7))
}

/// The same of those brighter than 14: a third of places has one within 90 arcsec.
fn gaia_bright(row: &Row) -> Option<(f64, f64)> {
    let (distance, magnitude) = gaia(row);
    if magnitude < 14.0 {
        return Some((distance, magnitude));
    }
    let draw = |name, from, to| between(row.packet.stream, name, from, to);
    (draw(salt("bright"), 0.0, 1.0) < 0.33)
        .then(|| (draw(salt("neargaiabright"), distance, 90.0), draw(salt("maggaiabright"), 10.0, 14.0)))
}

/// The column of that name, if it is one of these.
pub fn column(name: &str) -> Option<Column<Row>> {
    let (stem, rank) = match name.as_bytes().last() {
        Some(last @ b'1'..=b'3') => (name.get(..name.len() - 1)?, usize::from(last - b'0')),
        _ => (name, 0),
    };
    Some(match stem {
        "sgmag" => RealOf(|row, rank| Some(magnitude(row, rank, 0)), rank),
        "srmag" => RealOf(|row, rank| Some(magnitude(row, rank, 1)), rank),
        "simag" => RealOf(|row, rank| Some(magnitude(row, rank, 2)), rank),
        "szmag" => RealOf(|row, rank| Some(magnitude(row, rank, 3)), rank),
        "sgscore" => RealOf(|row, rank| Some(score(row, rank)), rank),
        "distpsnr" => RealOf(|row, rank| Some(distance(row, rank).unwrap_or(NONE)), rank),
        "objectidps" => IntegerOf(object, rank),
        "nmtchps" => Integer(|row| {
            let counted = (1..=3).take_while(|rank| distance(row, *rank).is_some()).count() as i64;
            if counted < 3 { counted } else { 3 + row.packet.stream.of(salt("nmtchps"), 0).below(15) as i64 }
        }),
        "neargaia" => Real(|row| gaia(row).0),
        "maggaia" => Real(|row| gaia(row).1),
        "neargaiabright" => Real(|row| gaia_bright(row).map_or(NONE, |near| near.0)),
        "maggaiabright" => Real(|row| gaia_bright(row).map_or(NONE, |near| near.1)),
        _ => return None,
    })
}
