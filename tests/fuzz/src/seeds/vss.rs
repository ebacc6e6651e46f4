//! Inputs with which fuzzing of the target `vss` begins: volumes with shadow copies. An input has
//! the first 512 bytes of each block of a volume.

/// The size in bytes of a block of shadow copies. An input has the first 512 bytes of each block.
const BLOCK: u64 = 16 * 1024;
/// The bytes with which every structure of shadow copies begins.
const IDENTIFIER: [u8; 16] =
    [0x6b, 0x87, 0x08, 0x38, 0x76, 0xc1, 0x48, 0x4e, 0xb7, 0xae, 0x04, 0x04, 0x6e, 0x6c, 0xc7, 0x52];

/// Returns inputs with one to three shadow copies. The blocks that a shadow copy keeps are kept
/// whole, as parts, and by reference to another block.
pub fn seeds() -> Vec<(String, Vec<u8>)> {
    (1..=3).map(|snapshots| (format!("snapshots-{snapshots}"), volume(snapshots))).collect()
}

/// Returns an input with this number of shadow copies: a volume's header, its catalog, for each
/// shadow copy a header, two lists of blocks and two bitmaps, and eight further blocks.
fn volume(snapshots: u64) -> Vec<u8> {
    let mut bytes = structure(1, &[], &[0, 0x1e00, 0, BLOCK]);
    let catalog: Vec<[u64; 16]> = (0..snapshots).flat_map(|number| entries(number, snapshots)).collect();
    let catalog: Vec<u8> = catalog.iter().flatten().flat_map(|number| number.to_le_bytes()).collect();
    bytes.extend(structure(2, &catalog[..catalog.len().min(384)], &[0, BLOCK, BLOCK * (2 + snapshots * 5)]));
    for number in 0..snapshots {
        let first = (2 + number * 5) * BLOCK;
        let data = (3 + snapshots * 5) * BLOCK;
        bytes.extend(structure(4, &[0; 64], &[]));
        let list = |entries: &[[u64; 4]]| -> Vec<u8> {
            entries.iter().flatten().flat_map(|number| number.to_le_bytes()).collect()
        };
        let plain = [data, 0, data + (1 + number) * BLOCK, 0];
        let forward = [data + 2 * BLOCK, data + 3 * BLOCK, 0, 1];
        let overlay = [data + 4 * BLOCK, 1, data + 5 * BLOCK, (0x0f << 32) | 2];
        bytes.extend(structure(3, &list(&[plain, forward]), &[0, first + BLOCK, first + 2 * BLOCK]));
        bytes.extend(structure(3, &list(&[overlay]), &[0, first + 2 * BLOCK, 0]));
        bytes.extend(structure(6, &[0xff; 8], &[0, first + 3 * BLOCK, 0]));
        bytes.extend(structure(6, &[0x77; 8], &[0, first + 4 * BLOCK, 0]));
    }
    bytes.extend(structure(2, &catalog[catalog.len().min(384)..], &[0, BLOCK * (2 + snapshots * 5), 0]));
    bytes.resize(bytes.len() + 8 * 512, 0);
    bytes
}

/// Returns the two entries that a shadow copy has in the catalog of shadow copies.
fn entries(number: u64, snapshots: u64) -> [[u64; 16]; 2] {
    let first = (2 + number * 5) * BLOCK;
    let mut snapshot = [0; 16];
    snapshot[..7].copy_from_slice(&[
        2,
        (11 + snapshots * 5) * BLOCK,
        1,
        number,
        number,
        0x40,
        1_300 + number,
    ]);
    let mut store = [0; 16];
    store[..10].copy_from_slice(&[
        3,
        first + BLOCK,
        1,
        number,
        first,
        0,
        first + 3 * BLOCK,
        0,
        0,
        first + 4 * BLOCK,
    ]);
    [snapshot, store]
}

/// Returns the first 512 bytes of a structure of shadow copies: the type `kind`, the numbers that
/// follow the type, and the content after the header.
fn structure(kind: u32, content: &[u8], numbers: &[u64]) -> Vec<u8> {
    let mut bytes = IDENTIFIER.to_vec();
    bytes.extend([1_u32.to_le_bytes(), kind.to_le_bytes()].concat());
    bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    bytes.resize(128, 0);
    bytes.extend(content);
    bytes.resize(512, 0);
    bytes
}
