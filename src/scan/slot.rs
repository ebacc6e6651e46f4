//! Scans a slot, which is a range of a file that is scanned as one chunk: determines its content,
//! reads its chunk, and looks for deleted records. Callers decide where slots are: in a block of a
//! log ([`super::block`]), or of a carved file ([`super::carved`]).

use std::ops::Range;

use crate::event::{KindSet, Window};
use crate::ledger::damage::{Damage, Problem};
use crate::scan::block_scan::BlockScan;
use crate::scan::chunk_scan::scan_chunk;
use crate::scan::evtx::chunk::{SlotContent, slot_content};
use crate::scan::evtx::log::{CHUNK_SIZE, FILE_HEADER_SIZE};
use crate::scan::evtx::walk::Walk;
use crate::scan::extent::ExtentKind;
use crate::scan::located::ChunkPosition;
use crate::scan::read::BlockBuffer;
use crate::scan::salvage::recover::Recoverer;
use crate::scan::skim::select::Skimmer;

/// A range of a file that is scanned as one chunk: a slot of a log, the place of a misaligned
/// chunk, or that of a chunk in a carved file (one that is not a log, but is searched for chunks).
/// It is 64 KiB, unless another chunk or the file's end cuts it short.
#[derive(Debug, Clone)]
pub(super) struct ChunkSlot {
    /// The range that is scanned as one chunk, in bytes from the start of the file.
    pub range: Range<u64>,
    /// The chunk number that is stated as the location of events in the range
    /// ([`Location::chunk_number`](super::located::Location::chunk_number)).
    pub number: u64,
    /// The offset, in the file, of the first deleted chunk in the chunk's free space (the bytes
    /// after its live records); the end of the range if there is none. Deleted records after this
    /// offset belong to the deleted chunk.
    pub own_end: u64,
}

impl ChunkSlot {
    /// Returns the slot (a range that is scanned as one chunk) at `range` of a log. It contains no
    /// deleted chunk.
    pub(super) fn whole(range: Range<u64>) -> Self {
        ChunkSlot { number: chunk_number(range.start), own_end: range.end, range }
    }
}

/// Returns the number, from 0, of the slot that contains the byte at `offset` of a log. Slots are
/// the places for chunks, 64 KiB each; the first one follows the file header.
pub(super) fn chunk_number(offset: u64) -> u64 {
    offset.saturating_sub(FILE_HEADER_SIZE) / CHUNK_SIZE
}

/// Scans one slot (a range of a file that is scanned as one chunk) after another. It contains the
/// settings of a scan, and memory that is reused from slot to slot.
#[derive(Debug)]
pub(super) struct SlotScanner {
    /// The bytes of the block that is scanned. A block is a part of a file that one thread scans,
    /// slot by slot (a slot is a range that is scanned as one chunk).
    pub buffer: BlockBuffer,
    /// Counts the records that need not be decoded; `None` if every record is decoded.
    pub skimmer: Option<Skimmer>,
    /// The kinds of events that are read with their fields. Events of other kinds are only counted.
    pub kinds: KindSet,
    /// The period that the user requests matches for. DNS queries in it are counted separately too.
    pub window: Window,
    /// The list of the records that were found in a chunk. It is kept so that its memory can be
    /// reused for the next chunk.
    walk: Walk,
    /// The search for deleted records; `None` if deleted records are not read.
    pub recovery: Option<Recoverer>,
}

impl SlotScanner {
    /// Returns a scanner that reads events of these kinds. It decodes the records that `skimmer`
    /// does not count or, without a skimmer, all records.
    pub(super) fn new(skimmer: Option<Skimmer>, kinds: KindSet) -> Self {
        SlotScanner {
            buffer: BlockBuffer::default(),
            skimmer,
            kinds,
            window: Window::default(),
            walk: Walk::default(),
            recovery: None,
        }
    }

    /// Scans one slot (a range that is scanned as one chunk) of the block in the buffer, and
    /// returns how the slot's bytes are to be counted: as intact, damaged, empty and so on. The
    /// caller counts them, without those that belong to misaligned chunks (not at a multiple of 64
    /// KiB after the file header).
    pub(super) fn scan_slot(&mut self, chunk: &ChunkSlot, scan: &mut BlockScan) -> ExtentKind {
        let length = chunk.range.end - chunk.range.start;
        let before = scan.tally.damaged_chunks;
        let empty_before = scan.tally.empty_chunks;
        let is_there = length == 0 || self.buffer.reaches(chunk.range.start);
        let is_chunk = self.examine_slot(chunk, scan);
        if !is_there {
            ExtentKind::Absent
        } else if length < CHUNK_SIZE && !is_chunk {
            ExtentKind::Trailing
        } else if scan.tally.damaged_chunks > before {
            ExtentKind::Damaged
        } else if scan.tally.empty_chunks > empty_before {
            ExtentKind::Empty
        } else {
            ExtentKind::Good
        }
    }

