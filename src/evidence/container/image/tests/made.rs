//! Builds small disk images for tests and fuzz targets. It shares no code with the readers of
//! images, so that it cannot repeat their mistakes.

use std::io::Write;

use flate2::write::{DeflateEncoder, ZlibEncoder};

pub(super) use ewf::{e01, ex01};
pub(super) use vhdx::a_vhdx;

#[path = "made/ewf.rs"]
pub(super) mod ewf;
#[path = "made/vhdx.rs"]
mod vhdx;

/// Returns the bytes of a disk, rounded up to whole sectors. Its parts of 4 KiB are by turns
/// random, repetitive and zero, so that some can be packed and some are not stored.
pub(super) fn disk(length: usize) -> Vec<u8> {
    let mut state = 7_u64;
    let mut bytes: Vec<u8> = (0..length)
        .map(|at| match at / 4096 % 4 {
            0 => {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                state.to_be_bytes()[0]
            }
            1 => u8::try_from(at / 7 % 251).unwrap(),
            2 => 0,
            _ => u8::try_from(at % 10).unwrap() + b'0',
        })
        .collect();
    bytes.resize(length.next_multiple_of(512), 0);
    bytes
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn vhd_footer(size: usize, kind: u32, header: u64) -> Vec<u8> {
    let mut footer = b"conectix".to_vec();
    footer.resize(16, 0);
    footer.extend(header.to_be_bytes());
    footer.resize(48, 0);
    footer.extend((size as u64).to_be_bytes());
    footer.resize(60, 0);
    footer.extend(kind.to_be_bytes());
    footer.resize(512, 0);
    put_vhd_sum(&mut footer, 64);
    footer
}

fn put_vhd_sum(header: &mut [u8], at: usize) {
    let sum = header.iter().map(|byte| u32::from(*byte)).sum::<u32>();
    header[at..at + 4].copy_from_slice(&(!sum).to_be_bytes());
}

pub(super) fn fixed_vhd(disk: &[u8]) -> Vec<u8> {
    [disk, &vhd_footer(disk.len(), 2, u64::MAX)].concat()
}

/// Returns a dynamic VHD of `disk` with blocks of 4,096 bytes, of which those of zeros are not
/// stored. `kind` is the kind of disk that its footer states.
pub(super) fn dynamic_vhd(disk: &[u8], kind: u32) -> Vec<u8> {
    let footer = vhd_footer(disk.len(), kind, 512);
    let blocks: Vec<&[u8]> = disk.chunks(4096).collect();
    let mut header = b"cxsparse".to_vec();
    header.extend(u64::MAX.to_be_bytes());
    header.extend(1536_u64.to_be_bytes());
    header.resize(28, 0);
    header.extend(u32::try_from(blocks.len()).unwrap().to_be_bytes());
    header.extend(4096_u32.to_be_bytes());
    header.resize(1024, 0);
    put_vhd_sum(&mut header, 36);
    let (mut table, mut data) = (Vec::new(), Vec::new());
    let start = (1536 + blocks.len() * 4).next_multiple_of(512);
    for block in blocks {
        if block.iter().all(|byte| *byte == 0) {
            table.extend([0xff; 4]);
            continue;
        }
        table.extend(u32::try_from((start + data.len()) / 512).unwrap().to_be_bytes());
        data.extend([0xff; 512]);
        data.extend(block);
        data.resize(data.len().next_multiple_of(512) + 4096 - block.len(), 0);
    }
    table.resize(start - 1536, 0xff);
    [footer.clone(), header, table, data, footer].concat()
}

/// Returns a QCOW2 (version 3) of `disk` with clusters (blocks of the disk) of 512 bytes. Clusters
/// of zeros are not stored, and every second one of the others is packed. `features` are the bits
/// in the header for the features that a reader must know.
pub(super) fn qcow2(disk: &[u8], features: u64) -> Vec<u8> {
    let clusters: Vec<&[u8]> = disk.chunks(512).collect();
    let tables = clusters.len().div_ceil(64);
    let mut out = b"QFI\xfb\0\0\0\x03".to_vec();
    out.resize(20, 0);
    out.extend(9_u32.to_be_bytes());
    out.extend((disk.len() as u64).to_be_bytes());
    out.extend(0_u32.to_be_bytes());
    out.extend(u32::try_from(tables).unwrap().to_be_bytes());
    out.extend(512_u64.to_be_bytes());
    out.resize(72, 0);
    out.extend(features.to_be_bytes());
    out.resize(512, 0);
    let first_length = (tables * 8).next_multiple_of(512);
    for table in 0..tables {
        out.extend(((512 + first_length + table * 512) as u64 | 1 << 63).to_be_bytes());
    }
    out.resize(512 + first_length, 0);
    let (start, mut data) = (512 + first_length + tables * 512, Vec::new());
    for (number, cluster) in clusters.iter().enumerate() {
        let at = (start + data.len()) as u64;
        let entry = if cluster.iter().all(|byte| *byte == 0) {
            // The mark of a cluster of zeros counts although the cluster has a place.
            if number % 8 == 0 { 512 | 1 } else { 0 }
        } else if number % 2 == 0 {
            let mut encoder = DeflateEncoder::new(Vec::new(), flate2::Compression::best());
            encoder.write_all(cluster).unwrap();
            let packed = encoder.finish().unwrap();
            data.extend(&packed);
            let further = (at + packed.len() as u64 - 1) / 512 - at / 512;
            at | further << 61 | 1 << 62
        } else {
            data.resize((start + data.len()).next_multiple_of(512) - start, 0);
            let at = (start + data.len()) as u64;
            data.extend(*cluster);
            at | 1 << 63
        };
        out.extend(entry.to_be_bytes());
    }
    out.resize(start, 0);
    [out, data].concat()
}

/// Returns a sparse VMDK of `disk` with grains (blocks of the disk) of 8 sectors and tables of 4
/// entries. Grains of zeros are not stored. If `packed` is true, the others are deflated, and only
/// a footer says where the directory of the tables is.
pub(super) fn vmdk(disk: &[u8], packed: bool) -> Vec<u8> {
    let header = |directory: u64| {
        let mut header = b"KDMV\x01\0\0\0".to_vec();
        header.extend((if packed { 3 << 16 } else { 4_u32 }).to_le_bytes());
        header.extend((disk.len() as u64 / 512).to_le_bytes());
        header.extend(8_u64.to_le_bytes());
        header.resize(44, 0);
        header.extend(4_u32.to_le_bytes());
        header.resize(56, 0);
        header.extend(directory.to_le_bytes());
        header.resize(77, 0);
        header.push(u8::from(packed));
        header.resize(512, 0);
        header
    };
    let mut out = header(if packed { u64::MAX } else { 1 });
    let grains: Vec<&[u8]> = disk.chunks(4096).collect();
    let tables = grains.len().div_ceil(4);
    // Each table takes a sector.
    for table in 0..tables {
        out.extend(u32::try_from(2 + table).unwrap().to_le_bytes());
    }
    out.resize(1024, 0);
    let mut data = Vec::new();
    for (number, grain) in grains.iter().enumerate() {
        let at = u32::try_from((1024 + tables * 512 + data.len()) / 512).unwrap();
        let zeros = grain.iter().all(|byte| *byte == 0);
        out.extend(if zeros { u32::from(!packed) } else { at }.to_le_bytes());
        if !zeros {
            if packed {
                let stream = deflated(grain);
                data.extend((number as u64 * 8).to_le_bytes());
                data.extend(u32::try_from(stream.len()).unwrap().to_le_bytes());
                data.extend(stream);
            } else {
                data.extend(*grain);
            }
            data.resize(data.len().next_multiple_of(512), 0);
        }
        if number % 4 == 3 {
            out.resize(out.len().next_multiple_of(512), 0);
        }
    }
    out.resize(1024 + tables * 512, 0);
    out.extend(data);
    if packed {
        out.extend(header(1));
        out.extend([0; 512]);
    }
    out
}

/// Makes the checksums of a changed image right again, as a forger of an image would. Otherwise a
/// reader would refuse a changed header before it reads the changed bytes.
pub(super) fn put_sums(bytes: &mut [u8]) {
    if bytes.starts_with(b"EVF2") {
        ewf::put_ex01_sums(bytes);
    } else if bytes.starts_with(b"EVF") {
        ewf::put_e01_sums(bytes);
    } else if bytes.starts_with(b"vhdxfile") {
        vhdx::put_sums(bytes);
    } else {
        let end = bytes.len().saturating_sub(512);
        for (at, length, sum) in [(0, 512, 64), (end, 512, 64), (512, 1024, 36)] {
            if let Some(header) = bytes.get_mut(at..at + length).filter(|header| header[0] == b'c') {
                header[sum..sum + 4].fill(0);
                put_vhd_sum(header, sum);
            }
        }
    }
}
