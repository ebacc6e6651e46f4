//! VHDX disk images: a disk in blocks, and a table of where they are. The region table says where
//! the block table and the metadata are, and the metadata has the sizes. All numbers are
//! little-endian.

use std::io;
use std::sync::Arc;

use super::blocks::{BlockDisk, BlockMap, BlockPlace, note_unreadable};
use super::cache::Paged;
use super::fields::Fields;
use super::outcome::Problems;
use super::{Image, ImageError, ImageProblem, Opening};
use crate::evidence::layer::read_exact;

/// The offsets of a VHDX file's two headers.
const HEADERS: [u64; 2] = [64 << 10, 128 << 10];
/// The number of bytes of a VHDX file's header that the header's checksum covers.
const HEADER_LENGTH: usize = 4096;

/// The offsets of the two copies of a VHDX file's region table.
const REGION_TABLES: [u64; 2] = [192 << 10, 256 << 10];
/// The number of bytes of a VHDX file's region table that the table's checksum covers.
const REGION_TABLE_LENGTH: usize = 64 << 10;

/// The size of a VHDX file's metadata table, in bytes.
const METADATA_TABLE_LENGTH: usize = 64 << 10;

/// The maximum number of entries that a region table or a metadata table of a VHDX file can have,
/// by the format's specification.
const MOST_ENTRIES: u16 = 2047;

// Identifiers as they are stored: the first three groups of digits byte by byte in reverse.
const BLOCK_TABLE_REGION: [u8; 16] =
    [0x66, 0x77, 0xc2, 0x2d, 0x23, 0xf6, 0x00, 0x42, 0x9d, 0x64, 0x11, 0x5e, 0x9b, 0xfd, 0x4a, 0x08];
const METADATA_REGION: [u8; 16] =
    [0x06, 0xa2, 0x7c, 0x8b, 0x90, 0x47, 0x9a, 0x4b, 0xb8, 0xfe, 0x57, 0x5f, 0x05, 0x0f, 0x88, 0x6e];
const FILE_PARAMETERS: [u8; 16] =
    [0x37, 0x67, 0xa1, 0xca, 0x36, 0xfa, 0x43, 0x4d, 0xb3, 0xb6, 0x33, 0xf0, 0xaa, 0x44, 0xe7, 0x6b];
const DISK_SIZE: [u8; 16] =
    [0x24, 0x42, 0xa5, 0x2f, 0x1b, 0xcd, 0x76, 0x48, 0xb2, 0x11, 0x5d, 0xbe, 0xd8, 0x3b, 0xf4, 0xb8];
const SECTOR_SIZE: [u8; 16] =
    [0x1d, 0xbf, 0x41, 0x81, 0x6f, 0xa9, 0x09, 0x47, 0xba, 0x47, 0xf2, 0x33, 0xa8, 0xfa, 0xab, 0x5f];

pub(super) fn open(opening: &Opening<'_>) -> Result<Image, ImageError> {
    let mut problems = Problems::default();
    check_headers(opening, &mut problems)?;
    let regions = read_regions(opening, &mut problems)?;
    let parameters = read_metadata(opening, regions.metadata)?;
    opening.check_size(parameters.size)?;
    let map = DynamicVhdx::new(opening, &regions, &parameters);
    note_unreadable(&map, opening.first.size(), opening.name, &mut problems);
    let mut image = Image::of(Arc::new(BlockDisk::new(map)));
    image.problems = problems.finish(opening.name);
    Ok(image)
}

/// Checks the two headers of a VHDX file, and fails if the checksums of both are wrong. If the
/// newer valid header names a log, the disk was not closed when it was copied, and its last writes
/// are only in that log. The log is not applied; a problem says so.
fn check_headers(opening: &Opening<'_>, problems: &mut Problems) -> Result<(), ImageError> {
    let read = |at| read_checked(opening, at, HEADER_LENGTH, b"head");
    let headers: Vec<Vec<u8>> = HEADERS.into_iter().filter_map(|at| read(at).ok()).collect();
    let Some(newest) = headers.iter().max_by_key(|header| Fields(header).le64(8)) else {
        let place = "headers at bytes 65536 and 131072";
        return Err(opening.problem(place, "`head` and a CRC-32C that fits", "neither").into());
    };
    if Fields(newest).array(48) != [0; 16] {
        let expected = "an empty log, as of a disk that was closed";
        let found = "a log with writes that are not applied: the disk is read as it was before them";
        problems.push(opening.problem("log", expected, found));
    }
    Ok(())
}

