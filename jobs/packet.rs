//! `skydiff packet`: one packet, whole: what was sent, its stamps, its schema, and what skydiff makes of it.

use crate::mapped::{alert_points, mapped_json, mapped_text};
use crate::output::{print, print_json, print_text};
use crate::points::csv;
use crate::stamp::write_stamps;
use clap::Args;
use skydiff_dataflow::settings::load;
use skydiff_dataflow::source::{Found, Opener, Parcel, Place, stream, walk};
use skydiff_schemas::avro::{BytesAs, Header, Inflate, MAGIC, Schema, Value, confluent};
use skydiff_schemas::decoder::Settings;
use skydiff_schemas::survey::SURVEYS;
use skydiff_schemas::{Decoder, PacketReject};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// Prints alert packets as JSON, whole: every field as it was sent, stamps in base64.
///
/// A packet is an Avro container file (ZTF), a packet in Confluent framing (LSST), or one within a tar or a file of many.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    skydiff packet 2752190655615010046.avro | jq .candidate\n  \
    skydiff packet ztf_public_20180601.tar.gz:514124500715015013.avro --cutouts stamps\n  \
    skydiff packet night.avro --record 12 --mapped\n  \
    cat packet.bin | skydiff packet - --schema")]
pub struct Packet {
    /// The packet: a file, FILE.tar:ENTRY, or - for standard input
    #[arg(value_name = "FILE")]
    file: String,
    /// Only the Nth record, counted from 0 (a file may hold many)
    #[arg(long, value_name = "N")]
    record: Option<usize>,
    /// Write the stamps into this folder, as FITS files and as PNG images, and print where they are
    #[arg(long, value_name = "DIR", conflicts_with_all = ["schema", "mapped"])]
    cutouts: Option<PathBuf>,
    /// Print the schema that the packet was written with
    #[arg(long, conflicts_with = "mapped")]
    schema: bool,
    /// Print what skydiff makes of it: object, context, and measurements as a table
    #[arg(long)]
    mapped: bool,
    /// With --mapped: as JSON
    #[arg(long, requires = "mapped", conflicts_with = "csv")]
    json: bool,
    /// With --mapped: the measurements as CSV
    #[arg(long, requires = "mapped")]
    csv: bool,
    /// Stamps as their lengths instead of base64
    #[arg(long, conflicts_with_all = ["cutouts", "schema", "mapped"])]
    short: bool,
    /// A folder of writer schemas by Confluent id (lsst.v11_1.alert.avsc, 1101.avsc), before those that are built in
    #[arg(long, value_name = "DIR")]
    schemas: Option<PathBuf>,
    /// The job whose quality cuts, aliases and schemas are meant; else the defaults
    #[arg(long, value_name = "JOB.toml")]
    job: Option<PathBuf>,
}

