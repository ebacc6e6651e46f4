//! Where an Ex01 image stores its EWF chunks (blocks of the disk).

use std::io;

use super::super::super::blocks::{BlockMap, BlockPlace};
use super::super::super::cache::Paged;
use super::super::super::fields::Fields;
use super::super::super::inflate::Workers;
use super::super::super::outcome::ImageProblem;
use super::super::contents::Media;
use super::super::stored::{ChunkPacking, StoredChunk};

/// The size in bytes of an entry in a table of an Ex01 image. An entry says where the image stores
/// one EWF chunk (a block of the disk).
pub(super) const ENTRY: u64 = 16;

// Bits of an entry.
const DEFLATED: u32 = 1;
const WITH_SUM: u32 = 2;
const PATTERN: u32 = 4;

/// A table of an Ex01 image, which says where consecutive EWF chunks (blocks of the disk) are
/// stored. The entries of the table are not kept in memory.
pub(super) struct Table {
    /// The number of the first EWF chunk (block of the disk) that the table lists, counted from the
    /// start of the disk. The disk's first chunk has number 0.
    pub(super) first: u64,
    pub(super) count: u32,
    /// The position, in the list of segments that were found, of the segment (a file of the image)
    /// with this table.
    pub(super) segment: usize,
    /// The offset of the table's first entry in its segment (a file of the image), in bytes.
    pub(super) entries: u64,
    /// The reason why the EWF chunks (blocks of the disk) that the table lists cannot be read.
    /// `None` if they can be.
    pub(super) unreadable: Option<ImageProblem>,
}

/// The disk of an Ex01 image, as a map from the EWF chunks (blocks of the disk) to the places in
/// the image's files at which they are stored.
pub(super) struct Chunks {
    pub(super) media: Media,
    /// The image's tables, which say where the EWF chunks (blocks of the disk) are stored. They are
    /// sorted by the number of the first chunk that each lists.
    pub(super) tables: Vec<Table>,
    /// The image's segments (files) that were found, in the order of their numbers: the name of
    /// each, and the file.
    pub(super) segments: Vec<(String, Paged)>,
    pub(super) workers: Workers,
}

impl Chunks {
    /// Returns the table entry for the EWF chunk (block of the disk) with the number `chunk`, and
    /// the name and file of the segment that stores the chunk. The 16 bytes of the entry are the
    /// offset of the chunk in the file, its length, and bits that say how it is stored. For a chunk
    /// in which the same eight bytes repeat, these are in the place of the offset. Fails if no
    /// table lists the chunk, or if the table is damaged.
    fn entry(&self, chunk: u64) -> io::Result<(&(String, Paged), [u8; 16])> {
        let range = self.media.bytes(&(chunk..chunk.saturating_add(1)));
        let after = self.tables.partition_point(|table| table.first <= chunk);
        let table = self.tables.get(..after).and_then(<[_]>::last);
        let Some(table) = table.filter(|table| chunk - table.first < table.count.into()) else {
            let place = format!("chunk {chunk}");
            return Err(ImageProblem::new(place, "a table that has it", "none").at(range).into());
        };
        if let Some(problem) = &table.unreadable {
            return Err(problem.clone().at(range).into());
        }
        let segment = self.segments.get(table.segment).ok_or(io::ErrorKind::NotFound)?;
        Ok((segment, segment.1.array(table.entries + (chunk - table.first) * ENTRY)?))
    }
}

impl BlockMap for Chunks {
    fn size(&self) -> u64 {
        self.media.size
    }

    fn block_size(&self) -> u64 {
        self.media.chunk
    }

    fn locate(&self, block: u64) -> io::Result<BlockPlace<'_>> {
        self.entry(block).map(|_| BlockPlace::Packed)
    }

    fn unpack(&self, block: u64, into: &mut [u8]) -> io::Result<()> {
        let ((name, file), entry) = self.entry(block)?;
        let fields = Fields(&entry);
        let (offset, length, bits) = (fields.le64(0), u64::from(fields.le32(8)), fields.le32(12));
        if bits & PATTERN != 0 {
            // The chunk repeats eight bytes, which take the offset's place.
            for (to, from) in into.iter_mut().zip(offset.to_le_bytes().into_iter().cycle()) {
                *to = from;
            }
            return Ok(());
        }
        let packing = match (bits & DEFLATED != 0, bits & WITH_SUM != 0) {
            (true, _) => ChunkPacking::Deflated,
            (false, true) => ChunkPacking::PlainWithSum,
            (false, false) => ChunkPacking::Plain,
        };
        let chunk = StoredChunk {
            number: block,
            range: self.media.bytes(&(block..block.saturating_add(1))),
            full: self.media.chunk,
            name,
            source: file.source().as_ref(),
            offset,
            length: length.min(self.media.chunk + self.media.chunk / 8 + 64),
            packing,
        };
        chunk.read(&self.workers, into)
    }
}
