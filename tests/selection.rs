//! Tests that the selection of the records to decode changes nothing but the time a scan takes.
//! Each scan is compared with one that decodes everything.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that goes wrong fails loudly")]

mod common;

use common::mutation::{
    Change, Place as ChangedPlace, SAMPLES, Sample, ScanResult, apply, change, config, place, scan_with,
};
use dnsweep::internals::detect::{Detection, Predicate};
use dnsweep::internals::event::{EventTime, Window};
use dnsweep::internals::ledger::damage::Damage;
use dnsweep::internals::ledger::tally::Tally;
use dnsweep::internals::scan::{Checksums, LocatedEvent, Needle, Scanner, Selection, WantedQueries};
use dnsweep_samples::{DataValue, Event, Guid, LogWriter, Place, Sid, Style, damage, time};
use proptest::prelude::*;
use proptest::sample::Index;

fn seed() -> Predicate {
    Detection::seed().unwrap().search.predicate
}

/// Returns the selection of records that a sweep makes for a detection: those that contain the
/// texts (literals) that the detection requires.
fn selection(predicate: &Predicate) -> Selection {
    let sets = predicate.required_texts().into_iter().map(|set| {
        set.into_iter()
            .map(|required| Needle { data: required.data_name.to_owned(), text: required.text })
            .collect()
    });
    Selection::Wanted(vec![WantedQueries { sets: sets.collect() }])
}

/// Makes a scanner that decodes the selected records, and counts the DNS queries of a period whose
/// ends lie among the samples' events.
fn scanner(selection: &Selection) -> Scanner {
    let at = EventTime::parse_logged;
    Scanner::new(selection).within(Window {
        since: at("2025-03-04T09:00:00Z"),
        until: at("2025-03-04T12:00:00Z"),
        ends: None,
    })
}

/// Returns the results of two scans of a log: one decodes only what the built-in detection needs
/// and verifies all checksums, and one decodes everything.
fn both(log: &Vec<u8>) -> (ScanResult, ScanResult) {
    let selected = scan_with(&mut scanner(&selection(&seed())).verifying(Checksums::All), log);
    (selected, scan_with(&mut scanner(&Selection::Everything), log))
}

/// Returns the results of two scans of a log: one decodes only what the built-in detection needs
/// and verifies only the checksums that are needed, and one decodes everything.
fn both_by_default(log: &Vec<u8>) -> (ScanResult, ScanResult) {
    let selected = scan_with(&mut scanner(&selection(&seed())), log);
    (selected, both(log).1)
}

fn matches(found: &ScanResult) -> Vec<&LocatedEvent> {
    let predicate = seed();
    found.events.iter().filter(|located| predicate.evaluate(&located.event)).collect()
}

/// Returns a sample after these changes.
fn damaged(sample: &Sample, changes: &[(ChangedPlace, Change)]) -> Vec<u8> {
    let mut bytes = sample.bytes.clone();
    for (place, change) in changes {
        apply(&mut bytes, place.of(sample), change);
    }
    bytes
}

proptest! {
    #![proptest_config(config())]

    /// Damage shows in a checksum. All records of the chunk are then decoded.
    #[test]
    fn damaged_logs_give_the_same_results(
        sample in any::<Index>(),
        changes in prop::collection::vec((place(), change()), 0..4),
    ) {
        let damaged = damaged(sample.get(&SAMPLES), &changes);
        let (selected, all) = both(&damaged);
        prop_assert_eq!(matches(&selected), matches(&all));
        prop_assert_eq!(selected.tally, all.tally);
        prop_assert_eq!(selected.problems, all.problems);
    }

    /// If the checksum of records is not verified, damage that leaves every record in its place can
    /// go unreported. Even so, no match is lost or invented, and what is reported is true.
    #[test]
    fn damaged_logs_give_the_same_matches_without_all_checksums(
        sample in any::<Index>(),
        changes in prop::collection::vec((place(), change()), 0..4),
    ) {
        let damaged = damaged(sample.get(&SAMPLES), &changes);
        let (selected, all) = both_by_default(&damaged);
        prop_assert_eq!(matches(&selected), matches(&all));
        prop_assert!(selected.problems.iter().all(|problem| all.problems.contains(problem)));
        prop_assert_eq!(selected.tally.extents.sum(), all.tally.extents.sum());
    }

    /// Whoever forges a log makes its checksums right. Records that cannot be decoded may then be
    /// counted as if they could, but no match is lost or invented.
    #[test]
    fn forged_logs_give_the_same_matches(
        sample in any::<Index>(),
        changes in prop::collection::vec((place(), change()), 1..4),
    ) {
        let mut forged = damaged(sample.get(&SAMPLES), &changes);
        for chunk in 0..damage::chunk_count(&forged) {
            // Bytes that are no chunk any more have no checksums to repair.
            let _ = damage::repair_chunk_checksums(&mut forged, chunk);
        }
        let (selected, all) = both(&forged);
        prop_assert_eq!(matches(&selected), matches(&all));
    }
}

