//! Tests of `--carve`: chunks of event logs are found wherever they lie in a file's bytes.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that goes wrong fails loudly")]

mod common;

use common::logs::{harmless, log, matching};
use common::{FinishedSweep, Scene};
use dnsweep_samples::{Event, LogWriter, Style, damage, rng::Rng};
use serde_json::{Value, json};

const CHUNK: usize = 65_536;

/// Makes a 64 KiB chunk of a log with matches of these numbers. The chunk is full, or nearly so, if
/// there are many.
fn chunk(numbers: std::ops::RangeInclusive<u64>) -> Vec<u8> {
    let events: Vec<Event> = numbers.map(|number| matching(number).on("A")).collect();
    log(&events)[4096..4096 + CHUNK].to_vec()
}

/// Makes the bytes of a disk image: `size` bytes of noise, with each of `pieces` at its offset.
fn image(size: usize, pieces: &[(usize, &[u8])]) -> Vec<u8> {
    let mut rng = Rng::new(7);
    let mut image: Vec<u8> =
        std::iter::repeat_with(|| rng.next_u64().to_le_bytes()).flatten().take(size).collect();
    for (at, piece) in pieces {
        image[*at..at + piece.len()].copy_from_slice(piece);
    }
    image
}

/// Returns the event number, chunk number and record offset of each match.
fn rows(swept: &FinishedSweep) -> Vec<(u64, u64, u64)> {
    let row = |row: Value| {
        let number = |name: &str| row[name].as_u64().unwrap();
        (number("event_record_id"), number("chunk_number"), number("record_offset"))
    };
    swept.rows("matches").into_iter().map(row).collect()
}

fn parts(file: &Value) -> [u64; 5] {
    ["good", "empty", "damaged", "other", "unread"]
        .map(|part| file[format!("{part}_bytes")].as_u64().unwrap())
}

