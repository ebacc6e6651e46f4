//! Logs have the layout of real ones: checksums, name and template chains, offsets and sizes as
//! measured.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test that goes wrong fails loudly")]

use std::collections::BTreeSet;

use dnsweep_samples::damage::{chunk_count, chunk_offset, record_offsets};
use dnsweep_samples::{
    CHUNK_SIZE, DataValue, Event, FIRST_RECORD, Guid, HEADER_SIZE, LogWriter, Sid, Style, time,
};

const STYLES: [Style; 3] = [Style::Export, Style::Live, Style::Forwarded];

fn number(bytes: &[u8], at: usize, size: usize) -> u64 {
    bytes[at..at + size].iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Returns the number in the four bytes at offset `at`, which is an offset or a size.
fn offset(bytes: &[u8], at: usize) -> usize {
    usize::try_from(number(bytes, at, 4)).unwrap()
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn positions(bytes: &[u8], wanted: &[u8]) -> Vec<usize> {
    bytes
        .windows(wanted.len())
        .enumerate()
        .filter(|(_, window)| *window == wanted)
        .map(|(at, _)| at)
        .collect()
}

/// Makes `rounds` events of every kind that has a constructor, on two computers.
fn events(rounds: u64) -> Vec<Event> {
    let kinds = [
        Event::dns_query("pastebin.com", r"C:\Users\R&D\AppData\Local\t.exe"),
        Event::dns_query("example.com", r"C:\x.exe").without("User").answered("9003", "-"),
        Event::process_create(r"C:\a.exe", "a.exe 1 < 2", r"C:\p.exe"),
        Event::network_connection(r"C:\a.exe", "192.0.2.1", 443),
        Event::process_terminate(r"C:\a.exe"),
        Event::image_load(r"C:\a.exe", r"C:\b.dll"),
        Event::file_create(r"C:\a.exe", r"C:\b.txt"),
        Event::registry_key(r"C:\a.exe", r"HKLM\a"),
        Event::registry_value(r"C:\a.exe", r"HKLM\a", "b"),
        Event::logon("user", 3),
        Event::audited_process(r"C:\a.exe", "a.exe"),
        Event::service_state("a", "running"),
        Event::power_request(r"C:\a.exe", "b"),
        Event::shell_start("user", 1, "LOCAL"),
        Event::resolver_query("example.com", 0, "-"),
        Event::resolver_decoy("example.com", r"C:\a.exe"),
        Event::restart_session(1, 2).with("", "unnamed").with("Nothing", DataValue::Null),
    ];
    let mut events = Vec::new();
    for (index, event) in (0..rounds).flat_map(|_| kinds.iter()).enumerate() {
        let computer = if index % 3 == 0 { "ONE.corp.example" } else { "TWO.corp.example" };
        let record_id = 7_000 + u64::try_from(index).unwrap();
        let later = time::filetime(2025, 1, 1, 0, 0, 0) + record_id * time::SECOND;
        events.push(event.clone().on(computer).numbered(record_id).at(later));
    }
    events
}

fn log(style: Style, events: &[Event]) -> Vec<u8> {
    let mut log = LogWriter::new(style).first_number(501);
    log.push_all(events).unwrap();
    log.finish()
}

#[test]
fn checksums_are_right() {
    for style in STYLES {
        let log = log(style, &events(20));
        assert_eq!(number(&log, 124, 4), u64::from(crc32fast::hash(&log[..120])), "{style:?}: file header");
        assert!(chunk_count(&log) > 1, "{style:?}");
        for chunk in log[HEADER_SIZE..].chunks(CHUNK_SIZE) {
            let free = offset(chunk, 48);
            assert_eq!(number(chunk, 52, 4), u64::from(crc32fast::hash(&chunk[FIRST_RECORD..free])));
            let header = [&chunk[..120], &chunk[128..512]].concat();
            assert_eq!(number(chunk, 124, 4), u64::from(crc32fast::hash(&header)));
        }
    }
}

#[test]
fn headers_say_what_real_ones_say() {
    let events = events(20);
    let live = log(Style::Live, &events);
    assert_eq!(&live[..8], b"ElfFile\0");
    assert_eq!(number(&live, 120, 4), 1, "dirty");
    let says = |log: &[u8]| (number(log, 16, 8), number(log, 24, 8), number(log, 42, 2));
    assert_eq!(says(&live), (0, 501, 1), "last chunk, next record, chunks as when the log was created");
    let export = log(Style::Export, &events);
    let chunks = u64::try_from(chunk_count(&export)).unwrap();
    assert_eq!(number(&export, 120, 4), 0, "clean");
    assert_eq!(says(&export), (chunks - 1, 501 + 340, chunks));
}

#[test]
fn records_follow_one_another_up_to_the_free_space() {
    for style in STYLES {
        let events = events(20);
        let log = log(style, &events);
        let mut expected_number = 501;
        for chunk in 0..chunk_count(&log) {
            let start = chunk_offset(chunk);
            let records = record_offsets(&log, chunk);
            assert_eq!(number(&log, start + 8, 8), expected_number, "first record of the chunk");
            for at in &records {
                let size = offset(&log, at + 4);
                assert_eq!(offset(&log, at + size - 4), size, "the size is repeated at the record's end");
                assert_eq!(size % 8, 0);
                assert_eq!(number(&log, at + 8, 8), expected_number);
                expected_number += 1;
            }
            let last = records.last().unwrap();
            assert_eq!(offset(&log, start + 44), last - start);
            assert_eq!(offset(&log, start + 48), last + offset(&log, last + 4) - start);
            assert!(offset(&log, start + 48) <= 65_528);
            assert_eq!(number(&log, start + 16, 8), expected_number - 1, "last record of the chunk");
        }
        assert_eq!(expected_number, 501 + 340, "{style:?}");
    }
}

#[test]
fn every_name_is_in_the_chain_of_its_hash() {
    for style in STYLES {
        let log = log(style, &events(20));
        for chunk in log[HEADER_SIZE..].chunks(CHUNK_SIZE) {
            let mut names = BTreeSet::new();
            for bucket in 0..64 {
                let mut at = offset(chunk, 128 + 4 * bucket);
                while at != 0 {
                    let length = offset(chunk, at + 6) & 0xFFFF;
                    let text = &chunk[at + 8..at + 8 + 2 * length];
                    let units = text.chunks(2).map(|unit| u64::from(u16::from_le_bytes([unit[0], unit[1]])));
                    let hash = units.fold(0, |hash, unit| (hash * 65_599 + unit) & 0xFFFF_FFFF) & 0xFFFF;
                    assert_eq!(number(chunk, at + 4, 2), hash);
                    assert_eq!(hash % 64, u64::try_from(bucket).unwrap());
                    assert!(names.insert(text.to_vec()), "every name is stored once");
                    let next = offset(chunk, at);
                    assert!(next < at, "chains go back, as in real logs");
                    at = next;
                }
            }
            for name in ["Event", "System", "EventID", "Computer", "Data", "Name"] {
                assert!(names.contains(&utf16(name)), "{name}");
            }
        }
    }
}

#[test]
fn name_hashes_are_those_of_real_logs() {
    // Measured: "Event" 0x0cba, "EventID" 0x61f5, "Computer" 0x6e3b, each followed by its length
    // and text.
    let log = log(Style::Live, &events(1));
    for (name, hash) in [("Event", 0x0CBA_u16), ("EventID", 0x61F5), ("Computer", 0x6E3B)] {
        let length = u16::try_from(name.len()).unwrap();
        let entry = [&hash.to_le_bytes()[..], &length.to_le_bytes(), &utf16(name), &[0, 0]].concat();
        assert_eq!(positions(&log, &entry).len(), 1, "{name}");
    }
}

/// Returns the sizes of the template definitions of a chunk.
fn template_sizes(chunk: &[u8]) -> BTreeSet<usize> {
    let mut sizes = BTreeSet::new();
    for bucket in 0..32 {
        let mut at = offset(chunk, 384 + 4 * bucket);
        while at != 0 {
            assert_eq!(offset(chunk, at - 4), at, "the first instance points to the definition after it");
            assert_eq!(chunk[at - 8..at - 4], chunk[at + 4..at + 8], "its id is the first part of the GUID");
            sizes.insert(offset(chunk, at + 20));
            at = offset(chunk, at);
        }
    }
    sizes
}

#[test]
fn templates_have_the_sizes_of_real_ones() {
    // Measured on real logs: the outer template of a computer whose name has 21 characters takes
    // 1186 bytes. Of Sysmon's inner templates, that of event 22 takes 440, event 1 1200, 3 962, 5
    // 286, 7 784, 11 404, 12 388 and 13 432. The first one in a chunk, which is that of event 5
    // here, takes 46 more, for the names "EventData" and "Data".
    let events = [
        Event::process_terminate("a"),
        Event::dns_query("a", "b"),
        Event::process_create("a", "b", "c"),
        Event::network_connection("a", "b", 1),
        Event::image_load("a", "b"),
        Event::file_create("a", "b"),
        Event::registry_key("a", "b"),
        Event::registry_value("a", "b", "c"),
    ]
    .map(|event| event.on("FIN-WS07.corp.example"));
    for style in [Style::Live, Style::Export] {
        let sizes = template_sizes(&log(style, &events)[HEADER_SIZE..]);
        assert_eq!(sizes, BTreeSet::from([1186, 286 + 46, 440, 1200, 962, 784, 404, 388, 432]), "{style:?}");
    }
}

#[test]
fn one_outer_template_serves_a_computer_in_a_chunk() {
    let log = log(Style::Live, &events(2));
    let literal = |computer| [&[0x05, 0x01, 16, 0][..], &utf16(computer)].concat();
    assert_eq!(positions(&log, &literal("ONE.corp.example")).len(), 1);
    assert_eq!(positions(&log, &literal("TWO.corp.example")).len(), 1);
}

#[test]
fn live_strings_end_in_a_nul_and_start_at_odd_offsets() {
    let event = Event::dns_query("pastebin.com", r"C:\a.exe");
    let live = log(Style::Live, std::slice::from_ref(&event));
    let export = log(Style::Export, &[event]);
    // QueryStatus and the start of QueryResults follow QueryName without a gap.
    assert_eq!(positions(&live, &utf16("pastebin.com\x000\x00::ffff:")).len(), 1);
    assert_eq!(positions(&export, &utf16("pastebin.com0::ffff:")).len(), 1);
    for log in [&live, &export] {
        for at in positions(log, &utf16("pastebin.com")) {
            assert_eq!((at - HEADER_SIZE) % 2, 1, "as all of a hundred real ones");
        }
    }
    assert!(positions(&live, &utf16("Microsoft-Windows-Sysmon\0")).is_empty(), "outer strings have none");
}

#[test]
fn event_data_starts_as_measured_in_each_style() {
    let event = Event::service_state("a", "b");
    // The channel, "System", is the value before EventData.
    let after_channel = |style, start: &[u8]| {
        let log = log(style, std::slice::from_ref(&event));
        positions(&log, &[&utf16("System"), start].concat()).len()
    };
    assert_eq!(after_channel(Style::Live, &[0x0c, 0x01]), 1);
    assert_eq!(after_channel(Style::Export, &[0x0f, 1, 1, 0, 0x0c, 0x01]), 1);
}

#[test]
fn forwarded_text_is_split_at_reserved_characters() {
    let log = log(Style::Forwarded, &[Event::dns_query("t.me", r"C:\R&D\<x>")]);
    let text = |token: u8, text: &str| {
        [&[token, 0x01, u8::try_from(text.len()).unwrap(), 0][..], &utf16(text)].concat()
    };
    let first = positions(&log, &text(0x45, r"C:\R"))[0];
    assert_eq!(log[first + 12], 0x49, "an entity reference follows");
    assert_eq!(positions(&log, &text(0x45, r"D\")).len(), 1);
    assert_eq!(positions(&log, &text(0x45, "x")).len(), 1);
    assert_eq!(positions(&log, &text(0x05, "22")).len(), 2, "EventID and Task are text");
    assert!(positions(&log, &[0x0c, 0x01]).is_empty() || template_sizes(&log[HEADER_SIZE..]).is_empty());
}

#[test]
fn raw_code_units_reach_the_record() {
    let units = vec![0xD800, 0x0061, 0x0000, 0x0062];
    let event = Event::dns_query("-", "-")
        .with("QueryName", DataValue::Units(units))
        .with("Code page", DataValue::Ansi(b"caf\xe9".to_vec()))
        .with("SID", DataValue::Sid(Sid::domain_user(500)))
        .with("GUID", Guid::default());
    for style in STYLES {
        let log = log(style, std::slice::from_ref(&event));
        assert_eq!(positions(&log, &[0x00, 0xD8, 0x61, 0x00, 0x00, 0x00, 0x62, 0x00]).len(), 1, "{style:?}");
    }
}

#[test]
fn stale_records_lie_after_the_free_space_offset_and_are_not_counted() {
    let stale = Event::dns_query("discord.com", r"C:\ProgramData\a.exe").numbered(17);
    let mut writer = LogWriter::new(Style::Live);
    writer.push(&Event::dns_query("example.com", r"C:\b.exe")).unwrap();
    writer.end_chunk_leaving(std::slice::from_ref(&stale)).unwrap();
    writer.push(&Event::dns_query("example.org", r"C:\b.exe")).unwrap();
    writer.add_zeroed_chunks(2);
    let log = writer.finish();
    assert_eq!(chunk_count(&log), 4);
    assert_eq!([0, 1, 2, 3].map(|chunk| record_offsets(&log, chunk).len()), [1, 1, 0, 0]);
    let at = positions(&log, &utf16("discord.com"))[0];
    let free = HEADER_SIZE + offset(&log, HEADER_SIZE + 48);
    assert!(at > free);
    assert_ne!(log[free..free + 2], *b"**", "a reader that walks on must not take it for a record");
    assert_eq!(number(&log, chunk_offset(1) + 8, 8), 2, "the next chunk goes on with the numbers");
}

#[test]
fn a_log_without_events_has_one_chunk_without_records() {
    let log = LogWriter::new(Style::Live).finish();
    assert_eq!(log.len(), HEADER_SIZE + CHUNK_SIZE);
    assert_eq!(number(&log, HEADER_SIZE + 8, 8), 1);
    assert_eq!(number(&log, HEADER_SIZE + 16, 8), u64::MAX, "as in a real empty log");
    assert_eq!(number(&log, HEADER_SIZE + 48, 4), 512);
}

#[test]
fn what_does_not_fit_is_refused_and_leaves_no_trace() {
    let mut writer = LogWriter::new(Style::Live);
    writer.push(&Event::dns_query("example.com", "a")).unwrap();
    let huge = "x".repeat(31_000);
    let event = Event::dns_query(&huge, &huge).numbered(99);
    assert!(writer.push(&event).is_err());
    writer.push(&Event::dns_query("example.org", "a")).unwrap();
    let log = writer.finish();
    assert_eq!((0..chunk_count(&log)).map(|chunk| record_offsets(&log, chunk).len()).sum::<usize>(), 2);
}

#[test]
fn places_are_where_the_records_are() {
    let mut writer = LogWriter::new(Style::Export);
    let places: Vec<_> = events(20).iter().map(|event| writer.push(event).unwrap()).collect();
    let log = writer.finish();
    let walked: Vec<_> = (0..chunk_count(&log)).flat_map(|chunk| record_offsets(&log, chunk)).collect();
    assert_eq!(places.iter().map(|place| place.offset).collect::<Vec<_>>(), walked);
    for place in places {
        assert_eq!(offset(&log, place.offset + 4), place.size);
        assert_eq!(place.chunk, (place.offset - HEADER_SIZE) / CHUNK_SIZE);
    }
}
