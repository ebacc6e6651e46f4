//! Carving: chunks of event logs wherever they lie in the bytes of a file that is none, such as a
//! disk image, a page file, a memory dump or unallocated space.
//!
//! A chunk is taken at every 512th byte, the least unit in which disks are written, at which its
//! signature stands and the checksum of its header holds, but among the records of another. Its
//! bytes end where the next such chunk begins: what was overwritten is not read as a part of it. A
//! signature whose header's checksum does not hold is a problem that is reported, unless it is
//! among the live records of a chunk: where such a chunk's records lie is anyone's guess. So is a
//! sound header that lies in another chunk, which begins none.

use crate::ledger::damage::Problem;
use crate::scan::salvage::embedding::{Embedding, Header};

/// Bytes of a sector: the least unit in which disks are written.
pub(in crate::scan) const SECTOR: usize = 512;

/// What begins at sectors as chunks do.
#[derive(Debug, Default)]
pub(in crate::scan) struct Headers {
    /// Where chunks begin.
    pub starts: Vec<u64>,
    /// Headers that begin none.
    pub others: Vec<Problem>,
}

impl Headers {
    /// Those in bytes that lie `start` bytes into their file, from there.
    pub(in crate::scan) fn find(bytes: &[u8], start: u64) -> Self {
        let mut found = Headers::default();
        let mut embedding = Embedding::default();
        for at in (0..bytes.len()).step_by(SECTOR) {
            let offset = start + at as u64;
            match embedding.header(bytes, at) {
                Header::Begins => found.starts.push(offset),
                Header::Other(length, damage) => {
                    found.others.push(Problem { offset, length: length as u64, damage });
                }
                Header::None => {}
            }
        }
        found
    }
}
