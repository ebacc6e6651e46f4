//! Chains of blocks, in which shadow copies store their lists. Each block states where the next one
//! is.

use std::collections::HashSet;

use crate::evidence::layer::{Source, read_exact};
use crate::evidence::volume::fields::{u32_at, u64_at};

use super::problem::{Problem, ProblemKind};
use super::{BLOCK_LENGTH, BLOCK_SIZE, Guid};

/// The identifier with which Windows begins every structure of shadow copies, such as each header
/// and each block of a list.
pub(super) const IDENTIFIER: Guid =
    Guid([0x6b, 0x87, 0x08, 0x38, 0x76, 0xc1, 0x48, 0x4e, 0xb7, 0xae, 0x04, 0x04, 0x6e, 0x6c, 0xc7, 0x52]);
/// The size in bytes of the header of a block in a chain. A chain is a list that shadow copies keep
/// in linked blocks, each of which states where the next one is.
pub(super) const HEADER_SIZE: usize = 128;

/// Returns the record type, a number that tells apart the structures of shadow copies, from the
/// header of a structure. Returns `None` if the bytes do not begin with [`IDENTIFIER`].
pub(super) fn record_type(bytes: &[u8]) -> Option<u32> {
    u32_at(bytes, 20).filter(|_| bytes.first_chunk() == Some(&IDENTIFIER.0))
}

/// What a chain of blocks (a list that shadow copies keep in linked blocks) contains. The number of
/// each variant is the record type that all blocks of the chain state in their headers. The record
/// type says which structure of shadow copies a block belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Catalog = 2,
    BlockList = 3,
    Bitmap = 6,
}

impl Kind {
    /// Returns the word for what the chain of blocks (a list in linked blocks) contains, such as
    /// `catalog`, as [`Problem`]s show it.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Catalog => "catalog",
            Kind::BlockList => "block list",
            Kind::Bitmap => "bitmap",
        }
    }
}

/// An iterator over the blocks of a chain: a list that shadow copies keep in linked blocks of 16
/// KiB. It ends after the first problem, such as a block that was read before, or more blocks than
/// the limit. It takes 20 bytes of memory for each block.
pub(super) struct Chain<'v> {
    volume: &'v dyn Source,
    kind: Kind,
    /// The offset on the volume, in bytes, of the next block of the chain (a list in linked
    /// blocks). 0 after the last block.
    next: u64,
    /// The offsets of the blocks of the chain (a list in linked blocks) that were read, by which a
    /// chain that loops is noticed.
    seen: HashSet<u64>,
    /// The maximum number of blocks of the chain (a list in linked blocks) that are read, because a
    /// damaged chain could be endless.
    most: usize,
}

/// A block of a chain (a list that shadow copies keep in linked blocks): a header and the content.
pub(super) struct Block {
    /// The offset on the volume, in bytes, of this block of a chain (a list in linked blocks).
    pub offset: u64,
    bytes: Vec<u8>,
}

impl Block {
    /// Returns the content of the block of a chain (a list in linked blocks): its bytes after the
    /// block's header.
    pub fn content(&self) -> &[u8] {
        self.bytes.get(HEADER_SIZE..).unwrap_or_default()
    }
}

impl<'v> Chain<'v> {
    /// Returns an iterator over the chain of blocks (a list in which each block states where the
    /// next one is) whose first block is at the offset `first` of the volume. `kind` is what the
    /// chain must contain. The chain is empty if `first` is 0. At most `most` blocks are read.
    pub fn new(volume: &'v dyn Source, kind: Kind, first: u64, most: usize) -> Self {
        Chain { volume, kind, next: first, seen: HashSet::new(), most }
    }

    /// Reads the block at the offset `offset` of the volume, and notes where the next block of the
    /// chain is. Fails if there is no block of the chain at this offset, if it cannot be read, if
    /// it was read before, or if the limit of blocks is exceeded.
    fn read(&mut self, offset: u64) -> Result<Block, ProblemKind> {
        let (chain, size) = (self.kind.name(), self.volume.size());
        if offset.checked_add(BLOCK_SIZE).is_none_or(|end| end > size) {
            return Err(ProblemKind::OutOfVolume { chain, size });
        }
        if !self.seen.insert(offset) {
            return Err(ProblemKind::Loop { chain });
        }
        if self.seen.len() > self.most {
            return Err(ProblemKind::TooLong { chain, most: self.most });
        }
        let bytes = read_exact(self.volume, offset, BLOCK_LENGTH)
            .map_err(|error| ProblemKind::Unread { chain, error: error.to_string() })?;
        let found = record_type(&bytes);
        if found != Some(self.kind as u32) {
            return Err(ProblemKind::NoBlock { chain, found });
        }
        self.next = u64_at(&bytes, 40).unwrap_or(0);
        Ok(Block { offset, bytes })
    }
}

impl Iterator for Chain<'_> {
    type Item = Result<Block, Problem>;

    fn next(&mut self) -> Option<Self::Item> {
        let offset = std::mem::take(&mut self.next);
        (offset != 0).then(|| {
            let range = offset..offset.saturating_add(BLOCK_SIZE);
            self.read(offset).map_err(|kind| Problem { range, kind })
        })
    }
}
