//! Small packets, answers and changes for tests.

use crate::source::{Bytes, Parcel};
use skydiff_operators::{
    Answer, Cause, CauseKind, Change, Latest, Said, SeriesFeatures, State, States, Trigger, Window,
};
use skydiff_schemas::{
    Band, Context, Kind, MicroDays, ObjectClass, ObjectId, PicoJansky, Position, Real, SourceId, SurveyId,
};

/// A packet that came from a stream.
pub fn parcel(text: &str) -> Parcel {
    let bytes = Bytes::Here(text.as_bytes().to_vec().into());
    Parcel { name: String::new(), bytes, records: 1, left_out: 0, received: None }
}

pub const OBJECT: ObjectId = ObjectId { survey: SurveyId(0), class: ObjectClass::Sidereal, id: 7 };

/// One timescale: these states with these levels of Z.
pub fn said(newest: Option<i64>, states: &[(State, u32)]) -> Said {
    let alive = states.iter().fold((0, 0), |(states, levels), (state, level)| {
        (states | 1u16 << *state as u8, levels | level << (3 * *state as u32))
    });
    Said { newest: newest.map(MicroDays), alive: vec![alive] }
}

pub fn cause(what: CauseKind) -> Cause {
    Cause { what, kind: Kind::Source, id: SourceId(1 << 60), time: MicroDays(59_000_250_000) }
}

/// A change to an answer whose window is alive and of which a feature changed too.
pub fn change(before: Said, said: Said, causes: &[CauseKind]) -> Change {
    let after = Some(Box::new(answer(&said, true)));
    Change {
        object: OBJECT,
        before,
        said,
        features: true,
        after,
        causes: causes.iter().map(|what| cause(*what)).collect(),
    }
}

/// An answer that holds what is said, each state with Z = 8 + 10 × its level.
pub fn answer(said: &Said, alive: bool) -> Answer {
    let (held, levels) = said.alive.first().copied().unwrap_or_default();
    let mut states = States::default();
    for state in State::ALL.into_iter().filter(|state| held >> *state as u8 & 1 == 1) {
        states.add(state, 8.0 + 10.0 * f64::from(levels >> (3 * state as u32) & 7));
    }
    Answer {
        object: OBJECT,
        position: Position::from_degrees(210.0, 54.0).unwrap(),
        newest: said.newest,
        oldest: said.newest,
        detections: 2,
        first_detection: said.newest,
        before_first: None,
        trigger: Some(Trigger { source: SourceId(1 << 60), time: MicroDays(59_000_250_000), context: context() }),
        latest: vec![Latest {
            band: Band(1),
            time: MicroDays(59_000_250_000),
            kind: Kind::Source,
            flux: PicoJansky(-1_000_000),
            sigma: PicoJansky(100_000),
            total: Some(PicoJansky(10_000_000)),
        }],
        windows: vec![Window {
            states,
            bands_disagree: false,
            valid_until: MicroDays(59_002_250_000),
            alive,
            series: vec![SeriesFeatures {
                band: Band(1),
                reference: 5,
                n: 2,
                weighted_mean: 1.5,
                weighted_mean_err: 0.5,
                chi2: 1.0,
                excess_scatter: Some(0.25),
                linear_fit_slope: Some(-2.0),
                linear_fit_slope_sigma: Some(1.0),
                linear_fit_reduced_chi2: None,
                amplitude: 3.0,
                amplitude_z: 2.0,
                rate: Some(-2.0),
                rate_sigma: Some(1.0),
                rise_limit: None,
                rise_limit_z: None,
                trend_z: Some(-2.0),
            }],
            colours: vec![],
        }],
    }
}

pub fn context() -> Context {
    Context {
        ra: 210.000_000_123_456_f64.to_bits(),
        dec: 54.0_f64.to_bits(),
        received: MicroDays(59_000_260_000),
        first_detection: Context::NEVER,
        ra_err: Real::ABSENT,
        dec_err: Real::ABSENT,
        real_bogus: Real::new(Some(0.75)),
        star: Real::ABSENT,
        reference_distance: Real::new(Some(0.5)),
        reference_magnitude: Real::ABSENT,
        neighbour_distance: Real::ABSENT,
        neighbour_magnitude: Real::ABSENT,
        solar_system_distance: Real::ABSENT,
        solar_system_magnitude: Real::ABSENT,
        detections: 4,
        coverage: -1,
        program: 1,
        quality: skydiff_schemas::Quality::GOOD,
    }
}
