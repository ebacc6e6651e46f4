//! Tests that a scan that looks for process events beside DNS queries finds what two scans find of
//! which each looks for one of both, and that nothing else about its result changes.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that goes wrong fails loudly")]

mod common;

use std::collections::BTreeSet;

use common::mutation::{Change, Place, SAMPLES, Sample, apply, change, config, place};
use dnsweep::internals::evidence::event_xml::Encoding;
use dnsweep::internals::scan::{
    BLOCK_CHUNKS, Block, BlockScan, Checksums, DnsClient, LocatedEvent, Needle, ProcessLink, ProcessSearch,
    Recovery, Scanner, Selection, WantedQueries, XmlFile, blocks,
};
use dnsweep_samples::{DataValue, Event, LogWriter, Style, damage, event_xml, process_guid};
use proptest::prelude::*;
use proptest::sample::Index;

/// A way to scan a log.
#[derive(Debug, Clone, Copy)]
struct Way {
    is_exhaustive: bool,
    /// True if the queries of Windows' own DNS client are looked for, too.
    dns_client: bool,
    recovery: Recovery,
    checksums: Checksums,
}

fn way() -> impl Strategy<Value = Way> {
    let recovery = prop::sample::select(vec![Recovery::Live, Recovery::Stale]);
    let checksums = prop::sample::select(vec![Checksums::Needed, Checksums::All]);
    (prop::bool::weighted(0.2), any::<bool>(), recovery, checksums).prop_map(
        |(is_exhaustive, dns_client, recovery, checksums)| Way {
            is_exhaustive,
            dns_client,
            recovery,
            checksums,
        },
    )
}

impl Way {
    /// Returns a scanner for DNS queries and, if `processes` says so, for process events beside
    /// them.
    fn scanner(self, processes: Option<&ProcessSearch>) -> Scanner {
        let every = WantedQueries { sets: Vec::new() };
        let name = Needle { data: "QueryName".to_owned(), text: "pastebin".into() };
        let suspect = WantedQueries { sets: vec![vec![name]] };
        let selection =
            if self.is_exhaustive { Selection::Everything } else { Selection::Wanted(vec![suspect]) };
        let dns_client = if self.dns_client { DnsClient::Wanted(vec![every]) } else { DnsClient::Counted };
        let scanner = Scanner::new(&selection).with_dns_client(&dns_client);
        self.set(processes.into_iter().fold(scanner, Scanner::with_processes))
    }

    fn set(self, scanner: Scanner) -> Scanner {
        scanner.verifying(self.checksums).recovering(self.recovery)
    }
}

/// What a scan found: the process events and the GUIDs in them, and everything else.
struct Found {
    events: Vec<LocatedEvent>,
    links: BTreeSet<ProcessLink>,
    others: BlockScan,
}

fn found(mut scan: BlockScan) -> Found {
    let is_process_event = |found: &mut LocatedEvent| found.event.is_process_event();
    let mut events: Vec<LocatedEvent> = scan.events.extract_if(.., is_process_event).collect();
    events.extend(scan.recovered.extract_if(.., is_process_event));
    let of_events = events.iter().filter_map(|found| ProcessLink::of(&found.event));
    let links = scan.links.drain(..).flat_map(|of_chunk| of_chunk.links).chain(of_events).collect();
    Found { events, links, others: scan }
}

/// Scans a log in one way, with and without process events, and compares the results. Returns
/// whether process events are lacking.
fn compare(log: &Vec<u8>, block: Block, way: Way) -> bool {
    let size = log.len() as u64;
    let plain = way.scanner(None).scan(log, block, size);
    let scan = |search: &ProcessSearch| {
        let mut beside = found(way.scanner(Some(search)).scan(log, block, size));
        let lacks = std::mem::take(&mut beside.others.has_unread_processes);
        assert_eq!(beside.others, plain, "{way:?} {search:?}");
        let alone = found(way.set(Scanner::for_processes(search)).scan(log, block, size));
        (beside, lacks, alone)
    };
    let (every, lacks_events, every_alone) = scan(&ProcessSearch::Every);
    if !lacks_events {
        assert_eq!(every.events, every_alone.events, "{way:?}");
    }
    let (links, lacks_links, links_alone) = scan(&ProcessSearch::Links);
    if !lacks_links {
        // Whatever can be read of the log later is known.
        assert!(every_alone.links.is_subset(&links.links), "{way:?}");
        if way.checksums == Checksums::All {
            assert_eq!(links.links, links_alone.links, "{way:?}");
        }
    }
    lacks_events || lacks_links
}

fn compare_all(log: &Vec<u8>, way: Way) -> bool {
    let blocks = blocks(log.len() as u64, BLOCK_CHUNKS);
    blocks.fold(false, |lacks, block| compare(log, block, way) | lacks)
}

