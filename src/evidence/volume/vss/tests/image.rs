//! Makes volumes with shadow copies for tests, byte by byte.

use proptest::prelude::*;

use crate::evidence::volume::vss::chain::IDENTIFIER;
use crate::evidence::volume::vss::{BLOCK_SIZE, Guid};

const BLOCK: usize = 16384;
/// The number of the block of 16 KiB at which the store of the first snapshot begins. A store keeps
/// the old content of overwritten blocks. Blocks 0 and 1 contain the header of shadow copies and
/// the catalog, which lists the snapshots.
const FIRST_STORE: u64 = 2;
/// The number of blocks that the structures of a snapshot's store take: its header, two blocks of
/// the list of the blocks whose old content it keeps, a list of the ranges of the volume that the
/// store takes, the bitmap of blocks that the snapshot did not use, and the previous snapshot's
/// bitmap.
const STORE_BLOCKS: u64 = 6;

/// An entry of the block list of a snapshot's store, which says where the content is that a block
/// had when the snapshot was taken. `original` is the number of that block. `stored` is the number
/// of the block of the volume that has the old content. If the content was moved to another block
/// instead (flag 1), `relative` is the number of that block. If only some parts of 512 bytes are
/// kept (flag 2), `parts` has a set bit for each of them.
#[derive(Debug, Clone)]
pub struct Descriptor {
    pub original: u64,
    pub relative: u64,
    pub stored: u64,
    pub flags: u32,
    pub parts: u32,
}

impl Descriptor {
    pub fn plain(original: u64, stored: u64) -> Self {
        Descriptor { original, relative: 7, stored, flags: 0, parts: 0 }
    }

    pub fn forward(original: u64, relative: u64) -> Self {
        Descriptor { original, relative, stored: 0, flags: 1, parts: 0 }
    }

    pub fn overlay(original: u64, stored: u64, parts: u32) -> Self {
        Descriptor { original, relative: 1, stored, flags: 2, parts }
    }
}

/// A snapshot (shadow copy) of a volume that tests make, with the entries and bitmaps of its store.
/// The store keeps the old content of overwritten blocks.
#[derive(Debug, Clone)]
pub struct StoreImage {
    pub descriptors: Vec<Descriptor>,
    /// The numbers of the blocks that were not in use when the snapshot was taken. The store's
    /// bitmap has a set bit for each of them.
    pub bitmap: Vec<u64>,
    pub previous_bitmap: Option<Vec<u64>>,
    pub created: u64,
    /// The size of the snapshot that the catalog states, in bytes. `None` stands for the size of
    /// the volume.
    pub size: Option<u64>,
    pub is_elsewhere: bool,
}

impl StoreImage {
    pub fn of(descriptors: Vec<Descriptor>) -> Self {
        StoreImage {
            descriptors,
            bitmap: Vec::new(),
            previous_bitmap: None,
            created: 0,
            size: None,
            is_elsewhere: false,
        }
    }
}

/// A volume with shadow copies that tests make. The content differs from block to block, so that
/// bytes that were read show which block they were read from.
#[derive(Debug, Clone)]
pub struct Image {
    /// The size of the volume in bytes.
    pub size: u64,
    /// The snapshots (shadow copies), each with its store, in the order in which the catalog of the
    /// volume lists them.
    pub stores: Vec<StoreImage>,
}

/// Returns a block with a structure of shadow copies: a header of 128 bytes and `content`. The
/// header states the record type `kind`, the offset `at` of this block, and the offset `next` of
/// the block in which the structure goes on, or 0.
fn structure(kind: u32, at: u64, next: u64, content: &[u8]) -> Vec<u8> {
    let mut bytes = IDENTIFIER.0.to_vec();
    for number in [1, kind] {
        bytes.extend(number.to_le_bytes());
    }
    for number in [0, at, next, 0] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.resize(128, 0);
    bytes.extend(content);
    bytes.resize(BLOCK, 0);
    bytes
}

fn guid(number: u8) -> Guid {
    Guid([number, 0, 0, 0, 0xdf, 0x5b, 0xe3, 0x11, 0x9d, 0x6c, 0, 0x50, 0x56, 0xc0, 0, 8])
}

fn bits(blocks: &[u64]) -> Vec<u8> {
    let mut bits = vec![0; BLOCK - 128];
    for block in blocks {
        bits[usize::try_from(block / 8).unwrap()] |= 1 << (block % 8);
    }
    bits
}

fn put(bytes: &mut [u8], at: u64, content: &[u8]) {
    let at = usize::try_from(at).unwrap();
    bytes[at..at + content.len()].copy_from_slice(content);
}

/// Returns the offset on the volume, in bytes, of a structure of a snapshot's store. `store` is the
/// snapshot's position in the catalog, from 0. `structure` is 0 for the store's header, 1 and 2 for
/// the two blocks of its block list, 3 for the list of the ranges of the volume that the store
/// takes, 4 for the bitmap of unused blocks, and 5 for the previous snapshot's bitmap.
pub fn place(store: usize, structure: u64) -> u64 {
    (FIRST_STORE + store as u64 * STORE_BLOCKS + structure) * BLOCK_SIZE
}

