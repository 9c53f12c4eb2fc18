//! The bits of a segment that say how it is laid out, and the comparison with what comes next: the innermost loop
//! of the product.

/// Words compared between two branches.
const WORDS: usize = 8;
const BLOCK: usize = 8 * WORDS;

/// A part of a template: which bits are pinned, and to what.
#[derive(Clone, Debug)]
struct Pinned {
    mask: [u64; WORDS],
    want: [u64; WORDS],
}

/// The pinned bits of a segment. Blocks without one at the end are left out.
#[derive(Clone, Debug, Default)]
pub(super) struct Template(Vec<Pinned>);

impl Template {
    /// Pins the bits of `mask` to what they are in `seen`, which is as long.
    pub fn of(mask: &[u8], seen: &[u8]) -> Template {
        let blocks = mask.chunks(BLOCK).zip(seen.chunks(BLOCK));
        let mut blocks: Vec<Pinned> = blocks.map(Pinned::of).collect();
        blocks.truncate(blocks.iter().rposition(|block| block.mask != [0; WORDS]).map_or(0, |last| last + 1));
        Template(blocks)
    }

    /// Whether `rest`, which has the segment's bytes and perhaps more, begins as the template says.
    #[inline(always)]
    pub fn matches(&self, rest: &[u8]) -> bool {
        let (blocks, end) = rest.as_chunks();
        let whole = blocks.iter().zip(&self.0).all(|(block, pinned)| pinned.holds(block));
        whole && self.0.get(blocks.len()).is_none_or(|pinned| pinned.holds_at_the_end(end))
    }
}

impl Pinned {
    fn of((mask, seen): (&[u8], &[u8])) -> Pinned {
        let (mask, seen) = (words(&padded(mask)), words(&padded(seen)));
        Pinned { mask, want: std::array::from_fn(|at| seen[at] & mask[at]) }
    }

    #[inline(always)]
    fn holds(&self, block: &[u8; BLOCK]) -> bool {
        let pinned = self.mask.iter().zip(&self.want);
        words(block).into_iter().zip(pinned).fold(0, |differs, (word, (mask, want))| differs | word & mask ^ want) == 0
    }

    /// Behind the end of the bytes nothing is pinned: the segment, which is all there, ends before.
    #[cold]
    fn holds_at_the_end(&self, bytes: &[u8]) -> bool {
        self.holds(&padded(bytes))
    }
}

#[inline(always)]
fn words(block: &[u8; BLOCK]) -> [u64; WORDS] {
    let words = block.as_chunks().0;
    std::array::from_fn(|at| words.get(at).map_or(0, |bytes| u64::from_le_bytes(*bytes)))
}

fn padded(bytes: &[u8]) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    block.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    block
}
