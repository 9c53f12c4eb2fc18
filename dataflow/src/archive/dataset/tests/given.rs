//! Rows of every dataset, made up: the extremes of every column among them.

use crate::archive::dataset::{ChangeRow, MeasurementRow, PacketAlert, PacketRow, RejectRow, Rejected, TriggerRow};
use crate::reject::{At, Reason, Reject, RowRejects};
use proptest::prelude::*;
use proptest::{collection::vec, option};
use skydiff_operators::{ContextRow, Epoch};
use skydiff_schemas::record::{AlertTense, AlertType, Reason as Why, Record, StateHeld, Timescale};
use skydiff_schemas::{
    Band, Context, Kind, Measurement, MicroDays, ObjectClass, ObjectId, PicoJansky, Pixel, Position, Quality, Real,
    RowReject, SourceId, SurveyId, Version,
};
use std::cmp::Reverse;

const LARGEST: i64 = 999_999_999_999_999_999;

fn epochs() -> impl Strategy<Value = Epoch> {
    prop_oneof![0u64..4, Just(u64::MAX)].prop_map(Epoch)
}

fn numbers() -> impl Strategy<Value = i64> {
    prop_oneof![4 => -2i64..3, 4 => 59_000_000_000i64..61_000_000_000, 1 => Just(LARGEST), 1 => Just(-LARGEST), 1 => -LARGEST..LARGEST]
}

fn times() -> impl Strategy<Value = MicroDays> {
    numbers().prop_map(MicroDays)
}

fn fluxes() -> impl Strategy<Value = PicoJansky> {
    numbers().prop_map(PicoJansky)
}

fn ids() -> impl Strategy<Value = u64> {
    prop_oneof![0u64..5, any::<u64>(), Just(u64::MAX)]
}

fn pixels() -> impl Strategy<Value = Pixel> {
    prop_oneof![(0u32..3).prop_map(Pixel), (0u32..786_432).prop_map(Pixel), Just(Pixel::NONE)]
}

fn positions() -> impl Strategy<Value = Position> {
    prop_oneof![(0u64..12 << 58).prop_map(Position), Just(Position::UNKNOWN), Just(Position(0))]
}

pub(super) fn objects() -> impl Strategy<Value = ObjectId> {
    let class = prop_oneof![Just(ObjectClass::Sidereal), Just(ObjectClass::SolarSystem)];
    ((0u8..3).prop_map(SurveyId), class, ids()).prop_map(|(survey, class, id)| ObjectId { survey, class, id })
}

pub(super) fn versions() -> impl Strategy<Value = Version> {
    let processed = prop_oneof![Just(Version::UNPROCESSED), times()];
    (any::<i16>(), processed, times(), any::<bool>()).prop_map(|(rank, processed, packet, trigger)| Version {
        rank,
        processed,
        packet: Reverse(packet),
        trigger,
    })
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![Just(Kind::Source), Just(Kind::Forced), Just(Kind::Limit)]
}

pub(super) fn measurements() -> impl Strategy<Value = Measurement> {
    let total = prop_oneof![fluxes(), Just(Measurement::NO_TOTAL)];
    let reference = prop_oneof![0u32..3, any::<u32>(), Just(Measurement::ANY_REFERENCE)];
    let rest = (reference, (0u16..512).prop_map(Quality), kinds(), (0u8..9).prop_map(Band));
    ((times(), ids(), ids()), (fluxes(), fluxes(), total), positions(), rest).prop_map(
        |((time, id, visit), (flux, sigma, total), position, (reference, quality, kind, band))| Measurement {
            time,
            id: SourceId(id),
            visit,
            flux,
            sigma,
            total,
            position,
            reference,
            quality,
            kind,
            band,
        },
    )
}

pub(super) fn measurement_rows() -> impl Strategy<Value = MeasurementRow> {
    let what = (-1i8..2, option::of(versions()), any::<bool>());
    (epochs(), pixels(), objects(), measurements(), what).prop_map(
        |(epoch, pixel, object, measurement, (change, version, global))| MeasurementRow {
            epoch,
            pixel,
            object,
            measurement,
            change,
            version,
            global,
        },
    )
}

fn reals() -> impl Strategy<Value = Real> {
    option::of(prop_oneof![any::<f32>(), Just(-0.0), Just(f32::MIN_POSITIVE / 2.0)])
        .prop_map(|value| Real::new(value.map(f64::from)))
}

fn contexts() -> impl Strategy<Value = Context> {
    let degrees = (any::<u64>(), prop_oneof![any::<f64>().prop_map(f64::to_bits), Just(f64::NAN.to_bits())]);
    let first = prop_oneof![times(), Just(Context::NEVER)];
    let counts = (-1i32..3, any::<i32>(), -1i32..3, (0u16..512).prop_map(Quality));
    (degrees, first, times(), vec(reals(), 10), counts).prop_map(
        |((ra, dec), first_detection, received, reals, (detections, coverage, program, quality))| Context {
            ra,
            dec,
            first_detection,
            received,
            ra_err: reals[0],
            dec_err: reals[1],
            real_bogus: reals[2],
            star: reals[3],
            reference_distance: reals[4],
            reference_magnitude: reals[5],
            neighbour_distance: reals[6],
            neighbour_magnitude: reals[7],
            solar_system_distance: reals[8],
            solar_system_magnitude: reals[9],
            detections,
            coverage,
            program,
            quality,
        },
    )
}

