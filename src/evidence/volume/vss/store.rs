//! Stores: the blocks that were overwritten before the next snapshot was taken.

use std::collections::HashMap;
use std::ops::Range;

use crate::evidence::layer::Source;
use crate::evidence::volume::fields::{u32_at, u64_at};

use super::catalog::{Listed, StorePlaces};
use super::chain::{Chain, HEADER_SIZE, Kind};
use super::problem::{BlockProblems, Problem, ProblemKind};
use super::{BLOCK_LENGTH, BLOCK_SIZE};

/// The bytes of an entry in a list of blocks.
const ENTRY_SIZE: usize = 32;
/// The most blocks that are read from the lists of all stores of a volume. They have 16 million
/// entries, of 254 GiB that were overwritten. In memory, an entry has 16 bytes.
const MOST_LIST_BLOCKS: usize = 1 << 15;
/// The most forwarders of a store, of 64 GiB that were moved. While a store is read, each of them
/// takes 20 bytes of memory.
const MOST_FORWARDERS: usize = 1 << 22;
/// The most bytes of a bitmap, for 8 TiB of a volume. Blocks beyond them count as in use.
const MOST_BITMAP: usize = 64 << 20;
/// The flag of a forwarder, an entry that says where on the volume the block's content was moved.
const FORWARDS: u32 = 1;
/// The flag of an overlay, an entry that says which parts of a block the store keeps.
const OVERLAYS: u32 = 2;
/// The flag of an entry that is not in use.
const UNUSED: u32 = 4;

/// Where a snapshot's block is read from: what a plain entry or a forwarder says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kept {
    /// The block's number: its offset on the volume divided by [`BLOCK_SIZE`].
    pub original: u32,
    /// Whether `at` is an offset in the next newer snapshot. If not, it is one on the live volume.
    pub is_forwarded: bool,
    /// The offset of the block's bytes.
    pub at: u64,
}

/// Parts of a block that a store keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Overlay {
    /// The block's number: its offset on the volume divided by [`BLOCK_SIZE`].
    pub original: u32,
    /// The block's 32 parts of 512 bytes that are kept, a bit for each. The first part has the
    /// lowest bit.
    pub parts: u32,
    /// The offset on the live volume of the block of which parts are kept.
    pub at: u64,
}

/// A store's list of blocks and bitmaps, in the form in which snapshots are read from them.
#[derive(Debug, Default)]
pub(super) struct Store {
    /// The plain entries and forwarders in the order of blocks, at most one for each block.
    kept: Vec<Kept>,
    /// The overlays in the order of blocks, at most one for each block.
    overlays: Vec<Overlay>,
    /// A bit for each block, which is set if the block was not in use when the snapshot was taken.
    /// The first block has the lowest bit of the first byte. Empty for all stores but the newest.
    undefined: Vec<u8>,
    /// What is wrong with the snapshot and its store.
    pub problems: Vec<Problem>,
    /// Whether the list of blocks may have entries that could not be read.
    is_incomplete: bool,
}

/// Returns the numbers of the blocks that a range of bytes touches.
fn blocks(range: &Range<u64>) -> Range<u64> {
    range.start / BLOCK_SIZE..range.end.div_ceil(BLOCK_SIZE)
}

/// Returns those of `elements`, which are in the order of blocks, whose blocks a range of bytes
/// touches.
fn within<'e, E>(elements: &'e [E], range: &Range<u64>, original: impl Fn(&E) -> u32) -> &'e [E] {
    let blocks = blocks(range);
    let first = elements.partition_point(|element| u64::from(original(element)) < blocks.start);
    let rest = elements.get(first..).unwrap_or_default();
    let count = rest.partition_point(|element| u64::from(original(element)) < blocks.end);
    rest.get(..count).unwrap_or_default()
}

impl Store {
    /// Returns the plain entries and forwarders of the blocks that a range of bytes touches, in the
    /// order of blocks.
    pub fn kept(&self, range: &Range<u64>) -> &[Kept] {
        within(&self.kept, range, |kept| kept.original)
    }

    /// Returns the overlays of the blocks that a range of bytes touches, in the order of blocks.
    pub fn overlays(&self, range: &Range<u64>) -> &[Overlay] {
        within(&self.overlays, range, |overlay| overlay.original)
    }

    /// Returns whether a block was not in use when the newest snapshot was taken, so that nothing
    /// keeps its content. `block` is the block's number.
    pub fn is_undefined(&self, block: u64) -> bool {
        let byte = usize::try_from(block / 8).ok().and_then(|index| self.undefined.get(index));
        byte.is_some_and(|byte| byte >> (block % 8) & 1 != 0)
    }

