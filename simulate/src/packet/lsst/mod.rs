//! LSST 10.0, 11.0 and 11.1: Confluent framing, the schema named by its id.

mod forced;
mod object;
mod orbit;
mod source;

use super::numbers::{salt, unit};
use super::plan::{Plan, record};
use super::stamp::{self, Scale, Shape, Stamps, Which};
use super::wire;
use crate::{Random, Seen, Shot};
use serde_json::Value as Json;
use skydiff_schemas::{Kind, survey};

/// What the root record may have, in the order of its schema.
#[derive(Clone, Copy)]
enum Part {
    Id,
    Reason,
    Target,
    Source,
    Sources,
    Forced,
    Object,
    SolarSystem,
    Orbit,
    Stamp(Which),
}

/// Writes packets.
pub struct Packets {
    /// Byte 0 and the schema's id.
    framing: [u8; 5],
    parts: Vec<Part>,
    source: Plan<source::Row>,
    forced: Plan<forced::Row>,
    object: Plan<object::Row>,
    solar_system: Plan<orbit::Row>,
    orbit: Plan<orbit::Row>,
    cutouts: Option<(Stamps, Vec<u8>)>,
}

/// 30 pixels of 0.2 arcsec, in nJy, turned as the camera was in that visit.
fn scale(shot: &Shot) -> Scale {
    let turn = std::f64::consts::TAU * unit(Random::new(shot.trigger.visit.number), salt("turn"));
    Scale { size: 30, pixel: source::PIXEL, gain: 1.0, sky: 0.0, faintest: 25.5, turn }
}

impl Packets {
    /// Of the schema with that id. An error names a column that nothing fills.
    pub fn new(id: u32, cutouts: bool) -> Result<Packets, String> {
        let known = [1000, 1100, 1101].contains(&id);
        let text =
            survey::lsst::writer_schema(id).filter(|_| known).ok_or_else(|| format!("no packets of schema {id}"))?;
        let schema: Json = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        let fields = schema["fields"].as_array().ok_or("no record")?;
        let parts = fields.iter().map(|field| part(field["name"].as_str().unwrap_or_default()));
        let mut framing = [0; 5];
        framing[1..].copy_from_slice(&id.to_be_bytes());
        Ok(Packets {
            framing,
            parts: parts.collect::<Result<_, _>>()?,
            source: Plan::compile(record(&schema, "diaSource")?, false, source::column)?,
            forced: Plan::compile(record(&schema, "prvDiaForcedSources")?, false, forced::column)?,
            object: Plan::compile(record(&schema, "diaObject")?, false, object::column)?,
            solar_system: Plan::compile(record(&schema, "ssSource")?, false, orbit::source_column)?,
            orbit: Plan::compile(record(&schema, "mpc_orbits")?, false, orbit::column)?,
            cutouts: cutouts.then(|| {
                let blank = Scale { size: 30, pixel: 1.0, gain: 1.0, sky: 0.0, faintest: 25.5, turn: 0.0 };
                (Stamps::new(blank), Vec::new())
            }),
        })
    }

    /// Appends the packet of a shot.
    pub fn write(&mut self, shot: &Shot, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.framing);
        if let Some((stamps, _)) = &mut self.cutouts {
            let shape = match source::Fault::of(shot.trigger, Random::new(shot.trigger.id)) {
                None => Shape::unflagged(shot.trigger),
                Some(source::Fault::Dipole) => Shape::Dipole,
                Some(source::Fault::Cosmic) => Shape::Pixels,
                Some(source::Fault::Streak) => Shape::Line,
                Some(source::Fault::Bad | source::Fault::Interpolated) => Shape::Blob,
            };
            stamps.draw(shot, scale(shot), shape);
        }
        for place in 0..self.parts.len() {
            if let Part::Stamp(which) = self.parts[place] {
                self.stamp(which, shot, out);
            } else {
                self.part(self.parts[place], shot, out);
            }
        }
    }

    fn stamp(&mut self, which: Which, shot: &Shot, out: &mut Vec<u8>) {
        let Some((stamps, file)) = &mut self.cutouts else { return out.push(wire::NULL) };
        let (x, y) = source::Row::new(shot.trigger, shot.target, true).pixel();
        file.clear();
        stamp::lsst(stamps, which, shot.trigger.place, (x as i64 - 15, y as i64 - 15), file);
        out.push(wire::PRESENT);
        wire::bytes(file, out);
    }

    fn part(&self, part: Part, shot: &Shot, out: &mut Vec<u8>) {
        let moves = shot.target.moves;
        match part {
            Part::Id => wire::integer(shot.trigger.id as i64, out),
            Part::Reason => {
                out.push(wire::PRESENT);
                wire::text(out, |out| {
                    out.extend_from_slice(b"pairs_");
                    out.extend_from_slice(shot.trigger.visit.band.name().as_bytes());
                    out.extend_from_slice(b"_33.0");
                });
            }
            Part::Target => {
                out.push(wire::PRESENT);
                wire::bytes(b"lowdust", out);
            }
            Part::Source => self.source.write(&source::Row::new(shot.trigger, shot.target, true), out),
            Part::Sources => {
                let sources = shot.history.iter().filter(|seen| seen.kind == Kind::Source);
                let none = sources.clone().next().is_none();
                list(out, none, sources, |seen, out| {
                    self.source.write(&source::Row::new(seen, shot.target, false), out)
                });
            }
            Part::Forced => {
                let write = |seen, out: &mut Vec<u8>| self.forced.write(&forced::Row::new(seen, shot.target), out);
                list(out, moves, shot.forced.iter(), write);
            }
            Part::Object => nullable(out, !moves, |out| self.object.write(&object::Row::new(shot), out)),
            Part::SolarSystem => nullable(out, moves, |out| self.solar_system.write(&orbit::Row::new(shot), out)),
            Part::Orbit => nullable(out, moves, |out| self.orbit.write(&orbit::Row::new(shot), out)),
            Part::Stamp(_) => out.push(wire::NULL),
        }
    }
}

fn part(name: &str) -> Result<Part, String> {
    Ok(match name {
        "diaSourceId" => Part::Id,
        "observation_reason" => Part::Reason,
        "target_name" => Part::Target,
        "diaSource" => Part::Source,
        "prvDiaSources" => Part::Sources,
        "prvDiaForcedSources" => Part::Forced,
        "diaObject" => Part::Object,
        "ssSource" => Part::SolarSystem,
        "mpc_orbits" => Part::Orbit,
        "cutoutDifference" => Part::Stamp(Which::Difference),
        "cutoutScience" => Part::Stamp(Which::Science),
        "cutoutTemplate" => Part::Stamp(Which::Template),
        _ => return Err(format!("nothing fills {name} of the schema")),
    })
}

fn nullable(out: &mut Vec<u8>, there: bool, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(if there { wire::PRESENT } else { wire::NULL });
    if there {
        write(out);
    }
}

/// A nullable list, null where `none`.
fn list<'a>(
    out: &mut Vec<u8>,
    none: bool,
    rows: impl Iterator<Item = &'a Seen> + Clone,
    write: impl Fn(&'a Seen, &mut Vec<u8>),
) {
    nullable(out, !none, |out| {
        let count = rows.clone().count();
        if count > 0 {
            wire::integer(count as i64, out);
            rows.for_each(|seen| write(seen, out));
        }
        wire::integer(0, out);
    });
}
