//! Tests of reading the bytes of streams of an NTFS volume.

use proptest::prelude::*;

use super::made::*;
use crate::evidence::layer::read_up_to;
use crate::evidence::volume::ntfs::{FileFault, FileProblem, NtfsFile, Obstacle};

/// Reads all bytes of a stream of the file whose record in the master file table is number 30. The
/// stream is the one named `name`, or the main stream if that is `None`. Returns the text of the
/// first error if there is one.
fn bytes(volume: &Made, name: Option<&str>) -> Result<Vec<u8>, String> {
    let stream = volume.open().open_stream(30, name).map_err(|error| error.to_string())?;
    read_up_to(&*stream, 0, usize::try_from(stream.size()).unwrap()).map_err(|error| error.to_string())
}

/// Returns the file whose record in the master file table is number 30, as the listing of the
/// volume's files returns it.
fn listed(volume: &Made) -> NtfsFile {
    let ntfs = volume.open();
    ntfs.files(&|_| true).find(|file| file.record == 30).unwrap()
}

/// Returns a volume with the file `a.evtx`, whose record in the master file table is number 30.
/// `attributes` are added to the attributes for the file's times and name.
fn with(attributes: &[Vec<u8>]) -> Made {
    let mut volume = Made::new();
    volume.record(30, FILE, &[&[standard(77, 0), name(ROOT, 1, "a.evtx")], attributes].concat());
    volume
}

#[test]
fn bytes_come_from_runs_holes_and_the_record() {
    let volume = with(&[resident(DATA, "", b"in the record"), resident(DATA, "s", b"stream")]);
    assert_eq!(bytes(&volume, None).unwrap(), b"in the record");
    assert_eq!(bytes(&volume, Some("s")).unwrap(), b"stream");
    assert_eq!((listed(&volume).stored, listed(&volume).modified), (13, Some(77)));

    let runs = [(2, Some(FREE + 9)), (3, None), (1, Some(FREE))];
    let mut volume = with(&[clusters(DATA, "", Sizes::of(6 * 1024 - 5), &runs)]);
    volume.put(FREE + 9, &filled(2, 1));
    volume.put(FREE, &filled(1, 2));
    let mut expected = [filled(2, 1), vec![0; 3 * CLUSTER], filled(1, 2)].concat();
    expected.truncate(6 * 1024 - 5);
    assert!(bytes(&volume, None).unwrap() == expected);
    assert_eq!((listed(&volume).size, listed(&volume).problems), (6 * 1024 - 5, vec![]));
}

#[test]
fn bytes_after_the_valid_length_are_zeros_whatever_the_clusters_have() {
    let sizes = Sizes { valid: 1500, ..Sizes::of(4000) };
    let mut volume = with(&[clusters(DATA, "", sizes, &[(4, Some(FREE))])]);
    volume.put(FREE, &filled(4, 1));
    let expected = [&filled(4, 1)[..1500], &[0; 2500]].concat();
    assert!(bytes(&volume, None).unwrap() == expected);
    assert_eq!(listed(&volume).stored, 1500);
    // The rest can even lie out of the volume, or nowhere.
    for runs in [&[(2, Some(FREE)), (2, Some(9999))][..], &[(2, Some(FREE))]] {
        let mut volume = with(&[clusters(DATA, "", sizes, runs)]);
        volume.put(FREE, &filled(4, 1));
        assert!(bytes(&volume, None).unwrap() == expected);
        assert_eq!(listed(&volume).problems, []);
    }
}

/// Checks the file whose record in the master file table is number 30: that exactly the bytes in
/// the range `wrong` cannot be read, and that the listing has a problem with that range and with
/// the fault `fault`.
fn reads_but_for(volume: &Made, wrong: std::ops::Range<u64>, fault: FileFault) {
    let file = listed(volume);
    let problem = FileProblem { offset: wrong.start, length: wrong.end - wrong.start, fault };
    assert!(fault.is_unreadable() && file.problems.contains(&problem), "{:?}", file.problems);
    let stream = volume.open().open_stream(30, None).unwrap();
    for at in 0..file.size {
        assert_eq!(stream.read_at(at, &mut [0]).is_err(), wrong.contains(&at), "{at}");
    }
    assert!(stream.read_at(0, &mut vec![0; usize::try_from(file.size).unwrap()]).is_err());
}

