//! Puts packets where a reader finds them: loose, in tars, in a stream of containers.

use super::{Night, Packet, Survey};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// How a night is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A folder with a file for each packet.
    Loose,
    Tar,
    TarGz,
    /// ZTF containers one after another in one file: holds only sound packets of that survey.
    Concatenated,
}

/// Writes a night under `folder`, under its date as the surveys name it; tells the file or folder.
pub fn write(folder: &Path, night: &Night, form: Form) -> io::Result<PathBuf> {
    std::fs::create_dir_all(folder)?;
    let name = format!("skydiff_test_{}", date(night.mjd));
    match form {
        Form::Loose => {
            let folder = folder.join(name);
            std::fs::create_dir_all(&folder)?;
            for (at, packet) in night.packets.iter().enumerate() {
                std::fs::write(folder.join(entry(at)), &packet.bytes)?;
            }
            Ok(folder)
        }
        Form::Tar => {
            let path = folder.join(name + ".tar");
            tar(std::fs::File::create(&path)?, &night.packets)?;
            Ok(path)
        }
        Form::TarGz => {
            let path = folder.join(name + ".tar.gz");
            let file = std::fs::File::create(&path)?;
            let mut compressed = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
            tar(&mut compressed, &night.packets)?;
            compressed.finish()?;
            Ok(path)
        }
        Form::Concatenated => {
            let path = folder.join(name + ".avro");
            let mut file = std::fs::File::create(&path)?;
            night
                .packets
                .iter()
                .filter(|packet| streams(packet))
                .try_for_each(|packet| file.write_all(&packet.bytes))?;
            Ok(path)
        }
    }
}

/// Whether a packet can stand in a stream of containers without hiding where the next one begins.
pub fn streams(packet: &Packet) -> bool {
    let cut = matches!(packet.truth.reject, Some("framing"));
    packet.truth.survey == Survey::Ztf && !cut
}

fn entry(at: usize) -> String {
    // In order of arrival also for those who sort names.
    format!("{at:06}.avro")
}

fn tar(to: impl Write, packets: &[Packet]) -> io::Result<()> {
    let mut tar = tar::Builder::new(to);
    for (at, packet) in packets.iter().enumerate() {
        let mut header = tar::Header::new_gnu();
        header.set_size(packet.bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, entry(at), packet.bytes.as_slice())?;
    }
    tar.into_inner()?.flush()
}

/// The date of a midnight, `YYYYMMDD` (Fliegel & Van Flandern 1968).
pub fn date(mjd: i64) -> String {
    let l = mjd + 2_400_001 + 68_569;
    let n = 4 * l / 146_097;
    let l = l - (146_097 * n + 3) / 4;
    let i = 4000 * (l + 1) / 1_461_001;
    let l = l - 1461 * i / 4 + 31;
    let j = 80 * l / 2447;
    let (day, l) = (l - 2447 * j / 80, j / 11);
    format!("{:04}{:02}{day:02}", 100 * (n - 49) + i + l, j + 2 - 12 * l)
}
