//! Property: an event that is recovered from a chunk's slack (the bytes after its records) was
//! logged, or is marked, whatever happened to the slack's bytes.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that goes wrong fails loudly")]

mod common;

use common::logs::{harmless, matching};
use common::mutation::{Change, apply, change, config, scan_with};
use dnsweep::internals::event::{Event as ReadEvent, System};
use dnsweep::internals::ledger::damage::{Integrity, RecoveredFrom};
use dnsweep::internals::scan::{BLOCK_CHUNKS, LocatedEvent, Recovery, Scanner, blocks};
use dnsweep_samples::{CHUNK_SIZE, Event, LogWriter, Style, damage};
use proptest::prelude::*;
use proptest::sample::Index;

const STYLES: [Style; 3] = [Style::Export, Style::Live, Style::Forwarded];

fn events(computer: &str, numbers: std::ops::Range<u64>) -> Vec<Event> {
    numbers
        .flat_map(|number| {
            let other = Event::process_create("a.exe", "a b", "c.exe").numbered(1000 + number).on(computer);
            let query = matching(number).on(computer).answered("0", "type:  5 a.example;::ffff:192.0.2.7;");
            let query = if number % 3 == 0 { harmless(number).on(computer) } else { query };
            if number % 5 == 0 { vec![other, query] } else { vec![query] }
        })
        .collect()
}

fn log(style: Style, events: &[Event]) -> Vec<u8> {
    let mut writer = LogWriter::new(style);
    writer.push_all(events).unwrap();
    writer.finish()
}

struct Slack {
    bytes: Vec<u8>,
    /// The offset in `bytes` at which the slack begins: the bytes after the chunk's records.
    start: usize,
    logged: Vec<ReadEvent>,
}

fn live(bytes: &Vec<u8>) -> Vec<ReadEvent> {
    scan_with(&mut Scanner::default(), bytes).events.into_iter().map(|located| located.event).collect()
}

/// How the slack of a chunk (the bytes after its records, in which deleted records lie) came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SlackOrigin {
    /// The records of another machine overwrote the chunk from its start.
    OtherMachine,
    /// Records of the same machine overwrote the chunk from its start.
    SameMachine,
    /// The log was cleared: all records of the chunk are deleted.
    Cleared,
    /// Deleted records were left after the others, and use the same template definitions.
    LeftBehind,
}

const ORIGINS: [SlackOrigin; 4] =
    [SlackOrigin::OtherMachine, SlackOrigin::SameMachine, SlackOrigin::Cleared, SlackOrigin::LeftBehind];

/// Makes a log of one chunk whose slack has deleted records, with `few` queries that are not
/// deleted.
fn slack(style: Style, origin: SlackOrigin, few: u64) -> Slack {
    let old = log(style, &events("OLD", 1..45));
    let mut logged = live(&old);
    let start = damage::chunk_offset(0);
    let written_over = |computer: &str| {
        let mut bytes = log(style, &events(computer, 500..500 + few));
        let from = start + free(&bytes);
        bytes[from..start + CHUNK_SIZE].copy_from_slice(&old[from..start + CHUNK_SIZE]);
        bytes
    };
    let mut bytes = match origin {
        SlackOrigin::OtherMachine => written_over("NEW"),
        SlackOrigin::SameMachine => written_over("OLD"),
        SlackOrigin::Cleared => {
            let mut bytes = old.clone();
            bytes[start + 48..start + 52].copy_from_slice(&512_u32.to_le_bytes());
            damage::repair_chunk_checksums(&mut bytes, 0).unwrap();
            bytes
        }
        SlackOrigin::LeftBehind => {
            let mut writer = LogWriter::new(style);
            writer.push_all(&events("OLD", 500..500 + few)).unwrap();
            writer.end_chunk_leaving(&events("OLD", 1..15)).unwrap();
            writer.finish()
        }
    };
    bytes.truncate(damage::chunk_offset(1));
    logged.extend(live(&bytes));
    Slack { start: start + free(&bytes), bytes, logged }
}

fn free(log: &[u8]) -> usize {
    let at = damage::chunk_offset(0) + 48;
    u32::from_le_bytes(log[at..at + 4].try_into().unwrap()) as usize
}

