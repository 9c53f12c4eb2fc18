//! `skydiff diff`, `why` and `publish` as a person meets them, on the sample's nights.

mod common;

use common::{Folder, printed, skydiff};
use serde_json::Value;
use std::fs;

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sample");

fn run(folder: &Folder, job: &str) -> String {
    let to = folder.0.join("out");
    let to = to.to_str().unwrap();
    let job = folder.write("job.toml", job.as_bytes());
    printed(skydiff(["run", job.to_str().unwrap(), "--from", SAMPLE, "--to", to]));
    to.to_owned()
}

fn json(flags: &[&str]) -> Value {
    serde_json::from_str(&printed(skydiff(flags))).unwrap()
}

#[test]
fn a_threshold_changes_what_it_decides_and_nothing_else() {
    let (before, after) = (Folder::new("diff-before"), Folder::new("diff-after"));
    let (a, b) = (run(&before, ""), run(&after, "[timescales]\ntrend_z = 4.0\n"));
    let same = json(&["diff", &a, &a, "--json"]);
    assert_eq!(same["differences"], Value::Array(vec![]));
    assert!(same["a"]["records"].as_i64().unwrap() > 100);
    let moved = json(&["diff", &a, &b, "--json"]);
    let moved = moved["differences"].as_array().unwrap();
    assert!(!moved.is_empty());
    for difference in moved {
        assert_eq!(difference["kind"], "entered", "{difference}");
        let z = difference["b"]["z"].as_f64().unwrap().abs();
        assert!((4.0..5.0).contains(&z), "{difference}");
    }
    let counts = json(&["diff", &a, &b, "--by", "state", "--json"]);
    let counted = counts["counts"].as_array().unwrap().iter().map(|count| count["count"].as_u64().unwrap());
    assert_eq!(counted.sum::<u64>(), moved.len() as u64);
    assert!(printed(skydiff(["diff", &a, &b, "--by", "night,reason"])).contains("entered"));
    // Both files of a run say the same.
    let (avro, lines) = (format!("{a}/records.avro"), format!("{a}/records.jsonl"));
    assert!(printed(skydiff(["diff", &avro, &lines])).contains(" 0 differences"));
    let nowhere = skydiff(["diff", &a, "/nowhere"]);
    assert!(!nowhere.status.success() && String::from_utf8_lossy(&nowhere.stderr).contains("is not there"));
}

#[test]
fn what_was_told_of_an_object_is_explained_by_its_packets() {
    let folder = Folder::new("why");
    let out = run(&folder, "");
    let records = fs::read_to_string(format!("{out}/records.jsonl")).unwrap();
    let records: Vec<Value> = records.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let decided = |state: &Value| ["rising", "fading", "variable"].iter().any(|name| state["state"] == *name);
    let states =
        |record: &Value| record["timescales"][7]["states"].as_array().is_some_and(|all| all.iter().any(decided));
    let object = records.iter().rfind(|record| states(record)).unwrap()["object"].as_str().unwrap();
    let why = json(&["why", object, "--from", SAMPLE, "--json"]);
    let packets = why["packets"].as_array().unwrap();
    assert!(packets.iter().any(|packet| packet["told"]["alert_type"] == "initial"));
    assert!(packets.iter().all(|packet| packet["outcome"].as_str().unwrap().contains("told: ")));
    let known = json(&["object", object, "--from", SAMPLE, "--json"]);
    let measurements = known["history"].as_array().unwrap().len() as u64;
    assert_eq!(why["used"].as_u64().unwrap() + why["left_out"].as_array().unwrap().len() as u64, measurements);
    // A state that holds has the value that its record says, and it is beyond the threshold.
    let (values, mut compared) = (why["values"].as_array().unwrap(), 0);
    for scale in known["timescales"].as_array().unwrap() {
        let name = scale["timescale"].as_f64().map_or("all".to_owned(), |days| days.to_string());
        for held in scale["states"].as_array().unwrap() {
            let same = |value: &&Value| value["timescale"] == name.as_str() && value["state"] == held["state"];
            let Some(value) = values.iter().find(same) else { continue };
            assert_eq!(value["value"], held["z"]);
            let (z, threshold) = (held["z"].as_f64().unwrap(), value["threshold"].as_f64().unwrap());
            assert!(z.abs() >= threshold.abs());
            compared += 1;
        }
    }
    assert!(compared > 0, "{object} is in no state that a value decides");
    let text = printed(skydiff(["why", object, "--from", SAMPLE]));
    assert!(text.contains("measurements are used") && text.contains("told: initial, new_data"), "{text}");
    assert!(!skydiff(["why", "ZTF99zzzzzzz", "--from", SAMPLE]).status.success());
}