fn damaged(sample: &Sample, changes: &[(Place, Change)]) -> Vec<u8> {
    let mut bytes = sample.bytes.clone();
    for (place, change) in changes {
        apply(&mut bytes, place.of(sample), change);
    }
    bytes
}

/// Returns a log in which each event is of a kind of its own: usual, or with something odd about
/// its GUIDs.
fn odd_log(style: Style, oddities: &[u8]) -> Vec<u8> {
    let mut writer = LogWriter::new(style);
    for (number, oddity) in (1..).zip(oddities) {
        let created = Event::process_create("a.exe", "a.exe -x", "b.exe").of_process(number);
        let event = match oddity {
            0 => Event::process_terminate("a.exe").of_process(number),
            1 => created.without("ParentProcessGuid"),
            2 => created.without("ProcessGuid"),
            3 => created.with("ProcessGuid", DataValue::Text("{nonsense}".into())),
            4 => created.with("ParentProcessGuid", DataValue::Text(process_guid(9).to_string())),
            5 => Event::dns_query("pastebin.com", "a.exe").of_process(number),
            6 => created.with("CommandLine", "x".repeat(20_000).as_str()),
            _ => created,
        };
        writer.push(&event.numbered(number.into())).unwrap();
    }
    writer.finish()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn damaged_logs_give_the_same_results(
        sample in any::<Index>(),
        changes in prop::collection::vec((place(), change()), 0..4),
        way in way(),
    ) {
        compare_all(&damaged(sample.get(&SAMPLES), &changes), way);
    }

    /// Whoever forges a log makes its checksums right.
    #[test]
    fn forged_logs_give_the_same_results(
        sample in any::<Index>(),
        changes in prop::collection::vec((place(), change()), 1..4),
        way in way(),
    ) {
        let mut forged = damaged(sample.get(&SAMPLES), &changes);
        for chunk in 0..damage::chunk_count(&forged) {
            // Bytes that are no chunk any more have no checksums to repair.
            let _ = damage::repair_chunk_checksums(&mut forged, chunk);
        }
        compare_all(&forged, way);
    }

    #[test]
    fn odd_process_events_give_the_same_results(
        style in prop::sample::select(vec![Style::Live, Style::Export, Style::Forwarded]),
        oddities in prop::collection::vec(0..12_u8, 1..40),
        way in way(),
    ) {
        compare_all(&odd_log(style, &oddities), way);
    }
}

#[test]
fn usual_logs_are_read_whole_at_once() {
    let way = Way {
        is_exhaustive: false,
        dns_client: true,
        recovery: Recovery::Live,
        checksums: Checksums::Needed,
    };
    for style in [Style::Live, Style::Export, Style::Forwarded] {
        assert!(!compare_all(&odd_log(style, &[0, 5, 9, 9, 0, 9, 5]), way), "{style:?}");
    }
    assert!(compare_all(&odd_log(Style::Live, &[9, 5, 3]), way), "a GUID that is a text is odd");
}

#[test]
fn events_are_not_taken_from_a_chunk_with_a_wrong_checksum() {
    let way = Way {
        is_exhaustive: false,
        dns_client: false,
        recovery: Recovery::Live,
        checksums: Checksums::Needed,
    };
    let whole = odd_log(Style::Live, &[9, 9, 9]);
    assert!(!compare_all(&whole, way));
    // Only if the changed byte belongs to a text, nothing else shows the damage.
    let lacking = (200..600).filter(|at| {
        let mut log = whole.clone();
        damage::flip_record_byte(&mut log, 0, 1, *at).unwrap();
        compare_all(&log, way)
    });
    assert!(lacking.count() > 100);
}

#[test]
fn event_xml_is_read_whole_at_once() {
    let created = Event::process_create("a.exe", "a.exe", "b.exe").of_process(7);
    let odd = event_xml(&created).replace(">a.exe<", "><b>a.exe</b><");
    let events = [created, Event::dns_query("pastebin.com", "a.exe")].map(|event| event_xml(&event));
    let log = (events.concat() + &odd).into_bytes();
    let (size, block) = (log.len() as u64, Block { start: 0, end: log.len() as u64 });
    let scan = |mut scanner: Scanner| {
        let file = XmlFile { size, encoding: Encoding::Utf8 };
        found(scanner.xml_after(&log, block, file, |_| ()))
    };
    let plain = scan(Scanner::default());
    let beside = scan(Scanner::default().with_processes(&ProcessSearch::Every));
    assert_eq!(beside.others, plain.others, "an odd process event is no damage");
    assert_eq!(beside.events, scan(Scanner::for_processes(&ProcessSearch::Every)).events);
    assert_eq!((plain.events.len(), beside.events.len()), (0, 1));
}