fn recovered(bytes: &Vec<u8>) -> Vec<LocatedEvent> {
    let mut scanner = Scanner::default().recovering(Recovery::Stale);
    let size = bytes.len() as u64;
    blocks(size, BLOCK_CHUNKS).flat_map(|block| scanner.scan(bytes, block, size).recovered).collect()
}

/// Fails if a recovered event was never logged and is not marked. Allows events whose own record,
/// or whose template definition, was altered.
fn check(slack: &Slack, bytes: &[u8], found: &LocatedEvent) -> Result<(), TestCaseError> {
    if slack.logged.contains(&found.event) {
        return Ok(());
    }
    let Integrity::Recovered(from) = found.integrity else {
        return Err(TestCaseError::fail(format!("not marked as recovered: {found:?}")));
    };
    let at = usize::try_from(found.location.record_offset).unwrap();
    let size = u32::from_le_bytes(bytes[at + 4..at + 8].try_into().unwrap()) as usize;
    let is_own = slack.bytes[at..at + size] != bytes[at..at + size];
    // The record itself has no checksum, and a letter that became another one is still text.
    prop_assert!(is_own || from == RecoveredFrom::UnverifiedDefinitions, "never logged: {found:?}");
    let System { provider, channel, time_created, .. } = &found.event.system;
    prop_assert!(provider == "Microsoft-Windows-Sysmon" && channel == "Microsoft-Windows-Sysmon/Operational");
    prop_assert!(time_created.is_some() && found.event.missing_fields().is_empty(), "{found:?}");
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_is_recovered_was_logged_or_is_marked(
        style in prop::sample::select(&STYLES[..]),
        origin in prop::sample::select(&ORIGINS[..]),
        few in 1..12_u64,
        changes in prop::collection::vec((any::<Index>(), change()), 0..4),
    ) {
        let slack = slack(style, origin, few);
        let mut bytes = slack.bytes.clone();
        let changes = changes.iter().filter(|(_, change)| !matches!(change, Change::Cut));
        for (place, change) in changes {
            let at = slack.start + place.index(slack.bytes.len() - slack.start);
            apply(&mut bytes, at, change);
        }
        for found in recovered(&bytes) {
            check(&slack, &bytes, &found)?;
        }
    }
}

/// In slack that was not altered, recovered events state what they were decoded from.
#[test]
fn the_source_of_a_recovered_event_is_reported() {
    for style in STYLES {
        for origin in ORIGINS {
            let slack = slack(style, origin, 5);
            let found = recovered(&slack.bytes);
            // If the chunk was overwritten, the definitions or names of the old records may be
            // gone.
            let least = if matches!(origin, SlackOrigin::Cleared | SlackOrigin::LeftBehind) { 10 } else { 0 };
            assert!(found.len() >= least, "{style:?} {origin:?}: {}", found.len());
            assert!(found.iter().all(|found| slack.logged.contains(&found.event)), "{style:?} {origin:?}");
            // A record without a template needs no definition. A cleared chunk has no live records,
            // whose checksum could cover one.
            let expected = match (style, origin) {
                (_, SlackOrigin::OtherMachine) => continue,
                (Style::Forwarded, _) | (_, SlackOrigin::LeftBehind | SlackOrigin::SameMachine) => {
                    RecoveredFrom::OwnValues
                }
                (_, SlackOrigin::Cleared) => RecoveredFrom::UnverifiedDefinitions,
            };
            let rests = |found: &LocatedEvent| found.integrity == Integrity::Recovered(expected);
            assert!(found.iter().all(rests), "{style:?} {origin:?}: {:?}", found[0].integrity);
        }
    }
}

/// The template definition of a cleared chunk's events is altered, byte by byte. Every event that
/// is still recovered is marked.
#[test]
fn an_event_read_by_an_altered_definition_is_marked() {
    let slack = slack(Style::Live, SlackOrigin::Cleared, 1);
    let name: Vec<u8> = "OLD".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let place = slack.bytes.windows(name.len()).position(|bytes| bytes == name).unwrap();
    let mut bytes = slack.bytes.clone();
    bytes[place] = b'G';
    let found = recovered(&bytes);
    let altered: Vec<&LocatedEvent> =
        found.iter().filter(|found| found.event.system.computer == "GLD").collect();
    assert!(altered.len() > 20, "{}", altered.len());
    let mark = Integrity::Recovered(RecoveredFrom::UnverifiedDefinitions);
    assert!(altered.iter().all(|found| found.integrity == mark));
}
