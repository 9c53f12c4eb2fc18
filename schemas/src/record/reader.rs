//! Records out of the container files that [`super::ContainerWriter`] writes.

use super::column::Value;
use super::{Record, avro_schema};
use flate2::read::DeflateDecoder;
use std::io::{self, ErrorKind, Read};

/// A block is refused beyond this: none that is written has more than a record above 64 kB.
const MAX_BLOCK: u64 = 1 << 28;

/// The records of a container file, in order. After an error there are no more.
pub struct ContainerReader<R: Read> {
    input: R,
    deflate: bool,
    marker: [u8; 16],
    block: Vec<u8>,
    at: usize,
    left: u64,
    ended: bool,
}

impl<R: Read> ContainerReader<R> {
    /// Reads the header, which must be of records as they are now.
    pub fn new(mut input: R) -> io::Result<Self> {
        let mut magic = [0; 4];
        input.read_exact(&mut magic)?;
        if magic != *b"Obj\x01" {
            return Err(wrong("it is no Avro container"));
        }
        let (mut deflate, mut ours) = (false, false);
        let mut entries = read_integer(&mut input)?;
        while entries != 0 {
            if entries < 0 {
                read_integer(&mut input)?;
            }
            for _ in 0..entries.unsigned_abs() {
                let (key, value) = (read_bytes(&mut input)?, read_bytes(&mut input)?);
                match &key[..] {
                    b"avro.codec" if value == b"null" => {}
                    b"avro.codec" if value == b"deflate" => deflate = true,
                    b"avro.codec" => return Err(wrong("its codec is neither null nor deflate")),
                    b"avro.schema" => ours = value == avro_schema().to_string().as_bytes(),
                    _ => {}
                }
            }
            entries = read_integer(&mut input)?;
        }
        if !ours {
            return Err(wrong("its schema is not that of this version's records"));
        }
        let mut marker = [0; 16];
        input.read_exact(&mut marker)?;
        Ok(ContainerReader { input, deflate, marker, block: vec![], at: 0, left: 0, ended: false })
    }

    fn record(&mut self) -> io::Result<Option<Record>> {
        while self.left == 0 {
            if !self.read_block()? {
                return Ok(None);
            }
        }
        let mut rest = &self.block[self.at..];
        let record = Record::decode(&mut rest).ok_or_else(|| wrong("a record in it is damaged"))?;
        self.at = self.block.len() - rest.len();
        self.left -= 1;
        if self.left == 0 && !rest.is_empty() { Err(wrong("a block in it is damaged")) } else { Ok(Some(record)) }
    }

    /// Whether there was a further block.
    fn read_block(&mut self) -> io::Result<bool> {
        let mut first = [0];
        if self.input.read(&mut first)? == 0 {
            return Ok(false);
        }
        let count = read_integer(&mut (&first[..]).chain(&mut self.input))?;
        let bytes = read_bytes(&mut self.input)?;
        let mut marker = [0; 16];
        self.input.read_exact(&mut marker)?;
        if marker != self.marker || count < 0 {
            return Err(wrong("a block in it is damaged"));
        }
        self.left = count.unsigned_abs();
        self.at = 0;
        self.block = bytes;
        if self.deflate {
            let mut inflated = vec![];
            DeflateDecoder::new(&self.block[..]).take(MAX_BLOCK).read_to_end(&mut inflated)?;
            self.block = inflated;
        }
        Ok(true)
    }
}

impl<R: Read> Iterator for ContainerReader<R> {
    type Item = io::Result<Record>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let record = self.record().transpose();
        self.ended = !matches!(record, Some(Ok(_)));
        record
    }
}

fn wrong(why: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, why)
}

fn read_integer(input: &mut impl Read) -> io::Result<i64> {
    let (mut bytes, mut byte) = (vec![], [0x80]);
    while byte[0] & 0x80 != 0 {
        input.read_exact(&mut byte)?;
        bytes.push(byte[0]);
        if bytes.len() > 10 {
            return Err(wrong("a number in it is too long"));
        }
    }
    i64::decode_whole(&bytes).ok_or_else(|| wrong("a number in it is damaged"))
}

fn read_bytes(input: &mut impl Read) -> io::Result<Vec<u8>> {
    let length = u64::try_from(read_integer(input)?).ok().filter(|length| *length <= MAX_BLOCK);
    let length = length.ok_or_else(|| wrong("a length in it is damaged"))?;
    let mut bytes = vec![];
    if input.take(length).read_to_end(&mut bytes)? as u64 == length {
        Ok(bytes)
    } else {
        Err(io::Error::new(ErrorKind::UnexpectedEof, "it ends within a block"))
    }
}
