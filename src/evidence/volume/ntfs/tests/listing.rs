//! Tests of the listing of an NTFS volume: which files it has, and what they are called.

use std::sync::Arc;

use super::made::*;
use crate::evidence::layer::{Source, read_up_to};
use crate::evidence::source::LogBytes;
use crate::evidence::volume::ntfs::{FileFault, Ntfs, NtfsFile, VolumeProblem};

fn is_log(name: &str) -> bool {
    name.strip_suffix(".evtx").is_some()
}

/// Returns the files and streams of a volume whose names end with `.evtx`, and the number of
/// regular files that have neither a name nor a stream with this ending.
fn logs(volume: &Made) -> (Vec<NtfsFile>, u64) {
    let ntfs = volume.open();
    let mut files = ntfs.files(&is_log);
    let found = files.by_ref().collect();
    (found, files.others())
}

/// Returns the paths of the files and streams of a volume whose names end with `.evtx`. A stream's
/// path ends with `:` and the stream's name.
fn paths(volume: &Made) -> Vec<String> {
    let path = |file: NtfsFile| match file.stream {
        Some(stream) => format!("{}:{stream}", file.path),
        None => file.path,
    };
    logs(volume).0.into_iter().map(path).collect()
}

fn log(parent: (u64, u16), text: &str) -> Vec<Vec<u8>> {
    vec![name(parent, 1, text), resident(DATA, "", text.as_bytes())]
}

#[test]
fn files_are_listed_in_the_order_of_their_records_with_their_paths() {
    let mut volume = Made::new();
    volume.record(
        40,
        Head { sequence: 7, ..FOLDER },
        &[name(ROOT, 2, "WINDOW~1"), name(ROOT, 1, "Win!dows")],
    );
    volume.record(30, FOLDER, &[name((40, 7), 1, "Logs.evtx")]);
    volume.record(31, FILE, &log((30, 1), "b.evtx"));
    volume.record(29, FILE, &log(ROOT, "a.evtx"));
    volume.record(32, FILE, &log((30, 1), "other.txt"));
    // Short and long names, two of them in different folders: the first one that is wanted.
    let names = [
        name(ROOT, 2, "C~1.EVT"),
        name(ROOT, 0, "c.txt"),
        name((40, 7), 0, "c.evtx"),
        name((30, 1), 0, "d.evtx"),
    ];
    volume.record(33, FILE, &[&names[..], &[resident(DATA, "", b"c")]].concat());
    assert_eq!(paths(&volume), ["a.evtx", "Win\\x21dows/Logs.evtx/b.evtx", "Win\\x21dows/c.evtx"]);
    let (found, others) = logs(&volume);
    assert!(others == 1 && found.iter().all(|file| !file.is_deleted && !file.is_orphan && !file.is_system));
    // Files that describe the volume are marked, and not counted.
    let ntfs = volume.open();
    let all: Vec<NtfsFile> = ntfs.files(&|_| true).collect();
    let system: Vec<&str> = all.iter().filter(|file| file.is_system).map(|file| &*file.path).collect();
    assert_eq!((all.len(), system), (6, vec!["$MFT", "$Bitmap"]));
    // A short name counts only if there is no other.
    assert_eq!(all[5].path, "c.txt");
    volume.record(33, FILE, &[name(ROOT, 2, "C~1.EVT"), resident(DATA, "", b"c")]);
    let ntfs = volume.open();
    assert_eq!(ntfs.files(&|name| name == "C~1.EVT").count(), 1);
}

#[test]
fn streams_are_listed_by_their_names() {
    let mut volume = Made::new();
    let stream = |name| resident(DATA, name, b"x");
    volume.record(
        30,
        FILE,
        &[name(ROOT, 1, "a.txt"), stream(""), stream("z.evtx"), stream("b.evtx"), stream("c")],
    );
    volume.record(31, FOLDER, &[name(ROOT, 1, "folder.evtx"), stream("in:!.evtx")]);
    volume.record(32, FILE, &[name(ROOT, 1, "b.evtx"), stream(""), stream("Zone.Identifier")]);
    assert_eq!(paths(&volume), ["a.txt:b.evtx", "a.txt:z.evtx", "folder.evtx:in\\x3A\\x21.evtx", "b.evtx"]);
    assert_eq!(logs(&volume).1, 0);
    assert!(volume.open().open_stream(31, Some("in\\x3A\\x21.evtx")).is_ok());
    assert!(volume.open().open_stream(31, None).is_err());
}

