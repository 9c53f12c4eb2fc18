//! LSST's packets live from Kafka, their schemas from a registry: a major version that changes at midnight loses nothing and
//! repeats nothing, and a column that is renamed stops the job, which names it.

mod common;

use common::job::{Job, digest, terminate, wait_for};
use common::kafka::Kafka;
use common::registry::Registry;
use common::{Folder, data, printed, skydiff};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Ids that the registry gives, none of which is built in: of 10.0, of 11.1, and of 11.1 with a column renamed.
const OLD: u32 = 90_001;
const NEW: u32 = 90_002;
const RENAMED: u32 = 90_003;

/// A writer schema of LSST: the real text where it is, else what is built in.
fn schema(id: u32) -> String {
    let path = data("schemas/lsst").map(|folder| folder.join(format!("lsst.v{}_{}.resolved.json", id / 100, id % 100)));
    let real = path.and_then(|path| std::fs::read_to_string(path).ok());
    real.unwrap_or_else(|| skydiff_schemas::survey::lsst::writer_schema(id).unwrap())
}

/// A packet under another schema id; as it is, where its frame is not of `from`.
fn framed(packet: &[u8], from: u32, to: u32) -> Vec<u8> {
    let mut packet = packet.to_vec();
    if packet.get(1..5) == Some(&from.to_be_bytes()) {
        packet[1..5].copy_from_slice(&to.to_be_bytes());
    }
    packet
}

/// The packets of a tar.
fn packets(tar: &Path) -> Vec<Vec<u8>> {
    let mut archive = tar::Archive::new(std::fs::File::open(tar).unwrap());
    let bytes = |entry| std::io::Read::bytes(entry).collect::<Result<_, _>>().unwrap();
    archive.entries().unwrap().map(|entry| bytes(entry.unwrap())).collect()
}

/// Writes packets as a tar.
fn write(folder: &Path, name: &str, packets: &[Vec<u8>]) -> PathBuf {
    std::fs::create_dir_all(folder).unwrap();
    let path = folder.join(name);
    std::fs::write(&path, common::ztf::tar(packets)).unwrap();
    path
}

/// Two nights of LSST in this schema, with what goes wrong in them, under another id: the packets of each.
fn nights(folder: &Folder, schema: u32, id: u32) -> [Vec<Vec<u8>>; 2] {
    let to = folder.0.join(schema.to_string());
    let flags = "simulate --survey lsst --nights 2 --visits 12 --alerts 50 --no-cutouts --no-weather --seed 21";
    let (text, to_text) = (schema.to_string(), to.to_str().unwrap());
    printed(skydiff(flags.split(' ').chain(["--schema", &text, "--to", to_text])));
    ["20260101", "20260102"].map(|date| {
        let night = packets(&to.join(format!("skydiff_lsst_{date}.tar")));
        night.iter().map(|packet| framed(packet, schema, id)).collect()
    })
}

fn produce(kafka: &Kafka, topic: &str, from: &[&Path]) {
    let from: Vec<&str> = from.iter().map(|path| path.to_str().unwrap()).collect();
    let words = ["produce", "--brokers", &kafka.plaintext, "--topic", topic, "--flat-out", "--from"];
    printed(skydiff(words.into_iter().chain(from)));
}

/// The digest of a run over files, with these schemas and this table in its job.
fn of_files(folder: &Folder, from: &Path, schemas: &BTreeMap<u32, String>, tables: &str) -> String {
    let at = folder.0.join("schemas");
    std::fs::create_dir_all(&at).unwrap();
    schemas.iter().for_each(|(id, text)| std::fs::write(at.join(format!("{id}.avsc")), text).unwrap());
    let job = folder.write("files.toml", format!("schemas = {at:?}\n[run]\nmax_reject = 1.0\n{tables}").as_bytes());
    digest(skydiff(["run", job.to_str().unwrap(), "--from", from.to_str().unwrap(), "--digest"]))
}

/// The schema under another name of one of its columns, wherever that is, as the next major version.
fn renamed(schema: &str) -> String {
    schema.replace("\"midpointMjdTai\"", "\"midpointMjd\"").replace("lsst.v11_1", "lsst.v12_0")
}

