//! Stores of snapshots, which keep the blocks that were overwritten before the next snapshot was
//! taken.

use std::collections::HashMap;
use std::ops::Range;

use crate::evidence::layer::Source;
use crate::evidence::volume::fields::{u32_at, u64_at};

use super::catalog::{Listed, StorePlaces};
use super::chain::{Chain, HEADER_SIZE, Kind};
use super::problem::{BlockProblems, Problem, ProblemKind};
use super::{BLOCK_LENGTH, BLOCK_SIZE};

/// The size in bytes of an entry in the block list of a snapshot's store. The list says where the
/// store keeps overwritten blocks.
const ENTRY_SIZE: usize = 32;
/// The maximum number of blocks that are read from the block lists of all stores of a volume. They
/// have room for 16 million entries, which stand for 254 GiB of overwritten blocks. An entry takes
/// 16 bytes of memory.
const MOST_LIST_BLOCKS: usize = 1 << 15;
/// The maximum number of forwarders of one store that are read: enough for 64 GiB that were moved.
/// (A forwarder is an entry of the block list that tells where a block's content was moved.) While
/// a store is read, each takes 20 bytes of memory.
const MOST_FORWARDERS: usize = 1 << 22;
/// The maximum number of bytes that are read of a bitmap, which tells the blocks that were not in
/// use when a snapshot was taken: enough for a volume of 8 TiB. Blocks beyond them count as in use.
const MOST_BITMAP: usize = 64 << 20;
/// The flag of a forwarder: an entry of the block list of a snapshot's store that tells where on
/// the volume a block's content was moved.
const FORWARDS: u32 = 1;
/// The flag of an overlay: an entry of the block list of a snapshot's store that tells which parts
/// of a block the store keeps.
const OVERLAYS: u32 = 2;
/// The flag of an entry that is not in use, in the block list of a snapshot's store. The list says
/// which overwritten blocks the store keeps.
const UNUSED: u32 = 4;

/// Where a whole block of a snapshot is read from, as an entry of the block list of the snapshot's
/// store says: from the store, or from where the block's content was moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kept {
    /// The number of the block whose place this entry states: the block's offset in the snapshot
    /// divided by [`BLOCK_SIZE`].
    pub original: u32,
    /// True if the block's content was moved, so that `at` is an offset in the next newer snapshot.
    /// False if the store keeps the block, so that `at` is an offset on the live volume.
    pub is_forwarded: bool,
    /// The block's offset in bytes: in the next newer snapshot (`is_forwarded`) or on the volume.
    pub at: u64,
}

/// An overlay: those parts of a block that a snapshot's store keeps. The other parts of the block
/// are read as if the store did not keep it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Overlay {
    /// The number of the block of which the store keeps parts: the block's offset in the snapshot
    /// divided by [`BLOCK_SIZE`].
    pub original: u32,
    /// The parts of the block that are kept. A block has 32 parts of 512 bytes, and each has a bit.
    /// The first part has the lowest bit.
    pub parts: u32,
    /// The offset on the live volume of the block that has the kept parts, in bytes.
    pub at: u64,
}

/// The block list and bitmaps of a snapshot's store, which keeps the old content of overwritten
/// blocks. They are sorted for reading the snapshot.
#[derive(Debug, Default)]
pub(super) struct Store {
    /// Where to read each whole block that the store keeps or whose content was moved. Sorted by
    /// block, at most one entry for each block.
    kept: Vec<Kept>,
    /// The overlays (blocks of which the store keeps only some parts), sorted by block, at most one
    /// for each block.
    overlays: Vec<Overlay>,
    /// A bit for each block of 16 KiB, which is set if the block was not in use when the snapshot
    /// was taken. The first block has the lowest bit of the first byte. Empty for all stores but
    /// the newest.
    undefined: Vec<u8>,
    /// What is wrong with the snapshot, and with its store, where Windows keeps overwritten blocks.
    pub problems: Vec<Problem>,
    /// True if some entries of the store's block list, which says which overwritten blocks the
    /// store keeps, could not be read.
    is_incomplete: bool,
}

/// Returns the numbers of the blocks (of 16 KiB, counted from the start of the volume) that a range
/// of bytes touches.
fn blocks(range: &Range<u64>) -> Range<u64> {
    range.start / BLOCK_SIZE..range.end.div_ceil(BLOCK_SIZE)
}

/// Returns those of `elements` whose blocks (of 16 KiB) a range of bytes touches. `elements` must
/// be sorted by block, and `original` returns the number of an element's block.
fn within<'e, E>(elements: &'e [E], range: &Range<u64>, original: impl Fn(&E) -> u32) -> &'e [E] {
    let blocks = blocks(range);
    let first = elements.partition_point(|element| u64::from(original(element)) < blocks.start);
    let rest = elements.get(first..).unwrap_or_default();
    let count = rest.partition_point(|element| u64::from(original(element)) < blocks.end);
    rest.get(..count).unwrap_or_default()
}

impl Store {
    /// Returns where to read the whole blocks that a range of bytes touches, and that the store
    /// keeps or whose content was moved. Sorted by block.
    pub fn kept(&self, range: &Range<u64>) -> &[Kept] {
        within(&self.kept, range, |kept| kept.original)
    }