    /// Scans one slot (a range that is scanned as one chunk) of the block in the buffer, and
    /// returns whether it begins with a chunk's signature.
    fn examine_slot(&mut self, chunk: &ChunkSlot, scan: &mut BlockScan) -> bool {
        let ChunkSlot { range, number, own_end } = chunk.clone();
        let mut read = self.buffer.part(range.clone());
        scan.tally.chunks += 1;
        scan.bytes_read += read.bytes_read();
        match slot_content(read.bytes) {
            SlotContent::Chunk => {
                scan.signed_chunks += 1;
                scan.chunks_end = scan.chunks_end.max(range.end);
                if let Some(recoverer) = &mut self.recovery {
                    let own = usize::try_from(own_end - range.start).unwrap_or(usize::MAX);
                    recoverer.keep(read.bytes.get(..own).unwrap_or(read.bytes));
                }
                let at = ChunkPosition { number, offset: range.start };
                let wanted = (self.kinds, &self.window);
                scan_chunk(&mut read, at, &mut self.walk, self.skimmer.as_mut(), wanted, scan);
                if let Some(recoverer) = &mut self.recovery {
                    recoverer.recover(ChunkPosition { number, offset: range.start }, scan);
                }
                return true;
            }
            // Bytes that cannot be read are zeros too, but do not make an unused slot.
            SlotContent::Unused if read.problems.is_empty() => {
                // A slot that was cut off with the end of the file is unused too. Whether the
                // file's header counts it is checked when the whole log has been read.
                scan.tally.empty_chunks += 1;
            }
            SlotContent::Unused => {}
            SlotContent::Foreign => {
                if let Some(recoverer) = &mut self.recovery {
                    recoverer.keep(read.bytes);
                    recoverer.recover(ChunkPosition { number, offset: range.start }, scan);
                }
                let damage = Damage::ChunkSignature { found: read.bytes.iter().copied().take(8).collect() };
                read.problems.push(Problem { offset: range.start, length: read.bytes.len() as u64, damage });
            }
        }
        scan.tally.damaged_chunks += u64::from(!read.problems.is_empty());
        for problem in read.problems {
            scan.problems.push(problem);
        }
        false
    }

    /// Decodes chunks of a log that are misaligned (not at a multiple of 64 KiB after the file
    /// header), and reports each as a problem. The bytes of the chunks must be in the buffer.
    pub(super) fn scan_misaligned<'c>(
        &mut self,
        chunks: impl Iterator<Item = &'c Range<u64>>,
        scan: &mut BlockScan,
    ) {
        for chunk in chunks {
            // What follows the chunk's beginning is examined again with the slots that it lies in.
            let bytes = self.buffer.part(chunk.clone()).bytes.to_vec();
            let mut found = BlockScan::default();
            let extent = self.scan_slot(&ChunkSlot::whole(chunk.clone()), &mut found);
            self.buffer.part(chunk.clone()).bytes.copy_from_slice(&bytes);
            let length = chunk.end - chunk.start;
            *extent.of(&mut found.tally.extents) += length;
            scan.problems.push(Problem { offset: chunk.start, length, damage: Damage::ChunkMisaligned });
            scan.add_misaligned(found);
        }
    }

    /// Searches deleted chunks (old chunks in the free space of other chunks) for records, if the
    /// scanner is set to read deleted records. The bytes of the deleted chunks in the buffer must
    /// be as they were read from the file; decoding the chunk around them does not change them.
    pub(super) fn recover_deleted<'c>(
        &mut self,
        deleted: impl Iterator<Item = &'c Range<u64>>,
        scan: &mut BlockScan,
    ) {
        let Some(recoverer) = &mut self.recovery else { return };
        for range in deleted {
            let at = ChunkPosition { number: chunk_number(range.start), offset: range.start };
            recoverer.recover_deleted(self.buffer.part(range.clone()).bytes, at, scan);
        }
    }

    /// Adds to `scan` how many bytes in `range` of the file could be read, and a problem for those
    /// that could not. Callers pass ranges whose content is not scanned as a chunk, such as the
    /// file header.
    pub(super) fn note_reading(&mut self, range: Range<u64>, scan: &mut BlockScan) {
        let read = self.buffer.part(range);
        scan.bytes_read += read.bytes_read();
        for problem in read.problems {
            scan.problems.push(problem);
        }
    }
}
