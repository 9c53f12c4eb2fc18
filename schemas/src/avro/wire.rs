//! The wire format's numbers, lengths and blocks: the only place that reads them.

/// Why a walk ended early. Explained by the caller, who knows what was walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bad {
    /// The bytes end within a value.
    End,
    /// An integer of more bits than its type has.
    Integer,
    /// A boolean that is neither 0 nor 1.
    Boolean,
    /// A text that is not UTF-8.
    Text,
    /// A negative length, or one beyond the end.
    Length,
    /// A branch that the union, or a symbol that the enum, does not have.
    Branch,
    /// A block's size is not that of its items.
    Block,
    /// More items than the packet can hold, or more than is ever read.
    Items,
    /// Nested too deeply.
    Depth,
}

impl Bad {
    pub fn text(self) -> &'static str {
        match self {
            Bad::End => "ends within a value",
            Bad::Integer => "has an integer out of range",
            Bad::Boolean => "has a boolean that is neither 0 nor 1",
            Bad::Text => "has a text that is not UTF-8",
            Bad::Length => "has a length beyond its end",
            Bad::Branch => "has a union branch or enum symbol that its schema does not have",
            Bad::Block => "has a block whose size is not that of its items",
            Bad::Items => "has too many items",
            Bad::Depth => "is nested too deeply",
        }
    }
}

/// What one datum may cost beyond its bytes, so that a packet that claims 10¹² nulls is refused, not counted to its
/// end: as many items as it has bytes and 65,536 more, and eight times that of values without bytes of their own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget(u64);

impl Budget {
    pub fn of(bytes: &[u8]) -> Budget {
        Budget(8 * (bytes.len() as u64 + (1 << 16)))
    }

    /// For items of an array or a map.
    #[inline]
    pub fn items(&mut self, items: u64) -> Result<(), Bad> {
        self.0 = items.checked_mul(8).and_then(|cost| self.0.checked_sub(cost)).ok_or(Bad::Items)?;
        Ok(())
    }

    /// For a null or a record.
    #[inline]
    pub fn empty(&mut self) -> Result<(), Bad> {
        self.0 = self.0.checked_sub(1).ok_or(Bad::Items)?;
        Ok(())
    }
}

#[inline(always)]
pub(super) fn take<'a>(bytes: &'a [u8], at: &mut usize, len: usize) -> Result<&'a [u8], Bad> {
    let taken = bytes.get(*at..).and_then(|rest| rest.get(..len)).ok_or(Bad::End)?;
    *at += len;
    Ok(taken)
}

/// The next `N` bytes.
#[inline(always)]
pub(super) fn array<const N: usize>(bytes: &[u8], at: &mut usize) -> Result<[u8; N], Bad> {
    let taken = bytes.get(*at..).and_then(|rest| rest.first_chunk::<N>()).ok_or(Bad::End)?;
    *at += N;
    Ok(*taken)
}

#[inline(always)]
pub(super) fn zigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// A long.
#[inline(always)]
pub(super) fn long(bytes: &[u8], at: &mut usize) -> Result<i64, Bad> {
    match bytes.get(*at) {
        Some(&byte) if byte < 0x80 => {
            *at += 1;
            Ok(zigzag(u64::from(byte)))
        }
        _ => long_of_more(bytes, at),
    }
}

fn long_of_more(bytes: &[u8], at: &mut usize) -> Result<i64, Bad> {
    let mut value = 0u64;
    for shift in (0..70).step_by(7) {
        let byte = *bytes.get(*at).ok_or(Bad::End)?;
        *at += 1;
        if shift == 63 && byte > 1 {
            break;
        }
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(zigzag(value));
        }
    }
    Err(Bad::Integer)
}

/// An int.
#[inline(always)]
pub(super) fn int(bytes: &[u8], at: &mut usize) -> Result<i32, Bad> {
    i32::try_from(long(bytes, at)?).map_err(|_| Bad::Integer)
}

#[inline(always)]
pub(super) fn boolean(bytes: &[u8], at: &mut usize) -> Result<bool, Bad> {
    match array(bytes, at)? {
        [0] => Ok(false),
        [1] => Ok(true),
        _ => Err(Bad::Boolean),
    }
}

/// A length and that many bytes.
#[inline(always)]
pub(super) fn bytes<'a>(bytes: &'a [u8], at: &mut usize) -> Result<&'a [u8], Bad> {
    let len = usize::try_from(long(bytes, at)?).map_err(|_| Bad::Length)?;
    take(bytes, at, len).map_err(|_| Bad::Length)
}

#[inline(always)]
pub(super) fn text<'a>(from: &'a [u8], at: &mut usize) -> Result<&'a str, Bad> {
    std::str::from_utf8(bytes(from, at)?).map_err(|_| Bad::Text)
}

/// Which of `count` branches or symbols.
#[inline(always)]
pub(super) fn branch(bytes: &[u8], at: &mut usize, count: usize) -> Result<usize, Bad> {
    usize::try_from(long(bytes, at)?).ok().filter(|branch| *branch < count).ok_or(Bad::Branch)
}

/// The head of a block of an array or a map: how many items, and where they must end if the writer says so.
pub(super) struct Block {
    pub items: u64,
    pub end: Option<usize>,
}

impl Block {
    /// The next block; `None` at the end of the array. Its items are taken off the budget.
    #[inline]
    pub fn next(bytes: &[u8], at: &mut usize, budget: &mut Budget) -> Result<Option<Block>, Bad> {
        let items = long(bytes, at)?;
        let end = if items < 0 {
            let size = usize::try_from(long(bytes, at)?).map_err(|_| Bad::Length)?;
            Some(at.checked_add(size).filter(|end| *end <= bytes.len()).ok_or(Bad::Length)?)
        } else {
            None
        };
        let items = items.unsigned_abs();
        budget.items(items)?;
        Ok((items > 0).then_some(Block { items, end }))
    }

    /// Checks that the items ended where the block said.
    #[inline]
    pub fn close(self, at: usize) -> Result<(), Bad> {
        if self.end.is_none_or(|end| end == at) { Ok(()) } else { Err(Bad::Block) }
    }
}
