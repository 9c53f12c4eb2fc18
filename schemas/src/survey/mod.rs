//! What each survey's packets mean: one file a survey.
//!
//! A survey is a [`Survey`] (its names, and which writer schemas are its own) and a [`Mapping`] (which fields it wants of a
//! packet, and what [`Alert`] they make). Nothing outside this folder knows a survey's field. A further survey is a new file
//! here and one line in [`SURVEYS`].

pub mod lsst;
mod names;
mod photometry;
mod settings;
mod table;
pub mod tai;
#[cfg(test)]
pub(crate) mod testing;
pub mod winter;
pub mod ztf;

pub use settings::{SettingsError, SurveySettings, Table};

use crate::avro::{Captured, Schema, Selection};
use crate::{Alert, ObjectId, PacketReject, SurveyId};

/// All surveys; a [`SurveyId`] is a place in it, so it only ever grows at its end.
pub static SURVEYS: &[&dyn Survey] = &[&ztf::Ztf, &lsst::Lsst, &winter::Winter];

/// A survey: its names, and which packets are its own.
pub trait Survey: Sync {
    /// Its place in [`SURVEYS`].
    fn id(&self) -> SurveyId;

    /// Its name in job files, records and object names: lower case, without a colon.
    fn name(&self) -> &'static str;

    /// The fields by which its writer schemas are known, as paths: one that has all of them is its own.
    fn marks(&self) -> &'static [&'static str];

    /// Whether packets of this writer schema are its. A mark may go by another name that the job gives (`selection`).
    fn recognises(&self, schema: &Schema, selection: &Selection) -> bool {
        self.lacks(schema, selection).is_empty()
    }

    /// The marks that a writer schema lacks under any of their names.
    fn lacks(&self, schema: &Schema, selection: &Selection) -> Vec<&'static str> {
        let has = |path: &str| selection.names(path).iter().any(|name| schema.has(name));
        self.marks().iter().copied().filter(|path| !has(path)).collect()
    }

    /// How its packets become alerts. An error says what is wrong with the settings.
    fn mapping(&self, settings: &SurveySettings) -> Result<Box<dyn Mapping>, SettingsError>;

    /// Every key of its `quality` table with its default.
    fn quality_defaults(&self) -> Table;

    /// The survey's own name of an object; decimal where the number is no name's.
    fn object_name(&self, object: ObjectId) -> String;

    /// The object of that name; `None` if it is no name of this survey's.
    fn parse_object(&self, name: &str) -> Option<ObjectId>;

    /// The exposure of a visit: what the telescope took at once, of which a visit may be a part.
    fn exposure(&self, visit: u64) -> u64 {
        visit
    }

    /// The writer schema of a Confluent schema id, as Avro JSON, where this survey's are built in.
    fn writer_schema(&self, _id: u32) -> Option<String> {
        None
    }
}

/// How packets of one survey become alerts, under one job's settings.
pub trait Mapping: Send {
    /// What it wants of a packet.
    fn selection(&self) -> &Selection;

    /// Fills `alert` from a packet; whatever was in it before is gone. Rows that cannot be used are left out and counted
    /// in `alert.rejects`; an error is a packet that cannot be used, and leaves `alert` without meaning.
    fn fill(&self, captured: &Captured<'_>, alert: &mut Alert) -> Result<(), PacketReject>;

    /// Science, template and difference image around the triggering source, where the packet has them.
    fn cutouts<'a>(&self, captured: &Captured<'a>) -> [Option<Cutout<'a>>; 3];
}

/// An image as the packet carries it: a FITS file, gzipped or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cutout<'a> {
    /// The file's bytes, in the packet.
    pub bytes: &'a [u8],
}

