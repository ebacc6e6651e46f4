//! Any bytes, read as event XML in one of its encodings: no panic, and how the file is cut into
//! blocks changes nothing.

use dnsweep::internals::evidence::event_xml::{Encoding, encoding_of};
use dnsweep::internals::scan::{Block, LocatedEvent, Scanner, XmlFile};

/// Larger evidence shows nothing that this does not.
const MOST_BYTES: usize = 1 << 16;

/// The first byte says in which encoding, and how small the blocks are; the rest is the file.
pub fn check(data: &[u8]) {
    let Some((byte, bytes)) = data.split_first().filter(|(_, bytes)| bytes.len() <= MOST_BYTES) else {
        return;
    };
    let encoding = match byte & 3 {
        0 | 1 => Encoding::Utf8,
        2 => Encoding::Utf16Le,
        _ => Encoding::Utf16Be,
    };
    let _ = encoding_of(bytes);
    let bytes = bytes.to_vec();
    let whole = events(&bytes, encoding, u64::MAX);
    let cut = events(&bytes, encoding, 1024 << (byte >> 6));
    assert_eq!(whole, cut, "blocks");
}

/// The events of all blocks of so many bytes.
fn events(bytes: &Vec<u8>, encoding: Encoding, block: u64) -> Vec<LocatedEvent> {
    let size = bytes.len() as u64;
    let (mut scanner, mut events) = (Scanner::default(), Vec::new());
    let (mut accounted, mut start) = (0, 0);
    while start < size {
        let block = Block { start, end: size.min(start.saturating_add(block)) };
        let scan = scanner.xml_after(bytes, block, XmlFile { size, encoding }, |_| ());
        assert_eq!(scan.bytes_read, block.length(), "all can be read");
        for problem in scan.problems.iter() {
            assert!(problem.offset >= start && problem.offset + problem.length <= size, "{problem:?}");
        }
        assert_eq!(scan.events.len() as u64, scan.tally.counts.dns_queries, "all are decoded");
        accounted += scan.tally.extents.sum();
        events.extend(scan.events);
        start = block.end;
    }
    assert_eq!(accounted, size, "each byte counts once");
    assert!(events.windows(2).all(|pair| pair[0].location < pair[1].location), "in the order of the file");
    assert!(events.iter().all(|located| located.event.system.is_dns_query()));
    events
}
