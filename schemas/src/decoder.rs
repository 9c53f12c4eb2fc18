//! From the bytes of a packet to its alerts: the door to this crate.
//!
//! Framing says how to find the writer schema (a container has it, a Confluent packet has its id), the schema says whose
//! packets these are, and the survey's mapping says what they mean. All of that is settled once for each writer schema.

use crate::avro::{Captured, Inflate, MAGIC, Plan, PlanCache, Schema, Scratch};
use crate::survey::{Cutout, Mapping, SURVEYS, SettingsError, Survey, SurveySettings, survey_by_name};
use crate::{Alert, PacketReject};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a decoder can be told.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// By survey name: its quality cuts and aliases.
    pub surveys: BTreeMap<String, SurveySettings>,
    /// Writer schemas by Confluent id, as Avro JSON, before those that are built in. See [`schema_id`].
    pub schemas: BTreeMap<u32, String>,
}

/// Decodes packets of every survey in [`SURVEYS`], one after another. One for each worker; it keeps what it learns.
pub struct Decoder {
    plans: PlanCache<SurveyPlan>,
    library: Library,
    scratch: Scratch,
    inflate: Inflate,
    alert: Alert,
}

/// How to read packets of one writer schema, and whose they are.
struct SurveyPlan {
    plan: Plan,
    survey: usize,
}

/// What plans are made of.
struct Library {
    /// In the order of [`SURVEYS`].
    mappings: Vec<Box<dyn Mapping>>,
    schemas: BTreeMap<u32, Schema>,
}

impl Library {
    fn plan(&self, schema: &Schema) -> Result<SurveyPlan, PacketReject> {
        let mut surveys = SURVEYS.iter().zip(&self.mappings);
        let known = surveys.position(|(survey, mapping)| survey.recognises(schema, mapping.selection()));
        let survey = known.ok_or_else(|| self.stranger(schema))?;
        let selection = self.mappings[survey].selection();
        Ok(SurveyPlan { plan: Plan::compile(schema, selection)?, survey })
    }

    /// Why no survey recognises a schema. One that bears a survey's name has lost a field by which that is known.
    fn stranger(&self, schema: &Schema) -> PacketReject {
        let name = schema.name();
        let own = |survey: &dyn Survey| name.split_once('.').is_some_and(|(space, _)| space == survey.name());
        let named = SURVEYS.iter().zip(&self.mappings).find(|(survey, _)| own(**survey));
        let lacks = named.map(|(survey, mapping)| survey.lacks(schema, mapping.selection())).unwrap_or_default();
        match &lacks[..] {
            [] => PacketReject::UnknownSurvey(format!("no survey here sends packets of schema `{name}`")),
            [one] => PacketReject::Schema(format!("required field `{one}` is missing (schema `{name}`)")),
            more => {
                PacketReject::Schema(format!("required fields `{}` are missing (schema `{name}`)", more.join("`, `")))
            }
        }
    }

    fn plan_of(&self, id: u32) -> Result<SurveyPlan, PacketReject> {
        if let Some(schema) = self.schemas.get(&id) {
            return self.plan(schema);
        }
        let built_in = SURVEYS.iter().find_map(|survey| survey.writer_schema(id));
        let text = built_in.ok_or(PacketReject::UnknownSchema(id))?;
        self.plan(&Schema::parse(text.as_bytes())?)
    }
}

impl Decoder {
    /// With these settings; an error names the key.
    pub fn new(settings: &Settings) -> Result<Decoder, SettingsError> {
        let unknown = settings.surveys.keys().find(|name| survey_by_name(name).is_none());
        if let Some(name) = unknown {
            return Err(SettingsError::Survey { name: name.clone() });
        }
        let defaults = SurveySettings::default();
        let own = |name| settings.surveys.get(name).unwrap_or(&defaults);
        let mappings = SURVEYS.iter().map(|survey| survey.mapping(own(survey.name())));
        let schemas = settings.schemas.iter().map(|(id, text)| match Schema::parse(text.as_bytes()) {
            Ok(schema) => Ok((*id, schema)),
            Err(reject) => Err(SettingsError::Schema { id: *id, reason: reject.to_string() }),
        });
        let library =
            Library { mappings: mappings.collect::<Result<_, _>>()?, schemas: schemas.collect::<Result<_, _>>()? };
        Ok(Decoder {
            plans: PlanCache::new(),
            library,
            scratch: Scratch::new(),
            inflate: Inflate::new(),
            alert: Alert::blank(),
        })
    }

