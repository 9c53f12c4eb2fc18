//! Names of surveys and objects as people know them.

use skydiff_schemas::{ObjectId, SurveyId};

/// The survey's name.
pub fn survey_name(survey: SurveyId) -> String {
    format!("survey{}", survey.0)
}

/// The survey's name of an object.
pub fn object_name(object: ObjectId) -> String {
    object.id.to_string()
}

pub fn to_utc(tai: skydiff_schemas::MicroDays) -> skydiff_schemas::MicroDays {
    tai
}

pub fn utc(tai: skydiff_schemas::MicroDays) -> String {
    skydiff_schemas::iso_utc(to_utc(tai))
}
