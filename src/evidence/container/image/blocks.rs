//! Disks whose bytes an image stores in blocks of equal size, in any order. VHD, VHDX, VMDK, QCOW2
//! and E01 share this module: each has a map that says where a block is.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use super::cache::BlockCache;
use super::outcome::{ImageProblem, Problems};
use crate::evidence::layer::{SharedSource, Source};
use crate::evidence::source::LogBytes;

/// The maximum number of bytes of unpacked blocks that one image keeps in memory, so that several
/// reads of small parts do not unpack the same block again and again.
pub(super) const UNPACKED_LIMIT: usize = 4 << 20;

/// Where an image stores the bytes of one block of its disk.
pub(super) enum BlockPlace<'a> {
    /// The image does not store the block, because all of its bytes are zero.
    Zeros,
    /// The image stores the block as it is. Contains the file, and the offset of the block's first
    /// byte in the file.
    Plain(&'a SharedSource, u64),
    /// The image stores the block packed or with a checksum, so that [`BlockMap::unpack`] has to
    /// read it.
    Packed,
}

/// A map from the blocks of a disk to the places in which an image stores them. Each image format
/// has a map of its own.
pub(super) trait BlockMap: Send + Sync {
    /// Returns the size of the disk in bytes.
    fn size(&self) -> u64;

    /// Returns the size of a block in bytes, which is never 0. The disk's last block may be
    /// shorter.
    fn block_size(&self) -> u64;

    /// Returns where the image stores the block with the number `block`, counted from 0.
    fn locate(&self, block: u64) -> io::Result<BlockPlace<'_>>;

    /// Reads all bytes of a block for which [`BlockMap::locate`] returned [`BlockPlace::Packed`].
    /// `into` is as long as the block; for the last block, as long as the rest of the disk.
    fn unpack(&self, block: u64, into: &mut [u8]) -> io::Result<()> {
        let _ = into;
        Err(io::Error::other(format!("block {block} is not packed")))
    }
}

/// The maximum number of blocks of one disk whose places `note_unreadable` checks: enough for a
/// disk of 4 TiB in blocks of 1 MiB. Bounds the time to open an image.
const MOST_LOOKED_AT: u64 = 1 << 22;

/// Adds a problem to `problems` for each range of the disk that cannot be read: blocks that have no
/// valid place, and the bytes of blocks that lie beyond `end`, the end of the file of the image. A
/// file that was cut off has such blocks. `name` is the name of the image for the problem.
///
/// Call this only for formats with large blocks, whose tables of the blocks' places are short
/// enough to be read whole when the image is opened.
pub(super) fn note_unreadable(map: &impl BlockMap, end: u64, name: &str, problems: &mut Problems) {
    let (size, length) = (map.size(), map.block_size());
    let mut open: Option<(Range<u64>, String)> = None;
    let mut note = |lost: Option<(Range<u64>, String)>| {
        let Some((range, found)) = lost else { return };
        let expected = "blocks that lie in the file";
        problems.push(ImageProblem::new(format!("{name}, block table"), expected, found).at(range));
    };
    for block in 0..size.div_ceil(length).min(MOST_LOOKED_AT) {
        let mut range = block * length..(block + 1).saturating_mul(length).min(size);
        let found = match map.locate(block) {
            Ok(BlockPlace::Plain(_, start)) if start.saturating_add(range.end - range.start) > end => {
                range.start += end.saturating_sub(start);
                format!("block {block} at byte {start} of a file of {end} bytes")
            }
            Ok(_) => continue,
            Err(error) => error.to_string(),
        };
        match &mut open {
            Some((lost, _)) if lost.end == range.start => lost.end = range.end,
            _ => note(open.replace((range, found))),
        }
    }
    note(open);
}

/// The disk of an image that is read block by block, through the map of its format. Several threads
/// can read at the same time. A read fails if it touches a block that cannot be read; a read of
/// neighbouring blocks does not.
pub(super) struct BlockDisk<M> {
    map: M,
    unpacked: Arc<BlockCache>,
    /// The number, counted from 0, of the file of the image that has the blocks of this disk. It
    /// tells apart the blocks of several files in the cache that they share.
    file: usize,
}

