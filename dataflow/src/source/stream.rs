//! Reads one bundle that is a stream: a tar, containers of many packets, either of them gzipped, or standard input.

use super::blocks::Blocks;
use super::folder::Place;
use super::parcel::{Bytes, MAX_PACKET, Parcel};
use super::sniff::{Content, HEAD, content};
use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

type Flow = ControlFlow<()>;
type Tell<'t> = &'t mut dyn FnMut(Parcel) -> Flow;

/// Tells every packet of the bundle. What cannot be read is told as a packet that is lost. `read` counts the bytes of the
/// file as they are used.
pub fn stream(place: &Place, read: &Arc<AtomicU64>, tell: Tell<'_>) -> Flow {
    match place {
        Place::Stdin => any(Counted { reader: io::stdin(), read: read.clone() }, false, tell),
        Place::Folder(_) => Flow::Continue(()),
        Place::File(path) => match File::open(path).and_then(|file| Ok((is_plain_tar(&file)?, file))) {
            Ok((true, file)) => plain_tar(path, file, read, tell),
            Ok((false, file)) => any(Counted { reader: file, read: read.clone() }, false, tell),
            Err(error) => tell(lost(String::new(), error)),
        },
    }
}

struct Counted<R> {
    reader: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let some = self.reader.read(out)?;
        self.read.fetch_add(some as u64, Ordering::Relaxed);
        Ok(some)
    }
}

fn lost(name: String, error: io::Error) -> Parcel {
    Parcel { name, bytes: Bytes::Lost(error.to_string()), records: 1, left_out: 0, received: None }
}

fn is_plain_tar(mut file: &File) -> io::Result<bool> {
    // A pipe cannot be read twice.
    if !file.metadata()?.is_file() {
        return Ok(false);
    }
    let mut head = Vec::new();
    file.take(1024).read_to_end(&mut head)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(content(&head, None) == Content::Tar)
}

/// Whatever the stream holds, by its first bytes.
fn any(mut reader: impl Read, inflated: bool, tell: Tell<'_>) -> Flow {
    let mut head = Vec::new();
    if let Err(error) = reader.by_ref().take(1024).read_to_end(&mut head) {
        return tell(lost(String::new(), error));
    }
    let kind = content(&head, None);
    let whole = io::Cursor::new(head).chain(reader);
    match kind {
        // Boxed: the type would contain itself without end.
        Content::Gzip if !inflated => any(Box::new(MultiGzDecoder::new(whole)) as Box<dyn Read>, true, tell),
        Content::Tar => tar(whole, tell),
        Content::Confluent => packet(whole, String::new(), tell),
        _ => containers(whole, String::new(), tell),
    }
}

fn containers(reader: impl Read, name: String, tell: Tell<'_>) -> Flow {
    let mut blocks = Blocks::new(reader);
    loop {
        match blocks.next_piece() {
            Ok(Some(piece)) => {
                let (bytes, records, left_out) = (Bytes::Here(piece.bytes.into()), piece.records, piece.left_out);
                tell(Parcel { name: name.clone(), bytes, records, left_out, received: None })?
            }
            Ok(None) => return Flow::Continue(()),
            Err(error) => return tell(lost(name, error)),
        }
    }
}

/// All that is left of `reader` as one packet.
fn packet(reader: impl Read, name: String, tell: Tell<'_>) -> Flow {
    let mut bytes = Vec::new();
    match reader.take(MAX_PACKET + 1).read_to_end(&mut bytes) {
        Ok(_) => tell(Parcel { name, bytes: Bytes::Here(bytes.into()), records: 1, left_out: 0, received: None }),
        Err(error) => tell(lost(name, error)),
    }
}

fn tar(reader: impl Read, tell: Tell<'_>) -> Flow {
    let mut archive = tar::Archive::new(reader);
    let entries = match archive.entries() {
        Ok(entries) => entries,
        Err(error) => return tell(lost(String::new(), error)),
    };
    for entry in entries {
        match entry {
            Ok(mut entry) if is_packet(&entry) => {
                let name = entry_name(&entry);
                match head_of(&mut entry) {
                    Ok((head, Content::Containers)) => containers(io::Cursor::new(head).chain(entry), name, tell)?,
                    Ok((head, _)) => packet(io::Cursor::new(head).chain(entry), name, tell)?,
                    Err(error) => tell(lost(name, error))?,
                }
            }
            Ok(_) => {}
            // Where the next entry begins is not known any more.
            Err(error) => return tell(lost("(the rest of the tar)".into(), error)),
        }
    }
    Flow::Continue(())
}

/// A tar that workers can read for themselves: only its headers are read here.
fn plain_tar(path: &Path, file: File, read: &Arc<AtomicU64>, tell: Tell<'_>) -> Flow {
    let length = file.metadata().map_or(0, |metadata| metadata.len());
    let mut archive = tar::Archive::new(file);
    let entries = match archive.entries_with_seek() {
        Ok(entries) => entries,
        Err(error) => return tell(lost(String::new(), error)),
    };
    let mut used = 0;
    for entry in entries {
        match entry {
            Ok(mut entry) if is_packet(&entry) => {
                let (name, offset, size) = (entry_name(&entry), entry.raw_file_position(), entry.size());
                let Some(end) = offset.checked_add(size).filter(|end| *end <= length) else {
                    // Where the next entry begins is not known any more.
                    read.fetch_add(length.saturating_sub(used), Ordering::Relaxed);
                    let error =
                        format!("claims {size} bytes, and the tar ends before that: neither it nor the rest is read");
                    return tell(lost(name, io::Error::other(error)));
                };
                read.fetch_add(end.saturating_sub(used), Ordering::Relaxed);
                used = end;
                match head_of(&mut entry) {
                    // Blocks are counted, and shared out, one by one.
                    Ok((head, Content::Containers)) => containers(io::Cursor::new(head).chain(entry), name, tell)?,
                    Ok(_) => {
                        let bytes = Bytes::At { path: path.to_owned(), offset, length: size };
                        tell(Parcel { name, bytes, records: 1, left_out: 0, received: None })?;
                    }
                    Err(error) => tell(lost(name, error))?,
                }
            }
            Ok(_) => {}
            Err(error) => return tell(lost("(the rest of the tar)".into(), error)),
        }
    }
    read.fetch_add(length.saturating_sub(used), Ordering::Relaxed);
    Flow::Continue(())
}

/// The first bytes of an entry, and what it holds by them.
fn head_of<R: Read>(entry: &mut tar::Entry<'_, R>) -> io::Result<(Vec<u8>, Content)> {
    let (mut head, size) = (Vec::new(), entry.size());
    entry.by_ref().take(HEAD as u64).read_to_end(&mut head)?;
    let kind = content(&head, Some(size));
    Ok((head, kind))
}

/// Files, without those that macOS adds.
fn is_packet<R: Read>(entry: &tar::Entry<'_, R>) -> bool {
    let hidden = entry.path_bytes().rsplit(|byte| *byte == b'/').next().is_some_and(|name| name.starts_with(b"."));
    matches!(entry.header().entry_type(), tar::EntryType::Regular | tar::EntryType::Continuous) && !hidden
}

fn entry_name<R: Read>(entry: &tar::Entry<'_, R>) -> String {
    String::from_utf8_lossy(&entry.path_bytes()).into_owned()
}
