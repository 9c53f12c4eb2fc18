//! The sky: what there is, where it is, and how it shines.
//!
//! A [`Model`] is one object, a pure function of time; [`Density`] says how many there are of each class in a patch of the
//! sky. Light-curve forms are published ones, cited where they are written; what a class's numbers are drawn from is
//! coarse, meant to look like a survey's stream rather than to teach astronomy.
//!
//! | module | classes |
//! |---|---|
//! | `pulsating` | RR Lyrae, Cepheids, long-period variables |
//! | `eclipsing` `agn` `cataclysmic` `flare` | what else is always there |
//! | `lensing` `supernova` `collapse` `tidal` `fast` | events, which begin and end |
//! | `asteroid` `belt` | what moves |
//! | `galaxy` `host` `near` `rates` `bands` `walk` | the Galaxy, other galaxies, neighbours, rates, colours, noise that can be asked for at any time |

mod agn;
mod asteroid;
mod bands;
mod belt;
mod cataclysmic;
mod class;
mod collapse;
mod density;
mod eclipsing;
mod fast;
mod flare;
mod galaxy;
mod host;
mod lensing;
mod model;
mod near;
mod pulsating;
mod rates;
mod supernova;
#[cfg(test)]
mod tests;
mod tidal;
mod walk;

pub use class::Class;
pub use density::{Density, Patch};
pub use model::Model;

use crate::Random;

/// Longest that an event can last, days: how far back to look for those that are not over.
pub const LONGEST: f64 = 600.0;

/// Names (with units) and values for the truth table.
type Parameters = Vec<(&'static str, f64)>;

/// What a star is drawn from.
#[derive(Clone, Copy, Debug)]
struct Star {
    random: Random,
    /// Distance modulus.
    modulus: f64,
    /// Extinction in V.
    a_v: f64,
}

/// What an event outside the Galaxy is drawn from.
#[derive(Clone, Copy, Debug)]
struct Event {
    random: Random,
    /// MJD.
    begins: f64,
    redshift: f64,
    /// Extinction in V.
    a_v: f64,
}

/// When an event shines.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Life {
    from: f64,
    to: f64,
}

impl Life {
    /// Between these MJD, or as much of it as an event can last.
    fn new(from: f64, to: f64) -> Life {
        Life { from, to: to.min(from + LONGEST) }
    }

    /// 1, falling to 0 in the last fifth of it, so that nothing goes out at a stroke; 0 before and after.
    fn share(&self, mjd: f64) -> f64 {
        if mjd >= self.from && mjd < self.to { ((self.to - mjd) / (0.2 * (self.to - self.from))).min(1.0) } else { 0.0 }
    }

    fn interval(&self) -> (f64, f64) {
        (self.from, self.to)
    }
}
