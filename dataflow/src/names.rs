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
