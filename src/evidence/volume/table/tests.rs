//! Tests of partition tables, on disks that the tests make in memory.

use std::sync::Arc;

use proptest::prelude::*;

use super::gpt::crc32;
use super::*;

/// Returns an empty disk of `sectors` sectors of 512 bytes.
fn disk(sectors: usize) -> Vec<u8> {
    vec![0; sectors * 512]
}

fn read(disk: &[u8]) -> Table {
    let table = Table::read(&(Arc::new(disk.to_vec()) as SharedSource)).unwrap();
    assert_covered(&table, disk.len() as u64);
    table
}

/// Checks that the partitions and the gaps in `table` together cover the whole disk of `size`
/// bytes, and that no gap overlaps a partition.
fn assert_covered(table: &Table, size: u64) {
    let mut ranges: Vec<Range<u64>> = table.gaps.clone();
    ranges.extend(table.partitions.iter().map(|partition| partition.start..partition.end()));
    ranges.sort_by_key(|range| range.start);
    let mut end = 0;
    for range in ranges.iter().filter(|range| !range.is_empty()) {
        assert!(range.start <= end && range.end <= size, "{table:?}");
        end = end.max(range.end);
    }
    assert_eq!(end, size);
    for gap in &table.gaps {
        assert!(table.partitions.iter().all(|part| part.end() <= gap.start || part.start >= gap.end));
    }
}

/// Returns the name, the number of the first sector, and the number of sectors of each partition.
/// Sectors have 512 bytes.
fn places(table: &Table) -> Vec<(&str, u64, u64)> {
    table.partitions.iter().map(|part| (&*part.name, part.start / 512, part.size / 512)).collect()
}

fn faults(table: &Table) -> Vec<(u64, &Fault)> {
    table.problems.iter().map(|problem| (problem.offset, &problem.fault)).collect()
}

/// Writes an MBR, or a table of logical partitions, into the sector with the number `sector`. Each
/// of `entries` is: its place in the table (0 to 3), the type of the partition, the number of its
/// first sector, and the number of its sectors.
fn put_mbr(disk: &mut [u8], sector: usize, entries: &[(usize, u8, u32, u32)]) {
    let table = &mut disk[sector * 512..][..512];
    table[510..].copy_from_slice(&[0x55, 0xAA]);
    for (place, kind, start, count) in entries {
        let entry = &mut table[446 + 16 * place..][..16];
        entry[4] = *kind;
        entry[8..12].copy_from_slice(&start.to_le_bytes());
        entry[12..].copy_from_slice(&count.to_le_bytes());
    }
}

fn put_ntfs(disk: &mut [u8], sector: usize) {
    disk[sector * 512 + 3..][..8].copy_from_slice(b"NTFS    ");
}

#[test]
fn a_volume_without_a_table_is_one_partition() {
    let mut bytes = disk(10);
    assert_eq!(
        (read(&bytes).kind, read(&bytes).partitions[0].kind),
        (TableKind::None, Some(VolumeKind::Unknown))
    );
    put_ntfs(&mut bytes, 0);
    // A volume's first sector ends like an MBR, and its code can look like entries.
    put_mbr(&mut bytes, 0, &[(0, 7, 1, 3)]);
    let table = read(&bytes);
    assert_eq!((table.kind, places(&table)), (TableKind::None, vec![("", 0, 10)]));
    assert!(table.gaps.is_empty());
    assert_eq!(table.partitions[0].kind, Some(VolumeKind::Ntfs));
    assert_eq!(read(&[]).partitions[0].size, 0);
}