/// The sample's nights in an archive; and what was said of them meanwhile.
fn archived(folder: &Folder) -> (String, String) {
    let [arch, out] = ["arch", "out"].map(|name| folder.0.join(name).to_str().unwrap().to_owned());
    printed(skydiff(["run", "--from", SAMPLE, "--archive", &arch, "--to", &out, "--epoch", "packets=40"]));
    (arch, out)
}

#[test]
fn an_archive_answers_as_its_packets_do() {
    let folder = Folder::new("answers-archive");
    let (arch, out) = archived(&folder);
    assert!(printed(skydiff(["diff", &arch, &arch])).contains(" 0 differences"));
    let said = json(&["diff", &arch, &out, "--json"]);
    assert!(said["differences"].as_array().unwrap().is_empty() && said["a"] == said["b"]);
    assert_eq!(
        said["b"]["records"].as_u64().unwrap(),
        fs::read_to_string(format!("{out}/records.jsonl")).unwrap().lines().count() as u64
    );
    let records = fs::read_to_string(format!("{out}/records.jsonl")).unwrap();
    let objects: std::collections::BTreeSet<String> = records
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["object"].as_str().unwrap().to_owned())
        .collect();
    for object in objects.iter().step_by(objects.len().div_ceil(4)) {
        let of = |verb: &str, flag: &str, place: &str| json(&[verb, object, flag, place, "--json"]);
        let (mut theirs, mut ours) = (of("object", "--from", SAMPLE), of("object", "--archive", &arch));
        for known in [&mut theirs, &mut ours] {
            // Of a packet that came again, or a copy that never could have stood, an archive keeps no row.
            assert!(known.as_object_mut().unwrap().remove("alerts").unwrap().as_u64().unwrap() > 0);
            let history = known["history"].as_array_mut().unwrap();
            history.iter_mut().for_each(|point| drop(point.as_object_mut().unwrap().remove("copies")));
        }
        assert_eq!(ours, theirs, "{object}");
        let (mut theirs, mut ours) = (of("why", "--from", SAMPLE), of("why", "--archive", &arch));
        for why in [&mut theirs, &mut ours] {
            why["left_out"]
                .as_array_mut()
                .unwrap()
                .iter_mut()
                .for_each(|point| drop(point.as_object_mut().unwrap().remove("copies")));
        }
        assert_eq!(ours, theirs, "{object}");
    }
    let (object, png) = (objects.first().unwrap(), folder.0.join("plot.png"));
    let plot = |flags: &[&str]| json(&[&["plot", object, "--json"], flags].concat());
    let (theirs, ours) = (plot(&["--from", SAMPLE]), plot(&["--archive", &arch]));
    assert_eq!(ours["points"].as_array().unwrap().len(), theirs["points"].as_array().unwrap().len());
    assert_eq!(ours["alerts"], theirs["alerts"]);
    printed(skydiff(["plot", object, "--archive", &arch, "-o", png.to_str().unwrap()]));
    assert!(fs::metadata(&png).unwrap().len() > 1000);
    let unknown = skydiff(["object", "ZTF99zzzzzzz", "--archive", &arch]);
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("near to it are"));
    let refused = folder.write("cuts.toml", b"[survey.ztf.quality]\nrb = 0.9\n");
    let refused = skydiff(["object", object, "--archive", &arch, "--job", refused.to_str().unwrap()]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--from packets"));
    // What expired is said to have expired, and what was kept of it still answers.
    let expire = ["archive", "expire", "--dataset", "packets", "--keep", "0", "--archive", &arch];
    printed(skydiff(expire));
    assert!(String::from_utf8_lossy(&skydiff(["why", object, "--archive", &arch]).stderr).contains("have expired"));
    printed(skydiff(["object", object, "--archive", &arch]));
}

