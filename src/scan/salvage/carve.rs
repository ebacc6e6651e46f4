//! Carving: finding chunks of event logs anywhere in a file that is not a log, such as a disk
//! image, a page file, a memory dump or unallocated space.
//!
//! A chunk begins at a multiple of 512 bytes, the least unit in which disks are written, if a
//! chunk's signature lies there, the checksum of the header is right, and the header is not nested
//! in another chunk. The chunk ends where the next one begins: bytes that overwrote it are not read
//! as part of it. A signature with a wrong checksum of the header is reported as a problem, because
//! the place of such a chunk's records is uncertain; among the live records of a chunk it is
//! ignored. A sound header that is nested in another chunk begins no chunk and is reported too.

use crate::ledger::damage::Problem;
use crate::scan::salvage::nested::{HeaderKind, Nesting};

/// The size of a disk's sector in bytes, which is the least unit in which disks are written. In a
/// carved file (one that is not a log, but is searched for chunks), chunks begin only at multiples
/// of it.
pub(in crate::scan) const SECTOR: usize = 512;

/// The chunk headers that were found in a part of a carved file: one that is not a log, but is
/// searched for chunks. Only headers at the start of a sector count.
#[derive(Debug, Default)]
pub(in crate::scan) struct Headers {
    /// The offsets, in the file, of those chunk headers that begin a chunk.
    pub starts: Vec<u64>,
    /// The chunk headers that begin no chunk, each as a problem: they are damaged, or nested
    /// (inside another chunk's header or record).
    pub others: Vec<Problem>,
}

impl Headers {
    /// Finds the chunk headers in `bytes`, which lie at offset `start` of a carved file (one that
    /// is not a log, but is searched for chunks). `start` must be a multiple of [`SECTOR`].
    pub(in crate::scan) fn find(bytes: &[u8], start: u64) -> Self {
        let mut found = Headers::default();
        let mut nesting = Nesting::default();
        for at in (0..bytes.len()).step_by(SECTOR) {
            let offset = start + at as u64;
            match nesting.header(bytes, at) {
                HeaderKind::BeginsChunk => found.starts.push(offset),
                HeaderKind::Other(length, damage) => {
                    found.others.push(Problem { offset, length: length as u64, damage });
                }
                HeaderKind::None => {}
            }
        }
        found
    }
}