#[test]
fn primary_and_logical_partitions_have_their_numbers() {
    let mut bytes = disk(200);
    put_mbr(&mut bytes, 0, &[(0, 7, 10, 20), (1, 0x0F, 50, 100), (3, 0x42, 160, 10), (2, 0x27, 40, 5)]);
    // Tables of logical partitions: a partition counts from its table, the next table from 50.
    put_mbr(&mut bytes, 50, &[(0, 7, 2, 10), (1, 5, 30, 20)]);
    put_mbr(&mut bytes, 80, &[(0, 0x83, 3, 10), (1, 5, 60, 20)]);
    put_mbr(&mut bytes, 110, &[(0, 7, 1, 10)]);
    put_ntfs(&mut bytes, 83);
    let table = read(&bytes);
    let expected =
        [("p1", 10, 20), ("p3", 40, 5), ("p4", 160, 10), ("p5", 52, 10), ("p6", 83, 10), ("p7", 111, 10)];
    assert_eq!((table.kind, places(&table), faults(&table)), (TableKind::Mbr, expected.to_vec(), vec![]));
    let [_, recovery, dynamic, _, logical, _] = &table.partitions[..] else { panic!() };
    assert_eq!((recovery.purpose, dynamic.purpose.name()), (Purpose::Recovery, "dynamic disk"));
    assert_eq!(logical.kind, Some(VolumeKind::Ntfs));
    assert_eq!(table.gaps[1], 30 * 512..40 * 512);
}

#[test]
fn a_circle_of_tables_ends() {
    for (next, fault) in [
        (30, Fault::ExtendedLoop),
        (0, Fault::ExtendedLoop),
        (40, Fault::ExtendedSignature),
        (5000, Fault::Unreadable { error: "expected 512 bytes at offset 2585600, found 0".into() }),
    ] {
        let mut bytes = disk(200);
        put_mbr(&mut bytes, 0, &[(0, 5, 50, 100)]);
        put_mbr(&mut bytes, 50, &[(0, 7, 2, 10), (1, 5, 30, 20)]);
        put_mbr(&mut bytes, 80, &[(0, 7, 2, 10), (1, 5, next, 20)]);
        let table = read(&bytes);
        assert_eq!((places(&table).len(), faults(&table)), (2, vec![((50 + u64::from(next)) * 512, &fault)]));
    }
    // A chain that is longer than any disk has it.
    let mut bytes = disk(2000);
    put_mbr(&mut bytes, 0, &[(0, 5, 1, 1999)]);
    for at in 1..1999 {
        put_mbr(&mut bytes, at, &[(1, 5, u32::try_from(at).unwrap(), 1)]);
    }
    assert!(matches!(read(&bytes).problems[..], [Problem { fault: Fault::ExtendedLength { .. }, .. }]));
}

#[test]
fn partitions_that_reach_out_of_the_disk_or_into_each_other_are_kept() {
    let mut bytes = disk(100);
    put_mbr(&mut bytes, 0, &[(0, 7, 10, 20), (1, 7, 25, 20), (2, 7, 90, u32::MAX), (3, 7, u32::MAX, 1)]);
    let table = read(&bytes);
    assert_eq!(places(&table)[..3], [("p1", 10, 20), ("p2", 25, 20), ("p3", 90, 10)]);
    assert_eq!((table.partitions[3].size, table.partitions[3].kind), (0, None));
    let out = |name: &str| Fault::OutOfDisk { name: name.into(), disk: 51_200 };
    let expected = [
        (90 * 512, &out("p3")),
        (u64::from(u32::MAX) * 512, &out("p4")),
        (25 * 512, &Fault::Overlap { name: "p2".into() }),
    ];
    assert_eq!(faults(&table), expected);
    assert_eq!(table.problems[2].length, 5 * 512);
    // None of the partitions begins on the disk: this is not a table.
    put_mbr(&mut bytes, 0, &[(0, 7, 0, 20), (1, 0, 0, 0), (2, 7, 1000, 1), (3, 0, 0, 0)]);
    assert_eq!(read(&bytes).kind, TableKind::None);
}

#[test]
fn an_mbr_of_large_sectors_is_known_by_its_volumes() {
    let mut bytes = disk(200);
    put_mbr(&mut bytes, 0, &[(0, 7, 2, 10)]);
    put_ntfs(&mut bytes, 16);
    assert_eq!(places(&read(&bytes)), [("p1", 16, 80)]);
}

