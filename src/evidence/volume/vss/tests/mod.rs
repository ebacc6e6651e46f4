//! Tests of shadow copies. Volumes that the tests make are compared with a slow twin (a simple
//! reader) and with libvshadow, real volumes with libvshadow. Damaged volumes are tested as well.

mod bounds;
mod damage;
mod image;
mod oracle;
mod twin;

use std::io;
use std::sync::Arc;

use proptest::prelude::*;

use self::image::{Descriptor, Image, any_image};
use self::twin::Twin;
use super::*;
use crate::evidence::layer::read_exact;

/// Reads the shadow copies of a volume that tests make. Panics if it has none.
fn read(image: &Image) -> ShadowCopies {
    read_bytes(image.bytes())
}

fn read_bytes(bytes: Vec<u8>) -> ShadowCopies {
    let volume: SharedSource = Arc::new(bytes);
    ShadowCopies::read(&volume).unwrap().expect("shadow copies")
}

/// Returns all bytes of the snapshot with the number `number`. The oldest has number 1.
fn whole(copies: &ShadowCopies, number: usize) -> Vec<u8> {
    let snapshot = copies.snapshot(number).unwrap();
    read_exact(&*snapshot, 0, usize::try_from(snapshot.size()).unwrap()).unwrap()
}

/// Returns a volume with three snapshots. `kept` has, for each snapshot from the oldest to the
/// newest, the entries of its block list: where the old content of blocks is kept.
fn three(kept: [Vec<Descriptor>; 3]) -> Image {
    let mut image = Image::new(40);
    image.stores = kept.into_iter().map(image::StoreImage::of).collect();
    image
}

/// Returns the block with the number `block` from `bytes`, the bytes of a volume or snapshot.
fn block(bytes: &[u8], block: u64) -> &[u8] {
    let start = usize::try_from(block * BLOCK_SIZE).unwrap();
    &bytes[start..start + usize::try_from(BLOCK_SIZE).unwrap()]
}

#[test]
fn a_volume_without_a_header_or_a_catalog_has_none() {
    let mut bytes = Image::new(20).bytes();
    for damage in [|bytes: &mut Vec<u8>| bytes[0x1e00] = 0, |bytes: &mut Vec<u8>| bytes.truncate(0x1e00)] {
        let mut bytes = bytes.clone();
        damage(&mut bytes);
        let volume: SharedSource = Arc::new(bytes);
        assert!(ShadowCopies::read(&volume).unwrap().is_none());
    }
    bytes[0x1e30..0x1e38].fill(0);
    let volume: SharedSource = Arc::new(bytes);
    assert!(ShadowCopies::read(&volume).unwrap().is_none());
}

#[test]
fn snapshots_are_listed_by_age_with_what_their_entries_and_headers_say() {
    let mut image = three([vec![], vec![], vec![]]);
    // The catalog is not in the order of age.
    image.stores[0].created = 300;
    image.stores[1].created = 100;
    image.stores[2].created = 200;
    image.stores[1].size = Some(123_456);
    let copies = read(&image);
    let seen: Vec<_> =
        copies.listed().iter().map(|copy| (copy.number, copy.id.0[0], copy.created, copy.size)).collect();
    let size = image.size;
    assert_eq!(seen, [(1, 2, 100, 123_456), (2, 3, 200, size), (3, 1, 300, size)]);
    let first = &copies.listed()[0];
    assert_eq!(first.id.to_string(), "00000002-5bdf-11e3-9d6c-005056c00008");
    assert_eq!(first.copy_id.unwrap().to_string(), "00000012-5bdf-11e3-9d6c-005056c00008");
    assert_eq!(first.machine.as_deref(), Some("HÖST.example"));
    assert!(copies.catalog_problems().is_empty() && (1..=3).all(|number| copies.problems(number).is_empty()));
    assert_eq!(copies.snapshot(1).unwrap().size(), 123_456);
}

#[test]
fn a_block_is_its_own_stores_then_the_newer_ones_then_the_volumes() {
    let image = three([
        vec![Descriptor::plain(20, 30)],
        vec![Descriptor::plain(20, 31), Descriptor::plain(21, 32)],
        vec![Descriptor::plain(22, 33)],
    ]);
    let live = image.bytes();
    let copies = read(&image);
    for (number, sources) in [(1, [30, 32, 33, 23]), (2, [31, 32, 33, 23]), (3, [20, 21, 33, 23])] {
        let snapshot = whole(&copies, number);
        for (place, source) in (20..).zip(sources) {
            assert!(block(&snapshot, place) == block(&live, source), "{place} of {number}");
        }
    }
}

