//! Any bytes, looked through for chunks and for stale records: no panic, and nothing is counted twice.

use dnsweep::scan::{HELD_BLOCK_CHUNKS, LocatedEvent, Recovery, Scanner, Selection, blocks};

use super::evidence::log;

/// Carves a log's bytes as if they were no log, and looks for deleted records in them.
pub fn check(data: &[u8]) {
    let Some((_, bytes)) = log(data) else { return };
    let size = bytes.len() as u64;
    let mut scanner = Scanner::new(&Selection::Everything).recovering(Recovery::Stale);
    let mut in_chunks = 0;
    for block in blocks(size, HELD_BLOCK_CHUNKS) {
        let scan = scanner.carve_after(&bytes, block, size, |_| ());
        assert_eq!(scan.bytes_read, block.length(), "all can be read");
        in_chunks += scan.tally.extents.sum();
        for problem in scan.problems.iter() {
            assert!(problem.offset >= block.start, "{problem:?}");
            assert!(problem.offset.saturating_add(problem.length) <= size, "{problem:?}");
        }
        assert_eq!(scan.events.len() as u64, scan.tally.counts.dns_queries, "all are decoded");
        assert!(scan.recovered.len() as u64 <= scan.tally.recovered_records, "{:?}", scan.tally);
        let mut offsets: Vec<u64> = Vec::new();
        for LocatedEvent { location, event } in scan.events.iter().chain(&scan.recovered) {
            let chunk = location.chunk_number * 512;
            assert!((chunk + 512..chunk + 65_536).contains(&location.record_offset), "{location:?}");
            assert!(event.system.is_dns_query(), "{event:?}");
            offsets.push(location.record_offset);
        }
        offsets.sort_unstable();
        assert!(offsets.windows(2).all(|pair| pair[0] < pair[1]), "no record is both live and deleted");
    }
    assert!(in_chunks <= size, "chunks do not overlap");
    carve_log(&bytes);
}

/// The same bytes as a log: what lies in its places is found as without carving, and every byte is accounted for once.
fn carve_log(bytes: &Vec<u8>) {
    let size = bytes.len() as u64;
    let mut scanner = Scanner::new(&Selection::Everything).recovering(Recovery::Stale);
    let (mut extents, mut read) = (0, 0);
    for block in blocks(size, HELD_BLOCK_CHUNKS) {
        let plain = scanner.scan(bytes, block);
        let carved = scanner.scan_and_carve_after(bytes, block, size, |_| ());
        extents += carved.tally.extents.sum();
        read += carved.bytes_read;
        assert_eq!(carved.tally.chunks, plain.tally.chunks, "places");
        assert!(plain.events.iter().all(|event| carved.events.contains(event)), "events in their places");
        assert!(carved.tally.counts.records >= plain.tally.counts.records);
        if carved.signed_chunks == plain.signed_chunks {
            assert_eq!(carved, plain, "nothing lies off its place");
        }
    }
    assert_eq!((extents, read), (size, size), "every byte is accounted for");
}