#[test]
fn samples_give_the_same_results_and_few_records_are_decoded() {
    let (mut decoded, mut queries) = (0, 0);
    for sample in SAMPLES.iter() {
        let (selected, all) = both(&sample.bytes);
        assert_eq!(matches(&selected), matches(&all), "{}", sample.name);
        assert_eq!(selected.tally, all.tally, "{}", sample.name);
        assert_eq!(selected.problems, all.problems, "{}", sample.name);
        if all.problems.is_empty() {
            let by_default = both_by_default(&sample.bytes).0;
            let checked = by_default.tally.checked_chunks;
            assert!(checked <= all.tally.checked_chunks, "{}", sample.name);
            let account = Tally { checked_chunks: all.tally.checked_chunks, ..by_default.tally };
            assert_eq!((account, by_default.problems), (all.tally, all.problems), "{}", sample.name);
            decoded += selected.events.len();
            queries += all.events.len();
        }
    }
    assert!(decoded * 3 < queries, "{decoded} of {queries} DNS queries were decoded");
}

const NEEDLE: &str = "pastebin.com";
const IMAGE: &str = r"C:\Windows\System32\cmd.exe";

fn query(number: u64) -> Event {
    let at = time::filetime(2024, 5, 6, 8, 0, 0) + number * time::SECOND;
    Event::dns_query(NEEDLE, IMAGE).on("PC").numbered(number).at(at)
}

fn log(style: Style, events: &[Event]) -> (Vec<u8>, Vec<Place>) {
    let mut writer = LogWriter::new(style);
    let places = events.iter().map(|event| writer.push(event).unwrap()).collect();
    (writer.finish(), places)
}

/// Scans a log, once decoding everything and once only what the built-in detection needs. Fails
/// unless both scans find the matches with these numbers, and agree on the rest.
fn assert_found(what: &str, bytes: &Vec<u8>, numbers: &[u64]) {
    let (selected, all) = both(bytes);
    let found: Vec<u64> =
        matches(&all).iter().filter_map(|located| located.event.system.event_record_id).collect();
    assert_eq!(found, numbers, "{what}: decoding everything");
    assert_eq!(matches(&selected), matches(&all), "{what}");
    assert_eq!(selected.tally, all.tally, "{what}");
    assert_eq!(selected.problems, all.problems, "{what}");
}

#[test]
fn text_in_other_forms_is_found() {
    for style in [Style::Export, Style::Live, Style::Forwarded] {
        let ansi = query(1).with("QueryName", DataValue::Ansi(NEEDLE.as_bytes().to_vec()));
        let upper = query(2).with("QueryName", "PASTEBIN.COM");
        // Text after a NUL does not count, text before it does.
        let nul = query(3).with("QueryName", DataValue::Units("xpastebin\0y".encode_utf16().collect()));
        let hidden = query(4).with("QueryName", DataValue::Units("x\0pastebin".encode_utf16().collect()));
        let surrogate = query(5)
            .with("QueryName", DataValue::Units([0xd800].into_iter().chain(NEEDLE.encode_utf16()).collect()));
        // In a forwarded log, an entity splits the literal for the image.
        let entity = query(6).with("Image", r"C:\Users\Public\R&D\<x>\a.exe");
        let null = query(7).with("QueryName", DataValue::Null);
        let without = query(8).without("User").with("RuleName", DataValue::Null);
        let (bytes, _) = log(style, &[ansi, upper, nul, hidden, surrogate, entity, null, without]);
        let (selected, all) = both(&bytes);
        assert_eq!(matches(&selected), matches(&all), "{style:?}");
        assert_eq!(selected.tally, all.tally, "{style:?}");
        assert!(matches(&all).len() >= 4, "{style:?}: {:?}", matches(&all));
    }
}