#[test]
fn chunks_are_found_at_any_sector_and_in_any_block() {
    let (first, second, third) = (chunk(1..=3), chunk(4..=5), chunk(6..=6));
    // At the start, across the end of a block, and at the end of the file.
    let block = 4096 + 32 * CHUNK;
    let size = 3 * block;
    let pieces = [(0, &first[..]), (block - 512, &second[..]), (size - CHUNK, &third[..])];
    let bytes = image(size, &pieces);
    let mut tables = Vec::new();
    for threads in ["1", "3"] {
        let scene = Scene::new();
        scene.put("A/disk.raw", &bytes);
        let swept = scene.sweep(&["--carve", "--hash", "--threads", threads]).expect(0);
        let found = rows(&swept);
        assert_eq!(found.iter().map(|(number, ..)| *number).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
        for (place, (_, sector, offset)) in found.iter().enumerate() {
            let start = pieces[[0, 0, 0, 1, 1, 2][place]].0 as u64;
            assert_eq!(*sector, start / 512);
            // The record lies at that offset of the file.
            let at = usize::try_from(*offset).unwrap();
            assert_eq!(bytes[at..at + 4], [0x2a, 0x2a, 0, 0]);
            assert!((start..start + CHUNK as u64).contains(offset));
        }
        let file = swept.file("A/disk.raw");
        assert_eq!(
            (&file["carved"], &file["status"], &file["chunks"]),
            (&json!(true), &json!("complete"), &json!(3))
        );
        assert_eq!(parts(&file), [3 * CHUNK as u64, 0, 0, (size - 3 * CHUNK) as u64, 0]);
        assert_eq!(file["sha256"], json!(dnsweep::internals::base::digest::sha256(&bytes)));
        assert_eq!(swept.run()["totals"]["bytes_read"], json!(size));
        tables.push(swept.tables());
    }
    assert!(tables[0] == tables[1]);
}

#[test]
fn a_chunk_that_was_overwritten_yields_what_is_left() {
    // Another chunk begins in this one; and the file ends with the rest of a third one.
    let (old, new) = (chunk(1..=40), chunk(101..=103));
    let bytes = image(4 * CHUNK, &[(1024, &old), (1024 + 20 * 512, &new), (4 * CHUNK - 8192, &old[..8192])]);
    let scene = Scene::new();
    scene.put("A/pagefile.sys", &bytes);
    let swept = scene.sweep(&["--carve"]).expect(3);
    let numbers: Vec<u64> = rows(&swept).iter().map(|(number, ..)| *number).collect();
    let (left, rest): (Vec<u64>, Vec<u64>) = numbers.iter().partition(|number| **number <= 40);
    assert_eq!(rest, [101, 102, 103]);
    assert!(left.starts_with(&[1, 2, 3]) && left.len() < 40, "{left:?}");
    let file = swept.file("A/pagefile.sys");
    assert_eq!(file["status"], "damaged");
    let [good, _, damaged, other, _] = parts(&file);
    assert_eq!((good, damaged), (CHUNK as u64, 20 * 512 + 8192));
    assert_eq!(good + damaged + other, 4 * CHUNK as u64);
}

/// Makes a log of one chunk with 59 matches and one event whose text contains the header of another
/// chunk, at the start of a 512-byte sector. Returns also the offset of that header in the chunk.
/// All checksums are right.
fn log_with_a_header_in_a_text() -> (Vec<u8>, usize) {
    let mut events: Vec<Event> = (1..=60).map(|number| matching(number).on("A")).collect();
    events[20] = Event::dns_query("example.com", &"A".repeat(1500)).numbered(21).on("A");
    let mut bytes = log(&events);
    let letters =
        |at: usize| bytes[at..at + 512].chunks_exact(2).all(|unit| matches!(unit, [b'A', 0] | [0, b'A']));
    let at = (0..CHUNK).step_by(512).find(|at| letters(4096 + at)).unwrap();
    bytes[4096 + at..][..512].copy_from_slice(&chunk(1..=3)[..512]);
    damage::repair_chunk_checksums(&mut bytes, 0).unwrap();
    (bytes, at)
}

#[test]
fn the_text_of_an_event_cuts_no_chunk_short() {
    let (bytes, at) = log_with_a_header_in_a_text();
    let whole = &bytes[4096..4096 + CHUNK];
    let matches = |swept: &FinishedSweep| rows(swept).len();
    let scene = Scene::new();
    scene.put("A/Sysmon.evtx", &bytes);
    assert_eq!(matches(&scene.sweep(&["--checksums"]).expect(0)), 59, "in its place");
    // The chunk is misaligned: at the end of a piece and of a block, and before it.
    let mut shifted = log_of_chunks(131);
    for chunk in [2, 3, 126, 127] {
        shifted[damage::chunk_offset(chunk)..][..CHUNK].copy_from_slice(whole);
    }
    shifted.splice(4096..4096, [0; 8]);
    scene.put("A/Sysmon.evtx", &shifted);
    let swept = scene.sweep(&["--force"]).expect(3);
    assert_eq!(matches(&swept), 127 + 4 * 59);
    assert_eq!(sum_of_parts(&swept.file("A/Sysmon.evtx")), shifted.len() as u64);
    // The log is carved. The end of a block (of 2 MiB, except the first) lies before the header in
    // the text, after it, and between it and the chunk's end.
    for start in [4096 + (32 << 16) - 512, 4096 + (32 << 16) - at - 512, 4096 + (32 << 16) - CHUNK + 512] {
        let scene = Scene::new();
        let image = image(40 * CHUNK, &[(start, whole)]);
        scene.put("A/disk.raw", &image);
        let swept = scene.sweep(&["--carve"]).expect(3);
        assert_eq!(matches(&swept), 59, "{start}");
        let file = swept.file("A/disk.raw");
        assert_eq!(problem_starts(&file), [((start + at) as u64, "header of a chunk inside".to_owned())]);
        assert_eq!(parts(&file), [CHUNK as u64, 0, 0, 39 * CHUNK as u64, 0], "{start}");
    }
    // If another record is damaged, the checksum of the records no longer confirms that the header
    // is part of a text. The record around the header is still whole.
    let mut broken = whole.to_vec();
    broken[CHUNK / 2] ^= 1;
    let scene = Scene::new();
    scene.put("A/disk.raw", &image(4 * CHUNK, &[(1024, &broken)]));
    let found = matches(&scene.sweep(&["--carve"]).expect(3));
    assert!((58..=59).contains(&found), "{found}");
}

/// Returns, for each problem that the ledger lists of a file, the offset and the first words.
fn problem_starts(file: &Value) -> Vec<(u64, String)> {
    let of = |problem: &Value| {
        let text: Vec<&str> = problem["problem"].as_str().unwrap().split(' ').take(5).collect();
        (problem["offset"].as_u64().unwrap(), text.join(" "))
    };
    file["problems"].as_array().unwrap().iter().map(of).collect()
}

#[test]
fn a_header_after_the_records_that_begins_no_chunk_is_reported() {
    let chunk_of_one = chunk(101..=101);
    let mut broken = chunk_of_one.clone();
    broken[30] ^= 1;
    // The text of a deleted event looks like a chunk, down to its checksums.
    let size = u32::try_from(20_000 + 28).unwrap().to_le_bytes();
    let deleted = [b"**\0\0", &size[..], &[0; 16], &chunk_of_one[..20_000], &size].concat();
    for (piece, header, text) in [
        (&broken[..20_000], 0, "chunk header checksum: header says"),
        (&deleted, 24, "header of a chunk inside"),
    ] {
        // The header lies at a sector, or anywhere.
        let sector = 60 * 512 - header;
        let mut small = chunk(1..=3);
        small[sector..sector + piece.len()].copy_from_slice(piece);
        let mut bytes = log_of_chunks(6);
        let place = damage::chunk_offset(3) + 30_001;
        bytes[place..place + piece.len()].copy_from_slice(piece);
        let scene = Scene::new();
        scene.put("A/Sysmon.evtx", &bytes);
        scene.put("B/disk.raw", &image(4 * CHUNK, &[(1024, &small)]));
        let swept = scene.sweep(&["--carve"]).expect(3);
        let numbers: Vec<u64> = rows(&swept).iter().map(|(number, ..)| *number).collect();
        assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 1, 2, 3], "{text}");
        // In a log whose chunks are in their places, the free space of an intact chunk contains
        // deleted data.
        let log = swept.file("A/Sysmon.evtx");
        assert_eq!((problem_starts(&log), &log["status"]), (Vec::new(), &json!("complete")));
        assert_eq!(log["notes"][0]["offset"], json!(place + header));
        assert_eq!(
            problem_starts(&swept.file("B/disk.raw")),
            [((1024 + sector + header) as u64, text.to_owned())]
        );
        assert_eq!(sum_of_parts(&swept.file("A/Sysmon.evtx")), bytes.len() as u64);
        assert_eq!(parts(&swept.file("B/disk.raw")), [CHUNK as u64, 0, 0, 3 * CHUNK as u64, 0]);
    }
}