impl<'a> Cutout<'a> {
    /// The names of the three, in the order of [`Mapping::cutouts`].
    pub const NAMES: [&'static str; 3] = ["science", "template", "difference"];

    /// Of bytes that are not none.
    pub fn new(bytes: &'a [u8]) -> Option<Cutout<'a>> {
        (!bytes.is_empty()).then_some(Cutout { bytes })
    }

    /// Whether it must be inflated before it is FITS (RFC 1952: ID1 = 1f, ID2 = 8b).
    pub fn is_gzip(self) -> bool {
        self.bytes.starts_with(&[0x1f, 0x8b])
    }
}

/// The survey of an id.
pub fn survey(id: SurveyId) -> Option<&'static dyn Survey> {
    SURVEYS.get(usize::from(id.0)).copied()
}

/// The survey of a name.
pub fn survey_by_name(name: &str) -> Option<&'static dyn Survey> {
    SURVEYS.iter().copied().find(|survey| survey.name() == name)
}

/// An object's name within its survey: `ZTF17aaaedmd`, `170063990240706645`, `ss:20890966901666384`.
pub fn object_name(object: ObjectId) -> String {
    survey(object.survey).map_or_else(|| object.id.to_string(), |survey| survey.object_name(object))
}

/// The object of a name, with or without its survey before it: `ZTF17aaaedmd`, `lsst:170063990240706645`.
///
/// `None` if no survey has such names, or if more than one has and none is named.
pub fn parse_object(name: &str) -> Option<ObjectId> {
    let named = name.split_once(':').and_then(|(survey, rest)| Some((survey_by_name(survey)?, rest)));
    if let Some((survey, rest)) = named {
        return survey.parse_object(rest);
    }
    let mut found = SURVEYS.iter().filter_map(|survey| survey.parse_object(name));
    found.next().filter(|_| found.next().is_none())
}

/// A packet that cannot be used because of this value.
fn nonsense(field: &str, value: impl std::fmt::Debug) -> PacketReject {
    PacketReject::Value(format!("{field} is {value:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ObjectClass;

    #[test]
    fn a_survey_is_found_by_id_and_by_name() {
        for (place, survey) in SURVEYS.iter().enumerate() {
            assert_eq!(usize::from(survey.id().0), place);
            assert_eq!(survey_by_name(survey.name()).map(|found| found.id()), Some(survey.id()));
        }
        assert!(survey(SurveyId(u8::MAX)).is_none());
    }

    #[test]
    fn objects_are_named_and_found() {
        let lsst = |class, id| ObjectId { survey: lsst::Lsst.id(), class, id };
        let named = [
            ("170063990240706645", lsst(ObjectClass::Sidereal, 170_063_990_240_706_645)),
            ("ss:20890966901666384", lsst(ObjectClass::SolarSystem, 20_890_966_901_666_384)),
            ("ZTF00aaaaaab", ObjectId { survey: ztf::Ztf.id(), class: ObjectClass::Sidereal, id: 1 }),
            ("WNTR00aaaac", ObjectId { survey: winter::Winter.id(), class: ObjectClass::Sidereal, id: 2 }),
        ];
        for (name, object) in named {
            assert_eq!(object_name(object), name);
            assert_eq!(parse_object(name), Some(object));
            let survey = survey(object.survey).unwrap().name();
            assert_eq!(parse_object(&format!("{survey}:{name}")), Some(object));
        }
        for nonsense in
            ["", "ztf:", "ztf:123", "lsst:ZTF17aaaedmd", "ss:", "-5", "+5", "0", "sky:123", "99999999999999999999"]
        {
            assert_eq!(parse_object(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn aliases_and_quality_are_checked() {
        for survey in SURVEYS {
            let with = |aliases, quality| survey.mapping(&SurveySettings { quality, aliases }).err();
            assert_eq!(with(Default::default(), survey.quality_defaults()), None);
            let aliases = [("no.such.field".to_owned(), vec!["other".to_owned()])].into_iter().collect();
            assert_eq!(
                with(aliases, Table::new()),
                Some(SettingsError::Alias { survey: survey.name(), path: "no.such.field".into() })
            );
            let quality = [("rbb".to_owned(), 0.5.into())].into_iter().collect();
            let error = with(Default::default(), quality).unwrap().to_string();
            assert!(error.contains("unknown field `rbb`, expected"), "{error}");
        }
    }
}