#[test]
fn names_and_streams_are_found_in_further_records() {
    for (base, further) in [(30, 50), (50, 30)] {
        let mut volume = Made::new();
        let number = u64::try_from(base).unwrap();
        let extension = Head { base: (number, 1), ..FILE };
        let list = list(&[(number, 1), (u64::try_from(further).unwrap(), 1)]);
        let data = resident(DATA, "", b"x");
        volume.record(base, FILE, &[list.clone(), data.clone()]);
        volume.record(further, extension, &[name(ROOT, 1, "big.evtx")]);
        assert_eq!((paths(&volume), logs(&volume).1), (vec!["big.evtx".to_owned()], 0));
        // The name was found, and the file's records do not name the record that it is in.
        volume.record(base, FILE, std::slice::from_ref(&data));
        assert_eq!((paths(&volume), logs(&volume).1), (vec![], 1));
        // A stream in a further record.
        volume.record(base, FILE, &[name(ROOT, 1, "big.txt"), list.clone(), data]);
        volume.record(further, extension, &[resident(DATA, "s.evtx", b"y")]);
        assert_eq!(paths(&volume), ["big.txt:s.evtx"]);
        // A folder whose name is in a further record.
        volume.record(base, FOLDER, &[list]);
        volume.record(further, extension, &[name(ROOT, 2, "FOLDER~1"), name(ROOT, 1, "folder")]);
        volume.record(40, FILE, &log((number, 1), "a.evtx"));
        assert_eq!(paths(&volume), ["folder/a.evtx"]);
        // That record belongs to a folder that had the number before.
        volume.record(further, Head { base: (number, 2), ..FILE }, &[name(ROOT, 1, "folder")]);
        assert_eq!(paths(&volume), ["$Orphan/a.evtx"]);
    }
}

#[test]
fn deleted_files_are_listed_with_what_others_have_of_them() {
    let gone = Head { sequence: 4, is_in_use: false, ..FILE };
    let mut volume = Made::new();
    volume.record(30, Head { is_folder: true, ..gone }, &[name(ROOT, 1, "Gone")]);
    let data = clusters(DATA, "", Sizes::of(5000), &[(3, Some(FREE)), (2, Some(FREE + 8))]);
    volume.record(31, gone, &[name((30, 3), 1, "a.evtx"), data.clone()]);
    volume.record(32, FILE, &[name((30, 2), 1, "b.evtx"), data]);
    volume.bitmap(&[FREE, FREE + 2, FREE + 8, FREE + 9]);
    let (found, _) = logs(&volume);
    let [gone, orphan] = &found[..] else { panic!("{found:?}") };
    assert_eq!((&*gone.path, gone.is_deleted, gone.is_orphan), ("Gone/a.evtx", true, false));
    assert_eq!((&*orphan.path, orphan.is_deleted, orphan.is_orphan), ("$Orphan/b.evtx", false, true));
    let ranges: Vec<_> =
        gone.problems.iter().map(|problem| (problem.offset, problem.length, problem.fault)).collect();
    assert_eq!(ranges, [(0, 1024, FileFault::GivenAway), (2048, 2952, FileFault::GivenAway)]);
    assert_eq!(orphan.problems, []);
    // Without the bitmap nothing is known.
    volume.tear(6);
    let (found, _) = logs(&volume);
    assert_eq!(found[0].problems.len(), 1);
    assert_eq!((found[0].problems[0].length, found[0].problems[0].fault), (5000, FileFault::NotChecked));
}

