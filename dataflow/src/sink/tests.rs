//! What a run may remove, what it must not read, and what it must not count.

use super::*;
use crate::source::{Input, Packets, Place};
use skydiff_schemas::MicroDays;

fn folder(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("skydiff-sink-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

#[test]
fn only_what_a_run_wrote_is_removed() {
    let to = folder("clear");
    for (name, stays) in [
        ("records.jsonl", false),
        ("rejects.tar", false),
        ("mine.txt", true),
        ("nights/20240101/summary.json", false),
        ("nights/20240102/summary.json", false),
        ("nights/20240102/packet.avro", true),
        ("nights/packet.avro", true),
        ("nights/other/summary.json", true),
    ] {
        let path = to.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, b"x").unwrap();
        clear(&to).unwrap();
        assert_eq!(path.exists(), stays, "{name}");
    }
    assert!(!to.join("nights/20240101").exists(), "an empty one goes");
    std::fs::remove_dir_all(to).unwrap();
}

#[test]
fn what_is_read_is_not_written_over() {
    let to = folder("spare");
    std::fs::create_dir_all(to.join("nights/in")).unwrap();
    let input = |place| [Input { packets: Packets::At(place), rank: 0, received: MicroDays(0) }];
    let at = |name: &str| input(Place::Folder(to.join(name)));
    for clash in ["", "nights", "nights/in", "rejects.tar", "summary.json", "in/../nights"] {
        let error = spare(&to, &at(clash)).unwrap_err();
        assert!(error.contains("--to"), "{clash}: {error}");
    }
    std::os::unix::fs::symlink(to.join("nights"), to.join("link")).unwrap();
    assert!(spare(&to, &at("link")).is_err(), "also by another name");
    assert_eq!(spare(&to, &at("nightsky")), Ok(()));
    assert_eq!(spare(&to, &input(Place::Stdin)), Ok(()));
    assert!(spare(&to.join("out"), &at("")).is_err(), "a folder that is read holds what is written");
    std::fs::remove_dir_all(to).unwrap();
}
