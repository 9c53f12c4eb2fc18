//! How the rows of a record are written: a plan, compiled once from the schema that the packets name.
//!
//! A writer of rows says by name how each column is found ([`Column`]); the schema says in which order, of what type and
//! whether it may be null. A column of the schema that nobody can fill is an error when the plan is made, not a gap in packets.

use super::numbers::{salt, six_digits};
use super::wire;
use crate::Random;
use serde_json::Value as Json;

/// How a column's value is found in a row. `Of` are given a number besides: a band, a flag, which neighbour.
pub enum Column<R> {
    Real(fn(&R) -> f64),
    Integer(fn(&R) -> i64),
    Flag(fn(&R) -> bool),
    Text(fn(&R, &mut Vec<u8>)),
    MaybeReal(fn(&R) -> Option<f64>),
    MaybeInteger(fn(&R) -> Option<i64>),
    RealOf(fn(&R, usize) -> Option<f64>, usize),
    IntegerOf(fn(&R, usize) -> i64, usize),
    FlagOf(fn(&R, usize) -> bool, usize),
    /// Uniform between two values, by a stream of the row and the column's name.
    Drawn(fn(&R) -> Random, f64, f64),
    /// Always null: the survey does not fill it.
    Never,
    /// So many columns one after another that are always null.
    Nulls(usize),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wire {
    Float,
    Double,
    Whole,
    Flag,
    Text,
}

struct Step<R> {
    nullable: bool,
    wire: Wire,
    salt: u64,
    column: Column<R>,
}

/// How to write rows of one record.
pub struct Plan<R> {
    steps: Vec<Step<R>>,
    /// Whether single-precision numbers have six digits only.
    rounded: bool,
}

/// A column's name with its record's, for errors.
fn named(record: &Json, field: &Json) -> String {
    format!("{}.{}", record["name"].as_str().unwrap_or("?"), field["name"].as_str().unwrap_or("?"))
}

impl<R> Plan<R> {
    /// From a record of a schema. `rounded`: as ZTF's history, single-precision numbers are sent to six digits.
    pub fn compile(record: &Json, rounded: bool, column: fn(&str) -> Option<Column<R>>) -> Result<Plan<R>, String> {
        let fields = record["fields"].as_array().ok_or("no record")?;
        let steps = fields.iter().map(|field| Self::step(field, column).ok_or_else(|| named(record, field)));
        let all: Vec<Step<R>> =
            steps.collect::<Result<_, _>>().map_err(|name| format!("nothing fills {name} of the schema"))?;
        let mut steps: Vec<Step<R>> = Vec::new();
        for mut step in all {
            if let Column::Never = step.column {
                if let Some(Step { column: Column::Nulls(count), .. }) = steps.last_mut() {
                    *count += 1;
                    continue;
                }
                step.column = Column::Nulls(1);
            }
            steps.push(step);
        }
        Ok(Plan { steps, rounded })
    }

    /// `None` where nothing fills the field, or not as the schema wants it.
    fn step(field: &Json, column: fn(&str) -> Option<Column<R>>) -> Option<Step<R>> {
        let name = field["name"].as_str()?;
        let (nullable, kind) = match field["type"].as_array() {
            Some(branches) => (branches.first()? == "null", branches.get(1)?),
            None => (false, &field["type"]),
        };
        let wire = match kind.as_str().or(kind["type"].as_str())? {
            "float" => Wire::Float,
            "double" => Wire::Double,
            "int" | "long" => Wire::Whole,
            "boolean" => Wire::Flag,
            "string" => Wire::Text,
            _ => return None,
        };
        let column = column(name)?;
        let (fits, maybe) = match column {
            Column::Real(_) | Column::Drawn(..) => (wire != Wire::Flag && wire != Wire::Text, false),
            Column::MaybeReal(_) | Column::RealOf(..) => (wire == Wire::Float || wire == Wire::Double, true),
            Column::Integer(_) | Column::IntegerOf(..) => (wire == Wire::Whole, false),
            Column::MaybeInteger(_) => (wire == Wire::Whole, true),
            Column::Flag(_) | Column::FlagOf(..) => (wire == Wire::Flag, false),
            Column::Text(_) => (wire == Wire::Text, false),
            Column::Never | Column::Nulls(_) => (true, true),
        };
        (fits && (nullable || !maybe)).then_some(Step { nullable, wire, salt: salt(name), column })
    }

    /// Appends a row.
    pub fn write(&self, row: &R, out: &mut Vec<u8>) {
        for step in &self.steps {
            // What every column that is a number comes to, so that it is written in one place.
            let real = match step.column {
                Column::Real(of) => Some(of(row)),
                Column::Drawn(of, from, to) => Some(from + (to - from) * of(row).of(step.salt, 0).unit()),
                Column::MaybeReal(of) => of(row),
                Column::RealOf(of, number) => of(row, number),
                _ => {
                    Self::other(step, row, out);
                    continue;
                }
            };
            match real {
                Some(value) => self.real(step, value, out),
                None => out.push(wire::NULL),
            }
        }
    }

    /// A column that is no real number.
    #[inline]
    fn other(step: &Step<R>, row: &R, out: &mut Vec<u8>) {
        let integer = match step.column {
            Column::MaybeInteger(of) => of(row),
            Column::Nulls(count) => return out.resize(out.len() + count, wire::NULL),
            _ => {
                if step.nullable {
                    out.push(wire::PRESENT);
                }
                return match step.column {
                    Column::Integer(of) => wire::integer(of(row), out),
                    Column::IntegerOf(of, number) => wire::integer(of(row, number), out),
                    Column::Flag(of) => out.push(u8::from(of(row))),
                    Column::FlagOf(of, number) => out.push(u8::from(of(row, number))),
                    Column::Text(of) => wire::text(out, |out| of(row, out)),
                    _ => {}
                };
            }
        };
        match integer {
            Some(value) => {
                if step.nullable {
                    out.push(wire::PRESENT);
                }
                wire::integer(value, out);
            }
            None => out.push(wire::NULL),
        }
    }

    #[inline(always)]
    fn real(&self, step: &Step<R>, value: f64, out: &mut Vec<u8>) {
        match step.wire {
            Wire::Float => {
                let value = if self.rounded { six_digits(f64::from(value as f32)) } else { value };
                let [a, b, c, d] = (value as f32).to_le_bytes();
                // Of a length that the compiler knows, one at a time: this is where packets spend their time.
                if step.nullable {
                    out.extend_from_slice(&[wire::PRESENT, a, b, c, d]);
                } else {
                    out.extend_from_slice(&[a, b, c, d]);
                }
            }
            Wire::Double => {
                if step.nullable {
                    out.push(wire::PRESENT);
                }
                out.extend_from_slice(&value.to_le_bytes());
            }
            _ => {
                if step.nullable {
                    out.push(wire::PRESENT);
                }
                wire::integer(value as i64, out);
            }
        }
    }
}

/// The record that a field of this record holds, in a list or not, null or not.
pub fn record<'a>(of: &'a Json, field: &str) -> Result<&'a Json, String> {
    let fields = of["fields"].as_array().ok_or("no record")?;
    let field = fields.iter().find(|known| known["name"] == field).ok_or_else(|| format!("no field {field}"))?;
    let mut kind = &field["type"];
    loop {
        kind = match kind {
            Json::Array(branches) => branches.get(1).ok_or("a union of one")?,
            Json::Object(object) if object.contains_key("items") => &kind["items"],
            Json::Object(_) => return Ok(kind),
            _ => return Err(format!("{} holds no record", named(of, field))),
        };
    }
}
