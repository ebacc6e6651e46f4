//! Builds a VHDX, and makes the checksums of a changed VHDX right again.

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

/// Returns a VHDX of `disk` with blocks of 1 MiB, of which those of zeros are not stored. `flags`
/// are the flags in the metadata item "file parameters". If `log` is true, the headers name a log,
/// as those of a disk that was not closed do.
pub fn a_vhdx(disk: &[u8], flags: u32, log: bool) -> Vec<u8> {
    let mut out = b"vhdxfile".to_vec();
    for sequence in 1..=2_u64 {
        out.resize(out.len().next_multiple_of(64 << 10), 0);
        let mut header = b"head\0\0\0\0".to_vec();
        header.extend(sequence.to_le_bytes());
        header.resize(48, 0);
        header.extend([u8::from(log); 16]);
        header.resize(4096, 0);
        out.extend(with_crc(header));
    }
    let mut regions = b"regi\0\0\0\0\x02\0\0\0\0\0\0\0".to_vec();
    for (kind, at, length) in
        [(BLOCK_TABLE_REGION, 2_u64 << 20, 1_u32 << 20), (METADATA_REGION, 1 << 20, 1 << 20)]
    {
        regions.extend(kind);
        regions.extend(at.to_le_bytes());
        regions.extend(length.to_le_bytes());
        regions.extend(1_u32.to_le_bytes());
    }
    regions.resize(64 << 10, 0);
    let regions = with_crc(regions);
    out.resize(192 << 10, 0);
    out.extend(&regions);
    out.extend(&regions);
    out.resize(1 << 20, 0);
    out.extend(metadata(disk.len(), flags));
    out.resize(2 << 20, 0);
    let blocks: Vec<&[u8]> = disk.chunks(1 << 20).collect();
    let mut data = Vec::new();
    for block in blocks {
        let stored = block.iter().any(|byte| *byte != 0);
        let entry = (3_u64 << 20) + data.len() as u64;
        out.extend(if stored { entry | 6 } else { 0 }.to_le_bytes());
        if stored {
            data.extend(block);
            data.resize(data.len().next_multiple_of(1 << 20), 0);
        }
    }
    out.resize(3 << 20, 0);
    out.extend(data);
    out
}

fn metadata(size: usize, flags: u32) -> Vec<u8> {
    let items = [
        (FILE_PARAMETERS, [(1_u32 << 20).to_le_bytes(), flags.to_le_bytes()].concat()),
        (DISK_SIZE, (size as u64).to_le_bytes().to_vec()),
        (SECTOR_SIZE, 512_u32.to_le_bytes().to_vec()),
    ];
    let mut table = b"metadata\0\0\x03\0".to_vec();
    table.resize(32, 0);
    let mut data = Vec::new();
    for (kind, item) in items {
        table.extend(kind);
        table.extend(u32::try_from((64 << 10) + data.len()).unwrap().to_le_bytes());
        table.extend(u32::try_from(item.len()).unwrap().to_le_bytes());
        table.resize(table.len() + 8, 0);
        data.extend(item);
    }
    table.resize(64 << 10, 0);
    table.extend(data);
    table
}

fn with_crc(mut bytes: Vec<u8>) -> Vec<u8> {
    let sum = crc32c(&bytes);
    bytes[4..8].copy_from_slice(&sum.to_le_bytes());
    bytes
}

/// Makes the checksums of the two headers and the two region tables of a VHDX right.
pub fn put_sums(bytes: &mut [u8]) {
    let tables = [(64 << 10, 4096), (128 << 10, 4096), (192 << 10, 64 << 10), (256 << 10, 64 << 10)];
    for (at, length) in tables {
        if let Some(table) = bytes.get_mut(at..at + length) {
            table[4..8].fill(0);
            let sum = crc32c(table);
            table[4..8].copy_from_slice(&sum.to_le_bytes());
        }
    }
}

/// Returns the CRC-32C of `bytes`, computed bit by bit from the lowest bit of each byte on.
fn crc32c(bytes: &[u8]) -> u32 {
    let by_bit = |sum: u32, _| if sum & 1 == 0 { sum >> 1 } else { sum >> 1 ^ 0x82f6_3b78 };
    !bytes.iter().fold(!0, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), by_bit))
}