impl Image {
    pub fn new(blocks: u64) -> Self {
        Image { size: blocks * BLOCK_SIZE, stores: Vec::new() }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes: Vec<u8> = (0..self.size / 8)
            .flat_map(|word| word.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23).to_le_bytes())
            .collect();
        self.put_boot_sectors(&mut bytes);
        let mut header = structure(1, 0x1e00, 0, &[]);
        put(&mut header, 32, &0x1e00_u64.to_le_bytes());
        put(&mut header, 40, &[0; 8]);
        put(&mut header, 48, &BLOCK_SIZE.to_le_bytes());
        put(&mut bytes, 0x1e00, &header[..512]);
        put(&mut bytes, BLOCK_SIZE, &structure(2, BLOCK_SIZE, 0, &self.catalog()));
        for (index, store) in self.stores.iter().enumerate() {
            Self::put_store(&mut bytes, index, store);
        }
        bytes
    }

    /// Writes boot sectors into the volume, without which libvshadow would not take it for an NTFS
    /// volume.
    fn put_boot_sectors(&self, bytes: &mut [u8]) {
        let mut sector = vec![0; 512];
        put(&mut sector, 0, b"\xeb\x52\x90NTFS    ");
        put(&mut sector, 11, &[0, 2, 8]);
        sector[21] = 0xf8;
        put(&mut sector, 40, &(self.size / 512 - 1).to_le_bytes());
        put(&mut sector, 48, &4_u64.to_le_bytes());
        put(&mut sector, 56, &2_u64.to_le_bytes());
        put(&mut sector, 64, &[0xf6, 0, 0, 0, 1]);
        put(&mut sector, 510, &[0x55, 0xaa]);
        put(bytes, 0, &sector);
        put(bytes, self.size - 512, &sector);
    }

    fn catalog(&self) -> Vec<u8> {
        let mut entries = Vec::new();
        for (index, store) in self.stores.iter().enumerate() {
            let id = guid(u8::try_from(index + 1).unwrap());
            let mut entry = |kind: u64, second: u64, rest: &[u64]| {
                let start = entries.len();
                entries.extend([kind.to_le_bytes(), second.to_le_bytes()].concat());
                entries.extend(id.0);
                entries.extend(rest.iter().flat_map(|number| number.to_le_bytes()));
                entries.resize(start + 128, 0);
            };
            let created =
                if store.created == 0 { 130_000_000_000_000_000 + index as u64 } else { store.created };
            entry(2, store.size.unwrap_or(self.size), &[index as u64 + 1, 0x40, created]);
            if !store.is_elsewhere {
                let previous = store.previous_bitmap.as_ref().map_or(0, |_| place(index, 5));
                let places = [place(index, 0), place(index, 3), place(index, 4), 0, BLOCK_SIZE, previous, 1];
                entry(3, place(index, 1), &places);
            }
        }
        entries
    }

    fn put_store(bytes: &mut [u8], index: usize, store: &StoreImage) {
        let mut info = vec![0; 16];
        let number = u8::try_from(index).unwrap();
        info.extend(guid(0x11 + number).0);
        info.extend(guid(0x21 + number).0);
        info.extend([0x1d, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0x42, 0, 0, 0, 0, 0]);
        let name: Vec<u8> = "HÖST.example".encode_utf16().flat_map(u16::to_le_bytes).collect();
        for _ in 0..2 {
            info.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
            info.extend(&name);
        }
        let at = |structure| place(index, structure);
        put(bytes, at(0), &structure(4, at(0), 0, &info));
        let entries: Vec<u8> = store.descriptors.iter().flat_map(Self::entry).collect();
        // Half in each of the two lists.
        let (first, second) = entries.split_at(store.descriptors.len() / 2 * 32);
        put(bytes, at(1), &structure(3, at(1), at(2), first));
        put(bytes, at(2), &structure(3, at(2), 0, second));
        let range: Vec<u8> =
            [at(0), 0, STORE_BLOCKS * BLOCK_SIZE].into_iter().flat_map(u64::to_le_bytes).collect();
        put(bytes, at(3), &structure(5, at(3), 0, &range));
        put(bytes, at(4), &structure(6, at(4), 0, &bits(&store.bitmap)));
        put(
            bytes,
            at(5),
            &structure(6, at(5), 0, &bits(store.previous_bitmap.as_deref().unwrap_or_default())),
        );
    }

    fn entry(entry: &Descriptor) -> Vec<u8> {
        let places = [entry.original, entry.relative, entry.stored].map(|block| block * BLOCK_SIZE);
        let mut bytes: Vec<u8> = places.into_iter().flat_map(u64::to_le_bytes).collect();
        bytes.extend(entry.flags.to_le_bytes());
        bytes.extend(entry.parts.to_le_bytes());
        bytes
    }
}

/// Generates volumes with one to three snapshots, which have any entries in the block lists of
/// their stores. The last block of a volume may be short. The entries are about few blocks, so that
/// several entries are about the same block.
pub fn any_image() -> impl Strategy<Value = Image> {
    let flags = prop::sample::select(vec![0, 0, 0x88, 0x08, 1, 1, 1, 2, 2, 0x82, 4, 5]);
    let places = (20..33_u64, 20..33_u64, 20..35_u64);
    let descriptor =
        (places, flags, any::<u32>()).prop_map(|((original, relative, stored), flags, parts)| {
            let stored = if flags & 1 == 0 { stored } else { 0 };
            Descriptor { original, relative, stored, flags, parts }
        });
    let blocks = || prop::collection::vec(18..36_u64, 0..12);
    let store = (prop::collection::vec(descriptor, 0..24), blocks(), prop::option::of(blocks()));
    let stores = prop::collection::vec(store, 1..=3);
    (stores, 0..32_u64).prop_map(|(stores, missing)| {
        let of = |(descriptors, bitmap, previous_bitmap)| StoreImage {
            bitmap,
            previous_bitmap,
            ..StoreImage::of(descriptors)
        };
        Image { size: 36 * BLOCK_SIZE - missing * 512, stores: stores.into_iter().map(of).collect() }
    })
}
