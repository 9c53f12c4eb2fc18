//! The made-up packets are what their truth says: held to the decoder, packet by packet.

#[allow(dead_code, unused_imports)]
mod support;

use skydiff_schemas::{Decoder, Kind, MicroDays, Quality, decoder::Settings};
use std::collections::BTreeSet;
use support::sky::{Size, nights};
use support::{Ledger, Packet, What};

const SIZE: Size = Size { nights: 6, objects: 8, strange: 0.5 };

/// What the decoder makes of a packet: (object, trigger, rows, rejected rows, newest time), or why not.
type Read = (String, u64, usize, usize, MicroDays);

fn read(decoder: &mut Decoder, packet: &Packet) -> Result<Read, String> {
    let mut read = None;
    let mut failed = None;
    decoder.decode(&packet.bytes, |_, alert| match alert {
        Ok(alert) => {
            let name = skydiff_schemas::survey::object_name(alert.object);
            read = Some((name, alert.trigger.0, alert.rows.len(), alert.rejects.len(), alert.time));
        }
        Err(reject) => failed = Some(reject.reason().to_owned()),
    });
    read.ok_or_else(|| failed.expect("something came of it"))
}

#[test]
fn every_packet_is_what_its_truth_says() {
    let mut decoder = Decoder::new(&Settings::default()).expect("defaults");
    let mut seen = BTreeSet::new();
    for seed in 0..5 {
        for packet in nights(seed, SIZE).iter().flat_map(|night| &night.packets) {
            let truth = &packet.truth;
            seen.insert((truth.survey, truth.what));
            match (read(&mut decoder, packet), truth.reject) {
                (Ok((object, trigger, rows, rejected, time)), None | Some("future")) => {
                    assert_eq!((&object, trigger), (&truth.object, truth.trigger), "{truth:?}");
                    let far = time.days() > 80_000.0;
                    assert_eq!(far, truth.what == What::Future, "{truth:?}");
                    assert!(
                        far || (rows, rejected) == (truth.rows, truth.future_rows),
                        "{rows}, {rejected}: {truth:?}"
                    );
                }
                (Err(reason), Some(expected)) => assert_eq!(reason, expected, "{truth:?}"),
                (read, _) => panic!("{read:?}, but {truth:?}"),
            }
        }
    }
    println!("{seen:?}");
    assert_eq!(seen.len(), 22, "both surveys, all that can be wrong with them: {seen:?}");
}

#[test]
fn a_ledger_adds_up() {
    let nights = nights(1, SIZE);
    let ledger = Ledger::of(nights.iter().flat_map(|night| &night.packets));
    assert_eq!(ledger.received, ledger.decoded + ledger.rejected.values().sum::<usize>());
    assert_eq!(ledger.received, ledger.by_what.values().sum::<usize>());
    println!("{ledger:?}");
}

#[test]
fn corrections_are_in_the_packets_that_tell_them() {
    let mut decoder = Decoder::new(&Settings::default()).expect("defaults");
    for packet in nights(2, SIZE).iter().flat_map(|night| &night.packets) {
        let Some(source) = packet.truth.source else { continue };
        decoder.decode(&packet.bytes, |_, alert| {
            let alert = alert.expect("corrections are told by sound packets");
            let row =
                alert.rows.iter().find(|row| (row.measurement.kind, row.measurement.id.0) == (Kind::Source, source));
            let row = row.unwrap_or_else(|| panic!("{source} is not in the packet: {:?}", packet.truth));
            let gone = row.measurement.quality.has(Quality::WITHDRAWN);
            assert_eq!(gone, packet.truth.what == What::Withdrawn, "{:?}", packet.truth);
        });
    }
}

#[test]
fn a_seed_decides_everything() {
    let bytes =
        |seed| nights(seed, SIZE).iter().flat_map(|n| n.packets.iter().map(|p| p.bytes.clone())).collect::<Vec<_>>();
    assert!(bytes(3) == bytes(3));
    assert!(bytes(3) != bytes(4));
}

#[test]
fn files_hold_what_was_put_into_them() {
    use support::files::{Form, date, streams, write};
    assert_eq!((date(60_800), date(60_369)), ("20250505".to_owned(), "20240229".to_owned()));
    let folder = std::env::temp_dir().join(format!("skydiff-packets-{}", std::process::id()));
    let night = &nights(1, SIZE)[0];
    let bytes: Vec<Vec<u8>> = night.packets.iter().map(|packet| packet.bytes.clone()).collect();
    let tarred = |read: Box<dyn std::io::Read>| -> Vec<Vec<u8>> {
        let mut archive = tar::Archive::new(read);
        let entries = archive.entries().expect("a tar").map(|entry| entry.expect("an entry"));
        entries.map(|entry| std::io::Read::bytes(entry).collect::<Result<_, _>>().expect("its bytes")).collect()
    };
    let loose = write(&folder, night, Form::Loose).expect("a folder");
    let mut names: Vec<_> =
        std::fs::read_dir(loose).expect("it is there").map(|file| file.expect("a file").path()).collect();
    names.sort();
    assert!(names.iter().map(|name| std::fs::read(name).expect("its bytes")).eq(bytes.iter().cloned()));
    let tar = std::fs::File::open(write(&folder, night, Form::Tar).expect("a tar")).expect("it is there");
    assert!(tarred(Box::new(tar)) == bytes);
    let tar = std::fs::File::open(write(&folder, night, Form::TarGz).expect("a tar")).expect("it is there");
    assert!(tarred(Box::new(flate2::read::GzDecoder::new(tar))) == bytes);
    let stream = std::fs::read(write(&folder, night, Form::Concatenated).expect("a file")).expect("it is there");
    let sound: Vec<u8> = night.packets.iter().filter(|packet| streams(packet)).flat_map(|p| p.bytes.clone()).collect();
    assert!(!sound.is_empty() && stream == sound);
    std::fs::remove_dir_all(folder).expect("it goes");
}