#[test]
fn a_forwarded_block_is_the_next_snapshots_at_its_new_place() {
    let image = three([
        vec![Descriptor::forward(20, 21), Descriptor::forward(22, 23), Descriptor::plain(23, 33)],
        vec![Descriptor::plain(21, 31)],
        // Away and back again; and away for good.
        vec![Descriptor::forward(24, 25), Descriptor::forward(25, 24), Descriptor::forward(26, 27)],
    ]);
    let live = image.bytes();
    let copies = read(&image);
    let oldest = whole(&copies, 1);
    assert!(block(&oldest, 20) == block(&live, 31));
    // What overwrote the new place put the content in the store.
    assert!(block(&oldest, 22) == block(&live, 33));
    assert!(block(&oldest, 23) == block(&live, 23));
    let newest = whole(&copies, 3);
    assert!(block(&newest, 24) == block(&live, 25) && block(&newest, 25) == block(&live, 25));
    assert!(block(&newest, 26) == block(&live, 27));
}

#[test]
fn overlays_add_up_and_concern_only_their_own_snapshot() {
    let image = three([
        vec![],
        vec![
            Descriptor::overlay(20, 30, 1),
            Descriptor::plain(20, 31),
            Descriptor::overlay(20, 34, 1 << 31),
            Descriptor::plain(20, 32),
        ],
        vec![Descriptor::overlay(21, 33, 0b110)],
    ]);
    let live = image.bytes();
    let copies = read(&image);
    let (oldest, middle, newest) = (whole(&copies, 1), whole(&copies, 2), whole(&copies, 3));
    assert!(block(&oldest, 20) == block(&live, 32) && block(&oldest, 21) == block(&live, 21));
    let laid =
        [&block(&live, 30)[..512], &block(&live, 32)[512..31 * 512], &block(&live, 30)[31 * 512..]].concat();
    assert!(block(&middle, 20) == laid && block(&middle, 21) == block(&live, 21));
    let laid =
        [&block(&live, 21)[..512], &block(&live, 33)[512..3 * 512], &block(&live, 21)[3 * 512..]].concat();
    assert!(block(&newest, 21) == laid && block(&newest, 20) == block(&live, 20));
}

#[test]
fn blocks_not_in_use_are_zeros_in_the_newest_snapshot_alone() {
    let mut image = three([vec![], vec![], vec![Descriptor::plain(20, 30), Descriptor::forward(21, 22)]]);
    for store in &mut image.stores {
        store.bitmap = (20..26).collect();
    }
    image.stores[2].previous_bitmap = Some((20..25).collect());
    let live = image.bytes();
    let copies = read(&image);
    let newest = whole(&copies, 3);
    let zeros = vec![0; 16384];
    // Kept; forwarded; led to by a forwarder; twice; set in one bitmap only.
    for (place, expected) in [
        (20, block(&live, 30)),
        (21, block(&live, 22)),
        (22, block(&live, 22)),
        (23, &zeros[..]),
        (24, &zeros),
        (25, block(&live, 25)),
    ] {
        assert!(block(&newest, place) == expected, "{place}");
    }
    assert!(block(&whole(&copies, 2), 23) == block(&live, 23));
    image.stores[2].previous_bitmap = None;
    assert!(block(&whole(&read(&image), 3), 25) == zeros);
}

#[test]
fn a_store_on_another_volume_is_said_by_name() {
    let mut image = three([vec![], vec![], vec![]]);
    image.stores[1].is_elsewhere = true;
    let copies = read(&image);
    assert_eq!(
        copies.listed().iter().map(|copy| copy.is_elsewhere).collect::<Vec<_>>(),
        [false, true, false]
    );
    assert!(copies.snapshot(3).is_ok());
    let said = |number| {
        copies.snapshot(number).map(|_| ()).map_err(|error| (error.kind(), error.to_string())).unwrap_err()
    };
    let id = "00000002-5bdf-11e3-9d6c-005056c00008";
    assert_eq!(
        said(2),
        (io::ErrorKind::Unsupported, format!("shadow copy 2: its store ({id}) lies on another volume"))
    );
    assert_eq!(
        said(1),
        (
            io::ErrorKind::Unsupported,
            format!("shadow copy 1: the newer shadow copy 2's store ({id}) lies on another volume")
        )
    );
    assert_eq!(said(4), (io::ErrorKind::NotFound, "shadow copy 4: the volume has 3 of them".into()));
    assert_eq!(said(0).0, io::ErrorKind::NotFound);
    let places = [1, 2, 3].map(|number| copies.is_changed(number, 20 * BLOCK_SIZE..21 * BLOCK_SIZE));
    assert_eq!(places, [true, true, false]);
}

