//! Packets of text: `good 60000.25`, `bad`, and several of them in one packet with `;` between.

use super::*;
use crate::judge::Judge;
use crate::source::Bytes;
use crate::testing::parcel;
use skydiff_schemas::{ObjectClass, ObjectId, RowReject, SourceId, SurveyId};

struct StandIn;

impl Decode for StandIn {
    fn decode(&mut self, packet: &[u8], each: &mut dyn FnMut(Result<&Alert, PacketReject>)) {
        let text = std::str::from_utf8(packet).unwrap();
        for record in text.split(';') {
            match record.split_once(' ') {
                Some((kind @ ("good" | "partners"), mjd)) => {
                    let mut alert = Alert::blank();
                    alert.survey = SurveyId(0);
                    alert.object = ObjectId { survey: SurveyId(0), class: ObjectClass::Sidereal, id: 7 };
                    alert.trigger = SourceId(1);
                    alert.time = MicroDays::from_days(mjd.parse().unwrap()).unwrap();
                    alert.context.program = if kind == "good" { 1 } else { 2 };
                    alert.rejects = vec![RowReject::Future, RowReject::Band, RowReject::Future];
                    each(Ok(&alert));
                }
                _ => return each(Err(PacketReject::Datum("ends early".into()))),
            }
        }
    }
}

fn read(packets: &[(&str, u64)], keep_bytes: bool) -> (Reading, Vec<Offer>) {
    let settings = ReadSettings { future: MicroDays::DAY, keep_bytes, programs: Default::default() };
    let parcel = |(text, records): &(&str, u64)| Parcel {
        name: "n".into(),
        bytes: if *text == "lost" { Bytes::Lost("gone".into()) } else { Bytes::Here(text.as_bytes().to_vec().into()) },
        records: *records,
        left_out: 0,
        received: None,
    };
    let origin = Origin { bundle: "f".into(), partition: 0, rank: 2, received: MicroDays(60_000_000_000) };
    let share = Share {
        number: 9,
        origin,
        first: 40,
        parcels: packets.iter().map(parcel).collect(),
        kept: vec![],
        schemas: vec![],
    };
    let mut offers = Vec::new();
    let reading = Reader::new(StandIn, settings).read(&share, &mut |offer| offers.push(offer));
    (reading, offers)
}

#[test]
fn the_future_is_counted_from_the_receipt_and_moves_no_clock() {
    // A day and 37 s (TAI − UTC) after the receipt is not more than a day; a microday later is.
    let (reading, offers) =
        read(&[("good 59999.5", 1), ("good 60001.000428", 1), ("good 60001.000429", 1), ("good 83000", 1)], true);
    assert_eq!(offers.len(), 2);
    assert_eq!(offers[0].context.received, MicroDays(60_000_000_000));
    assert_eq!(reading.clocks.get(SurveyId(0)), Some(MicroDays(60_001_000_428)));
    assert_eq!(
        reading.rejects.iter().map(|r| (r.reason, r.at.packet)).collect::<Vec<_>>(),
        [(Reason::Future, 42), (Reason::Future, 43)]
    );
    assert!(reading.rejects[1].detail.contains("2086-02-13T23:59:23."), "{}", reading.rejects[1].detail);
    assert_eq!((reading.packets, reading.counts.received), (4, 4));
    reading.counts.surveys.values().for_each(|counts| assert_eq!(counts.accepted, 2));
}

#[test]
fn every_record_of_a_packet_has_a_verdict() {
    let (reading, offers) = read(&[("good 59999;good 59998;bad", 5), ("lost", 1), ("bad", 1)], true);
    assert_eq!(offers.len(), 2);
    let told: Vec<_> =
        reading.rejects.iter().map(|r| (r.at.packet, r.at.record, r.reason, r.packets, r.bytes.is_some())).collect();
    let expected = [
        (40, 2, Reason::Datum, 1, true),
        (40, 3, Reason::Datum, 2, false),
        (41, 0, Reason::Io, 1, false),
        (42, 0, Reason::Datum, 1, true),
    ];
    assert_eq!(told, expected);
    assert_eq!(reading.counts.received, 7);
    assert_eq!(reading.counts.rejected.values().sum::<i64>(), 5);
    assert!(Judge::new(0.003).watch(&reading.verdicts).is_err(), "four of one reason");
    assert!(Judge::new(0.004).watch(&reading.verdicts).is_ok());
}

#[test]
fn rows_left_out_are_told_by_reason_and_bytes_only_where_wanted() {
    let (reading, _) = read(&[("good 59999", 1), ("bad", 1)], false);
    let rows: Vec<_> = reading.row_rejects.iter().map(|r| (r.reason, r.rows)).collect();
    assert_eq!(rows, [(RowReject::Future, 2), (RowReject::Band, 1)]);
    assert!(reading.rejects[0].bytes.is_none());
    assert_eq!(reading.rejects[0].at.to_string(), "f packet 41 (n)");
}

