//! Crafted chunks that fuzzing and reasoning found: chunks of 64 KiB that once cost gigabytes of
//! memory or minutes.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that goes wrong fails loudly")]

mod common;

use std::time::{Duration, Instant};

use common::logs::{matching, styled};
use common::mutation::{ScanResult, scan_with};
use dnsweep::internals::detect::Search;
use dnsweep::internals::scan::{Needle, Scanner, Selection, WantedQueries};
use dnsweep_samples::{CHUNK_SIZE, FIRST_RECORD, Style, damage};

/// The offset of a record's content in the record.
const CONTENT: usize = 24;
const FRAGMENT: [u8; 4] = [0x0f, 1, 1, 0];
const ELEMENT_OF_DEFINITION: [u8; 3] = [0x01, 0xff, 0xff];
const CONTENT_FOLLOWS: u8 = 2;
const EMPTY: u8 = 3;
const CLOSE: u8 = 4;
const DEFINITION_HEADER: usize = 24;
const TOO_COSTLY: &str = "decoding it would take more memory than is allowed for a record";

/// The bytes of a chunk that is being made. Each method knows at which offset it adds bytes.
struct Bytes(Vec<u8>);

impl Bytes {
    fn here(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap()
    }

    fn put(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn number(&mut self, number: u32) -> &mut Self {
        self.put(&number.to_le_bytes())
    }

    /// Adds a name of binary XML with its header, as it stands after the first reference to it:
    /// `units` times the UTF-16 unit `unit`.
    fn name(&mut self, units: usize, unit: u16) -> &mut Self {
        self.number(0).put(&[0, 0]).put(&u16::try_from(units).unwrap().to_le_bytes());
        for _ in 0..units {
            self.put(&unit.to_le_bytes());
        }
        self.put(&[0, 0])
    }

    /// Adds the start of a binary XML element without attributes: the bytes `start`, the offset of
    /// the element's name, and the token `end`.
    fn open(&mut self, start: &[u8], name: u32, end: u8) -> &mut Self {
        self.put(start).number(0).number(name).put(&[end])
    }

    /// Adds an event record that has the content that `content` adds.
    fn record(&mut self, content: impl FnOnce(&mut Self)) -> &mut Self {
        let start = self.0.len();
        self.put(b"**\0\0").number(0).put(&[0; 16]);
        assert_eq!(self.0.len(), start + CONTENT);
        content(self);
        let size = u32::try_from(self.0.len() + 4 - start).unwrap();
        self.0[start + 4..start + 8].copy_from_slice(&size.to_le_bytes());
        self.number(size)
    }
}

/// Makes a log of one chunk. It has a match that the samples' encoder writes, and after it the
/// records that `more` adds.
fn crafted(more: impl FnOnce(&mut Bytes)) -> Vec<u8> {
    let mut log = styled(Style::Export, &[matching(1)]);
    let chunk = damage::chunk_offset(0);
    let free = usize::try_from(u32::from_le_bytes(log[chunk + 48..chunk + 52].try_into().unwrap())).unwrap();
    let mut bytes = Bytes(log[chunk..chunk + free].to_vec());
    assert!(free > FIRST_RECORD);
    more(&mut bytes);
    let free = bytes.here();
    assert!(bytes.0.len() <= CHUNK_SIZE, "{free}");
    bytes.0.resize(CHUNK_SIZE, 0);
    bytes.0[48..52].copy_from_slice(&free.to_le_bytes());
    log[chunk..chunk + CHUNK_SIZE].copy_from_slice(&bytes.0);
    damage::repair_chunk_checksums(&mut log, 0).unwrap();
    log
}

/// Scans a log, once decoding everything and once only what a detection needs. Fails unless both
/// scans find the match, refuse to decode `others` records because that takes too much memory, and
/// report `damaged` records that cannot be decoded (including those).
fn assert_set_aside(log: &Vec<u8>, others: usize, damaged: usize) {
    let wanted = vec![vec![Needle { data: "QueryName".to_owned(), text: "pastebin".into() }]];
    let selection = Selection::Wanted(vec![WantedQueries { sets: wanted }]);
    for selection in [Selection::Everything, selection] {
        let started = Instant::now();
        let ScanResult { events, problems, tally } = scan_with(&mut Scanner::new(&selection), log);
        let ids: Vec<_> = events.iter().map(|event| event.event.system.event_record_id).collect();
        assert_eq!((ids, tally.counts.records), (vec![Some(1)], 1));
        assert_eq!(tally.damaged_records, damaged as u64);
        let costly = problems.iter().filter(|problem| problem.damage.to_string().ends_with(TOO_COSTLY));
        assert_eq!(costly.count(), others, "{:?}", problems.first());
        // Scanning once took minutes and six gigabytes. A debug build now takes a few milliseconds.
        assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    }
}

#[test]
fn a_query_whose_definition_has_an_odd_name_is_left_to_the_decoder() {
    let wanted = vec![vec![Needle { data: "QueryName".to_owned(), text: "pastebin".into() }]];
    let selection = Selection::Wanted(vec![WantedQueries { sets: wanted }]);
    let name: Vec<u8> = "xmlns".encode_utf16().flat_map(u16::to_le_bytes).collect();
    // The decoder writes names unchanged. If they contain a quote or a control character, its
    // output cannot be read.
    for (letter, decoded) in [(b'X', 1), (b'"', 0), (b'\\', 0), (1, 0)] {
        let mut log = styled(Style::Export, &[matching(1)]);
        let place = log.windows(name.len()).position(|bytes| bytes == name).unwrap();
        log[place + 2] = letter;
        damage::repair_chunk_checksums(&mut log, 0).unwrap();
        let [all, some] = [&Selection::Everything, &selection]
            .map(|selection| scan_with(&mut Scanner::new(selection), &log));
        assert_eq!((all.events.len(), all.tally.damaged_records), (decoded, 1 - decoded as u64), "{letter}");
        assert_eq!((some.events, some.tally), (all.events, all.tally), "{letter}");
    }
}

#[test]
fn a_query_whose_definition_has_a_value_of_no_type_is_left_to_the_decoder() {
    let wanted = vec![vec![Needle { data: "QueryName".to_owned(), text: "pastebin".into() }]];
    let selection = Selection::Wanted(vec![WantedQueries { sets: wanted }]);
    // The end of an element in a definition whose text is a value: the end of the attributes, the
    // value's number and type, the end of the element.
    let whole = styled(Style::Export, &[matching(1), matching(2)]);
    let is_value = |bytes: &[u8]| matches!(bytes, [2, 0x0d, number, 0, 1, 4] if *number < 8);
    let places: Vec<usize> = (0..whole.len() - 6).filter(|at| is_value(&whole[*at..at + 6])).collect();
    assert!(places.len() >= 6, "{places:?}");
    for place in places {
        // An array of texts; what older descriptions call an array; and three types that are none.
        for (kind, decoded) in [(0x81, 2), (0x41, 0), (0x16, 0), (0x96, 0), (0xff, 0)] {
            let mut log = whole.clone();
            log[place + 4] = kind;
            damage::repair_chunk_checksums(&mut log, 0).unwrap();
            let [all, some] = [&Selection::Everything, &selection]
                .map(|selection| scan_with(&mut Scanner::new(selection), &log));
            assert_eq!(all.events.len(), decoded, "{kind:#x} at {place}");
            assert_eq!((some.events, some.tally), (all.events, all.tally), "{kind:#x} at {place}");
        }
    }
}

#[test]
fn an_element_repeated_under_a_long_name_is_not_read() {
    // The name is read anew for each reference: 3,000 elements of ten bytes make 144 MB of one
    // name.
    let log = crafted(|chunk| {
        chunk.record(|record| {
            let name = record.here() + 4 + 9;
            record
                .put(&FRAGMENT)
                .put(&[1])
                .number(0)
                .number(name)
                .name(16_000, 0x4e00)
                .put(&[CONTENT_FOLLOWS]);
            for _ in 0..3_000 {
                record.open(&[1], name, EMPTY);
            }
            record.put(&[CLOSE, 0]);
        });
    });
    assert_set_aside(&log, 1, 1);
}

const SHARED_DEFINITIONS: usize = 150;

/// Adds a record whose text contains template definitions, and returns their offsets. Each
/// definition begins in a text of the one before it and then continues like that one: 800 elements
/// with a long name. All depend on a value that is null, so none of them is ever rendered.
fn put_shared_definitions(record: &mut Bytes) -> Vec<u32> {
    let root = record.here() + 4 + 9;
    record.put(&FRAGMENT).put(&[1]).number(0).number(root).name(5, 0x41).put(&[CONTENT_FOLLOWS, 5, 1]);
    let length_at = record.0.len();
    record.put(&[0, 0]);
    let long = record.here();
    record.name(12_000, 0x4e00);
    let mut tail = Bytes(Vec::new());
    tail.open(&[1, 0, 0], root, CONTENT_FOLLOWS);
    for _ in 0..800 {
        tail.open(&ELEMENT_OF_DEFINITION, long, EMPTY);
    }
    tail.put(&[CLOSE, CLOSE, 0]);
    let opening = FRAGMENT.len() + ELEMENT_OF_DEFINITION.len() + 9;
    let step = DEFINITION_HEADER + opening + 4;
    let mut definitions = Vec::new();
    for left in (0..SHARED_DEFINITIONS).rev() {
        definitions.push(record.here());
        record.number(0).put(&[0x11; 16]);
        record.number(u32::try_from(left * step + opening + tail.0.len()).unwrap());
        record.put(&FRAGMENT).open(&ELEMENT_OF_DEFINITION, root, CONTENT_FOLLOWS);
        if left > 0 {
            // The text has as many bytes as the next definition has before its own text.
            let bytes = u16::try_from(DEFINITION_HEADER + opening).unwrap();
            record.put(&[5, 1]).put(&(bytes / 2).to_le_bytes());
        }
    }
    record.put(&tail.0);
    if !(record.0.len() - length_at).is_multiple_of(2) {
        record.put(&[0]);
    }
    let units = u16::try_from((record.0.len() - length_at - 2) / 2).unwrap();
    record.0[length_at..length_at + 2].copy_from_slice(&units.to_le_bytes());
    record.put(&[CLOSE, 0]);
    definitions
}

#[test]
fn definitions_that_share_their_elements_are_not_read() {
    let log = crafted(|chunk| {
        let mut definitions = Vec::new();
        chunk.record(|record| definitions = put_shared_definitions(record));
        for definition in definitions {
            // There is one value, and it is null.
            chunk.record(|record| {
                record.put(&FRAGMENT).put(&[0x0c, 1]).number(0).number(definition);
                record.number(1).put(&[0, 0, 0, 0]).put(&[0]);
            });
        }
    });
    assert_set_aside(&log, SHARED_DEFINITIONS, SHARED_DEFINITIONS + 1);
}

#[test]
fn a_definition_of_itself_has_an_end() {
    // The definition has an instance of itself among its tokens, directly or in a fragment.
    for fragment in [&[][..], &[5, 0x21, 18, 0]] {
        let log = crafted(|chunk| {
            chunk.record(|record| {
                let definition = record.here() + 4 + 10;
                record.put(&FRAGMENT).put(&[0x0c, 1]).number(0).number(definition);
                record.number(0).put(&[0x11; 16]);
                record.number(u32::try_from(FRAGMENT.len() + 12 + fragment.len() + 14 + 2).unwrap());
                record.put(&FRAGMENT).open(&ELEMENT_OF_DEFINITION, definition, CONTENT_FOLLOWS).put(fragment);
                record.put(&[0x0c, 1]).number(0).number(definition).number(0);
                record.put(&[CLOSE, 0]).number(0).put(&[0]);
            });
        });
        assert_set_aside(&log, 1, 1);
    }
}

#[test]
fn values_that_reach_over_all_later_records_are_not_read() {
    // A list of empty texts has a byte for each, for which the decoder allocates 16 bytes: 900
    // lists made 1.2 GB.
    const RECORDS: usize = 900;
    let log = crafted(|chunk| {
        let mut definition = 0;
        chunk.record(|record| {
            definition = record.here() + 4 + 10;
            let name = definition + 24 + 4 + 11;
            record.put(&FRAGMENT).put(&[0x0c, 1]).number(0).number(definition);
            record.number(0).put(&[0x11; 16]).number(4 + 11 + 8 + 10 + 2 + 2);
            record.put(&FRAGMENT).put(&ELEMENT_OF_DEFINITION).number(0).number(name).name(5, 0x41);
            record.put(&[EMPTY, 0]).number(0).put(&[0]);
        });
        for _ in 0..RECORDS {
            let reach = u16::try_from(CHUNK_SIZE - 100 - chunk.0.len()).unwrap().min(60_000);
            chunk.record(|record| {
                record.put(&FRAGMENT).put(&[0x0c, 1]).number(0).number(definition);
                record.number(1).put(&reach.to_le_bytes()).put(&[0x82, 0, 0]);
            });
        }
    });
    let found = scan_with(&mut Scanner::default(), &log);
    assert_eq!((found.events.len(), found.tally.damaged_records), (1, RECORDS as u64 + 1));
    let costly = found.problems.iter().filter(|problem| problem.damage.to_string().ends_with(TOO_COSTLY));
    assert!(costly.count() > RECORDS * 9 / 10);
}

#[test]
fn a_rule_of_thousands_of_columns_is_refused() {
    // Sixty thousand columns once took nine seconds to read, and more than eight gigabytes to
    // write.
    for (columns, expected) in [(256, None), (257, Some("at most 256 columns"))] {
        let names: Vec<String> = (0..columns).map(|column| format!("count as c{column}")).collect();
        let result = Search::parse(&format!("EventCode=22 | stats {}", names.join(" ")));
        assert_eq!(result.err().map(|error| error.expected).as_deref(), expected);
    }
}

#[test]
fn a_rule_may_list_many_names() {
    // Each name was once compared with all before it, which took twenty seconds for this many.
    let names: Vec<String> = (0..90_000).map(|name| format!("*a{name:05x}*")).collect();
    let started = Instant::now();
    let search = Search::parse(&format!("QueryName IN ({})", names.join(", "))).unwrap();
    let required = search.predicate.required_texts();
    assert_eq!(required.iter().map(Vec::len).collect::<Vec<_>>(), [90_000]);
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}