#[test]
fn records_that_cannot_be_used_are_counted() {
    let mut volume = Made::new();
    for number in 30..40 {
        volume.record(number, FILE, &log(ROOT, &format!("{number}.evtx")));
    }
    volume.tear(30);
    volume.put(8 + 31, b"BAAD");
    // An attribute that is longer than its record.
    let mut odd = log(ROOT, "odd.evtx");
    odd[1][6] = 0x10;
    volume.record(32, FILE, &odd);
    let ntfs = volume.open();
    let mut files = ntfs.files(&is_log);
    let counts = files.counts();
    assert_eq!((counts.records, counts.torn, counts.no_record, counts.damaged), (64, 1, 1, 1));
    assert_eq!((counts.files, counts.unreadable, counts.not_listed), (8, 0, 0));
    let problems = [
        VolumeProblem::Torn { records: 1 },
        VolumeProblem::NoRecord { records: 1 },
        VolumeProblem::Damaged { records: 1 },
    ];
    assert_eq!((counts.problems(), ntfs.problems()), (problems.to_vec(), vec![]));
    let odd = files.next().unwrap();
    assert_eq!((&*odd.path, odd.obstacle.is_some()), ("odd.evtx", true));
    assert_eq!(files.count(), 7);
    // A volume that is cut off within the table.
    volume.0.truncate((8 + 38) * CLUSTER);
    let ntfs = volume.open();
    let cut = VolumeProblem::CutOff { expected: 255 * 1024 + 512, found: 46 * 1024 };
    assert_eq!(
        (ntfs.problems(), cut.to_string()),
        (vec![cut], "the volume is cut off: expected 261632 bytes, found 47104".into())
    );
    let files = ntfs.files(&is_log);
    assert_eq!((files.counts().unreadable, files.count()), (26, 6));
}

/// The bytes of a volume, and the range of these bytes in which each read fails.
struct Unreadable(Vec<u8>, std::ops::Range<u64>);

impl LogBytes for Unreadable {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<usize> {
        let end = offset + buffer.len() as u64;
        if offset < self.1.end && self.1.start < end {
            return Err(std::io::Error::other("bad sector"));
        }
        self.0.read_at(offset, buffer)
    }
}

impl Source for Unreadable {
    fn size(&self) -> u64 {
        self.0.size()
    }
}

#[test]
fn records_around_a_bad_sector_are_read() {
    let mut volume = Made::new();
    for number in 30..40 {
        volume.record(number, FILE, &log(ROOT, &format!("{number}.evtx")));
    }
    let bad = (8 + 32) * 1024 + 700;
    let ntfs = Ntfs::open(Arc::new(Unreadable(volume.0, bad..bad + 512))).unwrap();
    let files = ntfs.files(&is_log);
    assert_eq!(files.counts().problems(), [VolumeProblem::Unreadable { records: 2 }]);
    let paths: Vec<String> = files.map(|file| file.path).collect();
    assert_eq!(paths.join(" "), "30.evtx 31.evtx 34.evtx 35.evtx 36.evtx 37.evtx 38.evtx 39.evtx");
}

/// Returns a volume whose master file table is in two parts. A further record of the table states
/// where the second part is, which contains the record 60 of the file `last.evtx`.
fn volume_with_split_table() -> Made {
    let mut volume = Made::new();
    let size = Sizes::of((RECORDS * CLUSTER) as u64);
    let part = |first, sizes: Sizes, count| {
        clusters(DATA, "", Sizes { first, ..sizes }, &[(count, Some(8 + first))])
    };
    volume.record(60, FILE, &log(ROOT, "last.evtx"));
    let attributes = [name(ROOT, 3, "$MFT"), list(&[(0, 1), (15, 1)]), part(0, size, 20)];
    volume.record(0, FILE, &attributes);
    // Record 15 lies in the first part and describes a second one, in which record 16 would be no
    // help: record 25 describes the rest.
    volume.record(15, Head { base: (0, 1), ..FILE }, &[part(20, size, 44)]);
    volume
}