#[test]
fn what_only_looks_like_a_chunk_is_none() {
    let good = chunk(1..=1);
    let mut broken = good.clone();
    broken[30] ^= 1;
    // Three headers that are rejected: one with a wrong checksum, one that does not begin at a
    // sector, and one that the end of the file cuts off.
    let size = 4 * CHUNK + 450;
    let bytes = image(size, &[(0, &broken), (CHUNK + 100, &good), (4 * CHUNK, &good[..450])]);
    let scene = Scene::new();
    scene.put("A/memory.dmp", &bytes);
    let swept = scene.sweep(&["--carve"]).expect(4);
    assert_eq!(rows(&swept), []);
    let file = swept.file("A/memory.dmp");
    assert_eq!(parts(&file), [0, 0, 0, size as u64, 0]);
    // The headers with a right signature at a sector are listed as problems.
    let problems = file["problems"].as_array().unwrap();
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert_eq!((&problems[1]["offset"], &problems[1]["length"]), (&json!(4 * CHUNK), &json!(450)));
    assert_eq!((&problems[0]["offset"], &problems[0]["length"]), (&json!(0), &json!(512)));
    assert!(problems[0]["problem"].as_str().unwrap().contains("checksum"), "{problems:?}");
}

#[test]
fn logs_are_read_as_logs_and_their_events_carved_are_copies() {
    let live = log(&[harmless(1).on("A"), matching(2).on("A")]);
    let scene = Scene::new();
    scene.put("A/Sysmon.evtx", &live);
    // A log with another name is carved. Its first bytes do not make a file a log, because then
    // they would hide the rest of an image.
    scene.put("A/export.bin", &log(&[matching(3).on("A")]));
    scene.put("A/disk.raw", &image(3 * CHUNK, &[(CHUNK, &live[4096..])]));
    scene.put("A/notes.txt", b"nothing of interest");
    let plain = scene.sweep(&[]).expect(0);
    let passed = &plain.run()["passed_over"];
    assert_eq!((&passed["other_files"], &passed["containers"]), (&json!(2), &json!(1)));
    let swept = scene.sweep(&["--carve", "--force"]).expect(0);
    let rows: Vec<(Value, Value, Value)> = swept
        .rows("matches")
        .into_iter()
        .map(|row| (row["source_path"].clone(), row["event_record_id"].clone(), row["duplicate"].clone()))
        .collect();
    let expected = [("A/Sysmon.evtx", 2, false), ("A/disk.raw", 2, true), ("A/export.bin", 3, false)];
    assert_eq!(rows, expected.map(|(path, id, copy)| (json!(path), json!(id), json!(copy))));
    let carved: Vec<Value> = swept.column("files", "carved");
    assert_eq!(carved, [json!(false), json!(true), json!(true), json!(true)]);
    assert_eq!(swept.host("A")["files"], json!(3), "notes.txt says nothing of a host");
    assert_eq!(swept.run()["totals"]["carved_files"], json!(3));
    let swept = scene.sweep(&["--carve", "--any-name", "--force"]).expect(0);
    assert_eq!(swept.column("files", "carved"), [json!(false), json!(true), json!(false), json!(true)]);
}