impl Packet {
    /// Does it.
    pub fn run(self) -> Result<(), String> {
        let mut job = load(self.job.as_deref(), std::env::vars()).map_err(|error| error.to_string())?;
        job.schemas = self.schemas.clone().or(job.schemas);
        let settings = job.decoder()?;
        let (place, entry) = self.place()?;
        let mut decoder = Decoder::new(&settings).map_err(|error| error.to_string())?;
        let (mut opener, mut first, mut found) = (Opener::default(), 0, false);
        let mut failed = None;
        each_parcel(&place, &mut |parcel| {
            if entry.as_deref().is_some_and(|entry| entry != parcel.name) {
                return ControlFlow::Continue(());
            }
            let done = opener.read(&parcel.bytes).and_then(|bytes| self.packet(bytes, first, &settings, &mut decoder));
            match done {
                Ok(records) => {
                    found |= self.record.is_none_or(|record| (first..first + records).contains(&record));
                    first += records;
                }
                Err(why) => failed = Some(named(&parcel, why)),
            }
            let over = failed.is_some() || self.record.is_some_and(|record| record < first) || self.schema;
            if over { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        match failed {
            Some(why) => Err(format!("{}: {why}", self.file)),
            None if first == 0 && entry.is_some() => Err(format!("{}: there is no such entry", self.file)),
            None if first == 0 => Err(format!("{}: there is no packet in it", self.file)),
            None if !found => Err(format!("{}: no record {}: it holds {first}", self.file, self.record.unwrap_or(0))),
            None => Ok(()),
        }
    }

    /// The file and the entry of it that is meant. A file whose name has a colon in it is found as it is.
    fn place(&self) -> Result<(Place, Option<String>), String> {
        let path = Path::new(&self.file);
        if self.file == "-" {
            return Ok((Place::Stdin, None));
        }
        if path.is_dir() {
            return Err(format!("{} is a folder: name one of its files", self.file));
        }
        if path.exists() {
            return Ok((Place::File(path.to_owned()), None));
        }
        let split = self.file.match_indices(':').map(|(at, _)| (&self.file[..at], &self.file[at + 1..]));
        let tar = split.into_iter().find(|(tar, entry)| !entry.is_empty() && Path::new(tar).is_file());
        let (tar, entry) = tar.ok_or_else(|| format!("{}: there is no such file", self.file))?;
        Ok((Place::File(tar.into()), Some(entry.to_owned())))
    }

    fn wants(&self, record: usize) -> bool {
        self.record.is_none_or(|wanted| wanted == record)
    }

    /// One packet, whose records are numbered from `first`; gives how many there are.
    fn packet(&self, bytes: &[u8], first: usize, settings: &Settings, decoder: &mut Decoder) -> Result<usize, String> {
        let words = |reject: PacketReject| reject.to_string();
        if self.schema {
            print(|out| out.write_all(&schema_text(bytes, settings)?).and_then(|()| out.write_all(b"\n")))?;
            return Ok(1);
        }
        if self.mapped {
            return self.mapped(bytes, first, decoder);
        }
        if let Some(folder) = &self.cutouts {
            return write_stamps(bytes, first, folder, decoder, &|record| self.wants(record));
        }
        let text = schema_text(bytes, settings).map_err(|error| error.to_string())?;
        let schema = Schema::parse(&text).map_err(words)?;
        let bytes_as = if self.short { BytesAs::Length } else { BytesAs::Base64 };
        let mut records = 0;
        let mut show = |bytes: &[u8], at: &mut usize| {
            let value = Value::read(&schema, bytes, at)?;
            records += 1;
            if !self.wants(first + records - 1) {
                return Ok(());
            }
            let printed = print(|out| {
                serde_json::to_writer_pretty(&mut *out, &value.json(bytes_as)).map_err(std::io::Error::from)?;
                out.write_all(b"\n")
            });
            printed.map_err(PacketReject::Framing)
        };
        if bytes.starts_with(&MAGIC) {
            let header = Header::parse(bytes).map_err(words)?;
            let body = Header::body(header.codec, header.len, bytes).map_err(words)?;
            body.records(&mut Inflate::new(), show).map_err(words)?;
        } else {
            let (_, datum) = confluent(bytes).map_err(words)?;
            show(datum, &mut 0).map_err(words)?;
        }
        Ok(records)
    }

    fn mapped(&self, bytes: &[u8], first: usize, decoder: &mut Decoder) -> Result<usize, String> {
        let (mut records, mut done) = (0, Ok(()));
        decoder.decode(bytes, |at, alert| {
            records = at + 1;
            if done.is_err() || !self.wants(first + at) {
                return;
            }
            done = match alert {
                Ok(alert) if self.json => print_json(&mapped_json(alert)),
                Ok(alert) if self.csv => print_text(&csv(&alert_points(alert))),
                Ok(alert) => print_text(&mapped_text(alert)),
                Err(reject) => Err(format!("record {}: {reject} ({})", first + at, reject.reason())),
            };
        });
        done.map(|()| records)
    }
}

fn named(parcel: &Parcel, why: String) -> String {
    if parcel.name.is_empty() { why } else { format!("{}: {why}", parcel.name) }
}

/// Every packet of a file or of standard input.
fn each_parcel(place: &Place, look: &mut dyn FnMut(Parcel) -> ControlFlow<()>) {
    let _ = walk(place, &mut |found| match found {
        Found::Packet(parcel) => look(parcel),
        Found::Stream(place) => stream(&place, &Default::default(), look),
        Found::Begin(_) | Found::End | Found::Ahead(_) | Found::Beside(_) => ControlFlow::Continue(()),
    });
}

/// The writer schema's text: as it was sent, or as the id says.
fn schema_text(bytes: &[u8], settings: &Settings) -> std::io::Result<Vec<u8>> {
    let invalid = |reject: PacketReject| std::io::Error::new(std::io::ErrorKind::InvalidData, reject.to_string());
    if bytes.starts_with(&MAGIC) {
        return Ok(Header::parse(bytes).map_err(invalid)?.schema.to_vec());
    }
    let (id, _) = confluent(bytes).map_err(invalid)?;
    let built_in = || SURVEYS.iter().find_map(|survey| survey.writer_schema(id));
    let text = settings.schemas.get(&id).cloned().or_else(built_in);
    let unknown = || format!("schema id {id} is not known: give a folder that has it with --schemas");
    text.map(String::into_bytes).ok_or_else(|| std::io::Error::new(std::io::ErrorKind::InvalidData, unknown()))
}