/// Generates a value of any type that a field could have, mostly text.
fn value() -> impl Strategy<Value = DataValue> {
    let units = prop::collection::vec(
        prop_oneof![Just(0_u16), Just(b'a'.into()), Just(0xd83d), Just(0xde00), any::<u16>()],
        0..6,
    );
    prop_oneof![
        4 => ".{0,12}".prop_map(DataValue::Text),
        2 => units.prop_map(DataValue::Units),
        1 => prop::collection::vec(any::<u8>(), 0..6).prop_map(DataValue::Ansi),
        1 => Just(DataValue::Null),
        1 => any::<[u8; 16]>().prop_map(|bytes| DataValue::Guid(Guid(bytes))),
        1 => any::<u32>().prop_map(DataValue::U32),
        1 => any::<u64>().prop_map(DataValue::FileTime),
        1 => prop::collection::vec(any::<u8>(), 0..4).prop_map(DataValue::Binary),
        1 => (0..1_u64 << 48, prop::collection::vec(any::<u32>(), 0..4)).prop_map(|(authority, sub_authorities)| DataValue::Sid(Sid { authority, sub_authorities })),
    ]
}

/// Generates a DNS query that the built-in detection describes, with odd values in other fields.
fn odd_query() -> impl Strategy<Value = Event> {
    const FIELDS: [&str; 9] = [
        "RuleName",
        "UtcTime",
        "ProcessGuid",
        "ProcessId",
        "QueryName",
        "QueryStatus",
        "QueryResults",
        "Image",
        "User",
    ];
    let changes =
        prop::collection::vec((prop::sample::select(FIELDS.to_vec()), prop::option::of(value())), 0..3);
    let user = prop::option::of((0..1_u64 << 34, prop::collection::vec(any::<u32>(), 0..6)));
    let time = prop_oneof![4 => 130_000_000_000_000_000..134_000_000_000_000_000_u64, 1 => any::<u64>(), 1 => 0..10_u64];
    (changes, user, any::<u8>(), time, any::<u64>(), ".{0,6}").prop_map(
        |(changes, user, version, time, id, channel)| {
            let mut event = query(1).numbered(id).at(time);
            event.version = version;
            event.user = user.map(|(authority, sub_authorities)| Sid { authority, sub_authorities });
            event.channel.push_str(&channel);
            changes.into_iter().fold(event, |event, (name, value)| match value {
                Some(value) => event.with(name, value),
                None => event.without(name),
            })
        },
    )
}

proptest! {
    #![proptest_config(config())]

    /// The fast path reads a DNS query straight from the values of its record. It must read the
    /// same as the slow path, the decoder.
    #[test]
    fn a_query_is_read_as_the_decoder_reads_it(
        events in prop::collection::vec(odd_query(), 1..6),
        style in prop_oneof![Just(Style::Export), Just(Style::Live)],
    ) {
        let (bytes, _) = log(style, &events);
        // A selection that wants every query.
        let wanted = Selection::Wanted(vec![WantedQueries::default()]);
        let selected = scan_with(&mut Scanner::new(&wanted).verifying(Checksums::All), &bytes);
        let all = scan_with(&mut Scanner::new(&Selection::Everything), &bytes);
        prop_assert_eq!(selected.events, all.events);
        prop_assert_eq!(selected.tally, all.tally);
        prop_assert_eq!(selected.problems, all.problems);
    }
}

/// Changes the offset by which the record at `place` refers to its template definition.
fn refer(bytes: &mut [u8], place: Place, to: u32) {
    let at = place.offset + 24 + 10;
    bytes[at..at + 4].copy_from_slice(&to.to_le_bytes());
}