const DATA: u128 = 0xa2a0d0eb_e5b9_3344_87c0_68b6b72699c7;
const RESERVED: u128 = 0x16e3c9e3_5c0b_b84d_817d_f92df00215ae;

/// Returns a disk that has `sectors` sectors of `sector` bytes, with a GPT at the start and its
/// backup at the end. The GPT has places for `count` entries. Each of `entries` is the type of a
/// partition, and the numbers of its first and last sector.
fn gpt(sector: usize, sectors: usize, count: usize, entries: &[(u128, u64, u64)]) -> Vec<u8> {
    let mut bytes = vec![0; sector * sectors];
    put_mbr(&mut bytes, 0, &[(0, 0xEE, 1, u32::MAX)]);
    let mut array: Vec<u8> = Vec::new();
    for (kind, first, last) in entries {
        array.extend(kind.to_be_bytes());
        array.extend([1; 16]);
        array.extend(first.to_le_bytes());
        array.extend(last.to_le_bytes());
        array.resize(array.len().next_multiple_of(128), 0);
    }
    array.resize(count * 128, 0);
    let last = sectors - 1;
    let backup = last - array.len().div_ceil(sector);
    for (own, other, table) in [(1, last, 2), (last, 1, backup)] {
        let mut header = vec![0; 92];
        header[..16].copy_from_slice(b"EFI PART\0\0\x01\0\x5c\0\0\0");
        for (at, number) in [(24, own), (32, other), (72, table)] {
            header[at..at + 8].copy_from_slice(&(number as u64).to_le_bytes());
        }
        for (at, number) in [(80, count), (84, 128)] {
            header[at..at + 4].copy_from_slice(&u32::try_from(number).unwrap().to_le_bytes());
        }
        header[88..].copy_from_slice(&crc32(&array).to_le_bytes());
        let sum = crc32(&header);
        header[16..20].copy_from_slice(&sum.to_le_bytes());
        bytes[own * sector..][..92].copy_from_slice(&header);
        bytes[table * sector..][..array.len()].copy_from_slice(&array);
    }
    bytes
}

#[test]
fn checksums_are_those_of_the_standard() {
    assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    assert_eq!(crc32(b""), 0);
}

#[test]
fn gpt_partitions_are_numbered_by_their_entries() {
    for sector in [512, 4096] {
        for count in [4, 128, 130] {
            let entries = [(RESERVED, 70, 79), (0, 1, 9), (DATA, 80, 99)];
            let bytes = gpt(sector, 300, count, &entries);
            let table = read(&bytes);
            let scale = sector as u64 / 512;
            let expected = vec![("p1", 70 * scale, 10 * scale), ("p3", 80 * scale, 20 * scale)];
            assert_eq!((table.kind, places(&table), faults(&table)), (TableKind::Gpt, expected, vec![]));
            assert_eq!(table.partitions[0].purpose, Purpose::MicrosoftReserved);
            assert_eq!(table.partitions[1].purpose, Purpose::Data);
        }
    }
}

#[test]
fn types_of_partitions_are_said_by_name() {
    for (kind, name) in [
        (0x28732ac1_1ff8_d211_ba4b_00a0c93ec93b, "EFI system partition"),
        (0xa4bb94de_d106_404d_a16a_bfd50179d6ac, "Windows recovery environment"),
        (0xaac80858_8f7e_e042_85d2_e1e90434cfb3, "dynamic disk"),
        (0xa0609baf_3114_624f_bc68_3311714a69ad, "dynamic disk"),
        (0x8fafc5e7_80f6_ee4c_afa3_b001e56efc2d, "Storage Spaces"),
    ] {
        let table = read(&gpt(512, 300, 128, &[(kind, 80, 99)]));
        assert_eq!(table.partitions[0].purpose.name(), name);
    }
}

