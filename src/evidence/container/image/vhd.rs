//! VHD disk images. A fixed VHD is a disk as it is, with a footer. A dynamic VHD has the disk in
//! blocks, and a table of where they are. All numbers are big-endian.

use std::io;
use std::sync::Arc;

use super::blocks::{BlockDisk, BlockMap, BlockPlace, note_unreadable};
use super::cache::Paged;
use super::fields::Fields;
use super::outcome::Problems;
use super::{Image, ImageError, Opening};
use crate::evidence::layer::{SharedSource, Slice, read_exact, read_up_to};

/// The first bytes of the footer of a VHD.
pub(super) const COOKIE: &[u8] = b"conectix";

/// The size of the footer of a VHD, in bytes.
pub(super) const FOOTER: u64 = 512;

/// The size of the header of a dynamic VHD, in bytes.
const DYNAMIC_HEADER: usize = 1024;

/// The entry of a dynamic VHD's block table for a block that is not stored and reads as zeros.
const NOT_STORED: u32 = u32::MAX;

/// The block sizes of a dynamic VHD that are read, in bytes. Other sizes are taken for damage.
const BLOCK_SIZES: std::ops::RangeInclusive<u32> = 512..=(256 << 20);

pub(super) fn open(opening: &Opening<'_>) -> Result<Image, ImageError> {
    let mut problems = Problems::default();
    let footer = read_footer(opening, &mut problems)?;
    let fields = Fields(&footer);
    let size = fields.be64(48);
    opening.check_size(size)?;
    let disk = match fields.be32(60) {
        2 => fixed(opening, size, &mut problems),
        3 => dynamic(opening, fields.be64(16), size, &mut problems)?,
        4 => return Err(ImageError::Unsupported("a differencing VHD, which needs its parent disk,".into())),
        other => {
            return Err(opening.problem("footer", "disk type 2 or 3", other.to_string()).into());
        }
    };
    let mut image = Image::of(disk);
    image.problems = problems.finish(opening.name);
    Ok(image)
}

/// Returns the footer at the end of a VHD. If its checksum is wrong, returns the copy at the start
/// of the file, which dynamic VHDs have, or else the damaged footer, and adds a problem. Fails if
/// there is no footer at all.
fn read_footer(opening: &Opening<'_>, problems: &mut Problems) -> Result<Vec<u8>, ImageError> {
    let length = usize::try_from(FOOTER).unwrap_or(0);
    let end = opening.first.size().saturating_sub(FOOTER);
    let read = |at| read_up_to(opening.first.as_ref(), at, length).map_err(|error| opening.failed(error));
    let last = read(end)?;
    let Err(found) = check_sum(&last, COOKIE, 64) else { return Ok(last) };
    let first = read(0)?;
    let place = format!("footer at byte {end}");
    let problem = opening.problem(&place, "`conectix` and the footer's checksum", found);
    if check_sum(&first, COOKIE, 64).is_ok() {
        problems.push(problem);
        return Ok(first);
    }
    if last.starts_with(COOKIE) && last.len() == length {
        problems.push(problem);
        return Ok(last);
    }
    Err(problem.into())
}

/// Checks a VHD header: that it begins with `cookie`, and that the checksum at the offset `at` is
/// the complement of the sum of all other bytes. The error says what was found.
fn check_sum(header: &[u8], cookie: &[u8], at: usize) -> Result<(), String> {
    if !header.starts_with(cookie) {
        return Err("other bytes".into());
    }
    let stated = Fields(header).be32(at);
    let others = header.iter().enumerate().filter(|(place, _)| !(at..at + 4).contains(place));
    let sum = !others.fold(0_u32, |sum, (_, byte)| sum.wrapping_add(u32::from(*byte)));
    if sum == stated { Ok(()) } else { Err(format!("checksum {stated:#010x} where {sum:#010x} is due")) }
}

/// Returns the `size` bytes of the disk in a fixed VHD. If the file is cut off before the last of
/// them, reads of the missing bytes fail, and a problem is added.
fn fixed(opening: &Opening<'_>, size: u64, problems: &mut Problems) -> SharedSource {
    let there = opening.first.size().saturating_sub(FOOTER);
    if there < size {
        let expected = format!("a disk of {size} bytes before the footer");
        problems.push(opening.problem("size", expected, format!("{there} bytes")).at(there..size));
    }
    // The footer is not a part of the disk, even where bytes of the disk are due.
    let stored: SharedSource = Arc::new(Slice::new(Arc::clone(&opening.first), 0, there));
    Arc::new(Slice::new(stored, 0, size))
}

fn dynamic(
    opening: &Opening<'_>,
    at: u64,
    size: u64,
    problems: &mut Problems,
) -> Result<SharedSource, ImageError> {
    let file = &opening.first;
    let header = read_exact(file.as_ref(), at, DYNAMIC_HEADER).map_err(|error| opening.failed(error))?;
    let place = format!("dynamic header at byte {at}");
    if let Err(found) = check_sum(&header, b"cxsparse", 36) {
        let problem = opening.problem(&place, "`cxsparse` and the header's checksum", found);
        if !header.starts_with(b"cxsparse") {
            return Err(problem.into());
        }
        problems.push(problem);
    }
    let fields = Fields(&header);
    let (table, entries, block) = (fields.be64(16), fields.be32(28), fields.be32(32));
    if !BLOCK_SIZES.contains(&block) || !block.is_power_of_two() {
        let expected = "blocks of 512 to 268435456 bytes, a power of two";
        return Err(opening.problem(&place, expected, format!("{block} bytes")).into());
    }
    let block = u64::from(block);
    let stored = u64::from(entries).min(file.size().saturating_sub(table) / 4);
    let bitmap = (block / 512).div_ceil(8).next_multiple_of(512);
    let map = DynamicVhd { tables: Paged::only(Arc::clone(file)), size, block, bitmap, table, stored };
    note_unreadable(&map, file.size(), opening.name, problems);
    Ok(Arc::new(BlockDisk::new(map)))
}

/// The map of a dynamic VHD, which says where the blocks of the disk are stored. Before each stored
/// block there is a bitmap of its sectors. The bitmap is skipped, because it matters only to disks
/// that have a parent disk.
struct DynamicVhd {
    tables: Paged,
    size: u64,
    block: u64,
    bitmap: u64,
    table: u64,
    stored: u64,
}

impl BlockMap for DynamicVhd {
    fn size(&self) -> u64 {
        self.size
    }

    fn block_size(&self) -> u64 {
        self.block
    }

    fn locate(&self, block: u64) -> io::Result<BlockPlace<'_>> {
        if block >= self.stored {
            let message = format!("block {block} has no entry in the block table of {} blocks", self.stored);
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        let sector = u32::from_be_bytes(self.tables.array(self.table + block * 4)?);
        if sector == NOT_STORED {
            return Ok(BlockPlace::Zeros);
        }
        Ok(BlockPlace::Plain(self.tables.source(), u64::from(sector) * 512 + self.bitmap))
    }
}
