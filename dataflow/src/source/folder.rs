//! Walks what `--from` names: folders, tars, files of packets, standard input.
//!
//! A *bundle* is one tar, one file of many packets, standard input, or the loose packet files of one folder together.
//! Bundles come as given, then by path. A folder's loose packets are looked into as they are walked, so that a file of many
//! packets among them becomes a bundle of its own, after them.

use super::parcel::{Bytes, Parcel};
use super::sniff::{Content, HEAD, content, is_beside};
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// Something to read packets from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Standard input.
    Stdin,
    /// A file: a packet, packets, or an archive of packets.
    File(PathBuf),
    /// A folder.
    Folder(PathBuf),
}

/// What a walk tells of.
#[derive(Debug)]
pub enum Found {
    /// The packets that follow are of the bundle of this path.
    Begin(PathBuf),
    /// A packet of the bundle that has begun.
    Packet(Parcel),
    /// The bundle is at its end.
    End,
    /// A file or standard input to be read as a stream: a bundle of its own.
    Stream(Place),
    /// So many more bytes are known to be there.
    Ahead(u64),
    /// A file that is left out, because it holds no packet.
    Beside(PathBuf),
}

type Flow = ControlFlow<()>;

/// Walks `place`.
pub fn walk(place: &Place, tell: &mut dyn FnMut(Found) -> Flow) -> Flow {
    match place {
        Place::Stdin => tell(Found::Stream(Place::Stdin)),
        // A pipe that has a name is read as standard input is: once, from its beginning.
        Place::File(path) if is_special(path) => tell(Found::Stream(place.clone())),
        Place::File(path) => {
            let length = path.metadata().map_or(0, |metadata| metadata.len());
            tell(Found::Ahead(length))?;
            match look(path, length) {
                // Whatever it is, it was named: a file that is no packet is a packet that is rejected.
                Ok(Content::Container | Content::Confluent | Content::Other) => {
                    tell(Found::Begin(path.clone()))?;
                    tell(Found::Packet(loose(path, length)))?;
                    tell(Found::End)
                }
                Ok(_) => tell(Found::Stream(place.clone())),
                Err(error) => lost(path, &error, tell),
            }
        }
        Place::Folder(path) => folder(path, &mut HashSet::new(), tell),
    }
}

fn folder(path: &Path, visited: &mut HashSet<PathBuf>, tell: &mut dyn FnMut(Found) -> Flow) -> Flow {
    // A link to a folder that was walked already would bring every packet again, or for ever.
    if path.canonicalize().is_ok_and(|real| !visited.insert(real)) {
        return Flow::Continue(());
    }
    // What a simulation says of its packets is not one of them.
    if path.join("simulation.toml").is_file() {
        return Flow::Continue(());
    }
    let (files, folders, special) = match list(path) {
        Ok(listed) => listed,
        Err(error) => return lost(path, &error, tell),
    };
    // Nobody may ever write to a pipe that lies in a folder: it must be named to be read.
    special.into_iter().try_for_each(|path| tell(Found::Beside(path)))?;
    tell(Found::Ahead(files.iter().map(|(_, length)| length).sum()))?;
    let mut later: Vec<Place> = folders.into_iter().map(Place::Folder).collect();
    let mut begun = false;
    for (file, length) in files {
        let parcel = match look(&file, length) {
            Ok(Content::Gzip | Content::Tar | Content::Containers) => {
                later.push(Place::File(file));
                continue;
            }
            Ok(Content::Other) if is_beside(&name(&file)) => {
                tell(Found::Beside(file))?;
                continue;
            }
            Ok(_) => loose(&file, length),
            Err(error) => unreadable(&file, &error),
        };
        if !begun {
            tell(Found::Begin(path.to_owned()))?;
            begun = true;
        }
        tell(Found::Packet(parcel))?;
    }
    if begun {
        tell(Found::End)?;
    }
    later.sort_by(|a, b| path_of(a).cmp(path_of(b)));
    for place in later {
        match place {
            Place::Folder(path) => folder(&path, visited, tell)?,
            stream => tell(Found::Stream(stream))?,
        }
    }
    Flow::Continue(())
}

fn path_of(place: &Place) -> &Path {
    match place {
        Place::Stdin => Path::new("-"),
        Place::File(path) | Place::Folder(path) => path,
    }
}

/// Whether it is there and neither a file nor a folder: a pipe, a terminal.
fn is_special(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
}

type Listed = (Vec<(PathBuf, u64)>, Vec<PathBuf>, Vec<PathBuf>);

/// A folder's files with their lengths, its folders, and what is neither, by name; hidden ones are not there.
fn list(path: &Path) -> io::Result<Listed> {
    let (mut files, mut folders, mut special) = (Vec::new(), Vec::new(), Vec::new());
    for entry in std::fs::read_dir(path)? {
        let path = entry?.path();
        if name(&path).starts_with('.') {
            continue;
        }
        match path.metadata() {
            Ok(metadata) if metadata.is_dir() => folders.push(path),
            Ok(metadata) if !metadata.is_file() => special.push(path),
            Ok(metadata) => files.push((path, metadata.len())),
            // Gone, or a link to nothing: reading it will say so.
            Err(_) => files.push((path, 0)),
        }
    }
    files.sort();
    folders.sort();
    special.sort();
    Ok((files, folders, special))
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn look(path: &Path, length: u64) -> io::Result<Content> {
    let mut head = Vec::new();
    File::open(path)?.take(HEAD as u64).read_to_end(&mut head)?;
    Ok(content(&head, Some(length.max(head.len() as u64))))
}

fn loose(path: &Path, length: u64) -> Parcel {
    Parcel {
        name: name(path),
        bytes: Bytes::At { path: path.to_owned(), offset: 0, length },
        records: 1,
        left_out: 0,
        received: None,
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Parcel {
    Parcel {
        name: name(path),
        bytes: Bytes::Lost(format!("{}: {error}", path.display())),
        records: 1,
        left_out: 0,
        received: None,
    }
}

fn lost(path: &Path, error: &io::Error, tell: &mut dyn FnMut(Found) -> Flow) -> Flow {
    tell(Found::Begin(path.to_owned()))?;
    tell(Found::Packet(unreadable(path, error)))?;
    tell(Found::End)
}
