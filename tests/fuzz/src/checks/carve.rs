//! Carving any bytes for chunks and deleted records: no panic, and nothing is counted twice.

use dnsweep::internals::ledger::tally::Tally;
use dnsweep::internals::scan::{
    BLOCK_CHUNKS, HELD_BLOCK_CHUNKS, LocatedEvent, Recovery, Scanner, Selection, blocks,
};

use super::evidence::log;

/// Checks an input that encodes a log: carves its bytes as a file that is no log, with deleted
/// records, and scans them as a log.
pub fn check(data: &[u8]) {
    let Some((_, bytes)) = log(data) else { return };
    let size = bytes.len() as u64;
    let mut scanner = Scanner::new(&Selection::Everything).recovering(Recovery::Stale);
    let mut parts = 0;
    for block in blocks(size, HELD_BLOCK_CHUNKS) {
        let scan = scanner.carve_after(&bytes, block, size, |_| ());
        assert_eq!(scan.bytes_read, block.length(), "all can be read");
        parts += scan.tally.extents.sum();
        for problem in scan.problems.iter() {
            assert!(problem.offset >= block.start, "{problem:?}");
            assert!(problem.offset.saturating_add(problem.length) <= size, "{problem:?}");
        }
        assert_eq!(scan.events.len() as u64, scan.tally.counts.dns_queries, "all are decoded");
        assert!(scan.recovered.len() as u64 <= scan.tally.recovered_records, "{:?}", scan.tally);
        let mut offsets: Vec<u64> = Vec::new();
        for LocatedEvent { location, event, .. } in scan.events.iter().chain(&scan.recovered) {
            let chunk = location.chunk_number * 512;
            assert!((chunk + 512..chunk + 65_536).contains(&location.record_offset), "{location:?}");
            assert!(event.system.is_dns_query(), "{event:?}");
            offsets.push(location.record_offset);
        }
        offsets.sort_unstable();
        assert!(offsets.windows(2).all(|pair| pair[0] < pair[1]), "no record is both live and deleted");
    }
    assert_eq!(parts, size, "every byte is accounted for");
    scan_log(&bytes);
}

/// Scans the bytes as a log in one block, and as a log in blocks of one chunk each. Fails unless
/// every byte is accounted for once, and both scans find the same.
fn scan_log(bytes: &Vec<u8>) {
    let size = bytes.len() as u64;
    let scan = |chunks: u64| {
        let mut scanner = Scanner::new(&Selection::Everything).recovering(Recovery::Stale);
        let mut found = (Vec::new(), Vec::new(), Tally::default(), Vec::new(), 0);
        for block in blocks(size, chunks) {
            let scan = scanner.scan(bytes, block, size);
            found.0.extend(scan.events);
            found.1.extend(scan.recovered);
            found.2.merge(scan.tally);
            found.3.extend(scan.problems.iter());
            found.4 += scan.bytes_read;
        }
        found
    };
    let found = scan(BLOCK_CHUNKS);
    assert_eq!((found.2.extents.sum(), found.4), (size, size), "every byte is accounted for");
    assert!(found == scan(1), "a block's end makes no difference");
}