/// Reads `length` bytes at the offset `at` of a VHDX file, which must begin with `signature` and a
/// CRC-32C of all `length` bytes, computed with zeros in its own place. The error says what was
/// found.
fn read_checked(opening: &Opening<'_>, at: u64, length: usize, signature: &[u8]) -> Result<Vec<u8>, String> {
    let mut bytes = read_exact(opening.first.as_ref(), at, length).map_err(|error| error.to_string())?;
    if !bytes.starts_with(signature) {
        return Err("other bytes".into());
    }
    let stated = Fields(&bytes).le32(4);
    if let Some(field) = bytes.get_mut(4..8) {
        field.fill(0);
    }
    let sum = crc32c(&bytes);
    if sum == stated { Ok(bytes) } else { Err(format!("CRC-32C {stated:#010x} where {sum:#010x} is due")) }
}

/// Returns the CRC-32C (Castagnoli) of `bytes`. It is computed without a table, because headers are
/// short.
fn crc32c(bytes: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = (sum >> 1) ^ if sum & 1 == 1 { 0x82f6_3b78 } else { 0 };
        }
    }
    !sum
}

/// A range of a VHDX file, in bytes, that the file's region table lists: the range of the block
/// table, or that of the metadata.
#[derive(Clone, Copy)]
struct Region {
    start: u64,
    length: u64,
}

struct Regions {
    block_table: Region,
    metadata: Region,
}

fn read_regions(opening: &Opening<'_>, problems: &mut Problems) -> Result<Regions, ImageError> {
    let mut last = None;
    for at in REGION_TABLES {
        let place = format!("region table at byte {at}");
        match read_checked(opening, at, REGION_TABLE_LENGTH, b"regi") {
            Ok(table) => {
                if let Some(problem) = last {
                    problems.push(problem);
                }
                return parse_regions(opening, &table, &place);
            }
            Err(found) => last = Some(opening.problem(&place, "`regi` and a CRC-32C that fits", found)),
        }
    }
    let place = "region tables at bytes 196608 and 262144";
    Err(opening.problem(place, "`regi` and a CRC-32C that fits", "neither").into())
}

fn parse_regions(opening: &Opening<'_>, table: &[u8], place: &str) -> Result<Regions, ImageError> {
    let count = Fields(table).le32(8).min(MOST_ENTRIES.into());
    let (mut block_table, mut metadata) = (None, None);
    let entries = table.get(16..).unwrap_or_default().chunks_exact(32);
    for entry in entries.take(count.try_into().unwrap_or(0)) {
        let fields = Fields(entry);
        let region = Region { start: fields.le64(16), length: fields.le32(24).into() };
        match fields.array(0) {
            BLOCK_TABLE_REGION => block_table = Some(region),
            METADATA_REGION => metadata = Some(region),
            _ if fields.le32(28) & 1 == 1 => {
                return Err(ImageError::Unsupported(
                    "a VHDX with a required region of an unknown kind".into(),
                ));
            }
            _ => {}
        }
    }
    match (block_table, metadata) {
        (Some(block_table), Some(metadata)) => Ok(Regions { block_table, metadata }),
        _ => Err(opening.problem(place, "a block table and metadata", "one of them or none").into()),
    }
}

struct Parameters {
    size: u64,
    block: u64,
    sector: u64,
}