/// Makes a log of `count` chunks with a match in each, numbered from 1.
fn log_of_chunks(count: u64) -> Vec<u8> {
    let mut writer = LogWriter::new(Style::Export);
    for number in 1..=count {
        writer.push(&matching(number).on("A")).unwrap();
        writer.end_chunk();
    }
    writer.finish()
}

/// Returns the offsets and lengths of the misaligned chunks (off the log's 64 KiB grid) that the
/// ledger lists as problems of a file.
fn misaligned_chunks(file: &Value) -> Vec<(u64, u64)> {
    let problems = file["problems"].as_array().unwrap();
    assert!(problems.is_sorted_by_key(|problem| problem["offset"].as_u64()), "{problems:?}");
    let off =
        problems.iter().filter(|problem| problem["problem"].as_str().unwrap().contains("off its place"));
    off.map(|problem| (problem["offset"].as_u64().unwrap(), problem["length"].as_u64().unwrap())).collect()
}

/// Returns the sum of the parts of a log in bytes, such as good and damaged bytes, as its row in
/// the ledger states them.
fn sum_of_parts(file: &Value) -> u64 {
    let parts = ["header", "good", "empty", "damaged", "trailing", "other", "unread"]
        .map(|part| format!("{part}_bytes"));
    parts.iter().map(|part| file[part].as_u64().unwrap()).sum()
}

#[test]
fn chunks_of_a_shifted_log_are_found_misaligned() {
    // The shifts are sectors and sizes that a program may insert. They make chunk headers lie
    // across the ends of places and blocks.
    for shift in [3 * 512, 1, CHUNK - 1, CHUNK - 300] {
        assert_chunks_are_found_after(shift);
    }
}

