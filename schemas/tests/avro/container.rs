//! Containers of every codec, of many records and blocks, and one behind the other.

use crate::writer::container;
use crate::{oracle, packets};
use apache_avro::types::Value as Their;
use apache_avro::{Codec as TheirCodec, DeflateSettings, Writer, ZstandardSettings};
use skydiff_schemas::PacketReject;
use skydiff_schemas::avro::{
    Codec, Extent, Header, Inflate, Need, Plan, Schema, Scratch, Selection, Value, Wanted, container_extent,
    container_len,
};

const SCHEMA: &str =
    r#"{"type":"record","name":"r","fields":[{"name":"at","type":"long"},{"name":"text","type":"string"}]}"#;

fn written(codec: TheirCodec, records: i64) -> Vec<u8> {
    let schema = apache_avro::Schema::parse_str(SCHEMA).unwrap();
    let mut writer =
        Writer::builder().schema(&schema).writer(Vec::new()).codec(codec).block_size(1000).build().unwrap();
    for at in 0..records {
        let record =
            vec![("at".to_owned(), Their::Long(at)), ("text".to_owned(), Their::String("é".repeat(at as usize % 50)))];
        writer.append_value(Their::Record(record)).unwrap();
    }
    writer.into_inner().unwrap()
}

fn read(packet: &[u8]) -> Result<Vec<(i64, usize)>, PacketReject> {
    let header = Header::parse(packet)?;
    let schema = Schema::parse(header.schema)?;
    let mut selection = Selection::new();
    let at = selection.want("at", Wanted::Integer, Need::Required);
    let text = selection.want("text", Wanted::Text, Need::Required);
    let (mut plan, mut scratch, mut all) = (Plan::compile(&schema, &selection)?, Scratch::new(), Vec::new());
    let body = Header::body(header.codec, header.len, packet)?;
    let records = body.records(&mut Inflate::new(), |bytes, end| {
        let root = plan.read(bytes, end, &mut scratch)?.root();
        all.push((root.integer(at).unwrap(), root.text(text).unwrap().len()));
        Ok(())
    })?;
    assert_eq!(records, all.len());
    Ok(all)
}

fn codecs() -> [(TheirCodec, Codec); 4] {
    [
        (TheirCodec::Null, Codec::Null),
        (TheirCodec::Deflate(DeflateSettings::default()), Codec::Deflate),
        (TheirCodec::Snappy, Codec::Snappy),
        (TheirCodec::Zstandard(ZstandardSettings::default()), Codec::Zstandard),
    ]
}

#[test]
fn many_records_in_blocks_of_every_codec() {
    for (theirs, ours) in codecs() {
        for records in [0, 1, 2000] {
            let packet = written(theirs, records);
            assert_eq!(Header::parse(&packet).unwrap().codec, ours);
            let expect: Vec<_> = (0..records).map(|at| (at, 2 * (at as usize % 50))).collect();
            assert_eq!(read(&packet).unwrap(), expect, "{ours:?}");
        }
    }
}

#[test]
fn damage_to_a_frame_is_noticed() {
    for (theirs, ours) in codecs() {
        let packet = written(theirs, 100);
        let header = Header::parse(&packet).unwrap().len;
        for at in [0, 3, header, header + 16, header + 17, packet.len() - 1, packet.len() - 16] {
            let mut bad = packet.clone();
            bad[at] ^= 0x10;
            assert!(read(&bad).is_err(), "{ours:?} byte {at}");
        }
        for len in (0..packet.len()).step_by(7) {
            // Cut at a block's end, it is a container of fewer records.
            if let Ok(records) = read(&packet[..len]) {
                assert!(records.is_empty() && len == header + 16 || records.len() < 100, "{ours:?} cut at {len}");
            }
        }
        let mut more = packet.clone();
        more.push(2);
        assert!(read(&more).is_err());
    }
    // Every byte of a snappy block is under its checksum.
    let packet = written(TheirCodec::Snappy, 20);
    for at in Header::parse(&packet).unwrap().len + 19..packet.len() {
        let mut bad = packet.clone();
        bad[at] ^= 1;
        assert!(read(&bad).is_err(), "byte {at}");
    }
}

