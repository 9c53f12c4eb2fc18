//! A cone on the sky: a place and a radius, in degrees.

use std::str::FromStr;

/// Everything within a radius of a place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cone {
    /// Right ascension and declination of its middle, degrees.
    pub middle: (f64, f64),
    /// Degrees.
    pub radius: f64,
}

impl Cone {
    /// How far a place is from its middle, in degrees: by the haversine, which is exact for small distances.
    pub fn distance(&self, (ra, dec): (f64, f64)) -> f64 {
        let half = |angle: f64| (angle.to_radians() / 2.0).sin().powi(2);
        let cosines = dec.to_radians().cos() * self.middle.1.to_radians().cos();
        let haversine = half(dec - self.middle.1) + cosines * half(ra - self.middle.0);
        2.0 * haversine.clamp(0.0, 1.0).sqrt().asin().to_degrees()
    }

    /// Whether a place lies in it.
    pub fn holds(&self, place: (f64, f64)) -> bool {
        self.distance(place) <= self.radius
    }
}

impl FromStr for Cone {
    type Err = String;

    fn from_str(text: &str) -> Result<Cone, String> {
        let numbers: Vec<f64> = text.split(',').filter_map(|number| number.trim().parse().ok()).collect();
        match numbers[..] {
            [ra, dec, radius] if ra.is_finite() && (-90.0..=90.0).contains(&dec) && radius >= 0.0 => {
                Ok(Cone { middle: (ra, dec), radius })
            }
            _ => Err(format!(
                "`{text}` is no cone: write right ascension, declination and radius in degrees, 210.8,54.3,0.1"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cone_holds_what_is_near() {
        let cone: Cone = "359.9999, -30, 0.001".parse().unwrap();
        assert!(cone.holds((0.0001, -30.0)), "across 0 h");
        assert!(!cone.holds((0.002, -30.0)) && !cone.holds((180.0, 30.0)));
        let pole: Cone = "10,90,1".parse().unwrap();
        assert!((pole.distance((200.0, 89.5)) - 0.5).abs() < 1e-9);
        for wrong in ["", "1,2", "1,91,1", "1,2,-1", "a,b,c", "1,2,3,4"] {
            assert!(wrong.parse::<Cone>().unwrap_err().contains("is no cone"), "{wrong}");
        }
    }
}