/// Inserts `shift` bytes before the fifth of 140 chunks of a log. Fails unless a sweep finds all
/// later chunks and reports them as misaligned, also in the log's later blocks.
fn assert_chunks_are_found_after(shift: usize) {
    let mut bytes = log_of_chunks(140);
    bytes.splice(damage::chunk_offset(4)..damage::chunk_offset(4), vec![7; shift]);
    let scene = Scene::new();
    scene.put("A/Sysmon.evtx", &bytes);
    let mut tables = Vec::new();
    for options in
        [&["--threads", "1"][..], &["--threads", "3", "--readers", "1"], &["--exhaustive", "--carve"]]
    {
        let swept = scene.sweep(&[options, &["--hash", "--force"]].concat()).expect(3);
        let expected: Vec<(u64, u64, u64)> = (1..=140)
            .map(|number| {
                let chunk = usize::try_from(number - 1).unwrap();
                let start = damage::chunk_offset(chunk) + if chunk < 4 { 0 } else { shift };
                (number, number - 1, start as u64 + 512)
            })
            .collect();
        assert_eq!(rows(&swept), expected);
        let file = swept.file("A/Sysmon.evtx");
        assert_eq!((&file["carved"], &file["status"]), (&json!(false), &json!("damaged")));
        assert_eq!(file["sha256"], json!(dnsweep::internals::base::digest::sha256(&bytes)));
        assert_eq!(swept.run()["totals"]["bytes_read"], json!(bytes.len()));
        assert_eq!(sum_of_parts(&file), bytes.len() as u64);
        assert_eq!(file["good_bytes"], json!(140 * CHUNK));
        assert_eq!(file["chunks"], json!(141), "its places are what they are");
        let off = misaligned_chunks(&file);
        assert_eq!(
            off,
            expected[4..].iter().map(|(.., offset)| (offset - 512, CHUNK as u64)).collect::<Vec<_>>()
        );
        tables.push(swept.tables());
    }
    assert!(tables.iter().all(|others| *others == tables[0]));
}

#[test]
fn bytes_lost_within_a_chunk_cost_that_chunk_its_last_records_and_no_other_any() {
    let mut writer = LogWriter::new(Style::Live);
    for number in 1..=700 {
        writer.push(&matching(number).on("A")).unwrap();
    }
    let whole = writer.finish();
    let scene = Scene::new();
    scene.put("A/Sysmon.evtx", &whole);
    let all = rows(&scene.sweep(&[]).expect(0));
    assert!(all.last().is_some_and(|(_, chunk, _)| *chunk > 6), "{all:?}");
    // Bytes are lost from five chunks at different offsets, within a record and after the last one,
    // and from the log's header.
    for (chunk, at, lost) in
        [(1, 30_000, 512), (2, 20_001, 1), (3, 600, 40_000), (4, 65_530, 3), (5, 100, 5000)]
            .map(|(chunk, at, lost)| (chunk, damage::chunk_offset(chunk) + at, lost))
            .into_iter()
            .chain([(usize::MAX, 200, 300), (usize::MAX, 37, 4059)])
    {
        let mut bytes = whole.clone();
        bytes.drain(at..at + lost);
        scene.put("A/Sysmon.evtx", &bytes);
        let mut tables = Vec::new();
        for options in [&["--force"][..], &["--force", "--readers", "1"], &["--force", "--exhaustive"]] {
            let swept = scene.sweep(options).expect(3);
            let found: Vec<u64> = rows(&swept).iter().map(|(number, ..)| *number).collect();
            let kept = all.iter().filter(|(_, of, offset)| *of != chunk as u64 || *offset < at as u64);
            let missing: Vec<_> = kept.filter(|(number, ..)| !found.contains(number)).collect();
            // The record that lost bytes began before them, so `kept` contains it.
            assert!(
                missing.len() < 2 && missing.iter().all(|(_, of, _)| *of == chunk as u64),
                "{at}: {missing:?}"
            );
            assert!(found.is_sorted() && found.windows(2).all(|pair| pair[0] < pair[1]), "{at}: {found:?}");
            let file = swept.file("A/Sysmon.evtx");
            assert_eq!(sum_of_parts(&file), bytes.len() as u64, "{at}");
            assert_eq!(swept.run()["totals"]["bytes_read"], json!(bytes.len()), "{at}");
            tables.push(swept.tables());
        }
        assert!(tables.iter().all(|others| *others == tables[0]), "{at}");
    }
}