#[test]
fn definitions_in_odd_places_do_not_mislead() {
    let events: Vec<Event> = (1..=6).map(query).collect();
    let (original, places) = log(Style::Export, &events);
    assert_found("as written", &original, &[1, 2, 3, 4, 5, 6]);
    // The second record's reference to the first one's definition is moved to offsets without a
    // definition.
    for to in [0, 100, 512, 65_500, 65_536, u32::MAX] {
        let mut bytes = original.clone();
        refer(&mut bytes, places[1], to);
        damage::repair_chunk_checksums(&mut bytes, 0).unwrap();
        assert_found(&format!("a reference to {to}"), &bytes, &[1, 3, 4, 5, 6]);
    }
}

#[test]
fn a_definition_after_the_free_space_offset_is_still_found() {
    // The second record contains the definition for its computer. The names in it are those of the
    // first record, so it means the same elsewhere. It is copied after the free space, and the
    // third record refers to the copy.
    let events = [query(1), query(2).on("OTHER"), query(3).on("OTHER")];
    let (mut bytes, places) = log(Style::Export, &events);
    let definition = places[1].offset + 24 + 14;
    bytes.copy_within(definition..places[1].offset + places[1].size, damage::chunk_offset(0) + 40_000);
    refer(&mut bytes, places[2], 40_000);
    damage::repair_chunk_checksums(&mut bytes, 0).unwrap();
    assert_found("a definition in the slack", &bytes, &[1, 2, 3]);
}

/// Returns the offset of the descriptor (size, type, zero) of the value with the index `value`, in
/// a record that refers to its template definition.
fn descriptor(place: Place, value: usize) -> usize {
    place.offset + 24 + 18 + value * 4
}

#[test]
fn a_second_time_among_the_values_is_left_to_the_decoder() {
    // The keywords get the type of a time, beyond the year 9999, for which the decoder has a
    // special rule.
    let (mut bytes, places) = log(Style::Export, &[query(1), query(2), query(3)]);
    let at = descriptor(places[1], 5);
    assert_eq!(bytes[at..at + 3], [8, 0, 0x15], "a number of 64 bits in hexadecimal");
    bytes[at + 2] = 0x11;
    damage::repair_chunk_checksums(&mut bytes, 0).unwrap();
    let (selected, all) = both(&bytes);
    assert_eq!(matches(&all).len(), 3);
    assert_eq!(matches(&all)[1].event.system.time_created, None);
    assert_eq!(matches(&selected), matches(&all));
}

#[test]
fn the_text_that_a_definition_adds_to_every_record_is_bounded() {
    // The computer's name takes half of the chunk, and as UTF-8 half as much again.
    let computer = "\u{4e00}".repeat(14_000);
    let events: Vec<Event> = (1..=60)
        .map(|number| query(number).on(&computer).without("User").with("Image", r"C:\cmd.exe"))
        .collect();
    let mut writer = LogWriter::new(Style::Export);
    for event in &events {
        writer.push(event).unwrap();
    }
    let bytes = writer.finish();
    let (selected, all) = both(&bytes);
    assert!(all.tally.damaged_records > 0, "the decoder's bound is met");
    assert_eq!(matches(&selected), matches(&all));
    assert_eq!(selected.tally, all.tally);
}

#[test]
fn sizes_that_are_not_their_types_do_not_mislead() {
    // A decoder reads a number at the width of its type, and the next value directly after it. Code
    // that trusts the stored size reads other bytes. In a live log, the last value ends in zeros,
    // so that it can seem to end earlier.
    let mut misleading = 0;
    for style in [Style::Export, Style::Live] {
        let events: Vec<Event> = (1..=4).map(query).collect();
        let (original, places) = log(style, &events);
        for value in 0..17 {
            for (by, made_up_for) in [(1, 0), (2, 0), (1, 1), (2, 2), (8, 8)] {
                let mut bytes = original.clone();
                for (value, change) in [(value, -by), (17, made_up_for)] {
                    let at = descriptor(places[2], value);
                    let size = i16::from_le_bytes([bytes[at], bytes[at + 1]]) + change;
                    bytes[at..at + 2].copy_from_slice(&size.max(0).to_le_bytes());
                }
                damage::repair_chunk_checksums(&mut bytes, 0).unwrap();
                let (selected, all) = both(&bytes);
                assert_eq!(matches(&selected), matches(&all), "{style:?}: value {value}, {by} bytes fewer");
                misleading += usize::from(matches(&all).len() == 4);
            }
        }
    }
    assert!(misleading > 10, "{misleading} records still match for a decoder");
}

