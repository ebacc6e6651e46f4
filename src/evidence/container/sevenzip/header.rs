//! The header of a 7z archive: which files it has, and in which packed blocks their bytes are.
//! Format: `7zFormat.txt` of the LZMA SDK, where a block is called a folder.
//!
//! Every count and size is checked against the header's own size before memory is taken.

use std::ops::Range;

use super::block::{Block, Part};
use super::coder::{Coder, Stage};
use super::fields::{Fields, broken, cut_off};
use super::files::FileEntry;
use super::key::Keys;
use crate::base::deflate::Crc;
use crate::evidence::container::{MOST_MEMBERS, NotListed};
use crate::evidence::layer::{SharedSource, read_exact};

/// The maximum number of bytes that the header of a 7z archive may have, packed or unpacked: 256
/// MiB.
const MOST_HEADER: u64 = 256 << 20;
/// The most times that the header of a 7z archive may be packed, one packing inside another.
/// Programs pack it once.
const MOST_PACKINGS: usize = 4;
/// The size in bytes of the signature header, with which a 7z archive begins. Offsets that the
/// archive states count from the end of the signature header.
const SIGNATURE_HEADER: u64 = 32;

/// The numbers of the fields in the header of a 7z archive.
pub(super) mod field {
    pub const END: u8 = 0x00;
    pub const HEADER: u8 = 0x01;
    pub const ARCHIVE_PROPERTIES: u8 = 0x02;
    pub const MAIN_STREAMS: u8 = 0x04;
    pub const FILES: u8 = 0x05;
    pub const PACKED_STREAMS: u8 = 0x06;
    pub const BLOCKS: u8 = 0x07;
    pub const PARTS: u8 = 0x08;
    pub const SIZES: u8 = 0x09;
    pub const CHECKSUMS: u8 = 0x0A;
    pub const CODERS: u8 = 0x0B;
    pub const UNPACKED_SIZES: u8 = 0x0C;
    pub const PART_COUNTS: u8 = 0x0D;
    pub const PACKED_HEADER: u8 = 0x17;
}

/// What the header of a 7z archive lists: the archive's blocks of packed bytes, and its files in
/// the archive's order.
#[derive(Default)]
pub(super) struct Listing {
    pub blocks: Vec<Block>,
    pub files: Vec<FileEntry>,
}

/// Reads the header of a 7z archive. `keys` has the passwords for an encrypted header.
pub(super) fn read(archive: &SharedSource, keys: &Keys) -> Result<Listing, NotListed> {
    let Some(mut header) = first_header(archive)? else { return Ok(Listing::default()) };
    for _ in 0..=MOST_PACKINGS {
        let mut fields = Fields::new(&header);
        match fields.byte()? {
            field::HEADER => return listing(archive, &mut fields),
            field::PACKED_HEADER => {
                let blocks = blocks(archive, &mut fields)?;
                header = unpacked_header(blocks.first().ok_or_else(cut_off)?, keys)?;
            }
            other => return Err(broken(format!("expected a header, found the field {other:#04x}"))),
        }
    }
    Err(broken(format!("expected a header that is packed at most {MOST_PACKINGS} times, found more")))
}

/// Returns the bytes of the header that the first 32 bytes of the 7z archive point to. The header
/// may be packed. Returns `None` if the archive has no files.
fn first_header(archive: &SharedSource) -> Result<Option<Vec<u8>>, NotListed> {
    let size = archive.size();
    if size < SIGNATURE_HEADER {
        return Err(broken(format!("expected {SIGNATURE_HEADER} bytes at its start, found {size}")));
    }
    let start = read_exact(&**archive, 0, 32)?;
    let mut fields = Fields::new(&start);
    fields.bytes(6)?;
    let (major, _minor) = (fields.byte()?, fields.byte()?);
    if major != 0 {
        return Err(NotListed::Unsupported(format!("expected the major version 0, found {major}")));
    }
    let stated = u32_of(fields.bytes(4)?);
    let pointer = fields.bytes(20)?;
    if crc32(pointer) != stated {
        return Err(broken("the CRC-32 of its first 32 bytes is not the stated one".to_owned()));
    }
    let mut pointer = Fields::new(pointer);
    let (offset, length) = (u64_of(pointer.bytes(8)?), u64_of(pointer.bytes(8)?));
    let stated = u32_of(pointer.bytes(4)?);
    if length == 0 {
        return Ok(None);
    }
    let begin = offset.saturating_add(SIGNATURE_HEADER);
    if begin.saturating_add(length) > size {
        return Err(broken(format!(
            "expected its list of files in {length} bytes at offset {begin}, found the archive's end at {size}"
        )));
    }
    check_header_size(length)?;
    let length = usize::try_from(length).expect("it was just checked");
    let header = read_exact(&**archive, begin, length)?;
    if crc32(&header) != stated {
        return Err(broken("the CRC-32 of its list of files is not the stated one".to_owned()));
    }
    Ok(Some(header))
}

