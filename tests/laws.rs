//! Batch equals stream, to the byte, through the binary: ten nights in every order, on every number of workers and
//! processes, in epochs of every size, from files of every shape.

mod common;

use common::ztf::{NIGHTS, Random, name, nights, tar};
use common::{Folder, printed, skydiff};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

const SEED: u64 = 20_240_101;

/// The digests at the end of each file, then that at the end.
fn digests(text: &str) -> Vec<String> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("digest "));
    lines.map(|line| line.split(' ').next().unwrap().to_owned()).collect()
}

fn run(from: &Path, flags: &[&str]) -> Vec<String> {
    let fixed = ["run", "--digest", "--digest-at", "file", "--from"].map(AsRef::as_ref);
    let found =
        digests(&printed(skydiff(fixed.into_iter().chain([from.as_os_str()]).chain(flags.iter().map(AsRef::as_ref)))));
    assert_eq!(found.len(), NIGHTS + 1, "{flags:?}");
    assert_eq!(found[NIGHTS], found[NIGHTS - 1], "nothing comes after the last file");
    found
}

/// Writes the nights as tars after something was done to each.
fn write(folder: &Folder, mut change: impl FnMut(&mut Vec<Vec<u8>>)) {
    for (night, mut packets) in nights(SEED, 30).into_iter().enumerate() {
        change(&mut packets);
        folder.write(&format!("{}.tar", name(night)), &tar(&packets));
    }
}

#[test]
fn the_state_does_not_depend_on_what_led_there() {
    let (ordered, shuffled, duplicated) = (Folder::new("ordered"), Folder::new("shuffled"), Folder::new("duplicated"));
    let mut random = Random(7);
    write(&ordered, |_| {});
    write(&shuffled, |packets| random.shuffle(packets));
    write(&duplicated, |packets| {
        let again: Vec<_> = packets.iter().filter(|packet| packet.len() % 3 == 0).cloned().collect();
        packets.extend(again);
        random.shuffle(packets);
    });
    let expected = run(&ordered.0, &[]);
    assert!(
        expected[..NIGHTS].windows(2).all(|pair| pair[0] != pair[1]),
        "every night changes the state: {expected:?}"
    );
    for (folder, flags) in [
        (&ordered, &["--epoch", "packets=1", "--workers", "2"][..]),
        (&ordered, &["--epoch", "file", "--workers", "3"]),
        (&ordered, &["--epoch", "visit"]),
        (&shuffled, &["--workers", "2"]),
        (&shuffled, &["--epoch", "packets=7", "--workers", "3"]),
        (&shuffled, &["--epoch", "visit", "--workers", "2"]),
        (&duplicated, &["--epoch", "file"]),
        (&duplicated, &["--epoch", "packets=1", "--workers", "3"]),
        (&duplicated, &["--epoch", "bytes=20kB", "--workers", "2"]),
    ] {
        assert_eq!(run(&folder.0, flags), expected, "{} {flags:?}", folder.0.display());
    }
    assert_eq!(two_processes(&shuffled.0), expected);
}

/// A job of two processes with two workers each.
fn two_processes(from: &Path) -> Vec<String> {
    let ports = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let hosts = ports.map(|port| port.local_addr().unwrap().to_string()).join(",");
    let process = |number: &str| {
        Command::new(env!("CARGO_BIN_EXE_skydiff"))
            .args([
                "run",
                "--digest",
                "--digest-at",
                "file",
                "--workers",
                "2",
                "--epoch",
                "packets=20",
                "--processes",
                "2",
            ])
            .args(["--process", number, "--hosts", &hosts, "--from"])
            .arg(from)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let (first, second) = (process("0"), process("1"));
    let (first, second) = (first.wait_with_output().unwrap(), second.wait_with_output().unwrap());
    assert_eq!(printed(second), "", "process 0 alone speaks");
    digests(&printed(first))
}

#[test]
fn nor_on_the_shape_of_the_files() {
    let (tars, folders, containers) = (Folder::new("tars"), Folder::new("folders"), Folder::new("containers"));
    write(&tars, |_| {});
    for (night, packets) in nights(SEED, 30).into_iter().enumerate() {
        let folder = folders.0.join(name(night));
        std::fs::create_dir_all(&folder).unwrap();
        for (number, packet) in packets.iter().enumerate() {
            std::fs::write(folder.join(format!("{number:06}.avro")), packet).unwrap();
        }
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut gz, &packets.concat()).unwrap();
        containers.write(&format!("{}.avro.gz", name(night)), &gz.finish().unwrap());
    }
    let expected = run(&tars.0, &[]);
    assert_eq!(run(&folders.0, &["--workers", "2"]), expected);
    assert_eq!(run(&containers.0, &["--workers", "3", "--epoch", "packets=50"]), expected);
}

#[test]
fn dumps_of_equal_states_are_equal() {
    let folder = Folder::new("dumps");
    write(&folder, |_| {});
    let dump = |workers: &str| {
        let path = folder.0.join(format!("dump-{workers}.txt"));
        let flags = ["--workers", workers, "--dump", path.to_str().unwrap()];
        let from: Vec<String> =
            (0..NIGHTS).map(|night| folder.0.join(format!("{}.tar", name(night))).display().to_string()).collect();
        printed(skydiff(["run", "--from"].into_iter().chain(from.iter().map(String::as_str)).chain(flags)));
        std::fs::read_to_string(path).unwrap()
    };
    let one = dump("1");
    assert_eq!(one, dump("3"));
    assert_eq!(one.lines().filter(|line| line.contains("\tanswer\t")).count(), 30);
    assert!(one.lines().is_sorted());
}
