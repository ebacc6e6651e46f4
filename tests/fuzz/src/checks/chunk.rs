//! Scanning any bytes and making rows of tables: no panic, and no result that is not in the bytes.

use std::sync::{Arc, LazyLock};

use dnsweep::internals::detect::{Detection, StatsTable};
use dnsweep::internals::event::{QueriedName, QueryResults, Window};
use dnsweep::internals::ledger::damage::Damage;
use dnsweep::internals::ledger::tally::RecordCounts;
use dnsweep::internals::output::Table;
use dnsweep::internals::report::{
    DetectionLabel, Hosts, MatchContext, MatchRow, MatchedEvent, Occurrence, event_hash,
};
use dnsweep::internals::scan::{
    BLOCK_CHUNKS, BlockScan, CHUNK_SIZE, FILE_HEADER_SIZE, LocatedEvent, Scanner, Selection, blocks,
};

use super::evidence::log;

/// The size in bytes of the smallest record: its header and the copy of its size.
const LEAST_RECORD: u64 = 28;

static SEED: LazyLock<Detection> = LazyLock::new(|| Detection::seed().unwrap());
/// A number of rows large enough that they are converted to columns before they are written.
const MANY_ROWS: usize = 1000;
static LABEL: LazyLock<Arc<DetectionLabel>> =
    LazyLock::new(|| Arc::new(DetectionLabel { id: SEED.id.clone(), name: SEED.name.clone() }));
static TABLE: LazyLock<Table> = LazyLock::new(|| Table::of(MatchRow::COLUMNS));

/// Checks an input that encodes a log: scans the log, decodes all of it, and makes rows of its
/// matches.
pub fn check(data: &[u8]) {
    let Some((_, log)) = log(data) else { return };
    let mut scanner = Scanner::new(&Selection::Everything);
    let size = log.len() as u64;
    for block in blocks(size, BLOCK_CHUNKS) {
        let scan = scanner.scan(&log, block, size);
        let chunks_start = block.start.max(FILE_HEADER_SIZE).min(block.end);
        assert_eq!(scan.bytes_read, block.length(), "all can be read");
        assert_eq!(scan.tally.chunks, (block.end - chunks_start).div_ceil(CHUNK_SIZE), "places of chunks");
        // The last of the misaligned chunks that begin in the block may reach into the next block.
        let is_in_order =
            scan.problems.iter().all(|problem| !matches!(problem.damage, Damage::ChunkMisaligned));
        let end = if is_in_order { block.end } else { size.min(block.end + CHUNK_SIZE) };
        let start = if is_in_order { chunks_start } else { block.start };
        counts_are_consistent(&scan, end - start);
        for problem in scan.problems.iter() {
            assert!(problem.offset >= block.start, "{problem:?}");
            assert!(problem.offset.saturating_add(problem.length) <= end, "{problem:?}");
            let _ = problem.damage.to_string();
        }
        let offsets: Vec<u64> = scan.events.iter().map(|found| found.location.record_offset).collect();
        assert!(offsets.is_sorted(), "in the order of the file");
        for LocatedEvent { location, event, .. } in &scan.events {
            let place = FILE_HEADER_SIZE + location.chunk_number * CHUNK_SIZE;
            let record = location.record_offset..location.record_offset + LEAST_RECORD;
            if is_in_order {
                assert!(record.start >= place + 512 && record.end <= place + CHUNK_SIZE, "{location:?}");
            } else {
                // The chunk begins in this place. The first place may be the header's, too.
                let from = if location.chunk_number == 0 { 0 } else { place };
                assert!(record.start >= from + 512 && record.end < place + 2 * CHUNK_SIZE, "{location:?}");
            }
            assert!(record.end <= end, "{location:?}");
            assert!(event.system.is_dns_query(), "{event:?}");
        }
        make_rows(&scan.events);
    }
}

fn counts_are_consistent(scan: &BlockScan, bytes: u64) {
    let tally = &scan.tally;
    let counts = &tally.counts;
    assert!(counts.records + tally.damaged_records <= bytes / LEAST_RECORD, "{tally:?}");
    assert!(
        counts.dns_queries <= counts.sysmon_records && counts.sysmon_records <= counts.records,
        "{tally:?}"
    );
    assert_eq!(scan.events.len() as u64, counts.dns_queries, "all are decoded");
    assert!(tally.refound_records <= counts.records, "{tally:?}");
    assert!(scan.signed_chunks <= bytes.div_ceil(8), "as many as there can be signatures: {tally:?}");
    assert!(tally.empty_chunks <= tally.chunks && tally.damaged_chunks <= tally.chunks, "{tally:?}");
    let mut sum = RecordCounts::default();
    for counts in tally.computers.values() {
        sum.merge(*counts);
    }
    assert_eq!(sum, tally.counts, "the computers' counts make up all");
}

/// Makes the rows that a sweep would write.
fn make_rows(events: &[LocatedEvent]) {
    // If many rows are expected, columns are made at once.
    let (mut rows, mut hosts) = (TABLE.rows(MANY_ROWS), Hosts::default());
    let mut stats = SEED.search.stats.as_ref().map(StatsTable::new);
    for LocatedEvent { location, integrity, event } in events {
        // A row is made of every query, so that no match is needed to test it.
        let hits = SEED.search.predicate.hits(event);
        let row = MatchRow {
            chunk_number: location.chunk_number,
            record_offset: location.record_offset,
            integrity: *integrity,
            event_hash: event_hash(event),
            occurrence: Occurrence::First,
            name: QueriedName::new(event.query_name().unwrap_or_default()),
            results: QueryResults::parse(event.query_results().unwrap_or_default()),
            matched_query: &hits.matched_query,
            matched_query_on_label: &hits.matched_query_on_label,
            matched_process: &hits.matched_process,
            matched_answer: &hits.matched_answer,
            risk_score: Some(64),
            risk_message: SEED.risk_message(event),
            event,
            context: MatchContext::default(),
        };
        rows.extend(MatchRow::COLUMNS, [row].into_iter()).unwrap();
        hosts.add_match(&MatchedEvent {
            event,
            occurrence: Occurrence::First,
            integrity: *integrity,
            detections: vec![&LABEL],
            risk_score: None,
        });
        if let Some(stats) = &mut stats {
            stats.add(event);
        }
    }
    assert_eq!(rows.len(), events.len());
    let matches: u64 = hosts.into_rows(&Window::default()).iter().map(|(_, host)| host.matches).sum();
    assert_eq!(matches, events.len() as u64, "each match belongs to one host");
    if let Some(stats) = stats {
        assert!(stats.into_rows().count() <= events.len());
    }
}
