//! Tests of damaged and hostile shadow copies: which problems are reported, and that reading them
//! ends.

use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;

use super::image::{Descriptor, Image, StoreImage, any_image, place};
use super::*;
use crate::evidence::layer::Source;
use crate::evidence::source::LogBytes;

/// Returns a volume with two snapshots (shadow copies), which tests then damage. The store of each
/// snapshot, which keeps the old content of overwritten blocks, has two such blocks.
pub(super) fn two() -> Image {
    let mut image = Image::new(40);
    let of = |descriptors: [Descriptor; 2]| StoreImage::of(descriptors.into());
    image.stores.push(of([Descriptor::plain(20, 30), Descriptor::plain(21, 31)]));
    image.stores.push(of([Descriptor::plain(22, 32), Descriptor::plain(23, 33)]));
    image
}

/// Returns the shadow copies of the volume with two snapshots that [`two`] makes, after numbers
/// were written into the volume. Each of `numbers` is an offset on the volume and the number to
/// write there as 8 bytes.
fn with(numbers: &[(u64, u64)]) -> ShadowCopies {
    let mut bytes = two().bytes();
    write(&mut bytes, numbers);
    read_bytes(bytes)
}

pub(super) fn write(bytes: &mut [u8], numbers: &[(u64, u64)]) {
    for (at, number) in numbers {
        let at = usize::try_from(*at).unwrap();
        bytes[at..at + 8].copy_from_slice(&number.to_le_bytes());
    }
}

