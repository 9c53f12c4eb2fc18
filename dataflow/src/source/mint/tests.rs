//! Bundles of every shape, read from a real folder.

use super::*;
use crate::source::parcel::Bytes;
use std::io::Write;

/// A container without compression of blocks of one record.
fn container(records: &[&str]) -> Vec<u8> {
    let mut bytes = b"Obj\x01\x02\x16avro.schema\x10\"string\"\x00".to_vec();
    bytes.extend_from_slice(&[7; 16]);
    for record in records {
        let datum = [&[record.len() as u8 * 2], record.as_bytes()].concat();
        bytes.extend_from_slice(&[2, datum.len() as u8 * 2]);
        bytes.extend_from_slice(&datum);
        bytes.extend_from_slice(&[7; 16]);
    }
    bytes
}

fn tar_of(packets: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in packets {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, &bytes[..]).unwrap();
    }
    builder.into_inner().unwrap()
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("skydiff-mint-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Folder(path)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Everything that comes of a place: a line a packet (its bytes as the record's text) and a line an epoch.
fn mint(place: Place, cut: &str, root: &Path) -> Vec<String> {
    let progress = Arc::new(Progress::default());
    let probe: Probe = Box::new(|bytes| bytes.last_chunk::<17>().map(|end| u64::from(end[0])));
    let inputs = vec![Input { packets: Packets::At(place), rank: 3, received: MicroDays(60_000_000_000) }];
    let mint = Mint {
        inputs,
        cut: cut.parse().unwrap(),
        every: None,
        taken: Default::default(),
        probe,
        stop: Arc::default(),
        progress: progress.clone(),
    };
    let (mut lines, mut opener, mut skipped) = (Vec::new(), Opener::default(), Vec::new());
    let short = |text: &str| text.replace(root.to_str().unwrap(), "");
    let mut out = |feed| {
        match feed {
            Feed::Share(share) => {
                for (number, parcel) in (share.first..).zip(&share.parcels) {
                    let text = match (opener.read(&parcel.bytes), &parcel.bytes) {
                        (Ok(bytes), Bytes::Here(_)) => format!("here {}", bytes.escape_ascii()),
                        (Ok(bytes), _) => format!("at {}", bytes.escape_ascii()),
                        (Err(why), _) => format!("lost {why}"),
                    };
                    let tail = text.strip_suffix(&"\\x07".repeat(16)).unwrap_or(&text);
                    let tail = &tail[tail.len().saturating_sub(1)..];
                    let from = text.split(' ').next().unwrap();
                    lines.push(format!("{} {number} {} {from} {tail}", short(&share.origin.bundle), parcel.name));
                }
            }
            Feed::Recall(_) => {}
            Feed::Seal(marks) => {
                let night = marks.night.map_or(String::new(), |night| format!(" night {night}"));
                lines.push(format!("seal {}{night}", short(&marks.file.unwrap_or_default())));
            }
        }
        true
    };
    mint.run(&mut out, &mut |path| skipped.push(format!("beside {}", short(path.to_str().unwrap()))));
    let (read, ahead) = (progress.read.load(Ordering::Relaxed), progress.ahead.load(Ordering::Relaxed));
    assert!(read <= ahead || ahead == 0, "a pipe's length is not known");
    lines.extend(skipped);
    lines
}

#[test]
fn every_shape_of_a_bundle_is_read_in_order() {
    let folder = Folder::new("shapes");
    folder.write("b.avro", &container(&["b"]));
    folder.write("a.avro", &container(&["a"]));
    folder.write("many.avro", &[container(&["c", "d"]), container(&["e"])].concat());
    folder.write("README.md", b"not a packet");
    folder.write(".hidden", b"x");
    folder.write("sub/z.avro", b"broken");
    let packets = [("p/f.avro", container(&["f"])), ("p/._f.avro", b"x".to_vec()), ("p/g.avro", container(&["g"]))];
    folder.write("ztf_20180601.tar", &tar_of(&packets));
    folder.write("ztf_20180602.tar.gz", &gz(&tar_of(&packets)));
    folder.write("zz.avro.gz", &gz(&container(&["h"])));
    let lines = mint(Place::Folder(folder.0.clone()), "file", &folder.0);
    let expected = [
        " 0 a.avro at a",
        " 1 b.avro at b",
        "seal ",
        "/many.avro 0  here c",
        "/many.avro 1  here d",
        "/many.avro 2  here e",
        "seal /many.avro",
        "/sub 0 z.avro at n",
        "seal /sub",
        "/ztf_20180601.tar 0 p/f.avro at f",
        "/ztf_20180601.tar 1 p/g.avro at g",
        "seal /ztf_20180601.tar night 20180601",
        "/ztf_20180602.tar.gz 0 p/f.avro here f",
        "/ztf_20180602.tar.gz 1 p/g.avro here g",
        "seal /ztf_20180602.tar.gz night 20180602",
        "/zz.avro.gz 0  here h",
        "seal /zz.avro.gz",
        "beside /README.md",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn broken_files_are_packets_that_are_lost() {
    let folder = Folder::new("broken");
    let tar = tar_of(&[("f.avro", container(&["f"])), ("g.avro", container(&["g"]))]);
    folder.write("cut.tar", &tar[..1024 + 100]);
    folder.write("cut.tar.gz", &gz(&tar)[..60]);
    let lines = mint(Place::Folder(folder.0.clone()), "file", &folder.0);
    let lost: Vec<_> = lines.iter().filter(|line| line.contains(" lost ")).collect();
    assert_eq!(lost.len(), 2, "{lines:?}");
    let gone = mint(Place::File(folder.0.join("no.avro")), "file", &folder.0);
    assert!(gone[0].contains("/no.avro 0 no.avro lost"), "{gone:?}");
}

#[test]
fn containers_of_many_are_taken_apart_in_tars_too() {
    let folder = Folder::new("tars");
    let tar = tar_of(&[("f.avro", container(&["f", "g"])), ("h.avro", container(&["h"]))]);
    folder.write("a.tar", &tar);
    folder.write("b.tar.gz", &gz(&tar));
    let lines = mint(Place::Folder(folder.0.clone()), "packets=1", &folder.0);
    let expected = [
        "/a.tar 0 f.avro here f",
        "seal ",
        "/a.tar 1 f.avro here g",
        "seal ",
        "/a.tar 2 h.avro at h",
        "seal /a.tar",
        "/b.tar.gz 0 f.avro here f",
        "seal ",
        "/b.tar.gz 1 f.avro here g",
        "seal ",
        "/b.tar.gz 2 h.avro here h",
        "seal /b.tar.gz",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn a_length_that_lies_is_a_packet_that_is_lost() {
    let folder = Folder::new("lie");
    for size in [8 << 30, 1 << 62, u64::MAX >> 1, u64::MAX] {
        let mut header = tar::Header::new_gnu();
        header.set_path("x.avro").unwrap();
        header.set_size(size);
        header.set_cksum();
        let good = tar_of(&[("g.avro", container(&["g"]))]);
        folder.write("lie.tar", &[&good[..1024], header.as_bytes(), &container(&["x"]), &[0; 2048]].concat());
        for cut in ["visit", "packets=10"] {
            let lines = mint(Place::File(folder.0.join("lie.tar")), cut, &folder.0);
            assert_eq!(lines[0], "/lie.tar 0 g.avro at g");
            assert!(lines[1].starts_with("/lie.tar 1 ") && lines[1].contains(" lost "), "{size}: {lines:?}");
            assert_eq!(lines.len(), 3, "{lines:?}");
        }
    }
}

#[test]
fn pipes_are_read_where_they_are_named_and_never_waited_for_in_folders() {
    let folder = Folder::new("pipe");
    folder.write("a.avro", &container(&["a"]));
    let pipe = folder.0.join("pipe.avro");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let lines = mint(Place::Folder(folder.0.clone()), "file", &folder.0);
    assert_eq!(lines, [" 0 a.avro at a", "seal ", "beside /pipe.avro"]);
    let (to, stream) = (pipe.clone(), gz(&container(&["b", "c"])));
    let writer = std::thread::spawn(move || std::fs::write(to, stream).unwrap());
    let lines = mint(Place::File(pipe), "file", &folder.0);
    writer.join().unwrap();
    assert_eq!(lines, ["/pipe.avro 0  here b", "/pipe.avro 1  here c", "seal /pipe.avro"]);
}

#[test]
fn visits_end_epochs() {
    let folder = Folder::new("visits");
    folder.write("many.avro", &container(&["a", "a", "b", "a"]));
    let lines = mint(Place::File(folder.0.join("many.avro")), "visit", &folder.0);
    let seals: Vec<_> = lines.iter().map(|line| if line.starts_with("seal") { ';' } else { '.' }).collect();
    assert_eq!(seals.iter().collect::<String>(), "..;.;.;");
}

#[test]
fn a_job_that_is_stopped_ends_its_epoch() {
    let folder = Folder::new("stop");
    folder.write("many.avro", &container(&["a"; 100]));
    let stop = Arc::new(AtomicBool::new(false));
    let inputs =
        vec![Input { packets: Packets::At(Place::File(folder.0.join("many.avro"))), rank: 0, received: MicroDays(0) }];
    let probe: Probe = Box::new(|_| None);
    let mint = Mint {
        inputs,
        cut: EpochCut::File,
        every: None,
        taken: Default::default(),
        probe,
        stop: stop.clone(),
        progress: Arc::default(),
    };
    let (mut packets, mut seals) = (0, Vec::new());
    let mut out = |feed| {
        match feed {
            Feed::Share(share) => packets += share.parcels.len(),
            Feed::Recall(_) => {}
            Feed::Seal(marks) => seals.push(marks),
        }
        stop.store(true, Ordering::Relaxed);
        true
    };
    mint.run(&mut out, &mut |_| {});
    assert_eq!((packets, seals), (32, vec![Default::default()]));
}