fn check_header_size(size: u64) -> Result<(), NotListed> {
    if size > MOST_HEADER {
        return Err(broken(format!("expected a list of files of at most {MOST_HEADER} bytes, found {size}")));
    }
    Ok(())
}

/// Returns the CRC-32 of some bytes.
fn crc32(bytes: &[u8]) -> u32 {
    let mut sum = Crc::new();
    sum.update(bytes);
    sum.sum()
}

fn u32_of(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(*bytes.first_chunk().expect("the caller read four bytes"))
}

fn u64_of(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(*bytes.first_chunk().expect("the caller read eight bytes"))
}

/// Unpacks the header of a 7z archive that is packed in `block`. Fails if it is too large, or if it
/// cannot be unpacked or decrypted.
fn unpacked_header(block: &Block, keys: &Keys) -> Result<Vec<u8>, NotListed> {
    check_header_size(block.size())?;
    let key = block.key(keys).map_err(NotListed::Encrypted)?;
    let mut header = Vec::new();
    let mut reader = block.reader(key).map_err(NotListed::Unsupported)?;
    std::io::Read::read_to_end(&mut reader, &mut header)
        .map_err(|error| broken(format!("its packed list of files cannot be unpacked: {error}")))?;
    if !block.parts.iter().all(|part| part.checksum.is_none_or(|stated| stated == crc32(&header))) {
        return Err(broken("the CRC-32 of its unpacked list of files is not the stated one".to_owned()));
    }
    Ok(header)
}

/// Reads the header of a 7z archive that is not packed, or was unpacked before. `fields` are its
/// bytes.
fn listing(archive: &SharedSource, fields: &mut Fields<'_>) -> Result<Listing, NotListed> {
    let mut listing = Listing::default();
    loop {
        match fields.byte()? {
            field::END => return Ok(listing),
            field::ARCHIVE_PROPERTIES => {
                while fields.byte()? != field::END {
                    fields.sized()?;
                }
            }
            field::MAIN_STREAMS => listing.blocks = blocks(archive, fields)?,
            field::FILES => listing.files = super::files::read(fields, &listing.blocks)?,
            other => {
                return Err(NotListed::Unsupported(format!("its header has the unknown field {other:#04x}")));
            }
        }
    }
}

/// Reads from a 7z header where the streams of packed bytes are in the archive, and the blocks that
/// are unpacked from them.
fn blocks(archive: &SharedSource, fields: &mut Fields<'_>) -> Result<Vec<Block>, NotListed> {
    let (mut streams, mut chains) = (Vec::new(), Vec::new());
    loop {
        match fields.byte()? {
            field::PACKED_STREAMS => streams = packed_streams(fields)?,
            field::BLOCKS => chains = block_chains(fields)?,
            field::PARTS => {
                let parts = parts(fields, &chains)?;
                return joined(archive, streams, chains.into_iter().zip(parts));
            }
            field::END => {
                let whole: Vec<_> = chains
                    .iter()
                    .map(|chain| vec![Part { start: 0, size: chain.size, checksum: chain.checksum }])
                    .collect();
                return joined(archive, streams, chains.into_iter().zip(whole));
            }
            other => return Err(broken(format!("expected packed streams, found the field {other:#04x}"))),
        }
    }
}

/// Reads from a 7z header where the streams of packed bytes are. Returns the range of the archive
/// that each stream takes.
fn packed_streams(fields: &mut Fields<'_>) -> Result<Vec<Range<u64>>, NotListed> {
    let mut start = fields.number()?.saturating_add(SIGNATURE_HEADER);
    let count = fields.count()?;
    let mut streams = Vec::new();
    loop {
        match fields.byte()? {
            field::END => return Ok(streams),
            field::SIZES => {
                for _ in 0..count {
                    let end = start.saturating_add(fields.number()?);
                    streams.push(start..end);
                    start = end;
                }
            }
            field::CHECKSUMS => drop(fields.checksums(count)?),
            other => return Err(broken(format!("expected sizes of streams, found the field {other:#04x}"))),
        }
    }
}

/// How a block of a 7z archive is unpacked. Where the block's packed bytes are, and which parts
/// (files) it has, is not known yet: the header states that separately.
struct Chain {
    /// The stages of unpacking the 7z block, in the order in which they follow one another; or the
    /// reason why dnsweep cannot unpack the block.
    stages: Result<Vec<Stage>, String>,
    /// The number of streams of packed bytes in the archive that the block is unpacked from.
    streams: usize,
    /// The size in bytes of the unpacked block of the 7z archive.
    size: u64,
    /// The CRC-32 of the unpacked block of the 7z archive, if the header states it.
    checksum: Option<u32>,
}

impl Chain {
    /// Returns the CRC-32 of the unpacked 7z block, if it is stated and the block has only one part
    /// (file), so that it is also the CRC-32 of the part. `parts` is the number of the block's
    /// parts.
    fn whole(&self, parts: usize) -> Option<u32> {
        self.checksum.filter(|_| parts == 1)
    }
}