#[test]
fn a_run_that_is_not_there_fails_where_it_would_be() {
    let past = CLUSTERS as u64 - 1;
    let runs = [(1, Some(FREE)), (3, Some(past)), (1, Some(FREE))];
    reads_but_for(
        &with(&[clusters(DATA, "", Sizes::of(5 * 1024), &runs)]),
        2048..4096,
        FileFault::OutOfVolume,
    );
    let short = with(&[clusters(DATA, "", Sizes::of(5 * 1024), &[(3, Some(FREE))])]);
    reads_but_for(&short, 3072..5120, FileFault::LostRun);
    assert_eq!(listed(&short).stored, 5120);
    // A run list that makes no sense from its second run on.
    let mut odd = clusters(DATA, "", Sizes::of(2048), &[(1, Some(FREE)), (1, Some(FREE))]);
    odd[64 + 13] = 0x09;
    reads_but_for(&with(&[odd]), 1024..2048, FileFault::LostRun);
}

#[test]
fn parts_in_other_records_are_joined_in_their_order() {
    let part = |first, place| {
        let sizes = Sizes { first, ..Sizes::of(3 * 1024) };
        clusters(DATA, "", sizes, &[(1, Some(place))])
    };
    let scene = |other: (u64, u16)| {
        let mut volume = with(&[list(&[(30, 1), (41, 1), (40, 1)])]);
        volume.record(41, Head { base: (30, 1), ..FILE }, &[part(2, FREE)]);
        volume.record(40, Head { base: (30, 1), ..FILE }, &[part(0, FREE + 2)]);
        volume.record(42, Head { base: other, ..FILE }, &[part(1, FREE + 1)]);
        volume.record(30, FILE, &[name(ROOT, 1, "a.evtx"), list(&[(30, 1), (42, 1), (41, 1), (40, 1)])]);
        volume.put(FREE, &filled(3, 1));
        volume
    };
    let whole = scene((30, 1));
    let expected: Vec<u8> = filled(3, 1).chunks(CLUSTER).rev().flatten().copied().collect();
    assert!(bytes(&whole, None).unwrap() == expected);
    assert_eq!(listed(&whole).problems, []);
    // A record that belongs to another file by now, or to the one that had this record before.
    for other in [(31, 1), (30, 2), (0, 0)] {
        let torn = scene(other);
        reads_but_for(&torn, 1024..2048, FileFault::LostRun);
        let lost = FileFault::LostRecord { record: 42 };
        assert_eq!(listed(&torn).problems[0], FileProblem { offset: 0, length: 0, fault: lost });
    }
    // A lost record without a part of a stream is not a problem of the stream.
    let mut other = scene((30, 1));
    let mut entries = list_of(&[(30, 1), (42, 1), (41, 1), (40, 1), (43, 1)]);
    entries[4 * 32] = 0x50;
    let list = resident(ATTRIBUTE_LIST, "", &entries);
    other.record(30, FILE, &[name(ROOT, 1, "a.evtx"), list]);
    assert_eq!(listed(&other).problems, []);
    // The record with the sizes is lost.
    let mut first = scene((30, 1));
    first.tear(40);
    assert_eq!(listed(&first).obstacle, Some(Obstacle::NoSize));
    let mut all = scene((30, 1));
    for number in 40..43 {
        all.tear(number);
    }
    assert_eq!(listed(&all).obstacle, Some(Obstacle::NoData));
}

/// A chunk of LZNT1 (the compression of NTFS) that is decompressed to 4096 times the letter x.
const XS: [u8; 6] = [0x03, 0xB0, 0b10, b'x', 0xFC, 0x0F];

