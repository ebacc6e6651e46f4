//! 7z archives.
//!
//! A header at the end lists the files. Their bytes are packed in blocks, usually many files in
//! one. A file that is stored without packing is read where it lies in the archive. Of a packed
//! block, all files that are wanted are unpacked in one pass into the spool, which keeps unpacked
//! copies. The methods LZMA, LZMA2, Deflate and bzip2, the filters Delta and BCJ, and AES-256 are
//! undone, by the crates `lzma-rust2`, `flate2`, `bzip2` and `aes`. Format: `7zFormat.txt` of the
//! LZMA SDK.

mod block;
mod coder;
mod fields;
mod files;
mod header;
mod key;

use std::io::{self, Read};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use self::block::{Block, SomeParts};
use self::coder::Unpacked;
use self::files::FileEntry;
use self::key::Keys;
use super::{Content, Member, Members, NotListed, Passwords};
use crate::evidence::layer::{SharedSource, Slice, Source};
use crate::evidence::source::LogBytes;
use crate::evidence::spool::{DictionaryMemory, Spool};

/// Lists the files in a 7z archive, by calling `each` for every regular file in the archive's
/// order.
pub(super) fn list(
    archive: &SharedSource,
    passwords: &Passwords,
    each: &mut dyn FnMut(Member<'_>),
) -> Result<Members, NotListed> {
    let keys = Keys::new(passwords);
    let listing = header::read(archive, &keys)?;
    let heads = Arc::new(Heads::default());
    let shared = |(number, block)| Arc::new(SharedBlock::new(number, Arc::new(block), &heads));
    let blocks: Vec<_> = listing.blocks.into_iter().enumerate().map(shared).collect();
    let mut members = Members::default();
    for FileEntry { path, place } in listing.files {
        members.files += 1;
        let place = place.and_then(|(block, part)| Some((blocks.get(block)?, part)));
        let size = place.map_or(0, |(block, part)| block.part_size(part));
        let open = || match place {
            Some((block, part)) => SharedBlock::content(block, part, &keys),
            None => Ok(Content::Range { start: 0, size: 0 }),
        };
        each(Member { path: &path, size, content: Box::new(open) });
    }
    for block in &blocks {
        block.close();
    }
    heads.close();
    Ok(members)
}

/// A block of a 7z archive, which all of its files share, with the unpacked copy of the files that
/// are wanted.
struct SharedBlock {
    /// The position of the block in the 7z archive, counted from 0.
    number: usize,
    block: Arc<Block>,
    heads: Arc<Heads>,
    wanted: Mutex<Wanted>,
    copy: OnceLock<BlockCopy>,
}

/// Which files of a block of a 7z archive are wanted, which means that they will be unpacked.
enum Wanted {
    /// The archive's files are still being listed, so more files may be wanted. Has the positions
    /// in the block of the files that are wanted so far.
    Listing(Vec<usize>),
    /// The archive's files are listed. Has the positions in the block of all files that are wanted,
    /// in ascending order.
    Listed(Vec<usize>),
}

/// The unpacked copy of the wanted files of a block of a 7z archive, one after the other.
struct BlockCopy {
    bytes: SharedSource,
    /// For each file in the copy, its position in the block of the archive, in ascending order, and
    /// its offset in the copy in bytes.
    starts: Vec<(usize, u64)>,
}

impl SharedBlock {
    fn new(number: usize, block: Arc<Block>, heads: &Arc<Heads>) -> Self {
        let wanted = Mutex::new(Wanted::Listing(Vec::new()));
        SharedBlock { number, block, heads: Arc::clone(heads), wanted, copy: OnceLock::new() }
    }

    fn part_size(&self, part: usize) -> u64 {
        self.block.parts.get(part).map_or(0, |part| part.size)
    }

    fn content(self: &Arc<Self>, part: usize, keys: &Keys) -> Result<Content, String> {
        self.block.check(keys)?;
        let stored = self.block.parts.get(part).and_then(|part| self.block.stored(part));
        if let Some(range) = stored {
            return Ok(Content::Range { start: range.start, size: range.end - range.start });
        }
        Ok(Content::Part(PackedPart { block: Arc::clone(self), part }))
    }

    /// Ends the listing of the archive for this block: after this call, no further file of the
    /// block becomes wanted.
    fn close(&self) {
        let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Wanted::Listing(parts) = &mut *wanted {
            parts.sort_unstable();
            parts.dedup();
            *wanted = Wanted::Listed(std::mem::take(parts));
        }
    }

    fn want(&self, part: usize) {
        let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Wanted::Listing(parts) = &mut *wanted {
            parts.push(part);
        }
    }

    /// Returns the unpacked copy of the block's files that are wanted; makes it at the first call.
    /// The first call can come while the archive's files are still being listed, if a container in
    /// the block is explored. Then all files of the block are copied, because any of them can
    /// become wanted later.
    fn copy(&self, spool: &Arc<Spool>) -> &BlockCopy {
        self.copy.get_or_init(|| {
            let parts = match &*self.wanted.lock().unwrap_or_else(PoisonError::into_inner) {
                Wanted::Listing(_) => (0..self.block.parts.len()).collect(),
                Wanted::Listed(parts) => parts.clone(),
            };
            let mut size = 0;
            let mut starts = Vec::with_capacity(parts.len());
            for part in &parts {
                starts.push((*part, size));
                size += self.part_size(*part);
            }
            let packed = SomeParts { block: Arc::clone(&self.block), parts };
            BlockCopy { bytes: spool.unpacked(size, Arc::new(packed)), starts }
        })
    }
}

/// A file in a packed block of a 7z archive.
pub struct PackedPart {
    block: Arc<SharedBlock>,
    /// The position of the file among the files of its 7z block.
    part: usize,
}

impl PackedPart {
    /// Returns the first `length` bytes of the file, or fewer if it is shorter or if unpacking
    /// fails after fewer bytes. If the caller takes the files in the order of the 7z archive, each
    /// block of files that are packed together is unpacked only once.
    pub(super) fn head(&self, spool: &Arc<Spool>, length: usize) -> io::Result<Vec<u8>> {
        let SharedBlock { number, block, heads, .. } = &*self.block;
        let Some(part) = block.parts.get(self.part) else { return Ok(Vec::new()) };
        let length = usize::try_from(part.size).unwrap_or(usize::MAX).min(length);
        heads.read(spool, (*number, block), part.start, length)
    }

    /// Returns the file of the 7z archive as a source of bytes. When the source is first read, the
    /// file is unpacked together with all other wanted files of its block.
    pub(super) fn source(self, spool: &Arc<Spool>) -> SharedSource {
        self.block.want(self.part);
        let size = self.block.part_size(self.part);
        Arc::new(PartSource { file: self, size, spool: Arc::clone(spool), slice: OnceLock::new() })
    }
}

/// The source of the bytes of one file in a packed block of a 7z archive.
struct PartSource {
    file: PackedPart,
    size: u64,
    spool: Arc<Spool>,
    /// The range of the 7z block's unpacked copy that is this file. It is set when the file is
    /// first read.
    slice: OnceLock<Slice>,
}

impl PartSource {
    fn slice(&self) -> &Slice {
        self.slice.get_or_init(|| {
            let BlockCopy { bytes, starts } = self.file.block.copy(&self.spool);
            let place = starts.binary_search_by_key(&self.file.part, |(part, _)| *part);
            let start = place.ok().and_then(|place| starts.get(place)).map(|(_, start)| *start);
            let start = start.expect("the file is wanted since its source was made");
            Slice::new(Arc::clone(bytes), start, self.size)
        })
    }
}

impl LogBytes for PartSource {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.slice().read_at(offset, buffer)
    }
}

