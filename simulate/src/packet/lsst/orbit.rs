//! A moving object in an LSST packet: `ssSource`, how it was seen, and `mpc_orbits`, the orbit that predicted it.
//!
//! The orbit is one of the main belt drawn from the object's id, and the geometry is that of a circle in the ecliptic seen
//! at its elongation: plausible in size and in sign, not an ephemeris. Distances in au, velocities in au/d, angles in degrees.

use super::super::numbers::{between, salt};
use super::super::plan::Column::{self, *};
use super::super::wire::digits;
use crate::{Place, Random, Seen, Shot, Target};

/// Gauss's constant: au^1.5 / day.
const GAUSS: f64 = 0.017_202_098_95;

/// MJD of the elements.
const EPOCH: f64 = 61_000.0;

/// Obliquity of the ecliptic at J2000, and the north galactic pole with the galactic longitude of the celestial one (IAU).
const OBLIQUITY: f64 = 23.439_281;
const POLE: (f64, f64, f64) = (192.859_48, 27.128_25, 122.932);

/// A moving object where a visit saw it.
pub struct Row {
    seen: Seen,
    target: Target,
    /// What is drawn of the object and of the measurement.
    object: Random,
    offset: Random,
    /// Ecliptic longitude and latitude, galactic ones.
    ecliptic: (f64, f64),
    galactic: (f64, f64),
    axis: f64,
    eccentricity: f64,
    inclination: f64,
    /// Distance from the Earth.
    range: f64,
}

/// Longitude and latitude about the pole (ra, dec), whose meridian through the celestial pole has longitude `origin`.
fn turned(place: Place, (ra, dec, origin): (f64, f64, f64)) -> (f64, f64) {
    let (sin_pole, cos_pole) = libm::sincos(dec.to_radians());
    let (sin_dec, cos_dec) = libm::sincos(place.dec.to_radians());
    let (sin_ra, cos_ra) = libm::sincos((place.ra - ra).to_radians());
    let latitude = libm::asin((sin_dec * sin_pole + cos_dec * cos_pole * cos_ra).clamp(-1.0, 1.0));
    let east = libm::atan2(cos_dec * sin_ra, sin_dec * cos_pole - cos_dec * sin_pole * cos_ra);
    ((origin - east.to_degrees()).rem_euclid(360.0), latitude.to_degrees())
}

impl Row {
    pub fn new(shot: &Shot) -> Row {
        let object = Random::new(shot.target.id);
        let draw = |name, from, to| between(object, name, from, to);
        let axis = draw(salt("a"), 2.2, 3.3);
        Row {
            seen: *shot.trigger,
            target: *shot.target,
            object,
            offset: Random::new(shot.trigger.id),
            ecliptic: turned(shot.trigger.place, (270.0, 90.0 - OBLIQUITY, 90.0)),
            galactic: turned(shot.trigger.place, POLE),
            axis,
            eccentricity: draw(salt("e"), 0.02, 0.25),
            inclination: draw(salt("i"), 0.5, 20.0),
            range: axis - draw(salt("range"), 0.85, 1.0),
        }
    }

    fn number(&self) -> u64 {
        self.target.solar_system.map_or(self.target.id % 1_000_000, |body| body.number.into())
    }

    fn period(&self) -> f64 {
        std::f64::consts::TAU / GAUSS * self.axis * self.axis.sqrt()
    }

    fn speed(&self) -> f64 {
        GAUSS / self.axis.sqrt()
    }

    /// Where it was predicted: off by the distance that the shot has, in a direction of the measurement's.
    fn offsets(&self) -> (f64, f64, f64) {
        let distance = self.target.solar_system.map_or(0.05, |body| body.distance);
        let (sin, cos) = libm::sincos(between(self.offset, salt("offset"), 0.0, std::f64::consts::TAU));
        (distance, distance * cos, distance * sin)
    }

    /// A vector of that length towards its ecliptic place, turned by degrees.
    fn vector(&self, length: f64, by: f64, axis: usize) -> f64 {
        let (sin_l, cos_l) = libm::sincos((self.ecliptic.0 + by).to_radians());
        let (sin_b, cos_b) = libm::sincos(self.ecliptic.1.to_radians());
        length * [cos_l * cos_b, sin_l * cos_b, sin_b][axis.min(2)]
    }

