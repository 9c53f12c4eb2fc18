//! Plans are found again by what packets begin with, and are not kept without bound.

use crate::writer::container;
use skydiff_schemas::PacketReject;
use skydiff_schemas::avro::{Header, PlanCache, Schema};

fn packet(name: &str, sync: u8) -> Vec<u8> {
    let schema = format!(r#"{{"type":"record","name":"{name}","fields":[]}}"#);
    container(&schema, Some("null"), [sync; 16], &[(1, Vec::new())])
}

/// The plan here is the schema's name.
fn name(schema: &Schema) -> Result<String, PacketReject> {
    Ok(schema.name().to_owned())
}

fn known(_: &Schema) -> Result<String, PacketReject> {
    panic!("compiled again")
}

#[test]
fn the_same_header_is_compiled_once_whatever_its_sync_marker() {
    let mut cache = PlanCache::new();
    for (at, header) in ["a", "b", "abc", "c"].into_iter().enumerate() {
        let (plan, _) = cache.container(&packet(header, at as u8), name).unwrap();
        assert_eq!(plan, header);
    }
    for (at, header) in ["a", "c", "b", "b", "abc", "a"].into_iter().enumerate() {
        let (plan, _) = cache.container(&packet(header, 100 + at as u8), known).unwrap();
        assert_eq!(plan, header);
    }
    assert_eq!(cache.len(), 4);
}

#[test]
fn the_least_recently_used_go_first() {
    let mut cache = PlanCache::new();
    for at in 0..1000 {
        cache.container(&packet(&format!("r{at}"), 1), name).unwrap();
        cache.container(&packet("r0", 1), |schema| if at == 0 { name(schema) } else { known(schema) }).unwrap();
    }
    assert_eq!(cache.len(), 64);
    assert!(cache.container(&packet("r998", 1), known).is_ok());
    let mut again = false;
    cache
        .container(&packet("r1", 1), |schema| {
            again = true;
            name(schema)
        })
        .unwrap();
    assert!(again);
}

#[test]
fn long_headers_are_kept_up_to_a_number_of_bytes() {
    let mut cache = PlanCache::new();
    for at in 0..40 {
        let schema = format!(r#"{{"type":"record","name":"r{at}","doc":"{}","fields":[]}}"#, "x".repeat(1_000_000));
        cache.container(&container(&schema, None, [0; 16], &[]), name).unwrap();
    }
    assert_eq!(cache.len(), 8);
}

#[test]
fn what_is_rejected_is_not_kept() {
    let mut cache = PlanCache::<String>::new();
    let fault = PacketReject::UnknownSurvey("x".into());
    let packet_a = packet("a", 1);
    let rejected = cache.container(&packet_a, |_| Err(fault.clone()));
    assert_eq!(rejected.unwrap_err(), fault);
    assert_eq!(cache.container(b"GIF89a", name).unwrap_err().reason(), "framing");
    assert_eq!(cache.container(b"", name).unwrap_err().reason(), "framing");
    assert_eq!(cache.container(&container("{", None, [0; 16], &[]), name).unwrap_err().reason(), "schema");
    let cut = &packet_a;
    let header = Header::parse(cut).unwrap().len;
    assert_eq!(cache.container(&cut[..header + 3], name).unwrap_err().reason(), "framing");
    assert_eq!(
        cache.confluent(&[0, 0, 0, 3, 232], |id| Err(PacketReject::UnknownSchema(id))),
        Err(PacketReject::UnknownSchema(1000))
    );
    assert!(cache.confluent(&[1, 0, 0, 3, 232], |_| Ok(String::new())).is_err());
    assert!(cache.confluent(&[0, 0, 0, 3], |_| Ok(String::new())).is_err());
}

#[test]
fn confluent_ids_are_big_endian_and_compiled_once() {
    let mut cache = PlanCache::new();
    for (at, id) in [1000, 900, 1000, 900, 1101].into_iter().enumerate() {
        let packet = [vec![0], u32::to_be_bytes(id).to_vec(), vec![at as u8; 3]].concat();
        let (plan, datum) = cache.confluent(&packet, |id| Ok((id, at))).unwrap();
        assert_eq!((plan.0, datum), (id, &[at as u8; 3][..]));
        assert_eq!(plan.1, [0, 1, 0, 1, 4][at]);
    }
    for id in 0..1000 {
        let packet = [vec![0], u32::to_be_bytes(id).to_vec()].concat();
        cache.confluent(&packet, |id| Ok((id, 0))).unwrap();
    }
    assert_eq!(cache.len(), 64);
}