#[test]
fn an_unknown_codec_is_named_and_none_is_null() {
    let block = vec![(1, vec![14, 2, b'x'])];
    assert_eq!(read(&container(SCHEMA, None, [1; 16], &block)).unwrap(), [(7, 1)]);
    let reject = read(&container(SCHEMA, Some("bzip2"), [1; 16], &block)).unwrap_err();
    assert_eq!(reject, PacketReject::Framing("container codec `bzip2` is not known".into()));
    // What is left of zlib's checksum behind a deflate stream, as Python writes it.
    let mut deflate = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut deflate, &block[0].1).unwrap();
    let mut bytes = deflate.finish().unwrap();
    bytes.extend([1, 2, 3]);
    assert_eq!(read(&container(SCHEMA, Some("deflate"), [1; 16], &[(1, bytes)])).unwrap(), [(7, 1)]);
    // Records that end before their block does, or after.
    for count in [0, 2] {
        let reject = read(&container(SCHEMA, None, [1; 16], &[(count, vec![14, 2, b'x'])])).unwrap_err();
        assert!(matches!(reject, PacketReject::Datum(_)), "{reject:?}");
    }
}

#[test]
fn concatenated_containers_are_split() {
    let parts = [written(TheirCodec::Null, 300), written(TheirCodec::Snappy, 0), written(TheirCodec::Null, 1)];
    let stream = parts.concat();
    let mut rest = &stream[..];
    for part in &parts {
        assert_eq!(container_len(rest).unwrap(), part.len());
        rest = &rest[part.len()..];
    }
    assert!(rest.is_empty());
    let (first, second) = (parts[0].len(), parts[0].len() + parts[1].len());
    // From a part of the stream: the end is known with the next one's magic, and not before.
    let header = Header::parse(&stream).unwrap().len + 16;
    let mut blocks = 0;
    for len in 0..second {
        match container_extent(&stream[..len]).unwrap() {
            Extent::Ends(at) => assert!(at == first && len >= first + 4, "{len}"),
            Extent::Whole => {
                assert!(len >= header && len <= first, "{len}");
                blocks += 1;
            }
            Extent::Cut => assert!(len < first + 4 && len != first, "{len}"),
        }
    }
    assert!(blocks > 5, "{blocks}");
    assert!(container_len(&stream[..first - 1]).is_err());
    assert!(container_extent(b"Objx").is_err() && container_extent(b"PK").is_err());
    assert_eq!(container_extent(b"Ob"), Ok(Extent::Cut));
    // A container behind which something else comes is not taken for a longer one.
    let mut more = parts[2].clone();
    more.extend([2, 2, 0]);
    assert_eq!(container_extent(&more), Ok(Extent::Cut));
    more.extend([9; 16]);
    assert!(container_extent(&more).is_err());
}

#[test]
fn real_packets_one_behind_the_other() {
    let Some(data) = packets::data() else { return };
    let packets: Vec<Vec<u8>> = packets::containers(&data).into_iter().map(|(_, packet)| packet).take(60).collect();
    let stream = packets.concat();
    let mut rest = &stream[..];
    for packet in &packets {
        let len = container_len(rest).unwrap();
        assert_eq!(&rest[..len], packet);
        rest = &rest[len..];
    }
    assert!(rest.is_empty());
}

#[test]
fn a_written_value_reads_back_as_theirs() {
    let packet = written(TheirCodec::Zstandard(ZstandardSettings::default()), 10);
    let header = Header::parse(&packet).unwrap();
    let schema = Schema::parse(header.schema).unwrap();
    let mut theirs = apache_avro::Reader::new(&packet[..]).unwrap();
    let body = Header::body(header.codec, header.len, &packet).unwrap();
    let records = body.records(&mut Inflate::new(), |bytes, at| {
        let ours = Value::read(&schema, bytes, at)?;
        assert_eq!(oracle::difference(&ours, &theirs.next().unwrap().unwrap()), None);
        Ok(())
    });
    assert_eq!(records, Ok(10));
}