impl<M: BlockMap> BlockDisk<M> {
    pub(super) fn new(map: M) -> Self {
        Self::of_file(map, 0, &Arc::new(BlockCache::new(UNPACKED_LIMIT)))
    }

    /// Returns the part of a disk that the file with the number `file` of an image contains. All
    /// files of the image share the cache `unpacked`, so that many files take no more memory than
    /// one.
    pub(super) fn of_file(map: M, file: usize, unpacked: &Arc<BlockCache>) -> Self {
        BlockDisk { map, unpacked: Arc::clone(unpacked), file }
    }

    fn read_block(&self, block: u64, within: u64, piece: &mut [u8]) -> io::Result<()> {
        match self.map.locate(block)? {
            BlockPlace::Zeros => piece.fill(0),
            BlockPlace::Plain(source, start) => {
                let start = start.saturating_add(within);
                let read = source.read_at(start, piece)?;
                if read < piece.len() {
                    let wanted = piece.len();
                    return Err(io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        format!("block {block}: expected {wanted} bytes at byte {start}, found {read}"),
                    ));
                }
            }
            BlockPlace::Packed => self.read_packed(block, within, piece)?,
        }
        Ok(())
    }

    fn read_packed(&self, block: u64, within: u64, piece: &mut [u8]) -> io::Result<()> {
        let size = self.map.block_size();
        let length = size.min(self.map.size().saturating_sub(block.saturating_mul(size)));
        let length = usize::try_from(length).map_err(io::Error::other)?;
        if piece.len() == length {
            return self.map.unpack(block, piece);
        }
        let unpacked = self.unpacked.get(self.file, block, || {
            let mut bytes = vec![0; length];
            self.map.unpack(block, &mut bytes)?;
            Ok(bytes)
        })?;
        let start = usize::try_from(within).map_err(io::Error::other)?;
        let from = unpacked.get(start..start + piece.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        piece.copy_from_slice(from);
        Ok(())
    }
}

impl<M: BlockMap> LogBytes for BlockDisk<M> {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.map.size().saturating_sub(offset);
        let total = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let size = self.map.block_size();
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..total).filter(|rest| !rest.is_empty()) {
            let at = offset + filled as u64;
            let (block, within) = (at / size, at % size);
            let wanted = usize::try_from(size - within).unwrap_or(usize::MAX).min(rest.len());
            self.read_block(block, within, rest.get_mut(..wanted).unwrap_or_default())?;
            filled += wanted;
        }
        Ok(total)
    }
}

impl<M: BlockMap> Source for BlockDisk<M> {
    fn size(&self) -> u64 {
        self.map.size()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk of eight packed blocks of 1 MiB, each filled with the same byte.
    struct Filled(u8);

    impl BlockMap for Filled {
        fn size(&self) -> u64 {
            8 << 20
        }

        fn block_size(&self) -> u64 {
            1 << 20
        }

        fn locate(&self, _: u64) -> io::Result<BlockPlace<'_>> {
            Ok(BlockPlace::Packed)
        }

        fn unpack(&self, _: u64, into: &mut [u8]) -> io::Result<()> {
            into.fill(self.0);
            Ok(())
        }
    }

    #[test]
    fn files_of_an_image_share_the_memory_for_unpacked_blocks() {
        let unpacked = Arc::new(BlockCache::new(UNPACKED_LIMIT));
        let disks: Vec<_> =
            (1..=50).map(|byte| BlockDisk::of_file(Filled(byte), byte.into(), &unpacked)).collect();
        for offset in [5, (1 << 20) - 2, 7 << 20, 5] {
            for (disk, byte) in disks.iter().zip(1..) {
                let mut buffer = [0; 4];
                assert_eq!(disk.read_at(offset, &mut buffer).unwrap(), 4);
                assert_eq!(buffer, [byte; 4], "a block of another file was read");
                assert!(unpacked.bytes() <= UNPACKED_LIMIT);
            }
        }
    }
}