#[test]
fn a_chunk_may_begin_after_bytes_that_only_begin_like_one() {
    // The false beginning is shorter than the header of a chunk, or longer.
    for length in [511, 512, 5000] {
        let mut bytes = log_of_chunks(3);
        let start = damage::chunk_offset(1);
        bytes.splice(start..start, b"ElfChnk\0".repeat(625)[..length].iter().copied());
        let scene = Scene::new();
        scene.put("A/Sysmon.evtx", &bytes);
        let swept = scene.sweep(&[]).expect(3);
        let offset = (start + length) as u64;
        let expected = [(1, 0, 4608), (2, 1, offset + 512), (3, 2, offset + 512 + CHUNK as u64)];
        assert_eq!(rows(&swept), expected, "{length}");
        assert_eq!(sum_of_parts(&swept.file("A/Sysmon.evtx")), bytes.len() as u64, "{length}");
    }
}

#[test]
fn a_misaligned_chunk_ends_where_another_one_begins() {
    // One chunk reaches into a chunk in its place; and of two other chunks, the second was written
    // over the first.
    let (old, new, last) = (chunk(1..=60), chunk(101..=160), chunk(201..=203));
    let mut bytes = log_of_chunks(8);
    let place = |number: usize| damage::chunk_offset(number);
    bytes[place(1)..place(3)].fill(7);
    bytes[place(2) + 60 * 512..place(3)].copy_from_slice(&old[..CHUNK - 60 * 512]);
    bytes[place(5)..place(7)].fill(7);
    bytes[place(5) + 512..][..CHUNK].copy_from_slice(&new);
    bytes[place(5) + 40 * 512..][..CHUNK].copy_from_slice(&last);
    let scene = Scene::new();
    scene.put("A/Sysmon.evtx", &bytes);
    let swept = scene.sweep(&[]).expect(3);
    let numbers: Vec<u64> = rows(&swept).iter().map(|(number, ..)| *number).collect();
    let of = |first: u64| numbers.iter().filter(|number| (first..first + 100).contains(*number)).count();
    // Of the first chunk, the bytes before the chunk in its place are left; of the second, the
    // bytes before the third.
    assert_eq!(numbers[..2], [1, 1], "the log's own first chunk, and the first of what follows it");
    assert!((20..60).contains(&of(1)) && (5..60).contains(&of(101)), "{numbers:?}");
    assert_eq!(of(201), 3);
    assert!([4, 5, 8].iter().all(|number| numbers.contains(number)));
    let file = swept.file("A/Sysmon.evtx");
    assert_eq!(sum_of_parts(&file), bytes.len() as u64);
    assert_eq!(
        misaligned_chunks(&file).iter().map(|(_, length)| *length).collect::<Vec<_>>(),
        [68 * 512, 39 * 512, CHUNK as u64]
    );
}

#[test]
fn a_chunk_may_begin_in_the_last_bytes_of_a_misaligned_one() {
    // The first chunk begins in the last bytes of each place in turn. It must always end where the
    // second begins, though only the first bytes of the second one's header lie within its reach.
    let scene = Scene::new();
    for place in 0..8 {
        let mut bytes = log_of_chunks(12);
        let first = damage::chunk_offset(place + 1) - 100;
        bytes[damage::chunk_offset(place)..damage::chunk_offset(place + 4)].fill(7);
        bytes[first..][..CHUNK].copy_from_slice(&chunk(101..=101));
        let second = first + CHUNK - 90;
        bytes[second..][..CHUNK].copy_from_slice(&chunk(201..=201));
        scene.put("A/Sysmon.evtx", &bytes);
        let mut tables = Vec::new();
        for options in [&["--force"][..], &["--force", "--readers", "1"]] {
            let swept = scene.sweep(options).expect(3);
            let file = swept.file("A/Sysmon.evtx");
            assert_eq!(
                misaligned_chunks(&file),
                [(first as u64, CHUNK as u64 - 90), (second as u64, CHUNK as u64)],
                "{place}"
            );
            assert_eq!(sum_of_parts(&file), bytes.len() as u64, "{place}");
            let numbers: Vec<u64> = rows(&swept).iter().map(|(number, ..)| *number).collect();
            assert_eq!(numbers.iter().filter(|number| **number > 100).count(), 2, "{place}: {numbers:?}");
            tables.push(swept.tables());
        }
        assert!(tables[0] == tables[1], "{place}");
    }
}

