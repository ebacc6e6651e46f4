//! Property: what is recovered from slack, whatever became of its bytes, is an event that was
//! logged, or is marked.

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
    /// Where the slack begins.
    start: usize,
    logged: Vec<ReadEvent>,
}

fn live(bytes: &Vec<u8>) -> Vec<ReadEvent> {
    scan_with(&mut Scanner::default(), bytes).events.into_iter().map(|located| located.event).collect()
}

/// How slack came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// The chunk was written over from its start by the records of another machine.
    OtherMachine,
    /// By those of the same.
    SameMachine,
    /// The log was cleared: the chunk has no live record.
    Cleared,
    /// Records were left after the live ones, read by the same definitions.
    LeftBehind,
}

const WAYS: [Way; 4] = [Way::OtherMachine, Way::SameMachine, Way::Cleared, Way::LeftBehind];

/// One chunk whose slack holds what an earlier pass over it left, with `few` live queries.
fn slack(style: Style, way: Way, few: u64) -> Slack {
    let old = log(style, &events("OLD", 1..45));
    let mut logged = live(&old);
    let start = damage::chunk_offset(0);
    let written_over = |computer: &str| {
        let mut bytes = log(style, &events(computer, 500..500 + few));
        let from = start + free(&bytes);
        bytes[from..start + CHUNK_SIZE].copy_from_slice(&old[from..start + CHUNK_SIZE]);
        bytes
    };
    let mut bytes = match way {
        Way::OtherMachine => written_over("NEW"),
        Way::SameMachine => written_over("OLD"),
        Way::Cleared => {
            let mut bytes = old.clone();
            bytes[start + 48..start + 52].copy_from_slice(&512_u32.to_le_bytes());
            damage::repair_chunk_checksums(&mut bytes, 0).unwrap();
            bytes
        }
        Way::LeftBehind => {
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

/// What became of a recovered event: nothing, or its own record was altered, or what it takes to
/// read that.
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
    // No checksum is of the record itself, and a letter that became another one is still text.
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
        way in prop::sample::select(&WAYS[..]),
        few in 1..12_u64,
        changes in prop::collection::vec((any::<Index>(), change()), 0..4),
    ) {
        let slack = slack(style, way, few);
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

/// What rows of unaltered slack rest on.
#[test]
fn what_a_recovered_event_rests_on_is_said() {
    for style in STYLES {
        for way in WAYS {
            let slack = slack(style, way, 5);
            let found = recovered(&slack.bytes);
            // Written over, the definitions or names of the old records may be gone.
            let least = if matches!(way, Way::Cleared | Way::LeftBehind) { 10 } else { 0 };
            assert!(found.len() >= least, "{style:?} {way:?}: {}", found.len());
            assert!(found.iter().all(|found| slack.logged.contains(&found.event)), "{style:?} {way:?}");
            // A record without a template needs none; a cleared chunk has no live records that
            // could have a checksum.
            let expected = match (style, way) {
                (_, Way::OtherMachine) => continue,
                (Style::Forwarded, _) | (_, Way::LeftBehind | Way::SameMachine) => RecoveredFrom::OwnValues,
                (_, Way::Cleared) => RecoveredFrom::UnverifiedDefinitions,
            };
            let rests = |found: &LocatedEvent| found.integrity == Integrity::Recovered(expected);
            assert!(found.iter().all(rests), "{style:?} {way:?}: {:?}", found[0].integrity);
        }
    }
}

/// The definition of a cleared chunk's events is altered, byte by byte: whatever is made of the
/// records is marked.
#[test]
fn what_rests_on_an_altered_definition_is_marked() {
    let slack = slack(Style::Live, Way::Cleared, 1);
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
