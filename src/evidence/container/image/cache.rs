//! Small caches for reading disk images: parts of tables and unpacked blocks, in bounded memory
//! whatever sizes an image states.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::evidence::layer::{SharedSource, read_up_to};

/// A cache, in memory, of blocks of bytes of one disk image. A block is identified by the number of
/// a file of the image, counted from 0, and the number of the block. The cache drops the least
/// recently used blocks first. It keeps at most `limit` bytes, or one block if that is larger.
pub(super) struct BlockCache {
    limit: usize,
    state: Mutex<CacheState>,
}

#[derive(Default)]
struct CacheState {
    blocks: HashMap<(usize, u64), CachedBlock>,
    bytes: usize,
    clock: u64,
}

struct CachedBlock {
    bytes: Arc<[u8]>,
    used: u64,
}

impl BlockCache {
    /// Returns an empty cache that keeps at most `limit` bytes of blocks.
    pub(super) fn new(limit: usize) -> Self {
        BlockCache { limit, state: Mutex::default() }
    }

    /// Returns the block with the number `number` of the image's file with the number `file`, both
    /// counted from 0. If the block is not in the cache, `make` reads it. No lock is held during
    /// `make`: two threads that need the same block at the same time both read it.
    pub(super) fn get(
        &self,
        file: usize,
        number: u64,
        make: impl FnOnce() -> io::Result<Vec<u8>>,
    ) -> io::Result<Arc<[u8]>> {
        let key = (file, number);
        if let Some(bytes) = self.lock().find(key) {
            return Ok(bytes);
        }
        let bytes: Arc<[u8]> = Arc::from(make()?);
        self.lock().keep(key, Arc::clone(&bytes), self.limit);
        Ok(bytes)
    }

    /// Returns the number of bytes of all blocks in the cache.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.lock().bytes
    }

    fn lock(&self) -> MutexGuard<'_, CacheState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CacheState {
    fn find(&mut self, key: (usize, u64)) -> Option<Arc<[u8]>> {
        self.clock += 1;
        let block = self.blocks.get_mut(&key)?;
        block.used = self.clock;
        Some(Arc::clone(&block.bytes))
    }

    fn keep(&mut self, key: (usize, u64), bytes: Arc<[u8]>, limit: usize) {
        self.drop_block(key);
        while self.bytes + bytes.len() > limit {
            let oldest = self.blocks.iter().min_by_key(|(_, block)| block.used).map(|(key, _)| *key);
            let Some(oldest) = oldest else { break };
            self.drop_block(oldest);
        }
        self.bytes += bytes.len();
        self.blocks.insert(key, CachedBlock { bytes, used: self.clock });
    }

    fn drop_block(&mut self, key: (usize, u64)) {
        if let Some(block) = self.blocks.remove(&key) {
            self.bytes -= block.bytes.len();
        }
    }
}

/// The size of a page in bytes: the unit in which a disk image's tables are read. The tables say
/// where the image stores the blocks of its disk.
const PAGE: u64 = 16 << 10;

/// The maximum number of bytes that one disk image keeps in memory of its tables, which say where
/// the blocks of its disk are stored.
pub(super) const PAGES_LIMIT: usize = 4 << 20;

/// A file of a disk image, with tables that say where the blocks of the disk are stored. The tables
/// are read page by page, so that no table is ever in memory as a whole.
pub(super) struct Paged {
    source: SharedSource,
    file: usize,
    pages: Arc<BlockCache>,
}

impl Paged {
    /// Returns a reader of the tables in `source`, which is the file with the number `file` of a
    /// disk image, counted from 0. The tables say where the blocks of the disk are stored. All
    /// files of an image share the cache `pages`.
    pub(super) fn new(source: SharedSource, file: usize, pages: Arc<BlockCache>) -> Self {
        Paged { source, file, pages }
    }

    /// Returns a reader of the tables in `source`, a file of a disk image. The tables say where the
    /// blocks of the disk are stored. The reader has a cache that no other file of the image
    /// shares.
    pub(super) fn only(source: SharedSource) -> Self {
        Paged::new(source, 0, Arc::new(BlockCache::new(PAGES_LIMIT)))
    }

    /// Returns the whole file of the disk image whose tables this value reads, so that the caller
    /// can read the blocks of the disk from it.
    pub(super) fn source(&self) -> &SharedSource {
        &self.source
    }

    /// Returns the `N` bytes at the offset `offset` of the image's file. Fails with
    /// [`io::ErrorKind::UnexpectedEof`] if the file ends before the last of them.
    pub(super) fn array<const N: usize>(&self, offset: u64) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let at = offset.saturating_add(filled as u64);
            let (number, within) = (at / PAGE, usize::try_from(at % PAGE).unwrap_or(0));
            let page = self.pages.get(self.file, number, || {
                read_up_to(self.source.as_ref(), number * PAGE, usize::try_from(PAGE).unwrap_or(0))
            })?;
            let from = page.get(within..).unwrap_or_default();
            let length = from.len().min(rest.len());
            if length == 0 {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    format!("expected {N} bytes of a table at byte {offset}, found the end of the file"),
                ));
            }
            for (to, from) in rest.iter_mut().zip(from) {
                *to = *from;
            }
            filled += length;
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cache_keeps_what_was_used_last_and_stays_below_its_limit() {
        let cache = BlockCache::new(20);
        let made = |number| {
            let mut made = false;
            cache
                .get(0, number, || {
                    made = true;
                    Ok(vec![0; 8])
                })
                .unwrap();
            made
        };
        assert!(made(1) && made(2) && !made(1));
        assert!(made(3));
        assert!(!made(1), "1 was used after 2, so 2 went");
        assert!(made(2));
        assert!(cache.lock().bytes <= 20);
        cache.get(0, 9, || Ok(vec![0; 50])).unwrap();
        assert_eq!(cache.lock().blocks.len(), 1);
    }

    #[test]
    fn a_table_is_read_across_pages_and_ends_with_its_file() {
        let bytes: Vec<u8> = (0..PAGE + 4).map(|at| u8::try_from(at % 251).unwrap()).collect();
        let paged = Paged::only(Arc::new(bytes.clone()));
        let start = usize::try_from(PAGE).unwrap() - 3;
        assert_eq!(paged.array::<7>(PAGE - 3).unwrap(), bytes[start..start + 7]);
        assert_eq!(paged.array::<8>(PAGE - 3).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert!(paged.array::<8>(u64::MAX - 3).is_err());
    }
}
