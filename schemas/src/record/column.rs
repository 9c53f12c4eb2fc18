//! What a column of a record is, said once: its Rust field is its documentation, its schema and its encoding.
//!
//! [`columns!`] declares a table as a struct; the doc comments and units written there are what
//! `skydiff schema` prints and what the Avro schema carries, so none of them can drift from the others.

/// What a column holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// A text.
    Text,
    /// Bytes.
    Bytes,
    /// One of these words, as a text: a reader that does not know a later word still reads the record.
    Words(&'static [&'static str]),
    /// An integer of 64 bits.
    Integer,
    /// A number of 64 bits, always finite.
    Real,
    /// A number of 32 bits, always finite.
    Single,
    /// True or false.
    Flag,
    /// Null where absent.
    Maybe(Box<Shape>),
    /// Any number of them.
    List(Box<Shape>),
    /// A record of columns.
    Table(Table),
}

/// A record of columns.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Name of the type.
    pub name: &'static str,
    /// What it is.
    pub doc: String,
    /// In the order in which they are written.
    pub columns: Vec<Column>,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Its name in JSON and in Avro.
    pub name: &'static str,
    /// Its unit, in the notation of VOUnits; empty for what has none.
    pub unit: &'static str,
    /// What it means, and what null means.
    pub doc: String,
    /// What it holds.
    pub shape: Shape,
}

/// What can be a column: it knows its shape and its Avro encoding (Avro 1.11 specification, "Binary encoding").
pub trait Value: Sized {
    /// What it is.
    fn shape() -> Shape;

    /// Appends its Avro encoding.
    fn encode(&self, out: &mut Vec<u8>);

    /// Takes what [`Value::encode`] has written from the begin of `input`; `None` where it is something else.
    fn decode(input: &mut &[u8]) -> Option<Self>;

    /// The same, of all of `input`.
    fn decode_whole(mut input: &[u8]) -> Option<Self> {
        Self::decode(&mut input).filter(|_| input.is_empty())
    }
}

/// Appends an Avro int or long: zigzag, then seven bits a byte, low bits first.
pub(super) fn encode_integer(value: i64, out: &mut Vec<u8>) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// Appends Avro bytes, or a string: its length, then itself.
pub(super) fn encode_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    encode_integer(bytes.len() as i64, out);
    out.extend_from_slice(bytes);
}

/// Takes an Avro int or long.
pub(super) fn decode_integer(input: &mut &[u8]) -> Option<i64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = input.split_first()?;
        *input = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some((value >> 1) as i64 ^ -((value & 1) as i64));
        }
    }
    None
}

/// Takes Avro bytes, or a string.
pub(super) fn decode_bytes<'a>(input: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(decode_integer(input)?).ok()?;
    let (bytes, rest) = input.split_at_checked(length)?;
    *input = rest;
    Some(bytes)
}

fn decode_array<const N: usize>(input: &mut &[u8]) -> Option<[u8; N]> {
    let (bytes, rest) = input.split_first_chunk::<N>()?;
    *input = rest;
    Some(*bytes)
}

impl Value for String {
    fn shape() -> Shape {
        Shape::Text
    }

    fn encode(&self, out: &mut Vec<u8>) {
        encode_bytes(self.as_bytes(), out);
    }

    fn decode(input: &mut &[u8]) -> Option<Self> {
        std::str::from_utf8(decode_bytes(input)?).ok().map(str::to_owned)
    }
}

/// Bytes that are nobody's text; in JSON they are base64.
#[derive(Clone, PartialEq, Eq)]
pub struct Blob(pub Vec<u8>);

impl Blob {
    /// In base64 (RFC 4648, padded).
    pub fn base64(&self) -> String {
        crate::avro::base64(&self.0)
    }
}

impl std::fmt::Debug for Blob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Blob of {} bytes", self.0.len())
    }
}

// Only for what travels between workers: as a column it writes itself.
impl serde::Serialize for Blob {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        serde_bytes::serialize(&self.0, to)
    }
}

impl<'d> serde::Deserialize<'d> for Blob {
    fn deserialize<D: serde::Deserializer<'d>>(from: D) -> Result<Blob, D::Error> {
        serde_bytes::deserialize(from).map(Blob)
    }
}

impl Value for Blob {
    fn shape() -> Shape {
        Shape::Bytes
    }

    fn encode(&self, out: &mut Vec<u8>) {
        encode_bytes(&self.0, out);
    }

    fn decode(input: &mut &[u8]) -> Option<Self> {
        decode_bytes(input).map(|bytes| Blob(bytes.to_vec()))
    }
}

impl Value for i64 {
    fn shape() -> Shape {
        Shape::Integer
    }

    fn encode(&self, out: &mut Vec<u8>) {
        encode_integer(*self, out);
    }

    fn decode(input: &mut &[u8]) -> Option<Self> {
        decode_integer(input)
    }
}