#[test]
fn the_backup_is_used_if_the_first_table_is_damaged() {
    for sector in [512_usize, 4096] {
        let whole = gpt(sector, 300, 128, &[(DATA, 80, 99)]);
        let expected = places(&read(&whole)).len();
        let backup = (299 * sector) as u64;
        // The signature, a size, the place of the entries, the header's checksum, an entry.
        for at in [0, 12, 72, 16, 80, sector + 3] {
            let mut bytes = whole.clone();
            bytes[sector + at] ^= 0x40;
            let table = read(&bytes);
            let problems = faults(&table);
            assert_eq!((places(&table).len(), problems.len()), (expected, 2), "{at} {problems:?}");
            assert_eq!(problems[1], (backup, &Fault::BackupUsed));
            // With the backup damaged, too, the first one is better than nothing.
            bytes[299 * sector + 60] ^= 1;
            let table = read(&bytes);
            let is_signature = at == 0;
            let fault = if is_signature { &Fault::GptMissing } else { &Fault::DamagedUsed };
            assert_eq!((table.kind, faults(&table)[1].1), (TableKind::Gpt, fault));
        }
        // The first header is sound and its entries are not; the disk is longer than it was.
        let mut bytes = whole.clone();
        bytes.extend([0; 10_000]);
        bytes[2 * sector + 40] ^= 1;
        assert_eq!(faults(&read(&bytes))[1], (backup, &Fault::BackupUsed));
        // No MBR says that there is a GPT, and what is left of the first one does.
        let mut bytes = whole.clone();
        bytes[..512].fill(0);
        bytes[2 * sector + 40] ^= 1;
        assert_eq!(faults(&read(&bytes))[1], (backup, &Fault::BackupUsed));
        // No MBR says that there is a GPT: a backup alone may be one of long ago.
        let mut bytes = whole;
        bytes[..2 * sector].fill(0);
        assert_eq!(read(&bytes).kind, TableKind::None);
    }
}

#[test]
fn entries_that_make_no_sense_are_problems() {
    let bytes = gpt(
        512,
        300,
        128,
        &[(DATA, 99, 80), (DATA, u64::MAX, u64::MAX), (DATA, 250, 1 << 40), (DATA, 0, u64::MAX)],
    );
    let table = read(&bytes);
    assert_eq!(places(&table), [("p3", 250, 50)]);
    let names: Vec<String> = table.problems.iter().map(|problem| problem.fault.to_string()).collect();
    assert!(names.iter().filter(|text| text.contains("ends before it begins")).count() == 3, "{names:?}");
    assert!(
        names.iter().any(|text| text.contains("p3 reaches out of the disk, which has 153600 bytes")),
        "{names:?}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]
    #[test]
    fn any_change_of_a_table_is_read_to_an_end(
        is_gpt: bool,
        changes in prop::collection::vec((0..110_usize, any::<u8>()), 0..8),
        cut in prop::option::of(0..150_000_usize),
    ) {
        let mut bytes = gpt(512, 300, 130, &[(DATA, 80, 99), (RESERVED, 100, 120)]);
        if !is_gpt {
            put_mbr(&mut bytes, 0, &[(0, 7, 10, 20), (1, 0x0F, 50, 100), (2, 7, 160, 10), (3, 0x0F, 200, 10)]);
            put_mbr(&mut bytes, 50, &[(0, 7, 2, 10), (1, 5, 30, 20)]);
            put_mbr(&mut bytes, 80, &[(0, 7, 3, 10), (1, 5, 60, 20)]);
        }
        for (place, byte) in changes {
            let at = match (is_gpt, place) {
                (true, 0..=92) => 512 + place,
                (true, _) => 1024 + 3 * (place - 92),
                (false, _) => [0, 50, 80][place % 3] * 512 + 446 + place % 66,
            };
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut);
        }
        for problem in read(&bytes).problems {
            prop_assert!(!problem.fault.to_string().is_empty());
        }
    }
}