#[test]
fn a_misaligned_chunk_may_reach_into_places_never_used() {
    // The chunks reach over the end of a block, over that of a piece of a block, and into the last
    // place, which is cut off. The end of each chunk is zeros.
    let mut bytes = log_of_chunks(140);
    for place in [127, 131, 138].map(damage::chunk_offset) {
        bytes[place..place + 2 * CHUNK].fill(0);
        bytes[place..place + 4096].fill(7);
        bytes[place + 60 * 512..][..CHUNK].copy_from_slice(&chunk(1..=1));
    }
    bytes.truncate(bytes.len() - 40_000);
    let scene = Scene::new();
    scene.put("A/Sysmon.evtx", &bytes);
    let mut tables = Vec::new();
    for options in [&[][..], &["--readers", "1", "--force"]] {
        let swept = scene.sweep(options).expect(3);
        let file = swept.file("A/Sysmon.evtx");
        let (within, beyond) = (CHUNK - 60 * 512, 60 * 512);
        let lengths: Vec<u64> = misaligned_chunks(&file).iter().map(|(_, length)| *length).collect();
        assert_eq!(lengths, [CHUNK, CHUNK, within + CHUNK - 40_000].map(|length| length as u64));
        assert_eq!(sum_of_parts(&file), bytes.len() as u64);
        // The parts of these places that the chunks do not reach are empty.
        assert_eq!(file["good_bytes"], json!(136 * CHUNK));
        assert_eq!(file["empty_bytes"], json!(2 * (CHUNK - beyond)));
        tables.push(swept.tables());
    }
    assert!(tables[0] == tables[1]);
}

#[test]
fn a_log_without_its_header_may_begin_with_a_chunk() {
    // The file ends with the log's last chunk, or after the last record of that chunk.
    let mut bytes = log_of_chunks(3).split_off(4096);
    bytes.truncate(2 * CHUNK + 40_000);
    let scene = Scene::new();
    scene.put("A/Sysmon.evtx", &bytes);
    let swept = scene.sweep(&[]).expect(3);
    let expected = [(1, 0, 512), (2, 1, 512 + CHUNK as u64), (3, 2, 512 + 2 * CHUNK as u64)];
    assert_eq!(rows(&swept), expected);
    // Places are counted from the file's start. The only problem is the missing header.
    let file = swept.file("A/Sysmon.evtx");
    assert_eq!((sum_of_parts(&file), &file["good_bytes"]), (bytes.len() as u64, &json!(2 * CHUNK)));
    let missing = (0, "the log's header is missing:".to_owned());
    let cut_off = (2 * CHUNK as u64, "chunk cut off: expected 65536".to_owned());
    assert_eq!(problem_starts(&file), [missing.clone(), cut_off]);
    // The log reaches over the ends of blocks, with a misaligned chunk, and is hashed.
    let mut bytes = log_of_chunks(140).split_off(4096);
    bytes.resize(bytes.len() + 2 * CHUNK, 0);
    scene.put("A/Sysmon.evtx", &bytes);
    let mut tables = Vec::new();
    for options in [&["--threads", "1"][..], &["--threads", "3", "--readers", "1"], &["--exhaustive"]] {
        let swept = scene.sweep(&[options, &["--hash", "--force"]].concat()).expect(3);
        let expected: Vec<(u64, u64, u64)> =
            (1..=140).map(|number| (number, number - 1, 512 + (number - 1) * CHUNK as u64)).collect();
        assert_eq!(rows(&swept), expected);
        let file = swept.file("A/Sysmon.evtx");
        assert_eq!(problem_starts(&file), std::slice::from_ref(&missing));
        assert_eq!(file["sha256"], json!(dnsweep::internals::base::digest::sha256(&bytes)));
        assert_eq!((&file["chunks"], &file["header_bytes"]), (&json!(142), &json!(0)));
        assert_eq!((&file["good_bytes"], &file["empty_bytes"]), (&json!(140 * CHUNK), &json!(2 * CHUNK)));
        assert_eq!(swept.run()["totals"]["bytes_read"], json!(bytes.len()));
        tables.push(swept.tables());
    }
    assert!(tables.iter().all(|others| *others == tables[0]));
    let at = 70 * CHUNK;
    bytes.splice(at..at, [7; 1000]);
    scene.put("A/Sysmon.evtx", &bytes);
    let swept = scene.sweep(&["--force"]).expect(3);
    let numbers: Vec<u64> = rows(&swept).iter().map(|(number, ..)| *number).collect();
    assert_eq!(numbers, (1..=140).collect::<Vec<_>>());
    let file = swept.file("A/Sysmon.evtx");
    assert_eq!(sum_of_parts(&file), bytes.len() as u64);
    assert_eq!(misaligned_chunks(&file)[0], (at as u64 + 1000, CHUNK as u64));
}