/// Returns the offset of `text`, encoded as UTF-16, in these bytes.
fn find(bytes: &[u8], text: &str) -> usize {
    let text: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    bytes.windows(text.len()).position(|window| window == text).unwrap()
}

#[test]
fn names_that_end_early_do_not_mislead() {
    // A decoder ends a name at a NUL: QueryName is written as `QueryName\0x`, and the query is
    // still one.
    let renamed = |number: u64| {
        let mut event = query(number);
        for (name, _) in &mut event.data {
            if name == "QueryName" {
                name.push_str("\0x");
            }
        }
        event
    };
    let (bytes, _) = log(Style::Export, &[renamed(1), renamed(2)]);
    let (selected, all) = both(&bytes);
    assert_eq!(matches(&selected), matches(&all));
    assert_eq!(matches(&all).len(), 2);
    // The same for an element's name: what was EventRecordID becomes another element.
    let (mut bytes, _) = log(Style::Export, &[query(1), query(2)]);
    let at = find(&bytes, "EventRecordID") + "Event".len() * 2;
    bytes[at..at + 2].fill(0);
    damage::repair_chunk_checksums(&mut bytes, 0).unwrap();
    let (selected, all) = both(&bytes);
    assert_eq!(matches(&selected), matches(&all));
}

#[test]
fn the_highest_number_of_a_record_ends_nothing() {
    let (mut bytes, places) = log(Style::Export, &[query(1), query(2), query(3)]);
    bytes[places[0].offset + 8..places[0].offset + 16].fill(0xff);
    damage::repair_chunk_checksums(&mut bytes, 0).unwrap();
    assert_found("a header id of 2^64 - 1", &bytes, &[1, 2, 3]);
}

#[test]
fn a_value_cut_short_is_damage_and_not_what_follows_it() {
    // The process ID has two of its four bytes. What a decoder would read after it is in no record.
    let (mut bytes, places) = log(Style::Export, &[query(1), query(2), query(3)]);
    let at = descriptor(places[1], 8);
    assert_eq!(bytes[at..at + 4], [4, 0, 8, 0], "a number of 32 bits");
    bytes[at] = 2;
    damage::repair_chunk_checksums(&mut bytes, 0).unwrap();
    let (selected, all) = both(&bytes);
    for found in [&selected, &all] {
        let numbers: Vec<_> =
            matches(found).iter().map(|located| located.event.system.event_record_id).collect();
        assert_eq!(numbers, [Some(1), Some(3)]);
        assert_eq!(
            (found.tally.counts.records, found.tally.damaged_records, found.problems.len()),
            (2, 1, 1)
        );
        assert_eq!(found.problems[0].offset, places[1].offset as u64);
    }
}

#[test]
fn a_forged_walk_is_reported() {
    // No detection wants any of these records, and the checksums are right. Only the walk shows
    // what is wrong.
    let events: Vec<Event> = (1..=6).map(|number| query(number).with("QueryName", "example.com")).collect();
    let (original, places) = log(Style::Export, &events);
    let start = places[2].offset;
    for (what, at) in [
        ("the signature of a record", start),
        ("the copy of its size", start + places[2].size - 4),
        ("its size", start + 5),
    ] {
        let mut bytes = original.clone();
        bytes[at] ^= 0x10;
        damage::repair_chunk_checksums(&mut bytes, 0).unwrap();
        let (selected, all) = both(&bytes);
        assert_eq!(selected.problems.first(), all.problems.first(), "{what}");
        assert!(!all.problems.is_empty(), "{what}");
        assert_eq!(selected.tally, all.tally, "{what}");
    }
}

