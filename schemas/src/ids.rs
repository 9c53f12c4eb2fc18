//! Names of things: surveys, objects, sources, bands, kinds of measurement.

use serde::{Deserialize, Serialize};

/// A survey, by its place in [`crate::survey::SURVEYS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SurveyId(pub u8);

/// Whether an object has a place on the sky or moves over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum ObjectClass {
    /// Fixed on the sky: ZTF `objectId`, LSST `diaObjectId`.
    Sidereal,
    /// Of the solar system: LSST `ssObjectId`. It has no pixel.
    SolarSystem,
}

/// What measurements belong to. `id` is the survey's number, or its name encoded by the survey's mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectId {
    /// Whose object.
    pub survey: SurveyId,
    /// Fixed or moving.
    pub class: ObjectClass,
    /// Unique within survey and class.
    pub id: u64,
}

/// The survey's number of a measurement: ZTF `candid` (or `pid`), LSST `diaSourceId`, `diaForcedSourceId`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SourceId(pub u64);

/// The three kinds of measurement, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Kind {
    /// Detected on the difference image.
    Source,
    /// Photometry forced at the object's position.
    Forced,
    /// A visit that saw nothing, with its limiting magnitude.
    Limit,
}

impl Kind {
    /// The word for it in records and tables.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Source => "source",
            Kind::Forced => "forced",
            Kind::Limit => "limit",
        }
    }
}

/// A filter, by its place in [`Band::NAMES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Band(pub u8);

impl Band {
    /// In order of wavelength.
    pub const NAMES: [&'static str; 9] = ["u", "g", "r", "i", "z", "y", "J", "H", "K"];

    /// The band of that name (LSST's `y` may be written `Y`).
    pub fn from_name(name: &str) -> Option<Band> {
        let name = if name == "Y" { "y" } else { name };
        Self::NAMES.iter().position(|known| *known == name).map(|at| Band(at as u8))
    }

    /// Its name; `?` for a number that is no band's.
    pub fn name(self) -> &'static str {
        Self::NAMES.get(usize::from(self.0)).copied().unwrap_or("?")
    }
}
