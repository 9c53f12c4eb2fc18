//! `skydiff object` on real packets: the history is that of the packets, point by point, and what people get wrong is explained.

mod common;

use apache_avro::types::Value;
use common::{Folder, complaint, data, printed, skydiff};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

const OBJECT: &str = "ZTF17aaaedmd";

/// Of the copies of a row the one that stands: it comes from the oldest packet, and there from the trigger.
type Copies = HashMap<i64, ((f64, bool), Row)>;
type Row = HashMap<String, Value>;

/// What `skydiff object` prints of an object in the packets of a folder.
fn about(object: &str, arguments: &[&str], folder: &Path) -> String {
    printed(ask(object, arguments, folder))
}

fn ask(object: &str, arguments: &[&str], folder: &Path) -> std::process::Output {
    let from = ["--from".as_ref(), folder.as_os_str()];
    skydiff(["object", object].iter().chain(arguments).map(AsRef::as_ref).chain(from))
}

fn fields(value: &Value) -> Option<Row> {
    match value {
        Value::Record(fields) => Some(fields.iter().map(|(name, value)| (name.clone(), value.clone())).collect()),
        Value::Union(_, value) => fields(value),
        _ => None,
    }
}

fn number(row: &Row, name: &str) -> Option<f64> {
    fn of(value: &Value) -> Option<f64> {
        match value {
            Value::Union(_, value) => of(value),
            Value::Float(value) => Some(f64::from(*value)),
            Value::Double(value) => Some(*value),
            Value::Int(value) => Some(f64::from(*value)),
            _ => None,
        }
    }
    row.get(name).and_then(of)
}

fn id(row: &Row, name: &str) -> Option<i64> {
    match row.get(name)? {
        Value::Union(_, value) => match **value {
            Value::Long(id) => Some(id),
            _ => None,
        },
        Value::Long(id) => Some(*id),
        _ => None,
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = vec![];
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(self::files(&path)) } else { files.push(path) }
    }
    files
}

/// Sources and limits of the object, read with another decoder and by the rule as it is written.
fn direct(folder: &Path) -> (Copies, Copies, usize) {
    let (mut sources, mut limits, mut packets) = (Copies::new(), Copies::new(), 0);
    for file in files(folder).iter().filter(|file| file.extension().is_some_and(|extension| extension == "avro")) {
        let bytes = std::fs::read(file).unwrap();
        for alert in apache_avro::Reader::new(&bytes[..]).unwrap() {
            let alert = fields(&alert.unwrap()).unwrap();
            if !format!("{:?}", alert["objectId"]).contains(OBJECT) {
                continue;
            }
            packets += 1;
            let trigger = fields(&alert["candidate"]).unwrap();
            let jd = number(&trigger, "jd").unwrap();
            let history = match &alert["prv_candidates"] {
                Value::Union(_, rows) => (**rows).clone(),
                rows => rows.clone(),
            };
            let history = if let Value::Array(rows) = history { rows } else { vec![] };
            let rows =
                history.iter().filter_map(fields).filter(|row| number(row, "jd").unwrap() <= jd).map(|row| (row, true));
            for (row, copy) in rows.chain([(trigger.clone(), false)]) {
                let (rows, key) = match id(&row, "candid") {
                    Some(candid) => (&mut sources, candid),
                    None => (&mut limits, id(&row, "pid").unwrap()),
                };
                if rows.get(&key).is_none_or(|(known, _)| (jd, copy) < *known) {
                    rows.insert(key, ((jd, copy), row));
                }
            }
        }
    }
    (sources, limits, packets)
}

#[test]
fn the_history_is_that_of_the_packets_point_by_point() {
    let Some(folder) = data("ztf") else { return };
    let (sources, limits, packets) = direct(&folder);
    assert_eq!(packets, 331);
    let csv = about(OBJECT, &["--csv"], &folder);
    let mut lines = csv.lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    let rows: Vec<HashMap<&str, &str>> =
        lines.map(|line| names.iter().copied().zip(line.split(',')).collect()).collect();
    assert_eq!(rows.len(), sources.len() + limits.len());
    for row in rows {
        let (kind, id) = (row["kind"], row["id"].parse::<i64>().unwrap());
        let flux: f64 = row["flux_njy"].parse().unwrap();
        let (_, direct) = if kind == "source" { &sources[&id] } else { &limits[&id] };
        let magnitude = number(direct, if kind == "source" { "magpsf" } else { "diffmaglim" }).unwrap();
        if row["quality"].contains("no_flux") {
            assert!(!(10.0..25.0).contains(&magnitude), "{kind} {id}: magnitude {magnitude} is no flux");
            continue;
        }
        assert!((row["magnitude"].parse::<f64>().unwrap() - magnitude).abs() < 1e-6, "{kind} {id}");
        let fades = kind == "source"
            && ["\"f\"", "\"0\""].iter().any(|sign| format!("{:?}", direct["isdiffpos"]).contains(sign));
        assert_eq!(flux < 0.0, fades, "{kind} {id}");
    }
}

