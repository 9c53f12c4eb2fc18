//! What a reader gets of a packet: values in place.
//!
//! Numbers are copied into words, texts and bytes stay where they are in the packet (or in the plan's decompression
//! buffer) and are handed out as slices of it. Whether a value is there is a bit beside the words, never a special
//! number: surveys send both null and NaN, and mean different things. All buffers are reused from packet to packet.

use super::selection::{ArrayId, Slot, Wanted};

/// The bit of a text's word that says it lies in the plan's enum symbols, not in the packet.
pub(super) const SYMBOL: u64 = 1 << 63;

/// The row buffers of a reader, reused from packet to packet and from plan to plan.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    pub(super) root: Vec<u64>,
    pub(super) arrays: Vec<Table>,
}

/// Rows of `stride` words. What lies behind `rows` is left over from earlier packets.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    pub words: Vec<u64>,
    pub stride: usize,
    pub rows: usize,
}

impl Scratch {
    /// Empty buffers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Ready for a packet with these strides: no rows, and a root without values.
    pub(super) fn reset(&mut self, root: usize, arrays: &[u16]) {
        self.root.resize(root, 0);
        for valid in self.root.iter_mut().step_by(64) {
            *valid = 0;
        }
        self.arrays.resize_with(arrays.len(), Table::default);
        for (table, stride) in self.arrays.iter_mut().zip(arrays) {
            (table.rows, table.stride) = (0, usize::from(*stride).max(1));
        }
    }
}

/// The rows of one array may take this many words (64 MiB): a real night's longest histories take thousands.
const MAX_WORDS: usize = 1 << 23;

impl Table {
    /// A new row without values; `None` when there are more rows than are ever read.
    #[inline(always)]
    pub fn push(&mut self) -> Option<&mut [u64]> {
        let at = self.rows * self.stride;
        let end = at + self.stride;
        if self.words.len() < end {
            self.grow(end)?;
        }
        self.rows += 1;
        let row = self.words.get_mut(at..end)?;
        match row {
            [valid, rest @ ..] if rest.len() < 64 => *valid = 0,
            row => row.iter_mut().step_by(64).for_each(|valid| *valid = 0),
        }
        self.words.get_mut(at..end)
    }

    #[cold]
    fn grow(&mut self, end: usize) -> Option<()> {
        (end <= MAX_WORDS).then(|| self.words.resize(end.max(2 * self.words.len()), 0))
    }
}

/// One decoded record: the wanted values of its root and of the rows of its arrays.
#[derive(Clone, Copy, Debug)]
pub struct Captured<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) symbols: &'a [u8],
    pub(super) scratch: &'a Scratch,
}

impl<'a> Captured<'a> {
    /// The values wanted from the root.
    #[inline]
    pub fn root(&self) -> Values<'a> {
        Values { words: &self.scratch.root, bytes: self.bytes, symbols: self.symbols }
    }

    /// The rows of a wanted array in the packet's order; none where it is null or not in the schema. A null record
    /// is a row without values.
    #[inline]
    pub fn rows(
        &self,
        array: ArrayId,
    ) -> impl ExactSizeIterator<Item = Values<'a>> + DoubleEndedIterator + Clone + use<'a> {
        let (bytes, symbols) = (self.bytes, self.symbols);
        let (words, stride): (&'a [u64], usize) = match self.scratch.arrays.get(usize::from(array.0)) {
            Some(table) => (&table.words[..table.rows * table.stride], table.stride),
            None => (&[], 1),
        };
        words.chunks_exact(stride).map(move |words| Values { words, bytes, symbols })
    }
}

/// The values of the root or of one row. A slot must be read as what it was wanted as (debug builds check).
#[derive(Clone, Copy, Debug)]
pub struct Values<'a> {
    words: &'a [u64],
    bytes: &'a [u8],
    symbols: &'a [u8],
}

impl<'a> Values<'a> {
    #[inline]
    fn word(self, slot: Slot) -> Option<u64> {
        let at = usize::from(slot.at);
        let (valid, word) = (*self.words.get(at & !63)?, *self.words.get(at)?);
        (valid >> (at & 63) & 1 == 1).then_some(word)
    }

    /// A number that is there: null, absent and NaN are `None`; infinities are numbers.
    #[inline]
    pub fn float(self, slot: Slot) -> Option<f64> {
        debug_assert_eq!(slot.wanted, Wanted::Float);
        self.word(slot).map(f64::from_bits).filter(|value| !value.is_nan())
    }

    /// An integer that is there.
    #[inline]
    pub fn integer(self, slot: Slot) -> Option<i64> {
        debug_assert_eq!(slot.wanted, Wanted::Integer);
        self.word(slot).map(|word| word as i64)
    }

    /// A boolean that is there.
    #[inline]
    pub fn boolean(self, slot: Slot) -> Option<bool> {
        debug_assert_eq!(slot.wanted, Wanted::Boolean);
        self.word(slot).map(|word| word != 0)
    }

    /// A text that is there.
    #[inline]
    pub fn text(self, slot: Slot) -> Option<&'a str> {
        debug_assert_eq!(slot.wanted, Wanted::Text);
        std::str::from_utf8(self.slice(slot)?).ok()
    }

    /// Bytes that are there.
    #[inline]
    pub fn bytes(self, slot: Slot) -> Option<&'a [u8]> {
        debug_assert_eq!(slot.wanted, Wanted::Bytes);
        self.slice(slot)
    }

    /// Whether the packet has a value there, be it NaN.
    #[inline]
    pub fn is_present(self, slot: Slot) -> bool {
        self.word(slot).is_some()
    }

    #[inline]
    fn slice(self, slot: Slot) -> Option<&'a [u8]> {
        let word = self.word(slot)?;
        let from = if word & SYMBOL == 0 { self.bytes } else { self.symbols };
        let (at, len) = ((word & !SYMBOL) >> 32, word & 0xffff_ffff);
        from.get(at as usize..)?.get(..len as usize)
    }
}