impl Source for PartSource {
    fn size(&self) -> u64 {
        self.size
    }

    fn flaw(&self) -> Option<String> {
        // What is wrong with a file is known once its block was unpacked.
        self.file.block.copy(&self.spool).bytes.flaw();
        self.file.block.block.flaw(self.file.part)
    }

    fn make_ready(&self, meanwhile: &mut dyn FnMut() -> bool) {
        self.slice().make_ready(meanwhile);
    }

    fn make_ready_ahead(&self) -> bool {
        self.slice().make_ready_ahead()
    }
}

/// The block of a 7z archive that is being unpacked to read the first bytes of its files, as far as
/// the last file that was asked for. While an archive is listed, its files' first bytes are read in
/// the archive's order, so that one pass over each block is enough.
#[derive(Default)]
struct Heads(Mutex<Option<OpenBlock>>);

struct OpenBlock {
    number: usize,
    reader: Unpacked,
    position: u64,
    _memory: DictionaryMemory,
}

impl Heads {
    /// Unpacks `length` bytes of a block of a 7z archive, from the offset `start` of the unpacked
    /// block on. `number` is the position of the block in the archive. Returns fewer bytes if
    /// unpacking fails after fewer bytes.
    fn read(
        &self,
        spool: &Arc<Spool>,
        (number, block): (usize, &Arc<Block>),
        start: u64,
        length: usize,
    ) -> io::Result<Vec<u8>> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !open.as_ref().is_some_and(|open| open.number == number && open.position <= start) {
            // The memory of the one before becomes free first.
            *open = None;
            let memory = spool.dictionary(block.memory());
            let reader = block.opened().map_err(io::Error::other)?;
            *open = Some(OpenBlock { number, reader, position: 0, _memory: memory });
        }
        let open = open.as_mut().expect("it was just opened");
        while open.position < start {
            spool.check_interrupt()?;
            let skipped = io::copy(
                &mut open.reader.by_ref().take((start - open.position).min(SKIPPED)),
                &mut io::sink(),
            )?;
            if skipped == 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the packed bytes end early"));
            }
            open.position += skipped;
        }
        let mut head = Vec::new();
        let read = open.reader.by_ref().take(length as u64).read_to_end(&mut head);
        open.position += head.len() as u64;
        // What could be unpacked before an error shows the format.
        if head.is_empty() { read.map(|_| head) } else { Ok(head) }
    }

    fn close(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// The number of bytes of a 7z block that are unpacked at a time to get to a file's first bytes.
/// After each step, the sweep can be interrupted.
const SKIPPED: u64 = 1 << 20;