    /// Returns whether the store has or may have entries of the blocks that a range of bytes
    /// touches.
    #[cfg_attr(
        not(feature = "internals"),
        allow(dead_code, reason = "tests compare it with the bytes of both states")
    )]
    pub fn has_any(&self, range: &Range<u64>) -> bool {
        self.is_incomplete || !self.kept(range).is_empty() || !self.overlays(range).is_empty()
    }

    /// Returns whether a range of bytes touches a block for which [`Store::is_undefined`] is true.
    pub fn has_undefined(&self, range: &Range<u64>) -> bool {
        let blocks = blocks(range);
        let first = blocks.start / 8;
        let bytes =
            usize::try_from(first).ok().and_then(|first| self.undefined.get(first..)).unwrap_or_default();
        let mut bytes = (first..blocks.end.div_ceil(8)).zip(bytes);
        bytes.any(|(place, byte)| {
            *byte != 0
                && (place * 8..place * 8 + 8).any(|block| blocks.contains(&block) && self.is_undefined(block))
        })
    }

    /// Returns whether the store's own snapshot may have other bytes in a range than the next older
    /// snapshot reads from this store. Overlays and undefined blocks are seen only by the former.
    #[cfg_attr(
        not(feature = "internals"),
        allow(dead_code, reason = "tests compare it with the bytes of both states")
    )]
    pub fn is_special(&self, range: &Range<u64>) -> bool {
        self.is_incomplete || !self.overlays(range).is_empty() || self.has_undefined(range)
    }
}

/// Reads the stores of a volume.
pub(super) struct StoreReader<'v> {
    volume: &'v dyn Source,
    /// How many blocks of the stores' lists may still be read.
    blocks_left: usize,
}

impl<'v> StoreReader<'v> {
    pub fn new(volume: &'v dyn Source) -> Self {
        StoreReader { volume, blocks_left: MOST_LIST_BLOCKS }
    }

    /// Makes a reader that reads at most `blocks_left` blocks of the stores' lists.
    #[cfg(test)]
    pub fn with_blocks(volume: &'v dyn Source, blocks_left: usize) -> Self {
        StoreReader { volume, blocks_left }
    }

    /// Reads the stores of all snapshots, which are listed and returned from the oldest to the
    /// newest. The newest is read first, so that where the lists are too long, older snapshots
    /// suffer.
    pub fn read_all(mut self, listed: &[Listed]) -> Vec<Store> {
        let mut stores: Vec<Store> = Vec::with_capacity(listed.len());
        for listed in listed.iter().rev() {
            let store = match listed.places {
                Some(places) => self.read(listed, places, stores.is_empty()),
                None => Store { is_incomplete: true, problems: listed.problems.clone(), ..Store::default() },
            };
            stores.push(store);
        }
        stores.reverse();
        stores
    }

    fn read(&mut self, listed: &Listed, places: StorePlaces, is_newest: bool) -> Store {
        let mut lists =
            BlockLists { size: listed.size, volume_size: self.volume.size(), ..BlockLists::default() };
        let mut problems = listed.problems.clone();
        for block in Chain::new(self.volume, Kind::BlockList, places.block_list, self.blocks_left) {
            match block {
                Ok(block) if lists.forwarders.len() <= MOST_FORWARDERS => {
                    self.blocks_left -= 1;
                    block
                        .content()
                        .chunks_exact(ENTRY_SIZE)
                        .filter_map(BlockEntry::parse)
                        .for_each(|entry| lists.add(&entry));
                }
                Ok(block) => {
                    let kind = ProblemKind::TooLong { chain: Kind::BlockList.name(), most: MOST_FORWARDERS };
                    problems.push(Problem { range: block.offset..block.offset + BLOCK_SIZE, kind });
                    break;
                }
                Err(problem) => problems.push(problem),
            }
        }
        let forwarders = std::mem::take(&mut lists.forwarders);
        let mut store = lists.into_store(problems);
        if is_newest {
            store.undefined = self.undefined(listed, places, &forwarders, &mut store.problems);
        }
        store.is_incomplete = store.problems.iter().any(Problem::leaves_store_incomplete);
        store
    }

    /// Reads which blocks are undefined in the newest snapshot: those that are set in its store's
    /// bitmap and in the previous snapshot's one, if the store has that, and that no forwarder
    /// leads to.
    fn undefined(
        &self,
        listed: &Listed,
        places: StorePlaces,
        forwarders: &HashMap<u32, u32>,
        problems: &mut Vec<Problem>,
    ) -> Vec<u8> {
        let whole = usize::try_from(listed.size.div_ceil(8 * BLOCK_SIZE)).unwrap_or(usize::MAX);
        let bytes = whole.min(MOST_BITMAP);
        let mut undefined = self.bitmap(places.bitmap, bytes, problems);
        if places.previous_bitmap != 0 {
            let previous = self.bitmap(places.previous_bitmap, bytes, problems);
            for (byte, previous) in undefined.iter_mut().zip(previous.into_iter().chain(std::iter::repeat(0)))
            {
                *byte &= previous;
            }
        }
        for block in forwarders.keys() {
            if let Some(byte) = undefined.get_mut((block / 8) as usize) {
                *byte &= !(1 << (block % 8));
            }
        }
        undefined
    }