#[test]
fn compressed_units_are_decompressed() {
    let sizes = Sizes { unit_shift: 4, flags: 1, ..Sizes::of(64 * 1024 - 3) };
    // Compressed, as it is, a hole, and a unit of which only one chunk is there.
    let runs =
        [(1, Some(FREE)), (15, None), (16, Some(FREE + 1)), (16, None), (1, Some(FREE + 20)), (15, None)];
    let mut volume = with(&[clusters(DATA, "", sizes, &runs)]);
    volume.put(FREE, &XS.repeat(4));
    volume.put(FREE + 1, &filled(16, 3));
    volume.put(FREE + 20, &XS);
    let unit = 16 * CLUSTER;
    let last = [vec![b'x'; 4096], vec![0; unit - 4096 - 3]].concat();
    let expected = [vec![b'x'; unit], filled(16, 3), vec![0; unit], last].concat();
    assert!(bytes(&volume, None).unwrap() == expected);
    assert_eq!(listed(&volume).problems, []);
    // What follows the last unit that has clusters is zeros; the unit itself may not be.
    let stored = usize::try_from(listed(&volume).stored).unwrap();
    assert!(stored >= 3 * unit + 4096 && expected[stored..].iter().all(|byte| *byte == 0));
    // The flag for sparse files alone: clusters are as they are, and holes are zeros.
    let sparse = Sizes { flags: 0x8000, ..sizes };
    volume.record(30, FILE, &[name(ROOT, 1, "a.evtx"), clusters(DATA, "", sparse, &runs)]);
    let found = bytes(&volume, None).unwrap();
    assert!(found[..XS.len()] == XS && found[unit..2 * unit] == expected[unit..2 * unit]);
}

#[test]
fn damage_in_a_unit_fails_from_its_chunk_on() {
    let sizes = Sizes { unit_shift: 4, flags: 1, ..Sizes::of(32 * 1024) };
    let mut volume = with(&[clusters(DATA, "", sizes, &[(1, Some(FREE)), (15, None), (16, Some(FREE + 1))])]);
    volume.put(FREE, &[&XS[..], &[0x03, 0xB0, 0b11, b'x', 0xFC, 0x0F]].concat());
    volume.put(FREE + 1, &filled(16, 3));
    let stream = volume.open().open_stream(30, None).unwrap();
    let mut buffer = vec![1; 4096];
    assert_eq!(stream.read_at(0, &mut buffer).unwrap(), 4096);
    assert!(buffer.iter().all(|byte| *byte == b'x'));
    let error = stream.read_at(4095, &mut buffer).unwrap_err();
    assert!(error.to_string().ends_with("damaged from offset 4096 on"), "{error}");
    assert_eq!(stream.read_at(16 * 1024, &mut buffer).unwrap(), 4096);
    // A unit whose run is lost is not a hole.
    let lost = Sizes { size: 48 * 1024, valid: 48 * 1024, ..sizes };
    let volume = with(&[clusters(DATA, "", lost, &[(16, Some(FREE)), (16, None)])]);
    reads_but_for(&volume, 32 * 1024..48 * 1024, FileFault::LostRun);
}

