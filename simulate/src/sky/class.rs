//! What kinds of things there are, and their names in tables.

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Class {
    /// RR Lyrae star.
    RrLyrae,
    /// Classical Cepheid.
    Cepheid,
    /// Eclipsing binary.
    Eclipsing,
    /// Mira or semi-regular variable.
    LongPeriod,
    /// Active galactic nucleus.
    Agn,
    /// Dwarf nova, which bursts again and again.
    Cataclysmic,
    /// M dwarf that flares.
    Flare,
    /// Microlensing event.
    Microlensing,
    /// Thermonuclear supernova.
    SupernovaIa,
    /// Core-collapse supernova.
    SupernovaCc,
    /// Tidal disruption of a star.
    TidalDisruption,
    /// Afterglow, kilonova or fast blue transient.
    Fast,
    /// Asteroid.
    SolarSystem,
    /// Nothing on the sky: an artefact of the subtraction.
    Bogus,
    /// Star that does not change.
    Constant,
}

impl Class {
    /// All of them.
    pub const ALL: [Class; 15] = [
        Class::RrLyrae,
        Class::Cepheid,
        Class::Eclipsing,
        Class::LongPeriod,
        Class::Agn,
        Class::Cataclysmic,
        Class::Flare,
        Class::Microlensing,
        Class::SupernovaIa,
        Class::SupernovaCc,
        Class::TidalDisruption,
        Class::Fast,
        Class::SolarSystem,
        Class::Bogus,
        Class::Constant,
    ];

    /// Its name in tables and configurations.
    pub fn name(self) -> &'static str {
        match self {
            Class::RrLyrae => "rr_lyrae",
            Class::Cepheid => "cepheid",
            Class::Eclipsing => "eclipsing",
            Class::LongPeriod => "long_period",
            Class::Agn => "agn",
            Class::Cataclysmic => "cataclysmic",
            Class::Flare => "flare",
            Class::Microlensing => "microlensing",
            Class::SupernovaIa => "supernova_ia",
            Class::SupernovaCc => "supernova_cc",
            Class::TidalDisruption => "tidal_disruption",
            Class::Fast => "fast",
            Class::SolarSystem => "solar_system",
            Class::Bogus => "bogus",
            Class::Constant => "constant",
        }
    }

    /// The class of that name.
    pub fn from_name(name: &str) -> Option<Class> {
        Class::ALL.into_iter().find(|class| class.name() == name)
    }

    /// Whether it moves over the sky.
    pub fn moves(self) -> bool {
        self == Class::SolarSystem
    }

    /// Whether it begins and ends.
    pub fn is_event(self) -> bool {
        matches!(
            self,
            Class::Microlensing | Class::SupernovaIa | Class::SupernovaCc | Class::TidalDisruption | Class::Fast
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_lead_back() {
        for (at, class) in Class::ALL.into_iter().enumerate() {
            assert_eq!(class as usize, at);
            assert_eq!(Class::from_name(class.name()), Some(class));
        }
        assert_eq!(Class::from_name("nova"), None);
    }
}