    /// Returns the overlays (kept parts) of the blocks that a range of bytes touches, sorted by
    /// block.
    pub fn overlays(&self, range: &Range<u64>) -> &[Overlay] {
        within(&self.overlays, range, |overlay| overlay.original)
    }

    /// Returns true if the block with the number `block` was not in use when the newest snapshot
    /// was taken, so that no store keeps its content.
    pub fn is_undefined(&self, block: u64) -> bool {
        let byte = usize::try_from(block / 8).ok().and_then(|index| self.undefined.get(index));
        byte.is_some_and(|byte| byte >> (block % 8) & 1 != 0)
    }

    /// Returns true if the snapshot's store keeps a block that a range of bytes of the volume
    /// touches. Also returns true if a part of the store's list of blocks could not be read,
    /// because the lost entries may be of these blocks.
    pub fn has_any(&self, range: &Range<u64>) -> bool {
        self.is_incomplete || !self.kept(range).is_empty() || !self.overlays(range).is_empty()
    }

    /// Returns true if a range of bytes touches a block that was not in use when the newest
    /// snapshot was taken (see [`Store::is_undefined`]).
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

    /// Returns true if the snapshot of this store can read other bytes in a range than the next
    /// older snapshot reads through this store. They can differ because only the store's own
    /// snapshot uses the store's overlays (blocks that are kept in part) and its undefined blocks
    /// (those not in use when it was taken). Also returns true if entries of the store are lost.
    pub fn is_special(&self, range: &Range<u64>) -> bool {
        self.is_incomplete || !self.overlays(range).is_empty() || self.has_undefined(range)
    }
}

/// Reads the stores of all snapshots of a volume, where Windows keeps overwritten blocks, and
/// limits how much is read.
pub(super) struct StoreReader<'v> {
    volume: &'v dyn Source,
    /// The number of blocks that may still be read from the block lists, which say which
    /// overwritten blocks the stores of the volume keep.
    blocks_left: usize,
}

impl<'v> StoreReader<'v> {
    pub fn new(volume: &'v dyn Source) -> Self {
        StoreReader { volume, blocks_left: MOST_LIST_BLOCKS }
    }

    /// Returns a reader that reads at most `blocks_left` blocks from the block lists of all stores,
    /// which say which overwritten blocks the stores keep.
    #[cfg(test)]
    pub fn with_blocks(volume: &'v dyn Source, blocks_left: usize) -> Self {
        StoreReader { volume, blocks_left }
    }

    /// Reads the stores (where Windows keeps overwritten blocks) of all snapshots in `listed`,
    /// which are sorted from the oldest to the newest, like the result. The newest store is read
    /// first. So if the block lists are too long, those of the oldest snapshots are incomplete.
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

    /// Reads which blocks are undefined in the newest snapshot: those that were not in use when it
    /// was taken. They are set in the bitmap of its store and, if the store names one, in the
    /// bitmap of the previous snapshot. A block to which content was moved, as one of `forwarders`
    /// states, is not undefined.
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

    /// Reads the first `most` bytes of the bitmap whose first block is at the offset `first` of the
    /// volume. Returns fewer bytes if the bitmap ends earlier.
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

/// An entry of the block list of a snapshot's store, which says where an overwritten block is kept.
/// Offsets are in bytes from the start of the volume.
struct BlockEntry {
    original: u64,
    relative: u64,
    stored: u64,
    flags: u32,
    parts: u32,
}

impl BlockEntry {
    /// Reads an entry of the block list of a snapshot's store, which says where an overwritten
    /// block is kept. Returns `None` if the entry is empty or marked as not in use.
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

/// The entries of the block list of a snapshot's store (where overwritten blocks are kept) that
/// were read so far. They are added in the order of the list, because later ones can change the
/// meaning of earlier ones.
#[derive(Default)]
struct BlockLists {
    /// The size in bytes of the snapshot whose store is read. (A store is where Windows keeps
    /// overwritten blocks.)
    size: u64,
    /// The size of the live volume in bytes. An entry that states that the store keeps a block
    /// beyond it has a problem.
    volume_size: u64,
    kept: Vec<Kept>,
    overlays: Vec<Overlay>,
    /// The forwarders, which are entries about blocks whose content was moved. The key is the
    /// number of the block to which content was moved, and the value that of the block from which
    /// it was moved.
    forwarders: HashMap<u32, u32>,
    problems: BlockProblems,
}

impl BlockLists {
    /// Returns the number of the block that begins at `offset`. Returns `None` if no block begins
    /// there, or if `offset` is not less than `end`.
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

    /// Adds a problem if the place at which a store keeps a block reaches beyond the end of the
    /// volume. `parts` has a bit for each 512 bytes of the block; the bytes after the last kept
    /// part do not matter. The last block of a snapshot can be shorter than others.
    fn check_stored(&mut self, original: u64, stored: u64, parts: u32) {
        let length =
            (u64::from(u32::BITS - parts.leading_zeros()) * 512).min(self.size.saturating_sub(original));
        if stored.checked_add(length).is_none_or(|end| end > self.volume_size) {
            self.problem(original, ProblemKind::StoredOutOfVolume { stored });
        }
    }

    /// Returns the store that the entries describe, with `problems` and those of the entries. The
    /// entries are sorted by block. If several entries keep the same block, the last one is used.
    /// If several overlays have parts of the same block, their parts are joined, and read from the
    /// block of the volume that the first overlay states.
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
