//! ZTF packets: one container each, of a reduced schema 4.02 with the fields that a mapping wants.

use super::avro::container;
use super::sky::{Kind, Seen, Shot};
use apache_avro::Schema;
use serde_json::{Value as Json, json};

/// Zero point of forced counts.
const ZERO_POINT: f64 = 26.3;

/// Lines of `name type`, `type?` for a nullable one (4.x has null first), into the fields of a record.
fn fields(lines: &[&str]) -> Vec<Json> {
    let field = |line: &&str| {
        let (name, kind) = line.split_once(' ').expect("a name and a type");
        match kind.strip_suffix('?') {
            Some(kind) => json!({"name": name, "type": ["null", kind], "default": null}),
            None => json!({"name": name, "type": kind}),
        }
    };
    lines.iter().map(field).collect()
}

/// The writer schema.
pub fn schema() -> Schema {
    let visit = ["jd double", "fid int", "pid long", "diffmaglim float?", "field int?", "rcid int?"];
    let source = ["distnr float?", "magnr float?", "rb float?", "nbad int?", "fwhm float?", "elong float?"];
    let trigger = [
        "candid long",
        "isdiffpos string",
        "ra double",
        "dec double",
        "magpsf float",
        "sigmapsf float",
        "exptime float?",
        "drb float?",
        "programid int",
        "jdstarthist double?",
        "ndethist int",
        "ncovhist int",
        "sgscore1 float?",
        "distpsnr1 float?",
        "srmag1 float?",
        "ssdistnr float?",
        "ssmagnr float?",
    ];
    let previous =
        ["candid long?", "isdiffpos string?", "ra double?", "dec double?", "magpsf float?", "sigmapsf float?"];
    let forced = [
        "exptime float?",
        "forcediffimflux float?",
        "forcediffimfluxunc float?",
        "magzpsci float?",
        "procstatus string?",
        "distnr float?",
        "magnr float?",
    ];
    let record =
        |name: &str, parts: &[&[&str]]| json!({"type": "record", "name": name, "fields": fields(&parts.concat())});
    let history = |name: &str, item: Json| json!({"name": name, "type": ["null", {"type": "array", "items": item}]});
    let cutout = json!({"type": "record", "name": "cutout", "fields": fields(&["fileName string", "stampData bytes"])});
    let packet = json!({
        "type": "record", "name": "alert", "namespace": "ztf", "fields": [
            {"name": "schemavsn", "type": "string"},
            {"name": "publisher", "type": "string"},
            {"name": "objectId", "type": "string"},
            {"name": "candid", "type": "long"},
            {"name": "candidate", "type": record("candidate", &[&visit, &source, &trigger])},
            history("prv_candidates", record("prv_candidate", &[&visit, &source, &previous])),
            history("fp_hists", record("fp_hist", &[&visit, &forced])),
            {"name": "cutoutScience", "type": ["null", cutout]},
            {"name": "cutoutTemplate", "type": ["null", "ztf.cutout"]},
            {"name": "cutoutDifference", "type": ["null", "ztf.cutout"]},
        ],
    });
    Schema::parse_str(&packet.to_string()).expect("a schema")
}

/// The packet of a shot.
pub fn packet(schema: &Schema, shot: &Shot) -> Vec<u8> {
    let trigger = &shot.trigger;
    let mut candidate = source(trigger, 0.0);
    candidate["exptime"] = json!(30.0);
    candidate["drb"] = json!(trigger.score);
    candidate["programid"] = json!(1);
    candidate["jdstarthist"] = shot.first.map_or(Json::Null, |mjd| json!(mjd + 2_400_000.5));
    candidate["ndethist"] = json!(1 + shot.history.len());
    let of = |kinds: &[Kind]| shot.history.iter().filter(|seen| kinds.contains(&seen.kind)).collect::<Vec<_>>();
    // Copies in histories are rounded.
    let previous: Vec<Json> = of(&[Kind::Source, Kind::Limit]).into_iter().map(previous).collect();
    let forced: Vec<Json> = of(&[Kind::Forced]).into_iter().map(forced).collect();
    let stamp = |name: &str| json!({"fileName": name, "stampData": "SIMPLE  = tiny"});
    container(
        schema,
        &json!({
            "schemavsn": "4.02", "publisher": "skydiff tests", "objectId": shot.object, "candid": trigger.id,
            "candidate": candidate,
            "prv_candidates": if previous.is_empty() { Json::Null } else { json!(previous) },
            "fp_hists": if forced.is_empty() { Json::Null } else { json!(forced) },
            "cutoutScience": stamp("science"), "cutoutTemplate": stamp("template"), "cutoutDifference": stamp("difference"),
        }),
    )
}

fn visit(seen: &Seen) -> Json {
    let fid = ["g", "r", "i"].iter().position(|band| *band == seen.band).expect("a ZTF band") + 1;
    let rcid = seen.visit / 100 % 100;
    json!({
        "jd": seen.mjd + 2_400_000.5, "fid": fid, "pid": seen.visit, "field": 600, "rcid": rcid, "diffmaglim": 20.5,
    })
}

fn magnitude(nanojansky: f64) -> f64 {
    31.4 - 2.5 * nanojansky.abs().max(1.0).log10()
}

fn source(seen: &Seen, rounding: f64) -> Json {
    let mut row = visit(seen);
    row["candid"] = json!(seen.id);
    row["isdiffpos"] = json!(if seen.flux > 0.0 { "t" } else { "f" });
    (row["ra"], row["dec"]) = (json!(seen.ra), json!(seen.dec));
    row["magpsf"] = json!(magnitude(seen.flux) + rounding);
    row["sigmapsf"] = json!(1.0857 * seen.sigma / seen.flux.abs().max(1.0));
    if let Some(total) = seen.total {
        row["distnr"] = json!(0.3);
        row["magnr"] = json!(magnitude(total - seen.flux));
    }
    (row["rb"], row["nbad"], row["fwhm"], row["elong"]) = (json!(seen.score), json!(0), json!(2.0), json!(1.1));
    row
}

fn previous(seen: &Seen) -> Json {
    match seen.kind {
        Kind::Source => source(seen, 1e-5),
        _ => {
            let mut row = visit(seen);
            row["diffmaglim"] = json!(magnitude(seen.flux));
            row
        }
    }
}

fn forced(seen: &Seen) -> Json {
    let mut row = visit(seen);
    let counts = 10f64.powf((ZERO_POINT - 31.4) / 2.5);
    row["exptime"] = json!(30.0);
    row["forcediffimflux"] = json!(seen.flux * counts);
    row["forcediffimfluxunc"] = json!(seen.sigma * counts);
    (row["magzpsci"], row["procstatus"]) = (json!(ZERO_POINT), json!("0"));
    row
}