fn said(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

/// Returns the bytes of the oldest snapshot (shadow copy) from the block with the number 20 on. A
/// block has 16 KiB. What tests damage lies in the blocks before: the catalog, which lists the
/// snapshots, and the block lists of the snapshots, which say where old content of blocks is kept.
fn data(copies: &ShadowCopies) -> Vec<u8> {
    whole(copies, 1).split_off(20 * 16384)
}

/// Returns the offset on the volume of the entry with the number `number` in the catalog, which
/// lists the shadow copies. The first entry has number 0.
fn entry(number: u64) -> u64 {
    BLOCK_SIZE + 128 + number * 128
}

#[test]
fn a_catalog_that_does_not_end_well_gives_what_comes_before() {
    let next = BLOCK_SIZE + 40;
    for (to, expected) in [
        (
            BLOCK_SIZE,
            "bytes 16384 to 32768 of the volume: the shadow copies' catalog comes back here, so it has no end",
        ),
        (
            place(0, 1),
            "bytes 49152 to 65536 of the volume: expected a block of the shadow copies' catalog, found a record of type 3",
        ),
        (
            30 * BLOCK_SIZE,
            "bytes 491520 to 507904 of the volume: expected a block of the shadow copies' catalog, found other bytes",
        ),
        (
            39 * BLOCK_SIZE + 1,
            "bytes 638977 to 655361 of the volume: the shadow copies' catalog goes on here, but the volume has 655360 bytes",
        ),
        (
            u64::MAX - 5,
            "bytes 18446744073709551610 to 18446744073709551615 of the volume: the shadow copies' catalog goes on here, but the volume has 655360 bytes",
        ),
    ] {
        let copies = with(&[(next, to)]);
        assert_eq!(said(copies.catalog_problems()), [expected]);
        assert!(copies.listed().len() == 2 && copies.problems(1).is_empty());
    }
}

#[test]
fn entries_that_are_not_known_or_come_twice_are_problems() {
    let copies = with(&[(entry(1), 9), (entry(4), 77)]);
    assert_eq!(
        said(copies.catalog_problems()),
        [
            "bytes 16640 to 16768 of the volume: the catalog has an entry of type 9, which is not known",
            "bytes 17024 to 17152 of the volume: the catalog has an entry of type 77, which is not known",
        ]
    );
    assert!(copies.listed()[0].is_elsewhere && !copies.listed()[1].is_elsewhere);
    let error = copies.snapshot(1).map(|_| ()).unwrap_err().to_string();
    assert!(
        error.ends_with("lies on another volume, or its entry is lost with a part of the catalog"),
        "{error}"
    );
    // The second snapshot gets the first one's identifier, in both entries.
    let first = [entry(2) + 16, entry(3) + 16].map(|at| (at, 0x11e3_5bdf_0000_0001));
    let copies = with(&first);
    assert_eq!(
        said(copies.catalog_problems()),
        [
            "bytes 16768 to 16896 of the volume: the catalog lists a shadow copy twice; the first entry is used",
            "bytes 16896 to 17024 of the volume: the catalog lists a shadow copy twice; the first entry is used",
        ]
    );
    assert_eq!(copies.listed().len(), 1);
}

#[test]
fn a_store_of_another_volumes_snapshot_is_not_listed() {
    // The first snapshot's own entry is marked as not in use.
    let copies = with(&[(entry(0), 1)]);
    assert_eq!(copies.listed().iter().map(|copy| copy.id.0[0]).collect::<Vec<_>>(), [2]);
    assert!(copies.catalog_problems().is_empty());
}

#[test]
fn a_list_of_blocks_that_does_not_end_well_leaves_its_store_incomplete() {
    let image = two().bytes();
    for (to, expected) in [
        (place(1, 1), "block list comes back here, so it has no end"),
        (place(1, 4), "expected a block of the shadow copies' block list, found a record of type 6"),
        (1 << 40, "block list goes on here, but the volume has 655360 bytes"),
    ] {
        let copies = with(&[(place(1, 2) + 40, to)]);
        assert!(copies.catalog_problems().is_empty());
        let [problem] = &copies.problems(2)[..] else { panic!("one problem") };
        assert!(problem.to_string().ends_with(expected), "{problem}");
        assert_eq!(problem.range, to..to + BLOCK_SIZE);
        assert_eq!(copies.problems(1), std::slice::from_ref(problem), "it concerns older snapshots");
        let snapshot = whole(&copies, 2);
        assert!(block(&snapshot, 22) == block(&image, 32) && block(&snapshot, 23) == block(&image, 33));
        let is_changed = |number| copies.is_changed(number, 25 * BLOCK_SIZE..26 * BLOCK_SIZE);
        assert!(is_changed(1) && is_changed(2));
    }
    let copies = with(&[(place(0, 2) + 40, place(0, 2))]);
    let is_changed = |number| copies.is_changed(number, 25 * BLOCK_SIZE..26 * BLOCK_SIZE);
    assert!(is_changed(1) && !is_changed(2) && copies.problems(2).is_empty());
}

#[test]
fn blocks_out_of_the_volume_are_problems_with_their_ranges() {
    let end = 40 * BLOCK_SIZE;
    let (first, second) = (place(1, 1) + 128, place(1, 2) + 128);
    let copies = with(&[(first + 16, end - BLOCK_SIZE + 1), (second + 16, u64::MAX)]);
    assert_eq!(
        said(&copies.problems(2)),
        [
            "bytes 360448 to 393216 of the shadow copy: the shadow copy keeps these bytes at 638977, beyond the volume's end",
        ]
    );
    let snapshot = copies.snapshot(2).unwrap();
    let mut bytes = vec![0; 16384];
    for place in [22, 23] {
        let error = snapshot.read_at(place * BLOCK_SIZE, &mut bytes).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{error}");
    }
    assert_eq!(snapshot.read_at(24 * BLOCK_SIZE, &mut bytes).unwrap(), 16384);
    assert!(copies.is_changed(2, 22 * BLOCK_SIZE..23 * BLOCK_SIZE));
    assert!(!copies.is_changed(2, 24 * BLOCK_SIZE..25 * BLOCK_SIZE));
    // Of an overlay, the parts that it keeps must lie in the volume.
    let stored = end - 4 * 512;
    for (parts, is_within) in [(0b1111, true), (0b1_0000, false), (0b1_0001, false)] {
        let copies = with(&[(first + 16, stored), (first + 24, parts << 32 | 2)]);
        assert_eq!(copies.problems(2).is_empty(), is_within, "{parts:b}");
    }
    for at in [end, 20 * BLOCK_SIZE + 512, u64::MAX] {
        let copies = with(&[(first, at)]);
        let [problem] = &copies.problems(2)[..] else { panic!("one problem") };
        assert_eq!((&problem.kind, problem.range.start), (&ProblemKind::Misplaced, at));
        assert!(copies.is_changed(2, 24 * BLOCK_SIZE..25 * BLOCK_SIZE), "a block that is kept is not known");
    }
    // A forwarder that leads out of the volume.
    let copies = with(&[(first + 8, end), (first + 24, 1)]);
    assert_eq!(copies.problems(2)[0].kind, ProblemKind::Misplaced);
}

#[test]
fn problems_beyond_a_hundred_are_counted() {
    let mut image = Image::new(40);
    let descriptors = (0..150).map(|index| Descriptor::plain(50 + 2 * index, 30)).collect();
    image.stores.push(StoreImage::of(descriptors));
    let problems = read(&image).problems(1);
    assert_eq!(problems.len(), 101);
    assert_eq!(
        said(&problems)[100],
        format!(
            "bytes {} to {} of the shadow copy: 50 further blocks of the shadow copy have such problems",
            250 * BLOCK_SIZE,
            349 * BLOCK_SIZE
        )
    );
}

#[test]
fn a_snapshot_is_no_larger_than_the_volume() {
    let size = 40 * BLOCK_SIZE;
    for stated in [0, size + 1, u64::MAX] {
        let copies = with(&[(entry(0) + 8, stated)]);
        assert_eq!(copies.listed()[0].size, size);
        assert_eq!(copies.problems(1)[0].kind, ProblemKind::Size { stated });
        assert_eq!(copies.problems(1)[0].range, if stated == 0 { 0..size } else { size..stated });
        assert!(copies.problems(2).is_empty());
        assert!(data(&copies) == data(&read(&two())));
    }
    let copies = with(&[(entry(0) + 8, 20 * BLOCK_SIZE + 100)]);
    assert!(data(&copies) == data(&read(&two()))[..100]);
    let mut bytes = [0; 10];
    let snapshot = copies.snapshot(1).unwrap();
    assert_eq!(snapshot.read_at(20 * BLOCK_SIZE + 95, &mut bytes).unwrap(), 5);
    assert_eq!(snapshot.read_at(u64::MAX, &mut bytes).unwrap(), 0);
}

#[test]
fn a_header_that_cannot_be_read_takes_identifier_and_host_alone() {
    for (to, found) in [
        (place(0, 1), "a record of type 3"),
        (30 * BLOCK_SIZE, "other bytes"),
        (40 * BLOCK_SIZE - 1000, "the volume's end at 655360"),
        (u64::MAX, "the volume's end at 655360"),
    ] {
        let copies = with(&[(entry(1) + 32, to)]);
        let ShadowCopy { copy_id, machine, .. } = &copies.listed()[0];
        assert!(copy_id.is_none() && machine.is_none() && copies.listed()[1].machine.is_some());
        let expected = format!("expected a shadow copy's header, found {found}");
        assert!(said(&copies.problems(1))[0].ends_with(&expected), "{:?}", said(&copies.problems(1)));
        assert!(data(&copies) == data(&read(&two())));
    }
    // A name that is longer than what is read, and one that is not text.
    for name in [0xffff, 0xd800_0002] {
        assert!(with(&[(place(0, 0) + 192, name)]).listed()[0].machine.is_none());
    }
}

#[test]
fn a_bitmap_that_cannot_be_read_is_a_problem_of_the_newest_snapshot() {
    let copies = with(&[(entry(3) + 48, place(1, 1)), (entry(1) + 48, place(0, 1))]);
    let [problem] = &copies.problems(1)[..] else { panic!("one problem") };
    assert_eq!(problem.kind, ProblemKind::NoBlock { chain: "bitmap", found: Some(3) });
    assert!(!copies.is_changed(2, 24 * BLOCK_SIZE..25 * BLOCK_SIZE));
}

/// A volume that counts how often it is read. Reads that touch the range `unreadable` fail.
struct Worn {
    bytes: Vec<u8>,
    unreadable: Range<u64>,
    reads: AtomicU64,
}

impl LogBytes for Worn {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        assert!(offset <= self.size().max(0x1e00), "no layer is asked for bytes far beyond its end");
        let end = offset.saturating_add(buffer.len() as u64);
        if offset < self.unreadable.end && self.unreadable.start < end {
            return Err(io::Error::other("bad sector"));
        }
        self.bytes.read_at(offset, buffer)
    }
}