pub(super) fn trigger_rows() -> impl Strategy<Value = TriggerRow> {
    let noted = (times(), ids(), versions(), contexts()).prop_map(|(time, source, version, context)| ContextRow {
        time,
        source: SourceId(source),
        version,
        context,
    });
    (epochs(), pixels(), objects(), noted, prop_oneof![Just(1i8), Just(-1)])
        .prop_map(|(epoch, pixel, object, context, change)| TriggerRow { epoch, pixel, object, context, change })
}

pub(super) fn packet_rows() -> impl Strategy<Value = PacketRow> {
    let alert = (objects(), ids(), times(), positions()).prop_map(|(object, trigger, time, position)| PacketAlert {
        object,
        trigger: SourceId(trigger),
        time,
        position,
    });
    let place = ("[a-z/]{0,5}", any::<i32>(), ids(), "\\PC{0,9}");
    let rest = (times(), any::<i16>(), "[a-z]{0,4}", ids(), ids(), vec(any::<u8>(), 0..200));
    (epochs(), vec(alert, 0..3), place, rest).prop_map(
        |(epoch, alerts, (topic, partition, number, name), (received, rank, schema, records, left_out, bytes))| {
            PacketRow {
                epoch,
                alerts,
                topic,
                partition,
                number,
                name,
                received,
                rank,
                schema,
                records,
                left_out,
                bytes: bytes.into(),
            }
        },
    )
}

pub(super) fn reject_rows() -> impl Strategy<Value = RejectRow> {
    let at = || {
        ("[a-z/]{0,5}", ids(), "\\PC{0,9}", ids()).prop_map(|(file, packet, name, record)| At {
            file,
            packet,
            name,
            record,
        })
    };
    let reason = (0..Reason::ALL.len()).prop_map(|at| Reason::ALL[at]);
    let bytes = option::of(vec(any::<u8>(), 0..200).prop_map(Into::into));
    let packet = (at(), "\\PC{0,9}", reason, "\\PC{0,20}", ids(), bytes).prop_map(
        |(at, schema, reason, detail, packets, bytes)| {
            Rejected::Packet(Reject { at, schema, reason, detail, packets, bytes })
        },
    );
    let reasons = [RowReject::Future, RowReject::Time, RowReject::Identity, RowReject::Band];
    let rows = (at(), objects(), 0usize..4, ids()).prop_map(move |(at, object, reason, rows)| {
        Rejected::Rows(RowRejects { at, survey: object.survey, object, reason: reasons[reason], rows })
    });
    (epochs(), prop_oneof![packet, rows]).prop_map(|(epoch, rejected)| RejectRow { epoch, rejected })
}

pub(super) fn change_rows() -> impl Strategy<Value = ChangeRow> {
    let held = ("[a-z]{3,8}", -99.0f64..99.0).prop_map(|(state, z)| StateHeld { state, z });
    let scale =
        (option::of(0.1f64..400.0), vec(held, 0..3), vec("[a-z]{3}", 0..2)).prop_map(|(timescale, states, entered)| {
            Timescale {
                timescale,
                states,
                entered,
                left: vec![],
                crossed: vec![],
                bands_disagree: false,
                alive: true,
                valid_until_mjd_tai: timescale,
                series: vec![],
                colours: vec![],
            }
        });
    let place = (0u64..3, pixels(), objects(), 0i64..3, 0i64..9);
    let what = (0..AlertType::ALL.len(), 0..Why::ALL.len(), option::of(59_000.0f64..61_000.0), vec(scale, 0..4));
    (place, what).prop_map(|((epoch, pixel, object, lane, rank), (kind, why, mjd_tai, timescales))| {
        let record = Record {
            job: "job".into(),
            epoch: epoch as i64,
            lane,
            rank,
            survey: "ztf".into(),
            object: object.id.to_string(),
            alert_type: AlertType::ALL[kind],
            reason: Why::ALL[why],
            alert_tense: AlertTense::Current,
            causes: vec![],
            alert: mjd_tai.map(|_| "7".into()),
            ra: mjd_tai,
            dec: None,
            ra_err: Some(0.1),
            dec_err: None,
            _healpix_29: None,
            mjd_tai,
            utc: None,
            newest_mjd_tai: mjd_tai,
            newest_utc: None,
            received: None,
            latest: vec![],
            context: None,
            detections: rank,
            first_detection_mjd_tai: None,
            last_non_detection: None,
            timescales,
        };
        ChangeRow { epoch: Epoch(epoch), pixel, object, record: Some(Box::new(record)) }
    })
}