    /// Degrees a day: the prograde motion less that of the Earth, about opposition.
    fn rate(&self) -> f64 {
        (self.speed() - GAUSS).to_degrees() / self.range.max(0.1)
    }

    /// A provisional designation of the year that its number falls in: year, letters, count.
    fn provisional(&self) -> (u64, [u8; 2], u64) {
        let number = self.number();
        let letter = |number: u64, letters: &[u8]| letters[(number % letters.len() as u64) as usize];
        let half = letter(number, b"ABCDEFGHJKLMNOPQRSTUVWXY");
        (1990 + number % 30, [half, letter(number / 24, b"ABCDEFGHJKLMNOPQRSTUVWXYZ")], number / 600 % 100)
    }

    fn unpacked(&self, out: &mut Vec<u8>) {
        let (year, letters, count) = self.provisional();
        digits(year, 4, out);
        out.push(b' ');
        out.extend_from_slice(&letters);
        digits(count, 1, out);
    }

    /// The same in the Minor Planet Center's packed form: I, J, K for the century.
    fn packed(&self, out: &mut Vec<u8>) {
        let (year, [half, second], count) = self.provisional();
        out.push(if year < 2000 { b'J' } else { b'K' });
        digits(year % 100, 2, out);
        out.push(half);
        digits(count, 2, out);
        out.push(second);
    }

    fn drawn(&self, name: &str, from: f64, to: f64) -> f64 {
        between(self.object, salt(name), from, to)
    }
}

fn of_object(row: &Row) -> Random {
    row.object
}

/// The column of `ssSource` of that name.
pub fn source_column(name: &str) -> Option<Column<Row>> {
    const AXES: [&str; 3] = ["x", "y", "z"];
    if let Some((of, axis)) = name.split_once('_') {
        let number = AXES.iter().position(|known| axis.strip_prefix('v').unwrap_or(axis) == *known);
        return Some(match (of, number, axis.starts_with('v')) {
            ("helio", Some(axis), false) => RealOf(|row, axis| Some(row.vector(row.range + 1.0, 0.0, axis)), axis),
            ("helio", Some(axis), true) => RealOf(|row, axis| Some(row.vector(row.speed(), 90.0, axis)), axis),
            ("topo", Some(axis), false) => RealOf(|row, axis| Some(row.vector(row.range, 0.0, axis)), axis),
            ("topo", Some(axis), true) => RealOf(|row, axis| Some(row.vector(row.speed() - GAUSS, 90.0, axis)), axis),
            ("helio", None, true) => Real(Row::speed),
            ("topo", None, true) => Real(|row| (row.speed() - GAUSS).abs()),
            _ => return None,
        });
    }
    Some(match name {
        "diaSourceId" => Integer(|row| row.seen.id as i64),
        "ssObjectId" => Integer(|row| row.target.id as i64),
        "designation" => Text(Row::unpacked),
        "eclLambda" => Real(|row| row.ecliptic.0),
        "eclBeta" => Real(|row| row.ecliptic.1),
        "galLon" => Real(|row| row.galactic.0),
        "galLat" => Real(|row| row.galactic.1),
        "elongation" => Drawn(of_object, 130.0, 175.0),
        "phaseAngle" => Drawn(of_object, 2.0, 18.0),
        "topoRange" => Real(|row| row.range),
        "topoRangeRate" => Drawn(of_object, -0.005, 0.005),
        "helioRange" => Real(|row| row.range + 1.0),
        "helioRangeRate" => Drawn(of_object, -0.0015, 0.0015),
        "ephRa" => Real(|row| {
            let stretch = libm::cos(row.seen.place.dec.to_radians()).max(1e-6);
            (row.seen.place.ra - row.offsets().1 / 3600.0 / stretch).rem_euclid(360.0)
        }),
        "ephDec" => Real(|row| row.seen.place.dec - row.offsets().2 / 3600.0),
        "ephVmag" => Real(|row| row.target.solar_system.map_or(0.0, |body| body.magnitude)),
        "ephRate" => Real(|row| row.rate().abs()),
        "ephRateRa" => Real(|row| row.rate() * libm::cos(OBLIQUITY.to_radians())),
        "ephRateDec" => Real(|row| row.rate() * libm::sin(OBLIQUITY.to_radians())),
        "ephOffset" => Real(|row| row.offsets().0),
        "ephOffsetRa" => Real(|row| row.offsets().1),
        "ephOffsetDec" => Real(|row| row.offsets().2),
        "ephOffsetAlongTrack" | "ephOffsetCrossTrack" => Never,
        "diaDistanceRank" => Integer(|_| 1),
        _ => return None,
    })
}

