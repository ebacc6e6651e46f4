//! Partition tables and NTFS volumes: any bytes are read to an end, and what is read of them does
//! not depend on how it is read.

use std::sync::Arc;

use dnsweep::internals::evidence::layer::{SharedSource, Source};
use dnsweep::internals::evidence::source::LogBytes;
use dnsweep::internals::evidence::volume::ntfs::Ntfs;
use dnsweep::internals::evidence::volume::table::Table;

use made::{
    ATTRIBUTE_LIST, CLUSTER, DATA, FILE, FREE, Head, Made, ROOT, Sizes, clusters, clusters_by, list, list_of,
    name, reparse, resident, seal, standard,
};

#[allow(dead_code, reason = "the reader's own tests make more of it")]
#[path = "../../../../src/evidence/volume/ntfs/tests/made.rs"]
mod made;
#[path = "../../../../src/evidence/volume/ntfs/tests/whole.rs"]
mod whole;

/// The number of the first record in the master file table whose content an input decides.
const FIRST: usize = 30;

/// Reads an input as a disk with a partition table, and checks that the partitions and the gaps
/// between them lie on the disk.
pub fn table(data: &[u8]) {
    let size = data.len() as u64;
    let Ok(table) = Table::read(&(Arc::new(data.to_vec()) as SharedSource)) else { return };
    let mut end = 0;
    for gap in &table.gaps {
        assert!(end <= gap.start && gap.start < gap.end && gap.end <= size);
        end = gap.end;
        assert!(
            table
                .partitions
                .iter()
                .all(|part| part.size == 0 || part.end() <= gap.start || gap.end <= part.start)
        );
    }
    for part in &table.partitions {
        assert!(part.size <= size && (part.size == 0 || part.end() <= size));
    }
    assert!(table.problems.iter().all(|problem| problem.fault.to_string().len() < 4096));
}

/// Reads an NTFS volume in whose master file table the records from number [`FIRST`] on are the
/// input. The update sequence of each record is made right.
pub fn record(data: &[u8]) {
    let mut volume = Made::new();
    for (number, bytes) in data.chunks(CLUSTER).take(made::RECORDS - FIRST).enumerate() {
        let mut record = bytes.to_vec();
        record.resize(CLUSTER, 0);
        seal(&mut record);
        volume.put(FREE - made::RECORDS as u64 + (FIRST + number) as u64, &record);
    }
    whole::read_all(volume.0);
}

/// Reads a file of an NTFS volume. The input is the file's run list, after a byte that says whether
/// the file is compressed and whether it is deleted.
pub fn run_list(data: &[u8]) {
    let Some((kind, list)) = data.split_first() else { return };
    let list = &list[..list.len().min(600)];
    let is_compressed = kind & 1 != 0;
    let sizes = Sizes {
        unit_shift: if is_compressed { 4 } else { 0 },
        flags: u16::from(is_compressed),
        ..Sizes::of(u64::from(*kind) << 12)
    };
    let mut volume = Made::new();
    let head = Head { is_in_use: kind & 2 == 0, ..FILE };
    volume.record(FIRST, head, &[name(ROOT, 1, "a.evtx"), clusters_by(DATA, "", sizes, 100, list)]);
    whole::read_all(volume.0);
}

/// Reads a compressed file of an NTFS volume. The input is the file's compressed bytes.
pub fn lznt1(data: &[u8]) {
    let data = &data[..data.len().min(15 * CLUSTER)];
    let count = data.len().div_ceil(CLUSTER).max(1) as u64;
    let sizes = Sizes { unit_shift: 4, flags: 1, ..Sizes::of(16 * CLUSTER as u64) };
    let mut volume = Made::new();
    let runs = [(count, Some(FREE)), (16 - count, None)];
    volume.record(FIRST, FILE, &[name(ROOT, 1, "a.evtx"), clusters(DATA, "", sizes, &runs)]);
    volume.put(FREE, data);
    whole::read_all(volume.0);
}

/// Reads a file of an NTFS volume. The input is the file's attribute list. The master file table
/// has further records of this file, of another file, and of none, to which the list can refer.
pub fn attribute_list(data: &[u8]) {
    let data = &data[..data.len().min(100 * CLUSTER)];
    let mut volume = Made::new();
    let list = clusters(ATTRIBUTE_LIST, "", Sizes::of(data.len() as u64), &[(100, Some(FREE))]);
    volume.record(FIRST, FILE, &[standard(1, 0), name(ROOT, 1, "a.evtx"), list]);
    for (place, base) in [(1, 30), (2, 30), (3, 30), (4, 31), (5, 0)] {
        let sizes = Sizes { first: (place - 1) * 2, ..Sizes::of(6000) };
        let part = clusters(DATA, "", sizes, &[(2, Some(FREE + 100 + place))]);
        let number = FIRST + usize::try_from(place).unwrap_or(0);
        volume.record(number, Head { base: (base, 1), ..FILE }, &[part, resident(DATA, "s", b"stream")]);
    }
    volume.put(FREE, data);
    whole::read_all(volume.0);
}

