//! Tests of NTFS volumes that are made to harm whoever reads them, for example with records that
//! refer to one another without end.

use proptest::prelude::*;

use super::made::*;
use super::whole::read_all;
use crate::evidence::volume::ntfs::{FileFault, NtfsFile};

/// Returns a volume with one of each thing that a reader could misread: a folder, a file in several
/// records, a compressed file, and a deleted file with a reparse point.
fn volume() -> Made {
    let mut volume = Made::new();
    volume.record(30, FOLDER, &[name(ROOT, 1, "folder")]);
    volume.record(
        31,
        FILE,
        &[standard(1, 0), name((30, 1), 1, "a.evtx"), list(&[(31, 1), (32, 1), (33, 1)])],
    );
    let part = |first, runs: Runs<'_>| clusters(DATA, "", Sizes { first, ..Sizes::of(9000) }, runs);
    let further = Head { base: (31, 1), ..FILE };
    volume.record(32, further, &[part(0, &[(2, Some(FREE)), (3, None)])]);
    volume.record(33, further, &[part(5, &[(4, Some(FREE + 5))]), resident(DATA, "s", b"s")]);
    let compressed = Sizes { unit_shift: 4, flags: 1, ..Sizes::of(20_000) };
    let runs = [(1, Some(FREE)), (15, None), (16, Some(FREE + 1))];
    volume.record(34, FILE, &[name((30, 1), 1, "b.evtx"), clusters(DATA, "", compressed, &runs)]);
    let gone = Head { sequence: 2, is_in_use: false, ..FILE };
    volume.record(35, gone, &[name((30, 1), 1, "c.evtx"), part(0, &[(9, Some(FREE))]), reparse(7)]);
    volume
}

#[test]
fn a_whole_volume_is_read() {
    assert_eq!(read_all(volume().0), 6);
}

#[test]
fn a_file_that_lists_itself_and_everything_ends() {
    let mut volume = Made::new();
    let all: Vec<(u64, u16)> = (0..64).map(|record| (record, 1)).collect();
    let lists = list_of(&all.repeat(100));
    volume.put(FREE, &lists[..100 * CLUSTER]);
    let list = clusters(0x20, "", Sizes::of(u64::MAX), &[(100, Some(FREE))]);
    for number in 24..64 {
        volume.record(number, Head { base: (0, 0), ..FILE }, &[name(ROOT, 1, "a"), list.clone()]);
    }
    assert_eq!(read_all(volume.0), 42);
}

#[test]
fn lists_are_not_read_without_end() {
    let mut volume = Made::new();
    let entries = list_of(&(0..64).map(|record| (record, 1)).collect::<Vec<_>>());
    volume.put(FREE, &entries.repeat(64));
    // Each list has a mebibyte, of the same clusters again and again.
    let list = clusters(ATTRIBUTE_LIST, "", Sizes::of(1 << 20), &[(128, Some(FREE)); 8]);
    for number in 24..64 {
        volume.record(number, FILE, &[name(ROOT, 1, "a"), list.clone(), resident(DATA, "", b"x")]);
    }
    let ntfs = volume.open();
    let is_cut = |file: NtfsFile| file.problems[0].fault == FileFault::ListCut;
    let cut: Vec<bool> = ntfs.files(&|name| name == "a").map(is_cut).collect();
    assert_eq!((cut.len(), cut.iter().position(|is_cut| *is_cut)), (40, Some(26)));
}

#[test]
fn a_table_of_any_stated_size_ends_with_the_volume() {
    let mut volume = Made::new();
    let table = clusters(DATA, "", Sizes::of(1 << 60), &[(1 << 40, Some(8))]);
    volume.record(0, FILE, &[name(ROOT, 1, "$MFT"), table]);
    let ntfs = volume.open();
    let counts = ntfs.files(&|_| false).counts();
    assert_eq!((counts.records, counts.not_listed), (1 << 50, 0));
    assert_eq!(counts.unreadable, (1 << 50) - (CLUSTERS as u64 - 8));
    // Runs that name the same clusters again and again.
    let mut volume = Made::new();
    let table = clusters(DATA, "", Sizes::of(1 << 60), &[(200, Some(8)); 40]);
    volume.record(0, FILE, &[name(ROOT, 1, "$MFT"), table]);
    let counts = volume.open().files(&|_| false).counts();
    assert_eq!(counts.not_listed, counts.records - CLUSTERS as u64);
}

#[test]
fn a_file_of_more_runs_than_are_read_is_refused() {
    let mut volume = Made::new();
    // Each record describes the next 60 runs of one cluster.
    let part = |first| clusters(DATA, "", Sizes { first, ..Sizes::of(1 << 30) }, &[(1, Some(FREE)); 60]);
    let records: Vec<(u64, u16)> = (30..64).map(|record| (record, 1)).collect();
    volume.record(
        24,
        FILE,
        &[name(ROOT, 1, "a.evtx"), clusters(0x20, "", Sizes::of(1088), &[(2, Some(FREE))])],
    );
    volume.put(FREE, &list_of(&records));
    for number in 30..64 {
        let first = (number as u64 - 30) * 60;
        volume.record(number, Head { base: (24, 1), ..FILE }, &[part(first)]);
    }
    let ntfs = volume.open();
    let file = ntfs.files(&|name| name == "a.evtx").next().unwrap();
    // 34 records have 2040 runs, which are fine; the rest is lost.
    assert_eq!((file.obstacle, file.problems.len()), (None, 1));
    assert_eq!(file.problems[0].offset, 2040 * 1024);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]
    #[test]
    fn any_change_of_a_volume_is_read_to_an_end(
        changes in prop::collection::vec((0..6_usize, 0..CLUSTER, prop::sample::select(vec![0, 1, 2, 4, 8, 0x10, 0x48, 0x7F, 0x80, 0xFF])), 1..6),
        boot in prop::option::of((11..72_usize, any::<u8>())),
        cut in prop::option::of(0..CLUSTERS * CLUSTER),
    ) {
        let mut volume = volume();
        for (record, at, byte) in changes {
            // Records 0, 31 to 35: those with something to be misread.
            let number = if record == 0 { 0 } else { 30 + record };
            volume.0[(8 + number) * CLUSTER + at % 600] = byte;
        }
        if let Some((at, byte)) = boot {
            volume.0[at] = byte;
        }
        if let Some(cut) = cut {
            volume.0.truncate(cut);
        }
        read_all(volume.0);
    }

    #[test]
    fn any_bytes_after_a_boot_sector_are_read_to_an_end(mut bytes in prop::collection::vec(any::<u8>(), 8192..20_000)) {
        bytes[..CLUSTER].copy_from_slice(&volume().0[..CLUSTER]);
        read_all(bytes);
    }
}
