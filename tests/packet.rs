//! `skydiff packet` and `skydiff schema`: what was sent comes out whole, and stamps can be opened.

mod common;

use common::{Folder, complaint, data, printed, skydiff, skydiff_with};
use serde_json::Value;
use std::path::{Path, PathBuf};

fn packet(arguments: &[&str], file: &Path) -> std::process::Output {
    skydiff(["packet".as_ref(), file.as_os_str()].into_iter().chain(arguments.iter().map(AsRef::as_ref)))
}

fn ztf() -> Option<PathBuf> {
    data("ztf/v4").map(|folder| folder.join("2752190655615010046.avro"))
}

fn lsst() -> Option<PathBuf> {
    data("lsst/production-v10.0").map(|folder| folder.join("170112044501565459.v10_0.bin"))
}

#[test]
fn a_packet_comes_out_whole() {
    let (Some(ztf), Some(lsst)) = (ztf(), lsst()) else { return };
    let json: Value = serde_json::from_str(&printed(packet(&[], &ztf))).unwrap();
    assert_eq!(json["candidate"]["candid"], 2_752_190_655_615_010_046_u64);
    let stamp = json["cutoutScience"]["stampData"].as_str().unwrap();
    assert!(stamp.len() > 10_000 && stamp.starts_with("H4sI"), "base64 of gzip");
    let short: Value = serde_json::from_str(&printed(packet(&["--short"], &ztf))).unwrap();
    assert_eq!(short["cutoutScience"]["stampData"], serde_json::json!({"bytes": 12_724}));
    assert_eq!(short["candidate"], json["candidate"]);
    let json: Value = serde_json::from_str(&printed(packet(&["--short"], &lsst))).unwrap();
    assert_eq!(json["diaSourceId"], 170_112_044_501_565_459_u64);
    let piped = skydiff_with(&std::fs::read(&ztf).unwrap(), &["packet", "-", "--short"]);
    assert_eq!(serde_json::from_str::<Value>(&printed(piped)).unwrap(), short);
}

#[test]
fn the_schema_is_the_writers() {
    let (Some(ztf), Some(lsst)) = (ztf(), lsst()) else { return };
    let bytes = std::fs::read(&ztf).unwrap();
    let schema = printed(packet(&["--schema"], &ztf));
    assert!(bytes.windows(schema.trim_end().len()).any(|part| part == schema.trim_end().as_bytes()), "as it was sent");
    let built_in: Value = serde_json::from_str(&printed(packet(&["--schema"], &lsst))).unwrap();
    assert!(built_in["fields"].as_array().unwrap().iter().any(|field| field["name"] == "diaSource"));
}

#[test]
fn what_skydiff_makes_of_it() {
    let (Some(ztf), Some(lsst)) = (ztf(), lsst()) else { return };
    for (file, object) in [(&ztf, "ZTF19aayzasz"), (&lsst, "313985345528004656")] {
        let text = printed(packet(&["--mapped"], file));
        assert!(text.contains(object) && text.contains("real_bogus") && text.contains("flux/nJy"), "{text}");
        let json: Value = serde_json::from_str(&printed(packet(&["--mapped", "--json"], file))).unwrap();
        let csv = printed(packet(&["--mapped", "--csv"], file));
        assert_eq!(json["object"], object);
        assert_eq!(json["measurements"].as_array().unwrap().len(), csv.lines().count() - 1);
        assert_eq!(json["measurements"][0]["version"]["trigger"], true);
    }
}

#[test]
fn stamps_are_fits_and_png() {
    let (Some(ztf), Some(lsst)) = (ztf(), lsst()) else { return };
    for (file, name, side) in
        [(&ztf, "ZTF19aayzasz_2752190655615010046", 63), (&lsst, "313985345528004656_170112044501565459", 48)]
    {
        let folder = Folder::new(name);
        let told = printed(packet(&["--cutouts", folder.0.to_str().unwrap()], file));
        assert_eq!(told.lines().count(), 6, "{told}");
        for of in ["science", "template", "difference"] {
            let fits = std::fs::read(folder.0.join(format!("{name}_{of}.fits"))).unwrap();
            assert!(fits.starts_with(b"SIMPLE  =") && fits.len().is_multiple_of(2880));
            let mut png = png::Decoder::new(std::fs::File::open(folder.0.join(format!("{name}_{of}.png"))).unwrap())
                .read_info()
                .unwrap();
            assert_eq!((png.info().width, png.info().height), (side, side));
            let mut pixels = vec![0; png.output_buffer_size()];
            png.next_frame(&mut pixels).unwrap();
            let greys: std::collections::HashSet<u8> = pixels.chunks(2).map(|pixel| pixel[0]).collect();
            assert!(greys.len() > 20, "{name} {of}: {} greys are no picture", greys.len());
        }
    }
}

#[test]
fn one_of_many() {
    let Some(ztf) = ztf() else { return };
    let folder = Folder::new("many");
    let bytes = std::fs::read(&ztf).unwrap();
    let other = std::fs::read(
        std::fs::read_dir(ztf.parent().unwrap())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| *path != ztf)
            .unwrap(),
    )
    .unwrap();
    let mut tar = tar::Builder::new(Vec::new());
    for (name, bytes) in [("night/first.avro", &other), ("night/second.avro", &bytes)] {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, &bytes[..]).unwrap();
    }
    let tar = folder.write("night.tar", &tar.into_inner().unwrap());
    let whole = printed(packet(&["--short"], &ztf));
    let entry = |name: &str| packet(&["--short"], &PathBuf::from(format!("{}:{name}", tar.display())));
    assert_eq!(printed(entry("night/second.avro")), whole);
    assert!(complaint(entry("night/third.avro")).contains("there is no such entry"));
    let joined = folder.write("joined.avro", &[other, bytes].concat());
    for many in [&tar, &joined] {
        assert_eq!(printed(packet(&["--short", "--record", "1"], many)), whole);
        assert!(printed(packet(&["--short"], many)).ends_with(&whole));
        assert!(complaint(packet(&["--record", "2"], many)).contains("no record 2: it holds 2"));
    }
}

#[test]
fn what_is_no_packet_is_explained() {
    let folder = Folder::new("bad");
    let junk = folder.write("junk.avro", b"Obj\x01 and then nothing that makes sense");
    assert!(complaint(packet(&[], &junk)).contains("junk.avro: "));
    let unknown = folder.write("unknown.bin", &[0, 0, 1, 0, 0, 1, 2, 3]);
    let why = complaint(packet(&[], &unknown));
    assert!(why.contains("schema id 65536 is not known") && why.contains("--schemas"), "{why}");
    assert!(complaint(packet(&[], &folder.0)).contains("is a folder"));
    assert!(complaint(packet(&[], &folder.0.join("none"))).contains("there is no such file"));
    assert_eq!(skydiff(["packet"]).status.code(), Some(2), "a usage error");
}

#[test]
fn the_schema_of_records() {
    let avro: Value = serde_json::from_str(&printed(skydiff(["schema", "--avro"]))).unwrap();
    apache_avro::Schema::parse(&avro).unwrap();
    let markdown = printed(skydiff(["schema"]));
    for field in avro["fields"].as_array().unwrap() {
        assert!(markdown.contains(&format!("| `{}` |", field["name"].as_str().unwrap())));
    }
}