/// Returns an NTFS volume with a file, and with a deleted file that is compressed.
pub(super) fn with_files() -> Vec<u8> {
    let mut volume = Made::new();
    let runs = [(2, Some(FREE)), (3, None), (4, Some(FREE + 5))];
    let plain = clusters(DATA, "", Sizes::of(9000), &runs);
    volume.record(FIRST, FILE, &[standard(1, 0), name(ROOT, 1, "a.evtx"), plain]);
    let sizes = Sizes { unit_shift: 4, flags: 1, ..Sizes::of(16 * CLUSTER as u64) };
    let packed = clusters(DATA, "", sizes, &[(1, Some(FREE + 20)), (15, None)]);
    let gone = Head { is_in_use: false, sequence: 2, ..FILE };
    volume.record(FIRST + 1, gone, &[name(ROOT, 1, "b.evtx"), packed]);
    volume.put(FREE, b"ElfFile\0");
    volume.put(FREE + 20, &[0x03, 0xB0, 0b10, b'x', 0xFC, 0x0F]);
    volume.0
}

/// Returns the inputs with which fuzzing of volumes begins: the target, a name, and the bytes.
pub fn seeds() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let sizes = Sizes::of(9000);
    let runs = [(2, Some(FREE)), (3, None), (4, Some(FREE + 5))];
    let compressed = Sizes { unit_shift: 4, flags: 1, ..Sizes::of(20_000) };
    let file = [standard(1, 0), name(ROOT, 1, "a.evtx"), clusters(DATA, "", sizes, &runs)];
    let further = [list(&[(31, 1), (32, 1)]), name(ROOT, 2, "B~1.EVT"), reparse(0x8000_0017)];
    let part = [name((33, 1), 1, "b.evtx"), clusters(DATA, "s", compressed, &[(1, Some(FREE)), (15, None)])];
    let gone = Head { is_in_use: false, sequence: 2, ..FILE };
    let records = [
        made::record(FILE, &file),
        made::record(gone, &further),
        made::record(Head { base: (31, 1), ..FILE }, &part),
        made::record(made::FOLDER, &[name(ROOT, 1, "folder")]),
    ];
    let entries = list_of(&[(30, 1), (31, 1), (32, 1), (33, 1), (34, 1), (35, 1)]);
    vec![
        ("table", "mbr", disk_with_mbr()),
        ("table", "gpt", disk_with_gpt()),
        ("ntfs_record", "file", records[0].clone()),
        ("ntfs_record", "all", records.concat()),
        ("run_list", "plain", [&[4], &made::run_list(&runs)[..]].concat()),
        ("run_list", "deleted", [&[6], &made::run_list(&runs)[..]].concat()),
        (
            "run_list",
            "compressed",
            vec![41, 0x21, 0x01, u8::try_from(FREE).unwrap_or(0), 0, 0x01, 0x0F, 0x11, 0x10, 0x20, 0],
        ),
        ("lznt1", "letters", [[0x03, 0xB0, 0b10, b'x', 0xFC, 0x0F].repeat(3), vec![0; 2]].concat()),
        ("lznt1", "stored", [&[0xFF, 0x3F], &made::filled(4, 1)[..]].concat()),
        ("attribute_list", "all", entries),
        ("attribute_list", "itself", list_of(&[(30, 1), (30, 1)])),
    ]
}

/// Returns a disk with an MBR that has primary and logical partitions.
fn disk_with_mbr() -> Vec<u8> {
    let mut disk = vec![0; 16 * 512];
    let mut put = |sector: usize, entries: &[[u8; 3]]| {
        disk[sector * 512 + 510..][..2].copy_from_slice(&[0x55, 0xAA]);
        for (place, [kind, start, count]) in entries.iter().enumerate() {
            let at = sector * 512 + 446 + 16 * place;
            (disk[at + 4], disk[at + 8], disk[at + 12]) = (*kind, *start, *count);
        }
    };
    put(0, &[[7, 1, 3], [5, 6, 10]]);
    put(6, &[[7, 1, 2], [5, 4, 4]]);
    put(10, &[[7, 1, 2]]);
    disk[512 + 3..][..8].copy_from_slice(b"NTFS    ");
    disk
}

/// Returns a disk with a GPT of four entries, without the GPT's backup.
fn disk_with_gpt() -> Vec<u8> {
    let mut disk = vec![0; 12 * 512];
    (disk[450], disk[454], disk[458]) = (0xEE, 1, 11);
    disk[510..512].copy_from_slice(&[0x55, 0xAA]);
    let header = &mut disk[512..][..92];
    header[..16].copy_from_slice(b"EFI PART\0\0\x01\0\x5c\0\0\0");
    (header[24], header[32], header[72], header[80], header[84]) = (1, 11, 2, 4, 128);
    for (place, (first, last)) in [(4, 5), (7, 9)].into_iter().enumerate() {
        let entry = &mut disk[1024 + 128 * place..][..128];
        entry[..16].copy_from_slice(&0xa2a0_d0eb_e5b9_3344_87c0_68b6_b726_99c7_u128.to_be_bytes());
        (entry[16], entry[32], entry[40]) = (1, first, last);
    }
    disk
}
