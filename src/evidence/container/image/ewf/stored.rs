//! Reads an EWF chunk (a block of the disk) of an E01 or Ex01 image, once it is known where a
//! segment (a file of the image) stores the chunk.

use std::io;
use std::ops::Range;

use simd_adler32::adler32;

use super::super::inflate::{Header, Workers};
use super::super::outcome::ImageProblem;
use crate::evidence::layer::Source;

/// An EWF chunk (a block in which an E01 or Ex01 image stores the disk), with its place and its
/// packing in the image.
pub(super) struct StoredChunk<'a> {
    /// The number of the EWF chunk (block of the disk), counted from 0 at the start of the disk.
    pub(super) number: u64,
    /// The range of the disk's bytes that the EWF chunk contains.
    pub(super) range: Range<u64>,
    /// The size in bytes of an EWF chunk (block of the disk) in this image. Only the last chunk of
    /// the disk may be shorter.
    pub(super) full: u64,
    /// The name of the segment (a file of the image) that stores the EWF chunk, for messages.
    pub(super) name: &'a str,
    pub(super) source: &'a dyn Source,
    /// The offset of the EWF chunk in the segment (a file of the image) that stores it, in bytes.
    pub(super) offset: u64,
    /// The greatest number of bytes that the EWF chunk can take in the segment (a file of the
    /// image) that stores it, including the checksum. The chunk can be shorter: a table of an E01
    /// image states where chunks begin, and not where they end.
    pub(super) length: u64,
    pub(super) packing: ChunkPacking,
}

/// How an E01 or Ex01 image stores an EWF chunk (a block of the disk): deflated or as it is, with
/// or without a checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChunkPacking {
    /// The EWF chunk is deflated, as a zlib stream with a header and an Adler-32.
    Deflated,
    /// The EWF chunk is stored as it is, without a checksum.
    Plain,
    /// The EWF chunk is stored as it is, followed by an Adler-32 of four bytes.
    PlainWithSum,
}

impl StoredChunk<'_> {
    /// Reads the EWF chunk from the image's file into `into`, inflates it if it is deflated, and
    /// verifies the checksum if it has one. `into` is as long as the chunk on the disk. `workers`
    /// are the image's inflaters.
    pub(super) fn read(&self, workers: &Workers, into: &mut [u8]) -> io::Result<()> {
        match self.packing {
            ChunkPacking::Deflated => self.read_deflated(workers, into),
            ChunkPacking::Plain => {
                let read = self.source.read_at(self.offset, into)?;
                let due = into.len();
                if read == due && self.length >= due as u64 {
                    return Ok(());
                }
                Err(self.damaged(format!("{due} bytes"), format!("{}", self.length.min(read as u64))))
            }
            ChunkPacking::PlainWithSum => self.read_plain(workers, into),
        }
    }

    fn damaged(&self, expected: String, found: String) -> io::Error {
        let place = format!("{}, chunk {} at byte {}", self.name, self.number, self.offset);
        ImageProblem::new(place, expected, found).at(self.range.clone()).into()
    }

    fn read_plain(&self, workers: &Workers, into: &mut [u8]) -> io::Result<()> {
        // The last chunk of some tools is as long as the others.
        let length = self.length.saturating_sub(4).min(self.full);
        let length = usize::try_from(length).map_err(io::Error::other)?;
        if length < into.len() {
            return Err(self.damaged(format!("{} bytes", into.len()), format!("{length}")));
        }
        let mut stated = [0; 4];
        let mut read_sum = || self.source.read_at(self.offset.saturating_add(length as u64), &mut stated);
        let (read, sum) = if length == into.len() {
            let read = self.source.read_at(self.offset, into)?;
            (read + read_sum()?, adler32(&&*into))
        } else {
            workers.with(|worker| -> io::Result<_> {
                worker.read(self.source, self.offset, length)?;
                let bytes = worker.packed();
                into.copy_from_slice(bytes.get(..into.len()).unwrap_or_default());
                Ok((length + read_sum()?, adler32(&bytes)))
            })?
        };
        if read < length + 4 {
            let found = format!("{read} before the end of the file");
            return Err(self.damaged(format!("{} bytes", length + 4), found));
        }
        let stated = u32::from_le_bytes(stated);
        if stated == sum {
            return Ok(());
        }
        Err(self.damaged(format!("bytes with Adler-32 {stated:#010x}"), format!("{sum:#010x}")))
    }

    fn read_deflated(&self, workers: &Workers, into: &mut [u8]) -> io::Result<()> {
        let there = self.source.size().saturating_sub(self.offset);
        let length = usize::try_from(self.length.min(there)).map_err(io::Error::other)?;
        let full = usize::try_from(self.full).map_err(io::Error::other)?;
        let inflated = workers.with(|worker| -> io::Result<_> {
            worker.read(self.source, self.offset, length)?;
            if into.len() == full {
                return Ok(worker.inflate(Header::Zlib, into));
            }
            let mut whole = vec![0; full];
            let inflated = worker.inflate(Header::Zlib, &mut whole);
            into.copy_from_slice(whole.get(..into.len()).unwrap_or_default());
            Ok(inflated)
        })?;
        let found = match inflated {
            Ok(length) if length >= into.len() => return Ok(()),
            Ok(length) => format!("{length} bytes"),
            Err(found) => found,
        };
        Err(self.damaged(format!("a deflated chunk of {} bytes", into.len()), found))
    }
}