/// The column of `mpc_orbits` of that name.
pub fn column(name: &str) -> Option<Column<Row>> {
    Some(match name {
        "id" => Integer(|_| 0),
        "designation" | "unpacked_primary_provisional_designation" => Text(Row::unpacked),
        "packed_primary_provisional_designation" => Text(Row::packed),
        "mpc_orb_jsonb" => Text(|row, out| {
            out.extend_from_slice(
                b"{\"epoch_data\": {\"epoch\": 61000.0, \"timeform\": \"MJD\", \"timesystem\": \"TDT\"}, ",
            );
            out.extend_from_slice(b"\"designation_data\": {\"permid\": \"");
            digits(row.number(), 1, out);
            out.extend_from_slice(b"\", \"unpacked_primary_provisional_designation\": \"");
            row.unpacked(out);
            out.extend_from_slice(b"\"}}");
        }),
        "created_at" | "updated_at" | "fitting_datetime" => Integer(|_| 0),
        "orbit_type_int" => Integer(|_| -1),
        "u_param" => Integer(|_| 0),
        "nopp" => Drawn(of_object, 8.0, 28.0),
        "arc_length_total" | "arc_length_sel" => Real(|row| row.drawn("arc_length", 9_000.0, 16_000.0)),
        "nobs_total" => Real(|row| row.drawn("nobs", 1_150.0, 4_400.0) + 40.0),
        "nobs_total_sel" => Real(|row| row.drawn("nobs", 1_150.0, 4_400.0)),
        "a" => Real(|row| row.axis),
        "q" => Real(|row| row.axis * (1.0 - row.eccentricity)),
        "e" => Real(|row| row.eccentricity),
        "i" => Real(|row| row.inclination),
        "node" | "argperi" | "mean_anomaly" => Drawn(of_object, 0.0, 360.0),
        "peri_time" => Real(|row| EPOCH + row.period() * (1.0 - row.drawn("mean_anomaly", 0.0, 1.0))),
        "yarkovsky" | "srp" | "a1" | "a2" | "a3" | "dt" => Real(|_| 0.0),
        "yarkovsky_unc" | "srp_unc" | "a1_unc" | "a2_unc" | "a3_unc" | "dt_unc" => Real(|_| 0.0),
        "period" => Real(Row::period),
        "mean_motion" => Real(|row| 360.0 / row.period()),
        "a_unc" | "e_unc" => Drawn(of_object, 3e-9, 1.2e-8),
        "q_unc" => Drawn(of_object, 2e-8, 4e-8),
        "i_unc" => Drawn(of_object, 8e-7, 1.4e-6),
        "node_unc" | "argperi_unc" | "mean_anomaly_unc" => Drawn(of_object, 3e-6, 1.2e-5),
        "peri_time_unc" => Drawn(of_object, 1e-5, 5e-5),
        "period_unc" => Drawn(of_object, 2.5e-6, 7.5e-6),
        "mean_motion_unc" => Drawn(of_object, 4e-10, 7e-10),
        "epoch_mjd" => Real(|_| EPOCH),
        "h" => Drawn(of_object, 12.0, 18.0),
        "g" => Real(|_| 0.15),
        "not_normalized_rms" | "earth_moid" => Real(|_| 0.0),
        "normalized_rms" => Drawn(of_object, 0.7, 0.9),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_equinox_and_the_galactic_centre_are_where_they_are() {
        let near = |place: Place, pole, longitude: f64, latitude: f64| {
            let (l, b) = turned(place, pole);
            ((l - longitude + 180.0).rem_euclid(360.0) - 180.0).abs() < 0.01 && (b - latitude).abs() < 0.01
        };
        let ecliptic = (270.0, 90.0 - OBLIQUITY, 90.0);
        assert!(near(Place { ra: 0.0, dec: 0.0 }, ecliptic, 0.0, 0.0));
        assert!(near(Place { ra: 90.0, dec: OBLIQUITY }, ecliptic, 90.0, 0.0));
        assert!(near(Place { ra: 266.405, dec: -28.936 }, POLE, 0.0, 0.0));
    }
}