#[test]
fn a_misaligned_chunk_changes_nothing_about_the_places_that_it_lies_in() {
    // Decoding changes the header of a record. This record lies across the beginning of a place
    // whose bytes the ledger quotes.
    let mut full = log(&(1..=70).map(|number| matching(number).on("A")).collect::<Vec<_>>());
    let records = damage::record_offsets(&full, 0);
    let record = records.iter().skip(5).find(|at| (488..=504).contains(&(*at % 512))).unwrap();
    let broken = records.iter().position(|at| at == record).unwrap() + 3;
    damage::zero_record_size(&mut full, 0, broken).unwrap();
    let into_chunk = (record - 4096).next_multiple_of(512);
    let mut bytes = log_of_chunks(4);
    let place = damage::chunk_offset(2);
    bytes[damage::chunk_offset(1)..damage::chunk_offset(3)].fill(7);
    bytes[place - into_chunk..][..CHUNK].copy_from_slice(&full[4096..4096 + CHUNK]);
    let scene = Scene::new();
    scene.put("A/Sysmon.evtx", &bytes);
    let swept = scene.sweep(&[]).expect(3);
    let file = swept.file("A/Sysmon.evtx");
    assert_eq!(misaligned_chunks(&file), [((place - into_chunk) as u64, CHUNK as u64)]);
    let quoted = format!("{:016x}", u64::from_be_bytes(*bytes[place..].first_chunk().unwrap()));
    let problems = file["problems"].as_array().unwrap();
    let of_place = problems.iter().find(|problem| problem["offset"] == json!(place)).unwrap();
    assert!(of_place["problem"].as_str().unwrap().contains(&quoted), "{quoted}: {problems:?}");
    assert!(
        problems.iter().any(|problem| problem["offset"].as_u64() > Some(place as u64)),
        "the broken record"
    );
}

#[test]
fn deleted_records_are_found_in_misaligned_chunks() {
    let mut writer = LogWriter::new(Style::Live);
    writer.push_all(&[harmless(1).on("A")]).unwrap();
    writer.end_chunk_leaving(&[matching(9).on("A")]).unwrap();
    let mut bytes = writer.finish();
    bytes.splice(4096..4096, vec![7; 1024]);
    let scene = Scene::new();
    scene.put("A/Sysmon.evtx", &bytes);
    let swept = scene.sweep(&["--recover"]).expect(3);
    assert_eq!(swept.column("matches", "recovered"), [json!(true)]);
    assert_eq!(swept.column("matches", "event_record_id"), [json!(9)]);
}

#[test]
fn deleted_records_are_found_in_carved_chunks() {
    let mut writer = LogWriter::new(Style::Live);
    writer.push_all(&[harmless(1).on("A")]).unwrap();
    writer.end_chunk_leaving(&[matching(9).on("A")]).unwrap();
    let bytes = writer.finish();
    let scene = Scene::new();
    scene.put("A/unallocated", &image(2 * CHUNK, &[(512, &bytes[damage::chunk_offset(0)..][..CHUNK])]));
    let swept = scene.sweep(&["--carve", "--recover"]).expect(0);
    assert_eq!(swept.column("matches", "recovered"), [json!(true)]);
    assert_eq!(swept.column("matches", "chunk_number"), [json!(1)]);
}