/// Reads from a 7z header how each block of the archive is unpacked.
fn block_chains(fields: &mut Fields<'_>) -> Result<Vec<Chain>, NotListed> {
    expect_field(fields, field::CODERS)?;
    let count = fields.count()?;
    if fields.byte()? != 0 {
        return Err(NotListed::Unsupported("its blocks are described in another stream".to_owned()));
    }
    let coders = (0..count).map(|_| Coder::read_all(fields)).collect::<Result<Vec<_>, _>>()?;
    expect_field(fields, field::UNPACKED_SIZES)?;
    let mut chains = Vec::new();
    for coders in coders {
        let sizes = (0..coders.outputs).map(|_| fields.number()).collect::<Result<Vec<_>, _>>()?;
        let (stages, size) = coders.in_order(&sizes)?;
        chains.push(Chain { stages, streams: coders.streams, size, checksum: None });
    }
    loop {
        match fields.byte()? {
            field::END => return Ok(chains),
            field::CHECKSUMS => {
                let checksums = fields.checksums(chains.len())?;
                chains.iter_mut().zip(checksums).for_each(|(chain, checksum)| chain.checksum = checksum);
            }
            other => {
                return Err(broken(format!("expected checksums of blocks, found the field {other:#04x}")));
            }
        }
    }
}

fn expect_field(fields: &mut Fields<'_>, expected: u8) -> Result<(), NotListed> {
    match fields.byte()? {
        found if found == expected => Ok(()),
        found => Err(broken(format!("expected the field {expected:#04x} of the header, found {found:#04x}"))),
    }
}

/// Reads from a 7z header how each block is divided into parts, each of which is a file. `chains`
/// describes how the blocks are unpacked.
fn parts(fields: &mut Fields<'_>, chains: &[Chain]) -> Result<Vec<Vec<Part>>, NotListed> {
    let mut next = fields.byte()?;
    let mut counts = vec![1; chains.len()];
    if next == field::PART_COUNTS {
        counts = chains.iter().map(|_| fields.number()).collect::<Result<_, _>>()?;
        next = fields.byte()?;
    }
    let total = counts.iter().fold(0, |total: u64, count| total.saturating_add(*count));
    if total > MOST_MEMBERS as u64 {
        return Err(NotListed::TooMany { most: MOST_MEMBERS, found: total });
    }
    let has_sizes = next == field::SIZES;
    let mut parts = Vec::new();
    for (chain, count) in chains.iter().zip(&counts) {
        parts.push(sized_parts(fields, chain, *count, has_sizes)?);
    }
    if has_sizes {
        next = fields.byte()?;
    }
    if next == field::CHECKSUMS {
        // A block that is one file has its checksum already.
        let without =
            chains.iter().zip(&mut parts).filter(|(chain, parts)| chain.whole(parts.len()).is_none());
        let mut without: Vec<_> = without.flat_map(|(_, parts)| parts).collect();
        let checksums = fields.checksums(without.len())?;
        without.iter_mut().zip(checksums).for_each(|(part, checksum)| part.checksum = checksum);
        next = fields.byte()?;
    }
    if next != field::END {
        return Err(broken(format!("expected the end of the parts of blocks, found the field {next:#04x}")));
    }
    fields.end()?;
    Ok(parts)
}

/// Reads the `count` parts (files) of a block from a 7z header. If `has_sizes` is true, the header
/// states the sizes of all but the last part, which has the rest of the block.
fn sized_parts(
    fields: &mut Fields<'_>,
    chain: &Chain,
    count: u64,
    has_sizes: bool,
) -> Result<Vec<Part>, NotListed> {
    let (mut parts, mut start) = (Vec::new(), 0_u64);
    let checksum = usize::try_from(count).ok().and_then(|count| chain.whole(count));
    for index in 1..=count {
        let rest = chain.size - start;
        let size = if index == count || !has_sizes { rest } else { fields.number()? };
        if size > rest {
            return Err(broken(format!("expected files of {} bytes in a block, found more", chain.size)));
        }
        parts.push(Part { start, size, checksum });
        start += size;
    }
    Ok(parts)
}

/// Returns the blocks of a 7z archive. Each takes as many of the packed streams as its description
/// says, in order, because the archive has the streams in the order of the blocks.
fn joined(
    archive: &SharedSource,
    streams: Vec<Range<u64>>,
    chains: impl Iterator<Item = (Chain, Vec<Part>)>,
) -> Result<Vec<Block>, NotListed> {
    let mut streams = streams.into_iter();
    let mut block = |(chain, parts): (Chain, Vec<Part>)| {
        let packed = streams.next().ok_or_else(cut_off)?;
        streams.by_ref().take(chain.streams.saturating_sub(1)).for_each(drop);
        Ok(Block::new(archive, packed, chain.stages, parts))
    };
    chains.map(&mut block).collect()
}