#[test]
fn what_is_known_about_a_chunk_is_not_assumed_for_the_next() {
    // The definitions lie at the same place and have the same number. Only the name of the computer
    // in them differs, and in the last log that of the channel in the values.
    let mut writer = LogWriter::new(Style::Export);
    let computers = ["PC-A", "PC-A", "PC-B", "PC-A", "PC-LONGER", "PC-A", "PC-A"];
    let logs = ["A", "A", "A", "A", "A", "A", "B"];
    let mut number = 0;
    for (computer, log) in computers.into_iter().zip(logs) {
        for name in ["example.com", NEEDLE, "example.com", "example.com"] {
            number += 1;
            let mut event = query(number).on(computer).with("QueryName", name);
            event.channel = format!("Log/{log}");
            writer.push(&event).unwrap();
        }
        writer.end_chunk();
    }
    let (selected, all) = both(&writer.finish());
    assert_eq!(all.tally.computers["PC-A"].records, 5 * 4);
    assert_eq!(all.tally.logs.iter().count(), 4);
    assert_eq!(selected.tally, all.tally);
    assert_eq!((selected.events.len(), matches(&all).len()), (7, 7));
}

#[test]
fn fields_that_lie_elsewhere_in_the_next_chunk_are_found_there() {
    // The definitions of the data lie at the same place. The names in them are as long, but in
    // another order.
    let mut writer = LogWriter::new(Style::Export);
    for (number, names) in [["ImageName", "QueryName"], ["QueryName", "ImageName"]].into_iter().enumerate() {
        for number in [2 * number as u64 + 1, 2 * number as u64 + 2] {
            let mut event = query(number).with("Image", "example.com");
            event.data = vec![
                (names[0].to_owned(), DataValue::Text(NEEDLE.to_owned())),
                (names[1].to_owned(), DataValue::Text("example.com".to_owned())),
                ("Image".to_owned(), DataValue::Text(IMAGE.to_owned())),
            ];
            writer.push(&event).unwrap();
        }
        writer.end_chunk();
    }
    let (selected, all) = both(&writer.finish());
    assert_eq!(matches(&all).len(), 2);
    assert_eq!(matches(&selected), matches(&all));
    assert_eq!(selected.tally, all.tally);
}

#[test]
fn counts_of_a_damaged_chunk_are_not_added_to_another() {
    let mut writer = LogWriter::new(Style::Export);
    for number in [1, 2, 3, 9, 10] {
        writer.push(&query(number).with("QueryName", "example.com")).unwrap();
        if number == 3 {
            writer.end_chunk();
        }
    }
    let mut bytes = writer.finish();
    // The last record has another id. The checksum, which is wrong then, is verified last.
    let last = damage::record_offset(&bytes, 0, 2).unwrap();
    let id = bytes[last..].windows(8).position(|window| window == [3, 0, 0, 0, 0, 0, 0, 0]).unwrap();
    let content = last + 24;
    let place =
        content + bytes[content..].windows(8).position(|window| window == [3, 0, 0, 0, 0, 0, 0, 0]).unwrap();
    assert!(last + id < content, "the header's own number comes first");
    bytes[place] = 5;
    let (selected, all) = both(&bytes);
    assert_eq!(selected.tally, all.tally);
}

#[test]
fn records_of_many_logs_are_distinguished_in_the_next_chunk() {
    let mut writer = LogWriter::new(Style::Export);
    let mut number = 0;
    // There are more logs than are kept from one chunk to the next; then some of them occur once
    // more.
    for logs in [(0..20).collect::<Vec<u64>>(), vec![19, 18, 17, 16, 3, 2], vec![9, 3]] {
        for log in logs {
            number += 1;
            let mut event = query(number).with("QueryName", "example.com");
            event.channel = format!("Log/{log:02}");
            writer.push(&event).unwrap();
        }
        writer.end_chunk();
    }
    let (selected, all) = both(&writer.finish());
    assert_eq!(all.tally.logs.iter().count(), 20);
    assert_eq!(selected.tally, all.tally);
}