#[test]
fn what_is_not_read_is_said_by_name() {
    let data =
        |flags, unit_shift, size| clusters(DATA, "", Sizes { unit_shift, flags, ..Sizes::of(size) }, &[]);
    for (attributes, text) in [
        (vec![data(0x4000, 0, 10)], "EFS"),
        (vec![data(2, 4, 10)], "method 2"),
        (vec![data(1, 9, 10)], "method 1"),
        (vec![data(0x8000, 0, 10), reparse(0x8000_0017)], "Windows Overlay Filter"),
        (vec![data(0x8000, 0, 10), reparse(0x8000_0013)], "deduplication"),
        (vec![resident(DATA, "", &[0; 10]), reparse(0xA000_000C)], "symbolic link"),
    ] {
        let volume = with(&attributes);
        let file = listed(&volume);
        let said = file.obstacle.unwrap().to_string();
        assert!(said.contains(text), "{said}");
        assert_eq!((file.size, bytes(&volume, None).unwrap_err()), (10, said));
    }
    // A named stream is not what the reparse point is about.
    let volume = with(&[data(0, 0, 10), resident(DATA, "s", b"s"), reparse(0x8000_0017)]);
    assert_eq!(bytes(&volume, Some("s")).unwrap(), b"s");
    // A cloud provider's file: on disk, or not.
    for (flags, is_read) in [(0x20, true), (0x1000, false), (0x40_0000, false)] {
        let mut volume = Made::new();
        let attributes =
            [standard(1, flags), name(ROOT, 1, "a.evtx"), resident(DATA, "", b"cloud"), reparse(0x9000_601A)];
        volume.record(30, FILE, &attributes);
        assert_eq!(bytes(&volume, None).is_ok(), is_read);
        assert_eq!(listed(&volume).problems, []);
    }
    // A driver that nobody knows.
    let volume = with(&[resident(DATA, "", b"driver"), reparse(0x1234)]);
    assert_eq!(bytes(&volume, None).unwrap(), b"driver");
    assert!(listed(&volume).problems[0].fault.to_string().contains("00001234"));
    // Holes make any size.
    let volume = with(&[clusters(DATA, "", Sizes { valid: 0, ..Sizes::of(1 << 41) }, &[(1 << 31, None)])]);
    assert!(bytes(&volume, None).unwrap_err().contains("at most 1099511627776"));
    assert!(volume.open().open_stream(63, None).err().unwrap().to_string().contains("record 63"));
    assert_eq!(bytes(&volume, Some("none")).unwrap_err(), Obstacle::NoData.to_string());
}

proptest! {
    #[test]
    fn any_part_reads_as_in_the_whole(
        layout in prop::collection::vec((1..6_u64, any::<bool>()), 1..12),
        is_compressed: bool,
        cut in 0..3000_u64,
        invalid in 0..9000_u64,
        reads in prop::collection::vec((0..80_000_u64, 0..40_000_usize), 1..30),
    ) {
        let (mut runs, mut place) = (Vec::new(), FREE);
        for (count, is_hole) in layout {
            // In a compressed stream, whole units.
            let count = if is_compressed { 16 } else { count };
            if place + count > CLUSTERS as u64 {
                break;
            }
            runs.push((count, (!is_hole).then_some(place)));
            place += count;
        }
        let size = runs.iter().map(|(count, _)| count * 1024).sum::<u64>().saturating_sub(cut);
        let valid = size.saturating_sub(invalid);
        let (unit_shift, flags) = if is_compressed { (4, 1) } else { (0, 0) };
        let mut volume = with(&[clusters(DATA, "", Sizes { size, valid, unit_shift, flags, first: 0 }, &runs)]);
        volume.put(FREE, &filled(CLUSTERS as u64 - FREE, 1));
        let mut expected = Vec::new();
        for (count, place) in runs {
            let length = usize::try_from(count).unwrap() * CLUSTER;
            let start = usize::try_from(place.unwrap_or(0)).unwrap() * CLUSTER;
            expected.extend(if place.is_some() { volume.0[start..start + length].to_vec() } else { vec![0; length] });
        }
        expected.truncate(usize::try_from(size).unwrap());
        expected[usize::try_from(valid).unwrap()..].fill(0);
        let stream = volume.open().open_stream(30, None).unwrap();
        let stored = usize::try_from(listed(&volume).stored).unwrap();
        prop_assert!(expected[stored..].iter().all(|byte| *byte == 0));
        let check = |(offset, length): &(u64, usize)| {
            let start = expected.len().min(usize::try_from(*offset).unwrap());
            let end = expected.len().min(start + length);
            assert!(read_up_to(&*stream, *offset, *length).unwrap() == expected[start..end]);
        };
        std::thread::scope(|scope| {
            for reads in reads.chunks(10) {
                scope.spawn(|| reads.iter().for_each(check));
            }
        });
    }
}