#[test]
fn states_features_and_history_as_json() {
    let Some(folder) = data("ztf/histories") else { return };
    let text = about(OBJECT, &["--json"], &folder);
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&json["survey"], &json["alerts"]), (&"ztf".into(), &331.into()));
    assert_eq!(json["timescales"].as_array().map(Vec::len), Some(8));
    let all = &json["timescales"][7];
    assert!(all["timescale"].is_null() && all["alive"] == true && all["valid_until_mjd_tai"].is_null());
    assert!(all["states"].as_array().unwrap().iter().any(|held| held["state"] == "variable"), "a Mira varies: {all}");
    assert!(json.get("alert_type").is_none() && all.get("entered").is_none(), "nothing of a message");
    let table = about(OBJECT, &[], &folder);
    assert!(table.starts_with("ztf ZTF17aaaedmd: 331 alerts, "), "{table}");
    for line in ["variable (Z ", "counts", "HEALPix 8/", " no: score"] {
        assert!(table.contains(line), "{line}");
    }
}

/// A job's thresholds are what its states are by; its sources are where packets are when none are named.
#[test]
fn a_jobs_own_rules() {
    let Some(folder) = data("ztf/histories") else { return };
    let job = Folder::new("object-job");
    let text = format!("[[source]]\npath = {folder:?}\n[timescales]\ntimescales = [365.0]\nvariable_z = 1e6\n");
    let job = job.write("job.toml", text.as_bytes()).into_os_string().into_string().unwrap();
    let text = printed(skydiff(["object", OBJECT, "--json", "--job", &job]));
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let [year] = &json["timescales"].as_array().unwrap()[..] else { panic!("one timescale: {json}") };
    let states: Vec<&str> =
        year["states"].as_array().unwrap().iter().map(|held| held["state"].as_str().unwrap()).collect();
    assert!(!states.is_empty() && !states.contains(&"variable"), "{states:?}");
    assert_eq!(json["alerts"], 331);
}

#[test]
fn an_object_that_is_not_there_is_explained() {
    let Some(folder) = data("ztf/histories") else { return };
    let why = |id: &str| complaint(ask(id, &[], &folder));
    let unknown = why("ZTF17aaaedmx");
    assert!(
        unknown.contains("no alert of ZTF17aaaedmx") && unknown.contains("near to it are ZTF17aaaedmd,"),
        "{unknown}"
    );
    assert!(why("ZTF17").contains("is no object's name"));
    let sources = about(OBJECT, &["--csv"], &folder);
    let alert =
        sources.lines().find(|line| line.contains(",true,1")).map(|line| line.split(',').nth(11).unwrap().to_owned());
    let alert = alert.expect("a trigger that came once");
    assert!(why(&alert).contains(&format!("{alert} is the id of an alert: its object is {OBJECT}")), "{}", why(&alert));
    let nowhere = complaint(skydiff(["object", OBJECT, "--from", "/no/such/folder"]));
    assert!(nowhere.contains("/no/such/folder: No such file"), "{nowhere}");
    assert!(complaint(skydiff(["object", OBJECT, "--from", "-"])).contains("cannot be read twice"));
}

/// The newest packet with another name in it claims the same sources for another object, and that one has them then.
#[test]
fn what_another_object_claims_is_no_longer_there() {
    let Some(folder) = data("ztf/exposure-v3.3") else { return };
    let mut packets = files(&folder);
    packets.sort();
    let bytes = std::fs::read(&packets[0]).unwrap();
    // A text of 12 bytes (its length is zigzag: 24) that begins so is the object's name.
    let at = 1 + bytes.windows(4).position(|four| four[0] == 24 && four[1..] == *b"ZTF").unwrap();
    let name = String::from_utf8(bytes[at..at + 12].to_vec()).unwrap();
    let mut other = bytes.clone();
    other[at + 11] = if bytes[at + 11] == b'z' { b'a' } else { b'z' };
    let other_name = String::from_utf8(other[at..at + 12].to_vec()).unwrap();
    let both = Folder::new("object");
    both.write("one.avro", &bytes);
    let alone = about(&name, &["--csv"], &both.0);
    let sources = |csv: &str| csv.lines().filter(|line| line.contains(",source,")).count();
    assert!(sources(&alone) > 0, "{alone}");
    both.write("two.avro", &other);
    let loser = name.clone().min(other_name.clone());
    let text = about(&loser, &[], &both.0);
    let winner = name.max(other_name);
    assert!(text.contains(&format!("sources of it are also claimed by {winner}")), "{text}");
    let left = about(&loser, &["--csv"], &both.0);
    assert_eq!(sources(&left), 0, "{left}");
    let has = about(&winner, &["--csv"], &both.0);
    assert_eq!(sources(&has), sources(&alone));
}