#[test]
fn the_table_is_put_together_from_its_own_records() {
    let volume = volume_with_split_table();
    assert_eq!((paths(&volume), volume.open().table_runs()), (vec!["last.evtx".to_owned()], 2));
    let mut torn = volume_with_split_table();
    torn.tear(15);
    assert!(paths(&torn).is_empty());
    assert_eq!(torn.open().files(&is_log).counts().unreadable, 44);
}

#[test]
fn the_copy_of_the_first_record_is_used_if_that_is_damaged() {
    let mut volume = Made::new();
    volume.record(30, FILE, &log(ROOT, "a.evtx"));
    assert!(volume.open().problems().is_empty());
    volume.0.copy_within(8 * CLUSTER..12 * CLUSTER, 4 * CLUSTER);
    volume.tear(0);
    assert_eq!(volume.open().problems(), [VolumeProblem::FirstRecord { expected: 8192 }]);
    assert_eq!(paths(&volume), ["a.evtx"]);
    volume.put(4, &[0; CLUSTER]);
    let error = Ntfs::open(Arc::new(volume.0)).err().unwrap().to_string();
    assert!(error.contains("expected at byte 8192") && error.contains("expected at byte 4096"), "{error}");
}

#[test]
fn the_copy_of_the_boot_sector_is_used_if_that_is_damaged() {
    let mut volume = Made::new();
    volume.record(30, FILE, &log(ROOT, "a.evtx"));
    let end = CLUSTERS * CLUSTER;
    volume.0.copy_within(..SECTOR, end - SECTOR);
    volume.0[13] = 3;
    assert_eq!(volume.open().problems(), [VolumeProblem::BootSector]);
    assert_eq!(paths(&volume), ["a.evtx"]);
    volume.0[end - SECTOR + 3] = b'n';
    let error = Ntfs::open(Arc::new(volume.0)).err().unwrap().to_string();
    assert!(error.contains("damaged at byte 13") && error.contains("found 1536"), "{error}");
}

#[test]
fn clusters_that_no_file_has_can_be_read_alone() {
    let mut volume = Made::new();
    volume.0.extend([9; 100]);
    let in_use: Vec<u64> = (0..FREE).chain([FREE + 1, FREE + 2, 254]).collect();
    volume.bitmap(&in_use);
    volume.put(FREE, &filled(CLUSTERS as u64 - FREE, 1));
    let mut expected = volume.0.clone();
    for cluster in in_use {
        let start = usize::try_from(cluster).unwrap() * CLUSTER;
        expected[start..start + CLUSTER].fill(0);
    }
    // What follows the file system, which has 255 clusters, belongs to no file.
    let length = expected.len();
    let free = volume.open().unallocated().unwrap();
    assert_eq!(free.size(), length as u64);
    assert!(read_up_to(&free, 0, length + 1).unwrap() == expected);
    for offset in [0, 1, 1023, 1024, FREE * 1024 - 1, FREE * 1024 + 500, length as u64 - 101, length as u64] {
        let start = usize::try_from(offset).unwrap();
        let end = length.min(start + 3000);
        assert!(read_up_to(&free, offset, 3000).unwrap() == expected[start..end]);
    }
    let mut ranges = Vec::new();
    free.ranges(&mut |range| {
        ranges.push((range.start, range.end));
        true
    })
    .unwrap();
    let [first, second] = [FREE * 1024, (FREE + 3) * 1024];
    assert_eq!(ranges, [(first, first + 1024), (second, 254 * 1024), (255 * 1024, 256 * 1024 + 100)]);
    // What the bitmap has no bit for may belong to a file.
    volume.record(6, FILE, &[name(ROOT, 3, "$Bitmap"), resident(DATA, "", &[0; 16])]);
    let mut ranges = Vec::new();
    volume
        .open()
        .unallocated()
        .unwrap()
        .ranges(&mut |range| {
            ranges.push(range);
            true
        })
        .unwrap();
    assert_eq!(ranges, [0..128 * 1024, 255 * 1024..256 * 1024 + 100]);
}
