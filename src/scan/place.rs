//! The place of a chunk in what was read: what lies there, what the chunk holds, and what is left
//! of deleted ones. Which places there are is decided by whoever reads the file: a block of a log
//! ([`super::block`]) or of a file that is carved ([`super::carved`]).

use std::ops::Range;

use crate::event::{KindSet, Window};
use crate::ledger::damage::{Damage, Problem};
use crate::scan::block_scan::BlockScan;
use crate::scan::chunk_scan::scan_chunk;
use crate::scan::evtx::chunk::{Place, place};
use crate::scan::evtx::log::{CHUNK_SIZE, FILE_HEADER_SIZE};
use crate::scan::evtx::walk::Walk;
use crate::scan::extent::Extent;
use crate::scan::located::Start;
use crate::scan::read::BlockBuffer;
use crate::scan::salvage::recover::Recoverer;
use crate::scan::skim::select::Skimmer;

/// The place of a chunk that is to be looked at.
#[derive(Debug, Clone)]
pub(super) struct ChunkPlace {
    /// Where it lies in the file.
    pub range: Range<u64>,
    /// What the chunk is numbered.
    pub number: u64,
    /// Where the first deleted chunk begins in its free space, or its end: from there on, no
    /// deleted record is one of this chunk.
    pub own_end: u64,
}

impl ChunkPlace {
    /// A place in a log without a deleted chunk in it.
    pub(super) fn whole(range: Range<u64>) -> Self {
        ChunkPlace { number: chunk_number(range.start), own_end: range.end, range }
    }
}

/// The number of the chunk of a log that starts there, or of the place in which it does.
pub(super) fn chunk_number(offset: u64) -> u64 {
    offset.saturating_sub(FILE_HEADER_SIZE) / CHUNK_SIZE
}

/// Looks at the places of chunks in what was read, with memory that is used again.
#[derive(Debug)]
pub(super) struct PlaceScanner {
    pub buffer: BlockBuffer,
    /// Counts what need not be decoded; `None` to decode everything.
    pub skimmer: Option<Skimmer>,
    /// The kinds of events that are read.
    pub kinds: KindSet,
    /// The period that was asked for: how many DNS queries lie in it is counted.
    pub window: Window,
    walk: Walk,
    /// Looks for deleted records; `None` where these are not asked for.
    pub recovery: Option<Recoverer>,
}

impl PlaceScanner {
    /// One that reads events of those kinds, all that `skimmer` leaves or, without one, all there
    /// are.
    pub(super) fn new(skimmer: Option<Skimmer>, kinds: KindSet) -> Self {
        PlaceScanner {
            buffer: BlockBuffer::default(),
            skimmer,
            kinds,
            window: Window::default(),
            walk: Walk::default(),
            recovery: None,
        }
    }

    /// Looks at the place of one chunk, and says what its bytes are; they are not added to the
    /// tally.
    pub(super) fn scan_place(&mut self, chunk: &ChunkPlace, scan: &mut BlockScan) -> Extent {
        let length = chunk.range.end - chunk.range.start;
        let before = scan.tally.damaged_chunks;
        let empty_before = scan.tally.empty_chunks;
        let is_there = length == 0 || self.buffer.reaches(chunk.range.start);
        let is_chunk = self.look_at_place(chunk, scan);
        if !is_there {
            Extent::Absent
        } else if length < CHUNK_SIZE && !is_chunk {
            Extent::Trailing
        } else if scan.tally.damaged_chunks > before {
            Extent::Damaged
        } else if scan.tally.empty_chunks > empty_before {
            Extent::Empty
        } else {
            Extent::Good
        }
    }

    /// Looks at the place of one chunk, and says whether it begins as a chunk does.
    fn look_at_place(&mut self, chunk: &ChunkPlace, scan: &mut BlockScan) -> bool {
        let ChunkPlace { range, number, own_end } = chunk.clone();
        let mut read = self.buffer.part(range.clone());
        scan.tally.chunks += 1;
        scan.bytes_read += read.bytes_read();
        match place(read.bytes) {
            Place::Chunk => {
                scan.signed_chunks += 1;
                scan.chunks_end = scan.chunks_end.max(range.end);
                if let Some(recoverer) = &mut self.recovery {
                    let own = usize::try_from(own_end - range.start).unwrap_or(usize::MAX);
                    recoverer.keep(read.bytes.get(..own).unwrap_or(read.bytes));
                }
                let at = Start { number, offset: range.start };
                let wanted = (self.kinds, &self.window);
                scan_chunk(&mut read, at, &mut self.walk, self.skimmer.as_mut(), wanted, scan);
                if let Some(recoverer) = &mut self.recovery {
                    recoverer.recover(Start { number, offset: range.start }, scan);
                }
                return true;
            }
            // What cannot be read is zeros too, but not a chunk that was never used.
            Place::Unused if read.problems.is_empty() => {
                // Nor is one that was cut off with the file: whether the file's header counts it is
                // asked once all of the log is read.
                scan.tally.empty_chunks += 1;
            }
            Place::Unused => {}
            Place::Foreign => {
                if let Some(recoverer) = &mut self.recovery {
                    recoverer.keep(read.bytes);
                    recoverer.recover(Start { number, offset: range.start }, scan);
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

    /// Decodes chunks of a log that lie off their places, and says that they do.
    pub(super) fn scan_off_grid<'c>(
        &mut self,
        chunks: impl Iterator<Item = &'c Range<u64>>,
        scan: &mut BlockScan,
    ) {
        for chunk in chunks {
            // What lies behind the chunk's beginning is looked at once more, as the places that it
            // lies in.
            let bytes = self.buffer.part(chunk.clone()).bytes.to_vec();
            let mut found = BlockScan::default();
            let extent = self.scan_place(&ChunkPlace::whole(chunk.clone()), &mut found);
            self.buffer.part(chunk.clone()).bytes.copy_from_slice(&bytes);
            let length = chunk.end - chunk.start;
            *extent.of(&mut found.tally.extents) += length;
            scan.problems.push(Problem { offset: chunk.start, length, damage: Damage::ChunkOffGrid });
            scan.add_off_grid(found);
        }
    }

    /// Looks for records in deleted chunks, if deleted records are asked for. Decoding the chunk
    /// that they lie in has not changed them.
    pub(super) fn recover_deleted<'c>(
        &mut self,
        deleted: impl Iterator<Item = &'c Range<u64>>,
        scan: &mut BlockScan,
    ) {
        let Some(recoverer) = &mut self.recovery else { return };
        for range in deleted {
            let at = Start { number: chunk_number(range.start), offset: range.start };
            recoverer.recover_deleted(self.buffer.part(range.clone()).bytes, at, scan);
        }
    }

    /// Notes how much of bytes could be read that are looked at otherwise.
    pub(super) fn note_reading(&mut self, range: Range<u64>, scan: &mut BlockScan) {
        let read = self.buffer.part(range);
        scan.bytes_read += read.bytes_read();
        for problem in read.problems {
            scan.problems.push(problem);
        }
    }
}
