//! Tests that compare E01 and Ex01 images with the disk that they are made of.

use super::*;
use crate::event::EventTime;

#[test]
fn an_e01_in_segments_reads_as_its_disk_and_states_its_hashes() {
    let disk = made::disk(70_000);
    let folder = made::e01(&disk, 3);
    let image = folder.open_image("disk.E01").unwrap();
    assert_reads(&image, &disk);
    assert_eq!(image.parts, ["disk.E02", "disk.E03"]);
    assert_eq!(image.facts.stated_md5.as_deref(), Some("11".repeat(16).as_str()));
    assert_eq!(image.facts.stated_sha1.as_deref(), Some("22".repeat(20).as_str()));
    assert_eq!(image.facts.description.as_deref(), Some("HOST-7"));
    assert_eq!(image.facts.unread_at_acquisition.first(), Some(&(1024..2048)));
}

#[test]
fn sectors_that_were_not_read_lie_on_the_disk_or_are_a_problem() {
    // The disk has 137 sectors. Two were not read.
    for (first, range) in [(136, Some(69_632..70_144)), (137, None), (250, None)] {
        for (mut folder, name, section, entry) in [
            (made::e01(&made::disk(70_000), 1), "disk.E01", &b"error2\0"[..], 76 + 520),
            (
                made::ex01(&made::disk(70_000), 1),
                "disk.Ex01",
                &[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
                32,
            ),
        ] {
            let bytes = folder.0.get_mut(name).unwrap();
            let at = bytes.windows(section.len()).rposition(|bytes| bytes == section).unwrap() + entry;
            assert_eq!(bytes[at], 2, "the first sector");
            bytes[at] = first;
            made::put_sums(bytes);
            let image = folder.open_image(name).unwrap();
            assert_eq!(image.facts.unread_at_acquisition.first(), range.as_ref(), "{name}");
            assert_eq!(image.problems.len(), 1, "{:?}", image.problems);
            assert!(image.problems[0].found.contains(&format!("from sector {first} on")));
        }
    }
}

#[test]
fn a_missing_segment_loses_its_own_range_and_is_named() {
    let disk = made::disk(70_000);
    let folder = made::e01(&disk, 3);
    // Segments have 6 chunks of 4,096 bytes each, the last one what is left.
    let middle = folder.without("disk.E02").open_image("disk.E01").unwrap();
    assert!(!middle.problems.is_empty());
    assert_eq!(middle.facts.missing_segments, [2]);
    assert_eq!(middle.problems[0].range, Some(24_576..49_152));
    assert!(middle.problems[0].to_string().contains("disk.E02"), "{}", middle.problems[0]);
    assert_reads_but(&middle, &disk, 24_576..49_152);
    let last = folder.without("disk.E03").open_image("disk.E01").unwrap();
    assert_eq!(last.facts.missing_segments, [3]);
    assert_reads_but(&last, &disk, 49_152..70_144);
    let mut swapped = folder.clone();
    swapped.0.insert("disk.E02".into(), folder.0["disk.E03"].clone());
    let swapped = swapped.open_image("disk.E01").unwrap();
    assert_eq!(swapped.problems[0].found, "segment 3");
    assert_reads_but(&swapped, &disk, 24_576..49_152);
}

#[test]
fn a_damaged_chunk_of_an_e01_loses_its_own_range() {
    let disk = made::disk(70_000);
    let folder = made::e01(&disk, 1);
    let places = made::ewf::e01_places(&folder.0["disk.E01"]);
    // Chunk 0 is stored as it is, chunk 1 is deflated.
    for (chunk, start) in [(0, places.chunks), (1, places.chunks + 4100 + 20)] {
        let image = folder.changed("disk.E01", start + 9).open_image("disk.E01").unwrap();
        let lost = chunk * 4096..(chunk + 1) * 4096;
        assert_reads_but(&image, &disk, lost.clone());
        let error = read_up_to(image.disk.as_ref(), lost.start + 5, 1).unwrap_err().to_string();
        assert!(error.contains(&format!("bytes {} to {}", lost.start, lost.end)), "{error}");
    }
}

#[test]
fn a_damaged_table_of_an_e01_is_replaced_by_its_copy() {
    let disk = made::disk(70_000);
    let folder = made::e01(&disk, 1);
    let places = made::ewf::e01_places(&folder.0["disk.E01"]);
    // Bytes of the descriptor (its kind, its padding), of the table's header, and of an entry.
    let descriptor = [places.table + 5, places.table + 40];
    let table = [places.table + 76 + 1, places.table + 76 + 5, places.table + 76 + 24 + 3];
    for at in descriptor.into_iter().chain(table) {
        let image = folder.changed("disk.E01", at).open_image("disk.E01").unwrap();
        assert!(!image.problems.is_empty());
        let lost = descriptor.contains(&at).then_some(0..disk.len() as u64);
        assert_reads_but(&image, &disk, lost);
    }
    let both = folder.changed("disk.E01", places.table + 76 + 24 + 3);
    let both = both.changed("disk.E01", places.table2 + 76 + 24 + 3).open_image("disk.E01").unwrap();
    assert_eq!(both.problems[0].range, Some(0..disk.len() as u64));
    assert_reads_but(&both, &disk, 0..disk.len() as u64);
}

#[test]
fn an_e01_that_is_cut_off_says_from_which_byte() {
    let disk = made::disk(70_000);
    let mut folder = made::e01(&disk, 2);
    let second = folder.0.get_mut("disk.E02").unwrap();
    second.truncate(second.len() / 3);
    let image = folder.open_image("disk.E01").unwrap();
    let lost = 36_864..disk.len() as u64;
    assert_eq!(image.problems[0].range, Some(lost.clone()));
    assert_reads_but(&image, &disk, lost);
}

#[test]
fn an_ex01_in_segments_reads_as_its_disk_and_states_its_hashes() {
    let disk = made::disk(70_000);
    let folder = made::ex01(&disk, 3);
    let image = folder.open_image("disk.Ex01").unwrap();
    assert_reads(&image, &disk);
    assert_eq!(image.parts, ["disk.Ex02", "disk.Ex03"]);
    assert_eq!(image.facts.stated_md5.as_deref(), Some("11".repeat(16).as_str()));
    assert_eq!(image.facts.stated_sha1.as_deref(), Some("22".repeat(20).as_str()));
    assert_eq!(image.facts.description.as_deref(), Some("HOST-7"));
    assert_eq!(image.facts.acquired, EventTime::parse_logged("2024-11-29T12:00:00Z"));
    assert_eq!(image.facts.unread_at_acquisition.first(), Some(&(1024..2048)));
}

#[test]
fn a_missing_or_damaged_segment_of_an_ex01_loses_its_own_range() {
    let disk = made::disk(70_000);
    let folder = made::ex01(&disk, 3);
    let middle = folder.without("disk.Ex02").open_image("disk.Ex01").unwrap();
    assert_eq!(middle.facts.missing_segments, [2]);
    assert!(middle.problems.iter().any(|problem| problem.range == Some(24_576..49_152)));
    assert_reads_but(&middle, &disk, 24_576..49_152);
    let last = folder.without("disk.Ex03").open_image("disk.Ex01").unwrap();
    assert_eq!(last.facts.missing_segments, [3]);
    assert_reads_but(&last, &disk, 49_152..70_144);
    // Chunk 6 is a pattern. Chunk 7, deflated to less than 100 bytes, follows the segment's header,
    // and chunk 8, stored as it is, follows chunk 7.
    for (at, lost) in [(32 + 10, 28_672..32_768), (32 + 200, 32_768..36_864)] {
        let image = folder.changed("disk.Ex02", at).open_image("disk.Ex01").unwrap();
        assert_reads_but(&image, &disk, lost);
    }
    let table = folder.0["disk.Ex02"].len() - 64 - 64 - 20;
    let table = folder.changed("disk.Ex02", table).open_image("disk.Ex01").unwrap();
    assert_reads_but(&table, &disk, 24_576..49_152);
    let hashes = folder.0["disk.Ex03"].windows(16).position(|window| window == [0x11; 16]).unwrap();
    let hashes = folder.changed("disk.Ex03", hashes).open_image("disk.Ex01").unwrap();
    assert_eq!((hashes.problems.len(), hashes.facts.stated_md5.as_deref()), (1, None));
    assert_reads_but(&hashes, &disk, None);
    let end = folder.0["disk.Ex02"].len();
    let descriptor = folder.changed("disk.Ex02", end - 30).open_image("disk.Ex01").unwrap();
    assert_reads_but(&descriptor, &disk, 24_576..49_152);
}
