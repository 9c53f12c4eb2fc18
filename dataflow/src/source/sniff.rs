//! What a file holds, by its first bytes: names lie, and standard input has none.

use skydiff_schemas::avro::{Extent, Header, MAGIC, MAX_BLOCK_BYTES, container_extent};

/// How many bytes decide in nearly all cases: a tar's first header, or an Avro header with its schema.
pub const HEAD: usize = 1 << 16;

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Something compressed with gzip: look inside.
    Gzip,
    /// A tar.
    Tar,
    /// One Avro container of one record, or the broken beginning of one.
    Container,
    /// Avro containers of more than one record.
    Containers,
    /// A packet in Confluent framing.
    Confluent,
    /// Nothing that is known here.
    Other,
}

/// What a file of `length` bytes (`None`: not known) holds that begins with `head`.
pub fn content(head: &[u8], length: Option<u64>) -> Content {
    match head {
        [0x1f, 0x8b, ..] => Content::Gzip,
        _ if head.starts_with(&MAGIC) => container(head, length),
        _ if is_tar(head) => Content::Tar,
        [0, _, _, _, _, ..] => Content::Confluent,
        _ => Content::Other,
    }
}

/// Whether the first block is all there is, and of one record.
fn container(head: &[u8], length: Option<u64>) -> Content {
    let Some(length) = length else { return Content::Containers };
    let complete = head.len() as u64 == length;
    let Ok(header) = Header::parse(head) else {
        // A header longer than what was read belongs to some container; let the stream reader see.
        let cut = !complete && matches!(container_extent(head), Ok(Extent::Cut));
        return if cut { Content::Containers } else { Content::Container };
    };
    let block = head.get(header.len + 16..).unwrap_or(&[]);
    let number = |at: usize| {
        let bytes = block.get(at..)?;
        let end = at + 1 + bytes.iter().take(10).position(|byte| byte & 0x80 == 0)?;
        let raw = block[at..end].iter().rev().fold(0u64, |sum, byte| sum << 7 | u64::from(byte & 0x7f));
        (raw & 1 == 0).then_some((raw >> 1, end))
    };
    let first = number(0).and_then(|(records, at)| Some((records, number(at)?)));
    match first {
        Some((records, (size, at))) if size <= MAX_BLOCK_BYTES as u64 => {
            let end = (header.len + 16 + at + 16) as u64 + size;
            if records == 1 && end >= length { Content::Container } else { Content::Containers }
        }
        None if block.is_empty() || !complete => Content::Containers,
        _ => Content::Container,
    }
}

/// Whether a tar begins here: its first header's checksum is the sum of its bytes, its own eight taken as spaces
/// (POSIX.1-1988, ustar). Two blocks of zeros are an empty tar.
fn is_tar(head: &[u8]) -> bool {
    let Some(header) = head.get(..512) else { return false };
    if header.iter().all(|byte| *byte == 0) {
        return head.get(512..1024).is_some_and(|next| next.iter().all(|byte| *byte == 0));
    }
    let mut octal = header[148..156].iter().filter(|byte| !matches!(byte, b' ' | 0));
    let claimed = octal.try_fold(0u64, |sum, byte| match byte {
        b'0'..=b'7' => Some(sum << 3 | u64::from(byte - b'0')),
        _ => None,
    });
    let sum = |range: std::ops::Range<usize>| header[range].iter().map(|byte| u64::from(*byte)).sum::<u64>();
    claimed == Some(sum(0..148) + 8 * 32 + sum(156..512))
}

/// Extensions of files that people keep beside packets.
const BESIDE: [&str; 24] = [
    "md", "txt", "json", "jsonl", "csv", "tsv", "parquet", "arrow", "py", "ipynb", "html", "log", "fits", "png", "jpg",
    "jpeg", "pdf", "yml", "yaml", "toml", "xml", "md5", "sha256", "avsc",
];

/// Whether a file whose content is not known is none of a folder's packets, by its name.
pub fn is_beside(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, extension)| BESIDE.contains(&extension.to_ascii_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_are_known_by_their_bytes() {
        let mut header = tar::Header::new_gnu();
        header.set_size(3);
        header.set_cksum();
        assert_eq!(content(header.as_bytes(), None), Content::Tar);
        assert_eq!(content(&[0; 10240], None), Content::Tar);
        assert_eq!(content(&[0, 0, 0, 3, 132, 9, 9], None), Content::Confluent);
        assert_eq!(content(&[0x1f, 0x8b, 8], None), Content::Gzip);
        assert_eq!(content(b"# Index", None), Content::Other);
        assert_eq!(content(&[], Some(0)), Content::Other);
        assert!(is_beside("INDEX.md") && is_beside("a.JSON") && !is_beside("a.avro") && !is_beside("README"));
    }

    #[test]
    fn one_record_is_told_from_many() {
        let container = |blocks: &[&[u8]]| {
            let header = [&MAGIC[..], &[2, 22], b"avro.schema", &[16], b"\"string\"", &[0], &[7; 16]].concat();
            blocks.iter().fold(header, |all, block| [&all[..], block, &[7; 16]].concat())
        };
        let of = |bytes: &[u8]| content(&bytes[..bytes.len().min(HEAD)], Some(bytes.len() as u64));
        assert_eq!(of(&container(&[b"\x02\x04\x02a"])), Content::Container);
        assert_eq!(of(&container(&[b"\x04\x08\x02a\x02b"])), Content::Containers);
        assert_eq!(of(&container(&[b"\x02\x04\x02a", b"\x02\x04\x02b"])), Content::Containers);
        let one = container(&[b"\x02\x04\x02a"]);
        assert_eq!(of(&[&one[..], &one].concat()), Content::Containers);
        assert_eq!(of(&one[..one.len() - 3]), Content::Container, "cut short: one packet, to be rejected");
        assert_eq!(of(b"Obj\x01nonsense"), Content::Container);
    }
}