impl Value for f64 {
    fn shape() -> Shape {
        Shape::Real
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_le_bytes());
    }

    fn decode(input: &mut &[u8]) -> Option<Self> {
        decode_array(input).map(f64::from_le_bytes)
    }
}

impl Value for f32 {
    fn shape() -> Shape {
        Shape::Single
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_le_bytes());
    }

    fn decode(input: &mut &[u8]) -> Option<Self> {
        decode_array(input).map(f32::from_le_bytes)
    }
}

impl Value for bool {
    fn shape() -> Shape {
        Shape::Flag
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn decode(input: &mut &[u8]) -> Option<Self> {
        decode_array(input).and_then(|[byte]| (byte < 2).then_some(byte == 1))
    }
}

impl<V: Value> Value for Option<V> {
    fn shape() -> Shape {
        Shape::Maybe(Box::new(V::shape()))
    }

    fn encode(&self, out: &mut Vec<u8>) {
        encode_integer(i64::from(self.is_some()), out);
        if let Some(value) = self {
            value.encode(out);
        }
    }

    fn decode(input: &mut &[u8]) -> Option<Self> {
        match decode_integer(input)? {
            0 => Some(None),
            1 => V::decode(input).map(Some),
            _ => None,
        }
    }
}

impl<V: Value> Value for Vec<V> {
    fn shape() -> Shape {
        Shape::List(Box::new(V::shape()))
    }

    fn encode(&self, out: &mut Vec<u8>) {
        if !self.is_empty() {
            encode_integer(self.len() as i64, out);
            self.iter().for_each(|value| value.encode(out));
        }
        encode_integer(0, out);
    }

    fn decode(input: &mut &[u8]) -> Option<Self> {
        let mut values = Vec::new();
        loop {
            let count = decode_integer(input)?;
            if count < 0 {
                // The length of the block follows.
                decode_integer(input)?;
            }
            match count.unsigned_abs() {
                0 => return Some(values),
                count => {
                    for _ in 0..count {
                        values.push(V::decode(input)?);
                    }
                }
            }
        }
    }
}

/// Declares a table: a struct whose doc comments (and `[unit]`s) are the documentation of its columns.
macro_rules! columns {
    ($(#[doc = $doc:literal])* $table:ident { $($(#[doc = $about:literal])* $([$unit:literal])? $name:ident: $type:ty,)* }) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        pub struct $table {
            $($(#[doc = $about])* pub $name: $type,)*
        }

        impl $crate::record::column::Value for $table {
            fn shape() -> $crate::record::column::Shape {
                let columns = vec![$($crate::record::column::Column {
                    name: stringify!($name),
                    unit: concat!($($unit)?),
                    doc: concat!($($about),*).trim().to_owned(),
                    shape: <$type as $crate::record::column::Value>::shape(),
                },)*];
                let doc = concat!($($doc),*).trim().to_owned();
                $crate::record::column::Shape::Table($crate::record::column::Table { name: stringify!($table), doc, columns })
            }

            fn encode(&self, out: &mut Vec<u8>) {
                $($crate::record::column::Value::encode(&self.$name, out);)*
            }

            fn decode(input: &mut &[u8]) -> Option<Self> {
                Some($table { $($name: $crate::record::column::Value::decode(input)?,)* })
            }
        }
    };
}

/// Declares an enum that is written as one of a few words.
macro_rules! words {
    ($(#[doc = $doc:literal])* $type:ident { $($(#[doc = $about:literal])* $variant:ident = $word:literal,)* }) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $type {
            $($(#[doc = $about])* #[serde(rename = $word)] $variant,)*
        }

        impl $type {
            /// All of them.
            pub const ALL: &[$type] = &[$($type::$variant),*];

            /// Its word in records and tables.
            pub fn name(self) -> &'static str {
                match self {
                    $($type::$variant => $word,)*
                }
            }
        }

        impl $crate::record::column::Value for $type {
            fn shape() -> $crate::record::column::Shape {
                $crate::record::column::Shape::Words(&[$($word),*])
            }

            fn encode(&self, out: &mut Vec<u8>) {
                $crate::record::column::encode_bytes(self.name().as_bytes(), out);
            }

            fn decode(input: &mut &[u8]) -> Option<Self> {
                let name = $crate::record::column::decode_bytes(input)?;
                Self::ALL.iter().copied().find(|word| word.name().as_bytes() == name)
            }
        }
    };
}

pub(super) use {columns, words};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_as_in_the_specification() {
        let encoded = |value| {
            let mut out = Vec::new();
            encode_integer(value, &mut out);
            out
        };
        for (value, bytes) in [(0, vec![0]), (-1, vec![1]), (1, vec![2]), (-64, vec![0x7f]), (64, vec![0x80, 1])] {
            assert_eq!(encoded(value), bytes);
        }
        assert_eq!(encoded(i64::MIN), [vec![0xff; 9], vec![1]].concat());
    }
}
