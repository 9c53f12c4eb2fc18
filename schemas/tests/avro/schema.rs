//! What a mapping asks a schema in order to recognise it.

use crate::packets;
use skydiff_schemas::avro::{Kind, Schema};

#[test]
fn names_paths_and_kinds() {
    let schema = Schema::parse(
        br#"{"namespace":"ztf","name":"alert","type":"record","doc":1,"fields":[
            {"name":"candidate","type":{"type":"record","name":"candidate","fields":[
                {"name":"jd","type":{"type":"double","logicalType":"nonsense"}},
                {"name":"drb","type":["null","float"],"default":"nonsense"}]}},
            {"name":"prv","type":[{"type":"array","items":["ztf.candidate","null"]},"null"]},
            {"name":"cutout","type":{"type":{"type":"record","name":"x.y.cutout","fields":[
                {"name":"kind","type":{"type":"enum","name":"kind","symbols":["a"]}},
                {"name":"again","type":"kind"}]}}},
            {"name":"mixed","type":["null","int","string"]},
            {"name":"free","type":{"type":"map","values":"bytes"}}]}"#,
    )
    .unwrap();
    assert_eq!(schema.name(), "ztf.alert");
    assert_eq!(schema.fields().collect::<Vec<_>>(), ["candidate", "prv", "cutout", "mixed", "free"]);
    for (path, kind) in [
        ("candidate", Some(Kind::Record)),
        ("candidate.jd", Some(Kind::Double)),
        ("candidate.drb", Some(Kind::Float)),
        ("prv", Some(Kind::Array)),
        ("prv.jd", Some(Kind::Double)),
        ("cutout.kind", Some(Kind::Enum)),
        ("cutout.again", Some(Kind::Enum)),
        ("mixed", Some(Kind::Union)),
        ("free", Some(Kind::Map)),
        ("free.x", None),
        ("candidate.jd.x", None),
        ("candidate.", None),
        ("", None),
        ("jd", None),
    ] {
        assert_eq!((schema.kind(path), schema.has(path)), (kind, kind.is_some()), "{path}");
    }
}

#[test]
fn the_surveys_schemas() {
    let Some(data) = packets::data() else { return };
    for id in [701, 703, 704, 800, 900, 1000, 1100, 1101] {
        let schema = Schema::parse(&packets::lsst_schema(&data, id)).unwrap();
        assert_eq!(schema.name(), format!("lsst.v{}_{}.alert", id / 100, id % 100));
        assert_eq!(schema.kind("diaSource.midpointMjdTai"), Some(Kind::Double));
        assert_eq!(schema.kind("prvDiaForcedSources.psfFlux"), Some(Kind::Float));
        assert_eq!((schema.has("alertId"), schema.has("prvDiaNondetectionLimits")), (id < 800, id < 800));
        assert_eq!(schema.kind("cutoutDifference"), Some(Kind::Bytes));
    }
}