impl Source for Worn {
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }
}

fn worn(bytes: Vec<u8>, unreadable: Range<u64>) -> Arc<Worn> {
    Arc::new(Worn { bytes, unreadable, reads: AtomicU64::new(0) })
}

#[test]
fn what_cannot_be_read_of_the_volume_is_said_where_it_is() {
    let at = |offset: u64| worn(two().bytes(), offset..offset + 512);
    let read = |volume: Arc<Worn>| ShadowCopies::read(&(volume as SharedSource));
    assert!(read(at(0x1e00)).is_err());
    let copies = read(at(BLOCK_SIZE)).unwrap().unwrap();
    assert_eq!(
        said(copies.catalog_problems()),
        ["bytes 16384 to 32768 of the volume: the shadow copies' catalog cannot be read on: bad sector"]
    );
    let copies = read(at(place(0, 2))).unwrap().unwrap();
    assert_eq!(
        said(&copies.problems(1)),
        [format!(
            "bytes {} to {} of the volume: the shadow copies' block list cannot be read on: bad sector",
            place(0, 2),
            place(0, 3)
        )]
    );
    assert!(copies.problems(2).is_empty());
    // A block that is kept.
    let copies = read(at(30 * BLOCK_SIZE + 1024)).unwrap().unwrap();
    assert!(copies.problems(1).is_empty());
    let (snapshot, mut bytes) = (copies.snapshot(1).unwrap(), [0; 512]);
    assert!(snapshot.read_at(20 * BLOCK_SIZE + 1024, &mut bytes).is_err());
    assert!(snapshot.read_at(20 * BLOCK_SIZE + 512, &mut bytes).is_ok());
}

