//! What a job file may say about a survey: its `[survey.NAME]` table.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A table of the job file that each survey reads into its own type: see `ztf::QualityCuts` and those of the others.
pub type Table = serde_json::Map<String, serde_json::Value>;

/// What a job file may say about one survey.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SurveySettings {
    /// Cuts that decide whether a measurement counts, over the survey's defaults ([`super::Survey::quality_defaults`]
    /// has every key): numbers in the units of the column that they cut.
    pub quality: Table,
    /// More names for a field: path → other paths to try where a writer schema has no such field. Paths are dotted names
    /// from the packet's root, `candidate.isdiffpos` or, within an array, `prv_candidates.isdiffpos`.
    pub aliases: BTreeMap<String, Vec<String>>,
}

/// Why a survey's table cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingsError {
    /// `quality` has an unknown key (serde's message lists the known ones) or a value of another type.
    Quality {
        /// Whose table.
        survey: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no survey of that name.
    Survey {
        /// The name.
        name: String,
    },
    /// A writer schema that was supplied cannot be read.
    Schema {
        /// Its Confluent id.
        id: u32,
        /// What is wrong with it.
        reason: String,
    },
    /// `aliases` has a path that the survey's mapping does not read.
    Alias {
        /// Whose table.
        survey: &'static str,
        /// The path.
        path: String,
    },
}

impl std::fmt::Display for SettingsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SettingsError::Quality { survey, reason } => write!(f, "survey.{survey}.quality: {reason}"),
            SettingsError::Survey { name } => {
                let known = super::SURVEYS.iter().map(|survey| survey.name()).collect::<Vec<_>>().join(", ");
                write!(f, "survey.{name}: no such survey; there are {known}")
            }
            SettingsError::Schema { id, reason } => write!(f, "the schema supplied for id {id}: {reason}"),
            SettingsError::Alias { survey, path } => {
                write!(f, "survey.{survey}.aliases: {path} is not a field that {survey} packets are read for")
            }
        }
    }
}

impl std::error::Error for SettingsError {}

impl SurveySettings {
    /// The quality table as a survey's own type, absent keys by its defaults.
    pub(super) fn quality<Q: for<'a> Deserialize<'a>>(&self, survey: &'static str) -> Result<Q, SettingsError> {
        let table = serde_json::Value::Object(self.quality.clone());
        serde_json::from_value(table).map_err(|error| SettingsError::Quality { survey, reason: error.to_string() })
    }

    /// Adds the aliases to what a mapping reads.
    pub(super) fn alias(
        &self,
        survey: &'static str,
        selection: &mut crate::avro::Selection,
    ) -> Result<(), SettingsError> {
        for (path, others) in &self.aliases {
            if !others.iter().all(|also| selection.alias(path, also)) {
                return Err(SettingsError::Alias { survey, path: path.clone() });
            }
        }
        Ok(())
    }
}

/// A survey's default quality table as the job file would write it.
pub(super) fn table<Q: Serialize>(defaults: &Q) -> Table {
    match serde_json::to_value(defaults) {
        Ok(serde_json::Value::Object(table)) => table,
        _ => Table::new(),
    }
}