    /// Reads the first `most` bytes of a bitmap whose first block is at `first`. Returns fewer if
    /// the bitmap ends before.
    fn bitmap(&self, first: u64, most: usize, problems: &mut Vec<Problem>) -> Vec<u8> {
        let mut bitmap = Vec::new();
        let most_blocks = most.div_ceil(BLOCK_LENGTH - HEADER_SIZE);
        for block in Chain::new(self.volume, Kind::Bitmap, first, most_blocks) {
            match block {
                Ok(block) => bitmap.extend_from_slice(block.content()),
                Err(problem) => problems.push(problem),
            }
            if bitmap.len() >= most {
                break;
            }
        }
        bitmap.truncate(most);
        bitmap
    }
}

/// An entry of a list of blocks. Offsets are in bytes from the volume's start.
struct BlockEntry {
    original: u64,
    relative: u64,
    stored: u64,
    flags: u32,
    parts: u32,
}

impl BlockEntry {
    /// Reads an entry; `None` if it is empty or marked as not in use.
    fn parse(bytes: &[u8]) -> Option<BlockEntry> {
        let entry = BlockEntry {
            original: u64_at(bytes, 0)?,
            relative: u64_at(bytes, 8)?,
            stored: u64_at(bytes, 16)?,
            flags: u32_at(bytes, 24)?,
            parts: u32_at(bytes, 28)?,
        };
        let BlockEntry { original, relative, stored, flags, parts } = entry;
        let is_empty = original | relative | stored == 0 && flags | parts == 0;
        (!is_empty && flags & UNUSED == 0).then_some(entry)
    }
}

/// The entries of a store while they are read. Their order matters.
#[derive(Default)]
struct BlockLists {
    /// The snapshot's size in bytes.
    size: u64,
    /// The live volume's size in bytes.
    volume_size: u64,
    kept: Vec<Kept>,
    overlays: Vec<Overlay>,
    /// The numbers of the blocks that forwarders lead to, each with the number of the block whose
    /// content was moved there.
    forwarders: HashMap<u32, u32>,
    problems: BlockProblems,
}

impl BlockLists {
    /// Returns the number of the block that begins at `offset`. `None` if no block begins there or
    /// if `offset` is not before `end`.
    fn block(offset: u64, end: u64) -> Option<u32> {
        let is_placed = offset.is_multiple_of(BLOCK_SIZE) && offset < end;
        u32::try_from(offset / BLOCK_SIZE).ok().filter(|_| is_placed)
    }

    fn problem(&mut self, original: u64, kind: ProblemKind) {
        let range = original..original.saturating_add(BLOCK_SIZE);
        self.problems.add(Problem { range, kind });
    }

    fn add(&mut self, entry: &BlockEntry) {
        let BlockEntry { original: offset, relative, stored, flags, parts } = *entry;
        let (is_overlay, is_forwarded) = (flags & OVERLAYS != 0, flags & FORWARDS != 0);
        let to = Self::block(relative, self.volume_size);
        let Some(mut original) =
            Self::block(offset, self.size).filter(|_| is_overlay || !is_forwarded || to.is_some())
        else {
            return self.problem(offset, ProblemKind::Misplaced);
        };
        if is_overlay {
            self.check_stored(offset, stored, parts);
            self.overlays.push(Overlay { original, parts, at: stored });
            return;
        }
        // The block came here from another place, so what is kept of it belongs to that place.
        if let Some(from) = self.forwarders.remove(&original) {
            original = from;
        }
        match to.filter(|_| is_forwarded) {
            Some(to) if to == original => {} // It is back where it was.
            Some(to) => {
                self.forwarders.insert(to, original);
                self.kept.push(Kept { original, is_forwarded, at: relative });
            }
            None => {
                self.check_stored(u64::from(original) * BLOCK_SIZE, stored, u32::MAX);
                self.kept.push(Kept { original, is_forwarded, at: stored });
            }
        }
    }

    /// Notes a problem if the wanted parts of a store's block lie beyond the volume's end. The last
    /// block of a snapshot can be shorter than others.
    fn check_stored(&mut self, original: u64, stored: u64, parts: u32) {
        let length =
            (u64::from(u32::BITS - parts.leading_zeros()) * 512).min(self.size.saturating_sub(original));
        if stored.checked_add(length).is_none_or(|end| end > self.volume_size) {
            self.problem(original, ProblemKind::StoredOutOfVolume { stored });
        }
    }

    /// Puts the entries in order. Of several for a block, the last one that keeps it whole is used;
    /// overlays add up, and their bytes are where the first one says.
    fn into_store(self, mut problems: Vec<Problem>) -> Store {
        let BlockLists { mut kept, mut overlays, problems: of_blocks, .. } = self;
        kept.sort_by_key(|kept| kept.original);
        kept.dedup_by(|later, earlier| {
            let is_same = later.original == earlier.original;
            if is_same {
                *earlier = *later;
            }
            is_same
        });
        kept.shrink_to_fit();
        overlays.sort_by_key(|overlay| overlay.original);
        overlays.dedup_by(|later, earlier| {
            let is_same = later.original == earlier.original;
            if is_same {
                earlier.parts |= later.parts;
            }
            is_same
        });
        overlays.retain(|overlay| overlay.parts != 0);
        overlays.shrink_to_fit();
        problems.extend(of_blocks.into_problems());
        Store { kept, overlays, problems, ..Store::default() }
    }
}