    /// Takes a schema by its Confluent id that was not among the settings. The error says what is wrong with it.
    pub fn learn(&mut self, id: u32, text: &str) -> Result<(), PacketReject> {
        if let std::collections::btree_map::Entry::Vacant(free) = self.library.schemas.entry(id) {
            free.insert(Schema::parse(text.as_bytes())?);
        }
        Ok(())
    }

    /// Decodes a packet: `each` is given every record's place in it, from 0, with its alert or why there is none.
    ///
    /// A container has any number of records (without any it is rejected), a Confluent packet one. A record that cannot be used does not spoil those behind
    /// it; bytes that cannot be read end the packet, and are the last thing that `each` is told. A record stands once another
    /// follows it or its block ends with it, so a packet of one record is all good or all bad. The alert is overwritten by the
    /// next one.
    pub fn decode(&mut self, packet: &[u8], mut each: impl FnMut(usize, Result<&Alert, PacketReject>)) {
        let Decoder { plans, library, scratch, inflate, alert } = self;
        // Whether `alert` waits for what follows it.
        let mut waits = false;
        let mut place = 0;
        let ended = walk(packet, plans, library, scratch, inflate, |mapping, captured, last| {
            if std::mem::take(&mut waits) {
                each(place, Ok(alert));
                place += 1;
            }
            match mapping.fill(&captured, alert) {
                Ok(()) if last => each(place, Ok(alert)),
                Ok(()) => {
                    waits = true;
                    return;
                }
                Err(reject) => each(place, Err(reject)),
            }
            place += 1;
        });
        if let Err(reject) = ended {
            each(place, Err(reject));
        }
    }

    /// The images in a packet: for every record its place and the science, template and difference image around its trigger,
    /// as they lie in the packet. Bytes that cannot be read end the packet with an error.
    pub fn cutouts(
        &mut self,
        packet: &[u8],
        mut each: impl FnMut(usize, [Option<Cutout<'_>>; 3]),
    ) -> Result<(), PacketReject> {
        let Decoder { plans, library, scratch, inflate, .. } = self;
        let mut places = 0..;
        walk(packet, plans, library, scratch, inflate, |mapping, captured, _| {
            each(places.next().unwrap_or_default(), mapping.cutouts(&captured));
        })
    }
}

/// Whether the schema of a Confluent id is built in.
pub fn knows(id: u32) -> bool {
    SURVEYS.iter().any(|survey| survey.writer_schema(id).is_some())
}

/// Reads every record of a packet and says whether its block ends with it.
fn walk(
    packet: &[u8],
    plans: &mut PlanCache<SurveyPlan>,
    library: &Library,
    scratch: &mut Scratch,
    inflate: &mut Inflate,
    mut each: impl FnMut(&dyn Mapping, Captured<'_>, bool),
) -> Result<(), PacketReject> {
    if !packet.starts_with(&MAGIC) {
        let (SurveyPlan { plan, survey }, datum) = plans.confluent(packet, |id| library.plan_of(id))?;
        each(&*library.mappings[*survey], plan.read_all(datum, scratch)?, true);
        return Ok(());
    }
    let (SurveyPlan { plan, survey }, body) = plans.container(packet, |schema| library.plan(schema))?;
    let mapping = &*library.mappings[*survey];
    let records = body.records(inflate, |block, at| {
        let captured = plan.read(block, at, scratch)?;
        each(mapping, captured, *at == block.len());
        Ok(())
    })?;
    // What was sent to say something and says nothing is to be counted.
    if records == 0 { Err(PacketReject::Framing("container without records".to_owned())) } else { Ok(()) }
}

/// The Confluent id of a schema by the name of its file: `lsst.v11_1.alert.avsc` (or `.json`) is 1101, `12345.avsc` is 12345.
pub fn schema_id(file_name: &str) -> Option<u32> {
    let stem = file_name.strip_suffix(".avsc").or_else(|| file_name.strip_suffix(".json"))?;
    if let Ok(id) = stem.parse() {
        return Some(id);
    }
    let version = stem.split('.').skip(1).find_map(|part| part.strip_prefix('v'))?;
    let (major, minor) = version.split_once('_')?;
    let minor: u32 = minor.parse().ok().filter(|minor| *minor < 100)?;
    major.parse::<u32>().ok()?.checked_mul(100)?.checked_add(minor)
}

#[cfg(test)]
mod mutated;
#[cfg(test)]
mod tests;