#[test]
fn what_changes_at_midnight_loses_nothing_and_repeats_nothing() {
    let Some(kafka) = Kafka::shared() else { return };
    let folder = Folder::new("lsst-midnight");
    let schemas = BTreeMap::from([(OLD, schema(1000)), (NEW, schema(1101)), (RENAMED, renamed(&schema(1101)))]);
    let registry = Registry::start();
    registry.put(OLD, &schemas[&OLD]);
    let ([old, _], [same, next]) = (nights(&folder, 1000, OLD), nights(&folder, 1101, NEW));
    assert!(old.len() > 200 && next.len() > 200, "{} {}", old.len(), next.len());
    // What came late before midnight comes after it once more, in the new version.
    let again = &same[same.len() / 2..];
    let all = folder.0.join("all");
    let before = write(&all.join("v10"), "lsst_20260101.tar", &old);
    let after =
        [write(&all.join("v11"), "lsst_20260101.tar", again), write(&all.join("v11"), "lsst_20260102.tar", &next)];
    let undisturbed = of_files(&folder, &all, &schemas, "");

    produce(kafka, "midnight_v10", &[&before]);
    let mut job = Job {
        source: format!("registry = \"{}\"\nlook_seconds = 0.2", registry.url),
        ..Job::new(kafka, "midnight", "^midnight_v")
    };
    let child = job.start(&["-w", "2"], None);
    wait_for(|| job.bound() == old.len() as u64);
    // The registry has the new schema a moment later than the topic has its packets: it is unwell, and is waited for.
    let asked = registry.asked();
    registry.unwell(true);
    registry.put(NEW, &schemas[&NEW]);
    produce(kafka, "midnight_v11", &[&after[0], &after[1]]);
    wait_for(|| registry.asked() > asked);
    std::thread::sleep(std::time::Duration::from_secs(1));
    registry.unwell(false);
    let sent = (old.len() + again.len() + next.len()) as u64;
    wait_for(|| job.bound() == sent);
    terminate(&child);
    let output = child.wait_with_output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains(&format!("waiting for schema id {NEW}")));
    assert_eq!(digest(output), undisturbed);
    assert_eq!(job.holds(), undisturbed);
    // Schemas are kept with the packets: without the registry everything is there to be read again.
    let archive = job.archive();
    let from_packets = skydiff(["replay", "--archive", &archive, "--from", "packets", "--digest"]);
    assert_eq!(digest(from_packets), undisturbed);

    // Another midnight: a required column goes by another name.
    registry.put(RENAMED, &schemas[&RENAMED]);
    let last: Vec<Vec<u8>> = next.iter().map(|packet| framed(packet, NEW, RENAMED)).collect();
    produce(kafka, "midnight_v12", &[&write(&all.join("v12"), "lsst_20260103.tar", &last)]);
    (job.max_reject, job.seconds) = (0.05, 5.0);
    let stopped = job.command(&["--until-end"]).output().unwrap();
    let told = String::from_utf8_lossy(&stopped.stderr);
    println!("{told}");
    assert_eq!(stopped.status.code(), Some(3), "{told}");
    for named in ["required field `diaSource.midpointMjdTai`", "lsst.v12_0.alert", "schema id 90003", "midnight_v12"] {
        assert!(told.contains(named), "`{named}` is not in: {told}");
    }
    assert_eq!(job.holds(), undisturbed, "nothing of it was said");
    // Its new name is given, and nothing was lost.
    let arrays = ["diaSource", "prvDiaSources", "prvDiaForcedSources"];
    let alias = |record: &str| format!("\"{record}.midpointMjdTai\" = [\"{record}.midpointMjd\"]\n");
    job.tables = format!("[survey.lsst.aliases]\n{}", arrays.map(alias).concat());
    job.max_reject = 1.0;
    let of = digest(job.command(&["--until-end", "--restate"]).output().unwrap());
    assert_eq!(of, of_files(&folder, &all, &schemas, &job.tables));
    assert_eq!(of, undisturbed, "they are copies of what is known, under other names");
    assert_eq!(job.bound(), sent + last.len() as u64);
}

/// Real packets of 7.1 to 10.0, by their ids in a registry.
#[test]
fn real_packets_are_read_live_as_from_files() {
    let (Some(kafka), Some(real)) = (Kafka::shared(), data("lsst")) else { return };
    let folder = Folder::new("lsst-real");
    let (registry, mut schemas, mut packets) = (Registry::start(), BTreeMap::new(), Vec::new());
    for of in ["kafka-v7-v9", "v9.0", "v10.0", "production-v10.0"] {
        for file in std::fs::read_dir(real.join(of)).unwrap() {
            let packet = std::fs::read(file.unwrap().path()).unwrap();
            let id = u32::from_be_bytes(packet[1..5].try_into().unwrap());
            let text = schemas.entry(90_000 + id).or_insert_with(|| schema(id));
            registry.put(90_000 + id, text);
            packets.push(framed(&packet, id, 90_000 + id));
        }
    }
    assert_eq!(packets.len(), 90);
    let all = folder.0.join("all");
    let tar = write(&all, "lsst_20260401.tar", &packets);
    produce(kafka, "real_lsst", &[&tar]);
    let job =
        Job { source: format!("registry = \"{}\"", registry.url), ..Job::new(kafka, "real_records", "real_lsst") };
    let of = of_files(&folder, &all, &schemas, "");
    assert_eq!([job.finish("2"), job.holds()], [of.clone(), of]);
    assert!(registry.asked() >= schemas.len());
    // A person who asks the registry reads them, too; without it nobody does.
    let read = |more: &[&str]| {
        let words = ["consume", "real_lsst", "--to-end", "--brokers", &kafka.plaintext];
        let output = skydiff(words.iter().chain(more));
        assert!(output.status.success());
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    assert!(read(&[]).1.contains("90 cannot be read"));
    let (lines, told) = read(&["--registry", &registry.url]);
    assert!(lines.lines().count() == 90 && !told.contains("cannot be read"), "{told}");
}