#[test]
fn a_range_is_unchanged_only_if_no_block_of_it_is_kept() {
    let mut image = three([
        vec![Descriptor::plain(20, 30), Descriptor::overlay(22, 30, 1)],
        vec![Descriptor::overlay(24, 30, 1)],
        vec![Descriptor::plain(26, 30), Descriptor::overlay(30, 31, 0)],
    ]);
    image.stores[2].bitmap = vec![28];
    let copies = read(&image);
    let changed =
        |number, first: u64, end: u64| copies.is_changed(number, first * BLOCK_SIZE..end * BLOCK_SIZE);
    assert_eq!(
        [1, 2, 3].map(|number| (0..40).filter(|at| changed(number, *at, at + 1)).collect::<Vec<_>>()),
        [vec![20, 22, 24], vec![24, 28], vec![26, 28]]
    );
    assert!(changed(1, 17, 40) && changed(1, 19, 21) && !changed(1, 18, 20));
    let (start, end) = (20 * BLOCK_SIZE, 21 * BLOCK_SIZE);
    assert!(copies.is_changed(1, end - 1..end + 1) && copies.is_changed(1, start - 1..start + 1));
    assert!(!copies.is_changed(1, start - 1..start) && !copies.is_changed(1, end..end + 1));
    assert!(!copies.is_changed(1, start..start));
    // Beyond the end of the older and of the newer state, and of no snapshot.
    image.stores[1].size = Some(38 * BLOCK_SIZE);
    let smaller = read(&image);
    for number in [1, 2] {
        let is_changed = |end| smaller.is_changed(number, 37 * BLOCK_SIZE..end);
        assert!(!is_changed(38 * BLOCK_SIZE) && is_changed(38 * BLOCK_SIZE + 1));
    }
    assert!(
        copies.is_changed(3, image.size - 1..image.size + 1)
            && !copies.is_changed(3, image.size - 1..image.size)
    );
    assert!(copies.is_changed(0, 0..1) && copies.is_changed(4, 0..1));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn snapshots_are_what_the_slow_twin_reads(
        image in any_image(),
        places in prop::collection::vec((any::<prop::sample::Index>(), 0..100_000_usize), 8),
    ) {
        let bytes = image.bytes();
        let copies = read_bytes(bytes.clone());
        let twin = Twin { image: &image, live: &bytes };
        for number in 1..=image.stores.len() {
            let expected = twin.snapshot(number);
            prop_assert!(whole(&copies, number) == expected, "snapshot {}", number);
            let snapshot = copies.snapshot(number).unwrap();
            for (place, length) in &places {
                let offset = place.index(expected.len());
                let mut part = vec![1; *length];
                let read = snapshot.read_at(offset as u64, &mut part).unwrap();
                let end = expected.len().min(offset + length);
                prop_assert!(part[..read] == expected[offset..end], "{}+{} of {}", offset, length, number);
            }
        }
    }

    #[test]
    fn what_is_unchanged_has_the_same_bytes_in_the_next_state(
        image in any_image(),
        places in prop::collection::vec((any::<prop::sample::Index>(), 1..60_000_usize), 16),
    ) {
        let bytes = image.bytes();
        let copies = read_bytes(bytes.clone());
        let mut states: Vec<Vec<u8>> = (1..=image.stores.len()).map(|number| whole(&copies, number)).collect();
        states.push(bytes);
        for number in 1..=image.stores.len() {
            let (older, newer) = (&states[number - 1], &states[number]);
            for at in (0..older.len()).step_by(16384) {
                let end = older.len().min(at + 16384);
                prop_assert!(copies.is_changed(number, at as u64..end as u64) || older[at..end] == newer[at..end]);
            }
            for (place, length) in &places {
                let at = place.index(older.len());
                let end = older.len().min(at + length);
                let is_changed = copies.is_changed(number, at as u64..end as u64);
                prop_assert!(is_changed || older[at..end] == newer[at..end]);
                let blocks = (at / 16384..end.div_ceil(16384)).map(|block| block as u64 * BLOCK_SIZE);
                let of_blocks = blocks.map(|at| copies.is_changed(number, at..(at + BLOCK_SIZE).min(image.size))).collect::<Vec<_>>();
                prop_assert_eq!(is_changed, of_blocks.contains(&true));
            }
        }
    }
}

#[test]
fn threads_share_a_snapshot() {
    let image = three([
        vec![Descriptor::plain(20, 30)],
        vec![Descriptor::forward(21, 35)],
        vec![Descriptor::overlay(22, 33, 6)],
    ]);
    let copies = read(&image);
    let expected = whole(&read(&image), 1);
    let snapshot = copies.snapshot(1).unwrap();
    std::thread::scope(|scope| {
        for start in 0..8 {
            let (snapshot, expected) = (&snapshot, &expected);
            scope.spawn(move || {
                for at in (start * 1000..expected.len() - 20_000).step_by(7000) {
                    let read = read_exact(&**snapshot, at as u64, 20_000).unwrap();
                    assert!(read == expected[at..at + 20_000]);
                }
            });
        }
    });
}
