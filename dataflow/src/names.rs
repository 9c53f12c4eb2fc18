//! Names of surveys, and instants, as people know them.

use skydiff_schemas::survey::{survey, tai};
use skydiff_schemas::{MicroDays, SurveyId, iso_utc};

pub(crate) use skydiff_schemas::survey::object_name;
pub(crate) use tai::to_utc;

/// The survey's name.
pub(crate) fn survey_name(id: SurveyId) -> String {
    survey(id).map_or_else(|| format!("survey{}", id.0), |survey| survey.name().to_owned())
}

/// An MJD TAI as ISO 8601, UTC.
pub(crate) fn utc(time: MicroDays) -> String {
    iso_utc(to_utc(time))
}
