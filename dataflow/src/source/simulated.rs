//! A simulated survey as a source: its nights as bundles, named as the files of `skydiff simulate` are, so that a run on
//! those files and a run on the simulation itself are the same run.

use super::night::Night;
use super::parcel::{Bytes, Parcel};
use skydiff_simulate::{Settings, Simulation};
use std::ops::ControlFlow;

/// What a simulation tells of.
pub enum Made {
    /// The packets that follow are of the night of this name.
    Begin(String),
    /// A packet.
    Packet(Parcel),
    /// The night is over.
    End {
        /// Nights so far.
        done: u32,
        /// Nights in all.
        of: u32,
    },
}

/// Name of the file of a night, without its ending.
pub fn night_name(settings: &Settings, night: i64) -> String {
    format!("skydiff_{}_{}", settings.survey.name(), Night(i32::try_from(night).unwrap_or(i32::MAX)))
}

/// Name of a packet within its night: as the surveys name theirs.
pub fn packet_name(alert: u64) -> String {
    format!("{alert}.avro")
}

/// Runs a simulation to its end. The error is one of its settings.
pub fn simulate(settings: &Settings, tell: &mut dyn FnMut(Made) -> ControlFlow<()>) -> Result<ControlFlow<()>, String> {
    let mut simulation = Simulation::new(settings)?;
    let mut done = 0;
    let mut nights = || {
        while let Some(night) = simulation.next_night() {
            tell(Made::Begin(night_name(settings, night)))?;
            simulation.night(&mut |bytes, told| {
                let bytes = Bytes::Here(bytes::Bytes::copy_from_slice(bytes));
                tell(Made::Packet(Parcel {
                    name: packet_name(told.alert),
                    bytes,
                    records: 1,
                    left_out: 0,
                    received: None,
                }))
            })?;
            done += 1;
            tell(Made::End { done, of: settings.nights })?;
        }
        ControlFlow::Continue(())
    };
    Ok(nights())
}