#[test]
fn rejects_say_what_to_do_and_what_is_missing() {
    assert!(explained(Reason::UnknownSchema, "schema id 7 is not known".into(), 0).ends_with("`schemas = DIR`"));
    assert_eq!(explained(Reason::Datum, "ends early".into(), 0), "ends early");
    assert!(explained(Reason::Framing, "no container".into(), 12).ends_with("12 more are not kept"));
}

#[test]
fn a_length_that_no_packet_has_is_a_reject() {
    let origin = Origin { bundle: "f".into(), partition: 0, rank: 2, received: MicroDays(0) };
    let bytes = Bytes::At { path: "/dev/zero".into(), offset: 1, length: 1 << 62 };
    let parcels = vec![Parcel { name: "n".into(), bytes, records: 1, left_out: 0, received: None }];
    let settings = ReadSettings { future: MicroDays::DAY, keep_bytes: true, programs: Default::default() };
    let share = Share { number: 0, origin, first: 0, parcels, kept: vec![], schemas: vec![] };
    let reading = Reader::new(StandIn, settings).read(&share, &mut |_| {});
    assert_eq!(reading.rejects.iter().map(|r| r.reason).collect::<Vec<_>>(), [Reason::Framing]);
}

#[test]
fn packets_of_other_programmes_are_counted_and_kept_nowhere() {
    let programs = [(SurveyId(0), vec![1])].into();
    let settings = ReadSettings { future: MicroDays::DAY, keep_bytes: true, programs };
    let origin = Origin { bundle: "t".into(), partition: 3, rank: 0, received: MicroDays(60_000_000_000) };
    let parcels = ["good 60000.25", "partners 60000.25", "good 60000.5"].map(parcel).to_vec();
    let share = Share { number: 0, origin, first: 7, parcels, kept: vec![], schemas: vec![] };
    let (mut offers, mut kept) = (Vec::new(), Some(Vec::new()));
    let mut reader = Reader::new(StandIn, settings);
    let reading = reader.read_and_keep(&share, &mut |offer| offers.push(offer), &mut kept);
    assert_eq!((offers.len(), reading.rejects.len()), (2, 1));
    assert_eq!((reading.rejects[0].reason, &reading.rejects[0].bytes), (Reason::Program, &None));
    let kept = kept.unwrap();
    assert_eq!(
        kept.iter().map(|row| (row.number, row.partition, row.bytes.len())).collect::<Vec<_>>(),
        [(7, 3, 13), (8, 3, 0), (9, 3, 12)]
    );
    // A job whose every packet is a partner's goes on.
    let mut judge = Judge::new(0.0);
    assert!(judge.watch(&reading.verdicts).is_ok());
    // What is replayed of it is the same reject.
    let why = kept[1].schema.strip_prefix(WITHHELD).unwrap().to_owned();
    let parcels = vec![Parcel { bytes: Bytes::Withheld(why), ..share.parcels[1].clone() }];
    let again = reader.read(&Share { first: 8, parcels, ..share }, &mut |_| {});
    assert_eq!(again.rejects[0].detail, reading.rejects[0].detail);
    assert_eq!((again.rejects[0].reason, &again.rejects[0].at), (Reason::Program, &reading.rejects[0].at));
}

/// A decoder that must not be reached.
struct Deadly;

impl Decode for Deadly {
    fn decode(&mut self, _packet: &[u8], _each: &mut dyn FnMut(Result<&Alert, PacketReject>)) {
        panic!("it was read");
    }
}

#[test]
fn a_packet_that_is_refused_is_kept_and_not_read() {
    let settings = ReadSettings { future: MicroDays::DAY, keep_bytes: true, programs: BTreeMap::new() };
    let bytes = Box::new(Bytes::Here((&b"deadly"[..]).into()));
    let refused = Bytes::Refused { why: "it kills".into(), bytes };
    let parcel = Parcel { name: "p".into(), bytes: refused.clone(), records: 1, left_out: 0, received: None };
    let origin = Origin { bundle: "t".into(), partition: 1, rank: 0, received: MicroDays(60_000_000_000) };
    let share = Share { number: 0, origin, first: 4, parcels: vec![parcel], kept: vec![], schemas: vec![] };
    let (mut reader, mut kept) = (Reader::new(Deadly, settings), Some(Vec::new()));
    let reading = reader.read_and_keep(&share, &mut |_| panic!("it is no alert"), &mut kept);
    let reject = &reading.rejects[0];
    assert_eq!((reject.reason, reject.detail.as_str(), reading.bytes), (Reason::Poison, "it kills", 6));
    assert_eq!(reject.bytes.as_deref().map(Vec::as_slice), Some(&b"deadly"[..]));
    assert!(Judge::new(0.0).watch(&reading.verdicts).is_ok());
    // A replay does not read it either, and says the same of it.
    let row = &kept.unwrap()[0];
    let again = crate::archive::recall::parcel(row);
    assert_eq!((&again.bytes, &row.bytes[..]), (&refused, &b"deadly"[..]));
    let again = reader.read(&Share { parcels: vec![again], ..share }, &mut |_| {});
    assert_eq!(&again.rejects[0], reject);
}
