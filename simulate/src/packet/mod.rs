//! A [`Shot`] as its survey writes it: ZTF 4.02 or LSST 10.0, 11.0, 11.1, every column filled.
//!
//! What analyses look at (fluxes, errors, times, places, ids, scores) is the shot's. What they do not (aperture magnitudes,
//! moments, calibration terms) is made up from ids, in the ranges of real packets, so that a measurement has the same
//! values in every packet that repeats it, less what the survey itself changes: ZTF's history has its numbers to six digits
//! and lacks columns. A column is null exactly where it is null in real packets.
//!
//! | module | what it owns |
//! |---|---|
//! | `plan` | how rows of a record are written, compiled from the schema |
//! | `ztf`, `lsst` | which column is what, and the packet around them |
//! | `stamp` | the three images |
//! | `numbers` | what is drawn from ids, roundings, magnitudes |
//! | `wire` | Avro's bytes |

mod lsst;
mod numbers;
mod plan;
mod stamp;
mod wire;
mod ztf;

use crate::Shot;

/// Which packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// ZTF 4.02: an Avro object container file of one record, uncompressed, with its schema, as the survey sends it.
    Ztf402,
    /// LSST in Confluent framing, by the id of its schema: 1000, 1100 or 1101 (100 · major + minor).
    Lsst(u32),
}

/// Writes packets of one format. It keeps its buffers.
pub struct Writer(Kind);

enum Kind {
    Ztf(Box<ztf::Packets>),
    Lsst(Box<lsst::Packets>),
}

impl Writer {
    /// Of a format, with the three stamps or without any (null). An error names what of the schema nothing here can fill.
    pub fn new(format: Format, cutouts: bool) -> Result<Writer, String> {
        Ok(Writer(match format {
            Format::Ztf402 => Kind::Ztf(Box::new(ztf::Packets::new(cutouts)?)),
            Format::Lsst(id) => Kind::Lsst(Box::new(lsst::Packets::new(id, cutouts)?)),
        }))
    }

    /// Appends one packet. The bytes are a function of the shot.
    ///
    /// A measurement without a finite flux and a positive error is written as one that could not be measured: of forced
    /// photometry −99999 and `procstatus` 61 (ZTF), null (LSST). Other surveys' bands are written as `r`.
    pub fn write(&mut self, shot: &Shot, out: &mut Vec<u8>) {
        match &mut self.0 {
            Kind::Ztf(packets) => packets.write(shot, out),
            Kind::Lsst(packets) => packets.write(shot, out),
        }
    }
}