#[test]
fn a_byte_that_nothing_looks_at_is_still_checked() {
    // A letter of the image's name changes: in the first record, in one among the others, and in
    // the last.
    let events: Vec<Event> = (1..=60).map(|number| query(number).with("QueryName", "example.com")).collect();
    let (original, places) = log(Style::Export, &events);
    for record in [0, 30, 59] {
        let mut bytes = original.clone();
        let place = places[record];
        let name = find(&bytes[place.offset..], "System32");
        bytes[place.offset + name] ^= 1;
        let (selected, all) = both(&bytes);
        assert!(matches!(all.problems[0].damage, Damage::RecordsChecksum { .. }), "{record}");
        assert_eq!(selected.problems, all.problems, "{record}");
        assert_eq!(selected.tally, all.tally, "{record}");
    }
}

#[test]
fn the_checksum_of_records_is_verified_where_it_is_needed() {
    let with = |number: u64, name: &str| query(number).with("QueryName", name);
    let events: Vec<Event> = (1..=60).map(|number| with(number, "example.com")).collect();
    let (unwanted, places) = log(Style::Export, &events);
    let damaged = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        let name = find(&bytes[places[30].offset..], "System32");
        bytes[places[30].offset + name] ^= 1;
        both_by_default(&bytes).0
    };
    // No detection wants a record of the chunk, and its records follow one another.
    let found = damaged(&unwanted);
    assert_eq!((found.tally.checked_chunks, found.problems.len()), (0, 0));
    assert_eq!(found.tally.counts.records, 60);
    // One record is wanted: the checksum of all records is verified, and all are decoded.
    let mut events = events;
    events[59] = with(60, NEEDLE);
    let (wanted, _) = log(Style::Export, &events);
    let found = damaged(&wanted);
    assert!(matches!(found.problems[0].damage, Damage::RecordsChecksum { .. }));
    assert_eq!((found.tally.checked_chunks, found.events.len(), matches(&found).len()), (1, 60, 1));
    let (sound, all) = both_by_default(&wanted);
    assert_eq!((sound.tally.checked_chunks, sound.events.len()), (1, 1));
    assert_eq!(matches(&sound), matches(&all));
    // The records do not follow one another.
    let mut torn = unwanted.clone();
    torn[places[30].offset] ^= 1;
    let (selected, all) = both_by_default(&torn);
    assert_eq!((selected.tally, selected.problems), (all.tally, all.problems));
}

#[test]
fn a_chunk_without_checksums_is_not_trusted() {
    // The chunk's flag says that it has no checksums. So nothing verifies the records that the skim
    // would skip.
    let events: Vec<Event> = (1..=4).map(|number| query(number).with("QueryName", "example.com")).collect();
    let (mut bytes, _) = log(Style::Export, &events);
    bytes[damage::chunk_offset(0) + 120] |= 4;
    damage::repair_chunk_checksums(&mut bytes, 0).unwrap();
    let (selected, all) = both(&bytes);
    assert_eq!(selected.tally, all.tally);
    assert_eq!(selected.events.len(), all.events.len(), "all is decoded");
}

#[test]
fn a_time_beyond_the_year_9999_is_no_other_time() {
    let (bytes, _) = log(Style::Export, &[query(1).at(3_289_550_760_000_000_000)]);
    let (selected, all) = both(&bytes);
    for found in [&selected, &all] {
        let system = &matches(found)[0].event.system;
        assert_eq!(system.time_created, None);
        assert_eq!(system.time_created_raw, "FILETIME 3289550760000000000");
    }
}

#[test]
fn the_twins_differ_where_the_skim_is_wrong() {
    // A scanner with another literal skips all matches, which shows that the comparison above can
    // fail.
    let sample = SAMPLES.iter().max_by_key(|sample| sample.found.events.len()).unwrap();
    let wrong = Detection::seed()
        .unwrap()
        .search
        .predicate
        .required_texts()
        .into_iter()
        .map(|_| vec![Needle { data: "QueryName".to_owned(), text: "nowhere.test".into() }]);
    let wrong = Selection::Wanted(vec![WantedQueries { sets: wrong.collect() }]);
    let selected = scan_with(&mut Scanner::new(&wrong), &sample.bytes);
    assert!(selected.events.len() < sample.found.events.len());
}
