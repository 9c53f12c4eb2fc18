//! What tests of archives have in common: ten nights to be read, and what a job printed last.

use super::ztf::{name, nights, tar};
use super::{Folder, printed};
use std::path::Path;
use std::process::Output;

/// A path as an argument.
pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The digest that a job ended with.
pub fn digest(output: Output) -> String {
    printed(output).lines().last().and_then(|line| line.strip_prefix("digest ")).unwrap().to_owned()
}

/// A file of a folder; nothing where it has none.
pub fn bytes(folder: &Folder, name: &str) -> Vec<u8> {
    std::fs::read(folder.0.join(name)).unwrap_or_default()
}

/// Ten nights, each a tar, some packets of which are broken.
pub fn input(label: &str, seed: u64, objects: usize) -> Folder {
    let folder = Folder::new(label);
    for (night, mut packets) in nights(seed, objects).into_iter().enumerate() {
        if night % 3 == 1 {
            packets.insert(packets.len() / 2, b"no packet".to_vec());
        }
        folder.write(&format!("{}.tar", name(night)), &tar(&packets));
    }
    folder
}

/// The files of a tar, in its order.
pub fn entries(path: &Path) -> Vec<Vec<u8>> {
    let mut tar = tar::Archive::new(std::fs::File::open(path).unwrap());
    let read = |entry: std::io::Result<tar::Entry<'_, std::fs::File>>| {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut entry.unwrap(), &mut bytes).unwrap();
        bytes
    };
    tar.entries().unwrap().map(read).collect()
}

/// Two addresses of this machine that nobody uses, for a job of two processes.
pub fn hosts() -> String {
    [(); 2].map(|()| format!("127.0.0.1:{}", free_port())).join(",")
}

/// A port of this machine that nobody uses.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
