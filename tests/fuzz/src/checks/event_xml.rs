//! Reading any bytes as event XML in one of its encodings: no panic, and the ends of blocks make no
//! difference.

use dnsweep::internals::evidence::event_xml::{Encoding, encoding_of};
use dnsweep::internals::scan::{Block, LocatedEvent, Scanner, XmlFile};

/// The most bytes of an input. Larger inputs are skipped, because they would show nothing more.
const MOST_BYTES: usize = 1 << 16;

/// Checks an input: its first byte selects the encoding of event XML and the size of blocks; the
/// rest is the file.
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

/// Returns the events of a file of event XML that is read in blocks of `block` bytes.
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