/// Generates the numbers of 8 bytes that a test writes over those in the structures of shadow
/// copies. Most are the offset of a block or of a sector in it, some are any number.
fn any_number() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => (0..60_u64, 0..3_u64).prop_map(|(block, more)| block * BLOCK_SIZE + more * 512),
        1 => prop::sample::select(vec![0, 1, 2, 3, 4, 6, u64::MAX, 1 << 63, (1 << 46) - 1, 1 << 46]),
        1 => any::<u64>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn damaged_shadow_copies_are_read_to_an_end(
        image in any_image(),
        // Most are in the catalog and the first entries of structures.
        numbers in prop::collection::vec(
            (prop_oneof![0x1e00..0x1e80_u64, 16384..17400_u64, (2..20_u64, 0..300_u64).prop_map(|(block, at)| block * BLOCK_SIZE + at)], any_number()),
            0..12,
        ),
        cut in prop::option::of(0..40 * BLOCK_SIZE),
        unreadable in prop::option::of((2..36_u64).prop_map(|block| block * BLOCK_SIZE..block * BLOCK_SIZE + 512)),
    ) {
        let mut bytes = image.bytes();
        write(&mut bytes, &numbers);
        bytes.truncate(usize::try_from(cut.unwrap_or(u64::MAX)).unwrap_or(usize::MAX));
        let size = bytes.len() as u64;
        let volume = worn(bytes, unreadable.unwrap_or(0..0));
        let read = ShadowCopies::read(&(volume.clone() as SharedSource));
        let Ok(Some(copies)) = read else { return Ok(()) };
        // A number can be the type of one more entry in the catalog, which then looks like that of
        // a shadow copy.
        prop_assert!(copies.listed().len() <= image.stores.len() + numbers.len());
        for copy in copies.listed() {
            prop_assert!(copy.size <= size);
            prop_assert!(copies.problems(copy.number).iter().all(|problem| !problem.to_string().is_empty()));
            let Ok(snapshot) = copies.snapshot(copy.number) else {
                prop_assert!(copies.listed().iter().any(|copy| copy.is_elsewhere));
                continue;
            };
            for at in (0..copy.size).step_by(16384) {
                let mut block = vec![0; 16384];
                let read = snapshot.read_at(at, &mut block);
                let wanted = (copy.size - at).min(BLOCK_SIZE);
                prop_assert!(read.is_err() || read.unwrap() as u64 == wanted);
                let range = at..at + wanted;
                // What is certain to be unchanged can be compared with the next state.
                if !copies.is_changed(copy.number, range) {
                    let newer = copies.snapshot(copy.number + 1).unwrap_or_else(|_| volume.clone());
                    let mut other = vec![0; 16384];
                    if let (Ok(ours), Ok(theirs)) = (snapshot.read_at(at, &mut block), newer.read_at(at, &mut other)) {
                        prop_assert!(block[..ours] == other[..ours.min(theirs)]);
                    }
                }
            }
        }
        // Chains of a few blocks; and for each block of each snapshot itself and its parts.
        prop_assert!(volume.reads.load(Ordering::Relaxed) < 200 + 3 * 3 * 40 * 20);
    }
}