#[test]
fn a_cone_and_a_night_are_explained_too() {
    let folder = Folder::new("why-cone");
    let (arch, _) = archived(&folder);
    let listed = json(&["archive", "ls", "--archive", &arch, "--json"]);
    let nights = listed["nights"].as_array().unwrap();
    let night = |at: usize| {
        let name = nights[at]["night"].as_str().unwrap();
        format!("{}-{}-{}", &name[..4], &name[4..6], &name[6..])
    };
    let (first, last) = (night(0), night(nights.len() - 1));
    let all = format!("{first}..{last}");
    for place in [["--archive", arch.as_str()], ["--from", SAMPLE]] {
        let why =
            |cone: &str, night: &str| json(&["why", "--cone", cone, "--night", night, place[0], place[1], "--json"]);
        let whole = why("0,0,180", &all);
        let objects = whole["objects"].as_array().unwrap();
        let packets: usize = objects.iter().map(|object| object["packets"].as_array().unwrap().len()).sum();
        assert!(objects.len() > 3 && packets as u64 >= whole["packets_of_the_night"].as_u64().unwrap());
        // What moves is not where its history was.
        let name = |object: &Value| object["object"].as_str().unwrap().to_owned();
        let fixed = objects.iter().map(name).find(|name| !name.contains(':')).unwrap();
        let one = json(&["object", &fixed, place[0], place[1], "--json"]);
        let (ra, dec) = (one["ra"].as_f64().unwrap(), one["dec"].as_f64().unwrap());
        let near = why(&format!("{ra},{dec},0.01"), &all);
        assert!(near["objects"].as_array().unwrap().iter().any(|object| name(object) == fixed));
        let nothing = why(&format!("{},{},0.001", (ra + 180.0) % 360.0, -dec), &first);
        assert!(
            nothing["objects"].as_array().unwrap().is_empty() && nothing["nearest_outside_deg"].as_f64().unwrap() > 1.0
        );
        let text = printed(skydiff(["why", "--cone", "0,0,180", "--night", "1999-01-01", place[0], place[1]]));
        assert!(text.starts_with("no packet came that night"), "{text}");
    }
}

#[test]
fn catalogues_hold_every_alert_and_object_and_are_replaced_whole() {
    let folder = Folder::new("publish");
    let to = folder.0.to_str().unwrap();
    let said = printed(skydiff(["publish", "--from", SAMPLE, "--to", to, "--order", "1"]));
    let again = printed(skydiff(["publish", "--from", SAMPLE, "--to", to]));
    assert_eq!(said, again);
    let alerts: u64 = said.split(' ').next().unwrap().parse().unwrap();
    let properties = fs::read_to_string(folder.0.join("alerts/collection.properties")).unwrap();
    assert!(properties.contains("hats_primary_table_url=edition-000002\n"), "{properties}");
    let edition = folder.0.join("alerts/edition-000002");
    let properties = fs::read_to_string(edition.join("hats.properties")).unwrap();
    assert!(properties.contains(&format!("hats_nrows={alerts}\n")) && properties.contains("hats_order=1\n"));
    let own: Value = serde_json::from_slice(&fs::read(edition.join("skydiff.json")).unwrap()).unwrap();
    for tile in own["tiles"].as_array().unwrap() {
        let path = edition.join(tile["path"].as_str().unwrap());
        assert_eq!(fs::metadata(path).unwrap().len(), tile["bytes"].as_u64().unwrap());
    }
}