fn read_metadata(opening: &Opening<'_>, region: Region) -> Result<Parameters, ImageError> {
    let place = format!("metadata at byte {}", region.start);
    let file = opening.first.as_ref();
    let failed = |error| opening.failed(error);
    let table = read_exact(file, region.start, METADATA_TABLE_LENGTH).map_err(failed)?;
    if !table.starts_with(b"metadata") {
        return Err(opening.problem(&place, "`metadata`", "other bytes").into());
    }
    let count = Fields(&table).le16(10).min(MOST_ENTRIES);
    let (mut parameters, mut size, mut sector) = (None, None, None);
    for entry in table.get(32..).unwrap_or_default().chunks_exact(32).take(count.into()) {
        let fields = Fields(entry);
        let kind: [u8; 16] = fields.array(0);
        if ![FILE_PARAMETERS, DISK_SIZE, SECTOR_SIZE].contains(&kind) {
            continue;
        }
        let at = region.start.saturating_add(fields.le32(16).into());
        let item = read_exact(file, at, if kind == SECTOR_SIZE { 4 } else { 8 }).map_err(failed)?;
        let item = Fields(&item);
        match kind {
            FILE_PARAMETERS => parameters = Some((item.le32(0), item.le32(4))),
            DISK_SIZE => size = Some(item.le64(0)),
            _ => sector = Some(item.le32(0)),
        }
    }
    let (Some((block, flags)), Some(size), Some(sector)) = (parameters, size, sector) else {
        let expected = "the sizes of the disk, of its blocks and of its sectors";
        return Err(opening.problem(&place, expected, "not all of them").into());
    };
    if flags & 2 != 0 {
        return Err(ImageError::Unsupported("a differencing VHDX, which needs its parent disk,".into()));
    }
    check_sizes(opening, &place, block, sector)?;
    Ok(Parameters { size, block: block.into(), sector: sector.into() })
}

fn check_sizes(opening: &Opening<'_>, place: &str, block: u32, sector: u32) -> Result<(), ImageProblem> {
    if !block.is_power_of_two() || !(1 << 20..=256 << 20).contains(&block) {
        let expected = "blocks of 1 to 256 MiB, a power of two";
        return Err(opening.problem(place, expected, format!("{block} bytes")));
    }
    if sector != 512 && sector != 4096 {
        return Err(opening.problem(place, "sectors of 512 or 4096 bytes", format!("{sector} bytes")));
    }
    Ok(())
}

/// The map of a VHDX disk, fixed or dynamic. In the block table, every `ratio` entries are followed
/// by an entry for a bitmap of sectors. That entry is skipped, because it matters only to disks
/// that have a parent disk.
struct DynamicVhdx {
    tables: Paged,
    size: u64,
    block: u64,
    ratio: u64,
    table: u64,
    entries: u64,
}

impl DynamicVhdx {
    fn new(opening: &Opening<'_>, regions: &Regions, parameters: &Parameters) -> Self {
        let table = regions.block_table;
        let length = table.length.min(opening.first.size().saturating_sub(table.start));
        DynamicVhdx {
            tables: Paged::only(Arc::clone(&opening.first)),
            size: parameters.size,
            block: parameters.block,
            ratio: ((1_u64 << 23) * parameters.sector / parameters.block).max(1),
            table: table.start,
            entries: length / 8,
        }
    }
}

impl BlockMap for DynamicVhdx {
    fn size(&self) -> u64 {
        self.size
    }

    fn block_size(&self) -> u64 {
        self.block
    }

    fn locate(&self, block: u64) -> io::Result<BlockPlace<'_>> {
        let invalid = |message| Err(io::Error::new(io::ErrorKind::InvalidData, message));
        let number = block + block / self.ratio;
        if number >= self.entries {
            return invalid(format!("block {block} has no entry in the table of {} entries", self.entries));
        }
        let entry = u64::from_le_bytes(self.tables.array(self.table + number * 8)?);
        match entry & 7 {
            // Not present, undefined, zero, unmapped: without a parent, all of these are zeros.
            0..=3 => Ok(BlockPlace::Zeros),
            6 => Ok(BlockPlace::Plain(self.tables.source(), entry >> 20 << 20)),
            state => invalid(format!(
                "block {block}: expected state 0 to 3 or 6 in the block table, found state {state}"
            )),
        }
    }
}
